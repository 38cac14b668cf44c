//! Chinese names by sound: surnames first, since they are read differently (PEOPLE.md §4).

use pinyin::{ToPinyin, ToPinyinMulti};

/// Surnames of two characters whose readings the dictionary misses.
const DOUBLE: [(&str, [&str; 2]); 6] = [
    ("尉迟", ["yu", "chi"]),
    ("尉遲", ["yu", "chi"]),
    ("万俟", ["mo", "qi"]),
    ("单于", ["chan", "yu"]),
    ("长孙", ["zhang", "sun"]),
    ("澹台", ["tan", "tai"]),
];

/// Surnames whose reading is not the character's commonest one, and some that dictionaries get wrong.
const SINGLE: [(char, &str); 46] = [
    ('沈', "shen"),
    ('单', "shan"),
    ('單', "shan"),
    ('曾', "zeng"),
    ('仇', "qiu"),
    ('解', "xie"),
    ('区', "ou"),
    ('區', "ou"),
    ('查', "zha"),
    ('任', "ren"),
    ('盖', "ge"),
    ('蓋', "ge"),
    ('翟', "zhai"),
    ('朴', "piao"),
    ('冼', "xian"),
    ('洗', "xian"),
    ('葛', "ge"),
    ('乐', "yue"),
    ('樂', "yue"),
    ('缪', "miao"),
    ('繆', "miao"),
    ('繁', "po"),
    ('秘', "bi"),
    ('折', "she"),
    ('员', "yun"),
    ('員', "yun"),
    ('黑', "he"),
    ('种', "chong"),
    ('纪', "ji"),
    ('召', "shao"),
    ('么', "yao"),
    ('覃', "qin"),
    ('祭', "zhai"),
    ('华', "hua"),
    ('華', "hua"),
    ('宁', "ning"),
    ('车', "che"),
    ('谌', "chen"),
    ('贾', "jia"),
    ('賈', "jia"),
    ('隗', "wei"),
    ('石', "shi"),
    ('柏', "bai"),
    ('那', "na"),
    ('句', "gou"),
    ('能', "nai"),
];

/// What people put before a surname: 老王, 小李, 阿曾.
const FAMILIAR: [char; 4] = ['老', '小', '阿', '大'];

/// The reading of the character at `at` as a surname, if it stands where a surname stands.
fn surname(name: &[char], at: usize) -> Option<&'static str> {
    let start = match name {
        [first, _] if FAMILIAR.contains(first) => 1,
        _ => 0,
    };
    let pair: String = name.iter().take(2).collect();
    if let Some((_, readings)) = DOUBLE.iter().find(|(double, _)| *double == pair) {
        return readings.get(at).copied();
    }
    let own = *name.get(at).filter(|_| at == start)?;
    SINGLE
        .iter()
        .find(|(c, _)| *c == own)
        .map(|(_, reading)| *reading)
}

/// The one reading of the character at `at` of a name, without tone, for sorting; `None` if it is not Han or too rare.
pub(crate) fn reading(name: &[char], at: usize) -> Option<&'static str> {
    surname(name, at).or_else(|| name.get(at)?.to_pinyin().map(|p| p.plain()))
}

/// Every reading, for searching; empty if it is not Han or too rare.
pub(crate) fn readings(name: &[char], at: usize) -> Vec<&'static str> {
    let multi = name.get(at).and_then(|c| c.to_pinyin_multi());
    surname(name, at)
        .into_iter()
        .chain(multi.into_iter().flatten().map(|p| p.plain()))
        .collect()
}

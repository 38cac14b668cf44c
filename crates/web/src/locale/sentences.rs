//! What other rooms say in English sentences, in the page's language: locales/sentences.txt has them in pairs. A
//! sentence that does not stand there stays as it is: an English reason is better than none.

use std::cmp::Reverse;
use std::sync::LazyLock;

static PAIRS: LazyLock<Vec<Pair>> =
    LazyLock::new(|| read(include_str!("../../../../locales/sentences.txt")));

struct Pair {
    /// What stands between the gaps.
    english: Vec<&'static str>,
    other: &'static str,
}

/// Pairs of lines; those that say most come first.
fn read(text: &'static str) -> Vec<Pair> {
    let lines = text
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    let lines: Vec<_> = lines.collect();
    let pair = |pair: &[&'static str]| match pair {
        [english, other] => Some(Pair {
            english: english.split("{}").collect(),
            other,
        }),
        _ => None,
    };
    let mut pairs: Vec<_> = lines.chunks(2).filter_map(pair).collect();
    pairs.sort_by_key(|pair| Reverse(pair.english.iter().map(|part| part.len()).sum::<usize>()));
    pairs
}

/// The same in the other language, as far as it is known.
pub(super) fn translated(english: &str) -> String {
    if let Some(all) = one(english) {
        return all;
    }
    // Several sentences in a row: what happened, and what to do.
    for (end, _) in english.rmatch_indices(". ") {
        let (first, rest) = english.split_at(end + 1);
        if let Some(first) = one(first) {
            return first + &translated(rest.trim_start());
        }
    }
    english.to_owned()
}

/// One sentence, or a phrase within one.
fn one(english: &str) -> Option<String> {
    let found = |pair: &'static Pair| Some((pair, gaps(&pair.english, english)?));
    let (pair, gaps) = PAIRS.iter().find_map(found)?;
    let gaps: Vec<String> = gaps.into_iter().map(translated).collect();
    let mut parts = pair.other.split('{');
    let mut text = parts.next()?.to_owned();
    for (n, part) in parts.enumerate() {
        let (place, after) = part.split_once('}')?;
        // Named by its number, or in its turn.
        let place = place.parse().unwrap_or(n + 1);
        text += gaps.get(place.checked_sub(1)?)?;
        text += after;
    }
    Some(text)
}

/// What fills the gaps between `parts`, if `text` is made of them. What begins a sentence is one word, and only what ends
/// it may be several sentences.
fn gaps<'a>(parts: &[&str], text: &'a str) -> Option<Vec<&'a str>> {
    let (first, parts) = parts.split_first()?;
    let mut rest = text.strip_prefix(first)?;
    let mut gaps = Vec::with_capacity(parts.len());
    for (n, part) in parts.iter().enumerate() {
        let last = n + 1 == parts.len();
        let end = match last {
            true => rest.strip_suffix(part)?.len(),
            false => rest.find(part)?,
        };
        let (gap, after) = rest.split_at(end);
        let word = first.is_empty() && n == 0;
        let open = last && part.is_empty();
        if gap.is_empty() || word && gap.contains(' ') || !open && gap.contains(". ") {
            return None;
        }
        gaps.push(gap);
        rest = after.get(part.len()..)?;
    }
    rest.is_empty().then_some(gaps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use delivery::Class;
    use delivery::breaker::{Breaker, Rules, Sign};
    use std::path::Path;
    use wire::smpp::status;

    #[test]
    fn sentences_are_told_in_chinese() {
        for (english, chinese) in [
            ("Bound.", "已连接。"),
            // A gateway's own words may look like anything.
            (
                "The gateway did not take it: {2} {}.",
                "网关没有接收:{2} {}。",
            ),
            (
                "The gateway did not take it: 0x08 system error.",
                "网关没有接收:0x08 系统错误。",
            ),
            (
                "The gateway refuses the bind: 0x0E wrong password. Check the gateway's name and password.",
                "网关拒绝连接:0x0E 密码错误。请检查网关的用户名和密码。",
            ),
            (
                "The circuit is open: 7 of the last 10 messages failed; one message tries again after 30 s.",
                "断路器已断开:最近 10 条短信中有 7 条失败;30 秒后用一条短信重试。",
            ),
            (
                "The gateway refuses the message as it is made: no gateway takes numbers that begin with +86: give one the prefix, or none at all.",
                "网关拒绝这样构造的短信:没有网关接收以 +86 开头的号码:请给一个网关配置这个前缀,或让一个网关不限前缀。",
            ),
            (
                "The gateway refuses the message as it is made: the node that holds the only bind has another master key: give all nodes the same.",
                "网关拒绝这样构造的短信:持有唯一连接的节点使用另一个主密钥:请让所有节点使用同一个主密钥。",
            ),
            ("bind 0x0E wrong password", "登录:0x0E 密码错误"),
            (
                "Node 00ab holds the only bind, and cannot use it: 127.0.0.1:2775 does not answer.",
                "节点 00ab 持有唯一的连接,但无法使用:127.0.0.1:2775 没有应答。",
            ),
            (
                "Nothing has been proven for 48 hours: the terminal may be off or away. Kith keeps trying, and the newest state goes there when it is back.",
                "已有 48 小时 没有任何内容得到证实:手机可能已关机或不在服务区。Kith 会继续尝试,手机恢复后最新内容就会送达。",
            ),
            (
                "The card stopped packet 2 at command 3 with 6A83. Check the card profile (files, record length, SFI).",
                "卡在第 2 个包的第 3 条命令处停止,状态字 6A83。请检查卡配置(文件、记录长度、SFI)。",
            ),
        ] {
            assert_eq!(translated(english), chinese);
        }
    }

    #[test]
    fn what_is_not_known_stays() {
        for english in ["", "Mei", "A vendor's own words. And more.", "what is ok"] {
            assert_eq!(translated(english), english);
        }
    }

    #[test]
    fn everything_that_delivery_and_gateways_say_by_kind_is_known() {
        for class in Class::ALL {
            if let Some(ask) = class.row().ask {
                assert_ne!(translated(ask.act), ask.act);
            }
        }
        for code in 0..0x500 {
            let words = status::words(code);
            assert_ne!(translated(&words), words);
        }
        for rsc in wire::ota::Rsc::ALL {
            assert_ne!(translated(rsc.words()), rsc.words());
        }
    }

    #[test]
    fn every_reason_of_an_open_circuit_is_known() {
        let told = |said: &str| {
            let told = translated(said);
            let english = told.contains(|c: char| c.is_ascii_alphabetic());
            assert!(!said.is_empty() && !english, "“{said}”: “{told}”");
        };
        for in_a_row in [true, false] {
            let mut breaker = Breaker::new(Rules::SERVE, 0);
            let well = |n| !in_a_row && n % 2 == 0;
            let signs = (0..99).map(|n| if well(n) { Sign::Well } else { Sign::Ill });
            assert!(signs.into_iter().any(|sign| breaker.answered(sign, 0.0, 0)));
            told(breaker.sentence());
            let late = i64::MAX / 2;
            assert!(breaker.tick(late));
            told(breaker.sentence());
            breaker.handed();
            assert!(breaker.answered(Sign::Ill, 0.0, late));
            told(breaker.sentence());
        }
    }

    /// What a gateway's and a network's rows say is in the source of their room: every sentence, and whatever is counted.
    #[test]
    fn every_sentence_of_gateways_and_networks_is_known() {
        let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("../comms/src");
        let mut known = 0;
        for name in ["gateways", "line", "table", "router"] {
            let mut source = std::fs::read_to_string(room.join(format!("{name}.rs"))).unwrap();
            let folder = room.join(name);
            if folder.is_dir() {
                add(&folder, &mut source);
            }
            let lines = source.lines().filter(|line| !line.trim().starts_with("//"));
            let source = lines.collect::<Vec<_>>().join("\n");
            let parts: Vec<_> = source.split('"').collect();
            for code_and_text in parts.chunks_exact(2) {
                let [code, text] = code_and_text else {
                    continue;
                };
                let begins = text.starts_with(|c: char| c.is_ascii_uppercase() || c == '{');
                let sentence = begins && text.contains(' ') && text.ends_with('.');
                if sentence || code.ends_with("count(") {
                    assert_ne!(translated(text), *text);
                    known += 1;
                }
            }
        }
        assert!(known > 30, "{known}: looked at the source");
    }

    /// A sentence that is changed in its room is changed here too.
    #[test]
    fn every_sentence_stands_in_the_source() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut source = String::new();
        for name in ["delivery", "comms", "control", "terminals", "wire"] {
            add(&crates.join(name).join("src"), &mut source);
        }
        for pair in PAIRS.iter() {
            for part in pair.english.iter().map(|part| part.trim()) {
                let words = part.len() > 3;
                assert!(!words || source.contains(part), "“{part}” is said nowhere");
            }
            let gaps = pair.english.len() - 1;
            let filled = pair.other.matches('{').count();
            assert_eq!(gaps, filled, "{}", pair.other);
        }
    }

    /// What ships of a folder.
    fn add(folder: &Path, source: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, source);
            } else if !path.ends_with("tests.rs") {
                source.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
}

//! Telephone numbers as people write them (CASES.md B and neighbours; SCREENS.md §5, §6).
#![allow(clippy::unwrap_used)]

use book::*;

/// One word for what was understood: the normal form (or `=` and what is kept), post-dial, kind, doubt.
fn say(typed: &str, region: &str) -> String {
    let reading = |r: &Reading| {
        let main = r.normal.clone().unwrap_or_else(|| format!("={}", r.typed));
        let post = r
            .post_dial
            .clone()
            .map(|p| format!(" {p}"))
            .unwrap_or_default();
        let doubt = r.doubt.map(|d| format!(" {d:?}")).unwrap_or_default();
        format!("{main}{post} {:?}{doubt}", r.kind)
    };
    match understand(typed, region) {
        Ok(Understood::Clear(r)) => reading(&r),
        Ok(Understood::TwoReadings { a, b }) => format!("{} | {}", reading(&a), reading(&b)),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(rows: &[(&str, &str, &str)]) {
    for (region, typed, expected) in rows {
        assert_eq!(say(typed, region), *expected, "{typed} in {region}");
    }
}

/// The number as a book keeps it.
fn number(typed: &str, region: &str) -> Number {
    let draft = FriendDraft {
        numbers: vec![NumberDraft {
            number: typed.into(),
            ..Default::default()
        }],
        ..FriendDraft::new("Jo", typed)
    };
    let outcome = apply(
        &Book::new(SubscriberId(1)),
        &Edit::AddFriend(draft),
        &Rules::new(region),
    )
    .unwrap();
    outcome.book.friends[&FriendNo(1)].numbers[0].clone()
}

#[test]
fn c20_an_extension_of_eight_digits_is_post_dial() {
    check(&[(
        "GB",
        "+390600000012,12345678",
        "+390600000012 p12345678 Fixed",
    )]);
    assert_eq!(
        number("+390600000012,12345678", "GB").dial(DialForm::International, "GB"),
        "+390600000012p12345678"
    );
}

#[test]
fn c22_a_code_before_a_plus_is_kept_whole() {
    check(&[("GB", "*31#+447700900308", "=*31#+447700900308 Service")]);
    assert_eq!(
        number("*31#+447700900308", "GB").dial(DialForm::International, "GB"),
        "*31#+447700900308"
    );
}

#[test]
fn c24_argentina_fifteen_and_nine() {
    check(&[
        ("AR", "011 15 0000-0012", "+5491100000012 Mobile"),
        ("AR", "+54 9 11 0000 0012", "+5491100000012 Mobile"),
        ("AR", "+54 11 0000 0012", "+541100000012 Fixed"),
    ]);
    let rules = Rules::new("AR");
    let edit = Edit::AddFriend(FriendDraft::new("Jo", "011 15 0000-0012"));
    let book = apply(&Book::new(SubscriberId(1)), &edit, &rules)
        .unwrap()
        .book;
    assert_eq!(
        book.friends[&FriendNo(1)].numbers[0].typed,
        "011 15 0000-0012"
    );
    let hint =
        |number: &str| warnings(&book, None, &FriendDraft::new("Ann", number), &rules)[0].key();
    assert_eq!(hint("+54 9 11 0000 0012"), "same-number");
    assert_eq!(hint("+54 11 0000 0012"), "perhaps-same-number");
}

#[test]
fn c26_a_new_chinese_range_is_never_another_country() {
    check(&[("CN", "19900000000", "+8619900000000 Mobile")]);
}

#[test]
fn c28_native_digits() {
    check(&[
        ("GB", "+٤٤٧٧٠٠٩٠٠٣١٠", "+447700900310 Mobile"),
        (
            "GB",
            "＋４４　７７００　９００３１１",
            "+447700900311 Mobile",
        ),
        ("GB", "۰۷۷۰۰۹۰۰۳۱۲", "+447700900312 Mobile"),
    ]);
    assert_eq!(
        number("＋４４　７７００　９００３１１", "GB").typed,
        "+44 7700 900311"
    );
}

#[test]
fn c30_a_country_code_without_plus_is_asked() {
    check(&[
        (
            "IT",
            "390600000012",
            "+39390600000012 Unknown | +390600000012 Fixed",
        ),
        (
            "DE",
            "4907700900313",
            "+494907700900313 Unknown | +497700900313 Fixed",
        ),
    ]);
    let refused = apply(
        &Book::new(SubscriberId(1)),
        &Edit::AddFriend(FriendDraft::new("Jo", "4907700900313")),
        &Rules::new("DE"),
    );
    let refusal = refused.unwrap_err();
    assert_eq!(
        (refusal.class(), refusal.field().as_deref()),
        (Class::Ambiguous, Some("numbers[0].number"))
    );
    let (a, b) = refusal.readings().unwrap();
    assert_eq!(
        say(&b.typed, "DE"),
        "+497700900313 Fixed",
        "a chosen reading is clear"
    );
    assert_eq!(say(&a.typed, "DE"), "=+494907700900313 Unknown");
}

#[test]
fn national_and_international() {
    check(&[
        ("GB", "07700 900123", "+447700900123 Mobile"),
        ("GB", "+44 7700 900123", "+447700900123 Mobile"),
        ("GB", "0044 7700 900123", "+447700900123 Mobile"),
        ("GB", "447700900123", "+447700900123 Mobile"),
        ("GB", "(020) 7946-0123", "+442079460123 Fixed"),
        ("GB", "020.7946.0123", "+442079460123 Fixed"),
        ("GB", "01632/960123", "+441632960123 Fixed"),
        ("CN", "139 0000 1234", "+8613900001234 Mobile"),
        ("CN", "8613900001234", "+8613900001234 Mobile"),
        ("CN", "0044 7700 900123", "+447700900123 Mobile"),
        ("US", "(212) 555-0123", "+12125550123 FixedOrMobile"),
        ("US", "1 212 555 0123", "+12125550123 FixedOrMobile"),
        ("US", "011 44 7700 900123", "+447700900123 Mobile"),
        ("US", "0044 7700 900123", "+447700900123 Mobile"),
        (
            "GB",
            "\u{202a}+44 7700 900123\u{202c}",
            "+447700900123 Mobile",
        ),
        ("GB", "0800 123 456", "+44800123456 Free"),
        ("MX", "044 55 1234 5678", "+525512345678 FixedOrMobile"),
        ("GB", "+52 1 55 1234 5678", "+525512345678 FixedOrMobile"),
        ("IT", "06 0000 0012", "+390600000012 Fixed"),
    ]);
}

#[test]
fn a_zero_after_the_country_code_is_asked() {
    check(&[
        (
            "GB",
            "+44 (0)20 7946 0123",
            "+442079460123 Fixed | =+4402079460123 Unknown",
        ),
        (
            "CN",
            "+44 (0)7700 900123",
            "+447700900123 Mobile | =+4407700900123 Unknown",
        ),
        ("GB", "+39 06 0000 0012", "+390600000012 Fixed"),
        ("GB", "+39 (0)6 0000 0012", "+390600000012 Fixed"),
    ]);
}

#[test]
fn short_codes_and_codes_are_kept() {
    check(&[
        ("GB", "112", "=112 Service"),
        ("GB", "999", "=999 Service"),
        ("CN", "10086", "=10086 Service"),
        ("CN", "95588", "=95588 Service"),
        ("CN", "110", "=110 Service"),
        ("CN", "12345", "=12345 Service"),
        ("GB", "*100#", "=*100# Service"),
        ("GB", "*155*181#", "=*155*181# Service"),
        ("GB", "＊１００＃", "=*100# Service"),
    ]);
}

#[test]
fn extensions_and_pauses() {
    check(&[
        ("CN", "010 6552 9988 转 102", "+861065529988 w102 Fixed"),
        ("CN", "010-65529988分机102", "+861065529988 w102 Fixed"),
        ("GB", "020 7946 0123 ext. 102", "+442079460123 w102 Fixed"),
        ("GB", "020 7946 0123 x102", "+442079460123 w102 Fixed"),
        (
            "GB",
            "tel:+44-7700-900305;ext=102",
            "+447700900305 w102 Mobile",
        ),
        ("GB", "07700 900123,,5", "+447700900123 pp5 Mobile"),
        ("GB", "07700900123;5#", "+447700900123 w5# Mobile"),
        ("GB", "07700900123p5w6", "+447700900123 p5w6 Mobile"),
        ("GB", "07700900123,", "+447700900123 Mobile"),
    ]);
}

#[test]
fn doubts_and_errors_are_sentences() {
    check(&[
        ("GB", "0770 090", "=0770 090 Unknown TooShort"),
        ("GB", "07700 9001234", "=07700 9001234 Unknown TooLong"),
        ("CN", "1390000123", "=1390000123 Unknown TooShort"),
        ("US", "555 0123", "=555 0123 Unknown TooShort"),
        (
            "GB",
            "07700 900123 07700 900124",
            "=07700 900123 07700 900124 Unknown TooLong",
        ),
        ("GB", "", "Write the number"),
        ("GB", "+", "Write the number"),
        (
            "GB",
            "O7700 900123",
            "A number has digits, and may have + * #. “O” in “O7700 900123” is not one of them; “O” may be zero",
        ),
        (
            "GB",
            "0800 FLOWERS",
            "A number has digits, and may have + * #. “F” in “0800 FLOWERS” is not one of them",
        ),
        (
            "GB",
            "07700+900123",
            "A number has digits, and may have + * #, with + only in front. “+” in “07700+900123” cannot stand there",
        ),
        (
            "GB",
            "07700 900123 & 5",
            "A number has digits, and may have + * #, with + only in front. “&” in “07700 900123 & 5” cannot stand there",
        ),
    ]);
}

#[test]
fn a_doubt_can_be_overruled() {
    let book = Book::new(SubscriberId(1));
    let mut draft = FriendDraft::new("Jo", "0770 090");
    let refusal = apply(&book, &Edit::AddFriend(draft.clone()), &Rules::new("GB")).unwrap_err();
    assert_eq!(refusal.key(), "number-too-short");
    draft.numbers[0].keep = true;
    let kept = apply(&book, &Edit::AddFriend(draft), &Rules::new("GB"))
        .unwrap()
        .book;
    assert_eq!(
        kept.friends[&FriendNo(1)].numbers[0].dial(DialForm::International, "GB"),
        "0770090"
    );
}

#[test]
fn dialled_as_the_terminal_wants() {
    let rows = [
        (
            "GB",
            "07700 900123",
            "+447700900123",
            "07700900123",
            "07700900123",
        ),
        (
            "GB",
            "+86 139 0000 1234",
            "+8613900001234",
            "+8613900001234",
            "+8613900001234",
        ),
        (
            "CN",
            "+86 139 0000 1234",
            "+8613900001234",
            "13900001234",
            "+8613900001234",
        ),
        (
            "GB",
            "020 7946 0123 ext 5",
            "+442079460123p5",
            "02079460123p5",
            "02079460123p5",
        ),
        ("GB", "*100#", "*100#", "*100#", "*100#"),
        ("CN", "10086", "10086", "10086", "10086"),
    ];
    for (region, typed, international, national, as_typed) in rows {
        let n = number(typed, region);
        let dial = |form| n.dial(form, region);
        assert_eq!(
            (
                dial(DialForm::International),
                dial(DialForm::National),
                dial(DialForm::AsTyped)
            ),
            (international.into(), national.into(), as_typed.into())
        );
    }
}

#[test]
fn grouped_for_the_eye_and_the_ear() {
    let rows = [
        (
            "GB",
            "07700900123",
            Language::En,
            "07700 900123",
            "oh double-seven, double-oh, nine double-oh, one two three",
        ),
        (
            "CN",
            "13900001234",
            Language::ZhHans,
            "139 0000 1234",
            "幺三九，零零零零，幺二三四",
        ),
        (
            "GB",
            "+8613900001234",
            Language::En,
            "+86 139 0000 1234",
            "plus eight six, one three nine, double-oh double-oh, one two three four",
        ),
        (
            "GB",
            "*100#",
            Language::En,
            "*100#",
            "star one double-oh hash",
        ),
        ("GB", "112", Language::En, "112", "double-one two"),
        (
            "GB",
            "02079460123,9",
            Language::En,
            "020 7946 0123 ,9",
            "oh two oh, seven nine four six, oh one two three, then nine",
        ),
    ];
    for (region, typed, language, eye, ear) in rows {
        let n = number(typed, region);
        let comma = if language == Language::En {
            ", "
        } else {
            "，"
        };
        assert_eq!(
            (
                spaced(&n, region).as_str(),
                spoken(&n, region, language).join(comma).as_str()
            ),
            (eye, ear)
        );
    }
}

#[test]
fn region_of_a_msisdn() {
    for (number, region) in [
        ("+447700900123", Some("GB")),
        ("+8613900001234", Some("CN")),
        ("+12125550123", Some("US")),
        ("+999", None),
        ("07700900123", None),
    ] {
        assert_eq!(region_of(number).as_deref(), region, "{number}");
    }
}

//! Texts of a call (SCREENS.md §3): the code before, what was changed after. One part each.

use book::{Change, Friend, FriendNo, Language};
use std::collections::BTreeMap;
use wire::sms::gsm7;

/// What one short message takes without a header: septets, or UCS-2 characters (TS 23.040 §9.2.3.16).
const SEPTETS: usize = 160;
const UCS2: usize = 70;

/// The text with a desk code.
pub(crate) fn desk_code(
    language: Language,
    keyed: bool,
    brand: &str,
    service: &str,
    digits: &str,
) -> String {
    let (a, b) = digits.split_at_checked(3).unwrap_or((digits, ""));
    match (language, keyed) {
        (Language::En, true) => format!(
            "{a} {b}: key this on your phone during the call YOU made to {service}. Never say it aloud. Someone called you? Hang up."
        ),
        (Language::En, false) => format!(
            "Did YOU call us on {service} about your phone book? Then this code is for that call: {a} {b}. If someone called you, hang up and tell them nothing."
        ),
        (Language::ZhHans, true) => format!(
            "【{brand}】请在您拨打{service}的通话中用手机按键输入{digits}。不要念出来。若是别人打来，请挂断。"
        ),
        (Language::ZhHans, false) => format!(
            "您是否刚拨打了{service}修改电话簿？如是，本次通话验证码：{digits}。若是别人打给您，请挂断，什么都别说。【{brand}】"
        ),
    }
}

/// What one call did to one friend, in all.
enum Net<'a> {
    Added(&'a Friend),
    Changed(&'a Friend),
    Removed(&'a Friend),
}

/// The text after a call with these changes, oldest first; none when nothing differs in the end.
pub(crate) fn text(
    language: Language,
    brand: &str,
    service: &str,
    changes: &[Change],
) -> Option<String> {
    let (nets, groups) = net(changes);
    let [added, changed, removed] = count(&nets);
    if added + changed + removed == 0 && !groups {
        return None;
    }
    let joined = |parts: Vec<String>, english: &str| match language {
        Language::En => parts.join(english),
        Language::ZhHans => parts.join("，"),
    };
    if nets.len() <= 2 && !groups {
        let list = joined(
            nets.iter().map(|net| said(language, net)).collect(),
            " and ",
        );
        let text = match language {
            Language::En => {
                format!("{brand}: on your call today we {list}. Not you? Call {service}.")
            }
            Language::ZhHans => {
                format!("【{brand}】今天通话中：{list}。不是您办的？请拨{service}。")
            }
        };
        if fits(&text) {
            return Some(text);
        }
    }
    // Names that one message does not hold are counted, and so are three and more (DECISIONS.md).
    let counts = [
        ("added", "新增", added),
        ("changed", "修改", changed),
        ("removed", "删除", removed),
    ];
    let some = counts.into_iter().filter(|(_, _, n)| *n > 0);
    let mut parts: Vec<String> = some
        .map(|(english, chinese, n)| match language {
            Language::En => format!("{n} {english}"),
            Language::ZhHans => format!("{chinese}{n}位"),
        })
        .collect();
    if groups {
        parts.push(match language {
            Language::En => "groups changed".into(),
            Language::ZhHans => "修改分组".into(),
        });
    }
    let list = joined(parts, ", ");
    Some(match language {
        Language::En => format!("{brand}: on your call today: {list}. Not you? Call {service}."),
        Language::ZhHans => format!("【{brand}】今天通话中：{list}。不是您办的？请拨{service}。"),
    })
}

fn said(language: Language, net: &Net) -> String {
    let (word, friend) = match (language, net) {
        (Language::En, Net::Added(friend)) => ("added", friend),
        (Language::En, Net::Changed(friend)) => ("changed", friend),
        (Language::En, Net::Removed(friend)) => ("removed", friend),
        (Language::ZhHans, Net::Added(friend)) => ("新增", friend),
        (Language::ZhHans, Net::Changed(friend)) => ("修改", friend),
        (Language::ZhHans, Net::Removed(friend)) => ("删除", friend),
    };
    let digits: Vec<char> = friend
        .numbers
        .first()
        .map(|number| number.main().chars().filter(char::is_ascii_digit).collect())
        .unwrap_or_default();
    let tail: String = digits.iter().skip(digits.len().saturating_sub(4)).collect();
    match language {
        _ if tail.is_empty() => format!("{word} {}", friend.name),
        Language::En => format!("{word} {} (...{tail})", friend.name),
        Language::ZhHans => format!("{word} {}(尾号{tail})", friend.name),
    }
}

/// What stands at the end against what stood at the beginning, and whether groups changed.
fn net(changes: &[Change]) -> (Vec<Net<'_>>, bool) {
    let mut ends: BTreeMap<FriendNo, (Option<&Friend>, Option<&Friend>)> = BTreeMap::new();
    let mut order = Vec::new();
    let mut groups = false;
    for change in changes {
        let Some(no) = change.body.friend else {
            groups |= change.body.group.is_some();
            continue;
        };
        let (before, after) = (change.body.friend_before(), change.body.friend_after());
        let entry = ends.entry(no).or_insert_with(|| {
            order.push(no);
            (before, after)
        });
        entry.1 = after;
    }
    let nets = order.iter().filter_map(|no| match ends.get(no)? {
        (None, Some(after)) => Some(Net::Added(after)),
        (Some(before), None) => Some(Net::Removed(before)),
        (Some(before), Some(after)) if before != after => Some(Net::Changed(after)),
        _ => None,
    });
    (nets.collect(), groups)
}

fn count(nets: &[Net]) -> [usize; 3] {
    nets.iter()
        .fold([0; 3], |[added, changed, removed], net| match net {
            Net::Added(_) => [added + 1, changed, removed],
            Net::Changed(_) => [added, changed + 1, removed],
            Net::Removed(_) => [added, changed, removed + 1],
        })
}

fn fits(text: &str) -> bool {
    let septets: Option<usize> = text
        .chars()
        .map(|c| gsm7::septets_of(c).map(|septets| septets.len()))
        .sum();
    match septets {
        Some(septets) => septets <= SEPTETS,
        None => text.encode_utf16().count() <= UCS2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use book::{Actor, ActorKind, Book, Edit, FriendDraft, Revision, Rules, SubscriberId, Way};

    fn changes(edits: &[Edit]) -> Vec<Change> {
        let mut book = Book::new(SubscriberId(1));
        let mut all = Vec::new();
        for edit in edits {
            let outcome = book::apply(&book, edit, &Rules::new("GB")).unwrap();
            book = outcome.book;
            all.extend(outcome.changes.into_iter().map(|body| Change {
                subscriber: SubscriberId(1),
                revision: Revision(0),
                at_ms: 0,
                actor: Actor {
                    kind: ActorKind::Agent,
                    id: String::new(),
                    name: String::new(),
                },
                way: Way::Desk,
                call: None,
                sitting: 0,
                body,
            }));
        }
        all
    }

    fn add(name: &str, number: &str) -> Edit {
        Edit::AddFriend(FriendDraft::new(name, number))
    }

    #[track_caller]
    fn check(language: Language, edits: &[Edit], wanted: Option<&str>) {
        let said = text(language, "Kith", "0800 123 456", &changes(edits));
        assert_eq!(said.as_deref(), wanted);
        assert!(said.is_none_or(|text| fits(&text)));
    }

    #[test]
    fn one_and_two_are_named() {
        check(
            Language::En,
            &[add("Mei", "07700 900123")],
            Some("Kith: on your call today we added Mei (...0123). Not you? Call 0800 123 456."),
        );
        check(
            Language::ZhHans,
            &[add("小梅", "07700 900123"), add("王医生", "07700 900456")],
            Some(
                "【Kith】今天通话中：新增 小梅(尾号0123)，新增 王医生(尾号0456)。不是您办的？请拨0800 123 456。",
            ),
        );
    }

    #[test]
    fn three_are_counted_and_so_are_long_names() {
        let three = [
            add("A", "07700 900123"),
            add("B", "07700 900124"),
            add("C", "07700 900125"),
        ];
        check(
            Language::En,
            &three,
            Some("Kith: on your call today: 3 added. Not you? Call 0800 123 456."),
        );
        check(
            Language::ZhHans,
            &[add(&"王".repeat(60), "07700 900123")],
            Some("【Kith】今天通话中：新增1位。不是您办的？请拨0800 123 456。"),
        );
    }

    #[test]
    fn what_was_taken_back_is_not_mentioned() {
        let gone = [add("Mei", "07700 900123"), Edit::RemoveFriend(FriendNo(1))];
        check(Language::En, &gone, None);
        check(Language::En, &[], None);
    }

    #[test]
    fn codes_take_one_message() {
        for language in [Language::En, Language::ZhHans] {
            for keyed in [true, false] {
                let said = desk_code(language, keyed, "亲友簿", "0800 123 456", "482913");
                assert!(fits(&said), "{said}");
            }
        }
    }
}

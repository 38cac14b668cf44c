//! `kith plan`: what a change of a book costs on a card, from two vCard files. Nothing is sent and no server is needed.

use book::{
    Book, Edit, FriendDraft, FriendNo, FriendPatch, Language, Rules, SubscriberId, apply, vcard,
};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use terminals::{
    CardProfile, ChannelKind, Content, Desired, EntryKey, Plan, PlanInput, Proof, Shadow, SlotNo,
    TerminalProfile, desired, plan,
};

/// Plan a change of a phone book: writes, packets, SMS parts, octets, and why.
#[derive(Args)]
pub struct PlanArgs {
    /// The book that is on the card now, a vCard file
    before: PathBuf,
    /// The book as it should be, a vCard file
    after: PathBuf,
    /// The card profile: a name that comes with Kith (usim-28x100), or a file
    #[arg(long)]
    card: String,
    /// The terminal profile: a name that comes with Kith, or a file
    #[arg(long, default_value = "feature-phone")]
    terminal: String,
    /// The country in which numbers without one are meant, two letters
    #[arg(long, default_value = "GB")]
    region: String,
    /// The language of the suffixes of a friend with several numbers (en, zh-Hans)
    #[arg(long, default_value = "en")]
    language: String,
    /// One JSON object in place of text for a person
    #[arg(long)]
    json: bool,
}

/// Runs the command. Exit codes: 0 planned, 1 a file or profile is wrong.
pub fn run(args: PlanArgs) -> ExitCode {
    match planned(&args) {
        Ok(planned) => {
            for note in &planned.notes {
                eprintln!("{note}");
            }
            if args.json {
                println!("{}", planned.for_a_program());
            } else {
                print!("{}", planned.for_a_person());
            }
            ExitCode::SUCCESS
        }
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}

/// A plan, with the names behind its keys.
struct Planned {
    plan: Plan,
    names: BTreeMap<FriendNo, String>,
    notes: Vec<String>,
}

fn planned(args: &PlanArgs) -> Result<Planned, String> {
    let card = profile(&args.card, CardProfile::builtin, CardProfile::parse, &{
        CardProfile::builtin_names().collect::<Vec<_>>()
    })?;
    let terminal = profile(
        &args.terminal,
        TerminalProfile::builtin,
        TerminalProfile::parse,
        &TerminalProfile::builtin_names().collect::<Vec<_>>(),
    )?;
    let language = Language::from_tag(&args.language).ok_or_else(|| {
        format!(
            "“{}” is no language that Kith writes: give en or zh-Hans.",
            args.language
        )
    })?;
    let rules = Rules::new(&args.region.to_uppercase()).numberless();
    let mut notes = Vec::new();
    let before = import(&args.before, &rules, &mut notes)?;
    let before = books(&before, &rules, None, &mut notes);
    let after = import(&args.after, &rules, &mut notes)?;
    let after = books(&after, &rules, Some(&before), &mut notes);

    let wanted = |book: &Book| desired(book, &terminal, &Content::All, language, &rules.region);
    let step = |desired: &Desired, shadow: &Shadow, placement: &BTreeMap<EntryKey, SlotNo>| {
        plan(&PlanInput {
            channel: ChannelKind::SimOta,
            card: Some(&card),
            terminal: &terminal,
            desired,
            shadow,
            placement,
            freed: &[],
            everything: false,
        })
        .map_err(|e| e.to_string())
    };
    let mut shadow = Shadow::default();
    let first = step(&wanted(&before), &shadow, &BTreeMap::new())?;
    for write in &first.writes {
        shadow.apply(write, Proof::Applied, 0);
    }
    let plan = step(&wanted(&after), &shadow, &first.placement)?;
    let friends = before.friends.values().chain(after.friends.values());
    let names = friends.map(|f| (f.no, f.name.clone())).collect();
    Ok(Planned { plan, names, notes })
}

fn profile<T>(
    name: &str,
    builtin: fn(&str) -> Option<T>,
    parse: fn(&str) -> Result<T, terminals::ProfileError>,
    known: &[&str],
) -> Result<T, String> {
    if let Some(profile) = builtin(name) {
        return Ok(profile);
    }
    let text = std::fs::read_to_string(name).map_err(|e| {
        format!(
            "There is no profile “{name}” and no such file ({e}): give a file or one of {}.",
            known.join(", ")
        )
    })?;
    parse(&text).map_err(|e| format!("{name}: {e}"))
}

/// The persons of a file; what could not be read is said and left out.
fn import(
    path: &Path,
    rules: &Rules,
    notes: &mut Vec<String>,
) -> Result<Vec<(usize, FriendDraft)>, String> {
    let file =
        std::fs::read(path).map_err(|e| format!("{} cannot be read: {e}.", path.display()))?;
    let report = vcard::import(&file, &rules.region);
    if report.cards.is_empty() && file.iter().any(|b| !b.is_ascii_whitespace()) {
        return Err(format!(
            "{} holds no vCard: a card begins with BEGIN:VCARD.",
            path.display()
        ));
    }
    for card in &report.cards {
        if let Err(sentence) = &card.result {
            notes.push(format!("{}:{}: {sentence}", path.display(), card.line));
        }
    }
    let friends = report.cards.iter();
    Ok(friends
        .filter_map(|card| Some((card.line, card.friend()?.clone())))
        .collect())
}

/// The book of a file. With `old`, it is the old book changed until it is what the file says: who has the same name and
/// a number in common is the same friend, else the same name, else a number in common.
fn books(
    file: &[(usize, FriendDraft)],
    rules: &Rules,
    old: Option<&Book>,
    notes: &mut Vec<String>,
) -> Book {
    let mut book = old
        .cloned()
        .unwrap_or_else(|| Book::new(SubscriberId::new(0, 0)));
    let mut edits = Vec::new();
    let mut known: BTreeMap<usize, FriendNo> = BTreeMap::new();
    for (same_name, same_number) in [(true, true), (true, false), (false, true)] {
        for (at, (_, draft)) in file.iter().enumerate() {
            let numbers = || numbers_of(draft, rules);
            let found = book.friends.values().find(|friend| {
                !known.values().any(|no| *no == friend.no)
                    && (!same_name || friend.name == draft.name)
                    && (!same_number
                        || friend.numbers.iter().any(|n| numbers().contains(&n.main())))
            });
            if let Some(friend) = found.filter(|_| !known.contains_key(&at)) {
                known.insert(at, friend.no);
            }
        }
    }
    let gone = book
        .friends
        .keys()
        .filter(|no| !known.values().any(|k| k == *no));
    edits.extend(gone.map(|no| (0, Edit::RemoveFriend(*no))));
    for (at, (line, draft)) in file.iter().enumerate() {
        let mut draft = draft.clone();
        draft.groups.clear();
        let edit = match known.get(&at) {
            None => Edit::AddFriend(draft),
            Some(friend) => Edit::ChangeFriend {
                friend: *friend,
                patch: FriendPatch {
                    name: Some(draft.name),
                    numbers: Some(draft.numbers),
                    speed_dial: Some(draft.speed_dial),
                    emergency: Some(draft.emergency),
                    ..FriendPatch::default()
                },
                based_on: None,
            },
        };
        edits.push((*line, edit));
    }
    for (line, edit) in edits {
        match apply(&book, &edit, rules) {
            Ok(outcome) => book = outcome.book,
            Err(refusal) => notes.push(format!("The card at line {line} is left out: {refusal}")),
        }
    }
    book
}

/// The numbers of a draft as the book would keep them.
fn numbers_of(draft: &FriendDraft, rules: &Rules) -> Vec<String> {
    let empty = Book::new(SubscriberId::new(0, 0));
    let mut draft = draft.clone();
    draft.groups.clear();
    let outcome = apply(&empty, &Edit::AddFriend(draft), rules).ok();
    let book = outcome.map(|o| o.book).unwrap_or(empty);
    book.friends
        .values()
        .flat_map(|f| &f.numbers)
        .map(book::Number::main)
        .collect()
}

impl Planned {
    fn name(&self, key: EntryKey) -> &str {
        self.names.get(&key.friend).map_or("?", String::as_str)
    }

    fn for_a_person(&self) -> String {
        let plan = &self.plan;
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{} · {} · {} · {} octets",
            count(plan.writes.len(), "write"),
            count(plan.packets.len(), "packet"),
            count(plan.parts() as usize, "SMS part"),
            plan.octets()
        );
        for write in &plan.writes {
            let what = match (write.entry, write.slot.ext1_record()) {
                (Some(key), _) => match plan.shown.iter().find(|s| s.key == key) {
                    Some(shown) => format!("{}  {}", shown.name, shown.number),
                    None => self.name(key).to_owned(),
                },
                (None, Some(_)) => "the end of a long number".to_owned(),
                (None, None) => "cleared".to_owned(),
            };
            let content = hex::encode(&write.content);
            let _ = writeln!(text, "  {:<10} {content}  {what}", slot(write.slot));
        }
        for (n, packet) in (1..).zip(&plan.packets) {
            let writes = packet.commands.iter().flatten().count();
            let _ = writeln!(
                text,
                "packet {n}: {}, {} octets of script, {}, {} octets",
                count(writes, "write"),
                packet.payload.len(),
                count(packet.parts.into(), "part"),
                packet.octets
            );
        }
        for shown in plan.shown.iter().filter(|shown| shown.cut) {
            let _ = writeln!(
                text,
                "{} is shown as “{}”.",
                self.name(shown.key),
                shown.name
            );
        }
        for left in &plan.left_out {
            let _ = writeln!(
                text,
                "{} is left out: {}",
                self.name(left.key),
                left.reason.sentence()
            );
        }
        for reason in &plan.reasons {
            let _ = writeln!(text, "{reason}");
        }
        text
    }

    /// API.md, `POST /terminals/{t}/plan`.
    fn for_a_program(&self) -> Value {
        let plan = &self.plan;
        json!({
            "writes": plan.writes.iter().map(|write| json!({
                "slot": slot(write.slot),
                "content": hex::encode(&write.content),
                "name": write.entry.map(|key| self.name(key)),
            })).collect::<Vec<_>>(),
            "packets": plan.packets.iter().map(|packet| json!({
                "script": hex::encode(&packet.payload),
                "parts": packet.parts,
                "octets": packet.octets,
            })).collect::<Vec<_>>(),
            "parts": plan.parts(),
            "octets": plan.octets(),
            "capacity": plan.capacity,
            "left_out": plan.left_out.iter().map(|left| json!({
                "name": self.name(left.key),
                "reason": left.reason.sentence(),
            })).collect::<Vec<_>>(),
            "shown": plan.shown.iter().map(|shown| json!({
                "slot": slot(shown.slot),
                "name": shown.name,
                "number": shown.number,
                "cut": shown.cut,
            })).collect::<Vec<_>>(),
            "reasons": plan.reasons,
        })
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

fn slot(slot: SlotNo) -> String {
    match slot.ext1_record() {
        Some(record) => format!("ext1 {record}"),
        None => format!("record {}", slot.0),
    }
}

//! The form of one person as a page: drawn, and drawn again with what keeps it from being saved.

use super::edit::done;
use super::person::{LABELS, Line, Person, taking};
use super::{Frame, Owner, Unavailable, page_with};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use book::{
    Book, Edit, Friend, FriendDraft, FriendNo, Number, NumberNo, Reading, Refusal, Rules,
    SubscriberId, Warning, friend_id, group_id, parse_friend_id, spaced, warnings,
};
use control::{Control, EditError, EditOptions};
use identity::Grant;

#[derive(Template)]
#[template(path = "edit.html")]
pub struct Page {
    f: Frame,
    heading: String,
    action: String,
    /// The name on the button that deletes.
    delete: Option<String>,
    person: Person,
    /// Whether “More” is open.
    more: bool,
    /// Id, name.
    groups: Vec<(String, String)>,
    /// Keys 1–9 and who sits there; on 1 nobody can.
    pad: Vec<(u8, String)>,
    wrong: Option<Wrong>,
    /// What the book has now, when somebody else changed it meanwhile.
    now: Option<String>,
}

/// What keeps a form from being saved, at its field, with the ways on.
#[derive(Default)]
pub struct Wrong {
    sentence: String,
    /// The id of the field to blame, if one is.
    field: Option<String>,
    /// Buttons: name, value, words.
    choices: Vec<(&'static str, String, String)>,
    /// A link: where, words.
    open: Option<(String, String)>,
}

impl Page {
    fn labels(&self) -> [&'static str; 4] {
        LABELS.map(|(name, _)| name)
    }

    fn label(&self, name: &str) -> String {
        self.f.w.say(&format!("kind-{name}"))
    }

    fn is_key(&self, key: &u8) -> bool {
        self.person.key == Some(*key)
    }

    fn line(&self, at: &usize) -> String {
        format!("number-{at}")
    }

    fn at(&self, field: impl AsRef<str>) -> Option<&Wrong> {
        let field = field.as_ref();
        let wrong = self.wrong.as_ref();
        wrong.filter(|wrong| wrong.field.as_deref() == Some(field))
    }

    /// The lines behind “More”: the other numbers, and an empty one.
    fn others(&self) -> Vec<(usize, Line)> {
        let lines = self.person.lines.iter().cloned().chain([Line::default()]);
        lines.enumerate().skip(1).collect()
    }
}

/// A friend of this book by her id.
pub fn number_of(subscriber: SubscriberId, id: &str) -> Option<FriendNo> {
    let (owner, no) = parse_friend_id(id)?;
    (owner == subscriber).then_some(no)
}

/// The book that is open, with the right to it.
pub struct Editor {
    pub grant: Grant,
    book: Book,
    region: String,
}

impl Editor {
    pub async fn open(control: &Control, owner: Owner) -> Result<Option<Self>, Unavailable> {
        let id = owner.grant.subscriber();
        let book = control.store().book(id).await?;
        let subscriber = control.store().subscriber(id).await?;
        Ok(book.zip(subscriber).map(|(book, subscriber)| Self {
            grant: owner.grant,
            book,
            region: subscriber.region,
        }))
    }

    pub fn subscriber(&self) -> SubscriberId {
        self.grant.subscriber()
    }

    pub fn find(self, id: &str) -> Option<(Self, Friend)> {
        let no = number_of(self.subscriber(), id)?;
        let friend = self.book.friends.get(&no)?.clone();
        Some((self, friend))
    }

    /// Somebody else with a number that is new here, unless both are meant.
    fn same_number(
        &self,
        f: &Frame,
        own: Option<&Friend>,
        person: &Person,
        draft: &FriendDraft,
    ) -> Option<Wrong> {
        let known = own.map(|friend| friend.numbers.as_slice());
        let asked = |at: usize| {
            person.lines.get(at).filter(|line| {
                !line.is_of(known.unwrap_or_default()) && !person.both.contains(&line.number)
            })
        };
        let rules = Rules::new(&self.region);
        let all = warnings(&self.book, own.map(|friend| friend.no), draft, &rules);
        all.into_iter().find_map(|warning| {
            let key = warning.key();
            let (Warning::SameNumber {
                index,
                friend,
                name,
            }
            | Warning::PerhapsSameNumber {
                index,
                friend,
                name,
            }) = warning
            else {
                return None;
            };
            asked(index).map(|line| Wrong {
                sentence: f.w.with(key, "name", name.clone()),
                field: Some(format!("number-{index}")),
                choices: vec![("both", line.number.clone(), f.w.say("keep-both"))],
                open: Some((
                    format!("/people/{}", friend_id(self.subscriber(), friend)),
                    f.w.with("open", "name", name),
                )),
            })
        })
    }

    /// Commits, or asks again: first for what is wrong, then about a number that somebody has.
    pub async fn save(
        &self,
        control: &Control,
        f: Frame,
        own: Option<&Friend>,
        person: Person,
        draft: &FriendDraft,
        edit: Edit,
    ) -> Result<Response, Unavailable> {
        let tried = book::apply(&self.book, &edit, &Rules::new(&self.region));
        let error = match tried {
            Err(refusal) => refusal.into(),
            Ok(_) => {
                if let Some(wrong) = self.same_number(&f, own, &person, draft) {
                    return Ok(self.refuse(f, own, person, wrong, None));
                }
                let edited = control.edit(&self.grant, edit, EditOptions::default());
                match edited.await {
                    Ok(edited) => return Ok(done(&edited)),
                    Err(EditError::Store(error)) => return Err(error.into()),
                    Err(error) => error,
                }
            }
        };
        Ok(self.explain(f, own, person, &error))
    }

    /// The form again, with what keeps it from being saved.
    fn explain(
        &self,
        f: Frame,
        own: Option<&Friend>,
        mut person: Person,
        error: &EditError,
    ) -> Response {
        let mut wrong = Wrong {
            sentence: f.w.edit_error(error),
            ..Wrong::default()
        };
        let mut now = None;
        if let EditError::Refused(refusal) = error {
            wrong.field = refusal.field().as_deref().and_then(anchor);
            wrong.choices = choices(&f, refusal, &self.region);
            // Saved once more, it is meant: what the other one wrote has been seen by then.
            if let (Refusal::ChangedSince { .. }, Some(friend)) = (refusal, own) {
                person.seen = serde_json::to_string(friend).unwrap_or_default();
                let numbers = friend.numbers.iter().map(|n| n.typed.as_str());
                let parts: Vec<_> = std::iter::once(friend.name.as_str())
                    .chain(numbers)
                    .collect();
                now = Some(f.w.with("now", "what", parts.join(" · ")));
                let link = format!("/people/{}", friend_id(self.subscriber(), friend.no));
                wrong.open = Some((link, f.w.say("take-theirs")));
            }
        }
        self.refuse(f, own, person, wrong, now)
    }

    fn refuse(
        &self,
        f: Frame,
        own: Option<&Friend>,
        person: Person,
        wrong: Wrong,
        now: Option<String>,
    ) -> Response {
        let mut page = self.draw(f, own, person);
        (page.wrong, page.now) = (Some(wrong), now);
        page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
    }

    pub fn draw(&self, f: Frame, own: Option<&Friend>, person: Person) -> Page {
        let id = own.map(|friend| friend_id(self.subscriber(), friend.no));
        let name = own.map(|friend| friend.name.clone());
        let on_key = |key: u8| {
            let friend = self
                .book
                .on_key(key)
                .filter(|f| Some(f.no) != own.map(|f| f.no));
            (key, friend.map(|f| f.name.clone()).unwrap_or_default())
        };
        let groups = self.book.groups.values();
        Page {
            heading: match &name {
                Some(name) => f.w.with("edit-title", "name", name.clone()),
                None => f.w.say("add"),
            },
            action: format!("/people/{}", id.as_deref().unwrap_or("new")),
            delete: name,
            more: person.has_more(),
            person,
            groups: groups
                .map(|group| (group_id(self.subscriber(), group.no), group.name.clone()))
                .collect(),
            pad: (1..=9).map(on_key).collect(),
            wrong: None,
            now: None,
            f,
        }
    }
}

/// The id of the field that a refusal names.
fn anchor(field: &str) -> Option<String> {
    if let Some(rest) = field.strip_prefix("numbers[") {
        let at = rest.split(']').next()?;
        return Some(format!("number-{at}"));
    }
    match field {
        "numbers" => Some("number-0".into()),
        "speed_dial" => Some("keys".into()),
        "keep_off_phone" => Some("keep_off".into()),
        "name" | "sort_as" | "note" | "emergency" | "groups" => Some(field.into()),
        _ => None,
    }
}

/// Both readings of a number, or the number as it is.
fn choices(f: &Frame, refusal: &Refusal, region: &str) -> Vec<(&'static str, String, String)> {
    let keep = |typed: &String| ("keep", typed.clone(), f.w.say("keep"));
    match refusal {
        Refusal::Ambiguous { index, typed, a, b } => {
            let reading = |r: &Reading| {
                let number = Number {
                    no: NumberNo::default(),
                    typed: r.typed.clone(),
                    normal: r.normal.clone(),
                    post_dial: r.post_dial.clone(),
                    label: None,
                };
                let words = spaced(&number, region);
                ("take", taking(*index, r.keep, &r.typed), words)
            };
            vec![reading(a), reading(b), keep(typed)]
        }
        Refusal::NumberTooShort { typed, .. } | Refusal::NumberTooLong { typed, .. } => {
            vec![keep(typed)]
        }
        _ => Vec::new(),
    }
}

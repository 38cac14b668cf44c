//! Bringing a list (a vCard file) and taking it away. A bad card never stops the rest.

use super::{Frame, Owner, Unavailable, page, page_with, refused};
use askama::Template;
use axum::extract::{Multipart, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use book::Book;
use book::vcard::{Fate, Merged, Version};
use control::{Control, EditError, Imported};

/// The most that a file may hold: a full book with pictures, which are left out.
pub const FILE: usize = 16 * 1024 * 1024;

#[derive(Template)]
#[template(path = "import.html")]
struct Import {
    f: Frame,
    error: Option<String>,
    result: Option<Outcome>,
}

/// What became of a file.
struct Outcome {
    sum: String,
    lines: Vec<Line>,
    notes: Vec<String>,
}

/// What became of one card.
struct Line {
    icon: &'static str,
    name: String,
    fate: String,
    /// Sentences in English, as the reader of cards gives them.
    notes: Vec<String>,
}

pub async fn show(_: Owner, f: Frame) -> Response {
    page(&Import {
        f,
        error: None,
        result: None,
    })
}

pub async fn bring(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
    form: Multipart,
) -> Result<Response, Unavailable> {
    let octets = match file(form).await {
        Ok(octets) => octets,
        Err(key) => return Ok(wrong(f, key)),
    };
    let imported = match control.import(&grant, &octets).await {
        Ok(imported) if imported.cards.is_empty() => return Ok(wrong(f, "import-no-card")),
        Ok(imported) => imported,
        Err(error) => return refused(f, "import-refused", error),
    };
    let Some(book) = control.store().book(grant.subscriber()).await? else {
        return refused(f, "lost", EditError::NotFound);
    };
    let result = Some(outcome(&f, &book, imported));
    Ok(page(&Import {
        f,
        error: None,
        result,
    }))
}

pub async fn take(
    State(control): State<Control>,
    Owner { grant, .. }: Owner,
    f: Frame,
) -> Result<Response, Unavailable> {
    let headers = [
        (header::CONTENT_TYPE, "text/vcard; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"kith.vcf\"",
        ),
    ];
    // 3.0 is what every phone and program reads.
    match control.export(&grant, Version::V3).await {
        Ok(file) => Ok((headers, file).into_response()),
        Err(error) => refused(f, "lost", error),
    }
}

/// The file that was chosen, or the key of what to say.
async fn file(mut form: Multipart) -> Result<Vec<u8>, &'static str> {
    while let Ok(Some(field)) = form.next_field().await {
        if field.name() == Some("file") {
            let octets = field.bytes().await.map_err(|_| "import-large")?;
            if !octets.is_empty() {
                return Ok(octets.to_vec());
            }
        }
    }
    Err("import-no-file")
}

fn wrong(f: Frame, key: &str) -> Response {
    let page = Import {
        error: Some(f.w.say(key)),
        result: None,
        f,
    };
    page_with(StatusCode::UNPROCESSABLE_ENTITY, &page)
}

fn outcome(f: &Frame, book: &Book, imported: Imported) -> Outcome {
    let count = |which: fn(&Fate) -> bool| {
        let n = imported
            .cards
            .iter()
            .filter(|card| which(&card.fate))
            .count();
        i64::try_from(n).unwrap_or(i64::MAX)
    };
    let added = count(|fate| matches!(fate, Fate::Added(_)));
    let left = count(|fate| matches!(fate, Fate::Refused(_)));
    Outcome {
        sum: f.w.with2("import-sum", ("added", added), ("left", left)),
        notes: imported.notes.clone(),
        lines: imported
            .cards
            .into_iter()
            .map(|card| line(f, book, card))
            .collect(),
    }
}

fn line(f: &Frame, book: &Book, card: Merged) -> Line {
    let friend = |no| book.friends.get(no).map(|friend| friend.name.clone());
    let group = |no| book.groups.get(no).map(|group| group.name.clone());
    let (icon, name, fate) = match &card.fate {
        Fate::Added(no) => ("on_terminal", friend(no), "import-added"),
        Fate::Completed(no) => ("on_terminal", friend(no), "import-completed"),
        Fate::Already(no) => ("saved", friend(no), "import-already"),
        Fate::Group(no) => ("apart", group(no), "import-group"),
        Fate::Refused(_) => ("trouble", None, "import-left"),
    };
    let at = || {
        f.w.with("import-line", "line", i64::try_from(card.line).unwrap_or(0))
    };
    let mut notes = card.notes.clone();
    if let Fate::Refused(sentence) = &card.fate {
        notes.insert(0, sentence.clone());
    }
    Line {
        icon,
        name: name.unwrap_or_else(at),
        fate: f.w.say(fate),
        notes,
    }
}

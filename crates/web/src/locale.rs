//! What pages say, in both languages, from `locales/*/*.ftl`. Everything is in the binary.

mod sentences;

use book::{Language, Refusal};
use control::EditError;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use identity::password::PasswordError;
use std::sync::LazyLock;

type Bundle = FluentBundle<FluentResource>;

macro_rules! files {
    ($($name:literal),*) => {
        [$((
            include_str!(concat!("../../../locales/en/", $name)),
            include_str!(concat!("../../../locales/zh-Hans/", $name)),
        )),*]
    };
}

/// English and 简体中文 of every file; a key stands in one of them only.
const FILES: &[(&str, &str)] = &files![
    "portal.ftl",
    "refusals.ftl",
    "staff.ftl",
    "console.ftl",
    "campaigns.ftl"
];

static BUNDLES: LazyLock<(Bundle, Bundle)> = LazyLock::new(|| {
    (
        bundle("en", FILES.iter().map(|(en, _)| *en)),
        bundle("zh-Hans", FILES.iter().map(|(_, zh)| *zh)),
    )
});

fn bundle(tag: &str, sources: impl Iterator<Item = &'static str>) -> Bundle {
    let language = tag.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // Invisible direction marks around numbers would be copied with them.
    bundle.set_use_isolating(false);
    for source in sources {
        // A line that cannot be read is left out here, and fails the tests below.
        let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(good, _)| good);
        let _ = bundle.add_resource(resource);
    }
    bundle
}

/// The words of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    /// The text of `key`.
    pub fn say(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// The text of `key` with one argument.
    pub fn with(&self, key: &str, name: &str, value: impl Into<FluentValue<'static>>) -> String {
        let mut args = FluentArgs::new();
        args.set(name.to_owned(), value);
        self.format(key, Some(&args))
    }

    /// The text of `key` with four arguments.
    pub fn with4(&self, key: &str, all: [(&str, String); 4]) -> String {
        let mut args = FluentArgs::new();
        for (name, value) in all {
            args.set(name.to_owned(), value);
        }
        self.format(key, Some(&args))
    }

    /// The text of `key` with two arguments.
    pub fn with2(
        &self,
        key: &str,
        (a, x): (&str, impl Into<FluentValue<'static>>),
        (b, y): (&str, impl Into<FluentValue<'static>>),
    ) -> String {
        let mut args = FluentArgs::new();
        args.set(a.to_owned(), x);
        args.set(b.to_owned(), y);
        self.format(key, Some(&args))
    }

    /// What another room says in English.
    pub fn told(&self, english: &str) -> String {
        match self.0 {
            Language::En => english.to_owned(),
            Language::ZhHans => sentences::translated(english),
        }
    }

    /// Why an edit was not made.
    pub fn refusal(&self, refusal: &Refusal) -> String {
        let args = refusal.args().into_iter().map(|(name, value)| match name {
            "field" | "fields" => (name, self.fields(&value)),
            _ => (name, value),
        });
        self.format(refusal.key(), Some(&args.collect()))
    }

    /// Why an edit was not committed.
    pub fn edit_error(&self, error: &EditError) -> String {
        match error {
            EditError::Refused(refusal) => self.refusal(refusal),
            EditError::Stale | EditError::Repeated => self.say("edit-stale"),
            EditError::Forbidden => self.say("edit-forbidden"),
            EditError::NotFound => self.say("edit-not-found"),
            EditError::Store(_) => self.say("edit-unavailable"),
        }
    }

    /// Why a password was not set.
    pub fn password_error(&self, error: &PasswordError) -> String {
        match error {
            PasswordError::Short => self.say("password-short"),
            PasswordError::Long => self.say("password-long"),
            PasswordError::Unusable => self.say("password-unusable"),
        }
    }

    /// A field by the words that stand over it, instead of its name in the API.
    pub fn field(&self, name: &str) -> String {
        self.say(&format!("field-{name}"))
    }

    fn fields(&self, names: &str) -> String {
        let words: Vec<_> = names.split(", ").map(|name| self.field(name)).collect();
        words.join(&self.say("comma"))
    }

    fn format(&self, key: &str, args: Option<&FluentArgs>) -> String {
        let (en, zh) = &*BUNDLES;
        let bundle = if self.0 == Language::ZhHans { zh } else { en };
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        debug_assert!(pattern.is_some(), "no text for {key}");
        let Some(pattern) = pattern else {
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, args, &mut errors);
        debug_assert!(errors.is_empty(), "{key}: {errors:?}");
        text.into_owned()
    }
}

#[cfg(test)]
mod tests;

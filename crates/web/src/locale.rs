//! What pages say, in both languages, from `locales/*/*.ftl`. Everything is in the binary.

use book::Language;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::sync::LazyLock;

type Bundle = FluentBundle<FluentResource>;

const EN: &str = include_str!("../../../locales/en/portal.ftl");
const ZH: &str = include_str!("../../../locales/zh-Hans/portal.ftl");

static BUNDLES: LazyLock<(Bundle, Bundle)> =
    LazyLock::new(|| (bundle("en", EN), bundle("zh-Hans", ZH)));

fn bundle(tag: &str, source: &str) -> Bundle {
    // A line that cannot be read is left out here, and fails the tests below.
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(good, _)| good);
    let language = tag.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    // Invisible direction marks around numbers would be copied with them.
    bundle.set_use_isolating(false);
    let _ = bundle.add_resource(resource);
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

    fn format(&self, key: &str, args: Option<&FluentArgs>) -> String {
        let (en, zh) = &*BUNDLES;
        let bundle = if self.0 == Language::ZhHans { zh } else { en };
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        match pattern {
            Some(pattern) => bundle
                .format_pattern(pattern, args, &mut Vec::new())
                .into_owned(),
            None => key.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluent_syntax::ast::Entry;
    use std::collections::{BTreeMap, BTreeSet};

    fn messages(source: &str) -> BTreeMap<String, String> {
        let resource = fluent_syntax::parser::parse(source).unwrap();
        let entries = resource.body.iter().filter_map(|entry| match entry {
            Entry::Message(message) => {
                Some((message.id.name.to_owned(), format!("{:?}", message.value)))
            }
            _ => None,
        });
        entries.collect()
    }

    #[test]
    fn both_languages_say_everything_and_not_the_same() {
        let (en, zh) = (messages(EN), messages(ZH));
        let keys = |m: &BTreeMap<String, String>| m.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&en), keys(&zh));
        let same: Vec<_> = en.iter().filter(|(key, text)| zh[*key] == **text).collect();
        assert!(same.is_empty(), "{same:?}");
    }

    #[test]
    fn every_key_that_a_page_uses_is_there() {
        let known = messages(EN);
        let templates = [
            include_str!("../templates/layout.html"),
            include_str!("../templates/login.html"),
            include_str!("../templates/code.html"),
            include_str!("../templates/list.html"),
            include_str!("../templates/edit.html"),
            include_str!("../templates/history.html"),
        ];
        for template in templates {
            for call in template
                .split("w.say(\"")
                .skip(1)
                .chain(template.split("w.with(\"").skip(1))
            {
                let key = call.split('"').next().unwrap();
                assert!(known.contains_key(key) || key == "state-", "{key}");
            }
        }
        for state in terminals::EntryState::ALL {
            assert!(known.contains_key(&format!("state-{}", state.as_str())));
        }
    }
}

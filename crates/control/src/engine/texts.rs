//! Messages from terminals that are no proof: kept, shown on the terminal's page, answered once a day with who we are.

use super::gather::{Loaded, Mobile};
use crate::Control;
use book::Language;
use delivery::TerminalId;
use store::{DocumentWrite, StoreError};

/// The documents that say when a terminal was last told who we are.
pub(super) const ANSWERED: &str = "answered";
/// How long a message from a terminal that is no proof is kept.
const MOBILE_KEPT: i64 = 90 * 86_400_000;
/// How often its sender is told who we are.
const ANSWER_EVERY: i64 = 86_400_000;

/// A terminal's key among documents.
pub(super) fn key(id: TerminalId) -> String {
    book::encode_in('t', id.subscriber, id.no)
}

/// What is written of a message, and the answer to it if one is due.
pub(super) fn heard(
    house: &Control,
    loaded: &Loaded,
    id: TerminalId,
    message: &Mobile,
    now: i64,
) -> (Vec<DocumentWrite>, Option<String>) {
    let key = key(id);
    let value = serde_json::json!({
        "at": now, "udhi": message.udhi, "dcs": message.dcs,
        "user_data": hex::encode(&message.user_data),
    });
    let mut documents = vec![
        DocumentWrite::put("mobile", format!("{key}/{now}"), &value)
            .indexed(&key)
            .until(now + MOBILE_KEPT),
    ];
    let told = loaded.told.get(&id);
    if told.is_some_and(|document| document.expires.unwrap_or(0) >= now) {
        return (documents, None);
    }
    documents.push(DocumentWrite::put(ANSWERED, key, &true).until(now + ANSWER_EVERY));
    let owner = loaded.books.get(&id.subscriber);
    let language = owner.map_or(Language::En, |owner| owner.subscriber.language);
    let (brand, service) = (house.brand(language), &house.settings().service_number);
    let answer = match language {
        Language::En => format!("{brand} keeps your phone book. To change it, call {service}."),
        Language::ZhHans => format!("【{brand}】为您保管电话簿。要修改请拨{service}。"),
    };
    (documents, Some(answer))
}

impl Control {
    /// What a terminal sent that was no proof, newest first: when, and the text as far as it is one.
    ///
    /// # Errors
    /// The store's.
    pub async fn texts_of(&self, id: TerminalId) -> Result<Vec<(i64, String)>, StoreError> {
        let found = self.store().documents_by_index("mobile", &key(id)).await?;
        let mut texts: Vec<(i64, String)> = found.iter().filter_map(text_of).collect();
        texts.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
        Ok(texts)
    }
}

/// A stored message as a text: the default alphabet one octet a septet, UCS-2, or its octets in hex.
fn text_of(document: &store::Document) -> Option<(i64, String)> {
    let value: serde_json::Value = serde_json::from_str(&document.value).ok()?;
    let octets = hex::decode(value["user_data"].as_str()?).ok()?;
    let (udhi, dcs) = (value["udhi"].as_bool()?, value["dcs"].as_u64()?);
    let text = match dcs {
        0 | 1 if !udhi => String::from_utf8(octets.clone()).ok(),
        8 if !udhi => {
            let units = octets
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            Some(String::from_utf16_lossy(&units.collect::<Vec<_>>()))
        }
        _ => None,
    };
    Some((
        value["at"].as_i64()?,
        text.unwrap_or_else(|| hex::encode(octets)),
    ))
}

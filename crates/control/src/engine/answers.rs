//! Parts of long answers of cards, until they are whole. The one place where messages from terminals are put together.

use std::collections::BTreeMap;

/// Parts of one long answer that are kept until it is whole.
const PARTS: usize = 8;

/// By the number that sent them.
#[derive(Default)]
pub(super) struct Answers(BTreeMap<String, Vec<Vec<u8>>>);

impl Answers {
    /// Takes in a message with a header: gives all parts of the secured packet that it completes, if it does.
    pub(super) fn take(&mut self, from: &str, user_data: &[u8]) -> Option<Vec<Vec<u8>>> {
        let mut parts = self.0.remove(from).unwrap_or_default();
        parts.push(user_data.to_vec());
        if wire::ota::join(&parts).is_ok() {
            return Some(parts);
        }
        // One answer by itself is whole even when an older one lost a part.
        if wire::ota::join(&[user_data]).is_ok() {
            return Some(vec![user_data.to_vec()]);
        }
        let first = parts.len().saturating_sub(PARTS);
        self.0.insert(from.to_owned(), parts.split_off(first));
        None
    }
}

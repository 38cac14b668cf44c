//! Whether a message from a terminal is its card's answer.

use crate::Control;
use delivery::{Answer, Terminal};
use terminals::{ChannelKind, read_proof};

/// The answer in `parts`, if this terminal's card gave it.
pub(super) fn read(house: &Control, terminal: &Terminal, parts: &[Vec<u8>]) -> Option<Answer> {
    if terminal.channel != ChannelKind::SimOta {
        return None;
    }
    let card = house.card(terminal.card_profile.as_deref()?)?;
    let keys = house.keys(terminal, &card).ok()?;
    match read_proof(&card, &keys, parts) {
        Ok(response) => Some(Answer {
            counter: response.cntr.value(),
            rsc: response.rsc,
            executed: response
                .executed
                .map(|done| (done.commands, u16::from_be_bytes(done.sw), done.data)),
            checked: response.checked,
        }),
        Err(error) => {
            tracing::info!(%error, "an answer that is not this card's");
            None
        }
    }
}

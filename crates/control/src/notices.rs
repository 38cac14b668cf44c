//! Texts to people: codes, closing notices. Plain messages beside the shipments, in the interactive lane.

use crate::Control;
use delivery::{Lane, Outbound, Target};
use wire::sms::{Reference, gsm7, split_text};

/// A text that cannot be sent as short messages.
#[derive(Debug, thiserror::Error)]
#[error("this text takes more short messages than a phone puts together: shorten it")]
pub struct TooLong;

/// How long the network may try to bring a text, seconds: as long as a code lives.
const VALIDITY: u32 = 600;

impl Control {
    /// Sends `text` to `msisdn`, in the default alphabet where it can be, else in UCS-2. Gives the notice's id.
    ///
    /// # Errors
    /// [`TooLong`].
    pub fn text(&self, msisdn: &str, text: &str) -> Result<u64, TooLong> {
        let id = self.random_u64() >> 1;
        let [.., reference] = id.to_be_bytes();
        let (dcs, udhi, parts) = messages(text, reference).ok_or(TooLong)?;
        for (part, user_data) in (1..).zip(parts) {
            // A closed channel means that Kith is going down; the caller's own record of the code or notice stays.
            let _ = self.0.outbound.send(Outbound {
                target: Target::Notice { id, part },
                lane: Lane::Interactive,
                destination: msisdn.to_owned(),
                udhi,
                pid: 0,
                dcs,
                user_data,
                validity_s: Some(VALIDITY),
                fence: None,
                by: None,
            });
        }
        Ok(id)
    }
}

/// DCS, whether there is a header, and the user data of every part; the default alphabet one octet a septet (`Outbound`).
fn messages(text: &str, reference: u8) -> Option<(u8, bool, Vec<Vec<u8>>)> {
    let septets: Option<Vec<Vec<u8>>> = text.chars().map(gsm7::septets_of).collect();
    let Some(signs) = septets else {
        let text = split_text(text, Reference::Eight(reference)).ok()?;
        let several = text.parts.len() > 1;
        let parts = text.parts.into_iter().map(|part| part.tp_ud).collect();
        return Some((text.dcs, several, parts));
    };
    if signs.iter().map(Vec::len).sum::<usize>() <= 160 {
        return Some((0, false, vec![signs.concat()]));
    }
    // 153 septets beside a header of six octets (TS 23.040 §9.2.3.24.1); an escape pair is never split.
    let mut bodies: Vec<Vec<u8>> = vec![Vec::new()];
    for sign in signs {
        let full = bodies
            .last()
            .is_none_or(|body| body.len() + sign.len() > 153);
        if full {
            bodies.push(Vec::new());
        }
        if let Some(body) = bodies.last_mut() {
            body.extend(sign);
        }
    }
    let total = u8::try_from(bodies.len()).ok()?;
    let parts = (1..=total)
        .zip(bodies)
        .map(|(n, body)| [&[5, 0, 3, reference, total, n], &body[..]].concat())
        .collect();
    Some((0, true, parts))
}

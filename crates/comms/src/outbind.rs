//! outbind (SMPP 3.4 §2.2.1, §4.1.7; SMPP.md, row 15): the SMSC calls Kith when it has something, says who it is, and
//! Kith binds on that connection. Nothing is answered to who says something else: the connection ends.

use crate::config::Outbind;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use subtle::ConstantTimeEq;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use wire::smpp::{Body, Frames, Pdu};

/// How long a caller may take to say who it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// Header, system_id and password at most (§4.1.7.1).
const LONGEST: usize = 16 + 16 + 9;
/// Callers at once that have not said yet who they are.
const AT_ONCE: usize = 16;
/// An address in use is tried again after this.
const AGAIN: Duration = Duration::from_secs(5);
/// Tries of one address in a row, and the wait for one more, ms.
const TRIES: i64 = 5;
const EACH: i64 = 10_000;
/// Addresses that are remembered.
const ADDRESSES: usize = 1_000;

/// Who may try to say who it is. Pure: addresses and times go in.
#[derive(Debug, Default)]
struct Callers {
    /// When each address has all its tries again, ms.
    until: BTreeMap<IpAddr, i64>,
}

impl Callers {
    /// Whether this address may try once more; it costs one try.
    fn lets(&mut self, address: IpAddr, now: i64) -> bool {
        self.until.retain(|_, until| *until > now);
        let known = self.until.get(&address).copied();
        if known.is_none() && self.until.len() >= ADDRESSES {
            return false;
        }
        let until = known.unwrap_or(now) + EACH;
        let lets = until - now <= TRIES * EACH;
        if lets {
            self.until.insert(address, until);
        }
        lets
    }

    /// It said the right thing.
    fn right(&mut self, address: IpAddr) {
        self.until.remove(&address);
    }
}

/// Whether this is the SMSC: both are looked at to the end, whatever is wrong.
fn is_right(config: &Outbind, system_id: &str, password: &str) -> bool {
    let id = config.system_id.as_bytes().ct_eq(system_id.as_bytes());
    let word = config.password.as_bytes().ct_eq(password.as_bytes());
    (id & word).into()
}

/// Listens until nobody takes the connections any more. What is passed on has said that it is the SMSC.
pub(crate) async fn listen(gateway: String, config: Outbind, calls: mpsc::Sender<TcpStream>) {
    let listener = loop {
        match TcpListener::bind(config.listen).await {
            Ok(listener) => break listener,
            Err(error) => {
                let address = config.listen;
                tracing::error!(gateway, %address, %error, "outbind cannot be listened for; trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    };
    serve(gateway, config, listener, calls).await;
}

async fn serve(
    gateway: String,
    config: Outbind,
    listener: TcpListener,
    calls: mpsc::Sender<TcpStream>,
) {
    let (config, room) = (Arc::new(config), Arc::new(Semaphore::new(AT_ONCE)));
    let callers = Arc::new(std::sync::Mutex::new(Callers::default()));
    loop {
        let (stream, from) = tokio::select! {
            () = calls.closed() => return,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(gateway, %error, "a caller was lost");
                    // Out of file descriptors, most likely: others need a moment to end.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
        };
        let lets = crate::hub::lock(&callers).lets(from.ip(), super::gateways::steady());
        let place = Arc::clone(&room).try_acquire_owned();
        let (true, Ok(place)) = (lets, place) else {
            tracing::warn!(gateway, %from, "a caller is turned away: too many tries");
            continue;
        };
        let (gateway, config) = (gateway.clone(), Arc::clone(&config));
        let (callers, calls) = (Arc::clone(&callers), calls.clone());
        tokio::spawn(async move {
            let said = tokio::time::timeout(PATIENCE, heard(stream, &config)).await;
            drop(place);
            match said {
                Ok(Ok(stream)) => {
                    crate::hub::lock(&callers).right(from.ip());
                    tracing::info!(gateway, %from, "outbind");
                    // Nobody takes it: Kith is going down.
                    let _ = calls.send(stream).await;
                }
                Ok(Err(why)) => refused(&gateway, from, &why),
                Err(_) => refused(&gateway, from, "it did not say who it is in time"),
            }
        });
    }
}

fn refused(gateway: &str, from: SocketAddr, why: &str) {
    tracing::warn!(gateway, %from, why, "a caller is refused: it is not the gateway");
}

/// The connection, if its outbind is right; what it said is never repeated in a log.
async fn heard(mut stream: TcpStream, config: &Outbind) -> Result<TcpStream, String> {
    let mut frames = Frames::default();
    let mut read = 0;
    let frame = loop {
        let mut octets = [0; LONGEST];
        let room = octets.get_mut(..LONGEST - read).unwrap_or_default();
        let length = stream.read(room).await.map_err(|error| error.to_string())?;
        if length == 0 {
            return Err("it said no outbind".into());
        }
        read += length;
        frames.push(octets.get(..length).unwrap_or_default());
        match frames.take() {
            Ok(Some(frame)) => break frame,
            Ok(None) if read < LONGEST => {}
            _ => return Err("it does not begin with an outbind".into()),
        }
    };
    match Pdu::decode(&frame) {
        Ok(Pdu {
            body: Body::Outbind {
                system_id,
                password,
            },
            ..
        }) if is_right(config, &system_id, &password) => {}
        Ok(Pdu {
            body: Body::Outbind { .. },
            ..
        }) => return Err("its system_id or password is wrong".into()),
        _ => return Err("it does not begin with an outbind".into()),
    }
    // It waits for the bind (§2.2.1): what it says before would be lost.
    if read != 16 + frame.body.len() {
        return Err("it does not wait for the bind".into());
    }
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_five_tries_and_then_one_in_ten_seconds() {
        let mut callers = Callers::default();
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let tries =
            |callers: &mut Callers, from, now| (0..20).filter(|_| callers.lets(from, now)).count();
        assert_eq!(tries(&mut callers, one, 1_000), 5);
        assert_eq!(tries(&mut callers, one, 10_999), 0);
        assert_eq!(tries(&mut callers, one, 11_000), 1);
        assert_eq!(
            tries(&mut callers, other, 11_000),
            5,
            "others are not held up"
        );
        assert_eq!(tries(&mut callers, one, 100_000), 5);
        callers.right(one);
        assert_eq!(tries(&mut callers, one, 100_000), 5);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut callers = Callers::default();
        for n in 0..2_000_u32 {
            callers.lets(IpAddr::from(n.to_be_bytes()), 0);
        }
        assert_eq!(callers.until.len(), ADDRESSES);
        assert!(callers.lets(IpAddr::from([255, 0, 0, 1]), EACH));
    }

    #[test]
    fn only_both_right_are_right() {
        let config = Outbind {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            system_id: "smsc".into(),
            password: "secret8".into(),
        };
        for (id, password, right) in [
            ("smsc", "secret8", true),
            ("smsc", "secret9", false),
            ("smsc", "", false),
            ("smsd", "secret8", false),
            ("", "secret8", false),
            ("smsc", "secret8 ", false),
        ] {
            assert_eq!(is_right(&config, id, password), right, "{id} {password}");
        }
    }
}

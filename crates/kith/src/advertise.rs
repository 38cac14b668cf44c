//! The address by which other nodes reach this one. A listener on a wildcard address has none of its own: what others
//! were told then would lead them to themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;
use store::Servers;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// How long the database's name is looked up.
const LOOKUP: Duration = Duration::from_secs(2);
/// Addresses for documentation, which are nobody's (RFC 5737, RFC 3849): the way to them is the way to the network.
const BEYOND: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
    SocketAddr::new(
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        9,
    ),
];

/// What others are told of a listener: `advertise` of the configuration, else where it listens, else, on a wildcard, the
/// address by which this machine reaches the database or the network. Says so where there is none.
pub async fn of(listens: SocketAddr, advertise: Option<IpAddr>, servers: &Servers) -> SocketAddr {
    let mut ways = Vec::new();
    let (wildcard, loopback) = (listens.ip().is_unspecified(), listens.ip().is_loopback());
    if advertise.is_none() && (wildcard || loopback) {
        for host in servers.hosts() {
            let found = timeout(LOOKUP, lookup_host(host)).await;
            ways.extend(found.ok().and_then(Result::ok).into_iter().flatten());
        }
    }
    if wildcard {
        ways.extend(BEYOND);
    }
    let (told, sentence) = choose(listens, advertise, &ways, own);
    if let Some(sentence) = sentence {
        tracing::warn!("{sentence}");
    }
    told
}

/// The decision; `own` is the address that this machine has on its way to another.
fn choose(
    listens: SocketAddr,
    advertise: Option<IpAddr>,
    ways: &[SocketAddr],
    own: impl Fn(SocketAddr) -> Option<IpAddr>,
) -> (SocketAddr, Option<String>) {
    let with = |ip| SocketAddr::new(ip, listens.port());
    if let Some(ip) = advertise {
        return (with(ip), None);
    }
    if listens.ip().is_loopback() && ways.iter().any(|way| !way.ip().is_loopback()) {
        let sentence = format!(
            "This node listens for the others on {listens}, and the database is on another machine: only nodes on this machine will tell it what happens, others show it a moment later. If there are others, set nodes = \"its address on the LAN, and a port\" in [listen]."
        );
        return (listens, Some(sentence));
    }
    if !listens.ip().is_unspecified() {
        return (listens, None);
    }
    // A listener on :: takes who comes by IPv4, too.
    let reached = |way: &&SocketAddr| way.is_ipv4() || listens.is_ipv6();
    let mut found = ways.iter().filter(reached).filter_map(|way| own(*way));
    // A database on this machine, or a tunnel to it, says nothing of the others.
    if let Some(ip) = found.find(|ip| !ip.is_loopback() && !ip.is_unspecified()) {
        return (with(ip), None);
    }
    let sentence = format!(
        "This node listens for the others on {listens}, and no address of this machine was found by which they reach it: only nodes on this machine will tell it what happens, others show it a moment later. Set advertise = \"its address on the LAN\" in [listen]."
    );
    (with(Ipv4Addr::LOCALHOST.into()), Some(sentence))
}

/// A UDP socket that is connected has asked the system for the way; nothing is sent.
fn own(way: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match way {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(way).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// A machine that has 192.0.2.7 and 2001:db8::7, and a database on itself.
    fn two_lans(way: SocketAddr) -> Option<IpAddr> {
        match way.ip() {
            ip if ip.is_loopback() => Some(ip),
            IpAddr::V4(_) => Some(ip("192.0.2.7")),
            IpAddr::V6(_) => Some(ip("2001:db8::7")),
        }
    }

    #[track_caller]
    fn check(listens: &str, advertise: Option<&str>, ways: &[&str], told: &str, warned: bool) {
        let ways: Vec<_> = ways.iter().map(|way| way.parse().unwrap()).collect();
        let listens = listens.parse().unwrap();
        let (said, sentence) = choose(listens, advertise.map(ip), &ways, two_lans);
        assert_eq!(
            (said.to_string().as_str(), sentence.is_some()),
            (told, warned)
        );
    }

    #[test]
    fn a_wildcard_is_never_told() {
        let (home, away, six) = ("127.0.0.1:5432", "198.51.100.2:5432", "[2001:db8::2]:5432");
        check("192.0.2.9:81", None, &[away], "192.0.2.9:81", false);
        check("0.0.0.0:81", None, &[away], "192.0.2.7:81", false);
        check("0.0.0.0:81", None, &[home, away], "192.0.2.7:81", false);
        check("0.0.0.0:81", None, &[six, away], "192.0.2.7:81", false);
        check("[::]:81", None, &[six, away], "[2001:db8::7]:81", false);
        check("[::]:81", None, &[away], "192.0.2.7:81", false);
        check("0.0.0.0:81", None, &[home, six], "127.0.0.1:81", true);
        check("[::]:81", None, &[], "127.0.0.1:81", true);
        check("0.0.0.0:81", Some("192.0.2.3"), &[], "192.0.2.3:81", false);
        check(
            "127.0.0.1:81",
            Some("192.0.2.3"),
            &[],
            "192.0.2.3:81",
            false,
        );
    }

    #[test]
    fn an_address_that_only_this_machine_reaches_is_not_told_without_a_word() {
        let (home, away) = ("127.0.0.1:5432", "198.51.100.2:5432");
        check("127.0.0.1:81", None, &[home], "127.0.0.1:81", false);
        check("127.0.0.1:81", None, &[], "127.0.0.1:81", false);
        check("127.0.0.1:81", None, &[away], "127.0.0.1:81", true);
        check("[::1]:81", None, &[home, away], "[::1]:81", true);
        let advertise = Some("192.0.2.3");
        check("127.0.0.1:81", advertise, &[away], "192.0.2.3:81", false);
    }

    #[test]
    fn the_system_knows_the_way_to_this_machine() {
        assert_eq!(
            own("127.0.0.1:9".parse().unwrap()),
            Some(ip("127.0.0.1")),
            "and nothing was sent"
        );
    }
}

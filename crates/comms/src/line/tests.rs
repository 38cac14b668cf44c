//! What a line keeps to itself.

use super::*;
use delivery::{Fence, Lane};
use wire::smpp::status;

const THROTTLED: u32 = 0x58;
const WRONG_NUMBER: u32 = 0x0B;

fn text(fence: Option<Fence>) -> Outbound {
    Outbound {
        target: Target::Notice { id: 1, part: 1 },
        lane: Lane::Interactive,
        destination: "+447700900101".into(),
        udhi: false,
        pid: 0,
        dcs: 0,
        user_data: vec![0x41],
        validity_s: None,
        fence,
        by: None,
    }
}

/// A line whose only text was throttled, and waits.
fn throttled(fence: Option<Fence>) -> Line {
    let config = serde_json::json!({ "name": "g", "host": "127.0.0.1", "system_id": "kith" });
    let mut line = Line::new(serde_json::from_value(config).unwrap(), 0, 0, 0);
    line.connected(0, 0);
    line.bound(0, 0, 0);
    line.push(text(fence), 0);
    let submit = line.sequence;
    line.answered(submit, THROTTLED, None, 0);
    assert_eq!((line.later.len(), line.refusals.len()), (1, 1));
    line
}

#[test]
fn how_often_a_text_was_refused_is_forgotten_with_it() {
    assert!(status::words(THROTTLED).contains("throttled"));
    type End = fn(&mut Line);
    let ends: [(&str, End); 6] = [
        ("taken", |line| {
            line.tick(1_000);
            line.answered(line.sequence, 0, Some("A1".into()), 1_000);
        }),
        ("its number is wrong", |line| {
            line.tick(1_000);
            line.answered(line.sequence, WRONG_NUMBER, None, 1_000);
        }),
        ("no answer in time", |line| {
            line.tick(1_000);
            line.tick(60_000);
        }),
        ("no answer before the end", |line| {
            line.tick(1_000);
            line.closed(0, "The gateway closed the connection.", 1_000);
        }),
        ("its time is over", |line| line.tick(9_000)),
        ("by another", |line| {
            line.elsewhere(true, "Another node holds the only bind.", 0);
            assert_eq!(line.take_back().len(), 1);
        }),
    ];
    for (why, end) in ends {
        let over = why == "its time is over";
        let mut line = throttled(over.then(|| Fence::until(5_000)));
        end(&mut line);
        assert_eq!((line.refusals.len(), line.later.len()), (0, 0), "{why}");
    }
}

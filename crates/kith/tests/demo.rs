//! The demo as a newcomer runs it: a friend added by the API is on the drawn phone, and killed at any moment and started
//! again it finishes the job.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use running::{Demo, MUM, ask, until};
use serde_json::json;

#[test]
fn a_friend_added_by_the_api_is_on_the_drawn_phone_and_problems_are_sentences() {
    let demo = Demo::start("demo");
    demo.in_sync();
    demo.add("Dr Okafor", "07700 900456");
    until("Dr Okafor", || {
        demo.phone_book(MUM).contains("Dr Okafor").then_some(())
    });
    demo.in_sync();
    let call = format!("POST /subscribers/{}/friends", demo.mum().0);
    let problem = demo.api(
        &call,
        &json!({"name": "X", "numbers": [{"number": "07O0"}]}),
    );
    assert_eq!(
        (problem.status, &problem.body["field"]),
        (422, &json!("numbers[0].number"))
    );
    assert_eq!(ask(demo.url("api"), "GET /network", &[], "").status, 401);
}

#[test]
fn killed_at_any_moment_and_started_again_it_finishes_the_job() {
    let mut demo = Demo::start("kill");
    demo.in_sync();
    let mut wanted = demo.phone_book(MUM);
    assert!(wanted.contains("Dr Lee"));
    let submitted = |demo: &Demo| demo.lab("/smsc")["submitted"].as_u64().unwrap();
    for (round, moment) in ["answered", "submitted", "shown"].into_iter().enumerate() {
        demo.in_sync();
        let before = submitted(&demo);
        let name = format!("Friend {round}");
        demo.add(&name, &format!("07700 90020{round}"));
        match moment {
            // The edit is committed and nothing has gone out.
            "answered" => {}
            // The gateway has the message; its answer, receipt and proof may all be lost.
            "submitted" => until(moment, || (submitted(&demo) > before).then_some(())),
            // The card has it; the proof may be lost.
            _ => until(moment, || {
                demo.phone_book(MUM).contains(&name).then_some(())
            }),
        }
        wanted.insert(name);
        demo.again();
        demo.in_sync();
        assert_eq!(demo.phone_book(MUM), wanted, "killed when {moment}");
    }
}

#[test]
fn three_nodes_share_the_work_on_postgresql_and_end_when_told_to() {
    let url = pgbox::shared().unwrap().database("demo_nodes").unwrap();
    let mut demo = Demo::start_with("demo-nodes", &["--nodes", "3", "--postgres", &url]);
    until("three nodes at work", || {
        let nodes = demo.get("/nodes");
        let nodes = nodes["nodes"].as_array().unwrap();
        let slices = nodes.iter().map(|node| node["slices"].as_array().unwrap());
        (nodes.len() == 3 && slices.into_iter().all(|slices| !slices.is_empty())).then_some(())
    });
    demo.in_sync();
    demo.add("Dr Okafor", "07700 900456");
    until("Dr Okafor", || {
        demo.phone_book(MUM).contains("Dr Okafor").then_some(())
    });
    demo.in_sync();
    demo.end();
    // The others have ended with it: nobody holds their folders.
    for n in [2, 3] {
        let lock = demo.path(&format!("node-{n}")).join("kith.lock");
        std::fs::File::open(lock).unwrap().try_lock().unwrap();
    }
}

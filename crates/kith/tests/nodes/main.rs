//! Several nodes on one PostgreSQL (ARCHITECTURE.md, “Many nodes”): real processes, stopped, woken and ended.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../running/mod.rs"]
mod running;
mod world;

use running::until;
use serde_json::Value;
use std::time::{Duration, Instant};
use world::{World, within};

/// Protocol 2: three nodes share evenly without being told of each other.
/// Protocol 4 and 7: whichever node takes the edit, and whichever gets receipt and proof, the card has the book.
#[test]
fn an_edit_on_any_node_reaches_the_card_whoever_gets_the_proof() {
    let world = World::start("edits", 3);
    world.settled(&[0, 1, 2]);
    let mut names = Vec::new();
    for n in 0..9 {
        let name = format!("Friend {n}");
        let began = Instant::now();
        world.add(n % 3, &name);
        // Long before anybody's own look would have been the only way: the hint came.
        within(Duration::from_secs(5), "the friend on the card", || {
            world.has(&name)
        });
        eprintln!("{name} by node {}: {:?}", n % 3, began.elapsed());
        names.push(name);
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    world.finished(0, &names);
}

/// A page on one node hears of an edit on another, long before it would look by itself.
#[test]
fn a_page_on_one_node_hears_of_what_another_did() {
    use std::io::BufRead;
    let world = World::start("events", 2);
    world.settled(&[0, 1]);
    let mut lines = world.listen(1).lines();
    // Listening begins before the answer does.
    let head = lines.find(|line| line.as_ref().unwrap().is_empty());
    assert!(head.is_some());
    let began = Instant::now();
    world.add(0, "Ann");
    let change = lines.find(|line| line.as_ref().unwrap().contains("event: change"));
    assert!(change.is_some());
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    eprintln!("heard after {:?}", began.elapsed());
}

/// Protocol 2, 3 and 5: an owner sleeps in the middle of its work, another takes over, the first wakes and does nothing.
#[test]
fn an_owner_that_wakes_after_a_take_over_does_nothing() {
    let mut world = World::start("sleeper", 3);
    world.settled(&[0, 1, 2]);
    let sleeper = world.owner_of_mum(0).unwrap();
    let others: Vec<_> = (0..3).filter(|n| *n != sleeper).collect();
    world.add(others[0], "Before");
    world.signal(sleeper, "-STOP");
    world.add(others[0], "Meanwhile");
    // Its transactions under way end by the database first.
    within(Duration::from_secs(40), "another owner", || {
        let owner = world.owner_of_mum(others[0]);
        owner.is_some_and(|owner| owner != sleeper)
    });
    world.finished(others[0], &["Before", "Meanwhile"]);
    world.signal(sleeper, "-CONT");
    world.add(others[1], "After");
    world.finished(others[0], &["Before", "Meanwhile", "After"]);
    world.settled(&[0, 1, 2]);
    world.add(sleeper, "Late");
    world.finished(sleeper, &["Before", "Meanwhile", "After", "Late"]);
}

/// A node's death moves its slices within 15 s, and loses nothing.
#[test]
fn a_death_moves_its_slices_within_15_s() {
    let mut world = World::start("death", 3);
    world.settled(&[0, 1, 2]);
    let dies = world.owner_of_mum(0).unwrap();
    let others: Vec<_> = (0..3).filter(|n| *n != dies).collect();
    world.add(others[0], "Before");
    world.signal(dies, "-KILL");
    let took = world.all_owned(&others);
    assert!(took < Duration::from_secs(15), "{took:?}");
    eprintln!("moved after {took:?}");
    world.add(others[1], "After");
    world.finished(others[0], &["Before", "After"]);
}

/// Protocol 2: a node that is told to end hands over, and the others go on at once; no edit is lost on the way.
#[test]
fn a_shut_down_hands_over_without_a_gap() {
    let mut world = World::start("handover", 3);
    world.settled(&[0, 1, 2]);
    let goes = world.owner_of_mum(0).unwrap();
    let others: Vec<_> = (0..3).filter(|n| *n != goes).collect();
    world.add(others[0], "Before");
    world.signal(goes, "-TERM");
    world.add(others[1], "Meanwhile");
    within(Duration::from_secs(4), "another owner", || {
        let owner = world.owner_of_mum(others[0]);
        owner.is_some_and(|owner| owner != goes)
    });
    world.finished(others[0], &["Before", "Meanwhile"]);
    world.ended(goes);
}

/// Protocol 6: the carrier grants one bind. Edits at all nodes arrive by the node that holds it; it is killed, another binds
/// within 15 s; that one is told to end, and the last binds at once. Everything arrives.
#[test]
fn one_bind_serves_all_nodes_and_moves_with_its_holders_death() {
    let mut world = World::start_with_one_bind("bind", 3);
    world.settled(&[0, 1, 2]);
    let holder = world.holder(&[0, 1, 2]);
    let mut names = Vec::new();
    for n in 0..3 {
        let name = format!("Friend {n}");
        let began = Instant::now();
        world.add(n, &name);
        within(Duration::from_secs(5), "the friend on the card", || {
            world.has(&name)
        });
        eprintln!("{name} by node {n}: {:?}", began.elapsed());
        names.push(name);
    }
    assert_eq!(world.bound(), 1);
    let others: Vec<_> = (0..3).filter(|n| *n != holder).collect();
    world.signal(holder, "-KILL");
    for (n, at) in others.iter().enumerate() {
        let name = format!("Meanwhile {n}");
        world.add(*at, &name);
        names.push(name);
    }
    let began = Instant::now();
    let next = world.holder(&others);
    eprintln!("bound again after {:?}", began.elapsed());
    // 9 s alone; ten nodes and their databases run beside it here.
    assert!(began.elapsed() < Duration::from_secs(25));
    let arrived: Vec<_> = names.iter().map(String::as_str).collect();
    world.finished(next, &arrived);
    assert_eq!(world.bound(), 1);
    let last = others.into_iter().find(|n| *n != next).unwrap();
    world.add(last, "Late");
    world.signal(next, "-TERM");
    names.push("Late".to_owned());
    within(Duration::from_secs(10), "the last binds", || {
        let row = world.gateway(last);
        let other = |reason: &str| reason.contains("only bind");
        let bound = |row: Value| row["state"] == "up" && !row["reason"].as_str().is_some_and(other);
        row.is_some_and(bound)
    });
    world.ended(next);
    let arrived: Vec<_> = names.iter().map(String::as_str).collect();
    world.finished(last, &arrived);
    assert_eq!(world.bound(), 1);
}

/// The database is killed under three nodes and its synchronous standby takes over: no node is started again, every slice
/// has one owner at a far higher epoch, every edit that was answered is on the card, and terminals are made sure of.
#[test]
fn a_fail_over_under_three_nodes_loses_nothing() {
    let mut primary = pgbox::Server::start().unwrap();
    let mut standby = primary.standby(true).unwrap();
    let url = pgbox::url(&[&primary, &standby], "postgres");
    let mut world = World::start_on("failover", &url, 3);
    world.settled(&[0, 1, 2]);
    world.add(0, "Before");
    world.finished(1, &["Before"]);
    world.add(1, "On its way");
    primary.kill().unwrap();
    standby.promote().unwrap();
    // The first edits may be refused: people are told, and try again.
    for n in 0..3 {
        let name = format!("After {n}");
        until("an edit after the fail-over", || {
            let (status, _) = world.try_add(n, &name)?;
            (status == 201).then_some(())
        });
    }
    world.settled(&[0, 1, 2]);
    world.finished(
        2,
        &["After 0", "After 1", "After 2", "Before", "On its way"],
    );
    let state = standby.sql("postgres", include_str!("failed_over.sql"));
    assert_eq!(state.unwrap(), "2|t");
    assert!((0..3).all(|n| world.runs(n)));
}

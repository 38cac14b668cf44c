//! `kith backup`, `kith restore` and `kith store move` as commands: of a server that runs, by a second process; into another
//! folder, where a server goes on; to PostgreSQL, where rows are compared, and after being killed in the middle.
#![allow(clippy::unwrap_used, missing_docs)]

mod running;

use pgbox::Server;
use running::world::World;
use running::{MUM, until};
use serde_json::{Value, json};
use std::fs;
use std::process::{Output, Stdio};

/// A command of another process.
fn kith(world: &World, words: &[&str]) -> Output {
    world.command().args(words).output().unwrap()
}

/// It is refused, with these words.
fn refused(world: &World, words: &[&str], because: &[&str]) {
    let output = kith(world, words);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
    for part in because {
        assert!(said.contains(part), "{words:?}: {said}");
    }
}

/// The names in Mum's book.
fn book(world: &World, owner: &str) -> Vec<String> {
    let friends = world.ask(&format!("GET /subscribers/{owner}/friends"), &Value::Null);
    let friends = friends.unwrap().body;
    let friends = friends["items"].as_array().unwrap().iter();
    friends
        .map(|friend| friend["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_back_up_of_a_running_server_is_restored_into_another_folder_and_goes_on_there() {
    let mut world = World::new("backup");
    let owner = world.id(MUM);
    world.start_server(None);
    world.add(&owner, "Ann");
    world.finished(MUM, &["Ann"]);
    let said = world.kith(&["backup", "monday.db"]);
    assert!(said.contains("monday.db holds 2 subscribers"), "{said}");
    assert!(said.contains("master.key"), "{said}");
    refused(&world, &["backup", "monday.db"], &["is there already"]);
    refused(&world, &["restore", "monday.db"], &["stop it first"]);
    world.add(&owner, "Bea");
    world.stop_server();

    let said = world.kith(&["restore", "--data", "again", "monday.db"]);
    assert!(said.contains("Restored: 2 subscribers"), "{said}");
    let key = |folder: &str| world.folder.join(folder).join("master.key");
    fs::copy(key("data"), key("again")).unwrap();
    world.wrap(&[], &[("KITH_STORE_PATH", "again")]);
    world.start_server(None);
    world.find_data("again");
    assert_eq!(book(&world, &owner), ["Ann"], "as it was on Monday");
    world.add(&owner, "Cleo");
    world.finished(MUM, &["Ann", "Cleo"]);
}

/// The rows of both sides are compared before the file is put aside.
#[test]
fn a_move_is_refused_for_a_row_that_differs_and_goes_on_after_being_killed() {
    let server = Server::start().unwrap();
    let url = server.url();
    let sql = |statements: &str| server.sql("postgres", statements).unwrap();
    let mut world = World::new("move");
    let owner = world.id(MUM);
    world.start_server(None);
    world.add(&owner, "Ann");
    world.finished(MUM, &["Ann"]);
    world.stop_server();
    // The tables are there, from a move that somebody tried with a copy.
    let (data, tried) = (world.folder.join("data"), world.folder.join("tried"));
    fs::create_dir(&tried).unwrap();
    for name in ["kith.db", "kith.db-wal", "master.key"] {
        fs::copy(data.join(name), tried.join(name)).unwrap();
    }
    let said = world.kith(&["store", "--data", "tried", "move", "--to", &url]);
    assert!(said.contains("Every row is on PostgreSQL"), "{said}");
    assert!(tried.join("kith.db-moved").exists() && !tried.join("kith.db").exists());

    sql(include_str!("copies/spoil.sql"));
    let to = ["store", "move", "--to", &url];
    refused(
        &world,
        &to,
        &[
            "a row of subscriber is not the same on PostgreSQL",
            "Start the move again",
        ],
    );
    assert!(data.join("kith.db").exists(), "the file stays");

    // Held in the middle, so that it is killed there.
    sql(include_str!("copies/wait.sql"));
    let mut moving = world.command();
    let mut moving = moving.args(to).stderr(Stdio::null()).spawn().unwrap();
    until("the middle of the move", || {
        (sql(include_str!("copies/asleep.sql")) == "1").then_some(())
    });
    refused(&world, &to, &["stop it first"]);
    moving.kill().unwrap();
    moving.wait().unwrap();
    sql(include_str!("copies/wake.sql"));
    sql("DROP TRIGGER wait ON friend");
    let said = world.kith(&to);
    assert!(said.contains("Every row is on PostgreSQL"), "{said}");
    assert!(data.join("kith.db-moved").exists() && !data.join("kith.db").exists());

    world.wrap(&[], &[("KITH_STORE_URL", &url)]);
    world.start_server(None);
    assert_eq!(book(&world, &owner), ["Ann"]);
    world.add(&owner, "Bea");
    world.finished(MUM, &["Ann", "Bea"]);
    let owners = world.ask("GET /subscribers?msisdn=%2B447700900101", &json!(null));
    assert_eq!(owners.unwrap().status, 200);
}

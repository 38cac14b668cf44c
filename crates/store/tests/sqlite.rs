//! What is SQLite's own: the file, its lock, its schema, what a crash leaves.
#![allow(clippy::unwrap_used)]

mod sample;

use rusqlite::Connection;
use sample::*;
use std::fs;
use store::Store;

#[tokio::test]
async fn a_second_process_is_refused_with_a_sentence() {
    let folder = Folder::new("lock");
    let store = Store::open(&folder.file()).unwrap();
    let refused = Store::open(&folder.file()).unwrap_err().to_string();
    assert!(refused.contains("another Kith holds"), "{refused}");
    assert!(refused.contains("stop it or use its socket"), "{refused}");
    store.close().await;
    Store::open(&folder.file()).unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_never_take_the_reader_of_the_leases() {
    let folder = Folder::new("kept");
    let store = Store::open(&folder.file()).unwrap();
    slow_pages_keep_no_lease_waiting(&store, 2).await;
    store.close().await;
}

/// The files as they lie at any moment are what a kill leaves: the log holds every commit that was answered.
#[tokio::test]
async fn a_kill_loses_nothing_that_was_answered() {
    let (living, dead) = (Folder::new("living"), Folder::new("dead"));
    let store = Store::open(&living.file()).unwrap();
    somebody(&store, A).await;
    for n in 0..20 {
        store.run(add_friend(A, n, "Rose", None)).await.unwrap();
    }
    // Without the log's index, as after a power cut; the checkpoint thread only ever copies what the log still holds.
    for name in ["kith.db", "kith.db-wal"] {
        fs::copy(living.path().join(name), dead.path().join(name)).unwrap();
    }
    let after = Store::open(&dead.file()).unwrap();
    assert_eq!(after.book(A).await.unwrap().unwrap().friends.len(), 20);
    assert_eq!(after.changes(A, None, 99).await.unwrap().len(), 20);
    let due = after.terminal(id(A, 1)).await.unwrap().unwrap().due;
    assert_eq!(due.unwrap().revision.0, 20);
    after.close().await;
    store.close().await;
}

#[tokio::test]
async fn every_key_leads_with_the_slice() {
    let folder = Folder::new("slices");
    Store::open(&folder.file()).unwrap().close().await;
    let db = Connection::open(folder.file()).unwrap();
    let page: i64 = db
        .query_row("PRAGMA page_size", [], |row| row.get(0))
        .unwrap();
    assert_eq!(page, 4096);
    let way: String = db
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .unwrap();
    assert_eq!(way, "wal");
    let keys = "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c
                WHERE t.type = 'table' AND c.pk = 1 AND t.name NOT LIKE 'sqlite_%'";
    let mut statement = db.prepare(keys).unwrap();
    let mut tables = 0;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
    for row in rows.unwrap() {
        let (table, leads): (String, String) = row.unwrap();
        let crosses = ["store_state", "document", "sent", "writer"].contains(&table.as_str());
        assert_eq!(leads != "slice", crosses, "{table} leads with {leads}");
        tables += 1;
    }
    assert_eq!(tables, 21, "every table has a key, and this test sees it");
}

#[tokio::test]
async fn a_store_of_a_newer_kith_is_refused_and_not_touched() {
    let folder = Folder::new("newer");
    Store::open(&folder.file()).unwrap().close().await;
    let db = Connection::open(folder.file()).unwrap();
    db.execute("UPDATE store_state SET schema = 99", [])
        .unwrap();
    drop(db);
    let refused = Store::open(&folder.file()).unwrap_err().to_string();
    assert!(
        refused.contains("schema 99, from a newer Kith"),
        "{refused}"
    );
}

/// Edits that begin together are asked together: a book that cannot be read is nobody else's failure.
#[tokio::test]
async fn a_book_that_cannot_be_read_spoils_no_other() {
    let store = Store::memory().unwrap();
    for of in [A, B] {
        somebody(&store, of).await;
        store.run(add_friend(of, 0, "Rose", None)).await.unwrap();
    }
    let folder = Folder::new("spoilt");
    fs::write(folder.file(), store.snapshot().await.unwrap()).unwrap();
    store.close().await;
    let db = Connection::open(folder.file()).unwrap();
    db.execute(
        "UPDATE friend SET body = '{' WHERE sub = ?1",
        [A.0.cast_signed()],
    )
    .unwrap();
    drop(db);
    let store = Store::from_snapshot(&fs::read(folder.file()).unwrap()).unwrap();
    let of = |subscriber| {
        store.basis(store::BasisOf {
            subscriber,
            actor: "agent1".to_owned(),
            goes_on: Box::new(|_| true),
        })
    };
    // Nothing is answered before both have asked.
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let shut = store.read(move |_| {
        gate.recv().unwrap();
        Ok(())
    });
    let opened = async { open.send(()).unwrap() };
    let (_, spoilt, whole, ()) = tokio::join!(shut, of(A), of(B), opened);
    let why = spoilt.unwrap_err().to_string();
    assert!(why.contains("read a row"), "{why}");
    assert_eq!(whole.unwrap().unwrap().full.subscriber.id, B);
    store.close().await;
}

#[tokio::test]
async fn what_is_no_store_is_said() {
    let folder = Folder::new("odd");
    fs::write(
        folder.file(),
        "this is not a database, it is a letter of some length",
    )
    .unwrap();
    let refused = Store::open(&folder.file()).unwrap_err().to_string();
    assert!(refused.contains("not a database"), "{refused}");
}

/// A store from before the cargo stood apart: its shipments are read, and written, as ever.
#[tokio::test]
async fn a_store_of_the_first_schema_is_brought_up_to_date() {
    let folder = Folder::new("first");
    let db = Connection::open(folder.file()).unwrap();
    db.execute_batch(include_str!("../migrations/0001_start.sql"))
        .unwrap();
    db.execute_batch(
        "INSERT INTO store_state (one, schema, incarnation, created) VALUES (1, 1, 3, 0)",
    )
    .unwrap();
    let old = ship(A, 1);
    let body = serde_json::to_string(&old).unwrap();
    let (slice, key) = (i64::from(A.slice()), old.id.0.cast_signed());
    db.execute(
        "INSERT INTO shipment (slice, ship, sub, term, kind, lane, state, at, body)
         VALUES (?1, ?2, ?3, 1, 0, 0, 0, ?4, ?5)",
        (slice, key, A.0.cast_signed(), old.at, body),
    )
    .unwrap();
    // What was on its way then is on its way still.
    db.execute(
        "INSERT INTO terminal (slice, sub, term, channel, address, retired, counter_next, in_flight, body)
         VALUES (?1, ?2, 1, 'sms-card', '+447700900101', 0, 2, ?3, '{}')",
        (slice, A.0.cast_signed(), key),
    )
    .unwrap();
    // Who needed a person then does so still.
    let mut troubled = terminal(B, 1);
    troubled.trouble = Some(delivery::Trouble {
        key: "number".into(),
        sentence: "Check the terminal's number.".into(),
    });
    let body = serde_json::to_string(&troubled).unwrap();
    db.execute(
        "INSERT INTO terminal (slice, sub, term, channel, address, retired, counter_next, body)
         VALUES (?1, ?2, 1, 'sim-ota', '+447700900102', 0, 1, ?3)",
        (i64::from(B.slice()), B.0.cast_signed(), body),
    )
    .unwrap();
    // A deletion of then is forgotten like one of now.
    let mut gone = edit(A, 0, "\"after\":null", None).changes.remove(0);
    gone.body.before = gone.body.after.take();
    for (rev, body) in [(1, &gone), (2, &edit(A, 1, "Jim", None).changes[0])] {
        db.execute(
            "INSERT INTO change (slice, sub, rev, sitting, actor, at, body) VALUES (?1, ?2, ?3, 0, '', 5, ?4)",
            (slice, A.0.cast_signed(), rev, serde_json::to_string(body).unwrap()),
        )
        .unwrap();
    }
    db.execute(
        "INSERT INTO book VALUES (?1, ?2, 2, 3, 1, 1)",
        (slice, A.0.cast_signed()),
    )
    .unwrap();
    drop(db);
    let store = Store::open(&folder.file()).unwrap();
    let text = store
        .read(|reads| reads.old_text(A.slice(), None, 6))
        .await
        .unwrap();
    let (found, texts) = text.unwrap();
    assert_eq!((found.revision.0, texts.unwrap().changes.len()), (1, 1));
    let all = delivery::Slices::ALL;
    let flights = store.read(move |reads| reads.in_flight_after(&all, None, 9));
    assert_eq!(flights.await.unwrap(), [old.id]);
    let needing = store.terminals_in_need(delivery::Need::Person, None, 9);
    let needing: Vec<_> = needing
        .await
        .unwrap()
        .into_iter()
        .map(|(t, _)| t.id)
        .collect();
    assert_eq!(needing, [troubled.id]);
    assert_eq!(store.unfinished().await.unwrap(), [old]);
    assert_eq!(store.incarnation(0).await.unwrap(), 3);
    store.close().await;
}

/// A file that was copied back by hand is older than the number beside it.
#[tokio::test]
async fn a_file_that_was_copied_back_is_a_new_incarnation() {
    let (folder, kept) = (Folder::new("back"), Folder::new("kept"));
    let store = Store::open(&folder.file()).unwrap();
    somebody(&store, A).await;
    store.close().await;
    fs::copy(folder.file(), kept.file()).unwrap();
    let store = Store::open(&folder.file()).unwrap();
    assert_eq!(
        store.incarnation(0).await.unwrap(),
        1,
        "opened as it was left"
    );
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    store.close().await;
    fs::copy(kept.file(), folder.file()).unwrap();
    let store = Store::open(&folder.file()).unwrap();
    assert_eq!(store.incarnation(0).await.unwrap(), 2);
    store.close().await;
    let store = Store::open(&folder.file()).unwrap();
    assert_eq!(store.incarnation(0).await.unwrap(), 2, "found out once");
    store.close().await;
}

/// The incarnation of the store in a folder, once it is opened; and whether it was found to be copied back.
async fn opened(folder: &Folder) -> (u64, bool) {
    let store = Store::open(&folder.file()).unwrap();
    let copied = store.happened().contains_key(&store::What::CopiedBack);
    let incarnation = store.incarnation(0).await.unwrap();
    store.close().await;
    (incarnation, copied)
}

/// A file and its note as they were: in the same files, as `cp` does it, or in new ones, as `tar` and `rsync` do.
async fn copied_back(name: &str, in_new_files: bool) {
    let (folder, kept) = (Folder::new(name), Folder::new(&format!("{name}-kept")));
    let note = |folder: &Folder| folder.path().join("kith.db-sequence");
    let store = Store::open(&folder.file()).unwrap();
    somebody(&store, A).await;
    store.close().await;
    fs::copy(folder.file(), kept.file()).unwrap();
    fs::copy(note(&folder), note(&kept)).unwrap();
    let store = Store::open(&folder.file()).unwrap();
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    store.close().await;
    if in_new_files {
        // The old one lives on, so that the new one cannot have its inode.
        fs::rename(folder.file(), folder.path().join("aside")).unwrap();
    }
    fs::copy(kept.file(), folder.file()).unwrap();
    fs::copy(note(&kept), note(&folder)).unwrap();
    assert_eq!(opened(&folder).await, (2, true), "found out");
    assert_eq!(opened(&folder).await, (2, false), "once");
}

#[tokio::test]
async fn a_file_that_was_copied_back_with_its_note_is_a_new_incarnation() {
    copied_back("both", false).await;
    copied_back("both-new", true).await;
}

#[tokio::test]
async fn a_folder_that_was_copied_from_a_running_server_is_a_new_incarnation() {
    let (living, copy) = (Folder::new("copied-living"), Folder::new("copied"));
    let store = Store::open(&living.file()).unwrap();
    somebody(&store, A).await;
    for name in ["kith.db", "kith.db-wal", "kith.db-sequence"] {
        fs::copy(living.path().join(name), copy.path().join(name)).unwrap();
    }
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    assert_eq!(opened(&copy).await, (2, true));
    store.close().await;
    assert_eq!(opened(&living).await, (1, false));
}

#[tokio::test]
async fn what_was_not_copied_is_no_new_incarnation() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new("as-left");
    let file = folder.file();
    let store = Store::open(&file).unwrap();
    somebody(&store, A).await;
    store.close().await;
    assert_eq!(opened(&folder).await, (1, false), "started again");
    // A back-up, and who sets whose the files are, change nothing.
    store::backup(&file, &folder.path().join("backup.db")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(opened(&folder).await, (1, false), "looked at");
    // The folder gets another name, and its own again.
    let elsewhere = folder.path().with_extension("elsewhere");
    fs::rename(folder.path(), &elsewhere).unwrap();
    fs::rename(&elsewhere, folder.path()).unwrap();
    assert_eq!(opened(&folder).await, (1, false), "moved");
    // Ended without a good-bye: what the log holds goes into the file when it is opened.
    let store = Store::open(&file).unwrap();
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    let saved = ["kith.db", "kith.db-wal"].map(|name| {
        let path = folder.path().join(name);
        let octets = fs::read(&path).unwrap();
        (path, octets)
    });
    // The note itself, not a copy: it is what a kill leaves.
    let note = folder.path().join("kith.db-sequence");
    let kept = folder.path().join("kept");
    fs::hard_link(&note, &kept).unwrap();
    store.close().await;
    for (path, octets) in saved {
        fs::write(path, octets).unwrap();
    }
    fs::rename(&kept, &note).unwrap();
    // Killed before, too, while it wrote a note.
    fs::write(folder.path().join("kith.db-sequence.part"), "half").unwrap();
    assert_eq!(opened(&folder).await, (1, false), "killed");
    // The notes of older Kiths say the number alone, or nothing of themselves.
    for octets in [8, 32] {
        let said = fs::read(&note).unwrap();
        fs::write(&note, &said[..octets]).unwrap();
        assert_eq!(opened(&folder).await, (1, false), "updated");
    }
}

/// The files of a store as they are, and in place over them later: `cp -r`, or with their times `cp -a`.
struct Copies(Vec<(std::path::PathBuf, Vec<u8>, std::time::SystemTime)>);

impl Copies {
    fn of(folder: &Folder) -> Self {
        let names = ["kith.db", "kith.db-wal", "kith.db-sequence"];
        let paths = names.map(|name| folder.path().join(name)).into_iter();
        let paths = paths.filter(|path| path.exists());
        let copy = |path: std::path::PathBuf| {
            let changed = path.metadata().unwrap().modified().unwrap();
            (path.clone(), fs::read(path).unwrap(), changed)
        };
        Self(paths.map(copy).collect())
    }

    fn put_back(self, with_times: bool) {
        for (path, octets, changed) in self.0 {
            fs::write(&path, octets).unwrap();
            if with_times {
                let file = fs::File::options().write(true).open(path).unwrap();
                file.set_modified(changed).unwrap();
            }
        }
    }
}

/// Copied while it was in use, put back when it was stopped.
#[tokio::test]
async fn files_of_a_running_server_that_were_put_back_in_place_are_a_new_incarnation() {
    let folder = Folder::new("over-in-use");
    let store = Store::open(&folder.file()).unwrap();
    somebody(&store, A).await;
    let copies = Copies::of(&folder);
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    store.close().await;
    copies.put_back(false);
    assert_eq!(opened(&folder).await, (2, true), "found out");
    assert_eq!(opened(&folder).await, (2, false), "once");
}

/// Copied after a clean end, and put back when the next run was killed.
#[tokio::test]
async fn files_that_were_put_back_in_place_after_a_kill_are_a_new_incarnation() {
    let folder = Folder::new("over-killed");
    let store = Store::open(&folder.file()).unwrap();
    somebody(&store, A).await;
    store.close().await;
    let copies = Copies::of(&folder);
    let store = Store::open(&folder.file()).unwrap();
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    // What a kill leaves: the note of a store in use.
    let note = folder.path().join("kith.db-sequence");
    let kept = folder.path().join("kept");
    fs::hard_link(&note, &kept).unwrap();
    store.close().await;
    fs::rename(&kept, &note).unwrap();
    copies.put_back(true);
    assert_eq!(opened(&folder).await, (2, true), "found out");
    assert_eq!(opened(&folder).await, (2, false), "once");
}

/// Copied and put back between clean ends.
#[tokio::test]
async fn files_that_were_put_back_in_place_with_their_old_times_are_a_new_incarnation() {
    let folder = Folder::new("over-left");
    let store = Store::open(&folder.file()).unwrap();
    somebody(&store, A).await;
    store.close().await;
    let copies = Copies::of(&folder);
    // It lives on, so that no later note gets its inode: a coarse clock would do for the time of birth.
    let _first = fs::File::open(folder.path().join("kith.db-sequence")).unwrap();
    let store = Store::open(&folder.file()).unwrap();
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    store.close().await;
    copies.put_back(true);
    assert_eq!(opened(&folder).await, (2, true), "found out");
    assert_eq!(opened(&folder).await, (2, false), "once");
}

#[tokio::test]
async fn a_back_up_of_a_store_in_use_comes_back_as_a_new_incarnation() {
    let (folder, copies) = (Folder::new("in-use"), Folder::new("copies"));
    let store = Store::open(&folder.file()).unwrap();
    somebody(&store, A).await;
    store.run(add_friend(A, 0, "Rose", None)).await.unwrap();
    let copy = copies.path().join("monday.db");
    assert_eq!(store::backup(&folder.file(), &copy).unwrap().subscribers, 1);
    let again = store::backup(&folder.file(), &copy)
        .unwrap_err()
        .to_string();
    assert!(again.contains("is there already"), "{again}");
    store.run(add_friend(A, 1, "Jim", None)).await.unwrap();
    let held = store::restore(&copy, &folder.file())
        .unwrap_err()
        .to_string();
    assert!(held.contains("another Kith holds"), "{held}");
    store.close().await;

    let (copied, before) = store::restore(&copy, &folder.file()).unwrap();
    assert_eq!(copied.subscribers, 1);
    let store = Store::open(&folder.file()).unwrap();
    assert_eq!(store.book(A).await.unwrap().unwrap().friends.len(), 1);
    assert_eq!(store.incarnation(0).await.unwrap(), 2);
    store.close().await;
    let before = Store::open(&before.unwrap()).unwrap();
    assert_eq!(
        before.book(A).await.unwrap().unwrap().friends.len(),
        2,
        "nothing is thrown away"
    );
    before.close().await;

    fs::write(&copy, &fs::read(&copy).unwrap()[..2000]).unwrap();
    let torn = store::restore(&copy, &folder.file())
        .unwrap_err()
        .to_string();
    assert!(torn.contains("read whole"), "{torn}");
}

//! The connection breaks while a commit is on its way: nobody knows whether it was carried out, and the store finds out.

use super::*;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst};

/// Where the next commit is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Cut {
    Nowhere = 0,
    /// The server never hears of it.
    Before = 1,
    /// The server carries it out, and its answer is lost.
    After = 2,
}

/// A way to the server that breaks when it is told to.
struct Wire {
    url: String,
    cut: Arc<AtomicU8>,
    cuts: Arc<AtomicUsize>,
}

impl Wire {
    fn to(server: &Server) -> Self {
        let (address, database) = server.url().rsplit_once('/').map(owned).unwrap();
        let (folder, port) = address.rsplit_once(':').map(owned).unwrap();
        let url = format!("{folder}%2Fwire:{port}/{database}");
        let file = format!(".s.PGSQL.{port}");
        let behind = server.socket().join(&file);
        let folder = server.socket().join("wire");
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join(file)).unwrap();
        let wire = Self {
            url,
            cut: Arc::default(),
            cuts: Arc::default(),
        };
        let (cut, cuts) = (Arc::clone(&wire.cut), Arc::clone(&wire.cuts));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // The server is gone: so is this.
                let Ok(server) = UnixStream::connect(&behind) else {
                    return;
                };
                let (cut, cuts) = (Arc::clone(&cut), Arc::clone(&cuts));
                std::thread::spawn(move || pass(client, server, &cut, &cuts));
            }
        });
        wire
    }

    /// Cuts the next commit off; gives how many were so far.
    fn cut(&self, at: Cut) {
        self.cut.store(at as u8, SeqCst);
    }

    fn cuts(&self) -> usize {
        self.cuts.load(SeqCst)
    }
}

fn owned((a, b): (&str, &str)) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

fn holds(octets: &[u8], words: &[u8]) -> bool {
    octets.windows(words.len()).any(|window| window == words)
}

/// One connection, until either side ends or a commit is cut off.
fn pass(mut client: UnixStream, mut server: UnixStream, cut: &AtomicU8, cuts: &AtomicUsize) {
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let back = std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut octets = vec![0; 1 << 16];
    let mut reads = false;
    while let Ok(many @ 1..) = client.read(&mut octets) {
        let said = &octets[..many];
        reads |= holds(said, b"READ ONLY");
        // Those who only read end their questions like that, too.
        if !reads && holds(said, b"COMMIT\0") {
            let at = cut.swap(Cut::Nowhere as u8, SeqCst);
            if at != Cut::Nowhere as u8 {
                cuts.fetch_add(1, SeqCst);
                // Nothing of the answer arrives.
                let _ = client.shutdown(Shutdown::Both);
                if at == Cut::After as u8 {
                    let _ = server.write_all(said);
                }
                break;
            }
        }
        if server.write_all(said).is_err() {
            break;
        }
    }
    // The server hears of the end after everything else.
    let _ = server.shutdown(Shutdown::Write);
    let _ = back.join();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_done_once() {
    let server = Server::start().unwrap();
    let wire = Wire::to(&server);
    let store = Store::connect(&Servers::one(wire.url.clone())).unwrap();
    let of = sample::A;
    sample::somebody(&store, of).await;
    let mut done = 0;
    for round in 0..10 {
        for at in [Cut::Before, Cut::After] {
            wire.cut(at);
            // Refused as stale, it would have been done twice.
            let edit = sample::add_friend(of, done, &format!("{at:?} {round}"), None);
            store.run(edit).await.unwrap();
            done += 1;
            assert_eq!(wire.cuts(), usize::try_from(done).unwrap());
        }
    }
    let book = store.book(of).await.unwrap().unwrap();
    assert_eq!(book.revision.0, done);
    let count = "SELECT count(*), count(DISTINCT no) FROM friend";
    let count = server.sql("postgres", count).unwrap();
    assert_eq!(count, format!("{done}|{done}"));
    assert_eq!(store.ills(), []);
    store.close().await;
}

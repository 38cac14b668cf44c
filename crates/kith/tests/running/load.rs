//! People who edit without a pause, and afterwards the question whether all that they were promised came true.

use super::world::World;
use super::{Answer, JOE, LIMIT, MUM, ask, listen, try_ask, until};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Chance that comes again with its seed (SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// What the clients and the test tell each other.
#[derive(Default)]
struct Told {
    /// Answers to edits, and events at the carrier.
    ticks: u64,
    /// Clients begin nothing more.
    stop: bool,
    /// Counts up when a server may be there again.
    up: u64,
    /// A client that saw what must not be.
    wrong: Option<String>,
}

#[derive(Default)]
struct Board(Mutex<Told>, Condvar);

impl Board {
    fn tell(&self, what: impl FnOnce(&mut Told)) {
        what(&mut self.0.lock().unwrap());
        self.1.notify_all();
    }

    fn see<T>(&self, what: impl FnOnce(&Told) -> T) -> T {
        what(&self.0.lock().unwrap())
    }
}

/// A book that clients edit.
struct Owner {
    msisdn: String,
    id: String,
    terminal: String,
    /// A card, whose records can be compared; else a phone that only takes business cards.
    card: bool,
}

/// One client: her own friends in somebody's book, by id.
struct Client {
    owner: usize,
    name: String,
    chance: Chance,
    friends: BTreeMap<String, String>,
    edits: usize,
}

/// Several clients at work.
pub struct Load {
    board: Arc<Board>,
    owners: Vec<Owner>,
    clients: Vec<JoinHandle<Client>>,
}

/// The most friends of a client: two clients of one book fit on the smallest card.
const FRIENDS: usize = 15;

impl Load {
    /// Lets clients edit against a running world until [`Load::finish`].
    pub fn start(world: &World, seed: u64) -> Self {
        let owners = owners(world);
        let board = Arc::<Board>::default();
        let (events, carrier) = (Arc::clone(&board), world.lab_url());
        std::thread::spawn(move || {
            let lines = listen(&carrier, "/events", &[]);
            for _ in lines.filter(|line| line.starts_with("event:")) {
                events.tell(|told| told.ticks += 1);
            }
        });
        let mut chance = Chance(seed);
        // Two at the first book.
        let books = (0..owners.len()).chain([0]).enumerate();
        let clients = books.map(|(n, owner)| {
            let client = Client {
                owner,
                name: format!("C{n}"),
                chance: Chance(chance.below(u64::MAX)),
                friends: BTreeMap::new(),
                edits: 0,
            };
            let (board, url, token) = (Arc::clone(&board), world.api_url(), world.token.clone());
            let book = format!("/subscribers/{}/friends", owners[owner].id);
            std::thread::spawn(move || client.work(&board, &url, &token, &book))
        });
        let clients = clients.collect();
        Self {
            board,
            owners,
            clients,
        }
    }

    /// Waits until so many more answers were given and events came at the carrier.
    pub fn wait(&self, ticks: u64) {
        let told = self.board.0.lock().unwrap();
        let target = told.ticks + ticks;
        let on = |told: &mut Told| told.ticks < target && told.wrong.is_none();
        let (told, waited) = self.board.1.wait_timeout_while(told, LIMIT, on).unwrap();
        let wrong = told.wrong.clone();
        // A panic under the lock would be theirs, too.
        drop(told);
        assert_eq!(wrong, None);
        assert!(!waited.timed_out(), "nothing moves any more");
    }

    /// A server is there again: who got no answer asks again.
    pub fn up(&self) {
        self.board.tell(|told| told.up += 1);
    }

    /// Lets the clients end what they began; then every answered edit is in the book once, and on the phone, and proven,
    /// and every rule holds.
    pub fn finish(self, world: &World) {
        self.board.tell(|told| told.stop = true);
        self.up();
        let clients: Vec<_> = self.clients.into_iter().map(|c| c.join()).collect();
        assert_eq!(self.board.see(|told| told.wrong.clone()), None);
        let clients: Vec<_> = clients.into_iter().map(Result::unwrap).collect();
        let get = |path: &str| world.api(&format!("GET {path}"), &Value::Null).unwrap();
        for (n, owner) in self.owners.iter().enumerate() {
            let who = &owner.msisdn;
            let of = || clients.iter().filter(|client| client.owner == n);
            let promised: BTreeMap<_, _> = of().flat_map(|client| client.friends.clone()).collect();
            let friends = pages(&get, &format!("/subscribers/{}/friends", owner.id));
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let book: BTreeMap<_, _> = friends
                .iter()
                .map(|friend| (text(&friend["id"]), text(&friend["name"])))
                .collect();
            assert_eq!(book, promised, "{who}'s book");
            let changes = pages(&get, &format!("/subscribers/{}/changes", owner.id));
            let edits: usize = of().map(|client| client.edits).sum();
            assert_eq!(changes.len(), edits, "{who}'s journal has every edit once");
            until(&format!("everything of {who} proven"), || {
                let terminal = get(&format!("/terminals/{}", owner.terminal));
                (terminal["state"] == "in_sync").then_some(())
            });
            let wanted: Vec<_> = book
                .into_values()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            let mut there = world.names(who);
            // A business card comes again when nobody knows whether it came, and stays when its friend goes.
            if !owner.card {
                there.dedup();
                there.retain(|name| wanted.contains(name));
            }
            assert_eq!(there, wanted, "on {who}'s phone");
        }
        let audit = world.kith(&["audit"]);
        assert!(audit.contains("every rule holds"), "{audit}");
        println!(
            "{} edits of {} clients, all there",
            clients.iter().map(|client| client.edits).sum::<usize>(),
            clients.len()
        );
    }
}

/// Every item of a list.
fn pages(get: &impl Fn(&str) -> Value, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = get(&format!("{path}?limit=500{after}"));
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

/// Mum and Joe, and two more whose cards are made here.
fn owners(world: &World) -> Vec<Owner> {
    let made = (0..2).map(|n| {
        let msisdn = format!("+4477009007{n:02}");
        let (iccid, kic, kid) = (format!("894477009000000007{n:02}"), "7a".repeat(16), "df".repeat(16));
        let card = json!({"kind": "usim-28x100", "iccid": iccid, "kic": kic, "kid": kid});
        let phone = json!({"msisdn": msisdn, "name": "One more", "card": card}).to_string();
        let head = ["Content-Type: application/json".to_owned()];
        let answer = ask(&world.lab_url(), "POST /handsets", &head, &phone);
        assert_eq!(answer.status, 201, "{}", answer.text);
        let owner = json!({"msisdn": msisdn, "name": "One more"});
        let owner = world.api("POST /subscribers", &owner).unwrap();
        let id = owner["id"].as_str().unwrap().to_owned();
        let terminal = json!({"channel": "sim-ota", "msisdn": msisdn, "card_profile": "usim-28x100", "iccid": iccid,
            "keys": {"kic": kic, "kid": kid}, "card": "blank"});
        let terminal = world.api(&format!("POST /subscribers/{id}/terminals"), &terminal).unwrap();
        let terminal = terminal["id"].as_str().unwrap().to_owned();
        Owner { msisdn, id, terminal, card: true }
    });
    let known = [(MUM, true), (JOE, false)].map(|(msisdn, card)| {
        let id = |what| {
            let shown = world.kith(&[what, "show", msisdn, "--json"]);
            let shown: Value = serde_json::from_str(&shown).unwrap();
            shown["id"].as_str().unwrap().to_owned()
        };
        Owner {
            msisdn: msisdn.to_owned(),
            id: id("subscriber"),
            terminal: id("terminal"),
            card,
        }
    });
    known.into_iter().chain(made).collect()
}

/// Whether Kith refuses for good.
fn is_no(answer: &Answer) -> bool {
    (400..500).contains(&answer.status) && answer.header("retry-after").is_none()
}

impl Client {
    /// Edits until told to stop.
    fn work(mut self, board: &Board, url: &str, token: &str, book: &str) -> Self {
        while !board.see(|told| told.stop || told.wrong.is_some()) {
            let key = format!("{}-{}", self.name, self.edits);
            let (call, id, name) = self.next(book);
            let body = if call.starts_with("POST") {
                let number = format!("07700 900{:03}", self.chance.below(1000));
                json!({"name": name, "numbers": [{"number": number}]})
            } else {
                json!({"name": name})
            };
            let body = if call.starts_with("DELETE") {
                String::new()
            } else {
                body.to_string()
            };
            let head = [
                format!("Authorization: Bearer {token}"),
                format!("Idempotency-Key: {key}"),
                "Content-Type: application/json".to_owned(),
                "If-Match: *".to_owned(),
            ];
            let began = Instant::now();
            let made = loop {
                // Before the question, so that a start after it is not overlooked.
                let up = board.see(|told| told.up);
                let answer = try_ask(url, &call, &head, &body);
                let said = answer.as_ref().map_or("no answer".to_owned(), |a| {
                    format!("{} {}", a.status, a.text)
                });
                match answer {
                    Some(answer) if answer.status == 204 => break None,
                    // An answer that broke off is none.
                    Some(answer) if answer.status < 300 && answer.body["id"].is_string() => {
                        break answer.body["id"].as_str().map(str::to_owned);
                    }
                    answer if answer.as_ref().is_some_and(is_no) || began.elapsed() > LIMIT => {
                        let wrong = format!("{call} {key}: {said}");
                        board.tell(|told| told.wrong = Some(wrong));
                        return self;
                    }
                    _ => {
                        // Until a server comes; one that is there and busy is asked again in a moment.
                        let told = board.0.lock().unwrap();
                        let same = |told: &mut Told| told.up == up && told.wrong.is_none();
                        let moment = Duration::from_millis(100);
                        let (told, _) = board.1.wait_timeout_while(told, moment, same).unwrap();
                        if told.wrong.is_some() {
                            return self;
                        }
                    }
                }
            };
            match (id, made) {
                (Some(id), None) => drop(self.friends.remove(&id)),
                (_, Some(id)) => drop(self.friends.insert(id, name)),
                (None, None) => {}
            }
            self.edits += 1;
            board.tell(|told| told.ticks += 1);
        }
        self
    }

    /// What to do next: the call, the friend that it is about, and her name afterwards.
    fn next(&mut self, book: &str) -> (String, Option<String>, String) {
        let name = format!("{} {}", self.name, self.edits);
        let count = self.friends.len();
        let pick = usize::try_from(self.chance.below(FRIENDS as u64)).unwrap();
        match self.friends.keys().nth(pick) {
            // A friend of that place: another name, or gone.
            Some(id) => {
                let verb = if count == FRIENDS || self.chance.below(3) == 0 {
                    "DELETE"
                } else {
                    "PATCH"
                };
                (format!("{verb} {book}/{id}"), Some(id.clone()), name)
            }
            None => (format!("POST {book}"), None, name),
        }
    }
}

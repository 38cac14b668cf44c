//! Control with a clock that the test moves, and no engine: marks stay where campaigns put them.

use super::*;
use control::{Runner, Settings, Surroundings};
use delivery::Due;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use store::{Job, SettleJob, Store};

#[derive(Clone, Default)]
pub struct Clock {
    now: Arc<AtomicI64>,
    chance: Arc<AtomicU64>,
}

impl Surroundings for Clock {
    fn now(&self) -> i64 {
        1_790_000_000_000 + self.now.load(Ordering::Relaxed)
    }
    fn random(&self, octets: &mut [u8]) {
        // Spread over the slices, and the same in every run.
        for octet in octets {
            let n = self.chance.fetch_add(1, Ordering::Relaxed);
            *octet = u8::try_from((n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) & 0xFF).unwrap();
        }
    }
}

pub struct Still {
    pub control: Control,
    clock: Clock,
    pub members: Vec<SubscriberId>,
    pub group: GroupNo,
    pub friend: FriendNo,
    pub runner: Runner,
}

impl Still {
    /// A group of `n` members who all have its first content, +44 7700 900900, proven.
    pub async fn new(n: u64) -> Self {
        let clock = Clock::default();
        let key = vault::MasterKey::from_hex("test", &"42".repeat(32)).unwrap();
        let (outbound, _) = tokio::sync::mpsc::unbounded_channel();
        let store = Store::memory().unwrap();
        let settings = Settings::default();
        let control = Control::within(
            clock.clone(),
            store,
            key,
            settings,
            outbound,
            Default::default,
        );
        let group = group(&control).await;
        let mut members = Vec::new();
        for n in 0..n {
            members.push(member(&control, n).await);
        }
        members.sort_unstable();
        join(&control, group, &members).await;
        let (friend, no) = edit(&control, group, add("Night nurse", "07700 900900")).await;
        let mut still = Self {
            control,
            clock,
            members,
            group,
            friend,
            runner: Runner::default(),
        };
        still.start(no, None).await;
        still.finish(no).await;
        still.prove().await;
        still
    }

    pub async fn start(&self, no: CampaignNo, pace: Option<u32>) {
        let started = self.control.start_campaign(right(), no, pace);
        started.await.unwrap();
    }

    /// One step, a second later.
    pub async fn step(&mut self) {
        self.clock.now.fetch_add(1_000, Ordering::Relaxed);
        self.runner.step(&self.control).await.unwrap();
    }

    /// Steps until all members are marked.
    pub async fn finish(&mut self, no: CampaignNo) {
        for _ in 0..500 {
            if campaign(&self.control, no).await.all_marked {
                return;
            }
            self.step().await;
        }
        panic!("the campaign does not come to its end");
    }

    pub async fn due(&self, of: SubscriberId) -> Option<Due> {
        let all = self.control.store().terminals_of(of).await.unwrap();
        all.first().and_then(|full| full.due)
    }

    /// What the engine would do: everything due is planned and proven at once. `only`: of these.
    pub async fn prove_only(&self, only: &[SubscriberId]) {
        for of in only {
            for full in self.control.store().terminals_of(*of).await.unwrap() {
                let clear = full.due.filter(|due| !due.is_held_back());
                let job = SettleJob {
                    clear_due: clear,
                    ..SettleJob::of(full.terminal)
                };
                self.control
                    .store()
                    .run(Job::Settle(Box::new(job)))
                    .await
                    .unwrap();
            }
        }
    }

    pub async fn prove(&self) {
        self.prove_only(&self.members).await;
    }

    /// Whether each member is marked for a campaign: no more, no less.
    pub async fn marked_for(&self, no: CampaignNo) -> Vec<bool> {
        let mut marked = Vec::new();
        for of in &self.members {
            let due = self.due(*of).await;
            marked.push(due.is_some_and(|due| due.shared == no.0));
        }
        marked
    }

    /// The number that each member carries.
    pub async fn carried(&self) -> Vec<String> {
        let mut all = Vec::new();
        for of in &self.members {
            all.push(carries(&self.control, *of).await.join(" "));
        }
        all
    }

    /// A changed number, planned.
    pub async fn change(&self) -> CampaignNo {
        let (_, no) = edit(&self.control, self.group, renumber(self.friend, NEW)).await;
        no
    }
}

pub const OLD: &str = "+447700900900";
pub const NEW: &str = "+447700900901";

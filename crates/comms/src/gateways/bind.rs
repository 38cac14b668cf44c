//! A gateway whose carrier grants one bind for all nodes (ARCHITECTURE.md, “Many nodes”, protocol 6): whether this node
//! holds it, and the way of what must go by another.

use delivery::offer::{Holder, Passed, Stand, Stands};
use delivery::{Lane, Outbound};
use tokio::sync::{mpsc, watch};

/// How gateways that grant one bind are shared among nodes.
pub struct Binds {
    /// Who holds each, as control knows.
    pub stands: watch::Receiver<Stands>,
    /// Takes what goes by another node's.
    pub passed: mpsc::UnboundedSender<Passed>,
}

/// One such gateway's.
pub(super) struct OneBind {
    gateway: String,
    stands: watch::Receiver<Stands>,
    passed: mpsc::UnboundedSender<Passed>,
    /// Messages that were passed on since the start: interactive, bulk.
    count: [u64; 2],
}

impl OneBind {
    pub(super) fn new(gateway: &str, binds: &Binds) -> Self {
        Self {
            gateway: gateway.to_owned(),
            stands: binds.stands.clone(),
            passed: binds.passed.clone(),
            count: [0; 2],
        }
    }

    fn stand(&self) -> Stand {
        let stands = self.stands.borrow();
        stands.get(&self.gateway).cloned().unwrap_or_default()
    }

    /// Whether this node may be bound when the monotonic clock says `monotonic`; else whether another may, as a sentence.
    pub(super) fn holds(&self, monotonic: u64) -> Result<(), (bool, String)> {
        match self.stand().holder {
            Holder::Here(fence) if fence.open(monotonic) => Ok(()),
            Holder::There(node) => {
                let node = format!("{:016x}", node.0);
                let sentence = format!("Node {node} holds the only bind; messages go by it.");
                Err((true, sentence))
            }
            Holder::Ill(node, why) => {
                let node = format!("{:016x}", node.0);
                let sentence = format!("Node {node} holds the only bind, and cannot use it: {why}");
                Err((false, sentence))
            }
            Holder::Here(_) | Holder::Nobody => {
                let sentence = "No node holds the only bind; one takes it within 15 s.";
                Err((false, sentence.to_owned()))
            }
        }
    }

    /// A message goes by the node that holds the bind.
    pub(super) fn pass(&mut self, message: Outbound) {
        self.count[usize::from(message.lane == Lane::Bulk)] += 1;
        let gateway = self.gateway.clone();
        // Nobody takes it: Kith is going down.
        let _ = self.passed.send(Passed { gateway, message });
    }

    /// Messages that were passed on and are not answered yet: interactive, bulk.
    pub(super) fn waiting(&self) -> [u32; 2] {
        let done = self.stand().done;
        let waiting = |lane: usize| {
            let waiting = self.count[lane].saturating_sub(done[lane]);
            u32::try_from(waiting).unwrap_or(u32::MAX)
        };
        [waiting(0), waiting(1)]
    }
}

/// When something is new about who holds the bind; never where every node has its own.
pub(super) async fn changed(only: &mut Option<OneBind>) {
    if let Some(only) = only
        && only.stands.changed().await.is_ok()
    {
        return;
    }
    // Every node has its own, or Kith is going down.
    std::future::pending().await
}

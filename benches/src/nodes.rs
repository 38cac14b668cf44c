//! One node and several on one store of PostgreSQL, in one process: what a loop costs when it takes several to do it.

use crate::full::{House, Load, row};
use crate::{installation, population};
use control::{Control, Hint, Settings, Sharing};
use delivery::{NodeId, SLICES};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The loop with one node, then with `nodes`, on the same subscribers.
pub fn run(nodes: u64, load: Load) -> Result<(), String> {
    if std::env::var("KITH_BENCH_STORE").is_err() {
        return Err("several nodes need PostgreSQL: name it in KITH_BENCH_STORE.".into());
    }
    installation::in_a_folder(|folder| {
        let runtime = tokio::runtime::Runtime::new().map_err(|why| why.to_string())?;
        runtime.block_on(async {
            let alone = House::start(folder, installation::settings())?;
            population::settle(&alone.control, load.terminals, load.friends, 0).await?;
            alone.close().await;
            for nodes in [1, nodes] {
                let (house, owners) = together(folder, nodes).await?;
                let figures = house.measure(0..load.terminals, load).await;
                println!("{nodes} nodes, {}", row(load.terminals, figures));
                house.proven(0..load.terminals.min(100)).await?;
                for (stop, owner) in owners {
                    let _ = stop.send(());
                    owner.await.map_err(|why| why.to_string())?;
                }
                house.close().await;
            }
            Ok(())
        })
    })
}

/// What keeps a node's leases, until it is told to stop: then it hands them over.
type Owner = (oneshot::Sender<()>, JoinHandle<()>);

/// So many nodes, once every slice has an owner.
async fn together(folder: &Path, nodes: u64) -> Result<(House, Vec<Owner>), String> {
    let (mut settings, mut hints) = (Vec::new(), Vec::new());
    for n in 1..=nodes {
        let (sender, receiver) = mpsc::unbounded_channel();
        hints.push(receiver);
        settings.push(Settings {
            sharing: Some(Sharing {
                node: NodeId(n),
                former: Vec::new(),
                address: n.to_string(),
                began: 0,
                hints: sender,
                one_bind: Default::default(),
            }),
            ..installation::settings()
        });
    }
    let house = House::of(folder, settings)?;
    let all: Arc<OnceLock<BTreeMap<String, Control>>> = Arc::default();
    let named = (1..).zip(&house.controls);
    let named = named.map(|(n, control): (u64, _)| (n.to_string(), control.clone()));
    let _ = all.set(named.collect());
    let mut owners = Vec::new();
    for (control, hints) in house.controls.iter().cloned().zip(hints) {
        tokio::spawn(pass_on(hints, Arc::clone(&all)));
        let (stop, stopped) = oneshot::channel();
        let owner = tokio::spawn(async move { control.own(async { drop(stopped.await) }).await });
        owners.push((stop, owner));
    }
    loop {
        let known = house.control.nodes().await;
        let known = known.map_err(|why| why.to_string())?;
        let owned: usize = known.iter().map(|node| node.slices.iter().count()).sum();
        let busy = known.iter().filter(|node| !node.slices.is_empty()).count();
        if owned == SLICES && busy as u64 == nodes {
            return Ok((house, owners));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn pass_on(
    mut hints: UnboundedReceiver<Hint>,
    all: Arc<OnceLock<BTreeMap<String, Control>>>,
) {
    while let Some(hint) = hints.recv().await {
        if let Some(control) = all.get().and_then(|all| all.get(&hint.address)) {
            control.hinted(hint.at);
        }
    }
}

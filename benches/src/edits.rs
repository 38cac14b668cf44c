//! How fast edits are committed: one editor alone, and a hundred at once, who share the store's group commits.

use crate::installation;
use book::{Edit, FriendDraft, SubscriberId};
use control::{Control, EditOptions};
use identity::{Grant, JobKind};
use std::path::Path;
use std::time::{Duration, Instant};

const EDITORS: u32 = 100;
const EDITS_EACH: u32 = 25;

/// Prints the figures.
pub fn run() -> Result<(), String> {
    installation::in_a_folder(|folder| {
        let runtime = tokio::runtime::Runtime::new().map_err(|why| why.to_string())?;
        runtime.block_on(measured(folder))
    })
}

async fn measured(folder: &Path) -> Result<(), String> {
    let (outbound, _) = tokio::sync::mpsc::unbounded_channel();
    let control = installation::open(folder, outbound, Default::default)?;
    let mut owners = Vec::new();
    for n in 0..EDITORS {
        owners.push(installation::owner(&control, n).await?);
    }
    let mut alone = Vec::new();
    for owner in &owners {
        alone.push(add(&control, *owner).await?);
    }
    alone.sort_unstable();
    let at = |hundredths: usize| {
        let found = alone.get(alone.len() * hundredths / 100);
        found.map_or(f64::NAN, |taken| taken.as_secs_f64() * 1000.0)
    };
    println!(
        "one editor: median {:.2} ms, p99 {:.2} ms an edit",
        at(50),
        at(99)
    );
    let begun = Instant::now();
    let editors = owners.into_iter().map(|owner| {
        let control = control.clone();
        tokio::spawn(async move {
            for _ in 0..EDITS_EACH {
                add(&control, owner).await?;
            }
            Ok::<_, String>(())
        })
    });
    for editor in editors.collect::<Vec<_>>() {
        editor.await.map_err(|why| why.to_string())??;
    }
    let edits = f64::from(EDITORS * EDITS_EACH);
    println!(
        "{EDITORS} editors: {:.0} edits/s",
        edits / begun.elapsed().as_secs_f64()
    );
    Ok(())
}

/// One edit, from the request to the answer.
async fn add(control: &Control, owner: SubscriberId) -> Result<Duration, String> {
    let grant = Grant::of_job(JobKind::CommandLine, owner);
    let edit = Edit::AddFriend(FriendDraft::new("Mei", "+12125550123"));
    let begun = Instant::now();
    let edited = control.edit(&grant, edit, EditOptions::default()).await;
    edited.map_err(|why| why.to_string())?;
    Ok(begun.elapsed())
}

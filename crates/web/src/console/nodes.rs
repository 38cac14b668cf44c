//! The nodes of this installation as the console shows them.

use crate::page::{Unavailable, clock};
use control::Control;
use delivery::SLICES;

/// A node.
pub struct Node {
    /// Its name, drawn at its start.
    pub name: String,
    /// Whether it is the one that shows this page.
    pub own: bool,
    pub address: String,
    pub since: String,
    /// How many of all slices it owns.
    pub slices: String,
}

/// All of them, by name; none when no other process can open this store.
pub async fn list(control: &Control) -> Result<Vec<Node>, Unavailable> {
    let own = control.node();
    let nodes = control.nodes().await?.into_iter().map(|node| Node {
        name: format!("{:016x}", node.node.0),
        own: Some(node.node) == own,
        address: node.address,
        since: clock(node.began),
        slices: format!("{} / {SLICES}", node.slices.len()),
    });
    Ok(nodes.collect())
}

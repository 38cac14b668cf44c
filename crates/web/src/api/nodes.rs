//! The nodes of this installation and what each owns.

use super::auth::Caller;
use super::ids;
use super::openapi::Reads;
use super::problem::Problem;
use axum::Json;
use axum::extract::State;
use control::Control;
use identity::Scope;
use serde::Serialize;
use utoipa::ToSchema;

/// Who works on what.
#[derive(Serialize, ToSchema)]
pub struct Nodes {
    /// Empty when the store is one that no other process can open.
    nodes: Vec<Node>,
}

/// A process of Kith on this store.
#[derive(Serialize, ToSchema)]
pub struct Node {
    /// Drawn at its start.
    id: String,
    /// Whether it is the one that answers.
    own: bool,
    /// Where it takes hints.
    address: String,
    /// By its own clock.
    #[schema(format = DateTime)]
    since: String,
    /// The slices that it owns, of 0 to 255.
    slices: Vec<u8>,
}

/// The nodes, and the slices that each owns.
#[utoipa::path(get, path = "/nodes", tag = "network", operation_id = "show_nodes",
    responses((status = 200, body = Nodes), Reads))]
pub async fn list(State(control): State<Control>, caller: Caller) -> Result<Json<Nodes>, Problem> {
    caller.needs(Scope::Network)?;
    let own = control.node();
    let nodes = control.nodes().await?.into_iter().map(|node| Node {
        id: format!("{:016x}", node.node.0),
        own: Some(node.node) == own,
        address: node.address,
        since: ids::instant(node.began).unwrap_or_default(),
        slices: node.slices.iter().collect(),
    });
    Ok(Json(Nodes {
        nodes: nodes.collect(),
    }))
}

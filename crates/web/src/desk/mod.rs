//! The desk (客服终端通讯管理模块): an agent takes a call, verifies the caller, and edits on her instruction.

mod board;
mod edits;
mod line;
mod live;
mod person;
mod read_back;
mod steps;
mod verify;
mod work;

use crate::page::asset;
use crate::staff::{self, House};
use axum::Router;
use axum::routing::{get, post};
use identity::Face;

/// The desk's pages, under `/desk`; who may see them is decided in `staff`.
pub fn routes() -> Router<House> {
    Router::new()
        .route("/desk", get(board::show))
        .route("/desk/live", get(live::events))
        .merge(staff::door(Face::Desk))
        .route("/desk/calls", post(board::new_call))
        .route("/desk/calls/{c}", get(work::show))
        .route("/desk/calls/{c}/answer", post(board::answer))
        .route("/desk/calls/{c}/code", post(verify::send_code))
        .route("/desk/calls/{c}/spoken", post(verify::spoken))
        .route("/desk/calls/{c}/choose", post(verify::choose))
        .route("/desk/calls/{c}/line", post(edits::line))
        .route("/desk/calls/{c}/reading", get(edits::reading))
        .route("/desk/calls/{c}/friends/{f}", post(person::change))
        .route("/desk/calls/{c}/friends/{f}/delete", post(person::remove))
        .route("/desk/calls/{c}/undo/{revision}", post(edits::undo))
        .route(
            "/desk/calls/{c}/read-back/{revision}",
            post(read_back::answer),
        )
        .route("/desk/calls/{c}/send", post(steps::send))
        .route("/desk/calls/{c}/end", post(steps::end))
        .route("/desk/calls/{c}/decide", post(steps::decide))
        .route(
            "/assets/staff.js",
            get(|| asset("text/javascript", include_str!("../../assets/staff.js"))),
        )
}

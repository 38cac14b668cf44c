//! Campaigns: a shared group's change on its way to every member, whatever happens on the way.
#![allow(clippy::unwrap_used, missing_docs)]

mod clocked;
mod steps;
mod stopped;
mod whole_job;

use book::{FriendDraft, FriendNo, FriendPatch, GroupNo, Language, NumberDraft, SubscriberId};
use control::{Control, EditOptions, NewSubscriber, NewTerminal, SharedEdit};
use delivery::{Campaign, CampaignNo};
use identity::{JobKind, OrganisationGrant};
use std::sync::LazyLock;
use terminals::ChannelKind;

pub const KIC: &str = "000102030405060708090a0b0c0d0e0f";
pub const KID: &str = "101112131415161718191a1b1c1d1e1f";

pub fn right() -> &'static OrganisationGrant {
    static RIGHT: LazyLock<OrganisationGrant> =
        LazyLock::new(|| OrganisationGrant::of_job(JobKind::Sample));
    &RIGHT
}

pub fn number(n: u64) -> String {
    format!("+447700900{n:03}")
}

pub fn iccid(n: u64) -> String {
    format!("894400000000{n:07}")
}

/// Subscriber `n` with a SIM.
pub async fn member(control: &Control, n: u64) -> SubscriberId {
    let new = NewSubscriber {
        msisdn: number(n),
        name: format!("Member {n}"),
        language: Language::En,
        region: None,
    };
    let subscriber = control.create_subscriber(new).await.unwrap();
    let terminal = NewTerminal {
        subscriber: subscriber.id,
        channel: ChannelKind::SimOta,
        msisdn: number(n),
        card_profile: Some("sim-28x50".into()),
        iccid: Some(iccid(n)),
        keys: Some((KIC.into(), KID.into())),
        counter: None,
        in_use: false,
        terminal_profile: None,
    };
    control.add_terminal(terminal).await.unwrap();
    subscriber.id
}

/// An empty group of a new organisation.
pub async fn group(control: &Control) -> GroupNo {
    let organisation = control.add_organisation(right(), "Green Care", Language::En, "GB", None);
    let organisation = organisation.await.unwrap().no;
    let group = control.add_shared_group(right(), organisation, "Night line", None);
    group.await.unwrap().group.no
}

pub async fn edit(control: &Control, group: GroupNo, edit: SharedEdit) -> (FriendNo, CampaignNo) {
    let edited = control.edit_shared_group(right(), group, edit, EditOptions::default());
    let edited = edited.await.unwrap();
    (edited.friend.unwrap(), edited.campaign.unwrap())
}

pub fn add(name: &str, number: &str) -> SharedEdit {
    SharedEdit::Add(FriendDraft::new(name, number))
}

pub fn renumber(friend: FriendNo, number: &str) -> SharedEdit {
    let number = NumberDraft {
        number: number.into(),
        ..NumberDraft::default()
    };
    SharedEdit::Change(
        friend,
        FriendPatch {
            numbers: Some(vec![number]),
            ..FriendPatch::default()
        },
    )
}

pub async fn campaign(control: &Control, no: CampaignNo) -> Campaign {
    control.campaign(right(), no).await.unwrap().unwrap()
}

pub async fn join(control: &Control, group: GroupNo, who: &[SubscriberId]) {
    let joined = control.change_members(right(), group, who.to_vec(), vec![]);
    joined.await.unwrap();
}

pub async fn leave(control: &Control, group: GroupNo, who: &[SubscriberId]) {
    let left = control.change_members(right(), group, vec![], who.to_vec());
    left.await.unwrap();
}

/// The numbers of the shared friends that a member carries now.
pub async fn carries(control: &Control, of: SubscriberId) -> Vec<String> {
    let id = delivery::TerminalId {
        subscriber: of,
        no: 1,
    };
    let view = control.terminal_view(id).await.unwrap().unwrap();
    let shown = view.plan.shown.iter();
    let shared = shown.filter(|entry| entry.key.friend.is_shared());
    shared.map(|entry| entry.number.clone()).collect()
}

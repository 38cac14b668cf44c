//! Pause, resume, take back; members who come, go and are deleted meanwhile; what is said before.

use super::clocked::{NEW, OLD, Still};
use super::*;
use control::{EditError, Runner, StepError};
use delivery::{CampaignState, Due};

#[tokio::test]
async fn a_pause_holds_back_what_is_not_planned_and_a_resume_lets_it_go() {
    let mut still = Still::new(6).await;
    let no = still.change().await;
    still.start(no, Some(2)).await;
    still.step().await;
    still.prove_only(&still.members[..1]).await;
    let paused = still.control.pause_campaign(right(), no).await.unwrap();
    assert_eq!(paused.state, CampaignState::Paused);
    // The second one waits; nobody more is reached, also by a process that begins now.
    let mut other = Runner::default();
    for _ in 0..3 {
        still.step().await;
        other.step(&still.control).await.unwrap();
    }
    let at = async |n: usize| still.due(still.members[n]).await.map(|due| due.at);
    assert_eq!(
        (at(0).await, at(1).await, at(2).await),
        (None, Some(Due::PAUSED), None)
    );
    assert_eq!(still.carried().await, [NEW, NEW, OLD, OLD, OLD, OLD]);
    // A pause cannot be paused.
    let again = still.control.pause_campaign(right(), no).await;
    assert!(matches!(
        again,
        Err(StepError::State(CampaignState::Paused))
    ));
    still.control.resume_campaign(right(), no).await.unwrap();
    assert!(at(1).await.unwrap() <= still.control.now());
    still.finish(no).await;
    assert_eq!(still.carried().await, [NEW; 6]);
    // The one who had it before is not marked again.
    assert_eq!(
        still.marked_for(no).await,
        [false, true, true, true, true, true]
    );
}

#[tokio::test]
async fn taking_back_reaches_those_who_were_reached_and_nobody_else() {
    let mut still = Still::new(6).await;
    let no = still.change().await;
    still.start(no, Some(2)).await;
    still.step().await;
    still.prove().await;
    still.step().await;
    still.control.pause_campaign(right(), no).await.unwrap();
    let back = still.control.cancel_campaign(right(), no).await.unwrap();
    assert_eq!((back.undoes, back.progress.total), (Some(no), 4));
    assert_eq!(
        campaign(&still.control, no).await.state,
        CampaignState::Cancelled
    );
    still.finish(back.no).await;
    assert_eq!(still.carried().await, [OLD; 6]);
    assert_eq!(
        still.marked_for(back.no).await,
        [true, true, true, true, false, false]
    );
    // The two that the pause held back go as well.
    let held = still.due(still.members[2]).await.unwrap();
    assert!(!held.is_held_back());
    still.prove().await;
    still.step().await;
    still.step().await;
    let end = campaign(&still.control, back.no).await;
    assert_eq!((end.state, end.progress.proven), (CampaignState::Done, 4));
    // The group's journal tells it: added, changed, changed back.
    let changes = still.control.shared_changes(right(), still.group, None, 9);
    let changes = changes.await.unwrap();
    assert_eq!(changes.len(), 3);
    assert_eq!(
        changes[0].body.friend_after(),
        changes[2].body.friend_after()
    );
}

#[tokio::test]
async fn a_planned_campaign_that_is_taken_back_reaches_nobody() {
    let still = Still::new(2).await;
    let no = still.change().await;
    let ended = still.control.cancel_campaign(right(), no).await.unwrap();
    assert_eq!((ended.no, ended.state), (no, CampaignState::Cancelled));
    assert_eq!(still.carried().await, [OLD; 2]);
    assert_eq!(still.marked_for(no).await, [false; 2]);
    // Changing a thing back by hand comes to the same.
    let no = still.change().await;
    let back = renumber(still.friend, "07700 900900");
    let edited =
        still
            .control
            .edit_shared_group(right(), still.group, back, EditOptions::default());
    assert_eq!(edited.await.unwrap().campaign, None);
    assert_eq!(
        campaign(&still.control, no).await.state,
        CampaignState::Cancelled
    );
}

#[tokio::test]
async fn edits_before_the_start_are_one_campaign_and_a_newer_one_goes_over_a_running_one() {
    let mut still = Still::new(4).await;
    let no = still.change().await;
    let (_, same) = edit(&still.control, still.group, add("Office", "07700 900902")).await;
    assert_eq!(same, no);
    let brought = campaign(&still.control, no).await;
    let brought = still.control.brought(&brought).await.unwrap();
    assert_eq!((brought.changes.len(), brought.brake), (2, None));
    still.start(no, Some(1)).await;
    still.step().await;
    let (_, newer) = edit(
        &still.control,
        still.group,
        renumber(still.friend, "07700 900903"),
    )
    .await;
    // The running one cannot be taken back beneath it.
    let refused = still.control.cancel_campaign(right(), no).await;
    assert!(matches!(refused, Err(StepError::NotNewest)));
    still.start(newer, None).await;
    assert_eq!(
        campaign(&still.control, no).await.state,
        CampaignState::Superseded
    );
    still.finish(newer).await;
    assert_eq!(still.carried().await, ["+447700900903 +447700900902"; 4]);
    // One that came to its end is taken back from everybody.
    let back = still.control.cancel_campaign(right(), newer).await.unwrap();
    assert_eq!(back.progress.total, 4);
    still.finish(back.no).await;
    assert_eq!(
        still.carried().await,
        vec![format!("{NEW} +447700900902"); 4]
    );
}

#[tokio::test]
async fn members_come_and_go_meanwhile() {
    let mut still = Still::new(6).await;
    let stranger = member(&still.control, 50).await;
    let no = still.change().await;
    still.start(no, Some(3)).await;
    still.step().await;
    // Leaves after he was reached, and before.
    let gone = [still.members[0], still.members[5]];
    leave(&still.control, still.group, &gone).await;
    // Is deleted after he was reached, and before.
    for n in [1, 4] {
        let deleted = store::Job::DeleteSubscriber(still.members[n]);
        still.control.store().run(deleted).await.unwrap();
    }
    join(&still.control, still.group, &[stranger]).await;
    still.finish(no).await;
    assert_eq!(carries(&still.control, stranger).await, [NEW]);
    assert!(still.due(stranger).await.is_some());
    for of in gone {
        assert_eq!(carries(&still.control, of).await, [""; 0]);
        // His terminal is due to lose them.
        assert!(still.due(of).await.is_some());
    }
    still.members = vec![still.members[2], still.members[3], stranger];
    still.prove().await;
    still.step().await;
    still.step().await;
    let end = campaign(&still.control, no).await;
    assert_eq!((end.state, end.progress.proven), (CampaignState::Done, 3));
}

#[tokio::test]
async fn a_terminal_that_needs_help_is_counted_and_holds_nobody_up() {
    let mut still = Still::new(3).await;
    let no = still.change().await;
    still.start(no, None).await;
    still.finish(no).await;
    still.prove_only(&still.members[1..]).await;
    let full = still
        .control
        .store()
        .terminals_of(still.members[0])
        .await
        .unwrap();
    let mut job = store::SettleJob::of(full[0].terminal.clone());
    job.terminal.trouble = Some(delivery::Trouble {
        key: "keys".into(),
        sentence: "The card has other keys.".into(),
    });
    job.clear_due = full[0].due;
    let settled = still.control.store().run(store::Job::Settle(Box::new(job)));
    settled.await.unwrap();
    still.step().await;
    still.step().await;
    let end = campaign(&still.control, no).await;
    let progress = end.progress;
    assert_eq!((progress.proven, progress.failed), (2, 1));
    assert_eq!(end.state, CampaignState::Done);
}

#[tokio::test]
async fn the_estimate_says_what_the_plans_say() {
    let mut still = Still::new(3).await;
    let no = still.change().await;
    let planned = campaign(&still.control, no).await;
    let estimate = still.control.estimate(&planned, Some(2)).await.unwrap();
    assert_eq!(
        (estimate.members, estimate.sampled, estimate.terminals),
        (3, 3, 3)
    );
    // The shadow of these terminals is empty, so today's content waits anyway: only what differs counts.
    assert_eq!(
        (estimate.messages, estimate.full, estimate.cost),
        (0, 0, None)
    );
    assert_eq!(estimate.seconds, Some(2));
    still.start(no, None).await;
    still.finish(no).await;
}

#[tokio::test]
async fn a_shared_friend_is_read_only_and_comes_after_the_owners_own() {
    let still = Still::new(1).await;
    let owner = still.members[0];
    let grant = identity::Grant::of_job(JobKind::Sample, owner);
    for n in 0..50 {
        let draft = FriendDraft::new(&format!("Friend {n}"), &format!("07700 9002{n:02}"));
        let edit = book::Edit::AddFriend(draft);
        let added = still.control.edit(&grant, edit, EditOptions::default());
        added.await.unwrap();
    }
    // Fifty places, fifty own friends: the shared one is left out, and it is said (rule 8).
    let view = still.control.read(&grant).await.unwrap();
    let left: Vec<_> = view.terminals[0]
        .left_out
        .iter()
        .map(|l| l.key.friend)
        .collect();
    assert_eq!(left, [still.friend]);
    let friend = &view.book.friends[&still.friend];
    assert_eq!(view.brought_by(friend).unwrap().organisation, "Green Care");
    let remove = book::Edit::RemoveFriend(still.friend);
    let refused = still
        .control
        .edit(&grant, remove, EditOptions::default())
        .await;
    assert!(matches!(refused, Err(EditError::Refused(_))));
}

//! A campaign stopped at every boundary of a batch, and taken up by a process that remembers nothing.

use super::clocked::{NEW, OLD, Still};
use super::*;
use control::Runner;
use delivery::{Due, TerminalId};
use store::{Job, SettleJob};

const MEMBERS: u64 = 7;
/// Members a batch.
const BATCH: u32 = 2;

/// Runs `steps` steps, then stops: with `lost`, between the record of the last batch and its marks.
async fn stopped_after(steps: usize, lost: bool) {
    let what = format!("{steps} steps, lost marks: {lost}");
    let mut still = Still::new(MEMBERS).await;
    let no = still.change().await;
    still.start(no, Some(BATCH)).await;
    for _ in 0..steps {
        let before = still.marked_for(no).await;
        still.step().await;
        if lost {
            forget_new_marks(&still, no, &before).await;
            // Nobody had it recorded as marked, so the batch is made again.
            still.runner = Runner::default();
        }
    }
    // Whoever carries the new content is marked, or is being marked: recorded as reached and not as marked.
    if !lost {
        let carried: Vec<_> = still.carried().await.iter().map(|n| n == NEW).collect();
        assert_eq!(still.marked_for(no).await, carried, "{what}");
    }
    still.runner = Runner::default();
    still.finish(no).await;
    assert_eq!(still.marked_for(no).await, [true; 7], "{what}");
    assert_eq!(still.carried().await, [NEW; 7], "{what}");
    let progress = campaign(&still.control, no).await.progress;
    assert_eq!(
        (progress.total, progress.marked),
        (MEMBERS, MEMBERS),
        "{what}"
    );
    still.prove().await;
    still.step().await;
    still.step().await;
    let end = campaign(&still.control, no).await;
    assert_eq!(end.state, delivery::CampaignState::Done, "{what}");
    assert_eq!(end.progress.proven, MEMBERS, "{what}");
}

/// As if the process had died before the marks of this step.
async fn forget_new_marks(still: &Still, no: CampaignNo, before: &[bool]) {
    for (of, before) in still.members.iter().zip(before) {
        let full = still.control.store().terminals_of(*of).await.unwrap();
        let full = full.into_iter().next().unwrap();
        if !before && full.due.is_some_and(|due| due.shared == no.0) {
            let job = SettleJob {
                clear_due: full.due,
                ..SettleJob::of(full.terminal)
            };
            let forgotten = still.control.store().run(Job::Settle(Box::new(job)));
            forgotten.await.unwrap();
        }
    }
}

#[tokio::test]
async fn at_every_boundary_no_member_is_lost() {
    for steps in 0..=5 {
        stopped_after(steps, false).await;
    }
}

#[tokio::test]
async fn between_the_record_of_a_batch_and_its_marks_no_member_is_lost() {
    // Once: with lost marks after each step, every step makes the same batch again.
    stopped_after(1, true).await;
    stopped_after(3, true).await;
}

#[tokio::test]
async fn a_member_behind_has_the_old_content_whatever_he_does() {
    let mut still = Still::new(4).await;
    let no = still.change().await;
    assert_eq!(still.carried().await, [OLD; 4]);
    still.start(no, Some(2)).await;
    assert_eq!(still.carried().await, [OLD; 4]);
    still.step().await;
    assert_eq!(still.carried().await, [NEW, NEW, OLD, OLD]);
    assert_eq!(still.marked_for(no).await, [true, true, false, false]);
}

/// As if whoever paused or resumed the campaign had died when so many of its marks were held, or let go.
async fn hold(still: &Still, no: CampaignNo, members: &[SubscriberId], at: i64) {
    for of in members {
        let job = Job::HoldMarks {
            terminals: vec![TerminalId {
                subscriber: *of,
                no: 1,
            }],
            shared: no.0,
            at,
        };
        still.control.store().run(job).await.unwrap();
    }
}

/// How many of the members' marks a pause holds back.
async fn held(still: &Still) -> usize {
    let mut held = 0;
    for of in &still.members {
        let due = still.due(*of).await;
        held += usize::from(due.is_some_and(|due| due.at == Due::PAUSED));
    }
    held
}

#[tokio::test]
async fn a_resume_that_dies_anywhere_leaves_no_mark_paused_for_ever() {
    for (done, new_process) in (0..=6).zip([true, false].into_iter().cycle()) {
        let what = format!("{done} let go, another process: {new_process}");
        let mut still = Still::new(6).await;
        let no = still.change().await;
        still.start(no, None).await;
        // With all of them marked the campaign is only looked at any more.
        still.finish(no).await;
        still.control.pause_campaign(right(), no).await.unwrap();
        still.step().await;
        assert_eq!(held(&still).await, 6, "{what}");
        still.control.resume_campaign(right(), no).await.unwrap();
        let left = still.members[done..].to_vec();
        hold(&still, no, &left, Due::PAUSED).await;
        assert_eq!(held(&still).await, 6 - done, "{what}");
        if new_process {
            still.runner = Runner::default();
        }
        for _ in 0..3 {
            still.step().await;
        }
        assert_eq!(held(&still).await, 0, "{what}");
        still.prove().await;
        for _ in 0..5 {
            still.step().await;
        }
        let end = campaign(&still.control, no).await;
        assert_eq!(end.state, delivery::CampaignState::Done, "{what}");
    }
}

#[tokio::test]
async fn a_pause_that_dies_anywhere_holds_back_what_is_left() {
    for done in 0..=6 {
        let mut still = Still::new(6).await;
        let no = still.change().await;
        still.start(no, None).await;
        still.finish(no).await;
        still.control.pause_campaign(right(), no).await.unwrap();
        let left = still.members[done..].to_vec();
        hold(&still, no, &left, still.control.now()).await;
        assert_eq!(held(&still).await, done);
        // The process that carries campaigns out lives on.
        for _ in 0..3 {
            still.step().await;
        }
        assert_eq!(held(&still).await, 6, "after {done}");
    }
}

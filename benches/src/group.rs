//! A shared group of 100,000 members, changed once: the whole campaign, until every plan is recorded and queued.

use crate::{bulk, installation, population, process};
use book::{FriendDraft, GroupNo, Language};
use control::{Control, EditOptions, SharedEdit};
use delivery::CampaignNo;
use identity::{JobKind, OrganisationGrant};
use std::time::{Duration, Instant};

/// Friends of each member's own.
const FRIENDS: u32 = 2;
/// Members who join in one go.
const TOGETHER: usize = 5_000;

/// One edit of a group with so many members.
pub fn group(members: u32) -> Result<(), String> {
    bulk::in_a_house(installation::settings(), async |house, _| {
        let control = &house.control;
        population::settle(control, members, FRIENDS, 0).await?;
        let right = OrganisationGrant::of_job(JobKind::Sample);
        let group = joined(control, &right, members).await?;
        // What the joining marked finds nothing to send.
        while bulk::due(house).await? > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let us = std::process::id();
        let idle = process::resident_mib(us);
        let edit = SharedEdit::Add(FriendDraft::new("Night nurse", "+12125550199"));
        let begun = Instant::now();
        let edited = control.edit_shared_group(&right, group, edit, EditOptions::default());
        let edited = edited.await.map_err(|why| why.to_string())?;
        let campaign = edited.campaign.ok_or("the edit makes no campaign.")?;
        let planned = control.campaign(&right, campaign).await;
        let planned = planned.map_err(|why| why.to_string())?;
        let planned = planned.ok_or("the campaign is not there.")?;
        let asked = Instant::now();
        let estimate = control.estimate(&planned, None).await;
        let estimate = estimate.map_err(|why| why.to_string())?;
        println!(
            "{members} members; estimate of {} messages from {} of them in {:.2} s",
            estimate.messages,
            estimate.sampled,
            asked.elapsed().as_secs_f64()
        );
        let started = control.start_campaign(&right, campaign, None).await;
        started.map_err(|why| why.to_string())?;
        let runner = tokio::spawn({
            let control = control.clone();
            async move { control.run_campaigns(std::future::pending()).await }
        });
        let (mut most, mut marked) = (idle, None);
        loop {
            most = most.max(process::resident_mib(us));
            let all = all_marked(control, &right, campaign).await?;
            if all && marked.is_none() {
                marked = Some(begun.elapsed().as_secs_f64());
            }
            if all && bulk::due(house).await? == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        runner.abort();
        println!(
            "all marked after {:.1} s, planned and queued after {:.1} s; memory {idle:.0} MiB before, {most:.0} MiB at most",
            marked.unwrap_or_default(),
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    })
}

async fn all_marked(
    control: &Control,
    right: &OrganisationGrant,
    no: CampaignNo,
) -> Result<bool, String> {
    let campaign = control.campaign(right, no).await;
    let campaign = campaign.map_err(|why| why.to_string())?;
    Ok(campaign.is_some_and(|campaign| campaign.all_marked))
}

async fn joined(
    control: &Control,
    right: &OrganisationGrant,
    members: u32,
) -> Result<GroupNo, String> {
    let said = |why: control::EditError| why.to_string();
    let care = control.add_organisation(right, "Green Care", Language::En, "GB", None);
    let care = care.await.map_err(said)?.no;
    let group = control.add_shared_group(right, care, "Night line", None);
    let group = group.await.map_err(said)?.group.no;
    let all: Vec<_> = (0..members).map(population::subscriber).collect();
    for some in all.chunks(TOGETHER) {
        let joins = control.change_members(right, group, some.to_vec(), Vec::new());
        joins.await.map_err(said)?;
    }
    Ok(group)
}

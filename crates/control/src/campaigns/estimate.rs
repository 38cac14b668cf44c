//! What a campaign will come to, before it starts: members planned for real, as they would be sent, and extrapolated.

use crate::{Control, locked};
use book::{Book, FriendNo, Revision, SubscriberId, shared};
use delivery::{Campaign, CampaignNo};
use std::collections::BTreeSet;
use store::StoreError;
use terminals::LeftOutReason;

/// Most members that are planned.
const SAMPLE: u32 = 200;
/// How long an estimate is shown again before it is worked out anew, ms.
const KEPT: i64 = 60_000;
/// Ids lead with 0, a slice and chance: so far apart, they are spread evenly.
const STRIDE: u64 = (1 << 63) / SAMPLE as u64;

/// What a campaign will come to. From a sample when `sampled` is less than `members`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Members that it goes to.
    pub members: u64,
    /// Members that were planned for this.
    pub sampled: u64,
    /// Their terminals that are in use.
    pub terminals: u64,
    /// Short messages.
    pub messages: u64,
    /// Terminals that have no room for all of it.
    pub full: u64,
    /// Terminals that cannot be planned before a person helps.
    pub trouble: u64,
    /// What the messages cost; none when no gateway has a price, or they are of several currencies.
    pub cost: Option<Cost>,
    /// How long it takes at the campaign's and the gateways' pace, seconds; none when nothing limits it.
    pub seconds: Option<u64>,
}

/// What messages cost, over the cheapest and over the dearest gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Millionths of the currency.
    pub least: u64,
    /// Millionths of the currency.
    pub most: u64,
    /// ISO 4217.
    pub currency: String,
}

/// The last estimate: a page that renews itself asks again and again.
pub(crate) type Last = (CampaignNo, Revision, Option<u32>, i64, Estimate);

impl Control {
    /// What a campaign would come to if it were started now at most `pace` members a second. Nothing is sent or recorded.
    ///
    /// # Errors
    /// The store's.
    pub async fn estimate(
        &self,
        campaign: &Campaign,
        pace: Option<u32>,
    ) -> Result<Estimate, StoreError> {
        let Campaign {
            no,
            group,
            to,
            until,
            ..
        } = *campaign;
        let now = self.now();
        let last = locked(&self.0.estimate).clone();
        if let Some((_, _, _, _, estimate)) =
            last.filter(|l| (l.0, l.1, l.2) == (no, to, pace) && now - l.3 < KEPT)
        {
            return Ok(estimate);
        }
        let after = self.content(group, to).await?;
        let before = self.content(group, campaign.from).await?;
        let ours: BTreeSet<FriendNo> = after.iter().chain(before.iter()).map(|f| f.no).collect();
        let (members, _) = self.store().member_counts(group, to, until).await?;
        let sample = self.sample(group, until, members).await?;
        let mut estimate = Estimate {
            members,
            sampled: u64::try_from(sample.len()).unwrap_or(0),
            ..Estimate::default()
        };
        for member in sample {
            let Some((subscriber, book, holds)) = self.book_of(member).await? else {
                continue;
            };
            let mut with = Book {
                friends: book.friends.clone(),
                ..book.clone()
            };
            with.friends.retain(|no, _| !ours.contains(no));
            shared::carry(&mut with, after.iter());
            for full in self.store().terminals_of(member).await? {
                if full.terminal.retired {
                    continue;
                }
                estimate.terminals += 1;
                let now = self.plan_for(&subscriber, &book, &holds, &full, false);
                let then = self.plan_for(&subscriber, &with, &holds, &full, false);
                let Ok(plan) = then.plan else {
                    estimate.trouble += 1;
                    continue;
                };
                // What waits anyway is not this campaign's.
                let anyway = now.plan.map_or(0, |plan| plan.parts());
                estimate.messages += u64::from(plan.parts().saturating_sub(anyway));
                let no_room = plan.left_out.iter().any(|left| {
                    ours.contains(&left.key.friend)
                        && matches!(left.reason, LeftOutReason::Full { .. })
                });
                estimate.full += u64::from(no_room);
            }
        }
        estimate.extrapolate();
        self.price(&mut estimate, pace);
        *locked(&self.0.estimate) = Some((no, to, pace, now, estimate.clone()));
        Ok(estimate)
    }

    /// Members spread evenly over the group.
    async fn sample(
        &self,
        group: book::GroupNo,
        until: Option<SubscriberId>,
        members: u64,
    ) -> Result<BTreeSet<SubscriberId>, StoreError> {
        self.store()
            .read(move |reads| {
                if members <= u64::from(SAMPLE) {
                    let all = reads.members(group, None, until, SAMPLE)?;
                    return Ok(all.into_iter().map(|m| m.subscriber).collect());
                }
                let mut found = BTreeSet::new();
                for n in 0..u64::from(SAMPLE) {
                    let after = SubscriberId(n * STRIDE);
                    let next = reads.members(group, Some(after), until, 1)?;
                    found.extend(next.into_iter().map(|m| m.subscriber));
                }
                Ok(found)
            })
            .await
    }

    fn price(&self, estimate: &mut Estimate, pace: Option<u32>) {
        let table = self.network();
        let prices: Vec<_> = table.gateways.values().flat_map(|g| &g.price).collect();
        let currency = prices.first().map(|price| price.currency.clone());
        let one = prices
            .iter()
            .all(|p| Some(&p.currency) == currency.as_ref());
        let least = prices.iter().map(|price| price.micros).min();
        let most = prices.iter().map(|price| price.micros).max();
        estimate.cost = match (currency, least, most) {
            (Some(currency), Some(least), Some(most)) if one => Some(Cost {
                least: least.saturating_mul(estimate.messages),
                most: most.saturating_mul(estimate.messages),
                currency,
            }),
            _ => None,
        };
        let gateways: Option<f64> = table.gateways.values().map(|row| row.pace).sum();
        let gateways = gateways.filter(|pace| *pace >= 1.0);
        #[allow(clippy::cast_precision_loss)] // An estimate.
        let by_gateway = gateways.map(|pace| estimate.messages as f64 / pace);
        let by_pace = pace.filter(|pace| *pace > 0);
        #[allow(clippy::cast_precision_loss)]
        let by_pace = by_pace.map(|pace| estimate.members as f64 / f64::from(pace));
        let longest = [by_gateway, by_pace].into_iter().flatten().reduce(f64::max);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Seconds, not negative.
        let seconds = longest.map(|seconds| seconds.ceil() as u64);
        estimate.seconds = seconds;
    }
}

impl Estimate {
    /// From the sample to all members.
    fn extrapolate(&mut self) {
        let (of, members) = (u128::from(self.sampled.max(1)), u128::from(self.members));
        let scale = |n: u64| u64::try_from(u128::from(n) * members / of).unwrap_or(u64::MAX);
        for figure in [
            &mut self.terminals,
            &mut self.messages,
            &mut self.full,
            &mut self.trouble,
        ] {
            *figure = scale(*figure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_stands_for_all() {
        let mut estimate = Estimate {
            members: 100_000,
            sampled: 200,
            terminals: 210,
            messages: 400,
            full: 1,
            ..Estimate::default()
        };
        estimate.extrapolate();
        assert_eq!(
            (estimate.terminals, estimate.messages, estimate.full),
            (105_000, 200_000, 500)
        );
        let mut none = Estimate::default();
        none.extrapolate();
        assert_eq!(none, Estimate::default());
    }
}

//! Campaigns: a shared group's new content on its way to every member, slice by slice, restartable at any point.
//!
//! Which content a member has is a pure function of how far the group's campaigns have come ([`Carried`]): up to the
//! last one reached it is the new one, behind that the one before. So a pause, a stop or a way back never leaves a member
//! with content that nobody marked his terminals for.

use book::{Actor, GroupNo, Revision, SubscriberId};
use serde::{Deserialize, Serialize};

/// A campaign; a later one has a higher number, over the whole store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CampaignNo(pub u64);

/// How far a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignState {
    /// The group was changed; nobody has it yet, and a person looks at it once more.
    Planned,
    /// Members are reached one after the other.
    Running,
    /// No further member is reached, and what is not planned yet waits.
    Paused,
    /// Every member was reached; each has it proven, or a person must help him.
    Done,
    /// Taken back: the group is as it was before.
    Cancelled,
    /// A newer change of the same group goes to its members instead.
    Superseded,
}

impl CampaignState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Planned,
        Self::Running,
        Self::Paused,
        Self::Done,
        Self::Cancelled,
        Self::Superseded,
    ];

    /// The API's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
        }
    }

    /// Whether it still waits for something.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Planned | Self::Running | Self::Paused)
    }
}

/// Members, by how far they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Members that it goes to.
    pub total: u64,
    /// Members whose terminals were marked.
    pub marked: u64,
    /// Members on all of whose terminals it is proven; one without a terminal has nothing to prove.
    pub proven: u64,
    /// Members with a terminal that a person must help.
    pub failed: u64,
}

/// One change of a shared group on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Which.
    pub no: CampaignNo,
    /// Of which shared group.
    pub group: GroupNo,
    /// The group's revision before.
    pub from: Revision,
    /// The revision that it brings.
    pub to: Revision,
    /// Only to members up to this one: those whom the campaign that it takes back had reached.
    pub until: Option<SubscriberId>,
    /// The campaign that it takes back.
    pub undoes: Option<CampaignNo>,
    /// How far.
    pub state: CampaignState,
    /// All members were marked.
    pub all_marked: bool,
    /// Members marked a second at most; none: as fast as they are planned.
    pub pace: Option<u32>,
    /// Members.
    pub progress: Progress,
    /// Who changed the group.
    pub by: Actor,
    /// When, ms UTC.
    pub at: i64,
    /// Who started it, and when.
    pub started: Option<(Actor, i64)>,
    /// When the last member was done or it was ended, ms UTC.
    pub ended: Option<i64>,
}

/// What may be done to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reach the members.
    Start,
    /// Hold it back.
    Pause,
    /// Go on.
    Resume,
    /// Take it back.
    Cancel,
}

impl Campaign {
    /// Whether a step may be taken now.
    pub fn may(&self, step: Step) -> bool {
        use CampaignState::{Done, Paused, Planned, Running};
        match step {
            Step::Start => self.state == Planned,
            Step::Pause => self.state == Running,
            Step::Resume => self.state == Paused,
            Step::Cancel => matches!(self.state, Planned | Running | Paused | Done),
        }
    }

    /// Members still on the way: reached or not, neither proven nor failed.
    pub fn open(&self) -> u64 {
        let Progress {
            total,
            proven,
            failed,
            ..
        } = self.progress;
        total.saturating_sub(proven).saturating_sub(failed)
    }
}

/// How far one campaign's content has come among the group's members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Whose.
    pub campaign: CampaignNo,
    /// The content.
    pub revision: Revision,
    /// Up to here every member's terminals are marked, for certain.
    pub marked: Option<SubscriberId>,
    /// Up to here members have the content: marked, or being marked this moment. After a stop, marking begins again at
    /// `marked`; marks are idempotent.
    pub reach: Option<SubscriberId>,
    /// It ends here.
    pub until: Option<SubscriberId>,
}

/// Which revision of a shared group each member carries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// What a member has whom no layer reaches.
    pub base: Revision,
    /// Oldest first; a newer one hides what is below it.
    pub layers: Vec<Layer>,
}

impl Carried {
    /// The revision that this member carries.
    pub fn of(&self, member: SubscriberId) -> Revision {
        let reached = |layer: &&Layer| layer.reach.is_some_and(|reach| member <= reach);
        let layer = self.layers.iter().rev().find(reached);
        layer.map_or(self.base, |layer| layer.revision)
    }

    /// A campaign begins; layers that nobody saw go.
    pub fn begin(&mut self, campaign: CampaignNo, revision: Revision, until: Option<SubscriberId>) {
        self.layers.retain(|layer| layer.reach.is_some());
        self.layers.push(Layer {
            campaign,
            revision,
            marked: None,
            reach: None,
            until,
        });
    }

    /// The layer of a campaign, while not all members have its content.
    pub fn layer(&self, campaign: CampaignNo) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.campaign == campaign)
    }

    /// The members up to `next` have the content from now on, and their terminals are marked with this; those reached
    /// before are marked.
    pub fn advance(&mut self, campaign: CampaignNo, next: SubscriberId) {
        let layer = self.layers.iter_mut().find(|l| l.campaign == campaign);
        if let Some(layer) = layer {
            layer.marked = layer.reach;
            layer.reach = layer.reach.max(Some(next));
        }
    }

    /// Every member has the campaign's content: what is below its layer goes.
    pub fn finish(&mut self, campaign: CampaignNo) {
        let at = self.layers.iter().position(|l| l.campaign == campaign);
        if let Some(at) = at {
            let done = self.layers.drain(..=at).next_back();
            self.base = done.map_or(self.base, |layer| layer.revision);
        }
    }

    /// How far a way back from `campaign` must go: `Some(None)` to everybody, `None` to nobody. The campaign's layer goes
    /// when nobody saw it.
    pub fn way_back(&mut self, campaign: CampaignNo) -> Option<Option<SubscriberId>> {
        let Some(at) = self.layers.iter().position(|l| l.campaign == campaign) else {
            // It came to its end.
            return Some(None);
        };
        let reach = self.layers.get(at).and_then(|layer| layer.reach);
        if reach.is_none() {
            self.layers.remove(at);
            return self.layers.first().map(|_| None);
        }
        // With another one below, not everybody has what was before this one.
        Some(reach.filter(|_| at == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: CampaignNo = CampaignNo(1);
    const B: CampaignNo = CampaignNo(2);
    const C: CampaignNo = CampaignNo(3);

    fn id(n: u64) -> SubscriberId {
        SubscriberId(n)
    }

    /// What members 1 to 5 carry.
    fn all(carried: &Carried) -> Vec<u64> {
        (1..=5).map(|n| carried.of(id(n)).0).collect()
    }

    #[test]
    fn members_have_the_new_content_once_they_are_reached() {
        let mut carried = Carried::default();
        carried.begin(A, Revision(1), None);
        assert_eq!(all(&carried), [0, 0, 0, 0, 0]);
        carried.advance(A, id(2));
        assert_eq!(all(&carried), [1, 1, 0, 0, 0]);
        assert_eq!(carried.layer(A).unwrap().marked, None);
        carried.advance(A, id(4));
        assert_eq!(carried.layer(A).unwrap().marked, Some(id(2)));
        // The same batch again after a stop.
        carried.advance(A, id(4));
        assert_eq!(all(&carried), [1, 1, 1, 1, 0]);
        carried.finish(A);
        assert_eq!(all(&carried), [1, 1, 1, 1, 1]);
        assert_eq!(carried.layers, []);
    }

    #[test]
    fn a_newer_campaign_goes_over_an_unfinished_one() {
        let mut carried = Carried::default();
        carried.begin(A, Revision(1), None);
        carried.advance(A, id(3));
        carried.begin(B, Revision(2), None);
        carried.advance(B, id(1));
        assert_eq!(all(&carried), [2, 1, 1, 0, 0]);
        carried.finish(B);
        assert_eq!(all(&carried), [2, 2, 2, 2, 2]);
        assert!(carried.layer(A).is_none());
    }

    #[test]
    fn a_way_back_goes_to_those_who_were_reached() {
        let mut carried = Carried::default();
        carried.begin(A, Revision(1), None);
        assert_eq!(carried.clone().way_back(A), None);
        carried.advance(A, id(3));
        assert_eq!(carried.way_back(A), Some(Some(id(3))));
        carried.begin(B, Revision(2), Some(id(3)));
        carried.advance(B, id(2));
        assert_eq!(all(&carried), [2, 2, 1, 0, 0]);
        carried.advance(B, id(3));
        carried.finish(B);
        // 2 holds what 0 held, so nobody behind needs anything.
        assert_eq!(all(&carried), [2, 2, 2, 2, 2]);
        // One that came to its end is taken back from everybody.
        assert_eq!(carried.way_back(B), Some(None));
        // With an unfinished one below, too.
        carried.begin(A, Revision(3), None);
        carried.advance(A, id(1));
        carried.begin(C, Revision(4), None);
        carried.advance(C, id(4));
        assert_eq!(carried.way_back(C), Some(None));
    }

    #[test]
    fn steps_are_allowed_by_state() {
        use CampaignState::*;
        let rows = [
            (Planned, [true, false, false, true]),
            (Running, [false, true, false, true]),
            (Paused, [false, false, true, true]),
            (Done, [false, false, false, true]),
            (Cancelled, [false; 4]),
            (Superseded, [false; 4]),
        ];
        for (state, allowed) in rows {
            let campaign = Campaign {
                state,
                ..campaign()
            };
            let steps = [Step::Start, Step::Pause, Step::Resume, Step::Cancel];
            assert_eq!(steps.map(|step| campaign.may(step)), allowed, "{state:?}");
        }
    }

    fn campaign() -> Campaign {
        Campaign {
            no: A,
            group: GroupNo(book::SHARED),
            from: Revision(0),
            to: Revision(1),
            until: None,
            undoes: None,
            state: CampaignState::Planned,
            all_marked: false,
            pace: None,
            progress: Progress::default(),
            by: Actor {
                kind: book::ActorKind::Administrator,
                id: "a".into(),
                name: "Ann".into(),
            },
            at: 0,
            started: None,
            ended: None,
        }
    }
}

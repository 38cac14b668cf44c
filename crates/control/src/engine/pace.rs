//! How much bulk work is planned now (rule 6). Due marks are the bulk queue: they become shipments only as fast as the
//! gateways take them, so that an edit never finds a crowd before it.

/// Bulk plans of one step at most: an edit that comes meanwhile waits for no more than this.
const STEP: u32 = 192;
/// The same while people edit, and how long they are taken to go on after an edit, ms.
const BESIDE: u32 = 64;
const GO_ON: i64 = 1_000;
/// The network's table is looked at this often, ms.
const LOOK: i64 = 20;
/// Plans that may be caught up on after a pause, in ms of the pace.
const BURST: f64 = 50.0;

/// What may be planned, and how much waits.
#[derive(Default)]
pub(super) struct Pace {
    allowance: f64,
    refilled: i64,
    looked: i64,
    waiting: u32,
    /// When somebody's edit was planned last, ms UTC.
    edited: i64,
}

impl Pace {
    /// How many bulk plans may be made now: by the pace (plans a second; none: as fast as the gateways take them), and by
    /// `most` parts waiting in the gateways, which `waiting` counts.
    pub(super) fn room(
        &mut self,
        now: i64,
        per_s: Option<u32>,
        most: u32,
        waiting: impl FnOnce() -> u32,
    ) -> u32 {
        if !(0..LOOK).contains(&(now - self.looked)) {
            self.looked = now;
            self.waiting = waiting();
        }
        let step = match (0..GO_ON).contains(&(now - self.edited)) {
            true => BESIDE,
            false => STEP,
        };
        let room = most.saturating_sub(self.waiting).min(step);
        let Some(per_s) = per_s else {
            return room;
        };
        let per_ms = f64::from(per_s) / 1000.0;
        #[allow(clippy::cast_precision_loss)] // A pause so long is cut to the burst.
        let since = (now - self.refilled).max(0) as f64;
        self.refilled = now;
        self.allowance = (self.allowance + since * per_ms).min((BURST * per_ms).max(1.0));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 … BURST.
        let allowed = self.allowance.max(0.0) as u32;
        room.min(allowed)
    }

    /// People edit.
    pub(super) fn edited(&mut self, now: i64) {
        self.edited = now;
    }

    /// A bulk plan of so many parts was made.
    pub(super) fn planned(&mut self, parts: usize) {
        self.allowance -= 1.0;
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        self.waiting = self.waiting.saturating_add(parts);
    }

    /// When there is room again, ms UTC, as far as can be said; never for a pace of 0.
    pub(super) fn next(&self, now: i64, per_s: Option<u32>, most: u32) -> i64 {
        if self.waiting >= most {
            return now + LOOK;
        }
        let wanted = 1.0 - self.allowance;
        match per_s {
            #[allow(clippy::cast_possible_truncation)] // Saturates.
            Some(per_s) if wanted > 0.0 => {
                now.saturating_add((wanted * 1000.0 / f64::from(per_s)).ceil() as i64)
            }
            _ => now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plans of one second, looked at every `every` ms, while `taken` parts a look leave the gateways, and while people edit
    /// or not.
    fn second(every: usize, per_s: Option<u32>, taken: u32, people: bool) -> u32 {
        let (mut pace, mut waiting, mut plans) = (Pace::default(), 0_u32, 0);
        for now in (1_000_000..1_001_000).step_by(every) {
            waiting = waiting.saturating_sub(taken);
            if people && now % 500 == 0 {
                pace.edited(now);
            }
            let room = pace.room(now, per_s, 500, || waiting);
            for _ in 0..room {
                pace.planned(1);
            }
            waiting += room;
            plans += room;
        }
        plans
    }

    #[test]
    fn bulk_keeps_to_its_pace_and_to_what_the_gateways_take() {
        for (every, per_s, taken, people, between) in [
            (1, Some(2_000), 500, false, 1_990..2_110),
            (10, Some(2_000), 500, false, 1_990..2_110),
            (10, None, 500, false, 19_200..19_201),
            (10, None, 500, true, 6_400..6_401),
            (10, Some(2_000), 0, false, 500..570),
            (10, None, 3, true, 750..880),
            (10, Some(0), 500, false, 0..2),
        ] {
            let plans = second(every, per_s, taken, people);
            assert!(
                between.contains(&plans),
                "every {every} ms, {per_s:?}/s, {taken} taken, people {people}: {plans}"
            );
        }
    }

    #[test]
    fn the_next_look_is_when_the_pace_allows_one() {
        let mut pace = Pace::default();
        assert_eq!(pace.room(1_000_000, Some(1_000), 500, || 0), 50);
        for _ in 0..50 {
            pace.planned(1);
        }
        assert_eq!(pace.room(1_000_000, Some(1_000), 500, || 0), 0);
        let next = |per_s, most| pace.next(1_000_000, per_s, most);
        assert_eq!(next(Some(1_000), 500), 1_000_001);
        assert_eq!(next(Some(0), 500), i64::MAX);
        assert_eq!(next(None, 500), 1_000_000);
        assert_eq!(next(None, 50), 1_000_000 + LOOK);
    }
}

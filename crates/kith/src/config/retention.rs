//! `[retention]`: how long what is over is kept.

use serde::Deserialize;

/// `[retention]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Finished shipments.
    pub shipment_days: u32,
    /// Journals of books, and calls.
    pub journal_months: u32,
    /// The text of entries that were deleted.
    pub deleted_text_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            shipment_days: 90,
            journal_months: 24,
            deleted_text_days: 30,
        }
    }
}

impl RetentionConfig {
    /// The most of each: a century.
    const MOST: [u32; 3] = [36_500, 1_200, 36_500];

    /// The same as control's own type.
    pub fn control(&self) -> control::Retention {
        control::Retention::of(
            self.shipment_days,
            self.journal_months,
            self.deleted_text_days,
        )
    }

    /// What can be meant; messages may arrive for `validity` seconds.
    pub(super) fn check(&self, validity: u32) -> Result<(), String> {
        let values = [
            ("shipment_days", self.shipment_days),
            ("journal_months", self.journal_months),
            ("deleted_text_days", self.deleted_text_days),
        ];
        for ((key, value), most) in values.into_iter().zip(Self::MOST) {
            if !(1..=most).contains(&value) {
                return Err(format!(
                    "[retention] {key} = {value}: give 1 to {most}; {most} is as good as for ever."
                ));
            }
        }
        if u64::from(self.shipment_days) * 86_400 < u64::from(validity) {
            return Err(format!(
                "[retention] shipment_days = {}: the network may keep trying a message for longer (validity_seconds = {validity} in [delivery]), and what became of it could not be found; give more days.",
                self.shipment_days
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_wrong;

    #[test]
    fn what_is_kept_for_how_long_is_said() {
        let kept = |text: &str| {
            let config = super::super::parse("kith.toml", text, &[]).unwrap();
            config.settings().unwrap().retention
        };
        assert_eq!(kept(""), control::Retention::USUAL);
        let given = "[retention]\nshipment_days = 7\njournal_months = 12\ndeleted_text_days = 1\n";
        assert_eq!(kept(given), control::Retention::of(7, 12, 1));
        for (line, words) in [
            ("shipment_days = 0", "give 1 to 36500"),
            ("journal_months = 1201", "give 1 to 1200"),
            ("deleted_text_days = 0", "deleted_text_days = 0"),
            ("deleted_text_days = -1", "line 2"),
            ("shipments = 3", "line 2"),
        ] {
            check_wrong(&format!("[retention]\n{line}\n"), &[], words);
        }
        let long = "[delivery]\nvalidity_seconds = 864000\n[retention]\nshipment_days = 9\n";
        check_wrong(long, &[], "validity_seconds = 864000");
        check_wrong("", &[("KITH_RETENTION_SHIPMENT_DAYS", "0")], "1 to 36500");
    }
}

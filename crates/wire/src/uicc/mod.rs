//! The phone book on the card: EF_ADN, EF_EXT1, EF_PBR and the files around them (3GPP TS 31.102 §4.4.2, TS 51.011
//! §10.5.1), names by ETSI TS 102 221 annex A.
//!
//! Writing: [`Adn::encode`]. Reading: [`read`] keeps all that can be made out of an odd record, [`shown`] says what a phone
//! shows of it, which is less. Nothing here panics on outside input.

mod adn;
pub mod alpha;
mod dial;
mod ext1;
mod pbfiles;
mod pbr;
mod phone_view;

pub use adn::{Adn, AdnError, Encoded, Reading, empty, is_free, read};
pub use dial::{BadNumber, DialString};
pub use ext1::Ext1;
pub use pbfiles::{
    Anr, FieldError, Link, Pbc, Text, change_counter_after, groups, groups_record, pointers,
    unsigned,
};
pub use pbr::{File, LinkedBy, PbFile, PbrError, iap_order, parse_pbr};
pub use phone_view::{View, shown};

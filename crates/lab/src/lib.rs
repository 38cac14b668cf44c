//! A carrier, cards and handsets in software, with faults on demand. Depends on no Kith crate.

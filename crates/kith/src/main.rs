//! `kith`: the command line.
fn main() {}

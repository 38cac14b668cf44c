//! command_status: its name, and what it means for us (SMPP 3.4 §5.1.3; SMPP.md, rows 10 and 11).

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meaning {
    /// Done.
    Ok,
    /// Too fast, or its queue is full: the whole link waits.
    Throttled,
    /// A problem of its own: again later.
    Temporary,
    /// This number cannot be reached.
    Destination,
    /// Our message or configuration is wrong.
    Ours,
    /// Nobody knows: a vendor's or an application's number.
    Unknown,
}

/// The name of a status, where the standard gives one, and what it means.
pub fn meaning(status: u32) -> (&'static str, Meaning) {
    match status {
        0x00 => ("ok", Meaning::Ok),
        0x01 => ("message length wrong", Meaning::Ours),
        0x02 => ("command length wrong", Meaning::Ours),
        0x03 => ("command not known", Meaning::Ours),
        0x04 => ("wrong bind for this command", Meaning::Ours),
        0x05 => ("already bound", Meaning::Temporary),
        0x08 => ("system error", Meaning::Temporary),
        0x0A => ("source address wrong", Meaning::Ours),
        0x0B => ("destination address wrong", Meaning::Destination),
        0x0D => ("bind failed", Meaning::Temporary),
        0x0E => ("wrong password", Meaning::Ours),
        0x0F => ("system id wrong", Meaning::Ours),
        0x14 => ("queue full", Meaning::Throttled),
        0x43 => ("esm_class wrong", Meaning::Ours),
        0x45 => ("submit failed", Meaning::Temporary),
        0x48 => ("source TON wrong", Meaning::Ours),
        0x49 => ("source NPI wrong", Meaning::Ours),
        0x50 => ("destination TON wrong", Meaning::Ours),
        0x51 => ("destination NPI wrong", Meaning::Ours),
        0x53 => ("system type wrong", Meaning::Ours),
        0x58 => ("throttled", Meaning::Throttled),
        0x61 => ("schedule time wrong", Meaning::Ours),
        0x62 => ("validity wrong", Meaning::Ours),
        0x64 => ("temporary application error", Meaning::Unknown),
        0x65 => ("permanent application error", Meaning::Unknown),
        0xC0 => ("optional parameters wrong", Meaning::Ours),
        0x400..=0x4FF => ("vendor's own error", Meaning::Unknown),
        _ => ("unknown error", Meaning::Unknown),
    }
}

/// `0x58 throttled`.
pub fn words(status: u32) -> String {
    format!("0x{status:02X} {}", meaning(status).0)
}

//! Terminals: profiles, desired entries, shadow, plan with reasons, a file a channel. Pure.

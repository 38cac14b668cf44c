//! What a handset makes of its card: the phone book, read from the card's own octets as Android reads it, and written as its owner types.
//! The handset on the radio is [`crate::smsc::phone::Phone`].

pub mod alphabet;
pub mod book;
pub mod record;

#[cfg(test)]
mod tests;

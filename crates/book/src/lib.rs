//! The book: subscribers, friends, numbers, groups, changes and their integrity rules. Pure; knows nobody.

//! Who you are and what you may: accounts, codes, sessions, calls, grants. Pure decisions.

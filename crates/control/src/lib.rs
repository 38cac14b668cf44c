//! Main control: commit, plan, ship, prove; the only writer of books and shipments.

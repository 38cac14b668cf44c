//! The heart: event, state and time to ordered effects; audit(). Pure.

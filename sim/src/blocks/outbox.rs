//! Outbox and inbox.

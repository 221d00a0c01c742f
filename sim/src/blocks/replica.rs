//! Replica set.

//! Network link.

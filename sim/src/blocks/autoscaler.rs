//! Autoscaler.

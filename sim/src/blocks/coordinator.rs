//! Transaction coordinator.

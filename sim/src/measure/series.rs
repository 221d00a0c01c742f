//! Rates over a sliding window.

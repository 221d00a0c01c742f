//! Integer log-linear histogram.

//! What a run shows: histograms, series, conservation, Little's law.

pub mod bracket;
pub mod conserve;
pub mod hist;
pub mod series;

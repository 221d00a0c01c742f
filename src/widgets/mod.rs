//! The pictures, one file a question, made of the primitives in `draw`.
//!
//! A picture is a pure function of a run at a moment: no state of its own, no clock. Each has a wide
//! layout (860 units across) and a narrow one (390).

pub mod api_versioning;
pub mod backpressure;
pub mod caching_benefits;
pub mod db_bottleneck_spikes;
pub mod debug_latency;
pub mod distributed_rate_limit;
pub mod event_sourcing;
pub mod eventual_consistency;
pub mod idempotent_api;
pub mod million_rpm_architecture;
pub mod monolith_vs_microservices;
pub mod observability;
pub mod queue_vs_direct_call;
pub mod rate_limiter_design;
pub mod rest_vs_graphql;
pub mod saga_consistency;
pub mod service_communication;
pub mod slow_db_queries;
pub mod traffic_spike_10x;

#[cfg(test)]
mod check;
mod seen;

use crate::draw::{Scene, View};
use sim::Live;

/// How one question is drawn.
pub struct Picture {
    pub slug: &'static str,
    /// Scene heights of the wide and the narrow layout, for one side and for each side of an A|B.
    pub height: Heights,
    pub draw: fn(&dyn Live, &View, &mut Scene),
}

#[derive(Clone, Copy)]
pub struct Heights {
    pub wide: f32,
    pub narrow: f32,
    pub wide_ab: f32,
    pub narrow_ab: f32,
}

/// In the order of `sim::questions::ALL`.
pub static ALL: &[&Picture] = &[
    &rate_limiter_design::PICTURE,
    &saga_consistency::PICTURE,
    &traffic_spike_10x::PICTURE,
    &eventual_consistency::PICTURE,
    &backpressure::PICTURE,
    &slow_db_queries::PICTURE,
    &distributed_rate_limit::PICTURE,
    &caching_benefits::PICTURE,
    &million_rpm_architecture::PICTURE,
    &queue_vs_direct_call::PICTURE,
    &idempotent_api::PICTURE,
    &event_sourcing::PICTURE,
    &service_communication::PICTURE,
    &db_bottleneck_spikes::PICTURE,
    &api_versioning::PICTURE,
    &observability::PICTURE,
    &rest_vs_graphql::PICTURE,
    &monolith_vs_microservices::PICTURE,
    &debug_latency::PICTURE,
];

pub fn find(slug: &str) -> Option<&'static Picture> {
    ALL.iter().copied().find(|p| p.slug == slug)
}

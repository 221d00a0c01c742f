//! The questions. One list; nothing registers itself.

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

use crate::declare::Question;

pub static ALL: &[&Question] = &[
    &rate_limiter_design::QUESTION,
    &saga_consistency::QUESTION,
    &traffic_spike_10x::QUESTION,
    &eventual_consistency::QUESTION,
    &backpressure::QUESTION,
    &slow_db_queries::QUESTION,
    &distributed_rate_limit::QUESTION,
    &caching_benefits::QUESTION,
    &million_rpm_architecture::QUESTION,
    &queue_vs_direct_call::QUESTION,
    &idempotent_api::QUESTION,
    &event_sourcing::QUESTION,
    &service_communication::QUESTION,
    &db_bottleneck_spikes::QUESTION,
    &api_versioning::QUESTION,
    &observability::QUESTION,
    &rest_vs_graphql::QUESTION,
    &monolith_vs_microservices::QUESTION,
    &debug_latency::QUESTION,
];

/// The question with this slug, or a sentence that names the ones there are.
pub fn find(slug: &str) -> Result<&'static Question, String> {
    ALL.iter().copied().find(|q| q.slug == slug).ok_or_else(|| {
        let slugs: Vec<&str> = ALL.iter().map(|q| q.slug).collect();
        format!("unknown question \"{slug}\"; expected one of {}", slugs.join(", "))
    })
}

//! The parts that backend systems are made of. Each file is meant to be read: it models one part,
//! says where the rule comes from and what it leaves out.

pub mod adaptive;
pub mod autoscaler;
pub mod balancer;
pub mod breaker;
pub mod broker;
pub mod bulkhead;
pub mod cache;
pub mod consumer;
pub mod coordinator;
pub mod crdt;
pub mod database;
pub mod headers;
pub mod idempotency;
pub mod inflight;
pub mod limit_code;
pub mod limit_store;
pub mod limit_sync;
pub mod limiter;
pub mod load;
pub mod miss_curve;
pub mod network;
pub mod outbox;
pub mod planner;
pub mod pool;
pub mod popularity;
pub mod replica;
pub mod retry;
pub mod saga;
pub mod server;
pub mod session;
pub mod shard;
pub mod stampede;

//! Server pool with queue.

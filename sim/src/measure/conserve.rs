//! Conservation and Little's law.

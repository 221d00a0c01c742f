//! Rate limit response headers.

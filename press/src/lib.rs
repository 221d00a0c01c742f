//! Reads `content/*.md`.

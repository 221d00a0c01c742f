//! Closed forms: overlays on screen, oracles in tests.

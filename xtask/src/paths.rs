//! Where things are.

use std::path::{Path, PathBuf};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ lies inside the repository").to_owned()
}

/// Cargo's target folder, wherever the user keeps it.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The finished site.
pub fn dist() -> PathBuf {
    root().join("dist")
}

/// The browser tests, and the Node tools.
pub fn e2e() -> PathBuf {
    root().join("e2e")
}

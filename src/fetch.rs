//! Fetching text of our own build.

use crate::ui::window;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// Why a download failed, in words for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// No answer: offline, blocked, or the host is gone.
    Unreachable,
    /// The host answered with this HTTP status.
    Status(u16),
    /// The answer is not what was asked for, such as a host's own page for missing files.
    Unexpected,
}

impl std::fmt::Display for FetchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FetchError::Unreachable => f.write_str("the host could not be reached"),
            FetchError::Status(404) => f.write_str("the host has no such file"),
            FetchError::Status(status) => write!(f, "the host answered with status {status}"),
            FetchError::Unexpected => f.write_str("the host sent something else"),
        }
    }
}

/// The text at `url`, which must be an address of this site.
pub async fn text(url: &str) -> Result<String, FetchError> {
    let response = JsFuture::from(window().fetch_with_str(url)).await.map_err(|_| FetchError::Unreachable)?;
    let response: Response = response.dyn_into().map_err(|_| FetchError::Unexpected)?;
    if !response.ok() {
        return Err(FetchError::Status(response.status()));
    }
    let body = response.text().map_err(|_| FetchError::Unexpected)?;
    let body = JsFuture::from(body).await.map_err(|_| FetchError::Unreachable)?;
    body.as_string().ok_or(FetchError::Unexpected)
}

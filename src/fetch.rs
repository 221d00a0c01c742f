//! Fetching text and pages of our own build.

use crate::ui::markup::Markup;
use crate::ui::window;
use js_sys::Promise;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Response, XmlHttpRequest, XmlHttpRequestResponseType};

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

/// The page at `url`, which must be an address of this site. The browser parses it as it comes, and nothing in it runs:
/// no text of ours is ever turned into markup.
pub async fn page(url: &str) -> Result<Document, FetchError> {
    let request = XmlHttpRequest::new().map_err(|_| FetchError::Unreachable)?;
    request.open("GET", url).map_err(|_| FetchError::Unreachable)?;
    request.set_response_type(XmlHttpRequestResponseType::Document);
    let over = Promise::new(&mut |over, _| request.set_onloadend(Some(&over)));
    request.send().map_err(|_| FetchError::Unreachable)?;
    JsFuture::from(over).await.map_err(|_| FetchError::Unreachable)?;
    match request.status().unwrap_or(0) {
        0 => Err(FetchError::Unreachable),
        200..=299 => request.response_xml().ok().flatten().ok_or(FetchError::Unexpected),
        status => Err(FetchError::Status(status)),
    }
}

/// What stands in the file at `url`, which must be an address of this site.
pub async fn markup(url: &str) -> Result<Markup, FetchError> {
    let page = page(url).await?;
    page.body().map(|body| Markup::inside(&body)).ok_or(FetchError::Unexpected)
}

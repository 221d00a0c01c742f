//! What the app knows of every article.

/// One question, as the library and the question page show it.
#[derive(Debug)]
pub struct ArticleMeta {
    pub slug: &'static str,
    pub title: &'static str,
    pub level: &'static str,
    pub theme: &'static str,
    pub topics: &'static [&'static str],
    pub minutes: u32,
    pub summary: &'static str,
    pub related: &'static [&'static str],
}

pub const ARTICLES: &[ArticleMeta] = &[ArticleMeta {
    slug: "rate-limiter-design",
    title: "How would you design a rate limiter for an API?",
    level: "Middle",
    theme: "Traffic control",
    topics: &["rate limiting", "429"],
    minutes: 6,
    summary: "Ten requests a second sounds like one rule. It is at least four, and they disagree the moment traffic stops being smooth. Spam the bucket, then read on.",
    related: &[],
}];

#[cfg(feature = "ssr")]
pub fn article_html(slug: &str) -> &'static str {
    _ = slug;
    "<section><h2>Answer in thirty seconds</h2><p>Pick a token bucket per caller.</p></section>"
}

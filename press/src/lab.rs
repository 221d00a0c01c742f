//! Labs: parts of a page where the reader works with the real thing, not with a model of it.
//!
//! A question names its lab in the front matter. The page then has a fold for it, with a place that a script of the
//! site's `lab/` fills when the reader opens the fold. Nothing of a lab is fetched before.

use crate::problem::expected_one_of;

/// A lab that the site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lab {
    /// SQLite, with tables large enough for an index to matter.
    Sql,
    /// One message as protobuf and as JSON, byte by byte.
    Wire,
    /// The reader's own events, folded.
    Events,
    /// The reader's own GraphQL query, executed.
    Graph,
}

impl Lab {
    const ALL: [Lab; 4] = [Lab::Sql, Lab::Wire, Lab::Events, Lab::Graph];

    /// As the front matter and `data-lab` spell it.
    pub fn name(self) -> &'static str {
        match self {
            Lab::Sql => "sql",
            Lab::Wire => "wire",
            Lab::Events => "events",
            Lab::Graph => "graph",
        }
    }

    pub(crate) fn parse(text: &str) -> Result<Lab, String> {
        let names = Lab::ALL.map(Lab::name);
        let found = Lab::ALL.into_iter().find(|lab| lab.name() == text);
        found.ok_or_else(|| format!("`{text}` is not a lab; {}", expected_one_of(text, &names)))
    }

    /// The `id` of the lab's section.
    #[cfg(feature = "html")]
    pub(crate) const ID: &str = "lab";

    /// The lab's section, folded.
    #[cfg(feature = "html")]
    pub(crate) fn html(self) -> String {
        let (title, weight, about) = match self {
            Lab::Sql => (
                "Try it on a real database",
                "about 0.5 MB",
                "The simulation is a model. This is SQLite itself, compiled to WebAssembly, in a thread of its own \
                 inside this page. Ask it something, look at the plan, create an index and ask again. Nothing you type \
                 leaves the page, and nothing is kept when you close it.",
            ),
            Lab::Wire => (
                "Encode it yourself",
                "about 0.1 MB",
                "Edit an order and watch its bytes. prost writes the protobuf, serde_json the JSON and miniz_oxide \
                 deflates both, the same libraries a service in Rust would use, compiled to WebAssembly in this page. \
                 Choose a byte to see what it is for. Nothing you type leaves the page.",
            ),
            Lab::Events => (
                "Fold your own events",
                "about 0.1 MB",
                "Write events, and see the state that they fold to after each one. Nothing you type leaves the page, \
                 and nothing is kept when you close it.",
            ),
            Lab::Graph => (
                "Run your own query",
                "about 0.1 MB",
                "Edit a GraphQL query, and see what it asks the database with and without a loader. cynic-parser reads it, \
                 our executor follows the specification and serde_json writes the answer, compiled to WebAssembly in this \
                 page. Each database query is listed, and each byte counted is one of the answer below. Nothing you type \
                 leaves the page.",
            ),
        };
        format!(
            "<section id=\"{}\"><details class=\"lab\" data-lab=\"{}\"><summary><h2>{title}</h2> <span class=\"quiet\">{weight}</span></summary>\n\
             <p>{about}</p>\n<noscript><p>It needs JavaScript, which is switched off.</p></noscript>\n\
             <div data-lab-place></div></details></section>\n",
            Lab::ID,
            self.name()
        )
    }
}

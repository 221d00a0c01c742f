//! Colours for code, as a dozen classes.
//!
//! syntect finds the scopes; this maps them to the few classes that `style/code.css` knows. Its own HTML writer would
//! spell every scope out in a class, which makes a page several times larger and no prettier.

use crate::html::escape_text;
use std::sync::LazyLock;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxDefinition, SyntaxSet};

/// The words that a code fence may begin with.
pub(crate) const LANGUAGES: [&str; 8] = ["rust", "js", "lua", "sql", "http", "toml", "json", "text"];

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(|| {
    let mut set = SyntaxSet::load_defaults_newlines().into_builder();
    for own in [include_str!("syntax/toml.sublime-syntax"), include_str!("syntax/http.sublime-syntax")] {
        // They are part of this crate: if one did not load, every test of this module would fail.
        if let Ok(syntax) = SyntaxDefinition::load_from_str(own, true, None) {
            set.add(syntax);
        }
    }
    set.build()
});

static KEY: LazyLock<Option<Scope>> = LazyLock::new(|| Scope::new("meta.structure.dictionary.key").ok());

/// Which class a scope gets: the first row whose selector begins the scope wins, and the innermost scope that has a row
/// decides. An empty class takes the colour of the text back, as for the holes in a format string.
static CLASSES: LazyLock<Vec<(Scope, &str)>> = LazyLock::new(|| {
    [
        ("comment", "s-comment"),
        ("constant.character.escape", "s-escape"),
        ("constant.other.placeholder", "s-escape"),
        ("constant.numeric", "s-number"),
        ("constant", "s-constant"),
        ("entity.name.function", "s-function"),
        ("entity.name.macro", "s-macro"),
        ("entity.name.tag", "s-key"),
        ("entity.name.type", "s-type"),
        ("entity.name.struct", "s-type"),
        ("entity.name.enum", "s-type"),
        ("entity.name.trait", "s-type"),
        ("entity.name.impl", "s-type"),
        ("entity.name.section", "s-type"),
        ("entity.other.attribute-name", "s-attribute"),
        ("keyword.operator.word", "s-keyword"),
        ("keyword.operator", ""),
        ("keyword", "s-keyword"),
        ("meta.annotation", "s-attribute"),
        ("meta.attribute", "s-attribute"),
        ("meta.mapping.key", "s-key"),
        ("storage.modifier.lifetime", "s-attribute"),
        ("storage.type.numeric", "s-number"),
        ("storage", "s-keyword"),
        ("string", "s-string"),
        ("support.function", "s-function"),
        ("support.macro", "s-macro"),
        ("support.constant", "s-constant"),
        ("support.type", "s-type"),
        ("support.class", "s-type"),
        ("variable.function", "s-function"),
        ("variable.language", "s-keyword"),
    ]
    .into_iter()
    .filter_map(|(selector, class)| Some((Scope::new(selector).ok()?, class)))
    .collect()
});

/// Rust source as HTML: text with `<span class="s-..">` around what has a colour, for inside `<pre><code>`.
///
/// The text content is exactly `source`.
pub fn highlight_rust(source: &str) -> String {
    highlight("rust", source)
}

/// `source` as HTML in one of [`LANGUAGES`]; any other language, and `text`, has no colours.
pub(crate) fn highlight(language: &str, source: &str) -> String {
    let extension = match language {
        "rust" => "rs",
        "http" => "http",
        other => other,
    };
    let syntax = match SYNTAXES.find_syntax_by_extension(extension) {
        Some(syntax) if language != "text" => syntax,
        _ => return escape_text(source),
    };
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut spans = Spans { names_types: language == "rust", ..Spans::default() };
    for line in source.split_inclusive('\n') {
        // A grammar that gives up costs the colours of a line, never the text.
        let Ok(ops) = state.parse_line(line, &SYNTAXES) else {
            spans.push("", line);
            continue;
        };
        let mut done = 0;
        for (at, op) in ops {
            spans.token(class(&stack), &line[done..at]);
            done = at;
            if stack.apply(&op).is_err() {
                stack = ScopeStack::new();
            }
        }
        spans.token(class(&stack), &line[done..]);
    }
    spans.finish()
}

fn class(stack: &ScopeStack) -> &'static str {
    // A key of a JSON object is a string inside a key; here the outer scope says more.
    if stack.as_slice().iter().any(|scope| KEY.is_some_and(|key| key.is_prefix_of(*scope))) {
        return "s-key";
    }
    let row = |scope: &Scope| CLASSES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class);
    stack.as_slice().iter().rev().find_map(row).unwrap_or("")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Joins neighbours of the same class, so that a string is one element and not three.
#[derive(Default)]
struct Spans {
    /// Whether a capital letter marks a type, as Rust's own style has it; the grammar leaves uses of types plain.
    names_types: bool,
    html: String,
    class: &'static str,
    text: String,
}

impl Spans {
    fn token(&mut self, class: &'static str, text: &str) {
        if !class.is_empty() || !self.names_types {
            return self.push(class, text);
        }
        for piece in text.split_inclusive(|c: char| !is_word(c)) {
            let (word, after) = piece.split_at(piece.find(|c| !is_word(c)).unwrap_or(piece.len()));
            let is_type =
                word.starts_with(|c: char| c.is_ascii_uppercase()) && word.contains(|c: char| c.is_ascii_lowercase());
            self.push(if is_type { "s-type" } else { "" }, word);
            self.push("", after);
        }
    }

    fn push(&mut self, class: &'static str, text: &str) {
        // White space has no colour and need not split what is around it.
        if class != self.class && !text.trim().is_empty() {
            self.flush();
            self.class = class;
        }
        self.text.push_str(text);
    }

    fn flush(&mut self) {
        let kept = self.text.trim_end().len();
        let (word, space) = self.text.split_at(kept);
        if self.class.is_empty() || word.is_empty() {
            self.html.push_str(&escape_text(word));
        } else {
            self.html.push_str(&format!("<span class=\"{}\">{}</span>", self.class, escape_text(word)));
        }
        self.html.push_str(space);
        self.text.clear();
    }

    fn finish(mut self) -> String {
        self.flush();
        self.html
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_own_grammars_load() {
        for own in [include_str!("syntax/toml.sublime-syntax"), include_str!("syntax/http.sublime-syntax")] {
            SyntaxDefinition::load_from_str(own, true, None).unwrap();
        }
        for language in LANGUAGES.iter().filter(|l| **l != "text") {
            let extension = if *language == "rust" { "rs" } else { language };
            assert!(SYNTAXES.find_syntax_by_extension(extension).is_some(), "{language}");
        }
    }

    #[test]
    fn each_language_has_colours() {
        for (language, source, expected) in [
            (
                "rust",
                "// why\nfn admit(n: u64) -> bool { n < 1_0 && \"a<b\".len() > 2 }\n",
                "<span class=\"s-comment\">// why</span>\n<span class=\"s-keyword\">fn</span> <span class=\"s-function\">admit</span>",
            ),
            ("js", "const x = 1; // one\n", "<span class=\"s-comment\">// one</span>"),
            ("lua", "local x = redis.call('GET', KEYS[1])\n", "<span class=\"s-keyword\">local</span>"),
            ("sql", "SELECT id FROM orders WHERE total > 5;\n", "<span class=\"s-keyword\">SELECT</span>"),
            (
                "json",
                "{\"limit\": 100}\n",
                "<span class=\"s-key\">\"limit\"</span>: <span class=\"s-number\">100</span>",
            ),
            (
                "toml",
                "[a.b]\nlimit = 100 # why\n",
                "<span class=\"s-key\">limit</span> = <span class=\"s-number\">100</span> <span class=\"s-comment\"># why</span>",
            ),
            (
                "http",
                "HTTP/1.1 429 Too Many Requests\nRetry-After: 1\n\n{\"a\": 1}\n",
                "<span class=\"s-number\">429</span> <span class=\"s-string\">Too Many Requests</span>\n<span class=\"s-key\">Retry-After</span>: 1",
            ),
            ("text", "a < b\n", "a &lt; b\n"),
        ] {
            let html = highlight(language, source);
            assert!(html.contains(expected), "{language}: {html}");
        }
    }

    #[test]
    fn the_text_survives() {
        let source = include_str!("code.rs");
        let html = highlight_rust(source);
        assert_eq!(text_of(&html), source);
        // Inline styles are against the site's policy; nothing but classed spans may come out.
        for tag in html.split('<').skip(1).map(|t| t.split('>').next().unwrap()) {
            assert!(tag == "/span" || tag.starts_with("span class=\"s-"), "{tag}");
        }
    }

    fn text_of(html: &str) -> String {
        let mut text = String::new();
        let mut rest = html;
        while let Some(open) = rest.find('<') {
            text.push_str(&rest[..open]);
            rest = &rest[open..];
            rest = &rest[rest.find('>').unwrap() + 1..];
        }
        text.push_str(rest);
        text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    }
}

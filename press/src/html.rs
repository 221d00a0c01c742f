//! An article as an HTML fragment, from Markdown events.
//!
//! The subset is small and ours, so the writer is too: no inline style (the site's policy forbids it), no raw HTML, every
//! link looked at. [`check`] and [`article_html`] walk the same path; the first keeps the problems, the second the text.

use crate::Article;
use crate::code::{LANGUAGES, highlight};
use crate::front::{Front, Level, SLUGS, Source, Try};
use crate::lab::Lab;
use crate::problem::{closest, expected_one_of};
use crate::section::{Kind, Section};
use crate::table::Reader;
use crate::units::{leading_number, web_address};
use pulldown_cmark::{
    Alignment, BrokenLink, CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd,
};
use std::cell::RefCell;

/// The questions that have a page, so that nothing links to one that has not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    slugs: Vec<String>,
}

impl Known {
    pub fn of(articles: &[Article]) -> Known {
        Known { slugs: articles.iter().map(|a| a.slug.clone()).collect() }
    }

    pub fn has(&self, slug: &str) -> bool {
        self.slugs.iter().any(|s| s == slug)
    }
}

/// The article's text: one `<section id="..">` for each of [`Kind::ALL`], then the sources. Everything but the question
/// itself is inside `<details>`; the short answer is open. A lab, if there is one, follows the question.
///
/// Links to other questions are relative to `/q/<slug>/` and are plain text unless `known` has them.
pub fn article_html(article: &Article, known: &Known) -> String {
    Page::new(&article.slug, &article.front, known).article(&article.sections)
}

/// Records every problem of the text itself: links, headings, raw HTML, code without a language.
pub(crate) fn check(r: &mut Reader, slug: &str, front: &Front, sections: &[Section]) {
    let known = Known::default();
    let mut page = Page::new(slug, front, &known);
    page.article(sections);
    for (line, message) in page.problems {
        r.problem(line, message);
    }
}

/// `text` safe as element content.
pub(crate) fn escape_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `text` safe as element content and as a quoted attribute.
fn escape(text: &str) -> String {
    escape_text(text).replace('"', "&quot;")
}

/// Where the reader sees what every simulation is held against; relative to `/q/<slug>/`, as links to questions are.
const HELD_AGAINST: &str = "<p class=\"held-against\">How right is it? <a href=\"../../accuracy/\">Simulation against theory</a>, with every figure.</p>\n";

/// What is shared by the sections of one page.
struct Page<'a> {
    slug: &'a str,
    front: &'a Front,
    known: &'a Known,
    problems: Vec<(usize, String)>,
    ids: Vec<String>,
    /// Links inside the page, which may lead forward: looked at when all ids are known.
    fragments: Vec<(String, usize)>,
    /// Other questions that the text links to.
    linked: Vec<String>,
    tables: usize,
}

impl<'a> Page<'a> {
    fn new(slug: &'a str, front: &'a Front, known: &'a Known) -> Page<'a> {
        let mut ids: Vec<String> = Kind::ALL.iter().map(|k| k.id().to_owned()).collect();
        ids.push("sources".to_owned());
        ids.extend(front.lab.map(|_| Lab::ID.to_owned()));
        ids.extend(front.sources.iter().map(|s| format!("source-{}", s.id)));
        ids.extend(front.tries.iter().map(|t| format!("try-{}", t.id)));
        Page { slug, front, known, problems: Vec::new(), ids, fragments: Vec::new(), linked: Vec::new(), tables: 0 }
    }

    fn problem(&mut self, line: usize, message: impl Into<String>) {
        self.problems.push((line, message.into()));
    }

    fn article(&mut self, sections: &[Section]) -> String {
        let mut out = String::new();
        for section in sections {
            let inner = Writer::new(self, section).write();
            let id = section.kind.id();
            match section.kind {
                Kind::Question => {
                    out.push_str(&format!("<section id=\"{id}\">\n{inner}</section>\n"));
                    out.extend(self.front.lab.map(Lab::html));
                }
                kind => out.push_str(&folded(id, kind.title(), kind == Kind::ShortAnswer, &inner)),
            }
        }
        if !self.front.sources.is_empty() {
            let items: String = self.front.sources.iter().map(source_item).collect();
            out.push_str(&folded("sources", "Sources", false, &format!("<ol>\n{items}</ol>\n")));
        }
        out.push_str(HELD_AGAINST);
        let could = |slug: &&String| **slug != self.slug && SLUGS.contains(&slug.as_str());
        for slug in self.front.related.iter().filter(could).filter(|slug| !self.linked.contains(slug)) {
            let message =
                format!("`related` names `{slug}`, but the text never links to it; expected `[..](q:{slug})`");
            self.problems.push((self.front.related_line, message));
        }
        for (id, line) in std::mem::take(&mut self.fragments) {
            if !self.ids.contains(&id) {
                let ids: Vec<&str> = self.ids.iter().map(String::as_str).collect();
                let near = closest(&id, &ids).map(|n| format!("; did you mean `#{n}`?")).unwrap_or_default();
                self.problem(line, format!("the link `#{id}` leads nowhere on this page{near}"));
            }
        }
        out
    }

    /// An id for a heading, unique on the page. Beginning with the section's own id keeps it clear of every id that the
    /// rest of the page uses.
    fn heading_id(&mut self, kind: Kind, text: &str) -> String {
        let mut id = kind.id().to_owned();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
            if id.len() + word.len() > 72 {
                break;
            }
            id.push('-');
            id.push_str(&word.to_lowercase());
        }
        let mut unique = id.clone();
        let mut n = 2;
        while self.ids.contains(&unique) {
            unique = format!("{id}-{n}");
            n += 1;
        }
        self.ids.push(unique.clone());
        unique
    }

    /// The small number that leads to a source.
    fn cite(&mut self, id: &str, line: usize) -> String {
        match self.front.sources.iter().position(|s| s.id == id) {
            Some(i) => {
                let label = escape(&format!("[{}] {}", i + 1, self.front.sources[i].title));
                format!("<sup class=\"cite\"><a href=\"#source-{id}\" aria-label=\"{label}\">[{}]</a></sup>", i + 1)
            }
            None => {
                let ids: Vec<&str> = self.front.sources.iter().map(|s| s.id.as_str()).collect();
                self.problem(line, format!("no [[source]] has the id `{id}`; {}", expected_one_of(id, &ids)));
                String::new()
            }
        }
    }

    /// The opening tag of a link to `to`, or nothing when its text should stand alone.
    fn link(&mut self, to: &str, line: usize) -> String {
        if let Some(id) = to.strip_prefix("try:") {
            let ids: Vec<&str> = self.front.tries.iter().map(|t| t.id.as_str()).collect();
            if !ids.contains(&id) {
                self.problem(line, format!("no [[try]] has the id `{id}`; {}", expected_one_of(id, &ids)));
            }
            return format!("<a href=\"#try-{0}\" data-try=\"{0}\">", escape(id));
        }
        if let Some(slug) = to.strip_prefix("q:") {
            if slug == self.slug {
                self.problem(line, format!("the link `q:{slug}` leads to this question itself"));
            } else if !SLUGS.contains(&slug) {
                self.problem(line, format!("`{slug}` is not a question; {}", expected_one_of(slug, &SLUGS)));
            }
            self.linked.push(slug.to_owned());
            let is_written = self.known.has(slug);
            return if is_written { format!("<a href=\"../{}/\">", escape(slug)) } else { String::new() };
        }
        if let Some(id) = to.strip_prefix('#') {
            self.fragments.push((id.to_owned(), line));
            return format!("<a href=\"#{}\">", escape(id));
        }
        if !web_address(to) {
            self.problem(
                line,
                format!("the link `{to}` leads nowhere we know; expected https://.., `try:id`, `q:slug` or `#id`"),
            );
        }
        format!("<a href=\"{}\" rel=\"noopener\">", escape(to))
    }

    /// A link whose text is a bare number or percentage says that the experiment measures it: some claim must hold.
    fn number_claim(&mut self, to: &str, text: &str, line: usize) {
        let Some(t) = to.strip_prefix("try:").and_then(|id| self.front.tries.iter().find(|t| t.id == id)) else {
            return;
        };
        let text = text.trim();
        let bare = text.strip_suffix('%').unwrap_or(text).trim_end();
        if !bare.starts_with(|c: char| c.is_ascii_digit() || c == '-') || bare.contains(char::is_whitespace) {
            return;
        }
        let Some((value, _)) = leading_number(bare).filter(|_| !bare.contains(char::is_alphabetic)) else {
            return;
        };
        // A share may be measured as a fraction and written as a percentage.
        let fraction = (bare != text).then_some(value / 100.0);
        let holds =
            |t: &Try| t.claims().any(|(_, _, c)| c.expect.holds(value) || fraction.is_some_and(|x| c.expect.holds(x)));
        if !holds(t) {
            let claims: Vec<String> = t.claims().map(|(_, _, c)| format!("{} {}", c.measure, c.expect)).collect();
            self.problem(
                line,
                format!(
                    "the text says {text}, but no claim of the experiment `{}` agrees: {}",
                    t.id,
                    claims.join("; ")
                ),
            );
        }
    }
}

fn folded(id: &str, title: &str, open: bool, inner: &str) -> String {
    let open = if open { " open" } else { "" };
    format!("<section id=\"{id}\"><details{open}><summary><h2>{title}</h2></summary>\n{inner}</details></section>\n")
}

fn source_item(s: &Source) -> String {
    let mut item =
        format!("<li id=\"source-{}\"><a href=\"{}\" rel=\"noopener\">{}</a>.", s.id, escape(&s.url), escape(&s.title));
    let year = s.year.map(|y| y.to_string());
    let about: Vec<&str> = [s.by.as_deref(), year.as_deref()].into_iter().flatten().collect();
    if !about.is_empty() {
        item.push_str(&format!(" {}.", escape(&about.join(", "))));
    }
    if let Some(note) = &s.note {
        item.push_str(&format!(" {}", escape(note)));
    }
    item.push_str("</li>\n");
    item
}

/// HTML on its way out, and the same without tags: headings make ids of it, links are told apart by it.
#[derive(Default)]
struct Held {
    html: String,
    text: String,
}

/// The entry of the follow-ups or the wrong answers that is being written.
struct Entry {
    closing: &'static str,
    line: usize,
    /// Where its answer starts in the output; an entry without one is a mistake.
    answer_start: usize,
}

struct Table {
    alignments: Vec<Alignment>,
    column: usize,
    in_head: bool,
    headers: Vec<String>,
}

/// Writes one section.
struct Writer<'w, 'a> {
    page: &'w mut Page<'a>,
    section: &'w Section,
    out: String,
    /// Headings, links and header cells that are not finished, innermost last. Empty while text goes straight out.
    held: Vec<Held>,
    entry: Option<Entry>,
    entries: usize,
    /// Whether a `###` has been seen, which a `####` needs.
    has_h3: bool,
    /// Whether a problem about text before the first entry has been recorded; once is enough.
    complained: bool,
    /// Depth of block elements around the current event.
    depth: usize,
    table: Option<Table>,
    /// The language and the text of the code block that is being read.
    code: Option<(String, String)>,
    /// Kind and destination of the links around the current event, innermost last.
    links: Vec<(LinkType, String)>,
}

impl<'w, 'a> Writer<'w, 'a> {
    fn new(page: &'w mut Page<'a>, section: &'w Section) -> Writer<'w, 'a> {
        Writer {
            page,
            section,
            out: String::new(),
            held: Vec::new(),
            entry: None,
            entries: 0,
            has_h3: false,
            complained: false,
            depth: 0,
            table: None,
            code: None,
            links: Vec::new(),
        }
    }

    fn write(mut self) -> String {
        let markdown = self.section.markdown.as_str();
        let dead = RefCell::new(Vec::new());
        // `[@id]` is not a link to Markdown until somebody says where it leads.
        let resolve = |link: BrokenLink| {
            let id = link.reference.strip_prefix('@').map(str::to_owned);
            if id.is_none() && matches!(link.link_type, LinkType::Reference | LinkType::Collapsed) {
                dead.borrow_mut().push((link.span.start, link.reference.to_string()));
            }
            id.map(|id| (CowStr::from(id), CowStr::from("")))
        };
        let parser = Parser::new_with_broken_link_callback(markdown, Options::ENABLE_TABLES, Some(resolve));
        let (mut line, mut counted) = (self.section.line, 0);
        for (event, span) in parser.into_offset_iter() {
            // Events come nearly in order; counting on from the last place keeps this linear.
            if span.start < counted {
                (line, counted) = (self.section.line, 0);
            }
            line += newlines(markdown, counted, span.start);
            counted = span.start;
            self.event(event, line, markdown.get(span).unwrap_or_default());
        }
        for (at, reference) in dead.into_inner() {
            let line = self.section.line + newlines(markdown, 0, at);
            self.page.problem(line, format!("nothing defines the link `[{reference}]`; write `[text](https://..)`"));
        }
        self.close_entry();
        if self.has_entries() && self.entries == 0 && !self.complained {
            let what = self.entry_form();
            self.page.problem(
                self.section.line - 1,
                format!("the section `{}` has no entries; expected {what}", self.section.kind.title()),
            );
        }
        self.out
    }

    fn event(&mut self, event: Event, line: usize, source: &str) {
        match event {
            Event::Start(tag) => self.start(tag, line, source),
            Event::End(tag) => self.end(tag, line),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.text(&text),
            },
            Event::Code(code) => {
                self.html(&format!("<code>{}</code>", escape_text(&code)));
                self.plain(&code);
            }
            Event::SoftBreak => self.text("\n"),
            Event::HardBreak => {
                self.html("<br>\n");
                self.plain(" ");
            }
            Event::Rule => {
                self.page.problem(line, "a horizontal rule is not a heading; remove it or start a `###` section")
            }
            Event::Html(_) => {}
            Event::InlineHtml(tag) => self.raw_html(&tag, line),
            // Extensions that are not switched on.
            Event::FootnoteReference(_) | Event::TaskListMarker(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag, line: usize, source: &str) {
        if self.depth == 0
            && self.has_entries()
            && self.entries == 0
            && !self.complained
            && !matches!(tag, Tag::Heading { .. })
            && is_block(&tag)
        {
            let what = self.entry_form();
            self.page.problem(
                line,
                format!("text before the first entry of `{}`; expected {what}", self.section.kind.title()),
            );
            self.complained = true;
        }
        if matches!(tag, Tag::Heading { .. }) && self.depth > 0 {
            self.page.problem(line, "a heading cannot stand inside a list or a quote");
        }
        self.depth += usize::from(is_block(&tag));
        match tag {
            Tag::Paragraph => self.html("<p>"),
            Tag::Heading { .. } | Tag::TableCell => {
                if matches!(tag, Tag::Heading { level: HeadingLevel::H3, .. }) {
                    self.close_entry();
                }
                self.held.push(Held::default());
            }
            Tag::BlockQuote(_) => self.html("<blockquote>\n"),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                self.code = Some((self.language(&info, line), String::new()))
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => {
                self.page.problem(line, "a code block made by indentation has no language; use a fence: ```rust");
                self.code = Some(("text".to_owned(), String::new()));
            }
            Tag::List(None) => self.html("<ul>\n"),
            Tag::List(Some(1)) => self.html("<ol>\n"),
            Tag::List(Some(first)) => self.html(&format!("<ol start=\"{first}\">\n")),
            Tag::Item => self.html("<li>"),
            Tag::Table(alignments) => {
                self.table = Some(Table { alignments, column: 0, in_head: false, headers: Vec::new() });
                self.held.push(Held::default());
            }
            Tag::TableHead => {
                if let Some(t) = &mut self.table {
                    (t.in_head, t.column) = (true, 0);
                }
                self.html("<thead><tr>");
            }
            Tag::TableRow => {
                if let Some(t) = &mut self.table {
                    t.column = 0;
                }
                self.html("<tr>");
            }
            Tag::Emphasis => self.html("<em>"),
            Tag::Strong => self.html("<strong>"),
            Tag::Link { link_type, dest_url, .. } => {
                self.links.push((link_type, dest_url.to_string()));
                self.held.push(Held::default());
            }
            Tag::Image { .. } => {
                self.page.problem(line, "images are not supported; pictures come from the simulation");
                self.held.push(Held::default());
            }
            Tag::HtmlBlock => self.raw_html(source.lines().next().unwrap_or_default().trim(), line),
            // Extensions that are not switched on.
            Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript
            | Tag::MetadataBlock(_) => {}
        }
    }

    fn end(&mut self, tag: TagEnd, line: usize) {
        match tag {
            TagEnd::Paragraph => self.html("</p>\n"),
            TagEnd::Heading(level) => {
                let heading = self.held.pop().unwrap_or_default();
                self.heading(level, heading, line);
            }
            TagEnd::BlockQuote(_) => self.html("</blockquote>\n"),
            TagEnd::CodeBlock => {
                if let Some((language, code)) = self.code.take() {
                    let code = highlight(&language, &code);
                    self.html(&format!(
                        "<pre tabindex=\"0\"><code class=\"language-{language}\">{code}</code></pre>\n"
                    ));
                }
            }
            TagEnd::List(ordered) => self.html(if ordered { "</ol>\n" } else { "</ul>\n" }),
            TagEnd::Item => self.html("</li>\n"),
            TagEnd::Table => self.end_table(),
            TagEnd::TableHead => {
                if let Some(t) = &mut self.table {
                    t.in_head = false;
                }
                self.html("</tr></thead>\n<tbody>\n");
            }
            TagEnd::TableRow => self.html("</tr>\n"),
            TagEnd::TableCell => self.end_cell(),
            TagEnd::Emphasis => self.html("</em>"),
            TagEnd::Strong => self.html("</strong>"),
            TagEnd::Link => self.end_link(line),
            TagEnd::Image => {
                self.held.pop();
            }
            TagEnd::HtmlBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::MetadataBlock(_) => {}
        }
        self.depth -= usize::from(is_block_end(&tag));
    }

    fn heading(&mut self, level: HeadingLevel, heading: Held, line: usize) {
        let title = heading.text.trim();
        let kind = self.section.kind;
        if title.is_empty() {
            return self.page.problem(line, "a heading is empty");
        }
        if kind == Kind::Question {
            return self
                .page
                .problem(line, format!("`{title}`: the section `{}` has no headings of its own", kind.title()));
        }
        match level {
            HeadingLevel::H3 => {
                self.has_h3 = true;
                let id = self.page.heading_id(kind, title);
                match kind {
                    Kind::FollowUps => self.follow_up(&id, &heading, line),
                    Kind::WrongAnswers => self.wrong_answer(&id, &heading, line),
                    _ => self.html(&format!("<h3 id=\"{id}\">{}</h3>\n", heading.html)),
                }
            }
            HeadingLevel::H4 => {
                if !self.has_h3 {
                    self.page.problem(line, format!("`#### {title}` has no `###` above it"));
                }
                let id = self.page.heading_id(kind, title);
                self.html(&format!("<h4 id=\"{id}\">{}</h4>\n", heading.html));
            }
            HeadingLevel::H1 | HeadingLevel::H2 => {
                self.page.problem(
                    line,
                    format!("`{title}` is a heading of the top levels; inside a section use `###` and `####`"),
                );
            }
            HeadingLevel::H5 | HeadingLevel::H6 => {
                self.page.problem(line, format!("`{title}` is a heading too deep; use `###` and `####`"))
            }
        }
    }

    fn follow_up(&mut self, id: &str, heading: &Held, line: usize) {
        let parts = Level::ALL
            .into_iter()
            .find_map(|l| heading.html.strip_prefix(l.name())?.strip_prefix(": ").map(|q| (l, q)));
        let Some((level, question)) = parts else {
            let what = self.entry_form();
            self.page
                .problem(line, format!("`### {}` does not begin with a level; expected {what}", heading.text.trim()));
            return self.open_entry("", line);
        };
        let name = level.name();
        self.html(&format!(
            "<details class=\"followup\" id=\"{id}\" data-level=\"{}\"><summary><h3><span class=\"level\">{name}</span> {question}</h3></summary>\n",
            name.to_lowercase()
        ));
        self.open_entry("</details>\n", line);
    }

    fn wrong_answer(&mut self, id: &str, heading: &Held, line: usize) {
        let html = heading.html.as_str();
        let quoted =
            |open, close| html.strip_prefix(open)?.strip_suffix(close).filter(|claim: &&str| !claim.trim().is_empty());
        let Some(claim) = quoted('"', '"').or_else(|| quoted('\u{201c}', '\u{201d}')) else {
            let what = self.entry_form();
            self.page.problem(line, format!("`### {}` is not a claim in quotes; expected {what}", heading.text.trim()));
            return self.open_entry("", line);
        };
        self.html(&format!("<article class=\"wrong\" id=\"{id}\"><h3>\u{201c}{claim}\u{201d}</h3>\n"));
        self.open_entry("</article>\n", line);
    }

    fn open_entry(&mut self, closing: &'static str, line: usize) {
        self.entries += 1;
        self.entry = Some(Entry { closing, line, answer_start: self.out.len() });
    }

    fn close_entry(&mut self) {
        let Some(entry) = self.entry.take() else {
            return;
        };
        if self.out.get(entry.answer_start..).is_none_or(|answer| answer.trim().is_empty()) {
            self.page.problem(entry.line, "nothing stands below this heading; expected the answer");
        }
        self.out.push_str(entry.closing);
    }

    fn has_entries(&self) -> bool {
        matches!(self.section.kind, Kind::FollowUps | Kind::WrongAnswers)
    }

    /// How the entries of this section are written.
    fn entry_form(&self) -> &'static str {
        match self.section.kind {
            Kind::FollowUps => {
                "`### Junior: the question?`, where the level is one of `Junior`, `Middle`, `Senior`, `Staff`"
            }
            _ => "`### \"the claim\"`",
        }
    }

    fn end_link(&mut self, line: usize) {
        let inner = self.held.pop().unwrap_or_default();
        let Some((link_type, to)) = self.links.pop() else {
            return;
        };
        let is_citation =
            matches!(link_type, LinkType::ReferenceUnknown | LinkType::CollapsedUnknown | LinkType::ShortcutUnknown);
        if is_citation {
            let mut cites = String::new();
            if link_type == LinkType::ReferenceUnknown {
                // `[@a][@b]` is two citations, `[the paper][@a]` is text and one.
                match inner.text.strip_prefix('@') {
                    Some(first) => cites = self.page.cite(first, line),
                    None => {
                        self.html(&inner.html);
                        self.plain(&inner.text);
                    }
                }
            }
            cites += &self.page.cite(&to, line);
            let out = self.target();
            out.truncate(out.trim_end_matches([' ', '\n']).len());
            return self.html(&cites);
        }
        if inner.text.trim().is_empty() {
            self.page.problem(line, format!("the link to `{to}` has no text"));
        }
        self.page.number_claim(&to, &inner.text, line);
        let open = self.page.link(&to, line);
        let close = if open.is_empty() { "" } else { "</a>" };
        self.html(&format!("{open}{}{close}", inner.html));
        self.plain(&inner.text);
    }

    fn end_cell(&mut self) {
        let cell = self.held.pop().unwrap_or_default();
        let Some(t) = &mut self.table else { return };
        let class = match t.alignments.get(t.column) {
            Some(Alignment::Right) => " class=\"right\"",
            Some(Alignment::Center) => " class=\"center\"",
            _ => "",
        };
        t.column += 1;
        let is_header = t.in_head && !cell.text.trim().is_empty();
        if is_header {
            t.headers.push(cell.text.trim().to_owned());
        }
        let html = cell.html;
        self.html(&if is_header {
            format!("<th scope=\"col\"{class}>{html}</th>")
        } else {
            format!("<td{class}>{html}</td>")
        });
    }

    /// A wide table scrolls in its own box, which the keyboard must be able to reach and a screen reader to name.
    fn end_table(&mut self) {
        let rows = self.held.pop().unwrap_or_default().html;
        let headers = self.table.take().map(|t| t.headers.join(", ")).unwrap_or_default();
        self.page.tables += 1;
        let label = escape(&format!("Table {}: {headers}", self.page.tables));
        self.html(&format!("<div class=\"table\" role=\"region\" aria-label=\"{label}\" tabindex=\"0\"><table>\n{rows}</tbody></table></div>\n"));
    }

    fn language(&mut self, info: &str, line: usize) -> String {
        let word = info.split_whitespace().next().unwrap_or_default();
        if LANGUAGES.contains(&word) {
            return word.to_owned();
        }
        let known = expected_one_of(word, &LANGUAGES);
        self.page.problem(
            line,
            if word.is_empty() {
                format!("the code block names no language; {known}")
            } else {
                format!("`{word}` is not a language we colour; {known}")
            },
        );
        "text".to_owned()
    }

    fn raw_html(&mut self, tag: &str, line: usize) {
        // A closing tag adds nothing to what was said about the opening one.
        if tag.starts_with("</") && self.page.problems.iter().any(|(_, m)| m.starts_with("raw HTML")) {
            return;
        }
        let tag: String = tag.chars().take(40).collect();
        self.page.problem(
            line,
            format!(
                "raw HTML `{tag}` is not allowed; write Markdown, or put it between backticks if it is meant as text"
            ),
        );
    }

    fn target(&mut self) -> &mut String {
        self.held.last_mut().map_or(&mut self.out, |h| &mut h.html)
    }

    fn html(&mut self, html: &str) {
        self.target().push_str(html);
    }

    fn plain(&mut self, text: &str) {
        if let Some(held) = self.held.last_mut() {
            held.text.push_str(text);
        }
    }

    fn text(&mut self, text: &str) {
        self.html(&escape_text(text));
        self.plain(text);
    }
}

fn newlines(text: &str, from: usize, to: usize) -> usize {
    text.as_bytes().get(from..to).map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count())
}

/// Block elements that other blocks can be inside of, or that count as text before the first entry.
fn is_block(tag: &Tag) -> bool {
    is_block_end(&tag.to_end())
}

fn is_block_end(tag: &TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::Table
    )
}

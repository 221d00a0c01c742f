//! The sections that every article has, and how they are found.

use crate::problem::{closest, expected_one_of};
use crate::table::Reader;

/// A section of an article. The order of the variants is the order in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Question,
    ShortAnswer,
    LongAnswer,
    WorkedExample,
    Beyond,
    FollowUps,
    WrongAnswers,
    LeavesOut,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Question,
        Kind::ShortAnswer,
        Kind::LongAnswer,
        Kind::WorkedExample,
        Kind::Beyond,
        Kind::FollowUps,
        Kind::WrongAnswers,
        Kind::LeavesOut,
    ];

    /// The heading, exactly as it stands in the file.
    pub fn title(self) -> &'static str {
        match self {
            Kind::Question => "The question",
            Kind::ShortAnswer => "The answer in thirty seconds",
            Kind::LongAnswer => "The long answer",
            Kind::WorkedExample => "The worked example",
            Kind::Beyond => "Beyond the simulation",
            Kind::FollowUps => "Follow-ups",
            Kind::WrongAnswers => "Common wrong answers",
            Kind::LeavesOut => "What this model leaves out",
        }
    }

    /// The `id` of the section's element, and what the ids inside it begin with.
    pub fn id(self) -> &'static str {
        match self {
            Kind::Question => "question",
            Kind::ShortAnswer => "short-answer",
            Kind::LongAnswer => "long-answer",
            Kind::WorkedExample => "worked-example",
            Kind::Beyond => "beyond",
            Kind::FollowUps => "follow-ups",
            Kind::WrongAnswers => "wrong-answers",
            Kind::LeavesOut => "leaves-out",
        }
    }
}

/// One section's Markdown, without its heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub kind: Kind,
    pub markdown: String,
    /// Line of the file on which `markdown` starts, from 1.
    pub line: usize,
}

/// Splits the body at its `##` headings and checks that every section is there, in order and not empty.
///
/// This is a line scan that knows code fences, so that it needs no Markdown parser. Where it could disagree with one
/// (a heading inside a list, an underlined heading), the renderer refuses the file.
pub(crate) fn split(r: &mut Reader, body: &str, first_line: usize) -> Vec<Section> {
    let titles = Kind::ALL.map(Kind::title);
    let mut sections: Vec<Section> = Vec::new();
    let mut unknown_before = false;
    let mut fence: Option<(char, usize, usize)> = None;
    let mut line = first_line;
    for text in body.split_inclusive('\n') {
        let is_text = fence.is_none();
        step_fence(&mut fence, text, line);
        match heading(text).filter(|_| is_text && fence.is_none()) {
            Some(title) => {
                let named = |name: &str| Kind::ALL.into_iter().find(|k| k.title() == name);
                let kind = named(title).or_else(|| {
                    r.problem(line, format!("unknown section `{title}`; {}", expected_one_of(title, &titles)));
                    // A misspelt heading still starts its section, so that it is not reported as missing too.
                    closest(title, &titles).and_then(named)
                });
                if let Some(kind) = kind {
                    place(r, &sections, kind, line);
                    sections.push(Section { kind, markdown: String::new(), line: line + 1 });
                }
                unknown_before = kind.is_none();
            }
            None => match sections.last_mut() {
                Some(section) => section.markdown.push_str(text),
                None if text.trim().is_empty() || unknown_before => {}
                None => {
                    r.problem(line, format!("text before the first section; start with `## {}`", titles[0]));
                    unknown_before = true;
                }
            },
        }
        line += 1;
    }
    if let Some((_, _, opened)) = fence {
        r.problem(opened, "the code fence opened here is never closed");
    }
    let last = line.saturating_sub(1).max(1);
    for kind in Kind::ALL {
        match sections.iter().find(|s| s.kind == kind) {
            None => r.problem(last, format!("missing section `## {}`", kind.title())),
            Some(s) if s.markdown.trim().is_empty() => {
                r.problem(s.line - 1, format!("the section `{}` is empty", kind.title()))
            }
            Some(_) => {}
        }
    }
    sections
}

/// Complains if `kind` cannot follow the sections so far.
fn place(r: &mut Reader, sections: &[Section], kind: Kind, line: usize) {
    if let Some(first) = sections.iter().find(|s| s.kind == kind) {
        let first = first.line - 1;
        r.problem(line, format!("the section `{}` is already at line {first}", kind.title()));
    } else if let Some(later) = sections.iter().map(|s| s.kind).filter(|k| *k > kind).min() {
        r.problem(line, format!("the section `{}` belongs before `{}`", kind.title(), later.title()));
    }
}

/// The text of a `##` heading, if the line is one.
fn heading(line: &str) -> Option<&str> {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let rest = line.trim_start_matches(' ').strip_prefix("##")?;
    (indent <= 3 && rest.starts_with([' ', '\t', '\n', '\r'])).then(|| rest.trim().trim_end_matches('#').trim_end())
}

/// Follows the opening and closing of code fences: (character, length, line of the opening).
fn step_fence(fence: &mut Option<(char, usize, usize)>, text: &str, line: usize) {
    let text = text.trim();
    let Some(mark) = text.chars().next().filter(|c| matches!(c, '`' | '~')) else {
        return;
    };
    let length = text.chars().take_while(|c| *c == mark).count();
    match *fence {
        None if length >= 3 && !(mark == '`' && text[length..].contains('`')) => *fence = Some((mark, length, line)),
        Some((open, least, _)) if mark == open && length >= least && text.len() == length => *fence = None,
        _ => {}
    }
}

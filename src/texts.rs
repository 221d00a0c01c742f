//! The texts of all articles, for the search of the library: `texts.txt`, one passage a line.
//!
//! A passage is what stands under one heading. Its line is the question's slug, the place on the question's page,
//! the heading and the text, with tabs between. The file is fetched when somebody begins to search; in the other
//! pages it costs nothing.

/// What stands under one heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage<'a> {
    pub slug: &'a str,
    /// The place on the question's page, without its `#`.
    pub id: &'a str,
    pub heading: &'a str,
    pub text: &'a str,
}

impl<'a> Passage<'a> {
    fn parse(line: &'a str) -> Option<Passage<'a>> {
        let mut fields = line.split('\t');
        let passage =
            Passage { slug: fields.next()?, id: fields.next()?, heading: fields.next()?, text: fields.next()? };
        fields.next().is_none().then_some(passage)
    }
}

/// A passage in which every word of the search begins some word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    pub passage: Passage<'a>,
    /// Some of its text: what stands before the first word that was found, that word, and what follows.
    pub excerpt: [&'a str; 3],
}

/// What a search shows at most; the rest is counted.
pub const MOST: usize = 12;
/// Fewer letters than this are in nearly every passage.
const LEAST_LETTERS: usize = 3;
/// About how much of the text is shown around what was found.
const BEFORE: usize = 50;
const AFTER: usize = 110;

/// The first [`MOST`] passages that have every word of `query`, and how many there are in all. Those with all of them in
/// the heading come first, then those that say the words side by side. `admits` says which questions count. Capital letters do not matter.
pub fn find<'a>(texts: &'a str, query: &str, admits: impl Fn(&str) -> bool) -> (Vec<Found<'a>>, usize) {
    let query = query.to_ascii_lowercase();
    let words: Vec<&str> = query.split_whitespace().collect();
    if words.iter().map(|word| word.len()).sum::<usize>() < LEAST_LETTERS {
        return (Vec::new(), 0);
    }
    let phrase = words.join(" ");
    let mut found: [Vec<Found>; 3] = [Vec::new(), Vec::new(), Vec::new()];
    let mut count = 0;
    for passage in texts.lines().filter_map(Passage::parse).filter(|p| admits(p.slug)) {
        let (heading, text) = (passage.heading.to_ascii_lowercase(), passage.text.to_ascii_lowercase());
        let in_heading = words.iter().all(|word| place_of(&heading, word).is_some());
        if !in_heading && !words.iter().all(|word| place_of(&heading, word).or(place_of(&text, word)).is_some()) {
            continue;
        }
        count += 1;
        let side_by_side = place_of(&text, &phrase).map(|at| (at, phrase.len()));
        let rank = &mut found[if in_heading { 0 } else { 2 - usize::from(side_by_side.is_some()) }];
        if rank.len() < MOST {
            let first = || words.iter().filter_map(|word| Some((place_of(&text, word)?, word.len()))).min();
            rank.push(Found { passage, excerpt: excerpt(passage.text, side_by_side.or_else(first)) });
        }
    }
    let mut best: Vec<Found> = found.into_iter().flatten().collect();
    best.truncate(MOST);
    (best, count)
}

/// Where `word` begins a word of `text`: "ack" is not in "back".
fn place_of(text: &str, word: &str) -> Option<usize> {
    text.match_indices(word)
        .map(|(at, _)| at)
        .find(|at| !text[..*at].chars().next_back().is_some_and(|before| before.is_ascii_alphanumeric()))
}

/// The text around a place of so many bytes, cut between words; the beginning if there is no such place.
fn excerpt(text: &str, place: Option<(usize, usize)>) -> [&str; 3] {
    let (at, len) = place.unwrap_or((0, 0));
    let from = match at.checked_sub(BEFORE) {
        None | Some(0) => 0,
        Some(from) => text[..text.floor_char_boundary(from)].rfind(' ').map_or(0, |space| space + 1),
    };
    let end = text.floor_char_boundary(at + len + AFTER);
    let end = if end == text.len() { end } else { text[..end].rfind(' ').unwrap_or(end).max(at + len) };
    [&text[from..at], &text[at..at + len], &text[at + len..end]]
}

/// Appends the passages of one article, given as the HTML that stands in its page, to the file.
///
/// The HTML is ours, from `press`: every tag is closed, and no attribute has a `>`.
#[cfg(not(feature = "csr"))]
pub fn append(slug: &str, html: &str, file: &mut String) {
    /// What begins a passage, if it has an id.
    const PLACES: [&str; 4] = ["section", "h3", "details", "article"];
    /// Not part of what is said: numbers of sources, the level before a follow-up, code.
    const SILENT: [&str; 3] = ["<sup class=\"cite\"", "<span class=\"level\"", "<pre"];
    /// Within a sentence.
    const INLINE: [&str; 7] = ["a", "b", "em", "strong", "code", "sup", "sub"];
    let mut passages = vec![("question".to_owned(), String::new(), String::new())];
    let mut in_heading = false;
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        push(&mut passages, in_heading, &rest[..at]);
        rest = &rest[at..];
        let name = rest[1..].trim_start_matches('/');
        let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())];
        if SILENT.iter().any(|silent| rest.starts_with(silent)) {
            let end = format!("</{name}>");
            rest = rest.find(&end).map_or("", |at| &rest[at + end.len()..]);
            continue;
        }
        let tag = &rest[..rest.find('>').map_or(rest.len(), |at| at + 1)];
        let id = tag.split_once(" id=\"").and_then(|(_, id)| id.split('"').next());
        if let Some(id) = id.filter(|_| PLACES.contains(&name)) {
            passages.push((id.to_owned(), String::new(), String::new()));
        }
        if name == "h2" || name == "h3" {
            in_heading = !tag.starts_with("</");
        } else if !INLINE.contains(&name) {
            push(&mut passages, in_heading, " ");
        }
        rest = &rest[tag.len()..];
    }
    for (id, heading, text) in passages {
        line(slug, &id, if heading.trim().is_empty() { "The question" } else { &heading }, &text, file);
    }

    fn push(passages: &mut [(String, String, String)], in_heading: bool, text: &str) {
        if let Some((_, heading, body)) = passages.last_mut() {
            if in_heading { heading.push_str(text) } else { body.push_str(text) }
        }
    }
}

/// Appends one passage to the file, unless it says nothing. Entities become what they stand for.
#[cfg(not(feature = "csr"))]
pub fn line(slug: &str, id: &str, heading: &str, text: &str, file: &mut String) {
    let clean = |text: &str| {
        let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let (heading, text) = (clean(heading), clean(text));
    if !text.is_empty() {
        file.push_str(&format!("{slug}\t{id}\t{heading}\t{text}\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = "<section id=\"question\">\n<p>Why?</p>\n</section>\n\
        <section id=\"long-answer\"><details><summary><h2>The long answer</h2></summary>\n\
        <p>First <em>of</em> all<sup class=\"cite\"><a href=\"#source-a\">[1]</a></sup>, feed<b>back</b>.</p>\n\
        <h3 id=\"long-answer-a\">Acks &amp; <code>429</code></h3>\n<pre><code>let x = 1;</code></pre>\n<p>They acknowledge.</p>\n\
        </details></section>\n<details class=\"followup\" id=\"follow-ups-b\"><summary><h3><span class=\"level\">Junior</span> What now?</h3></summary>\n\
        <ul>\n<li>One.</li>\n<li>Two.</li>\n</ul></details>";

    fn file() -> String {
        let mut file = String::new();
        append("saga-consistency", HTML, &mut file);
        file
    }

    #[test]
    fn each_heading_is_a_passage() {
        let file = file();
        let passages: Vec<_> =
            file.lines().map(|line| Passage::parse(line).unwrap()).map(|p| (p.id, p.heading, p.text)).collect();
        assert_eq!(
            passages,
            [
                ("question", "The question", "Why?"),
                ("long-answer", "The long answer", "First of all, feedback."),
                ("long-answer-a", "Acks & 429", "They acknowledge."),
                ("follow-ups-b", "What now?", "One. Two."),
            ]
        );
    }

    #[test]
    fn words_are_found_from_their_beginning() {
        let file = file();
        let ids = |query: &str| {
            let (found, count) = find(&file, query, |_| true);
            assert_eq!(found.len(), count);
            found.iter().map(|f| f.passage.id).collect::<Vec<_>>()
        };
        assert_eq!(ids("ACK"), ["long-answer-a"]);
        assert_eq!(ids("back"), [""; 0], "feedback is one word");
        assert_eq!(ids("429 they"), ["long-answer-a"], "one in the heading, one in the text");
        assert_eq!(ids("long answer"), ["long-answer"]);
        assert_eq!(ids("on"), [""; 0], "too little to go by");
        assert_eq!(ids("one two"), ["follow-ups-b"]);
        assert_eq!(ids("one zebra"), [""; 0]);
        assert!(find(&file, "one", |slug| slug == "caching-benefits").0.is_empty());
    }

    #[test]
    fn headings_come_first_and_the_rest_is_counted() {
        let mut file = String::new();
        for i in 0..20 {
            file.push_str(&format!("a\tp{i}\tOther\tA queue of {i}\n"));
        }
        file.push_str("b\tp\tQueues\tThey wait.\nnot a line\n");
        let (found, count) = find(&file, "queue", |_| true);
        assert_eq!((found[0].passage.slug, found.len(), count), ("b", MOST, 21));
        assert_eq!(found[0].excerpt, ["", "", "They wait."]);
        assert_eq!(found[1].excerpt, ["A ", "queue", " of 0"]);
    }

    #[test]
    fn words_side_by_side_come_before_words_apart() {
        let file = "a\tp\tOne\tA budget. Then retry.\nb\tp\tTwo\tWith a retry budget of 10 %.\n";
        let (found, _) = find(file, "retry budget", |_| true);
        assert_eq!(found[0].excerpt, ["With a ", "retry budget", " of 10 %."]);
        assert_eq!(found[1].excerpt, ["A ", "budget", ". Then retry."]);
    }

    #[test]
    fn excerpts_are_cut_between_words() {
        let text = format!("{}needle {}", "häystack ".repeat(20), "héy ".repeat(60));
        let line = format!("a\tb\tc\t{text}\n");
        let (found, _) = find(&line, "needle", |_| true);
        let [before, hit, after] = found[0].excerpt;
        assert_eq!(hit, "needle");
        assert!(before.starts_with("häystack ") && before.ends_with("häystack "), "{before}");
        assert!(after.starts_with(" héy") && after.ends_with("héy"), "{after}");
        assert!(before.len() < 80 && after.len() <= AFTER, "{before}{after}");
    }
}

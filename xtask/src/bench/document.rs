//! The report: a head that is always written anew, and sections between markers, each replaced by itself.

/// The report with this section in place of the one of the same name, or where `order` has it. Sections that the order
/// does not know were put there by somebody else; they stay, behind those that were before them.
pub fn with_section(before: &str, head: &str, name: &str, section: &str, order: &[&str]) -> String {
    let mut sections = sections(before);
    match sections.iter_mut().find(|(found, _)| found == name) {
        Some((_, text)) => section.trim_end().clone_into(text),
        None => {
            let place = order.iter().position(|known| *known == name).unwrap_or(order.len());
            let later = |found: &str| order.iter().position(|known| *known == found).is_some_and(|at| at > place);
            let at = sections.iter().position(|(found, _)| later(found)).unwrap_or(sections.len());
            sections.insert(at, (name.to_owned(), section.trim_end().to_owned()));
        }
    }
    let mut out = head.trim_end().to_owned();
    for (name, text) in sections {
        out.push_str(&format!("\n\n<!-- begin {name} -->\n{text}\n<!-- end {name} -->"));
    }
    out.push('\n');
    out
}

/// The sections of a report, by name, in order. What has no end is no section.
fn sections(report: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = report;
    while let Some((_, after)) = rest.split_once("<!-- begin ") {
        let Some((name, after)) = after.split_once(" -->\n") else { break };
        let Some((text, after)) = after.split_once(&format!("\n<!-- end {name} -->")) else { break };
        found.push((name.to_owned(), text.to_owned()));
        rest = after;
    }
    found
}

/// A Markdown table: the first column is words, the others numbers.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = format!("| {} |\n|---|", head.join(" | "));
    out.push_str(&"---:|".repeat(head.len() - 1));
    for row in rows {
        out.push_str(&format!("\n| {} |", row.join(" | ")));
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_others_stay() {
        let order = ["queue", "seek", "load"];
        let one = with_section("", "# Head", "seek", "## Seek\n1\n", &order);
        let two = with_section(&one, "# Head", "queue", "## Queue\n2", &order);
        assert_eq!(
            two,
            "# Head\n\n<!-- begin queue -->\n## Queue\n2\n<!-- end queue -->\n\n<!-- begin seek -->\n## Seek\n1\n<!-- end seek -->\n"
        );
        let theirs = format!("{two}\n<!-- begin other -->\nkept\n<!-- end other -->\n");
        let three = with_section(&theirs, "# New head", "seek", "## Seek\n3", &order);
        assert!(three.starts_with("# New head\n") && three.contains("## Queue\n2") && three.contains("## Seek\n3"));
        assert!(!three.contains("Seek\n1") && three.contains("begin other -->\nkept\n"), "{three}");
        let four = with_section(&three, "# Head", "load", "last", &order);
        assert!(four.find("begin seek") < four.find("begin load"), "{four}");
    }

    #[test]
    fn tables_have_a_column_for_each_word() {
        assert_eq!(table(&["a", "b"], &[vec!["x".into(), "1".into()]]), "| a | b |\n|---|---:|\n| x | 1 |\n");
    }
}

//! From the query's text to what is asked for: parsing, validation, variables, fragments, and fields of the same name
//! merged into one.

use std::collections::BTreeMap;

use cynic_parser::executable::{FieldSelection, Iter, OperationDefinition, Selection};
use cynic_parser::{ConstValue, Error, ExecutableDocument, Value};

use crate::form::{DEPTH_MAX, FIELDS_MAX, LIST_MAX, Mistake, VARIABLES_BYTES_MAX};
use crate::schema::{Fetch, Field, Kind, Type};

/// Mistakes beyond are left out: the first ones usually explain them.
const MISTAKES_MAX: usize = 5;
const NO_QUERY: &str = "There is no query yet. The shortest one is { articles { title } }.";

/// A field of the answer.
#[derive(Debug)]
pub struct Node {
    /// Its name in the answer: the alias, or the field's own.
    pub key: String,
    pub name: &'static str,
    pub what: What,
    pub line: usize,
    pub column: usize,
    pub children: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Typename,
    Column,
    Objects { fetch: Fetch, first: usize, id: String },
}

/// A query that can be executed.
#[derive(Debug)]
pub struct Plan {
    pub nodes: Vec<Node>,
    pub depth: u32,
    /// Objects that the answer could have, with every list as long as it asks for.
    pub cost: u64,
}

/// Reads a query.
///
/// # Errors
///
/// What is wrong with it, each with its place; never none.
pub fn plan(text: &str, variables: &str, operation: &str) -> Result<Plan, Vec<Mistake>> {
    if let Some((at, says)) = beyond_the_parser(text) {
        return Err(vec![Mistake::at(text, at, says.to_owned())]);
    }
    let document = cynic_parser::parse_executable_document(text).map_err(|e| vec![syntax(text, &e)])?;
    let operation = chosen(text, &document, operation).map_err(|m| vec![m])?;
    let given = given(variables).map_err(|m| vec![m])?;
    let mut reader = Reader {
        text,
        document: &document,
        variables: Vec::new(),
        fragments: Vec::new(),
        inside: Vec::new(),
        mistakes: Vec::new(),
        fields: 0,
    };
    reader.variables(&operation, &given);
    let nodes = reader.nodes(Type::Query, vec![operation.selection_set()], 1);
    reader.unused();
    if !reader.mistakes.is_empty() {
        reader.mistakes.truncate(MISTAKES_MAX);
        return Err(reader.mistakes);
    }
    Ok(Plan { depth: depth(&nodes), cost: cost(&nodes, 1), nodes })
}

fn depth(nodes: &[Node]) -> u32 {
    let of = |n: &Node| if matches!(n.what, What::Objects { .. }) { 1 + depth(&n.children) } else { 0 };
    nodes.iter().map(of).max().unwrap_or(0)
}

fn cost(nodes: &[Node], parents: u64) -> u64 {
    nodes.iter().fold(0, |sum: u64, n| match &n.what {
        What::Objects { first, .. } => {
            let objects = parents.saturating_mul(*first as u64);
            sum.saturating_add(objects).saturating_add(cost(&n.children, objects))
        }
        _ => sum,
    })
}

/// The operation that is to run.
fn chosen<'a>(text: &str, document: &'a ExecutableDocument, name: &str) -> Result<OperationDefinition<'a>, Mistake> {
    let all: Vec<OperationDefinition> = document.operations().collect();
    let names: Vec<&str> = all.iter().filter_map(|o| o.name()).collect();
    let name = name.trim();
    let found = match (all.as_slice(), name) {
        ([], _) if document.fragments().next().is_none() => return Err(Mistake::new("query", NO_QUERY.to_owned())),
        ([], _) => {
            let says = "There are only fragments. Add a query that uses them, such as { articles { ...Line } }.";
            return Err(Mistake::new("query", says.to_owned()));
        }
        ([only], "") => *only,
        (_, "") => {
            let says = format!("There are {} operations. Say which one to run: {}.", all.len(), or(&names));
            return Err(Mistake::new("operation", says));
        }
        _ => match all.iter().find(|o| o.name() == Some(name)) {
            Some(found) => *found,
            None if names.is_empty() => {
                let says = format!("No operation is named {name}: the one there is has no name. Leave this box empty.");
                return Err(Mistake::new("operation", says));
            }
            None => {
                let says = format!("No operation is named {name}; there is {}.", or(&names));
                return Err(Mistake::new("operation", says));
            }
        },
    };
    let kind = found.operation_type().as_str();
    if kind == "query" {
        return Ok(found);
    }
    let at = found.operation_type_span().map_or(0, |span| span.start);
    let says = format!("This schema has no {kind}: it can only be asked. Begin with query, or with {{.");
    Err(Mistake::at(text, at, says))
}

/// The variables as the reader gave them.
fn given(typed: &str) -> Result<serde_json::Map<String, serde_json::Value>, Mistake> {
    if typed.trim().is_empty() {
        return Ok(serde_json::Map::new());
    }
    if typed.len() > VARIABLES_BYTES_MAX {
        let says = format!("The variables have {} bytes; this page takes at most {VARIABLES_BYTES_MAX}.", typed.len());
        return Err(Mistake::new("variables", says));
    }
    match serde_json::from_str(typed) {
        Ok(serde_json::Value::Object(map)) => Ok(map),
        Ok(_) => {
            let says = "Variables are one JSON object, such as { \"first\": 5 }.".to_owned();
            Err(Mistake::new("variables", says))
        }
        Err(error) => Err(Mistake {
            within: "variables",
            line: error.line(),
            column: error.column(),
            says: "This is not JSON. Variables are one object with names in double quotes, such as { \"first\": 5 }."
                .to_owned(),
        }),
    }
}

/// A value, once variables are put in.
#[derive(Clone, Debug, PartialEq)]
enum Input {
    Null,
    Int(i64),
    Text(String),
    Bool(bool),
    /// Of a kind that nothing here takes.
    Other(&'static str),
}

struct Variable<'a> {
    name: &'a str,
    at: usize,
    /// As it was declared: `Int!`.
    of: String,
    value: Option<Input>,
    has_default: bool,
    used: bool,
}

struct Reader<'a> {
    text: &'a str,
    document: &'a ExecutableDocument,
    variables: Vec<Variable<'a>>,
    /// Fragments that were used.
    fragments: Vec<&'a str>,
    /// Fragments that are being read, to see circles.
    inside: Vec<&'a str>,
    mistakes: Vec<Mistake>,
    fields: usize,
}

/// Fields of one name in the answer, which become one.
struct Group<'a> {
    key: &'a str,
    fields: Vec<FieldSelection<'a>>,
}

impl<'a> Reader<'a> {
    fn mistake(&mut self, at: usize, says: String) {
        let mistake = Mistake::at(self.text, at, says);
        if self.mistakes.len() < MISTAKES_MAX && !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    fn variables(&mut self, operation: &OperationDefinition<'a>, given: &serde_json::Map<String, serde_json::Value>) {
        for definition in operation.variable_definitions() {
            let (name, at, of) = (definition.name(), definition.name_span().start, definition.ty().to_string());
            if self.variables.iter().any(|v| v.name == name) {
                self.mistake(at, format!("${name} is declared twice."));
                continue;
            }
            let base = of.trim_end_matches('!');
            if !["Int", "ID", "String", "Boolean"].contains(&base) {
                self.mistake(at, format!("${name} is of type {of}. Here variables are Int, ID, String or Boolean."));
                continue;
            }
            let default = definition.default_value().map(constant);
            let value = match given.get(name) {
                Some(json) => match coerced(base, json) {
                    Some(Input::Null) if of.ends_with('!') => {
                        let says = format!("{name} is null, and its type {of} says that it is not.");
                        self.mistakes.push(Mistake::new("variables", says));
                        None
                    }
                    Some(value) => Some(value),
                    None => {
                        let says = format!("{name} is {}; its type is {of}.", shortened(&json.to_string()));
                        self.mistakes.push(Mistake::new("variables", says));
                        None
                    }
                },
                None if default.is_none() && of.ends_with('!') => {
                    let says =
                        format!("${name} has type {of} and no default: give it a value, as in {{ \"{name}\": … }}.");
                    self.mistakes.push(Mistake::new("variables", says));
                    None
                }
                None => default.clone(),
            };
            self.variables.push(Variable { name, at, of, value, has_default: default.is_some(), used: false });
        }
        let declared: Vec<String> = self.variables.iter().map(|v| format!("${}", v.name)).collect();
        if let Some(name) = given.keys().find(|name| !self.variables.iter().any(|v| v.name == name.as_str())) {
            let there = match declared.as_slice() {
                [] => "declares no variables".to_owned(),
                _ => format!("declares {}", declared.join(", ")),
            };
            let says = format!("There is a value for {}, but the query {there}.", shortened(name));
            self.mistakes.push(Mistake::new("variables", says));
        }
    }

    /// What was declared or defined and nobody uses.
    fn unused(&mut self) {
        let unused: Vec<(usize, String)> = self
            .variables
            .iter()
            .filter(|v| !v.used)
            .map(|v| (v.at, format!("${} is declared and never used.", v.name)))
            .collect();
        for (at, says) in unused {
            self.mistake(at, says);
        }
        let mut names: Vec<&str> = Vec::new();
        for fragment in self.document.fragments() {
            let (name, at) = (fragment.name(), fragment.name_span().start);
            if names.contains(&name) {
                self.mistake(at, format!("The fragment {name} is defined twice."));
            } else if !self.fragments.contains(&name) {
                self.mistake(at, format!("The fragment {name} is defined and never used."));
            }
            names.push(name);
        }
    }

    /// The fields that these selection sets ask of an object.
    fn nodes(&mut self, parent: Type, sets: Vec<Iter<'a, Selection<'a>>>, level: u32) -> Vec<Node> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut spread: Vec<&'a str> = Vec::new();
        for set in sets {
            self.collect(parent, set, &mut groups, &mut spread);
        }
        groups.into_iter().filter_map(|group| self.node(parent, &group, level)).collect()
    }

    fn collect(
        &mut self,
        parent: Type,
        set: Iter<'a, Selection<'a>>,
        groups: &mut Vec<Group<'a>>,
        spread: &mut Vec<&'a str>,
    ) {
        for selection in set {
            if self.fields > FIELDS_MAX || self.mistakes.len() >= MISTAKES_MAX {
                return;
            }
            match selection {
                Selection::Field(field) => {
                    self.fields += 1;
                    if self.fields > FIELDS_MAX {
                        let says = format!(
                            "With its fragments the query asks for more than {FIELDS_MAX} fields, which is as many as this page takes."
                        );
                        return self.mistake(field.name_span().start, says);
                    }
                    if !self.is_included(field.directives()) {
                        continue;
                    }
                    let key = field.alias().unwrap_or(field.name());
                    match groups.iter_mut().find(|g| g.key == key) {
                        Some(group) => group.fields.push(field),
                        None => groups.push(Group { key, fields: vec![field] }),
                    }
                }
                Selection::InlineFragment(fragment) => {
                    if !self.is_included(fragment.directives()) {
                        continue;
                    }
                    if let Some(on) = fragment.type_condition() {
                        let at = fragment.type_condition_span().map_or(0, |span| span.start);
                        if !self.fits(parent, on, at) {
                            continue;
                        }
                    }
                    self.collect(parent, fragment.selection_set(), groups, spread);
                }
                Selection::FragmentSpread(used) => {
                    let (name, at) = (used.fragment_name(), used.fragment_name_span().start);
                    if !self.is_included(used.directives()) {
                        self.fragments.push(name);
                        continue;
                    }
                    if self.inside.contains(&name) {
                        self.mistake(at, format!("The fragment {name} contains itself, which would never end."));
                        continue;
                    }
                    if spread.contains(&name) {
                        continue;
                    }
                    let Some(fragment) = self.document.fragments().find(|f| f.name() == name) else {
                        let names: Vec<&str> = self.document.fragments().map(|f| f.name()).collect();
                        let there = if names.is_empty() {
                            "there are none".to_owned()
                        } else {
                            format!("there is {}", or(&names))
                        };
                        self.mistake(at, format!("No fragment is named {name}; {there}."));
                        continue;
                    };
                    spread.push(name);
                    if !self.fragments.contains(&name) {
                        self.fragments.push(name);
                    }
                    if self.fits(parent, fragment.type_condition(), fragment.type_condition_span().start) {
                        self.inside.push(name);
                        self.collect(parent, fragment.selection_set(), groups, spread);
                        self.inside.pop();
                    }
                }
            }
        }
    }

    /// Whether a fragment on this type can stand where there is a `parent`.
    fn fits(&mut self, parent: Type, on: &str, at: usize) -> bool {
        let fits = on == parent.name();
        if Type::find(on).is_none() {
            self.mistake(at, format!("There is no type {on}; there is Query, Article, Author or Comment."));
        } else if !fits {
            self.mistake(
                at,
                format!("A fragment on {on} is used where there is {}: it could never apply.", parent.with_article()),
            );
        }
        fits
    }

    /// `@include` and `@skip`.
    fn is_included(&mut self, directives: Iter<'a, cynic_parser::executable::Directive<'a>>) -> bool {
        let mut included = true;
        for directive in directives {
            let (name, at) = (directive.name(), directive.name_span().start);
            if name != "include" && name != "skip" {
                self.mistake(at, format!("There is no directive @{name}; there is @include or @skip."));
                continue;
            }
            let argument = directive.arguments().find(|a| a.name() == "if");
            let value = argument.and_then(|a| self.value(a.value(), "Boolean!", at));
            match value {
                Some(Input::Bool(is)) => included &= is == (name == "include"),
                _ => self.mistake(at, format!("@{name} takes if: true or false, or a Boolean variable.")),
            }
        }
        included
    }

    fn node(&mut self, parent: Type, group: &Group<'a>, level: u32) -> Option<Node> {
        let first = group.fields[0];
        let (name, at) = (first.name(), first.name_span().start);
        if let Some(other) = group.fields.iter().find(|f| f.name() != name) {
            let at = other.alias_span().unwrap_or(other.name_span()).start;
            let says = format!(
                "Two fields would both be called {} in the answer: {name} and {}. Give one of them an alias.",
                group.key,
                other.name()
            );
            self.mistake(at, says);
            return None;
        }
        let (line, column) = crate::form::place(self.text, at);
        let of_key =
            |what, name, children| Some(Node { key: group.key.to_owned(), name, what, line, column, children });
        if name == "__typename" {
            return of_key(What::Typename, "__typename", Vec::new());
        }
        if name.starts_with("__") {
            self.mistake(
                at,
                format!("{name} would list the schema, which this page does not answer: it stands beside the query."),
            );
            return None;
        }
        let Some(field) = parent.fields().iter().find(|f| f.name == name) else {
            self.unknown_field(parent, name, at);
            return None;
        };
        let what = self.asked(parent, field, &first)?;
        for other in &group.fields[1..] {
            let at = other.name_span().start;
            if self.asked(parent, field, other)? != what {
                let says =
                    format!("{} is asked for twice with different arguments. Give one of them an alias.", group.key);
                self.mistake(at, says);
                return None;
            }
        }
        let sets: Vec<Iter<'a, Selection<'a>>> = group.fields.iter().map(|f| f.selection_set()).collect();
        let is_empty = sets.iter().all(|set| set.len() == 0);
        let What::Objects { fetch, .. } = &what else {
            if !is_empty {
                self.mistake(at, format!("{name} is a plain value and has no fields: leave out the braces after it."));
            }
            return of_key(what, field.name, Vec::new());
        };
        let of = fetch.of();
        if is_empty {
            let names: Vec<&str> = of.fields().iter().map(|f| f.name).collect();
            self.mistake(
                at,
                format!("{name} is {} and needs fields in braces: {}.", of.with_article(), names.join(", ")),
            );
            return None;
        }
        if level > DEPTH_MAX {
            self.mistake(at, format!("Fields nested deeper than {DEPTH_MAX} are more than this page executes."));
            return None;
        }
        let children = self.nodes(of, sets, level + 1);
        of_key(what, field.name, children)
    }

    fn unknown_field(&mut self, parent: Type, name: &str, at: usize) {
        let names: Vec<&str> = parent.fields().iter().map(|f| f.name).collect();
        let near = names.iter().map(|n| (distance(n, name), *n)).min().filter(|(d, n)| *d <= 2 && *d < n.len());
        let near = near.map_or(String::new(), |(_, n)| format!(" Did you mean {n}?"));
        let whose = sim::look::capital(&parent.with_article());
        let says = format!("{whose} has no field {}.{near} It has {}.", shortened(name), names.join(", "));
        self.mistake(at, says);
    }

    /// What a field asks for, its arguments included.
    fn asked(&mut self, parent: Type, field: &Field, selection: &FieldSelection<'a>) -> Option<What> {
        let takes = Type::arguments(field);
        let mut values: BTreeMap<&str, Input> = BTreeMap::new();
        for argument in selection.arguments() {
            let (name, at) = (argument.name(), argument.name_span().start);
            let Some((_, of)) = takes.iter().find(|(n, _)| *n == name) else {
                let there = takes.iter().map(|(n, of)| format!("{n}: {of}")).collect::<Vec<_>>().join(", ");
                let there = if there.is_empty() { "takes no arguments".to_owned() } else { format!("takes {there}") };
                self.mistake(at, format!("{}.{} {there}, and no {name}.", parent.name(), field.name));
                return None;
            };
            let value = self.value(argument.value(), of, at)?;
            if values.insert(name, value).is_some() {
                self.mistake(at, format!("{name} is given twice."));
                return None;
            }
        }
        let at = selection.name_span().start;
        let Kind::Objects { fetch, first } = field.kind else { return Some(What::Column) };
        let many = match values.get("first") {
            None | Some(Input::Null) => first as i64,
            Some(Input::Int(n)) => *n,
            Some(other) => {
                self.mistake(at, format!("first is {}; it is a whole number.", shown(other)));
                return None;
            }
        };
        if !(0..=LIST_MAX).contains(&many) {
            self.mistake(
                at,
                format!(
                    "first is {many}. Here a list has from 0 to {LIST_MAX} entries, as most public APIs bound theirs."
                ),
            );
            return None;
        }
        let id = match values.get("id") {
            Some(Input::Text(id)) => id.clone(),
            Some(Input::Int(id)) => id.to_string(),
            _ if !takes.iter().any(|(n, _)| *n == "id") => String::new(),
            Some(other) => {
                self.mistake(at, format!("id is {}; it is a text or a whole number.", shown(other)));
                return None;
            }
            None => {
                self.mistake(at, format!("{} needs an id, as in {}(id: 1).", field.name, field.name));
                return None;
            }
        };
        let first = if fetch.is_list() { many as usize } else { 1 };
        Some(What::Objects { fetch, first, id })
    }

    /// A value as it was written, or the variable's. `of` is the type that is needed.
    fn value(&mut self, value: Value<'a>, of: &str, at: usize) -> Option<Input> {
        let Value::Variable(named) = value else { return Some(literal(value)) };
        let name = named.name();
        let Some(variable) = self.variables.iter_mut().find(|v| v.name == name) else {
            // One that could not be read has its mistake already.
            if self.mistakes.is_empty() {
                let says = format!(
                    "${name} is not declared. Declare it after the operation's name, as in query Screen(${name}: {of})."
                );
                self.mistake(at, says);
            }
            return None;
        };
        variable.used = true;
        let is = variable.of.clone();
        let fits = is.trim_end_matches('!') == of.trim_end_matches('!');
        let may_be_null = of.ends_with('!') && !is.ends_with('!') && !variable.has_default;
        let value = variable.value.clone();
        if !fits {
            self.mistake(at, format!("${name} is of type {is}, and {of} is needed here."));
            return None;
        }
        if may_be_null {
            self.mistake(at, format!("${name} is of type {is} and may be null; {of} is needed here."));
            return None;
        }
        Some(value.unwrap_or(Input::Null))
    }
}

fn literal(value: Value) -> Input {
    match value {
        Value::Int(n) => Input::Int(n.as_i64()),
        Value::String(text) => Input::Text(text.value().to_owned()),
        Value::Boolean(is) => Input::Bool(is.value()),
        Value::Null(_) => Input::Null,
        Value::Float(_) => Input::Other("a number with a point"),
        Value::List(_) => Input::Other("a list"),
        Value::Object(_) => Input::Other("an object"),
        Value::Enum(_) | Value::Variable(_) => Input::Other("a bare word"),
    }
}

fn constant(value: ConstValue) -> Input {
    literal(value.into())
}

/// A variable's value as its type has it; `None` if it is of another.
fn coerced(base: &str, json: &serde_json::Value) -> Option<Input> {
    match (base, json) {
        (_, serde_json::Value::Null) => Some(Input::Null),
        ("Int", json) => json.as_i64().filter(|n| i32::try_from(*n).is_ok()).map(Input::Int),
        ("ID", serde_json::Value::Number(n)) if n.is_i64() || n.is_u64() => Some(Input::Text(n.to_string())),
        ("ID" | "String", serde_json::Value::String(text)) => Some(Input::Text(text.clone())),
        ("Boolean", serde_json::Value::Bool(is)) => Some(Input::Bool(*is)),
        _ => None,
    }
}

fn shown(input: &Input) -> String {
    match input {
        Input::Null => "null".to_owned(),
        Input::Int(n) => n.to_string(),
        Input::Text(text) => format!("“{}”", shortened(text)),
        Input::Bool(is) => is.to_string(),
        Input::Other(what) => (*what).to_owned(),
    }
}

fn shortened(typed: &str) -> String {
    match typed.char_indices().nth(32) {
        Some((end, _)) => format!("{}…", &typed[..end]),
        None => typed.to_owned(),
    }
}

/// `a, b or c`.
fn or(names: &[&str]) -> String {
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => "one without a name".to_owned(),
    }
}

/// Edits between two names (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut before = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let same = before + usize::from(x != *y);
            before = row[j + 1];
            row[j + 1] = same.min(before + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// What the parser would break at instead of refusing it, outside of comments: where it begins, and a sentence. Its
/// integers hold 18 digits, and its block strings no sign above U+FFFF.
fn beyond_the_parser(text: &str) -> Option<(usize, &'static str)> {
    let at = |rest: &str| text.len() - rest.len();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest = if let Some(block) = rest.strip_prefix("\"\"\"") {
            match after_block(block) {
                Ok(after) => after,
                Err(odd) => {
                    return Some((
                        at(odd),
                        "A block string cannot have this sign here. A \\u escape in a plain \"text\" can.",
                    ));
                }
            }
        } else if let Some(string) = rest.strip_prefix('"') {
            after_string(string)
        } else if c == '#' {
            rest.trim_start_matches(|c| c != '\n' && c != '\r')
        } else if digits > 18 {
            return Some((at(rest), "This number has more digits than any number here can use."));
        } else {
            &rest[digits.max(c.len_utf8())..]
        };
    }
    None
}

/// What follows a block string that has just begun, or from where it cannot be read.
fn after_block(mut rest: &str) -> Result<&str, &str> {
    loop {
        rest = match (rest.strip_prefix("\\\"\"\""), rest.strip_prefix("\"\"\""), rest.chars().next()) {
            (Some(escaped), ..) => escaped,
            (_, Some(after), _) => return Ok(after),
            (.., None) => return Ok(rest),
            (.., Some('\t' | '\n' | '\r' | ' '..='\u{ffff}')) => &rest[rest.chars().next().map_or(0, char::len_utf8)..],
            _ => return Err(rest),
        };
    }
}

/// What follows a string that has just begun; it ends with its line at the latest.
fn after_string(string: &str) -> &str {
    let mut escaped = false;
    for (at, c) in string.char_indices() {
        match c {
            '\n' | '\r' => return &string[at..],
            '"' if !escaped => return &string[at + 1..],
            _ => escaped = c == '\\' && !escaped,
        }
    }
    ""
}

/// A syntax error in words.
fn syntax(text: &str, error: &Error) -> Mistake {
    let at = error.span().map_or(text.len(), |span| span.start);
    let says = match error {
        Error::EmptyExecutableDocument => {
            return Mistake::new("query", NO_QUERY.to_owned());
        }
        Error::UnrecognizedEof { expected, .. } => {
            let open = text.matches('{').count().saturating_sub(text.matches('}').count());
            let braces = match open {
                0 => String::new(),
                1 => " One { is not closed.".to_owned(),
                n => format!(" {n} of the {{ are not closed."),
            };
            format!("The query ends too early: {} should follow.{braces}", expected_here(expected))
        }
        Error::UnrecognizedToken { token: (start, _, end), expected } => {
            let found = text.get(*start..*end).unwrap_or("");
            let says = format!("“{}” cannot stand here: {} should.", shortened(found), expected_here(expected));
            if found == "}" { format!("{says} Braces must have something in them.") } else { says }
        }
        Error::ExtraToken { token: (start, _, end) } => {
            let found = text.get(*start..*end).unwrap_or("");
            format!("“{}” comes after the end of the query.", shortened(found))
        }
        Error::Lexical(_) | Error::InvalidToken { .. } => {
            let found: String = text.get(at..).and_then(|rest| rest.chars().next()).into_iter().collect();
            match found.as_str() {
                "\"" | "'" => {
                    "This text is not closed, or is in the wrong quotes. Texts stand in \"double quotes\" on one line."
                        .to_owned()
                }
                _ => format!("“{found}” is not a sign that GraphQL has."),
            }
        }
        Error::MalformedStringLiteral(_) => "This text has an escape that GraphQL does not know.".to_owned(),
        Error::VariableInConstPosition(..) => "A default must be a value, not another variable.".to_owned(),
        _ => "This cannot stand here.".to_owned(),
    };
    Mistake::at(text, at, says)
}

/// What the grammar would take, in the reader's words.
fn expected_here(expected: &[String]) -> String {
    let mut words: Vec<String> = Vec::new();
    for name in expected {
        let name = name.trim_matches('"');
        let word = match name {
            "{" | "}" | "(" | ")" | ":" | "=" | "!" | "[" | "]" | "..." | "@" | "$" | "&" | "|" => format!("“{name}”"),
            _ if name.contains("Int") || name.contains("Float") || name.contains("String") || name.contains("str") => {
                "a value".to_owned()
            }
            _ => "a name".to_owned(),
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.len() {
        0 => "something else".to_owned(),
        _ => or(&words.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}

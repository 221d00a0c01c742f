//! Execution, tick by tick: the fields that are known to be needed ask the database, all of them before any answer.
//!
//! Without a loader every field of every object makes a statement of its own. With one, the keys that are asked for
//! within a tick go into one statement for each kind, each key once, and what was fetched is remembered until the end
//! of this request.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::data::{Row, Value};
use crate::form::{Fails, OBJECTS_MAX};
use crate::plan::{Node, Plan, What};
use crate::schema::{Fetch, Type};

/// A statement that the database was sent.
#[derive(Debug, Serialize)]
pub struct Statement {
    /// Statements of the same tick are under way together.
    pub tick: usize,
    pub table: &'static str,
    pub sql: String,
    pub keys: usize,
    pub rows: usize,
    pub ok: bool,
}

/// An entry of `errors`.
#[derive(Debug, Serialize)]
pub struct Failure {
    pub message: String,
    pub locations: [Location; 1],
    pub path: Vec<Step>,
}

#[derive(Debug, Serialize)]
pub struct Location {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Step {
    Key(String),
    At(usize),
}

/// The value of a field in the answer.
#[derive(Debug)]
enum Out {
    Null,
    Name(&'static str),
    Column(Value),
    One(usize),
    Many(Vec<usize>),
}

/// An object of the answer.
#[derive(Debug)]
struct Object {
    fields: Vec<(String, Out)>,
    path: Vec<Step>,
}

/// What came of a query.
#[derive(Debug)]
pub struct Outcome {
    objects: Vec<Object>,
    pub errors: Vec<Failure>,
    pub statements: Vec<Statement>,
    /// Rows that the answer shows something of, each once.
    pub rows: Vec<Row>,
    /// Keys that were asked for, before the loader took each once.
    pub asked: usize,
    /// It was ended at the bound on objects.
    pub stopped: bool,
}

impl Outcome {
    pub fn objects(&self) -> usize {
        self.objects.len() - 1
    }
}

/// The body of the response: `data`, and `errors` if there are any.
impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("data", &Shown { outcome: self, object: 0 })?;
        if !self.errors.is_empty() {
            map.serialize_entry("errors", &self.errors)?;
        }
        map.end()
    }
}

struct Shown<'a> {
    outcome: &'a Outcome,
    object: usize,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        for (key, out) in &self.outcome.objects[self.object].fields {
            let shown = |object: &usize| Shown { outcome: self.outcome, object: *object };
            match out {
                Out::Null => map.serialize_entry(key, &())?,
                Out::Name(name) => map.serialize_entry(key, name)?,
                Out::Column(Value::Text(text)) => map.serialize_entry(key, text)?,
                Out::Column(Value::Whole(number)) => map.serialize_entry(key, number)?,
                Out::One(object) => map.serialize_entry(key, &shown(object))?,
                Out::Many(objects) => map.serialize_entry(key, &objects.iter().map(shown).collect::<Vec<_>>())?,
            }
        }
        map.end()
    }
}

/// A field of an object that has to ask the database.
struct Ask<'a> {
    node: &'a Node,
    object: usize,
    field: usize,
    fetch: Fetch,
    first: usize,
    key: u32,
}

/// What a key brought: rows, or nothing because the statement failed.
type Answer = Option<Vec<Row>>;

/// Executes a plan.
pub fn run(plan: &Plan, loader: bool, fails: Fails) -> Outcome {
    let root = Object { fields: Vec::new(), path: Vec::new() };
    let outcome = Outcome {
        objects: vec![root],
        errors: Vec::new(),
        statements: Vec::new(),
        rows: Vec::new(),
        asked: 0,
        stopped: false,
    };
    let mut run = Run { outcome, memo: BTreeMap::new(), fails, loader };
    let mut asks = Vec::new();
    run.fill(0, None, &plan.nodes, &mut asks);
    let mut tick = 0;
    while !asks.is_empty() {
        tick += 1;
        asks = run.tick(tick, asks);
    }
    run.outcome
}

struct Run {
    outcome: Outcome,
    /// What the loader has fetched in this request.
    memo: BTreeMap<(Fetch, usize, u32), Answer>,
    fails: Fails,
    loader: bool,
}

impl Run {
    /// Puts into an object what its row has, and notes what has to be asked for.
    fn fill<'a>(&mut self, object: usize, row: Option<Row>, nodes: &'a [Node], asks: &mut Vec<Ask<'a>>) {
        for (field, node) in nodes.iter().enumerate() {
            let out = match (&node.what, row) {
                (What::Typename, row) => Out::Name(row.map_or(Type::Query, |r| r.of).name()),
                (What::Column, Some(row)) => Out::Column(row.column(node.name)),
                (What::Column, None) => Out::Null,
                (What::Objects { fetch, first, id }, row) => {
                    let key = match (fetch, row) {
                        (Fetch::AuthorOf, Some(row)) => row.author(),
                        (Fetch::CommentsOf | Fetch::ArticlesOf, Some(row)) => row.id,
                        (Fetch::ById(_), _) => id.trim().parse().unwrap_or(0),
                        _ => 0,
                    };
                    asks.push(Ask { node, object, field, fetch: *fetch, first: *first, key });
                    Out::Null
                }
            };
            self.outcome.objects[object].fields.push((node.key.clone(), out));
        }
    }

    /// Sends the statements of a tick and hands their rows out; returns what those ask for in turn.
    fn tick<'a>(&mut self, tick: usize, asks: Vec<Ask<'a>>) -> Vec<Ask<'a>> {
        self.outcome.asked += asks.len();
        if self.loader {
            let mut kinds: Vec<(Fetch, usize)> = Vec::new();
            for ask in &asks {
                if !kinds.contains(&(ask.fetch, ask.first)) {
                    kinds.push((ask.fetch, ask.first));
                }
            }
            // The author of an article and the author asked for by id are rows of one table: one loader has both.
            for (fetch, first) in kinds {
                let of_kind = |a: &&Ask| (a.fetch, a.first) == (fetch, first);
                let mut keys: Vec<u32> = Vec::new();
                for ask in asks.iter().filter(of_kind) {
                    if !keys.contains(&ask.key) && !self.memo.contains_key(&memo_key(fetch, first, ask.key)) {
                        keys.push(ask.key);
                    }
                }
                if !keys.is_empty() {
                    let answers = self.send(tick, fetch, first, &keys);
                    for (key, answer) in keys.iter().zip(answers) {
                        self.memo.insert(memo_key(fetch, first, *key), answer);
                    }
                }
            }
        }
        let mut next = Vec::new();
        for ask in asks {
            let answer = if self.loader {
                self.memo.get(&memo_key(ask.fetch, ask.first, ask.key)).cloned().flatten()
            } else {
                self.send(tick, ask.fetch, ask.first, &[ask.key]).pop().flatten()
            };
            self.hand_out(&ask, answer, &mut next);
        }
        next
    }

    /// Sends one statement; what it brings for each key.
    fn send(&mut self, tick: usize, fetch: Fetch, first: usize, keys: &[u32]) -> Vec<Answer> {
        let of = fetch.of();
        let is_down = match self.fails {
            Fails::Authors => of == Type::Author,
            Fails::Comments => of == Type::Comment,
            Fails::Nothing | Fails::OneAuthor => false,
        };
        let answers: Vec<Answer> = keys
            .iter()
            .map(|key| {
                let broken = self.fails == Fails::OneAuthor && of == Type::Author && *key == 3;
                if is_down || broken { None } else { Some(rows(fetch, first, *key)) }
            })
            .collect();
        self.outcome.statements.push(Statement {
            tick,
            table: of.table(),
            sql: sql(fetch, first, keys),
            keys: keys.len(),
            rows: answers.iter().flatten().map(Vec::len).sum(),
            ok: answers.iter().all(Option::is_some),
        });
        answers
    }

    fn hand_out<'a>(&mut self, ask: &Ask<'a>, answer: Answer, next: &mut Vec<Ask<'a>>) {
        let mut path = self.outcome.objects[ask.object].path.clone();
        path.push(Step::Key(ask.node.key.clone()));
        let Some(rows) = answer else {
            let message = format!("{} could not be had from {}.", ask.node.name, ask.fetch.of().table());
            let locations = [Location { line: ask.node.line, column: ask.node.column }];
            return self.outcome.errors.push(Failure { message, locations, path });
        };
        let is_list = ask.fetch.is_list();
        let mut objects = Vec::with_capacity(rows.len());
        for (at, row) in rows.into_iter().enumerate() {
            if self.outcome.objects.len() > OBJECTS_MAX {
                self.outcome.stopped = true;
                break;
            }
            let mut path = path.clone();
            if is_list {
                path.push(Step::At(at));
            }
            let object = self.outcome.objects.len();
            self.outcome.objects.push(Object { fields: Vec::new(), path });
            if !self.outcome.rows.contains(&row) {
                self.outcome.rows.push(row);
            }
            self.fill(object, Some(row), &ask.node.children, next);
            objects.push(object);
        }
        let out = match (is_list, objects.first()) {
            (true, _) => Out::Many(objects),
            (false, Some(object)) => Out::One(*object),
            (false, None) => Out::Null,
        };
        self.outcome.objects[ask.object].fields[ask.field].1 = out;
    }
}

/// Rows by their id are the same rows, whichever field asks for them.
fn memo_key(fetch: Fetch, first: usize, key: u32) -> (Fetch, usize, u32) {
    (if fetch == Fetch::AuthorOf { Fetch::ById(Type::Author) } else { fetch }, first, key)
}

fn rows(fetch: Fetch, first: usize, key: u32) -> Vec<Row> {
    match fetch {
        Fetch::List(of) => Row::first(of, first),
        Fetch::ById(of) => Row::find(of, key).into_iter().collect(),
        Fetch::AuthorOf => Row::find(Type::Author, key).into_iter().collect(),
        Fetch::CommentsOf => Row::comments_of(key, first),
        Fetch::ArticlesOf => Row::articles_of(key, first),
    }
}

/// The statement as a database would read it.
fn sql(fetch: Fetch, first: usize, keys: &[u32]) -> String {
    let table = fetch.of().table();
    let column = match fetch {
        Fetch::List(_) => return format!("SELECT * FROM {table} ORDER BY id LIMIT {first}"),
        Fetch::ById(_) | Fetch::AuthorOf => "id",
        Fetch::CommentsOf => "article_id",
        Fetch::ArticlesOf => "author_id",
    };
    let condition = match keys {
        [one] => format!("{column} = {one}"),
        _ => format!("{column} IN ({})", keys.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")),
    };
    match (fetch.is_list(), keys.len()) {
        (false, _) => format!("SELECT * FROM {table} WHERE {condition}"),
        (true, 1) => format!("SELECT * FROM {table} WHERE {condition} ORDER BY id LIMIT {first}"),
        (true, _) => format!(
            "SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY {column} ORDER BY id) AS n FROM {table} WHERE {condition}) WHERE n <= {first}"
        ),
    }
}

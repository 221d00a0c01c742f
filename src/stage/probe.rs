//! For whoever tries the stage with any input at all: the messages of a host and the queries of an address, read as
//! the page reads them, and what must hold whatever they are.

use super::player::{Player, SPEEDS};
use super::protocol::{self, Command, Refused, Value, Wanted};
use crate::entries::Entry;
use sim::kernel::What;

/// A refusal is a sentence, not the message again.
const WHY_CHARS_MAX: usize = 2_000;

/// A question's player.
pub struct Probed(Player);

impl Probed {
    pub fn new(entry: &'static Entry) -> Probed {
        Probed(Player::new(entry))
    }

    /// Reads a message and obeys nothing.
    ///
    /// # Panics
    /// If what was understood is something that no control of the page could do, or a refusal says nothing.
    pub fn message(&self, json: &serde_json::Value) {
        let Probed(p) = self;
        match protocol::read(&value(json), p) {
            None => {}
            Some(Err(Refused { why, .. })) => assert!((1..=WHY_CHARS_MAX).contains(&why.chars().count()), "{why}"),
            Some(Ok(Wanted { command, .. })) => possible(p, command),
        }
    }

    /// Loads a query, as an embed that is told to.
    ///
    /// # Panics
    /// If a query that was let through was not used whole, or the player is where no reader could bring it.
    pub fn query(&mut self, query: &str) {
        let Probed(p) = self;
        let message = protocol::message("load", [("query", query.into())]);
        match protocol::read(&message, p) {
            Some(Ok(Wanted { command: Command::Load(pairs), .. })) => {
                p.load_query(&pairs);
                assert_eq!(p.notes, Vec::<String>::new(), "{pairs:?}");
                assert!((SPEEDS[0]..=SPEEDS[SPEEDS.len() - 1]).contains(&p.speed));
                assert!(p.question.knobs.iter().zip(p.a().knobs().values()).all(|(k, v)| k.allows(*v)));
            }
            Some(Err(Refused { why, .. })) => assert!((1..=WHY_CHARS_MAX).contains(&why.chars().count()), "{why}"),
            other => panic!("a query was understood as {other:?}"),
        }
    }
}

/// Panics if no control of the page could do this.
fn possible(p: &Player, command: Command) {
    let q = p.question;
    match command {
        Command::Set(changes) => {
            assert!(changes.knobs.iter().all(|(knob, v)| q.knobs[*knob as usize].allows(*v)), "{changes:?}");
            assert!(changes.speed.is_none_or(|speed| (SPEEDS[0]..=SPEEDS[SPEEDS.len() - 1]).contains(&speed)));
        }
        Command::Act { act, args, at } => {
            let decl = &q.acts[act as usize];
            assert!(decl.args.iter().zip(args).all(|(arg, v)| arg.allows(v)), "{:?}", What::Act { act, args });
            assert!(at.is_none_or(|at| at <= q.horizon));
        }
        Command::Seek(at) => assert!(at <= q.horizon),
        Command::SeekExact { moment, moment_b } => assert!(moment.at <= q.last() && moment_b.at <= q.last()),
        Command::Link(_) | Command::Load(_) | Command::Play | Command::Pause | Command::Query { .. } => {}
    }
}

/// A message from JSON, as a browser would hand it over.
pub fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nothing,
        serde_json::Value::Bool(v) => (*v).into(),
        serde_json::Value::Number(v) => v.as_f64().into(),
        serde_json::Value::String(v) => v.as_str().into(),
        serde_json::Value::Array(_) => Value::Other("a list"),
        serde_json::Value::Object(map) => Value::Fields(map.iter().map(|(k, v)| (k.clone(), value(v))).collect()),
    }
}

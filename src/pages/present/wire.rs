//! What the windows of a talk say to each other, as text.
//!
//! | message | from | what |
//! |---|---|---|
//! | `begin` | audience | has just been opened, perhaps again |
//! | `state` + lines | audience | the talk and the run as they are now |
//! | `bye` | audience | is being closed |
//! | `hello` | speaker | has just been opened and wants the state |
//! | `take` + line | speaker | the run as the speaker has changed it |
//! | `do` + words | speaker | a [`Command`] |

use super::talk::{Grade, MOST_LIMIT_MIN, Talk, escape, unescape};
use crate::stage::Reflection;

/// What can be done to a talk, in either window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Go(usize),
    Blank(bool),
    /// The answer of the follow-up on stage.
    Show(bool),
    Guess(usize, usize),
    /// Hands raised: experiment, choice, how many.
    Hands(usize, usize, u32),
    Grade(usize, Grade),
    /// A note on a follow-up, or on the whole.
    Note(Option<usize>, String),
    Limit(u32),
}

impl Command {
    pub fn to_line(&self) -> String {
        let flag = |on: bool| if on { "1" } else { "0" };
        match self {
            Command::Go(to) => format!("go\t{to}"),
            Command::Blank(on) => format!("blank\t{}", flag(*on)),
            Command::Show(on) => format!("show\t{}", flag(*on)),
            Command::Guess(i, choice) => format!("guess\t{i}\t{choice}"),
            Command::Hands(i, choice, n) => format!("hands\t{i}\t{choice}\t{n}"),
            Command::Grade(i, grade) => format!("grade\t{i}\t{}", grade.name()),
            Command::Note(i, text) => {
                format!("note\t{}\t{}", i.map_or(String::new(), |i| i.to_string()), escape(text))
            }
            Command::Limit(min) => format!("limit\t{min}"),
        }
    }

    pub fn parse(line: &str) -> Option<Command> {
        let words: Vec<&str> = line.split('\t').collect();
        let number = |i: usize| words.get(i)?.parse::<usize>().ok().filter(|n| *n < 1_000);
        Some(match *words.first()? {
            "go" => Command::Go(number(1)?),
            "blank" => Command::Blank(number(1)? == 1),
            "show" => Command::Show(number(1)? == 1),
            "guess" => Command::Guess(number(1)?, number(2)?),
            "hands" => Command::Hands(number(1)?, number(2)?, words.get(3)?.parse().ok()?),
            "grade" => Command::Grade(number(1)?, Grade::parse(words.get(2)?)?),
            "note" => Command::Note(number(1), unescape(words.get(2)?)),
            "limit" => Command::Limit(words.get(1)?.parse().ok().filter(|m| (1..=MOST_LIMIT_MIN).contains(m))?),
            _ => return None,
        })
    }

    /// Does it to the talk; what it means for the run is the audience window's to do.
    pub fn apply(&self, talk: &mut Talk, now_ms: u64) {
        match self {
            Command::Go(to) => talk.go(*to, now_ms),
            Command::Blank(on) => talk.blank = *on,
            Command::Show(on) => talk.shown = *on,
            Command::Guess(i, choice) => talk.heard_mut(*i).guess = Some(*choice),
            Command::Hands(i, choice, n) => {
                let hands = &mut talk.heard_mut(*i).hands;
                let choice = (*choice).min(99);
                if hands.len() <= choice {
                    hands.resize(choice + 1, 0);
                }
                hands[choice] = *n;
            }
            Command::Grade(i, grade) => talk.asked_mut(*i).grade = Some(*grade),
            Command::Note(Some(i), text) => talk.asked_mut(*i).note.clone_from(text),
            Command::Note(None, text) => talk.note.clone_from(text),
            Command::Limit(min) => talk.limit_min = *min,
        }
    }
}

/// A message, understood.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Begin,
    State(Box<(Talk, Reflection)>),
    Bye,
    Hello,
    Take(Reflection),
    Do(Command),
}

impl Message {
    pub fn to_text(&self) -> String {
        match self {
            Message::Begin => "begin".into(),
            Message::State(both) => format!("state\n{}{}", both.0.to_text(), both.1.to_line()),
            Message::Bye => "bye".into(),
            Message::Hello => "hello".into(),
            Message::Take(run) => format!("take\n{}", run.to_line()),
            Message::Do(command) => format!("do\n{}", command.to_line()),
        }
    }

    /// `None` for what this version of the page does not know.
    pub fn parse(text: &str) -> Option<Message> {
        let (kind, rest) = text.split_once('\n').unwrap_or((text, ""));
        Some(match kind {
            "begin" => Message::Begin,
            "state" => Message::State(Box::new((Talk::parse(rest)?, Reflection::parse(rest)?))),
            "bye" => Message::Bye,
            "hello" => Message::Hello,
            "take" => Message::Take(Reflection::parse(rest)?),
            "do" => Message::Do(Command::parse(rest)?),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_as_they_were_sent() {
        let run = Reflection {
            link: "#r=AgEA".into(),
            playing: true,
            until: Some(sim::kernel::Us(5)),
            preset: None,
            trial: Some(("edge".into(), Some(2))),
            hidden: vec![sim::kernel::Us(7), sim::kernel::Us(9)],
        };
        let commands = [
            Command::Go(3),
            Command::Blank(true),
            Command::Show(false),
            Command::Guess(1, 2),
            Command::Hands(0, 2, 14),
            Command::Grade(4, Grade::Missed),
            Command::Note(Some(2), "a\tb\nc\\n".into()),
            Command::Note(None, String::new()),
            Command::Limit(30),
        ];
        let talk = Talk::new("x1".into(), 5);
        let rest = [Message::Begin, Message::Bye, Message::Hello, Message::Take(run.clone())];
        let state = Message::State(Box::new((talk, run)));
        for message in commands.map(Message::Do).into_iter().chain(rest).chain([state]) {
            assert_eq!(Message::parse(&message.to_text()), Some(message.clone()), "{message:?}");
        }
    }

    #[test]
    fn messages_that_mean_nothing_are_dropped() {
        for foreign in [
            "",
            "state",
            "state\ntalk\ta\t0\t0\t1",
            "do\ngo\t-1",
            "do\ngo\t5000",
            "do\nlimit\t0",
            "do\ngrade\t1\tgood",
            "do\nx",
            "what\n",
        ] {
            assert_eq!(Message::parse(foreign), None, "{foreign:?}");
        }
    }

    #[test]
    fn hands_are_counted_for_each_choice() {
        let mut talk = Talk::new("x".into(), 0);
        Command::Hands(1, 2, 4).apply(&mut talk, 0);
        Command::Hands(1, 0, 1).apply(&mut talk, 0);
        assert_eq!((talk.heard(1).hands.clone(), talk.heard(1).choice()), (vec![1, 0, 4], Some(2)));
        Command::Guess(1, 0).apply(&mut talk, 0);
        assert_eq!(talk.heard(1).choice(), Some(0), "what was picked by hand counts");
    }
}

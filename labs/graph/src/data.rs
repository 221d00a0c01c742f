//! The database: twenty articles by five authors, and their comments. Rows are made from their numbers, so the same
//! query has the same bytes for everybody.

use crate::schema::Type;

pub const ARTICLES: u32 = 20;
pub const AUTHORS: u32 = 5;
/// Article n has n mod 5 + 1 comments.
const COMMENTS_MAX: u32 = 5;

const NAMES: [&str; 5] = ["Ada Berg", "Bo Castellan", "Chidi Danso", "Dina Eriksen", "Emre Faro"];
const TOPICS: [&str; 10] = [
    "the harbour",
    "night trains",
    "bread",
    "old maps",
    "a lighthouse",
    "bees",
    "the tide",
    "paper",
    "bridges",
    "snow",
];
const ANGLES: [&str; 2] = ["What we know about", "A year with"];
const SENTENCES: [&str; 6] = [
    "It began with a question that nobody had written down.",
    "The first answer was short, and wrong in an interesting way.",
    "Three people remembered it differently, and all of them had letters to show.",
    "What follows is pieced together from those letters and from the register of the port.",
    "Some of the numbers do not add up, which is why they are all given here.",
    "The rest is a matter of looking twice.",
];

/// A row, by its table and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub of: Type,
    pub id: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Whole(u64),
}

impl Row {
    /// The row with this number, if there is one.
    pub fn find(of: Type, id: u32) -> Option<Row> {
        let there = match of {
            Type::Article => (1..=ARTICLES).contains(&id),
            Type::Author => (1..=AUTHORS).contains(&id),
            Type::Comment => (10..(ARTICLES + 1) * 10).contains(&id) && id % 10 < comments(id / 10),
            Type::Query => false,
        };
        there.then_some(Row { of, id })
    }

    pub fn first(of: Type, many: usize) -> Vec<Row> {
        let all = if of == Type::Article { ARTICLES } else { AUTHORS };
        (1..=all).take(many).map(|id| Row { of, id }).collect()
    }

    /// The author of an article or of a comment.
    pub fn author(self) -> u32 {
        match self.of {
            Type::Comment => (self.id / 10 + self.id % 10) % AUTHORS + 1,
            _ => self.id % AUTHORS + 1,
        }
    }

    pub fn comments_of(article: u32, many: usize) -> Vec<Row> {
        (0..comments(article)).take(many).map(|n| Row { of: Type::Comment, id: article * 10 + n }).collect()
    }

    pub fn articles_of(author: u32, many: usize) -> Vec<Row> {
        let all = Row::first(Type::Article, ARTICLES as usize);
        all.into_iter().filter(|row| row.author() == author).take(many).collect()
    }

    /// The columns of a whole row, as a resource has it.
    pub fn columns(self) -> Vec<(&'static str, Value)> {
        let columns = self.of.fields().iter().filter(|f| f.kind == crate::schema::Kind::Column);
        let mut all: Vec<(&str, Value)> = columns.map(|f| (f.name, self.column(f.name))).collect();
        if self.of != Type::Author {
            all.push(("authorId", Value::Text(self.author().to_string())));
        }
        all
    }

    pub fn column(self, name: &str) -> Value {
        let n = self.id as usize;
        let text = match (self.of, name) {
            (Type::Article, "words") => return Value::Whole(body(n).split(' ').count() as u64),
            (Type::Article, "commentCount") => return Value::Whole(comments(self.id).into()),
            (_, "id") => self.id.to_string(),
            (Type::Article, "title") => format!("{} {}", ANGLES[n / 10 % 2], TOPICS[n % 10]),
            (Type::Article, "teaser") => SENTENCES[n % 6].to_owned(),
            (Type::Article, _) => body(n),
            (Type::Author, "name") => NAMES[(n - 1) % 5].to_owned(),
            (Type::Author, _) => {
                format!("{} has written here for {n} years. {}", NAMES[(n - 1) % 5], SENTENCES[n % 6].repeat(8))
            }
            (_, _) => format!("About {}: {}", TOPICS[n / 10 % 10], SENTENCES[(n + 2) % 6]),
        };
        Value::Text(text)
    }
}

fn comments(article: u32) -> u32 {
    article % COMMENTS_MAX + 1
}

/// About eleven kilobytes, as articles are.
fn body(n: usize) -> String {
    let sentences: Vec<&str> = (0..190).map(|i| SENTENCES[(i * (n % 5 + 1) + n) % 6]).collect();
    sentences.join(" ")
}

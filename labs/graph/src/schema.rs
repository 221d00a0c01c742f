//! The schema: three types, what their fields need from the database, and the same as the reader sees it.

/// As the page shows it. A test holds it against [`Type::fields`].
pub const SCHEMA: &str = "\
type Query {
  articles(first: Int = 10): [Article!]!
  article(id: ID!): Article
  authors(first: Int = 5): [Author!]!
  author(id: ID!): Author
}

type Article {
  id: ID!
  title: String!
  teaser: String!
  body: String!
  words: Int!
  commentCount: Int!
  author: Author
  comments(first: Int = 3): [Comment!]!
}

type Author {
  id: ID!
  name: String!
  bio: String!
  articles(first: Int = 3): [Article!]!
}

type Comment {
  id: ID!
  text: String!
  author: Author
}
";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    Query,
    Article,
    Author,
    Comment,
}

/// How the objects of a field are fetched, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fetch {
    /// The first so many of a table.
    List(Type),
    /// One by its id, which is an argument.
    ById(Type),
    /// The author whose id the parent has.
    AuthorOf,
    CommentsOf,
    ArticlesOf,
}

impl Fetch {
    /// What a statement of this kind yields.
    pub fn of(self) -> Type {
        match self {
            Fetch::List(of) | Fetch::ById(of) => of,
            Fetch::AuthorOf => Type::Author,
            Fetch::CommentsOf => Type::Comment,
            Fetch::ArticlesOf => Type::Article,
        }
    }
    pub fn is_list(self) -> bool {
        matches!(self, Fetch::List(_) | Fetch::CommentsOf | Fetch::ArticlesOf)
    }
}

/// What a field is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A column of the row.
    Column,
    /// Objects; a list has `first`, with this default.
    Objects { fetch: Fetch, first: usize },
}

pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

const fn column(name: &'static str) -> Field {
    Field { name, kind: Kind::Column }
}

const fn objects(name: &'static str, fetch: Fetch, first: usize) -> Field {
    Field { name, kind: Kind::Objects { fetch, first } }
}

impl Type {
    pub fn name(self) -> &'static str {
        match self {
            Type::Query => "Query",
            Type::Article => "Article",
            Type::Author => "Author",
            Type::Comment => "Comment",
        }
    }

    /// `an Article`, `the Query`.
    pub fn with_article(self) -> String {
        let article = match self {
            Type::Query => "the",
            Type::Article | Type::Author => "an",
            Type::Comment => "a",
        };
        format!("{article} {}", self.name())
    }

    pub fn table(self) -> &'static str {
        match self {
            Type::Query => "",
            Type::Article => "articles",
            Type::Author => "authors",
            Type::Comment => "comments",
        }
    }

    pub fn find(name: &str) -> Option<Type> {
        [Type::Query, Type::Article, Type::Author, Type::Comment].into_iter().find(|t| t.name() == name)
    }

    pub fn fields(self) -> &'static [Field] {
        const QUERY: &[Field] = &[
            objects("articles", Fetch::List(Type::Article), 10),
            objects("article", Fetch::ById(Type::Article), 1),
            objects("authors", Fetch::List(Type::Author), 5),
            objects("author", Fetch::ById(Type::Author), 1),
        ];
        const ARTICLE: &[Field] = &[
            column("id"),
            column("title"),
            column("teaser"),
            column("body"),
            column("words"),
            column("commentCount"),
            objects("author", Fetch::AuthorOf, 1),
            objects("comments", Fetch::CommentsOf, 3),
        ];
        const AUTHOR: &[Field] =
            &[column("id"), column("name"), column("bio"), objects("articles", Fetch::ArticlesOf, 3)];
        const COMMENT: &[Field] = &[column("id"), column("text"), objects("author", Fetch::AuthorOf, 1)];
        match self {
            Type::Query => QUERY,
            Type::Article => ARTICLE,
            Type::Author => AUTHOR,
            Type::Comment => COMMENT,
        }
    }

    /// Arguments of a field, with their types.
    pub fn arguments(field: &Field) -> &'static [(&'static str, &'static str)] {
        match field.kind {
            Kind::Objects { fetch: Fetch::ById(_), .. } => &[("id", "ID!")],
            Kind::Objects { fetch, .. } if fetch.is_list() => &[("first", "Int")],
            _ => &[],
        }
    }
}

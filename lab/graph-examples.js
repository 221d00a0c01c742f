// What the graph lab can begin with: a query, its variables, and the settings that differ from the usual ones.

const SCREEN = `{
  articles(first: 20) {
    title
    teaser
    commentCount
    author {
      name
    }
  }
}`;

const COMMENTS = `{
  articles(first: 20) {
    title
    author {
      name
    }
    comments(first: 1) {
      text
      author {
        name
      }
    }
  }
}`;

const PARTS = `query TwoLists($many: Int = 5, $names: Boolean!) {
  newest: articles(first: $many) {
    ...Line
  }
  byOneAuthor: author(id: 3) {
    name
    articles(first: $many) {
      ...Line
    }
  }
}

fragment Line on Article {
  title
  author @include(if: $names) {
    name
  }
}`;

const WHOLE = `{
  articles(first: 20) {
    id
    title
    teaser
    body
    words
    commentCount
    author {
      id
      name
      bio
    }
  }
}`;

const GREEDY = `{
  articles(first: 100) {
    author {
      articles(first: 100) {
        author {
          articles(first: 100) {
            title
          }
        }
      }
    }
  }
}`;

const TYPO = `{
  articles(first: 20) {
    titel
    author {
      fullName
    }
  }
}`;

const UNCLOSED = `{
  articles(first: 20) {
    title
    author {
      name
    }
}`;

const query = (text, more = {}) => ({ query: text, variables: "", operation: "", loader: true, fails: "nothing", depth: "", cost: "", ...more });

export const FIRST = query(SCREEN, { loader: false });

export const EXAMPLES = [
  {
    title: "Queries",
    items: [
      ["The screen", FIRST],
      ["With comments", query(COMMENTS)],
      ["Everything", query(WHOLE)],
      ["Fragments, variables", query(PARTS, { variables: '{ "many": 4, "names": true }' })],
    ],
  },
  {
    title: "Trouble",
    items: [
      ["Authors down", query(SCREEN, { fails: "authors" })],
      ["Greedy", query(GREEDY)],
      ["Greedy, with a limit", query(GREEDY, { cost: "1000" })],
      ["A wrong name", query(TYPO)],
      ["A missing brace", query(UNCLOSED)],
    ],
  },
];

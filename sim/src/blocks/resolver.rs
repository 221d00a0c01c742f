//! Resolver engine: what a query of nested objects costs, with and without a loader.
//!
//! ```text
//!   query --> [ depth, cost ] --> level by level: objects --keys--> [ loader ] --one statement--> database
//!                  | refused                         '--a statement for each object, without it--^
//! ```
//!
//! A query is a tree of fields. A field that yields objects has to fetch them, and can do so only when it
//! knows the objects it hangs on. The reference algorithm (GraphQL specification, October 2021, section 6)
//! calls a *resolver* for every field of every object, and a resolver knows nothing of its siblings. So a
//! resolver that asks the database itself makes one statement for the list and one for each of its N
//! entries: 1 + N.
//!
//! A *loader* (Facebook's DataLoader) stands between. It notes the keys that resolvers ask for within one
//! *tick*, which is as long as execution can go on without an answer; then it asks once for all of them,
//! each key once. And it remembers what it has: the same key is never fetched twice in one request, so one
//! response never shows two values of it. It is made anew for each request and shares nothing with
//! others: that would be a cache, with a cache's stale entries, and one reader's rights for another.
//! What is left is one statement for each table and level: 1 + levels.
//!
//! *Limits* are held against the query before anything runs. Depth is how far fields are nested. Cost is how
//! many objects it could yield, with every list at the length it asks for (the *node limit* of GitHub's
//! API), since a list inside a list multiplies.
//!
//! *Sparse fields*: a response carries what was asked for (`wanted`) or the whole object (`full`).
//!
//! Leaves out: the time of the resolvers themselves, rights, mutations (whose top fields run one after the
//! other), and joins that a planner makes of the whole query.

/// Fields of a query that yield objects.
pub const FIELDS_MAX: usize = 12;
/// Tables that they come from.
pub const TABLES_MAX: usize = 4;
/// Different keys of one table in one request; keys beyond are counted as the ones before.
pub const KEYS_MAX: u32 = 128;

/// A field that yields objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field whose objects it hangs on; `None` for the query itself.
    pub parent: Option<u8>,
    /// What a statement for it reads. A loader asks once for all fields of a table.
    pub table: u8,
    /// Objects that each parent has of it.
    pub many: u32,
    /// Different keys among all parents: 5 for twenty articles by five authors. 0 means that each parent has
    /// its own.
    pub distinct: u32,
    /// Bytes of a whole object, and of what was asked for.
    pub full: u32,
    pub wanted: u32,
}

/// The fields of a query, parents before children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    fields: [Field; FIELDS_MAX],
    len: u8,
}

impl Default for Query {
    fn default() -> Query {
        let none = Field { parent: None, table: 0, many: 0, distinct: 0, full: 0, wanted: 0 };
        Query { fields: [none; FIELDS_MAX], len: 0 }
    }
}

impl Query {
    /// Adds a field; returns its number, for its children. Beyond [`FIELDS_MAX`] nothing is added.
    pub fn push(&mut self, field: Field) -> u8 {
        if usize::from(self.len) < FIELDS_MAX {
            self.fields[usize::from(self.len)] = field;
            self.len += 1;
        }
        self.len - 1
    }

    pub fn fields(&self) -> &[Field] {
        &self.fields[..usize::from(self.len)]
    }

    /// Objects that a field hangs on.
    pub fn parents(&self, field: u8) -> u64 {
        self.fields()[usize::from(field)].parent.map_or(1, |parent| self.objects(parent))
    }

    /// Objects of a field in the response.
    pub fn objects(&self, field: u8) -> u64 {
        self.parents(field).saturating_mul(u64::from(self.fields()[usize::from(field)].many))
    }

    /// How far a field is nested; the query's own fields have 1.
    pub fn level(&self, field: u8) -> u32 {
        self.fields()[usize::from(field)].parent.map_or(1, |parent| self.level(parent) + 1)
    }

    pub fn depth(&self) -> u32 {
        (0..self.len).map(|f| self.level(f)).max().unwrap_or(0)
    }

    /// Objects in the response.
    pub fn cost(&self) -> u64 {
        (0..self.len).fold(0, |sum, f| self.objects(f).saturating_add(sum))
    }

    /// Bytes of the response's objects: what was asked for, or all of them whole.
    pub fn bytes(&self, sparse: bool) -> u64 {
        let of = |f: u8| {
            let field = self.fields()[usize::from(f)];
            self.objects(f).saturating_mul(u64::from(if sparse { field.wanted } else { field.full }))
        };
        (0..self.len).fold(0, |sum, f| of(f).saturating_add(sum))
    }

    /// The keys that a field asks for, as a set.
    fn keys(&self, field: u8) -> u128 {
        let (f, parents) = (self.fields()[usize::from(field)], self.parents(field));
        let distinct = if f.distinct == 0 { parents } else { parents.min(u64::from(f.distinct)) };
        if distinct >= u64::from(KEYS_MAX) { u128::MAX } else { (1 << distinct) - 1 }
    }
}

/// What a query may ask for; 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limits {
    pub depth: u32,
    pub cost: u64,
}

/// What of a query is over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Depth,
    Cost,
}

impl Limits {
    /// Looks at a query before it runs.
    ///
    /// # Errors
    ///
    /// The first limit that it is over.
    pub fn check(&self, depth: u32, cost: u64) -> Result<(), Over> {
        if self.depth > 0 && depth > self.depth {
            Err(Over::Depth)
        } else if self.cost > 0 && cost > self.cost {
            Err(Over::Cost)
        } else {
            Ok(())
        }
    }
}

/// Who asks the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolvers {
    /// Each resolver for itself.
    Plain,
    /// A loader for all of them. A handler that is written for its one screen does the same by hand.
    Loader,
}

/// A statement for the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    pub table: u8,
    /// The field it is for; with a loader the first of them.
    pub field: u8,
    /// Keys that it asks for.
    pub keys: u32,
    /// Objects that it yields.
    pub rows: u32,
    /// Which object of the parent field it hangs on, when it is for one of them.
    of: u64,
    set: u128,
}

/// A query while it is answered.
///
/// ```
/// use sim::blocks::resolver::{Execution, Field, Query, Resolvers};
///
/// // Twenty articles by five authors.
/// let mut query = Query::default();
/// let articles = query.push(Field { parent: None, table: 0, many: 20, distinct: 1, full: 12_000, wanted: 1_200 });
/// query.push(Field { parent: Some(articles), table: 1, many: 1, distinct: 5, full: 800, wanted: 0 });
/// let statements = |resolvers| {
///     let mut execution = Execution::new(query, resolvers, 1_000);
///     let mut keys = Vec::new();
///     while let Some(statement) = execution.next() {
///         keys.push(statement.keys);
///         execution.done(&statement, true);
///     }
///     keys
/// };
/// assert_eq!(statements(Resolvers::Plain).len(), 21);
/// assert_eq!(statements(Resolvers::Loader), [1, 5]);
/// ```
#[derive(Clone, Debug)]
pub struct Execution {
    query: Query,
    resolvers: Resolvers,
    /// Statements that may still be made.
    left: u32,
    /// (field, parents from, to) that have no statement yet.
    ready: Vec<(u8, u64, u64)>,
    /// By table: keys that the loader will ask for at the end of this tick, has asked for, has, and could not get.
    noted: [u128; TABLES_MAX],
    asked: [u128; TABLES_MAX],
    loaded: [u128; TABLES_MAX],
    lost: [u128; TABLES_MAX],
    /// Fields that wait for their keys, by bit.
    waiting: u16,
    open: u32,
    statements: u32,
    nulls: u64,
    stopped: bool,
}

impl Execution {
    /// At most `most` statements are made; then the rest of the response is null.
    pub fn new(query: Query, resolvers: Resolvers, most: u32) -> Execution {
        let mut execution = Execution {
            query,
            resolvers,
            left: most,
            ready: Vec::new(),
            noted: [0; TABLES_MAX],
            asked: [0; TABLES_MAX],
            loaded: [0; TABLES_MAX],
            lost: [0; TABLES_MAX],
            waiting: 0,
            open: 0,
            statements: 0,
            nulls: 0,
            stopped: false,
        };
        for f in 0..query.len {
            if query.fields[usize::from(f)].parent.is_none() {
                execution.reach(f, 0, 1);
            }
        }
        execution
    }

    /// The resolvers of this field run, for these of its parents.
    fn reach(&mut self, field: u8, from: u64, to: u64) {
        if from == to {
            return;
        }
        if self.resolvers == Resolvers::Plain {
            self.ready.push((field, from, to));
            return;
        }
        let table = self.table(field);
        let keys = self.query.keys(field);
        self.noted[table] |= keys & !self.asked[table];
        self.waiting |= 1 << field;
    }

    fn table(&self, field: u8) -> usize {
        usize::from(self.query.fields[usize::from(field)].table) % TABLES_MAX
    }

    /// The next statement to send. `None` means that execution cannot go on without an answer: the tick is over.
    #[expect(clippy::should_implement_trait, reason = "the end is not final: answers make more")]
    pub fn next(&mut self) -> Option<Statement> {
        self.settle();
        let statement = match self.resolvers {
            Resolvers::Plain => {
                let (field, from, to) = self.ready.last_mut()?;
                let (f, of) = (*field, *from);
                *from += 1;
                if from == to {
                    self.ready.pop();
                }
                let rows = self.query.fields[usize::from(f)].many;
                Statement { table: self.table(f) as u8, field: f, keys: 1, rows, of, set: 0 }
            }
            Resolvers::Loader => {
                let table = (0..TABLES_MAX).find(|t| self.noted[*t] != 0)?;
                let set = core::mem::take(&mut self.noted[table]);
                self.asked[table] |= set;
                let of_table = |f: &u8| self.waiting & (1 << f) != 0 && self.table(*f) == table;
                let field = (0..self.query.len).find(of_table).unwrap_or(0);
                let keys = set.count_ones();
                let rows = keys * self.query.fields[usize::from(field)].many;
                Statement { table: table as u8, field, keys, rows, of: 0, set }
            }
        };
        if self.left == 0 {
            self.stop();
            return None;
        }
        self.left -= 1;
        self.open += 1;
        self.statements += 1;
        Some(statement)
    }

    /// Nothing more is asked for; what is missing stays null.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.ready.clear();
        self.noted = [0; TABLES_MAX];
        self.waiting = 0;
    }

    /// A statement was answered, or failed: then what it was for is null, with an entry in `errors` for each.
    pub fn done(&mut self, statement: &Statement, ok: bool) {
        self.open -= 1;
        if self.stopped {
            return;
        }
        if self.resolvers == Resolvers::Loader {
            let table = usize::from(statement.table);
            self.loaded[table] |= statement.set;
            if !ok {
                self.lost[table] |= statement.set;
            }
            self.settle();
        } else if ok {
            let many = u64::from(self.query.fields[usize::from(statement.field)].many);
            self.reach_children(statement.field, statement.of * many, (statement.of + 1) * many);
        } else {
            self.nulls += 1;
        }
    }

    fn reach_children(&mut self, field: u8, from: u64, to: u64) {
        for child in 0..self.query.len {
            if self.query.fields[usize::from(child)].parent == Some(field) {
                self.reach(child, from, to);
            }
        }
    }

    /// Fields whose keys are all there go on to their children, and those perhaps to theirs: the loader may
    /// have their keys as well.
    fn settle(&mut self) {
        while let Some(field) = (0..self.query.len).find(|f| {
            let (table, keys) = (self.table(*f), self.query.keys(*f));
            self.waiting & (1 << f) != 0 && keys & !self.loaded[table] == 0
        }) {
            self.waiting &= !(1 << field);
            let keys = self.query.keys(field);
            let lost = keys & self.lost[self.table(field)];
            let parents = self.query.parents(field);
            self.nulls += parents * u64::from(lost.count_ones()) / u64::from(keys.count_ones().max(1));
            if lost != keys {
                self.reach_children(field, 0, self.query.objects(field));
            }
        }
    }

    /// Nothing is under way and nothing is left to ask for.
    pub fn is_done(&self) -> bool {
        self.open == 0 && self.ready.is_empty() && self.waiting == 0
    }
    /// The limit on statements was reached.
    pub fn was_stopped(&self) -> bool {
        self.stopped
    }
    /// Statements so far.
    pub fn statements(&self) -> u32 {
        self.statements
    }
    /// Statements without an answer yet.
    pub fn open(&self) -> u32 {
        self.open
    }
    /// Fields that are null because a statement failed: the entries of `errors`.
    pub fn nulls(&self) -> u64 {
        self.nulls
    }
    pub fn query(&self) -> &Query {
        &self.query
    }
    /// Bytes beyond the struct itself.
    pub fn weight(&self) -> usize {
        self.ready.len() * size_of::<(u8, u64, u64)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ARTICLES: u8 = 0;
    const AUTHORS: u8 = 1;
    const COMMENTS: u8 = 2;

    fn field(parent: Option<u8>, table: u8, many: u32, distinct: u32) -> Field {
        Field { parent, table, many, distinct, full: 100, wanted: 10 }
    }

    /// Articles with their authors, and the newest comment with its author.
    fn screen(n: u32, d: u32) -> Query {
        let mut q = Query::default();
        let articles = q.push(field(None, ARTICLES, n, 1));
        q.push(field(Some(articles), AUTHORS, 1, d));
        let comments = q.push(field(Some(articles), COMMENTS, 1, 0));
        q.push(field(Some(comments), AUTHORS, 1, d));
        q
    }

    /// All statements, answered in the order in which they were made.
    fn run(query: Query, resolvers: Resolvers) -> Vec<Statement> {
        let mut execution = Execution::new(query, resolvers, 100_000);
        let (mut all, mut answered) = (Vec::new(), 0);
        while !execution.is_done() {
            while let Some(statement) = execution.next() {
                all.push(statement);
            }
            if answered < all.len() {
                let statement = all[answered];
                execution.done(&statement, true);
                answered += 1;
            }
        }
        all
    }

    #[test]
    fn one_and_n_against_one_and_levels() {
        let mut two = screen(20, 5);
        two.len = 2;
        assert_eq!(run(two, Resolvers::Plain).len(), 21);
        let keys: Vec<u32> = run(two, Resolvers::Loader).iter().map(|s| s.keys).collect();
        assert_eq!(keys, [1, 5]);
        assert_eq!(run(screen(20, 5), Resolvers::Plain).len(), 1 + 20 + 20 + 20);
        // The comments' authors are among those that the loader has: no third level of statements.
        let tables: Vec<u8> = run(screen(20, 5), Resolvers::Loader).iter().map(|s| s.table).collect();
        assert_eq!(tables, [ARTICLES, AUTHORS, COMMENTS]);
    }

    #[test]
    fn what_is_not_answered_is_open() {
        let mut execution = Execution::new(screen(20, 5), Resolvers::Plain, 100_000);
        let first = execution.next().unwrap();
        assert_eq!((execution.open(), execution.next()), (1, None), "all others need its answer");
        execution.done(&first, true);
        let many = std::iter::from_fn(|| execution.next()).count();
        assert_eq!((many, execution.open()), (40, 40), "an author and a newest comment each");
    }

    #[test]
    fn lists_inside_lists_multiply() {
        let mut q = Query::default();
        let mut parent = None;
        for level in 0..6 {
            let many = if level % 2 == 0 { 100 } else { 1 };
            parent = Some(q.push(field(parent, level % 2, many, if level == 0 { 1 } else { 100 })));
        }
        assert_eq!((q.depth(), q.cost()), (6, 2 * (100 + 10_000 + 1_000_000)));
        let limits = Limits { depth: 5, cost: 1_000 };
        assert_eq!(limits.check(q.depth(), q.cost()), Err(Over::Depth));
        assert_eq!(limits.check(2, 1_001), Err(Over::Cost));
        assert_eq!(limits.check(5, 1_000), Ok(()));
        assert_eq!(Limits::default().check(q.depth(), q.cost()), Ok(()));
        // What no limit refused is stopped in the end.
        let mut execution = Execution::new(q, Resolvers::Plain, 500);
        while let Some(statement) = execution.next() {
            execution.done(&statement, true);
        }
        assert!(execution.was_stopped() && execution.is_done());
        assert_eq!(execution.statements(), 500);
    }

    /// One table is down: each of its twenty places is null, and the rest is there.
    #[test]
    fn a_table_that_is_down_leaves_nulls() {
        for resolvers in [Resolvers::Plain, Resolvers::Loader] {
            let mut q = screen(20, 5);
            q.len = 2;
            let mut execution = Execution::new(q, resolvers, 1_000);
            while let Some(statement) = execution.next() {
                execution.done(&statement, statement.table != AUTHORS);
            }
            assert!(execution.is_done());
            assert_eq!(execution.nulls(), 20, "{resolvers:?}");
        }
    }

    #[test]
    fn bytes_are_those_asked_for() {
        let q = screen(20, 5);
        assert_eq!((q.bytes(true), q.bytes(false)), (800, 8_000));
    }

    fn queries() -> impl Strategy<Value = Query> {
        prop::collection::vec((any::<u8>(), 0u8..4, 1u32..5, 0u32..7), 1..8).prop_map(|fields| {
            let mut q = Query::default();
            for (parent, table, many, distinct) in fields {
                let parent = (q.len > 0).then(|| parent % q.len);
                q.push(field(parent, table, many, distinct));
            }
            q
        })
    }

    proptest! {
        /// Any query, answers in any order: plain resolvers make a statement for each parent; a loader none for a
        /// key that it has asked for in this request, and never more statements than there are fields.
        #[test]
        fn each_key_once(q in queries(), order in prop::collection::vec(any::<usize>(), 64)) {
            let every: u64 = (0..q.len).map(|f| q.parents(f)).sum();
            for resolvers in [Resolvers::Plain, Resolvers::Loader] {
                let mut execution = Execution::new(q, resolvers, u32::MAX);
                let mut open: Vec<Statement> = Vec::new();
                let mut asked = [0u128; TABLES_MAX];
                let (mut statements, mut turn) = (0u64, 0);
                while !execution.is_done() {
                    while let Some(statement) = execution.next() {
                        let t = usize::from(statement.table);
                        prop_assert_eq!(asked[t] & statement.set, 0, "a key twice");
                        asked[t] |= statement.set;
                        open.push(statement);
                        statements += 1;
                    }
                    prop_assert!(!open.is_empty(), "stuck");
                    let statement = open.swap_remove(order[turn % order.len()] % open.len());
                    turn += 1;
                    execution.done(&statement, true);
                }
                prop_assert_eq!(u64::from(execution.statements()), statements);
                prop_assert_eq!(execution.nulls(), 0);
                match resolvers {
                    Resolvers::Plain => prop_assert_eq!(statements, every),
                    Resolvers::Loader => {
                        prop_assert!(statements <= u64::from(q.len));
                        for f in 0..q.len {
                            prop_assert_eq!(q.keys(f) & !asked[execution.table(f)], 0, "a key never");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_query_has_room_for_so_many_fields() {
        let mut q = Query::default();
        let numbers: Vec<u8> = (0..FIELDS_MAX + 3).map(|_| q.push(field(None, ARTICLES, 1, 1))).collect();
        assert_eq!(q.fields().len(), FIELDS_MAX);
        assert_eq!(numbers[FIELDS_MAX - 2..], [10, 11, 11, 11, 11]);
    }

    /// Not for one that has its keys already, and not for one that waits for another table.
    #[test]
    fn a_statement_of_the_loader_is_for_the_first_field_that_waits_for_its_table() {
        let mut q = Query::default();
        q.push(field(None, AUTHORS, 7, 1));
        let articles = q.push(field(None, ARTICLES, 3, 1));
        let related = q.push(field(Some(articles), ARTICLES, 2, 0));
        let made: Vec<_> = run(q, Resolvers::Loader).iter().map(|s| (s.table, s.field, s.keys, s.rows)).collect();
        assert_eq!(made, [(ARTICLES, articles, 1, 3), (AUTHORS, 0, 1, 7), (ARTICLES, related, 2, 4)]);
    }
}

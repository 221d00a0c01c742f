//! Query planner: what each way to read a table would cost, and which one is cheapest.
//!
//! ```text
//!                      +-> sequential scan:  every page in order, every row looked at
//!   query + statistics +-> index scan:       index leaves, then heap pages one by one
//!                      +-> index-only scan:  index leaves; the heap where pages are not all-visible
//!                      +-> bitmap scan:      index leaves, then the heap pages in page order
//! ```
//!
//! The rules and the five constants are PostgreSQL's (`src/backend/optimizer/path/costsize.c` and
//! `utils/adt/selfuncs.c`, version 15): a cost of 1.0 is one page read in sequence. The number of
//! different heap pages that N rows at random places of T pages touch is Mackert and Lohman's
//! estimate, min(2TN/(2T+N), T) ("Index Scans Using a Finite LRU Buffer", ACM TODS 1989). Between
//! rows at random places and rows in table order PostgreSQL interpolates by the square of the
//! column's correlation.
//!
//! [`Rounding::Formula`] leaves shares of pages as they are, which is how the arithmetic is done on
//! paper; [`Rounding::Postgres`] counts whole pages and the descent through the index as the server
//! does, and gives the figures that `EXPLAIN` prints.
//!
//! Leaves out: parallel plans, a cache smaller than the table, bitmaps too large for `work_mem`,
//! joins, sorting, and the optimiser's search among more than one index.

/// The settings, by their names in `postgresql.conf`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    pub seq_page: f64,
    pub random_page: f64,
    pub cpu_tuple: f64,
    pub cpu_index_tuple: f64,
    pub cpu_operator: f64,
    pub rounding: Rounding,
    /// `enable_bitmapscan`.
    pub bitmap: bool,
}

impl Costs {
    /// As delivered.
    pub const DEFAULT: Costs = Costs {
        seq_page: 1.0,
        random_page: 4.0,
        cpu_tuple: 0.01,
        cpu_index_tuple: 0.005,
        cpu_operator: 0.0025,
        rounding: Rounding::Postgres,
        bitmap: true,
    };

    fn pages(&self, pages: f64) -> f64 {
        match self.rounding {
            Rounding::Formula => pages,
            // The tiny step down keeps what is whole but for its last bits from becoming one more.
            Rounding::Postgres => libm::ceil(pages - 1e-9),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    Formula,
    Postgres,
}

/// What the statistics say about a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Table {
    pub rows: f64,
    pub pages: f64,
    /// Share of the pages on which every row is visible to everybody: those an index-only scan may skip.
    pub all_visible: f64,
}

/// A B-tree index.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Index {
    pub leaf_pages: f64,
    /// How well the order of the rows in the table follows the first column: 0 not at all, 1 perfectly.
    pub correlation: f64,
    /// Holds every column that the query wants.
    pub covering: bool,
}

impl Index {
    /// Levels above the leaves, about 250 entries to a page.
    fn height(&self) -> f64 {
        let (mut levels, mut pages) = (0.0, self.leaf_pages);
        while pages > 1.0 {
            pages = libm::ceil(pages / 250.0);
            levels += 1.0;
        }
        levels
    }
}

/// What a query asks of one index. All shares are of the table's rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ask {
    /// Conditions of the query in all, one operator each.
    pub conditions: u32,
    /// Rows that meet all of them.
    pub matches: f64,
    /// Conditions that this index can check.
    pub indexed: u32,
    /// Entries between the first and the last that are read: only conditions on a leading run of
    /// columns narrow this (equalities, and one range after them).
    pub read: f64,
    /// Rows that meet the conditions the index can check: those fetched from the heap.
    pub fetched: f64,
}

impl Ask {
    /// One condition, on the index's only column.
    pub const fn one(matches: f64) -> Ask {
        Ask { conditions: 1, matches, indexed: 1, read: matches, fetched: matches }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    SeqScan,
    IndexScan,
    IndexOnlyScan,
    BitmapScan,
}

/// A plan, with its cost taken apart: `total` is the sum of the other three.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub method: Method,
    /// Reading the index.
    pub index: f64,
    /// Reading heap pages.
    pub heap: f64,
    /// Looking at rows.
    pub cpu: f64,
    pub total: f64,
    /// Heap pages read.
    pub heap_pages: f64,
    /// Rows and index entries looked at, and rows returned.
    pub examined: f64,
    pub rows: f64,
}

impl Plan {
    fn new(method: Method, index: f64, heap: f64, cpu: f64, heap_pages: f64, examined: f64, rows: f64) -> Plan {
        Plan { method, index, heap, cpu, total: index + heap + cpu, heap_pages, examined, rows }
    }
}

/// Different heap pages that `rows` rows at random places touch (Mackert and Lohman).
pub fn pages_touched(table: &Table, rows: f64) -> f64 {
    let t = table.pages;
    if rows <= 0.0 { 0.0 } else { (2.0 * t * rows / (2.0 * t + rows)).min(t) }
}

/// Every page in order, every row against every condition.
pub fn seq_scan(c: &Costs, t: &Table, conditions: u32, matches: f64) -> Plan {
    let cpu = t.rows * (c.cpu_tuple + c.cpu_operator * f64::from(conditions));
    Plan::new(Method::SeqScan, 0.0, t.pages * c.seq_page, cpu, t.pages, t.rows, rows_of(t, matches))
}

/// Whole rows, at least one: nothing is ever estimated to return none.
fn rows_of(t: &Table, share: f64) -> f64 {
    libm::floor(t.rows * share + 0.5).max(1.0).min(t.rows.max(1.0))
}

/// The entries read from the index, and what that costs.
fn index_part(c: &Costs, t: &Table, i: &Index, ask: &Ask) -> (f64, f64) {
    let entries = rows_of(t, ask.read);
    let pages = c.pages((i.leaf_pages * ask.read).min(i.leaf_pages)).max(if c.rounding == Rounding::Postgres {
        1.0
    } else {
        0.0
    });
    let mut cost = pages * c.random_page + entries * (c.cpu_index_tuple + c.cpu_operator * f64::from(ask.indexed));
    if c.rounding == Rounding::Postgres {
        // Comparisons on the way down, and fifty operators' worth of handling for every page on it.
        let comparisons = libm::ceil(libm::log2(t.rows.max(2.0)));
        cost += comparisons * c.cpu_operator + (i.height() + 1.0) * 50.0 * c.cpu_operator;
    }
    (entries, cost)
}

/// Index leaves, then each row's heap page; an index-only scan skips the pages that are all-visible.
pub fn index_scan(c: &Costs, t: &Table, i: &Index, ask: &Ask) -> Plan {
    let (entries, index) = index_part(c, t, i, ask);
    let fetched = rows_of(t, ask.fetched);
    let only = i.covering;
    let skip = if only { 1.0 - t.all_visible } else { 1.0 };
    // At random places, and in table order: one seek, then in sequence.
    let scattered = c.pages(c.pages(pages_touched(t, fetched)) * skip);
    let in_order = c.pages(c.pages(t.pages * ask.fetched) * skip);
    let most = scattered * c.random_page;
    let least = if in_order > 0.0 { c.random_page + (in_order - 1.0).max(0.0) * c.seq_page } else { 0.0 };
    let ordered = i.correlation * i.correlation;
    let heap = most + ordered * (least - most);
    let pages = scattered + ordered * (in_order - scattered);
    let cpu = fetched * (c.cpu_tuple + c.cpu_operator * f64::from(ask.conditions - ask.indexed.min(ask.conditions)));
    let method = if only { Method::IndexOnlyScan } else { Method::IndexScan };
    Plan::new(method, index, heap, cpu, pages, entries, rows_of(t, ask.matches))
}

/// Index leaves into a bitmap of pages, then those pages in order: dearer than a sequential page and
/// cheaper than a random one, the more pages the cheaper each.
pub fn bitmap_scan(c: &Costs, t: &Table, i: &Index, ask: &Ask) -> Plan {
    let (entries, index) = index_part(c, t, i, ask);
    let fetched = rows_of(t, ask.fetched);
    let index = index + 0.1 * c.cpu_operator * fetched;
    let pages = c.pages(pages_touched(t, fetched));
    let page = if pages >= 2.0 {
        c.random_page - (c.random_page - c.seq_page) * libm::sqrt((pages / t.pages).min(1.0))
    } else {
        c.random_page
    };
    // Every condition is checked again on the row.
    let cpu = fetched * (c.cpu_tuple + c.cpu_operator * f64::from(ask.conditions));
    Plan::new(Method::BitmapScan, index, pages * page, cpu, pages, entries, rows_of(t, ask.matches))
}

/// Every plan there is, the cheapest first; equals keep this order: index, bitmap, sequential.
pub fn plans(c: &Costs, t: &Table, index: Option<(&Index, &Ask)>, conditions: u32, matches: f64) -> Vec<Plan> {
    let mut all = Vec::with_capacity(3);
    let mut add = |p: Plan| {
        let at = all.iter().position(|q: &Plan| p.total < q.total).unwrap_or(all.len());
        all.insert(at, p);
    };
    if let Some((i, ask)) = index {
        add(index_scan(c, t, i, ask));
        if c.bitmap {
            add(bitmap_scan(c, t, i, ask));
        }
    }
    add(seq_scan(c, t, conditions, matches));
    all
}

/// The same way to read, at other costs or with other numbers of rows: what a plan chosen by an
/// estimate really takes.
pub fn price(
    method: Method,
    c: &Costs,
    t: &Table,
    index: Option<(&Index, &Ask)>,
    conditions: u32,
    matches: f64,
) -> Plan {
    match (method, index) {
        (Method::IndexScan | Method::IndexOnlyScan, Some((i, ask))) => index_scan(c, t, i, ask),
        (Method::BitmapScan, Some((i, ask))) => bitmap_scan(c, t, i, ask),
        _ => seq_scan(c, t, conditions, matches),
    }
}

/// The share of rows beyond which reading everything in order is cheaper than `other`: found by
/// halving, since both costs grow with the share and only the sequential one starts high.
pub fn crossover(c: &Costs, t: &Table, i: &Index, other: Method) -> f64 {
    let cheaper = |share: f64| {
        let ask = Ask::one(share);
        price(other, c, t, Some((i, &ask)), 1, share).total <= seq_scan(c, t, 1, share).total
    };
    if cheaper(1.0) {
        return 1.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if cheaper(middle) { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TABLE: Table = Table { rows: 1e6, pages: 1e4, all_visible: 1.0 };
    const INDEX: Index = Index { leaf_pages: 2_745.0, correlation: 0.0, covering: false };
    const PAPER: Costs = Costs { rounding: Rounding::Formula, ..Costs::DEFAULT };

    fn near(got: f64, expected: f64, tolerance: f64) {
        assert!((got - expected).abs() <= tolerance, "{got} for {expected}");
    }

    /// The example of PostgreSQL's manual before version 8: 233 pages, 10,000 rows.
    #[test]
    fn the_manuals_old_example() {
        let t = Table { rows: 10_000.0, pages: 233.0, all_visible: 0.0 };
        assert_eq!(seq_scan(&Costs::DEFAULT, &t, 0, 1.0).total, 333.0);
        assert_eq!(seq_scan(&Costs::DEFAULT, &t, 1, 0.1).total, 358.0);
    }

    #[test]
    fn a_million_rows_on_paper() {
        assert_eq!(seq_scan(&PAPER, &TABLE, 1, 0.01).total, 22_500.0);
        near(index_scan(&PAPER, &TABLE, &INDEX, &Ask::one(1e-6)).total, 4.03, 0.005);
        let ordered = Index { correlation: 1.0, ..INDEX };
        near(index_scan(&PAPER, &TABLE, &ordered, &Ask::one(0.1)).total, 3_851.0, 0.5);
        near(100.0 * crossover(&PAPER, &TABLE, &INDEX, Method::IndexScan), 0.77, 0.005);
        let ssd = Costs { random_page: 1.1, ..PAPER };
        near(100.0 * crossover(&ssd, &TABLE, &INDEX, Method::IndexScan), 56.0, 0.05);
    }

    #[test]
    fn a_million_rows_as_explain_prints_them() {
        let c = Costs::DEFAULT;
        near(index_scan(&c, &TABLE, &INDEX, &Ask::one(1e-6)).total, 8.44, 0.005);
        let ordered = Index { correlation: 1.0, ..INDEX };
        near(index_scan(&c, &TABLE, &ordered, &Ask::one(0.1)).total, 3_853.42, 0.01);
        // With bitmaps allowed the index is refused much later.
        near(100.0 * crossover(&c, &TABLE, &INDEX, Method::BitmapScan), 40.0, 0.1);
    }

    /// The second column of an index narrows what is read only after an equality on the first.
    #[test]
    fn column_order_decides_what_is_read() {
        let equality_first = Ask { conditions: 2, matches: 2.5e-5, indexed: 2, read: 2.5e-5, fetched: 2.5e-5 };
        let range_first = Ask { read: 0.1, ..equality_first };
        let good = index_scan(&PAPER, &TABLE, &INDEX, &equality_first);
        let bad = index_scan(&PAPER, &TABLE, &INDEX, &range_first);
        assert_eq!(good.heap, bad.heap);
        assert!(bad.index > 1_000.0 * good.index, "{} {}", bad.index, good.index);
    }

    fn costs() -> impl Strategy<Value = Costs> {
        (1.0f64..10.0, any::<bool>(), any::<bool>()).prop_map(|(random_page, paper, bitmap)| Costs {
            random_page,
            bitmap,
            rounding: if paper { Rounding::Formula } else { Rounding::Postgres },
            ..Costs::DEFAULT
        })
    }

    proptest! {
        #[test]
        fn costs_grow_with_the_rows_and_add_up(c in costs(), rows in 100.0f64..1e7, per_page in 1.0f64..200.0, correlation in 0.0f64..1.0, covering: bool, visible in 0.0f64..1.0, a in 0.0f64..1.0, b in 0.0f64..1.0) {
            let t = Table { rows, pages: libm::ceil(rows / per_page), all_visible: visible };
            let i = Index { leaf_pages: libm::ceil(rows / 366.0), correlation, covering };
            let (low, high) = (a.min(b), a.max(b));
            for method in [Method::SeqScan, Method::IndexScan, Method::BitmapScan] {
                let at = |share| { let ask = Ask::one(share); price(method, &c, &t, Some((&i, &ask)), 1, share) };
                let (less, more) = (at(low), at(high));
                // Bitmap pages get cheaper the more there are, so that cost grows in the rows only up
                // to the dip where nearly all pages are read.
                if method != Method::BitmapScan {
                    prop_assert!(less.total <= more.total + 1e-6, "{:?}: {} then {}", method, less.total, more.total);
                }
                prop_assert!(less.examined <= more.examined && less.heap_pages <= more.heap_pages + 1e-6);
                for p in [less, more] {
                    prop_assert!(p.heap_pages <= t.pages && p.rows >= 1.0 && p.heap >= 0.0 && p.cpu >= 0.0);
                    prop_assert!((p.index + p.heap + p.cpu - p.total).abs() < 1e-6);
                }
            }
        }

        #[test]
        fn the_cheapest_comes_first(c in costs(), share in 0.0f64..1.0, correlation in 0.0f64..1.0) {
            let i = Index { correlation, ..INDEX };
            let ask = Ask::one(share);
            let all = plans(&c, &TABLE, Some((&i, &ask)), 1, share);
            prop_assert_eq!(all.len(), if c.bitmap { 3 } else { 2 });
            prop_assert!(all.windows(2).all(|w| w[0].total <= w[1].total));
            for p in &all {
                prop_assert_eq!(price(p.method, &c, &TABLE, Some((&i, &ask)), 1, share), *p);
            }
        }

        #[test]
        fn more_rows_never_touch_fewer_pages(pages in 1.0f64..1e6, a in 0.0f64..1e8, b in 0.0f64..1e8) {
            let t = Table { rows: 1e8, pages, all_visible: 0.0 };
            let (few, many) = (pages_touched(&t, a.min(b)), pages_touched(&t, a.max(b)));
            prop_assert!(few <= many && many <= pages);
            prop_assert!(few <= a.min(b) + 1e-9, "never more pages than rows");
        }
    }

    /// Plans are sums of what their parts cost: where each part costs twice as much, so does every plan.
    #[test]
    fn at_twice_the_costs_a_plan_costs_twice_as_much() {
        let c = Costs { seq_page: 2.0, cpu_tuple: 0.02, ..Costs::DEFAULT };
        let twice = Costs {
            seq_page: 4.0,
            random_page: 8.0,
            cpu_tuple: 0.04,
            cpu_index_tuple: 0.01,
            cpu_operator: 0.005,
            ..Costs::DEFAULT
        };
        let ordered = Index { correlation: 0.9, ..INDEX };
        let ask = Ask { conditions: 4, indexed: 2, ..Ask::one(0.1) };
        for method in [Method::SeqScan, Method::IndexScan, Method::BitmapScan] {
            let [once, twice] = [c, twice].map(|c| price(method, &c, &TABLE, Some((&ordered, &ask)), 4, 0.1));
            near(twice.total / once.total, 2.0, 1e-12);
        }
    }

    /// A condition costs an operator for each row that it is checked on: in the index for each entry read, or else for
    /// each row fetched; a bitmap scan checks all of them on the row once more.
    #[test]
    fn every_condition_costs_an_operator_where_it_is_checked() {
        let at = |conditions, indexed| Ask { conditions, matches: 0.01, indexed, read: 0.1, fetched: 0.02 };
        let [some, more] = [at(3, 2), at(6, 4)].map(|ask| {
            let (index, bitmap) = (index_scan(&PAPER, &TABLE, &INDEX, &ask), bitmap_scan(&PAPER, &TABLE, &INDEX, &ask));
            let seq = seq_scan(&PAPER, &TABLE, ask.conditions, ask.matches);
            [index.index, bitmap.index, index.cpu, bitmap.cpu, seq.cpu]
        });
        // Two more in the index, one more on the row, three more in all.
        let rows = [2.0 * 1e5, 2.0 * 1e5, 2e4, 3.0 * 2e4, 3.0 * 1e6];
        for i in 0..rows.len() {
            near(more[i] - some[i], rows[i] * PAPER.cpu_operator, 1e-6);
        }
    }

    /// An index-only scan reads no page of the table where all are visible; how many another reads depends on the order.
    #[test]
    fn heap_pages_follow_the_order_of_the_rows() {
        let scan = |correlation, covering| {
            index_scan(&PAPER, &TABLE, &Index { correlation, covering, ..INDEX }, &Ask::one(0.01))
        };
        for correlation in [0.0, 0.7, 1.0] {
            assert_eq!((scan(correlation, true).heap, scan(correlation, true).heap_pages), (0.0, 0.0));
        }
        near(scan(0.0, false).heap_pages, pages_touched(&TABLE, 1e4), 1e-9);
        near(scan(1.0, false).heap_pages, 100.0, 1e-9);
    }

    #[test]
    fn of_equal_plans_the_index_comes_before_the_bitmap_and_that_before_all_rows() {
        let free =
            Costs { seq_page: 0.0, random_page: 0.0, cpu_tuple: 0.0, cpu_index_tuple: 0.0, cpu_operator: 0.0, ..PAPER };
        let all = plans(&free, &TABLE, Some((&INDEX, &Ask::one(0.1))), 1, 0.1);
        let methods: Vec<Method> = all.iter().map(|p| p.method).collect();
        assert_eq!(methods, [Method::IndexScan, Method::BitmapScan, Method::SeqScan]);
    }
}

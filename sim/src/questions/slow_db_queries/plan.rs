//! The query and its plan: what the planner believes, what it chooses, and what that really takes.
//!
//! ```sql
//! SELECT created_at, total FROM orders WHERE customer_id = $1 [AND created_at >= $2]
//! ```

use super::Settings;
use crate::blocks::planner::{self, Ask, Costs, Index, Method, Plan, Rounding, Table};

/// The choices of the index knob.
pub mod index {
    pub const CUSTOMER: u8 = 0;
    pub const NONE: u8 = 1;
    pub const CUSTOMER_DATE: u8 = 2;
    pub const DATE_CUSTOMER: u8 = 3;
    pub const COVERING: u8 = 4;
}

/// Cost of the query with its index at the defaults, in whole pages: what takes 1/X₁.
const REFERENCE: f64 = 881.03;

/// What a write costs besides its index entries, in statements' worth, for batches of order lines: one
/// commit a statement, and each row.
const COMMIT: f64 = 0.2;
const LINE: f64 = 0.01;

impl Settings {
    fn table(&self) -> Table {
        Table { rows: self.rows, pages: self.pages, all_visible: self.visible }
    }

    /// The settings the planner has, and what pages really cost.
    pub(super) fn believed(&self) -> Costs {
        Costs {
            random_page: self.random_page,
            bitmap: self.bitmap,
            rounding: if self.on_paper { Rounding::Formula } else { Rounding::Postgres },
            ..Costs::DEFAULT
        }
    }
    fn real(&self) -> Costs {
        Costs { random_page: self.disk, ..Costs::DEFAULT }
    }

    fn conditions(&self) -> u32 {
        1 + u32::from(self.recent.is_some())
    }

    /// The index as the planner sees it, and what the query asks of it, if `matching` of the rows are
    /// the customer's.
    fn access(&self, which: u8, matching: f64) -> Option<(Index, Ask)> {
        let recent = self.recent.unwrap_or(1.0);
        let both = matching * recent;
        let conditions = self.conditions();
        // Entries of 20, 28 and 36 bytes: header, columns, line pointer.
        let (width, indexed, read, fetched) = match which {
            index::CUSTOMER => (1.0, 1, matching, matching),
            index::CUSTOMER_DATE if self.recent.is_some() => (1.4, 2, both, both),
            index::CUSTOMER_DATE => (1.4, 1, matching, matching),
            // The range comes first: everything recent is read, and the customers in it are sorted out.
            index::DATE_CUSTOMER if self.recent.is_some() => (1.4, 2, recent, both),
            index::DATE_CUSTOMER => (1.4, 1, 1.0, matching),
            index::COVERING => (1.8, 1, matching, matching),
            _ => return None,
        };
        let index = Index {
            leaf_pages: self.leaves * width,
            correlation: self.correlation,
            covering: which == index::COVERING,
        };
        Some((index, Ask { conditions, matches: both, indexed, read, fetched }))
    }

    /// All plans as the planner estimates them, the cheapest first.
    pub(super) fn plans(&self, which: u8) -> Vec<Plan> {
        let matching = (self.matching * self.estimate).min(1.0);
        let access = self.access(which, matching);
        let matches = matching * self.recent.unwrap_or(1.0);
        planner::plans(
            &self.believed(),
            &self.table(),
            access.as_ref().map(|(i, a)| (i, a)),
            self.conditions(),
            matches,
        )
    }

    /// What a plan takes on this machine with the rows there really are.
    pub(super) fn really(&self, which: u8, method: Method) -> Plan {
        let access = self.access(which, self.matching);
        let matches = self.matching * self.recent.unwrap_or(1.0);
        let access = access.as_ref().map(|(i, a)| (i, a));
        planner::price(method, &self.real(), &self.table(), access, self.conditions(), matches)
    }

    /// The selectivity at which a sequential scan becomes cheaper than this way to use the index.
    pub(super) fn crossover(&self, which: u8, method: Method) -> Option<f64> {
        let (index, _) = self.access(which, self.matching)?;
        Some(planner::crossover(&self.believed(), &self.table(), &index, method))
    }

    /// Work of a plan's real cost, in statements' worth.
    pub(super) fn work_of(&self, plan: &Plan) -> f64 {
        plan.total / REFERENCE
    }

    /// Work of a read of `lines` order lines by primary key in one statement: each a way down the index,
    /// until reading the whole table is cheaper.
    pub(super) fn lines_work(&self, lines: u32) -> f64 {
        let table = self.table();
        let key = Index { leaf_pages: self.leaves, correlation: 0.0, covering: false };
        let one = planner::index_scan(&self.real(), &table, &key, &Ask::one(1.0 / self.rows));
        let all = planner::seq_scan(&self.real(), &table, 1, 1.0);
        (one.total * f64::from(lines)).min(all.total) / REFERENCE
    }

    /// How much longer a write takes with the indexes there are than with the one of the defaults.
    pub(super) fn write_factor(&self, which: u8) -> f64 {
        let others = f64::from(self.extra) + if which == index::NONE { 0.0 } else { 1.0 } - 1.0;
        (1.0 + self.index_cost * others).max(0.0)
    }

    /// Work of writing `lines` order lines in one statement.
    pub(super) fn lines_write(&self, lines: u32, which: u8) -> f64 {
        COMMIT + LINE * f64::from(lines) * self.write_factor(which)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declare::Knobs;
    use crate::questions::slow_db_queries::QUESTION;

    /// The query takes 1/X₁ with its index because its cost is what everything is measured by.
    #[test]
    fn the_reference_is_the_default() {
        let s = Settings::read(&Knobs::defaults(&QUESTION));
        let plan = s.plans(index::CUSTOMER)[0];
        assert_eq!(plan.method, Method::BitmapScan);
        assert!((plan.total - REFERENCE).abs() < 0.005, "{}", plan.total);
        assert!((s.work_of(&s.really(index::CUSTOMER, plan.method)) - 1.0).abs() < 1e-4);
        assert_eq!(s.write_factor(index::CUSTOMER), 1.0);
    }

    /// Fifty thousand ids in one list: no better than reading the table.
    #[test]
    fn a_very_long_list_is_a_scan() {
        let s = Settings::read(&Knobs::defaults(&QUESTION));
        assert_eq!(s.lines_work(50_000), 22_500.0 / REFERENCE);
        assert!((s.lines_work(20) / s.lines_work(1) - 20.0).abs() < 1e-9);
    }
}

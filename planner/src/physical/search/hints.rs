//! What hints ask of the search, and what becomes of it.
//!
//! A join hint speaks of a join of which one input is the table that it names (alone, or under filters, groupings and semi
//! joins). If the join can be run in that way, the ways that are not asked for are dropped; if it cannot, the statement gets
//! warning 1815, in TiDB's words.

use std::sync::Arc;

use hashbrown::HashSet;

use super::Candidate;
use crate::hints::{Hint, HintKind, HintTable, Hints, JoinMethod};
use crate::logical::{Join, Plan, Scan};
use crate::physical::{IndexJoin, IndexJoinVariant, Node, PlanWarning, Side, StatementLimits};

/// TiDB's code of a hint that was not followed.
const INAPPLICABLE: u16 = 1815;

/// What a hint may name: a table, by its alias and the number of its query block, or a derived table that is about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    /// `None` for rows of several tables.
    table: Option<OneTable>,
    /// Derived tables, by alias and block.
    within: Vec<(Arc<str>, u32)>,
}

#[derive(Clone, Debug, PartialEq)]
struct OneTable {
    database: Arc<str>,
    alias: Arc<str>,
    block: u32,
}

impl Named {
    /// Whether it is a table of this query block.
    pub(crate) fn is_of(&self, block: u32) -> bool {
        self.table.as_ref().is_some_and(|table| table.block == block)
    }
}

/// The hints of a statement and how they fared.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    hints: Vec<Hint>,
    /// Tables of the statement.
    tables: Vec<Named>,
    /// Hints that some join or grouping followed.
    followed: HashSet<usize>,
    /// Hints that would move work beside a table where there is none.
    in_vain: HashSet<usize>,
    /// Hints that spoke of a join without equalities.
    without_equality: HashSet<usize>,
    /// Methods that hints both ask for and refuse for one join.
    contradicted: Vec<JoinMethod>,
    /// Whether hints asked for different methods of one join.
    joins_conflict: bool,
    /// Whether a block is to be grouped in both ways.
    aggregations_conflict: bool,
}

/// What hints say of one join.
#[derive(Clone, Debug, Default)]
pub(super) struct JoinWish {
    /// Hints that ask for a method: number, method, the side of the named table (an index join looks that side up).
    wanted: Vec<(usize, JoinMethod, Side)>,
    /// Methods that are not to be used, and the side of the named table.
    unwanted: Vec<(usize, JoinMethod, Side)>,
    /// The side that a hash join is to build.
    pub(super) build: Option<Side>,
}

impl JoinWish {
    /// Whether the method is asked for.
    pub(super) fn wants(&self, method: JoinMethod) -> bool {
        self.wanted.iter().any(|(_, wanted, _)| *wanted == method)
    }

    /// Whether the method is refused.
    pub(super) fn refuses(&self, method: JoinMethod) -> bool {
        self.unwanted.iter().any(|(_, unwanted, _)| *unwanted == method)
    }

    /// Whether index joins that look up this side are to be hash joins of what is found: a hint asks for them, or refuses the
    /// others.
    pub(super) fn index_hash(&self, side: Side) -> bool {
        let names = |hints: &[(usize, JoinMethod, Side)], method: JoinMethod| {
            hints.iter().any(|(_, named, at)| *named == method && *at == side)
        };
        names(&self.wanted, JoinMethod::IndexHash)
            || names(&self.unwanted, JoinMethod::Index) && !names(&self.wanted, JoinMethod::Index)
    }
}

impl Wishes {
    /// For a statement, before rules have changed it.
    pub(crate) fn new(hints: &Hints, query: &crate::logical::Query) -> Wishes {
        if hints.list.is_empty() {
            return Wishes::default();
        }
        let mut tables = Vec::new();
        for plan in query.ctes.iter().chain([&query.plan]) {
            plan.walk(&mut |node| {
                if let Plan::Scan(scan) = node {
                    tables.push(named(scan));
                }
            });
        }
        Wishes { hints: hints.list.clone(), tables, ..Wishes::default() }
    }

    /// What is said of this join.
    pub(super) fn of_join(&mut self, join: &Join) -> JoinWish {
        let mut wish = JoinWish::default();
        if self.hints.is_empty() {
            return wish;
        }
        let sides = [(alias_of(&join.left), Side::Left), (alias_of(&join.right), Side::Right)];
        for (number, hint) in self.hints.iter().enumerate() {
            let HintKind::Join { method, wanted, tables } = &hint.kind else { continue };
            for (named, side) in &sides {
                let Some(named) = named else { continue };
                let all = !wanted && tables.is_empty() && named.is_of(hint.block);
                if !all && !tables.iter().any(|table| is_named(table, named)) {
                    continue;
                }
                let other = if *side == Side::Left { Side::Right } else { Side::Left };
                match method {
                    JoinMethod::HashBuild if *wanted => wish.build = Some(*side),
                    JoinMethod::HashProbe if *wanted => wish.build = Some(other),
                    JoinMethod::Index
                    | JoinMethod::IndexHash
                    | JoinMethod::Hash
                    | JoinMethod::Merge
                    | JoinMethod::HashBuild
                    | JoinMethod::HashProbe => {}
                }
                if *wanted { &mut wish.wanted } else { &mut wish.unwanted }.push((number, *method, *side));
            }
        }
        let mut asked = wish.wanted.iter().map(|(_, method, _)| plain(*method));
        if asked.next().is_some_and(|first| asked.any(|other| other != first)) {
            // None of them counts.
            self.joins_conflict = true;
            self.followed.extend(wish.wanted.drain(..).map(|(number, ..)| number));
            wish.build = None;
        }
        for (_, method, _) in &wish.unwanted {
            let wanted = wish.wanted.iter().any(|(_, wanted, _)| plain(*wanted) == *method);
            if wanted && !self.contradicted.contains(method) {
                self.contradicted.push(*method);
            }
        }
        wish
    }

    /// The candidates that the hints leave; all of them if they would leave none.
    pub(super) fn choose(&mut self, wish: &JoinWish, join: &Join, ways: Vec<Candidate>) -> Vec<Candidate> {
        if wish.wanted.is_empty() && wish.unwanted.is_empty() {
            return ways;
        }
        let fits = |c: &Candidate, method: JoinMethod, side: Side| match (&c.plan.node, method) {
            (Node::HashJoin(join), JoinMethod::HashBuild) => join.build == side,
            (Node::HashJoin(join), JoinMethod::HashProbe) => join.build != side,
            (Node::HashJoin(_), JoinMethod::Hash) | (Node::MergeJoin(_), JoinMethod::Merge) => true,
            (Node::IndexJoin(IndexJoin { outer, variant, .. }), JoinMethod::Index) => {
                *outer != side && *variant == IndexJoinVariant::Ordered
            }
            (Node::IndexJoin(IndexJoin { outer, variant, .. }), JoinMethod::IndexHash) => {
                *outer != side && *variant != IndexJoinVariant::Ordered
            }
            _ => false,
        };
        let (asked, others): (Vec<_>, Vec<_>) = ways
            .into_iter()
            .partition(|c| wish.wanted.iter().any(|(_, method, side)| fits(c, *method, *side)));
        for (number, method, side) in &wish.wanted {
            if asked.iter().any(|c| fits(c, *method, *side)) {
                self.followed.insert(*number);
            }
            if !join.on.iter().any(|e| crate::logical::predicate::equality(e).is_some()) {
                self.without_equality.insert(*number);
            }
        }
        if !asked.is_empty() {
            return asked;
        }
        let unwanted = |c: &Candidate| wish.unwanted.iter().any(|(_, method, side)| fits(c, *method, *side));
        let (refused, allowed): (Vec<_>, Vec<_>) = others.into_iter().partition(unwanted);
        if allowed.is_empty() { refused } else { allowed }
    }

    /// Whether a hint without tables asks for this, in the query block of the plan.
    pub(super) fn asks(&self, kind: &HintKind, plan: &Plan) -> bool {
        self.asking(kind, plan).is_some()
    }

    /// Notes whether what a hint asks for, which has no tables and would move work beside them, can be done to rows of this input;
    /// `None`: it cannot be done beside any table.
    pub(super) fn note_cop(&mut self, kind: &HintKind, plan: &Plan, input: Option<&Plan>) {
        if let Some(number) = self.asking(kind, plan) {
            let set = if input.is_some_and(is_read) { &mut self.followed } else { &mut self.in_vain };
            set.insert(number);
        }
    }

    fn asking(&self, kind: &HintKind, plan: &Plan) -> Option<usize> {
        let block = || {
            let mut block: Option<u32> = None;
            plan.walk(&mut |node| {
                if let Plan::Scan(scan) = node {
                    block = Some(block.map_or(scan.block, |least| least.min(scan.block)));
                }
            });
            block
        };
        let asks = |hint: &Hint| hint.kind == *kind && block().is_none_or(|block| block == hint.block);
        self.hints.iter().position(asks)
    }

    /// The ways to group that the hints leave.
    pub(super) fn choose_aggregation(&mut self, plan: &Plan, ways: Vec<Candidate>) -> Vec<Candidate> {
        if self.asks(&HintKind::HashAgg, plan) && self.asks(&HintKind::StreamAgg, plan) {
            self.aggregations_conflict = true;
            return ways;
        }
        for (number, hint) in self.hints.iter().enumerate() {
            let fits = |c: &Candidate| match hint.kind {
                HintKind::HashAgg => matches!(c.plan.node, Node::HashAgg(_)),
                HintKind::StreamAgg => matches!(c.plan.node, Node::StreamAgg(_)),
                _ => false,
            };
            if ways.iter().any(fits) && self.asks(&hint.kind, plan) {
                self.followed.insert(number);
                return ways.into_iter().filter(fits).collect();
            }
        }
        ways
    }

    /// Limits that hints set.
    pub(super) fn limits(&self) -> StatementLimits {
        let mut limits = StatementLimits::default();
        for hint in &self.hints {
            match hint.kind {
                // None at all is written as none.
                HintKind::MemoryQuota(0) => limits.memory_quota_bytes = Some(u64::MAX),
                HintKind::MemoryQuota(bytes) => limits.memory_quota_bytes = Some(bytes),
                HintKind::MaxExecutionTime(ms) => limits.max_execution_time_ms = Some(ms),
                _ => {}
            }
        }
        limits
    }

    /// What could not be followed.
    pub(super) fn warnings(&self) -> Vec<PlanWarning> {
        let mut out = Vec::new();
        let mut warn = |message| out.push(PlanWarning { code: INAPPLICABLE, message });
        if self.joins_conflict {
            warn("Join hints are conflict, you can only specify one type of join".into());
        }
        if self.aggregations_conflict {
            warn("Optimizer aggregation hints are conflicted".into());
        }
        for method in &self.contradicted {
            warn(contradiction(*method).into());
        }
        for (number, hint) in self.hints.iter().enumerate() {
            let (HintKind::Join { tables, .. } | HintKind::Leading(tables)) = &hint.kind else {
                let lost = !self.followed.contains(&number) && !self.aggregations_conflict;
                let in_vain = lost && self.in_vain.contains(&number);
                match hint.kind {
                    HintKind::StreamAgg if lost => {
                        warn("Optimizer Hint STREAM_AGG is inapplicable".into());
                    }
                    HintKind::AggToCop if in_vain => {
                        warn("Optimizer Hint AGG_TO_COP is inapplicable".into());
                    }
                    HintKind::LimitToCop if in_vain => {
                        warn("Optimizer Hint LIMIT_TO_COP is inapplicable".into());
                    }
                    _ => {}
                }
                continue;
            };
            let unknown: Vec<&str> = tables
                .iter()
                .filter(|table| !self.tables.iter().any(|named| is_named(table, named)))
                .map(|table| &*table.name)
                .collect();
            if !unknown.is_empty() {
                let (names, text) = (unknown.join(", "), quoted(hint));
                warn(format!(
                    "There are no matching table names for ({names}) in optimizer hint {text}. \
                     Maybe you can use the table alias name"
                ));
            }
            let HintKind::Join { wanted: true, .. } = &hint.kind else { continue };
            if unknown.len() < tables.len() && !self.followed.contains(&number) {
                let why = if self.without_equality.contains(&number) {
                    " without column equal ON condition"
                } else {
                    ""
                };
                warn(format!("Optimizer Hint {} is inapplicable{why}", quoted(hint)));
            }
        }
        out
    }
}

/// Whether its rows come from a table as they are, or sorted out there.
fn is_read(plan: &Plan) -> bool {
    match plan {
        Plan::Scan(_) => true,
        Plan::Filter { input, .. } | Plan::Project { input, .. } | Plan::Sort { input, .. } => is_read(input),
        Plan::Join(_)
        | Plan::Apply { .. }
        | Plan::Aggregate { .. }
        | Plan::Window { .. }
        | Plan::Limit { .. }
        | Plan::Lock { .. }
        | Plan::MaxOneRow { .. }
        | Plan::Union { .. }
        | Plan::Values { .. }
        | Plan::CteScan { .. } => false,
    }
}

/// What TiDB says of hints that ask for a method and refuse it.
fn contradiction(method: JoinMethod) -> &'static str {
    match method {
        JoinMethod::Index => "Some INL_JOIN and NO_INDEX_JOIN hints conflict, NO_INDEX_JOIN may be ignored",
        JoinMethod::IndexHash => {
            "Some INL_HASH_JOIN and NO_INDEX_HASH_JOIN hints conflict, NO_INDEX_HASH_JOIN may be ignored"
        }
        JoinMethod::Merge => "Some MERGE_JOIN and NO_MERGE_JOIN hints conflict, NO_MERGE_JOIN is ignored",
        JoinMethod::Hash | JoinMethod::HashBuild | JoinMethod::HashProbe => {
            "A conflict between the HASH_JOIN hint and the NO_HASH_JOIN hint, or the tidb_opt_enable_hash_join system \
             variable, the HASH_JOIN hint will take precedence."
        }
    }
}

/// The method, whichever side it builds.
fn plain(method: JoinMethod) -> JoinMethod {
    match method {
        JoinMethod::HashBuild | JoinMethod::HashProbe => JoinMethod::Hash,
        JoinMethod::Index | JoinMethod::IndexHash | JoinMethod::Hash | JoinMethod::Merge => method,
    }
}

/// The hint as warnings write it, with its older name if it has one.
fn quoted(hint: &Hint) -> String {
    let text = &hint.text;
    let older = match text.split('(').next().unwrap_or_default() {
        "INL_JOIN" => "TIDB_INLJ",
        "HASH_JOIN" => "TIDB_HJ",
        "MERGE_JOIN" => "TIDB_SMJ",
        _ => return format!("/*+ {text} */"),
    };
    let rest = text.find('(').map_or("", |at| &text[at..]);
    format!("/*+ {text} */ or /*+ {older}{rest} */")
}

/// The one table, or derived table, whose rows an input of a join yields.
pub(crate) fn alias_of(plan: &Plan) -> Option<Named> {
    match plan {
        Plan::Scan(scan) => Some(named(scan)),
        Plan::Filter { input, .. }
        | Plan::Project { input, .. }
        | Plan::Aggregate { input, .. }
        | Plan::Sort { input, .. }
        | Plan::Window { input, .. }
        | Plan::Limit { input, .. }
        | Plan::Lock { input, .. }
        | Plan::MaxOneRow { input } => alias_of(input),
        Plan::Join(join) | Plan::Apply { join, .. } => {
            let left = alias_of(&join.left)?;
            if !join.kind.keeps_right() {
                return Some(left);
            }
            let right = alias_of(&join.right)?;
            let within: Vec<_> = left.within.into_iter().filter(|name| right.within.contains(name)).collect();
            (!within.is_empty()).then_some(Named { table: None, within })
        }
        Plan::Union { .. } | Plan::Values { .. } | Plan::CteScan { .. } => None,
    }
}

fn named(scan: &Scan) -> Named {
    let table =
        OneTable { database: scan.table.database.clone(), alias: scan.alias.clone(), block: scan.block };
    Named { table: Some(table), within: scan.within.clone() }
}

/// Whether the hint means this table, or this derived table.
pub(crate) fn is_named(hint: &HintTable, named: &Named) -> bool {
    let means = |alias: &str, block: u32| hint.block == block && hint.name.eq_ignore_ascii_case(alias);
    let own = named.table.as_ref().is_some_and(|table| {
        let database = hint.database.as_ref().is_none_or(|d| d.eq_ignore_ascii_case(&table.database));
        database && means(&table.alias, table.block)
    });
    own || hint.database.is_none() && named.within.iter().any(|(alias, block)| means(alias, *block))
}

//! WITH RECURSIVE: a common table expression that reads itself.
//!
//! Its body is a chain of UNIONs. The queries before the first that reads it are the rows to begin with; from there on they are
//! the step ([`Recursion`]). While the step is bound, the name stands for an expression without rows of its own, the working
//! table, which the executor fills with the last round. The step's columns are cast to the types of the first rows, as in MySQL,
//! but for the length of texts, which may grow here (as in TiDB; MySQL cuts them, or fails).
//!
//! Whether a body reads itself is found out by binding it: the name is there, and to resolve it is an error that is caught here
//! and nowhere else (so a recursion within a recursion is bound twice, and one within that four times). A recursive WITH whose expressions do not read themselves binds them like any others.
//!
//! What MySQL refuses is refused: no rows to begin with (3574), no UNION (3573), a step that groups (3575), reads itself twice or
//! in a subquery (3577) or on the far side of a left join (3576). Left out: ORDER BY of the whole, and UNION ALL mixed with
//! UNION DISTINCT between steps (DISTINCT then holds for all).

use std::sync::Arc;

use allod_storage::schema::{Collation, ColumnType, Datum, SqlType};
use sqlparser::ast::{self, GroupByExpr, SetExpr, SetOperator, SetQuantifier};

use super::binder::{Binder, Block, CteName};
use super::expression::not_supported;
use super::query::renamed;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, collate, order_key_of};
use crate::logical::{JoinKind, OutputColumn, Plan};
use crate::physical::Recursion;

/// Where there is no session: MySQL's default of `cte_max_recursion_depth`.
const ROUNDS_MAX: u64 = 1000;
/// Characters that a text may grow to.
const TEXT_CHARS: u32 = 16_383;
/// Bytes that a byte string may grow to.
const BYTES: u32 = 65_535;
/// The place of an expression that is not there yet.
const NOWHERE: usize = usize::MAX;

/// What MySQL refuses in a recursive common table expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecursionFault {
    /// 3573.
    NoUnion,
    /// 3574.
    NoSeed,
    /// 3575.
    Aggregates,
    /// 3576.
    FarSide,
    /// 3577.
    ReferencedTwice,
}

impl RecursionFault {
    /// In MySQL's words.
    pub(crate) fn message(self, name: &str) -> String {
        let (block, table) = match self {
            RecursionFault::NoUnion => ("should contain a UNION", ""),
            RecursionFault::NoSeed => (
                "should have one or more non-recursive query blocks followed by one or more recursive ones",
                "",
            ),
            RecursionFault::Aggregates => {
                ("can contain neither aggregation nor window functions in recursive query block", "")
            }
            RecursionFault::FarSide => (
                "",
                "neither be in the right argument of a LEFT JOIN, nor be forced to be non-first with join order hints",
            ),
            RecursionFault::ReferencedTwice => ("", "be referenced only once, and not in any subquery"),
        };
        match table {
            "" => format!("recursive Common Table Expression '{name}' {block}"),
            must => format!(
                "in recursive query block of Recursive Common Table Expression '{name}', the recursive table must {must}"
            ),
        }
    }
}

impl Binder<'_> {
    /// A common table expression of a recursive WITH, which may read itself.
    pub(super) fn perhaps_recursive(&mut self, cte: &ast::Cte, name: &Arc<str>) -> Result<Block, Error> {
        let (hints, warnings, usage) = (self.hints.len(), self.warnings.len(), self.rw.usage.clone());
        let (names, ctes) = (self.cte_names.len(), self.ctes.len());
        self.cte_names.push(CteName { name: Arc::clone(name), index: NOWHERE, columns: vec![] });
        let outcome = self.query(&cte.query);
        self.cte_names.truncate(names);
        match outcome {
            Err(Error::RecursiveReference(found)) if found.eq_ignore_ascii_case(name) => {}
            outcome => return outcome,
        }
        // Whatever was noted on the way is noted again.
        self.hints.truncate(hints);
        self.warnings.truncate(warnings);
        self.ctes.truncate(ctes);
        self.rw.usage = usage;
        let block = self.recursive(cte, name);
        self.cte_names.truncate(names);
        block
    }

    /// Whether an expression's name may stand for it by now.
    pub(super) fn readable(&self, cte: &CteName) -> Result<(), Error> {
        if cte.index == NOWHERE { Err(Error::RecursiveReference(cte.name.to_string())) } else { Ok(()) }
    }

    fn recursive(&mut self, cte: &ast::Cte, name: &Arc<str>) -> Result<Block, Error> {
        let query = &cte.query;
        let fault = |fault| Error::Recursion { name: name.to_string(), fault };
        if let Some(with) = &query.with {
            self.with(with)?;
        }
        if query.order_by.is_some() {
            return Err(not_supported("ORDER BY over UNION in recursive Common Table Expression"));
        }
        let mut parts = Vec::new();
        let mut rest = &*query.body;
        while let SetExpr::SetOperation { left, op, set_quantifier, right } = rest {
            if !matches!(op, SetOperator::Union) {
                return Err(not_supported(&format!("{op} in recursive Common Table Expression")));
            }
            parts.push((&**right, matches!(set_quantifier, SetQuantifier::All)));
            rest = left;
        }
        if parts.is_empty() {
            return Err(fault(RecursionFault::NoUnion));
        }
        // The seed: as long as nothing reads the expression itself.
        let names = self.cte_names.len();
        self.cte_names.push(CteName { name: Arc::clone(name), index: NOWHERE, columns: vec![] });
        let mut seed = match self.set_expr(rest, &[]) {
            Err(Error::RecursiveReference(_)) => return Err(fault(RecursionFault::NoSeed)),
            first => first?,
        };
        let mut step_begins = false;
        while let Some((part, all)) = parts.pop() {
            match self.set_expr(part, &[]) {
                Err(Error::RecursiveReference(_)) => {
                    parts.push((part, all));
                    step_begins = true;
                    break;
                }
                more => seed = self.union(seed, more?, all)?,
            }
        }
        if !step_begins {
            return Err(Error::Internal("a recursive expression reads itself".into()));
        }
        self.cte_names.truncate(names);
        let seed_types: Vec<SqlType> =
            seed.output.iter().map(|o| grown(&self.columns.ty(o.id).sql)).collect();
        let seed = self.cast_block(seed, &seed_types);
        let distinct = parts.iter().any(|(_, all)| !all);
        // What a round is made of, and the whole: the same columns.
        let output: Vec<OutputColumn> = seed
            .output
            .iter()
            .map(|o| {
                let ty = ColumnType { sql: self.columns.ty(o.id).sql.clone(), nullable: true };
                OutputColumn { id: self.columns.add_computed(o.name.clone(), ty), name: o.name.clone() }
            })
            .collect();
        let columns: Vec<ColumnId> = output.iter().map(|o| o.id).collect();
        self.ctes.push(Plan::Values { rows: vec![], columns: columns.clone() });
        let working = self.ctes.len() - 1;
        let shown = renamed(&output, &cte.alias.columns, name)?;
        self.cte_names.push(CteName { name: Arc::clone(name), index: working, columns: shown });
        let mut step: Option<Block> = None;
        while let Some((part, _)) = parts.pop() {
            refuse(part)?;
            let block = self.set_expr(part, &[])?;
            check(&block.plan, working).map_err(fault)?;
            if block.output.len() != output.len() {
                return Err(Error::UnionColumnCount);
            }
            let block = self.cast_block(block, &seed_types);
            step = Some(match step {
                None => block,
                Some(step) => self.union(step, block, true)?,
            });
        }
        self.cte_names.truncate(names);
        let Some(step) = step else { return Err(fault(RecursionFault::NoSeed)) };
        let rounds_max = match self.cx.session.variables.system("cte_max_recursion_depth", false) {
            Some(Datum::Int(n)) => u64::try_from(n).unwrap_or(0),
            Some(Datum::UInt(n)) => n,
            _ => ROUNDS_MAX,
        };
        let ids = |block: &Block| block.output.iter().map(|o| o.id).collect::<Vec<_>>();
        let (mut all, mut keys) = (columns.clone(), columns.clone());
        let inputs = match distinct {
            false => [seed, step].map(|block| (ids(&block), block.plan)).map(|(ids, plan)| (plan, ids)),
            true => {
                let (seed, step) = (self.with_keys(seed), self.with_keys(step));
                for (at, &own) in seed.keys.iter().enumerate() {
                    if own >= columns.len() {
                        let ty = self.columns.ty(seed.ids[own]).clone();
                        keys[at] =
                            self.columns.add_computed("order key", ColumnType { nullable: true, ..ty });
                        all.push(keys[at]);
                    }
                }
                [seed, step].map(|keyed| (keyed.plan, keyed.ids))
            }
        };
        let mut recursion =
            Recursion { working, distinct: distinct.then_some(keys), rounds_max, rows_max: None };
        let union =
            |recursion| Plan::Union { inputs: inputs.into(), columns: all, recursion: Some(recursion) };
        let plan = match &query.limit_clause {
            None => union(recursion),
            Some(limit) => {
                // So many rows are enough, and a recursion that has no end ends with them.
                let nothing = Plan::Values { rows: vec![], columns: columns.clone() };
                let Plan::Limit { offset, count, .. } = self.limit(nothing, limit)? else {
                    return Err(Error::Internal("LIMIT limits".into()));
                };
                recursion.rows_max = count.map(|count| count.saturating_add(offset));
                Plan::Limit { input: Box::new(union(recursion)), offset, count }
            }
        };
        Ok(Block { plan, output })
    }
}

impl Binder<'_> {
    /// The rows, with a column more for each that is compared by something else than its values.
    fn with_keys(&mut self, block: Block) -> Keyed {
        let mut ids: Vec<ColumnId> = block.output.iter().map(|o| o.id).collect();
        let mut keys: Vec<usize> = (0..ids.len()).collect();
        let mut exprs: Vec<(ColumnId, Expr)> = Vec::new();
        for key in &mut keys {
            let column = self.column(ids[*key]);
            let ordered = match column.ty().sql == SqlType::Json {
                true => order_key_of(column.clone()),
                false => collate::ordered_by(column.clone()),
            };
            if ordered != column {
                *key = ids.len();
                ids.push(self.columns.add_computed("order key", ordered.ty().clone()));
                exprs.push((ids[*key], ordered));
            }
        }
        if exprs.is_empty() {
            return Keyed { plan: block.plan, ids, keys };
        }
        exprs.extend(block.plan.columns().into_iter().map(|id| (id, self.column(id))));
        Keyed { plan: Plan::Project { input: Box::new(block.plan), exprs }, ids, keys }
    }
}

/// Rows with what they are compared by.
struct Keyed {
    plan: Plan,
    /// The columns, and then what some of them are compared by.
    ids: Vec<ColumnId>,
    /// For each column where that is.
    keys: Vec<usize>,
}

/// The type in which a column of the first rows lives on.
fn grown(ty: &SqlType) -> SqlType {
    match ty {
        SqlType::Char(n, collation) | SqlType::VarChar(n, collation) => {
            SqlType::VarChar(TEXT_CHARS.max(*n), *collation)
        }
        // (Literals of bytes are of type BIT.)
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Bit(_) => SqlType::VarBinary(BYTES),
        SqlType::Enum(_) | SqlType::Set(_) => SqlType::VarChar(TEXT_CHARS, Collation::default()),
        other => other.clone(),
    }
}

/// What may not stand in a step.
fn refuse(part: &SetExpr) -> Result<(), Error> {
    let refused = match part {
        SetExpr::Select(select) => select.distinct.is_some(),
        SetExpr::Query(query) => {
            refuse(&query.body)?;
            query.order_by.is_some() || query.limit_clause.is_some()
        }
        _ => false,
    };
    if refused {
        let what = "ORDER BY / LIMIT / SELECT DISTINCT in recursive query block of Common Table Expression";
        return Err(not_supported(what));
    }
    let grouped =
        |select: &ast::Select| !matches!(&select.group_by, GroupByExpr::Expressions(e, _) if e.is_empty());
    match part {
        SetExpr::Select(select) if grouped(select) => {
            Err(not_supported("GROUP BY in recursive query block of Common Table Expression"))
        }
        _ => Ok(()),
    }
}

/// Whether a step reads the working table once and where it may.
fn check(step: &Plan, working: usize) -> Result<(), RecursionFault> {
    let mut readers = 0;
    step.walk(&mut |node| {
        readers += usize::from(matches!(node, Plan::CteScan { cte, .. } if *cte == working))
    });
    match readers {
        // One of the rows to begin with, behind a step.
        0 => return Err(RecursionFault::NoSeed),
        1 => {}
        _ => return Err(RecursionFault::ReferencedTwice),
    }
    place(step, working)
}

/// Looks for the working table below.
fn place(plan: &Plan, working: usize) -> Result<(), RecursionFault> {
    let reads = |plan: &Plan| {
        let mut found = false;
        plan.walk(&mut |node| found |= matches!(node, Plan::CteScan { cte, .. } if *cte == working));
        found
    };
    match plan {
        Plan::Aggregate { input, .. } | Plan::Window { input, .. } if reads(input) => {
            Err(RecursionFault::Aggregates)
        }
        Plan::Join(join) | Plan::Apply { join, .. } if join.kind != JoinKind::Inner && reads(&join.right) => {
            Err(match (plan, join.kind) {
                (Plan::Join(_), JoinKind::Left) => RecursionFault::FarSide,
                _ => RecursionFault::ReferencedTwice,
            })
        }
        other => other.children().into_iter().try_for_each(|child| place(child, working)),
    }
}

//! GROUP BY … WITH ROLLUP, and GROUPING().
//!
//! `GROUP BY a, b WITH ROLLUP` groups by (a, b), by (a), and everything together, one after another in one answer. Every row
//! counts in three groups, so it is repeated three times before the grouping: the input is joined with the levels 0, 1 and 2,
//! how many of the keys still stand, and a key that does not stand is NULL there. The level is a key itself, for a NULL of the
//! table is another group than a NULL that stands for all:
//!
//! ```text
//! Aggregate  by a', b', level
//!   Project  a' = IF(level > 0, a, NULL), b' = IF(level > 1, b, NULL), all else
//!     Join   with Values (0), (1), (2)
//! ```
//!
//! What is above sees a' where it names a; the arguments of aggregates still see a, as in MySQL. GROUPING(a, b) is a number with
//! a bit for each argument, the last one lowest, which is set if it stands for all; it is made of the level above the grouping.
//! TiDB has an operator for the repetition, `Expand`; a join with a handful of rows does the same work.
//!
//! Left out: `GROUP BY ROLLUP(a, b)`, CUBE and GROUPING SETS, which MySQL has not either.

use allod_storage::schema::{ColumnType, Datum, SqlType};
use sqlparser::ast;

use super::binder::Binder;
use super::scope::Clause;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::{Expr, Function};
use crate::logical::{Join, JoinKind, Plan};

/// Arguments that GROUPING may have: as many as its number has bits.
const GROUPING_MAX: usize = 64;

/// A call of GROUPING: the column that holds its number, and its arguments.
pub(super) type GroupingCall = (ColumnId, Vec<Expr>);

impl Binder<'_> {
    /// `GROUPING(a, …)`: a column that comes to be above the grouping.
    pub(super) fn grouping_call(&mut self, args: &[&ast::Expr]) -> Result<Expr, Error> {
        if args.is_empty() || args.len() > GROUPING_MAX {
            return Err(Error::ArgumentCount("GROUPING".into()));
        }
        // Its column comes to be above the grouping, and nowhere else.
        let scope = self.scope();
        if !scope.rolls_up || scope.in_aggregate || scope.clause == Clause::Group {
            return Err(Error::InvalidAggregate);
        }
        let args: Vec<Expr> = args.iter().map(|e| self.expr(e)).collect::<Result<_, Error>>()?;
        let known = self.scope().groupings.iter().find(|(_, known)| *known == args).map(|(id, _)| *id);
        let id = match known {
            Some(id) => id,
            None => {
                let ty = ColumnType { sql: SqlType::BIGINT, nullable: false };
                let id = self.columns.add_computed("grouping", ty);
                self.scope().groupings.push((id, args));
                id
            }
        };
        Ok(self.column(id))
    }

    /// The input with every row as often as there are groups for it. Returns the keys as they are there, each with what it is
    /// called where it stands, and the level.
    pub(super) fn rolled_up(
        &mut self,
        input: Plan,
        keys: Vec<(ColumnId, Expr)>,
    ) -> (Plan, Vec<(ColumnId, Expr)>, ColumnId) {
        let level = self.columns.add_computed("level", ColumnType { sql: SqlType::BIGINT, nullable: false });
        let number = |n: usize| Expr::constant(Datum::Int(n as i64), SqlType::BIGINT);
        let levels =
            Plan::Values { rows: (0..=keys.len()).map(|n| vec![number(n)]).collect(), columns: vec![level] };
        let mut exprs: Vec<(ColumnId, Expr)> =
            input.columns().into_iter().map(|id| (id, self.column(id))).collect();
        let (left, right) = (Box::new(input), Box::new(levels));
        let input = Plan::Join(Join {
            kind: JoinKind::Inner,
            left,
            right,
            on: vec![],
            null_aware: vec![],
            mirrored: false,
        });
        exprs.push((level, self.column(level)));
        let mut rolled = Vec::with_capacity(keys.len());
        for (at, (id, key)) in keys.into_iter().enumerate() {
            let ty = ColumnType { nullable: true, ..key.ty().clone() };
            let nothing = Expr::constant(Datum::Null, ty.sql.clone());
            let stands = self.stands(level, at);
            let value = Expr::call(Function::If, vec![stands, key.clone(), nothing], ty.clone());
            let info = crate::column::ColumnInfo { ty, ..self.columns.get(id).clone() };
            let own = self.columns.add(info);
            exprs.push((own, value));
            rolled.push((own, key));
        }
        (Plan::Project { input: Box::new(input), exprs }, rolled, level)
    }

    /// Whether the key of this place stands at a level.
    fn stands(&self, level: ColumnId, at: usize) -> Expr {
        let args = vec![self.column(level), Expr::constant(Datum::Int(at as i64), SqlType::BIGINT)];
        Expr::call(Function::Gt, args, ColumnType { sql: SqlType::BOOL, nullable: false })
    }

    /// The numbers of GROUPING above a grouping by these keys; 3602 if an argument is none of them.
    pub(super) fn grouping_numbers(
        &self,
        plan: Plan,
        calls: Vec<GroupingCall>,
        keys: &[(ColumnId, Expr)],
        level: ColumnId,
    ) -> Result<Plan, Error> {
        if calls.is_empty() {
            return Ok(plan);
        }
        let ty = || ColumnType { sql: SqlType::BIGINT, nullable: false };
        let number = |n: i64| Expr::constant(Datum::Int(n), SqlType::BIGINT);
        let mut exprs: Vec<(ColumnId, Expr)> =
            plan.columns().into_iter().map(|id| (id, self.column(id))).collect();
        for (id, args) in calls {
            let mut sum: Option<Expr> = None;
            for (at, arg) in args.iter().enumerate() {
                let place = keys.iter().position(|(_, key)| key == arg).ok_or(Error::GroupingOfNoKey(at))?;
                // The bit of argument `at`.
                let bit = 1u64 << (args.len() - 1 - at);
                let choice = vec![self.stands(level, place), number(0), number(bit.cast_signed())];
                let bit = Expr::call(Function::If, choice, ty());
                sum = Some(match sum {
                    None => bit,
                    Some(sum) => Expr::call(Function::Plus, vec![sum, bit], ty()),
                });
            }
            exprs.extend(sum.map(|sum| (id, sum)));
        }
        Ok(Plan::Project { input: Box::new(plan), exprs })
    }
}

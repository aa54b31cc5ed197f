//! Window functions: `f(…) OVER (PARTITION BY … ORDER BY … frame)`.
//!
//! Like an aggregate, a window function is a column that does not exist yet when the select list is bound. Its arguments
//! and its window may hold aggregates, so its place is above the grouping and HAVING, and below DISTINCT, ORDER BY and
//! LIMIT. Functions over the same partitions and order share one [`Plan::Window`] above one sort:
//!
//! ```text
//! select a, sum(count(*)) over (partition by a order by b), rank() over w from t group by a, b window w as (order by a)
//!   Project
//!     Window rank()          order by a
//!       Sort a
//!         Window sum(count)  partition by a, order by b
//!           Sort a, b
//!             Aggregate a, b
//! ```
//!
//! `RANGE n PRECEDING` becomes an expression that the key of ORDER BY is compared with, `key - n`, so that dates and
//! intervals need nothing of their own below. Left out: GROUPS and EXCLUDE, which MySQL lacks too; DISTINCT in a window,
//! FROM LAST and IGNORE NULLS, which MySQL parses and refuses.

use sqlparser::ast::{
    self, DuplicateTreatment, FunctionArg, FunctionArgExpr, FunctionArguments, NamedWindowExpr,
    NullTreatment, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::aggregate::aggregate_function;
use super::binder::Binder;
use super::expression::{not_supported, unnested};
use super::scope::Clause;
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::collate;
use crate::expr::{
    AggregateFunction, Bound, Exact, Expr, Family, Frame, Function, WindowCall, WindowFunction, types,
};
use crate::logical::{Plan, SortKey, Window};

/// What is wrong with a window.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WindowFault {
    /// 3579.
    #[error("window name '{0}' is not defined.")]
    Unknown(String),
    /// 3580.
    #[error("there is a circularity in the window dependency graph.")]
    Circular,
    /// 3581.
    #[error("a window which depends on another cannot define partitioning.")]
    ChildPartitions,
    /// 3582.
    #[error("window '{0}' has a frame definition, so cannot be referenced by another window.")]
    ParentFrame(String),
    /// 3583.
    #[error("window '{child}' cannot inherit '{parent}' since both contain an ORDER BY clause.")]
    TwoOrders {
        /// The window.
        child: String,
        /// The one that it names.
        parent: String,
    },
    /// 3584.
    #[error("window '{0}': frame start cannot be UNBOUNDED FOLLOWING.")]
    FrameStart(String),
    /// 3585.
    #[error("window '{0}': frame end cannot be UNBOUNDED PRECEDING.")]
    FrameEnd(String),
    /// 3586.
    #[error("window '{0}': frame start or end is negative, NULL or of non-integral type")]
    FrameValue(String),
    /// 3587.
    #[error(
        "window '{0}' with RANGE N PRECEDING/FOLLOWING frame requires exactly one ORDER BY expression, of numeric or temporal type"
    )]
    RangeKey(String),
    /// 3588.
    #[error(
        "window '{0}' with RANGE frame has ORDER BY expression of datetime type. Only INTERVAL bound value allowed."
    )]
    RangeOfTime(String),
    /// 3589.
    #[error(
        "window '{0}' with RANGE frame has ORDER BY expression of numeric type, INTERVAL bound value not allowed."
    )]
    RangeOfNumbers(String),
    /// 3591.
    #[error("window '{0}' is defined twice.")]
    Twice(String),
    /// 3593.
    #[error("you cannot use the window function '{0}' in this context.'")]
    Misplaced(String),
    /// 3594.
    #[error("you cannot use the alias '{0}' of an expression containing a window function in this context.'")]
    Alias(String),
    /// 3596.
    #[error("window '{0}': INTERVAL can only be used with RANGE frames.")]
    IntervalOfRows(String),
}

/// A window function that has been bound, and the window it is over.
#[derive(Clone, Debug)]
pub(super) struct BoundWindow {
    pub id: ColumnId,
    pub call: WindowCall,
    pub partition_by: Vec<Expr>,
    pub order_by: Vec<SortKey>,
}

impl BoundWindow {
    /// Replaces every expression by `f` of it.
    pub fn map(&mut self, mut f: impl FnMut(&Expr) -> Result<Expr, Error>) -> Result<(), Error> {
        let keys = self.order_by.iter_mut().map(|key| &mut key.expr);
        for e in self.partition_by.iter_mut().chain(keys).chain(&mut self.call.args) {
            *e = f(e)?;
        }
        let mut failed = None;
        let whole = std::mem::replace(&mut self.call.frame, Frame::whole());
        self.call.frame = whole.map(&mut |e| {
            f(&e).unwrap_or_else(|error| {
                failed = Some(error);
                e
            })
        });
        failed.map_or(Ok(()), Err)
    }
}

/// A window as syntax, with what it inherits.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    /// For errors.
    name: String,
    partition_by: Vec<ast::Expr>,
    order_by: Vec<ast::OrderByExpr>,
    frame: Option<ast::WindowFrame>,
}

/// What a window without a name is called in errors.
const UNNAMED: &str = "<unnamed window>";

impl Binder<'_> {
    /// The WINDOW clause: names that functions of this block may use.
    pub fn named_windows(&mut self, windows: &[ast::NamedWindowDefinition]) -> Result<(), Error> {
        for (at, ast::NamedWindowDefinition(name, _)) in windows.iter().enumerate() {
            if windows[..at].iter().any(|w| w.0.value.eq_ignore_ascii_case(&name.value)) {
                return Err(WindowFault::Twice(name.value.clone()).into());
            }
        }
        let mut named = Vec::with_capacity(windows.len());
        for ast::NamedWindowDefinition(name, _) in windows {
            named.push(resolve(&name.value, windows, 0)?);
        }
        self.scope().windows_named = named;
        Ok(())
    }

    /// A function with OVER.
    pub fn window_function(&mut self, f: &ast::Function, name: &str, e: &ast::Expr) -> Result<Exact, Error> {
        let scope = self.scope();
        let clause = scope.selects && matches!(scope.clause, Clause::Fields | Clause::Order);
        let allowed = clause && !scope.in_aggregate;
        if !allowed || scope.in_window {
            return Err(WindowFault::Misplaced(name.to_ascii_lowercase()).into());
        }
        let FunctionArguments::List(list) = &f.args else { return Err(Error::ArgumentCount(name.into())) };
        if matches!(list.duplicate_treatment, Some(DuplicateTreatment::Distinct)) {
            return Err(not_supported("<window function>(DISTINCT ..)"));
        }
        if f.null_treatment == Some(NullTreatment::IgnoreNulls) {
            return Err(not_supported("IGNORE NULLS"));
        }
        if !list.clauses.is_empty() {
            return Err(not_supported(&format!("'{e}'")));
        }
        let spec = match f.over.as_ref() {
            Some(WindowType::NamedWindow(name)) => self.named(&name.value)?,
            Some(WindowType::WindowSpec(spec)) => self.inline(spec)?,
            None => return Err(Error::Internal("a window function without a window".into())),
        };
        self.scope().in_window = true;
        let mut less = None;
        let bound = self.bind_window(name, &list.args, &spec, &mut less);
        self.scope().in_window = false;
        let (mut call, partition_by, order_by) = bound?;
        // The least text is that with the least key, which then has its text behind it.
        let mut shown = None;
        if let WindowFunction::Aggregate(AggregateFunction::Min | AggregateFunction::Max) = call.function
            && let Some(arg) = call.args.pop()
        {
            let (arg, ty) = collate::keyed(arg);
            if ty.is_some() {
                call.ty.sql = arg.ty().sql.clone();
            }
            call.args.push(arg);
            shown = ty;
        }
        let result = |column: Expr| match (shown, less) {
            (Some(ty), _) => collate::unkeyed(column, ty).into(),
            (None, Some(less)) => Exact::new(column, &less),
            (None, None) => column.into(),
        };
        let same = |known: &&BoundWindow| {
            known.call == call && known.partition_by == partition_by && known.order_by == order_by
        };
        if let Some(id) = self.scope().windows.iter().find(same).map(|known| known.id) {
            return Ok(result(self.column(id)));
        }
        let id = self.columns.add_computed(e.to_string(), call.ty.clone());
        self.scope().windows.push(BoundWindow { id, call, partition_by, order_by });
        Ok(result(self.column(id)))
    }

    fn named(&mut self, name: &str) -> Result<Spec, Error> {
        let found = self.scope().windows_named.iter().find(|w| w.name.eq_ignore_ascii_case(name)).cloned();
        found.ok_or_else(|| WindowFault::Unknown(name.into()).into())
    }

    fn inline(&mut self, spec: &WindowSpec) -> Result<Spec, Error> {
        let parent = match &spec.window_name {
            Some(parent) => Some(self.named(&parent.value)?),
            None => None,
        };
        inherit(UNNAMED, spec, parent)
    }

    fn bind_window(
        &mut self,
        name: &str,
        args: &[FunctionArg],
        spec: &Spec,
        shown: &mut Option<SqlType>,
    ) -> Result<(WindowCall, Vec<Expr>, Vec<SortKey>), Error> {
        let mut partition_by = Vec::with_capacity(spec.partition_by.len());
        for e in &spec.partition_by {
            let bound = collate::ordered_by(self.expr(e)?);
            if !matches!(bound, Expr::Constant { .. }) {
                partition_by.push(bound);
            }
        }
        let mut order_by: Vec<SortKey> = Vec::with_capacity(spec.order_by.len());
        for item in &spec.order_by {
            let expr = collate::ordered_by(self.expr(&item.expr)?);
            if !matches!(expr, Expr::Constant { .. }) && !order_by.iter().any(|key| key.expr == expr) {
                order_by.push(SortKey { expr, descending: item.options.asc == Some(false) });
            }
        }
        let frame = self.frame(spec, &order_by)?;
        let mut call = self.window_call(name, args, frame, shown)?;
        if !call.function.has_frame() {
            call.frame = Frame::whole();
        }
        Ok((call, partition_by, order_by))
    }

    /// `shown`: what shows of the result, if it is to have fewer digits.
    fn window_call(
        &mut self,
        name: &str,
        args: &[FunctionArg],
        frame: Frame,
        shown: &mut Option<SqlType>,
    ) -> Result<WindowCall, Error> {
        let star = matches!(args, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]);
        let mut exprs = Vec::with_capacity(args.len());
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => exprs.push(e),
                _ if star => {}
                _ => return Err(Error::ArgumentCount(name.into())),
            }
        }
        if let Some(function) = aggregate_function(name) {
            let function = match (function, star, exprs.len()) {
                (AggregateFunction::Count, true, _) => AggregateFunction::CountAll,
                (AggregateFunction::GroupConcat(_) | AggregateFunction::AnyValue, _, _) => {
                    return Err(not_supported(&format!("{name} as a window function")));
                }
                (_, false, 1) => function,
                _ => return Err(Error::ArgumentCount(name.into())),
            };
            let least = matches!(function, AggregateFunction::Min | AggregateFunction::Max);
            let call = match exprs.as_slice() {
                [number] if function.computes() || least => {
                    let number = self.exact(number)?;
                    match least && !number.hides() {
                        true => self.rw.aggregate(function, vec![number.expr], false),
                        false => {
                            let (call, less) = self.rw.exact_aggregate(function, number, false);
                            *shown = less;
                            call
                        }
                    }
                }
                exprs => {
                    let args = exprs.iter().map(|e| self.expr(e)).collect::<Result<Vec<Expr>, Error>>()?;
                    self.rw.aggregate(function, args, false)
                }
            };
            // A frame may be empty.
            let never_null = matches!(function, AggregateFunction::CountAll | AggregateFunction::Count);
            let ty = ColumnType { nullable: !never_null && call.ty.nullable, ..call.ty };
            let function = WindowFunction::Aggregate(function);
            return Ok(WindowCall { function, args: call.args, frame, ty });
        }
        let wrong_count = || Error::ArgumentCount(name.into());
        let count = |unsigned| {
            ColumnType::not_null(if unsigned { SqlType::BIGINT_UNSIGNED } else { SqlType::BIGINT })
        };
        let plain = |function, ty| WindowCall { function, args: vec![], frame: Frame::whole(), ty };
        let (function, ty) = match (name, exprs.as_slice()) {
            ("ROW_NUMBER", []) => (WindowFunction::RowNumber, count(true)),
            ("RANK", []) => (WindowFunction::Rank, count(true)),
            ("DENSE_RANK", []) => (WindowFunction::DenseRank, count(true)),
            ("PERCENT_RANK", []) => (WindowFunction::PercentRank, ColumnType::not_null(SqlType::Double)),
            ("CUME_DIST", []) => (WindowFunction::CumeDist, ColumnType::not_null(SqlType::Double)),
            ("NTILE", [n]) => (WindowFunction::Ntile(self.positive(n, "ntile", 1)?), count(true)),
            ("LAG" | "LEAD", [x, rest @ ..]) if rest.len() <= 2 => {
                let n = rest.first().map_or(Ok(1), |n| self.positive(n, &name.to_ascii_lowercase(), 0))?;
                let mut args = vec![self.expr(x)?];
                if let Some(default) = rest.get(1) {
                    args.push(self.expr(default)?);
                }
                let (args, sql) = self.rw.unify(args);
                let nullable = args.len() < 2 || args.iter().any(|a| a.ty().nullable);
                let function = if name == "LAG" { WindowFunction::Lag(n) } else { WindowFunction::Lead(n) };
                return Ok(WindowCall { function, args, frame, ty: ColumnType { sql, nullable } });
            }
            ("FIRST_VALUE" | "LAST_VALUE", [x]) => {
                let x = self.expr(x)?;
                let ty = ColumnType { nullable: true, ..x.ty().clone() };
                let function = if name == "FIRST_VALUE" {
                    WindowFunction::FirstValue
                } else {
                    WindowFunction::LastValue
                };
                return Ok(WindowCall { function, args: vec![x], frame, ty });
            }
            ("NTH_VALUE", [x, n]) => {
                let n = self.positive(n, "nth_value", 1)?;
                let x = self.expr(x)?;
                let ty = ColumnType { nullable: true, ..x.ty().clone() };
                return Ok(WindowCall { function: WindowFunction::NthValue(n), args: vec![x], frame, ty });
            }
            (name, _) if is_window_function(name) => return Err(wrong_count()),
            _ => {
                let message = format!("'{name}' is no window function");
                return Err(Error::syntax(message, None));
            }
        };
        Ok(plain(function, ty))
    }

    /// A constant count of at least `least`.
    fn positive(&mut self, e: &ast::Expr, function: &str, least: u64) -> Result<u64, Error> {
        let wrong = || Error::BadArguments(function.into());
        match self.constant(e, function)? {
            Datum::Int(n) => u64::try_from(n).ok().filter(|n| *n >= least).ok_or_else(wrong),
            Datum::UInt(n) if n >= least => Ok(n),
            _ => Err(wrong()),
        }
    }

    fn frame(&mut self, spec: &Spec, order_by: &[SortKey]) -> Result<Frame, Error> {
        let Some(frame) = &spec.frame else { return Ok(Frame::default_of(!order_by.is_empty())) };
        let rows = match frame.units {
            WindowFrameUnits::Rows => true,
            WindowFrameUnits::Range => false,
            WindowFrameUnits::Groups => return Err(not_supported("GROUPS")),
        };
        let end = frame.end_bound.as_ref().unwrap_or(&WindowFrameBound::CurrentRow);
        if matches!(frame.start_bound, WindowFrameBound::Following(None)) {
            return Err(WindowFault::FrameStart(spec.name.clone()).into());
        }
        if matches!(end, WindowFrameBound::Preceding(None)) {
            return Err(WindowFault::FrameEnd(spec.name.clone()).into());
        }
        let backwards = match (&frame.start_bound, end) {
            (WindowFrameBound::CurrentRow, WindowFrameBound::Preceding(_)) => true,
            (WindowFrameBound::Following(_), end) => !matches!(end, WindowFrameBound::Following(_)),
            _ => false,
        };
        if backwards {
            return Err(WindowFault::FrameValue(spec.name.clone()).into());
        }
        // In a type that every bound has: the second bound may widen it, and then the first one is cast again.
        let mut key = order_by.first().map(|key| key.expr.clone());
        let start = self.bound(spec, &frame.start_bound, rows, order_by, &mut key)?;
        let end = self.bound(spec, end, rows, order_by, &mut key)?;
        let by_value = matches!(start, Bound::Value(_)) || matches!(end, Bound::Value(_));
        let cast = |bound: Bound, b: &mut Self, key: &Expr| match bound {
            Bound::Value(e) => Bound::Value(b.rw.cast(e, &key.ty().sql)),
            other => other,
        };
        let key = key.filter(|_| by_value);
        Ok(match &key {
            Some(known) => {
                let (start, end) = (cast(start, self, known), cast(end, self, known));
                Frame { rows, start, end, key }
            }
            None => Frame { rows, start, end, key: None },
        })
    }

    fn bound(
        &mut self,
        spec: &Spec,
        bound: &WindowFrameBound,
        rows: bool,
        order_by: &[SortKey],
        key: &mut Option<Expr>,
    ) -> Result<Bound, Error> {
        let name = || spec.name.clone();
        let (e, preceding) = match bound {
            WindowFrameBound::CurrentRow => return Ok(Bound::Current),
            WindowFrameBound::Preceding(None) => return Ok(Bound::First),
            WindowFrameBound::Following(None) => return Ok(Bound::Last),
            WindowFrameBound::Preceding(Some(e)) => (&**e, true),
            WindowFrameBound::Following(Some(e)) => (&**e, false),
        };
        let interval = match unnested(e) {
            ast::Expr::Interval(interval) => Some(interval),
            _ => None,
        };
        if rows {
            if interval.is_some() {
                return Err(WindowFault::IntervalOfRows(name()).into());
            }
            let n = match self.constant(e, "ROWS")? {
                Datum::Int(n) => u64::try_from(n).ok(),
                Datum::UInt(n) => Some(n),
                _ => None,
            };
            let n = n.ok_or_else(|| WindowFault::FrameValue(name()))?;
            let n = i64::try_from(n).unwrap_or(i64::MAX);
            return Ok(Bound::Row(if preceding { -n } else { n }));
        }
        let [SortKey { expr, descending }] = order_by else {
            return Err(WindowFault::RangeKey(name()).into());
        };
        // What comes before has smaller keys, or greater ones if the order descends.
        let minus = preceding != *descending;
        let family = Family::of(&expr.ty().sql);
        let value = match (family, interval) {
            (Family::Date | Family::DateTime | Family::Time, Some(interval)) => {
                self.add_interval(expr.clone(), interval, minus)?
            }
            (Family::Date | Family::DateTime | Family::Time, None) => {
                return Err(WindowFault::RangeOfTime(name()).into());
            }
            (Family::Int | Family::UInt | Family::Decimal | Family::Double, Some(_)) => {
                return Err(WindowFault::RangeOfNumbers(name()).into());
            }
            (Family::Int | Family::UInt | Family::Decimal | Family::Double, None) => {
                let n = self.constant(e, "RANGE")?;
                if n.is_null() || n.as_f64().is_none_or(|n| n < 0.0) {
                    return Err(WindowFault::FrameValue(name()).into());
                }
                let n = crate::expr::literal::datum(n);
                // No difference of decimals of 20 digits overflows, whatever sign the key has.
                let exact = types::decimal(20, 0);
                let whole = matches!(family, Family::Int | Family::UInt);
                let from = if whole { self.rw.cast(expr.clone(), &exact) } else { expr.clone() };
                self.rw.arithmetic(if minus { Function::Minus } else { Function::Plus }, from, n)
            }
            _ => return Err(WindowFault::RangeKey(name()).into()),
        };
        let before = key.take().unwrap_or_else(|| expr.clone());
        let (mut both, _) = self.rw.unify(vec![before, value]);
        let (Some(value), Some(common)) = (both.pop(), both.pop()) else {
            return Err(Error::Internal("two values have no common type".into()));
        };
        *key = Some(common);
        Ok(Bound::Value(value))
    }

    /// Puts the windows above a plan, those that share partitions and order together.
    pub fn attach_windows(&self, mut plan: Plan, windows: Vec<BoundWindow>) -> Plan {
        let mut groups: Vec<Window> = Vec::new();
        for BoundWindow { id, call, partition_by, order_by } in windows {
            let same = |w: &&mut Window| w.partition_by == partition_by && w.order_by == order_by;
            match groups.iter_mut().find(same) {
                Some(window) => window.calls.push((id, call)),
                None => groups.push(Window { partition_by, order_by, calls: vec![(id, call)] }),
            }
        }
        for window in groups {
            let partitions =
                window.partition_by.iter().cloned().map(|expr| SortKey { expr, descending: false });
            let mut keys: Vec<SortKey> = Vec::new();
            for key in partitions.chain(window.order_by.iter().cloned()) {
                if !keys.iter().any(|known| known.expr == key.expr) {
                    keys.push(key);
                }
            }
            if !keys.is_empty() {
                plan = Plan::Sort { input: Box::new(plan), keys };
            }
            plan = Plan::Window { input: Box::new(plan), window };
        }
        plan
    }
}

/// Whether it is a function that there is with OVER only.
pub(super) fn is_window_function(name: &str) -> bool {
    matches!(
        name,
        "ROW_NUMBER"
            | "RANK"
            | "DENSE_RANK"
            | "PERCENT_RANK"
            | "CUME_DIST"
            | "NTILE"
            | "LAG"
            | "LEAD"
            | "FIRST_VALUE"
            | "LAST_VALUE"
            | "NTH_VALUE"
    )
}

/// A window of the WINDOW clause with what it inherits; `depth` = how many windows lead here.
fn resolve(name: &str, all: &[ast::NamedWindowDefinition], depth: usize) -> Result<Spec, Error> {
    let found = all.iter().find(|w| w.0.value.eq_ignore_ascii_case(name));
    let Some(ast::NamedWindowDefinition(own, definition)) = found else {
        return Err(WindowFault::Unknown(name.into()).into());
    };
    // One that leads through more windows than there are meets one twice.
    if depth > all.len() {
        return Err(WindowFault::Circular.into());
    }
    match definition {
        NamedWindowExpr::NamedWindow(parent) => {
            Ok(Spec { name: own.value.clone(), ..resolve(&parent.value, all, depth + 1)? })
        }
        NamedWindowExpr::WindowSpec(spec) => {
            let parent = match &spec.window_name {
                Some(parent) => Some(resolve(&parent.value, all, depth + 1)?),
                None => None,
            };
            inherit(&own.value, spec, parent)
        }
    }
}

fn inherit(name: &str, spec: &WindowSpec, parent: Option<Spec>) -> Result<Spec, Error> {
    let WindowSpec { partition_by, order_by, window_frame, .. } = spec.clone();
    let Some(parent) = parent else {
        return Ok(Spec { name: name.into(), partition_by, order_by, frame: window_frame });
    };
    if !partition_by.is_empty() {
        return Err(WindowFault::ChildPartitions.into());
    }
    if parent.frame.is_some() {
        return Err(WindowFault::ParentFrame(parent.name).into());
    }
    if !order_by.is_empty() && !parent.order_by.is_empty() {
        return Err(WindowFault::TwoOrders { child: name.into(), parent: parent.name }.into());
    }
    let order_by = if order_by.is_empty() { parent.order_by } else { order_by };
    Ok(Spec { name: name.into(), partition_by: parent.partition_by, order_by, frame: window_frame })
}

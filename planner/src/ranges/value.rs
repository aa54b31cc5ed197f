//! The values that predicates leave to one column.

use std::cmp::Ordering;

use allod_storage::schema::{ColumnType, Datum};

use super::place::{Place, place, subject};
use crate::column::ColumnId;
use crate::expr::{Expr, Function};
use crate::stats::histogram::Interval;
use crate::stats::selectivity::like_prefix;

/// Members of NOT IN that become the ends of intervals; more are left to a filter.
const EXCLUDED_MAX: usize = 64;

/// The values that a column may have: sorted, disjoint intervals.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ValueSet {
    pub(crate) intervals: Vec<Interval>,
}

impl ValueSet {
    fn none() -> ValueSet {
        ValueSet { intervals: vec![] }
    }

    fn of(interval: Interval) -> ValueSet {
        ValueSet { intervals: if interval.is_empty() { vec![] } else { vec![interval] } }
    }

    fn point(value: Datum) -> ValueSet {
        ValueSet::of(Interval { low: Some((value.clone(), true)), high: Some((value, true)) })
    }

    pub(crate) fn intersect(&self, other: &ValueSet) -> ValueSet {
        let pairs = self.intervals.iter().flat_map(|a| other.intervals.iter().map(move |b| (a, b)));
        let both = pairs.map(|(a, b)| {
            let mut out = a.clone();
            if let Some((value, inclusive)) = &b.low {
                out.above(value.clone(), *inclusive);
            }
            if let Some((value, inclusive)) = &b.high {
                out.below(value.clone(), *inclusive);
            }
            out
        });
        ValueSet { intervals: both.filter(|i| !i.is_empty()).collect() }
    }

    fn union(sets: impl IntoIterator<Item = ValueSet>) -> ValueSet {
        let mut intervals: Vec<Interval> = sets.into_iter().flat_map(|s| s.intervals).collect();
        intervals.sort_by(|a, b| compare_low(&a.low, &b.low));
        let mut out: Vec<Interval> = Vec::with_capacity(intervals.len());
        for next in intervals {
            match out.last_mut() {
                Some(last) if touches(&last.high, &next.low) => {
                    if compare_high(&next.high, &last.high) == Ordering::Greater {
                        last.high = next.high;
                    }
                }
                Some(_) | None => out.push(next),
            }
        }
        ValueSet { intervals: out }
    }

    /// The values, if every interval is one value.
    pub(crate) fn points(&self) -> Option<Vec<&Datum>> {
        self.intervals.iter().map(Interval::point).collect()
    }
}

type Bound = Option<(Datum, bool)>;

fn compare_low(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        // An included bound begins earlier than an excluded one.
        (Some((a, a_in)), Some((b, b_in))) => a.compare(b).then(b_in.cmp(a_in)),
    }
}

fn compare_high(a: &Bound, b: &Bound) -> Ordering {
    match (a, b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some((a, a_in)), Some((b, b_in))) => a.compare(b).then(a_in.cmp(b_in)),
    }
}

/// Whether an interval that begins at `low` overlaps or adjoins one that ends at `high`.
fn touches(high: &Bound, low: &Bound) -> bool {
    match (high, low) {
        (None, _) | (_, None) => true,
        (Some((high, high_in)), Some((low, low_in))) => match high.compare(low) {
            Ordering::Greater => true,
            Ordering::Equal => *high_in || *low_in,
            Ordering::Less => false,
        },
    }
}

/// What predicates say of one column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ColumnValues {
    /// Every value for which the predicates can hold.
    pub(crate) values: ValueSet,
    /// The conjuncts that say something.
    pub(crate) used: Vec<usize>,
    /// Those of them that hold for each of these values, and need not be checked again.
    pub(crate) exact: Vec<usize>,
}

impl ColumnValues {
    /// What they say of the first `length` characters or bytes of a column: every beginning of a value, and nothing for sure.
    pub(super) fn of_beginnings(self, length: u32) -> ColumnValues {
        let begin = |bound: Bound| {
            bound.map(|(value, inclusive)| match value {
                Datum::Null => (value, inclusive),
                value => (beginning(value, length), true),
            })
        };
        let of = |i: Interval| ValueSet::of(Interval { low: begin(i.low), high: begin(i.high) });
        let values = ValueSet::union(self.values.intervals.into_iter().map(of));
        ColumnValues { values, exact: vec![], ..self }
    }
}

/// The first characters or bytes of a value.
fn beginning(value: Datum, length: u32) -> Datum {
    let length = length as usize;
    match &value {
        Datum::String(text) => match text.char_indices().nth(length) {
            Some((end, _)) => Datum::string(&text[..end]),
            None => value,
        },
        Datum::Bytes(bytes) if bytes.len() > length => Datum::Bytes(bytes[..length].into()),
        _ => value,
    }
}

/// The values that the conjuncts together leave to a column; `None` if they say nothing of it.
pub(crate) fn about_column<'e>(
    conjuncts: impl IntoIterator<Item = &'e Expr>,
    column: ColumnId,
    ty: &ColumnType,
) -> Option<ColumnValues> {
    let mut found: Option<ColumnValues> = None;
    for (i, e) in conjuncts.into_iter().enumerate() {
        let Some(said) = said(e, column, ty) else { continue };
        let known = found.get_or_insert_with(|| ColumnValues {
            values: ValueSet { intervals: vec![Interval::default()] },
            used: vec![],
            exact: vec![],
        });
        known.values = known.values.intersect(&said.values);
        known.used.push(i);
        if said.exact {
            known.exact.push(i);
        }
    }
    found
}

/// The values that the conjuncts leave to a column, and which of them said so.
pub(crate) fn column_values(
    conjuncts: &[Expr],
    column: ColumnId,
    ty: &ColumnType,
) -> Option<(ValueSet, Vec<usize>)> {
    about_column(conjuncts, column, ty).map(|found| (found.values, found.used))
}

/// What one predicate says of the column: the values for which it can hold, and whether it holds for all of them whatever
/// the other columns are.
struct Said {
    values: ValueSet,
    exact: bool,
}

fn said(e: &Expr, column: ColumnId, ty: &ColumnType) -> Option<Said> {
    let Expr::Call { function, args, .. } = e else { return None };
    match function {
        Function::Or => {
            let branches: Vec<Said> = args.iter().map(|a| said(a, column, ty)).collect::<Option<_>>()?;
            let exact = branches.iter().all(|b| b.exact);
            return Some(Said { values: ValueSet::union(branches.into_iter().map(|b| b.values)), exact });
        }
        Function::And => {
            let parts: Vec<Option<Said>> = args.iter().map(|a| said(a, column, ty)).collect();
            let exact = parts.iter().all(|p| p.as_ref().is_some_and(|p| p.exact));
            let known = parts.into_iter().flatten().map(|p| p.values);
            return Some(Said { values: known.reduce(|a, b| a.intersect(&b))?, exact });
        }
        Function::Not => return denied(args.first()?, column, ty),
        _ => {}
    }
    if subject(args.first()?) != Some(column) {
        return None;
    }
    let exactly = |values| Some(Said { values, exact: true });
    match function {
        Function::IsNull => exactly(nulls(ty)),
        Function::NullEq => match constant(args.get(1)?)? {
            Datum::Null => exactly(nulls(ty)),
            value => exactly(equal(value, ty)?),
        },
        Function::Like { escape } if args[0].as_column().is_some() => {
            like(constant(args.get(1)?)?, *escape, ty)
        }
        Function::Eq
        | Function::Ne
        | Function::In
        | Function::Lt
        | Function::Le
        | Function::Gt
        | Function::Ge => exactly(compared(function, &args[1..], ty)?),
        _ => None,
    }
}

fn constant(e: &Expr) -> Option<&Datum> {
    match e {
        Expr::Constant { value, .. } => Some(value),
        Expr::Column { .. } | Expr::Call { .. } => None,
    }
}

fn nulls(ty: &ColumnType) -> ValueSet {
    if ty.nullable { ValueSet::point(Datum::Null) } else { ValueSet::none() }
}

/// Every value but NULL, which sorts below all others and satisfies no comparison.
fn not_null(ty: &ColumnType) -> Interval {
    Interval { low: ty.nullable.then_some((Datum::Null, false)), high: None }
}

/// NOT of a predicate that has no opposite of its own.
fn denied(e: &Expr, column: ColumnId, ty: &ColumnType) -> Option<Said> {
    let Expr::Call { function, args, .. } = e else { return None };
    if subject(args.first()?) != Some(column) {
        return None;
    }
    let values = match function {
        Function::IsNull => ValueSet::of(not_null(ty)),
        // With a NULL among them it is never TRUE.
        Function::In if args.iter().any(|a| constant(a).is_some_and(Datum::is_null)) => ValueSet::none(),
        Function::In if args.len() <= EXCLUDED_MAX => {
            let others = args[1..].iter().map(|a| compared(&Function::Ne, std::slice::from_ref(a), ty));
            let all = ValueSet::of(not_null(ty));
            others.collect::<Option<Vec<_>>>()?.iter().fold(all, |known, other| known.intersect(other))
        }
        _ => return None,
    };
    Some(Said { values, exact: true })
}

fn equal(value: &Datum, ty: &ColumnType) -> Option<ValueSet> {
    Some(match place(value, &ty.sql)? {
        Place::At(value) => ValueSet::point(value),
        Place::Between(..) => ValueSet::none(),
    })
}

/// `column op constant`, `column IN (constants)`.
fn compared(function: &Function, others: &[Expr], ty: &ColumnType) -> Option<ValueSet> {
    if *function == Function::In {
        let members = others.iter().map(constant).collect::<Option<Vec<_>>>()?;
        let sets = members.into_iter().filter(|v| !v.is_null()).map(|v| equal(v, ty));
        return Some(ValueSet::union(sets.collect::<Option<Vec<_>>>()?));
    }
    let value = constant(others.first()?)?;
    if value.is_null() {
        return Some(ValueSet::none());
    }
    // The greatest value below the constant and the least above it, or the constant itself.
    let (below, above, at) = match place(value, &ty.sql)? {
        Place::At(value) => (Some(value.clone()), Some(value), true),
        Place::Between(below, above) => (below, above, false),
    };
    let until = |inclusive: bool| match &below {
        Some(value) => {
            let mut interval = not_null(ty);
            interval.below(value.clone(), inclusive || !at);
            ValueSet::of(interval)
        }
        None => ValueSet::none(),
    };
    let from = |inclusive: bool| match &above {
        Some(value) => {
            let mut interval = not_null(ty);
            interval.above(value.clone(), inclusive || !at);
            ValueSet::of(interval)
        }
        None => ValueSet::none(),
    };
    Some(match function {
        Function::Eq => equal(value, ty)?,
        Function::Lt => until(false),
        Function::Le => until(true),
        Function::Gt => from(false),
        Function::Ge => from(true),
        Function::Ne if at => ValueSet::union([until(false), from(false)]),
        Function::Ne => ValueSet::of(not_null(ty)),
        _ => return None,
    })
}

/// The character before the blank.
const BEFORE_BLANK: char = '\u{1F}';

/// `column LIKE 'abc%'` holds from `abc` on until the first text that does not begin with it.
fn like(pattern: &Datum, escape: Option<char>, ty: &ColumnType) -> Option<Said> {
    let Datum::String(pattern) = pattern else { return None };
    if !ty.sql.is_string() {
        return None;
    }
    let (prefix, rest) = like_prefix(pattern, escape);
    if rest.is_empty() {
        return Some(Said { values: ValueSet::point(Datum::string(prefix)), exact: false });
    }
    if prefix.is_empty() {
        return None;
    }
    let mut interval = not_null(ty);
    if let Some(end) = after_prefix(&prefix) {
        interval.below(Datum::string(end), false);
    }
    // Where a text has blanks at the end, others that do not begin with the prefix are beside it.
    let exact = rest == "%" && !prefix.ends_with([' ', BEFORE_BLANK]);
    interval.above(Datum::string(prefix), true);
    Some(Said { values: ValueSet::of(interval), exact })
}

/// The least text that is greater than everything that begins with the prefix: its last character turned to the next one.
fn after_prefix(prefix: &str) -> Option<String> {
    let mut out: Vec<char> = prefix.chars().collect();
    while let Some(last) = out.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            // A blank at the end would not count.
            BEFORE_BLANK => Some('!'),
            last => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            out.push(next);
            return Some(out.into_iter().collect());
        }
    }
    None
}

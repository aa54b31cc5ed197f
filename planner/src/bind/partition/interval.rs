//! Partitions of one width: `PARTITION BY RANGE … INTERVAL (n [unit]) FIRST PARTITION LESS THAN (a) LAST PARTITION LESS THAN (z)`, and
//! what ALTER TABLE does to their ends.
//!
//! ```text
//! INTERVAL (100) FIRST … (100) LAST … (300) NULL PARTITION MAXVALUE PARTITION
//!     P_NULL below all, P_LT_100, P_LT_200, P_LT_300, P_MAXVALUE
//! ALTER TABLE t FIRST PARTITION LESS THAN (200)               drops P_LT_100
//! ALTER TABLE t LAST PARTITION LESS THAN (500)                adds P_LT_400, P_LT_500
//! ALTER TABLE t MERGE FIRST PARTITION LESS THAN (200)         P_LT_200 of all up to there
//! ALTER TABLE t SPLIT MAXVALUE PARTITION LESS THAN (500)      P_LT_400, P_LT_500, P_MAXVALUE
//! ```
//! As in TiDB the interval is not kept: what a table has are partitions like any others, and whether they are of one width is seen
//! from their bounds.

use allod_storage::schema::{
    ColumnDef, Datum, IntWidth, PartitionMethod, PartitionScheme, RangeBound, SqlType, TableDescriptor,
};
use sqlparser::ast::{self, Ident};

use super::PartitionFault as Fault;
use super::define::{PARTITIONS_MAX, check_count, specs};
use crate::bind::ddl::{PartitionBound, PartitionChange, PartitionSpec};
use crate::error::Error;
use crate::expr::{TimeUnit, calendar};
use crate::parse::{IntervalEnd, IntervalSyntax, PartitionDefinition, PartitionValues};
use crate::zone::Zone;

const NULL_PARTITION: &str = "P_NULL";
const MAXVALUE_PARTITION: &str = "P_MAXVALUE";
const DAY_US: i64 = 86_400_000_000;

/// From one bound to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    amount: i64,
    /// `None` = of numbers.
    unit: Option<TimeUnit>,
}

impl Step {
    /// The bound that is `n` steps behind this one.
    fn from(self, start: &Datum, n: i64) -> Option<Datum> {
        let by = self.amount.checked_mul(n)?;
        match (start, self.unit) {
            (Datum::Int(v), None) => v.checked_add(by).map(Datum::Int),
            (Datum::UInt(v), None) => v.checked_add_signed(by).map(Datum::UInt),
            (Datum::Date(days), Some(unit)) => {
                let us = calendar::add(i64::from(*days) * DAY_US, unit, by)?;
                (us.rem_euclid(DAY_US) == 0).then(|| Datum::Date(us.div_euclid(DAY_US) as i32))
            }
            (Datum::DateTime(us), Some(unit)) => calendar::add(*us, unit, by).map(Datum::DateTime),
            _ => None,
        }
    }

    /// The step that leads from one bound to another.
    fn between(a: &Datum, b: &Datum) -> Option<Step> {
        let (a_us, b_us) = match (a, b) {
            (Datum::Int(a), Datum::Int(b)) => return Some(Step { amount: b.checked_sub(*a)?, unit: None }),
            (Datum::UInt(a), Datum::UInt(b)) => {
                return Some(Step { amount: b.checked_sub(*a)?.try_into().ok()?, unit: None });
            }
            (Datum::Date(a), Datum::Date(b)) => (i64::from(*a) * DAY_US, i64::from(*b) * DAY_US),
            (Datum::DateTime(a), Datum::DateTime(b)) => (*a, *b),
            _ => return None,
        };
        let month = |us| calendar::field(us, TimeUnit::Year) * 12 + calendar::field(us, TimeUnit::Month);
        let step = |amount, unit| Step { amount, unit: Some(unit) };
        let months = step(month(b_us) - month(a_us), TimeUnit::Month);
        if months.amount > 0 && months.from(a, 1).as_ref() == Some(b) {
            return Some(months);
        }
        let us = b_us - a_us;
        [(DAY_US, TimeUnit::Day), (1_000_000, TimeUnit::Second)]
            .into_iter()
            .find(|(width, _)| us % width == 0)
            .map(|(width, unit)| step(us / width, unit))
    }
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported(what.into())
}

/// The partitions that a clause asks for.
pub(super) fn of_clause(
    interval: &IntervalSyntax,
    definitions: &[PartitionDefinition],
    scheme: &PartitionScheme,
    columns: &[ColumnDef],
    zone: Zone,
) -> Result<Vec<PartitionSpec>, Error> {
    let prefix = "INTERVAL partitioning,";
    if !matches!(scheme.method, PartitionMethod::Range(_)) {
        return Err(unsupported(format!("{prefix} only allowed on RANGE partitioning")));
    }
    let column = match (&scheme.expr, scheme.columns.as_slice()) {
        (Some(_), _) => None,
        (None, [column]) => Some(&columns[*column].ty.sql),
        (None, _) => {
            let what = "does not allow RANGE COLUMNS with more than one column";
            return Err(unsupported(format!("{prefix} {what}")));
        }
    };
    let is_time = |ty: &SqlType| matches!(ty, SqlType::Date | SqlType::DateTime(_));
    if column.is_some_and(|ty| !is_time(ty) && !matches!(ty, SqlType::Int { .. })) {
        return Err(unsupported(format!("{prefix} only supports Date, Datetime and INT types")));
    }
    let (Some(first), Some(last)) = (&interval.first, &interval.last) else {
        let what = "currently requires FIRST and LAST partitions to be defined";
        return Err(unsupported(format!("{prefix} {what}")));
    };
    let step = step(interval)?;
    let value = |e: &ast::Expr| value(e, scheme, columns, zone);
    let mut found = Vec::new();
    if interval.null {
        let least = match column {
            Some(SqlType::Date) => Datum::Date(first_day()),
            Some(SqlType::DateTime(_)) => Datum::DateTime(i64::from(first_day()) * DAY_US),
            Some(SqlType::Int { unsigned: true, .. }) => Datum::UInt(0),
            Some(SqlType::Int { width, .. }) => Datum::Int(least_of(*width)),
            _ => match value(first)? {
                Datum::UInt(_) => Datum::UInt(0),
                _ => Datum::Int(i64::MIN),
            },
        };
        found.push(spec(NULL_PARTITION.into(), RangeBound::Value(least)));
    }
    found.extend(up_to(&value(first)?, &value(last)?, step, false)?);
    if interval.maxvalue {
        found.push(spec(MAXVALUE_PARTITION.into(), RangeBound::MaxValue));
    }
    if definitions.is_empty() {
        return Ok(found);
    }
    // Those that are listed, too, have the names; they must be the same ones.
    let listed = specs(definitions, scheme, columns, zone)?;
    if listed.len() != found.len() {
        let (made, listed) = (found.len(), listed.len());
        let what = format!("number of partitions generated != partition defined ({made} != {listed})");
        return Err(unsupported(format!("{prefix} {what}")));
    }
    match listed.iter().zip(&found).find(|(listed, found)| listed.bound != found.bound) {
        Some((other, _)) => Err(unsupported(format!(
            "partition {} differs between generated and defined for expression",
            other.name
        ))),
        None => Ok(listed),
    }
}

/// What a change of an end of such partitions comes to.
pub(in crate::bind) fn changed(
    table: &TableDescriptor,
    end: IntervalEnd,
    bound: &ast::Expr,
    zone: Zone,
) -> Result<PartitionChange, Error> {
    let scheme = table.partitioning.as_ref().ok_or(Fault::NotPartitioned)?;
    let clause = match end {
        IntervalEnd::First => "FIRST PARTITION",
        IntervalEnd::Last => "LAST PARTITION",
        IntervalEnd::MergeFirst => "MERGE FIRST PARTITION",
        IntervalEnd::SplitMaxvalue => "SPLIT LAST PARTITION",
    };
    let even = Even::of(table, scheme);
    let even = even
        .ok_or_else(|| unsupported(format!("{clause}, does not seem like an INTERVAL partitioned table")))?;
    let to = value(bound, scheme, &table.columns, zone)?;
    let name = |at: usize| table.partitions[even.begins + at].name.clone();
    match end {
        IntervalEnd::First => {
            let going = up_to(even.first(), &to, even.step, false)?.len() - 1;
            if going == 0 || going >= even.bounds.len() {
                let what = "given value does not generate a list of partition names to be dropped";
                return Err(unsupported(format!("{clause}, {what}")));
            }
            Ok(PartitionChange::Drop { names: (0..going).map(name).collect(), if_exists: false })
        }
        IntervalEnd::MergeFirst => {
            let merged = up_to(even.first(), &to, even.step, false)?;
            if merged.len() < 2 || merged.len() > even.bounds.len() {
                let what = "number of partitions does not match";
                return Err(unsupported(format!("{clause}, {what}")));
            }
            let names = (0..merged.len()).map(name).collect();
            Ok(PartitionChange::Reorganize { names, into: merged.into_iter().last().into_iter().collect() })
        }
        IntervalEnd::Last if even.has_maxvalue => {
            Err(unsupported("LAST PARTITION when MAXVALUE partition exists"))
        }
        IntervalEnd::Last => Ok(PartitionChange::Add(up_to(even.last(), &to, even.step, true)?)),
        IntervalEnd::SplitMaxvalue if !even.has_maxvalue => {
            Err(unsupported(format!("{clause}, no MAXVALUE partition exists")))
        }
        IntervalEnd::SplitMaxvalue => {
            let mut into = up_to(even.last(), &to, even.step, true)?;
            let rest = name(even.bounds.len());
            into.push(spec(rest.to_string(), RangeBound::MaxValue));
            Ok(PartitionChange::Reorganize { names: vec![rest], into })
        }
    }
}

/// Partitions that are of one width.
struct Even<'a> {
    /// How many are before them: that of NULLs, or none.
    begins: usize,
    bounds: Vec<&'a Datum>,
    step: Step,
    has_maxvalue: bool,
}

impl<'a> Even<'a> {
    fn of(table: &TableDescriptor, scheme: &'a PartitionScheme) -> Option<Even<'a>> {
        let PartitionMethod::Range(bounds) = &scheme.method else { return None };
        let has_maxvalue = bounds.last()?.as_slice() == [RangeBound::MaxValue];
        let begins = usize::from(table.partitions.first()?.name.eq_ignore_ascii_case(NULL_PARTITION));
        let bounds: Option<Vec<&Datum>> = bounds[..bounds.len() - usize::from(has_maxvalue)]
            .iter()
            .skip(begins)
            .map(|bound| match bound.as_slice() {
                [RangeBound::Value(value)] => Some(value),
                _ => None,
            })
            .collect();
        let bounds = bounds?;
        let step = Step::between(bounds.first()?, bounds.get(1)?)?;
        let fits = (0i64..).zip(&bounds).all(|(n, bound)| step.from(bounds[0], n).as_ref() == Some(*bound));
        fits.then_some(Even { begins, bounds, step, has_maxvalue })
    }

    fn first(&self) -> &Datum {
        self.bounds[0]
    }

    fn last(&self) -> &Datum {
        self.bounds[self.bounds.len() - 1]
    }
}

/// Partitions from one bound to another, both included unless the first is there already.
fn up_to(start: &Datum, last: &Datum, step: Step, is_there: bool) -> Result<Vec<PartitionSpec>, Error> {
    let mut found = Vec::new();
    for n in i64::from(is_there)..=PARTITIONS_MAX as i64 {
        let next = step.from(start, n).filter(|next| next.compare(last).is_le());
        let Some(next) = next else {
            let unit = step.unit.map(|unit| format!(" {}", unit.name())).unwrap_or_default();
            let amount = step.amount;
            return Err(unsupported(format!(
                "INTERVAL: expr ({last}) not matching FIRST + n INTERVALs ({} + n * {amount}{unit})",
                quoted(start)
            )));
        };
        if found.len() as u64 == PARTITIONS_MAX {
            break;
        }
        let done = next == *last;
        found.push(spec(format!("P_LT_{next}"), RangeBound::Value(next)));
        if done {
            return Ok(found);
        }
    }
    check_count(PARTITIONS_MAX + 1).map(|()| found)
}

/// A bound as it is written.
fn quoted(bound: &Datum) -> String {
    match bound {
        Datum::Date(_) | Datum::DateTime(_) => format!("'{bound}'"),
        number => number.to_string(),
    }
}

fn spec(name: String, bound: RangeBound) -> PartitionSpec {
    PartitionSpec {
        name: name.into(),
        bound: PartitionBound::Range(vec![bound]),
        comment: "".into(),
        placement: None,
    }
}

/// A bound that is written, as partitions hold it.
fn value(
    bound: &ast::Expr,
    scheme: &PartitionScheme,
    columns: &[ColumnDef],
    zone: Zone,
) -> Result<Datum, Error> {
    let definition = PartitionDefinition {
        name: Ident::new(""),
        values: PartitionValues::LessThan(vec![Some(bound.clone())]),
        comment: String::new(),
        placement: None,
        subpartitioned: false,
    };
    let spec = specs(&[definition], scheme, columns, zone)?.pop();
    match spec.map(|spec| spec.bound) {
        Some(PartitionBound::Range(bounds)) => match bounds.into_iter().next() {
            Some(RangeBound::Value(value)) => Ok(value),
            _ => Err(Fault::NullBound.into()),
        },
        _ => Err(Fault::RequiresValues { method: "RANGE", values: "LESS THAN" }.into()),
    }
}

fn step(interval: &IntervalSyntax) -> Result<Step, Error> {
    let amount: Option<i64> = interval.amount.to_string().trim_matches('\'').parse().ok();
    let amount = amount.filter(|amount| *amount > 0);
    let amount = amount.ok_or_else(|| unsupported("INTERVAL, should be a positive number"))?;
    let unit = match &interval.unit {
        None => None,
        Some(word) => Some(unit(&word.value).ok_or_else(|| {
            unsupported(
                "INTERVAL partitioning, only supports YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE and SECOND as time unit",
            )
        })?),
    };
    Ok(Step { amount, unit })
}

fn unit(word: &str) -> Option<TimeUnit> {
    Some(match word.to_ascii_uppercase().as_str() {
        "YEAR" => TimeUnit::Year,
        "QUARTER" => TimeUnit::Quarter,
        "MONTH" => TimeUnit::Month,
        "WEEK" => TimeUnit::Week,
        "DAY" => TimeUnit::Day,
        "HOUR" => TimeUnit::Hour,
        "MINUTE" => TimeUnit::Minute,
        "SECOND" => TimeUnit::Second,
        _ => return None,
    })
}

/// 0000-01-01.
fn first_day() -> i32 {
    let first = calendar::Civil { year: 0, month: 1, day: 1 };
    // In range, as every day of the year 0.
    first.days().and_then(|days| i32::try_from(days).ok()).unwrap_or_default()
}

fn least_of(width: IntWidth) -> i64 {
    match width {
        IntWidth::Tiny => i8::MIN.into(),
        IntWidth::Small => i16::MIN.into(),
        IntWidth::Medium => -(1 << 23),
        IntWidth::Int => i32::MIN.into(),
        IntWidth::Big => i64::MIN,
    }
}

//! What a change of partitions comes to: which partitions there are afterwards, which keep their rows, and which rows are
//! dealt again. Pure: bound once against the version of the table that the statement saw, and asked again by the engine, which
//! owns the table by then.

use std::sync::Arc;

use allod_storage::schema::{
    Datum, PartitionDescriptor, PartitionMethod, PartitionScheme, RangeBound, TableDescriptor,
};
use sqlparser::ast::Ident;

use super::PartitionFault as Fault;
use super::define::{check_count, check_names, free_names, method_of, specs};
use crate::bind::ddl::{PartitionBound, PartitionChange, PartitionLabel, PartitionSpec};
use crate::error::Error;
use crate::parse::PartitionDefinition;
use crate::physical::PlanWarning;
use crate::zone::Zone;

/// The number of [`Fault::DuplicateName`].
const DUPLICATE_NAME: u16 = 1517;

/// A table's partitions after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionPlan {
    /// How rows are dealt; `None` = to one partition.
    pub scheme: Option<PartitionScheme>,
    /// The partitions in order.
    pub partitions: Vec<PlannedPartition>,
    /// Positions of the old partitions whose rows are dealt again, among those of `partitions` that are new. Rows of other old
    /// partitions stay where they are or, if their partition is not among the new ones, go.
    pub moved: Vec<usize>,
}

/// A partition after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedPartition {
    /// Its name.
    pub name: Arc<str>,
    /// COMMENT.
    pub comment: Arc<str>,
    /// PLACEMENT POLICY.
    pub placement: Option<Arc<str>>,
    /// Position of the old partition that it is; `None` = a new one, with spaces of its own.
    pub from: Option<usize>,
}

impl PlannedPartition {
    fn new(label: &PartitionLabel) -> PlannedPartition {
        PlannedPartition {
            name: label.name.clone(),
            comment: label.comment.clone(),
            placement: label.placement.clone(),
            from: None,
        }
    }

    fn of_spec(spec: &PartitionSpec) -> PlannedPartition {
        PlannedPartition {
            name: spec.name.clone(),
            comment: spec.comment.clone(),
            placement: spec.placement.clone(),
            from: None,
        }
    }

    /// One of the old ones, as it is.
    fn kept(old: &[PartitionDescriptor], at: usize) -> PlannedPartition {
        PlannedPartition { from: Some(at), ..PlannedPartition::renewed(&old[at]) }
    }

    /// One of the old ones by name, without its rows.
    fn renewed(old: &PartitionDescriptor) -> PlannedPartition {
        PlannedPartition {
            name: old.name.clone(),
            comment: old.comment.clone(),
            placement: old.placement.clone(),
            from: None,
        }
    }
}

/// What a change makes of a table's partitions.
///
/// # Errors
/// [`Error::Partition`] and its relatives if the table does not allow the change. EXCHANGE says nothing here but that the
/// partition exists.
pub fn plan_partitions(table: &TableDescriptor, change: &PartitionChange) -> Result<PartitionPlan, Error> {
    let plan = planned(table, change)?;
    check_names(plan.partitions.iter().map(|p| &p.name))?;
    check_count(plan.partitions.len() as u64)?;
    Ok(plan)
}

fn planned(table: &TableDescriptor, change: &PartitionChange) -> Result<PartitionPlan, Error> {
    let old = &table.partitions;
    let kept = |at: usize| PlannedPartition::kept(old, at);
    let all = 0..old.len();
    if let PartitionChange::Repartition { scheme, partitions, .. } = change {
        let partitions = partitions.iter().map(PlannedPartition::new).collect();
        return Ok(PartitionPlan { scheme: Some(scheme.clone()), partitions, moved: all.collect() });
    }
    let scheme = table.partitioning.as_ref().ok_or(Fault::NotPartitioned)?;
    let hashed = matches!(scheme.method, PartitionMethod::Hash | PartitionMethod::Key);
    let same = Some(scheme.clone());
    match change {
        PartitionChange::Add(specs) => {
            if hashed {
                return Err(Fault::OnlyRangeList("ADD").into());
            }
            if specs.is_empty() {
                return Err(Fault::NothingToAdd.into());
            }
            let bounds = bounds_of(scheme);
            let has_default = bounds.iter().any(|b| matches!(b, PartitionBound::List { default: true, .. }));
            if has_default {
                return Err(Error::Unsupported(
                    "ADD List partition, already contains DEFAULT partition. Please use REORGANIZE PARTITION instead"
                        .into(),
                ));
            }
            let bounds = bounds.iter().chain(specs.iter().map(|s| &s.bound));
            let method = method_of(scheme, &table.columns, bounds)?;
            let partitions = all.map(kept).chain(specs.iter().map(PlannedPartition::of_spec));
            let scheme = Some(PartitionScheme { method, ..scheme.clone() });
            Ok(PartitionPlan { scheme, partitions: partitions.collect(), moved: vec![] })
        }
        PartitionChange::AddHash(added) => {
            if !hashed {
                return Err(missing_values(scheme).into());
            }
            if added.is_empty() {
                return Err(Fault::NothingToAdd.into());
            }
            let renewed = old.iter().map(PlannedPartition::renewed);
            let partitions = renewed.chain(added.iter().map(PlannedPartition::new)).collect();
            Ok(PartitionPlan { scheme: same, partitions, moved: all.collect() })
        }
        PartitionChange::Drop { names, if_exists } => {
            if hashed {
                return Err(Fault::OnlyRangeList("DROP").into());
            }
            let gone = positions(table, names, "DROP", *if_exists)?;
            let rest: Vec<usize> = all.filter(|i| !gone.contains(i)).collect();
            if rest.is_empty() {
                return Err(Fault::CannotRemoveAll.into());
            }
            let bounds = bounds_of(scheme);
            let method = method_of(scheme, &table.columns, rest.iter().map(|i| &bounds[*i]))?;
            let scheme = Some(PartitionScheme { method, ..scheme.clone() });
            Ok(PartitionPlan { scheme, partitions: rest.into_iter().map(kept).collect(), moved: vec![] })
        }
        PartitionChange::Truncate(names) => {
            let emptied = if names.is_empty() {
                all.clone().collect()
            } else {
                positions(table, names, "TRUNCATE", false)?
            };
            let fresh = |at: usize| match emptied.contains(&at) {
                true => PlannedPartition::renewed(&old[at]),
                false => kept(at),
            };
            Ok(PartitionPlan { scheme: same, partitions: all.map(fresh).collect(), moved: vec![] })
        }
        PartitionChange::Coalesce(fewer) => {
            if !hashed {
                return Err(Fault::CoalesceOnlyHash.into());
            }
            if *fewer == 0 {
                return Err(Fault::NothingToCoalesce.into());
            }
            let left =
                (old.len() as u64).checked_sub(*fewer).filter(|n| *n > 0).ok_or(Fault::CannotRemoveAll)?;
            let partitions = old[..left as usize].iter().map(PlannedPartition::renewed).collect();
            Ok(PartitionPlan { scheme: same, partitions, moved: all.collect() })
        }
        PartitionChange::Reorganize { names, into } => reorganize(table, scheme, names, into),
        PartitionChange::Exchange { partition, .. } => {
            position(table, partition)?;
            Ok(PartitionPlan { scheme: same, partitions: all.map(kept).collect(), moved: vec![] })
        }
        PartitionChange::Place { partition, placement } => {
            let at = position(table, partition)?;
            let mut partitions: Vec<PlannedPartition> = all.map(kept).collect();
            partitions[at].placement = placement.clone();
            Ok(PartitionPlan { scheme: same, partitions, moved: vec![] })
        }
        PartitionChange::Remove => {
            let partitions = vec![PlannedPartition::new(&PartitionLabel::new("p0"))];
            Ok(PartitionPlan { scheme: None, partitions, moved: all.collect() })
        }
        PartitionChange::Repartition { .. } => Err(Error::Internal("decided above".into())),
    }
}

fn reorganize(
    table: &TableDescriptor,
    scheme: &PartitionScheme,
    names: &[Arc<str>],
    into: &[PartitionSpec],
) -> Result<PartitionPlan, Error> {
    let old = &table.partitions;
    let kept = |at: usize| PlannedPartition::kept(old, at);
    let hashed = matches!(scheme.method, PartitionMethod::Hash | PartitionMethod::Key);
    if names.is_empty() {
        if !hashed {
            return Err(Fault::ReorganizeWithoutParameters.into());
        }
        let partitions = (0..old.len()).map(kept).collect();
        return Ok(PartitionPlan { scheme: Some(scheme.clone()), partitions, moved: vec![] });
    }
    if hashed {
        let positions = positions(table, names, "REORGANIZE", false)?;
        if positions.len() != into.len() {
            return Err(Fault::ReorganizeSameNumber.into());
        }
        // A hash has no say in what a partition takes: only its name changes.
        let renamed = |at: usize| match positions.iter().position(|p| *p == at) {
            Some(i) => PlannedPartition { from: Some(at), ..PlannedPartition::of_spec(&into[i]) },
            None => kept(at),
        };
        let partitions = (0..old.len()).map(renamed).collect();
        return Ok(PartitionPlan { scheme: Some(scheme.clone()), partitions, moved: vec![] });
    }
    let mut moved = positions(table, names, "REORGANIZE", false)?;
    moved.sort_unstable();
    let (Some(&first), Some(&last)) = (moved.first(), moved.last()) else {
        return Err(Fault::UnknownInList("REORGANIZE").into());
    };
    let is_range = matches!(scheme.method, PartitionMethod::Range(_));
    if is_range && last - first + 1 != moved.len() {
        return Err(Fault::NotConsecutive.into());
    }
    let bounds = bounds_of(scheme);
    if let (true, Some(PartitionBound::Range(end)), PartitionBound::Range(before)) =
        (is_range, into.last().map(|s| &s.bound), &bounds[last])
        && end != before
        && last + 1 < old.len()
    {
        return Err(Fault::ReorganizeOutsideRange.into());
    }
    // The new ones stand where the first of the old ones stood.
    let fresh = into.iter().map(|s| (PlannedPartition::of_spec(s), &s.bound));
    let rest = |range: std::ops::Range<usize>| {
        let stays = range.filter(|i| !moved.contains(i));
        stays.map(|i| (kept(i), &bounds[i])).collect::<Vec<_>>()
    };
    let behind = rest(first..old.len());
    let (partitions, bounds): (Vec<_>, Vec<_>) =
        rest(0..first).into_iter().chain(fresh).chain(behind).unzip();
    let method = method_of(scheme, &table.columns, bounds.into_iter())?;
    let mut plan =
        PartitionPlan { scheme: Some(PartitionScheme { method, ..scheme.clone() }), partitions, moved };
    // What is listed now, or no longer, changes what is left to DEFAULT.
    if let PartitionMethod::List { default: Some(at), .. } = scheme.method
        && !plan.moved.contains(&at)
        && listed(&scheme.method) != plan.scheme.as_ref().and_then(|scheme| listed(&scheme.method))
    {
        let stays = plan.partitions.iter_mut().filter(|planned| planned.from == Some(at));
        stays.for_each(|planned| *planned = PlannedPartition::renewed(&old[at]));
        plan.moved.push(at);
    }
    Ok(plan)
}

/// All tuples that partitions list, in order.
fn listed(method: &PartitionMethod) -> Option<Vec<&[Datum]>> {
    let PartitionMethod::List { values, .. } = method else { return None };
    let mut tuples: Vec<&[Datum]> = values.iter().flatten().map(Vec::as_slice).collect();
    tuples.sort_by(|a, b| {
        let orders = a.iter().zip(*b).map(|(a, b)| a.compare(b));
        orders.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    Some(tuples)
}

/// A partition without VALUES where the method wants them.
fn missing_values(scheme: &PartitionScheme) -> Fault {
    match scheme.method {
        PartitionMethod::List { .. } => Fault::RequiresValues { method: "LIST", values: "IN" },
        _ => Fault::RequiresValues { method: "RANGE", values: "LESS THAN" },
    }
}

/// What each partition takes.
fn bounds_of(scheme: &PartitionScheme) -> Vec<PartitionBound> {
    match &scheme.method {
        PartitionMethod::Hash | PartitionMethod::Key => vec![],
        PartitionMethod::Range(bounds) => {
            bounds.iter().map(|b: &Vec<RangeBound>| PartitionBound::Range(b.clone())).collect()
        }
        PartitionMethod::List { values, default } => values
            .iter()
            .enumerate()
            .map(|(i, v): (usize, &Vec<Vec<Datum>>)| PartitionBound::List {
                values: v.clone(),
                default: *default == Some(i),
            })
            .collect(),
    }
}

/// Position of a partition by name: 1735 if there is none.
pub(crate) fn position(table: &TableDescriptor, name: &str) -> Result<usize, Error> {
    let found = table.partitions.iter().position(|p| p.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| Error::UnknownPartition { partition: name.to_owned(), table: table.name.to_string() })
}

/// Looks whether a table has all of the partitions that are named: 1505 if it has none, 1735 if one is not among them.
pub(crate) fn check_named(table: &TableDescriptor, names: &[Ident]) -> Result<(), Error> {
    if !names.is_empty() && table.partitioning.is_none() {
        return Err(Fault::NotPartitioned.into());
    }
    names.iter().try_for_each(|name| position(table, &name.value).map(drop))
}

/// Positions of listed partitions, in the order of the list.
fn positions(
    table: &TableDescriptor,
    names: &[Arc<str>],
    statement: &'static str,
    may_lack: bool,
) -> Result<Vec<usize>, Error> {
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        match position(table, name) {
            Ok(at) if out.contains(&at) => return Err(Fault::DuplicateName(name.to_string()).into()),
            Ok(at) => out.push(at),
            Err(_) if may_lack => {}
            // TiDB and MySQL name the partition of TRUNCATE only.
            Err(unknown) if statement == "TRUNCATE" => return Err(unknown),
            Err(_) => return Err(Fault::UnknownInList(statement).into()),
        }
    }
    Ok(out)
}

/// The definitions of ADD PARTITION, for the table's scheme.
pub(in crate::bind) fn added(
    table: &TableDescriptor,
    definitions: &[PartitionDefinition],
    count: Option<u64>,
    zone: Zone,
) -> Result<PartitionChange, Error> {
    let scheme = table.partitioning.as_ref().ok_or(Fault::NotPartitioned)?;
    if matches!(scheme.method, PartitionMethod::Hash | PartitionMethod::Key) {
        let taken: Vec<Arc<str>> = table.partitions.iter().map(|p| p.name.clone()).collect();
        if let Some(count) = count {
            check_count(count.saturating_add(taken.len() as u64))?;
            return Ok(PartitionChange::AddHash(
                free_names(&taken, count).into_iter().map(PartitionLabel::new).collect(),
            ));
        }
        let specs = specs(definitions, scheme, &table.columns, zone)?;
        let label = |s: PartitionSpec| PartitionLabel::of_spec(&s);
        return Ok(PartitionChange::AddHash(specs.into_iter().map(label).collect()));
    }
    if count.is_some() {
        return Err(missing_values(scheme).into());
    }
    specs(definitions, scheme, &table.columns, zone).map(PartitionChange::Add)
}

/// What is said where one of these partitions is there already.
pub(in crate::bind) fn already(
    table: &TableDescriptor,
    definitions: &[PartitionDefinition],
) -> Option<PlanWarning> {
    let there = definitions.iter().find(|d| position(table, &d.name.value).is_ok())?;
    let message = format!("Duplicate partition name {}", there.name.value);
    Some(PlanWarning { code: DUPLICATE_NAME, message })
}

/// The definitions of REORGANIZE PARTITION, for the table's scheme.
pub(in crate::bind) fn reorganized(
    table: &TableDescriptor,
    names: Vec<Arc<str>>,
    definitions: &[PartitionDefinition],
    zone: Zone,
) -> Result<PartitionChange, Error> {
    let scheme = table.partitioning.as_ref().ok_or(Fault::NotPartitioned)?;
    Ok(PartitionChange::Reorganize { names, into: specs(definitions, scheme, &table.columns, zone)? })
}

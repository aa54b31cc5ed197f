//! Which paths the index hints leave: `USE_INDEX(t, i)`, `FORCE_INDEX`, `IGNORE_INDEX`, `ORDER_INDEX`, `NO_ORDER_INDEX`,
//! `USE_INDEX_MERGE`, `NO_INDEX_MERGE`, and the table hints `USE INDEX (i)`, which arrive as the same.
//!
//! As in TiDB, a path that is named by USE or FORCE excludes all that are not, the full scan of the table too; `PRIMARY` is
//! the table's own key (or the index of that name, if the primary key is not clustered). A hint belongs to the table of that
//! alias in its query block.

use std::sync::Arc;

use allod_storage::schema::IndexDescriptor;

use super::{AccessContext, Node, Path, paths};
use crate::hints::{HintKind, HintTable, IndexMode};
use crate::logical::{Plan, Query, Scan};
use crate::options::PruneMode;
use crate::physical::PlanWarning;

/// MySQL's code for an index that a table does not have.
const NO_SUCH_KEY: u16 = 1176;
/// TiDB's code for a hint that cannot be followed.
const INAPPLICABLE: u16 = 1815;
/// TiDB's code of a warning without a code.
const UNKNOWN: u16 = 1105;

/// The paths of one table that hints leave.
pub(super) struct Allowed {
    /// The table's own key, then each index: named by USE, FORCE or ORDER.
    named: Vec<bool>,
    /// Forbidden by IGNORE.
    ignored: Vec<bool>,
    /// INVISIBLE.
    invisible: Vec<bool>,
    /// Global indexes where some partitions are to be read and others not: an entry may be of any.
    barred: Vec<bool>,
    /// GLOBAL.
    global: Vec<bool>,
    /// Only in order.
    ordered: Vec<bool>,
    /// Only without order.
    unordered: Vec<bool>,
    /// Whether USE or its relatives name anything, the table alone included.
    restricted: bool,
    /// Asked for by USE_INDEX_MERGE: these indexes, or any.
    merge: Option<Vec<bool>>,
    no_merge: bool,
}

impl Allowed {
    /// What the hints say of a table.
    pub(super) fn of(cx: &AccessContext, scan: &Scan) -> Allowed {
        let hints = cx.hints;
        let unseen = |i: &IndexDescriptor| i.options.invisible && !cx.options.use_invisible_indexes;
        let invisible = std::iter::once(false).chain(scan.table.indexes.iter().map(unseen)).collect();
        let is_static = cx.options.prune_mode == PruneMode::Static;
        let apart = scan.partitions.is_some() || is_static && scan.table.partitions.len() > 1;
        let of_all = |i: usize| apart && scan.table.is_global(i);
        let barred = std::iter::once(false).chain((0..scan.table.indexes.len()).map(of_all)).collect();
        let global = (0..scan.table.indexes.len()).map(|i| scan.table.is_global(i));
        let global = std::iter::once(false).chain(global).collect();
        let none = || vec![false; scan.table.indexes.len() + 1];
        let mut allowed = Allowed {
            named: none(),
            ignored: none(),
            invisible,
            barred,
            global,
            ordered: none(),
            unordered: none(),
            restricted: false,
            merge: None,
            no_merge: false,
        };
        for hint in &hints.list {
            match &hint.kind {
                HintKind::Index { mode, table, indexes } if speaks_of(table, scan) => {
                    let places: Vec<usize> = indexes.iter().filter_map(|name| place(scan, name)).collect();
                    if *mode == IndexMode::Use && indexes.is_empty() {
                        allowed.restricted = true;
                        allowed.named[0] = true;
                    }
                    for at in places {
                        match mode {
                            IndexMode::Ignore => allowed.ignored[at] = true,
                            IndexMode::Use | IndexMode::Force => allowed.named[at] = true,
                            IndexMode::Order => (allowed.named[at], allowed.ordered[at]) = (true, true),
                            IndexMode::NoOrder => (allowed.named[at], allowed.unordered[at]) = (true, true),
                        }
                        allowed.restricted |= *mode != IndexMode::Ignore;
                    }
                }
                HintKind::UseIndexMerge { table, indexes } if speaks_of(table, scan) => {
                    let mut wanted = vec![indexes.is_empty(); scan.table.indexes.len() + 1];
                    indexes.iter().filter_map(|name| place(scan, name)).for_each(|at| wanted[at] = true);
                    allowed.merge = Some(wanted);
                }
                // That of the statement's first block speaks of all of it, as in TiDB.
                HintKind::NoIndexMerge if hint.block == scan.block || hint.block <= 1 => {
                    allowed.no_merge = true;
                }
                _ => {}
            }
        }
        allowed
    }

    fn at(&self, place: usize) -> bool {
        (!self.restricted || self.named[place])
            && !self.ignored[place]
            && !self.invisible[place]
            && !self.barred[place]
    }

    /// Whether the table's own records may be scanned.
    pub(super) fn own_key(&self) -> bool {
        self.at(0)
    }

    /// Whether an index may be read.
    pub(super) fn index(&self, position: usize) -> bool {
        self.at(position + 1)
    }

    /// Whether a hint names the index, so that it is read even where it does not help.
    pub(super) fn names(&self, position: usize) -> bool {
        self.named[position + 1]
    }

    /// Whether only an index merge will do, if there is one.
    pub(super) fn only_merge(&self) -> bool {
        self.merge.is_some()
    }

    /// Whether indexes may be merged; `enabled` is what the session says.
    pub(super) fn merges(&self, enabled: bool) -> bool {
        !self.no_merge && (self.merge.is_some() || enabled && !self.restricted)
    }

    /// Whether this part (the own key or an index) may be part of a merge. Handles alone do not say of which partition they are.
    pub(super) fn in_merge(&self, index: Option<usize>) -> bool {
        let place = index.map_or(0, |i| i + 1);
        !self.global[place] && self.at(place) && self.merge.as_ref().is_none_or(|wanted| wanted[place])
    }

    /// Drops the paths that have an order they may not have, or lack one that they must have (if one is wanted at all).
    pub(super) fn by_order(&self, paths: &mut Vec<Path>) {
        let place = |path: &Path| path.index.map_or(0, |i| i + 1);
        paths.retain(|path| path.order.is_empty() || !self.unordered[place(path)]);
        let must: Vec<usize> =
            paths.iter().filter(|p| !p.order.is_empty() && self.ordered[place(p)]).map(place).collect();
        paths.retain(|path| !path.order.is_empty() || !must.contains(&place(path)));
    }
}

fn speaks_of(table: &HintTable, scan: &Scan) -> bool {
    let database = table.database.as_ref().is_none_or(|d| d.eq_ignore_ascii_case(&scan.table.database));
    database && table.block == scan.block && table.name.eq_ignore_ascii_case(&scan.alias)
}

/// 0 for the table's own key, else one more than the position of the index.
fn place(scan: &Scan, name: &str) -> Option<usize> {
    match scan.table.index(name) {
        Some(position) => Some(position + 1),
        None => (scan.table.clustered && name.eq_ignore_ascii_case("primary")).then_some(0),
    }
}

/// Warnings for index hints that name what is not there, in TiDB's words. To be asked before the rules, which may drop scans.
/// `current`: the database that a table is in of which none is named.
pub(crate) fn unmatched(cx: &AccessContext, query: &Query, current: Option<&str>) -> Vec<PlanWarning> {
    let (hints, mut warnings) = (cx.hints, Vec::new());
    let named = |hint| match hint {
        HintKind::Index { mode, table, indexes } => {
            let word = match mode {
                IndexMode::Use => "use_index",
                IndexMode::Force => "force_index",
                IndexMode::Ignore => "ignore_index",
                IndexMode::Order => "order_index",
                IndexMode::NoOrder => "no_order_index",
            };
            Some((word, table, indexes))
        }
        HintKind::UseIndexMerge { table, indexes } => Some(("use_index_merge", table, indexes)),
        _ => None,
    };
    let named: Vec<_> = hints.list.iter().filter_map(|hint| named(hint.kind.clone())).collect();
    if named.is_empty() {
        return warnings;
    }
    let mut scans = Vec::new();
    query.ctes.iter().chain([&query.plan]).for_each(|plan| collect(plan, &mut scans));
    for (word, table, indexes) in named {
        let Some(scan) = scans.iter().find(|scan| speaks_of(&table, scan)) else {
            let name = qualified(&table, current);
            let list = listed(&indexes);
            let message =
                format!("{word}({name}{list}) is inapplicable, check whether the table({name}) exists");
            warnings.push(PlanWarning { code: INAPPLICABLE, message });
            continue;
        };
        if word == "use_index_merge" {
            warnings.extend(not_to_merge(cx, scan, &qualified(&table, current), &indexes));
            continue;
        }
        let allowed = Allowed::of(cx, scan);
        let unseen = |name: &&Arc<str>| place(scan, name).is_none_or(|at| allowed.invisible[at]);
        for index in indexes.iter().filter(unseen) {
            let message = format!("Key '{index}' doesn't exist in table '{}'", scan.table.name);
            warnings.push(PlanWarning { code: NO_SUCH_KEY, message });
        }
    }
    warnings
}

/// `USE_INDEX_MERGE(t, i, …)` with indexes that are not there or may not be read.
fn not_to_merge(cx: &AccessContext, scan: &Scan, table: &str, indexes: &[Arc<str>]) -> Option<PlanWarning> {
    let allowed = Allowed::of(cx, scan);
    let usable = |name: &str| match place(scan, name) {
        Some(at) => allowed.at(at),
        // The rows themselves, whatever they are kept by.
        None => name.eq_ignore_ascii_case("primary"),
    };
    let wrong: Vec<String> = indexes.iter().filter(|n| !usable(n)).map(|n| n.to_lowercase()).collect();
    (!wrong.is_empty()).then(|| {
        let (list, wrong) = (listed(indexes), wrong.join(", "));
        let message = format!(
            "use_index_merge({table}{list}) is inapplicable, check whether the indexes ({wrong}) exist, or the \
             indexes are conflicted with use_index/ignore_index/force_index hints."
        );
        PlanWarning { code: INAPPLICABLE, message }
    })
}

fn qualified(table: &HintTable, current: Option<&str>) -> String {
    match table.database.as_deref().or(current) {
        Some(database) => format!("{database}.{}", table.name),
        None => table.name.to_string(),
    }
}

fn listed(indexes: &[Arc<str>]) -> String {
    indexes.iter().map(|name| format!(", {}", name.to_lowercase())).collect()
}

/// Warnings for the USE_INDEX_MERGE that cannot be followed. To be asked after the rules, which bring the predicates to their
/// tables.
pub(crate) fn unmerged(cx: &AccessContext, query: &Query) -> Vec<PlanWarning> {
    if !cx.hints.list.iter().any(|hint| matches!(hint.kind, HintKind::UseIndexMerge { .. })) {
        return vec![];
    }
    let mut scans = Vec::new();
    query.ctes.iter().chain([&query.plan]).for_each(|plan| collect(plan, &mut scans));
    let why = |scan: &Scan| {
        let allowed = Allowed::of(cx, scan);
        let needed = scan.columns.iter().map(|(id, _)| *id).collect();
        let found = paths(cx, scan, &needed, &[], None);
        let followed = |path: &Path| match &path.plan.node {
            // A single row needs nothing merged.
            Node::PointGet(_) | Node::Values { .. } => true,
            _ => merges(&path.plan),
        };
        if allowed.merge.is_none() || found.iter().any(followed) {
            None
        } else if scan.predicates.is_empty() || scan.table.indexes.is_empty() {
            Some(" or disabled. No available filter or available index.")
        } else if allowed.no_merge {
            Some(" or disabled. Got no_index_merge hint or tidb_enable_index_merge is off.")
        } else {
            Some("")
        }
    };
    let warning = |why| PlanWarning { code: UNKNOWN, message: format!("IndexMerge is inapplicable{why}") };
    scans.into_iter().filter_map(why).map(warning).collect()
}

fn merges(plan: &crate::physical::Plan) -> bool {
    matches!(plan.node, Node::IndexMerge(_)) || plan.children().into_iter().any(merges)
}

fn collect<'p>(plan: &'p Plan, scans: &mut Vec<&'p Scan>) {
    if let Plan::Scan(scan) = plan {
        scans.push(scan);
    }
    plan.children().into_iter().for_each(|child| collect(child, scans));
}

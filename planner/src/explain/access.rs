//! The access object: what an operator reads.

use allod_storage::schema::{KeyPart, SpaceId, SqlType, TableDescriptor};

use super::expr::Words;
use crate::physical::{IndexScan, Lookup, Node, Plan, PointGet, Ranges, TableScan};

/// The access object of an operator. A scan names its partitions itself if it is `one_partition` of a PartitionUnion;
/// otherwise its reader does.
pub(super) fn object(node: &Node, one_partition: bool, words: &Words<'_>) -> String {
    match node {
        Node::TableScan(_) | Node::IndexScan(_) => {
            let Some(scan) = Scanned::of(node) else { return String::new() };
            let partitions = scan.partitions_text(words).filter(|_| one_partition);
            let index = scan.index.map(|position| format!("index:{}", index_name(scan.table, position)));
            [Some(format!("table:{}", scan.alias)), partitions, index]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", ")
        }
        Node::TableReader { input } | Node::IndexReader { input } if !one_partition => reader(input, words),
        Node::IndexLookUp(lookup) if !one_partition => reader(&lookup.index, words),
        Node::IndexMerge(merge) if !one_partition => reader(&merge.table, words),
        Node::PointGet(get) => point(get),
        _ => String::new(),
    }
}

/// What a reader of a partitioned table touches: `partition:all`, the names, or `partition:dual` for none.
fn reader(input: &Plan, words: &Words<'_>) -> String {
    scan_below(input).and_then(|scan| scan.partitions_text(words)).unwrap_or_default()
}

fn point(get: &PointGet) -> String {
    let partitions = match get.partitions() {
        Some(of) if get.table.partitioning.is_some() => {
            format!(", partition:{}", partition_names(&get.table, &of))
        }
        Some(_) | None => String::new(),
    };
    let index = match get.index {
        Some(position) => format!(", index:{}", index_name(&get.table, position)),
        None if get.table.clustered && get.table.key.len() > 1 => {
            format!(", clustered index:PRIMARY({})", column_names(&get.table, &get.table.key))
        }
        None => String::new(),
    };
    format!("table:{}{partitions}{index}", get.alias)
}

/// What scans of records and of indexes have in common.
pub(super) struct Scanned<'a> {
    pub table: &'a TableDescriptor,
    pub alias: &'a str,
    pub partitions: Option<&'a [usize]>,
    pub index: Option<usize>,
    pub ranges: &'a Ranges,
}

impl<'a> Scanned<'a> {
    /// Of an operator, if it is a scan.
    pub fn of(node: &'a Node) -> Option<Scanned<'a>> {
        match node {
            Node::TableScan(TableScan { table, alias, partitions, ranges, .. }) => {
                Some(Scanned { table, alias, partitions: partitions.as_deref(), index: None, ranges })
            }
            Node::IndexScan(IndexScan { table, alias, partitions, index, ranges, .. }) => {
                Some(Scanned { table, alias, partitions: partitions.as_deref(), index: Some(*index), ranges })
            }
            _ => None,
        }
    }

    /// What outer rows ask for, on the inner side of an index join.
    pub fn lookup(&self) -> Option<&'a Lookup> {
        match self.ranges {
            Ranges::Lookup(lookup) => Some(lookup),
            Ranges::All | Ranges::Fixed(_) | Ranges::Handles => None,
        }
    }

    /// Ordinal of a column of the scanned key.
    fn key_ordinal(&self, position: usize) -> Option<usize> {
        match self.index {
            Some(index) => self.table.index_space(index, SpaceId(0)).1.get(position).copied(),
            None => self.table.key.get(position).copied(),
        }
    }

    /// Type of a column of the scanned key.
    pub fn key_type(&self, position: usize) -> Option<&'a SqlType> {
        Some(&self.table.columns.get(self.key_ordinal(position)?)?.ty.sql)
    }

    /// Name of a column of the scanned key, as expressions write it.
    pub fn key_column(&self, position: usize) -> String {
        let name = self.key_ordinal(position).map_or("?", |o| part_name(self.table, o));
        format!("{}.{}.{name}", self.table.database, self.table.name)
    }

    /// `partition:p0,p2`, if the table has partitions; with what tells the partition of each lookup.
    fn partitions_text(&self, words: &Words<'_>) -> Option<String> {
        self.table.partitioning.as_ref()?;
        let names = match self.partitions {
            None => "all".into(),
            Some(of) => partition_names(self.table, of),
        };
        let routing = self.lookup().and_then(|lookup| lookup.routing.as_ref());
        let per_task = routing.map(|by| {
            let by: Vec<String> = by.values.iter().map(|(_, e)| words.expr(e)).collect();
            format!(", pruned per task by [{}]", by.join(" "))
        });
        Some(format!("partition:{names}{}", per_task.unwrap_or_default()))
    }
}

/// The scan that a chain of operators stands on; of a double read its index side.
pub(super) fn scan_below(plan: &Plan) -> Option<Scanned<'_>> {
    match Scanned::of(&plan.node) {
        Some(scan) => Some(scan),
        None => plan.children().first().and_then(|child| scan_below(child)),
    }
}

fn partition_names(table: &TableDescriptor, of: &[usize]) -> String {
    if of.is_empty() {
        return "dual".into();
    }
    of.iter().map(|&i| &*table.partitions[i].name).collect::<Vec<_>>().join(",")
}

fn index_name(table: &TableDescriptor, position: usize) -> String {
    let index = &table.indexes[position];
    format!("{}({})", index.name, column_names(table, &index.columns))
}

fn column_names(table: &TableDescriptor, ordinals: &[usize]) -> String {
    ordinals.iter().map(|&o| part_name(table, o)).collect::<Vec<_>>().join(", ")
}

/// A column of a key: of one that begins with a column its name, as TiDB shows it.
fn part_name(table: &TableDescriptor, ordinal: usize) -> &str {
    match table.key_part(ordinal) {
        KeyPart::Column(of) | KeyPart::Prefix(of, _) | KeyPart::SortKey(of, _) => &table.columns[of].name,
        KeyPart::Expression(expr) => expr,
    }
}

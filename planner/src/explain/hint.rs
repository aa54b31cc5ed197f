//! FORMAT = 'hint': the hints by which the planner would choose this plan again.
//!
//! ```text
//! select * from t join u on t.a = u.b where t.c = 1
//! leading(`d`.`t`, `d`.`u`), inl_join(`d`.`u`), use_index(@`sel_1` `d`.`t` `c`), no_order_index(@`sel_1` `d`.`t` `c`), …
//! ```
//! They are those that TiDB writes, in its words and its order: what stands above comes first. A table is called by its alias and
//! the number of its block; where one has no such name, because it is read within a view or made of several tables, nothing is
//! said of it. Point reads need no hint.

use crate::physical::{IndexJoinVariant, IndexScan, JoinKind, Node, Plan, PointGet, Query, Side, TableScan};

use super::names;

/// The hints that pin a plan.
pub fn hints(query: &Query) -> String {
    let own = match query.root.node {
        Node::Update { .. } => "upd_1",
        Node::Delete { .. } => "del_1",
        _ => "",
    };
    let mut pins = Pins { own, blocks: query.blocks, hints: vec![], led: vec![] };
    let grouped = query.ctes.iter().chain([&query.root]).fold(vec![], |mut all, plan| {
        pins.groupings(plan, &mut all);
        all
    });
    for plan in std::iter::once(&query.root).chain(&query.ctes) {
        pins.walk(plan, Above { is_cop: false, is_inner: false }, &grouped);
    }
    pins.hints.join(", ")
}

struct Pins {
    /// What the block of an UPDATE or DELETE is called.
    own: &'static str,
    /// Blocks of the statement's own text.
    blocks: u32,
    hints: Vec<String>,
    /// Blocks with a LEADING: each may have one.
    led: Vec<u32>,
}

/// What stands above an operator.
#[derive(Clone, Copy)]
struct Above {
    /// A reader: it is done beside the data.
    is_cop: bool,
    /// An inner join that it is the left side of.
    is_inner: bool,
}

/// A table as hints name it.
#[derive(Clone, Copy)]
struct Name<'a> {
    database: &'a str,
    alias: &'a str,
    block: u32,
}

impl Pins {
    fn walk(&mut self, plan: &Plan, above: Above, grouped: &[(u32, bool)]) {
        let mut below = Above { is_inner: false, ..above };
        match &plan.node {
            Node::TableReader { input } | Node::IndexReader { input } => {
                below.is_cop = true;
                self.path(scan(input));
            }
            Node::IndexLookUp(lookup) => {
                below.is_cop = true;
                self.path(scan(&lookup.index));
            }
            Node::IndexMerge(merge) => {
                below.is_cop = true;
                let indexes = merge.partial.iter().filter_map(|part| match &scan(&part.plan).node {
                    Node::IndexScan(IndexScan { table, index, .. }) => Some(&*table.indexes[*index].name),
                    Node::TableScan(_) => Some("primary"),
                    _ => None,
                });
                let list = indexes.map(quoted).collect::<Vec<_>>().join(", ");
                if let Some(name) = self.name(&merge.table) {
                    self.say(format!("use_index_merge({}{} {list})", self.at(name.block), name.full()));
                }
            }
            Node::Limit { .. } | Node::TopN { .. } if above.is_cop => self.of_block("limit_to_cop", plan),
            Node::HashAgg(_) | Node::StreamAgg(_) if above.is_cop => self.of_block("agg_to_cop", plan),
            Node::HashAgg(_) | Node::StreamAgg(_) => {
                let hashes = matches!(plan.node, Node::HashAgg(_));
                // One block cannot ask for both.
                let is_plain = least(plan).is_some_and(|block| !grouped.contains(&(block, !hashes)));
                if is_plain {
                    self.of_block(if hashes { "hash_agg" } else { "stream_agg" }, plan);
                }
            }
            Node::HashJoin(join) => {
                let (build, probe) = match join.build {
                    Side::Left => (&join.left, &join.right),
                    Side::Right => (&join.right, &join.left),
                };
                if !above.is_inner {
                    self.leading(plan);
                }
                below.is_inner = join.kind == JoinKind::Inner;
                match join.kind {
                    JoinKind::Inner | JoinKind::Left => {
                        if !self.method("hash_join_build", build) {
                            self.method("hash_join_probe", probe);
                        }
                    }
                    JoinKind::Semi | JoinKind::Anti | JoinKind::Mark(_) => {
                        let _ = self.method("hash_join", &join.right) || self.method("hash_join", &join.left);
                    }
                }
            }
            Node::MergeJoin(join) => {
                if !above.is_inner {
                    self.leading(plan);
                }
                below.is_inner = join.kind == JoinKind::Inner;
                let _ = self.method("merge_join", &join.right) || self.method("merge_join", &join.left);
            }
            Node::IndexJoin(join) => {
                if !above.is_inner {
                    self.leading(plan);
                }
                below.is_inner = join.kind == JoinKind::Inner;
                let method = match join.variant {
                    IndexJoinVariant::Ordered => "inl_join",
                    IndexJoinVariant::Hash { .. } => "inl_hash_join",
                };
                self.method(method, if join.outer == Side::Left { &join.right } else { &join.left });
            }
            _ => {}
        }
        for (child, _) in names::labelled_children(plan) {
            let is_left = sides(plan).is_some_and(|(left, _)| std::ptr::eq(left, child));
            self.walk(child, Above { is_inner: below.is_inner && is_left, ..below }, grouped);
        }
    }

    /// How a table is read.
    fn path(&mut self, scan: &Plan) {
        let Some(name) = self.name(scan) else { return };
        let (at, table) = (self.at(name.block), name.full());
        let order = |keeps: bool| if keeps { "order_index" } else { "no_order_index" };
        match &scan.node {
            Node::IndexScan(IndexScan { table: descriptor, index, keep_order, .. }) => {
                let index = quoted(&descriptor.indexes[*index].name);
                self.say(format!("use_index({at}{table} {index})"));
                self.say(format!("{}({at}{table} {index})", order(*keep_order)));
            }
            Node::TableScan(TableScan { table: descriptor, keep_order, .. }) => {
                self.say(format!("use_index({at}{table} )"));
                if descriptor.clustered {
                    self.say(format!("{}({at}{table} `primary`)", order(*keep_order)));
                }
            }
            _ => {}
        }
    }

    /// A hint of a join's method that names a side; whether that has a name.
    fn method(&mut self, method: &str, side: &Plan) -> bool {
        let Some(name) = self.name(side) else { return false };
        let block = if self.is_default(name.block) { String::new() } else { self.at(name.block) };
        self.say(format!("{method}({block}{})", self.table(name)));
        true
    }

    /// The order of a chain of inner joins, of which this is the last.
    fn leading(&mut self, plan: &Plan) {
        let mut chain = vec![];
        let mut at = plan;
        while let Some((left, right)) = sides(at).filter(|_| is_inner(at)) {
            chain.push(self.name(right));
            at = left;
        }
        chain.push(self.name(at));
        let named: Vec<Name> = chain.into_iter().rev().map_while(|name| name).collect();
        let Some(block) = named.iter().map(|name| name.block).min() else { return };
        if named.len() < 2 || self.led.contains(&block) {
            return;
        }
        self.led.push(block);
        let at = if self.is_default(block) { String::new() } else { self.at(block) };
        let tables: Vec<String> = named.iter().map(|name| self.table(*name)).collect();
        self.say(format!("leading({at}{})", tables.join(", ")));
    }

    /// A hint that has nothing but a block: that of an operator is the first one of its tables.
    fn of_block(&mut self, hint: &str, plan: &Plan) {
        if let Some(block) = least(plan).filter(|block| *block <= self.blocks) {
            let at = self.at(block);
            self.say(format!("{hint}({})", at.trim_end()));
        }
    }

    fn say(&mut self, hint: String) {
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    /// The blocks that are grouped, and whether by hashing.
    fn groupings(&self, plan: &Plan, out: &mut Vec<(u32, bool)>) {
        match &plan.node {
            Node::TableReader { .. } | Node::IndexReader { .. } | Node::IndexLookUp(_) => return,
            Node::HashAgg(_) | Node::StreamAgg(_) => {
                out.extend(least(plan).map(|block| (block, matches!(plan.node, Node::HashAgg(_)))));
            }
            _ => {}
        }
        plan.children().into_iter().for_each(|child| self.groupings(child, out));
    }

    /// Whether hints speak of this block if they say nothing else.
    fn is_default(&self, block: u32) -> bool {
        block == u32::from(self.own.is_empty())
    }

    /// ``@`sel_1` ``, with the blank behind it.
    fn at(&self, block: u32) -> String {
        if block == 0 { format!("@`{}` ", self.own) } else { format!("@`sel_{block}` ") }
    }

    /// A table, with its block where hints would look for it elsewhere.
    fn table(&self, name: Name) -> String {
        let block = if self.is_default(name.block) { String::new() } else { self.at(name.block) };
        format!("{}{}", name.full(), block.trim_end())
    }

    /// What hints call the rows of a plan by: the one table that they are about.
    fn name<'p>(&self, plan: &'p Plan) -> Option<Name<'p>> {
        let (table, alias, block) = match &plan.node {
            Node::TableScan(TableScan { table, alias, block, .. })
            | Node::IndexScan(IndexScan { table, alias, block, .. })
            | Node::PointGet(PointGet { table, alias, block, .. }) => (table, alias, *block),
            Node::PartitionUnion { inputs } => return self.name(inputs.first()?),
            Node::IndexLookUp(lookup) => return self.name(&lookup.table),
            Node::IndexMerge(merge) => return self.name(&merge.table),
            Node::HashJoin(_) | Node::IndexJoin(_) | Node::MergeJoin(_) | Node::Apply(_) => {
                let (left, _) = sides(plan).filter(|_| !keeps_right(plan))?;
                return self.name(left);
            }
            Node::Union { .. } | Node::Values { .. } | Node::CteScan { .. } => return None,
            Node::Insert { .. } | Node::Update { .. } | Node::Delete { .. } => return None,
            Node::TableReader { .. }
            | Node::IndexReader { .. }
            | Node::Selection { .. }
            | Node::Projection { .. }
            | Node::HashAgg(_)
            | Node::StreamAgg(_)
            | Node::Sort { .. }
            | Node::Window { .. }
            | Node::TopN { .. }
            | Node::Limit { .. }
            | Node::MaxOneRow { .. }
            | Node::SelectLock { .. } => return self.name(plan.children().first()?),
        };
        (block <= self.blocks).then_some(Name { database: &table.database, alias, block })
    }
}

impl Name<'_> {
    fn full(&self) -> String {
        format!("{}.{}", quoted(self.database), quoted(self.alias))
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.to_lowercase().replace('`', "``"))
}

/// The scan at the lower end of what is done beside the data.
fn scan(plan: &Plan) -> &Plan {
    plan.children().first().map_or(plan, |input| scan(input))
}

/// The sides of a join.
fn sides(plan: &Plan) -> Option<(&Plan, &Plan)> {
    match &plan.node {
        Node::HashJoin(join) => Some((&join.left, &join.right)),
        Node::IndexJoin(join) => Some((&join.left, &join.right)),
        Node::MergeJoin(join) => Some((&join.left, &join.right)),
        Node::Apply(apply) => Some((&apply.left, &apply.right)),
        _ => None,
    }
}

fn kind(plan: &Plan) -> Option<JoinKind> {
    match &plan.node {
        Node::HashJoin(join) => Some(join.kind),
        Node::IndexJoin(join) => Some(join.kind),
        Node::MergeJoin(join) => Some(join.kind),
        Node::Apply(apply) => Some(apply.kind),
        _ => None,
    }
}

fn is_inner(plan: &Plan) -> bool {
    kind(plan) == Some(JoinKind::Inner) && !matches!(plan.node, Node::Apply(_))
}

fn keeps_right(plan: &Plan) -> bool {
    kind(plan).is_some_and(JoinKind::keeps_right)
}

/// The first block of the tables below.
fn least(plan: &Plan) -> Option<u32> {
    match &plan.node {
        Node::TableScan(TableScan { block, .. })
        | Node::IndexScan(IndexScan { block, .. })
        | Node::PointGet(PointGet { block, .. }) => Some(*block),
        _ => plan.children().into_iter().filter_map(least).min(),
    }
}

//! `append`: transactions read lists and append to them; what they read says in which order they took effect.
//!
//! Elle's idea: elements are unique, and a list shows all that was appended before, so from the reads follows who came before
//! whom. Three kinds of dependency between transactions: *ww*, it appended right behind the other's element; *wr*, it read
//! the other's element as the last; *rw*, it read a list to which the other then appended. Adya's anomalies are cycles of
//! these, or reads of what should never be seen:
//!
//! | name | what |
//! |---|---|
//! | G0 | a cycle of ww: writes of two transactions interleave |
//! | G1a | a read of what failed |
//! | G1b | a read of what a transaction wrote in between |
//! | G1c | a cycle of ww and wr: two transactions that saw each other |
//! | G-single | a cycle with exactly one rw: a transaction that saw another's effect and not its cause; lost updates, too |
//!
//! Cycles with two rw and more are write skew, which snapshot isolation allows.
//!
//! Elements whose transaction's outcome is unknown are in the lists or not; if they are, it is taken for done.

use std::collections::{BTreeMap, BTreeSet};

use allod_storage::client::Client;
use allod_storage::error::Result;
use allod_storage::key::Key;
use allod_storage::schema::SpaceId;

use super::check::graph::Graph;
use super::history::{Op, Outcome};
use super::rows::{Style, TABLE, begin, commit, get, key, put, settle};
use super::workload::{OnClient, Turn, Workload};

/// Lists in use at a time.
pub(super) const LISTS: i64 = 5;
/// Every so often there are new ones, so that they stay short.
pub(super) const ERA_MS: i64 = 3000;
/// The lists of an era lie in different regions.
const STRIDE: i64 = 1 << 20;
const STEPS_MAX: i64 = 4;

/// See the module's essay.
#[derive(Clone)]
pub struct Append;

/// A step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Hash)]
pub enum Step {
    /// Reads a list.
    Read(i64),
    /// Appends an element to a list.
    Append(i64, i64),
}

/// The steps of a transaction.
pub type Input = Vec<Step>;

/// What the reads found, in order.
pub type Output = Vec<Vec<i64>>;

pub(super) fn id(list: i64) -> i64 {
    list % LISTS * STRIDE + list / LISTS
}

pub(super) fn elements(value: Option<&str>) -> Vec<i64> {
    let texts = value.unwrap_or_default().split(',').filter(|text| !text.is_empty());
    texts.map(super::rows::number).collect()
}

async fn act(client: &mut Client, style: Style, steps: &[Step]) -> Result<Outcome<Output>> {
    let lists: BTreeSet<i64> = steps
        .iter()
        .map(|step| match step {
            Step::Read(list) | Step::Append(list, _) => *list,
        })
        .collect();
    let ids: Vec<i64> = lists.iter().map(|&list| id(list)).collect();
    // All of them, also those that are only read: what is read later than the rest would be another snapshot.
    let keys = ids.iter().map(|&id| key(TABLE, id)).collect();
    let Some((mut transaction, ts, _pin)) = begin(client, style, keys).await? else {
        return Ok(Outcome::Fail);
    };
    let found = get(client, TABLE, &ids, ts).await?;
    let mut now: BTreeMap<i64, String> =
        lists.into_iter().zip(found).map(|(list, value)| (list, value.unwrap_or_default())).collect();
    let mut reads = Vec::new();
    for step in steps {
        match step {
            Step::Read(list) => reads.push(elements(now.get(list).map(String::as_str))),
            Step::Append(list, element) => {
                let value = now.entry(*list).or_default();
                if !value.is_empty() {
                    value.push(',');
                }
                value.push_str(&element.to_string());
                put(&mut transaction, TABLE, id(*list), value);
            }
        }
    }
    Ok(commit(transaction, client).await.map(|()| reads))
}

impl Workload for Append {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let era = turn.now_ms / ERA_MS;
        let first = turn.unique() * STEPS_MAX;
        let steps = 1 + turn.below(STEPS_MAX);
        (0..steps)
            .map(|i| {
                let list = era * LISTS + turn.below(LISTS);
                if turn.random.chance(50) { Step::Append(list, first + i + 1) } else { Step::Read(list) }
            })
            .collect()
    }

    fn is_write(&self, input: &Input) -> bool {
        input.iter().any(|step| matches!(step, Step::Append(..)))
    }

    fn last(&self) -> Vec<Input> {
        (0..20).map(|era| (0..LISTS).map(|i| Step::Read(era * LISTS + i)).collect()).collect()
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        Analysis::of(history).anomalies()
    }
}

impl OnClient for Append {
    fn tables(&self) -> Vec<(SpaceId, Vec<Key>)> {
        vec![(TABLE, (1..LISTS).map(|list| key(TABLE, list * STRIDE)).collect())]
    }

    async fn perform(&self, client: &mut Client, style: Style, input: &Input) -> Outcome<Output> {
        settle(act(client, style, input).await)
    }
}

/// Kinds of dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    WriteWrite,
    WriteRead,
    ReadWrite,
}

/// What the reads of a history say.
struct Analysis<'a> {
    history: &'a [Op<Input, Output>],
    /// Which transaction appended an element to a list.
    writers: BTreeMap<(i64, i64), usize>,
    /// What each transaction read from outside: transaction, list, elements without those that it appended itself.
    reads: Vec<(usize, i64, Vec<i64>)>,
    wrong: Vec<String>,
}

impl<'a> Analysis<'a> {
    fn of(history: &'a [Op<Input, Output>]) -> Analysis<'a> {
        let mut writers = BTreeMap::new();
        for (txn, op) in history.iter().enumerate() {
            for step in &op.input {
                if let Step::Append(list, element) = step {
                    writers.insert((*list, *element), txn);
                }
            }
        }
        let mut analysis = Analysis { history, writers, reads: Vec::new(), wrong: Vec::new() };
        for (txn, op) in history.iter().enumerate() {
            analysis.take_in(txn, op);
        }
        analysis
    }

    /// The reads of one transaction, and whether they fit its own steps.
    fn take_in(&mut self, txn: usize, op: &Op<Input, Output>) {
        let Outcome::Ok(found) = &op.outcome else { return };
        let mut own: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let mut found = found.iter();
        for step in &op.input {
            match step {
                Step::Append(list, element) => own.entry(*list).or_default().push(*element),
                Step::Read(list) => {
                    let Some(read) = found.next() else { continue };
                    let mine = own.get(list).map_or(&[][..], |own| own);
                    match read.strip_suffix(mine) {
                        Some(outside) => self.reads.push((txn, *list, outside.to_vec())),
                        None => self.wrong.push(format!("internal: {op:?} does not see its own writes")),
                    }
                }
            }
        }
    }

    fn anomalies(mut self) -> Vec<String> {
        let orders = self.orders();
        self.read_what_should_not_be_seen();
        let graph = self.graph(&orders);
        self.cycles(&graph);
        self.wrong
    }

    /// The elements of each list in order: the longest that was read, of which all others are a beginning.
    fn orders(&mut self) -> BTreeMap<i64, Vec<i64>> {
        let mut orders: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (_, list, elements) in &self.reads {
            let order = orders.entry(*list).or_default();
            if elements.len() > order.len() {
                order.clone_from(elements);
            }
        }
        for (txn, list, elements) in &self.reads {
            if !orders[list].starts_with(elements) {
                let longest = &orders[list];
                self.wrong.push(format!(
                    "lost: transaction {txn} read {elements:?} of list {list}, another {longest:?}"
                ));
            }
        }
        for (list, order) in &orders {
            let distinct: BTreeSet<&i64> = order.iter().collect();
            if distinct.len() != order.len() {
                self.wrong.push(format!("twice: list {list} is {order:?}"));
            }
            for element in order {
                if !self.writers.contains_key(&(*list, *element)) {
                    self.wrong.push(format!("made up: {element} in list {list}"));
                }
            }
        }
        orders
    }

    fn read_what_should_not_be_seen(&mut self) {
        for (txn, list, elements) in &self.reads {
            for element in elements {
                if let Some(&writer) = self.writers.get(&(*list, *element))
                    && self.history[writer].outcome == Outcome::Fail
                {
                    self.wrong
                        .push(format!("G1a: transaction {txn} read {element} of {writer}, which failed"));
                }
            }
            let Some(last) = elements.last() else { continue };
            let Some(&writer) = self.writers.get(&(*list, *last)) else { continue };
            let mut own = self.history[writer].input.iter().filter_map(|step| match step {
                Step::Append(l, element) if l == list => Some(element),
                Step::Append(..) | Step::Read(_) => None,
            });
            if own.next_back() != Some(last) {
                self.wrong
                    .push(format!("G1b: transaction {txn} read {last}, which {writer} wrote in between"));
            }
        }
    }

    fn graph(&self, orders: &BTreeMap<i64, Vec<i64>>) -> Graph<Edge> {
        let mut graph = Graph::new(self.history.len());
        let writer = |list: i64, element: i64| self.writers.get(&(list, element)).copied();
        for (list, order) in orders {
            for pair in order.windows(2) {
                if let (Some(a), Some(b)) = (writer(*list, pair[0]), writer(*list, pair[1])) {
                    graph.add(a, b, Edge::WriteWrite);
                }
            }
        }
        for (txn, list, elements) in &self.reads {
            if let Some(from) = elements.last().and_then(|last| writer(*list, *last)) {
                graph.add(from, *txn, Edge::WriteRead);
            }
            let next = orders[list].get(elements.len());
            if let Some(to) = next.and_then(|next| writer(*list, *next)) {
                graph.add(*txn, to, Edge::ReadWrite);
            }
        }
        graph
    }

    fn cycles(&mut self, graph: &Graph<Edge>) {
        let ww = |kind| kind == Edge::WriteWrite;
        let without_rw = |kind| kind != Edge::ReadWrite;
        let wrong = &mut self.wrong;
        let mut found = |name: &str, from: usize, to: usize, kinds: &dyn Fn(Edge) -> bool| {
            if let Some(way) = graph.way(to, from, kinds) {
                wrong.push(format!("{name}: a cycle of transactions {way:?}"));
            }
        };
        // An edge within a component lies on a cycle. One of each component is enough.
        let within = |components: &[usize], kind: &dyn Fn(Edge) -> bool| {
            let mut told = BTreeSet::new();
            let edges = graph.edges(kind).filter(|&(from, to, _)| components[from] == components[to]);
            edges.filter(|&(from, _, _)| told.insert(components[from])).collect::<Vec<_>>()
        };
        let interleaved = within(&graph.components(ww), &ww);
        for (from, to, _) in &interleaved {
            found("G0", *from, *to, &ww);
        }
        let circular = within(&graph.components(without_rw), &without_rw);
        for (from, to, _) in circular.iter().filter(|_| interleaved.is_empty()) {
            found("G1c", *from, *to, &without_rw);
        }
        let components = graph.components(|_| true);
        let mut told = BTreeSet::new();
        for (from, to, _) in graph.edges(|kind| kind == Edge::ReadWrite) {
            // Back from there without another rw.
            if components[from] == components[to]
                && !told.contains(&components[from])
                && let Some(way) = graph.way(to, from, without_rw)
            {
                told.insert(components[from]);
                self.wrong.push(format!("G-single: a cycle of transactions {way:?}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    fn txn(steps: &[Step], reads: &[&[i64]]) -> Op<Input, Output> {
        op(steps.to_vec(), 0, 1, Outcome::Ok(reads.iter().map(|r| r.to_vec()).collect()))
    }

    fn names(history: &[Op<Input, Output>]) -> Vec<String> {
        let wrong = Append.check(history);
        wrong.iter().map(|text| text.split(':').next().unwrap_or_default().to_string()).collect()
    }

    use Step::{Append as A, Read as R};

    #[test]
    fn each_anomaly_is_found_by_its_name() {
        let good = [
            txn(&[A(1, 1), A(2, 2)], &[]),
            txn(&[R(1), A(1, 3)], &[&[1]]),
            txn(&[R(1), R(2)], &[&[1, 3], &[2]]),
            txn(&[A(1, 4), R(1)], &[&[1, 3, 4]]),
        ];
        assert_eq!(names(&good), [""; 0]);
        // Each appends to both lists, in another order.
        let g0 = [
            txn(&[A(1, 1), A(2, 1)], &[]),
            txn(&[A(1, 2), A(2, 2)], &[]),
            txn(&[R(1), R(2)], &[&[1, 2], &[2, 1]]),
        ];
        assert!(names(&g0).contains(&"G0".to_string()), "{:?}", names(&g0));
        let g1a = [op(vec![A(1, 1)], 0, 1, Outcome::Fail), txn(&[R(1)], &[&[1]])];
        assert_eq!(names(&g1a), ["G1a"]);
        let g1b = [txn(&[A(1, 1), A(1, 2)], &[]), txn(&[R(1)], &[&[1]])];
        assert!(names(&g1b).contains(&"G1b".to_string()));
        // Each saw the other's.
        let g1c = [txn(&[A(1, 1), R(2)], &[&[2]]), txn(&[A(2, 2), R(1)], &[&[1]])];
        assert_eq!(names(&g1c), ["G1c"]);
        // It saw the second's append and not the first's, which the second had seen.
        let skewed = [txn(&[A(1, 1), A(2, 2)], &[]), txn(&[R(1), R(2)], &[&[], &[2]]), txn(&[R(1)], &[&[1]])];
        assert_eq!(names(&skewed), ["G-single"]);
        // Both read the empty list before they appended.
        let lost_update =
            [txn(&[R(1), A(1, 1)], &[&[]]), txn(&[R(1), A(1, 2)], &[&[]]), txn(&[R(1)], &[&[1, 2]])];
        assert_eq!(names(&lost_update), ["G-single"]);
        // Write skew: two rw. Snapshot isolation allows it.
        let skew =
            [txn(&[R(1), A(2, 1)], &[&[]]), txn(&[R(2), A(1, 2)], &[&[]]), txn(&[R(1), R(2)], &[&[2], &[1]])];
        assert_eq!(names(&skew), [""; 0]);
        let lost = [txn(&[A(1, 1)], &[]), txn(&[A(1, 2)], &[]), txn(&[R(1)], &[&[1]]), txn(&[R(1)], &[&[2]])];
        assert!(names(&lost).contains(&"lost".to_string()));
        assert_eq!(names(&[txn(&[A(1, 1)], &[]), txn(&[R(1)], &[&[1, 1]])]), ["twice"]);
        assert_eq!(names(&[txn(&[R(1)], &[&[9]])]), ["made up"]);
        assert_eq!(names(&[txn(&[A(1, 1), R(1)], &[&[]])]), ["internal"]);
        let unknown = op(vec![A(1, 1)], 0, 1, Outcome::Unknown);
        assert_eq!(names(&[unknown.clone(), txn(&[R(1)], &[&[1]])]), [""; 0]);
        assert_eq!(names(&[unknown, txn(&[R(1)], &[&[]])]), [""; 0]);
    }
}

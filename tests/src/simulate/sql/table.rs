//! `sql-table`: definitions through the catalog. Who comes after one has it, or has it gone; and rows are never wrong.
//!
//! One process defines: it makes a table, then an index on it, adds a partition, empties the table, drops the index, and drops
//! the table, each a few seconds after the other, for a new table every few seconds. The others insert and read meanwhile,
//! through records and through the index, below and above the limit that the new partition moves.

use std::collections::{BTreeMap, BTreeSet};

use allod::{Result, Session, code};

use super::{begin, int};
use crate::database::rows;
use crate::simulate::history::{Op, Outcome};
use crate::simulate::rows::Style;
use crate::simulate::workload::{InSql, Turn, Workload};

/// Every so often there is a new table.
const ERA_MS: i64 = 2500;
/// The first. Those before are never made.
const FIRST: i64 = 10;
/// What is defined, and so many eras after the table was.
const DEFINITIONS: [(Action, i64); 6] = [
    (Action::Create, 0),
    (Action::Index, 1),
    (Action::Partition, 1),
    (Action::Truncate, 2),
    (Action::Unindex, 3),
    (Action::Drop, 4),
];
/// Tables are used for so many eras, the last of them after they are gone.
const USED: i64 = 5;
/// Rows from this id on have no partition at first.
const LIMIT: i64 = 1_000_000;

/// See the module's essay.
#[derive(Clone)]
pub struct SqlTable;

/// What a process does with a table.
#[derive(Clone, Copy, Debug, PartialEq, Hash)]
pub enum Action {
    /// Makes it. Again does no harm, as with the other definitions.
    Create,
    /// Adds an index.
    Index,
    /// Adds a partition.
    Partition,
    /// Takes all rows away.
    Truncate,
    /// Takes the index away.
    Unindex,
    /// Takes the table away.
    Drop,
    /// Inserts a row that nobody else inserts.
    Write(i64),
    /// Reads all rows.
    Read {
        /// Through the index.
        by_index: bool,
    },
}

/// Which table, and what.
pub type Input = (i64, Action);

/// What it met.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Output {
    /// There is no such table.
    NoTable,
    /// There is no such index.
    NoIndex,
    /// There is no partition for the row.
    NoPartition,
    /// It is done.
    Done,
    /// The rows.
    Rows(Vec<(i64, i64)>),
}

/// What belongs to a row.
fn twin(id: i64) -> i64 {
    3 * id + 1
}

fn define(session: &mut Session, table: i64, action: Action) -> Result<()> {
    let sql = match action {
        Action::Create => format!(
            "create table if not exists t{table} (id bigint primary key, v bigint not null) \
             partition by range (id) (partition low values less than ({LIMIT}))"
        ),
        Action::Index => format!("create index iv on t{table} (v)"),
        Action::Partition => {
            format!("alter table t{table} add partition (partition high values less than ({}))", 2 * LIMIT)
        }
        Action::Truncate => format!("truncate table t{table}"),
        Action::Unindex => format!("drop index iv on t{table}"),
        Action::Drop => format!("drop table if exists t{table}"),
        Action::Write(_) | Action::Read { .. } => return Ok(()),
    };
    session.run(&sql).map(drop)
}

fn use_it(session: &mut Session, style: Style, table: i64, action: Action) -> Result<Output> {
    match action {
        Action::Read { by_index } => {
            let index = if by_index { " force index (iv) where v >= 0" } else { "" };
            let found = rows(session, &format!("select id, v from t{table}{index}"))?;
            Ok(Output::Rows(found.iter().map(|row| (int(&row[0]), int(&row[1]))).collect()))
        }
        Action::Write(id) => {
            let insert = format!("insert into t{table} values ({id}, {})", twin(id));
            if style.options.one_phase {
                session.run(&insert)?;
            } else {
                begin(session, style)?;
                session.run(&insert)?;
                session.run("commit")?;
            }
            Ok(Output::Done)
        }
        definition => define(session, table, definition).map(|()| Output::Done),
    }
}

impl Workload for SqlTable {
    type Input = Input;
    type Output = Output;

    fn next(&self, turn: &mut Turn<'_>) -> Input {
        let era = FIRST + turn.now_ms / ERA_MS;
        if turn.process == 0 {
            let (action, later) = DEFINITIONS[turn.number as usize % DEFINITIONS.len()];
            return (era - later, action);
        }
        let table = era - turn.below(USED + 1);
        let action = match turn.below(4) {
            0 => Action::Read { by_index: false },
            1 => Action::Read { by_index: true },
            2 => Action::Write(turn.unique()),
            _ => Action::Write(LIMIT + turn.unique()),
        };
        (table, action)
    }

    fn is_write(&self, input: &Input) -> bool {
        !matches!(input.1, Action::Read { .. })
    }

    fn last(&self) -> Vec<Input> {
        vec![(FIRST, Action::Read { by_index: false }), (FIRST + 1, Action::Read { by_index: true })]
    }

    fn check(&self, history: &[Op<Input, Output>]) -> Vec<String> {
        let mut tables: BTreeMap<i64, Vec<&Op<Input, Output>>> = BTreeMap::new();
        for op in history {
            tables.entry(op.input.0).or_default().push(op);
        }
        let mut wrong = Vec::new();
        for (table, ops) in tables {
            let history = Table { table, ops };
            history.definitions(&mut wrong);
            history.rows(&mut wrong);
        }
        wrong
    }
}

impl InSql for SqlTable {
    fn statements(&self, _run_ms: i64) -> Vec<String> {
        Vec::new()
    }

    fn act(&self, session: &mut Session, style: Style, (table, action): &Input) -> Result<Outcome<Output>> {
        let error = match use_it(session, style, *table, *action) {
            Ok(output) => return Ok(Outcome::Ok(output)),
            Err(error) => error,
        };
        if DEFINITIONS.iter().any(|(definition, _)| definition == action) {
            // It is there already, or not any more, or nobody knows whether it came through: not for the checker.
            let is_met = DEFINED_OTHERWISE.contains(&error.code()) || super::is_expected(error.code());
            return if is_met { Ok(Outcome::Unknown) } else { Err(error) };
        }
        let met = match error.code() {
            code::NO_SUCH_TABLE => Output::NoTable,
            code::UNKNOWN_KEY => Output::NoIndex,
            code::NO_PARTITION_FOR_VALUE => Output::NoPartition,
            _ => return Err(error),
        };
        // In a transaction it would stay blind for what is defined from now on.
        session.run("rollback")?;
        Ok(Outcome::Ok(met))
    }
}

/// What a definition meets that was done before, by an attempt that nobody heard of, or whose table is gone.
const DEFINED_OTHERWISE: [u16; 4] =
    [code::NO_SUCH_TABLE, code::DUPLICATE_KEY_NAME, code::CANNOT_DROP, NOT_INCREASING];
/// The partition is there.
const NOT_INCREASING: u16 = 1493;

/// What was done with one table.
struct Table<'a> {
    table: i64,
    ops: Vec<&'a Op<Input, Output>>,
}

impl Table<'_> {
    fn all(&self, action: Action) -> impl Iterator<Item = &Op<Input, Output>> {
        self.ops.iter().copied().filter(move |op| op.input.1 == action)
    }

    /// Whether such a definition was done before the operation began.
    fn is_done(&self, action: Action, op: &Op<Input, Output>) -> bool {
        self.all(action).any(|d| d.outcome.ok().is_some() && d.is_before(op))
    }

    /// Whether such a definition had begun when the operation ended.
    fn has_begun(&self, action: Action, op: &Op<Input, Output>) -> bool {
        self.all(action).any(|d| !op.is_before(d))
    }

    fn definitions(&self, wrong: &mut Vec<String>) {
        let table = self.table;
        for op in &self.ops {
            let (action, Some(met)) = (op.input.1, op.outcome.ok()) else { continue };
            // What it is about, and whether it was there.
            let mut saw = vec![("the table", Action::Create, Action::Drop, *met != Output::NoTable)];
            match action {
                Action::Read { by_index: true } if *met != Output::NoTable => {
                    saw.push(("the index", Action::Index, Action::Unindex, *met != Output::NoIndex));
                }
                Action::Write(id) if id >= LIMIT && *met != Output::NoTable => {
                    saw.push(("the partition", Action::Partition, Action::Drop, *met != Output::NoPartition));
                }
                Action::Write(_) | Action::Read { .. } => {}
                _ => continue,
            }
            for (what, made, dropped, is_there) in saw {
                let at = op.invoked_us;
                if !is_there && self.is_done(made, op) && !self.has_begun(dropped, op) {
                    wrong.push(format!("{what} of t{table} is not there at {at} us, though it was made"));
                }
                if is_there && !self.has_begun(made, op) {
                    wrong.push(format!("{what} of t{table} is there at {at} us, though nobody made it"));
                }
                if is_there && self.is_done(dropped, op) {
                    wrong.push(format!("{what} of t{table} is there at {at} us, though it was dropped"));
                }
            }
        }
    }

    fn rows(&self, wrong: &mut Vec<String>) {
        let writes: BTreeMap<i64, &Op<Input, Output>> = self
            .ops
            .iter()
            .filter_map(|op| match op.input.1 {
                Action::Write(id) => Some((id, *op)),
                _ => None,
            })
            .collect();
        for read in &self.ops {
            let Some(Output::Rows(found)) = read.outcome.ok() else { continue };
            let mut tell = |what: String| {
                wrong.push(format!("a read of t{} at {} us finds {what}", self.table, read.invoked_us));
            };
            let ids: BTreeSet<i64> = found.iter().map(|(id, _)| *id).collect();
            if ids.len() != found.len() {
                tell("a row twice".to_string());
            }
            for (id, v) in found {
                match writes.get(id) {
                    _ if *v != twin(*id) => tell(format!("{v} at row {id}")),
                    None => tell(format!("row {id}, which nobody wrote")),
                    Some(write) if write.outcome == Outcome::Fail => {
                        tell(format!("row {id}, which had failed"));
                    }
                    Some(write) if matches!(write.outcome.ok(), Some(met) if *met != Output::Done) => {
                        tell(format!("row {id}, which had no place to go"));
                    }
                    Some(write) if read.is_before(write) => tell(format!("row {id} before it was written")),
                    Some(write) => {
                        let emptied = |t: &&Op<Input, Output>| {
                            t.outcome.ok().is_some() && write.is_before(*t) && t.is_before(read)
                        };
                        if write.outcome.ok().is_some() && self.all(Action::Truncate).any(|t| emptied(&t)) {
                            tell(format!("row {id}, which was taken away"));
                        }
                    }
                }
            }
            for (id, write) in &writes {
                let is_acknowledged = write.outcome.ok() == Some(&Output::Done) && write.is_before(read);
                let may_be_gone =
                    self.all(Action::Truncate).any(|t| !t.is_before(write) && !read.is_before(t));
                // A truncation that nobody waited for any more may also be done later.
                let late = self.all(Action::Truncate).any(|t| t.outcome.ok().is_none() && !read.is_before(t));
                if is_acknowledged && !may_be_gone && !late && !ids.contains(id) {
                    tell(format!("no row {id}, which was acknowledged"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::history::op;

    fn done(action: Action, from: u64, to: u64) -> Op<Input, Output> {
        op((1, action), from, to, Outcome::Ok(Output::Done))
    }

    fn check(more: &[Op<Input, Output>]) -> Vec<String> {
        let mut history = vec![
            done(Action::Create, 0, 5),
            done(Action::Index, 10, 15),
            done(Action::Partition, 20, 25),
            done(Action::Truncate, 40, 45),
            done(Action::Unindex, 60, 65),
            done(Action::Drop, 80, 85),
        ];
        history.extend_from_slice(more);
        SqlTable.check(&history)
    }

    fn read(by_index: bool, from: u64, to: u64, met: Output) -> Op<Input, Output> {
        op((1, Action::Read { by_index }), from, to, Outcome::Ok(met))
    }

    fn found(ids: &[i64]) -> Output {
        Output::Rows(ids.iter().map(|&id| (id, twin(id))).collect())
    }

    #[test]
    fn definitions_that_are_seen_too_early_too_late_or_not_at_all_are_found() {
        let high = |from, to, met| op((1, Action::Write(LIMIT)), from, to, Outcome::Ok(met));
        for good in [
            read(false, 1, 2, Output::NoTable),
            read(false, 6, 7, found(&[])),
            read(true, 6, 7, Output::NoIndex),
            read(true, 11, 12, Output::NoIndex),
            read(true, 11, 12, found(&[])),
            read(true, 62, 63, Output::NoIndex),
            high(6, 7, Output::NoPartition),
            high(26, 27, Output::Done),
            read(false, 81, 82, Output::NoTable),
            read(true, 90, 91, Output::NoTable),
        ] {
            assert_eq!(check(std::slice::from_ref(&good)), [""; 0], "{good:?}");
        }
        for (bad, why) in [
            (read(false, 6, 7, Output::NoTable), "the table of t1 is not there at 6 us, though it was made"),
            (read(false, 90, 91, found(&[])), "the table of t1 is there at 90 us, though it was dropped"),
            (
                read(true, 16, 17, Output::NoIndex),
                "the index of t1 is not there at 16 us, though it was made",
            ),
            (read(true, 6, 7, found(&[])), "the index of t1 is there at 6 us, though nobody made it"),
            (read(true, 66, 67, found(&[])), "the index of t1 is there at 66 us, though it was dropped"),
            (
                high(26, 27, Output::NoPartition),
                "the partition of t1 is not there at 26 us, though it was made",
            ),
            (high(6, 7, Output::Done), "the partition of t1 is there at 6 us, though nobody made it"),
        ] {
            assert_eq!(check(&[bad]), [why]);
        }
    }

    #[test]
    fn rows_that_are_wrong_lost_or_back_again_are_found() {
        let write = |id, from, to, outcome| op((1, Action::Write(id)), from, to, outcome);
        let writes = [
            write(1, 6, 7, Outcome::Ok(Output::Done)),
            write(2, 6, 7, Outcome::Fail),
            write(3, 6, 7, Outcome::Unknown),
            write(4, 46, 47, Outcome::Ok(Output::Done)),
        ];
        let with = |op| {
            let mut all = writes.to_vec();
            all.push(op);
            check(&all)
        };
        for good in [
            read(false, 8, 9, found(&[1])),
            read(false, 8, 9, found(&[1, 3])),
            read(false, 41, 42, found(&[1])),
            read(false, 41, 42, found(&[])),
            read(false, 48, 49, found(&[4])),
        ] {
            assert_eq!(with(good.clone()), [""; 0], "{good:?}");
        }
        for (bad, why) in [
            (read(false, 8, 9, found(&[])), "finds no row 1, which was acknowledged"),
            (read(false, 8, 9, found(&[1, 2])), "finds row 2, which had failed"),
            (read(false, 8, 9, found(&[1, 4])), "finds row 4 before it was written"),
            (read(false, 8, 9, found(&[1, 1])), "finds a row twice"),
            (read(false, 8, 9, found(&[1, 9])), "finds row 9, which nobody wrote"),
            (read(false, 8, 9, Output::Rows(vec![(1, 5)])), "finds 5 at row 1"),
            (read(false, 48, 49, found(&[1, 4])), "finds row 1, which was taken away"),
            (read(true, 48, 49, found(&[])), "finds no row 4, which was acknowledged"),
        ] {
            let told = with(bad);
            assert!(told.len() == 1 && told[0].ends_with(why), "{told:?}, not {why}");
        }
    }
}

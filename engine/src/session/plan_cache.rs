//! Plans that a session keeps, by the text of their statements.
//!
//! To parse, bind and plan a small query takes many times as long as to run it. So the session keeps the plan of what it has
//! run, as long as everything that the plan was made from is as it was: the current database, the version of the schema
//! (which counts statistics too), the variables of the session (but for those that say how transactions commit and how long
//! anybody waits), the values of parameters. Statements with the time, user variables and the like in them are not kept
//! ([`BoundQuery::cacheable`](allod_planner::BoundQuery)); for new parameters a plan may still be good with other values in
//! it ([`Template`]).
//!
//! A text with literals is looked up as it is, and then as a text with parameters ([`generalized`]), by which its plan is
//! kept if there is a template for it. A general text that has none is remembered by its hash and not tried again.
//!
//! ```text
//! select c from t where id = 1      planned, kept for `select c from t where id = ?` and 1
//! select c from t where id = 2      that plan, filled with 2
//! select c from t where id = 'x'    planned in full
//! ```
//!
//! The map is owned by the session and bounded: it has two generations, and when the young one is full the old one goes.
//! What is found in the old one moves to the young one, so what is used stays.
//!
//! A plan holds the descriptors of its tables, and rows that a descriptor names are not dropped while somebody may read them
//! ([`crate::catalog`]). So all plans are of one version, the newest that the session has seen: when a statement sees another
//! they all go at once, and before a change of the schema by the session itself too. What is left are the plans of sessions
//! that do nothing.

use std::hash::BuildHasher;
use std::sync::Arc;

use allod_planner::template::{Generalized, Template, generalized};
use allod_storage::schema::Datum;
use hashbrown::{HashMap, HashSet};

use super::statement::Planned;

/// Plans of one generation; TiDB's `tidb_session_plan_cache_size`.
const GENERATION: usize = 100;
/// Longest text that is kept.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// So many general texts without a template are remembered.
const REFUSED_MAX: usize = 4096;
/// How often in a row a template may turn out not to fit before no more are looked for.
const MISSES_MAX: u32 = 8;

/// What a plan depends on besides the text and the version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Setting<'a> {
    /// The current database.
    pub database: Option<&'a str>,
    /// Counts changes of the session's variables that plans may depend on.
    pub variables: u64,
}

struct Entry {
    database: Option<Arc<str>>,
    variables: u64,
    params: Vec<Datum>,
    planned: Arc<Planned>,
    template: Option<Template>,
    /// How often in a row a template did not fit.
    misses: u32,
}

/// The plans.
#[derive(Default)]
pub(super) struct PlanCache {
    /// The version of the schema and the statistics that all plans are of.
    version: u64,
    young: HashMap<Arc<str>, Entry>,
    old: HashMap<Arc<str>, Entry>,
    /// Hashes of general texts that have no template. Two texts of one hash are taken for one: then one of them is planned
    /// more often than need be.
    refused: HashSet<u64>,
}

impl PlanCache {
    /// Forgets all plans if this is not the version that they are of.
    pub fn at(&mut self, version: u64) {
        if self.version != version {
            self.clear();
            self.version = version;
        }
    }

    /// Forgets all plans.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.refused.clear();
    }

    /// The text with parameters that stands for this one, if it is not known to be of no use.
    pub fn generalized(&self, text: &str) -> Option<Generalized> {
        let general = generalized(text)?;
        (self.refused.is_empty() || !self.refused.contains(&self.hash(&general.text))).then_some(general)
    }

    /// Remembers that a general text has no template.
    pub fn refuse(&mut self, general: &str) {
        if self.refused.len() >= REFUSED_MAX {
            self.refused.clear();
        }
        self.refused.insert(self.hash(general));
    }

    fn hash(&self, text: &str) -> u64 {
        self.refused.hasher().hash_one(text)
    }

    /// The plan of a text, if it is still good for the version that [`at`](PlanCache::at) was told.
    pub fn get(&mut self, text: &str, setting: Setting<'_>, params: &[Datum]) -> Option<Arc<Planned>> {
        if !self.old.is_empty()
            && let Some((text, entry)) = self.old.remove_entry(text)
        {
            self.insert(text, entry);
        }
        let entry = self.young.get_mut(text)?;
        let now = Setting { database: entry.database.as_deref(), variables: entry.variables };
        if now != setting {
            self.young.remove(text);
            return None;
        }
        if entry.params == params {
            return Some(Arc::clone(&entry.planned));
        }
        if entry.params.len() != params.len() {
            return None;
        }
        let filled = entry.planned.filled(entry.template.as_ref()?, params)?;
        entry.misses = 0;
        Some(Arc::new(filled))
    }

    /// Whether a template is worth looking for: those that the text had before have not failed again and again.
    pub fn wants_template(&self, text: &str) -> bool {
        self.young.get(text).is_none_or(|entry| entry.misses < MISSES_MAX)
    }

    /// Notes that the template that is kept by this text did not fit; `false` if there is none.
    pub fn missed(&mut self, text: &str) -> bool {
        let known = self.young.get_mut(text).filter(|known| known.template.is_some());
        known.map(|known| known.misses = known.misses.saturating_add(1)).is_some()
    }

    /// Keeps a plan of that version.
    pub fn put(
        &mut self,
        text: &Arc<str>,
        setting: Setting<'_>,
        params: &[Datum],
        planned: &Arc<Planned>,
        template: Option<Template>,
    ) {
        if text.len() > TEXT_BYTES_MAX {
            return;
        }
        // What does not fit these values may fit those that come next.
        if self.missed(text) && template.is_none() {
            return;
        }
        let misses = self.young.get(text).map_or(0, |known| known.misses);
        let entry = Entry {
            database: setting.database.map(Arc::from),
            variables: setting.variables,
            params: params.to_vec(),
            planned: Arc::clone(planned),
            template,
            misses,
        };
        self.insert(Arc::clone(text), entry);
    }

    fn insert(&mut self, text: Arc<str>, entry: Entry) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(text, entry);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use allod_storage::client::GarbagePolicy;

    use crate::{Database, params};

    fn from_cache(session: &mut crate::Session) -> i64 {
        i64::from(session.plan_was_found())
    }

    fn first(session: &mut crate::Session, sql: &str) -> Option<i64> {
        let row = session.execute(sql).unwrap().rows().next();
        row.map(|row| row.unwrap().get(0).unwrap())
    }

    #[test]
    fn a_plan_is_found_again_until_something_changes() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, v int)").unwrap();
        session.run("insert into t values (1, 10), (2, 20)").unwrap();
        let sql = "select v from t where v > 10";
        assert_eq!((first(&mut session, sql), from_cache(&mut session)), (Some(20), 0));
        assert_eq!(
            (first(&mut session, " select v from t where v > 10 ; "), from_cache(&mut session)),
            (Some(20), 1)
        );
        // Rows are read, not kept.
        session.run("update t set v = 30 where id = 2").unwrap();
        assert_eq!((first(&mut session, sql), from_cache(&mut session)), (Some(30), 1));
        for change in [
            "create index i on t (v)",
            "analyze table t",
            "set sql_notes = 0",
            "drop index i on t",
            "create database d",
        ] {
            session.run(change).unwrap();
            assert_eq!((first(&mut session, sql), from_cache(&mut session)), (Some(30), 0), "{change}");
            assert_eq!((first(&mut session, sql), from_cache(&mut session)), (Some(30), 1), "{change}");
        }
        session.run("create table d.t (v int)").unwrap();
        session.run("insert into d.t values (77)").unwrap();
        assert_eq!(first(&mut session, sql), Some(30));
        assert_eq!((first(&mut session, sql), from_cache(&mut session)), (Some(30), 1));
        session.run("set TIDB_ENABLE_1PC = 0, innodb_lock_wait_timeout = 1").unwrap();
        assert_eq!((first(&mut session, sql), from_cache(&mut session)), (Some(30), 1), "of no plan");
        session.run("use d").unwrap();
        assert_eq!((first(&mut session, sql), from_cache(&mut session)), (Some(77), 0));
        session.run("use test").unwrap();
        session.run("drop table t").unwrap();
        assert_eq!(session.execute(sql).unwrap_err().code(), 1146);
    }

    #[test]
    fn what_is_assigned_is_that_of_each_run() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, v bigint, w bigint)").unwrap();
        session.run("insert into t values (1, 10, 1), (2, 20, 2)").unwrap();
        let set = session.prepare("update t set v = ?, w = w + 1 where id = ?").unwrap();
        let add = session.prepare("update t set v = v + 1 where id = ?").unwrap();
        let mut cached = Vec::new();
        for (v, id) in [(5, 1), (6, 1), (7, 2), (6, 2), (-1, 3), (8, 1)] {
            session.execute_prepared(&set, params![v, id]).unwrap();
            cached.push(from_cache(&mut session));
        }
        for id in [1, 2, 2] {
            session.execute_prepared(&add, params![id]).unwrap();
            cached.push(from_cache(&mut session));
        }
        assert_eq!(cached, [0, 1, 1, 1, 1, 1, 0, 1, 1]);
        let rows: Vec<[i64; 2]> = (1..=2)
            .map(|id| {
                let sql = format!("select v, w from t where id = {id}");
                let row = session.execute(&sql).unwrap().rows().next().unwrap().unwrap();
                [row.get(0).unwrap(), row.get(1).unwrap()]
            })
            .collect();
        assert_eq!(rows, [[9, 4], [8, 4]]);
    }

    #[test]
    fn parameters_are_filled_in_where_they_are_keys() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, v int, c varchar(5))").unwrap();
        session.run("insert into t values (1, 10, 'a'), (2, 20, 'b')").unwrap();
        let get = session.prepare("select v from t where id = ?").unwrap();
        let mut ask = |params: &[allod_storage::schema::Datum]| {
            let row = session.execute_prepared(&get, params).unwrap().rows().next();
            let value: Option<i64> = row.map(|row| row.unwrap().get(0).unwrap());
            (value, from_cache(&mut session))
        };
        assert_eq!(ask(params![1]), (Some(10), 0));
        assert_eq!(ask(params![2]), (Some(20), 1));
        assert_eq!(ask(params![3]), (None, 1));
        assert_eq!(ask(params![3_000_000_000i64]), (None, 1));
        assert_eq!(ask(params!["2"]), (Some(20), 0));
        assert_eq!(ask(params![allod_storage::schema::Datum::Null]), (None, 0));
        // What did not fit has not taken its place.
        assert_eq!(ask(params![1]), (Some(10), 1));
        assert_eq!(ask(params![2]), (Some(20), 1));
        let many = session.prepare("select v from t where v > ?").unwrap();
        let count = |session: &mut crate::Session, v: i64| {
            session.execute_prepared(&many, params![v]).unwrap().rows().count()
        };
        assert_eq!((count(&mut session, 10), count(&mut session, 0), count(&mut session, 0)), (1, 2, 2));
        assert_eq!(from_cache(&mut session), 1);
    }

    #[test]
    fn texts_that_differ_in_literals_share_a_plan() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, v int, c varchar(5), key v (v))").unwrap();
        session.run("insert into t values (1, 10, 'a'), (2, 20, 'b'), (3, 20, 'c')").unwrap();
        let mut ask = |sql: &str| (first(&mut session, sql), from_cache(&mut session));
        for (sql, want) in [
            ("select v from t where id = 1", (Some(10), 0)),
            ("select v from t where id = 2", (Some(20), 1)),
            ("select v from t where id = -2", (None, 1)),
            ("select v from t where id = 4", (None, 1)),
            // Another kind of value, and one that is no value.
            ("select v from t where id = '2'", (Some(20), 0)),
            ("select v from t where id = null", (None, 0)),
            ("select v from t where id = 1.0", (Some(10), 0)),
            ("select v from t where id = 3", (Some(20), 1)),
            ("select sum(v) from t where id between 0 and 2", (Some(30), 0)),
            ("select sum(v) from t where id between 2 and 25", (Some(40), 1)),
            ("select count(*) from t where id between 2 and 1", (Some(0), 0)),
            ("select id from t where id in (3, 4) and c = 'c'", (Some(3), 0)),
            ("select id from t where id in (9, 2) and c = 'b'", (Some(2), 1)),
            // What is not a value tells texts apart.
            ("select id from t where id > 0 order by id limit 1", (Some(1), 0)),
            ("select id from t where id > 1 order by id limit 1", (Some(2), 1)),
            ("select id from t where id > 0 order by id limit 2", (Some(1), 0)),
            ("select id + 1 from t where id = 1", (Some(2), 0)),
            ("select id + 1 from t where id = 2", (Some(3), 0)),
            ("select id + 1 from t where id = 2", (Some(3), 1)),
            ("select 7 from t where id = 1", (Some(7), 0)),
            ("select 8 from t where id = 1", (Some(8), 0)),
            ("select 8 from t where id = 2", (Some(8), 1)),
        ] {
            assert_eq!(ask(sql), want, "{sql}");
        }
        let result = session.execute("select 8, v as x from t where id = 3").unwrap();
        let names: Vec<_> = result.columns().iter().map(|c| c.name.clone()).collect();
        assert_eq!(names, ["8", "x"]);
        drop(result);
        assert_eq!(session.execute("select v from t where id = 1 and w = 2").unwrap_err().code(), 1054);
        session.run("set tidb_enable_non_prepared_plan_cache = 0").unwrap();
        assert_eq!(first(&mut session, "select v from t where id = 2"), Some(20));
        assert_eq!(from_cache(&mut session), 0);
    }

    #[test]
    fn rows_are_written_by_texts_that_share_a_plan() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, v int, c varchar(3))").unwrap();
        let mut cached = |sql: &str| {
            let code = session.run(sql).map_or_else(|e| i64::from(e.code()), |n| n as i64);
            (code, from_cache(&mut session))
        };
        for (sql, want) in [
            ("insert into t values (1, 10, 'a')", (1, 0)),
            ("insert into t values (2, 20, 'b')", (1, 1)),
            ("insert into t values (2, 20, 'b')", (1062, 1)),
            ("insert into t values (3, 20, 'long')", (1406, 0)),
            ("insert into t values (3, 3000000000, 'b')", (1264, 0)),
            ("insert into t values (3, 30, 'i''t')", (1, 1)),
            ("update t set v = v + 1, c = 'x' where id = 1", (1, 0)),
            ("update t set v = v + 1, c = 'yyy' where id = 2", (1, 1)),
            ("update t set v = v + 1, c = 'yyyy' where id = 2", (1406, 0)),
            ("update t set v = v + 2, c = 'z' where id = 2", (1, 0)),
            ("update t set v = 5 where id between 1 and 2", (2, 0)),
            ("update t set v = 6 where id between 2 and 9", (2, 1)),
            ("delete from t where id = 1", (1, 0)),
            ("delete from t where id = 1", (0, 1)),
        ] {
            assert_eq!(cached(sql), want, "{sql}");
        }
        assert_eq!(first(&mut session, "select sum(v) from t where c in ('z', 'i''t')"), Some(12));
    }

    #[test]
    fn a_change_by_key_writes_what_its_own_parameters_say() {
        let mut session = Database::new().session();
        session.run("create table t (id bigint primary key, v bigint, w bigint)").unwrap();
        session.run("insert into t values (1, 1, 1), (2, 2, 2)").unwrap();
        let mut write = |sql: &str, params: &[&[i64]]| {
            let statement = session.prepare(sql).unwrap();
            for params in params {
                let params: Vec<_> = params.iter().map(|&p| allod_storage::schema::Datum::Int(p)).collect();
                session.execute_prepared(&statement, &params).unwrap();
            }
            let rows = session.execute("select v, w from t where id = 2").unwrap().rows();
            rows.map(|row| row.unwrap()).map(|row| (row.get(0).unwrap(), row.get(1).unwrap())).next()
        };
        assert_eq!(write("update t set v = ?, w = v where id = ?", &[&[100, 1], &[200, 2]]), Some((200, 2)));
        assert_eq!(write("update t set v = ?, v = 1 where id = ?", &[&[1, 2], &[50, 2]]), Some((1, 2)));
        assert_eq!(write("update t set w = v + 1, v = ? where id = ?", &[&[5, 1], &[6, 2]]), Some((6, 2)));
        assert_eq!(write("update t set v = v + w where id = ?", &[&[1], &[2], &[2]]), Some((10, 2)));
        assert_eq!(write("delete from t where id = ?", &[&[1], &[2]]), None::<(i64, i64)>);
        session.run("insert into t values (1, 1, 1), (2, 2, 2)").unwrap();
        let having = session.prepare("select id, v from t where id = ? having id = 1").unwrap();
        let mut count = |id: i64| session.execute_prepared(&having, params![id]).unwrap().rows().count();
        assert_eq!((count(1), count(2), count(1)), (1, 0, 1));
    }

    #[test]
    fn the_partition_follows_the_parameter() {
        let mut session = Database::new().session();
        session.run("create table t (a int, b int, v int, primary key (a, b), unique key vb (v, b)) partition by hash (b * 3 + 1) partitions 7").unwrap();
        session.run("create table r (id int primary key) partition by range (id) (partition p0 values less than (0), partition p1 values less than (10))").unwrap();
        for i in 0..40 {
            session.run(&format!("insert into t values ({i}, {}, {})", i - 20, i * 2)).unwrap();
        }
        session.run("insert into r values (-5), (9)").unwrap();
        let ask = |session: &mut crate::Session, sql: &str, params: &[allod_storage::schema::Datum]| {
            let statement = session.prepare(sql).unwrap();
            let row = session.execute_prepared(&statement, params).unwrap().rows().next();
            let value: Option<i64> = row.map(|row| row.unwrap().get(0).unwrap());
            (value, from_cache(session))
        };
        for i in 0..40i64 {
            let hit = i64::from(i > 0);
            let by_key = ask(&mut session, "select v from t where b = ? and a = ?", params![i - 20, i]);
            assert_eq!(by_key, (Some(i * 2), hit));
            let by_index = ask(&mut session, "select a from t where v = ? and b = ?", params![i * 2, i - 20]);
            assert_eq!(by_index, (Some(i), hit));
            let nothing = ask(&mut session, "select v from t where b = ? and a = ?", params![i - 21, i]);
            assert_eq!(nothing, (None, 1));
        }
        let one = "select id from r where id = ?";
        assert_eq!(ask(&mut session, one, params![-5]), (Some(-5), 0));
        assert_eq!(ask(&mut session, one, params![9]), (Some(9), 1));
        assert_eq!(ask(&mut session, one, params![10]), (None, 1), "no partition takes it");
        assert_eq!(ask(&mut session, one, params![-5]), (Some(-5), 1));
        // Every execution counts, also of a kept plan: the partition expression and the statement's own.
        let used = session.function_usage().functions;
        let count = |name: &str| used.get(name).map(|counts| counts.session);
        assert_eq!((count("MulInt"), count("EQInt")), (Some(40 + 120), Some(120 * 2 + 4)));
    }

    #[test]
    fn kept_plans_hold_no_rows_that_are_gone() {
        let database = Database::new();
        // What is dropped may not come back.
        let policy = database.cluster().garbage_policy();
        database.cluster().set_garbage_policy(GarbagePolicy { life: Duration::ZERO, ..policy });
        let (mut session, mut other) = (database.session(), database.session());
        let there = |space| {
            let mut client = database.cluster().client();
            client.runtime().block_on(client.regions(space)).is_ok()
        };
        let create = "create table t (id int primary key, v int, key v (v)) partition by range (id) \
                      (partition a values less than (10), partition b values less than (20))";
        for change in [
            "truncate table t",
            "drop index v on t",
            "alter table t drop partition b",
            "alter table t remove partitioning",
            "drop table t",
            "execute truncation",
        ] {
            for kept_by_other in [false, true] {
                session.run(create).unwrap();
                session.run("insert into t values (1, 1), (11, 11)").unwrap();
                session.run("prepare truncation from 'truncate table t'").unwrap();
                let before = Arc::clone(&database.catalog().entry("test", "t").unwrap().descriptor);
                let spaces: Vec<_> =
                    before.partitions.iter().flat_map(|p| [p.records, p.indexes[0]]).collect();
                drop(before);
                let reader = if kept_by_other { &mut other } else { &mut session };
                for sql in ["select sum(id + 0) from t", "select sum(v) from t where v > 0"] {
                    assert_eq!((first(reader, sql), from_cache(reader)), (Some(12), 0));
                    assert_eq!((first(reader, sql), from_cache(reader)), (Some(12), 1));
                }
                let add = reader.prepare("update t set v = v + ? where id = 1").unwrap();
                for n in [1, -1] {
                    reader.execute_prepared(&add, params![n]).unwrap();
                }
                session.run(change).unwrap_or_else(|e| panic!("{change}: {e}"));
                if kept_by_other {
                    assert!(spaces.iter().all(|&space| there(space)), "{change}: a plan is kept");
                    // Whatever it is, and then any change of the schema.
                    assert_eq!(first(&mut other, "select 1"), Some(1));
                    session.run("create database d").unwrap();
                    session.run("drop database d").unwrap();
                }
                let now = database.catalog();
                let named: Vec<_> = now.tables("test").flat_map(|t| t.partitions.clone()).collect();
                for space in spaces {
                    let named = named.iter().any(|p| p.records == space || p.indexes.contains(&space));
                    assert_eq!(there(space), named, "{change}, {space}, {kept_by_other}");
                }
                session.run("drop table if exists t").unwrap();
            }
        }
    }

    #[test]
    fn changes_of_rows_are_done_each_time() {
        let mut session = Database::new().session();
        session.run("create table t (id int auto_increment primary key, v int)").unwrap();
        for _ in 0..3 {
            session.run("insert into t (v) values (1)").unwrap();
        }
        for _ in 0..3 {
            session.run("update t set v = v + 1").unwrap();
        }
        assert_eq!(first(&mut session, "select sum(v) from t"), Some(12));
        assert_eq!(first(&mut session, "select max(id) from t"), Some(3));
    }

    #[test]
    fn many_texts_push_out_old_ones() {
        let mut session = Database::new().session();
        for i in 0..1000 {
            assert_eq!(first(&mut session, &format!("select {i}")), Some(i));
            assert_eq!(first(&mut session, "select -1"), Some(-1));
        }
        assert_eq!(from_cache(&mut session), 1);
        assert_eq!((first(&mut session, "select 1"), from_cache(&mut session)), (Some(1), 0));
    }
}

//! Queries of few rows: no environment is made for them, no worker, and no iterator that the caller drives
//! ([`Prepared::few`](allod_executor::Prepared::few)).

use allod_executor::Cancel;

use super::Session;
use super::assign::Found;
use super::statement::Planned;
use super::transaction::Options;
use crate::result::ResultSet;

impl Session {
    /// The rows of a query that has few, if that is all there is to it: it reads what is committed now, or was when its
    /// transaction began, which has written nothing, and nothing is in its way.
    pub(super) fn few(&mut self, planned: &Planned, cancel: &Cancel) -> Option<ResultSet> {
        let only_reads = planned.dml.is_none()
            && planned.skip.is_none()
            && planned.as_of.is_none()
            && planned.uncut.is_none()
            && !planned.assigns;
        let at = match &self.transaction {
            Some(active) => active.plain_snapshot(planned.is_of_now())?,
            None if self.snapshot.is_none() && self.next == Options::default() => None,
            None => return None,
        };
        // Who stops it is told so.
        if !only_reads || cancel.check().is_err() {
            return None;
        }
        let batch = planned.prepared.few(&mut self.client, at, &mut self.few_room)?;
        // Looked at behind it: what was read was read by this schema.
        if self.is_late(planned, None) {
            return None;
        }
        let at = at.unwrap_or_default();
        self.variables.last.read = (at, at);
        self.row_count = -1;
        self.found = Found::Known(batch.as_ref().map_or(0, |batch| batch.num_rows() as u64));
        let result = ResultSet::ready(planned.header.clone(), batch.into_iter().collect());
        Some(if planned.query.warnings.is_empty() {
            result
        } else {
            result.with_warnings(planned.warnings())
        })
    }
}

#[cfg(test)]
mod tests {
    use allod_executor::Cancel;

    use super::super::plan_cache::Setting;
    use crate::{Database, Result, ResultSet, Session};

    fn rows(result: ResultSet) -> Vec<String> {
        let width = result.columns().len();
        let text = |row: Result<crate::Row>| {
            let row = row.unwrap();
            (0..width).map(|c| row.value(c).to_string()).collect::<Vec<_>>().join(" ")
        };
        result.rows().map(text).collect()
    }

    /// What a query finds by the short way, if it goes there, by itself and in a transaction, and by the long one: in a
    /// transaction that has written something.
    fn both_ways(session: &mut Session, sql: &str) -> (Option<Vec<String>>, Vec<String>) {
        session.run("create table if not exists written (a int)").unwrap();
        drop(rows(session.execute(sql).unwrap()));
        let database = session.current.clone();
        let setting = Setting { database: database.as_deref(), variables: session.settings };
        let general = session.plans.generalized(sql);
        let planned = session.plans.get(sql, setting, &[]).or_else(|| {
            let general = general?;
            session.plans.get(&general.text, setting, &general.params)
        });
        let planned = planned.expect("the plan is kept");
        let short = session.few(&planned, &Cancel::default()).map(rows);
        session.run("begin").unwrap();
        let within = session.few(&planned, &Cancel::default()).map(rows);
        assert_eq!(within, short, "{sql}");
        session.run("insert into written values (1)").unwrap();
        assert!(session.few(&planned, &Cancel::default()).is_none(), "{sql}");
        let long = rows(session.execute(sql).unwrap());
        session.run("rollback").unwrap();
        (short, long)
    }

    const SHORT: &[&str] = &[
        "select v from t where id = 7",
        "select v, s, d, id from t where id = 7",
        "select v from t where id = 1000",
        "select v from t where id in (3, 5, 999, 4)",
        "select s from t where u = 21",
        "select s, v from t where u in (21, 24, 22)",
        "select id from t where id between 5 and 9",
        "select id from t where id > 5 limit 3",
        "select id from t where id > 5 limit 70",
        "select count(*), sum(v) from t use index (primary) where id between 1 and 250",
        "select id, s from t where id > 5 limit 2, 3",
        "select id from t use index (primary) where id < 3 or id > 197",
        "select id from t use index (v) where v = 3",
        "select v, id from t use index (v) where v > 9 limit 40",
        "select s from t use index (v) where v = 3",
        "select s, d from t use index (v) where v in (2, 4) and id between 10 and 90",
        "select count(*), sum(d), min(id), max(v), count(s), sum(v) from t where id between 10 and 40",
        "select sum(d), max(v) from t where id = 1000",
        "select /*+ inl_join(b) */ a.id, b.s from t a join t b on b.id = a.v where a.id between 1 and 20",
        "select /*+ inl_join(b) use_index(b, v) */ a.id, b.s from t a join t b on b.v = a.id where a.id = 4",
        "select /*+ inl_join(b) use_index(b, v) */ a.id, b.s from t a join t b on b.v = a.id where a.id = 4 and b.d > 9 and b.u < 450",
        "select /*+ inl_join(b) */ count(*), sum(b.x) from t a join p b on b.k = a.id where a.id between 1 and 9",
        "select /*+ hash_join(a, b) */ a.id, b.id from t a join t b on a.v = b.v where a.id = 5 and b.id between 1 and 60",
        "select s from t use index (v) where v = 3 and id > 20 and d < 40",
        "select count(*) from t where id between 10 and 60 and v <> 3 and u <= 150",
        "select k, x from p where k = 5",
        "select /*+ inl_join(b) use_index(b, x) */ a.id, b.k from t a join q b on b.x = a.id where a.id between 1 and 30",
        "select /*+ inl_join(b) use_index(b, x) */ a.id, b.k from t a left join q b on b.x = a.u where a.id between 1 and 90",
        "select x from p where k = 5 and x > 20 limit 1",
        "select k from p where k in (1, 2, 3)",
        "select s from t where id between 5 and 60 order by s",
        "select id, s from t where id between 5 and 60 order by s desc, id",
        "select distinct s from t where id between 5 and 60 order by s",
        "select distinct d, v from t where id between 5 and 60 order by v desc, d limit 3, 9",
        "select id, v from t use index (v) where v in (3, 4) order by id desc limit 5",
        "select u from t where id in (9, 3, 7) order by id",
        "select /*+ inl_join(b) */ a.id, b.s from t a left join t b on b.id = a.u where a.id between 1 and 90",
        "select /*+ inl_join(b) use_index(b, v) */ a.id, b.s from t a left join t b on b.v = a.id and b.d > 9 where a.id in (2, 3, 4, 30) order by a.id, b.s",
        "select /*+ inl_join(b) */ count(*), sum(b.x), count(b.x) from t a left join p b on b.k = a.u where a.id between 1 and 9",
        "select /*+ inl_join(b) */ a.id, b.x from t a join p b on b.k = a.id and b.x in (24, 5, 7) where a.id between 1 and 9",
        "select /*+ inl_join(b) */ a.id, b.x from t a join p b on b.k = a.id and b.x > 60 where a.id between 1 and 9",
        "select /*+ inl_join(b) */ a.id, b.x from t a join p b on b.k = a.id and b.x >= 24 and b.x < 105 where a.id between 1 and 9",
        "select /*+ inl_join(b) */ a.id, b.x from t a join p b on b.k = a.id and b.x <= 44 where a.id between 1 and 9",
        "select /*+ inl_join(b) */ a.id, b.x from t a join p b on b.k = a.id and b.x > a.u where a.id between 1 and 19",
        "select /*+ inl_join(b) */ a.id, b.x from t a left join p b on b.k = a.id and b.x < a.u and b.x > 3 where a.id between 1 and 19",
        "select /*+ inl_join(b) use_index(b, v) */ a.id, b.s from t a join t b on b.v = a.v and b.id > a.id where a.id between 190 and 199",
        "select /*+ inl_join(b) use_index(b, v) */ a.id, b.s from t a join t b on b.v = a.v and b.id > 195 where a.id between 190 and 199",
        "select /*+ inl_join(b) use_index(b, uv) */ a.id, b.v from t a join n b on b.u = a.id and b.v < 50 where a.id between 1 and 9",
        "select /*+ inl_join(b) use_index(b, uv) */ a.id, b.v from t a join n b on b.u = a.id and b.v >= 50 where a.id between 1 and 9",
        "select k, x from q use index (x) where x > 3 order by x, k limit 40",
        "select k from q use index (x) where x in (9, 2, 4) order by x, k limit 5, 20",
        "select x from q where k between 20 and 140 order by k limit 70",
        "select x from q partition (p1, p3) use index (primary) where k < 30 or k > 180 order by k limit 13",
        "select /*+ inl_join(b) */ a.x, a.k, b.s from q a use index (x) join t b on b.id = a.k where a.x > 2 order by a.x, a.k limit 25",
        "select k, x, y from g use index (x) where x > 3 order by x, k limit 40",
        "select k, x from g use index (x) where x in (2, 9) limit 30",
        "select /*+ inl_join(b) use_index(b, x) */ a.id, b.y from t a join g b on b.x = a.id where a.id between 1 and 4",
        "select /*+ inl_join(b) use_index(b, x) */ a.id, b.k from t a left join g b on b.x = a.u where a.id between 1 and 90",
        "select /*+ hash_join(a, b) hash_join_build(b) */ a.id, b.id from t a left join t b on a.v = b.id and b.id between 1 and 6 where a.id < 20",
    ];

    /// Those of them that read partitions side by side.
    fn is_merged(sql: &str) -> bool {
        ["order by x, k", "order by k", "order by a.x, a.k"].iter().any(|order| sql.contains(order))
    }

    /// Those of them that say in which order rows come.
    fn is_sorted(sql: &str) -> bool {
        is_merged(sql)
            || sql.contains("order by id")
            || sql.contains("s desc, id")
            || sql.contains("a.id, b.s")
            || sql.contains("distinct")
    }

    /// Changes between which all of it is asked: rows lie in base, in delta, are hidden, and gone.
    const CHANGES: &[&str] = &[
        "do 0",
        "update t set v = v + 1 where id between 3 and 12",
        "delete from t where id in (5, 7, 22)",
        "insert into t values (7, 5, 21, null, 0.5), (1000, 3, 5, 'new', 1)",
        "update p set x = x + 100 where k = 5",
        "update q set x = 3 where k in (1, 2, 4, 50)",
        "update g set x = 3, y = y + 1000 where k in (1, -2, 4, -50)",
        "update t set d = null, s = 'changed' where id > 190",
        "update t set id = id + 5000 where id between 25 and 28",
    ];

    #[test]
    fn the_short_way_finds_what_the_long_way_finds() {
        let mut session = Database::new().session();
        session
            .run("create table t (id int primary key, v int, u int, s varchar(30), d decimal(12, 2), key v (v), unique key u (u))")
            .unwrap();
        session
            .run("create table p (k bigint, x int, primary key (k, x)) partition by hash (k) partitions 4")
            .unwrap();
        let numbers = "with recursive n as (select 1 i union all select i + 1 from n where i < 200) select";
        session
            .run(&format!(
                "insert into t {numbers} i, i % 11, i * 3, if(i % 7 = 0, null, concat('s', i % 5)), i / 4 from n"
            ))
            .unwrap();
        session
            .run("create table q (k bigint primary key, x int, key x (x)) partition by hash (k) partitions 4")
            .unwrap();
        session.run(&format!("insert into q {numbers} i, i % 11 from n")).unwrap();
        session
            .run("create table g (k bigint primary key, x int, y int, key x (x) global) partition by hash (k) partitions 4")
            .unwrap();
        session.run(&format!("insert into g {numbers} 100 - i, i % 11, i from n")).unwrap();
        session.run(&format!("insert into p {numbers} i % 20, i from n")).unwrap();
        session.run("create table n (id int primary key, u int, v int, key uv (u, v))").unwrap();
        session.run(&format!("insert into n {numbers} i, i % 20, if(i % 3 = 0, null, i) from n")).unwrap();
        session.run("analyze table t, p, q, g, n").unwrap();
        for sql in SHORT.iter().filter(|sql| is_merged(sql)) {
            let plan = rows(session.execute(&format!("explain {sql}")).unwrap()).join("\n");
            assert!(plan.contains("keep order:true") && !plan.contains("TopN"), "{sql}\n{plan}");
        }
        for change in CHANGES {
            session.run(change).unwrap();
            for sql in SHORT {
                let (mut short, mut long) = both_ways(&mut session, sql);
                if !is_sorted(sql) {
                    short.iter_mut().for_each(|rows| rows.sort());
                    long.sort();
                }
                assert_eq!(short.as_ref(), Some(&long), "{sql} after {change}");
            }
        }
    }

    #[test]
    fn what_reads_what_is_committed_sees_it() {
        let database = Database::new();
        let (mut session, mut other) = (database.session(), database.session());
        session.run("create table t (id int primary key, v int)").unwrap();
        session.run("insert into t values (1, 1)").unwrap();
        let sql = "select v from t where id = 1";
        for (level, wanted) in [("read-committed", ["1", "2", "3"]), ("repeatable-read", ["3", "3", "3"])] {
            session.run(&format!("set transaction_isolation = '{level}'")).unwrap();
            assert!(both_ways(&mut session, sql).0.is_some(), "{level}");
            session.run("begin").unwrap();
            assert_eq!(rows(session.execute(sql).unwrap()), [wanted[0]], "{level}");
            other.run("update t set v = 2 where id = 1").unwrap();
            assert_eq!(rows(session.execute(sql).unwrap()), [wanted[1]], "{level}");
            other.run("update t set v = 3 where id = 1").unwrap();
            assert_eq!(rows(session.execute(sql).unwrap()), [wanted[2]], "{level}");
            session.run("commit").unwrap();
        }
    }

    #[test]
    fn what_is_more_goes_the_long_way() {
        let database = Database::new();
        let (mut session, mut other) = (database.session(), database.session());
        session.run("create table t (id int primary key, v int)").unwrap();
        let numbers = "with recursive n as (select 1 i union all select i + 1 from n where i < 900) select";
        session.run(&format!("insert into t {numbers} i, i from n")).unwrap();
        for sql in [
            "select v + 1 from t where id = 1",
            "select v from t",
            "select id from t order by id desc limit 1",
        ] {
            let (short, long) = both_ways(&mut session, sql);
            assert!(short.is_none() && !long.is_empty(), "{sql}");
        }
        // Of a transaction's own rows, at a time that was, and for a statement that is stopped.
        let sql = "select v from t where id = 1";
        assert_eq!(both_ways(&mut session, sql).0, Some(vec!["1".to_string()]));
        session.run("begin").unwrap();
        session.run("update t set v = 2 where id = 1").unwrap();
        assert_eq!(rows(session.execute(sql).unwrap()), ["2"]);
        assert_eq!(rows(other.execute(sql).unwrap()), ["1"]);
        session.run("commit").unwrap();
        assert_eq!(rows(other.execute(sql).unwrap()), ["2"]);
        session.cancel_handle().cancel();
        assert_eq!(session.execute(sql).and_then(|set| set.collect_batches()).unwrap_err().code(), 1317);
        // Parameters may be the same key twice.
        let twice = session.prepare("select v from t where id in (?, ?, ?)").unwrap();
        for params in [crate::params![3, 4, 5], crate::params![4, 3, 4], crate::params![5, 5, 5]] {
            let result = session.execute_prepared(&twice, params).unwrap();
            let distinct = params.iter().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>();
            assert_eq!(rows(result).into_iter().collect::<std::collections::BTreeSet<_>>(), distinct);
            let result = session.execute_prepared(&twice, params).unwrap();
            assert_eq!(rows(result).len(), distinct.len());
        }
        // Few rows of which many are made; and what is no number of rows, or no number that a type holds.
        let many = "select /*+ hash_join(a, b, c) */ count(*) from t a, t b, t c where a.id < 41 and b.id < 41 and c.id < 41";
        assert_eq!(both_ways(&mut session, many), (None, vec!["64000".to_string()]));
        let distinct = "select count(distinct 1) from t where id between 1 and 9";
        assert_eq!(both_ways(&mut session, distinct), (None, vec!["1".to_string()]));
        session.run("create table d (id int primary key, x decimal(38, 0))").unwrap();
        session.run("insert into d values (1, 6e37), (2, 6e37)").unwrap();
        for sql in ["select sum(x) from d where id = 1", "select sum(x) from d where id in (1, 2)"] {
            let sum = session.execute(sql).and_then(|set| set.collect_batches());
            assert_eq!(
                sum.map(|_| ()).map_err(|e| e.code()),
                if sql.contains("in") { Err(1690) } else { Ok(()) }
            );
        }
        session.run("create table s (s varchar(9) primary key, v int)").unwrap();
        session.run("insert into s values ('a', 1), ('b', 2)").unwrap();
        for (keys, found) in [("'a', 'b'", 2), ("'a', 'a '", 1), ("'b', 'b', 'c'", 1)] {
            let result = session.execute(&format!("select v from s where s in ({keys})")).unwrap();
            assert_eq!(rows(result).len(), found, "{keys}");
        }
        // What the short way gives up again and again is found all the same.
        for _ in 0..20 {
            assert_eq!(rows(session.execute("select v from t where id > 100").unwrap()).len(), 800);
        }
        assert_eq!(rows(session.execute("select found_rows()").unwrap()), ["800"]);
        rows(session.execute("select v from t where id in (1, 2)").unwrap());
        assert_eq!(rows(session.execute("select found_rows()").unwrap()), ["2"]);
    }
}

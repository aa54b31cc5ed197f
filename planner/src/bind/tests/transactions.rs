//! Transactions, reads of the past, locking clauses.

use super::*;
use crate::logical::{LockStrength, LockedTable, LockingWait};

#[test]
fn transactions_have_their_options() {
    use super::{
        AfterTransaction as After, Characteristics, TransactionControl as T, TransactionMode as Mode,
        TransactionScope as Scope,
    };
    let begin = |mode| T::Begin { mode, characteristics: Characteristics::default() };
    let access = |read_only| T::Begin {
        mode: None,
        characteristics: Characteristics { read_only: Some(read_only), ..Characteristics::default() },
    };
    let as_of = |as_of| Characteristics { read_only: Some(true), as_of: Some(as_of), isolation: None };
    let level = |scope, isolation| {
        let characteristics = Characteristics { isolation: Some(isolation), ..Characteristics::default() };
        T::Set { scope, characteristics }
    };
    let cases = [
        ("begin", begin(None)),
        ("begin work", begin(None)),
        ("begin optimistic", begin(Some(Mode::Optimistic))),
        ("BEGIN PESSIMISTIC", begin(Some(Mode::Pessimistic))),
        ("start transaction", begin(None)),
        ("start transaction with consistent snapshot", begin(None)),
        ("start transaction read only", access(true)),
        ("start transaction with consistent snapshot, read only", access(true)),
        ("start transaction read write", access(false)),
        (
            "start transaction read only as of timestamp '2024-01-02'",
            T::Begin { mode: None, characteristics: as_of(Datum::string("2024-01-02")) },
        ),
        ("commit", T::Commit(After::Nothing)),
        ("commit work and no chain", T::Commit(After::Nothing)),
        ("commit and chain", T::Commit(After::Chain)),
        ("rollback", T::Rollback(After::Nothing)),
        ("rollback work and chain", T::Rollback(After::Chain)),
        ("rollback and no chain release", T::Rollback(After::Release)),
        ("commit and chain no release", T::Commit(After::Chain)),
        ("commit no release", T::Commit(After::Nothing)),
        ("savepoint A1", T::Savepoint("A1".into())),
        ("rollback to a1", T::RollbackTo("a1".into())),
        ("rollback work to savepoint a1", T::RollbackTo("a1".into())),
        ("release savepoint `a 1`", T::Release("a 1".into())),
        ("set transaction isolation level read committed", level(Scope::Next, "READ-COMMITTED")),
        ("set session transaction isolation level repeatable read", level(Scope::Session, "REPEATABLE-READ")),
        ("set global transaction isolation level serializable", level(Scope::Global, "SERIALIZABLE")),
        (
            "set transaction isolation level read uncommitted, read write",
            T::Set {
                scope: Scope::Next,
                characteristics: Characteristics {
                    isolation: Some("READ-UNCOMMITTED"),
                    read_only: Some(false),
                    as_of: None,
                },
            },
        ),
        (
            "set transaction read only as of timestamp 17",
            T::Set { scope: Scope::Next, characteristics: as_of(Datum::Int(17)) },
        ),
    ];
    for (sql, expected) in cases {
        let bound = bind_one(&catalog(), sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        assert_eq!(bound, Bound::Transaction(expected), "{sql}");
    }
    for sql in [
        "start",
        "start transaction read only, read write",
        "start transaction read",
        "start transaction,",
        "start transaction read write as of timestamp 1",
        "commit and",
        "commit to a",
        "rollback to",
        "savepoint",
        "release a",
        "set transaction",
        "set transaction isolation level snapshot",
    ] {
        assert!(matches!(error(sql), Error::Syntax(_)), "{sql}");
    }
}

#[test]
fn a_query_reads_as_of_one_time() {
    let as_of = |sql: &str| query(sql).as_of;
    assert_eq!(as_of("select * from t"), None);
    let day = Some(Datum::string("2024-01-02"));
    assert_eq!(as_of("select * from t as of timestamp '2024-01-02'"), day);
    assert_eq!(as_of("select x.a from t AS OF\n TIMESTAMP '2024-01-02' x where x.a > 1 order by 1"), day);
    assert_eq!(as_of("select * from t as of timestamp 1 + 1 where a = 1"), Some(Datum::Int(2)));
    let both = "select count(*) from t as of timestamp 7 x join t as of timestamp 7 y on x.a = y.a";
    assert_eq!(as_of(both), Some(Datum::Int(7)));
    for sql in [
        "select * from t as of timestamp 7 x join t y on x.a = y.a",
        "select * from t as of timestamp 7 x join t as of timestamp 8 y on x.a = y.a",
        "delete from t where a in (select a from t as of timestamp 7)",
    ] {
        assert!(matches!(error(sql), Error::AsOf(_)), "{sql}");
    }
    assert!(matches!(error("select * from t as of timestamp"), Error::Syntax(_)));
    assert!(!query("select * from t as of timestamp 7").cacheable);
}

/// The locks of a query: for each Lock of its plan, from above, the tables with the columns that tell their rows.
fn locks(sql: &str) -> Vec<(LockStrength, LockingWait, Vec<String>)> {
    let bound = query(sql);
    let mut found = Vec::new();
    for plan in bound.query.ctes.iter().chain([&bound.query.plan]) {
        plan.walk(&mut |node| {
            if let Plan::Lock { lock, .. } = node {
                let told = |(ordinal, id): &(usize, _)| format!("{ordinal}:{}", bound.columns.get(*id).name);
                let of = |t: &LockedTable| {
                    let columns: Vec<String> = t.columns.iter().map(told).collect();
                    format!("{} {}", t.table.name, columns.join(" "))
                };
                found.push((lock.strength, lock.wait, lock.tables.iter().map(of).collect()));
            }
        });
    }
    found
}

#[test]
fn locking_clauses_lock_what_where_lets_through() {
    use LockStrength::{Share, Update};
    use LockingWait::{No, Seconds, Wait};
    let one = |strength, wait| vec![(strength, wait, vec!["t 0:id".to_string()])];
    assert_eq!(locks("select a from t"), []);
    assert_eq!(locks("select 1 for update"), [], "nothing to lock");
    for sql in [
        "select a from t for update",
        "select count(*) from t where a > 1 for update",
        "select distinct a from t for update",
        "select b, sum(a) from t group by b having sum(a) > 1 order by 2 limit 1 for update",
        "select a from t where a in (select b from t) and b = (select max(a) from t) for update",
        "select count(*) from (select a from t for update) d",
        "select * from (select a from t for update) d for update",
        "select (select max(a) from t for update)",
        "select 1 from t x where exists (select 1 from t y where x.a = y.a for update)",
        "with c as (select a from t for update) select * from c",
        "select a from t union select b from t for update",
        "select a from t union all (select b from t for update)",
        "(select a from t) for update",
        "insert into nokey select a, b from t for update",
    ] {
        assert_eq!(locks(sql), one(Update, Wait), "{sql}");
    }
    assert_eq!(locks("select a from (select a from t) d for update"), []);
    assert_eq!(locks("select a + 1 from t order by b limit 3 for share"), one(Share, Wait));
    assert_eq!(locks("select a from t where a > 1 Lock In Share Mode"), one(Share, Wait));
    assert_eq!(locks("select a from t limit 3 for update nowait"), one(Update, No));
    assert_eq!(locks("select a from t limit 3 for update wait 7"), one(Update, Seconds(7)));
    let key = || "t 0:id".to_string();
    let both = locks("select x.a from t x join t y on x.a = y.b for update of y, x");
    assert_eq!(both, [(Update, Wait, vec![key(), key()])]);
    let differ = locks("select x.a from t x join t y on x.a = y.b for update of y nowait for share of x");
    assert_eq!(differ, [(Share, Wait, vec![key()]), (Update, No, vec![key()])]);
    assert!(matches!(error("select a from t for update of s"), Error::UnresolvedLock(_)));
    assert!(matches!(error("select a from t for update of t for share of t"), Error::LockedTwice(_)));
    assert!(matches!(error("select a from t for update for update"), Error::LockedTwice(_)));
    assert!(matches!(error("select a from t for update wait 99999999999999999999"), Error::BadArguments(_)));
}

#[test]
fn skip_locked_returns_the_rows_to_lock() {
    let skip = |sql: &str| {
        let bound = query(sql);
        let width = bound.query.output.len();
        let SkipLocked { visible, tables, limit } = bound.skip.expect("it skips");
        let mut columns = tables.iter().flat_map(|t| t.columns.clone());
        assert!(columns.all(|(_, at)| (visible..width).contains(&at)), "{sql}");
        (visible, tables.len(), limit)
    };
    assert_eq!(skip("select a from t for update skip locked"), (1, 1, (0, None)));
    let ordered = "select a, b from t order by a limit 2, 3 for share skip locked";
    assert_eq!(skip(ordered), (2, 1, (2, Some(3))));
    let of = "select x.a from t x join t y on x.a = y.b for update of y skip locked";
    assert_eq!(skip(of), (1, 1, (0, None)));
    for sql in [
        "select distinct a from t for update skip locked",
        "select count(*) from t for update skip locked",
        "select a from t group by a for update skip locked",
        "select a from t union select b from t for update skip locked",
        "select * from (select a from t for update skip locked) d",
        "select x.a from t x join t y on x.a = y.b for update of y skip locked for share of x",
    ] {
        assert!(matches!(error(sql), Error::NotSupported(_)), "{sql}");
    }
}

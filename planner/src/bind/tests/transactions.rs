//! Transactions, reads of the past, locking clauses.

use super::*;

#[test]
fn transactions_have_their_options() {
    use super::{
        Characteristics, TransactionControl as T, TransactionMode as Mode, TransactionScope as Scope,
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
        ("commit", T::Commit { chain: false }),
        ("commit work and no chain", T::Commit { chain: false }),
        ("commit and chain", T::Commit { chain: true }),
        ("rollback", T::Rollback { chain: false }),
        ("rollback work and chain", T::Rollback { chain: true }),
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
        assert!(matches!(error(sql), Error::Syntax { .. }), "{sql}");
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
    assert!(matches!(error("select * from t as of timestamp"), Error::Syntax { .. }));
    assert!(!query("select * from t as of timestamp 7").cacheable);
}

#[test]
fn locking_clauses_return_the_rows_to_lock() {
    use super::{Locking, LockingWait as Wait};
    let locking = |sql: &str| {
        let bound = query(sql);
        let width = bound.query.output.len();
        bound.locking.map(|Locking { visible, tables, wait, limit }| {
            let tables: Vec<_> = tables.iter().map(|t| (t.table.name.to_string(), t.first)).collect();
            assert!(tables.iter().all(|(_, first)| (visible..width).contains(first)), "{sql}");
            (visible, tables, wait, limit)
        })
    };
    let t = |first| ("t".to_string(), first);
    assert_eq!(locking("select a from t"), None);
    assert_eq!(locking("select a from t for update"), Some((1, vec![t(1)], Wait::Wait, None)));
    assert_eq!(
        locking("select a + 1 from t order by b limit 3 for share"),
        Some((1, vec![t(1)], Wait::Wait, None))
    );
    let shared = Some((1, vec![t(1)], Wait::Wait, None));
    assert_eq!(locking("select a from t where a > 1 Lock In Share Mode"), shared);
    assert_eq!(locking("select a from t limit 3 for update nowait"), Some((1, vec![t(1)], Wait::No, None)));
    assert_eq!(
        locking("select a from t order by a limit 2, 3 for update skip locked"),
        Some((1, vec![t(1)], Wait::Skip, Some((2, Some(3)))))
    );
    let of = locking("select x.a from t x join t y on x.a = y.b for update of y").unwrap();
    assert_eq!((of.1, of.0), (vec![t(1)], 1));
    assert_eq!(locking("select a from (select a from t) d for update"), Some((1, vec![], Wait::Wait, None)));
    let subquery = "select a from t where a in (select b from t) and b = (select max(a) from t) for update";
    assert_eq!(locking(subquery).unwrap().1, [t(1)]);
    for sql in [
        "select distinct a from t for update",
        "select count(*) from t for update",
        "select a from t group by a for update",
        "select a from t union select b from t for update",
    ] {
        assert!(matches!(error(sql), Error::NotSupported(_)), "{sql}");
    }
    assert!(matches!(error("select a from t for update of s"), Error::UnknownRelation(_)));
}

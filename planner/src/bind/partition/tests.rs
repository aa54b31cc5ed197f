use allod_storage::schema::{Datum, PartitionMethod, RangeBound};

use super::*;
use crate::bind::{Bound, Ddl, PartitionChange, PartitionLabel};
use crate::testing::{FakeCatalog, bind_one, bind_query};

const TABLES: &str = "
    create table r (a int, b int) partition by range (a)
      (partition p0 values less than (10), partition p1 values less than (20), partition p2 values less than (30));
    create table l (a int) partition by list (a) (partition p0 values in (1, 2), partition p1 values in (3, null));
    create table d (a int) partition by list (a) (partition p0 values in (1), partition p1 values in (default));
    create table h (a int) partition by hash (a) partitions 4;
    create table k (a int primary key, b int) partition by key () partitions 3;
    create table n (a int);
";

fn error(sql: &str) -> String {
    match bind_one(&FakeCatalog::new(TABLES), sql) {
        Ok(bound) => format!("{bound:?}"),
        Err(e) => e.to_string(),
    }
}

/// Each definition and the beginning of what is wrong with it. Codes and texts are TiDB's.
#[test]
fn definitions_are_checked() {
    for (by, wrong) in [
        ("range (a)", "for RANGE partitions each partition must be defined"),
        ("list columns (a)", "for LIST partitions each partition must be defined"),
        ("hash (a) partitions 0", "number of partitions = 0"),
        ("hash (a) partitions 8193", "too many partitions"),
        ("hash (c)", "field 'c' is of a not allowed type"),
        ("hash (a / 2)", "this partition function is not allowed"),
        ("hash (cast(c as signed))", "this partition function is not allowed"),
        ("hash (1)", "constant, random or timezone-dependent"),
        ("hash (unix_timestamp(t))", "constant, random or timezone-dependent"),
        ("hash (x)", "unknown column 'x' in 'partition function'"),
        ("key (x)", "field in list of fields"),
        ("key (a, a)", "duplicate partition field name 'a'"),
        ("key (w)", "a BLOB field is not allowed"),
        ("range columns (f) (partition p values less than (1))", "field 'f' is of a not allowed type"),
        ("hash (a) partitions 3 (partition p0, partition p1)", "wrong number of partitions defined"),
        ("hash (a) (partition p0, partition P0)", "duplicate partition name P0"),
        ("hash (a) (partition p0 values less than (1))", "only RANGE PARTITIONING can use VALUES LESS THAN"),
        ("range (a) (partition p0 values in (1))", "only LIST PARTITIONING can use VALUES IN"),
        ("range (a) (partition p0)", "syntax : RANGE PARTITIONING requires definition of VALUES LESS THAN"),
        ("list (a) (partition p0)", "syntax : LIST PARTITIONING requires definition of VALUES IN"),
        (
            "range (a) (partition p values less than (2), partition q values less than (2))",
            "VALUES LESS THAN value must be strictly",
        ),
        (
            "range (a) (partition p values less than maxvalue, partition q values less than (2))",
            "MAXVALUE can only be",
        ),
        ("range (a) (partition p values less than (null))", "not allowed to use NULL value"),
        (
            "range (a) (partition p values less than ('x'))",
            "VALUES value for partition 'p' must have type INT",
        ),
        (
            "range (u) (partition p values less than (-1))",
            "partition constant is out of partition function domain",
        ),
        ("range columns (a, c) (partition p values less than (1))", "inconsistency in usage of column lists"),
        ("range columns (c) (partition p values less than (1))", "partition column values of incorrect type"),
        (
            "range columns (a, c) (partition p values less than (1, maxvalue), partition q values less than (1, 'x'))",
            "VALUES LESS THAN value must be strictly",
        ),
        (
            "list (a) (partition p values in (1, 2), partition q values in (2))",
            "multiple definition of same constant",
        ),
        (
            "list (a) (partition p values in (null), partition q values in (null))",
            "multiple definition of same constant",
        ),
        (
            "list (a) (partition p values in (default), partition q values in (default))",
            "multiple definition of same constant",
        ),
        (
            "list columns (a, c) (partition p values in ((1, 'x'), (1, 'x')))",
            "multiple definition of same constant",
        ),
    ] {
        let columns = "a int, c varchar(9), u int unsigned, t datetime, w text, f double";
        let got = error(&format!("create table x ({columns}) partition by {by}"));
        assert!(got.starts_with(wrong), "{by}: {got}");
    }
    let got = error("create table x (a int, b int, primary key (a), unique key (b)) partition by hash (a)");
    assert!(got.starts_with("Global Index is needed for index 'b'"), "{got}");
}

#[test]
fn definitions_become_schemes() {
    let catalog = FakeCatalog::default();
    let scheme = |sql: &str| match bind_one(&catalog, sql) {
        Ok(Bound::Ddl(Ddl::CreateTable(create))) => (create.partitioning.unwrap(), create.partitions),
        other => panic!("{other:?}"),
    };
    let value = |v: Datum| RangeBound::Value(v);
    let (range, names) = scheme(
        "create table t (d date) partition by range (year(d)) (partition old values less than (2000) comment 'x' engine = innodb, partition new values less than maxvalue)",
    );
    assert_eq!(range.expr.as_deref(), Some("YEAR(`d`)"));
    assert_eq!(
        range.method,
        PartitionMethod::Range(vec![vec![value(Datum::Int(2000))], vec![RangeBound::MaxValue]])
    );
    let label =
        |name: &str, comment: &str| PartitionLabel { comment: comment.into(), ..PartitionLabel::new(name) };
    assert_eq!(names, [label("old", "x"), label("new", "")]);
    let (columns, _) = scheme(
        "create table t (a int, d date) partition by range columns (d, a) (partition p values less than ('1970-01-02', 3))",
    );
    assert_eq!((columns.expr, columns.columns), (None, vec![1, 0]));
    let bound = vec![value(Datum::Date(1)), value(Datum::Int(3))];
    assert_eq!(columns.method, PartitionMethod::Range(vec![bound]));
    let (list, _) = scheme(
        "create table t (a int, s char(3)) partition by list columns (a, s) (partition p values in ((1, 'x'), (null, 'y')), partition q default)",
    );
    let tuple = |a, s: &str| vec![a, Datum::string(s)];
    let values = vec![vec![tuple(Datum::Int(1), "x"), tuple(Datum::Null, "y")], vec![]];
    assert_eq!(list.method, PartitionMethod::List { values, default: Some(1) });
    let (key, names) = scheme(
        "create table t (a int, b int, primary key (b, a)) partition by key algorithm = 2 () partitions 2",
    );
    assert_eq!((key.columns, key.method, names.len()), (vec![1, 0], PartitionMethod::Key, 2));
}

#[test]
fn expressions_are_kept_in_one_spelling() {
    let catalog = FakeCatalog::default();
    let kept = |by: &str| {
        let sql = format!(
            "create table test.t (a int, b int, `x y` int, d date, Year int, s timestamp) partition by {by}"
        );
        match bind_one(&catalog, &sql) {
            Ok(Bound::Ddl(Ddl::CreateTable(create))) => {
                create.partitioning.unwrap().expr.unwrap().to_string()
            }
            other => panic!("{by}: {other:?}"),
        }
    };
    for (by, text) in [
        ("hash (A)", "`a`"),
        ("hash (t.a)", "`a`"),
        ("hash (test.t.a)", "`a`"),
        ("hash (a+B*2)", "`a` + `b` * 2"),
        ("hash ((a+b)*2 div 3)", "(`a` + `b`) * 2 DIV 3"),
        ("hash (- -a)", "--`a`"),
        ("hash (`x y` mod 4)", "`x y` % 4"),
        ("hash (mod(a, 4))", "MOD(`a`, 4)"),
        ("hash (year(d))", "YEAR(`d`)"),
        ("hash (extract(year from d))", "EXTRACT(YEAR FROM `d`)"),
        ("hash (YEAR)", "`Year`"),
        ("hash (floor(a))", "FLOOR(`a`)"),
        ("hash (datediff(d, '2000-01-01'))", "DATEDIFF(`d`, '2000-01-01')"),
        ("hash (unix_timestamp(s))", "UNIX_TIMESTAMP(`s`)"),
        ("hash (to_seconds(d))", "TO_SECONDS(`d`)"),
    ] {
        assert_eq!(kept(by), text, "{by}");
    }
    assert!(error("create table t (a int) partition by hash (u.a)").starts_with("unknown column 'u.a'"));
    assert!(error("create table t (a int) partition by hash (other.t.a)").starts_with("unknown column"));
}

#[test]
fn linear_and_subpartitions_are_not_heeded() {
    let catalog = FakeCatalog::new(TABLES);
    let warned = |by: &str| {
        let create =
            match bind_one(&catalog, &format!("create table t (a int primary key) partition by {by}")) {
                Ok(Bound::Ddl(Ddl::CreateTable(create))) => create.warnings,
                other => panic!("{by}: {other:?}"),
            };
        let alter = match bind_one(&catalog, &format!("alter table k partition by {by}")) {
            Ok(Bound::Ddl(Ddl::AlterPartitions {
                change: PartitionChange::Repartition { warnings, .. },
                ..
            })) => warnings,
            other => panic!("{by}: {other:?}"),
        };
        assert_eq!(create, alter);
        create.iter().map(|w| format!("{} {}", w.code, w.message)).collect::<Vec<_>>()
    };
    let hash = "8200 LINEAR HASH is not supported, using non-linear HASH instead";
    assert_eq!(warned("linear hash (a) partitions 2"), [hash]);
    let key = "8200 LINEAR KEY is not supported, using non-linear KEY instead";
    assert_eq!(warned("linear key () partitions 2"), [key]);
    assert_eq!(warned("hash (a)"), [""; 0]);
    let below = "8200 Unsupported subpartitioning, only using RANGE partitioning";
    for by in [
        "range (a) subpartition by hash (a) subpartitions 2 (partition p0 values less than (1))",
        "range (a) subpartition by key (a) (partition p0 values less than (1) (subpartition s0, subpartition s1))",
    ] {
        assert_eq!(warned(by), [below], "{by}");
    }
    for by in [
        "range (a) (partition p0 values less than (1) (subpartition s0, subpartition s1))",
        "hash (a) subpartition by key (a) partitions 2",
    ] {
        let got = error(&format!("create table t (a int) partition by {by}"));
        assert!(got.starts_with("it is only possible to mix RANGE/LIST"), "{by}: {got}");
    }
    assert!(error("create table t (a int) partition by linear range (a)").contains("near \"range (a)\""));
}

#[test]
fn changes_are_checked() {
    for (sql, wrong) in [
        ("alter table n drop partition p0", "partition management on a not partitioned table"),
        ("alter table h drop partition p0", "DROP PARTITION can only be used on RANGE/LIST"),
        ("alter table r drop partition x", "error in list of partitions to DROP"),
        ("alter table r drop partition p0, p1, p2", "cannot remove all partitions"),
        ("alter table r coalesce partition 1", "COALESCE PARTITION can only be used on HASH/KEY"),
        ("alter table h coalesce partition 0", "at least one partition must be coalesced"),
        ("alter table h coalesce partition 4", "cannot remove all partitions"),
        ("alter table h add partition partitions 8192", "too many partitions"),
        ("alter table h add partition (partition p0)", "duplicate partition name p0"),
        ("alter table r add partition (partition p0 values less than (40))", "duplicate partition name p0"),
        (
            "alter table r add partition (partition p3 values less than (30))",
            "VALUES LESS THAN value must be strictly",
        ),
        (
            "alter table r add partition (partition p3 values in (30))",
            "only LIST PARTITIONING can use VALUES IN",
        ),
        ("alter table r add partition partitions 2", "syntax : RANGE PARTITIONING requires"),
        ("alter table l add partition (partition p3 values in (2))", "multiple definition of same constant"),
        (
            "alter table d add partition (partition p3 values in (2))",
            "unsupported ADD List partition, already contains DEFAULT partition",
        ),
        ("alter table r truncate partition x", "unknown partition 'x' in table 'r'"),
        (
            "alter table r reorganize partition p0, p2 into (partition x values less than (30))",
            "unsupported REORGANIZE PARTITION of RANGE; not adjacent",
        ),
        (
            "alter table r reorganize partition p0, p1 into (partition x values less than (25))",
            "reorganize of range partitions",
        ),
        (
            "alter table r reorganize partition p0 into (partition p1 values less than (10))",
            "duplicate partition name p1",
        ),
        ("alter table r reorganize partition", "REORGANIZE PARTITION without parameters"),
        (
            "alter table h reorganize partition p0, p1 into (partition p0)",
            "REORGANIZE PARTITION can only be used to reorganize",
        ),
        ("alter table r exchange partition x with table n", "unknown partition 'x' in table 'r'"),
        (
            "alter table r exchange partition p0 with table h",
            "table to exchange with partition is partitioned: 'h'",
        ),
        ("alter table k partition by hash (b)", "a PRIMARY KEY must include all columns"),
        ("alter table h coalesce partition", "You have an error in your SQL syntax"),
        ("select * from r partition (x)", "unknown partition 'x' in table 'r'"),
        ("select * from n partition (p0)", "PARTITION () clause on non partitioned table"),
        ("insert into n partition (p0) values (1)", "PARTITION () clause on non partitioned table"),
    ] {
        let got = error(sql);
        assert!(got.starts_with(wrong), "{sql}: {got}");
    }
}

#[test]
fn changes_say_what_stays_and_what_moves() {
    let catalog = FakeCatalog::new(TABLES);
    let planned = |sql: &str| {
        let Ok(Bound::Ddl(Ddl::AlterPartitions { table, change })) = bind_one(&catalog, sql) else {
            panic!("{sql}: {}", error(sql))
        };
        let descriptor =
            crate::catalog::Catalog::table(&catalog, &table.database, &table.table).unwrap().descriptor;
        let plan = plan_partitions(&descriptor, &change).unwrap();
        let shown = |p: &PlannedPartition| match p.from {
            Some(at) => format!("{}={at}", p.name),
            None => p.name.to_string(),
        };
        let partitions: Vec<String> = plan.partitions.iter().map(shown).collect();
        (partitions.join(" "), plan.moved)
    };
    let cases = [
        ("alter table r add partition (partition p3 values less than maxvalue)", "p0=0 p1=1 p2=2 p3", vec![]),
        ("alter table r drop partition p1", "p0=0 p2=2", vec![]),
        ("alter table r drop partition if exists x, p0", "p1=1 p2=2", vec![]),
        ("alter table r truncate partition p1", "p0=0 p1 p2=2", vec![]),
        ("alter table r truncate partition all", "p0 p1 p2", vec![]),
        (
            "alter table r reorganize partition p1, p0 into (partition x values less than (5), partition y values less than (20))",
            "x y p2=2",
            vec![0, 1],
        ),
        (
            "alter table r reorganize partition p2 into (partition p2 values less than maxvalue)",
            "p0=0 p1=1 p2",
            vec![2],
        ),
        (
            "alter table l reorganize partition p1 into (partition a values in (3), partition b values in (null))",
            "p0=0 a b",
            vec![1],
        ),
        ("alter table h add partition partitions 2", "p0 p1 p2 p3 p4 p5", vec![0, 1, 2, 3]),
        ("alter table h coalesce partition 3", "p0", vec![0, 1, 2, 3]),
        ("alter table h reorganize partition p1 into (partition x)", "p0=0 x=1 p2=2 p3=3", vec![]),
        ("alter table h remove partitioning", "p0", vec![0, 1, 2, 3]),
        ("alter table n partition by key (a) partitions 2", "p0 p1", vec![0]),
        ("alter table r exchange partition p1 with table n without validation", "p0=0 p1=1 p2=2", vec![]),
    ];
    for (sql, partitions, moved) in cases {
        assert_eq!(planned(sql), (partitions.to_owned(), moved), "{sql}");
    }
    let add = bind_one(&catalog, "alter table h add partition (partition x, partition y)").unwrap();
    let names = vec![PartitionLabel::new("x"), PartitionLabel::new("y")];
    assert!(
        matches!(add, Bound::Ddl(Ddl::AlterPartitions { change: PartitionChange::AddHash(n), .. }) if n == names)
    );
}

#[test]
fn a_statement_counts_a_partition_expression_once() {
    let catalog = FakeCatalog::new(
        "create table t (a int, b int) partition by hash (abs(a + 1)) partitions 4; create table u (a int, b int)",
    );
    let usage = |sql: &str| bind_query(&catalog, sql).unwrap().usage.iter().collect::<Vec<_>>();
    let once = [("AbsInt".to_owned(), 1), ("PlusInt".to_owned(), 1)];
    assert_eq!(usage("select * from t"), once);
    assert_eq!(usage("select * from t partition (p1)"), once);
    assert_eq!(usage("insert into t partition (p1) (b, a) values (1, 2)"), once);
    assert_eq!(usage("insert into t select * from t"), once);
    assert_eq!(usage("insert into u select * from t"), once);
    assert_eq!(usage("delete from t"), once);
    assert_eq!(usage("select * from t, t as v, (select 1 from t) as w"), once);
    let update = usage("update t set b = a where a = 3");
    assert_eq!(update, [("AbsInt".to_owned(), 1), ("EQInt".to_owned(), 1), ("PlusInt".to_owned(), 1)]);
    assert_eq!(usage("select * from u"), []);
}

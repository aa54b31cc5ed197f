//! Changes of rows, definitions, statements of the session.

use allod_storage::schema::ColumnDefault;

use super::*;

#[test]
fn inserts_fill_every_column() {
    let rows = |sql: &str| {
        let bound = query(sql);
        assert!(matches!(bound.dml, Some(Dml::Insert { .. })));
        plan_text(&bound.query.plan, &bound.columns)
    };
    assert_eq!(
        rows("insert into h (id, k) values (1, '2'), (3.4, 4)"),
        "Values (1, 2, 7, NULL), (3, 4, 7, NULL)\n"
    );
    assert_eq!(rows("insert into h values (1, 2, default, 5)"), "Values (1, 2, 7, 5)\n");
    assert_eq!(rows("insert into h set k = 1, id = 2"), "Values (2, 1, 7, NULL)\n");
    assert_eq!(rows("insert into auto (name) values ('a')"), "Values (NULL, 'a')\n");
    assert_eq!(rows("insert into auto values (null, 'a')"), "Values (NULL, 'a')\n");
    assert!(rows("insert into h values (99999999999, 1, 1, 1)").contains("assign(99999999999 to id)"));
    assert!(rows("insert into auto values (1, 'too long')").contains("assign('too long' to name)"));
    let select = rows("insert into h (id, k, w) select id, a, s from t");
    assert!(select.contains("assign(t.a#1 to k)") && select.contains("assign(t.s#5 to w)"), "{select}");
    assert!(matches!(error("insert into h (id, k) values (1)"), Error::ValueCount { row: 1 }));
    assert!(matches!(error("insert into h values (1, 2, 3, 4), (1)"), Error::ValueCount { row: 2 }));
    assert!(matches!(error("insert into h (id, id) values (1, 1)"), Error::ColumnTwice(_)));
    assert!(matches!(error("insert into h (id, zz) values (1, 1)"), Error::UnknownColumn { .. }));
    assert!(matches!(error("insert into h (id) values (1)"), Error::NoDefault(_)));
    assert!(matches!(error("insert into h values (null, 2, 3, 4)"), Error::ColumnNotNull(_)));
}

#[test]
fn updates_yield_old_and_new_rows() {
    let bound = query("update t set a = b + 1, b = a where s = 'x' order by id limit 2");
    assert_eq!(bound.query.output.len(), 20);
    let text = plan_text(&bound.query.plan, &bound.columns);
    // b gets the a of before.
    assert!(text.contains("assign(t.a#1 to b)"), "{text}");
    assert_eq!(text.matches("plus(t.b#2, 1)").count(), 1, "{text}");
    let bound = query("update nokey set x = 1");
    assert_eq!(bound.query.output.len(), 5);
    let bound = query("delete from h where k in (select a from t) limit 1");
    assert_eq!(bound.query.output.len(), 4);
    let Some(Dml::Delete { targets, .. }) = bound.dml else { panic!("it deletes") };
    let partition = targets[0].partition.clone().expect("it is partitioned");
    assert_eq!(partition.values[0].columns(), [crate::column::ColumnId(1)]);
    assert!(matches!(error("update t set zz = 1"), Error::UnknownColumn { .. }));
    assert!(matches!(error("update t set b = null"), Error::ColumnNotNull(_)));
}

#[test]
fn definitions_are_checked() {
    let created = |sql: &str| match bind_one(&catalog(), sql) {
        Ok(Bound::Ddl(Ddl::CreateTable(t))) => t,
        other => panic!("{sql}: {other:?}"),
    };
    let t = created(
        "create table if not exists n (a int unsigned not null default '5' comment 'x', b varchar(10), key (b), unique u (a, b), index (b, a)) engine=InnoDB default charset=utf8mb4 comment='hi'",
    );
    let names: Vec<&str> = t.indexes.iter().map(|i| &*i.name).collect();
    assert_eq!(names, ["b", "u", "b_2"]);
    assert_eq!(t.columns[0].default, Some(ColumnDefault::Value(Datum::UInt(5))));
    assert_eq!(&*t.comment, "hi");
    assert!(t.key.is_empty());
    assert_eq!(created("create table n (a int, b int, primary key (b, a))").key, [1, 0]);
    let t = created("create table n (a int primary key nonclustered)");
    assert!(t.key.is_empty() && &*t.indexes[0].name == "PRIMARY");
    let t = created("create table n (a int, dt date) partition by hash(year(dt)) partitions 3");
    assert_eq!(t.partitions.len(), 3);
    for (sql, wanted) in [
        ("create table n (a int, A int)", "duplicate column name 'A'"),
        ("create table n (a int, key k (a), key K (a))", "duplicate key name 'K'"),
        ("create table n (a int, key (zz))", "key column 'zz' doesn't exist in table"),
        ("create table n (a int primary key, b int primary key)", "multiple primary key defined"),
        (
            "create table n (a text primary key)",
            "BLOB/TEXT column 'a' used in key specification without a key length",
        ),
        ("create table n (a int default 'x')", "invalid default value for 'a'"),
        ("create table n (a int not null default null)", "invalid default value for 'a'"),
        (
            "create table n (a int auto_increment, b int auto_increment)",
            "there can be only one auto column and it must be defined as a key",
        ),
        ("create table n (a decimal(70,2))", "too big precision 70 specified for column 'a', maximum is 65"),
        (
            "create table n (a decimal(2,3))",
            "for float(M,D), double(M,D) or decimal(M,D), M must be >= D (column 'a')",
        ),
        (
            "create table n (a int primary key, b int) partition by hash(b) partitions 2",
            "a PRIMARY KEY must include all columns in the table's partitioning function",
        ),
        (
            "create table n (a int) partition by hash(a + rand()) partitions 2",
            "this partition function is not allowed",
        ),
        (
            "create table n (a varchar(5)) partition by hash(a) partitions 2",
            "field 'a' is of a not allowed type for this type of partitioning",
        ),
        (
            "create table n (a int) partition by hash(a) partitions 0",
            "number of partitions = 0 is not an allowed value",
        ),
        ("create index i on t (zz)", "key column 'zz' doesn't exist in table"),
        (
            "create unique index i on h (v)",
            "Global Index is needed for index 'i', since the unique index is not including all partitioning columns, \
             and GLOBAL is not given as IndexOption",
        ),
    ] {
        assert_eq!(error(sql).to_string(), wanted, "{sql}");
    }
    for sql in [
        "create index i on t (a, b)",
        "drop index i on t",
        "drop table if exists t, zz",
        "truncate table t",
        "create database if not exists zz",
        "drop database zz",
        "alter table t add index i (a)",
        "alter table t rename to u",
        "rename table t to u",
        "create table n like t",
        "truncate t",
    ] {
        assert!(
            matches!(bind_one(&catalog(), sql), Ok(Bound::Ddl(_))),
            "{sql}: {:?}",
            bind_one(&catalog(), sql)
        );
    }
}

#[test]
fn statements_of_the_session_are_data() {
    let bound = |sql: &str| bind_one(&catalog(), sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    assert!(matches!(bound("show tables like 't%'"), Bound::Show(Show::Tables { pattern: Some(_), .. })));
    assert!(matches!(
        bound("show full columns from t from test"),
        Bound::Show(Show::Columns { full: true, .. })
    ));
    assert!(matches!(bound("show create table t"), Bound::Show(Show::CreateTable { .. })));
    assert!(matches!(bound("show index from t"), Bound::Show(Show::Index { .. })));
    assert!(matches!(
        bound("show global variables like 'x'"),
        Bound::Show(Show::Variables { global: true, .. })
    ));
    assert!(matches!(bound("show warnings"), Bound::Show(Show::Warnings(_))));
    assert!(matches!(bound("show simulation"), Bound::Show(Show::Simulation)));
    assert!(matches!(bound("desc t"), Bound::Show(Show::Columns { .. })));
    assert!(matches!(bound("use test"), Bound::Use { .. }));
    assert!(matches!(bound("analyze table t, s"), Bound::Analyze { tables } if tables.len() == 2));
    assert!(matches!(bound("prepare p from 'select ?'"), Bound::Prepare { .. }));
    assert!(matches!(bound("execute p using @a, @b"), Bound::Execute { params, .. } if params.len() == 2));
    assert!(matches!(bound("deallocate prepare p"), Bound::Deallocate { .. }));
    assert!(matches!(bound("simulate link 1 -> 3 latency '20ms'"), Bound::Simulate(_)));
    assert!(matches!(
        bound("explain select 1"),
        Bound::Explain { analyze: false, format: ExplainFormat::Row, .. }
    ));
    assert!(matches!(
        bound("explain analyze format = 'brief' select 1"),
        Bound::Explain { analyze: true, format: ExplainFormat::Brief, .. }
    ));
    for (name, expected) in
        [("tidb_json", ExplainFormat::Json), ("DOT", ExplainFormat::Dot), ("verbose", ExplainFormat::Verbose)]
    {
        let Bound::Explain { format, .. } = bound(&format!("explain format = {name} select 1")) else {
            panic!()
        };
        assert_eq!(format, expected);
    }
    assert_eq!(error("explain format = 'x' select 1").to_string(), "unknown EXPLAIN format name: 'x'");
    let Bound::Set(set) = bound("set @@session.tidb_x = on, global y = 1 + 1, @u = 'v', z = default") else {
        panic!()
    };
    assert_eq!(set.len(), 4);
    let on = SetValue::Constant(Datum::string("ON"));
    assert_eq!(set[0], SetVariable { target: SetTarget::Session("tidb_x".into()), value: on });
    assert_eq!(set[1].target, SetTarget::Global("y".into()));
    assert!(matches!(set[1].value, SetValue::Query(_)));
    assert_eq!(set[2].target, SetTarget::User("u".into()));
    assert_eq!(set[3].value, SetValue::Default);
    assert!(matches!(error("use zz"), Error::UnknownDatabase(_)));
}

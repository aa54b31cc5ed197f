//! Formats that speak of a plan in another way than as a table of operators.

use crate::{Database, Result, Session};

fn rows(session: &mut Session, sql: &str) -> Vec<Vec<String>> {
    let result = session.execute(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    let width = result.columns().len();
    let text = |row: Result<crate::Row>| {
        let row = row.unwrap();
        (0..width).map(|c| row.value(c).to_string()).collect()
    };
    result.rows().map(text).collect()
}

/// The operators, without figures.
fn plan(session: &mut Session, sql: &str) -> Vec<Vec<String>> {
    rows(session, &format!("explain format = 'plan_tree' {sql}"))
}

/// The hints that pin a plan, and that plan.
fn pinned(session: &mut Session, sql: &str) -> (String, Vec<Vec<String>>) {
    let hint = rows(session, &format!("explain format = 'hint' {sql}")).remove(0).remove(0);
    if hint.is_empty() {
        return (hint, plan(session, sql));
    }
    // That of a query is its own, not that of what it defines.
    let begin = sql.find(") select ").filter(|_| sql.starts_with("with")).map_or(0, |at| at + 2);
    let verb = begin + sql[begin..].find(' ').unwrap();
    let explained = plan(session, &format!("{} /*+ {hint} */ {}", &sql[..verb], &sql[verb..]));
    let warnings = rows(session, "show warnings");
    assert_eq!(warnings, Vec::<Vec<String>>::new(), "{hint}");
    (hint, explained)
}

fn tables() -> Session {
    let mut session = Database::new().session();
    for (table, rows) in [("t", 300), ("u", 2000), ("w", 40)] {
        session
            .run(&format!("create table {table} (a int primary key, b int, c int, key b (b), key c (c))"))
            .unwrap();
        let numbers =
            format!("with recursive n as (select 1 i union all select i + 1 from n where i < {rows}) select");
        session.run("set cte_max_recursion_depth = 5000").unwrap();
        session.run(&format!("insert into {table} {numbers} i, i % 50, i % 7 from n")).unwrap();
    }
    session.run("create table p (a int, b int, key b (b)) partition by hash (a) partitions 4").unwrap();
    session.run("insert into p select a, b from u").unwrap();
    session.run("create view v as select u.a, w.b from u join w on u.b = w.a").unwrap();
    session
}

const QUERIES: &[&str] = &[
    "select * from t",
    "select * from t where a = 3",
    "select * from t where b = 3",
    "select b from t where b > 3",
    "select * from t where b = 3 order by a limit 3",
    "select * from t order by a desc limit 3",
    "select b from t order by b limit 3",
    "select * from t where b = 3 or c = 4",
    "select count(*) from t",
    "select b, count(*) from t group by b",
    "select c, sum(a) from t where b > 7 group by c order by c",
    "select * from t x where x.b = 3",
    "select * from t, u where t.b = u.b",
    "select * from t join u on t.a = u.b where t.c = 3",
    "select * from t join u on t.a = u.a join w on u.b = w.a",
    "select * from w join t on t.b = w.b join u on u.c = t.a where u.a < 9",
    "select * from t left join u on t.a = u.b",
    "select * from w left join u on w.a = u.a where w.b = 2",
    "select * from t where a in (select b from u)",
    "select * from t where not exists (select 1 from w where w.b = t.b and w.a > 3)",
    "select * from t where b > (select max(w.b) from w where w.a = t.a)",
    "select * from t join (select b, max(c) m from u group by b) d on d.b = t.a",
    "select * from t join p on t.a = p.b",
    "select * from p where b = 3 order by a limit 2",
    "select * from v where a < 9",
    "select * from v join t on v.a = t.a",
    "with d as (select b, count(*) n from u group by b) select * from d x join d y on x.n = y.b",
    "select a from t where b = 1 union all select a from u where c = 2 order by a limit 3",
    "update t set b = b + 1 where b = 3",
    "update t join u on t.a = u.a set t.b = u.b where u.c = 2",
    "delete from t where b in (select a from w where w.c = 2)",
    "insert into p select t.a, u.b from t join u on t.a = u.c",
];

#[test]
fn hints_pin_the_plan_they_were_made_of() {
    let mut session = tables();
    for analyzed in [false, true] {
        if analyzed {
            session.run("analyze table t, u, w, p").unwrap();
        }
        for sql in QUERIES {
            let wanted = plan(&mut session, sql);
            let (hint, found) = pinned(&mut session, sql);
            assert_eq!(found, wanted, "{sql}\n{hint}");
        }
    }
}

/// A plan that nobody would choose is found again, too.
#[test]
fn hints_pin_plans_that_cost_more() {
    let mut session = tables();
    let joins = [
        "hash_join(t)",
        "merge_join(t)",
        "inl_join(u)",
        "inl_hash_join(u)",
        "hash_join_build(u)",
        "hash_join_probe(u)",
    ];
    for join in joins {
        let sql = "from t join u on t.a = u.b where t.c = 3";
        let wanted = plan(&mut session, &format!("select /*+ {join} use_index(t, b) */ t.c, u.c {sql}"));
        let hint = rows(
            &mut session,
            &format!("explain format = 'hint' select /*+ {join} use_index(t, b) */ t.c, u.c {sql}"),
        );
        let again = plan(&mut session, &format!("select /*+ {} */ t.c, u.c {sql}", hint[0][0]));
        assert_eq!(again, wanted, "{hint:?}");
    }
}

#[test]
fn hints_are_written_as_tidb_does() {
    let mut session = tables();
    let mut hint =
        |sql: &str| rows(&mut session, &format!("explain format = 'hint' {sql}")).remove(0).remove(0);
    assert_eq!(
        hint("select * from t where b = 3"),
        "use_index(@`sel_1` `test`.`t` `b`), no_order_index(@`sel_1` `test`.`t` `b`)"
    );
    assert_eq!(
        hint("select * from t x"),
        "use_index(@`sel_1` `test`.`x` ), no_order_index(@`sel_1` `test`.`x` `primary`)"
    );
    assert_eq!(hint("select count(*) from p"), "hash_agg(@`sel_1`), use_index(@`sel_1` `test`.`p` )");
    assert_eq!(hint("select * from t where a = 3"), "");
    assert_eq!(
        hint("delete from t where b = 3"),
        "use_index(@`del_1` `test`.`t` `b`), no_order_index(@`del_1` `test`.`t` `b`)"
    );
}

#[test]
fn the_other_formats() {
    let mut session = tables();
    let result = session.execute("explain format = 'plan_tree' select * from t where c = 1 limit 1").unwrap();
    let names: Vec<String> = result.columns().iter().map(|column| column.name.to_string()).collect();
    assert_eq!(names, ["id", "task", "access object", "operator info"]);
    let result = session.execute("explain format = 'cost_trace' select * from t").unwrap();
    let names: Vec<String> = result.columns().iter().map(|column| column.name.to_string()).collect();
    assert_eq!(names, ["id", "estRows", "estCost", "costFormula", "task", "access object", "operator info"]);
    let trace = rows(&mut session, "explain format = 'cost_trace' select * from t where c > 1");
    let cost = |at: usize| trace[at][2].parse::<f64>().unwrap();
    assert!(
        trace[0][3].starts_with("own(") && trace[0][3].contains(&format!(" + Selection_2({})", trace[1][2])),
        "{trace:?}"
    );
    assert!(cost(0) >= cost(1) && cost(1) > 0.0);
    // What TiDB would find again, and what it would not.
    for (sql, why) in [
        ("select * from t where b = 1", None),
        ("select * from t where a = 1", None),
        (
            "select * from t where b in (select b from u)",
            Some("queries that have sub-queries are not supported"),
        ),
        (
            "select /*+ use_index(t, b) */ * from t where b = 1",
            Some("queries that have hints, having-clause, window-function are not supported"),
        ),
    ] {
        rows(&mut session, &format!("explain format = 'plan_cache' {sql}"));
        let wanted: Vec<String> =
            why.map(|why| format!("skip non-prepared plan-cache: {why}")).into_iter().collect();
        let found: Vec<String> =
            rows(&mut session, "show warnings").into_iter().map(|mut row| row.remove(2)).collect();
        assert_eq!(found, wanted, "{sql}");
    }
}

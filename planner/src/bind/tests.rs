mod bad_input;
mod changes;
mod choices;
mod hints;
mod transactions;

use super::*;
use crate::error::Position;
use crate::logical::{Plan, check};
use crate::parse::parse;
use crate::testing::{DATABASE, FakeCatalog, bind_one, bind_query, expr_text, plan_text, tpch};

fn catalog() -> FakeCatalog {
    FakeCatalog::new(
        "create table t (id int primary key, a int, b int not null, d decimal(10,2), f double, s varchar(20), dt date, ts datetime, u bigint unsigned, tm time);
         create table s (id int primary key, a int, c varchar(10) not null);
         create table nokey (x int, y int);
         create table h (id int, k int, v int not null default 7, w int, primary key (id, k)) partition by hash (k * 2) partitions 4;
         create table auto (id bigint not null auto_increment primary key, name varchar(5) not null);",
    )
}

/// Binds and checks that the plan is well formed.
fn query(sql: &str) -> BoundQuery {
    let bound = bind_query(&catalog(), sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    check(&bound.query)
        .unwrap_or_else(|e| panic!("{sql}: {e}\n{}", plan_text(&bound.query.plan, &bound.columns)));
    bound
}

fn plan(sql: &str) -> String {
    let bound = query(sql);
    plan_text(&bound.query.plan, &bound.columns)
}

fn error(sql: &str) -> Error {
    match bind_one(&catalog(), sql) {
        Err(error) => error,
        Ok(bound) => panic!("{sql} is bound: {bound:?}"),
    }
}

/// Type and text of one expression over `t`.
fn typed(expr: &str) -> (String, String) {
    let bound = query(&format!("select {expr} from t"));
    let Plan::Project { exprs, .. } = &bound.query.plan else { panic!("{:?}", bound.query.plan) };
    let (_, e) = &exprs[0];
    let text = expr_text(e, &bound.columns);
    let text = regex::Regex::new(r"#\d+").expect("a regex").replace_all(&text, "").replace("t.", "");
    (text, e.ty().to_string())
}

#[test]
fn all_tpch_queries_bind() {
    let catalog = tpch::catalog();
    for (i, sql) in tpch::QUERIES.iter().enumerate() {
        let bound = bind_query(&catalog, sql).unwrap_or_else(|e| panic!("q{:02}: {e}", i + 1));
        check(&bound.query).unwrap_or_else(|e| panic!("q{:02}: {e}", i + 1));
    }
}

#[test]
fn constants_fold() {
    for (sql, value, ty) in [
        ("date '1994-01-01' + interval '1' year", "1995-01-01", "date not null"),
        ("date '1998-12-01' - interval '90' day", "1998-09-02", "date not null"),
        ("date '1993-10-01' + interval '3' month", "1994-01-01", "date not null"),
        ("interval 1 day + '2020-02-28'", "2020-02-29", "date not null"),
        ("date_add('2020-01-31', interval 1 month)", "2020-02-29", "date not null"),
        ("'2020-01-01 10:00:00' - interval '1:30' hour_minute", "2020-01-01 08:30:00", "datetime not null"),
        ("0.06 - 0.01", "0.05", "decimal(4,2) not null"),
        ("1 + 1", "2", "bigint not null"),
        ("7 div 2", "3", "bigint not null"),
        ("-7 % 3", "-1", "bigint not null"),
        ("1 / 3", "0.3333", "decimal(5,4) not null"),
        ("2 / 0", "div(2, 0)", "decimal(5,4)"),
        ("1.5 * 1.5", "2.25", "decimal(4,2) not null"),
        ("1e0 + 1", "2", "double not null"),
        ("'3' + 4", "7", "double not null"),
        ("-9223372036854775808", "-9223372036854775808", "bigint not null"),
        ("9223372036854775808", "9223372036854775808", "bigint unsigned not null"),
        ("1 = 1.0", "1", "tinyint not null"),
        ("null = 1", "NULL", "tinyint"),
        ("null is null", "1", "tinyint not null"),
        ("2 between 1 and 3", "1", "tinyint not null"),
        ("2 not between 1 and 3", "0", "tinyint not null"),
        ("3 in (1, 2, null)", "NULL", "tinyint"),
        ("'b' > 'a' and not 0", "1", "tinyint not null"),
        ("(1, 2) < (1, 3)", "1", "tinyint not null"),
        ("concat('a', 1, null)", "NULL", "varchar(2)"),
        ("concat('a', 1)", "'a1'", "varchar(2) not null"),
        ("case when 1 = 2 then 'a' when 1 = 1 then 'bc' else 'd' end", "'bc'", "varchar(2) not null"),
        ("if(null, 1, 2)", "2", "bigint not null"),
        ("coalesce(null, 5, 6)", "5", "bigint not null"),
        ("cast('2020-01-01' as date)", "2020-01-01", "date"),
        ("cast(1.25 as decimal(5,1))", "1.3", "decimal(5,1) not null"),
        ("year('2020-05-06')", "2020", "bigint not null"),
        ("extract(month from date '2020-05-06')", "5", "bigint not null"),
        ("datediff('2020-03-01', '2020-02-01')", "29", "bigint"),
        ("date '2020-01-01' < '2020-01-02'", "1", "tinyint not null"),
        ("true", "1", "tinyint not null"),
    ] {
        let (text, found) = typed(sql);
        assert_eq!(text, value, "{sql}");
        // A folded value is never NULL by accident.
        let same = found == ty
            || found == ty.strip_suffix(" not null").unwrap_or(ty)
            || format!("{found} not null") == ty
            || found.strip_suffix(" not null") == Some(ty);
        assert!(same, "{sql}: {found} instead of {ty}");
    }
}

#[test]
fn overflow_and_nonsense_do_not_fold() {
    for sql in ["9223372036854775807 + 1", "cast('abc' as signed)", "'abc' + 1", "cast(-1 as unsigned)"] {
        let (text, _) = typed(sql);
        assert!(text.contains('('), "{sql}: {text}");
    }
}

#[test]
fn result_types_are_those_of_mysql() {
    for (sql, ty) in [
        ("a", "int"),
        ("b", "int not null"),
        ("a + b", "bigint"),
        ("b + 1", "bigint not null"),
        ("u + 1", "bigint unsigned"),
        ("a / b", "decimal(14,4)"),
        ("d + d", "decimal(11,2)"),
        ("d * d", "decimal(20,4)"),
        ("d / 2", "decimal(14,6)"),
        ("d % 3", "decimal(10,2)"),
        ("d + 1", "decimal(11,2)"),
        ("d + f", "double"),
        ("s + 1", "double"),
        ("dt + 1", "bigint"),
        ("a div 2", "bigint"),
        ("a & 1", "bigint unsigned"),
        ("a = 1", "tinyint"),
        ("b = 1", "tinyint not null"),
        ("a <=> 1", "tinyint not null"),
        ("-b", "bigint not null"),
        ("-d", "decimal(10,2)"),
        ("dt + interval 1 day", "date"),
        ("dt + interval 1 hour", "datetime"),
        ("ts + interval 1 day", "datetime"),
        ("ts + interval 1 microsecond", "datetime(6)"),
        ("extract(year from dt)", "bigint"),
        ("case when a > 1 then b else d end", "decimal(12,2)"),
        ("case when a > 1 then 'x' end", "varchar(1)"),
        ("case when a > 1 then b else 0 end", "bigint not null"),
        ("case when a > 1 then d else 0 end", "decimal(10,2)"),
        ("if(a, dt, ts)", "datetime"),
        ("if(a, s, b)", "varchar(20)"),
        ("ifnull(a, b)", "int not null"),
        ("coalesce(d, f)", "double"),
        ("nullif(b, 1)", "int"),
        ("nullif(b, '1')", "int"),
        ("greatest(b, 1.5)", "decimal(11,1) not null"),
        ("round(d)", "decimal(9,0)"),
        ("round(d, 1)", "decimal(10,1)"),
        ("truncate(d, 1)", "decimal(9,1)"),
        ("abs(a)", "bigint"),
        ("ceil(d)", "bigint"),
        ("floor(f)", "double"),
        ("sqrt(b)", "double"),
        ("length(s)", "bigint"),
        ("substring(s, 1, 2)", "varchar(20)"),
        ("substring(s from 2)", "varchar(20)"),
        ("concat(s, s)", "varchar(40)"),
        ("upper(s)", "varchar(20)"),
        ("locate('a', s)", "bigint"),
        ("cast(a as char)", "varchar(11)"),
        ("cast(s as decimal(8,3))", "decimal(8,3)"),
        ("convert(a, unsigned)", "bigint unsigned"),
        ("cast(b as date)", "date"),
        ("null", "binary(0)"),
        ("'x'", "varchar(1) not null"),
        ("0x4142", "bit(16) not null"),
        ("b'101'", "bit(8) not null"),
        ("0b101 + 1", "bigint unsigned not null"),
        ("concat(0b1000001, x'42')", "varbinary(2) not null"),
        ("0.05", "decimal(3,2) not null"),
        ("date_format(dt, '%Y')", "varchar(255)"),
        ("str_to_date(s, '%Y-%m-%d')", "date"),
        ("timestampdiff(day, dt, ts)", "bigint"),
        ("now()", "datetime not null"),
        ("unix_timestamp(ts)", "bigint"),
        ("mod(a, 3)", "bigint"),
        ("pow(a, 2)", "double"),
    ] {
        assert_eq!(typed(sql).1, ty, "{sql}");
    }
    for (sql, ty) in [
        ("sum(a)", "decimal(32,0)"),
        ("sum(d)", "decimal(32,2)"),
        ("sum(f)", "double"),
        ("sum(s)", "double"),
        ("avg(a)", "decimal(14,4)"),
        ("avg(d)", "decimal(14,6)"),
        ("min(b)", "int"),
        ("max(dt)", "date"),
        ("count(*)", "bigint not null"),
        ("count(distinct a, s)", "bigint not null"),
        ("bit_or(a)", "bigint unsigned not null"),
        ("stddev(a)", "double"),
        ("group_concat(s separator ';')", "longtext"),
    ] {
        let bound = query(&format!("select {sql} from t"));
        assert_eq!(bound.columns.ty(bound.query.output[0].id).to_string(), ty, "{sql}");
    }
}

#[test]
fn comparisons_agree_on_a_family() {
    for (sql, text) in [
        ("a = '5'", "eq(a, 5)"),
        ("a = 5.0", "eq(a, 5)"),
        ("a > 1.5", "gt(cast(a as decimal(10,0)), 1.5)"),
        ("a = 'x'", "eq(cast(a as double), cast('x' as double))"),
        ("d = 1", "eq(d, 1)"),
        ("d = a", "eq(d, cast(a as decimal(10,0)))"),
        ("d = f", "eq(cast(d as double), f)"),
        ("f = 1", "eq(f, 1)"),
        ("s = 1", "eq(cast(s as double), 1)"),
        ("u = 1", "eq(u, 1)"),
        ("u > -1", "gt(cast(u as decimal(20,0)), -1)"),
        ("u = a", "eq(cast(u as decimal(20,0)), cast(a as decimal(20,0)))"),
        ("dt = '2020-01-01'", "eq(dt, 2020-01-01)"),
        ("dt < '2020-01-01 00:00:00'", "lt(dt, 2020-01-01)"),
        ("dt < '2020-01-01 10:00:00'", "lt(cast(dt as datetime(6)), 2020-01-01 10:00:00)"),
        ("dt = 20200101", "eq(dt, 2020-01-01)"),
        ("ts >= date '2020-01-01'", "ge(ts, cast(2020-01-01 as datetime(6)))"),
        ("ts >= '2020-01-01'", "ge(ts, 2020-01-01 00:00:00)"),
        ("dt = ts", "eq(cast(dt as datetime(6)), ts)"),
        ("dt = s", "eq(cast(dt as datetime(6)), cast(s as datetime(6)))"),
        ("tm > '10:00'", "gt(tm, 10:00:00)"),
        ("a in (1, '2')", "in(a, 1, 2)"),
        ("a in (1, 2.5)", "or(eq(a, 1), eq(cast(a as decimal(10,0)), 2.5))"),
        ("dt in ('2020-01-01', '2020-01-02')", "in(dt, 2020-01-01, 2020-01-02)"),
        ("a in (1)", "eq(a, 1)"),
        ("a not in (1, 2)", "not(in(a, 1, 2))"),
        ("a between 1 and 2", "and(ge(a, 1), le(a, 2))"),
        ("a not between 1 and 2", "or(lt(a, 1), gt(a, 2))"),
        ("not a = 1", "ne(a, 1)"),
        ("not (a < 1)", "ge(a, 1)"),
        ("s like 'a%'", "like(s, 'a%')"),
        ("s not like 'a%' escape '!'", "not(like(s, 'a%'))"),
        ("a like '1%'", "like(cast(a as varchar(11)), '1%')"),
        ("(a, b) = (1, 2)", "and(eq(a, 1), eq(b, 2))"),
        ("(a, b) in ((1, 2), (3, 4))", "or(and(eq(a, 1), eq(b, 2)), and(eq(a, 3), eq(b, 4)))"),
        ("a is true", "istrue(a)"),
        ("b is null", "0"),
        ("a is not null", "not(isnull(a))"),
        ("a and s", "and(a, ne(cast(s as double), 0))"),
        ("a and 1 and b", "and(a, b)"),
        ("a and 0", "0"),
        ("case a when 1 then 2 else 3 end", "case(eq(a, 1), 2, 3)"),
        ("case when 1 then a else b end", "a"),
        ("a + 1 - 2 * b", "minus(plus(a, 1), mul(2, b))"),
        ("a | 1 ^ 2", "bitor(cast(a as bigint unsigned), 3)"),
        ("a xor b", "xor(a, b)"),
        ("a <=> null", "nulleq(a, NULL)"),
        ("trim(leading 'x' from s)", "ltrim(s, 'x')"),
        ("position('a' in s)", "locate('a', s)"),
        ("mod(a, 3)", "mod(a, 3)"),
        ("adddate(dt, 3)", "date_add_Day(dt, 3)"),
    ] {
        let (found, _) = typed(sql);
        assert_eq!(
            found.replace("cast(2020-01-01 as datetime(6))", "2020-01-01 00:00:00"),
            text.replace("cast(2020-01-01 as datetime(6))", "2020-01-01 00:00:00"),
            "{sql}"
        );
    }
}

#[test]
fn names_resolve() {
    query("select T.A, test.t.b from t");
    query("select x.a from t x, t y where x.id = y.id");
    query("select a as k from t group by k having k > 1 order by k");
    query("select a + 1 as k, count(*) from t group by 1 order by 2 desc");
    query("select b from t order by a, b + 1, 1");
    query("select s.*, t.id from t join s using (id)");
    query("select id, a from t natural join s");
    query("select q.k from (select a as k, b from t) q where q.k = 1");
    query("select k from (select a, b from t) q (k, l)");
    query("select max(a) m from t having m > 1");
    query("select a from t where a > any (select a from s) or exists (select 1 from s where s.id = t.id)");
    assert!(matches!(
        error("select zz from t"),
        Error::UnknownColumn { clause: "field list", position: Some(Position { line: 1, column: 8 }), .. }
    ));
    assert!(matches!(error("select 1 from t where zz"), Error::UnknownColumn { clause: "where clause", .. }));
    assert!(matches!(
        error("select 1 from t group by zz"),
        Error::UnknownColumn { clause: "group statement", .. }
    ));
    assert!(matches!(
        error("select 1 from t order by zz"),
        Error::UnknownColumn { clause: "order clause", .. }
    ));
    assert!(matches!(error("select 1 from t order by 2"), Error::UnknownColumn { .. }));
    assert!(matches!(
        error("select 1 from t join s on zz"),
        Error::UnknownColumn { clause: "on clause", .. }
    ));
    assert!(matches!(error("select a as k from t where k = 1"), Error::UnknownColumn { .. }));
    assert!(matches!(error("select a from t, s"), Error::AmbiguousColumn { clause: "field list", .. }));
    assert!(matches!(error("select 1 from t, t"), Error::DuplicateAlias(_)));
    assert!(matches!(error("select 1 from zz"), Error::UnknownTable { position: Some(_), .. }));
    assert!(matches!(error("select 1 from zz.t"), Error::UnknownDatabase(_)));
    assert!(matches!(error("select zz.* from t"), Error::UnknownRelation(_)));
    assert!(matches!(error("select zz(1)"), Error::UnknownFunction { .. }));
    assert!(matches!(error("select length()"), Error::ArgumentCount(_)));
    assert!(matches!(error("select * from (select a, a from t) q"), Error::DuplicateColumn(_)));
    assert!(matches!(error("select * from (select a from t) q (k, l)"), Error::ColumnListCount(_)));
    assert!(matches!(error("select a from (select a from t)"), Error::DerivedWithoutAlias));
    assert!(matches!(error("select date '2020-13-01'"), Error::IncorrectLiteral { kind: "date", .. }));
}

#[test]
fn grouping_is_only_full() {
    query("select a, count(*) from t group by a");
    query("select id, s, sum(b) from t group by id");
    query("select t.id, s.c, count(*) from t join s on t.a = s.id group by t.id");
    query("select a, count(*) from t where a = 3");
    query("select a + 1, sum(b) from t group by a + 1 order by a + 1");
    query("select a from t group by a having sum(b) > (select max(id) from s where s.a = t.a)");
    query("select a, (select max(c) from s where s.a = t.a) from t group by a");
    query("select a, s from t where s = 'x' group by a");
    query("select count(*) from t group by b having max(a) > 1 order by sum(a)");
    assert!(matches!(error("select a, b from t group by a"), Error::NotGrouped { .. }));
    assert!(matches!(error("select a, count(*) from t"), Error::MixedAggregate { .. }));
    assert!(matches!(error("select sum(sum(a)) from t"), Error::InvalidAggregate));
    assert!(matches!(error("select 1 from t where sum(a) > 1"), Error::InvalidAggregate));
    assert!(matches!(error("select sum(a) k from t group by k"), Error::CannotGroupOn(_)));
    assert!(matches!(error("select distinct a from t order by b"), Error::OrderByNotInDistinct(_)));
    query("select distinct a + 1 k from t order by a + 1, k * 2");
}

#[test]
fn subqueries_become_joins() {
    let shape = |sql: &str| {
        let text = plan(sql);
        let joins = text.lines().map(str::trim).filter(|l| l.starts_with("Join") || l.starts_with("Apply"));
        let names = regex::Regex::new(r"#\d+").expect("a regex");
        joins.map(|l| names.replace_all(l, "").into_owned()).collect::<Vec<_>>().join("; ")
    };
    let t = "select b from t where ";
    for (condition, joins) in [
        ("exists (select 1 from s)", "Join Semi"),
        ("exists (select 1 from s where s.id = t.id)", "Apply Semi by t.id"),
        ("not exists (select 1 from s where s.id = t.id)", "Apply Anti by t.id"),
        ("not (not exists (select 1 from s))", "Join Semi"),
        ("b in (select id from s)", "Join Semi on eq(t.b, s.id)"),
        ("b not in (select id from s)", "Join Anti on eq(t.b, s.id)"),
        ("a not in (select id from s)", "Join Anti null-aware eq(t.a, s.id)"),
        ("b not in (select a from s)", "Join Anti null-aware eq(t.b, s.a)"),
        ("b = any (select id from s)", "Join Semi on eq(t.b, s.id)"),
        ("b > all (select id from s)", "Join Anti on le(t.b, s.id)"),
        ("b <> all (select id from s)", "Join Anti on eq(t.b, s.id)"),
        ("(a, b) in (select a, id from s)", "Join Semi on eq(t.a, s.a), eq(t.b, s.id)"),
        ("b in (select id from s) or b = 1", "Join Mark() on eq(t.b, s.id)"),
        ("a in (select id from s) or b = 1", "Join Mark() null-aware eq(t.a, s.id)"),
        ("b = (select max(id) from s)", "Join Left"),
        ("b = (select max(id) from s where s.a = t.a)", "Apply Left by t.a"),
        ("d in (select id from s)", "Join Semi on eq(t.d, cast(s.id as decimal(10,0)))"),
    ] {
        assert_eq!(shape(&format!("{t}{condition}")), joins, "{condition}");
    }
    assert!(plan("select (select id from s) from t").contains("MaxOneRow"));
    assert!(!plan("select (select count(*) from s) from t").contains("MaxOneRow"));
    // Any depth: the innermost block uses the outermost row.
    let deep = "select id from t where exists (select 1 from s where exists (select 1 from nokey where x = t.a and y = s.a))";
    assert_eq!(shape(deep), "Apply Semi by t.a; Apply Semi by s.a");
    query("select t.id from t left join s on t.id = s.id and s.a in (select x from nokey)");
    query("select t.id from t join s on t.id = (select max(x) from nokey where y = s.a)");
    query("select sum((select max(x) from nokey where y = t.a)) from t");
    query("select a from t order by (select max(x) from nokey where y = t.a)");
    query("select t.id, q.m from t, lateral (select max(a) m from s where s.id = t.a) q");
    assert!(matches!(error("select (select id, a from s)"), Error::OperandColumns(1)));
    assert!(matches!(error("select 1 from t where a in (select id, a from s)"), Error::OperandColumns(1)));
}

#[test]
fn outer_joins_make_columns_nullable() {
    let bound = query("select s.c, t.b from t left join s on t.id = s.id");
    assert!(bound.columns.ty(bound.query.output[0].id).nullable);
    assert!(!bound.columns.ty(bound.query.output[1].id).nullable);
    let bound = query("select s.c, t.b from s right join t on t.id = s.id where s.c = 'x'");
    assert!(bound.columns.ty(bound.query.output[0].id).nullable);
    assert!(plan("select * from s right join t using (id)").contains("Join Left on eq"));
    let bound = query("select * from t join s using (id, a)");
    let names: Vec<&str> = bound.query.output.iter().map(|o| &*o.name).collect();
    assert_eq!(names, ["id", "a", "b", "d", "f", "s", "dt", "ts", "u", "tm", "c"]);
}

#[test]
fn common_table_expressions_are_shared_or_inlined() {
    let bound = query("with q as (select a, b from t) select x.a from q x join q y on x.b = y.b");
    assert_eq!(bound.query.ctes.len(), 1);
    let bound = query(
        "with q (k) as (select a from t), r as (select k from q), unused as (select 1) select k from r",
    );
    assert!(bound.query.ctes.is_empty());
    let bound = query(
        "with q as (select a from t), r as (select a from q union all select a from q) select r.a from r, r r2",
    );
    assert_eq!(bound.query.ctes.len(), 2);
    let bound = query(
        "with q as (select a from t) select * from q where a > (with q as (select 1 k) select k from q)",
    );
    assert!(bound.query.ctes.is_empty());
}

#[test]
fn unions_agree_on_types() {
    let bound = query("select id, 1 from t union all select 2.5, null union all select a, 'x' from s");
    let types: Vec<String> = bound.query.output.iter().map(|o| bound.columns.ty(o.id).to_string()).collect();
    assert_eq!(types, ["decimal(11,1)", "varchar(20)"]);
    assert_eq!(
        plan("select a from t union all select a from s union all select x from nokey")
            .matches("Union")
            .count(),
        1
    );
    assert!(plan("select a from t union select a from s order by a limit 3").contains("Sort"));
    query("(select a from t order by b limit 1) union all (select a from s) order by 1 limit 2, 3");
    query("select a from t intersect select a from s");
    query("select a from t except select a from s");
    query("values row(1, 'a'), row(2.5, 'b')");
    query("table s order by c limit 1");
    assert!(matches!(error("select 1 union select 1, 2"), Error::UnionColumnCount));
}

#[test]
fn headers_are_the_text_as_written_or_what_a_literal_says() {
    let names = |sql: &str| query(sql).query.output.iter().map(|o| o.name.to_string()).collect::<Vec<_>>();
    assert_eq!(
        names("select  A, t.b,sum( a+1 ) , 'x,y', (1), extract(year from dt) as y from t group by a, b, dt"),
        ["A", "b", "sum( a+1 )", "x,y", "1", "y"]
    );
    assert_eq!(names("select distinct a+b, /* c */ 1+1 from t"), ["a+b", "1+1"]);
    assert_eq!(
        names("select\n  '(', count(*)\n,\tif(a > 1, ')', \"'\") from t group by a"),
        ["(", "count(*)", "if(a > 1, ')', \"'\")"]
    );
    assert_eq!(names("select * from (select 1+1 from t) q"), ["1+1"]);
    // But for literals: TiDB shows what they are.
    assert_eq!(names("select ' a', \"b\", null, True, + 1.50, -1"), ["a", "b", "NULL", "TRUE", "1.50", "-1"]);
}

#[test]
fn parameters_take_the_type_of_their_value() {
    let catalog = catalog();
    let parsed = parse("select id from t where a = ? and dt > ? limit ?").expect("it parses");
    let params = [Datum::Int(5), Datum::string("2020-01-01"), Datum::Int(3)];
    let cx = PlanContext { params: &params, ..PlanContext::new(&catalog, Some(DATABASE)) };
    let Ok(Bound::Query(bound)) = bind(&parsed[0], &cx) else { panic!("it binds") };
    let text = plan_text(&bound.query.plan, &bound.columns);
    assert!(text.contains("Limit 0, Some(3)") && text.contains(", 5), gt(t.dt#6, 2020-01-01)"), "{text}");
    let cx = PlanContext::new(&catalog, Some(DATABASE));
    assert_eq!(bind(&parsed[0], &cx), Err(Error::ParameterCount { expected: 3, given: 0 }));
}

#[test]
fn usage_is_counted_by_signature() {
    let usage = query("select a + 1 from t where a = 1 and s = 'x' and d > 0.5 and a + b = 2").usage;
    let counts: Vec<(String, u64)> = usage.iter().collect();
    for (signature, n) in [("EQInt", 2), ("EQString", 1), ("GTDecimal", 1), ("PlusInt", 2)] {
        assert!(counts.contains(&(signature.into(), n)), "{signature}: {counts:?}");
    }
}

use allod_storage::schema::SqlType;

use super::*;
use crate::physical::{Node, Plan};
use crate::testing::{DATABASE, FakeCatalog};
use crate::{Bound, PlanContext, bind, optimize, parse};

const SCHEMA: &str = "create table t (id int primary key, a int, b int, c varchar(20), unique key ab (a, b), unique key uc (c));
     create table h (id int primary key, v int) partition by hash (id) partitions 4;
     create table e (id int, v int, c int, primary key (id, v), unique key vc (c, v)) partition by hash (v div 10 + 1) partitions 4;
     create table w (id bigint primary key, v bigint, c varchar(3), n int);
     create table s (id int primary key, k int unsigned, d decimal(6, 2), c char(10), v int, key k (k), key c (c, v));
     create table r (id int primary key) partition by range (id) (partition p0 values less than (10), partition p1 values less than (20));
     create table g (a int, b int, v int, primary key (a, b)) partition by hash (b) partitions 4;";

fn int(value: i64) -> Datum {
    Datum::Int(value)
}

fn query(sql: &str, params: &[Datum]) -> Option<(Parsed, Query, bool)> {
    let catalog = FakeCatalog::new(SCHEMA);
    let parsed = parse(sql).expect("it parses").remove(0);
    let context = PlanContext { params, ..PlanContext::new(&catalog, Some(DATABASE)) };
    let Ok(Bound::Query(bound)) = bind(&parsed, &context) else { return None };
    let cacheable = bound.cacheable;
    let query = optimize(bound, &context).ok()?;
    Some((parsed, query, cacheable))
}

fn template(sql: &str, params: &[Datum]) -> (Query, Option<Template>) {
    let (parsed, kept, _) = query(sql, params).expect("it is planned");
    let template = Template::of(&parsed, &kept, params, Zone::UTC, |params| Some(query(sql, params)?.1));
    (kept, template)
}

fn same(mut a: Query, mut b: Query) -> bool {
    estimates_away(&mut a.root);
    estimates_away(&mut b.root);
    a == b
}

#[test]
fn a_filled_template_is_the_plan_for_these_values() {
    let text = Datum::string;
    for (sql, first, second) in [
        ("select a from t where id = ?", vec![int(1)], vec![int(7)]),
        ("select * from t where (id = ?)", vec![int(1)], vec![int(-7)]),
        ("select * from t where b = ? and t.a = ?", vec![int(1), int(2)], vec![int(3), int(4)]),
        ("select id from t where c = ?", vec![text("x")], vec![text("long and longer")]),
        ("select * from h where id = ?", vec![int(1)], vec![int(-6)]),
        ("select c from e where v = ? and id = ?", vec![int(1), int(2)], vec![int(37), int(2)]),
        ("select id from e where c = 4 and v = ?", vec![int(1)], vec![int(12)]),
        ("select id from r where id = ?", vec![int(1)], vec![int(12)]),
        ("select id, abs(v), 7 from w where id = ?", vec![int(1)], vec![int(12)]),
        ("select a from t where id in (?, ?, 5)", vec![int(9), int(2)], vec![int(1), int(8)]),
        ("select v from h where id in (?, ?)", vec![int(9), int(2)], vec![int(1), int(8)]),
        ("select a from t where id between ? and ?", vec![int(1), int(8)], vec![int(100), int(117)]),
        ("select sum(a) from t where id >= ? and id < ?", vec![int(1), int(8)], vec![int(-100), int(117)]),
        (
            "select distinct c from t where id between ? and ? order by c limit 3",
            vec![int(1), int(8)],
            vec![int(5), int(6)],
        ),
        ("select b, count(*) from t where id > ? group by b order by b", vec![int(1)], vec![int(5)]),
        ("select id from t where id > ? and b = ?", vec![int(1), int(6)], vec![int(5), int(-9)]),
        (
            "select id from t where a = ? and b between ? and ?",
            vec![int(1), int(6), int(10)],
            vec![int(5), int(-9), int(-6)],
        ),
        ("select id, v from s where k = ?", vec![int(6)], vec![int(9)]),
        ("select v from s where c = ? and v > ?", vec![text("ab"), int(7)], vec![text("b"), int(-7)]),
        (
            "select id from s where id > ? and c = ?",
            vec![int(7), text("ab")],
            vec![int(-7), text("a longer one")],
        ),
        ("select a from g where a between ? and ?", vec![int(1), int(6)], vec![int(2), int(9)]),
        ("update w set v = v + 1 where id = ?", vec![int(1)], vec![int(12)]),
        ("update w set v = -(v * 2), c = 'x' where id = ?", vec![int(1)], vec![int(12)]),
        (
            "update w set c = ?, v = ? where id = ?",
            vec![text("a"), int(1), int(12)],
            vec![text("abc"), int(-1), int(13)],
        ),
        ("update w set n = v + 1, v = ? where id = ?", vec![int(1), int(12)], vec![int(-1), int(13)]),
        (
            "update w set n = ?, v = v + ? where id = ?",
            vec![int(3), int(1), int(12)],
            vec![int(9), int(-1), int(13)],
        ),
        ("update w set v = abs(v) where id between ? and ?", vec![int(1), int(5)], vec![int(2), int(3)]),
        ("update s set d = ? where id = ?", vec![int(3), int(1)], vec![int(-9999), int(1)]),
        ("update h set v = v + 1 where id = ?", vec![int(1)], vec![int(-6)]),
        ("delete from w where id = ?", vec![int(1)], vec![int(12)]),
        ("delete from w where id < ?", vec![int(1)], vec![int(12)]),
        ("delete from r where id = ?", vec![int(1)], vec![int(12)]),
        (
            "insert into w values (?, ?, ?, 4)",
            vec![int(1), int(1), text("a")],
            vec![int(1), int(-2), text("abc")],
        ),
        (
            "insert into w (c, id) values (?, 7), (?, ?)",
            vec![int(1), text("a"), int(2)],
            vec![int(22), text("abc"), int(0)],
        ),
        ("insert into s set id = ?, d = ?", vec![int(1), text("1.5")], vec![int(1), text("-20.25")]),
    ] {
        let (kept, template) = template(sql, &first);
        let template = template.unwrap_or_else(|| panic!("{sql}: {kept:?}"));
        let filled = template.fill(&kept, &second).unwrap_or_else(|| panic!("{sql}: {kept:?}"));
        let planned = query(sql, &second).expect("it is planned").1;
        assert!(same(filled.clone(), planned.clone()), "{sql}: {filled:?}\n{planned:?}");
        let nulls = vec![Datum::Null; first.len()];
        assert_eq!(template.fill(&kept, &nulls), None);
    }
}

#[test]
fn a_key_that_no_partition_takes_asks_nobody() {
    fn keys(plan: &Plan) -> Option<(&[Vec<Datum>], Option<&[usize]>)> {
        match &plan.node {
            Node::PointGet(get) => Some((&get.keys, get.places.as_deref())),
            _ => plan.children().into_iter().find_map(keys),
        }
    }
    let (kept, template) = template("select id from r where id = ?", &[int(1)]);
    let template = template.expect("a key is asked for");
    let filled = template.fill(&kept, &[int(20)]).expect("the value is of the same kind");
    assert_eq!(keys(&filled.root), Some((&[][..], Some(&[][..]))));
    let filled = template.fill(&kept, &[int(19)]).expect("the value is of the same kind");
    assert_eq!(keys(&filled.root), Some((&[vec![int(19)]][..], Some(&[1][..]))));
}

#[test]
fn values_that_may_need_another_plan_are_not_filled_in() {
    let text = Datum::string;
    for (sql, first, others) in [
        (
            "select a from t where id between ? and ?",
            vec![int(1), int(8)],
            vec![vec![int(8), int(1)], vec![int(1), text("8")]],
        ),
        ("select a from t where id > ? and id < ?", vec![int(1), int(8)], vec![vec![int(8), int(8)]]),
        // The column cannot hold it, or not as it is.
        ("select id, v from s where k = ?", vec![int(6)], vec![vec![int(-1)]]),
        ("update w set n = ? where id = ?", vec![int(6), int(1)], vec![vec![int(3_000_000_000), int(1)]]),
        ("insert into w values (1, 1, ?, 1)", vec![text("x")], vec![vec![text("four")]]),
        (
            "insert into s (id, d) values (1, ?)",
            vec![text("1.5")],
            vec![vec![text("a")], vec![text("10000")]],
        ),
    ] {
        let (kept, template) = template(sql, &first);
        let template = template.unwrap_or_else(|| panic!("{sql}: {kept:?}"));
        for other in others {
            assert_eq!(template.fill(&kept, &other), None, "{sql}: {other:?}");
        }
    }
}

#[test]
fn other_statements_have_no_template() {
    let (one, text, two) = ([int(1)], [Datum::string("1")], [int(1), int(1)]);
    for (sql, params) in [
        ("select * from t where id = ?", &text[..]),
        ("select * from t where id = ? and id = ?", &two),
        ("select * from t where id > ? and id >= ?", &two),
        ("select * from t where id between ? and ?", &two),
        ("select * from t where id in (?, ?)", &two),
        ("select id + 1 from t where id = ?", &one),
        ("select max(id) from t where id > ?", &one),
        ("select id, ? from t where id = ?", &two),
        ("select a from t where id > ? order by id + 1", &one),
        ("select a from t where id > ? limit ?", &two),
        ("select * from t where id = ? or a = 1", &one),
        ("select * from t where id <> ?", &one),
        ("select * from t where id + 1 = ?", &one),
        ("select * from h partition (p1) where id = ?", &one),
        ("select a from g where b = ?", &one),
        ("select v from g where b in (?, 2)", &one),
        ("select * from t x join t y on x.id = y.id where x.id = ?", &one),
        ("select * from t where id = (select max(id) from w where v = ?)", &one),
        ("update w set v = id + 1 where id = ?", &one),
        ("update w set id = 7 where id = ?", &one),
        ("update w set id = ? where id = ?", &two),
        ("update w set v = 1 where id = ? limit 1", &one),
        ("update w set v = ?, n = v where id = ?", &two),
        ("update w set v = ?, n = (v + 1) * 2 where id = ?", &two),
        ("update w set v = ?, v = 1 where id = ?", &two),
        ("select * from t where id = ? having id = 1", &one),
        ("select id from t where id = ? group by id having id > 0", &one),
        ("delete from w where id = ? order by v", &one),
        ("insert into w (id) select id from t where id = ?", &one),
        ("insert into w (id, v) values (1, ? + 1)", &one),
    ] {
        assert_eq!(template(sql, params).1, None, "{sql}");
    }
}

#[test]
fn every_value_has_a_neighbour_of_its_own() {
    let params = [int(5), int(3), int(5), Datum::string(""), Datum::string("ab"), Datum::UInt(3)];
    let others = others(&params).expect("they are of kinds that have neighbours");
    for (i, (a, b)) in params.iter().zip(&others).enumerate() {
        assert_ne!(a, b);
        assert_eq!(discriminant(a), discriminant(b));
        assert!(others[..i].iter().all(|other| other != b), "{others:?}");
    }
    assert_eq!(data::others(&[int(i64::MAX)]), None);
    assert_eq!(data::others(&[Datum::Double(1.5)]), None);
    assert_eq!(Way::Compared(SqlType::BIGINT_UNSIGNED).take(&int(-1)), None);
}

#[test]
fn what_the_session_or_the_clock_says_is_not_kept() {
    for (sql, cacheable) in [
        ("select * from t where a > 3", true),
        ("select database(), version()", true),
        ("select now()", false),
        ("select * from t where c < unix_timestamp()", false),
        ("select @x", false),
        ("select last_insert_id(), 1", false),
        ("select row_count()", false),
        ("select connection_id()", false),
    ] {
        assert_eq!(query(sql, &[]).map(|(_, _, cacheable)| cacheable), Some(cacheable), "{sql}");
    }
}

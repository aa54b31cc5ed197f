use allod_storage::schema::Datum;
use proptest::prelude::*;

use super::values::evaluate;
use super::*;
use crate::logical::{Plan, Scan};
use crate::testing::{FakeCatalog, bind_query};

const COLUMNS: &str = "a int, b int unsigned, c bigint not null, d date, s varchar(3), t datetime(3)";

/// One scheme of every kind, and those that the upstream bugs were about.
const SCHEMES: &[&str] = &[
    "hash (a) partitions 4",
    "hash (b) partitions 5",
    "hash (c) partitions 7",
    "hash (a + c * 2) partitions 4",
    "hash (year(d)) partitions 3",
    "hash (abs(a)) partitions 3",
    "key (a) partitions 4",
    "key (s, b) partitions 5",
    "key (d) partitions 3",
    "range (a) (partition p0 values less than (-2), partition p1 values less than (3), partition p2 values less than (6), partition p3 values less than maxvalue)",
    "range (c) (partition p0 values less than (0), partition p1 values less than (4))",
    "range (b) (partition p0 values less than (1), partition p1 values less than (4), partition p2 values less than maxvalue)",
    "range (c * -2 + 1) (partition p0 values less than (-5), partition p1 values less than (3), partition p2 values less than maxvalue)",
    "range (a div 3) (partition p0 values less than (0), partition p1 values less than (1), partition p2 values less than maxvalue)",
    "range (3 - a) (partition p0 values less than (0), partition p1 values less than (4), partition p2 values less than maxvalue)",
    "range (year(d)) (partition p0 values less than (1970), partition p1 values less than (1971), partition p2 values less than maxvalue)",
    "range (to_days(t)) (partition p0 values less than (719528), partition p1 values less than (719530), partition p2 values less than maxvalue)",
    "range columns (a, c) (partition p0 values less than (0, 2), partition p1 values less than (0, maxvalue), partition p2 values less than (3, 1), partition p3 values less than (maxvalue, maxvalue))",
    "range columns (d) (partition p0 values less than ('1969-12-31'), partition p1 values less than ('1970-01-02'), partition p2 values less than (maxvalue))",
    "range columns (s, a) (partition p0 values less than ('1', 3), partition p1 values less than ('2', 0), partition p2 values less than (maxvalue, 0))",
    "list (a) (partition p0 values in (0, 1, 2), partition p1 values in (-3, null), partition p2 values in (4, 5))",
    "list (a) (partition p0 values in (0, 1), partition p1 default)",
    "list (c % 3) (partition p0 values in (0), partition p1 values in (1, -1), partition p2 values in (2, -2))",
    "list columns (a, s) (partition p0 values in ((1, '1'), (null, '2')), partition p1 values in ((2, null)), partition p2 default)",
];

/// The scan of a query's only table, and the conjuncts above it.
fn scan_of(plan: &Plan, conjuncts: &mut Vec<Expr>) -> Option<Scan> {
    if let Plan::Filter { predicates, .. } = plan {
        conjuncts.extend(predicates.iter().cloned());
    }
    match plan {
        Plan::Scan(scan) => Some(scan.clone()),
        Plan::Filter { input, .. } | Plan::Project { input, .. } => scan_of(input, conjuncts),
        _ => None,
    }
}

struct Case {
    scan: Scan,
    conjuncts: Vec<Expr>,
    left: Option<Vec<usize>>,
}

fn pruned(scheme: &str, condition: &str) -> Case {
    let catalog = FakeCatalog::new(&format!("create table t ({COLUMNS}) partition by {scheme}"));
    let query = bind_query(&catalog, &format!("select * from t where {condition}")).expect("it binds");
    let mut conjuncts = Vec::new();
    let scan = scan_of(&query.query.plan, &mut conjuncts).expect("there is a scan");
    let id_of = |o: usize| scan.columns.iter().find(|(_, ordinal)| *ordinal == o).map(|(id, _)| *id);
    let left = partitions(scan.dealing.as_ref().unwrap(), &scan.table, &conjuncts, id_of);
    Case { scan, conjuncts, left }
}

fn left(scheme: &str, condition: &str) -> String {
    match pruned(scheme, condition).left {
        None => "all".into(),
        Some(left) => left.iter().map(usize::to_string).collect::<Vec<_>>().join(","),
    }
}

impl Case {
    /// Where the row lies; `None` if nowhere.
    fn locate(&self, row: &[(usize, Datum)]) -> Option<usize> {
        let function = self.scan.dealing.as_ref().expect("the table is partitioned");
        let values: Option<Vec<Datum>> = function.values.iter().map(|e| evaluate(e, row)).collect();
        function.locate(&values?)
    }

    /// Whether the row satisfies all conjuncts; `None` if the folding evaluator cannot say.
    fn keeps(&self, row: &[(usize, Datum)]) -> Option<bool> {
        let by_id: Vec<(usize, Datum)> = row
            .iter()
            .filter_map(|(o, v)| {
                let (id, _) = self.scan.columns.iter().find(|(_, ordinal)| ordinal == o)?;
                Some((id.0 as usize, v.clone()))
            })
            .collect();
        let mut all = true;
        for e in &self.conjuncts {
            all &= evaluate(e, &by_id)?.as_f64().is_some_and(|v| v != 0.0);
        }
        Some(all)
    }
}

fn condition() -> impl Strategy<Value = String> {
    let number = -4i64..8;
    let value = |c: usize, n: i64| match c {
        1 => n.unsigned_abs().to_string(),
        3 => format!("'{}'", Datum::Date(n as i32 * 100)),
        4 => format!("'{}'", n.rem_euclid(4)),
        5 => format!("'{}'", Datum::DateTime(n * 43_200_000_000)),
        _ => n.to_string(),
    };
    let leaf = (0usize..6, number.clone(), number, 0usize..12).prop_map(move |(c, n, m, kind)| {
        let column = ["a", "b", "c", "d", "s", "t"][c];
        let (x, y) = (value(c, n), value(c, m));
        match kind {
            0..=2 => format!("{column} = {x}"),
            3 => format!("{column} < {x}"),
            4 => format!("{column} >= {x}"),
            5 => format!("{column} between {x} and {y}"),
            6 => format!("{column} not between {x} and {y}"),
            7 => format!("{column} in ({x}, {y})"),
            8 => format!("{column} is null"),
            9 => format!("{column} > {x}"),
            10 => format!("not ({column} <= {x})"),
            _ => [
                "year(d) = 1970",
                "c % 3 = 1",
                "a div 3 > 0",
                "3 - a < 1",
                "a + c = 3",
                "to_days(t) <= 719529",
            ][c]
                .into(),
        }
    });
    leaf.prop_recursive(3, 10, 3, |inner| {
        (prop::collection::vec(inner, 2..4), any::<bool>())
            .prop_map(|(parts, or)| format!("({})", parts.join(if or { " or " } else { " and " })))
    })
}

fn row() -> impl Strategy<Value = Vec<(usize, Datum)>> {
    let value = || prop_oneof![1 => Just(None), 6 => (-5i64..9).prop_map(Some)];
    prop::array::uniform6(value()).prop_map(|values| {
        let datum = |(c, v): (usize, Option<i64>)| match (c, v) {
            (2, v) => (c, Datum::Int(v.unwrap_or(0))),
            (c, None) => (c, Datum::Null),
            (1, Some(n)) => (c, Datum::UInt(n.unsigned_abs())),
            (3, Some(n)) => (c, Datum::Date(n as i32 * 100)),
            (4, Some(n)) => (c, Datum::string(n.rem_euclid(4).to_string())),
            (5, Some(n)) => (c, Datum::DateTime(n * 43_200_000_000)),
            (c, Some(n)) => (c, Datum::Int(n)),
        };
        values.into_iter().enumerate().map(datum).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    /// A row that satisfies the conjuncts never lies in a partition that was pruned.
    #[test]
    fn pruning_loses_no_row(
        scheme in 0..SCHEMES.len(),
        condition in condition(),
        rows in prop::collection::vec(row(), 40),
    ) {
        let case = pruned(SCHEMES[scheme], &condition);
        let Some(left) = &case.left else { return Ok(()) };
        for row in &rows {
            let Some(at) = case.locate(row) else { continue };
            prop_assert!(
                left.contains(&at) || case.keeps(row) == Some(false),
                "{} where {condition}: {row:?} lies in {at}, left are {left:?}", SCHEMES[scheme]
            );
        }
    }
}

#[test]
fn what_upstream_got_wrong() {
    // #16845: a plain BETWEEN.
    assert_eq!(left("hash (c) partitions 7", "c between 3 and 5"), "3,4,5");
    assert_eq!(left("hash (c) partitions 7", "c between 3 and 9"), "all");
    // #50044: a range across 0.
    assert_eq!(left("hash (c) partitions 7", "c between -2 and 1"), "0,1,2");
    assert_eq!(left("hash (c) partitions 7", "c >= -1 and c < 0"), "1");
    // #26569: unsigned values above 2^63 count as negative ones.
    let unsigned = |condition: &str| {
        let catalog =
            FakeCatalog::new("create table t (u bigint unsigned) partition by hash (u) partitions 4");
        let query = bind_query(&catalog, &format!("select * from t where {condition}")).unwrap();
        let mut conjuncts = Vec::new();
        let scan = scan_of(&query.query.plan, &mut conjuncts).unwrap();
        partitions(scan.dealing.as_ref().unwrap(), &scan.table, &conjuncts, |_| Some(scan.columns[0].0))
    };
    assert_eq!(unsigned("u = 18446744073709551615"), Some(vec![1]));
    assert_eq!(unsigned("u in (9223372036854775808, 9223372036854775809)"), Some(vec![0, 3]));
    assert_eq!(unsigned("u between 9223372036854775807 and 9223372036854775808"), Some(vec![0, 3]));
    // The type ends where an interval does not.
    assert_eq!(unsigned("u >= 18446744073709551614"), Some(vec![1, 2]));
    assert_eq!(unsigned("u < 2"), Some(vec![0, 1]));
    assert_eq!(unsigned("u < 0"), Some(vec![]));
    assert_eq!(unsigned("u < 4"), None);
    assert_eq!(unsigned("u < 2 or u is null"), Some(vec![0, 1]));
    assert_eq!(unsigned("u >= 18446744073709551612"), None);
    // #23608: open bounds and NOT BETWEEN.
    assert_eq!(left("hash (c) partitions 7", "c > 3 and c < 5"), "4");
    assert_eq!(left("hash (c) partitions 7", "c not between 3 and 5"), "all");
    assert_eq!(left("hash (c) partitions 7", "c not between 3 and 5 and c > 2 and c <= 7"), "0,6");
    assert_eq!(left("hash (a) partitions 4", "a < 2"), "all");
    // #28233: an overflow in an expression of several columns prunes nothing.
    assert_eq!(left("hash (a + c * 2) partitions 4", "a = 1 and c = 9223372036854775807"), "all");
    assert_eq!(left("hash (a + c * 2) partitions 4", "a = 1 and c = 1"), "3");
}

#[test]
fn every_kind_prunes() {
    let find = |beginning: &str| *SCHEMES.iter().find(|s| s.starts_with(beginning)).expect("there is one");
    for (scheme, condition, expected) in [
        ("hash (a)", "a is null", "0"),
        ("hash (a)", "a = 1 or a = 2 and b = 7", "1,2"),
        ("hash (a)", "a = 1 or b = 2", "all"),
        ("hash (a)", "a = 1 and a = 2", ""),
        ("hash (a + c", "(a = 1 and c = 1) or (a = 2 and c = 1)", "0,3"),
        ("hash (a + c", "c = 1 and (a = 1 or a = 2)", "0,3"),
        ("hash (a + c", "a + c * 2 = 3", "3"),
        ("hash (year(d))", "d between '1970-03-01' and '1970-12-31'", "2"),
        ("hash (year(d))", "year(d) in (1970, 1971)", "0,2"),
        ("key (a)", "a = 1", "3"),
        ("range (a)", "a < 3", "0,1"),
        ("range (a)", "a <= 3", "0,1,2"),
        ("range (a)", "a > 5", "3"),
        ("range (a)", "a is null", "0"),
        ("range (a)", "a between -2 and 2 or a = 100", "1,3"),
        ("range (c)", "c >= 4", ""),
        ("range (c * -2", "c > 3", "0"),
        ("range (c * -2", "c > 0", "0,1"),
        ("range (3 - a)", "a > 3", "0"),
        ("range (a div 3)", "a >= 3", "2"),
        ("range (year(d))", "d < '1970-01-01'", "0"),
        ("range (year(d))", "d >= '1970-12-31'", "1,2"),
        ("range (year(d))", "year(d) > 1970", "2"),
        ("range (to_days(t))", "t >= '1970-01-02 12:00:00'", "1,2"),
        ("range columns (a, c)", "a = 0", "0,1"),
        ("range columns (a, c)", "a = 0 and c > 1", "1"),
        ("range columns (a, c)", "a > 3", "3"),
        ("range columns (a, c)", "c = 1", "all"),
        ("range columns (d)", "d = '1970-01-01'", "1"),
        ("range columns (s, a)", "s = '1' and a >= 3", "1"),
        ("list (a) (partition p0 values in (0, 1, 2)", "a between 2 and 3", "0"),
        ("list (a) (partition p0 values in (0, 1, 2)", "a > 2", "2"),
        ("list (a) (partition p0 values in (0, 1, 2)", "a is null", "1"),
        ("list (a) (partition p0 values in (0, 1)", "a = 7", "1"),
        ("list (a) (partition p0 values in (0, 1)", "a in (0, 1)", "0"),
        ("list columns (a, s)", "a = 2", "1,2"),
        ("list columns (a, s)", "a = 1 and s = '1'", "0"),
    ] {
        assert_eq!(left(find(scheme), condition), expected, "{scheme}: {condition}");
    }
}

//! Input that nobody meant.

use super::*;

#[test]
fn deep_and_long_input_ends_well() {
    let nested = |n: usize| format!("select {}a{} from t", "(".repeat(n), ")".repeat(n));
    query(&nested(64));
    query(&nested(150));
    query(&format!("select a from t where {}", vec!["a = 1"; 2000].join(" or ")));
    query(&format!(
        "select a from t where a in ({})",
        (0..10_000).map(|i| i.to_string()).collect::<Vec<_>>().join(", ")
    ));
    query(&format!("select 1{}", " + 1".repeat(400)));
    let subqueries = |n: usize| format!("select {}1{}", "(select ".repeat(n), ")".repeat(n));
    query(&subqueries(40));
    for sql in [format!("select a{} from t", " + 1".repeat(2000)), nested(5000), subqueries(5000)] {
        assert!(matches!(bind_one(&catalog(), &sql), Err(Error::TooComplex(_))));
    }
}

/// Statements with words deleted, doubled, swapped and exchanged: every one is an answer or an error, never a panic, and
/// what is bound is well formed.
#[test]
fn mutilated_statements_end_well() {
    let catalog = tpch::catalog();
    let more = [
        "select a.n_name, count(distinct b.r_name), (select max(o_orderdate) from orders where o_custkey = a.n_nationkey) from nation a left join region b on n_regionkey = r_regionkey where a.n_name like '%x' group by 1 having count(*) > 1 order by 2 desc limit 3, 4",
        "with q (a, b) as (select n_nationkey, n_name from nation) select * from q where (a, b) in (select r_regionkey, r_name from region) union all select 1, 'x' order by 1",
        "insert into region values (1, 'a', null), (2, concat('b', 2), default)",
        "update nation set n_name = upper(n_name), n_regionkey = n_regionkey + 1 where n_nationkey in (1, 2) order by n_name limit 3",
        "delete from nation where n_nationkey between 1 and (select max(r_regionkey) from region) limit 2",
        "create table x (a int not null auto_increment comment 'c', b decimal(10,2) default 1.5, primary key (a), key k (b, a)) partition by hash(a div 2) partitions 4",
        "explain analyze format = 'brief' select case n_name when 'a' then 1 else null end from nation where not exists (select 1) or n_name is not null",
    ];
    let statements: Vec<Vec<&str>> = tpch::QUERIES
        .iter()
        .chain(&more)
        .map(|sql| {
            regex::Regex::new(r"\d+\.\d+|\w+|'[^']*'|<=|>=|<>|[^\s\w]")
                .expect("a regex")
                .find_iter(sql)
                .map(|m| m.as_str())
                .collect()
        })
        .collect();
    let mut state = 42u64;
    let mut random = |n: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % n
    };
    let mut bound = 0;
    for _ in 0..3000 {
        let mut words = statements[random(statements.len())].clone();
        for _ in 0..1 + random(2) {
            let (at, other) = (random(words.len()), random(words.len()));
            let donor = &statements[random(statements.len())];
            match random(4) {
                0 => drop(words.remove(at)),
                1 => words.insert(at, words[other]),
                2 => words.swap(at, other),
                _ => words[at] = donor[random(donor.len())],
            }
        }
        let sql = words.join(" ");
        if let Ok(Bound::Query(query)) = bind_one(&catalog, &sql) {
            bound += 1;
            check(&query.query).unwrap_or_else(|e| panic!("{sql}\n{e}"));
        }
    }
    assert!(bound > 100, "only {bound} were bound");
}

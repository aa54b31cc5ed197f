//! Kept plans against plans made anew: the same statements with random literals in two sessions, one that keeps plans and
//! one that does not, each on tables of its own. Whatever they answer, fail with or change must be the same.
//!
//! `PLANS_CASES=1000` runs more seeds than the default, `PLANS_SEED=17` begins at another one.

use allod::{Database, Session};
use allod_storage::schema::Datum;
use allod_tests::database::rows;
use allod_tests::random::Random;

const CASES: u64 = 3;
const STATEMENTS: usize = 300;

const TABLES: &str = "
    create table t (id int primary key, k int, u int unsigned, d decimal(6, 2), c char(6), v varchar(10), day date, key k (k), key c (c, k), unique key u (u));
    create table p (id bigint, b int, v int, c varchar(8), primary key (id, b), key v (v)) partition by hash (b) partitions 3;
    create table r (id int primary key, v tinyint) partition by range (id) (partition a values less than (0), partition b values less than (20), partition c values less than (40));
    create table a (id int auto_increment primary key, n tinyint unsigned, d decimal(5, 1), c varchar(4), day datetime)";

/// `#` stands for a number, `$` for a string, `%` for anything.
const SHAPES: &[&str] = &[
    "select * from t where id = %",
    "select k + 1, 'x', v from t where id = #",
    "select id from t where k = # order by id",
    "select id from t where k = % and c = $ order by id",
    "select sum(k), count(*) from t where id between # and #",
    "select c from t where id >= # and id < # order by id",
    "select distinct c from t where id between # and # order by c",
    "select id, v from t where k between # and # order by id",
    "select id from t where k > # and k <= # and v = $ order by k, id limit 3",
    "select id from t where id in (#, #, %) order by id",
    "select id from t where k in (#, #) order by id",
    "select id, c from t where c = $ order by id",
    "select id from t where c in ($, $) and k < # order by id",
    "select id from t where u = %",
    "select id from t where u between # and # order by id",
    "select id from t where d = % order by id",
    "select id from t where d < % order by id",
    "select id from t where day = $ order by id",
    "select k, max(d) from t where u > % group by k order by k",
    "select id from t where id = # and k = #",
    "select max(id), min(id) from t where id > #",
    "select id, k from t where k = # group by id, k having k > 2 order by 1",
    "select id from t where v like 'a%' and k = # order by id",
    "select id from t where id = # or k = # order by id",
    "select v from p where id = # and b = #",
    "select v from p where b = # order by id",
    "select id from p where id between # and # order by id, b",
    "select id from p where b in (#, #) and v > # order by id, b",
    "select id, b from p where v = % order by id, b",
    "select v from r where id = %",
    "select id from r where id between # and # order by id",
    "select id from r where id in (#, #) order by id",
    "select x.id from t x join p y on x.k = y.v where x.id = # order by y.id, y.b",
    "select id from t where id = (select max(id) from p where v < #)",
    "update t set k = #, v = $ where id = #",
    "update t set k = k + #, d = % where id = #",
    "update t set c = $ where k = #",
    "update t set u = # where id between # and #",
    "update t set day = $ where id = #",
    "update p set v = v + 1 where id = # and b = #",
    "update p set v = #, c = $ where id between # and #",
    "update r set v = % where id = #",
    "delete from t where id = %",
    "delete from t where k = # and c = $",
    "delete from p where id = # and b = #",
    "delete from r where id between # and #",
    "insert into t values (#, #, #, %, $, $, '2024-01-01')",
    "insert into t (id, c, k) values (#, $, #), (#, $, %)",
    "insert into p (id, b, v) values (#, #, #)",
    "insert into r values (#, #)",
    "insert into a (n, d, c) values (#, %, $)",
    "insert into a values (%, 1, 2, 'x', $)",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "5",
    "7",
    "9",
    "12",
    "18",
    "25",
    "33",
    "39",
    "40",
    "-1",
    "-7",
    "127",
    "128",
    "255",
    "256",
    "2147483647",
    "2147483648",
    "-2147483648",
    "9223372036854775807",
    "-9223372036854775807",
    "99",
];
const STRINGS: &[&str] = &[
    "''",
    "'a'",
    "'ab'",
    "'b'",
    "'B'",
    "'b '",
    "'abcdef'",
    "'abcdefg'",
    "'it''s'",
    "'7'",
    "'2024-01-02'",
    "'2024-01-02 12:30:00'",
    "'é'",
    "\"q\"",
    "'a\\nb'",
    "'2024-02-30'",
];
const OTHERS: &[&str] = &[
    "null",
    "1.5",
    "2.50",
    "-0.005",
    "1e1",
    "99999.99",
    "18446744073709551615",
    "true",
    "x'61'",
    "date '2024-01-02'",
];

fn literal(random: &mut Random, kind: char) -> String {
    let other = |random: &mut Random| random.pick(OTHERS).to_string();
    let number = |random: &mut Random| match random.chance(50) {
        true => random.below(40).to_string(),
        false => random.pick(NUMBERS).to_string(),
    };
    let string = |random: &mut Random| random.pick(STRINGS).to_string();
    match (kind, random.below(100)) {
        (_, 0..=3) => other(random),
        ('#', 4..=6) => string(random),
        ('#', _) => number(random),
        ('$', 4..=6) => number(random),
        ('$', _) => string(random),
        (_, 4..=50) => number(random),
        (_, 51..=75) => string(random),
        _ => other(random),
    }
}

/// A statement with literals, and with parameters.
fn statement(random: &mut Random) -> (String, String, Vec<String>) {
    let shape = random.pick(SHAPES);
    let (mut text, mut general, mut values) = (String::new(), String::new(), Vec::new());
    let mut quoted = false;
    for ch in shape.chars() {
        quoted ^= ch == '\'';
        if matches!(ch, '#' | '$' | '%') && !quoted {
            let value = literal(random, ch);
            text += &value;
            general.push('?');
            values.push(value);
        } else {
            text.push(ch);
            general.push(ch);
        }
    }
    (text, general, values)
}

/// All there is to see of a statement.
fn outcome(
    session: &mut Session,
    run: impl FnOnce(&mut Session) -> allod::Result<allod::ResultSet>,
) -> String {
    let seen = run(session).and_then(|result| {
        let columns: Vec<_> = result.columns().iter().map(|c| format!("{} {:?}", c.name, c.ty)).collect();
        let (affected, id) = (result.affected_rows(), result.last_insert_id());
        let info = result.info().to_string();
        let rows: Vec<String> =
            result.collect_batches()?.iter().map(|batch| format!("{:?}", batch.columns())).collect();
        Ok(format!("{columns:?} {affected} {id} {info} {rows:?}"))
    });
    seen.unwrap_or_else(|e| format!("{} {}", e.code(), e.message()))
}

fn from_cache(session: &Session) -> bool {
    session.plan_was_found()
}

/// The value of a literal, if it can be given to a prepared statement as it is in the text.
fn value(literal: &str) -> Option<Datum> {
    match literal.strip_prefix('\'') {
        Some(text) => {
            let text = text.strip_suffix('\'')?;
            (!text.contains(['\'', '\\'])).then(|| Datum::string(text))
        }
        None if literal == "null" => Some(Datum::Null),
        None => literal.parse().ok().map(Datum::Int),
    }
}

#[test]
fn kept_plans_do_what_new_plans_do() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse().ok());
    let (first, cases) = (number("PLANS_SEED").unwrap_or(0), number("PLANS_CASES").unwrap_or(CASES));
    let (mut hits, mut prepared_hits) = (0, 0);
    for seed in first..first + cases {
        let mut random = Random::new(seed);
        let mut sessions: Vec<Session> = (0..2)
            .map(|_| {
                let mut session = Database::new().session();
                session.execute_all(TABLES, |_| Ok(())).expect("the tables are new");
                for i in 0..30 {
                    let (k, b, s) = (i % 7, i % 5, ["a", "ab", "b", "B"][i % 4]);
                    for sql in [
                        format!(
                            "insert into t values ({i}, {k}, {}, {b}.5, '{s}', '{s}', '2024-01-0{}')",
                            i + 1,
                            k + 1
                        ),
                        format!("insert into p values ({}, {b}, {i}, '{s}')", i % 10 + b * 3),
                        format!("insert into r values ({}, {k})", i as i64 - 10),
                    ] {
                        let _ = session.run(&sql);
                    }
                }
                session
            })
            .collect();
        for name in ["tidb_enable_prepared_plan_cache", "tidb_enable_non_prepared_plan_cache"] {
            sessions[1].run(&format!("set {name} = 0")).expect("the variables are there");
        }
        for n in 0..STATEMENTS {
            let (text, general, values) = statement(&mut random);
            let values: Option<Vec<Datum>> = values.iter().map(|v| value(v)).collect();
            let prepared = random.chance(40).then_some(values).flatten();
            let [kept, anew] = sessions.as_mut_slice() else { unreachable!() };
            let run = |session: &mut Session| match &prepared {
                Some(values) => session.execute_with(&general, values),
                None => session.execute(&text),
            };
            let seen = [outcome(kept, run), outcome(anew, run)];
            assert!(!from_cache(anew), "seed {seed}, statement {n}: {text}");
            if from_cache(kept) {
                *(if prepared.is_some() { &mut prepared_hits } else { &mut hits }) += 1;
            }
            assert_eq!(seen[0], seen[1], "seed {seed}, statement {n}: {text}");
        }
        for table in ["t", "p", "r", "a"] {
            let all = format!("select * from {table} order by 1, 2");
            let [kept, anew] = sessions.as_mut_slice() else { unreachable!() };
            assert_eq!(rows(kept, &all).ok(), rows(anew, &all).ok(), "seed {seed}");
        }
    }
    let all = cases * STATEMENTS as u64;
    assert!(
        hits * 10 > all && prepared_hits * 20 > all,
        "{hits} and {prepared_hits} of {all} plans were kept"
    );
    println!("{hits} texts and {prepared_hits} prepared statements of {all} found a plan");
}

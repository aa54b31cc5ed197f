//! Key ranges against plain evaluation: the same rows in tables that are laid out in many ways (clustered by this or that,
//! indexed, partitioned), the same random predicates on all of them, and a table without any key to tell the truth.
//!
//! The constants are mostly of another type than the column they are compared with: that is where a range can be off by one
//! row. `RANGES_CASES=1000` runs more seeds than the default, `RANGES_SEED=17` begins at another one.

use allod::{Database, Session};
use allod_tests::database::rows;
use allod_tests::random::Random;

const CASES: u64 = 4;
const PREDICATES: usize = 40;
const ROWS: usize = 80;

/// Name and type of each column, and what it is compared with.
const COLUMNS: &[(&str, &str, &[&str])] = &[
    (
        "a",
        "int",
        &["0", "1", "2", "3", "-1", "1.5", "-0.5", "2.0", "'2'", "'1.5'", "3000000000", "-3000000000", "1e0"],
    ),
    (
        "b",
        "bigint unsigned",
        &[
            "0",
            "1",
            "2",
            "-1",
            "1.5",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "-0.5",
            "'2'",
        ],
    ),
    (
        "c",
        "decimal(6,2)",
        &["0", "1", "1.5", "1.25", "1.255", "-1", "9999.99", "10000", "-10000", "'1.5'", "1e0"],
    ),
    ("d", "varchar(6)", &["''", "'a'", "'ab'", "'abc'", "'b'", "'B'", "'a%'", "'é'", "' a'"]),
    (
        "e",
        "date",
        &[
            "'2024-01-01'",
            "'2024-01-02'",
            "'2024-01-02 12:00:00'",
            "'2024-01-03 00:00:00'",
            "'1999-12-31'",
            "date '2024-01-02'",
        ],
    ),
    (
        "f",
        "datetime",
        &[
            "'2024-01-01'",
            "'2024-01-01 12:00:00'",
            "'2024-01-02'",
            "date '2024-01-02'",
            "'2024-01-02 12:00:00.5'",
        ],
    ),
    ("g", "double", &["0", "1", "1.5", "-1.5", "0.1", "1e300", "'1.5'", "-0.0", "2"]),
    ("h", "tinyint unsigned", &["0", "1", "2", "255", "256", "-1", "1.5", "'1'"]),
];

/// Values of each column, in the order of [`COLUMNS`].
const VALUES: &[&[&str]] = &[
    &["0", "1", "2", "3", "-1", "2147483647", "-2147483648"],
    &["0", "1", "2", "9223372036854775807", "9223372036854775808", "18446744073709551615"],
    &["0", "1", "1.25", "1.26", "1.5", "-1", "9999.99", "-9999.99"],
    &["''", "'a'", "'ab'", "'abc'", "'abd'", "'b'", "'B'", "'a%'", "'é'", "' a'"],
    &["'2024-01-01'", "'2024-01-02'", "'2024-01-03'", "'1999-12-31'"],
    &["'2024-01-01'", "'2024-01-01 12:00:00'", "'2024-01-02'", "'2024-01-02 12:00:00'", "'2024-01-03'"],
    &["0", "1", "1.5", "-1.5", "0.1", "1e300", "-0.0", "2"],
    &["0", "1", "2", "254", "255"],
];

/// Keys and partitions of the tables that must agree with `plain`.
const LAYOUTS: &[(&str, &str, &str)] = &[
    (
        "single",
        ", primary key (id), key (a), key (b), key (c), key (d), key (e), key (f), key (g), key (h)",
        "",
    ),
    ("several", ", key x (a, b, c), key y (d, a), key z (e, f), key w (h, g), unique key u (b, id)", ""),
    ("clustered", ", primary key (a, d, id), key v (c, h), unique key u (f, id), key t (b, d)", ""),
    ("hashed", ", primary key (id, a), key v (b), key w (a, c)", " partition by hash (a) partitions 4"),
    (
        "ranged",
        ", key x (b, e), key y (e), key z (a)",
        " partition by range columns (e) (partition p0 values less than ('2024-01-01'), \
         partition p1 values less than ('2024-01-02'), partition p2 values less than (maxvalue))",
    ),
];

#[test]
fn ranges_find_what_the_predicates_keep() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let first = number("RANGES_SEED").unwrap_or(1);
    let cases = number("RANGES_CASES").unwrap_or(CASES);
    let failures: Vec<String> = (first..first + cases).flat_map(case).collect();
    for failure in &failures {
        println!("{failure}");
    }
    assert!(failures.is_empty(), "{} answers differ, see above", failures.len());
}

/// What one seed finds.
fn case(seed: u64) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut session = filled(&mut random);
    let mut failures = Vec::new();
    let mut compared = 0;
    for _ in 0..PREDICATES {
        let predicate =
            (0..random.below(3) + 1).map(|_| part(&mut random, 2)).collect::<Vec<_>>().join(" and ");
        let Ok(expected) = answer(&mut session, "plain", "", &predicate) else { continue };
        compared += usize::from(!expected.is_empty());
        for (name, keys, _) in LAYOUTS {
            // As it likes, by each of its indexes, and by merging them.
            let indexes = keys.match_indices("key ").map(|(at, _)| keys[at + 4..].split([' ', ',']).next());
            let named =
                indexes.flatten().map(|key| key.trim_matches(['(', ')'])).filter(|key| *key != "primary");
            let forced =
                named.filter(|key| !key.is_empty()).map(|key| format!("/*+ use_index({name}, {key}) */"));
            let hints = [String::new(), format!("/*+ use_index_merge({name}) */")].into_iter().chain(forced);
            for hint in hints {
                match answer(&mut session, name, &hint, &predicate) {
                    Ok(got) if got == expected => {}
                    got => failures.push(format!(
                        "seed {seed}: select {hint} id from {name} where {predicate}\n  got      {got:?}\n  expected {expected:?}"
                    )),
                }
            }
        }
    }
    assert!(compared > PREDICATES / 4, "seed {seed}: only {compared} predicates say anything");
    failures
}

fn filled(random: &mut Random) -> Session {
    let mut session = Database::new().session();
    let not_null = |name: &str, layout: &str| {
        layout == "clustered" && ["a", "d"].contains(&name) || layout == "hashed" && name == "a"
    };
    let rows: Vec<Vec<&str>> = (0..ROWS)
        .map(|_| {
            VALUES
                .iter()
                .map(|values| if random.below(8) == 0 { "null" } else { *random.pick(values) })
                .collect()
        })
        .collect();
    for (layout, keys, partitions) in [("plain", "", "")].iter().chain(LAYOUTS) {
        let columns: Vec<String> = COLUMNS
            .iter()
            .map(|(name, ty, _)| {
                format!("{name} {ty}{}", if not_null(name, layout) { " not null" } else { "" })
            })
            .collect();
        let create =
            format!("create table {layout} (id int not null, {}{keys}){partitions}", columns.join(", "));
        session.run(&create).expect(&create);
        for (id, row) in rows.iter().enumerate() {
            // Rows with NULL in these columns fit nowhere else, so they are nowhere.
            if row[0] == "null" || row[3] == "null" {
                continue;
            }
            let insert = format!("insert into {layout} values ({id}, {})", row.join(", "));
            session.run(&insert).expect(&insert);
        }
    }
    session
}

/// Ids of the rows, sorted.
fn answer(session: &mut Session, table: &str, hint: &str, predicate: &str) -> Result<Vec<String>, String> {
    let sql = format!("select {hint} id from {table} where {predicate}");
    let found = rows(session, &sql).map_err(|error| error.to_string())?;
    let mut ids: Vec<String> = found.iter().flatten().map(|value| format!("{value:?}")).collect();
    ids.sort();
    Ok(ids)
}

/// A predicate; `depth` levels of AND, OR and NOT at most.
fn part(random: &mut Random, depth: u32) -> String {
    if depth > 0 && random.below(3) == 0 {
        let word = *random.pick(&[" or ", " or ", " and "]);
        let parts: Vec<String> = (0..random.below(2) + 2).map(|_| part(random, depth - 1)).collect();
        let not = if random.below(6) == 0 { "not " } else { "" };
        return format!("{not}({})", parts.join(word));
    }
    let (name, _, constants) = random.pick(COLUMNS);
    let constant = |random: &mut Random| if random.below(20) == 0 { "null" } else { *random.pick(constants) };
    match random.below(10) {
        0..=3 => {
            let operator = *random.pick(&["=", "=", "<", "<=", ">", ">=", "<>", "<=>"]);
            let value = constant(random);
            if random.below(5) == 0 {
                format!("{value} {operator} {name}")
            } else {
                format!("{name} {operator} {value}")
            }
        }
        4 | 5 => {
            let members: Vec<&str> = (0..random.below(4) + 1).map(|_| constant(random)).collect();
            let not = if random.below(4) == 0 { "not " } else { "" };
            format!("{name} {not}in ({})", members.join(", "))
        }
        6 | 7 => {
            let not = if random.below(4) == 0 { "not " } else { "" };
            let (low, high) = (constant(random), constant(random));
            format!("{name} {not}between {low} and {high}")
        }
        8 => format!("{name} is {}null", if random.below(2) == 0 { "not " } else { "" }),
        _ => {
            let pattern =
                *random.pick(&["'a%'", "'ab%'", "'%b'", "'a_'", "'a\\\\%'", "''", "'abc'", "'é%'", "'a%c'"]);
            format!("d {}like {pattern}", if random.below(4) == 0 { "not " } else { "" })
        }
    }
}

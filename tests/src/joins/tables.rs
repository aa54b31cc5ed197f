//! Tables to be joined.

use crate::random::Random;

/// A family of types whose values are compared without surprise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Numbers, whatever their type.
    Number,
    /// Text.
    Text,
    /// Days and moments.
    Time,
}

/// Name, type and family of the columns between `id` and `v`.
pub const COLUMNS: [(&str, &str, Family); 8] = [
    ("a", "INT", Family::Number),
    ("u", "BIGINT UNSIGNED", Family::Number),
    ("d", "DECIMAL(8,2)", Family::Number),
    ("s", "VARCHAR(12)", Family::Text),
    ("t", "DATE", Family::Time),
    ("m", "DATETIME", Family::Time),
    ("y", "TINYINT", Family::Number),
    ("f", "DOUBLE", Family::Number),
];

/// A literal of a column's type, out of a small domain, so that values meet.
pub fn literal(column: usize, random: &mut Random) -> String {
    let n = random.below(11) as i64 - 3;
    let up = n.abs();
    match COLUMNS[column].0 {
        "u" if random.chance(4) => u64::MAX.to_string(),
        "u" => up.to_string(),
        "d" => {
            (*random.pick(&[format!("{n}"), format!("{n}.50"), format!("{n}.00"), format!("{n}.25")])).clone()
        }
        "s" => {
            let words = [n.to_string(), format!("{n}.5"), format!("0{up}"), format!("2020-01-0{}", up + 1)];
            let word = if random.chance(50) {
                random.pick(&words).as_str()
            } else {
                random.pick(&["a", "B", "b", "", " 1"])
            };
            format!("'{word}'")
        }
        "t" => format!("'2020-01-{:02}'", up + 1),
        "m" => format!("'2020-01-{:02} {:02}:00:00'", up + 1, random.pick(&[0, 0, 12])),
        "f" => (*random.pick(&[format!("{n}"), format!("{n}.5"), format!("{n}e0")])).clone(),
        _ => n.to_string(),
    }
}

/// The statements that make and fill a table. An `indexed` one has an index on every column.
pub fn table(name: &str, rows: usize, partitioned: bool, indexed: bool, random: &mut Random) -> Vec<String> {
    let (dealt_by, partitions) = if partitioned { partitioning(random) } else { (vec![], String::new()) };
    let some = |count: usize, random: &mut Random| -> Vec<&'static str> {
        let mut names: Vec<&str> = COLUMNS.iter().map(|c| c.0).collect();
        (0..count).map(|_| names.remove(random.below(names.len()))).collect()
    };
    let mut key: Vec<&str> = match random.below(4) {
        0 => vec!["id"],
        1 | 2 => some(1 + random.below(3), random),
        _ => vec![],
    };
    let clustered = random.chance(70);
    if !key.is_empty() {
        key.extend(dealt_by.iter().filter(|c| !key.contains(*c)).copied().collect::<Vec<_>>());
        if !key.contains(&"id") {
            key.push("id");
        }
    }
    let columns: Vec<String> = COLUMNS
        .iter()
        .map(|(c, ty, _)| format!("{c} {ty}{}", if key.contains(c) { " NOT NULL" } else { "" }))
        .collect();
    let primary = match (key.is_empty(), clustered) {
        (true, _) => String::new(),
        (false, true) => format!(", PRIMARY KEY ({})", key.join(", ")),
        (false, false) => format!(", PRIMARY KEY ({}) NONCLUSTERED", key.join(", ")),
    };
    let columns = columns.join(", ");
    let mut statements =
        vec![format!("CREATE TABLE {name} (id INT NOT NULL, {columns}, v INT{primary}){partitions}")];
    let mut indexes = if indexed { COLUMNS.iter().map(|c| vec![c.0]).collect() } else { vec![] };
    for index in &mut indexes {
        let second = *some(1, random).first().expect("one was asked for");
        if random.chance(50) && !index.contains(&second) {
            index.push(second);
        }
    }
    indexes.extend((0..1 + random.below(3)).map(|_| some(1 + random.below(3), random)));
    for (at, index) in indexes.iter().enumerate() {
        statements.push(format!("CREATE INDEX i{at} ON {name} ({})", index.join(", ")));
    }
    let row = |id: usize, random: &mut Random| {
        let cell = |at: usize, random: &mut Random| match key.contains(&COLUMNS[at].0) {
            false if random.chance(15) => "NULL".to_string(),
            _ => literal(at, random),
        };
        let cells: Vec<String> = (0..COLUMNS.len()).map(|at| cell(at, random)).collect();
        let v = if random.chance(10) { "NULL".to_string() } else { random.below(10).to_string() };
        format!("({id}, {}, {v})", cells.join(", "))
    };
    let rows: Vec<String> = (0..rows).map(|id| row(id, random)).collect();
    if !rows.is_empty() {
        statements.push(format!("INSERT INTO {name} VALUES {}", rows.join(", ")));
    }
    statements
}

/// A way to partition, of any kind, and the columns that it goes by.
fn partitioning(random: &mut Random) -> (Vec<&'static str>, String) {
    let column = *random.pick(&["a", "y", "u"]);
    let expr = if column != "u" && random.chance(40) { format!("{column} + 1") } else { column.to_string() };
    match random.below(6) {
        0 => (vec![column], format!(" PARTITION BY HASH ({expr}) PARTITIONS {}", random.pick(&[3, 8]))),
        1 => {
            let columns = random.pick(&[&["a"][..], &["s"], &["d", "t"], &["t"], &["u", "s"]]).to_vec();
            let list = columns.join(", ");
            (columns, format!(" PARTITION BY KEY ({list}) PARTITIONS 4"))
        }
        2 => {
            let text = format!(
                " PARTITION BY RANGE ({expr}) (PARTITION p0 VALUES LESS THAN (1), \
                 PARTITION p1 VALUES LESS THAN (4), PARTITION p2 VALUES LESS THAN MAXVALUE)"
            );
            (vec![column], text)
        }
        3 => {
            let mut values: Vec<String> = match column {
                "u" => (0..9).map(|v| v.to_string()).chain([u64::MAX.to_string()]).collect(),
                _ => (-4..10).map(|v| v.to_string()).collect(),
            };
            let some: Vec<String> = (0..5).map(|_| values.remove(random.below(values.len()))).collect();
            let (some, others) = (some.join(", "), values.join(", "));
            let text = format!(
                " PARTITION BY LIST ({expr}) (PARTITION p0 VALUES IN ({some}, NULL), PARTITION p1 VALUES IN ({others}))"
            );
            (vec![column], text)
        }
        4 => {
            let (column, low, high) =
                *random.pick(&[("s", "'1'", "'a'"), ("t", "'2020-01-03'", "'2020-01-05'"), ("a", "0", "4")]);
            let text = format!(
                " PARTITION BY RANGE COLUMNS ({column}) (PARTITION p0 VALUES LESS THAN ({low}), \
                 PARTITION p1 VALUES LESS THAN ({high}), PARTITION p2 VALUES LESS THAN (MAXVALUE))"
            );
            (vec![column], text)
        }
        _ => {
            let mut days: Vec<String> = (1..9).map(|d| format!("'2020-01-{d:02}'")).collect();
            let some: Vec<String> = (0..4).map(|_| days.remove(random.below(days.len()))).collect();
            let text = format!(
                " PARTITION BY LIST COLUMNS (t) (PARTITION p0 VALUES IN ({}), PARTITION p1 VALUES IN ({}, NULL))",
                some.join(", "),
                days.join(", ")
            );
            (vec!["t"], text)
        }
    }
}

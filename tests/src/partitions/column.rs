//! The columns of the table, and literals out of small domains that hold the edges of each type.

use crate::random::Random;

/// A column that rows may be dealt by. `id`, which numbers the rows, comes before them.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: &'static str,
    /// Whether RANGE COLUMNS and LIST COLUMNS may deal by it.
    pub in_columns: bool,
    literals: &'static [&'static str],
}

/// All of them.
pub const COLUMNS: [Column; 8] = [
    Column {
        name: "a",
        ty: "BIGINT",
        in_columns: true,
        literals: &[
            "-9223372036854775808",
            "-2147483649",
            "-8",
            "-7",
            "-5",
            "-4",
            "-3",
            "-2",
            "-1",
            "0",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "7",
            "8",
            "127",
            "2147483648",
            "9223372036854775807",
        ],
    },
    Column {
        name: "b",
        ty: "INT",
        in_columns: true,
        literals: &["-2147483648", "-6", "-3", "-1", "0", "1", "2", "3", "4", "9", "2147483647"],
    },
    Column {
        name: "u",
        ty: "BIGINT UNSIGNED",
        in_columns: true,
        literals: &[
            "0",
            "1",
            "2",
            "3",
            "4",
            "5",
            "7",
            "9223372036854775806",
            "9223372036854775807",
            "9223372036854775808",
            "9223372036854775809",
            "18446744073709551614",
            "18446744073709551615",
        ],
    },
    Column {
        name: "d",
        ty: "DATE",
        in_columns: true,
        literals: &[
            "'0001-01-01'",
            "'1969-12-31'",
            "'1970-01-01'",
            "'1999-12-31'",
            "'2000-01-01'",
            "'2000-01-02'",
            "'2000-02-29'",
            "'2000-03-01'",
            "'2001-07-15'",
            "'9999-12-31'",
        ],
    },
    Column {
        name: "t",
        ty: "DATETIME(3)",
        in_columns: true,
        literals: &[
            "'1969-12-31 23:59:59.999'",
            "'1970-01-01 00:00:00'",
            "'1999-12-31 23:59:59'",
            "'1999-12-31 23:59:59.500'",
            "'2000-01-01 00:00:00'",
            "'2000-01-01 12:30:00'",
            "'2000-02-29 11:59:59.250'",
            "'2001-07-15 01:02:03'",
        ],
    },
    Column {
        name: "k",
        ty: "TIMESTAMP",
        in_columns: false,
        literals: &[
            "'1970-01-01 00:00:01'",
            "'1999-12-31 23:59:59'",
            "'2000-01-01 00:00:00'",
            "'2000-01-01 00:00:01'",
            "'2000-06-01 08:00:00'",
            "'2001-07-15 01:02:03'",
        ],
    },
    Column {
        name: "h",
        ty: "TIME",
        in_columns: true,
        literals: &[
            "'-838:59:59'",
            "'-01:00:00'",
            "'-00:59:59'",
            "'-00:00:01'",
            "'00:00:00'",
            "'00:00:01'",
            "'11:59:59'",
            "'12:00:00'",
            "'24:00:00'",
            "'838:59:59'",
        ],
    },
    Column {
        name: "s",
        ty: "VARCHAR(6)",
        in_columns: true,
        literals: &["''", "'a'", "'A'", "'ab'", "'b'", "'ba'", "'zz'", "'é'", "'1'", "'10'"],
    },
];

impl Column {
    /// One of the column's values as it is written in SQL, never NULL.
    pub fn literal(&self, random: &mut Random) -> String {
        (*random.pick(self.literals)).to_string()
    }

    /// The same, sometimes NULL.
    pub fn value(&self, random: &mut Random) -> String {
        if random.chance(12) { "NULL".to_string() } else { self.literal(random) }
    }

    /// The column of a name.
    pub fn named(name: &str) -> &'static Column {
        COLUMNS.iter().find(|c| c.name == name).expect("the schemes name columns that there are")
    }
}

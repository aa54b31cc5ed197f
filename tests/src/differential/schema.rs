//! Random tables and rows, and the ways to lay them out.

use super::sql::Sql;
use crate::random::Random;

/// What a column or an expression is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A small integer.
    Int,
    /// A decimal with two places.
    Decimal,
    /// A short lower-case text.
    Text,
    /// A day of early 2020.
    Date,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Int, Kind::Decimal, Kind::Text, Kind::Date];

    fn declared(self) -> Sql {
        match self {
            Kind::Int => Sql::two("INT", "INTEGER"),
            Kind::Decimal => Sql::two("DECIMAL(12,2)", "INTEGER"),
            Kind::Text => Sql::two("VARCHAR(60)", "TEXT"),
            Kind::Date => Sql::two("DATE", "TEXT"),
        }
    }

    /// A literal out of a small domain, so that values meet. Two of one number are skewed towards a few.
    pub fn literal(self, random: &mut Random) -> Sql {
        let value = if random.chance(40) { random.below(3) } else { random.below(9) };
        match self {
            Kind::Int => Sql::same(format!("{}", value as i64 - 2)),
            Kind::Decimal => {
                let hundredths = (value as i64 - 2) * 50;
                let sign = if hundredths < 0 { "-" } else { "" };
                let whole = hundredths.abs();
                Sql::two(format!("{sign}{}.{:02}", whole / 100, whole % 100), hundredths.to_string())
            }
            Kind::Text => {
                let words = ["a", "b", "ab", "", "ba", "abc", "b%", "a_", "zzz"];
                Sql::same(format!("'{}'", words[value]))
            }
            Kind::Date => {
                let day = format!("2020-0{}-{:02}", 1 + value % 3, 1 + value * 3);
                Sql::two(format!("DATE '{day}'"), format!("'{day}'"))
            }
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// A table: the column `id` that numbers its rows, further columns, and the rows.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns; `id` is the first.
    pub columns: Vec<Column>,
    /// Each row's literals.
    pub rows: Vec<Vec<Sql>>,
}

impl Table {
    /// A table of some columns and up to `rows_max` rows.
    pub fn random(name: &str, rows_max: usize, random: &mut Random) -> Table {
        let id = Column { name: "id".into(), kind: Kind::Int, nullable: false };
        let column = |i: usize| {
            let kind = if i < 2 { Kind::Int } else { *random.pick(&Kind::ALL) };
            Column { name: format!("c{i}"), kind, nullable: random.chance(65) }
        };
        let others: Vec<Column> = (0..5).map(column).collect();
        let columns: Vec<Column> = std::iter::once(id).chain(others).collect();
        let count = if random.chance(8) { 0 } else { 1 + random.below(rows_max) };
        let row = |i: usize| {
            let cell = |(at, column): (usize, &Column)| match at {
                0 => Sql::same(i.to_string()),
                _ if column.nullable && random.chance(20) => Sql::same("NULL"),
                _ => column.kind.literal(random),
            };
            columns.iter().enumerate().map(cell).collect()
        };
        let rows = (0..count).map(row).collect();
        Table { name: name.into(), columns, rows }
    }

    fn declaration(&self) -> Sql {
        let one = |c: &Column| {
            let null = if c.nullable { "" } else { " NOT NULL" };
            Sql::same(format!("{} {{}}{null}", c.name)).with(&[&c.kind.declared()])
        };
        Sql::join(&self.columns.iter().map(one).collect::<Vec<_>>(), ", ")
    }

    /// What makes the table, empty, in the plainest way.
    pub fn create(&self) -> Sql {
        Sql::same(format!("CREATE TABLE {} ({{}})", self.name)).with(&[&self.declaration()])
    }

    /// What fills it.
    pub fn insert(&self) -> Option<Sql> {
        let row = |row: &Vec<Sql>| Sql::same("({})").with(&[&Sql::join(row, ", ")]);
        let rows: Vec<Sql> = self.rows.iter().map(row).collect();
        let all = Sql::join(&rows, ", ");
        (!rows.is_empty()).then(|| Sql::same(format!("INSERT INTO {} VALUES {{}}", self.name)).with(&[&all]))
    }

    /// The statements that lay the table out in a random way in Allod: key, partitions, secondary indexes.
    pub fn laid_out(&self, random: &mut Random) -> Vec<String> {
        let columns = self.declaration().allod;
        let key = match random.below(4) {
            0 => "",
            1 => ", PRIMARY KEY (id, c0)",
            2 => ", PRIMARY KEY (c1, id)",
            _ => ", PRIMARY KEY (id)",
        };
        let keyed = |name: &str| key.contains(name);
        let key = if self.columns.iter().any(|c| c.nullable && keyed(&c.name)) { "" } else { key };
        let partitions = match key {
            _ if random.chance(50) => "",
            "" => " PARTITION BY HASH (c0) PARTITIONS 4",
            _ => " PARTITION BY HASH (id) PARTITIONS 4",
        };
        let mut statements = vec![format!("CREATE TABLE {} ({columns}{key}){partitions}", self.name)];
        for index in 0..random.below(4) {
            let one = random.pick(&self.columns).name.clone();
            let two = random.pick(&self.columns).name.clone();
            let list = if one == two || random.chance(50) { one } else { format!("{one}, {two}") };
            statements.push(format!("CREATE INDEX i{index} ON {} ({list})", self.name));
        }
        statements
    }
}

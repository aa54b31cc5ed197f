//! Joins of `o` and `i`, with a place for hints.

use super::tables::{COLUMNS, Family, literal};
use crate::random::Random;

/// What kind of join a query is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `JOIN`.
    Inner,
    /// `LEFT JOIN`.
    Left,
    /// `RIGHT JOIN`.
    Right,
    /// `EXISTS`.
    Exists,
    /// `NOT EXISTS`.
    NotExists,
    /// `IN` a query, as a condition.
    In,
    /// `NOT IN` a query, as a condition.
    NotIn,
    /// `IN` a query, as a value.
    InValue,
    /// `NOT IN` a query, as a value.
    NotInValue,
    /// `EXISTS`, as a value.
    ExistsValue,
    /// A join with the groups of `i`.
    Groups,
    /// A join with rows of `i` that were selected and computed.
    Derived,
    /// Three tables.
    Three,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 13] = [
        Kind::Inner,
        Kind::Left,
        Kind::Right,
        Kind::Exists,
        Kind::NotExists,
        Kind::In,
        Kind::NotIn,
        Kind::InValue,
        Kind::NotInValue,
        Kind::ExistsValue,
        Kind::Groups,
        Kind::Derived,
        Kind::Three,
    ];
}

/// A query.
#[derive(Clone, Debug)]
pub struct Query {
    /// What kind of join it is.
    pub kind: Kind,
    /// Its text, with `{hint}` where a hint goes.
    text: String,
    /// The tables that a hint names.
    pub inner: &'static str,
    /// Whether the order of its rows is given.
    pub ordered: bool,
}

impl Query {
    /// The text with the hint `name`, or without any.
    pub fn with(&self, name: Option<&str>) -> String {
        let hint = name.map_or_else(String::new, |name| format!("/*+ {name}({}) */ ", self.inner));
        self.text.replace("{hint}", &hint)
    }

    /// A query of some kind.
    pub fn random(random: &mut Random) -> Query {
        let kind = *random.pick(&Kind::ALL);
        let on = conditions("o", "i", random);
        let some = *random.pick(&["o.a", "o.s", "o.d", "o.t"]);
        let filter = match random.below(4) {
            0 => " WHERE o.id < 20".to_string(),
            1 => format!(" WHERE o.{} IS NOT NULL", random.pick(&COLUMNS).0),
            2 => " WHERE o.v > 3".to_string(),
            _ => String::new(),
        };
        let and = if filter.is_empty() { " WHERE " } else { " AND " };
        let order = random.pick(&[
            "",
            " ORDER BY 1, 2, 3, 4",
            " ORDER BY 1, 2, 3, 4 LIMIT 5",
            " ORDER BY 1 DESC, 2, 3, 4 LIMIT 7 OFFSET 3",
        ]);
        let (x, y) = alike(random);
        let below = match random.below(3) {
            0 => String::new(),
            1 => format!(" WHERE {on}"),
            _ => " WHERE i.v > 2".to_string(),
        };
        let mut inner = "i";
        let text = match kind {
            Kind::Inner | Kind::Left | Kind::Right => {
                if random.chance(30) {
                    inner = "o";
                }
                let join = match kind {
                    Kind::Left => "LEFT JOIN",
                    Kind::Right => "RIGHT JOIN",
                    _ => "JOIN",
                };
                format!("SELECT {{hint}}o.id, i.id, {some}, i.v FROM o {join} i ON {on}{filter}")
            }
            Kind::Exists | Kind::NotExists => {
                let not = if kind == Kind::NotExists { "NOT " } else { "" };
                format!(
                    "SELECT o.id, {some}, o.v, o.v FROM o{filter}{and}{not}EXISTS (SELECT {{hint}}1 FROM i WHERE {on})"
                )
            }
            Kind::In | Kind::NotIn => {
                let not = if kind == Kind::NotIn { "NOT " } else { "" };
                format!(
                    "SELECT o.id, {some}, o.v, o.v FROM o{filter}{and}o.{x} {not}IN (SELECT {{hint}}i.{y} FROM i{below})"
                )
            }
            Kind::InValue | Kind::NotInValue => {
                let not = if kind == Kind::NotInValue { "NOT " } else { "" };
                format!(
                    "SELECT o.id, {some}, o.v, o.{x} {not}IN (SELECT {{hint}}i.{y} FROM i{below}) FROM o{filter}"
                )
            }
            Kind::ExistsValue => {
                format!(
                    "SELECT o.id, {some}, o.v, EXISTS (SELECT {{hint}}1 FROM i WHERE {on}) FROM o{filter}"
                )
            }
            Kind::Groups => {
                let left = random.pick(&["LEFT ", ""]);
                let having = random.pick(&["", " HAVING COUNT(*) > 1"]);
                let more = random.pick(&["", " AND i.c > o.v", " AND i.w <> o.y"]);
                format!(
                    "SELECT {{hint}}o.id, i.{y}, i.c, i.w FROM o {left}JOIN (SELECT {y}, COUNT(*) c, MAX(v) w FROM i \
                     WHERE v > {} GROUP BY {y}{having}) i ON i.{y} = o.{x}{more}{filter}",
                    random.below(4)
                )
            }
            Kind::Derived => {
                let left = random.pick(&["LEFT ", ""]);
                format!(
                    "SELECT {{hint}}o.id, i.{y}, i.e, i.id FROM o {left}JOIN (SELECT id, {y}, v + 1 AS e FROM i \
                     WHERE v <> 4) i ON i.{y} = o.{x} AND i.e > o.y{filter}"
                )
            }
            Kind::Three => {
                inner = "i, j";
                let on_j = conditions("i", "j", random);
                format!(
                    "SELECT {{hint}}o.id, i.id, j.id, i.v FROM o JOIN i ON {on} LEFT JOIN i j ON {on_j}{filter}"
                )
            }
        };
        Query { kind, text: format!("{text}{order}"), inner, ordered: !order.is_empty() }
    }
}

/// Two columns of one family.
fn alike(random: &mut Random) -> (&'static str, &'static str) {
    let column = random.pick(&COLUMNS);
    let same: Vec<&str> = COLUMNS.iter().filter(|c| c.2 == column.2).map(|c| c.0).collect();
    (column.0, if random.chance(40) { column.0 } else { *random.pick(&same) })
}

/// What two tables are joined by: at least one equality.
fn conditions(outer: &str, inner: &str, random: &mut Random) -> String {
    let mut all = Vec::new();
    for _ in 0..*random.pick(&[1, 1, 2, 2, 3]) {
        let (mut x, y) = alike(random);
        if random.chance(10) {
            x = random.pick(&COLUMNS).0;
        }
        let at = COLUMNS.iter().position(|c| c.0 == y).expect("it is one of them");
        all.push(match random.below(10) {
            0 => format!("{inner}.{y} <=> {outer}.{x}"),
            1 => format!("{outer}.{x} = {inner}.{y}"),
            2 if !all.is_empty() => format!("{inner}.{y} = {}", literal(at, random)),
            _ => format!("{inner}.{y} = {outer}.{x}"),
        });
    }
    for _ in 0..*random.pick(&[0, 0, 1, 1, 2]) {
        let (x, y) = alike(random);
        let at = COLUMNS.iter().position(|c| c.0 == y).expect("it is one of them");
        let is_signed = COLUMNS[at].2 == Family::Number && x != "u";
        all.push(match random.below(6) {
            0 => format!("{inner}.{y} > {outer}.{x}"),
            1 => format!("{inner}.{y} <= {outer}.{x}"),
            2 if is_signed => format!("{inner}.{y} >= {outer}.{x} - 2"),
            2 => format!("{inner}.{y} >= {outer}.{x}"),
            3 => format!("{inner}.{y} <> {outer}.{x}"),
            4 => format!("{inner}.v > {}", random.below(7)),
            _ => format!("{inner}.{y} < {}", literal(at, random)),
        });
    }
    all.join(" AND ")
}

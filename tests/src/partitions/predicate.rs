//! Random conditions over the columns of the table and over the partition expression.

use super::column::{COLUMNS, Column};
use super::scheme::Scheme;
use crate::random::Random;

/// A condition whose columns belong to `alias`; mostly about what the scheme deals by.
pub fn condition(scheme: &Scheme, alias: &str, depth: usize, random: &mut Random) -> String {
    let next = |random: &mut Random| condition(scheme, alias, depth - 1, random);
    match random.below(if depth == 0 { 1 } else { 6 }) {
        1 => format!("({} AND {})", next(random), next(random)),
        2 => format!("({} OR {})", next(random), next(random)),
        3 => format!("({} AND {} AND {})", next(random), next(random), next(random)),
        4 if random.chance(40) => format!("NOT ({})", next(random)),
        _ => atom(scheme, alias, random),
    }
}

fn column(scheme: &Scheme, random: &mut Random) -> &'static Column {
    if random.chance(85) { random.pick::<&Column>(&scheme.columns) } else { random.pick(&COLUMNS) }
}

fn atom(scheme: &Scheme, alias: &str, random: &mut Random) -> String {
    if let Some(expression) = scheme.expression
        && random.chance(15)
    {
        let (operator, value) = (comparison(random), random.below(2100) as i64 - 20);
        return format!("{} {operator} {value}", of(alias, expression, scheme));
    }
    let column = column(scheme, random);
    let name = format!("{alias}.{}", column.name);
    let several =
        |random: &mut Random, n: usize| (0..n).map(|_| column.value(random)).collect::<Vec<_>>().join(", ");
    let not = if random.chance(20) { "NOT " } else { "" };
    match random.below(12) {
        0..=3 => format!("{name} = {}", column.literal(random)),
        4 | 5 => format!("{name} {} {}", comparison(random), column.literal(random)),
        6 => {
            let n = 1 + random.below(5);
            format!("{name} {not}IN ({})", several(random, n))
        }
        7 => format!("{name} {not}BETWEEN {} AND {}", column.literal(random), column.literal(random)),
        8 => format!("{name} IS {not}NULL"),
        9 => format!("{name} <=> {}", column.value(random)),
        10 => match scheme.columns.as_slice() {
            [one, two, ..] => {
                let tuple = |random: &mut Random| format!("({}, {})", one.value(random), two.value(random));
                let tuples = (0..1 + random.below(3)).map(|_| tuple(random)).collect::<Vec<_>>().join(", ");
                format!("({alias}.{}, {alias}.{}) {not}IN ({tuples})", one.name, two.name)
            }
            _ => format!("{} {} {name}", column.literal(random), comparison(random)),
        },
        _ => {
            let other = COLUMNS.iter().find(|c| c.ty == column.ty && c.name != column.name).unwrap_or(column);
            format!("{name} {} {alias}.{}", comparison(random), other.name)
        }
    }
}

fn comparison(random: &mut Random) -> &'static str {
    random.pick::<&str>(&["=", "<", "<=", ">", ">=", "<>", "<=>"])
}

/// The partition expression over the columns of an alias. No column's name is a part of another word that the expressions
/// use, but for single letters within words, so words are compared whole.
fn of(alias: &str, expression: &str, scheme: &Scheme) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in expression.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if scheme.columns.iter().any(|column| column.name == word) {
            out.push_str(&format!("{alias}."));
        }
        out.push_str(&std::mem::take(&mut word));
        out.push(c);
    }
    out.trim_end().to_string()
}

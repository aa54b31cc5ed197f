//! Random expressions, queries and changes over a schema.
//!
//! Everything generated has one right answer in both dialects: integer division is written apart, decimals stay at two
//! places, LIMIT comes with an order over all columns, and an aggregate's argument is of the query that it belongs to.

use super::schema::{Kind, Table};
use super::sql::{Sql, sql};
use crate::random::Random;

/// Something an expression may refer to.
#[derive(Clone, Debug)]
struct Visible {
    text: Sql,
    kind: Kind,
    /// A column, not an aggregate: a subquery may refer to it.
    column: bool,
}

/// What a FROM clause may name.
#[derive(Clone, Debug)]
struct Source {
    text: Sql,
    columns: Vec<(String, Kind)>,
}

/// A query and what it returns.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its text.
    pub text: Sql,
    /// The kinds of its columns.
    pub kinds: Vec<Kind>,
    /// Whether the order of its rows is given (up to rows that are equal).
    pub ordered: bool,
}

/// A FROM clause and a predicate over it, for checks of Allod against itself.
pub struct Filtered {
    /// All columns of the FROM clause, under names of their own.
    pub columns: String,
    /// Their kinds.
    pub kinds: Vec<Kind>,
    /// The FROM clause.
    pub from: String,
    /// The predicate.
    pub predicate: String,
}

/// Makes statements over some tables.
pub struct Generator<'a> {
    random: &'a mut Random,
    sources: Vec<Source>,
    aliases: usize,
}

/// How deep expressions and queries nest.
const DEPTH: usize = 3;

impl<'a> Generator<'a> {
    /// A generator of statements over `tables`.
    pub fn new(tables: &[Table], random: &'a mut Random) -> Generator<'a> {
        let source = |t: &Table| Source {
            text: Sql::same(t.name.clone()),
            columns: t.columns.iter().map(|c| (c.name.clone(), c.kind)).collect(),
        };
        Generator { random, sources: tables.iter().map(source).collect(), aliases: 0 }
    }

    /// A whole query.
    pub fn query(&mut self) -> Query {
        let kinds: Vec<Kind> = (0..1 + self.random.below(4)).map(|_| self.kind()).collect();
        let tables = self.sources.len();
        let mut text = Sql::same("");
        if self.random.chance(15) {
            let inner: Vec<Kind> = (0..3).map(|_| self.kind()).collect();
            let body = self.select(&inner, &[], DEPTH - 1);
            text = sql("WITH w AS ({}) ", &[&body]);
            let columns = inner.iter().enumerate().map(|(i, k)| (format!("x{i}"), *k)).collect();
            self.sources.push(Source { text: Sql::same("w"), columns });
        }
        let first = self.select(&kinds, &[], DEPTH);
        text = sql("{}{}", &[&text, &first]);
        if self.random.chance(15) {
            let word = if self.random.chance(50) { "UNION" } else { "UNION ALL" };
            let second = self.select(&kinds, &[], DEPTH - 1);
            text = sql(&format!("{{}} {word} {{}}"), &[&text, &second]);
        }
        self.sources.truncate(tables);
        let ordered = self.random.chance(40);
        if ordered {
            let mut places: Vec<usize> = (1..=kinds.len()).collect();
            let turn = self.random.below(kinds.len());
            places.rotate_left(turn);
            let order: Vec<String> = places
                .iter()
                .map(|p| format!("{p}{}", if self.random.chance(40) { " DESC" } else { "" }))
                .collect();
            text = sql(&format!("{{}} ORDER BY {}", order.join(", ")), &[&text]);
            if self.random.chance(70) {
                text = sql(&format!("{{}} LIMIT {}", self.random.below(12)), &[&text]);
                if self.random.chance(30) {
                    text = sql(&format!("{{}} OFFSET {}", self.random.below(6)), &[&text]);
                }
            }
        }
        Query { text, kinds, ordered }
    }

    /// A FROM clause with a predicate.
    pub fn filtered(&mut self) -> Filtered {
        let (from, visible) = self.from(&[], DEPTH - 1);
        let predicate = self.predicate(&visible, &[], DEPTH);
        let columns: Vec<String> =
            visible.iter().enumerate().map(|(i, v)| format!("{} AS x{i}", v.text.allod)).collect();
        Filtered {
            columns: columns.join(", "),
            kinds: visible.iter().map(|v| v.kind).collect(),
            from: from.allod,
            predicate: predicate.allod,
        }
    }

    /// A statement that changes rows of one of `tables`, and the name of that table.
    pub fn change(&mut self, tables: &[Table]) -> (Sql, usize) {
        let at = self.random.below(tables.len());
        let table = &tables[at];
        let kept = self.sources.remove(at);
        let visible: Vec<Visible> = table
            .columns
            .iter()
            .map(|c| Visible {
                text: Sql::same(format!("{}.{}", table.name, c.name)),
                kind: c.kind,
                column: true,
            })
            .collect();
        let predicate = self.predicate(&visible, &[], DEPTH - 1);
        let text = if self.random.chance(30) {
            sql(&format!("DELETE FROM {} WHERE {{}}", table.name), &[&predicate])
        } else {
            let column = &table.columns[1 + self.random.below(table.columns.len() - 1)];
            let mut value = self.expr(column.kind, &visible, &[], 1);
            if !column.nullable {
                let other = column.kind.literal(self.random);
                value = sql("COALESCE({}, {})", &[&value, &other]);
            }
            let head = format!("UPDATE {} SET {} = {{}} WHERE {{}}", table.name, column.name);
            sql(&head, &[&value, &predicate])
        };
        self.sources.insert(at, kept);
        (text, at)
    }

    fn kind(&mut self) -> Kind {
        if self.random.chance(40) { Kind::Int } else { *self.random.pick(&Kind::ALL) }
    }

    /// A SELECT that returns columns `x0`, `x1`, … of `kinds`.
    fn select(&mut self, kinds: &[Kind], outer: &[Visible], depth: usize) -> Sql {
        let (from, visible) = self.from(outer, depth);
        let grouped = self.random.chance(35);
        let mut text = sql(" FROM {}", &[&from]);
        if self.random.chance(75) {
            let predicate = self.predicate(&visible, outer, depth);
            text = sql("{} WHERE {}", &[&text, &predicate]);
        }
        let mut seen = visible;
        if grouped {
            let keys: Vec<Visible> = (0..self.random.below(3)).map(|_| self.group_key(&seen)).collect();
            let mut after = keys.clone();
            for _ in 0..3 {
                let kind = self.kind();
                let text = self.aggregate(kind, &seen);
                after.push(Visible { text, kind, column: false });
            }
            if !keys.is_empty() {
                let list: Vec<Sql> = keys.into_iter().map(|k| k.text).collect();
                text = sql("{} GROUP BY {}", &[&text, &Sql::join(&list, ", ")]);
            }
            let has_keys = after.len() > 3;
            seen = after;
            // SQLite refuses HAVING where nothing else shows that rows are grouped.
            if has_keys && self.random.chance(30) {
                // It knows the keys that are columns, and aggregates: the last three.
                let aggregates = seen.len() - 3;
                let known = seen.iter().enumerate().filter(|(at, v)| v.column || *at >= aggregates);
                let known: Vec<Visible> = known.map(|(_, v)| v.clone()).collect();
                let predicate = self.predicate(&known, outer, 1);
                text = sql("{} HAVING {}", &[&text, &predicate]);
            }
        }
        // A subquery beside aggregates must see columns that the grouping leaves: `expr` takes care by `column`.
        let items: Vec<Sql> = kinds
            .iter()
            .enumerate()
            .map(|(i, kind)| {
                let depth = self.random.below(depth.min(2) + 1);
                sql(&format!("{{}} AS x{i}"), &[&self.expr(*kind, &seen, outer, depth)])
            })
            .collect();
        let distinct = if self.random.chance(15) { "DISTINCT " } else { "" };
        sql(&format!("SELECT {distinct}{{}}{{}}"), &[&Sql::join(&items, ", "), &text])
    }

    fn group_key(&mut self, visible: &[Visible]) -> Visible {
        let column = self.random.pick(visible).clone();
        let (template, kind) = match column.kind {
            _ if self.random.chance(70) => return column,
            Kind::Int => ("({} % 3)", Kind::Int),
            Kind::Decimal => ("({} IS NULL)", Kind::Int),
            Kind::Text => ("UPPER({})", Kind::Text),
            Kind::Date => ("COALESCE({}, {})", Kind::Date),
        };
        let again = column.text.clone();
        Visible { text: sql(template, &[&column.text, &again]), kind, column: false }
    }

    fn aggregate(&mut self, kind: Kind, visible: &[Visible]) -> Sql {
        let numeric = matches!(kind, Kind::Int | Kind::Decimal);
        if kind == Kind::Int && self.random.chance(40) {
            let counted = self.kind();
            let argument = self.plain(counted, visible, 1);
            return match self.random.below(3) {
                0 => Sql::same("COUNT(*)"),
                1 => sql("COUNT({})", &[&argument]),
                _ => sql("COUNT(DISTINCT {})", &[&argument]),
            };
        }
        let argument = self.plain(kind, visible, 1);
        let function = match self.random.below(if numeric { 4 } else { 2 }) {
            0 => "MIN({})",
            1 => "MAX({})",
            2 => "SUM({})",
            _ => "SUM(DISTINCT {})",
        };
        sql(function, &[&argument])
    }

    /// An expression without subqueries and of this query's own columns.
    fn plain(&mut self, kind: Kind, visible: &[Visible], depth: usize) -> Sql {
        let sources = std::mem::take(&mut self.sources);
        let text = match visible.iter().filter(|v| v.kind == kind).collect::<Vec<_>>().as_slice() {
            columns if !columns.is_empty() && self.random.chance(60) => {
                self.random.pick(columns).text.clone()
            }
            _ => self.expr(kind, visible, &[], depth),
        };
        self.sources = sources;
        text
    }

    /// A FROM clause and its columns.
    fn from(&mut self, outer: &[Visible], depth: usize) -> (Sql, Vec<Visible>) {
        let (mut text, mut visible) = self.source(depth);
        let joins = self.random.below(depth.min(2) + 1);
        for _ in 0..joins {
            let (right, columns) = self.source(depth);
            let kind =
                *self.random.pick(&["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "CROSS JOIN"]);
            let left = visible.clone();
            visible.extend(columns.iter().cloned());
            if kind == "CROSS JOIN" {
                text = sql("{} CROSS JOIN {}", &[&text, &right]);
                continue;
            }
            let mut on = self.equality(&left, &columns);
            if self.random.chance(30) {
                // What the side that is kept has to meet is where outer joins go wrong.
                let sources = std::mem::take(&mut self.sources);
                let residual = self.predicate(&visible, outer, 1);
                self.sources = sources;
                let word = if self.random.chance(80) { "AND" } else { "OR" };
                on = sql(&format!("({{}} {word} {{}})"), &[&on, &residual]);
            }
            text = sql(&format!("{{}} {kind} {{}} ON {{}}"), &[&text, &right, &on]);
        }
        (text, visible)
    }

    fn source(&mut self, depth: usize) -> (Sql, Vec<Visible>) {
        let source = if depth > 1 && self.random.chance(12) {
            let kinds: Vec<Kind> = (0..1 + self.random.below(3)).map(|_| self.kind()).collect();
            let body = self.select(&kinds, &[], depth - 1);
            let columns = kinds.iter().enumerate().map(|(i, k)| (format!("x{i}"), *k)).collect();
            Source { text: sql("({})", &[&body]), columns }
        } else {
            self.random.pick(&self.sources).clone()
        };
        let alias = format!("q{}", self.aliases);
        self.aliases += 1;
        let visible = |(name, kind): &(String, Kind)| Visible {
            text: Sql::same(format!("{alias}.{name}")),
            kind: *kind,
            column: true,
        };
        let columns = source.columns.iter().map(visible).collect();
        (sql(&format!("{{}} AS {alias}"), &[&source.text]), columns)
    }

    /// `left.x = right.y` of one kind.
    fn equality(&mut self, left: &[Visible], right: &[Visible]) -> Sql {
        let one = self.random.pick(right).clone();
        let same: Vec<&Visible> = left.iter().filter(|v| v.kind == one.kind).collect();
        match same.as_slice() {
            [] => Sql::same("1 = 1"),
            same => sql("{} = {}", &[&self.random.pick(same).text, &one.text]),
        }
    }

    /// A subquery's body: one column of `kind`, more often than not tied to the outer columns.
    fn subquery(&mut self, kind: Kind, visible: &[Visible], outer: &[Visible], scalar: bool) -> Sql {
        let mut beyond: Vec<Visible> = visible.iter().filter(|v| v.column).cloned().collect();
        beyond.extend(outer.iter().cloned());
        let (from, columns) = self.from(&[], 1);
        let mut predicates = Vec::new();
        if self.random.chance(65) && !beyond.is_empty() {
            predicates.push(self.equality(&beyond, &columns));
        }
        if self.random.chance(50) {
            predicates.push(self.predicate(&columns, &beyond, 1));
        }
        let mut text = sql(" FROM {}", &[&from]);
        if !predicates.is_empty() {
            text = sql("{} WHERE {}", &[&text, &Sql::join(&predicates, " AND ")]);
        }
        match (scalar, self.random.below(4)) {
            (true, 0) => {
                let item = self.plain(kind, &columns, 1);
                let again = item.clone();
                let order = sql("COALESCE({}, {})", &[&item, &again]);
                sql("SELECT {}{} ORDER BY {} LIMIT 1", &[&item, &text, &order])
            }
            (true, _) | (false, 0) => {
                let item = self.aggregate(kind, &columns);
                let item = if self.random.chance(30) {
                    let other = kind.literal(self.random);
                    sql("COALESCE({}, {})", &[&item, &other])
                } else {
                    item
                };
                if scalar || self.random.chance(30) {
                    return sql("SELECT {}{}", &[&item, &text]);
                }
                let key = self.random.pick(&columns).text.clone();
                sql("SELECT {}{} GROUP BY {}", &[&item, &text, &key])
            }
            (false, 1) => {
                let item = self.expr(kind, &columns, &beyond, 1);
                sql("SELECT DISTINCT {}{}", &[&item, &text])
            }
            (false, _) => {
                let item = self.expr(kind, &columns, &beyond, 1);
                sql("SELECT {}{}", &[&item, &text])
            }
        }
    }

    /// Something that is true, false or NULL.
    fn predicate(&mut self, visible: &[Visible], outer: &[Visible], depth: usize) -> Sql {
        let kind = self.kind();
        let below = depth.saturating_sub(1);
        let choices = if depth == 0 { 7 } else { 15 };
        let side = |g: &mut Self| g.expr(kind, visible, outer, below.min(1));
        match self.random.below(choices) {
            0..=2 => {
                let (a, b) = (side(self), side(self));
                let operator = *self.random.pick(&["=", "<>", "<", "<=", ">", ">=", "="]);
                sql(&format!("({{}} {operator} {{}})"), &[&a, &b])
            }
            3 => {
                let a = side(self);
                let not = if self.random.chance(50) { " NOT" } else { "" };
                sql(&format!("({{}} IS{not} NULL)"), &[&a])
            }
            4 => {
                let (a, low, high) = (side(self), kind.literal(self.random), side(self));
                let not = if self.random.chance(30) { "NOT " } else { "" };
                sql(&format!("({{}} {not}BETWEEN {{}} AND {{}})"), &[&a, &low, &high])
            }
            5 => {
                let a = side(self);
                let mut list: Vec<Sql> =
                    (0..1 + self.random.below(4)).map(|_| kind.literal(self.random)).collect();
                if self.random.chance(15) {
                    list.push(Sql::same("NULL"));
                }
                let not = if self.random.chance(30) { "NOT " } else { "" };
                sql(&format!("({{}} {not}IN ({{}}))"), &[&a, &Sql::join(&list, ", ")])
            }
            6 => {
                let a = self.expr(Kind::Text, visible, outer, below.min(1));
                let pattern = *self.random.pick(&["a%", "%b", "%b%", "_b%", "a", "", "%", "__"]);
                let not = if self.random.chance(30) { "NOT " } else { "" };
                sql(&format!("({{}} {not}LIKE '{pattern}')"), &[&a])
            }
            7 | 8 => {
                let (a, b) = (self.predicate(visible, outer, below), self.predicate(visible, outer, below));
                sql("({} AND {})", &[&a, &b])
            }
            9 => {
                let (a, b) = (self.predicate(visible, outer, below), self.predicate(visible, outer, below));
                sql("({} OR {})", &[&a, &b])
            }
            10 => {
                let a = self.predicate(visible, outer, below);
                let template =
                    *self.random.pick(&["(NOT {})", "({} IS TRUE)", "({} IS NOT TRUE)", "({} IS FALSE)"]);
                sql(template, &[&a])
            }
            11 => {
                let (a, b) = (side(self), side(self));
                Sql::two("({} <=> {})", "({} IS {})").with(&[&a, &b])
            }
            _ if self.sources.is_empty() || depth < 2 => {
                let (a, b) = (side(self), side(self));
                sql("({} = {})", &[&a, &b])
            }
            12 => {
                let not = if self.random.chance(50) { "NOT " } else { "" };
                let body = self.subquery(kind, visible, outer, false);
                sql(&format!("({not}EXISTS ({{}}))"), &[&body])
            }
            13 => {
                let not = if self.random.chance(50) { "NOT " } else { "" };
                let a = side(self);
                let body = self.subquery(kind, visible, outer, false);
                sql(&format!("({{}} {not}IN ({{}}))"), &[&a, &body])
            }
            _ => {
                let a = side(self);
                let body = self.subquery(kind, visible, outer, true);
                let operator = *self.random.pick(&["=", "<>", "<", ">="]);
                sql(&format!("({{}} {operator} ({{}}))"), &[&a, &body])
            }
        }
    }

    /// An expression of `kind`.
    fn expr(&mut self, kind: Kind, visible: &[Visible], outer: &[Visible], depth: usize) -> Sql {
        if depth == 0 || self.random.chance(45) {
            return self.leaf(kind, visible, outer);
        }
        let below = depth - 1;
        let of = |g: &mut Self, kind| g.expr(kind, visible, outer, below);
        match self.random.below(8) {
            0 => {
                let condition = self.predicate(visible, outer, below);
                let (a, b) = (of(self, kind), of(self, kind));
                sql("(CASE WHEN {} THEN {} ELSE {} END)", &[&condition, &a, &b])
            }
            1 => {
                let compared = self.kind();
                let (x, a, b) = (of(self, compared), of(self, kind), of(self, kind));
                let when = compared.literal(self.random);
                let two = compared.literal(self.random);
                sql("(CASE {} WHEN {} THEN {} WHEN {} THEN {} END)", &[&x, &when, &a, &two, &b])
            }
            2 => {
                let (a, b) = (of(self, kind), of(self, kind));
                sql("COALESCE({}, {})", &[&a, &b])
            }
            3 => {
                let (a, b) = (of(self, kind), of(self, kind));
                sql("NULLIF({}, {})", &[&a, &b])
            }
            4 if depth > 1 && !self.sources.is_empty() => {
                let body = self.subquery(kind, visible, outer, true);
                sql("({})", &[&body])
            }
            5 if kind == Kind::Int && depth > 1 => self.predicate(visible, outer, below),
            _ => self.operation(kind, visible, outer, below),
        }
    }

    fn leaf(&mut self, kind: Kind, visible: &[Visible], outer: &[Visible]) -> Sql {
        let from = if self.random.chance(20) && !outer.is_empty() { outer } else { visible };
        let columns: Vec<&Visible> = from.iter().filter(|v| v.kind == kind).collect();
        match columns.as_slice() {
            columns if !columns.is_empty() && self.random.chance(80) => {
                self.random.pick(columns).text.clone()
            }
            // A NULL of no type would make a DATETIME of the sum of a day and an interval.
            _ if self.random.chance(8) && kind != Kind::Date => Sql::same("NULL"),
            _ => kind.literal(self.random),
        }
    }

    /// A function or an operator that returns `kind`.
    fn operation(&mut self, kind: Kind, visible: &[Visible], outer: &[Visible], depth: usize) -> Sql {
        let a = self.expr(kind, visible, outer, depth);
        match kind {
            Kind::Int => match self.random.below(7) {
                0 => sql("LENGTH({})", &[&self.expr(Kind::Text, visible, outer, depth)]),
                1 => Sql::two("YEAR({})", "CAST(strftime('%Y', {}) AS INTEGER)").with(&[&self.expr(
                    Kind::Date,
                    visible,
                    outer,
                    depth,
                )]),
                2 => sql("ABS({})", &[&a]),
                3 => {
                    let b = self.expr(kind, visible, outer, depth);
                    Sql::two("({} DIV {})", "({} / {})").with(&[&a, &b])
                }
                which => {
                    let b = self.expr(kind, visible, outer, depth);
                    let operator = ["+", "-", "*", "%"][which - 3];
                    sql(&format!("({{}} {operator} {{}})"), &[&a, &b])
                }
            },
            Kind::Decimal => {
                let whole = self.expr(Kind::Int, visible, outer, depth);
                match self.random.below(4) {
                    0 => Sql::two("({} + {})", "({} + 100 * {})").with(&[&a, &whole]),
                    1 => sql("({} * {})", &[&a, &whole]),
                    2 => sql("(- {})", &[&a]),
                    _ => {
                        let b = self.expr(kind, visible, outer, depth);
                        sql("({} - {})", &[&a, &b])
                    }
                }
            }
            Kind::Text => match self.random.below(4) {
                0 => {
                    let b = self.expr(kind, visible, outer, depth);
                    Sql::two("CONCAT({}, {})", "({} || {})").with(&[&a, &b])
                }
                1 => sql("UPPER({})", &[&a]),
                2 => sql("SUBSTR({}, 2, 2)", &[&a]),
                _ => sql("REPLACE({}, 'a', 'b')", &[&a]),
            },
            Kind::Date => match self.random.below(2) {
                0 => Sql::two("DATE_ADD({}, INTERVAL 3 DAY)", "date({}, '+3 days')").with(&[&a]),
                _ => Sql::two("DATE_SUB({}, INTERVAL 1 DAY)", "date({}, '-1 days')").with(&[&a]),
            },
        }
    }
}

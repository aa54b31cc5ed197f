//! The text of a generated column's expression, as the descriptor keeps it and as SHOW CREATE TABLE shows it: as TiDB writes
//! them, columns between backticks and without their table, words in lower case, texts with their character set. So neither
//! a new name of the table nor a keyword that comes later nor a session's settings change what it means.
//!
//! ```text
//! AS (CONCAT(t.first,' ',last))        concat(`first`, _utf8mb4' ', `last`)
//! ```

use allod_storage::schema::ColumnDef;
use sqlparser::ast::{self, Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Value};

use crate::parse::json_value;

/// Functions whose value depends on more than their arguments, or that do more than to yield one; MySQL's list.
const DISALLOWED: [&str; 49] = [
    "BENCHMARK",
    "CONNECTION_ID",
    "CURDATE",
    "CURRENT_DATE",
    "CURRENT_ROLE",
    "CURRENT_TIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_USER",
    "CURTIME",
    "DATABASE",
    "DEFAULT",
    "FOUND_ROWS",
    "GET_LOCK",
    "GROUPING",
    "IS_FREE_LOCK",
    "IS_USED_LOCK",
    "LASTVAL",
    "LAST_INSERT_ID",
    "LOAD_FILE",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "MASTER_POS_WAIT",
    "NAME_CONST",
    "NEXTVAL",
    "NOW",
    "RAND",
    "RANDOM_BYTES",
    "RELEASE_ALL_LOCKS",
    "RELEASE_LOCK",
    "ROW_COUNT",
    "SCHEMA",
    "SESSION_USER",
    "SETVAL",
    "SLEEP",
    "SYSDATE",
    "SYSTEM_USER",
    "TIDB_BOUNDED_STALENESS",
    "TIDB_CURRENT_TSO",
    "TIDB_IS_DDL_OWNER",
    "TIDB_VERSION",
    "USER",
    "UTC_DATE",
    "UTC_TIME",
    "UTC_TIMESTAMP",
    "UUID",
    "UUID_SHORT",
    "VERSION",
    "WAIT_FOR_EXECUTED_GTID_SET",
    "WAIT_UNTIL_SQL_THREAD_AFTER_GTIDS",
];

/// What makes an expression yield different values for the same row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Offence {
    /// A function above, as it is written.
    Function(String),
    /// `@x`, `@@x`.
    Variable,
    /// `?`.
    Parameter,
    /// A subquery.
    Subquery,
}

/// Whether it yields the same for the same row always.
pub(super) fn is_deterministic(expr: &Expr) -> bool {
    offence(expr).is_none()
}

/// The first reason why it may not.
pub(in super::super) fn offence(expr: &Expr) -> Option<Offence> {
    offence_in(&mut expr.clone())
}

fn offence_in(expr: &mut Expr) -> Option<Offence> {
    let own = match expr {
        Expr::Identifier(name) if name.quote_style.is_some() => None,
        Expr::Identifier(name) if name.value.starts_with('@') => Some(Offence::Variable),
        // The library takes it for a name.
        Expr::Identifier(name) => {
            (name.value.eq_ignore_ascii_case("CURRENT_USER")).then(|| Offence::Function(name.value.clone()))
        }
        Expr::CompoundIdentifier(parts) => {
            parts.first().is_none_or(|p| p.value.starts_with('@')).then_some(Offence::Variable)
        }
        Expr::Value(value) => matches!(value.value, Value::Placeholder(_)).then_some(Offence::Parameter),
        Expr::Subquery(_)
        | Expr::Exists { .. }
        | Expr::InSubquery { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. } => Some(Offence::Subquery),
        Expr::Function(f) => {
            let name = f.name.0.last().and_then(|p| p.as_ident()).map_or("", |i| &i.value);
            let without_arguments = matches!(&f.args, FunctionArguments::List(list) if list.args.is_empty());
            let now = without_arguments && name.eq_ignore_ascii_case("UNIX_TIMESTAMP");
            let disallowed = now || DISALLOWED.iter().any(|d| name.eq_ignore_ascii_case(d));
            disallowed.then(|| Offence::Function(name.to_owned()))
        }
        _ => None,
    };
    own.or_else(|| parts(expr).into_iter().find_map(offence_in))
}

/// The names in an expression: of its columns, without their tables, and words.
pub(in super::super) fn names_in(expr: &Expr) -> Vec<String> {
    fn collect(expr: &mut Expr, names: &mut Vec<String>) {
        match expr {
            Expr::Identifier(name) => names.push(name.value.clone()),
            Expr::CompoundIdentifier(path) => names.extend(path.last().map(|name| name.value.clone())),
            _ => {}
        }
        parts(expr).into_iter().for_each(|part| collect(part, names));
    }
    let mut names = Vec::new();
    collect(&mut expr.clone(), &mut names);
    names
}

/// The text to keep.
pub(in super::super) fn spelled(expr: &Expr, columns: &[ColumnDef]) -> String {
    let mut expr = expr.clone();
    respell(&mut expr, columns);
    lower_case(&expr.to_string())
}

fn respell(expr: &mut Expr, columns: &[ColumnDef]) {
    match expr {
        Expr::Identifier(name) => {
            // What is no column is a word: TIMESTAMPDIFF(DAY, a, b).
            if let Some(known) = columns.iter().find(|c| c.name.eq_ignore_ascii_case(&name.value)) {
                *name = Ident::with_quote('`', &*known.name);
            }
        }
        Expr::CompoundIdentifier(names) => {
            if let Some(last) = names.pop() {
                *expr = Expr::Identifier(last);
                respell(expr, columns);
            }
        }
        Expr::Value(value) => {
            if let Some(text) = text_of(&value.value) {
                *expr = verbatim(format!("_utf8mb4{}", quoted(text)));
            }
        }
        Expr::Prefixed { prefix, value } => {
            if let Expr::Value(value) = &**value
                && let Some(text) = text_of(&value.value)
            {
                *expr = verbatim(format!("{prefix}{}", quoted(text)));
            }
        }
        Expr::Function(ast::Function { name, .. }) => {
            // Nothing but its own name in lower case: `concat`, not `CONCAT`.
            for part in &mut name.0 {
                if let ast::ObjectNamePart::Identifier(name) = part {
                    name.value = name.value.to_lowercase();
                }
            }
        }
        _ => {}
    }
    parts(expr).into_iter().for_each(|part| respell(part, columns));
    if let Expr::Function(call) = expr
        && let Some(text) = json_value::spelled(call)
    {
        *expr = verbatim(text);
    }
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(s) | Value::DoubleQuotedString(s) | Value::NationalStringLiteral(s) => {
            Some(s)
        }
        _ => None,
    }
}

/// A text between quotes, as it is written.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

/// A piece of syntax that is written as it is.
fn verbatim(text: String) -> Expr {
    Expr::Identifier(Ident::new(text))
}

/// What an expression is made of.
fn parts(expr: &mut Expr) -> Vec<&mut Expr> {
    match expr {
        Expr::Nested(inner)
        | Expr::UnaryOp { expr: inner, .. }
        | Expr::Cast { expr: inner, .. }
        | Expr::Convert { expr: inner, .. }
        | Expr::Collate { expr: inner, .. }
        | Expr::Extract { expr: inner, .. }
        | Expr::Ceil { expr: inner, .. }
        | Expr::Floor { expr: inner, .. }
        | Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner) => vec![inner],
        Expr::BinaryOp { left, right, .. }
        | Expr::Position { expr: left, r#in: right }
        | Expr::Like { expr: left, pattern: right, .. }
        | Expr::RLike { expr: left, pattern: right, .. } => vec![left, right],
        Expr::MemberOf(member) => vec![&mut *member.value, &mut *member.array],
        Expr::Between { expr, low, high, .. } => vec![expr, low, high],
        Expr::InList { expr, list, .. } => std::iter::once(&mut **expr).chain(list).collect(),
        Expr::Tuple(items) => items.iter_mut().collect(),
        Expr::Interval(interval) => vec![&mut interval.value],
        Expr::Substring { expr, substring_from, substring_for, .. } => {
            std::iter::once(expr).chain(substring_from).chain(substring_for).map(|part| &mut **part).collect()
        }
        Expr::Trim { expr, trim_what, .. } => {
            std::iter::once(expr).chain(trim_what).map(|part| &mut **part).collect()
        }
        Expr::Case { operand, conditions, else_result, .. } => {
            let branches = conditions.iter_mut().flat_map(|when| [&mut when.condition, &mut when.result]);
            let ends = operand.iter_mut().chain(else_result).map(|part| &mut **part);
            branches.chain(ends).collect()
        }
        Expr::Function(ast::Function { args: FunctionArguments::List(list), .. }) => list
            .args
            .iter_mut()
            .filter_map(|arg| match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(inner)) => Some(inner),
                _ => None,
            })
            .collect(),
        _ => vec![],
    }
}

/// Words in lower case; what stands between quotes stays.
fn lower_case(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(if quote.is_none() { c.to_ascii_lowercase() } else { c });
        match quote {
            // The next character is not what it seems.
            Some('\'') if c == '\\' => out.extend(chars.next()),
            Some(open) if c == open => quote = None,
            None if matches!(c, '\'' | '`' | '"') => quote = Some(c),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::{ColumnType, SqlType};

    use super::*;
    use crate::parse::parse_expression;

    #[test]
    fn expressions_are_kept_as_tidb_writes_them() {
        let column = |name: &str| ColumnDef::new(name, ColumnType::nullable(SqlType::BIGINT));
        let columns = [column("a"), column("First`s"), column("DAY")];
        for (written, kept) in [
            ("a+8", "`a` + 8"),
            ("(db.t.A + 1) * -a", "(`a` + 1) * -`a`"),
            ("CAST(a AS  CHAR)", "cast(`a` as char)"),
            (
                "CONCAT(`first``s`,' ', \"It's \\\\ A\")",
                "concat(`First``s`, _utf8mb4' ', _utf8mb4'It''s \\\\ A')",
            ),
            ("_UTF8'X'", "_utf8'X'"),
            (
                "CASE WHEN a IS NULL THEN 'N' ELSE a END",
                "case when `a` is null then _utf8mb4'N' else `a` end",
            ),
            ("a IN (1, 2) AND NOT a BETWEEN 3 AND 4", "`a` in (1, 2) and not `a` between 3 and 4"),
            ("TIMESTAMPDIFF(MONTH, day, a)", "timestampdiff(month, `DAY`, `a`)"),
        ] {
            let syntax = parse_expression(written).unwrap();
            assert_eq!(spelled(&syntax, &columns), kept);
            assert_eq!(spelled(&parse_expression(kept).unwrap(), &columns), kept, "written again");
        }
    }

    #[test]
    fn what_depends_on_more_than_the_row_is_noticed() {
        for (text, expected) in [
            ("a + 1", true),
            ("unix_timestamp(a)", true),
            ("a + unix_timestamp()", false),
            ("concat(a, if(a > 0, uuid(), ''))", false),
            ("case a when 1 then current_timestamp end", false),
            ("@x", false),
            ("@@version", false),
            ("`@x`", true),
            ("a in (select 1)", false),
            ("trim(leading user() from a)", false),
            ("a <> current_user", false),
            ("a <> `current_user`", true),
        ] {
            assert_eq!(is_deterministic(&parse_expression(text).unwrap()), expected, "{text}");
        }
    }
}

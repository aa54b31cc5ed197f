//! Regular expressions: REGEXP_LIKE, REGEXP_INSTR, REGEXP_SUBSTR, REGEXP_REPLACE.
//!
//! The syntax is that of the crate `regex`, whose time is bounded by the length of the text: no lookaround, no references
//! back. Letters of a match type: `c` and `i` whether case matters (the last one counts; it does if there is none), `m` that
//! `^` and `$` are at every line, `n` that a dot takes a line end, `u` that only a line feed is one.

use allod_planner::expr::Pattern;
use regex::{Captures, Regex, RegexBuilder};

use super::function::{Failure, Outcome, Prepared, ints, text};
use super::program::Node;
use super::string::{BYTES_MAX, build, char_start};
use super::value::{Column, Strings, Value};
use crate::error::{Error, Result};

/// Compiles a pattern.
pub(crate) fn compile(pattern: &str, match_type: &str) -> Result<Regex> {
    if pattern.is_empty() {
        return Err(Error::Regexp { message: "Empty pattern is invalid".into() });
    }
    let mut builder = RegexBuilder::new(pattern);
    for letter in match_type.chars() {
        match letter {
            'c' => builder.case_insensitive(false),
            'i' => builder.case_insensitive(true),
            'm' => builder.multi_line(true),
            'n' => builder.dot_matches_new_line(true),
            // Only a line feed is a line end here in any case.
            'u' => &mut builder,
            _ => return Err(Error::Regexp { message: "Invalid match type".into() }),
        };
    }
    let built = builder.size_limit(1 << 22).build();
    built.map_err(|e| Error::Regexp { message: e.to_string().replace('\n', " ") })
}

/// Which argument the match type is.
pub(crate) fn match_type_at(pattern: Pattern) -> usize {
    match pattern {
        Pattern::Like => 2,
        Pattern::Instr | Pattern::Replace => 5,
        Pattern::Substr => 4,
    }
}

/// Regular expressions of rows: one that was made ready, or the last one used.
struct Expressions<'a> {
    ready: Option<&'a Regex>,
    patterns: Strings,
    match_types: Option<Strings>,
    last: Option<(String, String, Regex)>,
}

impl Expressions<'_> {
    /// That of a row; `None` if its pattern or match type is NULL.
    fn at(&mut self, row: usize) -> Result<Option<&Regex>> {
        if let Some(ready) = self.ready {
            return Ok(Some(ready));
        }
        let Some(pattern) = self.patterns.get(row) else { return Ok(None) };
        let match_type = match &self.match_types {
            None => "",
            Some(types) => match types.get(row) {
                Some(match_type) => match_type,
                None => return Ok(None),
            },
        };
        if !self.last.as_ref().is_some_and(|(p, m, _)| p == pattern && m == match_type) {
            let regex = compile(pattern, match_type)?;
            self.last = Some((pattern.to_owned(), match_type.to_owned(), regex));
        }
        Ok(self.last.as_ref().map(|(_, _, regex)| regex))
    }
}

/// Evaluates a function of regular expressions.
pub(crate) fn apply(pattern: Pattern, node: &Node, args: &[Value], rows: usize) -> Outcome {
    let s = text(&args[0], rows)?;
    let mut expressions = Expressions {
        ready: match &node.prepared {
            Prepared::Regexp(regex) => Some(regex),
            _ => None,
        },
        patterns: text(&args[1], rows)?,
        match_types: args.get(match_type_at(pattern)).map(|v| text(v, rows)).transpose()?,
        last: None,
    };
    let number = |at: usize, default| args.get(at).map_or(Column::one(default), |v| ints(v, rows));
    match pattern {
        Pattern::Like => {
            let mut out = Vec::with_capacity(rows);
            for row in 0..rows {
                out.push(match (s.get(row), expressions.at(row)?) {
                    (Some(s), Some(regex)) => Some(i64::from(regex.is_match(s))),
                    _ => None,
                });
            }
            Ok(Value::Int(Column::from_options(out.into_iter())))
        }
        Pattern::Instr => {
            let (position, occurrence, what) = (number(2, 1), number(3, 1), number(4, 0));
            let mut out = Vec::with_capacity(rows);
            for row in 0..rows {
                let (Some(s), Some(regex), Some(position), Some(occurrence), Some(what)) =
                    (s.get(row), expressions.at(row)?, position.get(row), occurrence.get(row), what.get(row))
                else {
                    out.push(None);
                    continue;
                };
                if !(0..=1).contains(&what) {
                    return Err(Failure::Other(Error::RegexpArgument));
                }
                let start = start(s, position)?;
                let found = regex.find_iter(&s[start..]).nth(nth(occurrence));
                out.push(Some(found.map_or(0, |found| {
                    let at = start + if what == 1 { found.end() } else { found.start() };
                    s[..at].chars().count() as i64 + 1
                })));
            }
            Ok(Value::Int(Column::from_options(out.into_iter())))
        }
        Pattern::Substr => {
            let (position, occurrence) = (number(2, 1), number(3, 1));
            texts(rows, |row, out| {
                let (Some(s), Some(regex), Some(position), Some(occurrence)) =
                    (s.get(row), expressions.at(row)?, position.get(row), occurrence.get(row))
                else {
                    return Ok(None);
                };
                let rest = &s[start(s, position)?..];
                Ok(regex.find_iter(rest).nth(nth(occurrence)).map(|found| out.push_str(found.as_str())))
            })
        }
        Pattern::Replace => {
            let replacements = text(&args[2], rows)?;
            let (position, occurrence) = (number(3, 1), number(4, 0));
            texts(rows, |row, out| {
                let (Some(s), Some(regex), Some(with), Some(position), Some(occurrence)) = (
                    s.get(row),
                    expressions.at(row)?,
                    replacements.get(row),
                    position.get(row),
                    occurrence.get(row),
                ) else {
                    return Ok(None);
                };
                let start = start(s, position)?;
                out.push_str(&s[..start]);
                Ok(replace(regex, &s[start..], with, occurrence, out))
            })
        }
    }
}

/// Strings that may fail.
fn texts(rows: usize, mut write: impl FnMut(usize, &mut String) -> Result<Option<()>>) -> Outcome {
    let mut failed = None;
    let out = build(rows, |row, out| match write(row, out) {
        Ok(written) => written,
        Err(e) => {
            failed.get_or_insert(e);
            None
        }
    });
    failed.map_or(Ok(out), |e| Err(Failure::Other(e)))
}

/// The byte where a search from a character's position, counted from 1, begins.
fn start(s: &str, position: i64) -> Result<usize> {
    let skip = usize::try_from(position).ok().and_then(|p| p.checked_sub(1)).ok_or(Error::RegexpIndex)?;
    // One behind the end finds nothing; of no text there is only the beginning.
    if skip > 0 && skip > s.chars().count() {
        return Err(Error::RegexpIndex);
    }
    Ok(char_start(s, skip))
}

/// An occurrence, counted from 1; what is less counts as the first.
fn nth(occurrence: i64) -> usize {
    usize::try_from(occurrence.max(1) - 1).unwrap_or(usize::MAX)
}

/// Replaces one occurrence, or all if it is 0. None if the result would be too long.
fn replace(regex: &Regex, s: &str, with: &str, occurrence: i64, out: &mut String) -> Option<()> {
    let mut copied = 0;
    for (at, found) in regex.captures_iter(s).enumerate() {
        if occurrence > 0 && at != nth(occurrence) {
            continue;
        }
        let whole = found.get(0)?;
        out.push_str(&s[copied..whole.start()]);
        expand(&found, with, out);
        copied = whole.end();
        if out.len() > BYTES_MAX {
            return None;
        }
        if occurrence > 0 {
            break;
        }
    }
    out.push_str(&s[copied..]);
    Some(())
}

/// The replacement: `$1` (as in MySQL) and `\1` (as in TiDB) are groups, a backslash makes any other character itself.
fn expand(found: &Captures<'_>, with: &str, out: &mut String) {
    let mut chars = with.chars().peekable();
    while let Some(c) = chars.next() {
        let digit = |c: Option<&char>| c.and_then(|c| c.to_digit(10)).map(|d| d as usize);
        match (c, digit(chars.peek())) {
            ('$' | '\\', Some(group)) => {
                chars.next();
                out.push_str(found.get(group).map_or("", |m| m.as_str()));
            }
            ('\\', None) => out.extend(chars.next()),
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use allod_planner::expr::Function;
    use allod_storage::schema::SqlType;

    use super::super::tests::{TEXT, check};
    use super::*;

    /// By MySQL's manual.
    #[test]
    fn searches() {
        for (pattern, args, want) in [
            (Pattern::Like, &["'Michael!'", "'.*'"][..], "1"),
            (Pattern::Like, &["'abc'", "'ABC'"], "0"),
            (Pattern::Like, &["'abc'", "'ABC'", "'i'"], "1"),
            (Pattern::Like, &["'abc'", "'ABC'", "'ic'"], "0"),
            (Pattern::Like, &["NULL", "'a'"], "NULL"),
            (Pattern::Instr, &["'dog cat dog'", "'dog'"], "1"),
            (Pattern::Instr, &["'dog cat dog'", "'dog'", "2"], "9"),
            (Pattern::Instr, &["'aa aaa aaaa'", "'a{2}'"], "1"),
            (Pattern::Instr, &["'aa aaa aaaa'", "'a{4}'"], "8"),
            (Pattern::Instr, &["'äöü'", "'ö'", "1", "1", "1"], "3"),
            (Pattern::Instr, &["'abc'", "'b'", "1", "2"], "0"),
        ] {
            check(Function::Pattern(pattern), args, SqlType::BIGINT, want);
        }
        for (pattern, args, want) in [
            (Pattern::Substr, &["'abc def ghi'", "'[a-z]+'"][..], "abc"),
            (Pattern::Substr, &["'abc def ghi'", "'[a-z]+'", "1", "3"], "ghi"),
            (Pattern::Substr, &["'abc'", "'x'"], "NULL"),
            (Pattern::Replace, &["'a b c'", "'b'", "'X'"], "a X c"),
            (Pattern::Replace, &["'abc def ghi'", "'[a-z]+'", "'X'", "1", "3"], "abc def X"),
            (Pattern::Replace, &["'abc def ghi'", "'[a-z]+'", "'X'", "5"], "abc X X"),
            (Pattern::Replace, &["'john smith'", "'(.*) (.*)'", "'$2 \\1'"], "smith john"),
            (Pattern::Replace, &["'abc'", "'b'", "'\\$1'"], "a$1c"),
            (Pattern::Replace, &["'abc'", "NULL", "'x'"], "NULL"),
        ] {
            check(Function::Pattern(pattern), args, TEXT, want);
        }
    }

    #[test]
    fn bad_arguments_are_errors() {
        assert!(matches!(compile("", ""), Err(Error::Regexp { .. })));
        assert!(matches!(compile("(", ""), Err(Error::Regexp { .. })));
        assert!(matches!(compile("a", "x"), Err(Error::Regexp { .. })));
        for position in [0, -1, 5, i64::MAX, i64::MIN] {
            assert!(matches!(start("abc", position), Err(Error::RegexpIndex)), "{position}");
        }
        assert_eq!(start("äbc", 2).ok(), Some(2));
        assert_eq!(start("abc", 4).ok(), Some(3));
        assert_eq!(start("", 1).ok(), Some(0));
    }
}

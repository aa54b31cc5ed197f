//! Colours for the line that is being typed.

use std::borrow::Cow;

use super::keywords::is_keyword;

const KEYWORD: &str = "\x1b[1;34m";
const STRING: &str = "\x1b[32m";
const NUMBER: &str = "\x1b[36m";
const COMMENT: &str = "\x1b[90m";
const RESET: &str = "\x1b[0m";

/// The line with keywords, strings, numbers and comments coloured. Removing the escape codes gives the line back.
pub(super) fn highlight(line: &str) -> Cow<'_, str> {
    if line.trim_start().starts_with('\\') {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len() * 2);
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let (length, colour) = token(rest, first);
        let (text, tail) = rest.split_at(length);
        match colour {
            Some(colour) => out.extend([colour, text, RESET]),
            None => out.push_str(text),
        }
        rest = tail;
    }
    Cow::Owned(out)
}

/// Length in bytes of the token that `rest` begins with, and its colour.
fn token(rest: &str, first: char) -> (usize, Option<&'static str>) {
    let until = |stop: &dyn Fn(char) -> bool| rest.find(stop).unwrap_or(rest.len());
    if rest.starts_with("-- ") || first == '#' {
        return (until(&|c| c == '\n'), Some(COMMENT));
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |end| end + 2), Some(COMMENT));
    }
    match first {
        '\'' | '"' => {
            let mut escaped = false;
            for (i, c) in rest.char_indices().skip(1) {
                match c {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    c if c == first => return (i + 1, Some(STRING)),
                    _ => {}
                }
            }
            (rest.len(), Some(STRING))
        }
        c if c.is_ascii_digit() => (until(&|c| !(c.is_ascii_alphanumeric() || c == '.')), Some(NUMBER)),
        c if c.is_alphabetic() || c == '_' => {
            let end = until(&|c| !(c.is_alphanumeric() || c == '_' || c == '$'));
            (end, is_keyword(&rest[..end]).then_some(KEYWORD))
        }
        c => (c.len_utf8(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_add_nothing_but_escape_codes() {
        for line in ["SELECT 'a\\'b', 12.5 FROM t -- x", "select \"ünï\" /* y", "'open", "a.b_c$d = #z"] {
            let mut plain = highlight(line).into_owned();
            for code in [KEYWORD, STRING, NUMBER, COMMENT, RESET] {
                plain = plain.replace(code, "");
            }
            assert_eq!(plain, line);
        }
    }

    #[test]
    fn keywords_and_strings_are_told_apart() {
        assert_eq!(highlight("select x"), format!("{KEYWORD}select{RESET} x"));
        assert_eq!(highlight("'select'"), format!("{STRING}'select'{RESET}"));
    }
}

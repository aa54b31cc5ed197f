//! Where one statement ends and the next begins, while the user is still typing.
//!
//! A statement ends at a `;` or a `\G` outside quotes and comments. This is the only thing that the REPL must know of SQL
//! before it hands the text on; whether it is SQL at all, the parser says.

/// How a statement was ended, which is how its result is to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Terminator {
    /// `;`
    Semicolon,
    /// `\G`: show the result vertically.
    Vertical,
    /// Nothing: the end of the text.
    End,
}

/// One statement of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece<'a> {
    /// Without its terminator and the blanks around it.
    pub text: &'a str,
    /// Line of the whole text on which `text` begins, from 0.
    pub line: u32,
    /// Characters before `text` on that line.
    pub column: u32,
    /// How it ends.
    pub terminator: Terminator,
}

/// Cuts a text into statements; pieces of nothing but blanks and comments are left out.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut start = 0;
    // Where `start` is, kept up to date so that a long script is walked once.
    let (mut line, mut line_start) = (0u32, 0usize);
    loop {
        let (end, next, terminator) = end_of_statement(text, start);
        let blank = &text[start..end];
        let begin = start + blank.len() - blank.trim_start().len();
        let piece = text[begin..end].trim_end();
        let mut advance = |to: usize| {
            for (i, _) in text[start.min(to)..to].match_indices('\n') {
                line += 1;
                line_start = start + i + 1;
            }
            start = to;
        };
        advance(begin);
        if !only_comments(piece) {
            let column = text[line_start..begin].chars().count() as u32;
            out.push(Piece { text: piece, line, column, terminator });
        }
        if terminator == Terminator::End {
            return out;
        }
        for (i, _) in text[start..next].match_indices('\n') {
            line += 1;
            line_start = start + i + 1;
        }
        start = next;
    }
}

/// Whether nothing more needs to be typed: the text is blank or its last statement is ended.
pub(crate) fn is_complete(text: &str) -> bool {
    pieces(text).last().is_none_or(|last| last.terminator != Terminator::End)
}

/// Where the statement that begins at `start` ends, where the next begins, and what lies between.
fn end_of_statement(text: &str, start: usize) -> (usize, usize, Terminator) {
    let bytes = text.as_bytes();
    let mut i = start;
    while i < bytes.len() {
        match bytes[i] {
            b';' => return (i, i + 1, Terminator::Semicolon),
            b'\\' if bytes.get(i + 1) == Some(&b'G') => return (i, i + 2, Terminator::Vertical),
            quote @ (b'\'' | b'"' | b'`') => i = end_of_quoted(bytes, i, quote),
            _ => match comment(bytes, i) {
                Some(end) => i = end,
                None => i += 1,
            },
        }
    }
    (text.len(), text.len(), Terminator::End)
}

/// The byte behind the quoted text that begins at `start`; a doubled quote and (but for names) a backslash escape.
fn end_of_quoted(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut i = start + 1;
    while i < bytes.len() {
        if bytes[i] == b'\\' && quote != b'`' {
            i += 2;
        } else if bytes[i] == quote {
            if bytes.get(i + 1) != Some(&quote) {
                return i + 1;
            }
            i += 2;
        } else {
            i += 1;
        }
    }
    bytes.len()
}

/// The byte behind the comment that begins at `i`, if one does.
fn comment(bytes: &[u8], i: usize) -> Option<usize> {
    let to_line_end = || bytes[i..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| i + n);
    match (bytes[i], bytes.get(i + 1)) {
        (b'#', _) => Some(to_line_end()),
        (b'-', Some(b'-')) if bytes.get(i + 2).is_none_or(u8::is_ascii_whitespace) => Some(to_line_end()),
        (b'/', Some(b'*')) => {
            let body = &bytes[i + 2..];
            Some(body.windows(2).position(|w| w == b"*/").map_or(bytes.len(), |n| i + n + 4))
        }
        _ => None,
    }
}

/// Whether there is nothing to run. `/*! … */` is not a comment to MySQL.
fn only_comments(piece: &str) -> bool {
    let bytes = piece.as_bytes();
    let mut i = 0;
    while i < bytes.len() {
        if bytes[i].is_ascii_whitespace() {
            i += 1;
        } else if bytes[i..].starts_with(b"/*!") {
            return false;
        } else {
            match comment(bytes, i) {
                Some(end) => i = end,
                None => return false,
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<(&str, Terminator)> {
        pieces(text).into_iter().map(|p| (p.text, p.terminator)).collect()
    }

    #[test]
    fn quotes_and_comments_hide_semicolons() {
        use Terminator::*;
        assert_eq!(texts("a; b"), [("a", Semicolon), ("b", End)]);
        assert_eq!(texts("select ';' , \"x\\\";\" ;"), [("select ';' , \"x\\\";\"", Semicolon)]);
        assert_eq!(
            texts("select 'it''s;' \\G select 2;"),
            [("select 'it''s;'", Vertical), ("select 2", Semicolon)]
        );
        assert_eq!(texts("a -- x;\n;"), [("a -- x;", Semicolon)]);
        assert_eq!(texts("a /* ; */ b; # c;"), [("a /* ; */ b", Semicolon)]);
        assert_eq!(texts("`a;``b`;"), [("`a;``b`", Semicolon)]);
        assert_eq!(texts(" ;; -- nothing\n"), []);
        assert_eq!(texts("5--1;"), [("5--1", Semicolon)]);
    }

    #[test]
    fn places_count_from_the_whole_text() {
        let found = pieces("select 1;\n  select 2;\n\nselect\n3; select 4");
        let places: Vec<(u32, u32)> = found.iter().map(|p| (p.line, p.column)).collect();
        assert_eq!(places, [(0, 0), (1, 2), (3, 0), (4, 3)]);
    }

    #[test]
    fn completeness() {
        assert!(is_complete("select 1;"));
        assert!(is_complete("  -- just a comment"));
        assert!(!is_complete("select 1"));
        assert!(!is_complete("select 'a;"));
        assert!(is_complete("select 1\\G"));
    }

    #[test]
    fn garbage_never_panics() {
        for text in ["'", "\\", "'\\", "/*", "/", "--", "é;'é", "`", "\"\\"] {
            pieces(text);
        }
    }
}

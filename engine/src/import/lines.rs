//! Texts of rows, as LOAD DATA describes them: what ends a field and a line, what quotes, what escapes.
//!
//! Text comes in pieces that are cut anywhere. What is not yet a whole row is kept until more comes; nothing is read twice but
//! the row that was cut, and that only when twice as much of it has come: a file without an end of a line is read a few times.

use allod_planner::bind::{LoadField, LoadFormat};

/// Cuts a text into rows.
pub(crate) struct Lines {
    format: LoadFormat,
    pending: Vec<u8>,
    /// It is worth no look before so much is there.
    awaited: usize,
    /// Lines at the beginning that are still to be left out.
    skip: u64,
}

/// Where a look at what has come ended.
enum Look {
    /// A row, and the bytes that it took.
    Row(Vec<LoadField>, usize),
    /// A line that is none, of so many bytes.
    NoRow(usize),
    /// It is not all there.
    Cut,
}

impl Lines {
    /// In this format.
    pub fn new(format: LoadFormat) -> Lines {
        let skip = format.ignore_lines;
        Lines { format, pending: Vec::new(), awaited: 0, skip }
    }

    /// Takes more text, and gives each row that is whole to `each`. `end` = no more comes, and what is left is a row.
    pub fn feed<E>(
        &mut self,
        text: &[u8],
        end: bool,
        mut each: impl FnMut(Vec<LoadField>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.pending.extend_from_slice(text);
        if self.pending.len() < self.awaited && !end {
            return Ok(());
        }
        let mut at = 0;
        while at < self.pending.len() {
            if self.skip > 0 {
                let Some(taken) = self.line(&self.pending[at..], end) else { break };
                self.skip -= 1;
                at += taken;
                continue;
            }
            match self.look(&self.pending[at..], end) {
                Look::Cut => break,
                Look::NoRow(taken) => at += taken,
                Look::Row(fields, taken) => {
                    at += taken;
                    each(fields)?;
                }
            }
        }
        self.pending.drain(..at);
        self.awaited = self.pending.len() * 2;
        Ok(())
    }

    /// Bytes that are kept until more comes.
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// The bytes of a line that is left out: it is not read, and ends wherever the end of a line stands. `None` = it is not all
    /// there.
    fn line(&self, text: &[u8], end: bool) -> Option<usize> {
        let line_end = self.format.lines_terminated.as_bytes();
        // Where nothing ends lines, all is one.
        let found = if line_end.is_empty() { None } else { find(text, line_end) };
        found.map(|found| found + line_end.len()).or(end.then_some(text.len()))
    }

    fn look(&self, text: &[u8], end: bool) -> Look {
        let format = &self.format;
        let (field_end, line_end) = (format.fields_terminated.as_bytes(), format.lines_terminated.as_bytes());
        let mut at = 0;
        if !format.lines_starting.is_empty() {
            let start = format.lines_starting.as_bytes();
            match find(text, start) {
                Some(found) => at = found + start.len(),
                None if end => return Look::NoRow(text.len()),
                None => return Look::Cut,
            }
        }
        let mut fields = Vec::new();
        loop {
            let Some((field, next)) = self.field(text, at, end) else { return Look::Cut };
            fields.push(field);
            if text[next..].starts_with(line_end) {
                return Look::Row(fields, next + line_end.len());
            }
            if !text[next..].starts_with(field_end) || next == text.len() {
                // The end of all.
                return Look::Row(fields, text.len());
            }
            at = next + field_end.len();
        }
    }

    /// The field that begins here, and where its end is; `None` if that has not come.
    fn field(&self, text: &[u8], start: usize, end: bool) -> Option<(LoadField, usize)> {
        let format = &self.format;
        let quote = format.enclosed.filter(|&quote| text.get(start) == Some(&quote));
        let mut at = start + usize::from(quote.is_some());
        let mut field = Vec::new();
        let mut null = false;
        loop {
            let Some(&byte) = text.get(at) else {
                return end.then(|| (self.finish(field, null, quote.is_some()), at));
            };
            if format.escaped == Some(byte) && format.escaped != quote {
                let Some(&next) = text.get(at + 1) else {
                    if !end {
                        return None;
                    }
                    field.push(byte);
                    at += 1;
                    continue;
                };
                null = next == b'N' && field.is_empty() && quote.is_none();
                field.push(unescaped(next));
                at += 2;
                continue;
            }
            match quote {
                Some(quote) if byte == quote => match text.get(at + 1) {
                    Some(&next) if next == quote => {
                        field.push(quote);
                        at += 2;
                    }
                    _ if self.ends(text, at + 1, end)? => {
                        return Some((self.finish(field, false, true), at + 1));
                    }
                    _ => {
                        field.push(byte);
                        at += 1;
                    }
                },
                None if self.ends(text, at, end)? => {
                    return Some((self.finish(field, null, false), at));
                }
                Some(_) | None => {
                    null = false;
                    field.push(byte);
                    at += 1;
                }
            }
        }
    }

    /// Whether a field ends here; `None` if that cannot be said yet.
    fn ends(&self, text: &[u8], at: usize, end: bool) -> Option<bool> {
        let rest = &text[at..];
        let marks = [self.format.lines_terminated.as_bytes(), self.format.fields_terminated.as_bytes()];
        if marks.iter().any(|mark| rest.starts_with(mark)) || end && rest.is_empty() {
            return Some(true);
        }
        let cut = !end && marks.iter().any(|mark| rest.len() < mark.len() && mark.starts_with(rest));
        if cut { None } else { Some(false) }
    }

    fn finish(&self, field: Vec<u8>, null: bool, quoted: bool) -> LoadField {
        // Where fields may be quoted, the bare word is NULL.
        let word = !quoted && self.format.enclosed.is_some() && field == b"NULL";
        if null || word { None } else { Some(field) }
    }
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'0' => 0,
        b'b' => 8,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'Z' => 26,
        other => other,
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of a text however it is cut in two; a NULL is `∅`.
    fn rows(format: &LoadFormat, text: &str) -> Vec<Vec<String>> {
        let whole = cut(format, text.as_bytes(), text.len());
        for at in 0..text.len() {
            assert_eq!(cut(format, text.as_bytes(), at), whole, "cut at {at}");
        }
        whole
    }

    fn cut(format: &LoadFormat, text: &[u8], at: usize) -> Vec<Vec<String>> {
        let mut lines = Lines::new(format.clone());
        let mut rows = Vec::new();
        for (piece, end) in [(&text[..at], false), (&text[at..], true)] {
            let field = |f: LoadField| f.map_or("∅".into(), |f| String::from_utf8_lossy(&f).into_owned());
            let each = |row: Vec<LoadField>| {
                rows.push(row.into_iter().map(field).collect::<Vec<_>>());
                Ok::<(), ()>(())
            };
            lines.feed(piece, end, each).unwrap();
        }
        rows
    }

    #[test]
    fn the_default_is_tabs_and_backslashes() {
        let format = LoadFormat::default();
        assert_eq!(
            rows(&format, "1\ta\n2\t\\N\n3\tx\\ty\\\\\\\nz"),
            [vec!["1", "a"], vec!["2", "∅"], vec!["3", "x\ty\\\nz"]]
        );
        assert_eq!(rows(&format, "1\t\n\t2\n"), [vec!["1", ""], vec!["", "2"]]);
        assert_eq!(rows(&format, "NULL\t\\Nx\n"), [vec!["NULL", "Nx"]]);
        assert!(rows(&format, "").is_empty());
    }

    #[test]
    fn comma_separated_values() {
        let format = LoadFormat {
            fields_terminated: ",".into(),
            enclosed: Some(b'"'),
            lines_terminated: "\r\n".into(),
            ignore_lines: 1,
            ..LoadFormat::default()
        };
        let text = "a,b\r\n\"x,\"\"y\"\"\",NULL\r\n\"NULL\",\"two\r\nlines\"\r\nplain\"x,\"a\"b\"";
        let want = [vec!["x,\"y\"", "∅"], vec!["NULL", "two\r\nlines"], vec!["plain\"x", "a\"b"]];
        assert_eq!(rows(&format, text), want);
    }

    #[test]
    fn lines_that_do_not_start_as_they_should_are_left_out() {
        let format = LoadFormat { lines_starting: "> ".into(), ..LoadFormat::default() };
        assert_eq!(rows(&format, "noise> 1\t2\n> 3\t4\nnoise"), [vec!["1", "2"], vec!["3", "4"]]);
    }

    // As MariaDB 10.11 takes them.
    #[test]
    fn lines_that_are_ignored_are_not_read() {
        let format = LoadFormat {
            fields_terminated: ",".into(),
            enclosed: Some(b'"'),
            lines_starting: ">>".into(),
            ignore_lines: 2,
            ..LoadFormat::default()
        };
        assert_eq!(rows(&format, ">>a,\"b\njunk\\\n>>1,2\n"), [["1", "2"]]);
        assert!(rows(&format, "one\ntwo").is_empty());
    }

    #[test]
    fn a_row_that_comes_in_small_pieces_is_whole_in_the_end() {
        let mut lines = Lines::new(LoadFormat::default());
        let mut rows = Vec::new();
        let text = format!("1\t{}\n2\tb\n", "a".repeat(10_000));
        let mut each = |row: Vec<LoadField>| {
            rows.push(row.into_iter().map(|field| field.map_or(0, |f| f.len())).collect::<Vec<_>>());
            Ok::<(), ()>(())
        };
        for piece in text.as_bytes().chunks(7) {
            lines.feed(piece, false, &mut each).unwrap();
        }
        lines.feed(&[], true, &mut each).unwrap();
        assert_eq!(lines.pending_bytes(), 0);
        assert_eq!(rows, [vec![1, 10_000], vec![1, 1]]);
    }
}

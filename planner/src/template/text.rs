//! Texts that differ in literals only.
//!
//! A quick pass over the bytes of a text, without a parser: it takes whole numbers and plain strings out of WHERE, out of
//! what UPDATE sets and INSERT is given, and puts `?` there. What it does not take stays in the text, and so tells two texts
//! apart: literals in a list of columns (they name result columns), in ORDER BY, GROUP BY, LIMIT and hints, fractions, and
//! whatever has a word or an operator of arithmetic before it (`DATE '…'`, `_utf8'…'`, `LIKE '…'`, `k + 1`).
//!
//! It need not understand what it sees: whoever uses the result proves that it is the same statement ([`Template::of`]).
//!
//! [`Template::of`]: super::Template::of

use allod_storage::schema::Datum;

/// Longer texts are taken as they are.
const TEXT_BYTES_MAX: usize = 16 << 10;
/// Texts with more literals are.
const LITERALS_MAX: usize = 256;

/// A text with parameters, and its values for them.
#[derive(Clone, Debug, PartialEq)]
pub struct Generalized {
    /// The text with `?` in place of literals.
    pub text: String,
    /// The literals.
    pub params: Vec<Datum>,
}

/// The general text of a statement; `None` if it has no literals that may be taken out.
pub fn generalized(sql: &str) -> Option<Generalized> {
    if sql.len() > TEXT_BYTES_MAX {
        return None;
    }
    let bytes = sql.as_bytes();
    let first = word(bytes, 0);
    let verb = [Verb::Select, Verb::Update, Verb::Delete, Verb::Insert, Verb::Replace]
        .into_iter()
        .find(|verb| first.eq_ignore_ascii_case(verb.word()))?;
    let mut pass = Pass {
        sql,
        bytes,
        at: first.len(),
        copied: 0,
        out: String::with_capacity(sql.len()),
        params: vec![],
    };
    pass.run(verb)?;
    if pass.params.is_empty() {
        return None;
    }
    pass.out.push_str(&sql[pass.copied..]);
    Some(Generalized { text: pass.out, params: pass.params })
}

/// What a statement begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    Select,
    Update,
    Delete,
    Insert,
    Replace,
}

impl Verb {
    fn word(self) -> &'static [u8] {
        match self {
            Verb::Select => b"select",
            Verb::Update => b"update",
            Verb::Delete => b"delete",
            Verb::Insert => b"insert",
            Verb::Replace => b"replace",
        }
    }

    /// Whether literals are values behind this word.
    fn opens(self, word: &[u8]) -> bool {
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        match self {
            Verb::Select | Verb::Delete => is("where"),
            Verb::Update => is("where") || is("set"),
            Verb::Insert | Verb::Replace => is("values") || is("value") || is("set"),
        }
    }
}

/// Behind these words no more literals are taken.
const CLOSING: [&str; 14] = [
    "group",
    "order",
    "having",
    "limit",
    "for",
    "on",
    "as",
    "union",
    "window",
    "into",
    "lock",
    "procedure",
    "except",
    "intersect",
];

struct Pass<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Up to where the text has been copied.
    copied: usize,
    out: String,
    params: Vec<Datum>,
}

impl Pass<'_> {
    fn run(&mut self, verb: Verb) -> Option<()> {
        // Whether literals are taken; whether one may stand here.
        let (mut open, mut closed, mut operand) = (false, false, false);
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | 0x80.. => {
                    let word = word(self.bytes, self.at);
                    self.at += word.len();
                    let is = |known: &&str| word.eq_ignore_ascii_case(known.as_bytes());
                    if is(&"select") {
                        return None;
                    }
                    closed |= open && CLOSING.iter().any(is);
                    open = !closed && (open || verb.opens(word));
                    operand = is(&"between") || is(&"and");
                    continue;
                }
                b'0'..=b'9' => self.number(open && operand, false)?,
                b'-' if self.bytes.get(self.at + 1) == Some(&b'-') => return None,
                b'-' if open && operand && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit) => {
                    self.at += 1;
                    self.number(true, true)?;
                }
                b'\'' | b'"' => self.string(byte, open && operand)?,
                b'`' => {
                    let end = self.bytes[self.at + 1..].iter().position(|b| *b == b'`')?;
                    self.at += end + 2;
                }
                b'/' if self.bytes.get(self.at + 1) == Some(&b'*') => {
                    let end = self.bytes[self.at + 2..].windows(2).position(|w| w == b"*/")?;
                    self.at += end + 4;
                    continue;
                }
                b'#' | b'?' | b';' | b'@' | b'\\' => return None,
                b'.' => {
                    // `t.1a` is a name and `.5` is a fraction.
                    self.at += 1;
                    self.at += word(self.bytes, self.at).len();
                }
                b'=' | b'<' | b'>' | b'(' | b',' => {
                    self.at += 1;
                    operand = true;
                    continue;
                }
                _ => self.at += 1,
            }
            operand = false;
        }
        Some(())
    }

    /// A number begins here, behind its sign.
    fn number(&mut self, take: bool, negative: bool) -> Option<()> {
        let start = self.at;
        let digits = self.bytes[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += digits;
        let whole = !matches!(
            self.bytes.get(self.at),
            Some(b'.' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'@' | 0x80..)
        );
        match self.sql[start..self.at].parse::<i64>() {
            Ok(value) if take && whole => {
                let from = if negative { start - 1 } else { start };
                self.take(from, Datum::Int(if negative { -value } else { value }))
            }
            _ => {
                while self.bytes.get(self.at).is_some_and(|b| is_word(*b) || *b == b'.') {
                    self.at += 1;
                }
                Some(())
            }
        }
    }

    /// A string begins here.
    fn string(&mut self, quote: u8, take: bool) -> Option<()> {
        let start = self.at;
        let mut text = String::new();
        let mut from = start + 1;
        self.at = from;
        loop {
            match *self.bytes.get(self.at)? {
                b'\\' => {
                    text.push_str(&self.sql[from..self.at]);
                    text.push(escaped(*self.bytes.get(self.at + 1)?)?);
                    self.at += 2;
                    from = self.at;
                }
                byte if byte == quote => {
                    text.push_str(&self.sql[from..self.at]);
                    self.at += 1;
                    if self.bytes.get(self.at) != Some(&quote) {
                        break;
                    }
                    // Two of them stand for one.
                    from = self.at;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        // Strings one after another are one string.
        let next = self.bytes[self.at..].iter().find(|b| !b.is_ascii_whitespace());
        if matches!(next, Some(b'\'' | b'"')) {
            return None;
        }
        if take { self.take(start, Datum::string(text)) } else { Some(()) }
    }

    /// What began at `from` and ends here becomes a parameter.
    fn take(&mut self, from: usize, value: Datum) -> Option<()> {
        self.out.push_str(&self.sql[self.copied..from]);
        self.out.push('?');
        self.copied = self.at;
        self.params.push(value);
        (self.params.len() <= LITERALS_MAX).then_some(())
    }
}

/// What a character behind a backslash stands for; `None` if that depends.
fn escaped(byte: u8) -> Option<char> {
    Some(match byte {
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'0' => '\0',
        b'b' => '\u{8}',
        b'Z' => '\u{1a}',
        b'\\' | b'\'' | b'"' => char::from(byte),
        _ => return None,
    })
}

fn is_word(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | 0x80..)
}

/// The word at a place; empty if there is none.
fn word(bytes: &[u8], at: usize) -> &[u8] {
    let rest = &bytes[at.min(bytes.len())..];
    &rest[..rest.iter().take_while(|b| is_word(**b)).count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn general(sql: &str) -> Option<(String, Vec<Datum>)> {
        generalized(sql).map(|g| (g.text, g.params))
    }

    #[test]
    fn values_are_taken_out_and_nothing_else() {
        let int = Datum::Int;
        let text = Datum::string;
        for (sql, want, params) in [
            ("select 1 from t where id = 4711", "select 1 from t where id = ?", vec![int(4711)]),
            (
                "SELECT a FROM t1 WHERE id=-5 AND b='x'",
                "SELECT a FROM t1 WHERE id=? AND b=?",
                vec![int(-5), text("x")],
            ),
            (
                "select * from t where a between 1 and 2 and b in (3, 4) order by 1 limit 5",
                "select * from t where a between ? and ? and b in (?, ?) order by 1 limit 5",
                vec![int(1), int(2), int(3), int(4)],
            ),
            (
                "select `a 'b` from t where x.`1` = 1.5 and y = 1e3 and z>=7",
                "select `a 'b` from t where x.`1` = 1.5 and y = 1e3 and z>=?",
                vec![int(7)],
            ),
            (
                "update t set k=k+1, c='it''s' where t.id = 7",
                "update t set k=k+1, c=? where t.id = ?",
                vec![text("it's"), int(7)],
            ),
            ("delete from t where c=\"a\\n\\\"\" ", "delete from t where c=? ", vec![text("a\n\"")]),
            (
                "insert into t (a, b) values (1, 'é'), (-2, null)",
                "insert into t (a, b) values (?, ?), (?, null)",
                vec![int(1), text("é"), int(-2)],
            ),
            (
                "select * from t where d = date '2020-01-01' and e = x'61' and f = _utf8'a' and g like 'a%' and h = 1",
                "select * from t where d = date '2020-01-01' and e = x'61' and f = _utf8'a' and g like 'a%' and h = ?",
                vec![int(1)],
            ),
            (
                "select /*+ hint(t, 1) */ a from t where b = /* 2 */ 3",
                "select /*+ hint(t, 1) */ a from t where b = /* 2 */ ?",
                vec![int(3)],
            ),
            (
                "select a from t where b = 9223372036854775808 and c = 1",
                "select a from t where b = 9223372036854775808 and c = ?",
                vec![int(1)],
            ),
            (
                "select a from t where b = 5+3 and c = 3 - 2",
                "select a from t where b = ?+3 and c = ? - 2",
                vec![int(5), int(3)],
            ),
        ] {
            assert_eq!(general(sql), Some((want.to_string(), params)), "{sql}");
        }
    }

    #[test]
    fn other_texts_stay_as_they_are() {
        for sql in [
            "",
            "select 1",
            "select a from t",
            "select a from t where b = c",
            "select a from t where b = 'x' 'y'",
            "select a from t where b = ? and c = 1",
            "select a from t where b = @x and c = 1",
            "select a from t where b = 1 -- 2",
            "select a from t where b = 1 # 2",
            "select a from t where b = 'x",
            "select a from t where b = '\\%'",
            "select a from t where b in (select 1)",
            "select a from t where b = 1; select 2",
            "set @x = 1",
            "select a from t limit 1",
        ] {
            assert_eq!(general(sql), None, "{sql}");
        }
    }
}

//! Paths: `$.a[0]."b c"[last-1][1 to 3].*[*]**.d`.
//!
//! A path is `$` and legs: `.key` and `."key"` go to a member, `[n]` to an element (`last` counts from the end), `.*`,
//! `[*]` and `[m to n]` to several, `**` to a value and everything below it. An element of what is no array is, as MySQL
//! has it, the value itself if it is element 0 (or `last`): a scalar stands for an array of one.

use allod_storage::schema::json::{Json, JsonRef, View, parse_json, quote};
use hashbrown::HashSet;

use super::fault::JsonFault;

/// A path.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    pub legs: Vec<Leg>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Leg {
    /// `.key`
    Member(Box<str>),
    /// `.*`
    AnyMember,
    /// `[n]`
    Cell(Index),
    /// `[m to n]`
    Range(Index, Index),
    /// `[*]`
    AnyCell,
    /// `**`
    Below,
}

/// The number of an element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Index {
    /// Counted from 0.
    First(usize),
    /// Counted back from `last`, which is 0.
    Last(usize),
}

impl Index {
    /// Its place in an array of so many, from 0; `None` before the first. It may be behind the last.
    pub fn place(self, len: usize) -> Option<usize> {
        match self {
            Index::First(at) => Some(at),
            Index::Last(back) => len.checked_sub(1)?.checked_sub(back),
        }
    }
}

/// One step of a place that was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Cell(usize),
}

impl Path {
    /// The path that a text is.
    pub fn parse(text: &str) -> Result<Path, JsonFault> {
        let mut parser = Parser { text, at: 0 };
        parser.blanks();
        if !parser.eat('$') {
            return Err(JsonFault::Path(parser.place() + 1));
        }
        let mut legs = Vec::new();
        loop {
            parser.blanks();
            let Some(leg) = parser.leg()? else { break };
            legs.push(leg);
        }
        // `**` says where to look, not what for.
        if legs.last() == Some(&Leg::Below) {
            return Err(JsonFault::Path(parser.place()));
        }
        Ok(Path { legs })
    }

    /// Whether it may lead to several places.
    pub fn is_wild(&self) -> bool {
        self.legs.iter().any(|leg| !matches!(leg, Leg::Member(_) | Leg::Cell(_)))
    }

    /// The value it leads to, if it leads to one place only.
    pub fn find<'a>(&self, document: JsonRef<'a>) -> Option<JsonRef<'a>> {
        let mut so_far = document;
        for leg in &self.legs {
            so_far = match leg {
                Leg::Member(key) => so_far.member(key)?,
                Leg::Cell(index) => match so_far.view() {
                    View::Array(array) => array.get(index.place(array.len())?)?,
                    _ if index.place(1) == Some(0) => so_far,
                    _ => return None,
                },
                Leg::AnyMember | Leg::Range(..) | Leg::AnyCell | Leg::Below => return None,
            };
        }
        Some(so_far)
    }

    /// Calls `found` with every place it leads to, in the order of the document and each once.
    pub fn seek<'a>(&self, document: JsonRef<'a>, found: &mut dyn FnMut(JsonRef<'a>, &[Step<'a>])) {
        // Only behind `**` can two ways lead to one place.
        let mut seen = HashSet::new();
        let once = self.legs.contains(&Leg::Below);
        seek(document, &self.legs, &mut Vec::new(), &mut |value, steps| {
            if !once || seen.insert(value.bytes().as_ptr()) {
                found(value, steps);
            }
        });
    }
}

fn seek<'a>(
    value: JsonRef<'a>,
    legs: &[Leg],
    steps: &mut Vec<Step<'a>>,
    found: &mut dyn FnMut(JsonRef<'a>, &[Step<'a>]),
) {
    let Some((leg, rest)) = legs.split_first() else { return found(value, steps) };
    let cells = |range: std::ops::Range<usize>,
                 steps: &mut Vec<Step<'a>>,
                 found: &mut dyn FnMut(JsonRef<'a>, &[Step<'a>])| {
        match value.view() {
            View::Array(array) => {
                for at in range {
                    if let Some(item) = array.get(at) {
                        steps.push(Step::Cell(at));
                        seek(item, rest, steps, found);
                        steps.pop();
                    }
                }
            }
            _ if range.contains(&0) => seek(value, rest, steps, found),
            _ => {}
        }
    };
    let len = match value.view() {
        View::Array(array) => array.len(),
        _ => 1,
    };
    match leg {
        Leg::Member(key) => {
            if let View::Object(object) = value.view()
                && let Some((key, member)) = object.entry(key)
            {
                steps.push(Step::Key(key));
                seek(member, rest, steps, found);
                steps.pop();
            }
        }
        Leg::AnyMember => {
            if let View::Object(object) = value.view() {
                for (key, member) in object.iter() {
                    steps.push(Step::Key(key));
                    seek(member, rest, steps, found);
                    steps.pop();
                }
            }
        }
        Leg::Cell(index) => {
            if let Some(at) = index.place(len) {
                cells(at..at.saturating_add(1), steps, found);
            }
        }
        Leg::Range(from, to) => {
            // Both ends belong to it; what is before the first element begins with it.
            let to = to.place(len).map_or(0, |to| to.saturating_add(1).min(len));
            cells(from.place(len).unwrap_or(0)..to, steps, found);
        }
        Leg::AnyCell => {
            if let View::Array(_) = value.view() {
                cells(0..len, steps, found);
            }
        }
        Leg::Below => {
            seek(value, rest, steps, found);
            match value.view() {
                View::Array(array) => {
                    for (at, item) in array.iter().enumerate() {
                        steps.push(Step::Cell(at));
                        seek(item, legs, steps, found);
                        steps.pop();
                    }
                }
                View::Object(object) => {
                    for (key, member) in object.iter() {
                        steps.push(Step::Key(key));
                        seek(member, legs, steps, found);
                        steps.pop();
                    }
                }
                _ => {}
            }
        }
    }
}

/// A place as the path that leads to it.
pub(super) fn write_steps(steps: &[Step<'_>], out: &mut String) {
    out.push('$');
    for step in steps {
        match step {
            Step::Key(key) if is_name(key) => {
                out.push('.');
                out.push_str(key);
            }
            Step::Key(key) => {
                out.push('.');
                quote(key, out);
            }
            Step::Cell(at) => {
                out.push('[');
                out.push_str(&at.to_string());
                out.push(']');
            }
        }
    }
}

/// Whether a key needs no quotes: a name of ECMAScript.
fn is_name(key: &str) -> bool {
    key.chars().next().is_some_and(begins_name) && key.chars().all(goes_on_in_name)
}

fn begins_name(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '$'
}

fn goes_on_in_name(c: char) -> bool {
    begins_name(c) || c.is_numeric()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|c| c.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Characters before this place.
    fn place(&self) -> usize {
        self.text.get(..self.at).map_or(0, |before| before.chars().count())
    }

    fn fault<T>(&self) -> Result<T, JsonFault> {
        Err(JsonFault::Path(self.place()))
    }

    fn leg(&mut self) -> Result<Option<Leg>, JsonFault> {
        match self.peek() {
            None => Ok(None),
            Some('.') => {
                self.at += 1;
                self.blanks();
                if self.eat('*') {
                    return Ok(Some(Leg::AnyMember));
                }
                self.key().map(|key| Some(Leg::Member(key)))
            }
            Some('[') => {
                self.at += 1;
                self.blanks();
                let leg = if self.eat('*') { Leg::AnyCell } else { self.cells()? };
                self.blanks();
                if self.eat(']') { Ok(Some(leg)) } else { self.fault() }
            }
            Some('*') => {
                self.at += 1;
                // Three of them are nothing.
                if !self.eat('*') || self.peek() == Some('*') {
                    return self.fault();
                }
                Ok(Some(Leg::Below))
            }
            Some(_) => self.fault(),
        }
    }

    fn key(&mut self) -> Result<Box<str>, JsonFault> {
        let start = self.at;
        if self.peek() == Some('"') {
            self.at += 1;
            loop {
                match self.peek() {
                    None => return self.fault(),
                    Some('\\') => {
                        self.at += 1;
                        self.at += self.peek().map_or(0, char::len_utf8);
                    }
                    Some('"') => {
                        self.at += 1;
                        break;
                    }
                    Some(c) => self.at += c.len_utf8(),
                }
            }
            return match parse_json(self.text.get(start..self.at).unwrap_or("")) {
                Ok(Json::String(key)) => Ok(key),
                _ => {
                    self.at = start;
                    self.fault()
                }
            };
        }
        while let Some(c) = self.peek().filter(|c| goes_on_in_name(*c)) {
            self.at += c.len_utf8();
        }
        match self.text.get(start..self.at) {
            Some(key) if is_name(key) => Ok(key.into()),
            _ => {
                self.at = start;
                self.fault()
            }
        }
    }

    fn cells(&mut self) -> Result<Leg, JsonFault> {
        let from = self.index()?;
        let before = self.at;
        self.blanks();
        let spaced = self.at > before;
        if !(spaced && self.word("to")) {
            return Ok(Leg::Cell(from));
        }
        let before = self.at;
        self.blanks();
        if self.at == before {
            return self.fault();
        }
        let to = self.index()?;
        let backwards = match (from, to) {
            (Index::First(a), Index::First(b)) => a > b,
            (Index::Last(a), Index::Last(b)) => a < b,
            _ => false,
        };
        if backwards { self.fault() } else { Ok(Leg::Range(from, to)) }
    }

    fn index(&mut self) -> Result<Index, JsonFault> {
        if !self.word("last") {
            return self.number().map(Index::First);
        }
        let before = self.at;
        self.blanks();
        if self.eat('-') {
            self.blanks();
            return self.number().map(Index::Last);
        }
        self.at = before;
        Ok(Index::Last(0))
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word));
        if found {
            self.at += word.len();
        }
        found
    }

    fn number(&mut self) -> Result<usize, JsonFault> {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        // An index is of 32 bits.
        match self.text.get(start..self.at).and_then(|digits| digits.parse::<u32>().ok()) {
            Some(number) => Ok(number as usize),
            None => {
                self.at = start;
                self.fault()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::json::{encode, print_json};

    use super::*;

    fn found(document: &str, path: &str) -> Vec<(String, String)> {
        let bytes = encode(&parse_json(document).unwrap());
        let mut out = Vec::new();
        Path::parse(path).unwrap().seek(JsonRef::new(&bytes), &mut |value, steps| {
            let (mut text, mut place) = (String::new(), String::new());
            print_json(value, &mut text);
            write_steps(steps, &mut place);
            out.push((place, text));
        });
        out
    }

    #[test]
    fn paths_lead_where_mysql_says() {
        // MySQL's manual, "Searching and Modifying JSON Values".
        let a = r#"[3, {"a": [5, 6], "b": 10}, [99, 100]]"#;
        for (document, path, expected) in [
            (a, "$", a),
            (a, "$[0]", "3"),
            (a, "$[1].a", "[5, 6]"),
            (a, "$[1].a[1]", "6"),
            (a, "$[last][last-1]", "99"),
            (a, "$[3]", ""),
            (a, "$[last-3]", ""),
            (a, "$[0][0][last]", "3"),
            (a, "$[0][1]", ""),
            (a, "$[*]", r#"3 {"a": [5, 6], "b": 10} [99, 100]"#),
            (a, "$[0][*]", ""),
            (r#"{"a": 1, "b": 2, "c": [3, 4, 5]}"#, "$.*", "1 2 [3, 4, 5]"),
            (r#"{"a": 1, "b": 2, "c": [3, 4, 5]}"#, "$.c[*]", "3 4 5"),
            (r#"{"a": {"b": 1}, "c": {"b": 2}}"#, "$**.b", "1 2"),
            ("[1, 2, 3, 4, 5]", "$[1 to 3]", "2 3 4"),
            ("[1, 2, 3, 4, 5]", "$[last-3 to last-1]", "2 3 4"),
            ("[1, 2, 3, 4, 5]", "$[last-9 to 1]", "1 2"),
            ("[1, 2, 3, 4, 5]", "$[3 to 9]", "4 5"),
            ("7", "$[0 to 2]", "7"),
            ("[[1]]", "$**[0]", "[1] 1"),
            (r#"{"a fish": "shark", "é": 1}"#, r#"$."a fish""#, r#""shark""#),
            (r#"{"a fish": "shark", "é": 1}"#, "$ . é", "1"),
            (r#"{"": 1}"#, r#"$."""#, "1"),
        ] {
            let texts: Vec<String> = found(document, path).into_iter().map(|(_, text)| text).collect();
            assert_eq!(texts.join(" "), expected, "{path}");
            let path = Path::parse(path).unwrap();
            let bytes = encode(&parse_json(document).unwrap());
            if !path.is_wild() {
                assert_eq!(path.find(JsonRef::new(&bytes)).is_some(), !texts.is_empty(), "{path:?}");
            }
        }
    }

    #[test]
    fn places_are_written_as_paths() {
        let document = r#"{"a": [1, {"b c": 2}], "$_": 3, "1x": 4}"#;
        let places: Vec<String> = found(document, "$**.*").into_iter().map(|(place, _)| place).collect();
        assert_eq!(places, ["$.a", "$.$_", r#"$."1x""#, r#"$.a[1]."b c""#]);
    }

    #[test]
    fn what_is_no_path_is_refused_where_it_ends_to_be_one() {
        for (text, place) in [
            ("", 1),
            ("a", 1),
            ("$a", 1),
            ("$.", 2),
            ("$.1", 2),
            ("$[", 2),
            ("$[x]", 2),
            ("$[-1]", 2),
            ("$[1", 3),
            ("$[3 to 1]", 8),
            ("$[1to 2]", 3),
            ("$**", 3),
            ("$***.a", 3),
            ("$*.a", 2),
            ("$.\"a", 4),
            ("$.a b", 4),
            ("$[99999999999]", 2),
        ] {
            assert_eq!(Path::parse(text), Err(JsonFault::Path(place)), "{text}");
        }
    }
}

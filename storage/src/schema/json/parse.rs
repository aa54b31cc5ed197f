//! Text to documents (RFC 8259), strictly. What is wrong is said in the words of the parser that MySQL uses.

use super::tree::sort_members;
use super::{DEPTH_MAX, Json};

/// Why a text is no JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonFault {
    /// It is malformed.
    Syntax {
        /// What is wrong, in MySQL's words.
        message: &'static str,
        /// Where, in bytes from 0.
        position: usize,
    },
    /// It is nested too deeply.
    TooDeep,
}

/// The document that a text is.
pub fn parse_json(text: &str) -> Result<Json, JsonFault> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
    parser.blanks();
    if parser.peek().is_none() {
        return Err(parser.fault("The document is empty."));
    }
    let json = parser.value(1)?;
    parser.blanks();
    match parser.peek() {
        None => Ok(json),
        Some(_) => Err(parser.fault("The document root must not be followed by other values.")),
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

type Result<T, E = JsonFault> = std::result::Result<T, E>;

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn fault(&self, message: &'static str) -> JsonFault {
        JsonFault::Syntax { message, position: self.at }
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > DEPTH_MAX {
            return Err(JsonFault::TooDeep);
        }
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(|s| Json::String(s.into())),
            Some(b't') => self.literal("true", Json::Bool(true)),
            Some(b'f') => self.literal("false", Json::Bool(false)),
            Some(b'n') => self.literal("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fault("Invalid value.")),
        }
    }

    fn literal(&mut self, word: &str, json: Json) -> Result<Json> {
        for byte in word.bytes() {
            if !self.eat(byte) {
                return Err(self.fault("Invalid value."));
            }
        }
        Ok(json)
    }

    fn array(&mut self, depth: usize) -> Result<Json> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.eat(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            self.blanks();
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.eat(b']') {
                return Ok(Json::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.fault("Missing a comma or ] after an array element."));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        self.at += 1;
        let mut members: Vec<(Box<str>, Json)> = Vec::new();
        self.blanks();
        if self.eat(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.fault("Missing a name for object member."));
            }
            let key = self.string()?;
            self.blanks();
            if !self.eat(b':') {
                return Err(self.fault("Missing a colon after a name of object member."));
            }
            self.blanks();
            members.push((key.into(), self.value(depth + 1)?));
            self.blanks();
            if self.eat(b'}') {
                sort_members(&mut members);
                return Ok(Json::Object(members));
            }
            if !self.eat(b',') {
                return Err(self.fault("Missing a comma or } after an object member."));
            }
        }
    }

    fn string(&mut self) -> Result<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            // It ends before an ASCII character or at the end, so it is whole characters.
            out.push_str(self.text.get(start..self.at).unwrap_or(""));
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.fault("Invalid encoding in string.")),
                None => return Err(self.fault("Missing a closing quotation mark in string.")),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let start = self.at;
        let escaped = self.bytes.get(start + 1).copied();
        self.at += 2;
        Ok(match escaped {
            Some(c @ (b'"' | b'\\' | b'/')) => char::from(c),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let unpaired = JsonFault::Syntax {
                    message: "The surrogate pair in string is invalid.",
                    position: start,
                };
                let code = self.hex4()?;
                let code = match code {
                    0xd800..=0xdbff => {
                        if !(self.eat(b'\\') && self.eat(b'u')) {
                            return Err(unpaired);
                        }
                        let low = self.hex4()?;
                        if !(0xdc00..=0xdfff).contains(&low) {
                            return Err(unpaired);
                        }
                        0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
                    }
                    code => code,
                };
                char::from_u32(code).ok_or(unpaired)?
            }
            _ => {
                self.at = start;
                return Err(self.fault("Invalid escape character in string."));
            }
        })
    }

    fn hex4(&mut self) -> Result<u32> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.fault("Incorrect hex digit after \\u escape in string."));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number(&mut self) -> Result<Json> {
        let start = self.at;
        self.eat(b'-');
        // A zero is not followed by other digits.
        if !self.eat(b'0') && self.digits() == 0 {
            return Err(self.fault("Invalid value."));
        }
        let mut whole = true;
        if self.eat(b'.') {
            whole = false;
            if self.digits() == 0 {
                return Err(self.fault("Miss fraction part in number."));
            }
        }
        if self.eat(b'e') || self.eat(b'E') {
            whole = false;
            if !self.eat(b'-') {
                self.eat(b'+');
            }
            if self.digits() == 0 {
                return Err(self.fault("Miss exponent in number."));
            }
        }
        let text = self.text.get(start..self.at).unwrap_or("");
        if whole {
            if let Ok(v) = text.parse::<i64>() {
                // Only a double has a negative zero.
                return Ok(if text == "-0" { Json::Double(-0.0) } else { Json::Int(v) });
            }
            if let Ok(v) = text.parse::<u64>() {
                return Ok(Json::UInt(v));
            }
        }
        match text.parse::<f64>() {
            Ok(v) if v.is_finite() => Ok(Json::Double(v)),
            _ => {
                self.at = start;
                Err(self.fault("Number too big to be stored in double."))
            }
        }
    }
}

//! The bytes of texts in their character sets.
//!
//! Texts of every set are held as UTF-8, as TiDB holds them. What counts or shows their bytes (`HEX`, `LENGTH`, `MD5`, a cast to
//! bytes) sees those of the set, and bytes that become a text are read as the set's. GBK is the one set whose bytes are others:
//! a Latin 1 or ASCII text has those of UTF-8 here, which is TiDB's way and not MySQL's.
//!
//! ```text
//! 一    UTF-8 E4B880    GBK D2BB        ㅂ    UTF-8 E38582    GBK 3F, a question mark
//! ```

use std::sync::OnceLock;

use super::Charset;
use super::weights::{gbk_code, is_gbk};

/// Codes of two bytes begin at this one.
const DOUBLE: u16 = 0x8000;

/// The first character of bytes of GBK, and the bytes behind it.
fn first_of_gbk(bytes: &[u8]) -> Option<(char, &[u8])> {
    let (first, after) = bytes.split_first()?;
    if first.is_ascii() {
        return Some((char::from(*first), after));
    }
    let (pair, after) = bytes.split_first_chunk::<2>()?;
    let code = u16::from_be_bytes(*pair).checked_sub(DOUBLE)?;
    let c = gbk_characters().get(usize::from(code)).copied().filter(|c| *c != 0)?;
    Some((char::from_u32(u32::from(c))?, after))
}

/// For each code of two bytes its character; 0 where there is none.
fn gbk_characters() -> &'static [u16] {
    static CHARACTERS: OnceLock<Vec<u16>> = OnceLock::new();
    CHARACTERS.get_or_init(|| {
        let mut characters = vec![0; usize::from(DOUBLE)];
        for c in '\u{80}'..='\u{FFFF}' {
            if let Some(code) = gbk_code(c).and_then(|code| code.checked_sub(DOUBLE)) {
                // Below 65,536 by the range above.
                characters[usize::from(code)] = u32::from(c) as u16;
            }
        }
        characters
    })
}

impl Charset {
    /// Whether its texts have other bytes than they are held in.
    pub fn has_own_bytes(self) -> bool {
        self == Charset::Gbk
    }

    /// The text as far as this set has its characters, if it is looked at at all: what a Latin 1 column holds is not, as in TiDB.
    /// A set of other bytes has a question mark for each character that it lacks.
    pub fn held(self, text: &str) -> Option<String> {
        match self {
            Charset::Utf8mb4 | Charset::Latin1 | Charset::Binary => None,
            Charset::Utf8 => {
                let end = self.lacks(text).and_then(|c| text.find(c))?;
                Some(text[..end].to_owned())
            }
            Charset::Ascii | Charset::Gbk => self.lacks(text).map(|_| self.kept(text)),
        }
    }

    /// The text of bytes that a client says are of this set: a question mark for what is none of its characters.
    pub fn read(self, bytes: &[u8]) -> String {
        if !self.has_own_bytes() {
            return String::from_utf8_lossy(bytes).into_owned();
        }
        let (mut out, mut rest) = (String::with_capacity(bytes.len()), bytes);
        while !rest.is_empty() {
            let (c, after) = first_of_gbk(rest).unwrap_or(('?', &rest[rest.len().min(2)..]));
            out.push(c);
            rest = after;
        }
        out
    }

    /// The bytes of a text for a client that reads this set.
    pub fn written(self, text: &str) -> Vec<u8> {
        match self {
            Charset::Ascii => self.kept(text).into_bytes(),
            _ => self.encoded(text),
        }
    }

    /// The bytes of a text of this set; a question mark for a character that it has not.
    pub fn encoded(self, text: &str) -> Vec<u8> {
        if !self.has_own_bytes() {
            return text.as_bytes().to_vec();
        }
        let mut out = Vec::with_capacity(text.len());
        for c in text.chars() {
            match gbk_code(c) {
                Some(code) if code >= DOUBLE => out.extend_from_slice(&code.to_be_bytes()),
                Some(code) => out.push(code as u8),
                None => out.push(b'?'),
            }
        }
        out
    }

    /// The text that has these bytes in this set; `None` if none has.
    pub fn decoded(self, bytes: &[u8]) -> Option<String> {
        let (text, rest) = self.decoded_start(bytes);
        rest.is_empty().then_some(text)
    }

    /// The longest text whose bytes these begin with, and the bytes behind it.
    pub fn decoded_start(self, bytes: &[u8]) -> (String, &[u8]) {
        if self.has_own_bytes() {
            let mut out = String::with_capacity(2 * bytes.len());
            let mut rest = bytes;
            while let Some((c, after)) = first_of_gbk(rest) {
                out.push(c);
                rest = after;
            }
            return (out, rest);
        }
        let held = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            // The bytes before that place are UTF-8.
            Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
        };
        let lacked = match self {
            // Latin 1 is held, and has the bytes, as UTF-8.
            Charset::Latin1 => None,
            _ => self.lacks(held).and_then(|c| held.find(c)),
        };
        let held = &held[..lacked.unwrap_or(held.len())];
        (held.to_owned(), &bytes[held.len()..])
    }

    /// The text with a question mark for each character that the set has not.
    pub fn kept(self, text: &str) -> String {
        let has = |c: char| match self {
            Charset::Gbk => is_gbk(c),
            _ => self.lacks(c.encode_utf8(&mut [0; 4])).is_none(),
        };
        text.chars().map(|c| if has(c) { c } else { '?' }).collect()
    }

    /// The character, or what it becomes if the set has that: GBK has `à` and no `À`.
    pub fn has_or(self, new: char, old: char) -> char {
        if self.lacks(new.encode_utf8(&mut [0; 4])).is_none() { new } else { old }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gbk_has_its_own_bytes() {
        // The codes are those of Python's `'…'.encode('gbk')`.
        for (text, bytes) in [("一二三", "D2BBB6FEC8FD"), ("a啊", "61B0A1"), ("中文", "D6D0CEC4")] {
            let encoded = Charset::Gbk.encoded(text);
            assert_eq!(encoded.iter().map(|b| format!("{b:02X}")).collect::<String>(), bytes);
            assert_eq!(Charset::Gbk.decoded(&encoded).as_deref(), Some(text));
        }
        assert_eq!(Charset::Gbk.encoded("ㅂ"), b"?");
        assert_eq!(Charset::Gbk.decoded(&[0xE4, 0xBA, 0x8C]), None);
        assert_eq!(Charset::Gbk.decoded(&[0x3F, 0xFF]), None);
        // TiDB's: what is no character is as long as one.
        assert_eq!(Charset::Gbk.read("一a".as_bytes()), "涓?");
        assert_eq!(Charset::Gbk.read(&[0xD2, 0xBB, b'\'', 0xFF]), "一'?");
        assert_eq!(
            (Charset::Ascii.written("aé"), Charset::Gbk.written("aㅂ一")),
            (b"a?".to_vec(), b"a?\xD2\xBB".to_vec())
        );
        assert_eq!(
            Charset::Utf8mb4.decoded_start(&[0x01, 0xE2, 0x40]),
            ("\u{1}".to_owned(), &[0xE2, 0x40][..])
        );
        assert_eq!(Charset::Gbk.decoded(&[0x01, 0xE2, 0x40]).as_deref(), Some("\u{1}釦"));
    }

    #[test]
    fn every_character_of_gbk_comes_back() {
        let mut count = 0;
        for c in ('\0'..='\u{FFFF}').filter(|c| is_gbk(*c)) {
            let text = c.to_string();
            assert_eq!(Charset::Gbk.decoded(&Charset::Gbk.encoded(&text)).as_deref(), Some(&*text));
            count += 1;
        }
        assert!(count > 21_000, "{count}");
    }

    #[test]
    fn what_a_set_lacks_is_a_question_mark() {
        assert_eq!(Charset::Gbk.kept("啊ㅂ"), "啊?");
        // MySQL's Latin 1 is that of Windows, which has the sign of the euro.
        assert_eq!(Charset::Latin1.kept("é€中"), "é€?");
        assert_eq!(Charset::Utf8.kept("😀"), "?");
        assert_eq!(Charset::Ascii.decoded(b"\xE4"), None);
        assert_eq!(Charset::Utf8.decoded("😀".as_bytes()), None);
        assert_eq!(Charset::Gbk.has_or('À', 'à'), 'à');
        assert_eq!(Charset::Gbk.has_or('Б', 'б'), 'Б');
    }
}

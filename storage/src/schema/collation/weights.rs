//! The weights of characters, and what is made of them: sort keys, and texts for LIKE.
//!
//! A table is an array of 16-bit little-endian words in the program's image, read in place:
//!
//! ```text
//! pages of the index, pages, expansions        three counts
//! index        for each 256 characters the number of their page, from 1; 0 if none of them is in the table
//! pages        256 cells each
//! ends         where each expansion ends among the weights
//! weights      of the expansions
//!
//! a cell       0: ignored   FFFF: not in the table   F000 + n: expansion n   else the one weight
//! ```
//! In the tables of general_ci and of Latin 1 a cell is the weight itself, and a character without a page is its own weight. In those of GBK
//! a cell is a weight of one or two bytes, for gbk_bin the code itself; what is not in GBK is a question mark.

use super::Collation;

/// The weight of what has none of its own: of characters beyond the first 65,536 in all but the 0900 collation.
const REPLACEMENT: u16 = 0xFFFD;
const EXPANSION: u16 = 0xF000;
const EXPANSION_END: u16 = 0xFD00;
const OUTSIDE: u16 = 0xFFFF;
/// What stands for a character that a set has not.
const QUESTION_MARK: u16 = b'?' as u16;

static GENERAL: Table = Table(include_bytes!("general.bin"));
static UNICODE_400: Table = Table(include_bytes!("unicode_400.bin"));
static GBK: Table = Table(include_bytes!("gbk.bin"));
static GBK_CHINESE: Table = Table(include_bytes!("gbk_chinese.bin"));
static UNICODE_520: Table = Table(include_bytes!("unicode_520.bin"));
static DANISH: Table = Table(include_bytes!("latin1_danish_ci.bin"));
static LATIN: Table = Table(include_bytes!("latin1_general_ci.bin"));
static LATIN_CASES: Table = Table(include_bytes!("latin1_general_cs.bin"));
static GERMAN: Table = Table(include_bytes!("latin1_german1_ci.bin"));
static SPANISH: Table = Table(include_bytes!("latin1_spanish_ci.bin"));
static SWEDISH: Table = Table(include_bytes!("latin1_swedish_ci.bin"));
static UNICODE_1400: Table = Table(include_bytes!("unicode_1400.bin"));

struct Table(&'static [u8]);

impl Table {
    #[inline]
    fn word(&self, at: usize) -> u16 {
        // Every place is computed from counts that the file itself holds; `tests` walks all of them.
        u16::from_le_bytes([self.0[2 * at], self.0[2 * at + 1]])
    }

    /// The cell of a character, if its page exists.
    #[inline]
    fn cell(&self, c: u32) -> Option<u16> {
        let index = usize::from(self.word(0));
        let block = (c >> 8) as usize;
        if block >= index {
            return None;
        }
        let page = usize::from(self.word(3 + block)).checked_sub(1)?;
        Some(self.word(3 + index + 256 * page + (c & 0xFF) as usize))
    }

    /// The weights of an expansion.
    fn expansion(&self, n: u16) -> impl Iterator<Item = u16> + '_ {
        let (index, pages) = (usize::from(self.word(0)), usize::from(self.word(1)));
        let (ends, n) = (3 + index + 256 * pages, usize::from(n));
        let weights = ends + usize::from(self.word(2));
        let start = if n == 0 { 0 } else { usize::from(self.word(ends + n - 1)) };
        (start..usize::from(self.word(ends + n))).map(move |at| self.word(weights + at))
    }
}

/// The two weights of a character that is in no table: ideographs first, in the order of the characters.
fn implicit(c: u32) -> [u16; 2] {
    let base = match c {
        0x4E00..=0x9FFF
        | 0xFA0E..=0xFA0F
        | 0xFA11
        | 0xFA13..=0xFA14
        | 0xFA1F
        | 0xFA21
        | 0xFA23..=0xFA24
        | 0xFA27..=0xFA29 => 0xFB40,
        0x3400..=0x4DBF | 0x20000..=0x2A6DF | 0x2A700..=0x2EBE0 | 0x30000..=0x3134A => 0xFB80,
        _ => 0xFBC0,
    };
    [base + (c >> 15) as u16, (c & 0x7FFF) as u16 | 0x8000]
}

/// What a character stands for.
#[derive(Clone, Copy)]
enum Meaning {
    Ignored,
    One(u16),
    Expansion(u16),
    Outside,
}

/// Which weights a collation takes.
#[derive(Clone, Copy)]
enum Weights {
    General,
    Unicode,
    Unicode520,
    Unicode0900,
    /// Those of a collation of Latin 1.
    Latin(&'static Table),
    Gbk,
    GbkChinese,
}

impl Weights {
    fn of(collation: Collation) -> Option<Weights> {
        match collation {
            // ASCII has the same in both.
            Collation::Utf8mb4GeneralCi | Collation::Utf8GeneralCi | Collation::AsciiGeneralCi => {
                Some(Weights::General)
            }
            Collation::Utf8mb4Unicode520Ci | Collation::Utf8Unicode520Ci => Some(Weights::Unicode520),
            Collation::Latin1DanishCi => Some(Weights::Latin(&DANISH)),
            Collation::Latin1GeneralCi => Some(Weights::Latin(&LATIN)),
            Collation::Latin1GeneralCs => Some(Weights::Latin(&LATIN_CASES)),
            Collation::Latin1German1Ci => Some(Weights::Latin(&GERMAN)),
            Collation::Latin1SpanishCi => Some(Weights::Latin(&SPANISH)),
            Collation::Latin1SwedishCi => Some(Weights::Latin(&SWEDISH)),
            Collation::Utf8mb4UnicodeCi | Collation::Utf8UnicodeCi => Some(Weights::Unicode),
            Collation::Utf8mb40900AiCi => Some(Weights::Unicode0900),
            Collation::GbkBin => Some(Weights::Gbk),
            Collation::GbkChineseCi => Some(Weights::GbkChinese),
            Collation::Utf8mb4Bin
            | Collation::Utf8mb40900Bin
            | Collation::Utf8Bin
            | Collation::Latin1Bin
            | Collation::AsciiBin
            | Collation::Binary => None,
        }
    }

    fn table(self) -> &'static Table {
        match self {
            Weights::General => &GENERAL,
            Weights::Unicode => &UNICODE_400,
            Weights::Unicode520 => &UNICODE_520,
            Weights::Unicode0900 => &UNICODE_1400,
            Weights::Latin(table) => table,
            Weights::Gbk => &GBK,
            Weights::GbkChinese => &GBK_CHINESE,
        }
    }

    /// The weights of a character that is in no table.
    fn implicit(self, c: u32) -> [u16; 2] {
        match self {
            Weights::Unicode520 => {
                let base = match c {
                    0x4E00..=0x9FA5 => 0xFB40,
                    0x3400..=0x4DB5 => 0xFB80,
                    _ => 0xFBC0,
                };
                [base + (c >> 15) as u16, (c & 0x7FFF) as u16 | 0x8000]
            }
            _ => implicit(c),
        }
    }

    /// Appends a weight.
    #[inline]
    fn put(self, weight: u16, out: &mut Vec<u8>) {
        match (self, weight) {
            (Weights::Gbk | Weights::GbkChinese, ..0x100) => out.push(weight as u8),
            _ => out.extend_from_slice(&weight.to_be_bytes()),
        }
    }

    #[inline]
    fn meaning(self, c: char) -> Meaning {
        let c = u32::from(c);
        match self {
            Weights::General | Weights::Unicode | Weights::Latin(_) if c > 0xFFFF => {
                return Meaning::One(REPLACEMENT);
            }
            Weights::General | Weights::Latin(_) => {
                return Meaning::One(self.table().cell(c).unwrap_or(c as u16));
            }
            Weights::Gbk | Weights::GbkChinese => {
                return Meaning::One(self.table().cell(c).unwrap_or(QUESTION_MARK));
            }
            Weights::Unicode | Weights::Unicode520 | Weights::Unicode0900 => {}
        }
        match self.table().cell(c) {
            Some(0) => Meaning::Ignored,
            Some(OUTSIDE) | None => Meaning::Outside,
            Some(n @ EXPANSION..EXPANSION_END) => Meaning::Expansion(n - EXPANSION),
            Some(weight) => Meaning::One(weight),
        }
    }
}

impl Collation {
    /// Bytes that compare as the text does: for two texts of this collation, the texts are equal if their keys are, and the
    /// one with the lesser key comes first.
    pub fn sort_key(self, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_sort_key(text, &mut out);
        out
    }

    /// Appends the sort key.
    pub fn write_sort_key(self, text: &str, out: &mut Vec<u8>) {
        let text = if self.counts_blanks() { text } else { text.trim_end_matches(' ') };
        let Some(weights) = Weights::of(self) else {
            out.extend_from_slice(text.as_bytes());
            return;
        };
        out.reserve(2 * text.len());
        let mut push = |weight: u16| weights.put(weight, out);
        for c in text.chars() {
            match weights.meaning(c) {
                Meaning::Ignored => {}
                Meaning::One(weight) => push(weight),
                Meaning::Expansion(n) => weights.table().expansion(n).for_each(&mut push),
                Meaning::Outside => match weights {
                    Weights::Unicode0900 => syllable(c, &mut push),
                    _ => weights.implicit(u32::from(c)).into_iter().for_each(&mut push),
                },
            }
        }
    }

    /// A text with this sort key: of the characters that weigh the same the first, which is a capital letter without marks.
    /// For messages about keys, which do not hold the text.
    pub fn text_of_sort_key(self, key: &[u8]) -> String {
        let Some(weights) = Weights::of(self) else { return String::from_utf8_lossy(key).into_owned() };
        let first = |weight: u16| {
            ('\0'..='\u{FFFF}').find(|c| matches!(weights.meaning(*c), Meaning::One(own) if own == weight))
        };
        // Weights of one byte are those of ASCII in GBK, of which no other one begins with such a byte.
        let short = matches!(weights, Weights::Gbk | Weights::GbkChinese);
        let mut rest = key;
        let words = std::iter::from_fn(|| {
            let (first, after) = rest.split_first()?;
            if short && *first < 0x80 {
                rest = after;
                return Some(u16::from(*first));
            }
            let (word, after) = rest.split_first_chunk::<2>()?;
            rest = after;
            Some(u16::from_be_bytes(*word))
        });
        let mut words = words.peekable();
        let mut out = String::new();
        while let Some(weight) = words.next() {
            // Two words of a character outside the table, or one of a character in it.
            let outside =
                words.next_if(|next| !short && (0xFB40..REPLACEMENT).contains(&weight) && *next >= 0x8000);
            let c = match outside {
                Some(low) => char::from_u32(u32::from(weight & 0x3F) << 15 | u32::from(low & 0x7FFF)),
                None => first(weight),
            };
            out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        out
    }

    /// A text with as many characters, in which two characters are the same if they weigh the same: `LIKE` compares character
    /// by character. None of them is one that a pattern gives a meaning to.
    pub fn folded(self, text: &str) -> String {
        let mut out = String::with_capacity(4 * text.len());
        text.chars().for_each(|c| out.push(self.fold(c)));
        out
    }

    /// The same but for commas: `FIND_IN_SET` looks between them.
    pub fn folded_members(self, text: &str) -> String {
        text.chars().map(|c| if c == ',' { c } else { self.fold(c) }).collect()
    }

    /// A pattern of LIKE for folded texts: `%` and `_` stay what they are unless they are escaped, and nothing is escaped
    /// any more.
    pub fn folded_pattern(self, pattern: &str, escape: Option<char>) -> String {
        let mut out = String::with_capacity(4 * pattern.len());
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                // One at the very end stands for itself.
                c if Some(c) == escape => out.push(self.fold(chars.next().unwrap_or(c))),
                '%' | '_' => out.push(c),
                c => out.push(self.fold(c)),
            }
        }
        out
    }

    /// What the sort keys of texts begin with that match a folded pattern.
    pub fn key_of_folded_prefix(self, pattern: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(weights) = Weights::of(self) else { return out };
        let mut push = |weight: u16| weights.put(weight, &mut out);
        for c in pattern.chars() {
            let (plane, n) = (u32::from(c) >> 16, u32::from(c) as u16);
            match plane {
                // A sign.
                0 => break,
                1 => push(n),
                2 => weights.table().expansion(n).for_each(&mut push),
                3 => {}
                // It may stand for itself or for another one, which a shorter key does not mind.
                13.. => break,
                _ => match (weights, char::from_u32(u32::from(c) - 0x4_0000)) {
                    (Weights::Unicode0900, Some(own)) => syllable(own, &mut push),
                    (_, own) => {
                        own.into_iter().flat_map(|c| weights.implicit(u32::from(c))).for_each(&mut push)
                    }
                },
            }
        }
        // The text may end behind the blanks, which its key then lacks.
        let (blank, both) = (self.sort_key("x"), self.sort_key(" x"));
        let blank = &both[..both.len() - blank.len()];
        while !self.counts_blanks() && out.ends_with(blank) {
            out.truncate(out.len() - blank.len());
        }
        out
    }

    /// A character beyond the first 65,536 that stands for all that weigh the same.
    fn fold(self, c: char) -> char {
        let Some(weights) = Weights::of(self) else { return c };
        let (plane, n) = match weights.meaning(c) {
            Meaning::One(weight) => (0x1_0000, u32::from(weight)),
            Meaning::Expansion(n) => (0x2_0000, u32::from(n)),
            Meaning::Ignored => (0x3_0000, 0),
            // Its own weights are nobody else's. What lies too high for this (private use) folds to itself.
            Meaning::Outside => (0x4_0000, u32::from(c)),
        };
        char::from_u32(plane + n).unwrap_or(c)
    }
}

/// The code of a character in GBK, of one byte or two; `None` if it has none.
pub(super) fn gbk_code(c: char) -> Option<u16> {
    if c == '?' {
        return Some(QUESTION_MARK);
    }
    let c = u16::try_from(u32::from(c)).ok()?;
    GBK.cell(u32::from(c)).filter(|code| *code != QUESTION_MARK)
}

/// Whether GBK has the character.
pub(super) fn is_gbk(c: char) -> bool {
    gbk_code(c).is_some()
}

/// A Hangul syllable weighs what its letters do; anything else outside the table has weights of its own.
fn syllable(c: char, push: &mut impl FnMut(u16)) {
    let code = u32::from(c);
    if !(0xAC00..=0xD7A3).contains(&code) {
        return implicit(code).into_iter().for_each(push);
    }
    let at = code - 0xAC00;
    let letters =
        [Some(0x1100 + at / 588), Some(0x1161 + at % 588 / 28), (at % 28 > 0).then_some(0x11A7 + at % 28)];
    for letter in letters.into_iter().flatten() {
        push(UNICODE_1400.cell(letter).unwrap_or(REPLACEMENT));
    }
}

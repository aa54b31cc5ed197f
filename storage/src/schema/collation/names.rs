//! The names and numbers of character sets and collations.

use std::fmt;

/// A character set of texts. Texts are held as UTF-8 whatever their set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Charset {
    /// UTF-8.
    Utf8mb4,
    /// UTF-8 of up to three bytes a character.
    Utf8,
    /// Latin 1.
    Latin1,
    /// ASCII.
    Ascii,
    /// GBK: ASCII and Chinese.
    Gbk,
    /// That of byte strings, which are types of their own: no text has it.
    Binary,
}

/// What Windows-1252 has beyond Latin 1.
const WINDOWS: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

impl Charset {
    /// Every character set, in the order of their names.
    pub const ALL: [Charset; 6] =
        [Charset::Ascii, Charset::Binary, Charset::Gbk, Charset::Latin1, Charset::Utf8, Charset::Utf8mb4];

    /// The one with this name; `utf8mb3` is `utf8`.
    pub fn named(name: &str) -> Option<Charset> {
        if name.eq_ignore_ascii_case("utf8mb3") {
            return Some(Charset::Utf8);
        }
        Charset::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Charset::Utf8mb4 => "utf8mb4",
            Charset::Utf8 => "utf8",
            Charset::Latin1 => "latin1",
            Charset::Ascii => "ascii",
            Charset::Gbk => "gbk",
            Charset::Binary => "binary",
        }
    }

    /// What it is, in a few words.
    pub fn description(self) -> &'static str {
        match self {
            Charset::Utf8mb4 | Charset::Utf8 => "UTF-8 Unicode",
            Charset::Latin1 => "Latin1",
            Charset::Ascii => "US ASCII",
            Charset::Gbk => "Chinese Internal Code Specification",
            Charset::Binary => "binary",
        }
    }

    /// The most bytes of a character.
    pub fn bytes_max(self) -> u32 {
        match self {
            Charset::Utf8mb4 => 4,
            Charset::Utf8 => 3,
            Charset::Gbk => 2,
            Charset::Latin1 | Charset::Ascii | Charset::Binary => 1,
        }
    }

    /// The collation of texts of which only the set is said, as in TiDB.
    pub fn collation(self) -> Collation {
        match self {
            Charset::Utf8mb4 => Collation::Utf8mb4Bin,
            Charset::Utf8 => Collation::Utf8Bin,
            Charset::Latin1 => Collation::Latin1Bin,
            Charset::Ascii => Collation::AsciiBin,
            Charset::Gbk => Collation::GbkChineseCi,
            Charset::Binary => Collation::Binary,
        }
    }

    /// Whether it has every character that the other one has.
    pub fn covers(self, other: Charset) -> bool {
        let rank = |set| match set {
            Charset::Ascii => 0,
            Charset::Latin1 | Charset::Gbk => 1,
            Charset::Utf8 => 2,
            Charset::Utf8mb4 => 3,
            Charset::Binary => 4,
        };
        self == other || rank(self) > rank(other)
    }

    /// The first character of a text that the set has not.
    pub fn lacks(self, text: &str) -> Option<char> {
        let last = match self {
            Charset::Utf8mb4 | Charset::Binary => return None,
            Charset::Utf8 => '\u{FFFF}',
            // Signs of Windows are in MySQL's Latin 1.
            Charset::Latin1 => return text.chars().find(|c| *c > '\u{FF}' && !WINDOWS.contains(*c)),
            Charset::Ascii => '\u{7F}',
            Charset::Gbk => return text.chars().find(|c| !super::weights::is_gbk(*c)),
        };
        text.chars().find(|c| *c > last)
    }
}

/// A collation of texts, and with it their character set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Collation {
    /// `utf8mb4_bin`, the default.
    #[default]
    Utf8mb4Bin,
    /// `utf8mb4_general_ci`.
    Utf8mb4GeneralCi,
    /// `utf8mb4_unicode_ci`.
    Utf8mb4UnicodeCi,
    /// `utf8mb4_0900_ai_ci`.
    Utf8mb40900AiCi,
    /// `utf8mb4_0900_bin`.
    Utf8mb40900Bin,
    /// `utf8_bin`.
    Utf8Bin,
    /// `utf8_general_ci`.
    Utf8GeneralCi,
    /// `utf8_unicode_ci`.
    Utf8UnicodeCi,
    /// `latin1_bin`.
    Latin1Bin,
    /// `ascii_bin`.
    AsciiBin,
    /// `gbk_bin`.
    GbkBin,
    /// `gbk_chinese_ci`.
    GbkChineseCi,
    /// `binary`, that of byte strings.
    Binary,
    /// `ascii_general_ci`.
    AsciiGeneralCi,
    /// `latin1_danish_ci`.
    Latin1DanishCi,
    /// `latin1_general_ci`.
    Latin1GeneralCi,
    /// `latin1_general_cs`.
    Latin1GeneralCs,
    /// `latin1_german1_ci`.
    Latin1German1Ci,
    /// `latin1_spanish_ci`.
    Latin1SpanishCi,
    /// `latin1_swedish_ci`.
    Latin1SwedishCi,
    /// `utf8_unicode_520_ci`.
    Utf8Unicode520Ci,
    /// `utf8mb4_unicode_520_ci`.
    Utf8mb4Unicode520Ci,
}

impl Collation {
    /// Every collation, in the order of their names.
    pub const ALL: [Collation; 22] = [
        Collation::AsciiBin,
        Collation::AsciiGeneralCi,
        Collation::Binary,
        Collation::GbkBin,
        Collation::GbkChineseCi,
        Collation::Latin1Bin,
        Collation::Latin1DanishCi,
        Collation::Latin1GeneralCi,
        Collation::Latin1GeneralCs,
        Collation::Latin1German1Ci,
        Collation::Latin1SpanishCi,
        Collation::Latin1SwedishCi,
        Collation::Utf8Bin,
        Collation::Utf8GeneralCi,
        Collation::Utf8Unicode520Ci,
        Collation::Utf8UnicodeCi,
        Collation::Utf8mb40900AiCi,
        Collation::Utf8mb40900Bin,
        Collation::Utf8mb4Bin,
        Collation::Utf8mb4GeneralCi,
        Collation::Utf8mb4Unicode520Ci,
        Collation::Utf8mb4UnicodeCi,
    ];

    /// The one with this name; `utf8mb3_…` is `utf8_…`.
    pub fn named(name: &str) -> Option<Collation> {
        let lower = name.to_ascii_lowercase();
        let name = match lower.strip_prefix("utf8mb3_") {
            Some(rest) => format!("utf8_{rest}"),
            None => lower,
        };
        Collation::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Collation::Utf8mb4Bin => "utf8mb4_bin",
            Collation::Utf8mb4GeneralCi => "utf8mb4_general_ci",
            Collation::Utf8mb4UnicodeCi => "utf8mb4_unicode_ci",
            Collation::Utf8mb40900AiCi => "utf8mb4_0900_ai_ci",
            Collation::Utf8mb40900Bin => "utf8mb4_0900_bin",
            Collation::Utf8Bin => "utf8_bin",
            Collation::Utf8GeneralCi => "utf8_general_ci",
            Collation::Utf8UnicodeCi => "utf8_unicode_ci",
            Collation::Latin1Bin => "latin1_bin",
            Collation::AsciiBin => "ascii_bin",
            Collation::GbkBin => "gbk_bin",
            Collation::GbkChineseCi => "gbk_chinese_ci",
            Collation::Binary => "binary",
            Collation::AsciiGeneralCi => "ascii_general_ci",
            Collation::Latin1DanishCi => "latin1_danish_ci",
            Collation::Latin1GeneralCi => "latin1_general_ci",
            Collation::Latin1GeneralCs => "latin1_general_cs",
            Collation::Latin1German1Ci => "latin1_german1_ci",
            Collation::Latin1SpanishCi => "latin1_spanish_ci",
            Collation::Latin1SwedishCi => "latin1_swedish_ci",
            Collation::Utf8Unicode520Ci => "utf8_unicode_520_ci",
            Collation::Utf8mb4Unicode520Ci => "utf8mb4_unicode_520_ci",
        }
    }

    /// MySQL's number for it, which clients are told.
    pub fn id(self) -> u16 {
        match self {
            Collation::Utf8mb4Bin => 46,
            Collation::Utf8mb4GeneralCi => 45,
            Collation::Utf8mb4UnicodeCi => 224,
            Collation::Utf8mb40900AiCi => 255,
            Collation::Utf8mb40900Bin => 309,
            Collation::Utf8Bin => 83,
            Collation::Utf8GeneralCi => 33,
            Collation::Utf8UnicodeCi => 192,
            Collation::Latin1Bin => 47,
            Collation::AsciiBin => 65,
            Collation::GbkBin => 87,
            Collation::GbkChineseCi => 28,
            Collation::Binary => 63,
            Collation::AsciiGeneralCi => 11,
            Collation::Latin1DanishCi => 15,
            Collation::Latin1GeneralCi => 48,
            Collation::Latin1GeneralCs => 49,
            Collation::Latin1German1Ci => 5,
            Collation::Latin1SpanishCi => 94,
            Collation::Latin1SwedishCi => 8,
            Collation::Utf8Unicode520Ci => 214,
            Collation::Utf8mb4Unicode520Ci => 246,
        }
    }

    /// The character set of its texts.
    pub fn charset(self) -> Charset {
        match self {
            Collation::Utf8mb4Bin
            | Collation::Utf8mb4GeneralCi
            | Collation::Utf8mb4UnicodeCi
            | Collation::Utf8mb40900AiCi
            | Collation::Utf8mb4Unicode520Ci
            | Collation::Utf8mb40900Bin => Charset::Utf8mb4,
            Collation::Utf8Bin
            | Collation::Utf8GeneralCi
            | Collation::Utf8UnicodeCi
            | Collation::Utf8Unicode520Ci => Charset::Utf8,
            Collation::Latin1Bin
            | Collation::Latin1DanishCi
            | Collation::Latin1GeneralCi
            | Collation::Latin1GeneralCs
            | Collation::Latin1German1Ci
            | Collation::Latin1SpanishCi
            | Collation::Latin1SwedishCi => Charset::Latin1,
            Collation::AsciiBin | Collation::AsciiGeneralCi => Charset::Ascii,
            Collation::GbkBin | Collation::GbkChineseCi => Charset::Gbk,
            Collation::Binary => Charset::Binary,
        }
    }

    /// Whether it is what the set alone stands for.
    pub fn is_default(self) -> bool {
        self.charset().collation() == self
    }

    /// Whether blanks at the end of a text count (NO PAD).
    pub fn counts_blanks(self) -> bool {
        matches!(self, Collation::Utf8mb40900AiCi | Collation::Utf8mb40900Bin | Collation::Binary)
    }

    /// Whether the bytes of a text, without blanks at the end, are its sort key: nothing need be done to compare.
    pub fn is_plain(self) -> bool {
        match self {
            Collation::Utf8mb4Bin
            | Collation::Utf8Bin
            | Collation::Latin1Bin
            | Collation::AsciiBin
            | Collation::Binary => true,
            Collation::Utf8mb4GeneralCi
            | Collation::Utf8mb4UnicodeCi
            | Collation::Utf8mb40900AiCi
            | Collation::Utf8mb40900Bin
            | Collation::Utf8GeneralCi
            | Collation::Utf8UnicodeCi
            | Collation::GbkBin
            | Collation::GbkChineseCi
            | Collation::AsciiGeneralCi
            | Collation::Latin1DanishCi
            | Collation::Latin1GeneralCi
            | Collation::Latin1GeneralCs
            | Collation::Latin1German1Ci
            | Collation::Latin1SpanishCi
            | Collation::Latin1SwedishCi
            | Collation::Utf8Unicode520Ci
            | Collation::Utf8mb4Unicode520Ci => false,
        }
    }

    /// Whether TiDB has it not, so that lists of collations do not show it: tables of MySQL's dumps have it.
    pub fn is_of_dumps(self) -> bool {
        matches!(
            self,
            Collation::AsciiGeneralCi
                | Collation::Latin1DanishCi
                | Collation::Latin1GeneralCi
                | Collation::Latin1GeneralCs
                | Collation::Latin1German1Ci
                | Collation::Latin1SpanishCi
                | Collation::Latin1SwedishCi
                | Collation::Utf8Unicode520Ci
                | Collation::Utf8mb4Unicode520Ci
        )
    }

    /// How many bytes of a sort key a byte of a text may take, as SHOW COLLATION says it.
    pub fn sort_length(self) -> u8 {
        match self {
            Collation::Utf8mb4UnicodeCi
            | Collation::Utf8UnicodeCi
            | Collation::Utf8mb4Unicode520Ci
            | Collation::Utf8Unicode520Ci => 8,
            Collation::Utf8mb40900AiCi => 0,
            _ => 1,
        }
    }
}

/// Its name.
impl fmt::Display for Collation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

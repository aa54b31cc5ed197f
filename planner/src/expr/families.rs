//! Functions that come in families of one shape: for each family an enum, and one kernel in the executor.

use crate::sequence::SequenceId;

/// One-way functions of bytes, in hexadecimal digits. NULL for NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Digest {
    /// MD5.
    Md5,
    /// SHA, SHA1.
    Sha1,
    /// SHA2(s, bits): 224, 256, 384, 512, and 0 for 256; NULL for other numbers.
    Sha2,
    /// SM3.
    Sm3,
    /// PASSWORD: `*` and SHA-1 of SHA-1, as in `mysql_native_password`; nothing for nothing.
    Password,
}

/// Bytes in another form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// TO_BASE64, in lines of 76 characters.
    ToBase64,
    /// FROM_BASE64: NULL for what is none; blanks and line ends do not count.
    FromBase64,
    /// COMPRESS: the length in four bytes, the least first, and a zlib stream; nothing for nothing.
    Compress,
    /// UNCOMPRESS: NULL for what COMPRESS did not make.
    Uncompress,
    /// UNCOMPRESSED_LENGTH.
    UncompressedLength,
    /// ENCODE(bytes, password), which MySQL 8 has no longer, and TiDB still has.
    Encode,
    /// DECODE.
    Decode,
    /// AES_ENCRYPT(bytes, key, initialisation vector).
    AesEncrypt(BlockMode),
    /// AES_DECRYPT: NULL for what is not encrypted with this key.
    AesDecrypt(BlockMode),
}

/// `block_encryption_mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockMode {
    /// Bytes of the key: 16, 24 or 32.
    pub key_bytes: u8,
    /// What becomes of one block for the next.
    pub chain: Chain,
}

/// How the blocks of a cipher are chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chain {
    /// Each by itself.
    Ecb,
    /// Each is combined with the ciphertext before.
    Cbc,
    /// A stream made of the key and the vector alone.
    Ofb,
    /// A stream made of the ciphertext before.
    Cfb,
}

/// MySQL's default, aes-128-ecb.
impl Default for BlockMode {
    fn default() -> BlockMode {
        BlockMode { key_bytes: 16, chain: Chain::Ecb }
    }
}

impl BlockMode {
    /// The mode of a name like `aes-256-cbc`.
    pub fn of_name(name: &str) -> Option<BlockMode> {
        let lower = name.to_ascii_lowercase();
        let (bits, chain) = lower.strip_prefix("aes-")?.split_once('-')?;
        let key_bytes = match bits {
            "128" => 16,
            "192" => 24,
            "256" => 32,
            _ => return None,
        };
        let chain = match chain {
            "ecb" => Chain::Ecb,
            "cbc" => Chain::Cbc,
            "ofb" => Chain::Ofb,
            "cfb" => Chain::Cfb,
            _ => return None,
        };
        Some(BlockMode { key_bytes, chain })
    }
}

/// Addresses and identifiers, as text and as bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// INET_ATON: an IPv4 address as a number; NULL for what is none.
    InetAton,
    /// INET_NTOA: the address of a number; NULL beyond 32 bits.
    InetNtoa,
    /// INET6_ATON: an address as 4 or 16 bytes; NULL for what is none.
    Inet6Aton,
    /// INET6_NTOA: the address of 4 or 16 bytes; NULL for other lengths.
    Inet6Ntoa,
    /// IS_IPV4 of a text: never NULL.
    IsIpv4,
    /// IS_IPV6 of a text: never NULL.
    IsIpv6,
    /// IS_IPV4_COMPAT of bytes: never NULL.
    IsIpv4Compat,
    /// IS_IPV4_MAPPED of bytes: never NULL.
    IsIpv4Mapped,
    /// IS_UUID.
    IsUuid,
    /// UUID_TO_BIN(s[, swap]): error 1411 for what is no UUID.
    UuidToBin,
    /// BIN_TO_UUID(bytes[, swap]): error 1411 for other than 16 bytes.
    BinToUuid,
}

/// Numbers that spread others evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sharding {
    /// VITESS_HASH.
    Vitess,
    /// TIDB_SHARD: one of 256.
    Shard,
}

impl Sharding {
    /// Its name in EXPLAIN and in signatures.
    pub fn name(self) -> &'static str {
        match self {
            Sharding::Vitess => "vitess_hash",
            Sharding::Shard => "tidb_shard",
        }
    }
}

/// Regular expressions; the arguments behind those named here are `[position, [occurrence, [what,]]] [match type]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// REGEXP_LIKE(s, pattern[, match type]).
    Like,
    /// REGEXP_INSTR(s, pattern[, position[, occurrence[, what[, match type]]]]).
    Instr,
    /// REGEXP_SUBSTR(s, pattern[, position[, occurrence[, match type]]]).
    Substr,
    /// REGEXP_REPLACE(s, pattern, replacement[, position[, occurrence[, match type]]]).
    Replace,
}

/// Texts made of numbers and texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writing {
    /// CHAR(n, …): the bytes of numbers; NULLs are skipped.
    Char,
    /// FORMAT(x, digits[, locale]).
    Format,
    /// QUOTE: a literal of SQL; the word NULL for NULL.
    Quote,
    /// TRANSLATE(s, from, to), character by character.
    Translate,
    /// TIDB_ENCODE_SQL_DIGEST, STATEMENT_DIGEST: the same for statements that differ in values only.
    StatementDigest,
    /// STATEMENT_DIGEST_TEXT: a statement without its values.
    StatementText,
    /// TIDB_DECODE_PLAN: a plan as TiDB's slow log has it; what is none stays as it is.
    DecodePlan,
    /// SOUNDEX: how a word sounds in English.
    Soundex,
    /// FORMAT_BYTES: `1.50 KiB`.
    FormatBytes,
    /// FORMAT_PICO_TIME: `1.50 ms`.
    FormatPicoTime,
    /// FORMAT_NANO_TIME, as FORMAT_PICO_TIME, which TiDB has.
    FormatNanoTime,
    /// WEIGHT_STRING(s): what is compared. With a length it is filled up to so many characters.
    WeightString,
}

/// Spans of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// ADDTIME(time or datetime, time). A text is either, and so is the sum.
    AddTime,
    /// SUBTIME.
    SubTime,
    /// TIMEDIFF(a, b): NULL unless both are times or both are datetimes.
    TimeDiff,
    /// MAKETIME(hour, minute, second): NULL if there is no such minute or second.
    MakeTime,
    /// PERIOD_ADD(period, months): error 1210 for what is no period, YYMM or YYYYMM.
    PeriodAdd,
    /// PERIOD_DIFF(a, b), months.
    PeriodDiff,
    /// TIME_FORMAT(time, format): NULL if the format names a month or a day.
    TimeFormat,
    /// CONVERT_TZ(datetime, from, to), and the zone that is SYSTEM: NULL if there is no such zone.
    ConvertTz,
}

impl Span {
    /// As TiDB names it.
    pub fn name(self) -> &'static str {
        match self {
            Span::AddTime => "addtime",
            Span::SubTime => "subtime",
            Span::TimeDiff => "timediff",
            Span::MakeTime => "maketime",
            Span::PeriodAdd => "period_add",
            Span::PeriodDiff => "period_diff",
            Span::TimeFormat => "time_format",
            Span::ConvertTz => "convert_tz",
        }
    }
}

/// Functions whose value is another one each time: not evaluated while planning, nor more than once for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Volatile {
    /// `RAND([seed])`: from 0 up to, not including, 1. With a constant seed MySQL's sequence; NULL is 0.
    Rand,
    /// UUID: version 1.
    Uuid,
    /// UUID_SHORT.
    UuidShort,
    /// RANDOM_BYTES(n), from 1 to 1024.
    RandomBytes,
    /// SLEEP(seconds): 0.
    Sleep,
    /// BENCHMARK(n, x): 0, after x was evaluated n times.
    Benchmark,
    /// LAST_INSERT_ID(n): n, which LAST_INSERT_ID() is from then on; 0 for NULL.
    InsertId,
    /// NEXTVAL(sequence): a number that nobody has. The first argument is the name, for whoever reads the plan.
    NextValue(SequenceId),
    /// LASTVAL(sequence): the number that the session got last from it; NULL if none.
    LastValue(SequenceId),
    /// SETVAL(sequence, n): n, below which it gives out no more; NULL if that is so already.
    SetValue(SequenceId),
    /// GET_LOCK(name, seconds): 1, or 0 if another session had it all the time.
    GetLock,
    /// RELEASE_LOCK(name): 1, or 0 if the session does not have it.
    ReleaseLock,
    /// IS_FREE_LOCK(name): whether nobody has it.
    IsFreeLock,
    /// IS_USED_LOCK(name): the connection that has it; NULL if none.
    IsUsedLock,
    /// RELEASE_ALL_LOCKS(): how many the session had.
    ReleaseAllLocks,
    /// `@name` where the statement assigns to it. The argument is the name.
    GetVariable,
    /// `@name := x`: x, which the variable is from then on. The arguments are the name and x.
    SetVariable,
}

impl Volatile {
    /// As TiDB names it.
    pub fn name(self) -> &'static str {
        match self {
            Volatile::Rand => "rand",
            Volatile::Uuid => "uuid",
            Volatile::UuidShort => "uuid_short",
            Volatile::RandomBytes => "random_bytes",
            Volatile::Sleep => "sleep",
            Volatile::Benchmark => "benchmark",
            Volatile::InsertId => "last_insert_id",
            Volatile::NextValue(_) => "nextval",
            Volatile::LastValue(_) => "lastval",
            Volatile::SetValue(_) => "setval",
            Volatile::GetLock => "get_lock",
            Volatile::ReleaseLock => "release_lock",
            Volatile::IsFreeLock => "is_free_lock",
            Volatile::IsUsedLock => "is_used_lock",
            Volatile::ReleaseAllLocks => "release_all_locks",
            Volatile::GetVariable => "getvar",
            Volatile::SetVariable => "setvar",
        }
    }

    /// Whether it has an answer, or an error, for NULL.
    pub(super) fn takes_null(self) -> bool {
        !matches!(self, Volatile::RandomBytes | Volatile::SetValue(_))
    }

    /// Whether it asks a sequence.
    pub fn asks_sequence(self) -> bool {
        matches!(self, Volatile::NextValue(_) | Volatile::LastValue(_) | Volatile::SetValue(_))
    }

    /// Whether it reads a user variable or assigns to one.
    pub fn is_variable(self) -> bool {
        matches!(self, Volatile::GetVariable | Volatile::SetVariable)
    }

    /// Whether what it comes to depends on what was asked before, so that rows are evaluated in turn.
    pub fn in_turn(self) -> bool {
        self.is_named_lock() || self.asks_sequence() || self.is_variable()
    }

    /// Whether it asks for a lock that has a name.
    pub fn is_named_lock(self) -> bool {
        matches!(
            self,
            Volatile::GetLock
                | Volatile::ReleaseLock
                | Volatile::IsFreeLock
                | Volatile::IsUsedLock
                | Volatile::ReleaseAllLocks
        )
    }
}

impl Digest {
    /// As TiDB names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Digest::Md5 => "md5",
            Digest::Sha1 => "sha1",
            Digest::Sha2 => "sha2",
            Digest::Sm3 => "sm3",
            Digest::Password => "password",
        }
    }
}

impl Coding {
    /// As TiDB names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Coding::ToBase64 => "to_base64",
            Coding::FromBase64 => "from_base64",
            Coding::Compress => "compress",
            Coding::Uncompress => "uncompress",
            Coding::UncompressedLength => "uncompressed_length",
            Coding::Encode => "encode",
            Coding::Decode => "decode",
            Coding::AesEncrypt(_) => "aes_encrypt",
            Coding::AesDecrypt(_) => "aes_decrypt",
        }
    }
}

impl Network {
    /// As TiDB names it.
    pub fn name(self) -> &'static str {
        match self {
            Network::InetAton => "inet_aton",
            Network::InetNtoa => "inet_ntoa",
            Network::Inet6Aton => "inet6_aton",
            Network::Inet6Ntoa => "inet6_ntoa",
            Network::IsIpv4 => "is_ipv4",
            Network::IsIpv6 => "is_ipv6",
            Network::IsIpv4Compat => "is_ipv4_compat",
            Network::IsIpv4Mapped => "is_ipv4_mapped",
            Network::IsUuid => "is_uuid",
            Network::UuidToBin => "uuid_to_bin",
            Network::BinToUuid => "bin_to_uuid",
        }
    }

    /// Whether it has an answer for NULL.
    pub(super) fn takes_null(self) -> bool {
        matches!(self, Network::IsIpv4 | Network::IsIpv6 | Network::IsIpv4Compat | Network::IsIpv4Mapped)
    }
}

impl Pattern {
    /// As TiDB names it.
    pub fn name(self) -> &'static str {
        match self {
            Pattern::Like => "regexp_like",
            Pattern::Instr => "regexp_instr",
            Pattern::Substr => "regexp_substr",
            Pattern::Replace => "regexp_replace",
        }
    }
}

impl Writing {
    /// As TiDB names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Writing::Char => "char_func",
            Writing::Format => "format",
            Writing::Quote => "quote",
            Writing::Translate => "translate",
            Writing::Soundex => "soundex",
            Writing::StatementDigest => "tidb_encode_sql_digest",
            Writing::StatementText => "statement_digest_text",
            Writing::DecodePlan => "tidb_decode_plan",
            Writing::FormatBytes => "format_bytes",
            Writing::FormatPicoTime => "format_pico_time",
            Writing::FormatNanoTime => "format_nano_time",
            Writing::WeightString => "weight_string",
        }
    }
}

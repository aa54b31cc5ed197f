//! MySQL column types and the Arrow arrays that hold them.
//!
//! | MySQL | Arrow, in storage and at the library's door |
//! |---|---|
//! | every signed integer, BOOL, YEAR | `Int64` |
//! | every unsigned integer | `UInt64` |
//! | FLOAT, DOUBLE | `Float64` |
//! | DECIMAL(p, s), p <= 18 | `Decimal64(18, s)` |
//! | DECIMAL(p, s), p > 18 | `Decimal128(38, s)`; 38 digits are what it can hold, more is an overflow error |
//! | CHAR, VARCHAR, TEXT | `Utf8View`; inside, also `Dictionary(UInt16, Utf8View)` |
//! | BINARY, VARBINARY, BLOB | `BinaryView` |
//! | DATE | `Date32` |
//! | DATETIME, TIMESTAMP | `Timestamp(Microsecond, None)`; a TIMESTAMP is held in UTC, and at the door is what clocks of the session show |
//! | TIME | `Duration(Microsecond)` (it may be negative and exceed a day) |
//! | JSON | `BinaryView`: a compact form of the document, see [`json`](super::json) |
//! | ENUM, SET, BIT(n) | `UInt64`: the member's number, the mask, the bits; the type tells what to print |
//!
//! One physical type per family keeps the kernels few: integers are checked against their declared width when written,
//! never while computing. Inside the executor a decimal column may travel in the narrower or the wider of its two forms
//! and a string column as dictionary codes; at the door a batch has exactly the type above.

use std::borrow::Cow;
use std::fmt;

use arrow::datatypes::{DataType, TimeUnit};

use super::{Collation, Members};

/// The most digits that a 64-bit decimal holds.
pub const DECIMAL64_PRECISION_MAX: u8 = 18;
/// The most digits MySQL allows a DECIMAL.
pub const DECIMAL_PRECISION_MAX: u8 = 65;
/// The most digits MySQL allows after the point.
pub const DECIMAL_SCALE_MAX: u8 = 30;

/// How many bytes an integer column may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntWidth {
    /// TINYINT, 1 byte.
    Tiny,
    /// SMALLINT, 2 bytes.
    Small,
    /// MEDIUMINT, 3 bytes.
    Medium,
    /// INT, 4 bytes.
    Int,
    /// BIGINT, 8 bytes.
    Big,
}

impl IntWidth {
    /// Bytes of the declared type.
    pub fn bytes(self) -> u32 {
        match self {
            IntWidth::Tiny => 1,
            IntWidth::Small => 2,
            IntWidth::Medium => 3,
            IntWidth::Int => 4,
            IntWidth::Big => 8,
        }
    }
}

/// A MySQL type without its nullability.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SqlType {
    /// The type of a bare NULL.
    Null,
    /// TINYINT to BIGINT.
    Int {
        /// Declared width.
        width: IntWidth,
        /// Whether UNSIGNED.
        unsigned: bool,
    },
    /// FLOAT (held as a double, rounded to single precision when written).
    Float,
    /// DOUBLE.
    Double,
    /// DECIMAL(precision, scale).
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// CHAR(n), n in characters.
    Char(u32, Collation),
    /// VARCHAR(n), n in characters.
    VarChar(u32, Collation),
    /// TINYTEXT to LONGTEXT, with the most bytes it may hold.
    Text(u32, Collation),
    /// BINARY(n), n in bytes.
    Binary(u32),
    /// VARBINARY(n), n in bytes.
    VarBinary(u32),
    /// TINYBLOB to LONGBLOB, with the most bytes it may hold.
    Blob(u32),
    /// DATE.
    Date,
    /// DATETIME(fsp), fsp = digits of the second's fraction.
    DateTime(u8),
    /// TIMESTAMP(fsp).
    Timestamp(u8),
    /// TIME(fsp).
    Time(u8),
    /// YEAR.
    Year,
    /// ENUM: the number of a member.
    Enum(Members),
    /// SET: a mask of members.
    Set(Members),
    /// BIT(n), 1 to 64 bits. Also the type of `b'101'` and `x'05'`, whose bits are those of whole bytes.
    Bit(u8),
    /// JSON.
    Json,
}

impl SqlType {
    /// BIGINT.
    pub const BIGINT: SqlType = SqlType::Int { width: IntWidth::Big, unsigned: false };
    /// BIGINT UNSIGNED.
    pub const BIGINT_UNSIGNED: SqlType = SqlType::Int { width: IntWidth::Big, unsigned: true };
    /// INT.
    pub const INT: SqlType = SqlType::Int { width: IntWidth::Int, unsigned: false };
    /// What a comparison returns: MySQL's BOOL is an integer, 0 or 1.
    pub const BOOL: SqlType = SqlType::Int { width: IntWidth::Tiny, unsigned: false };

    /// CHAR(n) of the default collation.
    pub const fn char(length: u32) -> SqlType {
        SqlType::Char(length, Collation::Utf8mb4Bin)
    }

    /// VARCHAR(n) of the default collation.
    pub const fn varchar(length: u32) -> SqlType {
        SqlType::VarChar(length, Collation::Utf8mb4Bin)
    }

    /// TEXT of so many bytes, of the default collation.
    pub const fn text(bytes: u32) -> SqlType {
        SqlType::Text(bytes, Collation::Utf8mb4Bin)
    }

    /// The collation of CHAR, VARCHAR, TEXT, ENUM and SET; the default for all others.
    pub fn collation(&self) -> Collation {
        match self {
            SqlType::Char(_, collation) | SqlType::VarChar(_, collation) | SqlType::Text(_, collation) => {
                *collation
            }
            SqlType::Enum(members) | SqlType::Set(members) => members.collation(),
            _ => Collation::default(),
        }
    }

    /// The same type with another collation, if it has one.
    pub fn with_collation(self, collation: Collation) -> SqlType {
        match self {
            SqlType::Char(n, _) => SqlType::Char(n, collation),
            SqlType::VarChar(n, _) => SqlType::VarChar(n, collation),
            SqlType::Text(n, _) => SqlType::Text(n, collation),
            SqlType::Enum(members) => SqlType::Enum(members.with_collation(collation)),
            SqlType::Set(members) => SqlType::Set(members.with_collation(collation)),
            other => other,
        }
    }

    /// The Arrow type that holds it (see the table above).
    pub fn arrow(&self) -> DataType {
        match self {
            SqlType::Null => DataType::Null,
            SqlType::Int { unsigned: false, .. } | SqlType::Year => DataType::Int64,
            SqlType::Int { unsigned: true, .. } | SqlType::Enum(_) | SqlType::Set(_) | SqlType::Bit(_) => {
                DataType::UInt64
            }
            SqlType::Float | SqlType::Double => DataType::Float64,
            SqlType::Decimal { precision, scale } if *precision <= DECIMAL64_PRECISION_MAX => {
                DataType::Decimal64(DECIMAL64_PRECISION_MAX, *scale as i8)
            }
            SqlType::Decimal { scale, .. } => DataType::Decimal128(38, *scale as i8),
            SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => DataType::Utf8View,
            SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) | SqlType::Json => {
                DataType::BinaryView
            }
            SqlType::Date => DataType::Date32,
            SqlType::DateTime(_) | SqlType::Timestamp(_) => DataType::Timestamp(TimeUnit::Microsecond, None),
            SqlType::Time(_) => DataType::Duration(TimeUnit::Microsecond),
        }
    }

    /// CHAR, VARCHAR, TEXT.
    pub fn is_string(&self) -> bool {
        matches!(self, SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..))
    }

    /// BINARY, VARBINARY, BLOB.
    pub fn is_binary(&self) -> bool {
        matches!(self, SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_))
    }

    /// ENUM and SET: numbers that print as text.
    pub fn is_choice(&self) -> bool {
        matches!(self, SqlType::Enum(_) | SqlType::Set(_))
    }

    /// The number of the one value of this ENUM or SET that prints as a text that is equal to this one. None if there is none, or
    /// if an empty member makes it uncertain which: what is no member is empty too.
    pub fn number_printed(&self, text: &str) -> Option<u64> {
        let (SqlType::Enum(members) | SqlType::Set(members)) = self else { return None };
        if members.has_empty() {
            return None;
        }
        let number = match self {
            SqlType::Enum(_) => members.enum_number(text)?,
            _ => members.set_mask(text)?,
        };
        let (printed, collation) = (self.print_number(number)?, members.collation());
        let printed = std::str::from_utf8(&printed).ok()?;
        (collation.sort_key(printed) == collation.sort_key(text)).then_some(number)
    }

    /// How the number of a value is printed, if the type is one whose numbers print as something else: the text of ENUM
    /// and SET, the bytes of BIT.
    pub fn print_number(&self, number: u64) -> Option<Cow<'_, [u8]>> {
        match self {
            SqlType::Enum(members) => Some(members.enum_text(number).as_bytes().into()),
            SqlType::Set(members) => Some(members.set_text(number).into_bytes().into()),
            SqlType::Bit(bits) => Some(bit_bytes(number, *bits).to_vec().into()),
            _ => None,
        }
    }

    /// Integers, YEAR included.
    pub fn is_integer(&self) -> bool {
        matches!(self, SqlType::Int { .. } | SqlType::Year)
    }

    /// Integers, floats and decimals.
    pub fn is_numeric(&self) -> bool {
        self.is_integer() || matches!(self, SqlType::Float | SqlType::Double | SqlType::Decimal { .. })
    }

    /// DATE, DATETIME, TIMESTAMP, TIME.
    pub fn is_temporal(&self) -> bool {
        matches!(self, SqlType::Date | SqlType::DateTime(_) | SqlType::Timestamp(_) | SqlType::Time(_))
    }
}

/// As MySQL writes it in SHOW CREATE TABLE and DESCRIBE: `bigint`, `int unsigned`, `decimal(15,2)`, `varchar(25)`.
impl fmt::Display for SqlType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fsp = |f: &mut fmt::Formatter<'_>, name: &str, fsp: u8| match fsp {
            0 => write!(f, "{name}"),
            n => write!(f, "{name}({n})"),
        };
        match self {
            SqlType::Null => write!(f, "null"),
            SqlType::Int { width, unsigned } => {
                let name = match width {
                    IntWidth::Tiny => "tinyint",
                    IntWidth::Small => "smallint",
                    IntWidth::Medium => "mediumint",
                    IntWidth::Int => "int",
                    IntWidth::Big => "bigint",
                };
                write!(f, "{name}{}", if *unsigned { " unsigned" } else { "" })
            }
            SqlType::Float => write!(f, "float"),
            SqlType::Double => write!(f, "double"),
            SqlType::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            SqlType::Char(n, _) => write!(f, "char({n})"),
            SqlType::VarChar(n, _) => write!(f, "varchar({n})"),
            SqlType::Text(n, _) => match n {
                0..=255 => write!(f, "tinytext"),
                256..=65_535 => write!(f, "text"),
                65_536..=16_777_215 => write!(f, "mediumtext"),
                16_777_216.. => write!(f, "longtext"),
            },
            SqlType::Binary(n) => write!(f, "binary({n})"),
            SqlType::VarBinary(n) => write!(f, "varbinary({n})"),
            SqlType::Blob(n) => match n {
                0..=255 => write!(f, "tinyblob"),
                256..=65_535 => write!(f, "blob"),
                65_536..=16_777_215 => write!(f, "mediumblob"),
                16_777_216.. => write!(f, "longblob"),
            },
            SqlType::Date => write!(f, "date"),
            SqlType::DateTime(n) => fsp(f, "datetime", *n),
            SqlType::Timestamp(n) => fsp(f, "timestamp", *n),
            SqlType::Time(n) => fsp(f, "time", *n),
            SqlType::Year => write!(f, "year(4)"),
            SqlType::Enum(members) => list(f, "enum", members),
            SqlType::Set(members) => list(f, "set", members),
            SqlType::Bit(bits) => write!(f, "bit({bits})"),
            SqlType::Json => write!(f, "json"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, members: &Members) -> fmt::Result {
    write!(f, "{name}(")?;
    for (at, member) in members.iter().enumerate() {
        write!(f, "{}'{}'", if at == 0 { "" } else { "," }, member.replace('\'', "''"))?;
    }
    write!(f, ")")
}

/// The bytes of so many bits, the highest first; the last ones of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitBytes([u8; 8], u8);

impl std::ops::Deref for BitBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[usize::from(self.1)..]
    }
}

/// A BIT(n)'s bytes as a client sees them.
pub fn bit_bytes(value: u64, bits: u8) -> BitBytes {
    BitBytes(value.to_be_bytes(), 8 - bits.clamp(1, 64).div_ceil(8))
}

/// A type and whether NULL is among its values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ColumnType {
    /// The MySQL type.
    pub sql: SqlType,
    /// Whether a value may be NULL.
    pub nullable: bool,
}

impl ColumnType {
    /// A type that has NULLs.
    pub fn nullable(sql: SqlType) -> ColumnType {
        ColumnType { sql, nullable: true }
    }

    /// A type without NULLs.
    pub fn not_null(sql: SqlType) -> ColumnType {
        ColumnType { sql, nullable: false }
    }

    /// The Arrow type that holds it.
    pub fn arrow(&self) -> DataType {
        self.sql.arrow()
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.sql, if self.nullable { "" } else { " not null" })
    }
}

//! Column definitions: what a client is told of each column before the rows come.

use allod_storage::schema::{Charset, ColumnType, IntWidth, SqlType};

use super::constants::{collation, column_flag, column_type};
use super::payload::{put_lenenc_bytes, put_text};
use crate::result::Column;

/// Bytes of a character at most.
const CHARACTER_BYTES: u32 = 4;
/// "As many digits as there are": the decimals of a binary fraction.
const NOT_FIXED: u8 = 31;

/// What the wire says of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    ty: u8,
    /// Display width, in bytes.
    length: u32,
    flags: u16,
    decimals: u8,
    collation: u16,
}

/// How the values of a column go over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wire(u8);

impl Wire {
    /// Of a type.
    pub fn of(ty: &SqlType) -> Wire {
        Wire(shape(ty).ty)
    }

    /// Bytes of a number.
    pub fn integer_bytes(self) -> usize {
        match self.0 {
            column_type::TINY => 1,
            column_type::SHORT | column_type::YEAR => 2,
            column_type::LONG | column_type::INT24 => 4,
            _ => 8,
        }
    }
}

/// Appends the definition of a column of a result, in the set that the client reads.
pub(crate) fn definition(out: &mut Vec<u8>, column: &Column, results: Option<Charset>) {
    let [database, alias, table, original] = match &column.origin {
        Some(of) => [&*of.database, &of.alias, &of.table, &of.column],
        None => [""; 4],
    };
    let boolean = column.origin.as_ref().is_some_and(|of| of.boolean);
    put(out, [database, alias, table, &column.name, original], (&column.ty, boolean), results);
}

/// Appends the definition of a column of a table, for COM_FIELD_LIST: its database, its table and its name.
pub(crate) fn of_table(
    out: &mut Vec<u8>,
    [database, table, name]: [&str; 3],
    ty: (&ColumnType, bool),
    results: Option<Charset>,
) {
    put(out, [database, table, table, name, name], ty, results);
    // No default is told.
    out.push(0xfb);
}

/// Appends what is said of a parameter: nothing is known of it but that there is one.
pub(crate) fn parameter(out: &mut Vec<u8>) {
    let ty = ColumnType::nullable(SqlType::varchar(0));
    put(out, ["", "", "", "?", ""], (&ty, false), None);
}

/// The length by which clients know a TINYINT for a boolean.
const BOOLEAN_LENGTH: u32 = 1;

/// `names`: database, table as the query calls it, table, column as the query calls it, column of the table. `boolean`: whether
/// the client may take it for one.
fn put(out: &mut Vec<u8>, names: [&str; 5], (ty, boolean): (&ColumnType, bool), results: Option<Charset>) {
    let mut shape = shape(&ty.sql);
    if boolean {
        shape.length = BOOLEAN_LENGTH;
    }
    let collation = match results {
        Some(charset) if shape.collation != collation::BINARY => charset.collation().id(),
        _ => shape.collation,
    };
    let not_null = if ty.nullable { 0 } else { column_flag::NOT_NULL };
    put_lenenc_bytes(out, b"def");
    for name in names {
        put_text(out, name, results);
    }
    out.push(0x0c);
    out.extend_from_slice(&collation.to_le_bytes());
    out.extend_from_slice(&shape.length.to_le_bytes());
    out.push(shape.ty);
    out.extend_from_slice(&(shape.flags | not_null).to_le_bytes());
    out.push(shape.decimals);
    out.extend_from_slice(&[0, 0]);
}

fn shape(ty: &SqlType) -> Shape {
    use column_flag::{BINARY, BLOB, ENUM, NUM, SET, UNSIGNED};
    let number = |ty, length, flags, decimals| Shape {
        ty,
        length,
        flags: NUM | BINARY | flags,
        decimals,
        collation: collation::BINARY,
    };
    let time = |ty, length: u32, fsp: u8| Shape {
        ty,
        // The point and the digits of the fraction.
        length: length + if fsp == 0 { 0 } else { u32::from(fsp) + 1 },
        flags: BINARY,
        decimals: fsp,
        collation: collation::BINARY,
    };
    let text = |ty, characters: u32, flags| Shape {
        ty,
        length: characters.saturating_mul(CHARACTER_BYTES),
        flags,
        decimals: 0,
        collation: collation::UTF8MB4_BIN,
    };
    let bytes = |ty, length, flags| Shape {
        ty,
        length,
        flags: BINARY | flags,
        decimals: 0,
        collation: collation::BINARY,
    };
    match ty {
        SqlType::Null => Shape { flags: BINARY, ..number(column_type::NULL, 0, 0, 0) },
        SqlType::Int { width, unsigned } => {
            let (ty, length) = match width {
                IntWidth::Tiny => (column_type::TINY, 4),
                IntWidth::Small => (column_type::SHORT, 6),
                IntWidth::Medium => (column_type::INT24, 9),
                IntWidth::Int => (column_type::LONG, 11),
                IntWidth::Big => (column_type::LONGLONG, 20),
            };
            number(ty, length, if *unsigned { UNSIGNED } else { 0 }, 0)
        }
        SqlType::Float => number(column_type::FLOAT, 12, 0, NOT_FIXED),
        SqlType::Double => number(column_type::DOUBLE, 22, 0, NOT_FIXED),
        // The sign and the point.
        SqlType::Decimal { precision, scale } => {
            number(column_type::NEWDECIMAL, u32::from(*precision) + 2, 0, *scale)
        }
        SqlType::Char(n, _) => text(column_type::STRING, *n, 0),
        SqlType::VarChar(n, _) => text(column_type::VAR_STRING, *n, 0),
        // Its length is in bytes.
        SqlType::Text(n, _) => Shape { length: *n, ..text(blob(*n), 0, BLOB) },
        SqlType::Binary(n) => bytes(column_type::STRING, *n, 0),
        SqlType::VarBinary(n) => bytes(column_type::VAR_STRING, *n, 0),
        SqlType::Blob(n) => bytes(blob(*n), *n, BLOB),
        SqlType::Json => bytes(column_type::JSON, u32::MAX, BLOB),
        SqlType::Date => time(column_type::DATE, 10, 0),
        SqlType::DateTime(fsp) => time(column_type::DATETIME, 19, *fsp),
        SqlType::Timestamp(fsp) => time(column_type::TIMESTAMP, 19, *fsp),
        SqlType::Time(fsp) => time(column_type::TIME, 10, *fsp),
        SqlType::Year => number(column_type::YEAR, 4, UNSIGNED, 0),
        // A flag tells them from CHAR.
        SqlType::Enum(members) => text(column_type::STRING, members.enum_length(), ENUM),
        SqlType::Set(members) => text(column_type::STRING, members.set_length(), SET),
        SqlType::Bit(bits) => Shape { flags: UNSIGNED, ..number(column_type::BIT, u32::from(*bits), 0, 0) },
    }
}

/// The type of TINYTEXT to LONGTEXT and TINYBLOB to LONGBLOB.
fn blob(bytes_max: u32) -> u8 {
    match bytes_max {
        0..=0xff => column_type::TINY_BLOB,
        0x100..=0xffff => column_type::BLOB,
        0x1_0000..=0xff_ffff => column_type::MEDIUM_BLOB,
        _ => column_type::LONG_BLOB,
    }
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::Members;

    use super::*;
    use allod_planner::column::Origin;

    #[test]
    fn a_definition_is_laid_out_as_documented() {
        let mut out = Vec::new();
        let ty = ColumnType { sql: SqlType::Decimal { precision: 10, scale: 2 }, nullable: false };
        definition(&mut out, &Column { name: "d".into(), ty: ty.clone(), origin: None }, None);
        let want = b"\x03def\0\0\0\x01d\0\x0c\x3f\0\x0c\0\0\0\xf6\x81\x80\x02\0\0";
        assert_eq!(out, want);
        let [database, table, alias, column] = ["db", "t", "x", "c"].map(Into::into);
        let origin = Some(Origin { database, table, alias, column, boolean: false });
        out.clear();
        definition(&mut out, &Column { name: "d".into(), ty, origin }, None);
        assert!(out.starts_with(b"\x03def\x02db\x01x\x01t\x01d\x01c\x0c"), "{out:?}");
        // By its length clients know a boolean.
        let mut boolean = Vec::new();
        of_table(&mut boolean, ["", "", ""], (&ColumnType::nullable(SqlType::BOOL), true), None);
        assert_eq!(boolean[12..16], [1, 0, 0, 0]);
    }

    #[test]
    fn texts_say_their_collation_and_bytes_that_they_are() {
        let text = shape(&SqlType::text(0xffff));
        assert_eq!(
            (text.ty, text.collation, text.length),
            (column_type::BLOB, collation::UTF8MB4_BIN, 0xffff)
        );
        let blob = shape(&SqlType::Blob(0xff_ffff));
        assert_eq!((blob.ty, blob.collation), (column_type::MEDIUM_BLOB, collation::BINARY));
        assert_eq!(shape(&SqlType::varchar(10)).length, 40);
        let members = Members::new(["a", "bcd"]);
        let choice = shape(&SqlType::Enum(members.clone()));
        assert_eq!((choice.ty, choice.flags, choice.length), (column_type::STRING, column_flag::ENUM, 12));
        let set = shape(&SqlType::Set(members));
        assert_eq!((set.ty, set.flags, set.length), (column_type::STRING, column_flag::SET, 20));
        let bit = shape(&SqlType::Bit(9));
        assert_eq!((bit.ty, bit.flags, bit.length), (column_type::BIT, column_flag::UNSIGNED, 9));
        assert_eq!(shape(&SqlType::DateTime(3)).length, 23);
    }
}

//! `columns`: the columns of all tables, this database's own left out.

use allod_planner::expr::types::text_length;
use allod_planner::zone::Zone;
use allod_storage::schema::{ColumnDef, Datum, IntWidth, SqlType, TableDescriptor};

use super::Kind::{Number, Text};
use super::{Definition, Facts, entries, number, of_view, text, yes_no};
use crate::catalog::Version;
use crate::error::Result;
use crate::session::{default_text, extra_of, key_of};

pub(super) const TABLE: Definition = Definition {
    name: "columns",
    columns: &[
        ("TABLE_CATALOG", Text(512)),
        ("TABLE_SCHEMA", Text(64)),
        ("TABLE_NAME", Text(64)),
        ("COLUMN_NAME", Text(64)),
        ("ORDINAL_POSITION", Number),
        ("COLUMN_DEFAULT", Text(65535)),
        ("IS_NULLABLE", Text(3)),
        ("DATA_TYPE", Text(64)),
        ("CHARACTER_MAXIMUM_LENGTH", Number),
        ("CHARACTER_OCTET_LENGTH", Number),
        ("NUMERIC_PRECISION", Number),
        ("NUMERIC_SCALE", Number),
        ("DATETIME_PRECISION", Number),
        ("CHARACTER_SET_NAME", Text(32)),
        ("COLLATION_NAME", Text(32)),
        ("COLUMN_TYPE", Text(1024)),
        ("COLUMN_KEY", Text(3)),
        ("EXTRA", Text(45)),
        ("PRIVILEGES", Text(80)),
        ("COLUMN_COMMENT", Text(1024)),
        ("GENERATION_EXPRESSION", Text(1024)),
    ],
    rows,
};

fn rows(version: &Version, facts: &Facts) -> Result<Vec<Vec<Datum>>> {
    let zone = facts.variables.settings().zone;
    let of_table = |table: &TableDescriptor| -> Vec<Vec<Datum>> {
        let columns = table.visible_columns().enumerate();
        let seen = |(_, o): &(usize, usize)| {
            facts.rights.sees_column(&table.database, &table.name, &table.columns[*o].name)
        };
        columns.filter(seen).map(|(at, ordinal)| row(table, at, ordinal, zone)).collect()
    };
    let views = version.databases().flat_map(|database| version.views(database));
    let tables = entries(version).flat_map(|entry| of_table(&entry.descriptor));
    Ok(tables.chain(views.flat_map(|view| of_table(&of_view(view)))).collect())
}

fn row(table: &TableDescriptor, at: usize, ordinal: usize, zone: Zone) -> Vec<Datum> {
    let column = &table.columns[ordinal];
    let ColumnDef { name, ty, default, generated, comment, .. } = column;
    let full = column.type_in_sql();
    let data_type = full.split(['(', ' ']).next().unwrap_or_default();
    let mut size = Size::of(&ty.sql);
    if let Some(digits) = column.digits {
        (size.precision, size.scale) = (Some(digits.precision.into()), Some(digits.scale.into()));
    }
    let or_null = |n: Option<u64>| n.map_or(Datum::Null, number);
    let default = default
        .as_ref()
        .filter(|d| !d.is_null())
        .map_or(Datum::Null, |d| text(default_text(d, &ty.sql, zone)));
    let (charset, collation) = match ty.sql.is_string() || ty.sql.is_choice() {
        true => {
            let own = ty.sql.collation();
            (text(own.charset().name()), text(own.name()))
        }
        false => (Datum::Null, Datum::Null),
    };
    vec![
        text("def"),
        text(&table.database),
        text(&table.name),
        text(name),
        number(at as u64 + 1),
        default,
        yes_no(ty.nullable),
        text(data_type),
        or_null(size.characters),
        or_null(size.bytes),
        or_null(size.precision),
        or_null(size.scale),
        or_null(size.fsp),
        charset,
        collation,
        text(&full),
        text(key_of(table, ordinal)),
        text(extra_of(table, ordinal)),
        text("select,insert,update,references"),
        text(comment),
        text(generated.as_ref().map_or("", |g| &*g.expr)),
    ]
}

/// What MySQL says of the size of a type.
#[derive(Default)]
struct Size {
    characters: Option<u64>,
    bytes: Option<u64>,
    precision: Option<u64>,
    scale: Option<u64>,
    fsp: Option<u64>,
}

impl Size {
    fn of(ty: &SqlType) -> Size {
        match ty {
            SqlType::Null | SqlType::Date | SqlType::Year | SqlType::Json => Size::default(),
            SqlType::Int { width, unsigned } => {
                let digits = match (width, unsigned) {
                    (IntWidth::Tiny, _) => 3,
                    (IntWidth::Small, _) => 5,
                    (IntWidth::Medium, _) => 7,
                    (IntWidth::Int, _) => 10,
                    (IntWidth::Big, false) => 19,
                    (IntWidth::Big, true) => 20,
                };
                Size { precision: Some(digits), scale: Some(0), ..Size::default() }
            }
            SqlType::Float => Size { precision: Some(12), ..Size::default() },
            SqlType::Double => Size { precision: Some(22), ..Size::default() },
            SqlType::Decimal { precision, scale } => {
                Size { precision: Some((*precision).into()), scale: Some((*scale).into()), ..Size::default() }
            }
            SqlType::Char(n, _) | SqlType::VarChar(n, _) => {
                Size { characters: Some((*n).into()), bytes: Some(u64::from(*n) * 4), ..Size::default() }
            }
            SqlType::Enum(_) | SqlType::Set(_) => {
                let characters = u64::from(text_length(ty));
                Size { characters: Some(characters), bytes: Some(characters * 4), ..Size::default() }
            }
            SqlType::Bit(bits) => Size { precision: Some((*bits).into()), ..Size::default() },
            SqlType::Text(n, _) | SqlType::Binary(n) | SqlType::VarBinary(n) | SqlType::Blob(n) => {
                Size { characters: Some((*n).into()), bytes: Some((*n).into()), ..Size::default() }
            }
            SqlType::DateTime(n) | SqlType::Timestamp(n) | SqlType::Time(n) => {
                Size { fsp: Some((*n).into()), ..Size::default() }
            }
        }
    }
}

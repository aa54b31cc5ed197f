//! AUTO_RANDOM and AUTO_ID_CACHE: what a definition may say of how rows are numbered.

use allod_storage::schema::{AutoRandom, ColumnDef, IntWidth, Numbering, SqlType};
use sqlparser::ast::{self, ColumnOption};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use crate::error::Error;
use crate::parse::RandomSyntax;
use crate::physical::PlanWarning;

fn fault(what: impl Into<String>) -> Error {
    Error::AutoRandom(what.into())
}

/// AUTO_RANDOM of a column, as its clause has it.
pub(super) fn random_of(
    syntax: &RandomSyntax,
    def: &ast::ColumnDef,
    column: &ColumnDef,
) -> Result<AutoRandom, Error> {
    let SqlType::Int { width: IntWidth::Big, unsigned } = column.ty.sql else {
        let ty = column.ty.sql.to_string().to_lowercase();
        let ty = ty.split(['(', ' ']).next().unwrap_or_default();
        let message =
            format!("auto_random option must be defined on `bigint` column, but not on `{ty}` column");
        return Err(fault(message));
    };
    for option in &def.options {
        match &option.option {
            ColumnOption::DialectSpecific(tokens) if matches!(tokens.as_slice(), [Token::Word(w)] if w.keyword == Keyword::AUTO_INCREMENT) =>
            {
                return Err(fault("auto_random is incompatible with auto_increment"));
            }
            ColumnOption::Default(_) => return Err(fault("auto_random is incompatible with default")),
            _ => {}
        }
    }
    let name = &column.name;
    let shard_bits = match syntax.shard_bits {
        None => AutoRandom::SHARD_BITS,
        Some(0) => return Err(fault("the value of auto_random should be positive")),
        Some(bits) => match u8::try_from(bits) {
            Ok(bits) if bits <= AutoRandom::SHARD_BITS_MAX => bits,
            _ => {
                let most = AutoRandom::SHARD_BITS_MAX;
                let message = format!(
                    "max allowed auto_random shard bits is {most}, but got {bits} on column `{name}`"
                );
                return Err(fault(message));
            }
        },
    };
    let (least, most) = (AutoRandom::RANGE_BITS_MIN, AutoRandom::RANGE_BITS_MAX);
    let range_bits = match syntax.range_bits {
        None => most,
        Some(bits) => match u8::try_from(bits) {
            Ok(bits) if (least..=most).contains(&bits) => bits,
            _ => {
                let message =
                    format!("auto_random range bits must be between {least} and {most}, but got {bits}");
                return Err(fault(message));
            }
        },
    };
    let random = AutoRandom { shard_bits, range_bits };
    if random.count_bits(unsigned) < i16::from(AutoRandom::COUNT_BITS_MIN) {
        let message = format!(
            "auto_random ID space is too small, please decrease the shard bits or increase the range bits of column `{name}`"
        );
        return Err(fault(message));
    }
    Ok(random)
}

/// Refuses AUTO_RANDOM of a column that is not the first one that rows are sorted by. `key`: the clustered primary key.
pub(super) fn check_key(columns: &[ColumnDef], ordinal: usize, key: &[usize]) -> Result<(), Error> {
    match key.first() {
        Some(first) if *first == ordinal => Ok(()),
        Some(_) => {
            let name = &columns[ordinal].name;
            Err(fault(format!("column '{name}' must be the first column in primary key")))
        }
        None => Err(fault("auto_random is only supported on the tables with clustered primary key")),
    }
}

/// How many numbers there are, for who makes a table with AUTO_RANDOM.
pub(super) fn room(random: AutoRandom, column: &ColumnDef) -> PlanWarning {
    let unsigned = matches!(column.ty.sql, SqlType::Int { unsigned: true, .. });
    let message = format!("Available implicit allocation times: {}", random.count_max(unsigned));
    PlanWarning { code: 1105, message }
}

/// AUTO_RANDOM of a column that MODIFY or CHANGE makes of an old one. `is_handle`: the old one is the clustered primary key.
pub(super) fn changed(
    old: Option<AutoRandom>,
    new: Option<AutoRandom>,
    (before, after): (&ColumnDef, &ColumnDef),
    is_handle: bool,
) -> Result<(), Error> {
    let same_type = before.ty.sql == after.ty.sql;
    match (old, new) {
        (None, None) => return Ok(()),
        (None, Some(_)) if !before.auto_increment || !is_handle => {
            let message = "auto_random can only be converted from auto_increment clustered primary key";
            return Err(fault(message));
        }
        (Some(_), None) => return Err(fault("adding/dropping/modifying auto_random is not supported")),
        (Some(old), Some(new)) if new.shard_bits < old.shard_bits => {
            return Err(fault("decreasing auto_random shard bits is not supported"));
        }
        (Some(old), Some(new)) if new.range_bits != old.range_bits => {
            return Err(fault("alter the range bits of auto_random column is not supported"));
        }
        _ => {}
    }
    if same_type { Ok(()) } else { Err(fault("modifying the auto_random column type is not supported")) }
}

/// Another AUTO_ID_CACHE.
pub(super) fn recached(old: Numbering, cache: u64) -> Result<Numbering, Error> {
    if (old.cache == Some(1)) != (cache == 1) {
        return Err(Error::AutoIdCache);
    }
    Ok(Numbering { cache: Some(cache).filter(|cache| *cache > 0), ..old })
}

/// AUTO_RANDOM_BASE = n of a table.
pub(super) fn check_base(numbering: Numbering, column: Option<&ColumnDef>, base: u64) -> Result<(), Error> {
    let (Some(random), Some(column)) = (numbering.random, column) else {
        return Err(fault("alter auto_random_base of a non auto_random table"));
    };
    let most = random.count_max(matches!(column.ty.sql, SqlType::Int { unsigned: true, .. }));
    if base > most {
        let message = format!(
            "alter auto_random_base to {base} overflows the incremental bits, max allowed base is {most}"
        );
        return Err(fault(message));
    }
    Ok(())
}

//! ENUM, SET and BIT: numbers that come from text or bytes and print as such.

use allod_planner::expr::{number_of_bits, number_of_bytes};
use allod_storage::schema::{Members, SqlType, bit_bytes};
use arrow::array::{BinaryViewBuilder, StringViewBuilder};

use super::cast::{Loss, whole_at};
use super::value::{Binary, Column, Strings, Value, Values};

/// The texts of numbers of an ENUM or a SET.
pub(super) fn texts(numbers: &Column<u64>, ty: &SqlType, rows: usize) -> Value {
    let mut line = String::new();
    let write = |number: u64, line: &mut String| {
        line.clear();
        match ty {
            SqlType::Enum(members) => line.push_str(members.enum_text(number)),
            SqlType::Set(members) => members.write_set(number, line),
            _ => {}
        }
    };
    if let (Values::One(number), None) = (&numbers.values, &numbers.nulls) {
        write(*number, &mut line);
        return Value::String(Strings::One(line.into()));
    }
    let mut out = StringViewBuilder::with_capacity(rows);
    // Members are few and rows are many: equal texts share their bytes.
    if rows > 1 {
        out = out.with_deduplicate_strings();
    }
    for row in 0..rows {
        match numbers.get(row) {
            Some(number) => {
                write(number, &mut line);
                out.append_value(&line);
            }
            None => out.append_null(),
        }
    }
    Value::String(Strings::Views(out.finish()))
}

/// The bytes of bits.
pub(super) fn bytes(numbers: &Column<u64>, bits: u8, rows: usize) -> Value {
    if let (Values::One(number), None) = (&numbers.values, &numbers.nulls) {
        return Value::Bytes(Binary::One(bit_bytes(*number, bits).as_ref().into()));
    }
    let mut out = BinaryViewBuilder::with_capacity(rows);
    for row in 0..rows {
        match numbers.get(row) {
            Some(number) => out.append_value(&*bit_bytes(number, bits)),
            None => out.append_null(),
        }
    }
    Value::Bytes(Binary::Views(out.finish()))
}

/// The number of the value at a row as an ENUM, a SET or a BIT holds it. Text is the name of a member or, failing that, its
/// number; for BIT it is bytes.
pub(super) fn number_at(value: &Value, row: usize, ty: &SqlType) -> (u64, Loss) {
    let text = match value {
        Value::String(v) => Some(v.value(row).as_bytes()),
        Value::Bytes(v) => Some(v.value(row)),
        _ => None,
    };
    match (ty, text) {
        (SqlType::Enum(members), Some(text)) => {
            of_text(text, |text| members.enum_number(text), |n| is_member(members, n))
        }
        (SqlType::Enum(members), None) => of_number(value, row, |n| is_member(members, n)),
        (SqlType::Set(members), Some(text)) => {
            of_text(text, |text| members.set_mask(text), |n| n & !members.set_all() == 0)
        }
        (SqlType::Set(members), None) => of_number(value, row, |n| n & !members.set_all() == 0),
        (SqlType::Bit(bits), text) => {
            let fits = |v: &u64| *bits >= 64 || v >> bits == 0;
            let number = match text {
                Some(bytes) => number_of_bytes(bytes),
                None => number_of_bits(whole_at(value, row, true).0),
            };
            match number.filter(fits) {
                Some(number) => (number, Loss::None),
                None => (u64::MAX >> (64 - u32::from((*bits).clamp(1, 64))), Loss::TooLong),
            }
        }
        _ => (0, Loss::Truncated),
    }
}

fn is_member(members: &Members, number: u64) -> bool {
    (1..=members.len() as u64).contains(&number)
}

fn of_text(text: &[u8], find: impl Fn(&str) -> Option<u64>, allowed: impl Fn(u64) -> bool) -> (u64, Loss) {
    let Ok(text) = std::str::from_utf8(text) else { return (0, Loss::Truncated) };
    let number = || text.trim().parse::<u64>().ok().filter(|n| allowed(*n));
    match find(text).or_else(number) {
        Some(number) => (number, Loss::None),
        None => (0, Loss::Truncated),
    }
}

fn of_number(value: &Value, row: usize, allowed: impl Fn(u64) -> bool) -> (u64, Loss) {
    match u64::try_from(whole_at(value, row, true).0).ok().filter(|n| allowed(*n)) {
        Some(number) => (number, Loss::None),
        None => (0, Loss::Truncated),
    }
}

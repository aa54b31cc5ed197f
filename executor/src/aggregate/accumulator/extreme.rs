//! MIN and MAX. Whatever has 64 bits is compared as a word whose order is that of the values.

use std::sync::Arc;

use allod_storage::schema::json::{JsonRef, compare_json};
use allod_storage::schema::{SqlType, unpadded};
use arrow::array::{
    Array, ArrayData, ArrayRef, AsArray, BinaryViewArray, Decimal128Array, StringViewArray, make_array,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use super::{Moves, Rows};
use crate::error::{Error, Result};

#[derive(Debug)]
pub(in crate::aggregate) struct Words {
    greatest: bool,
    ty: DataType,
    values: Vec<i64>,
}

impl Words {
    pub fn new(greatest: bool, ty: DataType) -> Words {
        Words { greatest, ty, values: Vec::new() }
    }

    pub fn grow(&mut self, groups: usize) {
        self.values.resize(groups, if self.greatest { i64::MIN } else { i64::MAX });
    }

    pub fn memory_bytes(&self) -> usize {
        8 * self.values.capacity()
    }

    pub fn update(&mut self, arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
        let Some(words) = ordered(arg)? else { return Ok(()) };
        let values = &mut self.values;
        if self.greatest {
            rows.each(arg.nulls(), |row, group| values[group] = values[group].max(words[row]));
        } else {
            rows.each(arg.nulls(), |row, group| values[group] = values[group].min(words[row]));
        }
        Ok(())
    }

    pub fn take_in(&mut self, part: &Words, moves: Moves<'_>) {
        let (all, part) = (&mut self.values, &part.values);
        if self.greatest {
            moves.each(|from, to| all[to] = all[to].max(part[from]));
        } else {
            moves.each(|from, to| all[to] = all[to].min(part[from]));
        }
    }

    pub fn finish(&self, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let rows = self.values.len();
        let data = match &self.ty {
            DataType::UInt64 => {
                let values = self.values.iter().map(|&v| (v ^ i64::MIN) as u64);
                values.collect::<ScalarBuffer<u64>>().into_inner()
            }
            DataType::Float64 => {
                let values = self.values.iter().map(|&v| f64::from_bits(float_order(v) as u64));
                values.collect::<ScalarBuffer<f64>>().into_inner()
            }
            DataType::Date32 => {
                self.values.iter().map(|&v| v as i32).collect::<ScalarBuffer<i32>>().into_inner()
            }
            DataType::Null => return Ok(arrow::array::new_null_array(&DataType::Null, rows)),
            _ => ScalarBuffer::from(self.values.clone()).into_inner(),
        };
        Ok(make_array(ArrayData::builder(self.ty.clone()).len(rows).nulls(nulls).add_buffer(data).build()?))
    }
}

/// A double's bits as a word of the same order, and back.
fn float_order(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// Words in the order of the values; `None` if all are NULL.
fn ordered(array: &ArrayRef) -> Result<Option<ScalarBuffer<i64>>> {
    Ok(Some(match array.data_type() {
        DataType::Int64 => array.as_primitive::<Int64Type>().values().clone(),
        DataType::Decimal64(_, _) => array.as_primitive::<Decimal64Type>().values().clone(),
        DataType::Timestamp(_, _) => array.as_primitive::<TimestampMicrosecondType>().values().clone(),
        DataType::Duration(_) => array.as_primitive::<DurationMicrosecondType>().values().clone(),
        DataType::Date32 => {
            array.as_primitive::<Date32Type>().values().iter().map(|&v| i64::from(v)).collect()
        }
        DataType::UInt64 => {
            array.as_primitive::<UInt64Type>().values().iter().map(|&v| v as i64 ^ i64::MIN).collect()
        }
        DataType::Float64 => {
            let values = array.as_primitive::<Float64Type>().values();
            values.iter().map(|&v| float_order(v.to_bits() as i64)).collect()
        }
        DataType::Decimal128(_, _) => {
            // Its type says that it has at most 18 digits.
            array.as_primitive::<Decimal128Type>().values().iter().map(|&v| v as i64).collect()
        }
        DataType::Null => return Ok(None),
        other => return Err(Error::Plan(format!("the least of {other}"))),
    }))
}

#[derive(Debug)]
pub(in crate::aggregate) struct Wide {
    greatest: bool,
    values: Vec<i128>,
}

impl Wide {
    pub fn new(greatest: bool) -> Wide {
        Wide { greatest, values: Vec::new() }
    }

    pub fn grow(&mut self, groups: usize) {
        self.values.resize(groups, if self.greatest { i128::MIN } else { i128::MAX });
    }

    pub fn memory_bytes(&self) -> usize {
        16 * self.values.capacity()
    }

    fn keep(&mut self, group: usize, value: i128) {
        let kept = &mut self.values[group];
        *kept = if self.greatest { value.max(*kept) } else { value.min(*kept) };
    }

    pub fn update(&mut self, arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
        match arg.data_type() {
            DataType::Decimal64(_, _) => {
                let values = arg.as_primitive::<Decimal64Type>().values();
                rows.each(arg.nulls(), |row, group| self.keep(group, i128::from(values[row])));
            }
            DataType::Decimal128(_, _) => {
                let values = arg.as_primitive::<Decimal128Type>().values();
                rows.each(arg.nulls(), |row, group| self.keep(group, values[row]));
            }
            DataType::Null => {}
            other => return Err(Error::Plan(format!("{other} where a decimal is due"))),
        }
        Ok(())
    }

    pub fn take_in(&mut self, part: &Wide, moves: Moves<'_>) {
        moves.each(|from, to| self.keep(to, part.values[from]));
    }

    pub fn finish(&self, nulls: Option<NullBuffer>, ty: &SqlType) -> ArrayRef {
        // What lies under a NULL must still be a valid decimal.
        let values: Vec<i128> = match &nulls {
            None => self.values.clone(),
            Some(n) => {
                self.values.iter().enumerate().map(|(i, &v)| if n.is_valid(i) { v } else { 0 }).collect()
            }
        };
        Arc::new(Decimal128Array::new(values.into(), nulls).with_data_type(ty.arrow()))
    }
}

/// The least or greatest strings, in one buffer. A string that is replaced by one no longer is overwritten; what else is
/// left behind is thrown out when it is more than half.
#[derive(Debug)]
pub(in crate::aggregate) struct Texts {
    greatest: bool,
    order: Order,
    /// Start and length in `bytes`; `None` before any value.
    places: Vec<Option<(usize, usize)>>,
    bytes: Vec<u8>,
    live: usize,
}

/// How strings are compared.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// As their bytes.
    Bytes,
    /// Without blanks at their ends.
    Texts,
    /// Documents, which have an order of their own.
    Documents,
}

impl Texts {
    pub fn new(greatest: bool, ty: &SqlType) -> Texts {
        let order = match ty {
            SqlType::Json => Order::Documents,
            ty if ty.is_string() => Order::Texts,
            _ => Order::Bytes,
        };
        Texts { greatest, order, places: Vec::new(), bytes: Vec::new(), live: 0 }
    }

    pub fn grow(&mut self, groups: usize) {
        self.places.resize(groups, None);
    }

    pub fn memory_bytes(&self) -> usize {
        24 * self.places.capacity() + self.bytes.capacity()
    }

    fn get(&self, group: usize) -> Option<&[u8]> {
        self.places[group].map(|(start, len)| &self.bytes[start..start + len])
    }

    #[inline]
    fn keep(&mut self, group: usize, value: &[u8]) {
        let better = match self.get(group) {
            None => true,
            Some(kept) => {
                let order = match self.order {
                    Order::Bytes => value.cmp(kept),
                    Order::Texts => unpadded(value).cmp(unpadded(kept)),
                    Order::Documents => compare_json(JsonRef::new(value), JsonRef::new(kept)),
                };
                if self.greatest { order.is_gt() } else { order.is_lt() }
            }
        };
        if better {
            self.replace(group, value);
        }
    }

    fn replace(&mut self, group: usize, value: &[u8]) {
        let (start, room) = self.places[group].unwrap_or((0, 0));
        self.live = self.live + value.len() - room;
        if self.places[group].is_some() && value.len() <= room {
            self.bytes[start..start + value.len()].copy_from_slice(value);
            self.places[group] = Some((start, value.len()));
            return;
        }
        self.places[group] = Some((self.bytes.len(), value.len()));
        self.bytes.extend_from_slice(value);
        if self.bytes.len() > 2 * self.live + (1 << 16) {
            self.compact();
        }
    }

    fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.live);
        for place in self.places.iter_mut().flatten() {
            let (start, len) = *place;
            *place = (bytes.len(), len);
            bytes.extend_from_slice(&self.bytes[start..start + len]);
        }
        self.bytes = bytes;
    }

    pub fn update(&mut self, arg: &ArrayRef, rows: Rows<'_>) -> Result<()> {
        match arg.data_type() {
            DataType::Utf8View => {
                let texts = arg.as_string_view();
                rows.each(arg.nulls(), |row, group| self.keep(group, texts.value(row).as_bytes()));
            }
            DataType::BinaryView => {
                let texts = arg.as_binary_view();
                rows.each(arg.nulls(), |row, group| self.keep(group, texts.value(row)));
            }
            DataType::Dictionary(_, _) => {
                let codes = arg.as_dictionary::<UInt16Type>();
                let (keys, texts) = (codes.keys().values(), codes.values().as_string_view());
                rows.each(arg.nulls(), |row, group| {
                    self.keep(group, texts.value(keys[row] as usize).as_bytes());
                });
            }
            DataType::Null => {}
            other => return Err(Error::Plan(format!("{other} where a string is due"))),
        }
        Ok(())
    }

    pub fn take_in(&mut self, part: &Texts, moves: Moves<'_>) {
        moves.each(|from, to| {
            if let Some(text) = part.get(from) {
                self.keep(to, text);
            }
        });
    }

    pub fn finish(&self, ty: &SqlType) -> Result<ArrayRef> {
        let texts = (0..self.places.len()).map(|group| self.get(group));
        if *ty == SqlType::Json || ty.is_binary() {
            return Ok(Arc::new(texts.collect::<BinaryViewArray>()));
        }
        let texts = texts.map(|t| t.map(std::str::from_utf8).transpose());
        let texts: Result<StringViewArray, _> = texts.collect();
        Ok(Arc::new(texts.map_err(|e| Error::Panic(e.to_string()))?))
    }
}

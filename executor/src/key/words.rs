//! Key columns as 64-bit words.

use std::sync::Arc;

use allod_storage::schema::SqlType;
use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, DurationMicrosecondType, Float64Type, Int64Type,
    TimestampMicrosecondType, UInt16Type, UInt64Type,
};

use super::Interner;
use crate::batch::take;
use crate::error::{Error, Result};
use crate::kernel::hash::float_word;

/// Dictionaries whose translation a worker remembers.
const DICTIONARIES_MAX: usize = 16;
/// A code whose string has not been looked up yet.
const UNSEEN: i64 = i64::MIN;

/// A column of words; what lies under a NULL means nothing.
#[derive(Clone, Debug)]
pub(crate) struct WordColumn {
    pub values: ScalarBuffer<i64>,
    pub nulls: Option<NullBuffer>,
}

impl WordColumn {
    /// A column of these words.
    pub fn new(values: Vec<i64>, nulls: Option<NullBuffer>) -> WordColumn {
        WordColumn { values: ScalarBuffer::from(values), nulls }
    }

    /// The word of a row, `None` for NULL.
    pub fn get(&self, row: usize) -> Option<i64> {
        let valid = self.nulls.as_ref().is_none_or(|n| n.is_valid(row));
        valid.then(|| self.values[row])
    }

    /// Words that are numbers, replaced by `numbers[word]`.
    pub fn renumber(&self, numbers: &[i64]) -> WordColumn {
        let renumbered = self.values.iter().map(|&n| numbers.get(n as usize).copied().unwrap_or(0));
        WordColumn::new(renumbered.collect(), self.nulls.clone())
    }

    /// The words of these rows.
    pub fn take(&self, rows: &[u32]) -> WordColumn {
        let nulls = crate::batch::gather_nulls(self.nulls.as_ref(), rows);
        WordColumn::new(crate::batch::gather(&self.values, rows), nulls)
    }
}

impl FromIterator<Option<i64>> for WordColumn {
    fn from_iter<I: IntoIterator<Item = Option<i64>>>(iter: I) -> WordColumn {
        let (valid, values): (Vec<bool>, Vec<i64>) =
            iter.into_iter().map(|v| (v.is_some(), v.unwrap_or(0))).unzip();
        let nulls = Some(NullBuffer::from(valid)).filter(|n| n.null_count() > 0);
        WordColumn::new(values, nulls)
    }
}

/// What a key column's words stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// One word, of an array of this type.
    Word(DataType),
    /// A decimal of this scale in two words, the high one first.
    Wide(u8),
    /// One word, the number of a string; whether it is binary.
    Text {
        /// BINARY and its like.
        binary: bool,
    },
}

impl Form {
    /// For values of a type.
    pub fn of(sql: &SqlType) -> Form {
        match sql.arrow() {
            DataType::Decimal128(_, scale) => Form::Wide(scale as u8),
            DataType::Utf8View => Form::Text { binary: false },
            DataType::BinaryView => Form::Text { binary: true },
            other => Form::Word(other),
        }
    }

    /// For values of two types of one family that are to be compared.
    pub fn common(a: &SqlType, b: &SqlType) -> Form {
        match (a, b) {
            (SqlType::Null, other) | (other, SqlType::Null) => Form::of(other),
            (SqlType::Decimal { scale: s, .. }, SqlType::Decimal { scale: t, .. }) if s != t => {
                Form::Wide(*s.max(t))
            }
            (SqlType::Decimal { .. }, SqlType::Decimal { .. }) => match (Form::of(a), Form::of(b)) {
                (wide @ Form::Wide(_), _) | (_, wide @ Form::Wide(_)) => wide,
                (narrow, _) => narrow,
            },
            _ => Form::of(a),
        }
    }

    /// Numbers the strings of this form.
    pub fn interner(&self) -> Interner {
        match self {
            Form::Text { binary: false } => Interner::of_texts(),
            Form::Text { binary: true } | Form::Word(_) | Form::Wide(_) => Interner::default(),
        }
    }

    /// Words per value.
    pub fn width(&self) -> usize {
        match self {
            Form::Word(_) | Form::Text { .. } => 1,
            Form::Wide(_) => 2,
        }
    }

    /// The values that words stand for; strings are looked up in `strings`, all of the interner's in order.
    pub fn decode(&self, words: &[WordColumn], strings: Option<&ArrayRef>) -> Result<ArrayRef> {
        let (word, nulls) = (&words[0], words[0].nulls.clone());
        let rows = word.values.len();
        Ok(match self {
            Form::Word(ty) => {
                let data = match ty {
                    DataType::Null => return Ok(new_null_array(ty, rows)),
                    DataType::Date32 => {
                        let days: Vec<i32> = word.values.iter().map(|&v| v as i32).collect();
                        ScalarBuffer::from(days).into_inner()
                    }
                    _ => word.values.inner().clone(),
                };
                let data =
                    arrow::array::ArrayData::builder(ty.clone()).len(rows).nulls(nulls).add_buffer(data);
                arrow::array::make_array(data.build()?)
            }
            Form::Wide(scale) => {
                let low = &words[1].values;
                let wide: Vec<i128> = word
                    .values
                    .iter()
                    .zip(low.iter())
                    .map(|(&high, &low)| i128::from(high) << 64 | i128::from(low as u64))
                    .collect();
                let array = arrow::array::Decimal128Array::new(wide.into(), nulls);
                Arc::new(array.with_data_type(DataType::Decimal128(38, *scale as i8)))
            }
            Form::Text { .. } => {
                let strings = strings.ok_or_else(|| Error::Panic("a string key without strings".into()))?;
                let rows: Vec<u32> =
                    (0..rows).map(|row| word.get(row).map_or(crate::batch::NO_ROW, |v| v as u32)).collect();
                if nulls.is_none() {
                    take(strings, &rows)
                } else {
                    crate::batch::take_or_null(strings, &rows)
                }
            }
        })
    }
}

/// Where an encoder finds the numbers of strings.
#[derive(Debug)]
enum Strings {
    /// It gives them out itself.
    Own(Interner),
    /// Somebody gave them out before; other strings get -1.
    Shared(Arc<Interner>),
}

/// Turns one key column's arrays, in whichever form they come, into words. It belongs to one worker.
#[derive(Debug)]
pub(crate) struct Encoder {
    form: Form,
    strings: Strings,
    translations: Vec<Translation>,
}

/// What the codes of one dictionary are as numbers.
#[derive(Debug)]
struct Translation {
    /// Held so that its address stays its own.
    dictionary: ArrayRef,
    numbers: Vec<i64>,
}

impl Encoder {
    /// An encoder that gives out the numbers of strings itself.
    pub fn new(form: Form) -> Encoder {
        Encoder { strings: Strings::Own(form.interner()), form, translations: Vec::new() }
    }

    /// An encoder that looks strings up.
    pub fn shared(form: Form, strings: Arc<Interner>) -> Encoder {
        Encoder { form, strings: Strings::Shared(strings), translations: Vec::new() }
    }

    /// What its words stand for.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// The strings that it numbers itself.
    pub fn own_strings(&self) -> Option<&Interner> {
        match &self.strings {
            Strings::Own(interner) => Some(interner),
            Strings::Shared(_) => None,
        }
    }

    /// The strings it has numbered; empty if it looks them up.
    pub fn into_strings(self) -> Interner {
        match self.strings {
            Strings::Own(interner) => interner,
            Strings::Shared(_) => Interner::default(),
        }
    }

    /// Bytes kept.
    pub fn memory_bytes(&self) -> u64 {
        match &self.strings {
            Strings::Own(interner) => interner.memory_bytes(),
            Strings::Shared(_) => 0,
        }
    }

    /// Appends the array's word columns to `out`.
    pub fn encode(&mut self, array: &ArrayRef, out: &mut Vec<WordColumn>) -> Result<()> {
        let nulls = array.nulls().filter(|n| n.null_count() > 0).cloned();
        if array.data_type() == &DataType::Null {
            let rows = array.len();
            let null = WordColumn::new(vec![0; rows], Some(NullBuffer::new_null(rows)));
            out.extend(std::iter::repeat_n(null, self.form.width()));
            return Ok(());
        }
        match self.form.clone() {
            Form::Word(ty) => out.push(WordColumn { values: plain_words(array, &ty)?, nulls }),
            Form::Wide(scale) => wide_words(array, scale, nulls, out)?,
            Form::Text { .. } => {
                let values = match array.data_type() {
                    DataType::Dictionary(_, _) => self.codes(array),
                    DataType::Utf8View => {
                        let strings = array.as_string_view();
                        self.texts(array, |row| strings.value(row).as_bytes())
                    }
                    DataType::BinaryView => {
                        let strings = array.as_binary_view();
                        self.texts(array, |row| strings.value(row))
                    }
                    other => return Err(Error::Plan(format!("{other} is no string key"))),
                };
                out.push(WordColumn::new(values, nulls));
            }
        }
        Ok(())
    }

    fn texts<'a>(&mut self, array: &ArrayRef, value: impl Fn(usize) -> &'a [u8]) -> Vec<i64> {
        let strings = &mut self.strings;
        (0..array.len()).map(|row| if array.is_null(row) { 0 } else { strings.number(value(row)) }).collect()
    }

    fn codes(&mut self, array: &ArrayRef) -> Vec<i64> {
        let codes = array.as_dictionary::<UInt16Type>();
        let known = self.translations.iter().position(|t| Arc::ptr_eq(&t.dictionary, codes.values()));
        let at = known.unwrap_or_else(|| {
            if self.translations.len() == DICTIONARIES_MAX {
                self.translations.clear();
            }
            let dictionary = Arc::clone(codes.values());
            let numbers = vec![UNSEEN; dictionary.len().max(1)];
            self.translations.push(Translation { dictionary, numbers });
            self.translations.len() - 1
        });
        let Translation { dictionary, numbers } = &mut self.translations[at];
        let mut out: Vec<i64> = codes.keys().values().iter().map(|&c| numbers[c as usize]).collect();
        if out.contains(&UNSEEN) {
            let texts = dictionary.as_string_view();
            for (row, (out, &code)) in out.iter_mut().zip(codes.keys().values().iter()).enumerate() {
                if *out != UNSEEN || codes.is_null(row) {
                    continue;
                }
                let number = &mut numbers[code as usize];
                if *number == UNSEEN {
                    *number = self.strings.number(texts.value(code as usize).as_bytes());
                }
                *out = *number;
            }
        }
        out
    }
}

impl Strings {
    fn number(&mut self, string: &[u8]) -> i64 {
        match self {
            Strings::Own(interner) => i64::from(interner.intern(string)),
            Strings::Shared(interner) => interner.get(string).map_or(-1, i64::from),
        }
    }
}

/// The words of a column of one word per value; no copy where the array has 64-bit values.
fn plain_words(array: &ArrayRef, ty: &DataType) -> Result<ScalarBuffer<i64>> {
    Ok(match (array.data_type(), ty) {
        (DataType::Int64, DataType::Int64) => array.as_primitive::<Int64Type>().values().clone(),
        (DataType::UInt64, DataType::UInt64) => {
            ScalarBuffer::from(array.as_primitive::<UInt64Type>().values().inner().clone())
        }
        (DataType::Decimal64(_, _), DataType::Decimal64(_, _)) => {
            array.as_primitive::<Decimal64Type>().values().clone()
        }
        (DataType::Decimal128(_, _), DataType::Decimal64(_, _)) => {
            // Its type says that it has at most 18 digits.
            array.as_primitive::<Decimal128Type>().values().iter().map(|&v| v as i64).collect()
        }
        (DataType::Date32, DataType::Date32) => {
            array.as_primitive::<Date32Type>().values().iter().map(|&v| i64::from(v)).collect()
        }
        (DataType::Float64, DataType::Float64) => {
            array.as_primitive::<Float64Type>().values().iter().map(|&v| float_word(v) as i64).collect()
        }
        (DataType::Timestamp(_, _), DataType::Timestamp(_, _)) => {
            array.as_primitive::<TimestampMicrosecondType>().values().clone()
        }
        (DataType::Duration(_), DataType::Duration(_)) => {
            array.as_primitive::<DurationMicrosecondType>().values().clone()
        }
        (have, want) => return Err(Error::Plan(format!("a key of type {have} where {want} is due"))),
    })
}

/// The words of a decimal at `scale`, high and low. A value that is too large for the scale equals no other; it is NULL.
fn wide_words(
    array: &ArrayRef,
    scale: u8,
    nulls: Option<NullBuffer>,
    out: &mut Vec<WordColumn>,
) -> Result<()> {
    let (values, from): (Vec<i128>, i8) = match array.data_type() {
        DataType::Decimal64(_, from) => {
            (array.as_primitive::<Decimal64Type>().values().iter().map(|&v| i128::from(v)).collect(), *from)
        }
        DataType::Decimal128(_, from) => (array.as_primitive::<Decimal128Type>().values().to_vec(), *from),
        other => return Err(Error::Plan(format!("a key of type {other} where a decimal is due"))),
    };
    let up = u32::try_from(i32::from(scale) - i32::from(from))
        .map_err(|_| Error::Plan(format!("a decimal of scale {from} as a key of scale {scale}")))?;
    if up == 0 {
        out.push(WordColumn::new(values.iter().map(|v| (v >> 64) as i64).collect(), nulls.clone()));
        out.push(WordColumn::new(values.iter().map(|&v| v as i64).collect(), nulls));
        return Ok(());
    }
    let factor = 10i128.checked_pow(up);
    let scaled: Vec<Option<i128>> = values
        .iter()
        .enumerate()
        .map(|(row, v)| {
            let valid = nulls.as_ref().is_none_or(|n| n.is_valid(row));
            factor.filter(|_| valid).and_then(|f| v.checked_mul(f))
        })
        .collect();
    out.push(scaled.iter().map(|v| v.map(|v| (v >> 64) as i64)).collect());
    out.push(scaled.iter().map(|v| v.map(|v| v as i64)).collect());
    Ok(())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal64Array, Decimal128Array, DictionaryArray, StringViewArray, UInt16Array};

    use super::*;

    fn words(encoder: &mut Encoder, array: ArrayRef) -> Vec<WordColumn> {
        let mut out = Vec::new();
        encoder.encode(&array, &mut out).unwrap();
        out
    }

    #[test]
    fn a_string_has_one_word_in_every_form() {
        let mut encoder = Encoder::new(Form::Text { binary: false });
        let plain: ArrayRef = Arc::new(StringViewArray::from(vec![Some("b"), None, Some("a"), Some("b")]));
        let values = Arc::new(StringViewArray::from(vec!["a", "unused", "b"]));
        let codes = UInt16Array::from(vec![Some(2), None, Some(0), Some(2)]);
        let coded: ArrayRef = Arc::new(DictionaryArray::new(codes, values));
        let (a, b) = (words(&mut encoder, plain), words(&mut encoder, coded.clone()));
        for row in 0..4 {
            assert_eq!(a[0].get(row), b[0].get(row));
        }
        let interner = encoder.into_strings();
        assert_eq!(interner.len(), 2, "a string that no row has is not interned");
        let strings = interner.to_array(false).unwrap();
        let decoded = Form::Text { binary: false }.decode(&b, Some(&strings)).unwrap();
        assert_eq!(decoded.as_string_view(), crate::batch::decode(&coded).as_string_view());

        let mut shared = Encoder::shared(Form::Text { binary: false }, Arc::new(interner));
        let other: ArrayRef = Arc::new(StringViewArray::from(vec!["c", "a"]));
        let c = words(&mut shared, other);
        assert_eq!((c[0].get(0), c[0].get(1)), (Some(-1), Some(1)));
    }

    #[test]
    fn decimals_agree_over_widths_and_scales() {
        let form = Form::common(
            &SqlType::Decimal { precision: 10, scale: 1 },
            &SqlType::Decimal { precision: 30, scale: 3 },
        );
        assert_eq!(form, Form::Wide(3));
        let narrow: ArrayRef =
            Arc::new(Decimal64Array::from(vec![-5, 7]).with_data_type(DataType::Decimal64(18, 1)));
        let wide: ArrayRef =
            Arc::new(Decimal128Array::from(vec![-500, 700]).with_data_type(DataType::Decimal128(38, 3)));
        let (a, b) = (
            words(&mut Encoder::new(form.clone()), narrow),
            words(&mut Encoder::new(form.clone()), wide.clone()),
        );
        for row in 0..2 {
            assert_eq!((a[0].get(row), a[1].get(row)), (b[0].get(row), b[1].get(row)));
        }
        assert_eq!(&form.decode(&a, None).unwrap(), &wide);
    }
}

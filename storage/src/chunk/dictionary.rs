//! String columns as dictionary codes.
//!
//! A dictionary's values ascend and are distinct, so codes order as values do. It is made in one pass over the column that
//! gives up as soon as there are too many distinct values, which for a column of names or comments is soon.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanBufferBuilder, DictionaryArray, StringViewArray, UInt16Array,
};
use arrow::buffer::NullBuffer;
use arrow::compute::take;
use arrow::datatypes::UInt16Type;
use hashbrown::{DefaultHashBuilder, HashTable};

/// A column of codes.
pub(crate) type Codes = DictionaryArray<UInt16Type>;

/// The most values that 16-bit codes can tell apart.
const VALUES_MAX: usize = 1 << 16;
/// A dictionary pays if each value stands for at least this many rows.
const ROWS_PER_VALUE_MIN: usize = 4;
/// Strings up to this length lie in the view itself.
const INLINE_BYTES: u32 = 12;

/// No view of a short string: its length would be 2^32 - 1.
const LONG: u128 = u128::MAX;

/// The string in a row of a string column of either form.
pub(crate) fn str_at(column: &ArrayRef, row: usize) -> Option<&str> {
    if let Some(codes) = column.as_dictionary_opt::<UInt16Type>() {
        let values = codes.values().as_string_view();
        return codes.key(row).map(|code| values.value(code));
    }
    let array = column.as_string_view();
    array.is_valid(row).then(|| array.value(row))
}

/// The column without a dictionary, if it has one.
pub(crate) fn decode(column: ArrayRef) -> ArrayRef {
    match column.as_dictionary_opt::<UInt16Type>() {
        Some(codes) => take(codes.values(), codes.keys(), None).expect("codes are within their dictionary"),
        None => column,
    }
}

/// The pieces of a column, all in one form: codes of one dictionary, or plain.
pub(crate) fn agree(pieces: Vec<ArrayRef>) -> Vec<ArrayRef> {
    let values =
        |piece: &ArrayRef| piece.as_dictionary_opt::<UInt16Type>().map(|codes| Arc::clone(codes.values()));
    let Some(first) = pieces.iter().find_map(values) else { return pieces };
    let same = pieces.iter().all(|piece| values(piece).is_some_and(|v| Arc::ptr_eq(&v, &first)));
    if same { pieces } else { pieces.into_iter().map(decode).collect() }
}

/// The pieces of a string column as one column of codes, if that pays. With the values of `known` to begin with: if they
/// are all that occur, the new column shares that dictionary.
pub(crate) fn encode(pieces: &[ArrayRef], known: Option<&ArrayRef>) -> Option<Codes> {
    let rows: usize = pieces.iter().map(|piece| piece.len()).sum();
    let values_max = match known {
        Some(known) => VALUES_MAX.min((rows / ROWS_PER_VALUE_MIN).max(known.len())),
        None => VALUES_MAX.min(rows / ROWS_PER_VALUE_MIN),
    };
    let mut values = Values::new(values_max);
    if let Some(known) = known {
        values.codes_of(known.as_string_view(), &mut Vec::with_capacity(known.len()))?;
    }
    let mut codes = Vec::with_capacity(rows.min(1 << 20));
    for piece in pieces {
        values.codes_of(piece.as_string_view_opt()?, &mut codes)?;
    }
    if values.strings.is_empty() {
        // Nothing but NULLs.
        return None;
    }
    let dictionary = match known {
        Some(known) if known.len() == values.strings.len() => Arc::clone(known),
        _ => {
            let (sorted, renamed) = values.sorted();
            codes.iter_mut().for_each(|code| *code = renamed[usize::from(*code)]);
            sorted
        }
    };
    let nulls = nulls_of(pieces, rows);
    DictionaryArray::try_new(UInt16Array::new(codes.into(), nulls), dictionary).ok()
}

fn nulls_of(pieces: &[ArrayRef], rows: usize) -> Option<NullBuffer> {
    if pieces.iter().all(|piece| piece.null_count() == 0) {
        return None;
    }
    let mut valid = BooleanBufferBuilder::new(rows);
    for piece in pieces {
        match piece.nulls() {
            Some(nulls) => valid.append_buffer(nulls.inner()),
            None => valid.append_n(piece.len(), true),
        }
    }
    Some(NullBuffer::new(valid.finish()))
}

/// The distinct values met so far; a value's place is its code.
struct Values<'a> {
    strings: Vec<&'a str>,
    /// Of short strings the view, which is the string; of long ones [`LONG`].
    views: Vec<u128>,
    codes: HashTable<u16>,
    hasher: DefaultHashBuilder,
    max: usize,
}

impl<'a> Values<'a> {
    fn new(max: usize) -> Values<'a> {
        Values {
            strings: Vec::new(),
            views: Vec::new(),
            codes: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            max,
        }
    }

    /// Appends the code of each row, 0 for NULL; `None` once there are too many values.
    fn codes_of(&mut self, array: &'a StringViewArray, out: &mut Vec<u16>) -> Option<()> {
        let mut last = None;
        for (row, &view) in array.views().iter().enumerate() {
            // Neighbours are often equal, and a view that is equal is the same string.
            if let Some((seen, code)) = last
                && seen == view
            {
                out.push(code);
                continue;
            }
            if array.is_null(row) {
                out.push(0);
                continue;
            }
            let code = self.code(view, array, row)?;
            last = Some((view, code));
            out.push(code);
        }
        Some(())
    }

    fn code(&mut self, view: u128, array: &'a StringViewArray, row: usize) -> Option<u16> {
        let Values { strings, views, codes, hasher, max } = self;
        let found = if view as u32 <= INLINE_BYTES {
            codes.find(hash_view(view), |&code| views[usize::from(code)] == view)
        } else {
            let string = array.value(row);
            codes.find(hasher.hash_one(string), |&code| strings[usize::from(code)] == string)
        };
        if let Some(code) = found {
            return Some(*code);
        }
        if strings.len() >= *max {
            return None;
        }
        let code = strings.len() as u16;
        let string = array.value(row);
        let short = view as u32 <= INLINE_BYTES;
        strings.push(string);
        views.push(if short { view } else { LONG });
        let hash_of = |code: &u16| match views[usize::from(*code)] {
            LONG => hasher.hash_one(strings[usize::from(*code)]),
            view => hash_view(view),
        };
        let hash = if short { hash_view(view) } else { hasher.hash_one(string) };
        codes.insert_unique(hash, code, hash_of);
        Some(code)
    }

    /// The values in order, and for each code its new one.
    fn sorted(&self) -> (ArrayRef, Vec<u16>) {
        let mut order: Vec<u16> = (0..self.strings.len()).map(|code| code as u16).collect();
        order.sort_unstable_by_key(|&code| self.strings[usize::from(code)]);
        let sorted: StringViewArray =
            order.iter().map(|&code| Some(self.strings[usize::from(code)])).collect();
        let mut renamed = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            renamed[usize::from(old)] = new as u16;
        }
        (Arc::new(sorted), renamed)
    }
}

/// Two multiplications; the table only needs the bits well mixed.
fn hash_view(view: u128) -> u64 {
    const MULTIPLIER: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
    let mixed = (view ^ (view >> 64)).wrapping_mul(MULTIPLIER);
    (mixed >> 64) as u64 ^ mixed as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringViewArray::from_iter(values.iter().copied()))
    }

    fn read(codes: Codes) -> Vec<Option<String>> {
        let column: ArrayRef = Arc::new(codes);
        (0..column.len()).map(|row| str_at(&column, row).map(str::to_owned)).collect()
    }

    #[test]
    fn codes_stand_for_the_values_and_order_as_they_do() {
        let long = "a string that does not fit a view";
        let cycle = [Some("b"), None, Some(long), Some(""), Some("b")];
        let values: Vec<_> = cycle.iter().copied().cycle().take(40).collect();
        let pieces = [strings(&values[..7]), strings(&values[7..])];
        let codes = encode(&pieces, None).unwrap();
        let dictionary: Vec<_> = codes.values().as_string_view().iter().flatten().collect();
        assert_eq!(dictionary, ["", long, "b"]);
        assert_eq!(read(codes), values.iter().map(|v| v.map(str::to_owned)).collect::<Vec<_>>());
    }

    #[test]
    fn a_known_dictionary_is_shared_while_it_suffices() {
        let old = encode(&[strings(&[Some("x"); 8]), strings(&[Some("y"); 8])], None).unwrap();
        let same = encode(&[strings(&[Some("y"), Some("x")])], Some(old.values())).unwrap();
        assert!(Arc::ptr_eq(same.values(), old.values()));
        let more = encode(&[strings(&[Some("a"); 20])], Some(old.values())).unwrap();
        assert!(!Arc::ptr_eq(more.values(), old.values()));
        assert_eq!(more.values().len(), 3);
        assert_eq!(read(more)[0].as_deref(), Some("a"));
    }

    #[test]
    fn many_values_stay_strings() {
        let names: Vec<String> = (0..100).map(|i| format!("name {i}")).collect();
        assert!(
            encode(&[strings(&names.iter().map(|n| Some(n.as_str())).collect::<Vec<_>>())], None).is_none()
        );
    }
}

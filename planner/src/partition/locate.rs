//! Which partition a row belongs to, by its values: the model that the executor's dealer is tested against, and what pruning
//! asks.

use std::cmp::Ordering;

use allod_storage::schema::{Datum, PartitionMethod, RangeBound, unpadded};

use super::PartitionFunction;

impl PartitionFunction {
    /// Position of the partition of a row, given what [`PartitionFunction::values`] say of it; `None` = no partition takes it
    /// (error 1526 for a row that is written, no match for a row that is looked for).
    ///
    /// NULL: HASH counts it as 0, KEY hashes one zero byte, RANGE puts it below every value, LIST wants it listed (or
    /// DEFAULT).
    pub fn locate(&self, values: &[Datum]) -> Option<usize> {
        match &self.scheme.method {
            PartitionMethod::Hash => hash(values.first()?, self.partitions),
            PartitionMethod::Key => {
                let mut bytes = Vec::new();
                values.iter().for_each(|v| key_bytes(v, &mut bytes));
                key(&bytes, self.partitions)
            }
            PartitionMethod::Range(bounds) => {
                let at = bounds.partition_point(|bound| compare_bound(values, bound) != Ordering::Less);
                (at < bounds.len()).then_some(at)
            }
            PartitionMethod::List { values: lists, default } => {
                let same = |tuple: &Vec<Datum>| {
                    tuple.len() == values.len() && tuple.iter().zip(values).all(|(a, b)| a.compare(b).is_eq())
                };
                lists.iter().position(|list| list.iter().any(same)).or(*default)
            }
        }
    }
}

/// HASH: |value mod n|; NULL counts as 0, an unsigned value as the signed one with the same bits.
fn hash(value: &Datum, partitions: usize) -> Option<usize> {
    let value = match value {
        Datum::Null => 0,
        Datum::Int(v) => *v,
        Datum::UInt(v) => *v as i64,
        _ => return None,
    };
    let n = i64::try_from(partitions).ok().filter(|n| *n > 0)?;
    Some((value % n).unsigned_abs() as usize)
}

/// KEY: CRC-32 of the canonical bytes of the values, mod n.
pub fn key(bytes: &[u8], partitions: usize) -> Option<usize> {
    (crc32(bytes) as usize).checked_rem(partitions)
}

/// Appends the canonical bytes of a value of a KEY column: two values that compare equal have the same.
///
/// | value | bytes |
/// |---|---|
/// | NULL | one 0 |
/// | integers, dates (days), datetimes and times (microseconds) | 8, little endian, two's complement |
/// | doubles | 8, little endian, of the bits; -0.0 as 0.0 |
/// | decimals | 16, little endian, of the digits without trailing zeros behind the point, then the scale |
/// | texts | themselves without blanks at the end |
/// | byte strings | themselves |
pub fn key_bytes(value: &Datum, out: &mut Vec<u8>) {
    match value {
        Datum::Null => out.push(0),
        Datum::Int(v) | Datum::DateTime(v) | Datum::Time(v) => out.extend(v.to_le_bytes()),
        Datum::UInt(v) => out.extend(v.to_le_bytes()),
        Datum::Date(v) => out.extend(i64::from(*v).to_le_bytes()),
        Datum::Double(v) => out.extend((if *v == 0.0 { 0.0 } else { *v }).to_bits().to_le_bytes()),
        Datum::Decimal { value, scale } => {
            let (mut value, mut scale) = (*value, *scale);
            while scale > 0 && value % 10 == 0 {
                (value, scale) = (value / 10, scale - 1);
            }
            out.extend(value.to_le_bytes());
            out.push(scale);
        }
        Datum::String(s) => out.extend(unpadded(s.as_bytes())),
        Datum::Bytes(b) => out.extend(&b[..]),
    }
}

/// CRC-32 as Ethernet, zip and MySQL have it.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, b| TABLE[usize::from(crc as u8 ^ b)] ^ (crc >> 8))
}

/// What each byte does to the remainder.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut crc, mut bit) = (byte as u32, 0);
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// A row against the bound of a RANGE partition, column by column; NULL is below every value and MAXVALUE above.
fn compare_bound(values: &[Datum], bound: &[RangeBound]) -> Ordering {
    let compare = |(value, bound): (&Datum, &RangeBound)| match bound {
        RangeBound::Value(bound) => value.compare(bound),
        RangeBound::MaxValue => Ordering::Less,
    };
    values.iter().zip(bound).map(compare).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::PartitionScheme;

    use super::*;

    fn function(method: PartitionMethod, partitions: usize) -> PartitionFunction {
        let scheme = PartitionScheme { expr: None, columns: vec![0], method };
        PartitionFunction { values: vec![], scheme, partitions, allowed: None, usage: Default::default() }
    }

    #[test]
    fn negatives_nulls_and_unsigned_values_have_a_partition() {
        let at = |v, n| function(PartitionMethod::Hash, n).locate(&[v]);
        assert_eq!(at(Datum::Int(-7), 4), Some(3));
        assert_eq!(at(Datum::Int(i64::MIN), 3), Some(2));
        assert_eq!(at(Datum::Null, 4), Some(0));
        assert_eq!(at(Datum::UInt(u64::MAX), 4), Some(1));
        assert_eq!(at(Datum::UInt(1 << 63), 3), Some(2));
    }

    #[test]
    fn key_is_crc_32_of_documented_bytes() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let bytes = |v: Datum| {
            let mut out = vec![];
            key_bytes(&v, &mut out);
            out
        };
        assert_eq!(bytes(Datum::Null), [0]);
        assert_eq!(bytes(Datum::Int(-1)), [255; 8]);
        assert_eq!(bytes(Datum::Double(-0.0)), [0; 8]);
        let decimal = |value, scale| bytes(Datum::Decimal { value, scale });
        assert_eq!(decimal(150, 2), decimal(15, 1));
        assert_ne!(decimal(150, 2), decimal(150, 1));
        assert_eq!(function(PartitionMethod::Key, 8192).locate(&[Datum::string("123456789")]), Some(0x1926));
    }

    #[test]
    fn ranges_are_below_their_bounds_and_null_is_in_the_first() {
        let value = |v| vec![RangeBound::Value(Datum::Int(v))];
        let open = function(PartitionMethod::Range(vec![value(10), value(20)]), 2);
        let at = |v| open.locate(&[v]);
        assert_eq!(at(Datum::Null), Some(0));
        assert_eq!(at(Datum::Int(i64::MIN)), Some(0));
        assert_eq!(at(Datum::Int(10)), Some(1));
        assert_eq!(at(Datum::Int(20)), None);
        assert_eq!(at(Datum::UInt(u64::MAX)), None);
        let pair = |a, b: Option<i64>| {
            let b = b.map_or(RangeBound::MaxValue, |b| RangeBound::Value(Datum::Int(b)));
            vec![RangeBound::Value(Datum::Int(a)), b]
        };
        let bounds = vec![pair(5, Some(10)), pair(5, None), vec![RangeBound::MaxValue; 2]];
        let columns = function(PartitionMethod::Range(bounds), 3);
        let at = |a, b| columns.locate(&[Datum::Int(a), b]);
        assert_eq!(at(5, Datum::Int(9)), Some(0));
        assert_eq!(at(5, Datum::Null), Some(0));
        assert_eq!(at(5, Datum::Int(10)), Some(1));
        assert_eq!(at(6, Datum::Int(0)), Some(2));
    }

    #[test]
    fn lists_take_what_is_listed_and_default_the_rest() {
        let values = vec![vec![vec![Datum::Int(1)], vec![Datum::Int(2)]], vec![vec![Datum::Null]], vec![]];
        let list = |default| function(PartitionMethod::List { values: values.clone(), default }, 3);
        assert_eq!(list(None).locate(&[Datum::Int(2)]), Some(0));
        assert_eq!(list(None).locate(&[Datum::Null]), Some(1));
        assert_eq!(list(None).locate(&[Datum::Int(3)]), None);
        assert_eq!(list(Some(2)).locate(&[Datum::Int(3)]), Some(2));
    }
}

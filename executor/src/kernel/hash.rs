//! Hashes of words and strings, for tables of keys. How keys become words is [`crate::key`]'s business.

/// Odd constants without structure (the digits of pi).
const K0: u64 = 0x243f_6a88_85a3_08d3;
const K1: u64 = 0x1319_8a2e_0370_7344;
const K2: u64 = 0xa409_3822_299f_31d1;

/// Spreads one word over 64 bits: multiply to 128 bits and fold the halves.
#[inline]
pub fn mix(word: u64) -> u64 {
    fold(word ^ K0, K2)
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ (wide >> 64) as u64
}

/// Hash of a string.
#[inline]
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    let word = |b: &[u8]| u64::from_le_bytes(b.try_into().expect("the slice has eight bytes"));
    let half = |b: &[u8]| u64::from(u32::from_le_bytes(b.try_into().expect("the slice has four bytes")));
    let n = bytes.len();
    // Multiplied, so that no byte of the string can undo a difference in length.
    let seed = (n as u64).wrapping_mul(K0) ^ K1;
    let (a, b) = match n {
        0 => (0, 0),
        // First, middle and last byte cover all of a string of up to three.
        1..=3 => (u64::from(bytes[0]) << 8 | u64::from(bytes[n / 2]), u64::from(bytes[n - 1])),
        4..=8 => (half(&bytes[..4]), half(&bytes[n - 4..])),
        9..=16 => (word(&bytes[..8]), word(&bytes[n - 8..])),
        _ => {
            let mut state = seed;
            let mut rest = bytes;
            while rest.len() > 16 {
                state = fold(word(&rest[..8]) ^ state, word(&rest[8..16]) ^ K2);
                rest = &rest[16..];
            }
            let tail = &bytes[n - 16..];
            return fold(word(&tail[..8]) ^ state ^ K0, word(&tail[8..]) ^ K1);
        }
    };
    fold(a ^ seed ^ K0, b ^ K2)
}

/// A double as the word that stands for it: -0.0 is 0.0, every NaN is the same.
#[inline]
pub fn float_word(v: f64) -> u64 {
    if v == 0.0 {
        0
    } else if v.is_nan() {
        f64::NAN.to_bits()
    } else {
        v.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn near_keys_hash_far_apart() {
        // Both ends of the hash are used: for the bucket and for the tag.
        let top: HashSet<u64> = (0..1000).map(|v| mix(v) >> 48).collect();
        let low: HashSet<u64> = (0..1000).map(|v| mix(v << 32) & 0xffff).collect();
        assert!(top.len() > 950 && low.len() > 950, "{} {}", top.len(), low.len());
    }

    #[test]
    fn every_byte_of_a_string_counts() {
        for len in 0..40usize {
            let base = vec![b'x'; len];
            let mut seen = HashSet::from([hash_bytes(&base)]);
            for at in 0..len {
                let mut other = base.clone();
                other[at] = b'y';
                assert!(seen.insert(hash_bytes(&other)), "byte {at} of {len}");
            }
            let longer = vec![b'x'; len + 1];
            assert!(seen.insert(hash_bytes(&longer)));
        }
    }

    #[test]
    fn equal_doubles_are_one_word() {
        assert_eq!(float_word(-0.0), float_word(0.0));
        assert_eq!(float_word(f64::NAN), float_word(-f64::NAN));
        assert_ne!(float_word(1.0), float_word(-1.0));
    }
}

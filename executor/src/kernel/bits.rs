//! Bitmaps, made by loops that the compiler can vectorise: 64 rows become 64 bytes of 0 or 1, and those a word.

use arrow::buffer::{BooleanBuffer, Buffer};

/// Packs 64 bytes of 0 or 1 into a word, the first into the lowest bit.
#[inline]
fn pack(bytes: &[u8; 64]) -> u64 {
    // Multiplying moves bit 8i of a group of eight to bit 56 + i; no two products meet.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (groups, _) = bytes.as_chunks::<8>();
    let mut word = 0;
    for (i, group) in groups.iter().enumerate() {
        word |= (u64::from_le_bytes(*group).wrapping_mul(GATHER) >> 56) << (8 * i);
    }
    word
}

/// The bitmap of `test` over values.
#[inline]
pub(crate) fn of_one<T: Copy>(values: &[T], test: impl Fn(T) -> bool) -> BooleanBuffer {
    let mut words = Vec::with_capacity(values.len().div_ceil(64));
    let (chunks, tail) = values.as_chunks::<64>();
    let mut bytes = [0; 64];
    for chunk in chunks {
        for (byte, v) in bytes.iter_mut().zip(chunk) {
            *byte = u8::from(test(*v));
        }
        words.push(pack(&bytes));
    }
    if !tail.is_empty() {
        bytes = [0; 64];
        for (byte, v) in bytes.iter_mut().zip(tail) {
            *byte = u8::from(test(*v));
        }
        words.push(pack(&bytes));
    }
    from_words(words, values.len())
}

/// The bitmap of `test` over pairs of values.
#[inline]
pub(crate) fn of_two<A: Copy, B: Copy>(a: &[A], b: &[B], test: impl Fn(A, B) -> bool) -> BooleanBuffer {
    debug_assert_eq!(a.len(), b.len());
    let mut words = Vec::with_capacity(a.len().div_ceil(64));
    let ((chunks_a, tail_a), (chunks_b, tail_b)) = (a.as_chunks::<64>(), b.as_chunks::<64>());
    let mut bytes = [0; 64];
    for (chunk_a, chunk_b) in chunks_a.iter().zip(chunks_b) {
        for (byte, (x, y)) in bytes.iter_mut().zip(chunk_a.iter().zip(chunk_b)) {
            *byte = u8::from(test(*x, *y));
        }
        words.push(pack(&bytes));
    }
    if !tail_a.is_empty() {
        bytes = [0; 64];
        for (byte, (x, y)) in bytes.iter_mut().zip(tail_a.iter().zip(tail_b)) {
            *byte = u8::from(test(*x, *y));
        }
        words.push(pack(&bytes));
    }
    from_words(words, a.len())
}

/// The bitmap of `test` over row numbers, for what is not a slice.
#[inline]
pub(crate) fn of_rows(rows: usize, test: impl FnMut(usize) -> bool) -> BooleanBuffer {
    BooleanBuffer::collect_bool(rows, test)
}

fn from_words(words: Vec<u64>, bits: usize) -> BooleanBuffer {
    BooleanBuffer::new(Buffer::from_vec(words), 0, bits)
}

/// Picks for each row from `yes` where the bit is set, else from `no`.
#[inline]
pub(crate) fn choose<T: Copy>(
    mask: &BooleanBuffer,
    yes: impl Fn(usize) -> T,
    no: impl Fn(usize) -> T,
) -> Vec<T> {
    let mut out = Vec::with_capacity(mask.len());
    let chunks = mask.bit_chunks();
    let mut row = 0;
    for word in chunks.iter() {
        // Both sides are read so that the choice is a conditional move, not a branch.
        out.extend((0..64).map(|bit| {
            let (a, b) = (yes(row + bit), no(row + bit));
            if word >> bit & 1 == 1 { a } else { b }
        }));
        row += 64;
    }
    let rest = chunks.remainder_bits();
    out.extend((0..chunks.remainder_len()).map(|bit| {
        let (a, b) = (yes(row + bit), no(row + bit));
        if rest >> bit & 1 == 1 { a } else { b }
    }));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bitmaps_agree_with_a_plain_loop() {
        for n in [0usize, 1, 7, 63, 64, 65, 200] {
            let values: Vec<i64> = (0..n as i64).map(|i| i * 7919 % 101).collect();
            let bits = of_one(&values, |v| v > 50);
            let pairs = of_two(&values, &values, |a, b| (a + b) % 3 == 0);
            assert_eq!(bits.len(), n);
            for (i, v) in values.iter().enumerate() {
                assert_eq!(bits.value(i), *v > 50);
                assert_eq!(pairs.value(i), 2 * v % 3 == 0);
            }
            let chosen = choose(&bits, |i| values[i], |_| -1);
            assert!(chosen.iter().zip(&values).all(|(c, v)| *c == if *v > 50 { *v } else { -1 }));
        }
    }
}

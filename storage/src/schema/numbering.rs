//! How a table gives numbers to its rows.

/// What CREATE TABLE says of the numbers that rows are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    /// AUTO_ID_CACHE: how many numbers are fetched at a time; `None` = nothing is said. With 1 the hidden row ids are numbered
    /// apart.
    pub cache: Option<u64>,
    /// AUTO_RANDOM of the first column of the key; `None` = it is AUTO_INCREMENT that numbers, if anything does.
    pub random: Option<AutoRandom>,
}

/// Numbers that begin with some random bits, the *shard*, and go on with a count:
///
/// ```text
/// 0 …  0  | s s s s s | n n n … n
/// reserved  shard       count
/// ```
///
/// The sign of a BIGINT is a reserved bit, and so are those beyond the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoRandom {
    /// How many bits the shard has, from 1 to 15.
    pub shard_bits: u8,
    /// How many bits there are together with the count and the sign, from 32 to 64.
    pub range_bits: u8,
}

impl AutoRandom {
    /// Shard bits if nothing is said.
    pub const SHARD_BITS: u8 = 5;
    /// The most of them that there can be.
    pub const SHARD_BITS_MAX: u8 = 15;
    /// The fewest bits of the range.
    pub const RANGE_BITS_MIN: u8 = 32;
    /// Bits of the range if nothing is said, and the most.
    pub const RANGE_BITS_MAX: u8 = 64;
    /// The fewest bits that the count must have.
    pub const COUNT_BITS_MIN: u8 = 27;

    /// Bits of the count in a BIGINT, UNSIGNED or not; negative if the shard is longer than the range.
    pub fn count_bits(&self, unsigned: bool) -> i16 {
        i16::from(self.range_bits) - i16::from(self.shard_bits) - i16::from(!unsigned)
    }

    /// The greatest count.
    pub fn count_max(&self, unsigned: bool) -> u64 {
        let bits = u32::try_from(self.count_bits(unsigned)).unwrap_or(0);
        1u64.checked_shl(bits).map_or(u64::MAX, |end| end - 1)
    }

    /// A number of this shard, of which as many bits count as it has.
    pub fn number(&self, shard: u64, count: u64, unsigned: bool) -> u64 {
        let shard = shard & ((1 << self.shard_bits) - 1);
        let bits = u32::try_from(self.count_bits(unsigned)).unwrap_or(0);
        shard.checked_shl(bits).unwrap_or(0) | count & self.count_max(unsigned)
    }

    /// The count in a number.
    pub fn count(&self, number: u64, unsigned: bool) -> u64 {
        number & self.count_max(unsigned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Capacities are those that TiDB notes when it makes such tables.
    #[test]
    fn bits_have_their_places() {
        let usual = AutoRandom { shard_bits: 5, range_bits: 64 };
        assert_eq!(usual.count_max(false), 288_230_376_151_711_743);
        assert_eq!(usual.count_max(true), 576_460_752_303_423_487);
        assert_eq!(usual.number(u64::MAX, 1, false), 0x7c00_0000_0000_0001);
        assert_eq!(usual.number(u64::MAX, 1, true), 0xf800_0000_0000_0001);
        let short = AutoRandom { shard_bits: 4, range_bits: 32 };
        assert_eq!((short.count_bits(false), short.count_max(false)), (27, 134_217_727));
        assert_eq!(short.number(0b11_0101, 3, false), 0b0101 << 27 | 3);
        assert_eq!(short.count(short.number(9, 77, false), false), 77);
    }
}

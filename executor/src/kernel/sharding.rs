//! Numbers that spread others evenly: Vitess's hash, and TiDB's shards, which are made of it.

use allod_planner::expr::Sharding;
use des::Des;
use des::cipher::{Array, BlockCipherEncrypt, KeyInit};

use super::function::ints;
use super::value::Value;

/// Shards of TIDB_SHARD.
const SHARDS: u64 = 256;

/// Evaluates one.
pub(crate) fn apply(sharding: Sharding, args: &[Value], rows: usize) -> Value {
    let numbers = match &args[0] {
        Value::UInt(numbers) => numbers.clone(),
        // Negative numbers are those of their bits.
        other => ints(other, rows).map(|n| n as u64),
    };
    Value::UInt(numbers.map(|number| match sharding {
        Sharding::Vitess => hash(number),
        Sharding::Shard => hash(number) % SHARDS,
    }))
}

/// A number encrypted by DES with the key 0, as the vindex `hash` of Vitess has it.
fn hash(value: u64) -> u64 {
    let mut block = Array::from(value.to_be_bytes());
    Des::new(&Array::from([0; 8])).encrypt_block(&mut block);
    u64::from_be_bytes(block.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests of Vitess's vindex, and TiDB's manual.
    #[test]
    fn known_hashes() {
        for (value, hashed) in
            [(1, 0x166b_40b4_4aba_4bd6), (2, 0x06e7_ea22_ce92_708f), (123, 1_155_070_131_015_363_447)]
        {
            assert_eq!(hash(value), hashed, "{value}");
        }
        assert_eq!(hash(12_373_743_746) % SHARDS, 184);
    }
}

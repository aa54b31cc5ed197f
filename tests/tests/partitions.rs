//! Random partitioned tables beside the same tables without partitions: whatever is asked, under dynamic and static pruning
//! and by each method of joining, the answers are the same; whatever is changed, rows stay where they belong.
//!
//! `PARTITION_CASES=1000` runs more cases than the default, `PARTITION_SEED=17` begins at another seed.

use allod_tests::partitions::pair::{Difference, Pair};
use allod_tests::random::Random;

const CASES: u64 = 20;

#[test]
fn partitions_change_no_answer() {
    let number = |name| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let first = number("PARTITION_SEED").unwrap_or(1);
    let cases = number("PARTITION_CASES").unwrap_or(CASES);
    println!("seeds {first} to {}", first + cases - 1);
    let mut failures = 0;
    for seed in first..first + cases {
        if let Err(Difference(text)) = case(seed) {
            println!("-- seed {seed}\n{text}\n");
            failures += 1;
        }
    }
    assert_eq!(failures, 0, "seeds failed, see above");
}

fn case(seed: u64) -> Result<(), Difference> {
    let mut random = Random::new(seed);
    let rows_max = *random.pick(&[6, 25, 60]);
    let mut pair = Pair::random(rows_max, &mut random)?;
    for _ in 0..3 {
        for _ in 0..8 {
            pair.select(&mut random)?;
        }
        for _ in 0..3 {
            pair.named(&mut random)?;
            pair.one_partition(&mut random)?;
        }
        for _ in 0..2 {
            pair.join(&mut random)?;
            pair.change(&mut random)?;
        }
        pair.alter(&mut random)?;
    }
    Ok(())
}

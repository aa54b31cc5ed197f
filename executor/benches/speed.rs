//! `cargo bench -p allod-executor --features speed`; the cases are in the crate's `speed` module.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn operators(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("operators");
    group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(2));
    allod_executor::speed::run(&mut |name, rows, run| {
        group.throughput(Throughput::Elements(rows as u64));
        group.bench_function(name, |bencher| bencher.iter(&mut *run));
    });
    group.finish();
}

criterion_group!(benches, operators);
criterion_main!(benches);

//! What operators that read from the store say of their run, in TiDB's words (tidb.md B (3)).
//!
//! ```text
//! TableReader    cop_task: {num: 4, max: 1.00s, min: 1.00ms, avg: 500.50ms, p95: 1.00s, regions: 4, partitions: 1, …},
//!                rpc_info:{Cop:{num_rpc:4, total_time:2.00s}, rpc_errors:{epoch_not_match:2}}, backoff{regionMiss: 4ms}
//! IndexJoin      inner:{total:…, concurrency:5, task:2, construct:…, fetch:…, build:…}, probe:…
//! IndexHashJoin  inner:{total:…, concurrency:5, task:2, construct:…, fetch:…, build:…, join:…}
//! IndexLookUp    index_task: {total_time: …, fetch_handle: …}, table_task: {total_time: …, num: 2, concurrency: 5}
//! ```
//! Counts and times are sums over all workers, backoff included; upstream loses some of the latter (tidb.md A2).

use std::time::Duration;

use allod_executor::{CopTasks, Detail, IndexJoinRun, IndexLookUpRun};
use allod_storage::client::ClientStats;

use super::duration;

/// The parts of the execution info that come of `detail`; `hashed` for an IndexHashJoin, which has no probe of its own.
pub(super) fn parts(detail: &Detail, hashed: bool) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(detail.index_join.as_ref().map(|run| index_join(run, hashed)));
    parts.extend(detail.index_lookup.as_ref().map(index_lookup));
    parts.extend(detail.cop.as_ref().filter(|cop| !cop.partitions.is_empty()).map(cop_task));
    if let Some(stats) = detail.rpc.as_ref().filter(|stats| **stats != ClientStats::default()) {
        let time = detail.cop.as_ref().filter(|cop| !cop.times.is_empty()).map(|cop| cop.times.iter().sum());
        parts.push(rpc_info(stats, time));
        parts.extend(backoff(stats));
    }
    parts
}

fn index_join(run: &IndexJoinRun, hashed: bool) -> String {
    let inner = format!(
        "total:{}, concurrency:{}, task:{}, construct:{}, fetch:{}, build:{}",
        duration(run.total),
        run.concurrency,
        run.tasks,
        duration(run.construct),
        duration(run.fetch),
        duration(run.build)
    );
    let probe = duration(run.probe);
    match hashed {
        true => format!("inner:{{{inner}, join:{probe}}}, keys:{}", run.keys),
        false => format!("inner:{{{inner}}}, probe:{probe}, keys:{}", run.keys),
    }
}

fn index_lookup(run: &IndexLookUpRun) -> String {
    let fetched = duration(run.fetch_handles);
    format!(
        "index_task: {{total_time: {fetched}, fetch_handle: {fetched}}}, \
         table_task: {{total_time: {}, num: {}, concurrency: {}}}",
        duration(run.table_total),
        run.tasks,
        run.concurrency
    )
}

fn cop_task(cop: &CopTasks) -> String {
    let touched = format!(
        "tot_proc_keys: {}, regions: {}, partitions: {}",
        cop.rows,
        cop.regions.len(),
        cop.partitions.len()
    );
    // A scan's workers take pieces of regions as they come: their times are the operators', not the regions'.
    if cop.times.is_empty() {
        return format!("cop_task: {{num: {}, {touched}}}", cop.regions.len());
    }
    let mut times = cop.times.clone();
    times.sort_unstable();
    let total: Duration = times.iter().sum();
    let average = total / u32::try_from(times.len()).unwrap_or(u32::MAX);
    // TiDB's choice of the element at 95 %.
    let p95 = times[(times.len() * 19 / 20).min(times.len() - 1)];
    format!(
        "cop_task: {{num: {}, max: {}, min: {}, avg: {}, p95: {}, {touched}}}",
        times.len(),
        duration(times[times.len() - 1]),
        duration(times[0]),
        duration(average),
        duration(p95)
    )
}

fn rpc_info(stats: &ClientStats, time: Option<Duration>) -> String {
    let time = time.map_or(String::new(), |time| format!(", total_time:{}", duration(time)));
    let mut errors: Vec<String> =
        stats.region_errors_met().map(|(kind, n)| format!("{}:{n}", kind.name().replace(' ', "_"))).collect();
    if stats.timeouts > 0 {
        errors.push(format!("timeout:{}", stats.timeouts));
    }
    if stats.locks_met > 0 {
        errors.push(format!("locked:{}", stats.locks_met));
    }
    let errors = match errors.is_empty() {
        true => String::new(),
        false => format!(", rpc_errors:{{{}}}", errors.join(", ")),
    };
    format!("rpc_info:{{Cop:{{num_rpc:{}{time}}}{errors}}}", stats.rpcs)
}

/// `backoff{regionMiss: 2ms}`.
fn backoff(stats: &ClientStats) -> Option<String> {
    let waits: Vec<String> =
        stats.backoff.iter().map(|(kind, _, ms)| format!("{}: {ms}ms", kind.name())).collect();
    (!waits.is_empty()).then(|| format!("backoff{{{}}}", waits.join(", ")))
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::RegionId;

    use super::*;

    #[test]
    fn details_are_worded_as_tidb_words_them() {
        let ms = Duration::from_millis;
        let cop = CopTasks {
            times: vec![ms(1000), ms(1), ms(2), ms(3)],
            rows: 7,
            regions: [RegionId(1), RegionId(4)].into(),
            partitions: [0].into(),
        };
        let mut rpc = ClientStats::default();
        (rpc.rpcs, rpc.timeouts) = (3, 1);
        let detail = Detail { cop: Some(cop), rpc: Some(rpc), ..Detail::default() };
        let expected = [
            "cop_task: {num: 4, max: 1.00s, min: 1.00ms, avg: 251.50ms, p95: 1.00s, tot_proc_keys: 7, regions: 2, partitions: 1}",
            "rpc_info:{Cop:{num_rpc:3, total_time:1.01s}, rpc_errors:{timeout:1}}",
        ];
        assert_eq!(parts(&detail, false), expected);
        let run = IndexJoinRun {
            total: ms(101_400),
            concurrency: 5,
            tasks: 292,
            construct: ms(4910),
            fetch: ms(96_200),
            build: Duration::from_micros(263_500),
            probe: Duration::from_micros(951_100),
            keys: 9,
        };
        let join = Detail { index_join: Some(run), ..Detail::default() };
        let inner =
            "inner:{total:101.40s, concurrency:5, task:292, construct:4.91s, fetch:96.20s, build:263.50ms";
        assert_eq!(parts(&join, false), [format!("{inner}}}, probe:951.10ms, keys:9")]);
        assert_eq!(parts(&join, true), [format!("{inner}, join:951.10ms}}, keys:9")]);
        let run = IndexLookUpRun { fetch_handles: ms(2), table_total: ms(4), tasks: 2, concurrency: 5 };
        let read = Detail { index_lookup: Some(run), ..Detail::default() };
        assert_eq!(
            parts(&read, false),
            [
                "index_task: {total_time: 2.00ms, fetch_handle: 2.00ms}, table_task: {total_time: 4.00ms, num: 2, concurrency: 5}"
            ]
        );
        assert!(parts(&Detail::default(), false).is_empty());
    }
}

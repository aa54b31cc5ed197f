//! What operators that read from the store say of their run, in TiDB's words (tidb.md B (3)).
//!
//! ```text
//! TableReader    cop_task: {num: 4, max: 1.00s, min: 1.00ms, avg: 500.50ms, p95: 1.00s, regions: 4, partitions: 1, …},
//!                rpc_info:{Cop:{num_rpc:4, total_time:2.00s}, rpc_errors:{epoch_not_match:2}},
//!                backoff{regionMiss: 4ms (2 times)}
//! scans          tikv_task:{proc max:20.80ms, min:1.71ms, avg: 11.10ms, p80:14.60ms, p95:17.70ms, tasks:95}
//! Point_Get      the same with rpc_info:{Get:{…}}, Batch_Point_Get with rpc_info:{BatchGet:{…}}
//! changes        commit_txn: {total_time: 1.20ms, write_keys: 4}, rpc_info:{Commit:{num_rpc:3, total_time:1.20ms}}
//! IndexJoin      inner:{total:…, concurrency:5, task:2, construct:…, fetch:…, build:…}, probe:…
//! IndexHashJoin  inner:{total:…, concurrency:5, task:2, construct:…, fetch:…, build:…, join:…}
//! IndexLookUp    index_task: {total_time: …, fetch_handle: …, build: …}, table_task: {total_time: …, num: 2, concurrency: 5},
//!                next: {wait_index: …, wait_table_lookup_build: …, wait_table_lookup_resp: …}
//! IndexMerge     index_task:{fetch_handle:…, merge:…}, table_task:{num:2, concurrency:1, fetch_row:…, wait_time:…}
//! ```
//! A reader tells of its tasks and requests; below a double read or an index merge, and on the inner side of an index join,
//! each side tells of its own. Requests, errors and backoff are sums over all workers, also over those whose answers nobody
//! waited for; upstream loses some of the latter (tidb.md A2). Tasks and their rows are those whose answers were taken. What
//! `next` waits for the index is the time of the index side, and for rows what is left of the operator's own time.

use std::time::Duration;

use allod_executor::{CommitRun, CopTasks, Detail, IndexJoinRun, IndexLookUpRun, IndexMergeRun};
use allod_storage::client::ClientStats;

use super::duration;

/// The parts of the execution info of the operator `name` that come of `detail`.
pub(super) fn parts(detail: &Detail, name: &str) -> Vec<String> {
    let mut parts = Vec::new();
    // An IndexHashJoin has no probe of its own.
    parts.extend(detail.index_join.as_ref().map(|run| index_join(run, name.starts_with("IndexHashJoin"))));
    parts.extend(detail.index_lookup.as_ref().map(index_lookup));
    parts.extend(detail.index_merge.as_ref().map(index_merge));
    parts.extend(detail.cop.as_ref().filter(|cop| !cop.partitions.is_empty()).map(cop_task));
    parts.extend(detail.commit.as_ref().map(commit));
    if let Some(stats) = detail.rpc.as_ref().filter(|stats| **stats != ClientStats::default()) {
        let command = match name {
            _ if name.starts_with("Point_Get") => "Get",
            _ if name.starts_with("Batch_Point_Get") => "BatchGet",
            _ if detail.commit.is_some() => "Commit",
            _ => "Cop",
        };
        let requests = detail.cop.as_ref().map(|cop| cop.requests);
        parts.push(rpc_info(command, stats, requests.or(detail.commit.map(|commit| commit.time))));
        parts.extend(backoff(stats));
    }
    parts.extend(tikv_task(&detail.processed));
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
    format!(
        "index_task: {{total_time: {}, fetch_handle: {}, build: {}}}, \
         table_task: {{total_time: {}, num: {}, concurrency: {}}}, \
         next: {{wait_index: {}, wait_table_lookup_build: {}, wait_table_lookup_resp: {}}}",
        duration(run.fetch_handles + run.build),
        duration(run.fetch_handles),
        duration(run.build),
        duration(run.table_total),
        run.tasks,
        run.concurrency,
        duration(run.wait_index),
        duration(run.wait_build),
        duration(run.wait_response)
    )
}

fn index_merge(run: &IndexMergeRun) -> String {
    // Partitions are read one after the other, on the thread that waits for them.
    format!(
        "index_task:{{fetch_handle:{}, merge:{}}}, table_task:{{num:{}, concurrency:1, fetch_row:{}, wait_time:{}}}",
        duration(run.fetch_handles),
        duration(run.merge),
        run.tasks,
        duration(run.fetch_rows),
        duration(run.fetch_rows)
    )
}

fn cop_task(cop: &CopTasks) -> String {
    let touched = format!(
        "tot_proc_keys: {}, regions: {}, partitions: {}",
        cop.rows,
        cop.regions.len(),
        cop.partitions.len()
    );
    let times = Times::of(&cop.times);
    let text = |time| duration(time);
    format!(
        "cop_task: {{num: {}, max: {}, min: {}, avg: {}, p95: {}, {touched}}}",
        cop.times.len(),
        text(times.at(1.0)),
        text(times.at(0.0)),
        text(times.average),
        text(times.at(0.95))
    )
}

/// What reading itself took, requests left out.
fn tikv_task(processed: &[Duration]) -> Option<String> {
    let times = Times::of(processed);
    match processed {
        [] => None,
        [one] => Some(format!("tikv_task:{{time:{}, tasks:1}}", duration(*one))),
        _ => Some(format!(
            "tikv_task:{{proc max:{}, min:{}, avg: {}, p80:{}, p95:{}, tasks:{}}}",
            duration(times.at(1.0)),
            duration(times.at(0.0)),
            duration(times.average),
            duration(times.at(0.8)),
            duration(times.at(0.95)),
            processed.len()
        )),
    }
}

/// Times in ascending order.
struct Times {
    sorted: Vec<Duration>,
    average: Duration,
}

impl Times {
    fn of(times: &[Duration]) -> Times {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        let count = u32::try_from(sorted.len()).unwrap_or(u32::MAX).max(1);
        Times { average: sorted.iter().sum::<Duration>() / count, sorted }
    }

    /// The element at a part of the way, as TiDB chooses it.
    fn at(&self, part: f64) -> Duration {
        let at = (self.sorted.len() as f64 * part) as usize;
        self.sorted.get(at).or(self.sorted.last()).copied().unwrap_or_default()
    }
}

fn commit(run: &CommitRun) -> String {
    format!("commit_txn: {{total_time: {}, write_keys: {}}}", duration(run.time), run.keys)
}

fn rpc_info(command: &str, stats: &ClientStats, time: Option<Duration>) -> String {
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
    format!("rpc_info:{{{command}:{{num_rpc:{}{time}}}{errors}}}", stats.rpcs)
}

/// `backoff{regionMiss: 6ms (2 times)}`.
fn backoff(stats: &ClientStats) -> Option<String> {
    let waits: Vec<String> =
        stats.backoff.iter().map(|(kind, times, ms)| wait(kind.name(), times, ms)).collect();
    (!waits.is_empty()).then(|| format!("backoff{{{}}}", waits.join(", ")))
}

fn wait(kind: &str, times: u64, ms: u64) -> String {
    format!("{kind}: {ms}ms ({times} {})", if times == 1 { "time" } else { "times" })
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
            requests: ms(700),
            rows: 7,
            regions: [RegionId(1), RegionId(4)].into(),
            partitions: [0].into(),
        };
        let mut rpc = ClientStats::default();
        (rpc.rpcs, rpc.timeouts) = (3, 1);
        let detail = Detail { cop: Some(cop), rpc: Some(rpc), ..Detail::default() };
        let expected = [
            "cop_task: {num: 4, max: 1.00s, min: 1.00ms, avg: 251.50ms, p95: 1.00s, tot_proc_keys: 7, regions: 2, partitions: 1}",
            "rpc_info:{Cop:{num_rpc:3, total_time:700.00ms}, rpc_errors:{timeout:1}}",
        ];
        assert_eq!(parts(&detail, "TableReader_3"), expected);
        assert!(parts(&detail, "Point_Get_1")[1].starts_with("rpc_info:{Get:{num_rpc:3,"));
        assert!(parts(&detail, "Batch_Point_Get_1")[1].starts_with("rpc_info:{BatchGet:{num_rpc:3,"));
        let scan = Detail { processed: vec![ms(4)], ..Detail::default() };
        assert_eq!(parts(&scan, "TableFullScan_4"), ["tikv_task:{time:4.00ms, tasks:1}"]);
        let scan = Detail { processed: (1..=20).rev().map(ms).collect(), ..Detail::default() };
        let text =
            "tikv_task:{proc max:20.00ms, min:1.00ms, avg: 10.50ms, p80:17.00ms, p95:20.00ms, tasks:20}";
        assert_eq!(parts(&scan, "TableFullScan_4"), [text]);
        assert_eq!(
            (wait("regionMiss", 1, 2), wait("pdRPC", 2, 7)),
            ("regionMiss: 2ms (1 time)".into(), "pdRPC: 7ms (2 times)".into())
        );
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
        assert_eq!(parts(&join, "IndexJoin_2"), [format!("{inner}}}, probe:951.10ms, keys:9")]);
        assert_eq!(parts(&join, "IndexHashJoin_2"), [format!("{inner}, join:951.10ms}}, keys:9")]);
        let run = IndexLookUpRun {
            fetch_handles: ms(2),
            build: ms(1),
            table_total: ms(4),
            tasks: 2,
            concurrency: 5,
            wait_index: ms(2),
            wait_build: ms(1),
            wait_response: ms(3),
        };
        let read = Detail { index_lookup: Some(run), ..Detail::default() };
        assert_eq!(
            parts(&read, "IndexLookUp_2"),
            [
                "index_task: {total_time: 3.00ms, fetch_handle: 2.00ms, build: 1.00ms}, table_task: {total_time: 4.00ms, num: 2, concurrency: 5}, next: {wait_index: 2.00ms, wait_table_lookup_build: 1.00ms, wait_table_lookup_resp: 3.00ms}"
            ]
        );
        let run = IndexMergeRun { fetch_handles: ms(2), merge: ms(1), fetch_rows: ms(4), tasks: 3 };
        let merge = Detail { index_merge: Some(run), ..Detail::default() };
        assert_eq!(
            parts(&merge, "IndexMerge_2"),
            [
                "index_task:{fetch_handle:2.00ms, merge:1.00ms}, table_task:{num:3, concurrency:1, fetch_row:4.00ms, wait_time:4.00ms}"
            ]
        );
        let run = CommitRun { time: ms(5), keys: 4 };
        let mut rpc = ClientStats::default();
        rpc.rpcs = 2;
        let change = Detail { commit: Some(run), rpc: Some(rpc), ..Detail::default() };
        let commit = "commit_txn: {total_time: 5.00ms, write_keys: 4}";
        assert_eq!(parts(&change, "Insert_1"), [commit, "rpc_info:{Commit:{num_rpc:2, total_time:5.00ms}}"]);
        assert!(parts(&Detail::default(), "HashJoin_1").is_empty());
    }
}

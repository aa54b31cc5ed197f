//! `allod bench indexjoin`: index joins over TPC-H's tables, plain and with orders and lineitem hash-partitioned by order
//! key. Both must give the same answers; what partitions cost is the last column.

use std::io::Write;

use super::cluster::ClusterOptions;
use super::script::{Script, measure};
use super::{Timing, load_tpch};
use crate::error::Result;
use crate::import;
use crate::session::Session;

const SCRIPT: &str = include_str!("../../bench/indexjoin.sql");

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Scale factor.
    pub sf: f64,
    /// Partitions of the second variant.
    pub partitions: u16,
    /// How often to run each query.
    pub runs: usize,
    /// The cluster.
    pub cluster: ClusterOptions,
}

/// Runs the queries on both variants, prints the figures, and returns whether all answers agree.
///
/// # Errors
/// If the options make no sense or a statement fails.
pub fn run(options: &Options) -> Result<bool> {
    import::check_scale_factor(options.sf)?;
    let script = Script::parse(SCRIPT)?;
    let mut plain = variant(options, None, &script)?;
    let mut dealt = variant(options, Some(options.partitions), &script)?;
    let mut out = std::io::stdout();
    let header = format!("{} partitions", options.partitions);
    let _ = writeln!(out, "{:<8} {:>8} {:>12} {header:>16} {:>8}", "query", "rows", "median ms", "ratio");
    let progress = import::terminal_progress();
    let (mut agree, mut product) = (true, 1.0);
    for query in &script.queries {
        let step = progress.step(&query.name, 2 * options.runs as u64);
        let (a, rows): (Timing, _) = measure(&mut plain, query, options.runs, &step)?;
        let (b, other) = measure(&mut dealt, query, options.runs, &step)?;
        drop(step);
        let same = rows == other && a.rows == b.rows;
        agree &= same;
        let ratio = b.median_ms() / a.median_ms().max(1e-6);
        product *= ratio;
        let verdict = if same { "" } else { "  ANSWERS DIFFER" };
        let (name, rows, ms, dealt_ms) = (&a.name, a.rows, a.median_ms(), b.median_ms());
        let _ = writeln!(out, "{name:<8} {rows:>8} {ms:>12.3} {dealt_ms:>16.3} {ratio:>8.2}{verdict}");
    }
    let mean = f64::powf(product, 1.0 / script.queries.len() as f64);
    let _ = writeln!(out, "{:<8} {:>8} {:>12} {:>16} {mean:>8.2}", "mean", "", "", "");
    Ok(agree)
}

/// A session over tables of one variant.
fn variant(options: &Options, partitions: Option<u16>, script: &Script) -> Result<Session> {
    let database = options.cluster.database();
    load_tpch(&database, options.sf, partitions, &import::terminal_progress())?;
    options.cluster.split(&database)?;
    let mut session = database.session();
    session.execute_all(&script.setup, |result| result.collect_batches().map(drop))?;
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_change_no_answer() {
        let cluster = ClusterOptions::default();
        assert!(run(&Options { sf: 0.01, partitions: 16, runs: 1, cluster }).unwrap());
    }
}

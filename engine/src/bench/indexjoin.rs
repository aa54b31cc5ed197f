//! `allod bench indexjoin`: index joins over TPC-H's tables: plain, and with orders and lineitem hash-partitioned by order key,
//! once with indexes that each partition has of its own, once with global ones. All must give the same answers; the last columns
//! say what partitions cost.

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
    let mut plain = variant(options, Dealt::Whole, &script)?;
    let mut local = variant(options, Dealt::LocalIndexes, &script)?;
    let mut global = variant(options, Dealt::GlobalIndexes, &script)?;
    let mut out = std::io::stdout();
    let parts = format!("{} partitions", options.partitions);
    let _ = writeln!(
        out,
        "{:<8} {:>8} {:>12} {parts:>16} {:>8} {:>16} {:>8}",
        "query", "rows", "median ms", "ratio", "global indexes", "ratio"
    );
    let progress = import::terminal_progress();
    let (mut agree, mut products) = (true, [1.0; 2]);
    for query in &script.queries {
        let step = progress.step(&query.name, 3 * options.runs as u64);
        let (whole, rows): (Timing, _) = measure(&mut plain, query, options.runs, &step)?;
        let _ = write!(out, "{:<8} {:>8} {:>12.4}", whole.name, whole.rows, whole.median_ms());
        for (session, product) in [&mut local, &mut global].into_iter().zip(&mut products) {
            let (dealt, other) = measure(session, query, options.runs, &step)?;
            let same = rows == other && whole.rows == dealt.rows;
            agree &= same;
            let ratio = dealt.median_ms() / whole.median_ms().max(1e-6);
            *product *= ratio;
            let verdict = if same { "" } else { "  ANSWERS DIFFER" };
            let _ = write!(out, " {:>16.4} {ratio:>8.2}{verdict}", dealt.median_ms());
        }
        drop(step);
        let _ = writeln!(out);
    }
    let [local, global] = products.map(|product| f64::powf(product, 1.0 / script.queries.len() as f64));
    let _ =
        writeln!(out, "{:<8} {:>8} {:>12} {:>16} {local:>8.2} {:>16} {global:>8.2}", "mean", "", "", "", "");
    Ok(agree)
}

/// How orders, lineitem and their indexes are dealt to partitions.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Dealt {
    /// They are not.
    Whole,
    /// With indexes in each partition, of its rows.
    LocalIndexes,
    /// With one index over all of them.
    GlobalIndexes,
}

/// A session over tables of one variant.
fn variant(options: &Options, dealt: Dealt, script: &Script) -> Result<Session> {
    let database = options.cluster.database();
    let partitions = (dealt != Dealt::Whole).then_some(options.partitions);
    load_tpch(&database, options.sf, partitions, &import::terminal_progress())?;
    options.cluster.split(&database)?;
    let mut session = database.session();
    let setup = match dealt {
        Dealt::Whole | Dealt::LocalIndexes => script.setup.clone(),
        // All that it makes are indexes of tables that are dealt.
        Dealt::GlobalIndexes => script.setup.replace(");", ") global;"),
    };
    session.execute_all(&setup, |result| result.collect_batches().map(drop))?;
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

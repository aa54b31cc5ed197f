//! `allod bench tpch`.

use std::path::PathBuf;

use super::answers::{QUERIES, Query};
use super::cluster::{Chaos, ClusterOptions, count_regions};
use super::{Timing, as_text, load_tpch, ms, print_plan, report, run_timed};
use crate::error::{Error, Result, code};
use crate::import::{self, Progress};
use crate::session::Session;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Scale factor.
    pub sf: f64,
    /// Numbers of the queries, 1 to 22; empty = all.
    pub queries: Vec<u8>,
    /// How often to run each.
    pub runs: usize,
    /// Where to write the figures.
    pub json: Option<PathBuf>,
    /// A folder of answers (`q01.tsv`, … or `sf1/q01.tsv`, …) instead of those in this program.
    pub check: Option<PathBuf>,
    /// Whether to print plans.
    pub explain: bool,
    /// The cluster.
    pub cluster: ClusterOptions,
}

/// How it went.
#[derive(Clone, Debug)]
pub struct Summary {
    /// Whether every query ran and every answer that could be checked was right.
    pub all_right: bool,
    /// Regions of the tables, at the end.
    pub regions: usize,
    /// Splits, merges and leader moves while the queries ran.
    pub disturbances: u64,
    /// How often stores told the queries' clients to look elsewhere or to wait.
    pub region_errors: u64,
    /// How often the queries' clients asked again because no answer came.
    pub timeouts: u64,
}

/// Makes the tables, runs the queries, checks their answers, prints all that, and returns how it went.
///
/// # Errors
/// If the options make no sense, the tables cannot be made, or a file cannot be read or written.
pub fn run(options: &Options) -> Result<Summary> {
    import::check_scale_factor(options.sf)?;
    let queries = selected(&options.queries)?;
    // Looked for before the minutes that loading may take.
    let queries = queries.into_iter().map(|query| Ok((query, options.answer(query)?)));
    let queries = queries.collect::<Result<Vec<_>>>()?;
    let progress = import::terminal_progress();
    let database = options.cluster.database();
    let load = load_tpch(&database, options.sf, None, &progress)?;
    options.cluster.split(&database)?;
    eprintln!("scale factor {}: generated and loaded in {:.2} s", options.sf, load.as_secs_f64());
    if options.cluster.regions.is_some() {
        eprintln!("{} regions", count_regions(&database)?);
    }
    if let Some(network) = options.cluster.network {
        eprintln!("simulated network: {network}");
    }
    let before = database.cluster().stats();
    let chaos = options.cluster.chaos(&database);
    let mut session = database.session();
    let mut timings = Vec::new();
    let mut all_right = true;
    report::header(true);
    for (query, on_file) in queries {
        if options.explain {
            print_plan(&mut session, query.sql)?;
        }
        match measure(&mut session, query, on_file.as_deref(), options.runs, &progress) {
            Ok((timing, verdict)) => {
                all_right &= !matches!(verdict, Verdict::Wrong(_));
                report::line(&timing, Some(&verdict.text()));
                timings.push(timing);
            }
            Err(error) => {
                all_right = false;
                report::failed(query.name, &error);
            }
        }
    }
    report::total(&timings);
    // While the troublemaker lives its own client counts for itself: these are the queries' counts.
    let met = database.cluster().stats();
    let summary = Summary {
        all_right,
        regions: count_regions(&database)?,
        disturbances: chaos.as_ref().map_or(0, Chaos::acts),
        region_errors: met.region_errors_in_all() - before.region_errors_in_all(),
        timeouts: met.timeouts - before.timeouts,
    };
    drop(chaos);
    if options.cluster.chaos {
        eprintln!(
            "{} splits, merges and leader moves meanwhile, {} regions now; the queries met {} region errors and {} lost messages",
            summary.disturbances, summary.regions, summary.region_errors, summary.timeouts
        );
    }
    if let Some(path) = &options.json {
        let entries: Vec<String> = timings.iter().map(|timing| report::entry(timing, None)).collect();
        report::write(path, Some(options.sf), ms(load), &entries)?;
    }
    Ok(summary)
}

impl Options {
    /// The answer that a query's is compared with, if there is one.
    fn answer(&self, query: &Query) -> Result<Option<String>> {
        let Some(folder) = &self.check else { return Ok(query.answer(self.sf).map(str::to_string)) };
        // A folder of folders, one for each scale factor, is as good.
        let of_scale_factor = folder.join(format!("sf{}", self.sf));
        let folder = if of_scale_factor.is_dir() { &of_scale_factor } else { folder };
        let path = folder.join(format!("{}.tsv", query.name));
        std::fs::read_to_string(&path).map(Some).map_err(|error| {
            Error::new(code::FILE_NOT_FOUND, format!("can't find file: '{}' ({error})", path.display()))
        })
    }
}

fn selected(numbers: &[u8]) -> Result<Vec<&'static Query>> {
    if numbers.is_empty() {
        return Ok(QUERIES.iter().collect());
    }
    let query = |&number: &u8| {
        let found = usize::from(number).checked_sub(1).and_then(|at| QUERIES.get(at));
        found.ok_or_else(|| {
            Error::new(code::WRONG_ARGUMENTS, format!("there is no query {number}; there are 1 to 22"))
        })
    };
    numbers.iter().map(query).collect()
}

/// What is to be said of an answer.
enum Verdict {
    Right,
    Wrong(String),
    /// No answer to compare with.
    Unknown,
}

impl Verdict {
    fn text(&self) -> String {
        match self {
            Verdict::Right => "right".to_string(),
            Verdict::Wrong(why) => format!("WRONG: {why}"),
            Verdict::Unknown => "-".to_string(),
        }
    }
}

fn measure(
    session: &mut Session,
    query: &Query,
    on_file: Option<&str>,
    runs: usize,
    progress: &Progress,
) -> Result<(Timing, Verdict)> {
    let step = progress.step(query.name, runs as u64);
    let mut timing = Timing { name: query.name.to_string(), rows: 0, ms: Vec::new() };
    let mut verdict = Verdict::Unknown;
    for _ in 0..runs.max(1) {
        let (time, columns, batches) = run_timed(session, query.sql)?;
        timing.ms.push(ms(time));
        let answer = as_text(&columns, &batches);
        timing.rows = answer.rows.len();
        // One wrong answer among right ones is a wrong one.
        if let Some(on_file) = on_file.filter(|_| !matches!(verdict, Verdict::Wrong(_))) {
            verdict = query.check(&answer, on_file).map_or_else(Verdict::Wrong, |()| Verdict::Right);
        }
        step.advance(1);
    }
    Ok((timing, verdict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_chosen_by_number() {
        let names = |numbers: &[u8]| selected(numbers).map(|q| q.iter().map(|q| q.name).collect::<Vec<_>>());
        assert_eq!(names(&[6, 1]).unwrap(), ["q06", "q01"]);
        assert_eq!(names(&[]).unwrap().len(), 22);
        assert_eq!(names(&[0]).unwrap_err().code(), 1210);
        assert_eq!(names(&[23]).unwrap_err().code(), 1210);
    }
}

//! `allod bench run`: the queries of a file.
//!
//! A line `-- setup` begins statements that are run once, before anything is timed; a line `-- name: WORD …` begins a
//! query that is timed under that name. Everything else is SQL.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::cluster::ClusterOptions;
use super::sessions::per_second;
use super::{TextRow, Timing, as_text, load_tpch, ms, print_plan, report, run_timed};
use crate::error::{Error, Result, code};
use crate::import;
use crate::session::Session;

/// Most rows of a result that are written to the file of figures.
const RESULT_ROWS_MAX: usize = 100;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file.
    pub file: PathBuf,
    /// Make TPC-H tables of this scale factor first.
    pub tpch: Option<f64>,
    /// Into how many partitions orders and lineitem are dealt, by order key.
    pub partitions: Option<u16>,
    /// After a query was timed 1, 2, 4 and so on up to so many sessions run it at once; `None` = none do.
    pub sessions: Option<u16>,
    /// How often to run each query.
    pub runs: usize,
    /// Where to write the figures, and the first rows of each result.
    pub json: Option<PathBuf>,
    /// Whether to print plans.
    pub explain: bool,
    /// The cluster.
    pub cluster: ClusterOptions,
}

/// Runs the file, prints the figures, and returns whether every query ran.
///
/// # Errors
/// If the options make no sense, a file cannot be read or written, or a statement of the setup fails.
pub fn run(options: &Options) -> Result<bool> {
    if let Some(sf) = options.tpch {
        import::check_scale_factor(sf)?;
    }
    let script = Script::parse(&read(&options.file)?)?;
    let progress = import::terminal_progress();
    let database = options.cluster.database();
    let mut load_ms = 0.0;
    if let Some(sf) = options.tpch {
        load_ms = ms(load_tpch(&database, sf, options.partitions, &progress)?);
        options.cluster.split(&database)?;
        eprintln!("scale factor {sf}: generated and loaded in {:.2} s", load_ms / 1e3);
    }
    let mut session = database.session();
    let begin = Instant::now();
    session.execute_all(&script.setup, |result| result.collect_batches().map(drop))?;
    if !script.setup.trim().is_empty() {
        eprintln!("setup: {:.2} s", begin.elapsed().as_secs_f64());
    }
    let _chaos = options.cluster.chaos(&database);
    report::header(false);
    let mut entries = Vec::new();
    let mut timings = Vec::new();
    let mut all_ran = true;
    for query in &script.queries {
        if options.explain {
            print_plan(&mut session, &query.sql)?;
        }
        let step = progress.step(&query.name, options.runs as u64);
        let measured = measure(&mut session, query, options.runs, &step);
        drop(step);
        match measured {
            Ok((timing, rows)) => {
                let throughput = options.sessions.map(|sessions| {
                    let rates = doubling(sessions).map(|sessions| {
                        let rate = per_second(&database, &query.sql, usize::from(sessions))?;
                        Ok::<String, Error>(format!("{sessions}: {rate:.0}/s"))
                    });
                    Ok::<String, Error>(rates.collect::<Result<Vec<_>>>()?.join(", "))
                });
                report::line(&timing, throughput.transpose()?.as_deref());
                entries.push(report::entry(&timing, Some(&rows)));
                timings.push(timing);
            }
            Err(error) => {
                all_ran = false;
                report::failed(&query.name, &error);
            }
        }
    }
    report::total(&timings);
    if let Some(path) = &options.json {
        report::write(path, options.tpch, load_ms, &entries)?;
    }
    Ok(all_ran)
}

/// 1, 2, 4 and so on, and at last `most`.
fn doubling(most: u16) -> impl Iterator<Item = u16> {
    let next = move |n: &u16| (*n < most).then(|| n.saturating_mul(2).min(most));
    std::iter::successors(Some(1), next)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| {
        Error::new(code::FILE_NOT_FOUND, format!("can't find file: '{}' ({error})", path.display()))
    })
}

pub(super) fn measure(
    session: &mut Session,
    query: &Query,
    runs: usize,
    step: &import::Step,
) -> Result<(Timing, Vec<TextRow>)> {
    // The first run finds caches cold and has no plan yet; it is not timed.
    let (_, columns, mut last) = run_timed(session, &query.sql)?;
    let mut timing = Timing { name: query.name.clone(), rows: 0, ms: Vec::with_capacity(runs) };
    // Nothing between the runs that they would have to make up for.
    for _ in 0..runs.max(1) {
        let (time, _, batches) = run_timed(session, &query.sql)?;
        timing.ms.push(ms(time));
        last = batches;
    }
    step.advance(runs.max(1) as u64);
    let mut rows = as_text(&columns, &last).rows;
    timing.rows = rows.len();
    rows.truncate(RESULT_ROWS_MAX);
    Ok((timing, rows))
}

/// A file, cut at its marks.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Script {
    pub setup: String,
    pub queries: Vec<Query>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Query {
    pub name: String,
    pub sql: String,
}

impl Script {
    pub fn parse(text: &str) -> Result<Script> {
        let mut script = Script::default();
        for (number, line) in text.lines().enumerate() {
            if line.trim_end() == "-- setup" {
                if !script.queries.is_empty() {
                    let message = format!("line {}: setup comes before the first query", number + 1);
                    return Err(Error::new(code::SYNTAX, message));
                }
            } else if let Some(rest) = line.strip_prefix("-- name:") {
                let Some(name) = rest.split_whitespace().next() else {
                    return Err(Error::new(
                        code::SYNTAX,
                        format!("line {}: a query without a name", number + 1),
                    ));
                };
                script.queries.push(Query { name: name.to_string(), sql: String::new() });
            } else {
                let part = script.queries.last_mut().map_or(&mut script.setup, |query| &mut query.sql);
                part.push_str(line);
                part.push('\n');
            }
        }
        if let Some(query) = script.queries.iter().find(|query| query.sql.trim().is_empty()) {
            return Err(Error::new(code::SYNTAX, format!("the query '{}' is empty", query.name)));
        }
        if script.queries.is_empty() {
            return Err(Error::new(
                code::SYNTAX,
                "the file has no line '-- name: WORD', so nothing is timed",
            ));
        }
        Ok(script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_at_its_marks() {
        let text = "-- a comment\n-- setup\ncreate index i on t (a);\n-- name: j1 the first\nselect 1;\n-- why\n-- name: j2\nselect\n2;\n";
        let script = Script::parse(text).unwrap();
        assert_eq!(script.setup, "-- a comment\ncreate index i on t (a);\n");
        assert_eq!(script.queries[0], Query { name: "j1".into(), sql: "select 1;\n-- why\n".into() });
        assert_eq!(script.queries[1].sql, "select\n2;\n");
    }

    #[test]
    fn a_file_that_times_nothing_is_refused() {
        for bad in
            ["", "select 1;", "-- name: \nselect 1;", "-- name: a\n\n", "-- name: a\nselect 1;\n-- setup\n"]
        {
            assert_eq!(Script::parse(bad).unwrap_err().code(), 1064, "{bad:?}");
        }
    }
}

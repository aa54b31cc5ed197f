//! TRACE: a statement is run to its end, and what is shown is where its time went: spans, each within another.
//!
//! ```text
//! trace
//! └─session.ExecuteStmt
//!   ├─executor.Compile                   names, rules, and the choice of a plan
//!   └─session.runStmt                    until the last row was there, and what was written is committed
//!     └─TableReader_1.Next               as EXPLAIN ANALYZE measures operators: with what they wait for below
//!       └─TableFullScan_2.Next
//! ```
//! The clock stands beside the beginning of each span. Operators run side by side in pipelines, so theirs is when the plan began to
//! run.

use std::time::{Duration, Instant};

use allod_executor::Cancel;
use allod_planner::bind::TraceFormat;
use allod_planner::{Parsed, explain};
use allod_storage::schema::Datum;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Session;
use super::explain::duration;
use super::statement::Planned;
use crate::error::{Error, Result};
use crate::result::ResultSet;

/// When a statement began.
pub(super) struct Begun {
    /// Microseconds of UTC.
    clock_us: i64,
    at: Instant,
}

impl Begun {
    /// It begins now. Of what is not traced nobody asks.
    pub fn of(statement: &Parsed) -> Option<Begun> {
        let now = || Begun { clock_us: chrono::Utc::now().timestamp_micros(), at: Instant::now() };
        statement.is_trace().then(now)
    }
}

/// A piece of the time.
struct Span {
    name: String,
    parent: Option<usize>,
    /// Since the statement began.
    from: Duration,
    took: Duration,
}

impl Session {
    /// Runs the statement, and shows where its time went.
    pub(super) fn trace(
        &mut self,
        planned: &Planned,
        begun: Option<Begun>,
        format: TraceFormat,
        cancel: &Cancel,
    ) -> Result<ResultSet> {
        let begun = begun.ok_or_else(|| Error::internal("a trace of what is none"))?;
        let compiled = begun.at.elapsed();
        let metrics = self.run_measured(planned, cancel)?;
        let all = begun.at.elapsed();
        let span = |name: &str, parent, from, took| Span { name: name.into(), parent, from, took };
        let mut spans = vec![
            span("trace", None, Duration::ZERO, all),
            span("session.ExecuteStmt", Some(0), Duration::ZERO, all),
            span("executor.Compile", Some(1), Duration::ZERO, compiled),
            span("session.runStmt", Some(1), compiled, all.saturating_sub(compiled)),
        ];
        let above = spans.len();
        for row in explain(&planned.query, true, self.zone()) {
            let took = metrics.get(&row.plan).map(|of| of.time).unwrap_or_default();
            let parent = row.parent.map_or(above - 1, |parent| parent + above);
            spans.push(span(&format!("{}.Next", row.name), Some(parent), compiled, took));
        }
        let local_us = |since: Duration| {
            let since = i64::try_from(since.as_micros()).unwrap_or_default();
            self.zone().local(begun.clock_us.saturating_add(since))
        };
        let clock = |since| {
            let shown = Datum::DateTime(local_us(since)).to_string();
            let (_, time) = shown.split_once(' ').unwrap_or_default();
            // Six digits, though they may be none.
            format!("{time:0<15}", time = if time.contains('.') { time.into() } else { format!("{time}.") })
        };
        let warnings = planned.warnings();
        let result = match format {
            TraceFormat::Row => {
                let lines = lines(&spans);
                let row = |(line, span): (String, &Span)| {
                    [line, clock(span.from), duration(span.took)].map(Some).to_vec()
                };
                let rows = lines.into_iter().map(|(at, line)| row((line, &spans[at]))).collect();
                ResultSet::text(&["operation", "startTS", "duration"], rows)?
            }
            TraceFormat::Log => {
                let begins =
                    spans.iter().map(|span| (span.from, format!("--- start span {} ----", span.name), span));
                let ends = spans.iter().rev();
                let ends = ends
                    .map(|span| (span.from + span.took, format!("--- end span {} ----", span.name), span));
                let mut events: Vec<_> = begins.chain(ends).collect();
                events.sort_by_key(|(at, ..)| *at);
                let row = |(at, event, span): (Duration, String, &Span)| {
                    vec![
                        Some(Datum::DateTime(local_us(at)).to_string()),
                        Some(event),
                        Some(String::new()),
                        Some(span.name.clone()),
                    ]
                };
                let rows = events.into_iter().map(row).collect();
                ResultSet::text(&["time", "event", "tags", "spanName"], rows)?
            }
            TraceFormat::Json => {
                let began = |since: Duration| {
                    let us = begun.clock_us + i64::try_from(since.as_micros()).unwrap_or_default();
                    chrono::DateTime::from_timestamp_micros(us).unwrap_or_default().to_rfc3339()
                };
                let text = Value::from(nested(&spans, None, &began)).to_string();
                ResultSet::text(&["operation"], vec![vec![Some(text)]])?
            }
        };
        Ok(result.with_warnings(warnings))
    }
}

/// The spans within `parent` as a trace of Appdash, which is what TiDB shows.
fn nested(spans: &[Span], parent: Option<usize>, began: &dyn Fn(Duration) -> String) -> Vec<Value> {
    let within = (0..spans.len()).filter(|&at| spans[at].parent == parent);
    let one = |at: usize| {
        let Span { name, from, took, .. } = &spans[at];
        let notes =
            [("Name", name.clone()), ("Span.Start", began(*from)), ("Span.End", began(*from + *took))];
        let notes = notes.map(|(key, value)| json!({ "Key": key, "Value": STANDARD.encode(value) }));
        json!({
            "ID": { "Trace": 1, "Span": at + 1, "Parent": parent.map_or(0, |parent| parent + 1) },
            "Annotations": notes,
            "Sub": nested(spans, Some(at), began),
        })
    };
    within.map(one).collect()
}

/// The spans in the order in which they are shown, as a tree.
fn lines(spans: &[Span]) -> Vec<(usize, String)> {
    fn within(spans: &[Span], parent: Option<usize>, indent: &str, out: &mut Vec<(usize, String)>) {
        let inner: Vec<usize> = (0..spans.len()).filter(|&at| spans[at].parent == parent).collect();
        for (number, &at) in inner.iter().enumerate() {
            let is_last = number + 1 == inner.len();
            if parent.is_none() {
                out.push((at, spans[at].name.clone()));
                within(spans, Some(at), "  ", out);
                continue;
            }
            let branch = if is_last { "└─" } else { "├─" };
            out.push((at, format!("{indent}{branch}{}", spans[at].name)));
            let below = if is_last { "  " } else { "│ " };
            within(spans, Some(at), &format!("{indent}{below}"), out);
        }
    }
    let mut out = Vec::with_capacity(spans.len());
    within(spans, None, "", &mut out);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::{Database, Session};

    /// The first column of what a statement shows.
    fn shown(session: &mut Session, sql: &str) -> Vec<String> {
        let rows = session.execute(sql).unwrap().rows();
        rows.map(|row| row.unwrap().get::<String>(0).unwrap()).collect()
    }

    #[test]
    fn the_spans_of_a_statement_are_a_tree() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key, v int)").unwrap();
        session.run("insert into t values (1, 2), (3, 4)").unwrap();
        let expected = [
            "trace",
            "  └─session.ExecuteStmt",
            "    ├─executor.Compile",
            "    └─session.runStmt",
            "      └─TableReader_1.Next",
            "        └─Selection_2.Next",
            "          └─TableFullScan_3.Next",
        ];
        assert_eq!(shown(&mut session, "trace select * from t where v > 1"), expected);
        assert_eq!(shown(&mut session, "trace format = 'row' select * from t where v > 1"), expected);
        let log = shown(&mut session, "trace format = 'log' select * from t where v > 1");
        assert_eq!(log.len(), 2 * expected.len());
        assert!(log.is_sorted(), "{log:?}");
        let json = shown(&mut session, "trace format = 'json' select * from t where v > 1");
        let json: Value = serde_json::from_str(&json[0]).unwrap();
        let mut spans = vec![&json[0]];
        while let Some(within) = spans.last().and_then(|span| span["Sub"].as_array()?.last()) {
            spans.push(within);
        }
        // The branch of Compile is the one that is not gone down.
        assert_eq!(spans.len(), expected.len() - 1);
        assert_eq!(json[0]["ID"]["Parent"], 0);
        assert_eq!(spans[1]["ID"]["Parent"], 1);
    }

    #[test]
    fn what_is_traced_is_done() {
        let mut session = Database::new().session();
        session.run("create table t (id int primary key)").unwrap();
        assert_eq!(shown(&mut session, "trace insert into t values (1), (2)").len(), 5);
        assert_eq!(shown(&mut session, "select cast(count(*) as char) from t"), ["2"]);
        let error = session.run("trace format = 'xml' select 1").unwrap_err();
        assert_eq!(error.code(), 1105);
        let error = session.run("trace insert into t values (1)").unwrap_err();
        assert_eq!(error.code(), 1062);
    }
}

//! SHOW STATS_META and its like, SHOW ANALYZE STATUS, ADMIN SHOW, ADMIN CANCEL DDL JOBS.

use allod_planner::bind::{Listing, Shown};
use allod_planner::expr::builtins;
use allod_storage::schema::Datum;

use super::Session;
use crate::catalog::Version;
use crate::error::Result;
use crate::information_schema::{Rows, jobs, number, placement, slow, stats, text};
use crate::result::ResultSet;

impl Session {
    /// A list of what the engine knows of itself.
    pub(super) fn listing(&self, listing: &Listing, version: &Version) -> Result<ResultSet> {
        let facts = self.catalog(version).facts;
        match listing {
            Listing::StatsMeta => shown(stats::META, stats::meta(version, &facts)),
            Listing::StatsHistograms => shown(stats::HISTOGRAMS, stats::histograms(version, &facts)),
            Listing::StatsBuckets => shown(stats::BUCKETS, stats::buckets(version)),
            Listing::StatsTopN => shown(stats::TOP_N, stats::top_n(version)),
            Listing::StatsHealthy => shown(stats::HEALTHY, stats::healthy(version)),
            Listing::StatsLocked => shown(stats::LOCKED, stats::locked(version)),
            Listing::AnalyzeStatus => shown(jobs::SHOWN_ANALYSES, jobs::analyses(&facts)),
            Listing::Placement(asked) => {
                let rows = placement::shown(version, asked, self.current.as_deref())?;
                shown(placement::SHOWN, rows)
            }
            Listing::Policy(name) => {
                shown(&["Policy", "Create Policy"], vec![placement::definition(version, name)?])
            }
            Listing::ResourceGroup(name) => {
                let group = version.resources().known(name)?;
                let row = vec![text(&*group.name), text(group.to_string())];
                shown(&["Resource_Group", "Create Resource Group"], vec![row])
            }
            Listing::Builtins => shown(
                &["Supported_builtin_functions"],
                builtins().into_iter().map(|name| vec![text(name)]).collect(),
            ),
            Listing::Ddl => self.ddl(version),
            Listing::DdlJobs { ended } => shown(jobs::SHOWN_JOBS, jobs::shown_jobs(version, &facts, *ended)),
            Listing::SlowRecent { limit } => shown(slow::SHOWN, slow::recent(&facts, *limit)),
            Listing::SlowTop { internal: true, .. } => shown(slow::SHOWN, Vec::new()),
            Listing::SlowTop { limit, internal: false } => shown(slow::SHOWN, slow::top(&facts, *limit)),
            Listing::DdlJobQueries(ids) => {
                let asked = jobs::queries(&facts).into_iter().filter(|(id, _)| ids.contains(id));
                shown(&["QUERY"], asked.map(|(_, query)| vec![query]).collect())
            }
            Listing::DdlJobQueriesNewest(Shown { skip, take }) => {
                let [skip, take] =
                    [*skip, take.unwrap_or(u64::MAX)].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
                let newest = jobs::queries(&facts).into_iter().skip(skip).take(take);
                shown(&["JOB_ID", "QUERY"], newest.map(|(id, query)| vec![number(id), query]).collect())
            }
        }
    }

    /// ADMIN SHOW DDL: who changes the schema, and what.
    fn ddl(&self, version: &Version) -> Result<ResultSet> {
        /// The only server there is.
        const SERVER: &str = "1";
        let jobs = self.database.shared().catalog.jobs.list();
        let running: Vec<_> = jobs.iter().filter(|(_, job)| !job.stage.has_ended()).collect();
        let described = |(id, job): &&(u64, std::sync::Arc<crate::catalog::Job>)| {
            let table = job.table.as_deref().unwrap_or_default();
            format!(
                "ID:{id}, Type:{}, State:{}, DB:{}, Table:{table}",
                job.kind,
                job.stage.name(),
                job.database
            )
        };
        let all = |of: Vec<String>| text(of.join("\n"));
        let row = vec![
            number(version.number()),
            text(SERVER),
            text("127.0.0.1:4000"),
            all(running.iter().map(described).collect()),
            text(SERVER),
            all(running.iter().map(|(_, job)| job.statement.to_string()).collect()),
        ];
        let columns = ["SCHEMA_VER", "OWNER_ID", "OWNER_ADDRESS", "RUNNING_JOBS", "SELF_ID", "QUERY"];
        shown(&columns, vec![row])
    }

    /// ADMIN CANCEL DDL JOBS: what came of each wish.
    pub(super) fn cancel_jobs(&self, ids: &[u64]) -> Result<ResultSet> {
        let jobs = &self.database.shared().catalog.jobs;
        let row = |id: &u64| {
            let result = match jobs.cancel(*id) {
                Ok(()) => "successful".into(),
                Err(error) => format!("error: [ddl:{}]{}", error.code(), error.message()),
            };
            vec![number(*id), text(result)]
        };
        shown(&["JOB_ID", "RESULT"], ids.iter().map(row).collect())
    }
}

fn shown(columns: &[&str], rows: Rows) -> Result<ResultSet> {
    let cell = |value: Datum| (!value.is_null()).then(|| value.to_string());
    ResultSet::text(columns, rows.into_iter().map(|row| row.into_iter().map(cell).collect()).collect())
}

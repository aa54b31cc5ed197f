//! SHOW STATS_META and its like, SHOW ANALYZE STATUS, ADMIN SHOW: lists of what the engine knows of itself.

use std::sync::Arc;

use sqlparser::tokenizer::Token;

use super::show::{ShowSyntax, Shown};
use super::statement::{Failure, Source};
use crate::error::Error;
use crate::placement::PlacementShown;

/// A list that SHOW or ADMIN SHOW shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// SHOW STATS_META.
    StatsMeta,
    /// SHOW STATS_HISTOGRAMS.
    StatsHistograms,
    /// SHOW STATS_BUCKETS.
    StatsBuckets,
    /// SHOW STATS_TOPN.
    StatsTopN,
    /// SHOW STATS_HEALTHY.
    StatsHealthy,
    /// SHOW STATS_LOCKED.
    StatsLocked,
    /// SHOW ANALYZE STATUS.
    AnalyzeStatus,
    /// SHOW PLACEMENT.
    Placement(PlacementShown),
    /// SHOW CREATE PLACEMENT POLICY.
    Policy(String),
    /// SHOW CREATE RESOURCE GROUP.
    ResourceGroup(Arc<str>),
    /// SHOW BUILTINS: the functions that there are.
    Builtins,
    /// ADMIN SHOW DDL.
    Ddl,
    /// ADMIN SHOW DDL JOBS: all that run, and so many of those that have ended.
    DdlJobs {
        /// How many.
        ended: u64,
    },
    /// ADMIN SHOW DDL JOB QUERIES: of the jobs with these numbers.
    DdlJobQueries(Vec<u64>),
    /// ADMIN SHOW DDL JOB QUERIES LIMIT: of the newest jobs.
    DdlJobQueriesNewest(Shown),
    /// ADMIN SHOW SLOW RECENT: the newest.
    SlowRecent {
        /// How many.
        limit: u64,
    },
    /// ADMIN SHOW SLOW TOP: the slowest.
    SlowTop {
        /// How many.
        limit: u64,
        /// INTERNAL: of those that no client asked for, of which there are none.
        internal: bool,
    },
}

impl Listing {
    /// Whether it is asked for by ADMIN.
    pub fn is_of_admin(&self) -> bool {
        match self {
            Listing::StatsMeta
            | Listing::StatsHistograms
            | Listing::StatsBuckets
            | Listing::StatsTopN
            | Listing::StatsHealthy
            | Listing::StatsLocked
            | Listing::AnalyzeStatus
            | Listing::Placement(_)
            | Listing::ResourceGroup(_)
            | Listing::Builtins
            | Listing::Policy(_) => false,
            Listing::Ddl
            | Listing::DdlJobs { .. }
            | Listing::DdlJobQueries(_)
            | Listing::DdlJobQueriesNewest(_)
            | Listing::SlowRecent { .. }
            | Listing::SlowTop { .. } => true,
        }
    }
}

/// Ended jobs that ADMIN SHOW DDL JOBS shows unless it says how many.
const ENDED_DEFAULT: u64 = 10;

impl Source<'_> {
    /// What SHOW shows, if it is such a list; `first` is the word behind SHOW.
    pub(super) fn listing(&mut self, first: &str) -> Result<Option<Listing>, Failure> {
        Ok(Some(match first {
            "STATS_META" => Listing::StatsMeta,
            "STATS_HISTOGRAMS" => Listing::StatsHistograms,
            "STATS_BUCKETS" => Listing::StatsBuckets,
            "STATS_TOPN" => Listing::StatsTopN,
            "STATS_HEALTHY" => Listing::StatsHealthy,
            "STATS_LOCKED" => Listing::StatsLocked,
            "ANALYZE" => {
                self.expect_word("STATUS")?;
                Listing::AnalyzeStatus
            }
            "PLACEMENT" => self.placement_shown()?,
            "BUILTINS" => Listing::Builtins,
            _ => return Ok(None),
        }))
    }

    /// From what follows `ADMIN SHOW` on, but for WHERE.
    pub(super) fn admin_show(&mut self) -> Result<ShowSyntax, Failure> {
        if self.word("SLOW") {
            return self.slow().map(ShowSyntax::Listing);
        }
        if !self.word("DDL") {
            let what = self.parser.peek_token_ref().token.to_string();
            let table = self.parser.parse_object_name(false)?;
            return match self.word("NEXT_ROW_ID") {
                true => Ok(ShowSyntax::NextRowId { table }),
                false => Err(Failure::Ours(Error::NotSupported(format!("ADMIN SHOW {what}")))),
            };
        }
        if self.word("JOBS") {
            let ended = self.number_if_there()?.unwrap_or(ENDED_DEFAULT);
            return Ok(ShowSyntax::Listing(Listing::DdlJobs { ended }));
        }
        if !self.word("JOB") {
            return Ok(ShowSyntax::Listing(Listing::Ddl));
        }
        self.expect_word("QUERIES")?;
        let is_limit =
            |token: &Token| matches!(token, Token::Word(w) if w.value.eq_ignore_ascii_case("limit"));
        if is_limit(&self.parser.peek_token_ref().token) {
            return Ok(ShowSyntax::Listing(Listing::DdlJobQueriesNewest(self.shown()?)));
        }
        let jobs = self.parser.parse_comma_separated(|parser| parser.parse_literal_uint())?;
        Ok(ShowSyntax::Listing(Listing::DdlJobQueries(jobs)))
    }

    fn slow(&mut self) -> Result<Listing, Failure> {
        if self.word("RECENT") {
            return Ok(Listing::SlowRecent { limit: self.parser.parse_literal_uint()? });
        }
        self.expect_word("TOP")?;
        let internal = self.word("INTERNAL");
        if !internal {
            self.word("ALL");
        }
        Ok(Listing::SlowTop { limit: self.parser.parse_literal_uint()?, internal })
    }

    fn number_if_there(&mut self) -> Result<Option<u64>, Failure> {
        match self.parser.peek_token_ref().token {
            Token::Number(..) => Ok(Some(self.parser.parse_literal_uint()?)),
            _ => Ok(None),
        }
    }
}

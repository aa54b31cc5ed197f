//! Placement policies: in which places somebody wishes the rows of tables to be. They are kept and shown, by databases, tables and
//! partitions too; on one node nothing comes of them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What a policy is about, in the order in which it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlacementOption {
    /// Where leaders are.
    PrimaryRegion,
    /// Where replicas are.
    Regions,
    /// How replicas are dealt to regions.
    Schedule,
    /// What holds for all replicas.
    Constraints,
    /// What holds for leaders.
    LeaderConstraints,
    /// How many vote.
    Voters,
    /// What holds for these.
    VoterConstraints,
    /// How many follow.
    Followers,
    /// What holds for these.
    FollowerConstraints,
    /// How many only learn.
    Learners,
    /// What holds for these.
    LearnerConstraints,
    /// What is to fail first.
    SurvivalPreferences,
}

impl PlacementOption {
    const ALL: [(&'static str, PlacementOption); 12] = [
        ("PRIMARY_REGION", PlacementOption::PrimaryRegion),
        ("REGIONS", PlacementOption::Regions),
        ("SCHEDULE", PlacementOption::Schedule),
        ("CONSTRAINTS", PlacementOption::Constraints),
        ("LEADER_CONSTRAINTS", PlacementOption::LeaderConstraints),
        ("VOTERS", PlacementOption::Voters),
        ("VOTER_CONSTRAINTS", PlacementOption::VoterConstraints),
        ("FOLLOWERS", PlacementOption::Followers),
        ("FOLLOWER_CONSTRAINTS", PlacementOption::FollowerConstraints),
        ("LEARNERS", PlacementOption::Learners),
        ("LEARNER_CONSTRAINTS", PlacementOption::LearnerConstraints),
        ("SURVIVAL_PREFERENCES", PlacementOption::SurvivalPreferences),
    ];

    /// The option of this name.
    pub fn named(word: &str) -> Option<PlacementOption> {
        let known = PlacementOption::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        known.map(|(_, option)| *option)
    }

    /// Whether it is a number, and no text.
    pub fn is_count(self) -> bool {
        matches!(self, PlacementOption::Voters | PlacementOption::Followers | PlacementOption::Learners)
    }

    fn name(self) -> &'static str {
        PlacementOption::ALL.iter().find(|(_, option)| *option == self).map_or("", |(name, _)| name)
    }
}

/// What a policy says of one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacementValue {
    /// So many.
    Count(u64),
    /// A text.
    Text(Arc<str>),
}

/// What a policy says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlacementSettings(pub BTreeMap<PlacementOption, PlacementValue>);

impl PlacementSettings {
    /// A text that it says, if it says one.
    pub fn text(&self, option: PlacementOption) -> &str {
        match self.0.get(&option) {
            Some(PlacementValue::Text(text)) => text,
            Some(PlacementValue::Count(_)) | None => "",
        }
    }

    /// A number that it says, or 0.
    pub fn count(&self, option: PlacementOption) -> u64 {
        match self.0.get(&option) {
            Some(PlacementValue::Count(n)) => *n,
            Some(PlacementValue::Text(_)) | None => 0,
        }
    }

    /// Why it means nothing, in TiDB's words.
    pub fn fault(&self) -> Option<String> {
        use PlacementOption as P;
        let direct = [
            P::Constraints,
            P::LeaderConstraints,
            P::FollowerConstraints,
            P::LearnerConstraints,
            P::VoterConstraints,
        ];
        let (primary, regions) = (self.text(P::PrimaryRegion), self.text(P::Regions));
        let by_regions = !primary.is_empty() || !regions.is_empty() || !self.text(P::Schedule).is_empty();
        let why = if by_regions && direct.iter().any(|option| !self.text(*option).is_empty()) {
            "should be either using direct or syntactic sugar"
        } else if by_regions && (primary.is_empty() || regions.is_empty()) {
            "empty primary region or regions"
        } else if by_regions && !regions.split(',').any(|region| region.trim() == primary) {
            "primary region must be included in regions"
        } else if !matches!(&*self.text(P::Schedule).to_uppercase(), "" | "EVEN" | "MAJORITY_IN_PRIMARY") {
            "unrecognized schedule"
        } else {
            return None;
        };
        Some(format!("invalid placement option: {why}"))
    }
}

impl fmt::Display for PlacementSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (option, value) in &self.0 {
            match value {
                PlacementValue::Count(0) => continue,
                PlacementValue::Count(n) => write!(f, "{between}{}={n}", option.name())?,
                PlacementValue::Text(text) if text.is_empty() => continue,
                PlacementValue::Text(text) => {
                    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
                    write!(f, "{between}{}=\"{text}\"", option.name())?;
                }
            }
            between = " ";
        }
        Ok(())
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacementPolicy {
    /// Its name.
    pub name: Arc<str>,
    /// What it says.
    pub settings: PlacementSettings,
}

/// A change of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyChange {
    /// CREATE PLACEMENT POLICY.
    Create {
        /// The new one.
        policy: PlacementPolicy,
        /// OR REPLACE.
        or_replace: bool,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// ALTER PLACEMENT POLICY: it says this and nothing else from now on.
    Alter {
        /// As it is to be.
        policy: PlacementPolicy,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP PLACEMENT POLICY.
    Drop {
        /// Its name.
        name: Arc<str>,
        /// IF EXISTS.
        if_exists: bool,
    },
}

impl PolicyChange {
    /// Which policy it is about.
    pub fn name(&self) -> &Arc<str> {
        match self {
            PolicyChange::Create { policy, .. } | PolicyChange::Alter { policy, .. } => &policy.name,
            PolicyChange::Drop { name, .. } => name,
        }
    }
}

/// What SHOW PLACEMENT is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacementShown {
    /// All of it, of targets whose names are like this.
    All {
        /// LIKE.
        pattern: Option<String>,
    },
    /// FOR DATABASE.
    Database(String),
    /// FOR TABLE, and of one of its partitions only.
    Table {
        /// Its database, if it is named.
        database: Option<String>,
        /// Its name.
        table: String,
        /// FOR TABLE … PARTITION.
        partition: Option<String>,
    },
}

/// The policy that stands for none.
pub const NO_POLICY: &str = "default";

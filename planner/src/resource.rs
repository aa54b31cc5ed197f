//! Resource groups: how much of a cluster somebody may use. They are kept and shown, and sessions and accounts are in one; nothing
//! is measured by request units here, so that nobody is slowed down or stopped by a group, as in a TiDB without a cluster.

use std::fmt;
use std::sync::Arc;

/// The group that there always is, and that everybody is in who is in no other.
pub const DEFAULT_GROUP: &str = "default";

/// Who goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// After the others.
    Low,
    /// As most.
    #[default]
    Medium,
    /// Before the others.
    High,
}

impl Priority {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Priority::Low => "LOW",
            Priority::Medium => "MEDIUM",
            Priority::High => "HIGH",
        }
    }
}

/// Request units per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// As many as there are.
    Unlimited,
    /// So many.
    Units(u64),
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rate::Unlimited => f.write_str("UNLIMITED"),
            Rate::Units(units) => write!(f, "{units}"),
        }
    }
}

/// Which statements are alike to one that took too much: WATCH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// EXACT, SIMILAR, PLAN.
    pub kind: &'static str,
    /// For how long; none = for ever.
    pub duration_ms: Option<u64>,
}

/// What becomes of statements that take too much: QUERY_LIMIT.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueryLimit {
    /// EXEC_ELAPSED.
    pub elapsed_ms: Option<u64>,
    /// PROCESSED_KEYS.
    pub keys: Option<u64>,
    /// RU.
    pub units: Option<u64>,
    /// DRYRUN, COOLDOWN, KILL, SWITCH_GROUP(g).
    pub action: Option<Arc<str>>,
    /// WATCH.
    pub watch: Option<Watch>,
}

impl QueryLimit {
    /// Why it means nothing, in TiDB's words.
    pub fn fault(&self) -> Option<&'static str> {
        if self.elapsed_ms.is_none() && self.keys.is_none() && self.units.is_none() {
            return Some("invalid exec elapsed time");
        }
        self.action.is_none().then_some("unknown resource group runaway action")
    }

    /// Its parts with a sign for texts and something between two of them: in the table of groups, and in their definitions.
    fn write(&self, quote: char, between: &str) -> String {
        let mut parts = Vec::new();
        parts.extend(self.elapsed_ms.map(|ms| format!("EXEC_ELAPSED={quote}{}{quote}", duration(ms))));
        parts.extend(self.keys.map(|keys| format!("PROCESSED_KEYS={keys}")));
        parts.extend(self.units.map(|units| format!("RU={units}")));
        parts.extend(self.action.as_ref().map(|action| format!("ACTION={action}")));
        parts.extend(self.watch.as_ref().map(|watch| match watch.duration_ms {
            Some(ms) => format!("WATCH={} DURATION={quote}{}{quote}", watch.kind, duration(ms)),
            None => format!("WATCH={} DURATION=UNLIMITED", watch.kind),
        }));
        parts.join(between)
    }

    /// As `information_schema.resource_groups` has it.
    pub fn listed(&self) -> String {
        self.write('\'', ", ")
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceGroup {
    /// Its name.
    pub name: Arc<str>,
    /// RU_PER_SEC.
    pub rate: Rate,
    /// PRIORITY.
    pub priority: Priority,
    /// BURSTABLE.
    pub burstable: bool,
    /// QUERY_LIMIT.
    pub limit: Option<QueryLimit>,
    /// BACKGROUND: which tasks are done when nothing else is.
    pub background: Option<Arc<str>>,
}

impl ResourceGroup {
    /// [`DEFAULT_GROUP`] as it is from the start.
    pub fn initial() -> ResourceGroup {
        ResourceGroup {
            name: DEFAULT_GROUP.into(),
            rate: Rate::Unlimited,
            priority: Priority::Medium,
            burstable: true,
            limit: None,
            background: None,
        }
    }
}

impl fmt::Display for ResourceGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResourceGroup { name, rate, priority, burstable, limit, background } = self;
        let name = name.replace('`', "``");
        write!(f, "CREATE RESOURCE GROUP `{name}` RU_PER_SEC={rate}, PRIORITY={}", priority.name())?;
        if *burstable {
            f.write_str(", BURSTABLE")?;
        }
        if let Some(limit) = limit {
            write!(f, ", QUERY_LIMIT=({})", limit.write('"', " "))?;
        }
        match background {
            Some(tasks) => write!(f, ", BACKGROUND=(TASK_TYPES='{tasks}')"),
            None => Ok(()),
        }
    }
}

/// What a statement says of a group; what it says nothing of stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceSettings {
    /// RU_PER_SEC.
    pub rate: Option<Rate>,
    /// PRIORITY.
    pub priority: Option<Priority>,
    /// BURSTABLE.
    pub burstable: Option<bool>,
    /// QUERY_LIMIT, which may be that there is none.
    pub limit: Option<Option<QueryLimit>>,
    /// BACKGROUND, which may be that there is none.
    pub background: Option<Option<Arc<str>>>,
}

impl ResourceSettings {
    /// A group with these settings, and where they say nothing those that it had.
    pub fn applied(&self, to: ResourceGroup) -> ResourceGroup {
        ResourceGroup {
            name: to.name,
            rate: self.rate.unwrap_or(to.rate),
            priority: self.priority.unwrap_or(to.priority),
            burstable: self.burstable.unwrap_or(to.burstable),
            limit: self.limit.clone().unwrap_or(to.limit),
            background: self.background.clone().unwrap_or(to.background),
        }
    }
}

/// A change of groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceChange {
    /// CREATE RESOURCE GROUP.
    Create {
        /// Its name.
        name: Arc<str>,
        /// What it says.
        settings: ResourceSettings,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// ALTER RESOURCE GROUP.
    Alter {
        /// Its name.
        name: Arc<str>,
        /// What it says from now on.
        settings: ResourceSettings,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// DROP RESOURCE GROUP.
    Drop {
        /// Its name.
        name: Arc<str>,
        /// IF EXISTS.
        if_exists: bool,
    },
}

impl ResourceChange {
    /// Which group it is about.
    pub fn name(&self) -> &Arc<str> {
        match self {
            ResourceChange::Create { name, .. }
            | ResourceChange::Alter { name, .. }
            | ResourceChange::Drop { name, .. } => name,
        }
    }
}

/// A time as Go writes it: `1h0m0s`, `1.5s`, `200ms`.
fn duration(ms: u64) -> String {
    if ms < 1000 {
        return if ms == 0 { "0s".into() } else { format!("{ms}ms") };
    }
    let (hours, minutes, rest_ms) = (ms / 3_600_000, ms / 60_000 % 60, ms % 60_000);
    let seconds = match rest_ms % 1000 {
        0 => (rest_ms / 1000).to_string(),
        fraction => format!("{}.{fraction:03}", rest_ms / 1000).trim_end_matches('0').to_owned(),
    };
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// The milliseconds of a time as Go reads it; else why it is none, in Go's words.
pub fn read_duration(text: &str) -> Result<u64, String> {
    let invalid = || format!("time: invalid duration \"{text}\"");
    let (mut rest, mut total) = (text, 0.0);
    if text.is_empty() {
        return Err(invalid());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = &rest[..letters];
        rest = &rest[letters..];
        total += number
            * match unit {
                "ns" => 1e-6,
                "us" | "µs" => 1e-3,
                "ms" => 1.0,
                "s" => 1e3,
                "m" => 6e4,
                "h" => 3.6e6,
                "" => return Err(format!("time: missing unit in duration \"{text}\"")),
                _ => return Err(format!("time: unknown unit \"{unit}\" in duration \"{text}\"")),
            };
    }
    Ok(total as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_go_does() {
        for (text, want) in [
            ("60s", "1m0s"),
            ("1h", "1h0m0s"),
            ("15s", "15s"),
            ("1500ms", "1.5s"),
            ("200ms", "200ms"),
            ("10m0s", "10m0s"),
        ] {
            assert_eq!(read_duration(text).map(duration).as_deref(), Ok(want));
        }
        assert_eq!(read_duration("15d").unwrap_err(), "time: unknown unit \"d\" in duration \"15d\"");
        assert!(read_duration("").is_err() && read_duration("5").is_err() && read_duration("x").is_err());
    }
}

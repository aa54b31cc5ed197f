//! Scripts: a workload, and what goes wrong when, as a text file in `tests/fault`.
//!
//! ```text
//! # What this is about.
//! workload bank
//! seed 7
//! seconds 20
//! stores 5
//! at 2s store 2 crash
//! at 2500ms region split at 3 prewrite
//! expect elections 1
//! ```
//!
//! Faults are those of [`allod_storage::fault`]. `expect` names one of the network's [`Incidents`] and how often it must
//! happen at least: a script that meets nothing tests nothing.

use std::time::Duration;

use allod_storage::fault::{Fault, Step, parse_duration};
use allod_storage::rpc::Incidents;

use super::run::{Kind, Options};

/// A script.
#[derive(Clone, Debug)]
pub struct Script {
    /// What it runs.
    pub options: Options,
    /// What must happen, and how often at least.
    pub expected: Vec<(String, u64)>,
}

/// How often something happened, by the name of its field.
pub fn incident(incidents: &Incidents, name: &str) -> Option<u64> {
    let found = incidents.iter().find(|(known, _)| known.replace(' ', "_") == name);
    found.map(|(_, times)| times)
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    /// The line that is none, and why.
    pub fn parse(text: &str) -> Result<Script, String> {
        let mut script = Script {
            options: Options { seconds: 20, plan: Some(Vec::new()), ..Options::new(1, Kind::Bank) },
            expected: Vec::new(),
        };
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                script.line(line).map_err(|why| format!("line {number}: {why}"))?;
            }
        }
        Ok(script)
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let number = || rest.parse().map_err(|_| format!("{rest:?} is no number"));
        match word {
            "workload" => {
                self.options.kind =
                    Kind::of_name(rest).ok_or_else(|| format!("there is no workload {rest:?}"))?;
            }
            "seed" => self.options.seed = number()?,
            "seconds" => self.options.seconds = number()?,
            "stores" => self.options.stores = number()?.max(1) as usize,
            "at" => {
                let (after, fault) = rest.split_once(' ').unwrap_or((rest, ""));
                let after: Duration = parse_duration(after).ok_or_else(|| format!("{after:?} is no time"))?;
                let fault = Fault::parse(fault).map_err(|error| error.to_string())?;
                self.options.plan.get_or_insert_default().push(Step { after, fault });
            }
            "expect" => {
                let (name, times) = rest.split_once(' ').unwrap_or((rest, "1"));
                if incident(&Incidents::default(), name).is_none() {
                    return Err(format!("nothing is called {name:?}"));
                }
                let times = times.trim().parse().map_err(|_| format!("{times:?} is no number"))?;
                self.expected.push((name.to_string(), times));
            }
            _ => return Err(format!("{word:?} is neither workload, seed, seconds, stores, at nor expect")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_and_their_errors_placed() {
        let text = "# about\nworkload set\nseed 9\nseconds 5\nstores 6\n\nat 1.5s store 2 crash # now\nexpect elections 2\n";
        let script = Script::parse(text).expect("reads");
        assert_eq!((script.options.kind, script.options.seed, script.options.seconds), (Kind::Set, 9, 5));
        assert_eq!(script.options.stores, 6);
        let fault = Fault::parse("STORE 2 CRASH").expect("reads");
        assert_eq!(script.options.plan, Some(vec![Step { after: Duration::from_millis(1500), fault }]));
        assert_eq!(script.expected, [("elections".to_string(), 2)]);
        for (wrong, why) in [
            ("workload tanks", "line 1: there is no workload \"tanks\""),
            ("\nseed x", "line 2: \"x\" is no number"),
            ("at soon heal", "line 1: \"soon\" is no time"),
            (
                "at 1s store 2 explode",
                "line 1: expected CRASH, RESTART, STALL, RESUME, BUSY, SLOW or RECOVER, found 'explode'",
            ),
            ("expect rain", "line 1: nothing is called \"rain\""),
            ("do it", "line 1: \"do\" is neither workload, seed, seconds, stores, at nor expect"),
        ] {
            assert_eq!(Script::parse(wrong).expect_err(wrong), why);
        }
    }
}

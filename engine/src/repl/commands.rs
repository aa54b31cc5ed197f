//! The backslash commands: one table, which `\help` prints and completion offers.

/// A command and what it says of itself.
pub(super) struct Command {
    /// With the backslash; the first is the one to complete.
    pub names: &'static [&'static str],
    /// Its arguments.
    pub arguments: &'static str,
    /// One line.
    pub help: &'static str,
    /// What it is.
    pub action: Action,
}

/// What a command does; the shell does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Help,
    Quit,
    Describe,
    Timing,
    Format,
    Include,
    Load,
    Use,
}

/// All commands, in the order in which `\help` shows them.
pub(super) const COMMANDS: &[Command] = &[
    Command { names: &["\\help", "\\h", "\\?"], arguments: "", help: "this list", action: Action::Help },
    Command { names: &["\\quit", "\\q"], arguments: "", help: "leave (also Ctrl-D)", action: Action::Quit },
    Command {
        names: &["\\describe", "\\d"],
        arguments: "[TABLE]",
        help: "the tables, or the columns of one",
        action: Action::Describe,
    },
    Command {
        names: &["\\use", "\\u"],
        arguments: "DATABASE",
        help: "change the database",
        action: Action::Use,
    },
    Command {
        names: &["\\timing"],
        arguments: "[on|off]",
        help: "show how long statements take",
        action: Action::Timing,
    },
    Command {
        names: &["\\format"],
        arguments: "[FORMAT]",
        help: "table, vertical, tsv, csv, json, ndjson or markdown",
        action: Action::Format,
    },
    Command {
        names: &["\\include", "\\i"],
        arguments: "FILE",
        help: "run the statements of a file",
        action: Action::Include,
    },
    Command {
        names: &["\\load"],
        arguments: "tpch SF | TABLE FILE",
        help: "make TPC-H tables at a scale factor, or load a .parquet or .csv file",
        action: Action::Load,
    },
];

/// The names to complete.
pub(super) fn names() -> Vec<&'static str> {
    COMMANDS.iter().map(|c| c.names[0]).collect()
}

/// The command with this name.
pub(super) fn find(name: &str) -> Option<Action> {
    COMMANDS.iter().find(|c| c.names.contains(&name)).map(|c| c.action)
}

/// What `\help` prints.
pub(super) fn help() -> String {
    let mut out =
        String::from("A statement ends with ; or, to show its rows one column a line, with \\G.\n\n");
    for command in COMMANDS {
        let left = format!("{} {}", command.names.join(" "), command.arguments);
        out.push_str(&format!("  {left:<36} {}\n", command.help));
    }
    out.push_str("\nCtrl-C cancels a running statement; EXPLAIN and EXPLAIN ANALYZE show how one runs.\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_found() {
        let names: Vec<&str> = COMMANDS.iter().flat_map(|c| c.names.iter().copied()).collect();
        for (i, name) in names.iter().enumerate() {
            assert!(find(name).is_some() && !names[..i].contains(name), "{name}");
            assert!(help().contains(name));
        }
        assert_eq!(find("\\nope"), None);
    }
}

//! The interactive shell: line editing with history, statements over several lines, colours, completion, timing.
//!
//! One text goes one way, whether typed, piped, or given with `-e` or `-f`: `split` cuts it into statements, the `shell`
//! runs them one by one on its session and prints each result as it comes, in a format of [`crate::format`]; an error is
//! printed with the line it is about and a caret (`caret`). At a terminal the `editor` tells the line editor when a
//! statement is complete, `complete` offers names from the published catalog, and `interrupt` turns Ctrl-C into the
//! cancellation of the running statement. When the output is not a terminal there are no colours, footers or prompts, and
//! the first error ends the run with status 1.

mod caret;
mod commands;
mod complete;
mod editor;
mod highlight;
mod interrupt;
mod keywords;
mod shell;
mod split;

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{CompletionType, Config};

use crate::format::Format;
use crate::{Database, Result};
use editor::Editor;
use interrupt::Interrupt;
use shell::{Next, Shell};

/// What to run and how to show it.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Texts of `-e`, run first.
    pub statements: Vec<String>,
    /// Files of `-f`, run next.
    pub files: Vec<PathBuf>,
    /// How to print results; by default a table at a terminal, else tab separated values.
    pub format: Option<Format>,
}

/// Runs the texts and files of `options`; if there are none, the standard input, line by line if it is a terminal.
/// Returns whether every statement succeeded.
///
/// # Errors
/// If a session cannot be made.
pub fn run(database: Database, options: &Options) -> Result<bool> {
    let given = !options.statements.is_empty() || !options.files.is_empty();
    let interactive = !given && io::stdin().is_terminal() && io::stdout().is_terminal();
    let default = if io::stdout().is_terminal() { Format::Table } else { Format::Tsv };
    let session = database.session();
    // Without the listener Ctrl-C ends the program: worse, but no reason not to start.
    let interrupt = Interrupt::listen().unwrap_or_default();
    let mut shell = Shell::new(database, session, options.format.unwrap_or(default), interactive, interrupt);
    if interactive {
        converse(&mut shell);
        return Ok(true);
    }
    for text in &options.statements {
        if shell.run(text) != Next::Go {
            return Ok(false);
        }
    }
    for file in &options.files {
        if shell.include(file) != Next::Go {
            return Ok(false);
        }
    }
    if given {
        return Ok(true);
    }
    let mut text = String::new();
    if let Err(error) = io::stdin().read_to_string(&mut text) {
        eprintln!("cannot read the standard input: {error}");
        return Ok(false);
    }
    Ok(shell.run_script(&text) != Next::Failed)
}

/// Reads and runs until `\quit` or the end of the input.
fn converse(shell: &mut Shell) {
    println!(
        "Allod {}. A statement ends with ; \\help lists commands, Ctrl-D leaves.",
        env!("CARGO_PKG_VERSION")
    );
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true).build();
    let mut lines = match rustyline::Editor::<Editor, FileHistory>::with_config(config) {
        Ok(lines) => lines,
        Err(error) => {
            eprintln!("cannot use this terminal: {error}");
            return;
        }
    };
    lines.set_max_history_size(10_000).ok();
    let history = history_file();
    if let Some(path) = &history {
        // There is none at the first start.
        lines.load_history(path).ok();
    }
    let colour = std::env::var_os("NO_COLOR").is_none();
    loop {
        lines.set_helper(Some(Editor { names: shell.names(), colour }));
        let prompt = format!("{}> ", shell.current_database().unwrap_or("allod"));
        match lines.readline(&prompt) {
            Ok(text) => {
                let next = shell.run(&text);
                if let Some(path) = &history {
                    // A history that cannot be written is no reason to stop.
                    lines.append_history(path).ok();
                }
                if next == Next::Quit {
                    break;
                }
            }
            // Ctrl-C at the prompt drops the line.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(error) => {
                eprintln!("cannot read: {error}");
                break;
            }
        }
    }
}

/// `$ALLOD_HISTORY`, or `.allod_history` in the home directory.
fn history_file() -> Option<PathBuf> {
    let named = std::env::var_os("ALLOD_HISTORY").map(PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".allod_history")))
}

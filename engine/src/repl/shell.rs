//! What the REPL does with a text, whether it was typed, piped, or given with `-e` or `-f`.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use allod_planner::Position;
use clap::ValueEnum;

use super::caret::point_at;
use super::commands::{self, Action};
use super::complete::Names;
use super::interrupt::Interrupt;
use super::split::{Piece, Terminator, is_complete, pieces};
use crate::format::Format;
use crate::{Database, Error, ResultSet, Session, import};

/// Whether to go on after a command or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Everything went well.
    Go,
    /// A statement failed; its error is printed.
    Failed,
    /// `\quit`.
    Quit,
}

/// A session and how to show what it says.
pub(super) struct Shell {
    database: Database,
    session: Session,
    interrupt: Interrupt,
    format: Format,
    /// Counts and times under each result.
    pub footer: bool,
    /// Whether a script ends at its first error.
    stop_at_error: bool,
}

impl Shell {
    /// A shell that shows results in `format`; `interactive` adds footers and goes on after errors.
    pub fn new(
        database: Database,
        session: Session,
        format: Format,
        interactive: bool,
        interrupt: Interrupt,
    ) -> Shell {
        Shell { database, session, interrupt, format, footer: interactive, stop_at_error: !interactive }
    }

    /// The database that bare table names belong to.
    pub fn current_database(&self) -> Option<&str> {
        self.session.database()
    }

    /// Names to complete from, of the version of the catalog that is published now.
    pub fn names(&self) -> Names {
        let catalog = self.database.catalog();
        let mut names = Names::default();
        for database in catalog.databases() {
            names.words.push(database.to_string());
            let current = self.session.database().is_some_and(|d| d.eq_ignore_ascii_case(database));
            for table in catalog.tables(database).filter(|_| current) {
                let columns: Vec<String> =
                    table.visible_columns().map(|i| table.columns[i].name.to_string()).collect();
                names.words.push(table.name.to_string());
                names.words.extend(columns.iter().cloned());
                names.columns.push((table.name.to_string(), columns));
            }
        }
        names
    }

    /// Runs a text of statements, or one backslash command.
    pub fn run(&mut self, text: &str) -> Next {
        if text.trim_start().starts_with('\\') {
            return self.command(text.trim());
        }
        let mut worst = Next::Go;
        for piece in pieces(text) {
            if let Err(failure) = self.statement(&piece) {
                match failure {
                    Failure::Statement(error) => report(&error, Some((text, &piece))),
                    // Whoever read our output is gone: there is nobody to tell.
                    Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => return Next::Quit,
                    Failure::Output(error) => eprintln!("cannot write: {error}"),
                }
                worst = Next::Failed;
                if self.stop_at_error {
                    break;
                }
            }
        }
        worst
    }

    fn statement(&mut self, piece: &Piece<'_>) -> Result<(), Failure> {
        let started = Instant::now();
        let interrupt = self.interrupt.clone();
        let _guard = interrupt.guard(self.session.cancel_handle());
        let result = self.session.execute(piece.text)?;
        let format = if piece.terminator == Terminator::Vertical { Format::Vertical } else { self.format };
        let shown = print_result(result, format)?;
        if self.footer {
            println!("{} ({})", shown, seconds(started.elapsed()));
            println!();
        }
        Ok(())
    }

    fn command(&mut self, line: &str) -> Next {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let argument = rest.trim().trim_end_matches(';').trim();
        let Some(action) = commands::find(name.trim_end_matches(';')) else {
            eprintln!("unknown command {name}; \\help lists them");
            return Next::Failed;
        };
        match action {
            Action::Help => print!("{}", commands::help()),
            Action::Quit => return Next::Quit,
            Action::Describe if argument.is_empty() => return self.run("SHOW TABLES"),
            Action::Describe => return self.run(&format!("DESCRIBE {argument}")),
            Action::Use => return self.run(&format!("USE {argument}")),
            Action::Timing => {
                self.footer = match argument {
                    "on" => true,
                    "off" => false,
                    _ => !self.footer,
                };
                println!("timing is {}", if self.footer { "on" } else { "off" });
            }
            Action::Format if argument.is_empty() => println!("{}", self.format_name()),
            Action::Format => match Format::from_str(argument, true) {
                Ok(format) => self.format = format,
                Err(_) => {
                    eprintln!("unknown format {argument}; \\help lists them");
                    return Next::Failed;
                }
            },
            Action::Include => return self.include(Path::new(argument)),
            Action::Load => return self.load(argument),
        }
        Next::Go
    }

    fn format_name(&self) -> String {
        self.format.to_possible_value().map_or_else(String::new, |v| v.get_name().to_string())
    }

    /// Runs a script: like [`Shell::run`], and a line that begins with a backslash is a command.
    pub fn run_script(&mut self, text: &str) -> Next {
        let mut pending = String::new();
        let mut worst = Next::Go;
        for line in text.lines() {
            let command = line.starts_with('\\') && is_complete(&pending);
            if !command {
                pending.push_str(line);
                pending.push('\n');
                continue;
            }
            for text in [std::mem::take(&mut pending).as_str(), line] {
                match self.run(text) {
                    Next::Go => {}
                    Next::Quit => return Next::Quit,
                    Next::Failed if self.stop_at_error => return Next::Failed,
                    Next::Failed => worst = Next::Failed,
                }
            }
        }
        match self.run(&pending) {
            Next::Go => worst,
            other => other,
        }
    }

    /// Runs the statements of a file.
    pub fn include(&mut self, path: &Path) -> Next {
        match std::fs::read_to_string(path) {
            Ok(text) => self.run_script(&text),
            Err(error) => {
                eprintln!("cannot read {}: {error}", path.display());
                Next::Failed
            }
        }
    }

    fn load(&mut self, argument: &str) -> Next {
        let started = Instant::now();
        let words: Vec<&str> = argument.split_whitespace().collect();
        let interrupt = self.interrupt.clone();
        let _guard = interrupt.guard(self.session.cancel_handle());
        let loaded = match words.as_slice() {
            ["tpch", sf] => match sf.parse::<f64>() {
                Ok(sf) => {
                    import::tpch(&self.database, self.session.database(), sf, &import::terminal_progress())
                }
                Err(_) => {
                    eprintln!("{sf} is not a scale factor");
                    return Next::Failed;
                }
            },
            [table, file] if file.ends_with(".csv") => self.session.load_csv(table, Path::new(file)),
            [table, file] => self.session.load_parquet(table, Path::new(file)),
            _ => {
                eprintln!("\\load tpch SF, or \\load TABLE FILE");
                return Next::Failed;
            }
        };
        match loaded {
            Ok(rows) => {
                if self.footer {
                    println!("{rows} rows loaded ({})", seconds(started.elapsed()));
                }
                Next::Go
            }
            Err(error) => {
                report(&error, None);
                Next::Failed
            }
        }
    }
}

/// What ends a statement early.
enum Failure {
    Statement(Error),
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Statement(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Prints a result as it comes, and says what it was: `3 rows in set`, `Query OK, 1 row affected`.
fn print_result(result: ResultSet, format: Format) -> Result<String, Failure> {
    if !result.is_query() {
        let info = if result.info().is_empty() { String::new() } else { format!("; {}", result.info()) };
        return Ok(format!("Query OK, {} affected{info}", count(result.affected_rows(), "row")));
    }
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut rows = 0;
    {
        let mut writer = format.writer(result.columns().to_vec(), &mut out);
        for batch in result {
            let batch = batch?;
            rows += batch.num_rows() as u64;
            writer.batch(&batch)?;
        }
        writer.finish()?;
    }
    out.flush()?;
    Ok(if rows == 0 { "Empty set".to_string() } else { format!("{} in set", count(rows, "row")) })
}

fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

fn seconds(elapsed: Duration) -> String {
    match elapsed.as_secs_f64() {
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// Prints an error to the standard error stream, with the place it is about.
pub(super) fn report(error: &Error, place: Option<(&str, &Piece<'_>)>) {
    let mut text = format!("{error}\n");
    if let (Some((whole, piece)), Some(position)) = (place, error.position()) {
        // The session counts from the beginning of the statement; the user, from the beginning of what was typed.
        let column = if position.line == 1 { position.column + piece.column } else { position.column };
        text += &point_at(whole, Position { line: position.line + piece.line, column }, error.hint());
    }
    if io::stderr().is_terminal() {
        text = format!("\x1b[31m{}\x1b[0m\n", text.trim_end());
    }
    eprint!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_times_read_well() {
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(0, "row"), "0 rows");
        assert_eq!(seconds(Duration::from_micros(1234)), "1.2 ms");
        assert_eq!(seconds(Duration::from_millis(1234)), "1.23 s");
    }
}

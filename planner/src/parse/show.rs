//! SHOW.

use sqlparser::ast::{Ident, ObjectName};
use sqlparser::tokenizer::Token;

use super::admin::SpacesSyntax;
use super::listing::Listing;
use super::position;
use super::statement::{Failure, SHOWN, Source, Statement, query_of};
use crate::account::ShownAccount;
use crate::error::Error;

/// SHOW, DESCRIBE.
#[derive(Clone, Debug)]
pub(crate) enum ShowSyntax {
    Databases {
        pattern: Option<String>,
    },
    Tables {
        database: Option<Ident>,
        full: bool,
        pattern: Option<String>,
    },
    TableStatus {
        database: Option<Ident>,
        pattern: Option<String>,
    },
    /// None ever is: nobody keeps tables open.
    OpenTables {
        database: Option<Ident>,
    },
    Columns {
        table: ObjectName,
        database: Option<Ident>,
        full: bool,
        pattern: Option<String>,
    },
    CreateTable {
        table: ObjectName,
    },
    CreateView {
        view: ObjectName,
    },
    CreateSequence {
        sequence: ObjectName,
    },
    CreateDatabase {
        name: Ident,
        if_not_exists: bool,
    },
    Index {
        table: ObjectName,
        database: Option<Ident>,
    },
    NextRowId {
        table: ObjectName,
    },
    Variables {
        global: bool,
        pattern: Option<String>,
    },
    Status {
        global: bool,
        pattern: Option<String>,
    },
    Warnings(Shown),
    Errors(Shown),
    /// SHOW COUNT(*) WARNINGS, or ERRORS.
    Counted {
        errors: bool,
    },
    ProcessList {
        full: bool,
    },
    Engines,
    Charset {
        pattern: Option<String>,
    },
    Collation {
        pattern: Option<String>,
    },
    /// What there is none of.
    Absent {
        what: Absent,
        database: Option<Ident>,
    },
    Listing(Listing),
    Simulation,
    Bindings {
        global: bool,
        pattern: Option<String>,
    },
    /// SHOW TABLE … REGIONS.
    Regions(SpacesSyntax),
    /// SHOW GRANTS and its like.
    Account(ShownAccount),
}

/// Which of the rows are shown: LIMIT of SHOW WARNINGS and SHOW ERRORS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// How many at the beginning are not.
    pub skip: u64,
    /// How many of the others are; `None` = all.
    pub take: Option<u64>,
}

/// What MySQL has and Allod has none of: SHOW shows that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// SHOW TRIGGERS.
    Triggers,
    /// SHOW EVENTS.
    Events,
    /// SHOW PROCEDURE STATUS, SHOW FUNCTION STATUS.
    Routines,
    /// SHOW PLUGINS.
    Plugins,
    /// SHOW PROFILES.
    Profiles,
    /// SHOW BINARY LOGS.
    BinaryLogs,
    /// SHOW MASTER STATUS, SHOW BINARY LOG STATUS.
    BinaryLogStatus,
    /// SHOW REPLICA STATUS.
    ReplicaStatus,
    /// SHOW ENGINE … STATUS.
    EngineStatus,
    /// SHOW PROFILE.
    Profile,
    /// SHOW PLACEMENT LABELS.
    PlacementLabels,
    /// SHOW IMPORT JOBS.
    ImportJobs,
    /// SHOW BACKUPS, SHOW RESTORES.
    Backups,
}

impl Absent {
    /// Whether a database has them.
    pub fn is_of_database(self) -> bool {
        match self {
            Absent::Triggers | Absent::Events => true,
            Absent::Routines
            | Absent::Plugins
            | Absent::Profiles
            | Absent::BinaryLogs
            | Absent::BinaryLogStatus
            | Absent::ReplicaStatus
            | Absent::EngineStatus
            | Absent::Profile
            | Absent::PlacementLabels
            | Absent::ImportJobs
            | Absent::Backups => false,
        }
    }
}

impl Source<'_> {
    /// From `SHOW` on.
    pub(super) fn show(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let full = self.word("FULL");
        self.word("EXTENDED");
        let global = self.word("GLOBAL");
        let _ = self.word("SESSION") || self.word("LOCAL");
        let token = self.parser.next_token();
        let Token::Word(what) = &token.token else {
            return Ok(self.parser.expected("what to show", token)?);
        };
        let what_upper = what.value.to_ascii_uppercase();
        if let Some(show) = self.show_account(&what_upper)? {
            return Ok(Statement::Show(show));
        }
        let show = match what_upper.as_str() {
            "DATABASES" | "SCHEMAS" => ShowSyntax::Databases { pattern: self.like()? },
            "TABLES" => ShowSyntax::Tables { database: self.in_database()?, full, pattern: self.like()? },
            "TABLE" if self.word("STATUS") => {
                ShowSyntax::TableStatus { database: self.in_database()?, pattern: self.like()? }
            }
            "OPEN" if self.word("TABLES") => ShowSyntax::OpenTables { database: self.in_database()? },
            "TABLE" => {
                let spaces = self.spaces()?;
                if self.word("NEXT_ROW_ID") {
                    ShowSyntax::NextRowId { table: spaces.table }
                } else {
                    self.expect_word("REGIONS")?;
                    ShowSyntax::Regions(spaces)
                }
            }
            "COLUMNS" | "FIELDS" => {
                let (table, database) = self.table_and_database()?;
                ShowSyntax::Columns { table, database, full, pattern: self.like()? }
            }
            "INDEX" | "INDEXES" | "KEYS" => {
                let (table, database) = self.table_and_database()?;
                ShowSyntax::Index { table, database }
            }
            "CREATE" if self.word("TABLE") => {
                ShowSyntax::CreateTable { table: self.parser.parse_object_name(false)? }
            }
            "CREATE" if self.word("VIEW") => {
                ShowSyntax::CreateView { view: self.parser.parse_object_name(false)? }
            }
            "CREATE" if self.word("PLACEMENT") => {
                self.expect_word("POLICY")?;
                ShowSyntax::Listing(Listing::Policy(self.parser.parse_identifier()?.value))
            }
            "CREATE" if self.word("RESOURCE") => {
                self.expect_word("GROUP")?;
                ShowSyntax::Listing(Listing::ResourceGroup(self.resource_group()?))
            }
            "CREATE" if self.word("SEQUENCE") => {
                ShowSyntax::CreateSequence { sequence: self.parser.parse_object_name(false)? }
            }
            "CREATE" if self.word("DATABASE") || self.word("SCHEMA") => {
                let if_not_exists = self.word("IF");
                if if_not_exists {
                    self.expect_word("NOT")?;
                    self.expect_word("EXISTS")?;
                }
                ShowSyntax::CreateDatabase { name: self.parser.parse_identifier()?, if_not_exists }
            }
            "VARIABLES" => ShowSyntax::Variables { global, pattern: self.like()? },
            "STATUS" => ShowSyntax::Status { global, pattern: self.like()? },
            "WARNINGS" => ShowSyntax::Warnings(self.shown()?),
            "ERRORS" => ShowSyntax::Errors(self.shown()?),
            "COUNT" => {
                for token in [Token::LParen, Token::Mul, Token::RParen] {
                    self.parser.expect_token(&token)?;
                }
                let errors = self.word("ERRORS");
                if !errors {
                    self.expect_word("WARNINGS")?;
                }
                ShowSyntax::Counted { errors }
            }
            "PROCESSLIST" => ShowSyntax::ProcessList { full },
            "ENGINES" => ShowSyntax::Engines,
            "STORAGE" if self.word("ENGINES") => ShowSyntax::Engines,
            "CHARSET" => ShowSyntax::Charset { pattern: self.like()? },
            "CHARACTER" if self.word("SET") => ShowSyntax::Charset { pattern: self.like()? },
            "COLLATION" => ShowSyntax::Collation { pattern: self.like()? },
            "SIMULATION" => ShowSyntax::Simulation,
            "BINDINGS" => ShowSyntax::Bindings { global, pattern: self.like()? },
            what_upper => match (self.absent(what_upper)?, self.listing(what_upper)?) {
                (Some(absent), _) => absent,
                (None, Some(listing)) => ShowSyntax::Listing(listing),
                (None, None) => {
                    return Err(Failure::Ours(Error::NotSupported(format!("SHOW {}", what.value))));
                }
            },
        };
        self.shown_where(show)
    }

    /// What is shown, with the WHERE that may stand behind it.
    pub(super) fn shown_where(&mut self, show: ShowSyntax) -> Result<Statement, Failure> {
        if !self.word("WHERE") {
            return Ok(Statement::Show(show));
        }
        let filter = self.parser.parse_expr()?;
        let all = format!("SELECT * FROM {}.`{}`", SHOWN.0, SHOWN.1);
        let query = query_of(&all, |select| select.selection = Some(filter))?;
        Ok(Statement::ShowWhere { show, query })
    }

    /// `LIMIT [skip,] take`, `LIMIT take OFFSET skip`, if it is next.
    pub(super) fn shown(&mut self) -> Result<Shown, Failure> {
        if !self.word("LIMIT") {
            return Ok(Shown { skip: 0, take: None });
        }
        let first = self.parser.parse_literal_uint()?;
        if self.parser.consume_token(&Token::Comma) {
            return Ok(Shown { skip: first, take: Some(self.parser.parse_literal_uint()?) });
        }
        let skip = if self.word("OFFSET") { self.parser.parse_literal_uint()? } else { 0 };
        Ok(Shown { skip, take: Some(first) })
    }

    fn table_and_database(&mut self) -> Result<(ObjectName, Option<Ident>), Failure> {
        if !self.word("FROM") {
            self.expect_word("IN")?;
        }
        let table = self.parser.parse_object_name(false)?;
        Ok((table, self.in_database()?))
    }

    fn in_database(&mut self) -> Result<Option<Ident>, Failure> {
        Ok(if self.word("FROM") || self.word("IN") { Some(self.parser.parse_identifier()?) } else { None })
    }

    fn like(&mut self) -> Result<Option<String>, Failure> {
        if !self.word("LIKE") {
            return Ok(None);
        }
        let next = self.parser.peek_token_ref();
        match &next.token {
            // Nothing stands there that could be named.
            Token::Word(name) => Err(Failure::Ours(Error::UnknownColumn {
                name: name.value.to_lowercase(),
                clause: "where clause",
                position: position(next.span.start),
            })),
            _ => Ok(Some(self.parser.parse_literal_string()?)),
        }
    }

    /// What there is none of; `first` is the word behind SHOW.
    fn absent(&mut self, first: &str) -> Result<Option<ShowSyntax>, Failure> {
        let what = match first {
            "TRIGGERS" => Absent::Triggers,
            "EVENTS" => Absent::Events,
            "PROCEDURE" | "FUNCTION" if self.word("STATUS") => Absent::Routines,
            "PLUGINS" => Absent::Plugins,
            "PROFILES" => Absent::Profiles,
            "MASTER" if self.word("STATUS") => Absent::BinaryLogStatus,
            "MASTER" if self.word("LOGS") => Absent::BinaryLogs,
            "BINARY" if self.word("LOGS") => Absent::BinaryLogs,
            "BINARY" if self.word("LOG") => {
                self.expect_word("STATUS")?;
                Absent::BinaryLogStatus
            }
            "REPLICA" | "SLAVE" if self.word("STATUS") => Absent::ReplicaStatus,
            "ENGINE" => {
                self.parser.parse_identifier()?;
                self.expect_word("STATUS")?;
                Absent::EngineStatus
            }
            "PROFILE" => Absent::Profile,
            "PLACEMENT" if self.word("LABELS") => Absent::PlacementLabels,
            "IMPORT" if self.word("JOBS") => Absent::ImportJobs,
            "BACKUPS" | "RESTORES" => Absent::Backups,
            _ => return Ok(None),
        };
        let database = if what.is_of_database() { self.in_database()? } else { None };
        // Nothing is like it.
        self.like()?;
        Ok(Some(ShowSyntax::Absent { what, database }))
    }
}

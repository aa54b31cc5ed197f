//! Statements: the library's, and those it lacks.

use allod_storage::fault::Step;
use allod_storage::schema::Temporary;
use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Word};

use crate::account::{AccountChange, ShownAccount};
use crate::error::{Error, Position};

use super::admin::{SpacesSyntax, SplitSyntax};
use super::alter::{AlterSyntax, CharsetOption};
use super::binding::BindingSyntax;
use super::load_data::LoadDataSyntax;
use super::numbers::NumbersSyntax;
use super::option::TableOption;
use super::partition::{PartitionChangeSyntax, PartitionClause};
use super::rewrite::{Said, rewrite};
use super::sequence::SequenceSyntax;
use super::set::SetItem;
use super::split::Piece;
use super::tables;
use super::transaction::TransactionSyntax;
use super::view::ViewSyntax;
use super::{
    as_of, clustered, locking, parser, position, syntax_error, temporary, tokenize, unexpected, variable,
};

/// A statement as syntax.
#[derive(Clone, Debug)]
pub(crate) enum Statement {
    /// One that the library knows.
    Sql(Box<ast::Statement>),
    /// CREATE TABLE with the parts that the library lacks.
    CreateTable {
        table: Box<ast::CreateTable>,
        /// `CLUSTERED` or `NONCLUSTERED` behind the primary key.
        clustered: Option<bool>,
        /// Options behind those that the library knows.
        options: Vec<TableOption>,
        partition: Option<PartitionClause>,
        numbers: NumbersSyntax,
    },
    /// CREATE VIEW, ALTER VIEW.
    CreateView(Box<ViewSyntax>),
    CreateSequence(Box<SequenceSyntax>),
    AlterSequence(Box<SequenceSyntax>),
    /// `DROP [GLOBAL] TEMPORARY TABLE`.
    DropTemporary {
        kind: Temporary,
        if_exists: bool,
        names: Vec<ObjectName>,
    },
    /// ALTER DATABASE: of the current one if it names none.
    AlterDatabase {
        name: Option<Ident>,
        said: Vec<CharsetOption>,
    },
    /// ALTER TABLE of columns, keys and options.
    AlterTable {
        table: ObjectName,
        changes: Vec<AlterSyntax>,
        /// `CLUSTERED` or `NONCLUSTERED` behind a primary key.
        clustered: Option<bool>,
        numbers: NumbersSyntax,
    },
    /// ALTER TABLE of partitions.
    AlterPartitions {
        table: ObjectName,
        change: PartitionChangeSyntax,
    },
    Explain {
        analyze: bool,
        format: Option<String>,
        statement: Box<Statement>,
    },
    Analyze {
        tables: Vec<ObjectName>,
    },
    /// ADMIN CHECK.
    Check(Vec<SpacesSyntax>),
    /// SPLIT TABLE.
    Split {
        spaces: SpacesSyntax,
        at: SplitSyntax,
    },
    Show(ShowSyntax),
    /// SHOW … WHERE, with the query of what is shown.
    ShowWhere {
        show: ShowSyntax,
        query: Box<ast::Statement>,
    },
    /// DO: a query whose rows nobody wants.
    Do(Box<ast::Statement>),
    /// CREATE, DROP and SET BINDING.
    Binding(Box<BindingSyntax>),
    /// SELECT … INTO @a, @b.
    Into {
        query: Box<ast::Statement>,
        variables: Vec<String>,
    },
    Use {
        database: String,
    },
    Set(Vec<SetItem>),
    Transaction(TransactionSyntax),
    Prepare {
        name: String,
        text: PrepareSource,
    },
    Execute {
        name: String,
        using: Vec<String>,
    },
    Deallocate {
        name: String,
    },
    LoadData(Box<LoadDataSyntax>),
    Kill {
        connection: u64,
        only_statement: bool,
    },
    Simulate(Step),
    /// CREATE USER, GRANT, SET ROLE and their like.
    Account(Box<AccountChange>),
}

impl Statement {
    /// The query whose only value is that of an expression.
    pub fn value(e: &ast::Expr) -> Result<Statement, Error> {
        let item = ast::SelectItem::UnnamedExpr(e.clone());
        query_of("SELECT 1", |select| select.projection = vec![item]).map(Statement::Sql).map_err(|e| match e
        {
            Failure::Parser(e) => syntax_error(e, None),
            Failure::Ours(e) => e,
        })
    }

    /// Whether it commits the session's transaction first: changes of the schema, and ANALYZE TABLE. Temporary tables of the
    /// session are no part of the schema.
    pub fn commits_implicitly(&self) -> bool {
        use ast::Statement as S;
        match self {
            Statement::Sql(sql) => matches!(
                **sql,
                S::CreateIndex(_)
                    | S::CreateDatabase { .. }
                    | S::CreateSchema { .. }
                    | S::Drop { .. }
                    | S::Truncate(_)
                    | S::RenameTable(_)
            ),
            Statement::CreateTable { table, .. } => temporary::kind(table) != Some(Temporary::Local),
            Statement::DropTemporary { kind, .. } => *kind != Temporary::Local,
            Statement::AlterDatabase { .. }
            | Statement::CreateView(_)
            | Statement::CreateSequence(_)
            | Statement::AlterSequence(_)
            | Statement::AlterTable { .. }
            | Statement::AlterPartitions { .. }
            | Statement::Analyze { .. } => true,
            // What session plays which role is nobody else's business.
            Statement::Account(change) => !matches!(**change, AccountChange::SetRole(_)),
            Statement::Explain { .. }
            | Statement::Check(_)
            | Statement::Split { .. }
            | Statement::Show(_)
            | Statement::ShowWhere { .. }
            | Statement::Do(_)
            | Statement::Into { .. }
            | Statement::Binding(_)
            | Statement::Use { .. }
            | Statement::Set(_)
            | Statement::Transaction(_)
            | Statement::Prepare { .. }
            | Statement::Execute { .. }
            | Statement::Deallocate { .. }
            | Statement::LoadData(_)
            | Statement::Kill { .. }
            | Statement::Simulate(_) => false,
        }
    }
}

/// Database and name of a table that holds what a SHOW statement shows, while its WHERE is evaluated.
pub const SHOWN: (&str, &str) = ("information_schema", "what is shown");

/// The query of a text of our own, changed.
fn query_of(text: &str, change: impl FnOnce(&mut ast::Select)) -> Result<Box<ast::Statement>, Failure> {
    let mut query = parser(tokenize(text).map_err(Failure::Ours)?).parse_statement()?;
    if let ast::Statement::Query(query) = &mut query
        && let ast::SetExpr::Select(select) = &mut *query.body
    {
        change(select);
    }
    Ok(Box::new(query))
}

/// The text of PREPARE.
#[derive(Clone, Debug)]
pub(crate) enum PrepareSource {
    Text(String),
    /// `FROM @name`.
    Variable(String),
}

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
    Warnings,
    Errors,
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

/// Parses the one statement of a piece.
///
/// Returned with the times of its AS OF TIMESTAMP clauses.
pub(super) fn parse(piece: &Piece) -> Result<(Statement, Vec<ast::Expr>), Error> {
    let failed = |e| match e {
        Failure::Parser(e) => syntax_error(e, Some(piece.end)),
        Failure::Ours(e) => e,
    };
    let (mut source, as_of) = Source::new(piece).map_err(failed)?;
    let statement = source.statement().map_err(failed)?;
    if source.parser.peek_token().token != Token::EOF {
        return Err(syntax_error(unexpected(&source.parser), Some(piece.end)));
    }
    let statement = match (statement, std::mem::take(&mut source.into)) {
        (statement, none) if none.is_empty() => statement,
        (Statement::Sql(query), variables) if matches!(*query, ast::Statement::Query(_)) => {
            Statement::Into { query, variables }
        }
        _ => return Err(Error::Syntax { message: "INTO in what is no query".into(), position: None }),
    };
    Ok((statement, as_of))
}

/// What can go wrong, in the library or here.
pub(super) enum Failure {
    Parser(ParserError),
    Ours(Error),
}

impl From<ParserError> for Failure {
    fn from(e: ParserError) -> Failure {
        Failure::Parser(e)
    }
}

/// A parser over one statement's tokens, and its text.
pub(super) struct Source<'a> {
    pub(super) parser: Parser<'static>,
    pub(super) text: &'a str,
    pub(super) start: Position,
    /// `CLUSTERED` or `NONCLUSTERED` behind a primary key.
    pub(super) clustered: Option<bool>,
    /// How rows are numbered.
    pub(super) numbers: NumbersSyntax,
    /// The variables of INTO.
    into: Vec<String>,
}

impl<'a> Source<'a> {
    fn new(piece: &Piece<'a>) -> Result<(Source<'a>, Vec<ast::Expr>), Failure> {
        clustered::check(&piece.tokens)?;
        let (tokens, Said { clustered, numbers }) = rewrite(&tables::joined(&piece.tokens));
        let (tokens, as_of) = as_of::take(locking::spell(tokens))?;
        let (tokens, into) = variable::take_into(tokens);
        let (text, start) = (piece.text, piece.start);
        Ok((Source { parser: parser(tokens), text, start, clustered, numbers, into }, as_of))
    }

    fn statement(&mut self) -> Result<Statement, Failure> {
        let Token::Word(first) = self.parser.peek_token().token else {
            return Ok(Statement::Sql(Box::new(self.parser.parse_statement()?)));
        };
        let first =
            if first.quote_style.is_none() { first.value.to_ascii_uppercase() } else { String::new() };
        if let Some(statement) = self.account(&first)? {
            return Ok(statement);
        }
        match first.as_str() {
            "EXPLAIN" | "DESCRIBE" | "DESC" => self.explain(),
            "ANALYZE" => self.analyze(),
            "SHOW" => self.show(),
            "DO" => {
                self.parser.next_token();
                let exprs = self.parser.parse_comma_separated(Parser::parse_expr)?;
                let items = exprs.into_iter().map(ast::SelectItem::UnnamedExpr).collect();
                Ok(Statement::Do(query_of("SELECT 1", |select| select.projection = items)?))
            }
            "USE" => {
                self.parser.next_token();
                Ok(Statement::Use { database: self.parser.parse_identifier()?.value })
            }
            "SET" => self.set(),
            "BEGIN" => {
                self.parser.next_token();
                Ok(Statement::Transaction(self.begin()))
            }
            "START" => {
                self.parser.next_token();
                self.expect_word("TRANSACTION")?;
                Ok(Statement::Transaction(self.start_transaction()?))
            }
            "COMMIT" => {
                self.parser.next_token();
                Ok(Statement::Transaction(TransactionSyntax::Commit { chain: self.chain()? }))
            }
            "ROLLBACK" => {
                self.parser.next_token();
                Ok(Statement::Transaction(self.rollback()?))
            }
            "SAVEPOINT" => {
                self.parser.next_token();
                let name = self.parser.parse_identifier()?.value;
                Ok(Statement::Transaction(TransactionSyntax::Savepoint(name)))
            }
            "RELEASE" => {
                self.parser.next_token();
                self.expect_word("SAVEPOINT")?;
                let name = self.parser.parse_identifier()?.value;
                Ok(Statement::Transaction(TransactionSyntax::Release(name)))
            }
            "ALTER" => {
                if let Some(statement) = self.view()? {
                    return Ok(statement);
                }
                if let Some(statement) = self.alter_database()? {
                    return Ok(statement);
                }
                if let Some(statement) = self.sequence()? {
                    return Ok(statement);
                }
                match self.alter_partitions()? {
                    Some(statement) => Ok(statement),
                    None => self.alter_table(),
                }
            }
            "CREATE" => {
                if let Some(statement) = self.view()? {
                    return Ok(statement);
                }
                match self.sequence()? {
                    Some(statement) => Ok(statement),
                    None => self.other(),
                }
            }
            "ADMIN" => self.admin(),
            "SPLIT" => self.split(),
            "KILL" => self.kill(),
            "LOAD" => self.load_data(),
            "SIMULATE" => self.simulate(),
            "PREPARE" => self.prepare(),
            "EXECUTE" => self.execute(),
            "DEALLOCATE" => {
                self.parser.next_token();
                self.expect_word("PREPARE")?;
                Ok(Statement::Deallocate { name: self.parser.parse_identifier()?.value })
            }
            "DROP" if self.parser.peek_nth_token(1).token.to_string().eq_ignore_ascii_case("prepare") => {
                self.parser.next_token();
                self.parser.next_token();
                Ok(Statement::Deallocate { name: self.parser.parse_identifier()?.value })
            }
            "DROP" => match self.drop_temporary()? {
                Some(statement) => Ok(statement),
                None => self.other(),
            },
            _ => self.other(),
        }
    }

    /// A statement that the library knows, perhaps with more behind it.
    fn other(&mut self) -> Result<Statement, Failure> {
        match self.parser.parse_statement()? {
            ast::Statement::CreateTable(mut table) => {
                let options = self.table_options()?;
                let partition = self.partition_clause()?;
                self.on_commit(&mut table)?;
                let (table, clustered) = (Box::new(table), self.clustered);
                let numbers = std::mem::take(&mut self.numbers);
                Ok(Statement::CreateTable { table, clustered, options, partition, numbers })
            }
            other => Ok(Statement::Sql(Box::new(other))),
        }
    }

    fn kill(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        self.word("TIDB");
        let only_statement = self.word("QUERY");
        if !only_statement {
            self.word("CONNECTION");
        }
        let connection = self.parser.parse_literal_uint()?;
        Ok(Statement::Kill { connection, only_statement })
    }

    fn explain(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let analyze = self.parser.parse_keyword(Keyword::ANALYZE);
        let mut format = None;
        if self.word("FORMAT") {
            self.parser.expect_token(&Token::Eq)?;
            let token = self.parser.next_token();
            format = Some(match token.token {
                Token::SingleQuotedString(s) | Token::DoubleQuotedString(s) => s,
                Token::Word(w) => w.value,
                _ => return Ok(self.parser.expected("a format", token)?),
            });
        }
        let starts_query = match &self.parser.peek_token_ref().token {
            Token::LParen => true,
            Token::Word(w) => matches!(
                w.keyword,
                Keyword::SELECT
                    | Keyword::WITH
                    | Keyword::INSERT
                    | Keyword::UPDATE
                    | Keyword::DELETE
                    | Keyword::REPLACE
                    | Keyword::VALUES
                    | Keyword::TABLE
            ),
            _ => false,
        };
        if analyze || format.is_some() || starts_query {
            let statement = Box::new(Statement::Sql(Box::new(self.parser.parse_statement()?)));
            return Ok(Statement::Explain { analyze, format, statement });
        }
        let table = self.parser.parse_object_name(false)?;
        let pattern = match self.parser.peek_token().token {
            Token::Word(w) => {
                self.parser.next_token();
                Some(w.value)
            }
            Token::SingleQuotedString(s) | Token::DoubleQuotedString(s) => {
                self.parser.next_token();
                Some(s)
            }
            _ => None,
        };
        Ok(Statement::Show(ShowSyntax::Columns { table, database: None, full: false, pattern }))
    }

    fn analyze(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let _ = self.word("NO_WRITE_TO_BINLOG") || self.word("LOCAL");
        self.parser.expect_keyword_is(Keyword::TABLE)?;
        let tables = self.parser.parse_comma_separated(|p| p.parse_object_name(false))?;
        // PARTITION, INDEX, WITH n BUCKETS: accepted, and all columns of all partitions are analysed.
        while self.parser.peek_token().token != Token::EOF {
            self.parser.next_token();
        }
        Ok(Statement::Analyze { tables })
    }

    fn show(&mut self) -> Result<Statement, Failure> {
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
            "CREATE" if self.word("SEQUENCE") => {
                ShowSyntax::CreateSequence { sequence: self.parser.parse_object_name(false)? }
            }
            "CREATE" if self.word("DATABASE") || self.word("SCHEMA") => {
                ShowSyntax::CreateDatabase { name: self.parser.parse_identifier()? }
            }
            "VARIABLES" => ShowSyntax::Variables { global, pattern: self.like()? },
            "STATUS" => ShowSyntax::Status { global, pattern: self.like()? },
            "WARNINGS" => ShowSyntax::Warnings,
            "ERRORS" => ShowSyntax::Errors,
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
            "CHARSET" => ShowSyntax::Charset { pattern: self.like()? },
            "CHARACTER" if self.word("SET") => ShowSyntax::Charset { pattern: self.like()? },
            "COLLATION" => ShowSyntax::Collation { pattern: self.like()? },
            "SIMULATION" => ShowSyntax::Simulation,
            "BINDINGS" => ShowSyntax::Bindings { global, pattern: self.like()? },
            _ => return Err(Failure::Ours(Error::NotSupported(format!("SHOW {}", what.value)))),
        };
        if !self.word("WHERE") {
            return Ok(Statement::Show(show));
        }
        let filter = self.parser.parse_expr()?;
        let all = format!("SELECT * FROM {}.`{}`", SHOWN.0, SHOWN.1);
        let query = query_of(&all, |select| select.selection = Some(filter))?;
        Ok(Statement::ShowWhere { show, query })
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

    /// A name, perhaps as a string, in lower case.
    pub(super) fn word_or_text(&mut self, what: &str) -> Result<String, Failure> {
        let token = self.parser.next_token();
        match token.token {
            Token::Word(Word { value: text, .. })
            | Token::SingleQuotedString(text)
            | Token::DoubleQuotedString(text) => Ok(text.to_ascii_lowercase()),
            _ => Ok(self.parser.expected(what, token)?),
        }
    }

    fn prepare(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let name = self.parser.parse_identifier()?.value;
        self.expect_word("FROM")?;
        let token = self.parser.next_token();
        let text = match token.token {
            Token::SingleQuotedString(s) | Token::DoubleQuotedString(s) => PrepareSource::Text(s),
            Token::Word(w) if w.value.starts_with('@') => PrepareSource::Variable(w.value),
            _ => return Ok(self.parser.expected("a string or a user variable", token)?),
        };
        Ok(Statement::Prepare { name, text })
    }

    fn execute(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let name = self.parser.parse_identifier()?.value;
        let using = if self.word("USING") {
            self.parser
                .parse_comma_separated(|p| p.parse_identifier())?
                .into_iter()
                .map(|i| i.value)
                .collect()
        } else {
            Vec::new()
        };
        Ok(Statement::Execute { name, using })
    }

    /// Consumes a word if it is next.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = matches!(
            &self.parser.peek_token_ref().token,
            Token::Word(w) if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word)
        );
        if found {
            self.parser.next_token();
        }
        found
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<(), ParserError> {
        if self.word(word) { Ok(()) } else { self.parser.expected_ref(word, self.parser.peek_token_ref()) }
    }
}

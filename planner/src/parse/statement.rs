//! Statements: the library's, and those it lacks.

use std::sync::Arc;

use allod_storage::fault::Step;
use allod_storage::schema::Temporary;
use sqlparser::ast::{self, Ident, ObjectName};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::account::AccountChange;
use crate::error::{Error, Position};
use crate::placement::PolicyChange;
use crate::resource::ResourceChange;

use super::admin::{SpacesSyntax, SplitSyntax};
use super::alter::{AlterSyntax, CharsetOption};
use super::batch::BatchSyntax;
use super::binding::BindingSyntax;
use super::create_as::NewRows;
use super::flashback::StatsChange;
use super::load_data::LoadDataSyntax;
use super::numbers::NumbersSyntax;
use super::option::TableOption;
use super::outfile::{self, Into, OutFile};
use super::partition::{PartitionChangeSyntax, PartitionClause};
use super::rewrite::{Said, rewrite};
use super::sequence::SequenceSyntax;
use super::set::SetItem;
use super::show::ShowSyntax;
use super::split::Piece;
use super::tables;
use super::transaction::TransactionSyntax;
use super::upkeep::{Upkeep, UpkeepSyntax};
use super::view::ViewSyntax;
use super::{as_of, clustered, locking, parser, syntax_error, temporary, tokenize, unexpected};

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
        /// Of the rows of its query, if it has one.
        how: NewRows,
    },
    /// CREATE VIEW, ALTER VIEW.
    CreateView(Box<ViewSyntax>),
    CreateSequence(Box<SequenceSyntax>),
    /// CREATE, ALTER, DROP PLACEMENT POLICY.
    Policy(PolicyChange),
    /// CREATE, ALTER, DROP RESOURCE GROUP.
    Resource(ResourceChange),
    /// SET RESOURCE GROUP.
    SetResourceGroup(Arc<str>),
    /// CREATE DATABASE with what the library does not know.
    CreateDatabase {
        database: Box<ast::Statement>,
        placement: Option<String>,
    },
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
        placement: Option<String>,
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
    /// ADMIN CHECK INDEX … (1, 5), …: entries of these runs of the index's first column.
    CheckIndexRuns {
        of: SpacesSyntax,
        runs: Vec<(i64, i64)>,
    },
    /// ADMIN CHECKSUM TABLE.
    Checksum(Vec<SpacesSyntax>),
    /// ADMIN CANCEL DDL JOBS.
    CancelJobs(Vec<u64>),
    /// EXPLAIN FOR CONNECTION.
    ExplainOther {
        connection: u64,
        format: Option<String>,
    },
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
    /// SELECT … INTO OUTFILE.
    IntoFile {
        query: Box<ast::Statement>,
        file: OutFile,
    },
    /// CHECK TABLE and its like.
    Upkeep(UpkeepSyntax),
    /// CHECKSUM TABLE.
    TableChecksums {
        tables: Vec<ObjectName>,
        /// Only one that is kept.
        quick: bool,
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
    /// RECOVER TABLE, FLASHBACK TABLE.
    FlashbackTable {
        table: ObjectName,
        /// `None` = as it was called.
        to: Option<Ident>,
    },
    FlashbackDatabase {
        name: Ident,
        to: Option<Ident>,
    },
    /// DROP STATS and its like.
    Stats {
        change: StatsChange,
        tables: Vec<ObjectName>,
        partitions: Vec<Ident>,
    },
    /// BATCH … LIMIT n of a change.
    Batch(Box<BatchSyntax>),
    Kill {
        connection: u64,
        only_statement: bool,
    },
    /// LOCK TABLES: what it names.
    LockTables(Vec<ObjectName>),
    UnlockTables,
    /// CALL.
    Call(ObjectName),
    Simulate(Step),
    /// TRACE.
    Trace {
        format: Option<String>,
        statement: Box<ast::Statement>,
    },
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
            | Statement::Policy(_)
            | Statement::Resource(_)
            | Statement::CreateDatabase { .. }
            | Statement::AlterSequence(_)
            | Statement::FlashbackTable { .. }
            | Statement::FlashbackDatabase { .. }
            | Statement::Stats { .. }
            | Statement::AlterTable { .. }
            | Statement::AlterPartitions { .. }
            | Statement::LockTables(_)
            | Statement::Upkeep(_)
            | Statement::Analyze { .. } => true,
            // What session plays which role is nobody else's business.
            Statement::Account(change) => !matches!(**change, AccountChange::SetRole(_)),
            Statement::Explain { .. }
            | Statement::Check(_)
            | Statement::CheckIndexRuns { .. }
            | Statement::Checksum(_)
            | Statement::CancelJobs(_)
            | Statement::ExplainOther { .. }
            | Statement::Trace { .. }
            | Statement::Split { .. }
            | Statement::Show(_)
            | Statement::ShowWhere { .. }
            | Statement::Do(_)
            | Statement::Into { .. }
            | Statement::IntoFile { .. }
            | Statement::TableChecksums { .. }
            | Statement::Binding(_)
            | Statement::Use { .. }
            | Statement::Set(_)
            | Statement::Transaction(_)
            | Statement::Prepare { .. }
            | Statement::Execute { .. }
            | Statement::Deallocate { .. }
            | Statement::LoadData(_)
            | Statement::Batch(_)
            | Statement::Kill { .. }
            | Statement::SetResourceGroup(_)
            | Statement::Call(_)
            // It would if it had anything to unlock.
            | Statement::UnlockTables
            | Statement::Simulate(_) => false,
        }
    }
}

/// Database and name of a table that holds what a SHOW statement shows, while its WHERE is evaluated.
pub const SHOWN: (&str, &str) = ("information_schema", "what is shown");

/// The query of a text of our own, changed.
pub(super) fn query_of(
    text: &str,
    change: impl FnOnce(&mut ast::Select),
) -> Result<Box<ast::Statement>, Failure> {
    let mut query = parser(tokenize(text).map_err(Failure::Ours)?).parse_statement()?;
    if let ast::Statement::Query(query) = &mut query
        && let ast::SetExpr::Select(select) = &mut *query.body
    {
        change(select);
    }
    Ok(Box::new(query))
}

/// The query of a text of our own.
pub(crate) fn own_query(text: &str) -> Result<ast::Statement, Error> {
    let query = query_of(text, |_| ()).map_err(|failure| match failure {
        Failure::Parser(e) => syntax_error(e, None),
        Failure::Ours(e) => e,
    })?;
    Ok(*query)
}

/// The text of PREPARE.
#[derive(Clone, Debug)]
pub(crate) enum PrepareSource {
    Text(String),
    /// `FROM @name`.
    Variable(String),
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
        (statement, Into::Answer) => statement,
        (Statement::Sql(query), Into::Variables(variables)) if matches!(*query, ast::Statement::Query(_)) => {
            Statement::Into { query, variables }
        }
        (Statement::Sql(query), Into::File(file)) if matches!(*query, ast::Statement::Query(_)) => {
            Statement::IntoFile { query, file }
        }
        _ => return Err(Error::syntax("INTO in what is no query", None)),
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
    /// Where the rows of a query go.
    into: Into,
}

impl<'a> Source<'a> {
    fn new(piece: &Piece<'a>) -> Result<(Source<'a>, Vec<ast::Expr>), Failure> {
        clustered::check(&piece.tokens)?;
        let (tokens, Said { clustered, numbers }) = rewrite(&tables::joined(&piece.tokens));
        let (tokens, as_of) = as_of::take(locking::spell(tokens))?;
        let (tokens, into) = outfile::take(tokens)?;
        let (text, start) = (piece.text, piece.start);
        Ok((Source { parser: parser(tokens), text, start, clustered, numbers, into }, as_of))
    }

    /// Over tokens of which nothing else is known.
    pub(super) fn over(tokens: Vec<TokenWithSpan>) -> Source<'static> {
        let start = Position { line: 1, column: 1 };
        let (numbers, into) = (NumbersSyntax::default(), Into::Answer);
        Source { parser: parser(tokens), text: "", start, clustered: None, numbers, into }
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
            "TRACE" => self.trace(),
            "HELP" => self.help(),
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
                Ok(Statement::Transaction(TransactionSyntax::Commit(self.after()?)))
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
                if let Some(statement) = self.policy()? {
                    return Ok(statement);
                }
                if let Some(statement) = self.resource_change()? {
                    return Ok(statement);
                }
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
                if let Some(statement) = self.policy()? {
                    return Ok(statement);
                }
                if let Some(statement) = self.resource_change()? {
                    return Ok(statement);
                }
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
            "RECOVER" => self.recover(),
            "FLASHBACK" => self.flashback(),
            "LOCK" => match self.stats(StatsChange::Lock)? {
                Some(statement) => Ok(statement),
                None => self.lock_tables(),
            },
            "UNLOCK" => {
                if let Some(statement) = self.stats(StatsChange::Unlock)? {
                    return Ok(statement);
                }
                self.parser.next_token();
                if !self.word("TABLES") {
                    self.expect_word("TABLE")?;
                }
                Ok(Statement::UnlockTables)
            }
            "CHECK" => self.upkeep(Upkeep::Check),
            "OPTIMIZE" => self.upkeep(Upkeep::Optimize),
            "REPAIR" => self.upkeep(Upkeep::Repair),
            "CHECKSUM" => self.checksum(),
            "CALL" => self.call(),
            "LOAD" => self.load_data(),
            "BATCH" => self.batch(),
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
            "DROP" => match self.stats(StatsChange::Drop)? {
                Some(statement) => Ok(statement),
                None => match (self.policy()?, self.resource_change()?, self.drop_temporary()?) {
                    (Some(statement), ..) | (_, Some(statement), _) | (_, _, Some(statement)) => {
                        Ok(statement)
                    }
                    (None, None, None) => self.other(),
                },
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
                let how = self.new_rows(&mut table)?;
                let (table, clustered) = (Box::new(table), self.clustered);
                let numbers = std::mem::take(&mut self.numbers);
                Ok(Statement::CreateTable { table, clustered, options, partition, numbers, how })
            }
            database @ ast::Statement::CreateDatabase { .. } => {
                let placement = self.placed()?;
                Ok(Statement::CreateDatabase { database: Box::new(database), placement })
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

    /// `LOCK TABLES t [[AS] a] { READ [LOCAL] | [LOW_PRIORITY] WRITE }, …`
    fn lock_tables(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        if !self.word("TABLES") {
            self.expect_word("TABLE")?;
        }
        let mut tables = Vec::new();
        loop {
            tables.push(self.parser.parse_object_name(false)?);
            let words = ["READ", "WRITE", "LOW_PRIORITY"];
            let next = &self.parser.peek_token_ref().token;
            let has_alias = !matches!(next, Token::Word(w) if w.quote_style.is_none() && words.iter().any(|word| w.value.eq_ignore_ascii_case(word)));
            if has_alias {
                self.word("AS");
                self.parser.parse_identifier()?;
            }
            if self.word("READ") {
                self.word("LOCAL");
            } else {
                self.word("LOW_PRIORITY");
                self.expect_word("WRITE")?;
            }
            if !self.parser.consume_token(&Token::Comma) {
                return Ok(Statement::LockTables(tables));
            }
        }
    }

    /// `CALL p[(…)]`
    fn call(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let name = self.parser.parse_object_name(false)?;
        if self.parser.consume_token(&Token::LParen) && !self.parser.consume_token(&Token::RParen) {
            self.parser.parse_comma_separated(Parser::parse_expr)?;
            self.parser.expect_token(&Token::RParen)?;
        }
        Ok(Statement::Call(name))
    }

    fn explain(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let analyze = self.parser.parse_keyword(Keyword::ANALYZE);
        let format = self.format()?;
        if self.word("FOR") {
            self.expect_word("CONNECTION")?;
            let connection = self.parser.parse_literal_uint()?;
            return Ok(Statement::ExplainOther { connection, format });
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

    /// `TRACE [FORMAT = x] statement`.
    fn trace(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let format = self.format()?;
        Ok(Statement::Trace { format, statement: Box::new(self.parser.parse_statement()?) })
    }

    /// `HELP 'topic'`.
    fn help(&mut self) -> Result<Statement, Failure> {
        self.parser.next_token();
        let topic = self.word_or_text("a topic")?;
        let topic = topic.replace('\\', "\\\\").replace('\'', "''");
        let query = format!("SELECT name, description, example FROM mysql.help_topic WHERE name = '{topic}'");
        query_of(&query, |_| ()).map(Statement::Sql)
    }

    /// `FORMAT = x`, if it is next.
    fn format(&mut self) -> Result<Option<String>, Failure> {
        if !self.word("FORMAT") {
            return Ok(None);
        }
        self.parser.expect_token(&Token::Eq)?;
        let token = self.parser.next_token();
        match token.token {
            Token::SingleQuotedString(s) | Token::DoubleQuotedString(s) => Ok(Some(s)),
            Token::Word(w) => Ok(Some(w.value)),
            _ => Ok(self.parser.expected("a format", token)?),
        }
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
        let using =
            if self.word("USING") { self.parser.parse_comma_separated(user_variable)? } else { Vec::new() };
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

/// `@a`.
fn user_variable(parser: &mut Parser) -> Result<String, ParserError> {
    let token = parser.next_token();
    match token.token {
        Token::Word(word) if word.value.starts_with('@') && !word.value.starts_with("@@") => Ok(word.value),
        _ => parser.expected("a user variable", token),
    }
}

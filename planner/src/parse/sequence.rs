//! CREATE SEQUENCE and ALTER SEQUENCE in TiDB's grammar, and `NEXT VALUE FOR`.

use sqlparser::ast::{self, Expr, Ident, ObjectName};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use super::dialect::call;
use super::statement::{Failure, Source, Statement};
use crate::error::Error;
use crate::sequence::SequenceClause;

/// CREATE SEQUENCE or ALTER SEQUENCE as syntax.
#[derive(Clone, Debug)]
pub(crate) struct SequenceSyntax {
    pub name: ObjectName,
    /// IF NOT EXISTS, IF EXISTS.
    pub excused: bool,
    pub clauses: Vec<SequenceClause>,
    pub comment: Option<String>,
}

impl Source<'_> {
    /// CREATE SEQUENCE, ALTER SEQUENCE, if it is one; otherwise nothing is consumed.
    pub(super) fn sequence(&mut self) -> Result<Option<Statement>, Failure> {
        if !self.parser.peek_nth_token_ref(1).token.to_string().eq_ignore_ascii_case("sequence") {
            return Ok(None);
        }
        let alter = self.word("ALTER");
        if !alter {
            self.expect_word("CREATE")?;
        }
        self.expect_word("SEQUENCE")?;
        let excused = self.word("IF");
        if excused {
            if !alter {
                self.expect_word("NOT")?;
            }
            self.expect_word("EXISTS")?;
        }
        let name = self.parser.parse_object_name(false)?;
        let (mut clauses, mut comment) = (vec![], None);
        loop {
            if let Some(clause) = self.sequence_clause(alter)? {
                clauses.push(clause);
            } else if self.word("COMMENT") {
                let _ = self.parser.consume_token(&Token::Eq);
                comment = Some(self.parser.parse_literal_string()?);
            } else if self.word("ENGINE") {
                let _ = self.parser.consume_token(&Token::Eq);
                self.word_or_text("an engine")?;
            } else {
                break;
            }
        }
        if let Token::Word(option) = &self.parser.peek_token_ref().token
            && self.parser.peek_nth_token_ref(1).token == Token::Eq
        {
            return Err(Failure::Ours(Error::SequenceTableOption(option.value.to_ascii_lowercase())));
        }
        let syntax = SequenceSyntax { name, excused, clauses, comment };
        Ok(Some(match alter {
            true if syntax.clauses.is_empty() && syntax.comment.is_none() => {
                return Ok(self.parser.expected_ref("a clause", self.parser.peek_token_ref())?);
            }
            true => Statement::AlterSequence(Box::new(syntax)),
            false => Statement::CreateSequence(Box::new(syntax)),
        }))
    }

    fn sequence_clause(&mut self, alter: bool) -> Result<Option<SequenceClause>, Failure> {
        Ok(Some(if self.word("INCREMENT") {
            self.word("BY");
            SequenceClause::Increment(self.signed()?)
        } else if self.word("START") {
            self.word("WITH");
            SequenceClause::Start(self.signed()?)
        } else if self.word("MINVALUE") {
            SequenceClause::Min(Some(self.signed()?))
        } else if self.word("MAXVALUE") {
            SequenceClause::Max(Some(self.signed()?))
        } else if self.word("CACHE") {
            SequenceClause::Cache(Some(self.signed()?))
        } else if self.word("CYCLE") {
            SequenceClause::Cycle(true)
        } else if self.word("NOMINVALUE") {
            SequenceClause::Min(None)
        } else if self.word("NOMAXVALUE") {
            SequenceClause::Max(None)
        } else if self.word("NOCACHE") {
            SequenceClause::Cache(None)
        } else if self.word("NOCYCLE") {
            SequenceClause::Cycle(false)
        } else if self.word("NO") {
            match self.one_of(&["MINVALUE", "MAXVALUE", "CACHE", "CYCLE"])? {
                "MINVALUE" => SequenceClause::Min(None),
                "MAXVALUE" => SequenceClause::Max(None),
                "CACHE" => SequenceClause::Cache(None),
                _ => SequenceClause::Cycle(false),
            }
        } else if alter && self.word("RESTART") {
            let said = self.word("WITH") || self.parser.peek_token_ref().token == Token::Eq;
            let number = matches!(self.parser.peek_token_ref().token, Token::Number(..) | Token::Minus);
            SequenceClause::Restart(if said || number { Some(self.signed()?) } else { None })
        } else {
            return Ok(None);
        }))
    }

    /// `[=] [+|-] n`.
    fn signed(&mut self) -> Result<i64, Failure> {
        let _ = self.parser.consume_token(&Token::Eq);
        let sign = if self.parser.consume_token(&Token::Minus) {
            "-"
        } else {
            let _ = self.parser.consume_token(&Token::Plus);
            ""
        };
        let token = self.parser.next_token();
        let number = match &token.token {
            Token::Number(digits, _) => format!("{sign}{digits}").parse().ok(),
            _ => None,
        };
        match number {
            Some(number) => Ok(number),
            None => Ok(self.parser.expected("a whole number", token)?),
        }
    }
}

/// `NEXT VALUE FOR name`, if that comes next: as the call `NEXTVAL(name)`.
pub(super) fn next_value(parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
    let words = |n: usize, word: &str| {
        matches!(&parser.peek_nth_token_ref(n).token, Token::Word(w)
            if w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word))
    };
    if !(words(0, "NEXT") && words(1, "VALUE") && words(2, "FOR")) {
        return None;
    }
    let mut first = parser.next_token();
    first.token = Token::make_keyword("nextval");
    parser.next_token();
    parser.next_token();
    Some(parser.parse_object_name(false).map(|name| {
        let parts: Vec<Ident> = name.0.iter().filter_map(|part| part.as_ident()).cloned().collect();
        let name = match <[Ident; 1]>::try_from(parts) {
            Ok([name]) => Expr::Identifier(name),
            Err(parts) => Expr::CompoundIdentifier(parts),
        };
        call(&first, vec![name])
    }))
}

/// The name of a sequence that stands where other functions have a value.
pub(crate) fn sequence_name(e: &Expr) -> Option<ObjectName> {
    match e {
        Expr::Identifier(name) => Some(ObjectName::from(vec![name.clone()])),
        Expr::CompoundIdentifier(parts) => Some(ObjectName::from(parts.clone())),
        _ => None,
    }
}

/// The sequence of which a DEFAULT is the next value.
pub(crate) fn next_of(default: &Expr) -> Option<ObjectName> {
    let mut e = default;
    while let Expr::Nested(inner) = e {
        e = inner;
    }
    let Expr::Function(f) = e else { return None };
    let ast::FunctionArguments::List(list) = &f.args else { return None };
    match list.args.as_slice() {
        [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(name))]
            if f.name.to_string().eq_ignore_ascii_case("nextval") =>
        {
            sequence_name(name)
        }
        _ => None,
    }
}

//! `JSON_VALUE(document, path [RETURNING type] [answer ON EMPTY] [answer ON ERROR])`, where an answer is NULL, ERROR or DEFAULT x.
//!
//! All of it becomes arguments: a NULL of the type, and for either case the answer's word and its value.
//!
//! ```text
//! JSON_VALUE(j, '$.a' RETURNING SIGNED DEFAULT 1 ON EMPTY)
//!     json_value(j, '$.a', CAST(NULL AS SIGNED), 'DEFAULT', 1, 'NULL', NULL)
//! ```

use sqlparser::ast::{
    CastKind, CharacterLength, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value,
};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token, Word};

use super::dialect::call;

/// Characters of the text that is returned where no type is asked for.
const LENGTH: u64 = 512;

/// Whether the function is next.
pub(super) fn is_next(word: &Word, next: &Token) -> bool {
    word.value.eq_ignore_ascii_case("json_value") && *next == Token::LParen
}

/// Reads the call.
pub(super) fn parse(parser: &mut Parser) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let mut args = parser.parse_comma_separated(Parser::parse_expr)?;
    if args.len() != 2 {
        return parser.expected("a document and a path", parser.peek_token());
    }
    let mut charset = None;
    let data_type = match parser.parse_keyword(Keyword::RETURNING) {
        true => {
            let data_type = parser.parse_data_type()?;
            if parser.parse_keyword(Keyword::CHARSET)
                || parser.parse_keywords(&[Keyword::CHARACTER, Keyword::SET])
            {
                charset = Some(parser.parse_object_name(false)?);
            }
            data_type
        }
        false => DataType::Char(Some(CharacterLength::IntegerLength { length: LENGTH, unit: None })),
    };
    let null = || Expr::Value(Value::Null.with_empty_span());
    args.push(Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(null()),
        data_type,
        array: false,
        format: None,
    });
    let (mut empty, mut error) = (("NULL", null()), ("NULL", null()));
    let mut seen = 0;
    while parser.peek_token_ref().token != Token::RParen {
        let begins = parser.peek_token();
        let answer = match () {
            () if parser.parse_keyword(Keyword::NULL) => ("NULL", null()),
            () if parser.parse_keyword(Keyword::ERROR) => ("ERROR", null()),
            () if parser.parse_keyword(Keyword::DEFAULT) => ("DEFAULT", literal(parser)?),
            () => return parser.expected("NULL, ERROR or DEFAULT", begins),
        };
        parser.expect_keyword_is(Keyword::ON)?;
        let case = parser.next_token();
        match &case.token {
            Token::Word(w) if w.keyword == Keyword::EMPTY && seen == 0 => (empty, seen) = (answer, 1),
            Token::Word(w) if w.keyword == Keyword::ERROR && seen < 2 => (error, seen) = (answer, 2),
            _ => return parser.expected("EMPTY or ERROR", case),
        }
    }
    parser.expect_token(&Token::RParen)?;
    for (word, value) in [empty, error] {
        args.push(Expr::Value(Value::SingleQuotedString(word.into()).with_span(Span::empty())));
        args.push(value);
    }
    let found = call(&name, args);
    Ok(match charset {
        None => found,
        Some(_) => Expr::Convert {
            is_try: false,
            expr: Box::new(found),
            data_type: None,
            charset,
            target_before_value: false,
            styles: Vec::new(),
        },
    })
}

/// A literal, which may have a sign.
fn literal(parser: &mut Parser) -> Result<Expr, ParserError> {
    let begins = parser.peek_token();
    let read = parser.parse_expr()?;
    let is_literal = match &read {
        Expr::Value(value) => value.value != Value::Null,
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => {
            matches!(&**expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
        }
        Expr::TypedString(_) | Expr::Prefixed { .. } => true,
        _ => false,
    };
    if is_literal { Ok(read) } else { parser.expected("a literal", begins) }
}

/// The call as it was written, of the one that was made of it; its arguments may be spelled anew.
pub(crate) fn spelled(call: &Function) -> Option<String> {
    let is_it = call.name.0.last()?.as_ident()?.value.eq_ignore_ascii_case("json_value");
    let FunctionArguments::List(list) = &call.args else { return None };
    let of = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    let args: Vec<Expr> = list.args.iter().filter_map(of).collect();
    let [document, path, Expr::Cast { data_type, .. }, empty, for_empty, error, for_error] = args.as_slice()
    else {
        return None;
    };
    let mut out = format!("json_value({document}, {path} returning {data_type}");
    for (word, value, case) in [(empty, for_empty, "empty"), (error, for_error, "error")] {
        // The word may stand behind the name of its set by now.
        match word.to_string() {
            word if word.contains("'DEFAULT'") => out.push_str(&format!(" default {value} on {case}")),
            word if word.contains("'ERROR'") => out.push_str(&format!(" error on {case}")),
            _ => {}
        }
    }
    out.push(')');
    is_it.then_some(out)
}

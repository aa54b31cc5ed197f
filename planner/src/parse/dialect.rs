//! Our own dialect over the SQL parser: MySQL's switches, MySQL's precedences.
//!
//! The library's MySQL dialect gets some precedences wrong without saying so (`1 + 2 ^ 3`, `a = 7 DIV 2 AND b`,
//! `a LIKE 'x' = 1`, `BINARY a = b`), so every operator's binding strength is decided here, from MySQL's grammar:
//!
//! ```text
//! OR ||  <  XOR  <  AND &&  <  NOT  <  = <=> < > IS  <  LIKE REGEXP IN BETWEEN  <  |  <  &  <  << >>  <  + -
//!        <  * / DIV % MOD  <  ^  <  unary - + ~  <  !  <  BINARY  <  -> ->>
//! ```
//!
//! (The manual puts comparison and LIKE on one level; the grammar does not: `a = b LIKE c` is `a = (b LIKE c)`.)
//!
//! [`AllodDialect::dialect`] claims to be the MySQL dialect, which keeps every branch that the library takes for MySQL.

use std::any::TypeId;

use sqlparser::ast::{
    BinaryOperator, CastKind, ColumnOption, DataType, DateTimeField, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, Interval, ObjectName, TrimWhereField,
    UnaryOperator, Value,
};
use sqlparser::dialect::{Dialect, MySqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::json_value;
use super::lexing::CONCAT;
use super::sequence::next_value;
use super::type_name;
use super::variable;
use crate::expr::TimeUnit;

/// Binding strengths, weakest first.
mod strength {
    pub const OR: u8 = 5;
    pub const XOR: u8 = 8;
    pub const AND: u8 = 10;
    pub const NOT: u8 = 15;
    pub const COMPARISON: u8 = 18;
    pub const PREDICATE: u8 = 20;
    pub const BIT_OR: u8 = 21;
    pub const BIT_AND: u8 = 22;
    pub const SHIFT: u8 = 23;
    pub const ADDITIVE: u8 = 30;
    pub const MULTIPLICATIVE: u8 = 40;
    pub const BIT_XOR: u8 = 45;
    pub const CONCAT: u8 = 46;
    pub const UNARY: u8 = 47;
    pub const BANG: u8 = 48;
    pub const BINARY: u8 = 49;
    pub const ARROW: u8 = 60;
    pub const PERIOD: u8 = 100;
}

/// MySQL as its users mean it.
#[derive(Debug)]
pub struct AllodDialect {
    /// Whether `"` encloses names.
    pub ansi_quotes: bool,
    /// Whether a backslash takes the meaning from the character behind it.
    pub backslash_escapes: bool,
}

const BASE: MySqlDialect = MySqlDialect {};

impl Dialect for AllodDialect {
    fn dialect(&self) -> TypeId {
        TypeId::of::<MySqlDialect>()
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        BASE.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        BASE.is_identifier_part(ch)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        BASE.is_delimited_identifier_start(ch) || self.ansi_quotes && ch == '"'
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        BASE.identifier_quote_style(identifier)
    }

    fn is_table_factor_alias(&self, explicit: bool, kw: &Keyword, parser: &mut Parser) -> bool {
        BASE.is_table_factor_alias(explicit, kw, parser)
    }

    fn is_select_item_alias(&self, explicit: bool, kw: &Keyword, parser: &mut Parser) -> bool {
        // `SELECT 1 FOR UPDATE`, `INSERT … SELECT 1 ON DUPLICATE KEY UPDATE …`.
        explicit || (!matches!(kw, Keyword::FOR | Keyword::ON) && self.is_column_alias(kw, parser))
    }

    fn allow_extract_custom(&self) -> bool {
        true
    }

    fn supports_string_literal_backslash_escape(&self) -> bool {
        self.backslash_escapes
    }

    fn supports_string_literal_concatenation(&self) -> bool {
        true
    }

    fn ignores_wildcard_escapes(&self) -> bool {
        true
    }

    fn supports_numeric_prefix(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    /// What stands in `/*! … */` is taken in where places are known (`parse::tokenize_as`).
    fn supports_multiline_comment_hints(&self) -> bool {
        false
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_create_table_select(&self) -> bool {
        true
    }

    fn supports_insert_set(&self) -> bool {
        true
    }

    fn supports_user_host_grantee(&self) -> bool {
        true
    }

    fn supports_table_hints(&self) -> bool {
        true
    }

    fn requires_single_line_comment_whitespace(&self) -> bool {
        true
    }

    fn supports_match_against(&self) -> bool {
        true
    }

    fn supports_select_modifiers(&self) -> bool {
        true
    }

    fn supports_set_names(&self) -> bool {
        true
    }

    fn supports_comma_separated_set_assignments(&self) -> bool {
        true
    }

    fn supports_update_order_by(&self) -> bool {
        true
    }

    fn supports_data_type_signed_suffix(&self) -> bool {
        true
    }

    fn supports_cross_join_constraint(&self) -> bool {
        true
    }

    fn supports_double_ampersand_operator(&self) -> bool {
        true
    }

    fn supports_binary_kw_as_cast(&self) -> bool {
        true
    }

    fn supports_comment_optimizer_hint(&self) -> bool {
        true
    }

    fn supports_constraint_keyword_without_name(&self) -> bool {
        true
    }

    fn supports_key_column_option(&self) -> bool {
        true
    }

    fn supports_group_by_with_modifier(&self) -> bool {
        true
    }

    fn supports_parens_around_table_factor(&self) -> bool {
        true
    }

    fn supports_values_as_table_factor(&self) -> bool {
        true
    }

    /// Words that open a syntax of their own when a parenthesis or an operand follows. If that syntax fails, the word
    /// is not tried again as a column name: the second try would double the work at every level of nesting, and its
    /// error would hide the first. Where such a word is a column name, `parse_prefix` has seen it already.
    fn is_reserved_for_identifier(&self, kw: Keyword) -> bool {
        is_special_call(kw)
            || matches!(
                kw,
                Keyword::CASE | Keyword::EXISTS | Keyword::NOT | Keyword::INTERVAL | Keyword::NULL
            )
    }

    /// `GLOBAL` and `LOCAL` behind a UNIQUE or PRIMARY KEY of a column; the character set of a text in a word.
    fn parse_column_option(
        &self,
        parser: &mut Parser,
    ) -> Result<Option<Result<Option<ColumnOption>, ParserError>>, ParserError> {
        let option = match &parser.peek_token_ref().token {
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::GLOBAL | Keyword::LOCAL | Keyword::BINARY => {
                    ColumnOption::DialectSpecific(vec![Token::Word(word.clone())])
                }
                _ => match type_name::charset(&word.value) {
                    Some(name) => ColumnOption::CharacterSet(ObjectName::from(vec![Ident::new(name)])),
                    None => return Ok(None),
                },
            },
            _ => return Ok(None),
        };
        parser.next_token();
        Ok(Some(Ok(Some(option))))
    }

    fn prec_value(&self, prec: Precedence) -> u8 {
        match prec {
            Precedence::Period => strength::PERIOD,
            Precedence::DoubleColon | Precedence::AtTz | Precedence::Colon => strength::ARROW,
            Precedence::MulDivModOp => strength::MULTIPLICATIVE,
            Precedence::PlusMinus => strength::ADDITIVE,
            Precedence::Xor => strength::XOR,
            Precedence::Ampersand => strength::BIT_AND,
            Precedence::Caret => strength::BIT_XOR,
            Precedence::Pipe => strength::BIT_OR,
            Precedence::Between | Precedence::Like => strength::PREDICATE,
            Precedence::Eq | Precedence::Is => strength::COMPARISON,
            Precedence::PgOther => strength::ARROW,
            Precedence::UnaryNot => strength::NOT,
            Precedence::And => strength::AND,
            Precedence::Or => strength::OR,
        }
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        let strength = match &parser.peek_token_ref().token {
            Token::Word(w) if w.keyword == Keyword::DIV || is_mod(w) => strength::MULTIPLICATIVE,
            Token::Word(w) if sounds(w, parser) => strength::PREDICATE,
            Token::StringConcat => strength::OR,
            Token::Overlap => strength::AND,
            Token::Caret => strength::BIT_XOR,
            Token::CustomBinaryOperator(op) if op == CONCAT => strength::CONCAT,
            Token::ShiftLeft | Token::ShiftRight => strength::SHIFT,
            Token::Arrow | Token::LongArrow => strength::ARROW,
            // Operators of other dialects: not operators here, so the expression ends before them.
            Token::DoubleEq
            | Token::Assignment
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMark
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk
            | Token::DoubleColon
            | Token::Colon
            | Token::LBracket
            | Token::CaretAt
            | Token::AtSign
            | Token::AtAt
            | Token::Sharp
            | Token::DuckIntDiv
            | Token::Question
            | Token::QuestionAnd
            | Token::QuestionPipe
            | Token::AtArrow
            | Token::ArrowAt
            | Token::HashArrow
            | Token::HashLongArrow
            | Token::HashMinus
            | Token::AtQuestion
            | Token::CustomBinaryOperator(_) => self.prec_unknown(),
            Token::Word(w)
                if matches!(
                    w.keyword,
                    Keyword::OVERLAPS
                        | Keyword::ILIKE
                        | Keyword::SIMILAR
                        | Keyword::OPERATOR
                        | Keyword::AT
                        | Keyword::MATCH
                ) =>
            {
                self.prec_unknown()
            }
            _ => return None,
        };
        Some(Ok(strength))
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<Expr, ParserError>> {
        let unary = |parser: &mut Parser, op, strength| {
            parser.next_token();
            parser.parse_subexpr(strength).map(|e| Expr::UnaryOp { op, expr: Box::new(e) })
        };
        match &parser.peek_token_ref().token {
            Token::Minus => Some(unary(parser, UnaryOperator::Minus, strength::UNARY)),
            Token::Plus => Some(unary(parser, UnaryOperator::Plus, strength::UNARY)),
            Token::Tilde => Some(unary(parser, UnaryOperator::BitwiseNot, strength::UNARY)),
            Token::ExclamationMark => Some(unary(parser, UnaryOperator::BangNot, strength::BANG)),
            Token::Word(w) if w.quote_style.is_none() => {
                let keyword = w.keyword;
                let next = &parser.peek_nth_token_ref(1).token;
                if keyword == Keyword::BINARY && !ends_operand(next) {
                    return Some(parse_binary(parser));
                }
                if keyword == Keyword::INTERVAL {
                    return Some(parse_interval(parser));
                }
                if keyword == Keyword::NEXT {
                    return next_value(parser);
                }
                if keyword == Keyword::CAST && *next == Token::LParen && is_cast_with_charset(parser) {
                    return Some(parse_cast_with_charset(parser));
                }
                if keyword == Keyword::TRIM && *next == Token::LParen && is_trim_from(parser) {
                    return Some(parse_trim_from(parser));
                }
                if keyword == Keyword::CHAR && *next == Token::LParen {
                    return Some(parse_char(parser));
                }
                if keyword == Keyword::ROW && *next == Token::LParen {
                    return Some(parse_row(parser));
                }
                if w.value.eq_ignore_ascii_case("weight_string") && *next == Token::LParen {
                    return Some(parse_weight_string(parser));
                }
                if json_value::is_next(w, next) {
                    return Some(json_value::parse(parser));
                }
                if w.value.eq_ignore_ascii_case("current_role") && *next != Token::LParen {
                    let name = parser.next_token();
                    return Some(Ok(call(&name, vec![])));
                }
                if is_special_call(keyword) && *next != Token::LParen {
                    return Some(parser.parse_identifier().map(Expr::Identifier));
                }
                variable::assignment(parser)
            }
            _ => None,
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser,
        left: &Expr,
        strength: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let op = match &parser.peek_token_ref().token {
            Token::Word(w) if w.keyword == Keyword::DIV => BinaryOperator::MyIntegerDivide,
            Token::Word(w) if is_mod(w) => BinaryOperator::Modulo,
            Token::StringConcat => BinaryOperator::Or,
            Token::CustomBinaryOperator(op) if op == CONCAT => return Some(parse_concat(parser, left)),
            Token::Word(w) if sounds(w, parser) => return Some(parse_sounds(parser, left)),
            Token::Word(w) if w.keyword == Keyword::IN || w.keyword == Keyword::NOT => {
                return parse_in(parser, left);
            }
            _ => return None,
        };
        parser.next_token();
        let left = Box::new(left.clone());
        Some(parser.parse_subexpr(strength).map(|right| Expr::BinaryOp { left, op, right: Box::new(right) }))
    }
}

/// `a || b` where that is CONCAT.
fn parse_concat(parser: &mut Parser, left: &Expr) -> Result<Expr, ParserError> {
    let operator = parser.next_token();
    let name = TokenWithSpan { token: Token::make_word("concat", None), span: operator.span };
    let right = parser.parse_subexpr(strength::CONCAT)?;
    Ok(call(&name, vec![left.clone(), right]))
}

/// Whether `SOUNDS LIKE` is next.
fn sounds(word: &Word, parser: &Parser) -> bool {
    let is_like = |t: &Token| matches!(t, Token::Word(w) if w.keyword == Keyword::LIKE);
    word.quote_style.is_none()
        && word.value.eq_ignore_ascii_case("sounds")
        && is_like(&parser.peek_nth_token_ref(1).token)
}

/// `a SOUNDS LIKE b`, which is `SOUNDEX(a) = SOUNDEX(b)`.
fn parse_sounds(parser: &mut Parser, left: &Expr) -> Result<Expr, ParserError> {
    let operator = parser.next_token();
    parser.next_token();
    let name = TokenWithSpan { token: Token::make_word("soundex", None), span: operator.span };
    let right = parser.parse_subexpr(strength::PREDICATE)?;
    let (left, right) = (call(&name, vec![left.clone()]), call(&name, vec![right]));
    Ok(Expr::BinaryOp { left: Box::new(left), op: BinaryOperator::Eq, right: Box::new(right) })
}

/// `[NOT] IN (SELECT …`: parsed here so that an error inside the subquery is reported as it is, instead of a second try
/// as a list of expressions.
fn parse_in(parser: &mut Parser, left: &Expr) -> Option<Result<Expr, ParserError>> {
    let word = |parser: &Parser, n: usize, wanted: &[Keyword]| matches!(&parser.peek_nth_token_ref(n).token, Token::Word(w) if wanted.contains(&w.keyword));
    let negated = word(parser, 0, &[Keyword::NOT]);
    let at = usize::from(negated);
    if !word(parser, at, &[Keyword::IN])
        || parser.peek_nth_token_ref(at + 1).token != Token::LParen
        || !word(parser, at + 2, &[Keyword::SELECT, Keyword::WITH])
    {
        return None;
    }
    for _ in 0..at + 2 {
        parser.next_token();
    }
    Some(parser.parse_query().and_then(|subquery| {
        parser.expect_token(&Token::RParen)?;
        Ok(Expr::InSubquery { expr: Box::new(left.clone()), subquery, negated })
    }))
}

/// `CAST(… AS CHAR CHARACTER SET …`.
fn is_cast_with_charset(parser: &Parser) -> bool {
    // Each look ahead begins here.
    const TOKENS_MAX: usize = 256;
    let (mut depth, mut behind_as) = (0usize, false);
    for n in 1..TOKENS_MAX {
        match &parser.peek_nth_token_ref(n).token {
            Token::LParen => depth += 1,
            Token::RParen if depth <= 1 => return false,
            Token::RParen => depth -= 1,
            Token::EOF => return false,
            Token::Word(w) if depth == 1 && w.keyword == Keyword::AS => behind_as = true,
            Token::Word(w) if depth == 1 && behind_as && is_charset(w) => return true,
            _ => {}
        }
    }
    false
}

fn is_charset(word: &Word) -> bool {
    word.quote_style.is_none() && matches!(word.keyword, Keyword::CHARSET | Keyword::CHARACTER)
}

/// `CAST(x AS CHAR(n) CHARACTER SET c)`, which is `CONVERT(CAST(x AS CHAR(n)) USING c)`.
fn parse_cast_with_charset(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_keyword_is(Keyword::AS)?;
    let data_type = parser.parse_data_type()?;
    let text = Expr::Cast { kind: CastKind::Cast, expr, data_type, array: false, format: None };
    if !parser.parse_keyword(Keyword::CHARSET) {
        parser.expect_keyword_is(Keyword::CHARACTER)?;
        parser.expect_keyword_is(Keyword::SET)?;
    }
    let charset = Some(parser.parse_object_name(false)?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Convert {
        is_try: false,
        expr: Box::new(text),
        data_type: None,
        charset,
        target_before_value: false,
        styles: Vec::new(),
    })
}

/// `TRIM(LEADING FROM …`.
fn is_trim_from(parser: &Parser) -> bool {
    let is = |n: usize, wanted: &[Keyword]| matches!(&parser.peek_nth_token_ref(n).token, Token::Word(w) if w.quote_style.is_none() && wanted.contains(&w.keyword));
    is(2, &[Keyword::LEADING, Keyword::TRAILING, Keyword::BOTH]) && is(3, &[Keyword::FROM])
}

/// `TRIM(LEADING FROM x)`, of which the library wants to know what is trimmed.
fn parse_trim_from(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    parser.next_token();
    let side = match parser.next_token().token {
        Token::Word(w) if w.keyword == Keyword::LEADING => TrimWhereField::Leading,
        Token::Word(w) if w.keyword == Keyword::TRAILING => TrimWhereField::Trailing,
        _ => TrimWhereField::Both,
    };
    parser.next_token();
    let expr = Box::new(parser.parse_expr()?);
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Trim { trim_where: Some(side), trim_what: None, expr, trim_characters: None })
}

/// `BINARY x`: a cast that binds tighter than every binary operator.
fn parse_binary(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    Ok(Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(parser.parse_subexpr(strength::BINARY)?),
        data_type: DataType::Binary(None),
        array: false,
        format: None,
    })
}

/// A call of a function whose syntax is not the usual one, as the usual one.
pub(super) fn call(name: &TokenWithSpan, args: Vec<Expr>) -> Expr {
    let ident = Ident::with_span(name.span, name.token.to_string());
    let args = args.into_iter().map(|e| FunctionArg::Unnamed(FunctionArgExpr::Expr(e))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![ident]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// `CHAR(n, … USING charset)`.
fn parse_char(parser: &mut Parser) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let list = parser.parse_comma_separated(Parser::parse_expr)?;
    let charset =
        if parser.parse_keyword(Keyword::USING) { Some(parser.parse_object_name(false)?) } else { None };
    parser.expect_token(&Token::RParen)?;
    let bytes = call(&name, list);
    Ok(match charset {
        None => bytes,
        Some(charset) => Expr::Convert {
            is_try: false,
            expr: Box::new(bytes),
            data_type: None,
            charset: Some(charset),
            target_before_value: false,
            styles: Vec::new(),
        },
    })
}

/// `ROW(a, b, …)`, which is `(a, b, …)`.
fn parse_row(parser: &mut Parser) -> Result<Expr, ParserError> {
    parser.next_token();
    let open = parser.peek_token();
    match parser.parse_prefix()? {
        row @ Expr::Tuple(_) => Ok(row),
        _ => parser.expected("several values", open),
    }
}

/// `WEIGHT_STRING(expr [AS CHAR(n) | AS BINARY(n)])`: the type and the length become arguments.
fn parse_weight_string(parser: &mut Parser) -> Result<Expr, ParserError> {
    let name = parser.next_token();
    parser.expect_token(&Token::LParen)?;
    let mut args = vec![parser.parse_expr()?];
    if parser.parse_keyword(Keyword::AS) {
        let ty = parser.next_token();
        let word = match &ty.token {
            Token::Word(w) if matches!(w.keyword, Keyword::CHAR | Keyword::BINARY) => {
                w.value.to_ascii_uppercase()
            }
            _ => return parser.expected("CHAR or BINARY", ty),
        };
        args.push(Expr::Value(Value::SingleQuotedString(word).with_span(ty.span)));
        parser.expect_token(&Token::LParen)?;
        args.push(Expr::Value(parser.parse_number_value()?));
        parser.expect_token(&Token::RParen)?;
    }
    parser.expect_token(&Token::RParen)?;
    Ok(call(&name, args))
}

/// `INTERVAL expr unit`, composite units included (kept as a custom field), or the function `INTERVAL(x, a, …)`.
fn parse_interval(parser: &mut Parser) -> Result<Expr, ParserError> {
    let interval = parser.next_token();
    let query = |parser: &Parser| matches!(&parser.peek_nth_token_ref(1).token, Token::Word(w) if matches!(w.keyword, Keyword::SELECT | Keyword::WITH));
    let value = if parser.peek_token_ref().token == Token::LParen && !query(parser) {
        parser.expect_token(&Token::LParen)?;
        let mut list = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RParen)?;
        if list.len() > 1 {
            return Ok(call(&interval, list));
        }
        // The amount goes on: `INTERVAL (1) + 1 DAY`.
        let mut value = Expr::Nested(Box::new(list.swap_remove(0)));
        loop {
            let strength = parser.get_next_precedence()?;
            if strength == 0 {
                break value;
            }
            value = parser.parse_infix(value, strength)?;
        }
    } else {
        parser.parse_expr()?
    };
    let value = Box::new(value);
    let unit = parser.next_token();
    let Token::Word(Word { value: name, quote_style: None, .. }) = &unit.token else {
        return parser.expected("a unit of time", unit);
    };
    let field = match name.to_ascii_uppercase().as_str() {
        "MICROSECOND" => DateTimeField::Microsecond,
        "SECOND" => DateTimeField::Second,
        "MINUTE" => DateTimeField::Minute,
        "HOUR" => DateTimeField::Hour,
        "DAY" => DateTimeField::Day,
        "WEEK" => DateTimeField::Week(None),
        "MONTH" => DateTimeField::Month,
        "QUARTER" => DateTimeField::Quarter,
        "YEAR" => DateTimeField::Year,
        name if TimeUnit::of_name(name).is_some() => DateTimeField::Custom(Ident::with_span(unit.span, name)),
        _ => return parser.expected("a unit of time", unit),
    };
    Ok(Expr::Interval(Interval {
        value,
        leading_field: Some(field),
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}

/// Functions with a syntax of their own between the parentheses.
fn is_special_call(kw: Keyword) -> bool {
    matches!(
        kw,
        Keyword::CAST
            | Keyword::CONVERT
            | Keyword::EXTRACT
            | Keyword::SUBSTRING
            | Keyword::SUBSTR
            | Keyword::TRIM
            | Keyword::POSITION
            | Keyword::CEIL
            | Keyword::FLOOR
            | Keyword::OVERLAY
            | Keyword::TRY_CAST
            | Keyword::SAFE_CAST
            | Keyword::MATCH
    )
}

fn is_mod(word: &Word) -> bool {
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case("mod")
}

/// Whether a word followed by this token stands alone, as a name.
fn ends_operand(token: &Token) -> bool {
    matches!(token, Token::EOF | Token::Comma | Token::RParen | Token::Period | Token::SemiColon | Token::Eq)
}

//! Texts and bytes, where they meet.
//!
//! Texts are held as UTF-8, whatever their character set. What sees their bytes is given those of the set, and bytes that are
//! written beside texts are read in the set of the texts, as TiDB does:
//!
//! ```text
//! g is a text of GBK
//! HEX(g)              hex(to_binary(g))
//! CONCAT(g, 0xD2BB)   concat(g, '一')       what is no text of the set is error 3854
//! g = 0xD2BB          eq(g, '一')
//! UPPER(g)            a character stays what it is if the set has no other
//! ```
//! For the other sets nothing is put anywhere.
//!
//! Left out: bytes of columns beside texts make bytes of the texts, as they always do.

use allod_storage::schema::{Charset, ColumnType, Datum, SqlType};

use super::collate::{Strength, illegal_mix, mixed};
use super::rewrite::family;
use super::types::{self, Family};
use super::{Coding, CollateFunction, Expr, Function, Rewriter, convert, fold, literal};
use crate::error::Error;

/// Functions that put texts together or look for one in another: of them all are of one set.
const JOINING: &[&str] = &[
    "CONCAT",
    "CONCAT_WS",
    "ELT",
    "EXPORT_SET",
    "FIELD",
    "FIND_IN_SET",
    "INSERT",
    "INSTR",
    "LOCATE",
    "LPAD",
    "MAKE_SET",
    "REGEXP_INSTR",
    "REGEXP_LIKE",
    "REGEXP_REPLACE",
    "REGEXP_SUBSTR",
    "REPLACE",
    "RPAD",
    "STRCMP",
    "SUBSTRING_INDEX",
];

/// Whether a function sees the bytes of its texts.
fn sees_bytes(function: &Function, result: &SqlType) -> bool {
    match function {
        Function::Ascii | Function::BitLength | Function::Hex | Function::Length | Function::Crc32 => true,
        Function::Cast => result.is_binary(),
        Function::Digest(_) => true,
        Function::Coding(coding) => !matches!(coding, Coding::FromBase64),
        function => (function.keeps_bytes() || *function == Function::Elt) && result.is_binary(),
    }
}

/// A text as bytes of its set.
pub(super) fn encoded(expr: Expr) -> Expr {
    let charset = expr.ty().sql.collation().charset();
    if family(&expr) != Family::String || !charset.has_own_bytes() {
        return expr;
    }
    let length = types::text_length(&expr.ty().sql).saturating_mul(charset.bytes_max());
    let ty = ColumnType { sql: types::binary(length), nullable: expr.ty().nullable };
    fold::call(Function::Collate(CollateFunction::Encode(charset)), vec![expr], ty)
}

/// Bytes that were written as such: `0xD2BB`, `x'D2BB'`, `_binary'…'`.
fn written_bytes(expr: &Expr) -> Option<Vec<u8>> {
    let Expr::Constant { value, ty } = expr else { return None };
    match (value, &ty.sql) {
        (Datum::Bytes(bytes), _) => Some(bytes.to_vec()),
        (value, SqlType::Bit(_)) => match convert::printed(value, &ty.sql)? {
            Datum::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        },
        _ => None,
    }
}

/// The text that bytes are in a set (error 3854).
fn decoded(bytes: &[u8], charset: Charset) -> Result<Datum, Error> {
    let text = charset.decoded(bytes).map(Datum::string);
    text.ok_or_else(|| Error::CannotConvertString { value: shown(bytes), to: charset.name() })
}

/// Bytes in a message: those that are no ASCII by their number, and no more than six.
fn shown(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes.iter().take(6) {
        match byte {
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => out.push_str(&format!("\\x{byte:02X}")),
        }
    }
    if bytes.len() > 6 {
        out.push_str("...");
    }
    out
}

/// Whether the collation of texts does not tell capitals from others.
fn ignores_case(texts: &[Expr]) -> bool {
    let all = texts.iter().all(|a| family(a) == Family::String);
    let of = mixed(texts.iter().filter(|_| all));
    of.is_some_and(|(of, _)| of.collation.name().ends_with("_ci"))
}

impl Rewriter {
    /// The arguments of a call as it sees them, and the call if the set of its text asks for another one.
    pub(super) fn in_charset(
        &mut self,
        function: Function,
        args: Vec<Expr>,
        sql: &SqlType,
    ) -> (Function, Vec<Expr>) {
        let own = |e: &Expr| family(e) == Family::String && e.ty().sql.collation().charset().has_own_bytes();
        if !args.iter().any(own) {
            return (function, args);
        }
        let charset = args[0].ty().sql.collation().charset();
        match function {
            Function::Upper if own(&args[0]) => (Function::Collate(CollateFunction::Upper(charset)), args),
            Function::Lower if own(&args[0]) => (Function::Collate(CollateFunction::Lower(charset)), args),
            Function::Ord if own(&args[0]) => (Function::Collate(CollateFunction::Code(charset)), args),
            function if sees_bytes(&function, sql) => (function, args.into_iter().map(encoded).collect()),
            function => (function, args),
        }
    }

    /// Bytes that were written beside texts, as texts of their set.
    pub(super) fn beside_texts(&mut self, mut args: Vec<Expr>) -> Result<Vec<Expr>, Error> {
        let Some((of, None)) = mixed(args.iter().filter(|a| family(a) == Family::String)) else {
            return Ok(args);
        };
        // Bytes insist as much as a literal does, and then they win.
        if of.strength >= Strength::Coercible {
            return Ok(args);
        }
        for arg in &mut args {
            if let Some(bytes) = written_bytes(arg) {
                let value = decoded(&bytes, of.collation.charset())?;
                let length = bytes.len().try_into().unwrap_or(u32::MAX);
                *arg = Expr::constant(value, types::string(length).with_collation(of.collation));
            }
        }
        Ok(args)
    }

    /// The arguments of a function that wants texts of one set (errors 1267, 1270, 1271, 3854).
    pub(super) fn of_one_charset(&mut self, name: &str, args: Vec<Expr>) -> Result<Vec<Expr>, Error> {
        if !JOINING.contains(&name) {
            return Ok(args);
        }
        let args = self.beside_texts(args)?;
        self.agreeing(&args, &name.to_ascii_lowercase())?;
        Ok(args)
    }

    /// `text REGEXP pattern`, in capitals or not if their collation does not tell them apart.
    pub fn regexp(&mut self, text: Expr, pattern: Expr) -> Result<Expr, Error> {
        let args = vec![self.text(text), self.text(pattern)];
        let args = self.beside_texts(args)?;
        self.agreeing(&args, "regexp")?;
        if ignores_case(&args) {
            let call = self.function("REGEXP_LIKE", args)?;
            return call.ok_or_else(|| Error::Internal("REGEXP_LIKE is not there".into()));
        }
        let nullable = args.iter().any(|a| a.ty().nullable);
        Ok(self.call(Function::Regexp, args, SqlType::BOOL, nullable))
    }

    /// The arguments of REGEXP_LIKE and its like with the match type that says what the collation does: `i` in front of the
    /// letters that are given, which count more.
    pub(super) fn match_type(&mut self, name: &str, mut args: Vec<Expr>) -> Result<Vec<Expr>, Error> {
        // What stands between the pattern and the match type.
        let between: &[i64] = match name {
            "REGEXP_LIKE" => &[],
            "REGEXP_SUBSTR" => &[1, 1],
            "REGEXP_INSTR" => &[1, 1, 0],
            "REGEXP_REPLACE" => &[1, 0],
            _ => return Ok(args),
        };
        let own = if name == "REGEXP_REPLACE" { 3 } else { 2 };
        if args.len() < own || !ignores_case(&args[..2]) {
            return Ok(args);
        }
        let at = own + between.len();
        for default in between.iter().skip(args.len() - own) {
            args.push(Expr::constant(Datum::Int(*default), SqlType::BIGINT));
        }
        let ignore = literal::string("i");
        match args.len() {
            n if n == at => args.push(ignore),
            n if n == at + 1 => {
                let given = args.swap_remove(at);
                let both = self.function("CONCAT", vec![ignore, given])?;
                args.extend(both);
            }
            _ => {}
        }
        Ok(args)
    }

    /// That texts have a collation in common.
    pub fn agreeing(&self, args: &[Expr], operation: &str) -> Result<(), Error> {
        let texts: Vec<&Expr> = args.iter().filter(|a| family(a) == Family::String).collect();
        match mixed(texts.iter().copied()) {
            Some((_, Some(_))) => Err(illegal_mix(&texts, operation)),
            _ => Ok(()),
        }
    }

    /// Bytes as a text of a set, NULL if they are none.
    pub fn read_in(&mut self, bytes: Expr, charset: Charset) -> Expr {
        let length = types::text_length(&bytes.ty().sql);
        let sql = types::string(length).with_collation(charset.collation());
        let function = Function::Collate(CollateFunction::Decode(charset));
        self.call(function, vec![bytes], sql, true)
    }

    /// The text that bytes begin with in a set.
    pub fn read_start_in(&mut self, bytes: Expr, charset: Charset) -> Expr {
        let (length, nullable) = (types::text_length(&bytes.ty().sql), bytes.ty().nullable);
        let sql = types::string(length).with_collation(charset.collation());
        self.call(Function::Collate(CollateFunction::DecodeStart(charset)), vec![bytes], sql, nullable)
    }

    /// A text with a question mark for each character that a set has not.
    pub fn kept_in(&mut self, text: Expr, charset: Charset) -> Expr {
        let (length, nullable) = (types::text_length(&text.ty().sql), text.ty().nullable);
        let sql = types::string(length).with_collation(charset.collation());
        let function = Function::Collate(CollateFunction::Kept(charset));
        self.call(function, vec![text], sql, nullable)
    }
}

//! Which collation texts are compared by, and how it is put into expressions.
//!
//! A text's type says its collation. Two that are compared have one each; [`mixed`] is MySQL's rule of which one counts: the
//! one of the operand that insists on it more ([`Strength`]). What compares texts by a collation whose sort key is not the
//! text itself is given the keys in their place, by [`sort_key_of`], just as documents are given theirs
//! ([`order_key_of`](super::order_key_of)); nothing behind the rewriter knows of collations:
//!
//! ```text
//! c = 'x'             eq(weight_string(c), weight_string('x'))        the second is a constant
//! c LIKE 'x%'         like(folded(c), folded('x%'))                   characters of one weight are one character
//! GROUP BY c          group by weight_string(c), with any_value(c) for what is shown
//! MIN(c)              unkeyed(min(keyed(c)))                          the key with its text behind it
//! KEY (c)             a hidden column that holds weight_string(c), see `bind/key`
//! ```
//! For the default collation nothing is put anywhere.

use allod_storage::schema::{Charset, Collation, ColumnType, Datum, SqlType};

use super::rewrite::family;
use super::types::Family;
use super::{Expr, Function, Rewriter, fold};
use crate::error::Error;

/// What is done to texts because of their collation. No SQL names these but COLLATE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CollateFunction {
    /// The text itself, whose collation is now said: `expr COLLATE c`. It is never folded, so that one can see it.
    Collate,
    /// The sort key, a byte string.
    SortKey(Collation),
    /// The text with one character for all that weigh the same.
    Fold(Collation),
    /// Such texts whose commas are commas.
    FoldMembers(Collation),
    /// A pattern of LIKE for such texts.
    FoldPattern {
        /// Whose weights.
        collation: Collation,
        /// What takes the meaning from `%` and `_`.
        escape: Option<char>,
    },
    /// The sort key and behind it the text: byte strings in the order of the texts.
    Keyed(Collation),
    /// The text of a keyed one.
    Unkeyed,
    /// The bytes of a text in its set.
    Encode(Charset),
    /// The text that bytes are in a set: NULL if they are none.
    Decode(Charset),
    /// The text that bytes begin with in a set.
    DecodeStart(Charset),
    /// The text with a question mark for each character that the set has not.
    Kept(Charset),
    /// UPPER within a set.
    Upper(Charset),
    /// LOWER within a set.
    Lower(Charset),
    /// ORD within a set.
    Code(Charset),
}

impl CollateFunction {
    /// Its name in signatures and in messages.
    pub fn name(self) -> &'static str {
        match self {
            CollateFunction::Collate => "collate",
            CollateFunction::SortKey(_) => "weight_string",
            CollateFunction::Fold(_)
            | CollateFunction::FoldMembers(_)
            | CollateFunction::FoldPattern { .. } => "folded",
            CollateFunction::Keyed(_) => "keyed",
            CollateFunction::Unkeyed => "unkeyed",
            CollateFunction::Encode(_) => "to_binary",
            CollateFunction::Decode(_) | CollateFunction::DecodeStart(_) => "from_binary",
            CollateFunction::Kept(_) => "convert",
            CollateFunction::Upper(_) => "upper",
            CollateFunction::Lower(_) => "lower",
            CollateFunction::Code(_) => "ord",
        }
    }

    /// Its value for a constant.
    pub(super) fn of_constant(self, value: &Datum) -> Option<Datum> {
        if let (Datum::Bytes(bytes), CollateFunction::Decode(charset)) = (value, self) {
            return Some(charset.decoded(bytes).map_or(Datum::Null, Datum::string));
        }
        let Datum::String(text) = value else { return None };
        match self {
            CollateFunction::Encode(charset) => Some(Datum::Bytes(charset.encoded(text).into())),
            CollateFunction::Kept(charset) => Some(Datum::string(charset.kept(text))),
            CollateFunction::SortKey(collation) => Some(Datum::Bytes(collation.sort_key(text).into())),
            CollateFunction::Fold(collation) => Some(Datum::string(collation.folded(text))),
            CollateFunction::FoldMembers(collation) => Some(Datum::string(collation.folded_members(text))),
            CollateFunction::FoldPattern { collation, escape } => {
                Some(Datum::string(collation.folded_pattern(text, escape)))
            }
            CollateFunction::Collate
            | CollateFunction::Keyed(_)
            | CollateFunction::Unkeyed
            | CollateFunction::Decode(_)
            | CollateFunction::DecodeStart(_)
            | CollateFunction::Upper(_)
            | CollateFunction::Lower(_)
            | CollateFunction::Code(_) => None,
        }
    }
}

/// How much a text insists on its collation: MySQL's coercibility, least number first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// COLLATE was written.
    Explicit,
    /// It is made of two that do not agree.
    None,
    /// A column, a variable, and what is made of them.
    Implicit,
    /// USER(), VERSION() and their like.
    System,
    /// A literal.
    Coercible,
    /// A number or a time.
    Numeric,
    /// NULL.
    Ignorable,
}

impl Strength {
    /// As messages call it.
    fn name(self) -> &'static str {
        match self {
            Strength::Explicit => "EXPLICIT",
            Strength::None => "NONE",
            Strength::Implicit => "IMPLICIT",
            Strength::System => "SYSCONST",
            Strength::Coercible => "COERCIBLE",
            Strength::Numeric => "NUMERIC",
            Strength::Ignorable => "IGNORABLE",
        }
    }

    /// MySQL's number.
    pub fn number(self) -> i64 {
        match self {
            Strength::Explicit => 0,
            Strength::None => 1,
            Strength::Implicit => 2,
            Strength::System => 3,
            Strength::Coercible => 4,
            Strength::Numeric => 5,
            Strength::Ignorable => 6,
        }
    }
}

/// The collation of a text and how much it insists on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insistence {
    /// Which.
    pub collation: Collation,
    /// How much.
    pub strength: Strength,
}

/// That of an expression, as far as it is a text.
pub fn insistence(expr: &Expr) -> Insistence {
    let collation = expr.ty().sql.collation();
    let strength = match (expr, family(expr)) {
        (Expr::Constant { value: Datum::Null, .. }, _) | (_, Family::Null) => Strength::Ignorable,
        (Expr::Constant { .. }, Family::String | Family::Binary) => Strength::Coercible,
        (_, family) if family.is_number() || family.is_temporal() => Strength::Numeric,
        (Expr::Call { function: Function::Collate(CollateFunction::Collate), .. }, _) => Strength::Explicit,
        (Expr::Call { function: Function::Cast | Function::Assign { .. }, args, .. }, _) => {
            match args.first().map(insistence) {
                Some(of) if of.strength < Strength::Numeric => of.strength,
                _ => Strength::Coercible,
            }
        }
        (Expr::Call { args, .. }, _) => match mixed(args.iter().filter(|a| family(a) == Family::String)) {
            Some((of, _)) => of.strength,
            None => Strength::Coercible,
        },
        (Expr::Column { .. } | Expr::Constant { .. }, _) => Strength::Implicit,
    };
    Insistence { collation, strength }
}

/// Two that insist as much on different collations.
pub type Conflict = (Insistence, Insistence);

/// The collation of what is made of several texts, and whether they do not agree; `None` if there is none.
pub fn mixed<'a>(texts: impl Iterator<Item = &'a Expr>) -> Option<(Insistence, Option<Conflict>)> {
    let mut conflict = None;
    let mut out: Option<Insistence> = None;
    let mut foreign: Vec<(Insistence, &Expr)> = Vec::new();
    for text in texts {
        let next = insistence(text);
        if !is_ascii(text, next) {
            foreign.push((next, text));
        }
        let so_far = match out {
            None => {
                out = Some(next);
                continue;
            }
            Some(so_far) => so_far,
        };
        out = Some(if next.strength != so_far.strength {
            if next.strength < so_far.strength { next } else { so_far }
        } else if next.collation == so_far.collation {
            so_far
        } else if next.strength == Strength::Explicit {
            conflict = Some((so_far, next));
            so_far
        } else {
            unforced(so_far, next, &mut conflict)
        });
    }
    let mut out = out?;
    // What insists less has its way only if the other cannot hold its characters.
    for (other, text) in foreign {
        let (set, wanted) = (out.collation.charset(), other.collation.charset());
        let fits = match fold::constant(text) {
            Some(Datum::String(text)) => set.lacks(text).is_none(),
            _ => set.covers(wanted),
        };
        if !matches!(set, Charset::Gbk | Charset::Ascii) || fits {
            continue;
        }
        match wanted.covers(set) && out.strength != Strength::Explicit {
            true => out = other,
            false => conflict = conflict.or(Some((out, other))),
        }
    }
    Some((out, conflict))
}

/// Whether a text can only have characters that every set has.
fn is_ascii(text: &Expr, of: Insistence) -> bool {
    match text {
        Expr::Constant { value: Datum::String(text), .. } => text.is_ascii(),
        Expr::Constant { .. } => true,
        _ => of.strength >= Strength::Numeric || of.collation.charset() == Charset::Ascii,
    }
}

/// Which of two different collations counts if nobody said so: that of the larger character set, and within one that which
/// tells apart most.
fn unforced(a: Insistence, b: Insistence, conflict: &mut Option<Conflict>) -> Insistence {
    let (x, y) = (a.collation.charset(), b.collation.charset());
    if x != y {
        if !x.covers(y) && !y.covers(x) {
            *conflict = Some((a, b));
        }
        return if x.covers(y) { a } else { b };
    }
    match (a.collation.is_plain(), b.collation.is_plain()) {
        (true, false) => a,
        (false, true) => b,
        _ => {
            *conflict = Some((a, b));
            Insistence { collation: x.collation(), strength: Strength::None }
        }
    }
}

/// The error that texts have no collation in common (1267 of two, 1270 of three, else 1271).
pub(super) fn illegal_mix(texts: &[&Expr], operation: &str) -> Error {
    let say = |of: Insistence| format!("({},{})", of.collation, of.strength.name());
    let said: Vec<String> = texts.iter().map(|text| say(insistence(text))).collect();
    let operation = operation.to_owned();
    match said.as_slice() {
        [a, b] => Error::IllegalMix { operands: format!("{a} and {b}"), operation },
        [a, b, c] => Error::IllegalMixOfThree { operands: format!("{a}, {b}, {c}"), operation },
        _ => Error::IllegalMixOfAll(operation),
    }
}

/// The sort key of a text, as an expression that is not counted as a use of a function. The text itself if that is its key.
pub fn sort_key_of(expr: Expr, collation: Collation) -> Expr {
    if collation.is_plain() {
        return expr;
    }
    let expr = match expr {
        Expr::Call { function: Function::Collate(CollateFunction::Collate), mut args, .. } => {
            args.swap_remove(0)
        }
        other => other,
    };
    let ty = ColumnType { sql: SORT_KEY, nullable: expr.ty().nullable };
    fold::call(Function::Collate(CollateFunction::SortKey(collation)), vec![expr], ty)
}

/// The type of sort keys.
pub const SORT_KEY: SqlType = SqlType::Blob(u32::MAX);

/// What decides where a value stands among others of its column: the sort key of a text, else the value.
pub fn ordered_by(expr: Expr) -> Expr {
    match expr.ty().sql.is_string() {
        true => {
            let collation = expr.ty().sql.collation();
            sort_key_of(expr, collation)
        }
        false => expr,
    }
}

impl Rewriter {
    /// Texts as they are compared with each other by an operation.
    pub(super) fn compared_texts(&mut self, a: Expr, b: Expr) -> Result<(Expr, Expr), Error> {
        match mixed([&a, &b].into_iter()) {
            Some((_, Some(_))) => Err(illegal_mix(&[&a, &b], "=")),
            Some((of, None)) => Ok((sort_key_of(a, of.collation), sort_key_of(b, of.collation))),
            None => Ok((a, b)),
        }
    }

    /// `expr COLLATE c`.
    pub fn collate(&mut self, expr: Expr, collation: Collation) -> Result<Expr, Error> {
        let expr = self.text(expr);
        let own = expr.ty().sql.collation();
        let fits = match (&expr, expr.ty().sql.is_string()) {
            (Expr::Constant { value: Datum::Null, .. }, _) => true,
            (_, text) => text && own.charset() == collation.charset(),
        };
        if !fits {
            let charset = if expr.ty().sql.is_string() { own.charset().name() } else { "binary" };
            return Err(Error::CollationCharset {
                collation: collation.to_string(),
                charset: charset.into(),
            });
        }
        let ty = ColumnType { sql: expr.ty().sql.clone().with_collation(collation), ..expr.ty().clone() };
        Ok(Expr::call(Function::Collate(CollateFunction::Collate), vec![expr], ty))
    }

    /// The type of a text that a function makes of its arguments.
    pub(super) fn collated(&self, function: &Function, args: &[Expr], sql: SqlType) -> SqlType {
        if !sql.is_string() {
            return sql;
        }
        match function {
            Function::Cast
                if args.first().is_some_and(|a| matches!(family(a), Family::String | Family::Choice)) =>
            {
                sql
            }
            Function::Collate(CollateFunction::Upper(_) | CollateFunction::Lower(_)) => {
                sql.with_collation(args[0].ty().sql.collation())
            }
            Function::Assign { .. } | Function::Collate(_) => sql,
            _ => match mixed(args.iter().filter(|a| family(a) == Family::String)) {
                Some((of, _)) => sql.with_collation(of.collation),
                None => sql.with_collation(self.connection),
            },
        }
    }

    /// The arguments of a function that compares texts, as it compares them.
    pub(super) fn collated_args(&mut self, name: &str, mut args: Vec<Expr>) -> Result<Vec<Expr>, Error> {
        let [a, b, ..] = args.as_slice() else { return Ok(args) };
        // A member is a text of its column's collation.
        let is_text = |e: &Expr| matches!(family(e), Family::String | Family::Choice);
        if !matches!(name, "STRCMP" | "FIND_IN_SET" | "LOCATE") || !is_text(a) || !is_text(b) {
            return Ok(args);
        }
        let (a, b) = (self.text(a.clone()), self.text(b.clone()));
        let pair = match name {
            "STRCMP" => self.compared_texts(a, b)?,
            "FIND_IN_SET" => match mixed([&a, &b].into_iter()) {
                Some((of, None)) if !of.collation.is_plain() => {
                    let members = CollateFunction::FoldMembers(of.collation);
                    (folded(members, a), folded(members, b))
                }
                _ => (a, b),
            },
            // LOCATE: where a text begins is counted in characters, of which a folded text has as many.
            _ => match mixed([&a, &b].into_iter()) {
                Some((_, Some(_))) => return Err(illegal_mix(&[&a, &b], "locate")),
                Some((of, None)) if !of.collation.is_plain() => {
                    let of = CollateFunction::Fold(of.collation);
                    (folded(of, a), folded(of, b))
                }
                _ => (a, b),
            },
        };
        (args[0], args[1]) = pair;
        Ok(args)
    }

    /// What LIKE is asked of: texts and a pattern in which characters of one weight are one character.
    pub(super) fn like_operands(
        &mut self,
        text: Expr,
        pattern: Expr,
        escape: Option<char>,
    ) -> Result<(Expr, Expr, Option<char>), Error> {
        let collation = match mixed([&text, &pattern].into_iter()) {
            _ if family(&text) != Family::String || family(&pattern) != Family::String => {
                Collation::default()
            }
            Some((_, Some(_))) => return Err(illegal_mix(&[&text, &pattern], "like")),
            Some((of, None)) => of.collation,
            None => Collation::default(),
        };
        if collation.is_plain() {
            return Ok((text, pattern, escape));
        }
        let text = folded(CollateFunction::Fold(collation), text);
        let pattern = folded(CollateFunction::FoldPattern { collation, escape }, pattern);
        Ok((text, pattern, None))
    }
}

/// A text in which characters of one weight are one character.
fn folded(function: CollateFunction, text: Expr) -> Expr {
    let ty = text.ty().clone();
    fold::call(Function::Collate(function), vec![text], ty)
}

/// The argument of MIN and MAX and what is made of their result, if texts of this collation are not in the order of their
/// bytes.
pub fn keyed(arg: Expr) -> (Expr, Option<ColumnType>) {
    let collation = arg.ty().sql.collation();
    if !arg.ty().sql.is_string() || collation.is_plain() {
        return (arg, None);
    }
    let (shown, nullable) = (arg.ty().sql.clone(), arg.ty().nullable);
    let ty = ColumnType { sql: SORT_KEY, nullable };
    let keyed = Expr::call(Function::Collate(CollateFunction::Keyed(collation)), vec![arg], ty);
    (keyed, Some(ColumnType { sql: shown, nullable: true }))
}

/// Makes keyed texts of those of which the least or the greatest is asked for, all of one type; false, and nothing is done, if
/// their order is that of their bytes.
pub(super) fn keyed_all(texts: &mut [Expr], ty: &SqlType) -> bool {
    let collation = ty.collation();
    if !ty.is_string() || collation.is_plain() {
        return false;
    }
    for text in texts {
        let null = Expr::constant(Datum::Null, SORT_KEY);
        let own = std::mem::replace(text, null);
        if fold::constant(&own).is_some_and(Datum::is_null) {
            continue;
        }
        let ty = ColumnType { sql: SORT_KEY, nullable: own.ty().nullable };
        *text = Expr::call(Function::Collate(CollateFunction::Keyed(collation)), vec![own], ty);
    }
    true
}

/// The text of the least or the greatest keyed one.
pub fn unkeyed(result: Expr, ty: ColumnType) -> Expr {
    Expr::call(Function::Collate(CollateFunction::Unkeyed), vec![result], ty)
}

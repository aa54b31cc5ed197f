//! The variables of character sets: what they may be, what goes with what, and what they ask of the wire.
//!
//! Texts are UTF-8 in here. A client may talk in another set (`character_set_client`) and be answered in one
//! (`character_set_results`); what is said of the connection (`character_set_connection`, `collation_connection`) is the type of
//! literals, which is for the planner. Latin 1 has the bytes of UTF-8, as in TiDB, so that GBK is the one set that is read, and
//! it and ASCII are those that are written.

use std::sync::Arc;

use allod_storage::schema::{Charset, Collation, Datum};

use super::{SystemValues, definition};
use crate::error::{Error, Result, code};
use crate::result::Warning;

/// The sets in which a client talks, where they are not those in which texts are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wording {
    /// Of statements and parameters.
    pub client: Option<Charset>,
    /// Of names, texts and messages that it is told.
    pub results: Option<Charset>,
}

impl Wording {
    pub(super) fn of(values: &SystemValues) -> Wording {
        let named = |name: &str| values.0.get(name).and_then(|set| Charset::named(set));
        Wording {
            client: named("character_set_client").filter(|set| set.has_own_bytes()),
            results: named("character_set_results")
                .filter(|set| set.has_own_bytes() || *set == Charset::Ascii),
        }
    }
}

/// Sets a variable, and what goes with it: the collation of the connection with its set and the other way round.
///
/// # Errors
/// 1115, 1273 if there is no such set or collation, 1231 if it is nothing at all, and those of other variables.
pub(crate) fn set(
    values: &SystemValues,
    name: &str,
    value: Option<&Datum>,
    base: &SystemValues,
) -> Result<(SystemValues, Option<Warning>)> {
    let known = definition(name)?.name;
    let Some((kind, what)) =
        known.split_once('_').filter(|(kind, _)| matches!(*kind, "character" | "collation"))
    else {
        return values.set(name, value, base);
    };
    let said = match value {
        None => None,
        // Nobody is told anything in another set.
        Some(Datum::Null) if known == "character_set_results" => Some(String::new()),
        Some(Datum::String(text)) if kind == "collation" => Some(collation(text)?.name().to_owned()),
        Some(Datum::String(text)) => Some(charset(text)?.name().to_owned()),
        Some(other) => {
            let message = format!("variable '{known}' can't be set to the value of '{other}'");
            return Err(Error::new(code::WRONG_VALUE_FOR_VARIABLE, message));
        }
    };
    let put = |values: &SystemValues, name: &str, text: Option<&str>| {
        values.set(name, text.map(Datum::string).as_ref(), base).map(|(values, _)| values)
    };
    let mut out = put(values, known, said.as_deref())?;
    let now =
        |values: &SystemValues, name: &str| Some(values.0.get(definition(name).ok()?.name)?.to_string());
    match (what, said) {
        ("set_connection", None) => out = put(&out, "collation_connection", None)?,
        ("connection", None) => out = put(&out, "character_set_connection", None)?,
        ("set_connection", Some(set)) => {
            let own = Charset::named(&set).unwrap_or(Charset::Utf8mb4);
            let wished = now(&out, "default_collation_for_utf8mb4").filter(|_| own == Charset::Utf8mb4);
            out =
                put(&out, "collation_connection", Some(wished.as_deref().unwrap_or(own.collation().name())))?;
        }
        ("connection", Some(name)) => {
            let set = Collation::named(&name).unwrap_or_default().charset();
            out = put(&out, "character_set_connection", Some(set.name()))?;
        }
        _ => {}
    }
    Ok((out, None))
}

fn charset(name: &str) -> Result<Charset> {
    let unknown = || Error::new(code::UNKNOWN_CHARSET, format!("unknown character set: '{name}'"));
    Charset::named(name).ok_or_else(unknown)
}

fn collation(name: &str) -> Result<Collation> {
    let unknown = || Error::new(code::UNKNOWN_COLLATION, format!("unknown collation: '{name}'"));
    Collation::named(name).ok_or_else(unknown)
}

impl super::Variables {
    /// As if the client had said SET NAMES: by the number of a collation, with which it comes. One that there is not here is the
    /// default of its set, or nothing.
    pub(crate) fn set_names(&mut self, id: u16) -> Result<()> {
        /// `latin1_swedish_ci` and `ascii_general_ci`, by which clients mean no more than the set.
        const OTHERS: [(u16, Collation); 2] = [(8, Collation::Latin1Bin), (11, Collation::AsciiBin)];
        let known = OTHERS.into_iter().find(|(own, _)| *own == id).map(|(_, known)| known);
        let known = known.or_else(|| Collation::ALL.into_iter().find(|known| known.id() == id));
        let Some(collation) = known else { return Ok(()) };
        let set = Datum::String(Arc::from(collation.charset().name()));
        for name in ["character_set_client", "character_set_connection", "character_set_results"] {
            self.set(name, Some(&set))?;
        }
        self.set("collation_connection", Some(&Datum::string(collation.name()))).map(drop)
    }
}

//! Variables whose values are checked in ways of their own.

use crate::error::{Error, Result, code};
use crate::result::Warning;

/// Characters of `tidb_session_alias` at most.
const ALIAS_MAX: usize = 64;

/// What a variable is set to by this text, if it has a way of its own to say so.
pub(super) fn check(name: &str, text: &str) -> Option<Result<(String, Option<Warning>)>> {
    let is_off = || matches!(text.to_ascii_lowercase().as_str(), "0" | "off" | "false");
    let always_on = |warning: Warning| Some(Ok(("ON".to_owned(), Some(warning))));
    match name {
        "tidb_enable_ddl" if is_off() => Some(Err(Error::new(
            code::DDL_SETTING,
            "error happened when disabling DDL: can not disable ddl owner when it is the only one tidb instance",
        ))),
        "tidb_enable_list_partition" if is_off() => Some(Err(Error::new(
            code::UNKNOWN,
            "tidb_enable_list_partition is now always on, and cannot be turned off",
        ))),
        "tidb_enable_list_partition" => always_on(warning(
            code::DEPRECATED,
            format!("{name} is deprecated and will be removed in a future release."),
        )),
        "tidb_enable_table_partition" => always_on(warning(
            code::UNKNOWN,
            format!(
                "{name} is always turned on. This variable has been deprecated and will be removed in the future releases"
            ),
        )),
        "lc_time_names" => Some(match allod_executor::place_of(text) {
            Some(place) => Ok((place.to_owned(), None)),
            None => Err(Error::new(code::UNKNOWN_LOCALE, format!("Unknown locale: '{text}'"))),
        }),
        "tidb_read_staleness" if text.is_empty() => Some(Ok(("0".to_owned(), None))),
        "tidb_session_alias" => {
            let kept: String = text.chars().take(ALIAS_MAX).collect();
            let kept = kept.trim().to_owned();
            let truncated = || {
                let message = format!("Truncated incorrect {name} value: '{text}'");
                warning(code::TRUNCATED_WRONG_VALUE, message)
            };
            let said = (kept != text).then(truncated);
            Some(Ok((kept, said)))
        }
        _ => None,
    }
}

fn warning(code: u16, message: String) -> Warning {
    Warning { level: "Warning", code, message }
}

//! Time zones as a session names them.

use allod_planner::zone::Zone;

use crate::error::{Error, Result, code};

/// By its name, which may be `SYSTEM`.
pub(crate) fn of_name(name: &str) -> Option<Zone> {
    if name.eq_ignore_ascii_case("SYSTEM") { Some(system()) } else { Zone::of_name(name) }
}

/// That of the machine: what `TZ` says, or else what it is set to.
pub(crate) fn system() -> Zone {
    let said = std::env::var("TZ").ok().filter(|name| !name.is_empty());
    let name = said.or_else(|| iana_time_zone::get_timezone().ok());
    name.and_then(|name| Zone::of_name(name.trim_start_matches(':'))).unwrap_or_default()
}

/// The name as `@@time_zone` has it; error 1298 if it is none.
pub(crate) fn normal_form(name: &str) -> Result<String> {
    if name.eq_ignore_ascii_case("SYSTEM") {
        return Ok("SYSTEM".into());
    }
    match Zone::of_name(name) {
        // As it was written, as in TiDB.
        Some(_) => Ok(name.into()),
        None => {
            let message = format!("Unknown or incorrect time zone: '{name}'");
            Err(Error::new(code::UNKNOWN_TIME_ZONE, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_normal_form() {
        for (name, wanted) in [
            ("system", Some("SYSTEM")),
            ("utc", Some("utc")),
            ("+5:00", Some("+5:00")),
            ("europe/berlin", Some("europe/berlin")),
            ("+00:00", Some("+00:00")),
            ("nowhere", None),
        ] {
            assert_eq!(normal_form(name).ok().as_deref(), wanted, "{name}");
        }
        assert_eq!(normal_form("x").unwrap_err().code(), 1298);
        assert_eq!(of_name("SYSTEM"), Some(system()));
    }
}

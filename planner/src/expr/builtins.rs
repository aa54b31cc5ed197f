//! The names of SHOW BUILTINS: the functions that there are, and operators under TiDB's names.

use std::collections::BTreeSet;

use super::table;

/// Those that are bound otherwise than by the table of functions: operators, what has a syntax of its own, what asks the session.
#[rustfmt::skip]
const OTHERS: &[&str] = &[
    "and", "any_value", "bitand", "bitneg", "bitor", "bitxor", "case", "charset", "coercibility",
    "collation", "connection_id", "convert", "current_resource_group", "current_role", "current_user",
    "database", "date_add", "date_sub", "default_func", "div", "eq", "extract", "found_rows",
    "ge", "get_format", "grouping", "gt", "in", "intdiv", "isfalse", "istrue", "last_insert_id", "lastval",
    "le", "leftshift", "like", "load_file", "lt", "minus", "mul", "name_const", "ne", "nextval", "not",
    "nulleq", "or", "plus", "position", "regexp",
    "rightshift", "row_count", "schema", "session_user", "setval", "setvar", "system_user",
    "tidb_bounded_staleness", "tidb_current_tso", "tidb_decode_key", "tidb_encode_index_key",
    "tidb_encode_record_key", "tidb_is_ddl_owner", "tidb_version", "timestampadd", "timestampdiff",
    "unaryminus", "user", "validate_password_strength", "version", "xor",
];

/// All of them, in the order of the alphabet.
pub fn builtins() -> BTreeSet<String> {
    let called = table::names().map(str::to_ascii_lowercase);
    called.chain(OTHERS.iter().map(|&name| name.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_told_by_one() {
        assert!(OTHERS.is_sorted());
        let both: Vec<&&str> = OTHERS.iter().filter(|name| table::exists(name)).collect();
        assert!(both.is_empty(), "{both:?}");
        assert_eq!(builtins().len(), table::names().count() + OTHERS.len());
    }
}

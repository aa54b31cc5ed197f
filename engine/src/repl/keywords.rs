//! The words that the REPL colours and completes.

/// Upper case, sorted.
pub(super) const KEYWORDS: &[&str] = &[
    "ALL", "ALTER", "ANALYZE", "AND", "ANY", "AS", "ASC", "AUTO_INCREMENT", "AVG", "BETWEEN", "BIGINT", "BY", "CASE", "CAST",
    "CHAR", "CLUSTERED", "COALESCE", "COLUMNS", "COUNT", "CREATE", "CROSS", "DATABASE", "DATABASES", "DATE", "DATETIME",
    "DAY", "DECIMAL", "DEFAULT", "DELETE", "DESC", "DESCRIBE", "DISTINCT", "DIV", "DOUBLE", "DROP", "ELSE", "END",
    "EXISTS", "EXPLAIN", "EXTRACT", "FALSE", "FLOAT", "FORMAT", "FROM", "GROUP", "HASH", "HAVING", "HOUR", "IF", "IN",
    "INDEX", "INNER", "INSERT", "INT", "INTEGER", "INTERVAL", "INTO", "IS", "JOIN", "KEY", "LEFT", "LIKE", "LIMIT", "MAX",
    "MIN", "MOD", "MONTH", "NATURAL", "NOT", "NULL", "OFFSET", "ON", "OR", "ORDER", "OUTER", "PARTITION", "PARTITIONS",
    "PRIMARY", "REGEXP", "RIGHT", "SELECT", "SET", "SHOW", "SUBSTRING", "SUM", "TABLE", "TABLES", "TEXT", "THEN", "TIME",
    "TIMESTAMP", "TRUE", "TRUNCATE", "UNION", "UNIQUE", "UNSIGNED", "UPDATE", "USE", "USING", "VALUES", "VARCHAR",
    "VARIABLES", "WARNINGS", "WEEK", "WHEN", "WHERE", "WITH", "XOR", "YEAR",
];

/// Whether the word is one of them, without regard to case.
pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word.to_ascii_uppercase().as_str()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_for_the_search() {
        assert!(KEYWORDS.is_sorted());
        assert!(is_keyword("select") && !is_keyword("selec"));
    }
}

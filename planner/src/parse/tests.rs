use super::lexing::quoting;
use super::*;

fn expression(text: &str) -> String {
    parse_expression(text).expect("it parses").to_string()
}

/// Both texts mean the same: the second has every parenthesis.
fn same(implicit: &str, explicit: &str) {
    fn bare(e: ast::Expr) -> String {
        // Nested parentheses are kept in the tree; dropping them from the print leaves the shape to compare.
        format!("{:?}", strip(e))
    }
    fn strip(e: ast::Expr) -> ast::Expr {
        match e {
            ast::Expr::Nested(inner) => strip(*inner),
            ast::Expr::BinaryOp { left, op, right } => {
                ast::Expr::BinaryOp { left: Box::new(strip(*left)), op, right: Box::new(strip(*right)) }
            }
            ast::Expr::UnaryOp { op, expr } => ast::Expr::UnaryOp { op, expr: Box::new(strip(*expr)) },
            ast::Expr::Cast { kind, expr, data_type, array, format } => {
                ast::Expr::Cast { kind, expr: Box::new(strip(*expr)), data_type, array, format }
            }
            ast::Expr::Like { negated, any, expr, pattern, escape_char } => ast::Expr::Like {
                negated,
                any,
                expr: Box::new(strip(*expr)),
                pattern: Box::new(strip(*pattern)),
                escape_char,
            },
            ast::Expr::RLike { negated, expr, pattern, regexp } => ast::Expr::RLike {
                negated,
                expr: Box::new(strip(*expr)),
                pattern: Box::new(strip(*pattern)),
                regexp,
            },
            ast::Expr::Between { expr, negated, low, high } => ast::Expr::Between {
                expr: Box::new(strip(*expr)),
                negated,
                low: Box::new(strip(*low)),
                high: Box::new(strip(*high)),
            },
            ast::Expr::IsNull(inner) => ast::Expr::IsNull(Box::new(strip(*inner))),
            other => other,
        }
    }
    let shape = |text: &str| {
        let printed = bare(parse_expression(text).expect("it parses"));
        // Places differ, of course.
        regex::Regex::new(r"Span\([^)]*\)|\(\d+:\d+\)|Location\([^)]*\)")
            .expect("a regex")
            .replace_all(&printed, "")
            .into_owned()
    };
    let shape = |text: &str| {
        regex::Regex::new(r"span: [^,}]*").expect("a regex").replace_all(&shape(text), "").into_owned()
    };
    assert_eq!(shape(implicit), shape(explicit), "{implicit}");
}

#[test]
fn precedence_is_that_of_mysql() {
    for (implicit, explicit) in [
        ("a = 7 DIV 2 AND b", "(a = (7 DIV 2)) AND b"),
        ("2 * 7 DIV 2 + 1", "((2 * 7) DIV 2) + 1"),
        ("7 MOD 2 + 1", "(7 % 2) + 1"),
        ("1 + 2 ^ 3", "1 + (2 ^ 3)"),
        ("2 * 3 ^ 2", "2 * (3 ^ 2)"),
        ("-2 ^ 2", "(-2) ^ 2"),
        ("a AND b XOR c", "(a AND b) XOR c"),
        ("a OR b XOR c", "a OR (b XOR c)"),
        ("a REGEXP 'x' = 1", "(a REGEXP 'x') = 1"),
        ("a LIKE 'x' = 1", "(a LIKE 'x') = 1"),
        ("a = b LIKE c", "a = (b LIKE c)"),
        ("a = b IS NULL", "(a = b) IS NULL"),
        ("a || b = c", "a OR (b = c)"),
        ("a && b || c", "(a AND b) OR c"),
        ("NOT a = b", "NOT (a = b)"),
        ("! a = b", "(! a) = b"),
        ("BINARY a = b", "(BINARY a) = b"),
        ("a | b & c << 1 + 2", "a | (b & (c << (1 + 2)))"),
        ("a BETWEEN 1 AND 2 AND b", "(a BETWEEN 1 AND 2) AND b"),
        ("a - b - c", "(a - b) - c"),
        ("a < b = c", "(a < b) = c"),
        ("~ a + b", "(~ a) + b"),
    ] {
        same(implicit, explicit);
    }
}

#[test]
// But for `/*! … */`, which is taken in here ([`super::tokenize_as`]).
fn flags_are_those_of_the_mysql_dialect() {
    use sqlparser::dialect::{Dialect, MySqlDialect};
    let mysql = MySqlDialect {};
    macro_rules! agree {
        ($($flag:ident),* $(,)?) => { $( assert_eq!(quoting(Lexing::default()).$flag(), mysql.$flag(), stringify!($flag)); )* };
    }
    agree!(
        supports_string_literal_backslash_escape,
        supports_string_literal_concatenation,
        ignores_wildcard_escapes,
        supports_numeric_prefix,
        supports_bitwise_shift_operators,
        require_interval_qualifier,
        supports_limit_comma,
        supports_create_table_select,
        supports_insert_set,
        supports_user_host_grantee,
        supports_table_hints,
        requires_single_line_comment_whitespace,
        supports_match_against,
        supports_select_modifiers,
        supports_set_names,
        supports_comma_separated_set_assignments,
        supports_update_order_by,
        supports_data_type_signed_suffix,
        supports_cross_join_constraint,
        supports_double_ampersand_operator,
        supports_binary_kw_as_cast,
        supports_comment_optimizer_hint,
        supports_constraint_keyword_without_name,
        supports_key_column_option,
    );
}

#[test]
fn words_of_special_functions_are_names_elsewhere() {
    for name in ["position", "trim", "extract", "floor", "`select`"] {
        assert_eq!(expression(name), name);
    }
    assert_eq!(expression("interval 1 day"), "INTERVAL 1 DAY");
    assert!(parse_expression("interval '1:30' hour_minute").is_ok());
    assert!(parse_expression("interval 1 fortnight").is_err());
}

#[test]
fn statements_are_cut_with_their_texts_and_places() {
    let all = parse("select 1;\n\n  select 'a;b' ;; -- end\n select\n2").expect("it parses");
    let texts: Vec<&str> = all.iter().map(|p| &*p.text).collect();
    assert_eq!(texts, ["select 1", "select 'a;b'", "select\n2"]);
    assert_eq!(all[1].start, Position { line: 3, column: 3 });
    assert!(parse(" ; -- nothing\n").expect("it parses").is_empty());
}

#[test]
fn errors_say_where() {
    let at = |sql: &str| parse(sql).expect_err("it is no SQL").position().map(|p| (p.line, p.column));
    assert_eq!(at("select 1;\nselec 2"), Some((2, 1)));
    assert_eq!(at("select a from t wher a = 1"), Some((1, 22)));
    assert_eq!(at("select (1"), Some((1, 10)));
    assert_eq!(at("select a\nfrom t\nwhere a in (select b fro c)"), Some((3, 26)));
    assert_eq!(at("select 'abc"), Some((1, 8)));
    assert_eq!(at("select 1; simulate store 2 explode"), Some((1, 28)));
    assert_eq!(at("simulate /* so */ link 1 -> 3\n  loss 2"), Some((2, 8)));
    assert_eq!(at("simulate"), Some((1, 9)));
    let error = parse("select a from").expect_err("it is no SQL");
    assert!(error.hint().is_some_and(|hint| hint.contains("found the end")), "{error:?}");
}

#[test]
fn parameters_are_counted() {
    let parsed = parse("select ?, '?' from t where a = ? limit ?").expect("it parses");
    assert_eq!(parsed[0].param_count, 3);
}

#[test]
fn partitions_and_clustering_are_read() {
    let parsed = parse(
        "create table t (a int, b int, primary key (a) nonclustered) comment 'x' partition by hash ( year(b) + 1 ) partitions 8",
    )
    .expect("it parses");
    let Statement::CreateTable { clustered, partition: Some(partition), .. } = &parsed[0].statement else {
        panic!("{parsed:?}")
    };
    assert_eq!(*clustered, Some(false));
    let PartitionBy::Hash(expr) = &partition.by else { panic!("{partition:?}") };
    assert_eq!(expr.text, "year(b) + 1");
    assert_eq!(partition.count, Some(8));
}

#[test]
fn deep_nesting_is_an_answer_or_an_error() {
    let nested = |n: usize| format!("select {}1{}", "(".repeat(n), ")".repeat(n));
    assert!(parse(&nested(64)).is_ok());
    assert!(parse(&nested(120)).is_ok());
    assert!(matches!(parse(&nested(100_000)), Err(Error::TooComplex(_))));
    assert!(matches!(parse(&format!("select {}1", "not ".repeat(100_000))), Err(Error::TooComplex(_))));
    assert!(matches!(parse(&format!("select {}1", "- ".repeat(100_000))), Err(Error::TooComplex(_))));
    assert!(matches!(parse(&format!("select 1{}", " + 1".repeat(200_000))), Err(Error::TooComplex(_))));
    assert!(matches!(
        parse(&format!("select 1{}", " union select 1".repeat(10_000))),
        Err(Error::TooComplex(_))
    ));
    assert!(parse(&format!("select 1{}", " or a = 1".repeat(2_000))).is_ok());
    // A broken call inside many others must not be tried twice at each level.
    assert!(parse(&format!("select {}1", "trim(".repeat(60))).is_err());
    assert!(parse(&format!("select {}1", "case when ".repeat(60))).is_err());
}

#[test]
fn a_megabyte_of_garbage_is_one_error() {
    let mut state = 1u64;
    for alphabet in ["x", "(),.;'\"`ab1 +-*/=<>select\n", "(", "a ", "case when ", "\u{0}\u{1}é𝄞x"] {
        let letters: Vec<char> = alphabet.chars().collect();
        let text: String = (0..1_000_000 / alphabet.len().min(4))
            .map(|i| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                if alphabet.len() > 10 {
                    letters[(state >> 33) as usize % letters.len()]
                } else {
                    letters[i % letters.len()]
                }
            })
            .collect();
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.len() < 2500, "{} bytes of error", error.len());
    }
}

#[test]
fn comments_of_tidb_are_part_of_the_statement_and_its_places() {
    let texts = |sql: &str| {
        let tokens = tokenize(sql).unwrap();
        let solid = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF));
        solid
            .map(|t| format!("{} {}:{}", t.token, t.span.start.line, t.span.start.column))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        texts("a /*T! b\nc */ d /* e */ /*T![x] f*/g"),
        ["a 1:1", "b 1:8", "c 2:1", "d 2:6", "f 2:24", "g 2:27"]
    );
    // Marks that are none.
    assert_eq!(texts("a /*T b*/ /*T![é] c*/ /*T![d e*/"), ["a 1:1"]);
}

#[test]
fn what_says_nothing_here_is_read_over() {
    for sql in [
        "create table t (a int auto_increment key) auto_id_cache 100",
        "create table t (a int) auto_id_cache = 1, comment 'x', shard_row_id_bits=4 pre_split_regions=2 engine=innodb",
        "create table t (a int, b varchar(9) charset utf8mb4 collate utf8mb4_bin, c real(9,2) default 1.5) default charset=utf8mb4",
        "alter table t modify column b varchar(20) charset utf8mb4",
        "create table t (a int, primary key (a) /*T![clustered_index] NONCLUSTERED */)",
    ] {
        assert!(parse(sql).is_ok(), "{sql}: {:?}", parse(sql).err());
    }
    let clustered = |sql: &str| match &parse(sql).unwrap()[0].statement {
        Statement::CreateTable { clustered, .. } => *clustered,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        clustered("create table t (a int primary key /*T![clustered_index] NONCLUSTERED */)"),
        Some(false)
    );
    assert_eq!(clustered("create table t (a int primary key)"), None);
    // Without its number it is no option.
    assert!(parse("create table t (a int) auto_id_cache").is_err());
}

//! ENUM, SET and BIT: which comparisons are of numbers, and what else members and bits are read as.

use super::*;

/// Text and type of one expression over a table of such columns; constants are shown as they are held.
fn chosen(expr: &str) -> (String, String) {
    let catalog = FakeCatalog::new(
        "create table t (e enum('b','a') not null, f enum('b','a') not null, o enum('a','') not null, s set('x','y') not null, b bit(12) not null, i int not null, v varchar(9) not null);",
    );
    let bound =
        bind_query(&catalog, &format!("select {expr} from t")).unwrap_or_else(|e| panic!("{expr}: {e}"));
    let Plan::Project { exprs, .. } = &bound.query.plan else { panic!("{:?}", bound.query.plan) };
    let text = expr_text(&exprs[0].1, &bound.columns);
    let text = regex::Regex::new(r"#\d+").expect("a regex").replace_all(&text, "").replace("t.", "");
    (text, exprs[0].1.ty().sql.to_string())
}

#[test]
fn a_member_is_compared_by_number_where_that_is_the_same() {
    for (sql, text) in [
        ("e = 'a'", "eq(e, 2)"),
        ("'a' <> e", "ne(2, e)"),
        ("e <=> 'a'", "nulleq(e, 2)"),
        ("e = 'a '", "eq(e, 2)"),
        ("e in ('a', 'b')", "in(e, 2, 1)"),
        ("e = f", "eq(e, f)"),
        ("s = 'x,y'", "eq(s, 3)"),
        ("e = 2", "eq(cast(e as bigint unsigned), 2)"),
        ("e > 1", "gt(cast(e as bigint unsigned), 1)"),
        ("b = b'101'", "eq(b, 5)"),
        ("b = 5", "eq(b, 5)"),
        ("i = x'05'", "eq(i, 5)"),
    ] {
        assert_eq!(chosen(sql).0, text, "{sql}");
    }
    // By text: order, what is no member, lists in another order, members that are empty as no member is, text columns.
    for sql in ["e > 'a'", "e = 'c'", "s = 'y,x'", "o = ''", "e = o", "e = v", "e < f"] {
        assert!(chosen(sql).0.contains("as varchar"), "{sql}: {}", chosen(sql).0);
    }
}

#[test]
fn members_are_text_and_bits_are_numbers_or_bytes() {
    for (sql, ty) in [
        ("e", "enum('b','a')"),
        ("e + 1", "double"),
        ("e | 1", "bigint unsigned"),
        ("concat(e, s)", "varchar(4)"),
        ("ifnull(e, f)", "varchar(1)"),
        ("case when i then e end", "varchar(1)"),
        ("nullif(e, 'a')", "varchar(1)"),
        ("cast(s as char)", "varchar(3)"),
        ("b", "bit(12)"),
        ("b + 1", "bigint unsigned"),
        ("concat(b)", "varbinary(2)"),
        ("cast(b as unsigned)", "bigint unsigned"),
    ] {
        assert_eq!(chosen(sql).1, ty, "{sql}");
    }
}

#[test]
fn definitions_that_cannot_be() {
    let refused = |ty: &str| match bind_one(&catalog(), &format!("create table n (c {ty})")) {
        Err(error) => error,
        Ok(bound) => panic!("{ty} is bound: {bound:?}"),
    };
    assert!(matches!(refused("enum('a','b','a')"), Error::DuplicatedMember { kind: "ENUM", .. }));
    assert!(matches!(refused("set('a','a ')"), Error::DuplicatedMember { kind: "SET", .. }));
    assert!(matches!(refused("set('a,b')"), Error::IllegalLiteral { kind: "set", .. }));
    let many: Vec<String> = (0..65).map(|n| format!("'{n}'")).collect();
    assert!(matches!(refused(&format!("set({})", many.join(","))), Error::TooManyMembers(_)));
    assert!(matches!(refused("bit(0)"), Error::InvalidSize(_)));
    assert!(matches!(refused("bit(65)"), Error::TooBigDisplayWidth { max: 64, .. }));
    assert!(matches!(refused("enum('a') default 'b'"), Error::InvalidDefault(_)));
    assert!(matches!(refused("bit(2) default 4"), Error::InvalidDefault(_)));
}

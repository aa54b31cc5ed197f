//! The manual's examples, by family.

use super::*;

#[test]
fn comparison_and_logic() {
    let b = SqlType::BOOL;
    for (f, args, want) in [
        (Function::Eq, &["1", "0"][..], "0"),
        (Function::Eq, &["1.5", "1.50"], "1"),
        (Function::Eq, &["'a'", "'A'"], "0"),
        (Function::Ne, &["'.01'", "'0.01'"], "1"),
        (Function::Lt, &["2", "2"], "0"),
        (Function::Le, &["0.1", "2.00"], "1"),
        (Function::Gt, &["-1", "18446744073709551615"], "0"),
        (Function::Lt, &["d'2024-01-01'", "t'2024-01-01 00:00:01'"], "1"),
        (Function::Ge, &["'abcdefghijklmnop'", "'abcdefghijklmno'"], "1"),
        (Function::Eq, &["'abcdefghijklmnop'", "'abcdefghijklmnop'"], "1"),
        (Function::Eq, &["1", "NULL"], "NULL"),
        (Function::NullEq, &["NULL", "NULL"], "1"),
        (Function::NullEq, &["1", "NULL"], "0"),
        (Function::In, &["2", "0", "3", "5", "7"], "0"),
        (Function::In, &["'wefwf'", "'wee'", "'wefwf'", "'weg'"], "1"),
        (Function::In, &["2", "0", "NULL"], "NULL"),
        (Function::In, &["2", "2", "NULL"], "1"),
        (Function::In, &["NULL", "2"], "NULL"),
        (Function::In, &["1.50", "1.5", "2.25"], "1"),
        (Function::In, &["1.5", "1.55"], "0"),
        (Function::In, &["18446744073709551615", "18446744073709551615"], "1"),
        (Function::In, &["d'2024-01-01'", "d'2024-01-02'", "d'2024-01-01'"], "1"),
        (Function::IsNull, &["NULL"], "1"),
        (Function::IsNull, &["0"], "0"),
        (Function::IsTrue, &["NULL"], "0"),
        (Function::IsTrue, &["5"], "1"),
        (Function::IsFalse, &["0.00"], "1"),
        (Function::IsFalse, &["NULL"], "0"),
        (Function::Not, &["10"], "0"),
        (Function::Not, &["NULL"], "NULL"),
        (Function::And, &["1", "NULL"], "NULL"),
        (Function::And, &["0", "NULL"], "0"),
        (Function::And, &["NULL", "0"], "0"),
        (Function::And, &["1", "2", "3"], "1"),
        (Function::Or, &["0", "NULL"], "NULL"),
        (Function::Or, &["NULL", "1"], "1"),
        (Function::Xor, &["1", "1"], "0"),
        (Function::Xor, &["1", "0"], "1"),
        (Function::Xor, &["1", "NULL"], "NULL"),
        (Function::Like { escape: Some('\\') }, &["'David!'", "'David\\_'"], "0"),
        (Function::Like { escape: Some('|') }, &["'David_'", "'David|_'"], "1"),
        (Function::Like { escape: None }, &["'a\\b'", "'a\\_'"], "1"),
        (Function::Regexp, &["'Michael!'", "'.*'"], "1"),
        (Function::Regexp, &["'a'", "'^[a-d]'"], "1"),
        (Function::Regexp, &["'fofo'", "'^fo$'"], "0"),
        (Function::StrCmp, &["'text'", "'text2'"], "-1"),
        (Function::StrCmp, &["'text2'", "'text'"], "1"),
    ] {
        check(f, args, b.clone(), want);
    }
    let text = |t: &str| Expr::constant(Datum::string(t), TEXT);
    let bad = big(Function::Regexp, vec![text("a"), text("(")]);
    assert!(matches!(Program::compile(&bad, &[]), Err(Error::Regexp { .. })));
}

#[test]
fn arithmetic() {
    let (int, double) = (SqlType::BIGINT, SqlType::Double);
    let unsigned = SqlType::BIGINT_UNSIGNED;
    for (f, args, sql, want) in [
        (Function::Plus, &["3", "5"][..], int.clone(), "8"),
        (Function::Minus, &["3", "5"], int.clone(), "-2"),
        (Function::Mul, &["3", "5"], int.clone(), "15"),
        (Function::IntDiv, &["5", "2"], int.clone(), "2"),
        (Function::IntDiv, &["-5", "2"], int.clone(), "-2"),
        (Function::IntDiv, &["5", "0"], int.clone(), "NULL"),
        (Function::Mod, &["-7", "3"], int.clone(), "-1"),
        (Function::Mod, &["7", "0"], int.clone(), "NULL"),
        (Function::Mod, &["34.5", "3.0"], decimal(18, 1), "1.5"),
        (Function::Div, &["3.00", "5.00"], decimal(18, 6), "0.600000"),
        (Function::Div, &["2.00", "3.00"], decimal(18, 6), "0.666667"),
        (Function::Div, &["-2.00", "3.00"], decimal(18, 6), "-0.666667"),
        (Function::Div, &["102.00", "0.00"], decimal(18, 6), "NULL"),
        (Function::Plus, &["0.1", "0.22"], decimal(18, 2), "0.32"),
        (Function::Mul, &["1.25", "-0.5"], decimal(18, 3), "-0.625"),
        (Function::Plus, &["1e0", "5e-1"], double.clone(), "1.5"),
        (Function::Div, &["1e0", "0e0"], double.clone(), "NULL"),
        (Function::Div, &["1e0", "4e0"], double.clone(), "0.25"),
        (Function::Negate, &["5"], int.clone(), "-5"),
        (Function::Negate, &["9223372036854775808"], int.clone(), "-9223372036854775808"),
        (Function::Negate, &["1.50"], decimal(18, 2), "-1.50"),
        (Function::BitAnd, &["29", "15"], unsigned.clone(), "13"),
        (Function::BitOr, &["29", "15"], unsigned.clone(), "31"),
        (Function::BitXor, &["11", "3"], unsigned.clone(), "8"),
        (Function::BitNot, &["0"], unsigned.clone(), "18446744073709551615"),
        (Function::ShiftLeft, &["1", "2"], unsigned.clone(), "4"),
        (Function::ShiftLeft, &["1", "64"], unsigned.clone(), "0"),
        (Function::ShiftRight, &["4", "2"], unsigned.clone(), "1"),
        (Function::BitCount, &["29"], int.clone(), "4"),
        (Function::Plus, &["18446744073709551614", "1"], unsigned.clone(), "18446744073709551615"),
    ] {
        check(f, args, sql, want);
    }
    for (f, args, sql, want) in [
        (
            Function::Plus,
            &["9223372036854775807", "1"][..],
            int.clone(),
            "BIGINT value is out of range in '(9223372036854775807 + 1)'",
        ),
        (
            Function::Minus,
            &["-9223372036854775807", "2"],
            int.clone(),
            "BIGINT value is out of range in '(-9223372036854775807 - 2)'",
        ),
        (
            Function::IntDiv,
            &["-9223372036854775808", "-1"],
            int.clone(),
            "BIGINT value is out of range in '(-9223372036854775808 DIV -1)'",
        ),
        (
            Function::Plus,
            &["18446744073709551615", "18446744073709551615"],
            unsigned.clone(),
            "BIGINT UNSIGNED value is out of range in '(18446744073709551615 + 18446744073709551615)'",
        ),
        (Function::Mul, &["1e300", "1e300"], double.clone(), "DOUBLE value is out of range in '("),
        (
            Function::Negate,
            &["18446744073709551615"],
            int,
            "BIGINT value is out of range in '-(18446744073709551615)'",
        ),
        (Function::Exp, &["1e5"], double, "DOUBLE value is out of range in 'exp("),
    ] {
        let error = run(f, args, sql).expect_err("it does not fit").to_string();
        assert!(error.starts_with(want), "{error}");
    }
}

#[test]
fn numbers() {
    let (int, double) = (SqlType::BIGINT, SqlType::Double);
    for (f, args, sql, want) in [
        (Function::Abs, &["-32"][..], int.clone(), "32"),
        (Function::Abs, &["-3.20"], decimal(18, 2), "3.20"),
        (Function::Ceil, &["1.23"], int.clone(), "2"),
        (Function::Ceil, &["-1.23"], int.clone(), "-1"),
        (Function::Floor, &["1.23"], int.clone(), "1"),
        (Function::Floor, &["-1.23"], int.clone(), "-2"),
        (Function::Floor, &["-1.23e0"], double.clone(), "-2"),
        (Function::Round, &["-1.23"], decimal(18, 0), "-1"),
        (Function::Round, &["-1.58"], decimal(18, 0), "-2"),
        (Function::Round, &["1.298", "1"], decimal(18, 1), "1.3"),
        (Function::Round, &["1.298", "0"], decimal(18, 0), "1"),
        (Function::Round, &["23.298", "-1"], decimal(18, 0), "20"),
        (Function::Round, &["2.5"], decimal(18, 0), "3"),
        (Function::Round, &["25e-1"], double.clone(), "2"),
        (Function::Round, &["150", "-2"], int.clone(), "200"),
        (Function::Truncate, &["1.223", "1"], decimal(18, 1), "1.2"),
        (Function::Truncate, &["-1.999", "1"], decimal(18, 1), "-1.9"),
        (Function::Truncate, &["122", "-2"], int.clone(), "100"),
        (Function::Truncate, &["122", "-9223372036854775808"], int.clone(), "0"),
        (Function::Round, &["122", "18446744073709551615"], int.clone(), "122"),
        (Function::Sign, &["-32"], int.clone(), "-1"),
        (Function::Sign, &["0.00"], int.clone(), "0"),
        (Function::Sqrt, &["4e0"], double.clone(), "2"),
        (Function::Sqrt, &["-16e0"], double.clone(), "NULL"),
        (Function::Pow, &["2e0", "-2e0"], double.clone(), "0.25"),
        (Function::Ln, &["-2e0"], double.clone(), "NULL"),
        (Function::Log2, &["65536e0"], double.clone(), "16"),
        (Function::Log10, &["100e0"], double.clone(), "2"),
        (Function::Log10, &["0e0"], double.clone(), "NULL"),
        (Function::Degrees, &["0e0"], double.clone(), "0"),
        (Function::Atan, &["0e0", "1e0"], double, "0"),
        (Function::Crc32, &["'MySQL'"], int.clone(), "3259397556"),
        (Function::Greatest, &["2", "0"], int.clone(), "2"),
        (Function::Greatest, &["34.0", "3.0", "5.0", "767.0"], decimal(18, 1), "767.0"),
        (Function::Least, &["'B'", "'A'", "'C'"], TEXT, "A"),
        (Function::Least, &["1", "NULL"], int, "NULL"),
    ] {
        check(f, args, sql, want);
    }
}

#[test]
fn strings() {
    let int = SqlType::BIGINT;
    for (f, args, want) in [
        (Function::Substring, &["'Quadratically'", "5"][..], "ratically"),
        (Function::Substring, &["'Sakila'", "-5", "3"], "aki"),
        (Function::Substring, &["'13-345-678'", "1", "2"], "13"),
        (Function::Left, &["'foobarbar'", "5"], "fooba"),
        (Function::Right, &["'foobarbar'", "4"], "rbar"),
        (Function::Right, &["'foo'", "40"], "foo"),
        (Function::Right, &["'foo'", "0"], ""),
        (Function::Upper, &["'Hej é'"], "HEJ É"),
        (Function::Lower, &["'QUADRATICALLY'"], "quadratically"),
        (Function::Concat, &["'My'", "'S'", "'QL'"], "MySQL"),
        (Function::Concat, &["'My'", "NULL", "'QL'"], "NULL"),
        (Function::Concat, &["'a'", "1", "2.50"], "a12.50"),
        (Function::ConcatWs, &["','", "'First name'", "NULL", "'Last Name'"], "First name,Last Name"),
        (Function::Trim, &["'  bar   '"], "bar"),
        (Function::TrimLeading, &["'xxxbarxxx'", "'x'"], "barxxx"),
        (Function::Trim, &["'xxxbarxxx'", "'x'"], "bar"),
        (Function::TrimTrailing, &["'barxxyz'", "'xyz'"], "barx"),
        (Function::Replace, &["'www.mysql.com'", "'w'", "'Ww'"], "WwWwWw.mysql.com"),
        (Function::Lpad, &["'hi'", "4", "'??'"], "??hi"),
        (Function::Lpad, &["'hi'", "1", "'??'"], "h"),
        (Function::Rpad, &["'hi'", "5", "'?'"], "hi???"),
        (Function::Rpad, &["'hi'", "-1", "'?'"], "NULL"),
        (Function::Reverse, &["'abc'"], "cba"),
        (Function::Repeat, &["'MySQL'", "3"], "MySQLMySQLMySQL"),
        (Function::Repeat, &["'MySQL'", "-3"], ""),
        (Function::Space, &["6"], "      "),
        (Function::Hex, &["'abc'"], "616263"),
        (Function::Hex, &["255"], "FF"),
        (Function::SubstringIndex, &["'www.mysql.com'", "'.'", "2"], "www.mysql"),
        (Function::SubstringIndex, &["'www.mysql.com'", "'.'", "-2"], "mysql.com"),
        (Function::SubstringIndex, &["'www.mysql.com'", "'.'", "9"], "www.mysql.com"),
        (Function::Insert, &["'Quadratic'", "3", "4", "'What'"], "QuWhattic"),
        (Function::Insert, &["'Quadratic'", "-1", "4", "'What'"], "Quadratic"),
        (Function::Insert, &["'Quadratic'", "3", "100", "'What'"], "QuWhat"),
        (Function::Elt, &["1", "'Aa'", "'Bb'"], "Aa"),
        (Function::Elt, &["4", "'Aa'", "'Bb'"], "NULL"),
        (Function::Bin, &["12"], "1100"),
        (Function::Oct, &["12"], "14"),
        (Function::Conv, &["'6E'", "18", "8"], "172"),
    ] {
        check(f, args, TEXT, want);
    }
    for (f, args, want) in [
        (Function::Length, &["'é'"][..], "2"),
        (Function::CharLength, &["'é'"], "1"),
        (Function::Locate, &["'bar'", "'foobarbar'"], "4"),
        (Function::Locate, &["'xbar'", "'foobar'"], "0"),
        (Function::Locate, &["'bar'", "'foobarbar'", "5"], "7"),
        (Function::Ascii, &["'dx'"], "100"),
        (Function::Ascii, &["''"], "0"),
        (Function::Ord, &["'2'"], "50"),
        (Function::Field, &["'Bb'", "'Aa'", "'Bb'", "'Cc'"], "2"),
        (Function::Field, &["NULL", "'Aa'"], "0"),
        (Function::FindInSet, &["'b'", "'a,b,c,d'"], "2"),
        (Function::FindInSet, &["'x'", "''"], "0"),
    ] {
        check(f, args, int.clone(), want);
    }
    check(Function::Unhex, &["'4D7953514C'"], SqlType::VarBinary(10), "4d7953514c");
}

#[test]
fn dates() {
    let int = SqlType::BIGINT;
    let datetime = SqlType::DateTime(6);
    for (f, args, want) in [
        (Function::Extract(TimeUnit::Year), &["d'2019-07-02'"][..], "2019"),
        (Function::Extract(TimeUnit::Month), &["t'2019-07-02 01:02:03'"], "7"),
        (Function::Extract(TimeUnit::Quarter), &["d'2008-04-01'"], "2"),
        (Function::Extract(TimeUnit::Day), &["d'2007-02-03'"], "3"),
        (Function::Extract(TimeUnit::Hour), &[":272:59:59"], "272"),
        (Function::Extract(TimeUnit::Minute), &["t'2008-02-03 10:05:03'"], "5"),
        (Function::Extract(TimeUnit::Microsecond), &["t'2003-01-02 10:30:00.000123'"], "123"),
        (Function::DayOfWeek, &["d'2007-02-03'"], "7"),
        (Function::WeekDay, &["t'2008-02-03 22:23:00'"], "6"),
        (Function::DayOfYear, &["d'2007-02-03'"], "34"),
        (Function::WeekOfYear, &["d'2008-02-20'", "1"], "8"),
        (Function::YearWeek, &["d'1987-01-01'", "0"], "198652"),
        (Function::DateDiff, &["t'2007-12-31 23:59:59'", "d'2007-12-30'"], "1"),
        (Function::DateDiff, &["d'2010-11-30'", "d'2010-12-31'"], "-31"),
        (Function::TimestampDiff(TimeUnit::Month), &["d'2003-02-01'", "d'2003-05-01'"], "3"),
        (Function::ToDays, &["d'2007-10-07'"], "733321"),
        (Function::ToSeconds, &["d'2009-11-29'"], "63426672000"),
        (Function::ToSeconds, &["t'2009-11-29 13:43:32'"], "63426721412"),
        (Function::UnixTimestamp, &["t'1970-01-02 00:00:00'"], "86400"),
        (Function::TimeToSec, &[":22:23:00"], "80580"),
    ] {
        check(f, args, int.clone(), want);
    }
    for (f, args, sql, want) in [
        (Function::DateAdd(TimeUnit::Month), &["d'1998-01-30'", "1"][..], SqlType::Date, "1998-02-28"),
        (Function::DateSub(TimeUnit::Day), &["d'1998-12-01'", "90"], SqlType::Date, "1998-09-02"),
        (Function::DateAdd(TimeUnit::Year), &["d'1994-01-01'", "1"], SqlType::Date, "1995-01-01"),
        (Function::DateAdd(TimeUnit::Year), &["d'2024-02-29'", "1"], SqlType::Date, "2025-02-28"),
        (Function::DateAdd(TimeUnit::Day), &["d'9999-12-31'", "1"], SqlType::Date, "NULL"),
        (
            Function::DateAdd(TimeUnit::Second),
            &["t'2018-12-31 23:59:59'", "1"],
            datetime.clone(),
            "2019-01-01 00:00:00",
        ),
        (
            Function::DateSub(TimeUnit::Second),
            &["t'2025-01-01 00:00:00'", "1.5"],
            datetime.clone(),
            "2024-12-31 23:59:58.500000",
        ),
        (
            Function::DateAdd(TimeUnit::Hour),
            &["d'2024-01-01'", "25"],
            datetime.clone(),
            "2024-01-02 01:00:00",
        ),
        (Function::LastDay, &["d'2003-02-05'"], SqlType::Date, "2003-02-28"),
        (Function::FromDays, &["730669"], SqlType::Date, "2000-07-03"),
        (Function::MakeDate, &["2011", "32"], SqlType::Date, "2011-02-01"),
        (Function::MakeDate, &["2011", "0"], SqlType::Date, "NULL"),
        (Function::DayName, &["d'2007-02-03'"], TEXT, "Saturday"),
        (Function::MonthName, &["d'2008-02-03'"], TEXT, "February"),
        (Function::DateFormat, &["t'2009-10-04 22:23:00'", "'%W %M %Y'"], TEXT, "Sunday October 2009"),
        (Function::FromUnixTime, &["86400"], datetime.clone(), "1970-01-02 00:00:00"),
        (Function::SecToTime, &["2378"], SqlType::Time(0), "00:39:38"),
        (Function::StrToDate, &["'01,5,2013'", "'%d,%m,%Y'"], SqlType::Date, "2013-05-01"),
        (Function::StrToDate, &["'x'", "'%d'"], SqlType::Date, "NULL"),
    ] {
        check(f, args, sql, want);
    }
}

#[test]
fn casts() {
    let unsigned = SqlType::BIGINT_UNSIGNED;
    for (arg, sql, want) in [
        ("'12abc'", SqlType::BIGINT, "12"),
        ("'abc'", SqlType::BIGINT, "0"),
        ("'-5.9'", SqlType::BIGINT, "-5"),
        ("1.5", SqlType::BIGINT, "2"),
        ("-1.5", SqlType::BIGINT, "-2"),
        ("25e-1", SqlType::BIGINT, "2"),
        ("18446744073709551615", SqlType::BIGINT, "-1"),
        ("-1", unsigned.clone(), "18446744073709551615"),
        ("'18446744073709551615'", unsigned, "18446744073709551615"),
        ("d'2024-02-29'", SqlType::BIGINT, "20240229"),
        ("t'2024-02-29 10:11:12'", SqlType::BIGINT, "20240229101112"),
        (":-10:11:12", SqlType::BIGINT, "-101112"),
        ("'1.5e2x'", SqlType::Double, "150"),
        ("1.25", SqlType::Double, "1.25"),
        ("7", SqlType::Double, "7"),
        ("1.005", decimal(10, 2), "1.01"),
        ("-1.005", decimal(10, 2), "-1.01"),
        ("12345.6", decimal(5, 2), "999.99"),
        ("'12.345'", decimal(10, 2), "12.35"),
        ("1e-1", decimal(10, 2), "0.10"),
        ("3", decimal(30, 10), "3.0000000000"),
        ("9223372036854775807", decimal(20, 0), "9223372036854775807"),
        ("18446744073709551615", decimal(20, 0), "18446744073709551615"),
        ("12", SqlType::char(1), "1"),
        ("1.50", SqlType::char(10), "1.50"),
        ("1e20", SqlType::char(10), "1e20"),
        ("'héllo'", SqlType::char(2), "hé"),
        ("d'2024-02-29'", SqlType::char(10), "2024-02-29"),
        ("t'2024-02-29 10:11:12'", SqlType::char(26), "2024-02-29 10:11:12.000000"),
        ("'a'", SqlType::Binary(3), "610000"),
        ("'2024-02-29'", SqlType::Date, "2024-02-29"),
        ("'2024-02-30'", SqlType::Date, "NULL"),
        ("'x'", SqlType::Date, "NULL"),
        ("20240229", SqlType::Date, "2024-02-29"),
        ("t'2024-02-29 23:59:59'", SqlType::Date, "2024-02-29"),
        ("d'2024-02-29'", SqlType::DateTime(0), "2024-02-29 00:00:00"),
        ("'2024-02-29 10:11:12.5'", SqlType::DateTime(0), "2024-02-29 10:11:13"),
        ("'10:11:12'", SqlType::Time(0), "10:11:12"),
        ("101112", SqlType::Time(0), "10:11:12"),
        ("t'2024-02-29 10:11:12'", SqlType::Time(0), "10:11:12"),
        ("NULL", SqlType::BIGINT, "NULL"),
    ] {
        check(Function::Cast, &[arg], sql, want);
    }
}

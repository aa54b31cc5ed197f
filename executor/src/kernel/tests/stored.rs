//! Members, bits, assignments, and what a program does and does not look at.

use allod_planner::zone::Zone;

use super::*;

fn members() -> Members {
    Members::new(["a", "b", "c"])
}

fn letters() -> SqlType {
    SqlType::Enum(members())
}

/// Numbers of members and bits print as what their type says, NULLs among them and constants too.
#[test]
fn members_and_bits_are_printed() {
    let numbers = [Datum::UInt(2), Datum::Null, Datum::UInt(0), Datum::UInt(3)];
    for (from, to, want) in [
        (letters(), SqlType::varchar(1), ["b", "NULL", "", "c"]),
        (SqlType::Set(members()), SqlType::varchar(5), ["b", "NULL", "", "a,b"]),
        (SqlType::Bit(12), SqlType::VarBinary(2), ["\0\u{2}", "NULL", "\0\0", "\0\u{3}"]),
        (letters(), SqlType::BIGINT_UNSIGNED, ["2", "NULL", "0", "3"]),
    ] {
        let array = column(&from, &numbers);
        let batch = Batch::new(vec![array], numbers.len());
        let ty = ColumnType::nullable(to.clone());
        let cast = |e| Expr::call(Function::Cast, vec![e], ty.clone());
        let id = ColumnId(0);
        let run = |e: &Expr| {
            let program = Program::compile(e, &[id]).unwrap();
            program.eval(&batch, &mut Scratch::default()).unwrap()
        };
        let of_column = datums(&run(&cast(Expr::column(id, ColumnType::nullable(from.clone())))));
        assert_eq!(of_column.iter().map(ToString::to_string).collect::<Vec<_>>(), want, "{from}");
        let of_constant = datums(&run(&cast(Expr::constant(numbers[3].clone(), from.clone()))));
        assert_eq!(of_constant[0].to_string(), want[3], "{from}");
    }
}

#[test]
fn assignments() {
    let assign = || Function::Assign { column: "c".into(), unsigned: false, digits: None, zone: Zone::UTC };
    let int = |width, unsigned| SqlType::Int { width, unsigned };
    for (arg, sql, want) in [
        ("127", int(IntWidth::Tiny, false), "127"),
        ("255", int(IntWidth::Tiny, true), "255"),
        ("'12'", int(IntWidth::Int, false), "12"),
        ("'12.5'", int(IntWidth::Int, false), "13"),
        ("1.005", decimal(5, 2), "1.01"),
        ("'x   '", SqlType::varchar(1), "x"),
        ("'x   '", SqlType::char(3), "x"),
        ("12", SqlType::varchar(2), "12"),
        ("'2024-02-29'", SqlType::Date, "2024-02-29"),
        ("t'2024-02-29 10:00:00'", SqlType::Date, "2024-02-29"),
        ("'24'", SqlType::Year, "2024"),
        ("'0'", SqlType::Year, "2000"),
        ("'0000'", SqlType::Year, "0"),
        ("16777217e0", SqlType::Float, "16777216"),
        ("'b '", letters(), "2"),
        ("'3'", letters(), "3"),
        ("1.4", letters(), "1"),
        ("'c,a'", SqlType::Set(members()), "5"),
        ("''", SqlType::Set(members()), "0"),
        ("7", SqlType::Set(members()), "7"),
        ("5", SqlType::Bit(3), "5"),
        ("'A'", SqlType::Bit(8), "65"),
        ("-1", SqlType::Bit(64), "18446744073709551615"),
    ] {
        check(assign(), &[arg], sql, want);
    }
    for (arg, sql, want) in [
        ("128", int(IntWidth::Tiny, false), "Out of range value for column 'c' at row 1"),
        ("-1", int(IntWidth::Int, true), "Out of range value for column 'c' at row 1"),
        ("1000.00", decimal(5, 2), "Out of range value for column 'c' at row 1"),
        ("'abc'", SqlType::BIGINT, "Incorrect integer value: 'abc' for column 'c' at row 1"),
        ("'12abc'", SqlType::BIGINT, "Data truncated for column 'c' at row 1"),
        ("'abc'", decimal(5, 2), "Incorrect decimal value: 'abc' for column 'c' at row 1"),
        ("'abc'", SqlType::varchar(2), "Data too long for column 'c' at row 1"),
        ("'2024-02-30'", SqlType::Date, "Incorrect date value: '2024-02-30' for column 'c' at row 1"),
        ("'x'", SqlType::DateTime(0), "Incorrect datetime value: 'x' for column 'c' at row 1"),
        ("'d'", letters(), "Data truncated for column 'c' at row 1"),
        ("''", letters(), "Data truncated for column 'c' at row 1"),
        ("0", letters(), "Data truncated for column 'c' at row 1"),
        ("4", letters(), "Data truncated for column 'c' at row 1"),
        ("'a,d'", SqlType::Set(members()), "Data truncated for column 'c' at row 1"),
        ("8", SqlType::Set(members()), "Data truncated for column 'c' at row 1"),
        ("8", SqlType::Bit(3), "Data too long for column 'c' at row 1"),
        ("'AB'", SqlType::Bit(8), "Data too long for column 'c' at row 1"),
        ("-1", SqlType::Bit(63), "Data too long for column 'c' at row 1"),
        ("'x'", SqlType::Time(0), "Incorrect time value: 'x' for column 'c' at row 1"),
    ] {
        let error = run(assign(), &[arg], sql).expect_err("it is refused");
        assert_eq!(error.to_string(), want);
    }
    let null = Expr::constant(Datum::Null, SqlType::BIGINT);
    let call = Expr::call(assign(), vec![null], ColumnType::not_null(SqlType::BIGINT));
    let one = Batch { columns: Vec::new(), rows: 1 };
    let program = Program::compile(&call, &[]).unwrap();
    let error = program.eval(&one, &mut Scratch::default()).expect_err("NULL is refused");
    assert_eq!(error.to_string(), "Column 'c' cannot be null");
}

#[test]
fn what_is_not_chosen_does_not_fail() {
    // CASE WHEN a < 10 THEN a * 4611686018427387904 … fails only for rows that are asked.
    let huge = big(Function::Mul, vec![int_column(0), int(1 << 62)]);
    let small = big(Function::Lt, vec![int_column(0), int(2)]);
    let rows: Vec<i64> = (0..100).collect();
    let batch = Batch { columns: vec![Arc::new(Int64Array::from(rows))], rows: 100 };
    let eval =
        |expr: &Expr| Program::compile(expr, &[ColumnId(0)]).unwrap().eval(&batch, &mut Scratch::default());
    assert!(eval(&huge).is_err());
    let case = big(Function::Case, vec![small.clone(), huge.clone(), int_column(0)]);
    let out = datums(&eval(&case).unwrap());
    assert_eq!((&out[1], &out[2]), (&Datum::Int(1 << 62), &Datum::Int(2)));
    let both = big(Function::And, vec![small.clone(), big(Function::Gt, vec![huge.clone(), int(0)])]);
    assert_eq!(datums(&eval(&both).unwrap()).iter().filter(|d| **d == Datum::Int(1)).count(), 1);
    // A conjunct sees only the rows that earlier ones left.
    let conjuncts = [small, big(Function::Gt, vec![huge, int(0)])];
    let predicate = Predicate::compile(&conjuncts, &[ColumnId(0)]).unwrap();
    assert_eq!(predicate.select(&batch, &mut Scratch::default()).unwrap(), Selection::Rows(vec![1]));
}

#[test]
fn a_dictionary_is_looked_at_once() {
    let strings: Vec<Datum> = (0..1000)
        .map(|i| if i % 7 == 0 { Datum::Null } else { Datum::string(format!("s{}", i % 5)) })
        .collect();
    let plain = column(&TEXT, &strings);
    let codes = coded(&plain);
    let s = || Expr::column(ColumnId(0), ColumnType::nullable(TEXT));
    let text = |t: &str| Expr::constant(Datum::string(t), TEXT);
    let ty = ColumnType::nullable(TEXT);
    let exprs = [
        big(Function::Like { escape: None }, vec![s(), text("%3")]),
        big(Function::In, vec![s(), text("s1"), text("s4")]),
        Expr::call(Function::Coalesce, vec![s(), text("none")], ty.clone()),
        Expr::call(Function::Upper, vec![s()], ty.clone()),
        big(Function::IsNull, vec![s()]),
        big(Function::CharLength, vec![s()]),
        Expr::call(Function::Case, vec![big(Function::Eq, vec![s(), text("s2")]), text("two")], ty),
    ];
    let program = Program::compile_all(&exprs, &[ColumnId(0)]).unwrap();
    let mut scratch = Scratch::default();
    let want = program.eval_all(&Batch { columns: vec![plain], rows: 1000 }, &mut scratch).unwrap();
    for _ in 0..2 {
        let got =
            program.eval_all(&Batch { columns: vec![codes.clone()], rows: 1000 }, &mut scratch).unwrap();
        for (want, got) in want.iter().zip(&got) {
            assert_eq!(datums(want), datums(got));
        }
    }
    // Slices share the dictionary.
    let part = Batch { columns: vec![codes.slice(500, 9)], rows: 9 };
    let got = program.eval_all(&part, &mut scratch).unwrap();
    assert_eq!(datums(&got[0]), datums(&want[0])[500..509]);
}

#[test]
fn revenue_is_narrow_and_exact() {
    let ty = |p, s| ColumnType::not_null(decimal(p, s));
    let col = |i| Expr::column(ColumnId(i), ty(15, 2));
    let one = || Expr::constant(Datum::Decimal { value: 1, scale: 0 }, decimal(1, 0));
    let net = Expr::call(
        Function::Mul,
        vec![col(0), Expr::call(Function::Minus, vec![one(), col(1)], ty(16, 2))],
        ty(31, 4),
    );
    let charge = Expr::call(
        Function::Mul,
        vec![net, Expr::call(Function::Plus, vec![one(), col(2)], ty(16, 2))],
        ty(47, 6),
    );
    let d = |v: i128| Datum::Decimal { value: v, scale: 2 };
    let columns = vec![
        column(&decimal(15, 2), &[d(10_494_950), d(90_100)]),
        column(&decimal(15, 2), &[d(4), d(10)]),
        column(&decimal(15, 2), &[d(8), d(0)]),
    ];
    let program = Program::compile(&charge, &[ColumnId(0), ColumnId(1), ColumnId(2)]).unwrap();
    let out = program.eval(&Batch { columns, rows: 2 }, &mut Scratch::default()).unwrap();
    assert_eq!(out.data_type(), &DataType::Decimal64(18, 6));
    assert_eq!(shown(&datums(&out)[0]), "108811.641600");
    let door = to_door(&out, &ty(47, 6)).unwrap();
    assert_eq!(door.data_type(), &DataType::Decimal128(38, 6));
}

//! Random expressions against the model.

use super::*;

/// What the random expressions are over: three columns each of integers, decimals, doubles and strings.
const FAMILIES: [SqlType; 4] =
    [SqlType::BIGINT, SqlType::Decimal { precision: 12, scale: 2 }, SqlType::Double, TEXT];

fn datum(family: usize) -> BoxedStrategy<Datum> {
    let value = match family {
        0 => prop_oneof![4 => -5i64..6, 1 => any::<i64>()].prop_map(Datum::Int).boxed(),
        1 => prop_oneof![4 => -300i64..300, 1 => -999_999_999_999i64..1_000_000_000_000]
            .prop_map(|v| Datum::Decimal { value: i128::from(v), scale: 2 })
            .boxed(),
        2 => prop_oneof![Just(0.0), Just(1.5), Just(-2.0), -1e3..1e3].prop_map(Datum::Double).boxed(),
        _ => "[ab%]{0,3}".prop_map(Datum::string).boxed(),
    };
    prop_oneof![5 => value, 1 => Just(Datum::Null)].boxed()
}

/// An expression of a family, at most `depth` calls deep.
fn expr(family: usize, depth: u32) -> BoxedStrategy<Expr> {
    let ty = ColumnType::nullable(FAMILIES[family].clone());
    let sql = ty.sql.clone();
    let leaf = prop_oneof![
        3 => (0u32..3).prop_map({
            let ty = ty.clone();
            move |i| Expr::column(ColumnId(family as u32 * 3 + i), ty.clone())
        }),
        1 => datum(family).prop_map(move |d| Expr::Constant { value: d, ty: ColumnType::nullable(sql.clone()) }),
    ]
    .boxed();
    if depth == 0 {
        return leaf;
    }
    let same = move || expr(family, depth - 1);
    let condition = move || expr(0, depth - 1);
    let call = move |f: Function, args: Vec<Expr>, ty: &ColumnType| Expr::call(f, args, ty.clone());
    let mut options = vec![leaf];
    let chosen = ty.clone();
    options.push(
        (condition(), same(), condition(), same(), same())
            .prop_map(move |(a, b, c, d, e)| call(Function::Case, vec![a, b, c, d, e], &chosen))
            .boxed(),
    );
    let chosen = ty.clone();
    options
        .push((same(), same()).prop_map(move |(a, b)| call(Function::Coalesce, vec![a, b], &chosen)).boxed());
    let chosen = ty.clone();
    options
        .push((same(), same()).prop_map(move |(a, b)| call(Function::NullIf, vec![a, b], &chosen)).boxed());
    match family {
        0 => {
            let comparison = (0usize..4, 0usize..7).prop_flat_map(move |(family, op)| {
                let f = [
                    Function::Eq,
                    Function::Ne,
                    Function::Lt,
                    Function::Le,
                    Function::Gt,
                    Function::Ge,
                    Function::NullEq,
                ][op]
                    .clone();
                (expr(family, depth - 1), expr(family, depth - 1))
                    .prop_map(move |(a, b)| big(f.clone(), vec![a, b]))
            });
            let within = (0usize..4).prop_flat_map(move |family| {
                let sql = FAMILIES[family].clone();
                (expr(family, depth - 1), prop::collection::vec(datum(family), 1..12)).prop_map(
                    move |(probe, members)| {
                        let ty = ColumnType::nullable(sql.clone());
                        let members =
                            members.into_iter().map(|value| Expr::Constant { value, ty: ty.clone() });
                        big(Function::In, std::iter::once(probe).chain(members).collect())
                    },
                )
            });
            let like = (expr(3, depth - 1), "[ab%_]{0,4}").prop_map(|(s, p)| {
                let pattern = Expr::constant(Datum::string(p), TEXT);
                big(Function::Like { escape: Some('\\') }, vec![s, pattern])
            });
            let arithmetic = (0usize..5, condition(), condition()).prop_map(|(op, a, b)| {
                let f = [Function::Plus, Function::Minus, Function::Mul, Function::IntDiv, Function::Mod][op]
                    .clone();
                big(f, vec![a, b])
            });
            let logic =
                (0usize..3, condition(), condition(), condition()).prop_map(|(op, a, b, c)| match op {
                    0 => big(Function::And, vec![a, b, c]),
                    1 => big(Function::Or, vec![a, b, c]),
                    _ => big(Function::Xor, vec![a, b]),
                });
            let unary =
                (0usize..5, (0usize..3).prop_flat_map(move |f| expr(f, depth - 1))).prop_map(|(op, a)| {
                    big(
                        [
                            Function::Not,
                            Function::IsNull,
                            Function::IsTrue,
                            Function::IsFalse,
                            Function::IsNull,
                        ][op]
                            .clone(),
                        vec![a],
                    )
                });
            options.extend([
                comparison.boxed(),
                within.boxed(),
                like.boxed(),
                arithmetic.boxed(),
                logic.boxed(),
                unary.boxed(),
            ]);
        }
        1 => {
            let arithmetic = (0usize..5, same(), same()).prop_map(move |(op, a, b)| {
                let f = [Function::Plus, Function::Minus, Function::Mul, Function::Div, Function::Mod][op]
                    .clone();
                Expr::call(f, vec![a, b], ColumnType::nullable(FAMILIES[1].clone()))
            });
            options.push(arithmetic.boxed());
        }
        2 => {
            let arithmetic = (0usize..4, same(), same()).prop_map(move |(op, a, b)| {
                let f = [Function::Plus, Function::Minus, Function::Mul, Function::Div][op].clone();
                Expr::call(f, vec![a, b], ColumnType::nullable(SqlType::Double))
            });
            options.push(arithmetic.boxed());
        }
        _ => {}
    }
    proptest::strategy::Union::new(options).boxed()
}

fn rows() -> impl Strategy<Value = Vec<Vec<Datum>>> {
    let row = (0..12usize).map(|c| datum(c / 3)).collect::<Vec<_>>();
    prop::collection::vec(row, 1..90)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn agrees_with_the_model(e in (0usize..4).prop_flat_map(|f| expr(f, 3)), rows in rows()) {
        let ids: Vec<ColumnId> = (0..12).map(ColumnId).collect();
        let plain: Vec<ArrayRef> = (0..12)
            .map(|c| column(&FAMILIES[c / 3], &rows.iter().map(|r| r[c].clone()).collect::<Vec<_>>()))
            .collect();
        // The same in other forms: codes for strings, wide decimals.
        let other: Vec<ArrayRef> = plain
            .iter()
            .map(|a| match a.data_type() {
                DataType::Utf8View => coded(a),
                _ => crate::batch::widen(a),
            })
            .collect();
        let want: Vec<_> = rows.iter().map(|row| model::eval(&e, &|id| row[id as usize].clone())).collect();
        let fails = want.iter().any(Result::is_err);
        let program = Program::compile(&e, &ids).unwrap();
        for columns in [plain, other] {
            let batch = Batch { columns, rows: rows.len() };
            let got = program.eval(&batch, &mut Scratch::default());
            match got {
                Err(error) => prop_assert!(fails, "{error}"),
                Ok(got) => {
                    // A row that fails in the model fails here too.
                    prop_assert!(!fails);
                    for (row, (want, got)) in want.iter().zip(datums(&got)).enumerate() {
                        let want = want.clone().unwrap();
                        prop_assert!(
                            want.is_null() == got.is_null() && want.compare(&got).is_eq(),
                            "row {row} {:?}: model {want}, kernel {got}", rows[row]
                        );
                    }
                    let predicate = Predicate::compile(std::slice::from_ref(&e), &ids).unwrap();
                    let selected = match predicate.select(&batch, &mut Scratch::default()).unwrap() {
                        Selection::All => (0..rows.len() as u32).collect(),
                        Selection::None => Vec::new(),
                        Selection::Rows(picked) => picked,
                    };
                    let holds = |d: &Datum| d.as_f64().is_some_and(|v| v != 0.0);
                    if !want.iter().any(|w| matches!(w, Ok(Datum::String(_)))) {
                        let model: Vec<u32> = (0..rows.len() as u32)
                            .filter(|r| want[*r as usize].as_ref().is_ok_and(holds))
                            .collect();
                        prop_assert_eq!(selected, model);
                    }
                }
            }
        }
    }
}

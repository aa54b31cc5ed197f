//! Functions that choose from a list of arguments, or make one of bits.

use allod_planner::expr::Function;

use super::compare::{self, order_at, text_order};
use super::function::{Failure, Outcome, build_bytes, bytes, ints, text, unfit};
use super::string::build;
use super::value::{Column, Strings, Value};

/// Evaluates a function of lists.
pub(crate) fn apply(function: &Function, args: &[Value], rows: usize) -> Outcome {
    match function {
        Function::Elt => elt(args, rows),
        Function::Field => field(args, rows),
        Function::FindInSet => {
            let (s, set) = (text(&args[0], rows)?, text(&args[1], rows)?);
            Ok(Value::Int(Column::from_options((0..rows).map(|row| {
                let (s, set) = (s.get(row)?, set.get(row)?);
                let found = if set.is_empty() {
                    None
                } else {
                    set.split(',').position(|member| text_order(member, s).is_eq())
                };
                Some(found.map_or(0, |at| at as i64 + 1))
            }))))
        }
        Function::Interval => interval(args, rows),
        Function::MakeSet => make_set(args, rows),
        Function::ExportSet => export_set(args, rows),
        _ => Err(unfit(function)),
    }
}

fn elt(args: &[Value], rows: usize) -> Outcome {
    let Some((n, members)) = args.split_first() else { return Ok(Value::Null) };
    if matches!(n, Value::Null) {
        return Ok(Value::Null);
    }
    let n = ints(n, rows);
    if members.iter().any(|m| matches!(m, Value::Bytes(_))) {
        let members: Vec<_> = members.iter().map(|m| bytes(m, rows)).collect::<Result<_, Failure>>()?;
        return Ok(build_bytes(rows, |row| {
            let at = usize::try_from(n.get(row)?.checked_sub(1)?).ok()?;
            members.get(at)?.get(row)
        }));
    }
    let texts = texts(members, rows)?;
    Ok(build(rows, |row, out| {
        let at = usize::try_from(n.get(row)?.checked_sub(1)?).ok()?;
        out.push_str(texts.get(at)?.as_ref()?.get(row)?);
        Some(())
    }))
}

/// FIELD(x, a, b, …).
fn field(args: &[Value], rows: usize) -> Outcome {
    let Some((x, members)) = args.split_first() else { return Ok(Value::Null) };
    let same_family = members.iter().all(|m| {
        matches!((x, m), (Value::Null, _) | (_, Value::Null))
            || compare::compare(compare::Op::Eq, x, m, rows).is_some()
    });
    if !same_family {
        return Err(unfit(&Function::Field));
    }
    let found = (0..rows).map(|row| {
        let at = members.iter().position(|m| order_at(x, m, row).is_some_and(|o| o.is_eq()));
        Some(at.map_or(0, |at| at as i64 + 1))
    });
    Ok(Value::Int(Column::from_options(found)))
}

/// The texts of arguments; None for those that are NULL in every row.
fn texts(args: &[Value], rows: usize) -> Result<Vec<Option<Strings>>, Failure> {
    args.iter().map(|m| if matches!(m, Value::Null) { Ok(None) } else { text(m, rows).map(Some) }).collect()
}

/// INTERVAL(x, a, b, …): how many come before the first that is greater than x.
fn interval(args: &[Value], rows: usize) -> Outcome {
    let Some((x, bounds)) = args.split_first() else { return Ok(Value::Null) };
    let places = (0..rows).map(|row| {
        if x.is_null(row) {
            return Some(-1);
        }
        let greater = |bound: &Value| order_at(x, bound, row).is_some_and(|order| order.is_lt());
        Some(bounds.iter().position(greater).unwrap_or(bounds.len()) as i64)
    });
    Ok(Value::Int(Column::from_options(places)))
}

/// MAKE_SET(bits, a, b, …).
fn make_set(args: &[Value], rows: usize) -> Outcome {
    let Some((bits, members)) = args.split_first() else { return Ok(Value::Null) };
    if matches!(bits, Value::Null) {
        return Ok(Value::Null);
    }
    let bits = ints(bits, rows);
    let texts = texts(members, rows)?;
    Ok(build(rows, |row, out| {
        let bits = bits.get(row)?;
        let mut first = true;
        for (_, text) in texts.iter().take(64).enumerate().filter(|(at, _)| bits >> at & 1 == 1) {
            let Some(text) = text.as_ref().and_then(|t| t.get(row)) else { continue };
            if !first {
                out.push(',');
            }
            first = false;
            out.push_str(text);
        }
        Some(())
    }))
}

/// EXPORT_SET(bits, on, off[, separator[, number of bits]]).
fn export_set(args: &[Value], rows: usize) -> Outcome {
    let bits = ints(&args[0], rows);
    let (on, off) = (text(&args[1], rows)?, text(&args[2], rows)?);
    let separator = match args.get(3) {
        Some(v) => text(v, rows)?,
        None => Strings::One(",".into()),
    };
    let count = args.get(4).map_or(Column::one(64), |v| ints(v, rows));
    Ok(build(rows, |row, out| {
        let (bits, on, off, separator) = (bits.get(row)?, on.get(row)?, off.get(row)?, separator.get(row)?);
        // A negative number of bits is a large one.
        let count = usize::try_from(count.get(row)?).map_or(64, |n| n.min(64));
        for at in 0..count {
            if at > 0 {
                out.push_str(separator);
            }
            out.push_str(if bits >> at & 1 == 1 { on } else { off });
        }
        Some(())
    }))
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::SqlType;

    use super::super::tests::{TEXT, check};
    use super::*;

    /// By MySQL's manual and TiDB's scripts.
    #[test]
    fn sets_of_bits() {
        let five = "Y,N,Y,N";
        for (f, args, want) in [
            (Function::MakeSet, &["1", "'a'", "'b'", "'c'"][..], "a"),
            (Function::MakeSet, &["5", "'hello'", "'nice'", "'world'"], "hello,world"),
            (Function::MakeSet, &["5", "'hello'", "'nice'", "NULL", "'world'"], "hello"),
            (Function::MakeSet, &["0", "'a'"], ""),
            (Function::MakeSet, &["3", "NULL", "'b'"], "b"),
            (Function::MakeSet, &["NULL", "'a'"], "NULL"),
            (Function::ExportSet, &["5", "'Y'", "'N'", "','", "4"], five),
            (Function::ExportSet, &["6", "'1'", "'0'", "','", "10"], "0,1,1,0,0,0,0,0,0,0"),
            (Function::ExportSet, &["7", "'1'", "'0'", "','", "1"], "1"),
            (Function::ExportSet, &["NULL", "'1'", "'0'"], "NULL"),
        ] {
            check(f, args, TEXT, want);
        }
        let all = format!("1,1,1{}", ",0".repeat(61));
        check(Function::ExportSet, &["7", "'1'", "'0'"], TEXT, &all);
        check(Function::ExportSet, &["7", "'1'", "'0'", "','", "-1"], TEXT, &all);
    }

    #[test]
    fn intervals_of_numbers() {
        for (args, want) in [
            (&["23", "1", "15", "17", "30", "44", "200"][..], "3"),
            (&["10", "1", "10", "100", "1000"], "2"),
            (&["22", "23", "30", "44", "200"], "0"),
            (&["NULL", "1"], "-1"),
            (&["300", "23", "30", "44", "200"], "4"),
            (&["5", "1", "NULL", "10"], "2"),
        ] {
            check(Function::Interval, args, SqlType::BIGINT, want);
        }
    }
}

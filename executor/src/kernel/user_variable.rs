//! User variables of a statement that assigns to them: `@a` and `@a := x`.
//!
//! Such a statement is run by one worker, row by row, so that what a row reads is what the row before it wrote.

use allod_planner::expr::{Expr, Function, Volatile, cast_constant};
use allod_storage::schema::{ColumnType, Datum, SqlType};

use super::program::{Frame, Node, Program};
use super::scratch::Scratch;
use super::value::Value;
use crate::batch::Batch;
use crate::error::{Error, Result};
use crate::values;

/// Evaluates a call of the family; `sql` is the type of its value.
pub(super) fn eval(
    what: Volatile,
    program: &Program,
    node: &Node,
    sql: &SqlType,
    frame: &mut Frame<'_>,
    scratch: &mut Scratch,
) -> Result<Value> {
    let name = node.args.first().and_then(|name| program.constant(*name));
    let Some(Datum::String(name)) = name else {
        return Err(Error::Plan("a user variable without a name".into()));
    };
    match (what, node.args.get(1)) {
        (Volatile::GetVariable, None) => {
            let Some((value, from)) = scratch.variables()?.get(name) else { return Ok(Value::Null) };
            let value = as_type(&value, &from, sql, scratch)?;
            Value::from_datum(&value).conform(sql)
        }
        (Volatile::SetVariable, Some(&value)) => {
            let rows = frame.rows;
            let value = program.value(value, frame, scratch)?;
            // What counts is the last row's.
            if let Some(last) = rows.checked_sub(1) {
                let column = value.clone().into_array(sql, rows)?;
                scratch.variables()?.set(name, values::datum(&column, last)?, sql);
            }
            Ok(value)
        }
        _ => Err(Error::Plan(format!("{} with other arguments", what.name()))),
    }
}

/// What a variable holds, as the type that its statement was bound with.
fn as_type(value: &Datum, from: &SqlType, to: &SqlType, scratch: &mut Scratch) -> Result<Datum> {
    if let Some(value) = cast_constant(value, from, to) {
        return Ok(value);
    }
    let ty = |sql: &SqlType| ColumnType::nullable(sql.clone());
    let held = Expr::Constant { value: value.clone(), ty: ty(from) };
    let cast = Program::compile(&Expr::call(Function::Cast, vec![held], ty(to)), &[])?;
    values::datum(&cast.eval(&Batch::new(Vec::new(), 1), scratch)?, 0)
}

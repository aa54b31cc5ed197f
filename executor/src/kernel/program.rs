//! Compiled expressions.
//!
//! [`Program::compile_all`] turns expressions into a list of nodes, arguments before what uses them, in which equal
//! subexpressions are one node. Evaluation walks down from a root and keeps each node's value in its slot of the *frame*:
//! the rows that are being looked at. So a shared subexpression is computed once, and each node dispatches on its function
//! and the forms of its arguments once per batch.
//!
//! **Rows that must not be looked at.** CASE evaluates a branch only for the rows that chose it, AND its second argument
//! only where the first is not FALSE; an overflow elsewhere must not surface. The usual branch is cheap and does not fail,
//! so it is computed for all rows and the choice made afterwards. Only if that fails, or if few rows are wanted and the
//! branch is dear, are those rows gathered into a frame of their own ([`Program::guarded`]).
//!
//! **Dictionaries.** A call that depends on one string column and constants is marked when compiled. If the batch brings
//! that column as dictionary codes, the call is evaluated over the dictionary's values, once per worker, and the codes are
//! mapped through the result: `l_shipmode IN ('MAIL', 'SHIP')` becomes seven comparisons and one table lookup per row.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use allod_planner::column::ColumnId;
use allod_planner::expr::{Expr, Function};
use allod_storage::schema::{Datum, SqlType};
use arrow::array::{Array, ArrayRef, AsArray, DictionaryArray, StringViewArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::UInt16Type;
use hashbrown::HashMap;

use super::function::{self, Prepared};
use super::number::write_double;
use super::scratch::{Known, Scratch};
use super::unchecked::views_over;
use super::value::{Bools, Strings, Value};
use super::{bits, control, volatile};
use crate::batch::{Batch, Selection, concat, position, take};
use crate::error::{Error, Result};

/// One or more expressions over the same input, compiled once; what they have in common is computed once. Immutable, shared
/// by workers; what a worker learns on the way is in its [`Scratch`].
#[derive(Debug)]
pub struct Program {
    /// Tells programs apart in a scratch.
    id: u64,
    nodes: Vec<Node>,
    roots: Vec<usize>,
    /// Whether it asks sequences several times, so that one row's values come before the next one's.
    in_turn: bool,
}

/// One subexpression.
#[derive(Debug)]
pub(crate) struct Node {
    op: Op,
    /// Arguments, all before this node.
    pub args: Box<[usize]>,
    /// Type of the result.
    pub sql: SqlType,
    /// Whether the type has NULLs.
    pub nullable: bool,
    /// What was made ready at compile time from constant arguments.
    pub prepared: Prepared,
    /// The one string column that a call depends on, if it depends on nothing else.
    dictionary: Option<usize>,
    /// Whether arithmetic will want the bound of this decimal column.
    measure: bool,
    /// Rough cost of a row.
    cost: u32,
    /// Whether a part has another value each time.
    volatile: bool,
    /// Whether it depends on no column.
    constant: bool,
}

#[derive(Debug)]
enum Op {
    /// Position in the batch, and the id for messages.
    Column(usize, ColumnId),
    Constant(Datum, Value),
    Call(Function),
}

/// Rows being looked at, and what is known of them.
pub(crate) struct Frame<'a> {
    source: Source<'a>,
    /// Number of rows.
    pub rows: usize,
    slots: Vec<Option<Value>>,
    /// The frame that these rows were picked from, and their positions in it.
    parent: Option<(&'a Frame<'a>, &'a [u32])>,
}

/// Where columns come from.
enum Source<'a> {
    /// All rows of a batch.
    Batch(&'a [ArrayRef]),
    /// Some rows of a batch.
    Rows(&'a [ArrayRef], Vec<u32>),
    /// Nowhere: the columns that matter are in their slots.
    Slots,
}

impl Program {
    /// Compiles one expression over batches whose columns are `input`.
    pub fn compile(expr: &Expr, input: &[ColumnId]) -> Result<Program> {
        Program::compile_all([expr], input)
    }

    /// Compiles several expressions that will be evaluated together.
    pub fn compile_all<'e>(exprs: impl IntoIterator<Item = &'e Expr>, input: &[ColumnId]) -> Result<Program> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut compiler = Compiler { input, nodes: Vec::new(), known: HashMap::new(), single: Vec::new() };
        let roots = exprs.into_iter().map(|e| compiler.add(e)).collect::<Result<Vec<_>>>()?;
        let asks =
            |node: &&Node| matches!(&node.op, Op::Call(Function::Volatile { what, .. }) if what.in_turn());
        let in_turn = compiler.nodes.iter().filter(asks).count() > 1;
        Ok(Program { id: NEXT.fetch_add(1, Ordering::Relaxed), nodes: compiler.nodes, roots, in_turn })
    }

    /// The first expression's value for every row.
    pub fn eval(&self, batch: &Batch, scratch: &mut Scratch) -> Result<ArrayRef> {
        if self.in_turn {
            return self.eval_all(batch, scratch).map(|mut columns| columns.swap_remove(0));
        }
        let mut frame = self.frame(batch);
        self.root(0, &mut frame, scratch)
    }

    /// Every expression's value for every row.
    pub fn eval_all(&self, batch: &Batch, scratch: &mut Scratch) -> Result<Vec<ArrayRef>> {
        self.eval_selected(batch, &Selection::All, scratch)
    }

    /// Every expression's value for the selected rows; columns are gathered only if an expression uses them.
    pub fn eval_selected(
        &self,
        batch: &Batch,
        selection: &Selection,
        scratch: &mut Scratch,
    ) -> Result<Vec<ArrayRef>> {
        let rows = selection.count(batch.rows);
        if self.in_turn && rows > 1 {
            return self.eval_in_turn(batch, selection, scratch);
        }
        let mut frame = match selection {
            Selection::All => self.frame(batch),
            Selection::None => self.picked(batch, Vec::new()),
            Selection::Rows(rows) => self.picked(batch, rows.clone()),
        };
        let mark = scratch.notices.mark();
        let columns = (0..self.roots.len()).map(|root| self.root(root, &mut frame, scratch)).collect();
        scratch.notices.order_since(mark);
        columns
    }

    /// The same row by row: each row's values are all there before the next row's begin.
    fn eval_in_turn(
        &self,
        batch: &Batch,
        selection: &Selection,
        scratch: &mut Scratch,
    ) -> Result<Vec<ArrayRef>> {
        let rows: Vec<u32> = match selection {
            Selection::All => (0..batch.rows as u32).collect(),
            Selection::None => vec![],
            Selection::Rows(rows) => rows.clone(),
        };
        let first_row = scratch.notices.first_row;
        let mut columns = vec![Vec::with_capacity(rows.len()); self.roots.len()];
        for (at, row) in rows.into_iter().enumerate() {
            scratch.notices.first_row = first_row + at;
            let values = self.eval_selected(batch, &Selection::Rows(vec![row]), scratch)?;
            columns.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
        scratch.notices.first_row = first_row;
        Ok(columns.iter().map(|column| concat(column)).collect())
    }

    /// Whether all expressions are to be asked for one row before the next.
    pub(crate) fn in_turn(&self) -> bool {
        self.in_turn
    }

    /// Number of expressions.
    pub(crate) fn roots(&self) -> usize {
        self.roots.len()
    }

    /// A frame of a whole batch.
    pub(crate) fn frame<'a>(&self, batch: &'a Batch) -> Frame<'a> {
        let slots = vec![None; self.nodes.len()];
        Frame { source: Source::Batch(&batch.columns), rows: batch.rows, slots, parent: None }
    }

    /// A frame of some rows of a batch.
    pub(crate) fn picked<'a>(&self, batch: &'a Batch, rows: Vec<u32>) -> Frame<'a> {
        let slots = vec![None; self.nodes.len()];
        Frame { rows: rows.len(), source: Source::Rows(&batch.columns, rows), slots, parent: None }
    }

    fn root(&self, root: usize, frame: &mut Frame<'_>, scratch: &mut Scratch) -> Result<ArrayRef> {
        let id = self.roots[root];
        // A bare column goes through as it is.
        if let (Op::Column(at, _), Source::Batch(columns)) = (&self.nodes[id].op, &frame.source) {
            return column_at(columns, *at).cloned();
        }
        let rows = frame.rows;
        self.value(id, frame, scratch)?.into_array(&self.nodes[id].sql, rows)
    }

    /// Truth of an expression for every row of the frame.
    pub(crate) fn truth(&self, root: usize, frame: &mut Frame<'_>, scratch: &mut Scratch) -> Result<Bools> {
        let value = self.value(self.roots[root], frame, scratch)?;
        Ok(value.truth(frame.rows))
    }

    /// Whether an expression is better, or must be, computed only for the `count` of `rows` that matter.
    pub(crate) fn is_sparse(&self, root: usize, count: usize, rows: usize) -> bool {
        let node = &self.nodes[self.roots[root]];
        node.volatile || sparse(node.cost, count, rows)
    }

    /// What tells it apart in a scratch.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The type of a node's value.
    pub(crate) fn type_of(&self, id: usize) -> &SqlType {
        &self.nodes[id].sql
    }

    /// A constant node's value.
    pub(crate) fn constant(&self, id: usize) -> Option<&Datum> {
        match &self.nodes[id].op {
            Op::Constant(datum, _) => Some(datum),
            Op::Column(..) | Op::Call(_) => None,
        }
    }

    /// The value of a node for every row of the frame.
    pub(crate) fn value(&self, id: usize, frame: &mut Frame<'_>, scratch: &mut Scratch) -> Result<Value> {
        if let Some(known) = frame.find(id) {
            frame.slots[id] = Some(known.clone());
            return Ok(known);
        }
        let node = &self.nodes[id];
        let value = match &node.op {
            Op::Constant(_, value) => return Ok(value.clone()),
            Op::Column(at, _) => match frame.load(*at)? {
                Value::Decimal(v) if node.measure => Value::Decimal(v.measured()),
                value => value,
            },
            Op::Call(function) => match self.by_dictionary(id, frame, scratch)? {
                Some(value) => value,
                None => self.call(id, function, frame, scratch)?,
            },
        };
        frame.slots[id] = Some(value.clone());
        Ok(value)
    }

    /// The value of a node where `wanted` is set; elsewhere it may be anything, and what fails there does not matter.
    pub(crate) fn guarded(
        &self,
        id: usize,
        wanted: &BooleanBuffer,
        frame: &mut Frame<'_>,
        scratch: &mut Scratch,
    ) -> Result<Value> {
        let count = wanted.count_set_bits();
        if count == frame.rows {
            return self.value(id, frame, scratch);
        }
        if count == 0 {
            return Ok(Value::Null);
        }
        let cost = self.nodes[id].cost;
        if (!sparse(cost, count, frame.rows) || cost == 0 || frame.find(id).is_some())
            && !self.nodes[id].volatile
        {
            let mark = scratch.notices.mark();
            if let Ok(value) = self.value(id, frame, scratch)
                && scratch.notices.mark() == mark
            {
                return Ok(value);
            }
            // It may have been about rows that nobody asked for.
            scratch.notices.back_to(mark);
            self.forget(id, frame);
        }
        let rows: Vec<u32> = wanted.set_indices_u32().collect();
        let value = {
            let parent: &Frame<'_> = frame;
            let mut child = parent.pick(&rows);
            self.value(id, &mut child, scratch)?
        };
        // Back to the frame's rows: the others get the first one's value.
        let mut back = vec![0u32; frame.rows];
        for (position, row) in rows.iter().enumerate() {
            back[*row as usize] = position as u32;
        }
        Ok(value.take(&back))
    }

    /// Forgets what a frame knows of a node and of what it is made of.
    fn forget(&self, id: usize, frame: &mut Frame<'_>) {
        frame.slots[id] = None;
        self.nodes[id].args.iter().for_each(|arg| self.forget(*arg, frame));
    }

    /// The value of a node for these rows of a frame, whatever is known of it and of what it is made of.
    pub(crate) fn afresh(
        &self,
        id: usize,
        rows: &[u32],
        frame: &Frame<'_>,
        scratch: &mut Scratch,
    ) -> Result<Value> {
        let mut own = Frame { parent: None, ..frame.pick(rows) };
        self.value(id, &mut own, scratch)
    }

    fn call(
        &self,
        id: usize,
        function: &Function,
        frame: &mut Frame<'_>,
        scratch: &mut Scratch,
    ) -> Result<Value> {
        let node = &self.nodes[id];
        match function {
            Function::And => control::and(self, node, frame, scratch),
            Function::Or => control::or(self, node, frame, scratch),
            Function::Case => control::case(self, node, frame, scratch),
            Function::If => control::case(self, node, frame, scratch),
            Function::IfNull | Function::Coalesce => control::coalesce(self, node, frame, scratch),
            Function::Volatile { what, .. } => volatile::eval(*what, self, id, node, frame, scratch),
            _ => {
                let mut args = Vec::with_capacity(node.args.len());
                for arg in &node.args {
                    args.push(self.value(*arg, frame, scratch)?);
                }
                let types = |i: usize| &self.nodes[node.args[i]].sql;
                let mark = scratch.notices.mark();
                let value = function::apply(function, node, &args, &types, frame.rows, &mut scratch.notices)
                    .map_err(|e| {
                        e.resolve(|ty| Error::OutOfRange { ty, expression: self.render(id).into() })
                    })?;
                if node.constant {
                    scratch.notices.of_constant(self.id, id, mark);
                }
                Ok(value)
            }
        }
    }

    /// A call on one string column that came as codes: through the dictionary, if that pays and works.
    fn by_dictionary(
        &self,
        id: usize,
        frame: &mut Frame<'_>,
        scratch: &mut Scratch,
    ) -> Result<Option<Value>> {
        let Some(column) = self.nodes[id].dictionary else { return Ok(None) };
        let Value::String(Strings::Codes(codes)) = self.value(column, frame, scratch)? else {
            return Ok(None);
        };
        let (known, pays) = scratch.dictionary(self.id, id, &codes);
        let mapped = match known {
            Known::Mapped(value) => value,
            Known::Fails => return Ok(None),
            Known::NotYet if !pays => return Ok(None),
            Known::NotYet => {
                let values = with_null(codes.values().as_string_view());
                let mut slots = vec![None; self.nodes.len()];
                let rows = values.len();
                slots[column] = Some(Value::String(Strings::Views(values)));
                let mut over = Frame { source: Source::Slots, rows, slots, parent: None };
                let mark = scratch.notices.mark();
                match self.value(id, &mut over, scratch) {
                    Ok(value) if scratch.notices.mark() == mark => {
                        scratch.learn(self.id, id, &codes, Known::Mapped(value.clone()));
                        value
                    }
                    // What it says is about rows, not about values that perhaps no row has.
                    Ok(_) | Err(_) => {
                        scratch.notices.back_to(mark);
                        scratch.learn(self.id, id, &codes, Known::Fails);
                        return Ok(None);
                    }
                }
            }
        };
        Ok(Some(map_codes(&mapped, &codes)))
    }

    /// A node as SQL, for messages.
    pub(crate) fn render(&self, id: usize) -> String {
        let node = &self.nodes[id];
        match &node.op {
            Op::Column(_, id) => format!("Column{id}"),
            Op::Constant(Datum::String(s), _) => format!("'{s}'"),
            Op::Constant(Datum::Double(v), _) => {
                let mut shown = String::new();
                write_double(*v, &mut shown);
                shown
            }
            Op::Constant(datum, _) => datum.to_string(),
            Op::Call(function) => {
                let args: Vec<String> = node.args.iter().map(|a| self.render(*a)).collect();
                function::render(function, &args, &node.sql)
            }
        }
    }
}

/// From this cost of a row on it pays to evaluate only the rows that are wanted, even if they are many.
const DEAR: u32 = 10;

/// Whether `count` of `rows` are so few that gathering them costs less than computing what is not wanted.
fn sparse(cost: u32, count: usize, rows: usize) -> bool {
    count * 8 < rows || (cost >= DEAR && count * 2 < rows)
}

impl<'a> Frame<'a> {
    /// A node's value, if it is known here or where these rows come from.
    fn find(&self, id: usize) -> Option<Value> {
        if let Some(value) = &self.slots[id] {
            return Some(value.clone());
        }
        let (parent, rows) = self.parent?;
        parent.find(id).map(|value| value.take(rows))
    }

    fn load(&self, at: usize) -> Result<Value> {
        match &self.source {
            Source::Batch(columns) => Value::from_array(column_at(columns, at)?),
            Source::Rows(columns, rows) => Value::from_array(&take(column_at(columns, at)?, rows)),
            Source::Slots => Err(Error::Plan("an expression over a dictionary uses another column".into())),
        }
    }

    /// A frame of some of these rows.
    fn pick<'b>(&'b self, rows: &'b [u32]) -> Frame<'b> {
        let source = match &self.source {
            Source::Batch(columns) => Source::Rows(columns, rows.to_vec()),
            Source::Rows(columns, all) => {
                Source::Rows(columns, rows.iter().map(|&r| all[r as usize]).collect())
            }
            Source::Slots => Source::Slots,
        };
        Frame { source, rows: rows.len(), slots: vec![None; self.slots.len()], parent: Some((self, rows)) }
    }
}

fn column_at(columns: &[ArrayRef], at: usize) -> Result<&ArrayRef> {
    columns.get(at).ok_or_else(|| Error::Plan(format!("the batch has no column {at}")))
}

/// The values of a dictionary, and NULL behind them.
fn with_null(values: &StringViewArray) -> StringViewArray {
    let mut views = values.views().to_vec();
    views.push(0);
    let valid = BooleanBuffer::collect_bool(views.len(), |i| i < values.len() && values.is_valid(i));
    views_over(values, views.into(), Some(NullBuffer::new(valid)))
}

/// The results for a dictionary's values (and for NULL behind them), mapped to rows.
fn map_codes(mapped: &Value, codes: &DictionaryArray<UInt16Type>) -> Value {
    let keys = codes.keys().values();
    let last = codes.values().len() as u32;
    let nulls = codes.nulls().filter(|n| n.null_count() > 0);
    if let (Value::Bool(v), None) = (mapped, nulls) {
        let table: Vec<bool> = v.bits.iter().collect();
        let bits = bits::of_one(keys, |c| table[c as usize]);
        // The NULL behind the values is always there; does any value itself give NULL?
        let unknown = v.nulls.as_ref().filter(|n| n.slice(0, last as usize).null_count() > 0);
        let nulls =
            unknown.map(|n| NullBuffer::new(bits::of_rows(keys.len(), |i| n.is_valid(keys[i] as usize))));
        return Value::Bool(Bools::new(bits, nulls));
    }
    let rows: Vec<u32> = match nulls {
        None => keys.iter().map(|c| u32::from(*c)).collect(),
        Some(nulls) => keys
            .iter()
            .enumerate()
            .map(|(i, c)| if nulls.is_valid(i) { u32::from(*c) } else { last })
            .collect(),
    };
    mapped.take(&rows)
}

/// Builds the nodes.
struct Compiler<'a> {
    input: &'a [ColumnId],
    nodes: Vec<Node>,
    known: HashMap<Key, usize>,
    /// For each node: which columns it depends on.
    single: Vec<Depends>,
}

/// What a subexpression depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depends {
    Nothing,
    /// One string column (its node).
    One(usize),
    Other,
}

/// What makes two nodes equal.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    Column(ColumnId),
    Constant(Constant, SqlType),
    Call(Function, Vec<usize>, SqlType, bool),
}

/// A constant as it is written: 0.0 and -0.0, 1 and 1.0 are different.
#[derive(PartialEq, Eq, Hash)]
enum Constant {
    Null,
    /// Which kind, and its bits.
    Number(u8, i128),
    Decimal(u8, i128),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
}

impl Constant {
    fn of(value: &Datum) -> Constant {
        match value {
            Datum::Null => Constant::Null,
            Datum::Int(v) => Constant::Number(0, (*v).into()),
            Datum::UInt(v) => Constant::Number(1, (*v).into()),
            Datum::Double(v) => Constant::Number(2, v.to_bits().into()),
            Datum::Date(v) => Constant::Number(3, (*v).into()),
            Datum::DateTime(v) => Constant::Number(4, (*v).into()),
            Datum::Time(v) => Constant::Number(5, (*v).into()),
            Datum::Decimal { value, scale } => Constant::Decimal(*scale, *value),
            Datum::String(v) => Constant::String(Arc::clone(v)),
            Datum::Bytes(v) => Constant::Bytes(Arc::clone(v)),
        }
    }
}

impl Compiler<'_> {
    fn add(&mut self, expr: &Expr) -> Result<usize> {
        let (key, args) = match expr {
            Expr::Column { id, .. } => (Key::Column(*id), Vec::new()),
            Expr::Constant { value, ty } => (Key::Constant(Constant::of(value), ty.sql.clone()), Vec::new()),
            Expr::Call { function, args, ty } => {
                let args = args.iter().map(|a| self.add(a)).collect::<Result<Vec<_>>>()?;
                (Key::Call(function.clone(), args.clone(), ty.sql.clone(), ty.nullable), args)
            }
        };
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let id = self.nodes.len();
        let sql = expr.ty().sql.clone();
        let mut prepared = Prepared::Nothing;
        let mut volatile = args.iter().any(|a| self.nodes[*a].volatile);
        let mut cost = args.iter().map(|a| self.nodes[*a].cost).fold(0, u32::saturating_add);
        let mut depends =
            args.iter().map(|a| self.single[*a]).fold(Depends::Nothing, |all, next| match (all, next) {
                (Depends::Nothing, one) | (one, Depends::Nothing) => one,
                (a, b) if a == b => a,
                _ => Depends::Other,
            });
        let op = match expr {
            Expr::Column { id: column, ty } => {
                depends = if ty.sql.is_string() { Depends::One(id) } else { Depends::Other };
                Op::Column(position(self.input, *column)?, *column)
            }
            Expr::Constant { value, ty } => {
                Op::Constant(value.clone(), Value::from_datum(value).conform_constant(&ty.sql)?)
            }
            Expr::Call { function, args: arg_exprs, .. } => {
                if let Function::Volatile { .. } = function {
                    volatile = true;
                    depends = Depends::Other;
                }
                cost = cost.saturating_add(function::cost(function, arg_exprs));
                prepared = function::prepare(function, arg_exprs)?;
                if matches!(sql, SqlType::Decimal { .. }) {
                    for arg in &args {
                        self.nodes[*arg].measure = true;
                    }
                }
                Op::Call(function.clone())
            }
        };
        let dictionary = match (&op, depends) {
            (Op::Call(_), Depends::One(column)) => Some(column),
            _ => None,
        };
        let nullable = expr.ty().nullable;
        let args = args.into_boxed_slice();
        self.nodes.push(Node {
            op,
            args,
            sql,
            nullable,
            prepared,
            dictionary,
            measure: false,
            cost,
            volatile,
            constant: depends == Depends::Nothing && !volatile,
        });
        self.single.push(depends);
        self.known.insert(key, id);
        Ok(id)
    }
}

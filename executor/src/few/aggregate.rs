//! Aggregates over all rows there are, a value at a time.

use std::sync::Arc;

use allod_planner::expr::{AggregateCall, AggregateFunction, Expr};
use allod_storage::schema::ColumnType;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal64Type, Decimal128Type, Int64Type, TimestampMicrosecondType, UInt64Type,
};

use super::compile::At;

/// An aggregate and what it is of.
#[derive(Debug)]
pub(super) struct Total {
    kind: Kind,
    /// `None` = whole rows.
    at: Option<At>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Sum,
    Min,
    Max,
}

/// What it has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Running {
    rows: i64,
    value: i128,
}

impl Total {
    /// If it is one that is made of whole numbers.
    pub fn of(call: &AggregateCall, at: impl Fn(&Expr) -> Option<At>) -> Option<Total> {
        let AggregateCall { function, args, distinct, ty } = call;
        let ty = ty.arrow();
        let kind = match function {
            AggregateFunction::CountAll => return Some(Total { kind: Kind::Count, at: None }),
            AggregateFunction::Count => Kind::Count,
            AggregateFunction::Sum => Kind::Sum,
            AggregateFunction::Min => Kind::Min,
            AggregateFunction::Max => Kind::Max,
            _ => return None,
        };
        let [arg] = &**args else { return None };
        if let (Kind::Count, Expr::Constant { value, .. }) = (kind, arg)
            && !value.is_null()
            && !distinct
        {
            return Some(Total { kind, at: None });
        }
        let fits = match kind {
            Kind::Count => true,
            Kind::Sum => scale_of(&ty).is_some() && scale_of(&ty) == scale_of(&arg.ty().arrow()),
            Kind::Min | Kind::Max => is_whole(&ty) && ty == arg.ty().arrow(),
        };
        let is_plain = !distinct || matches!(kind, Kind::Min | Kind::Max);
        let at = at(arg).filter(|_| fits && is_plain)?;
        Some(Total { kind, at: Some(at) })
    }

    /// The column that it is of; `None` = it counts rows.
    pub fn at(&self) -> Option<At> {
        self.at
    }

    /// Takes in a row: its value is in this column. `None` = it cannot.
    pub fn add(&self, running: &mut Running, column: Option<(&ArrayRef, usize)>) -> Option<()> {
        let Some((column, row)) = column else {
            running.rows += 1;
            return Some(());
        };
        if column.is_null(row) {
            return Some(());
        }
        running.rows += 1;
        if self.kind == Kind::Count {
            return Some(());
        }
        let value = whole(column, row)?;
        let is_first = running.rows == 1;
        running.value = match self.kind {
            Kind::Count => 0,
            Kind::Sum => running.value.checked_add(value)?,
            Kind::Min if is_first => value,
            Kind::Min => running.value.min(value),
            Kind::Max if is_first => value,
            Kind::Max => running.value.max(value),
        };
        Some(())
    }

    /// The result, as a column of one row, in the type of the door.
    pub fn finish(&self, running: Running, ty: &ColumnType) -> Option<ArrayRef> {
        let value = match self.kind {
            Kind::Count => Some(running.rows.into()),
            Kind::Sum | Kind::Min | Kind::Max => (running.rows > 0).then_some(running.value),
        };
        one(&ty.arrow(), value)
    }
}

/// Digits behind the point of what is a whole number of units.
pub(super) fn scale_of(ty: &DataType) -> Option<i8> {
    match ty {
        DataType::Decimal64(_, scale) | DataType::Decimal128(_, scale) => Some(*scale),
        DataType::Int64 | DataType::UInt64 => Some(0),
        _ => None,
    }
}

/// Whether values are whole numbers of something.
pub(super) fn is_whole(ty: &DataType) -> bool {
    scale_of(ty).is_some() || matches!(ty, DataType::Date32 | DataType::Timestamp(..))
}

/// How many.
pub(super) fn whole(column: &ArrayRef, row: usize) -> Option<i128> {
    Some(match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt64 => column.as_primitive::<UInt64Type>().value(row).into(),
        DataType::Date32 => column.as_primitive::<Date32Type>().value(row).into(),
        DataType::Decimal64(..) => column.as_primitive::<Decimal64Type>().value(row).into(),
        DataType::Decimal128(..) => column.as_primitive::<Decimal128Type>().value(row),
        DataType::Timestamp(..) => column.as_primitive_opt::<TimestampMicrosecondType>()?.value(row).into(),
        _ => return None,
    })
}

/// A column of this one number, or of NULL; `None` if the type cannot hold it.
fn one(ty: &DataType, value: Option<i128>) -> Option<ArrayRef> {
    fn array<T: ArrowPrimitiveType>(ty: &DataType, value: Option<i128>) -> Option<ArrayRef>
    where
        T::Native: TryFrom<i128>,
    {
        let nulls = value.is_none().then(|| NullBuffer::new_null(1));
        let values = vec![T::Native::try_from(value.unwrap_or_default()).ok()?];
        Some(Arc::new(PrimitiveArray::<T>::new(values.into(), nulls).with_data_type(ty.clone())))
    }
    let fits = |digits: u8| value.is_none_or(|value| value.unsigned_abs() < 10u128.pow(digits.into()));
    match ty {
        DataType::Int64 => array::<Int64Type>(ty, value),
        DataType::UInt64 => array::<UInt64Type>(ty, value),
        DataType::Date32 => array::<Date32Type>(ty, value),
        DataType::Decimal64(digits, _) if fits(*digits) => array::<Decimal64Type>(ty, value),
        DataType::Decimal128(digits, _) if fits(*digits) => array::<Decimal128Type>(ty, value),
        DataType::Timestamp(..) => array::<TimestampMicrosecondType>(ty, value),
        _ => None,
    }
}

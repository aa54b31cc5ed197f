//! Rust values as parameters of prepared statements.

use chrono::{NaiveDate, NaiveDateTime};

use allod_storage::schema::Datum;

/// A Rust value that can stand for a `?`.
pub trait ToValue {
    /// The value as SQL sees it.
    fn to_value(&self) -> Datum;
}

macro_rules! to_value {
    ($($ty:ty => $make:expr;)*) => {
        $(impl ToValue for $ty {
            fn to_value(&self) -> Datum {
                let make: fn(&$ty) -> Datum = $make;
                make(self)
            }
        })*
    };
}

to_value! {
    i8 => |v| Datum::Int((*v).into());
    i16 => |v| Datum::Int((*v).into());
    i32 => |v| Datum::Int((*v).into());
    i64 => |v| Datum::Int(*v);
    u8 => |v| Datum::Int((*v).into());
    u16 => |v| Datum::Int((*v).into());
    u32 => |v| Datum::Int((*v).into());
    u64 => |v| Datum::UInt(*v);
    bool => |v| Datum::Int((*v).into());
    f32 => |v| Datum::Double((*v).into());
    f64 => |v| Datum::Double(*v);
    str => |v| Datum::string(v);
    String => |v| Datum::string(v.as_str());
    [u8] => |v| Datum::Bytes(v.into());
    Vec<u8> => |v| Datum::Bytes(v.as_slice().into());
    NaiveDate => |v| Datum::Date((*v - NaiveDate::default()).num_days() as i32);
    NaiveDateTime => |v| Datum::DateTime(v.and_utc().timestamp_micros());
    Datum => |v| v.clone();
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Datum {
        (**self).to_value()
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Datum {
        self.as_ref().map_or(Datum::Null, ToValue::to_value)
    }
}

/// Parameters of a statement, of any types that implement [`ToValue`]: `params![7, "name", None::<i64>]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::ToValue::to_value(&$value)),*][..] as &[$crate::Datum]
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_values_become_datums() {
        let day = NaiveDate::from_ymd_opt(1970, 1, 3).unwrap();
        let params = params![7, "x", None::<i64>, Some(1.5), day, true];
        let want = [
            Datum::Int(7),
            Datum::string("x"),
            Datum::Null,
            Datum::Double(1.5),
            Datum::Date(2),
            Datum::Int(1),
        ];
        assert_eq!(params, want);
        assert!(params![].is_empty());
    }
}

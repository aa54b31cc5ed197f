//! What predicates say of single columns, as bounds for the blocks of storage.

use allod_storage::schema::Datum;

use crate::logical::Scan;
use crate::physical::ZonePredicate;
use crate::ranges::{as_column_value, column_values};

/// What the predicates say of single columns, as bounds for the blocks of storage.
pub(super) fn predicates(scan: &Scan) -> Vec<ZonePredicate> {
    let mut out = Vec::new();
    for (id, ordinal) in &scan.columns {
        let ty = &scan.table.columns[*ordinal].ty;
        let Some((values, _)) = column_values(&scan.predicates, *id, ty) else { continue };
        let low = values.intervals.first().and_then(|i| i.low.clone());
        // A block of NULLs must be read if NULL will do.
        if matches!(low, Some((Datum::Null, true))) {
            continue;
        }
        let low = low.map(|(v, _)| v).filter(|v| !v.is_null());
        let high = values.intervals.last().and_then(|i| i.high.clone()).map(|(v, _)| v);
        let fits = |v: &Datum| as_column_value(v, &ty.sql).is_some();
        if (low.is_some() || high.is_some()) && low.iter().chain(&high).all(fits) {
            out.push(ZonePredicate { ordinal: *ordinal, low, high });
        }
    }
    out
}

//! Rows that become chunks as they come.
//!
//! Whoever loads a large table in key order adds a piece at a time: each becomes chunks at once, which take a half to two
//! thirds of what it took, and is let go. Strings are coded by the dictionary of the piece before, so that the chunks share
//! it as if they had been built together. From the first piece that does not follow the one before on, pieces are only kept,
//! and all is sorted and built in the end.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use super::build::rebuild;
use super::{Chunk, ChunkLimit, CommitColumn};
use crate::error::{Error, Result};
use crate::schema::{SpaceId, SpaceSchema, Timestamp};

/// Rows of a space that are going to be loaded.
pub struct Bulk {
    schema: Arc<SpaceSchema>,
    limit: ChunkLimit,
    /// In key order.
    chunks: Vec<Chunk>,
    /// The pieces from the first on that did not follow.
    rest: Vec<Vec<ArrayRef>>,
}

impl Bulk {
    pub(crate) fn new(schema: Arc<SpaceSchema>, limit: ChunkLimit) -> Bulk {
        Bulk { schema, limit, chunks: Vec::new(), rest: Vec::new() }
    }

    pub(crate) fn space(&self) -> SpaceId {
        self.schema.id
    }

    /// Adds full rows, in any order among themselves. Pass the batches without keeping copies, so that their memory can be
    /// given back on the way.
    pub fn add(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        let sets = batches.into_iter().map(|batch| batch.columns().to_vec());
        if !self.rest.is_empty() {
            self.rest.extend(sets);
            return Ok(());
        }
        let chunks = self.build(sets.collect())?;
        match (self.chunks.last(), chunks.first()) {
            (Some(last), Some(first)) if last.last_key() >= first.first_key() => {
                self.rest.extend(chunks.iter().map(columns));
            }
            _ => self.chunks.extend(chunks),
        }
        Ok(())
    }

    /// Whether all that came became chunks, and nothing is kept until the end.
    pub fn is_in_order(&self) -> bool {
        self.rest.is_empty()
    }

    /// All of it in key order.
    pub(crate) fn finish(mut self) -> Result<Vec<Chunk>> {
        if self.rest.is_empty() {
            return Ok(self.chunks);
        }
        let mut sets: Vec<_> = self.chunks.iter().map(columns).collect();
        sets.append(&mut self.rest);
        self.chunks.clear();
        self.build(sets)
    }

    fn build(&self, sets: Vec<Vec<ArrayRef>>) -> Result<Vec<Chunk>> {
        let like = self.chunks.last().map_or(&[][..], std::slice::from_ref);
        let commit = CommitColumn::Uniform(Timestamp::MAX);
        rebuild(&self.schema, sets, commit, self.limit, like)
            .map_err(|error| Error::of_build(self.space(), error))
    }
}

fn columns(chunk: &Chunk) -> Vec<ArrayRef> {
    (0..chunk.data.columns.len()).map(|ordinal| chunk.column(ordinal, 0, chunk.rows())).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        Array, AsArray, BinaryViewArray, Date32Array, Decimal64Array, Float64Array, Int64Array,
        StringViewArray,
    };
    use arrow::datatypes::{Field, Int64Type, Schema, UInt16Type};
    use proptest::prelude::*;

    use super::*;
    use crate::schema::{ColumnDef, ColumnType, SqlType};

    fn bulk() -> Bulk {
        let columns = [SqlType::BIGINT, SqlType::varchar(20)];
        let columns = columns.into_iter().map(|ty| ColumnDef::new("c", ColumnType::not_null(ty)));
        let schema =
            SpaceSchema { id: SpaceId(1), columns: columns.collect(), key: vec![0], unique_prefix: None };
        Bulk::new(Arc::new(schema), ChunkLimit::default())
    }

    fn batch(ids: &[i64]) -> RecordBatch {
        let texts = StringViewArray::from_iter_values(ids.iter().map(|id| ["a", "b", "c"][*id as usize % 3]));
        let columns: Vec<ArrayRef> = vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(texts)];
        let fields: Vec<Field> =
            columns.iter().map(|c| Field::new("c", c.data_type().clone(), false)).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn ids(chunks: &[Chunk]) -> Vec<i64> {
        let ids = |chunk| columns(chunk)[0].as_primitive::<Int64Type>().values().to_vec();
        chunks.iter().flat_map(ids).collect()
    }

    #[test]
    fn pieces_in_order_become_chunks_at_once_and_share_a_dictionary() {
        let mut bulk = bulk();
        for from in [0, 100, 200] {
            bulk.add(vec![batch(&(from..from + 100).rev().collect::<Vec<_>>())]).unwrap();
        }
        assert!(bulk.rest.is_empty() && bulk.chunks.len() >= 3);
        let chunks = bulk.finish().unwrap();
        assert_eq!(ids(&chunks), (0..300).collect::<Vec<_>>());
        let texts: Vec<ArrayRef> = chunks.iter().map(|chunk| columns(chunk).remove(1)).collect();
        let values = |texts: &ArrayRef| Arc::clone(texts.as_dictionary::<UInt16Type>().values());
        assert!(texts.iter().all(|t| Arc::ptr_eq(&values(t), &values(&texts[0]))));
    }

    #[test]
    fn a_key_that_comes_twice_is_refused_wherever_it_is() {
        for pieces in [[&[1, 2][..], &[2, 3]], [&[5, 6], &[1, 5]], [&[1, 3], &[3, 2]]] {
            let mut bulk = bulk();
            pieces.iter().for_each(|ids| bulk.add(vec![batch(ids)]).unwrap());
            assert!(matches!(bulk.finish(), Err(Error::DuplicateKey { space: SpaceId(1), .. })));
        }
    }

    proptest! {
        #[test]
        fn pieces_in_any_order_are_all_there(
            order in Just((0..200i64).collect::<Vec<_>>()).prop_shuffle(),
            cuts in prop::collection::vec(1..60usize, 1..8),
            sorted: bool,
        ) {
            let order = if sorted { (0..200).collect() } else { order };
            let (mut bulk, mut rest) = (bulk(), &order[..]);
            for cut in cuts {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                bulk.add(vec![batch(piece)]).unwrap();
                rest = behind;
            }
            bulk.add(vec![batch(rest)]).unwrap();
            prop_assert_eq!(ids(&bulk.finish().unwrap()), (0..200).collect::<Vec<_>>());
        }
    }

    /// A row of a column of each kind, made of a number.
    fn wide(rows: &[(i64, Option<i64>)]) -> RecordBatch {
        let some = |column: &mut dyn FnMut(i64) -> i64| {
            rows.iter().map(|(_, v)| v.map(&mut *column)).collect::<Vec<_>>()
        };
        let texts = |many: i64| -> ArrayRef {
            let text = |v: i64| format!("a text that is not within its view {}", v.rem_euclid(many));
            Arc::new(rows.iter().map(|(_, v)| v.map(text)).collect::<StringViewArray>())
        };
        let bytes = rows.iter().map(|(_, v)| v.map(|v| v.to_be_bytes().repeat(2))).collect::<Vec<_>>();
        let ids = rows.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(ids)),
            Arc::new(Int64Array::from(some(&mut |v| v))),
            Arc::new(
                Decimal64Array::from(some(&mut |v| v % 1000))
                    .with_data_type(SqlType::Decimal { precision: 9, scale: 2 }.arrow()),
            ),
            Arc::new(Float64Array::from_iter(rows.iter().map(|(_, v)| v.map(|v| v as f64 / 8.0)))),
            Arc::new(Date32Array::from_iter(rows.iter().map(|(_, v)| v.map(|v| v as i32)))),
            texts(3),
            texts(i64::MAX),
            Arc::new(BinaryViewArray::from_iter(bytes.iter().map(|bytes| bytes.as_deref()))),
        ];
        let fields: Vec<Field> =
            columns.iter().map(|c| Field::new("c", c.data_type().clone(), true)).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn wide_schema() -> SpaceSchema {
        let types = [
            SqlType::BIGINT,
            SqlType::BIGINT,
            SqlType::Decimal { precision: 9, scale: 2 },
            SqlType::Double,
            SqlType::Date,
            SqlType::varchar(60),
            SqlType::varchar(60),
            SqlType::VarBinary(16),
        ];
        let columns = types.into_iter().enumerate().map(|(at, ty)| {
            ColumnDef::new("c", if at == 0 { ColumnType::not_null(ty) } else { ColumnType::nullable(ty) })
        });
        SpaceSchema { id: SpaceId(1), columns: columns.collect(), key: vec![0], unique_prefix: None }
    }

    proptest! {
        #[test]
        fn pieces_are_what_one_build_of_all_is(
            rows in prop::collection::vec((0..400i64, prop::option::weighted(0.8, -500..500i64)), 0..300),
            cuts in prop::collection::vec(0..60usize, 0..8),
            sorted in 0..3u8,
            batches in 1..3usize,
        ) {
            let mut rows = rows;
            match sorted {
                // With keys that come twice, or without.
                0 => {}
                1 => rows.sort_unstable(),
                _ => {
                    rows.sort_unstable();
                    rows.dedup_by_key(|row| row.0);
                }
            }
            let limit = ChunkLimit { rows: crate::chunk::BLOCK_ROWS, ..ChunkLimit::default() };
            let schema = Arc::new(wide_schema());
            let mut bulk = Bulk::new(Arc::clone(&schema), limit);
            let mut rest = &rows[..];
            let mut added = Ok(());
            for cut in cuts.into_iter().chain([usize::MAX]) {
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                let size = piece.len().div_ceil(batches).max(1);
                // A piece may be empty, and so may be batches of it.
                let all = piece.chunks(size).chain([&[][..]]).map(wide).collect();
                added = added.and_then(|()| bulk.add(all));
                rest = behind;
            }
            let found = added.and_then(|()| bulk.finish());
            let whole = crate::chunk::build_base(&schema, vec![wide(&rows)], limit, Timestamp::MAX);
            let (Ok(found), Ok(whole)) = (&found, &whole) else {
                let is_twice = matches!(found, Err(Error::DuplicateKey { .. }));
                prop_assert!(is_twice);
                prop_assert!(whole.is_err());
                return Ok(());
            };
            for ordinal in 0..schema.columns.len() {
                let read = |chunks: &[Chunk]| -> Option<ArrayRef> {
                    let columns = chunks.iter().map(|chunk| {
                        arrow::compute::cast(&columns(chunk)[ordinal], &schema.columns[ordinal].ty.arrow()).unwrap()
                    });
                    let columns: Vec<ArrayRef> = columns.collect();
                    let columns: Vec<&dyn Array> = columns.iter().map(AsRef::as_ref).collect();
                    (!columns.is_empty()).then(|| arrow::compute::concat(&columns).unwrap())
                };
                prop_assert_eq!(read(found), read(whole));
            }
            for pair in found.windows(2) {
                prop_assert!(pair[0].last_key() < pair[1].first_key());
            }
        }
    }
}

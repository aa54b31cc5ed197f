//! Building chunks from batches of rows.
//!
//! Columns are built one by one (two at a time on two cores), and what a column was made from is let go as soon as it is
//! done: the most that is held twice is a column or two, not a table. Rows already in key order are only moved together;
//! others are gathered through their order. Strings are copied into one buffer a chunk, so that a chunk holds on to nothing
//! but itself.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::{concat, take};
use arrow::datatypes::{DataType, UInt16Type};
use arrow::record_batch::RecordBatch;
use rayon::prelude::*;
use std::sync::Arc;

use super::{BLOCK_ROWS, Chunk, CommitTimes, dictionary, order};
use crate::key::{Key, KeyEncoder, RowKeys, TypeMismatch};
use crate::schema::{SpaceSchema, Timestamp};

/// How large a chunk may get: whichever bound is met first, but at least a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkLimit {
    /// Most rows.
    pub rows: usize,
    /// About the most bytes.
    pub bytes: usize,
}

impl Default for ChunkLimit {
    fn default() -> ChunkLimit {
        ChunkLimit { rows: 32 * BLOCK_ROWS, bytes: 64 << 20 }
    }
}

/// Why rows cannot become chunks. All are the caller's.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// Two rows have one key.
    #[error("two rows have the key {key}")]
    DuplicateKey {
        /// Their key.
        key: Key,
    },
    /// A column is not of its type.
    #[error(transparent)]
    Type(#[from] TypeMismatch),
    /// A NULL where there may be none.
    #[error("column {ordinal} is declared NOT NULL but has NULLs")]
    Null {
        /// The column.
        ordinal: usize,
    },
    /// More rows than a row number can count.
    #[error("{rows} rows are too many to sort at once")]
    TooManyRows {
        /// How many.
        rows: usize,
    },
    /// Arrow could not put pieces of a column together.
    #[error("column {ordinal} cannot be built: {reason}")]
    Column {
        /// The column.
        ordinal: usize,
        /// What Arrow says.
        reason: String,
    },
}

/// When the rows of a build were committed.
pub(crate) enum CommitColumn {
    /// All at once.
    Uniform(Timestamp),
    /// Row by row, in the order of the batches.
    PerRow(Vec<u64>),
}

/// Makes sorted chunks of batches in any order, which hold all columns of the space. Pass the batches without keeping
/// copies, so that their memory can be given back on the way.
pub fn build_base(
    schema: &SpaceSchema,
    batches: Vec<RecordBatch>,
    limit: ChunkLimit,
    commit_ts: Timestamp,
) -> Result<Vec<Chunk>, BuildError> {
    let sets = batches.into_iter().map(|batch| batch.columns().to_vec()).collect();
    rebuild(schema, sets, CommitColumn::Uniform(commit_ts), limit, &[])
}

/// As [`build_base`], of sets of columns with any commit times. String columns try the dictionaries of `like` first. Where there
/// were chunks before, there will be others after: what is too much for one chunk is cut into equal parts, for of a full one
/// and a few rows each would be cut again when the next rows come.
pub(crate) fn rebuild(
    schema: &SpaceSchema,
    mut sets: Vec<Vec<ArrayRef>>,
    commit: CommitColumn,
    limit: ChunkLimit,
    like: &[Chunk],
) -> Result<Vec<Chunk>, BuildError> {
    sets.retain(|columns| columns.first().is_some_and(|c| !c.is_empty()));
    if sets.is_empty() {
        return Ok(Vec::new());
    }
    for columns in &sets {
        check(schema, columns)?;
    }
    let encoder = KeyEncoder::new(schema);
    if matches!(commit, CommitColumn::Uniform(_)) {
        let mut keyed = Vec::with_capacity(sets.len());
        for columns in sets {
            keyed.push((encoder.bind(&columns)?.key(0), columns));
        }
        order::by_first_key(&mut keyed, |(key, _)| key.clone());
        sets = keyed.into_iter().map(|(_, columns)| columns).collect();
    }
    let keys = sets.iter().map(|columns| Ok((encoder.bind(columns)?, columns[0].len())));
    let keys = keys.collect::<Result<Vec<(RowKeys, usize)>, TypeMismatch>>()?;
    let rows = keys.iter().map(|(_, rows)| rows).sum();
    let permutation = if order::are_ascending(&keys) { None } else { Some(order::sorted(&keys, rows)?) };
    drop(keys);

    let cuts = cuts(&sets, rows, limit, !like.is_empty());
    let pieces: Vec<Vec<ArrayRef>> = transpose(sets);
    let columns = pieces.into_par_iter().enumerate().map(|(ordinal, pieces)| {
        let nullable = schema.columns[ordinal].ty.nullable;
        let known = like.first().and_then(|chunk| known_dictionary(chunk, ordinal));
        build_column(pieces, &cuts, permutation.as_deref(), known.as_ref(), nullable)
            .map_err(|reason| BuildError::Column { ordinal, reason: reason.to_string() })
    });
    let columns = columns.collect::<Result<Vec<Vec<ArrayRef>>, BuildError>>()?;

    let commit = match commit {
        CommitColumn::Uniform(ts) => CommitColumn::Uniform(ts),
        CommitColumn::PerRow(times) => CommitColumn::PerRow(match &permutation {
            Some(order) => order.iter().map(|&row| times[row as usize]).collect(),
            None => times,
        }),
    };
    let chunks = transpose(columns).into_par_iter().zip(&cuts).map(|(columns, rows)| {
        let commit = match &commit {
            CommitColumn::Uniform(ts) => CommitTimes::Uniform(*ts),
            CommitColumn::PerRow(times) => CommitTimes::per_row(times[rows.clone()].to_vec()),
        };
        Chunk::new(schema, columns, commit)
    });
    chunks.collect()
}

fn check(schema: &SpaceSchema, columns: &[ArrayRef]) -> Result<(), BuildError> {
    for (ordinal, column) in schema.columns.iter().enumerate() {
        let expected = column.ty.arrow();
        let found = columns.get(ordinal).map_or(DataType::Null, |c| c.data_type().clone());
        let codes = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8View));
        if found != expected && !(expected == DataType::Utf8View && found == codes) {
            return Err(TypeMismatch { ordinal, expected, found }.into());
        }
        if !column.ty.nullable && columns[ordinal].null_count() > 0 {
            return Err(BuildError::Null { ordinal });
        }
    }
    match columns.get(schema.columns.len()) {
        Some(extra) => Err(TypeMismatch {
            ordinal: schema.columns.len(),
            expected: DataType::Null,
            found: extra.data_type().clone(),
        }
        .into()),
        None => Ok(()),
    }
}

/// Where one chunk ends and the next begins: at whole blocks, if they need not be of one size.
fn cuts(sets: &[Vec<ArrayRef>], rows: usize, limit: ChunkLimit, is_even: bool) -> Vec<Range<usize>> {
    let bytes: usize = sets.iter().map(|set| set[0].len() * set.iter().map(row_bytes).sum::<usize>()).sum();
    let row_bytes = (bytes / rows.max(1)).max(1);
    let most = limit.rows.min(limit.bytes / row_bytes);
    let mut step = (most / BLOCK_ROWS).max(1) * BLOCK_ROWS;
    if is_even {
        step = rows.div_ceil(rows.div_ceil(step));
    }
    (0..rows).step_by(step).map(|from| from..rows.min(from + step)).collect()
}

/// About how many bytes a row of a column takes, going by its first piece.
fn row_bytes(column: &ArrayRef) -> usize {
    const SAMPLE: usize = 1024;
    let of_views = |views: &[u128]| {
        let sample = &views[..views.len().min(SAMPLE)];
        16 + sample.iter().map(|&view| view as u32 as usize).sum::<usize>() / sample.len().max(1)
    };
    match column.data_type() {
        DataType::Utf8View => of_views(column.as_string_view().views()),
        DataType::BinaryView => of_views(column.as_binary_view().views()),
        ty => ty.primitive_width().unwrap_or(2),
    }
}

fn transpose(sets: Vec<Vec<ArrayRef>>) -> Vec<Vec<ArrayRef>> {
    let mut columns: Vec<Vec<ArrayRef>> = Vec::new();
    columns.resize_with(sets.first().map_or(0, Vec::len), || Vec::with_capacity(sets.len()));
    for set in sets {
        for (column, piece) in columns.iter_mut().zip(set) {
            column.push(piece);
        }
    }
    columns
}

fn known_dictionary(chunk: &Chunk, ordinal: usize) -> Option<ArrayRef> {
    chunk.data.columns[ordinal].as_dictionary_opt::<UInt16Type>().map(|codes| Arc::clone(codes.values()))
}

/// One column of all chunks.
fn build_column(
    pieces: Vec<ArrayRef>,
    cuts: &[Range<usize>],
    order: Option<&[u32]>,
    known: Option<&ArrayRef>,
    nullable: bool,
) -> Result<Vec<ArrayRef>, arrow::error::ArrowError> {
    let pieces = encode_strings(pieces, known);
    let Some(order) = order else {
        let mut column = Pieces::new(pieces);
        return cuts.iter().map(|rows| Ok(finish(column.take(rows.len())?, nullable))).collect();
    };
    let whole = joined(&pieces)?;
    drop(pieces);
    let gather = |rows: &Range<usize>| {
        let indices = UInt32Array::from(order[rows.clone()].to_vec());
        Ok(finish(take(&whole, &indices, None)?, nullable))
    };
    cuts.iter().map(gather).collect()
}

fn encode_strings(pieces: Vec<ArrayRef>, known: Option<&ArrayRef>) -> Vec<ArrayRef> {
    let is_string =
        |piece: &ArrayRef| matches!(piece.data_type(), DataType::Utf8View | DataType::Dictionary(..));
    if !pieces.iter().all(is_string) {
        return pieces;
    }
    // Strings that come as codes of a dictionary that is not of our making may lack its order: they are coded anew.
    let shared = known.is_some_and(|known| {
        pieces.iter().all(|piece| {
            piece.as_dictionary_opt::<UInt16Type>().is_some_and(|codes| Arc::ptr_eq(codes.values(), known))
        })
    });
    if shared {
        return pieces;
    }
    let pieces: Vec<ArrayRef> = pieces.into_iter().map(dictionary::decode).collect();
    match dictionary::encode(&pieces, known) {
        Some(codes) => vec![Arc::new(codes)],
        None => pieces,
    }
}

/// A column in pieces, taken from the front.
struct Pieces {
    pieces: std::vec::IntoIter<ArrayRef>,
    rest: Option<ArrayRef>,
}

impl Pieces {
    fn new(pieces: Vec<ArrayRef>) -> Pieces {
        Pieces { pieces: pieces.into_iter(), rest: None }
    }

    fn take(&mut self, rows: usize) -> Result<ArrayRef, arrow::error::ArrowError> {
        let mut taken: Vec<ArrayRef> = Vec::new();
        let mut missing = rows;
        while missing > 0
            && let Some(piece) = self.rest.take().or_else(|| self.pieces.next())
        {
            if piece.len() > missing {
                self.rest = Some(piece.slice(missing, piece.len() - missing));
                taken.push(piece.slice(0, missing));
                missing = 0;
            } else {
                missing -= piece.len();
                taken.push(piece);
            }
        }
        joined(&taken)
    }
}

fn joined(pieces: &[ArrayRef]) -> Result<ArrayRef, arrow::error::ArrowError> {
    if let [one] = pieces {
        return Ok(Arc::clone(one));
    }
    let arrays: Vec<&dyn Array> = pieces.iter().map(|piece| piece.as_ref()).collect();
    concat(&arrays)
}

/// Strings into a buffer of their own, and no null buffer where there are no NULLs.
fn finish(column: ArrayRef, nullable: bool) -> ArrayRef {
    let column: ArrayRef = match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        _ => column,
    };
    if column.nulls().is_none() || (nullable && column.null_count() > 0) {
        return column;
    }
    let without = column.to_data().into_builder().nulls(None).build();
    without.map_or(column, arrow::array::make_array)
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};
    use arrow::datatypes::{Field, Int64Type, Schema};
    use proptest::prelude::*;

    use super::*;
    use crate::schema::{ColumnDef, ColumnType, SpaceId, SqlType};

    const TS: Timestamp = Timestamp(5);
    const LIMIT: ChunkLimit = ChunkLimit { rows: BLOCK_ROWS, bytes: usize::MAX };

    fn schema(types: &[ColumnType], key: &[usize], unique_prefix: Option<usize>) -> SpaceSchema {
        let column = |ty: &ColumnType| ColumnDef::new("c", ty.clone());
        SpaceSchema {
            id: SpaceId(1),
            columns: types.iter().map(column).collect(),
            key: key.to_vec(),
            unique_prefix,
        }
    }

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        let fields: Vec<Field> =
            columns.iter().map(|c| Field::new("c", c.data_type().clone(), true)).collect();
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }

    fn ints<T: Into<Option<i64>>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
        Arc::new(values.into_iter().map(Into::into).collect::<Int64Array>())
    }

    fn texts<'a>(values: impl IntoIterator<Item = &'a str>) -> ArrayRef {
        Arc::new(StringViewArray::from_iter_values(values))
    }

    fn read(chunks: &[Chunk], ordinal: usize) -> Vec<Option<i64>> {
        let column = |chunk: &Chunk| chunk.column(ordinal, 0, chunk.rows());
        chunks.iter().flat_map(|c| column(c).as_primitive::<Int64Type>().iter().collect::<Vec<_>>()).collect()
    }

    fn bigint() -> ColumnType {
        ColumnType::not_null(SqlType::BIGINT)
    }

    proptest! {
        #[test]
        fn rows_come_out_in_key_order(
            rows in prop::collection::btree_map((-9..9i64, any::<i64>()), any::<i64>(), 0..200),
            batch_rows in 1..90usize,
            swap: bool, spread: bool,
            seed: u64,
        ) {
            let schema = schema(&[bigint(), bigint(), bigint()], if swap { &[1, 0] } else { &[0, 1] }, None);
            // Either few bits a key, so that it fits a word of 64, or so many that it takes one of 128 or none.
            let narrow = |(a, b): (i64, i64)| if spread { (a << 59, b) } else { (a, b % 1000) };
            let rows: std::collections::BTreeMap<_, _> = rows.into_iter().map(|(k, v)| (narrow(k), v)).collect();
            let mut input: Vec<_> = rows.iter().collect();
            if seed % 4 > 0 {
                input.sort_by_key(|((a, b), _)| (a ^ b ^ seed as i64).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64));
            }
            let batches = input.chunks(batch_rows).map(|rows| {
                let keys = rows.iter().map(|(key, _)| **key);
                batch(vec![ints(keys.clone().map(|k| k.0)), ints(keys.map(|k| k.1)), ints(rows.iter().map(|r| *r.1))])
            });
            let chunks = build_base(&schema, batches.collect(), LIMIT, TS).unwrap();
            let mut expected: Vec<_> = rows.iter().map(|((a, b), v)| (*a, *b, *v)).collect();
            if swap {
                expected.sort_by_key(|(a, b, _)| (*b, *a));
            }
            prop_assert_eq!(read(&chunks, 0), expected.iter().map(|r| Some(r.0)).collect::<Vec<_>>());
            prop_assert_eq!(read(&chunks, 1), expected.iter().map(|r| Some(r.1)).collect::<Vec<_>>());
            prop_assert_eq!(read(&chunks, 2), expected.iter().map(|r| Some(r.2)).collect::<Vec<_>>());
            for chunk in &chunks {
                prop_assert!(chunk.rows() <= LIMIT.rows && chunk.commit_ts(0) == TS);
                for row in 0..chunk.rows() {
                    prop_assert_eq!(chunk.find(chunk.key(row).as_bytes()), Some(row));
                    prop_assert_eq!(chunk.seek(chunk.key(row).as_bytes(), 0..chunk.rows()), (row, true));
                    let (after, found) = chunk.seek(chunk.key(row).successor().as_bytes(), row..chunk.rows());
                    prop_assert_eq!((after, found), (row + 1, false));
                }
            }
        }
    }

    #[test]
    fn a_key_that_comes_twice_is_refused() {
        let int_key = schema(&[bigint()], &[0], None);
        let twice = vec![batch(vec![ints([1, 2])]), batch(vec![ints([2, 3])])];
        let key = crate::key::encode_datums(SpaceId(1), &[crate::schema::Datum::Int(2)]);
        assert_eq!(build_base(&int_key, twice, LIMIT, TS).unwrap_err(), BuildError::DuplicateKey { key });

        let text_key = schema(&[ColumnType::not_null(SqlType::varchar(9))], &[0], None);
        let twice = vec![batch(vec![texts(["b", "a", "b"])])];
        assert!(matches!(build_base(&text_key, twice, LIMIT, TS), Err(BuildError::DuplicateKey { .. })));
    }

    #[test]
    fn nulls_never_collide_in_a_unique_index() {
        let index = schema(&[ColumnType::nullable(SqlType::BIGINT), bigint()], &[0, 1], Some(1));
        let rows = |values: [Option<i64>; 4]| vec![batch(vec![ints(values), ints([4, 3, 2, 1])])];
        let chunks = build_base(&index, rows([Some(7), None, None, Some(6)]), LIMIT, TS).unwrap();
        assert_eq!(read(&chunks, 0), [None, None, Some(6), Some(7)]);
        assert_eq!(read(&chunks, 1), [Some(2), Some(3), Some(1), Some(4)]);
        let twice = build_base(&index, rows([Some(7), None, None, Some(7)]), LIMIT, TS);
        assert!(matches!(twice, Err(BuildError::DuplicateKey { .. })));
    }

    #[test]
    fn all_chunks_of_a_build_share_a_dictionary() {
        let space = schema(&[bigint(), ColumnType::not_null(SqlType::varchar(9))], &[0], None);
        let rows = 3 * BLOCK_ROWS as i64;
        let colours =
            |from: i64| texts((from..from + rows).map(|i| ["red", "green", "blue"][i as usize % 3]));
        let batches =
            vec![batch(vec![ints(rows..2 * rows), colours(rows)]), batch(vec![ints(0..rows), colours(0)])];
        let chunks = build_base(&space, batches, LIMIT, TS).unwrap();
        assert_eq!(chunks.len(), 6);
        let first = known_dictionary(&chunks[0], 1).unwrap();
        assert!(chunks.iter().all(|c| Arc::ptr_eq(&known_dictionary(c, 1).unwrap(), &first)));
        let values: Vec<_> = first.as_string_view().iter().flatten().collect();
        assert_eq!(values, ["blue", "green", "red"]);
        let column = chunks[5].column(1, BLOCK_ROWS - 1, 1);
        assert_eq!(dictionary::str_at(&column, 0), Some("blue"));
    }

    #[test]
    fn what_is_not_as_declared_is_refused() {
        let space = schema(&[bigint(), ColumnType::nullable(SqlType::BIGINT)], &[0], None);
        let build = |columns| build_base(&space, vec![batch(columns)], LIMIT, TS).unwrap_err();
        assert!(matches!(
            build(vec![ints([1]), texts(["a"])]),
            BuildError::Type(TypeMismatch { ordinal: 1, .. })
        ));
        assert!(matches!(build(vec![ints([1])]), BuildError::Type(TypeMismatch { ordinal: 1, .. })));
        assert!(matches!(build(vec![ints([1]), ints([1]), ints([1])]), BuildError::Type(_)));
        assert_eq!(build(vec![ints([Some(1), None]), ints([1, 2])]), BuildError::Null { ordinal: 0 });
        assert!(build_base(&space, Vec::new(), LIMIT, TS).unwrap().is_empty());
    }
}

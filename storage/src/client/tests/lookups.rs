//! Lookups against a model: whatever is in base and in delta, and however regions are cut, a lookup finds what a filter over
//! a full scan keeps.

use std::cmp::Ordering;

use arrow::array::Array;
use proptest::prelude::*;

use super::*;
use crate::chunk::dictionary;
use crate::percolator::{Mutation, MutationOp, Prewrite};
use crate::rpc::Body;
use crate::test_rows::{array_of, dictionary_of};

/// Three key columns and one more. Small domains, so that lookups hit.
pub(super) type Row = [Datum; 4];

#[derive(Clone, Debug)]
pub(super) enum Step {
    Ingest(Vec<Row>),
    /// Rows put, keys of rows deleted.
    Commit(Vec<Row>, Vec<Row>),
    Split(Row, usize, bool),
    Merge(Row),
    /// Prewritten and left.
    Lock(Row),
}

#[derive(Clone, Debug)]
pub(super) struct Ask {
    width: usize,
    prefixes: Vec<Row>,
    bounds: Vec<(Datum, Datum)>,
    bounded: [bool; 2],
    inclusive: [bool; 2],
    pub(super) first_only: bool,
    as_codes: bool,
}

fn types() -> [SqlType; 4] {
    [
        SqlType::BIGINT,
        SqlType::varchar(30),
        SqlType::Decimal { precision: 15, scale: 2 },
        SqlType::varchar(30),
    ]
}

pub(super) fn lookup_schema(unique_prefix: Option<usize>) -> Arc<SpaceSchema> {
    let columns = types().into_iter().map(|sql| ColumnDef::new("c", ColumnType::nullable(sql)));
    Arc::new(SpaceSchema { id: SPACE, columns: columns.collect(), key: vec![0, 1, 2], unique_prefix })
}

fn value(column: usize) -> BoxedStrategy<Datum> {
    let some = match column {
        0 => (-2..6i64).prop_map(Datum::Int).boxed(),
        2 => (-3..8i128).prop_map(|value| Datum::Decimal { value, scale: 2 }).boxed(),
        _ => prop::sample::select(vec![
            "",
            "a",
            "a\0b",
            "a rather long string",
            "a rather long string too",
            "z",
        ])
        .prop_map(Datum::string)
        .boxed(),
    };
    prop_oneof![1 => Just(Datum::Null), 7 => some].boxed()
}

pub(super) fn some_row() -> impl Strategy<Value = Row> {
    (value(0), value(1), value(2), value(3)).prop_map(|(a, b, c, d)| [a, b, c, d])
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let rows = |n| prop::collection::vec(some_row(), 1..n);
    prop_oneof![
        3 => rows(120).prop_map(Step::Ingest),
        3 => (rows(12), rows(12)).prop_map(|(put, delete)| Step::Commit(put, delete)),
        3 => (some_row(), 1..4usize, any::<bool>()).prop_map(|(at, width, after)| Step::Split(at, width, after)),
        2 => some_row().prop_map(Step::Merge),
        1 => some_row().prop_map(Step::Lock),
    ]
}

pub(super) fn ask() -> impl Strategy<Value = Ask> {
    (0..4usize, prop::collection::vec(some_row(), 1..30), any::<[bool; 2]>(), any::<[bool; 4]>())
        .prop_flat_map(|(width, prefixes, bounded, [low, high, first_only, as_codes])| {
            let bound = || value(width.min(2));
            let bounds = prop::collection::vec((bound(), bound()), prefixes.len());
            let bounded = if width == 3 { [false; 2] } else { bounded };
            bounds.prop_map(move |bounds| Ask {
                width,
                prefixes: prefixes.clone(),
                bounds,
                bounded,
                inclusive: [low, high],
                first_only,
                as_codes,
            })
        })
}

pub(super) fn key_of(row: &Row, unique_prefix: Option<usize>) -> Key {
    let width = unique_prefix.filter(|&n| !row[..n].iter().any(Datum::is_null)).unwrap_or(3);
    encode_datums(SPACE, &row[..width])
}

fn columns_of(rows: &[Row]) -> Vec<ArrayRef> {
    let column = |i: usize| -> ArrayRef {
        array_of(&types()[i].arrow(), &rows.iter().map(|row| row[i].clone()).collect::<Vec<_>>())
    };
    (0..4).map(column).collect()
}

pub(super) fn batch_of(rows: &[Row]) -> RecordBatch {
    let fields = types().map(|sql| Field::new("c", sql.arrow(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), columns_of(rows)).expect("columns fit")
}

pub(super) fn row_ref(row: &Row) -> RowRef {
    RowRef { batch: Arc::new(batch_of(std::slice::from_ref(row))), row: 0 }
}

/// Rows as text, which is all that comparing needs.
pub(super) fn texts(columns: &[ArrayRef], rows: usize) -> Vec<String> {
    let cell = |column: &ArrayRef, row: usize| {
        let plain = dictionary::decode(Arc::clone(column));
        if plain.is_null(row) {
            return "NULL".to_owned();
        }
        arrow::util::display::array_value_to_string(&plain, row).expect("prints")
    };
    assert!(columns.iter().all(|c| c.len() == rows));
    (0..rows).map(|row| columns.iter().map(|c| cell(c, row) + "|").collect()).collect()
}

impl Ask {
    pub(super) fn request(&self, ts: Timestamp) -> (LookupRequest, Vec<(Row, Datum, Datum)>) {
        let mut lookups: Vec<(Row, Datum, Datum)> = self
            .prefixes
            .iter()
            .zip(&self.bounds)
            .map(|(p, (l, h))| (p.clone(), l.clone(), h.clone()))
            .collect();
        let order = |a: &Row, b: &Row| {
            a.iter()
                .zip(b)
                .take(self.width)
                .map(|(a, b)| a.compare(b))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        };
        lookups.sort_by(|a, b| order(&a.0, &b.0));
        if self.bounded == [false; 2] {
            lookups.dedup_by(|a, b| order(&a.0, &b.0).is_eq());
        }
        let rows: Vec<Row> = lookups.iter().map(|l| l.0.clone()).collect();
        let mut prefix = columns_of(&rows);
        prefix.truncate(self.width);
        if self.as_codes {
            prefix = prefix.into_iter().map(dictionary_of).collect();
        }
        let bound = |i: usize, values: Vec<Datum>| {
            self.bounded[i].then(|| LookupBound {
                values: array_of(&types()[self.width].arrow(), &values),
                inclusive: self.inclusive[i],
            })
        };
        let request = LookupRequest {
            space: SPACE,
            prefix,
            low: bound(0, lookups.iter().map(|l| l.1.clone()).collect()),
            high: bound(1, lookups.iter().map(|l| l.2.clone()).collect()),
            lookups: lookups.len(),
            ts,
            ordinals: [3, 0, 1, 2].into(),
            first_only: self.first_only,
        };
        (request, lookups)
    }

    pub(super) fn keeps(&self, row: &[Datum], (prefix, low, high): &(Row, Datum, Datum)) -> bool {
        let is_equal = row.iter().zip(prefix).take(self.width).all(|(a, b)| a.compare(b).is_eq());
        let next = |i: usize, bound: &Datum, outward: Ordering| {
            !self.bounded[i] || bound.is_null() || {
                let order = row[self.width].compare(bound);
                !row[self.width].is_null() && (order == outward || (order.is_eq() && self.inclusive[i]))
            }
        };
        is_equal && next(0, low, Ordering::Greater) && next(1, high, Ordering::Less)
    }
}

/// All rows in key order, as datums and as text.
pub(super) async fn all(client: &mut Client, ts: Timestamp) -> Vec<(Vec<Datum>, String)> {
    let mut rows = Vec::new();
    for scan in client.scan(&ScanRequest::all(SPACE, ts)).await.expect("scans") {
        for morsel in scan.morsels() {
            let batch = scan.read(&morsel, &[0, 1, 2, 3]);
            let columns: Vec<ArrayRef> = batch.columns.into_iter().map(dictionary::decode).collect();
            let shown = texts(&[3, 0, 1, 2].map(|i| Arc::clone(&columns[i])), batch.rows);
            for (row, shown) in shown.into_iter().enumerate() {
                let datum = |c: &ArrayRef| match c.data_type() {
                    _ if c.is_null(row) => Datum::Null,
                    DataType::Int64 => Datum::Int(c.as_primitive::<Int64Type>().value(row)),
                    DataType::Utf8View => Datum::string(c.as_string_view().value(row)),
                    _ => Datum::Decimal {
                        value: c.as_primitive::<arrow::datatypes::Decimal64Type>().value(row).into(),
                        scale: 2,
                    },
                };
                rows.push((columns.iter().map(datum).collect(), shown));
            }
        }
    }
    rows
}

/// Rows of one ingest or transaction have different keys.
pub(super) fn distinct(
    rows: Vec<Row>,
    unique_prefix: Option<usize>,
    taken: &mut BTreeMap<Key, ()>,
) -> Vec<Row> {
    rows.into_iter().filter(|row| taken.insert(key_of(row, unique_prefix), ()).is_none()).collect()
}

/// Does what a step says; `loaded` are the keys that were ever written.
pub(super) async fn take(
    step: Step,
    unique_prefix: Option<usize>,
    client: &mut Client,
    loaded: &mut BTreeMap<Key, ()>,
) {
    match step {
        Step::Ingest(rows) => {
            let rows = distinct(rows, unique_prefix, loaded);
            client.ingest(SPACE, vec![batch_of(&rows)], false).await.expect("loads");
        }
        Step::Commit(put, delete) => {
            let mut t = client.begin(client.shared.pd.timestamp());
            for row in distinct(delete, unique_prefix, &mut BTreeMap::new()) {
                t.delete(key_of(&row, unique_prefix));
            }
            for row in distinct(put, unique_prefix, &mut BTreeMap::new()) {
                let key = key_of(&row, unique_prefix);
                loaded.insert(key.clone(), ());
                t.put(key, row_ref(&row));
            }
            t.commit(client).await.expect("commits or conflicts");
        }
        Step::Split(at, width, after) => {
            let key = encode_datums(SPACE, &at[..width]);
            client.split(&if after { key.successor() } else { key }).await.expect("splits");
        }
        Step::Merge(at) => {
            client.merge(&encode_datums(SPACE, &at[..3])).await.expect("merges");
        }
        Step::Lock(row) => {
            let key = key_of(&row, unique_prefix);
            let start_ts = client.shared.pd.timestamp();
            // A dead transaction: whoever meets the lock rolls it back.
            let body = Body::Prewrite(Prewrite {
                mutations: vec![Mutation { key: key.clone(), op: MutationOp::Put(row_ref(&row)) }],
                primary: key.clone(),
                start_ts,
                ttl_ms: 0,
                txn_size: 1,
                min_commit_ts: Timestamp(0),
                pessimistic: None,
                async_commit: None,
            });
            let mut backoff = client.backoff("test", Budget::Prewrite);
            let mut region = client.locate(&mut backoff, &key).await.expect("locates");
            client.send(&mut backoff, &mut region, &body).await.expect("locks or meets a lock");
        }
    }
}

async fn run(unique_prefix: Option<usize>, steps: Vec<Step>, asks: Vec<Ask>) -> Result<(), TestCaseError> {
    let cluster = Cluster::new(ClusterConfig::default());
    let mut client = cluster.client();
    client.create_space(lookup_schema(unique_prefix)).await.expect("creates");
    // One that hears of nothing, and has to find out.
    let mut stale = client.fork();
    client.regions(SPACE).await.expect("lists");
    let _ = stale.scan(&ScanRequest::all(SPACE, Timestamp(1))).await;
    let mut times = Vec::new();
    let mut loaded = BTreeMap::new();
    for step in steps {
        take(step, unique_prefix, &mut client, &mut loaded).await;
        times.push(client.timestamp().await.expect("timestamp"));
    }
    for ts in times.iter().rev().step_by(2) {
        let mut answers = Vec::new();
        for ask in &asks {
            let (request, lookups) = ask.request(*ts);
            for client in [&mut client, &mut stale] {
                let result = client.lookup(&request).await.expect("looks up");
                let found: Vec<(u32, String)> =
                    result.positions.iter().copied().zip(texts(&result.columns, result.rows)).collect();
                answers.push((ask, lookups.clone(), found));
            }
        }
        let rows = all(&mut client, *ts).await;
        for (ask, lookups, found) in answers {
            let mut expected = Vec::new();
            for (at, lookup) in lookups.iter().enumerate() {
                let found = rows.iter().filter(|(row, _)| ask.keeps(row, lookup));
                let found = found.map(|(_, shown)| (at as u32, shown.clone()));
                expected.extend(found.take(if ask.first_only { 1 } else { usize::MAX }));
            }
            prop_assert_eq!(&found, &expected, "{:?} at {}", ask, ts);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn lookups_find_what_a_filter_keeps(
        unique_prefix in prop::option::of(1..3usize),
        steps in prop::collection::vec(step(), 1..12),
        asks in prop::collection::vec(ask(), 1..8),
    ) {
        crate::runtime::Runtime::direct().block_on(run(unique_prefix, steps, asks))?;
    }
}

//! A transaction's own writes against a model: whatever is in base and in delta, however regions are cut, and whatever others
//! commit meanwhile, every way to read shows the snapshot with the transaction's writes laid over it.

use proptest::prelude::*;

use super::lookups::{Ask, Row, Step, all, ask, key_of, lookup_schema, row_ref, some_row, step, take, texts};
use super::*;
use crate::test_rows::array_of;

#[derive(Clone, Debug)]
enum Write {
    Put(Row),
    Delete(Row),
    Savepoint,
    /// To one of the savepoints that there are.
    RollBack(usize),
    /// Meanwhile, somebody else.
    Other(Step),
}

fn write() -> impl Strategy<Value = Write> {
    prop_oneof![
        8 => some_row().prop_map(Write::Put),
        4 => some_row().prop_map(Write::Delete),
        1 => Just(Write::Savepoint),
        1 => any::<usize>().prop_map(Write::RollBack),
        1 => step().prop_map(Write::Other),
    ]
}

/// What the transaction ought to see.
type Model = BTreeMap<Key, Row>;

async fn check(
    client: &mut Client,
    model: &Model,
    ts: Timestamp,
    asks: &[Ask],
    unique_prefix: Option<usize>,
) -> Result<(), TestCaseError> {
    let shown = |row: &Row| {
        let column = |i: usize| {
            let ty = lookup_schema(None).columns[i].ty.arrow();
            array_of(&ty, std::slice::from_ref(&row[i]))
        };
        texts(&[3, 0, 1, 2].map(column), 1).swap_remove(0)
    };
    // Scans: all, and from one row to another, both ways.
    let rows: Vec<(Vec<Datum>, String)> = model.values().map(|row| (row.to_vec(), shown(row))).collect();
    prop_assert_eq!(&all(client, ts).await, &rows);
    if let (Some(low), Some(high)) =
        (model.keys().nth(model.len() / 3), model.keys().nth(model.len() * 2 / 3))
    {
        for descending in [false, true] {
            let range = KeyRange { start: low.clone(), end: high.clone() };
            let request = ScanRequest { ranges: [range].into(), descending, ..ScanRequest::all(SPACE, ts) };
            let mut found = Vec::new();
            for scan in client.scan(&request).await.expect("scans") {
                for morsel in scan.morsels() {
                    let batch = scan.read(&morsel, &[3, 0, 1, 2]);
                    prop_assert!(batch.rows <= morsel.rows_max());
                    found.extend(texts(&batch.columns, batch.rows));
                }
            }
            let mut expected: Vec<String> =
                model.range::<Key, _>(low..high).map(|(_, row)| shown(row)).collect();
            if descending {
                expected.reverse();
            }
            prop_assert_eq!(found, expected);
        }
    }
    // Point reads: of what is there, and of what may be.
    let asked = asks.iter().flat_map(|ask| ask.request(ts).1).map(|(row, ..)| key_of(&row, unique_prefix));
    let keys: Vec<Key> = asked.chain(model.keys().rev().cloned()).collect();
    let found = client.get(SPACE, &keys, ts, &[3, 0, 1, 2]).await.expect("reads");
    let found: Vec<(u32, String)> =
        found.positions.iter().copied().zip(texts(&found.columns, found.rows)).collect();
    let at = |(at, key): (usize, &Key)| Some((at as u32, shown(model.get(key)?)));
    prop_assert_eq!(found, keys.iter().enumerate().filter_map(at).collect::<Vec<_>>());
    // Lookups.
    for ask in asks {
        let (request, lookups) = ask.request(ts);
        let result = client.lookup(&request).await.expect("looks up");
        let found: Vec<(u32, String)> =
            result.positions.iter().copied().zip(texts(&result.columns, result.rows)).collect();
        let mut expected = Vec::new();
        for (at, lookup) in lookups.iter().enumerate() {
            let kept = rows.iter().filter(|(row, _)| ask.keeps(row, lookup));
            let kept = kept.map(|(_, shown)| (at as u32, shown.clone()));
            expected.extend(kept.take(if ask.first_only { 1 } else { usize::MAX }));
        }
        prop_assert_eq!(&found, &expected, "{:?}", ask);
    }
    Ok(())
}

async fn run(
    unique_prefix: Option<usize>,
    steps: Vec<Step>,
    writes: Vec<Write>,
    asks: Vec<Ask>,
) -> Result<(), TestCaseError> {
    let cluster = Cluster::new(ClusterConfig::default());
    let mut client = cluster.client();
    client.create_space(lookup_schema(unique_prefix)).await.expect("creates");
    let mut loaded = BTreeMap::new();
    for step in steps {
        take(step, unique_prefix, &mut client, &mut loaded).await;
    }
    let ts = client.timestamp().await.expect("timestamp");
    let mut transaction = client.begin(ts);
    let row = |(row, _): (Vec<Datum>, String)| -> Row { row.try_into().expect("four columns") };
    let rows = all(&mut client, ts).await.into_iter().map(row);
    let mut model: Model = rows.map(|row| (key_of(&row, unique_prefix), row)).collect();
    let (mut savepoints, mut others) = (Vec::new(), false);
    for (i, write) in writes.into_iter().enumerate() {
        match write {
            Write::Put(row) => {
                let key = key_of(&row, unique_prefix);
                match model.insert(key.clone(), row.clone()) {
                    Some(_) => transaction.put(key, row_ref(&row)),
                    None => transaction.insert(key, row_ref(&row)),
                }
            }
            Write::Delete(row) => {
                let key = key_of(&row, unique_prefix);
                model.remove(&key);
                transaction.delete(key);
            }
            Write::Savepoint => savepoints.push((transaction.savepoint(), model.clone())),
            Write::RollBack(to) if !savepoints.is_empty() => {
                savepoints.truncate(to % savepoints.len() + 1);
                if let Some((savepoint, then)) = savepoints.last() {
                    transaction.roll_back_to(savepoint);
                    model = then.clone();
                }
            }
            Write::RollBack(_) => {}
            Write::Other(step) => {
                others |= matches!(step, Step::Ingest(_) | Step::Commit(..) | Step::Lock(_));
                take(step, unique_prefix, &mut client, &mut loaded).await;
            }
        }
        // Not after each: the first look makes what readers see from the buffer, later ones keep it up.
        if i % 3 == 2 {
            let mut reader = client.fork().seeing(transaction.own_writes());
            check(&mut reader, &model, ts, &asks, unique_prefix).await?;
        }
    }
    let mut reader = client.fork().seeing(transaction.own_writes());
    check(&mut reader, &model, ts, &asks, unique_prefix).await?;
    // What it saw is what it commits.
    match transaction.commit(&mut client).await.expect("commits or conflicts") {
        CommitOutcome::Committed(_) if !others => {
            let now = client.timestamp().await.expect("timestamp");
            check(&mut client, &model, now, &asks, unique_prefix).await?;
        }
        CommitOutcome::Committed(_) => {}
        other => prop_assert!(others, "{other:?}"),
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn every_read_shows_own_writes_on_top_of_the_snapshot(
        unique_prefix in prop::option::of(1..3usize),
        steps in prop::collection::vec(step(), 1..8),
        writes in prop::collection::vec(write(), 1..30),
        asks in prop::collection::vec(ask(), 1..4),
    ) {
        crate::runtime::Runtime::direct().block_on(run(unique_prefix, steps, writes, asks))?;
    }
}

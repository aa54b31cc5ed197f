//! Double reads: in and out of order, cut short, over partitions, and with rows that are not there.

use allod_planner::expr::{Expr, Function};
use allod_planner::physical::{Node, Plan, Range, Ranges};
use allod_storage::cluster::{ClusterConfig, SimulatedConfig, TransportConfig};
use allod_storage::key::encode_datums;
use allod_storage::schema::{ColumnType, Datum, SqlType};

use crate::index_join::tests::{Case, inner_rows};
use crate::plan_tests::{Row, call, constant, drain, int, sorted};
use crate::{Error, Tuning};

/// `v >= 3` through the index `v`, rows under a selection of `id` < 100 if `selected`.
fn double_read(case: &mut Case, keep_order: bool, selected: bool, limit: Option<(u64, u64)>) -> Plan {
    let range = Range { low: vec![int(3)], low_inclusive: true, high: vec![], high_inclusive: true };
    let mut index = case.index_scan(1, Ranges::Fixed(vec![range]));
    let Node::IndexScan(scan) = &mut index.node else { unreachable!() };
    scan.keep_order = keep_order;
    let handle = vec![index.columns[1], index.columns[2]];
    if let Some((offset, count)) = limit {
        let columns = index.columns.clone();
        let node = Node::Limit { input: Box::new(index), offset: 0, count: Some(offset + count) };
        index = Plan { id: case.f.next_plan, rows: 0.0, cost: 0.0, columns, node };
        case.f.next_plan += 1;
    }
    let mut plan = case.double(index, handle, keep_order);
    let Node::IndexLookUp(lookup) = &mut plan.node else { unreachable!() };
    lookup.limit = limit;
    if selected {
        let id = Expr::column(lookup.table.columns[1], ColumnType::not_null(SqlType::BIGINT));
        let table = (*lookup.table).clone();
        let table = case.selection(table, vec![call(Function::Lt, vec![id, constant(100)])]);
        let Node::IndexLookUp(lookup) = &mut plan.node else { unreachable!() };
        *lookup.table = table;
    }
    plan
}

fn expected(selected: bool) -> Vec<Row> {
    let wanted = |r: &Row| {
        r[3] != Datum::Null && r[3].compare(&int(3)).is_ge() && (!selected || r[1].compare(&int(100)).is_lt())
    };
    inner_rows().into_iter().filter(wanted).collect()
}

fn simulated() -> ClusterConfig {
    let micros = std::time::Duration::from_micros;
    let config = SimulatedConfig { latency: micros(50), jitter: micros(50), ..SimulatedConfig::default() };
    ClusterConfig { transport: TransportConfig::Simulated(config), ..ClusterConfig::default() }
}

#[test]
fn rows_come_in_index_order_if_asked_for_and_all_of_them_in_any_case() {
    for (config, partitions) in
        [(ClusterConfig::default(), 1), (ClusterConfig::default(), 4), (simulated(), 1), (simulated(), 4)]
    {
        let mut case = Case::new(config, partitions, true, &[]);
        case.f.tuning = Tuning { index_lookup_rows: 20, ..Tuning::default() };
        for selected in [false, true] {
            let plan = double_read(&mut case, false, selected, None);
            assert_eq!(sorted(case.f.rows(plan)), sorted(expected(selected)));
            let plan = double_read(&mut case, true, selected, None);
            let got = case.f.rows(plan);
            // The index is sorted by v, then by the table's key.
            let key = |r: &Row| vec![r[3].clone(), r[0].clone(), r[1].clone()];
            assert_eq!(got.iter().map(key).collect::<Vec<_>>(), sorted(got.iter().map(key).collect()));
            assert_eq!(sorted(got), sorted(expected(selected)));
        }
        let plan = double_read(&mut case, true, false, None);
        let all = case.f.rows(plan);
        let plan = double_read(&mut case, true, false, Some((3, 7)));
        assert_eq!(case.f.rows(plan), all[3..10]);
    }
}

#[test]
fn an_entry_without_its_row_is_an_error_and_not_a_row_less() {
    for (partitions, workers) in [(1, 1), (4, 3)] {
        let mut case = Case::new(ClusterConfig::default(), partitions, false, &[]);
        case.f.workers = workers;
        let lost = expected(false).pop().expect("there are rows");
        let runtime = case.f.client.runtime();
        let ts = runtime.block_on(case.f.client.timestamp()).unwrap();
        let mut transaction = case.f.client.begin(ts);
        for partition in &case.inner.partitions {
            transaction.delete(encode_datums(partition.records, &[lost[0].clone(), lost[1].clone()]));
        }
        runtime.block_on(transaction.commit(&mut case.f.client)).unwrap();
        for keep_order in [false, true] {
            let plan = double_read(&mut case, keep_order, false, None);
            let result = drain(&mut case.f.start(plan, vec![]));
            let Err(error @ Error::LostRows { .. }) = result else { panic!("{result:?}") };
            let text = error.to_string();
            assert!(text.starts_with("data inconsistency in table: r, index: v, index-count:"), "{text}");
        }
    }
}

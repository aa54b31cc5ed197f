//! Blocks of a query and hints that name them.

use super::*;

/// The hints of a statement: block, text, and the blocks of its tables.
fn hints(sql: &str) -> Vec<(u32, String)> {
    use crate::hints::{HintKind, HintTable};
    let bound = query(sql);
    assert_eq!(bound.warnings, [], "{sql}");
    let in_block = |text: &str, block: u32, tables: &[HintTable]| {
        let others: Vec<String> =
            tables.iter().filter(|t| t.block != block).map(|t| format!(" {}@{}", t.name, t.block)).collect();
        format!("{text}{}", others.concat())
    };
    let list = bound.hints.list.iter().map(|h| {
        let text = match &h.kind {
            HintKind::Join { tables, .. } | HintKind::Leading(tables) => in_block(&h.text, h.block, tables),
            HintKind::Index { table, .. } | HintKind::UseIndexMerge { table, .. } => {
                in_block(&h.text, h.block, std::slice::from_ref(table))
            }
            HintKind::StraightJoin
            | HintKind::NoIndexMerge
            | HintKind::HashAgg
            | HintKind::StreamAgg
            | HintKind::AggToCop
            | HintKind::LimitToCop
            | HintKind::MemoryQuota(_)
            | HintKind::MaxExecutionTime(_) => h.text.clone(),
        };
        (h.block, text)
    });
    list.collect()
}

/// Alias and block of each scan, from left to right.
fn scans(sql: &str) -> Vec<(String, u32)> {
    fn walk(plan: &Plan, out: &mut Vec<(String, u32)>) {
        if let Plan::Scan(scan) = plan {
            out.push((scan.alias.to_string(), scan.block));
        }
        plan.children().into_iter().for_each(|child| walk(child, out));
    }
    let mut out = vec![];
    walk(&query(sql).query.plan, &mut out);
    out
}

#[test]
fn blocks_are_numbered_in_the_order_of_their_selects() {
    let named = |pairs: &[(&str, u32)]| pairs.iter().map(|(n, b)| (n.to_string(), *b)).collect::<Vec<_>>();
    assert_eq!(scans("select * from t, s"), named(&[("t", 1), ("s", 1)]));
    // The select list is bound after FROM, and still comes first.
    assert_eq!(
        scans("select (select max(a) from s) from (select a from t) d where exists (select 1 from nokey)"),
        named(&[("t", 3), ("nokey", 4), ("s", 2)])
    );
    assert_eq!(scans("select a from t union all select a from s"), named(&[("t", 1), ("s", 2)]));
    assert_eq!(scans("with c as (select a from t) select * from c, s"), named(&[("t", 2), ("s", 1)]));
    assert_eq!(
        scans("with c as (select a from t) select * from c union all select a from s"),
        named(&[("t", 1), ("s", 3)])
    );
    assert_eq!(
        scans("select * from (with recursive c (a) as (select a from t) select * from c) d, s"),
        named(&[("t", 3), ("s", 1)])
    );
    assert_eq!(scans("update t set a = 1 where a in (select a from s)"), named(&[("t", 0), ("s", 1)]));
    assert_eq!(scans("table t"), named(&[("t", 1)]));
}

#[test]
fn hints_name_blocks_in_both_ways() {
    let all = |pairs: &[(u32, &str)]| pairs.iter().map(|(b, t)| (*b, t.to_string())).collect::<Vec<_>>();
    assert_eq!(
        hints("select /*+ TIDB_INLJ(T, s) hash_agg() */ * from t join s on t.a = s.a"),
        all(&[(1, "INL_JOIN(t, s)"), (1, "HASH_AGG()")])
    );
    let sql = "select /*+ inl_join(s@sel_2) merge_join(@SEL_2 s) leading(t, s@inner_one) */ * from t \
               where a in (select /*+ qb_name(inner_one) use_index(s) */ a from s)";
    assert_eq!(
        hints(sql),
        all(&[(1, "INL_JOIN(s) s@2"), (2, "MERGE_JOIN(s)"), (1, "LEADING(t, s) s@2"), (2, "USE_INDEX(s)")])
    );
    assert_eq!(
        hints(
            "delete /*+ ignore_index(t, primary) stream_agg(@sel_1) */ from t where a in (select a from s)"
        ),
        all(&[(0, "IGNORE_INDEX(t, primary)"), (1, "STREAM_AGG()")])
    );
    assert_eq!(
        hints("insert /*+ hash_join(t) */ into nokey select a, 1 from t"),
        all(&[(1, "HASH_JOIN(t)")])
    );
    assert_eq!(
        hints(
            "select straight_join * from t use index (primary) join s force key for join (primary) straight_join nokey"
        ),
        all(&[(1, "STRAIGHT_JOIN()"), (1, "USE_INDEX(t, primary)"), (1, "FORCE_INDEX(s, primary)")])
    );
    assert_eq!(
        hints("select * from t as x use index () ignore index for order by (primary) where a = 1"),
        all(&[(1, "USE_INDEX(x)")])
    );
    assert_eq!(
        hints("select /*+ memory_quota(1 GB) max_execution_time(5) */ 1"),
        all(&[(1, "MEMORY_QUOTA(1024 MB)"), (1, "MAX_EXECUTION_TIME(5)")])
    );
}

#[test]
fn hints_that_make_no_sense_are_warnings() {
    let warnings = |sql: &str| -> Vec<(u16, String)> {
        query(sql).warnings.into_iter().map(|w| (w.code, w.message)).collect()
    };
    assert_eq!(
        warnings("select /*+ inl_join(t@nope) */ * from t"),
        [(1815, "Hint inl_join(`t`@`nope`) is ignored due to unknown query block name".into())]
    );
    assert_eq!(
        warnings("select /*+ hash_join() */ * from t"),
        [(1815, "Hint hash_join() is inapplicable. Please specify the table names in the arguments.".into())]
    );
    assert_eq!(
        warnings("select /*+ qb_name(a) qb_name(a) */ * from t"),
        [(1815, "There are more than two query names in same query block, using the first one a".into())]
    );
    assert_eq!(
        warnings("select /*+ qb_name(a) */ * from (select /*+ qb_name(a) */ 1) d"),
        [(1815, "Duplicate query block name a, only the first one is effective".into())]
    );
    assert_eq!(warnings("select /*+ oops */ * from t")[0].0, 1064);
    assert_eq!(warnings("select /*+ bka(t) */ * from t")[0].0, 8061);
    let unknown = Error::UnknownKey { key: "nope".into(), table: "t".into() };
    assert_eq!(error("select * from t ignore index (nope)"), unknown);
    assert!(matches!(error("select * from t force index ()"), Error::Syntax(_)));
}

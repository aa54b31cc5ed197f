use super::*;
use crate::parse::parse;

fn comments(sql: &str) -> Vec<(u32, String)> {
    let parsed = parse(sql).expect("it parses").remove(0);
    parsed.blocks.comments.iter().map(|c| (c.block, c.text.trim().to_owned())).collect()
}

fn hints(text: &str) -> (Vec<HintSyntax>, Vec<(u16, String)>) {
    let parsed = parse(&format!("select /*+ {text} */ 1")).expect("it parses").remove(0);
    let (hints, warnings) = parsed.blocks.comments[0].parse();
    (hints, warnings.into_iter().map(|w| (w.code, w.message)).collect())
}

fn one(text: &str) -> HintSyntax {
    let (mut hints, warnings) = hints(text);
    assert_eq!((hints.len(), warnings.len()), (1, 0), "{text}: {warnings:?}");
    hints.remove(0)
}

fn table(name: &str, block: Option<&str>) -> TableSyntax {
    TableSyntax { database: None, name: name.into(), block: block.map(str::to_owned) }
}

#[test]
fn comments_count_behind_verbs() {
    let sql = "select /*+ a() */ 1 from (select\n/*+ b() */ 2 /*+ no() */) d /*+ nor() */ where x = 'select /*+ c() */'";
    assert_eq!(comments(sql), [(1, "a()".into()), (2, "b()".into())]);
    assert_eq!(comments("update /*+ a() */ t set x = (select /*+ b() */ 1)").len(), 2);
    assert_eq!(comments("delete /*+ a() */ from t"), [(0, "a()".into())]);
    assert_eq!(
        comments("insert /*+ a() */ into t select /*+ b() */ 1"),
        [(0, "a()".into()), (1, "b()".into())]
    );
    assert_eq!(comments("explain update /*+ a() */ t set x = 1"), [(0, "a()".into())]);
    assert_eq!(comments("select replace/*+ a() */('a', 'b', 'c')"), []);
    assert_eq!(comments("select /* + a() */ 1"), []);
}

#[test]
fn comments_elsewhere_are_counted() {
    let stray = |sql: &str| parse(sql).expect("it parses").remove(0).blocks.stray;
    assert_eq!(stray("select count(*) /*+ stream_agg() */ from t"), 1);
    assert_eq!(stray("select /*+ a() */ /*+ b() */ 1 /*+ c() */, '/*+ d() */' /* + e() */"), 1);
    assert_eq!(stray("/*+ a() */ update /*+ b() */ t set x = 1"), 1);
}

#[test]
fn all_names_and_forms() {
    let join = |text: &str, name: &'static str, method, wanted| {
        let tables = vec![table("t", None), table("u", Some("sel_2"))];
        let expected = HintSyntax {
            written: text.into(),
            name,
            block: None,
            body: HintBody::Join { method, wanted, tables },
        };
        assert_eq!(one(&format!("{text}(t, u@sel_2)")), expected);
    };
    join("tidb_inlj", "INL_JOIN", JoinMethod::Index, true);
    join("INL_JOIN", "INL_JOIN", JoinMethod::Index, true);
    join("INL_HASH_JOIN", "INL_HASH_JOIN", JoinMethod::IndexHash, true);
    join("TIDB_HJ", "HASH_JOIN", JoinMethod::Hash, true);
    join("TIDB_SMJ", "MERGE_JOIN", JoinMethod::Merge, true);
    join("hash_join_build", "HASH_JOIN_BUILD", JoinMethod::HashBuild, true);
    join("hash_join_probe", "HASH_JOIN_PROBE", JoinMethod::HashProbe, true);
    join("no_index_join", "NO_INDEX_JOIN", JoinMethod::Index, false);
    join("no_index_hash_join", "NO_INDEX_HASH_JOIN", JoinMethod::IndexHash, false);
    join("no_hash_join", "NO_HASH_JOIN", JoinMethod::Hash, false);
    join("no_merge_join", "NO_MERGE_JOIN", JoinMethod::Merge, false);
    let index = |text: &str, mode, indexes: &[&str]| {
        let indexes = indexes.iter().map(ToString::to_string).collect();
        assert_eq!(one(text).body, HintBody::Index { mode, table: table("t", None), indexes });
    };
    index("use_index(t)", IndexMode::Use, &[]);
    index("use_index(t i, `j k`)", IndexMode::Use, &["i", "j k"]);
    index("FORCE_INDEX(t, i)", IndexMode::Force, &["i"]);
    index("ignore_index(t, primary)", IndexMode::Ignore, &["primary"]);
    index("order_index(t, i)", IndexMode::Order, &["i"]);
    index("no_order_index(t, i)", IndexMode::NoOrder, &["i"]);
    assert_eq!(one("memory_quota(2 MB)").body, HintBody::MemoryQuota(2 << 20));
    assert_eq!(one("memory_quota(@sel_1 1 gb)").body, HintBody::MemoryQuota(1 << 30));
    assert_eq!(one("max_execution_time(1000)").body, HintBody::MaxExecutionTime(1000));
    assert_eq!(one("qb_name(x)").body, HintBody::BlockName("x".into()));
    let step = |view: &str, block: &str| {
        let part = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        StepSyntax { view: part(view), block: part(block) }
    };
    for (text, way) in [
        ("qb_name(x, v)", vec![step("v", "")]),
        (
            "qb_name(x, v@sel_1 . w@sel_2.@sel_3)",
            vec![step("v", "sel_1"), step("w", "sel_2"), step("", "sel_3")],
        ),
        ("qb_name(x, v.@sel_2)", vec![step("v", ""), step("", "sel_2")]),
        ("qb_name(x, `a b`.)", vec![step("a b", ""), step("", "")]),
    ] {
        assert_eq!(one(text).body, HintBody::ViewBlockName { name: "x".into(), way }, "{text}");
    }
    assert_eq!(one("leading(b, db.a)").body, {
        let a = TableSyntax { database: Some("db".into()), ..table("a", None) };
        HintBody::Leading(vec![table("b", None), a])
    });
    let merge = HintBody::IndexMerge { table: table("t", None), indexes: vec!["i".into(), "j".into()] };
    assert_eq!(one("use_index_merge(t, i, j)").body, merge);
    let (all, warnings) =
        hints("hash_agg() stream_agg(), agg_to_cop(@q) limit_to_cop() straight_join() no_index_merge()");
    assert_eq!((all.len(), warnings.len()), (6, 0));
    assert_eq!(all[2].block.as_deref(), Some("q"));
    assert_eq!(one("inl_join(@sel_2 t partition(p0, p1))").block.as_deref(), Some("sel_2"));
}

#[test]
fn wrong_hints_are_warnings() {
    let wrong = |text: &str, column: usize, near: &str| {
        let message = format!("Optimizer hint syntax error at line 1 column {column} near \"{near}\" ");
        assert_eq!(hints(text), (vec![], vec![(1064, message)]));
    };
    wrong("inl_join(t", 23, "*/");
    wrong("hash_agg() inl_join(1 +)", 34, "+) */");
    wrong("memory_quota(1 KB)", 27, "KB) */");
    wrong("use_index()", 22, ") */");
    wrong("nope", 12, "nope */");
    wrong("", 13, "*/");
    let (all, warnings) = hints("Nope(t, (1)) hash_agg()");
    assert_eq!(all.len(), 1);
    assert_eq!(warnings, [(8061, "Optimizer hint Nope is not supported by Allod and is ignored".into())]);
    let (all, warnings) = hints("bka(t1, (x)) hash_agg()");
    assert_eq!(all.len(), 1);
    assert_eq!(warnings, [(8061, "Optimizer hint bka is not supported by Allod and is ignored".into())]);
    let (all, warnings) = hints("memory_quota(9999999999999 GB)");
    assert_eq!((all.len(), warnings[0].0), (0, 8063));
    let (all, warnings) = hints("max_execution_time(99999999999999999999)");
    assert_eq!((all.len(), warnings[0].0), (0, 8065));
}

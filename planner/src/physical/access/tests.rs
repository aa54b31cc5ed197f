//! Which lookups a join can ask of a table, as text.

use std::fmt::Write;

use super::{AccessContext, LookupPath, looked_up, lookup_paths};
use crate::column::Columns;
use crate::column_set::ColumnSet;
use crate::expr::Expr;
use crate::hints::Hints;
use crate::logical::predicate::equality;
use crate::logical::{Plan, Scan};
use crate::options::{Options, PruneMode};
use crate::physical::{self, Lookup, Node, Ranges};
use crate::rules;
use crate::testing::{FakeCatalog, bind_query};

const SCHEMA: &str = "
    create table o (x bigint not null, y int, z varchar(10), w decimal(10,2), v double, u bigint unsigned, day date);
    create table t (a bigint not null, b int, c int, s varchar(10), d datetime, p int,
        primary key (a), key bc (b, c), unique key s (s), key d (d));
    create table h (a int not null, b int not null, c int, primary key (a, b), key c (c))
        partition by hash (b) partitions 4";

/// The lookups into `t` (or `h`) that `select * from o join … where …` can make, a line each.
fn lookups(inner: &str, condition: &str, options: &Options) -> String {
    let catalog = FakeCatalog::new(SCHEMA);
    let sql = format!("select * from o join {inner} where {condition}");
    let bound = bind_query(&catalog, &sql).expect("the query binds");
    let mut columns = bound.columns;
    let (query, _) = rules::rewrite(bound.query, &mut columns, &Hints::default());
    let (mut scans, mut on) = (Vec::new(), Vec::new());
    collect(&query.plan, &mut scans, &mut on);
    let scan = *scans.iter().find(|s| &*s.alias == inner).expect("the inner table");
    let outer = *scans.iter().find(|s| &*s.alias == "o").expect("the outer table");
    let set = |scan: &Scan| scan.columns.iter().map(|(id, _)| *id).collect::<ColumnSet>();
    let (outer_columns, inner_columns) = (set(outer), set(scan));
    let (mut equalities, mut bounds) = (Vec::new(), Vec::new());
    for e in on {
        let sides = equality(e).and_then(|(a, b)| {
            let of = |inner: &Expr| looked_up(inner).filter(|id| inner_columns.contains(*id));
            of(b).map(|id| (a.clone(), id, false)).or_else(|| of(a).map(|id| (b.clone(), id, false)))
        });
        match sides {
            Some(sides) => equalities.push(sides),
            None => bounds.push(e.clone()),
        }
    }
    let hints = Hints::default();
    let cx = AccessContext { options, hints: &hints };
    let paths = lookup_paths(&cx, scan, &inner_columns, &equalities, &bounds, &outer_columns, &[]);
    paths.iter().fold(String::new(), |mut out, path| {
        writeln!(out, "{}", line(path, scan, &columns)).expect("a string takes everything");
        out
    })
}

fn collect<'p>(plan: &'p Plan, scans: &mut Vec<&'p Scan>, on: &mut Vec<&'p Expr>) {
    match plan {
        Plan::Scan(scan) => scans.push(scan),
        Plan::Join(join) => on.extend(&join.on),
        _ => {}
    }
    plan.children().into_iter().for_each(|child| collect(child, scans, on));
}

fn line(path: &LookupPath, scan: &Scan, columns: &Columns) -> String {
    let lookup = lookup_of(&path.plan).expect("a scan that is looked up in");
    let text = |e: &Expr| text(e, columns);
    let mut out = path.index.map_or("key".into(), |i| scan.table.indexes[i].name.to_string());
    let prefix: Vec<String> = lookup.prefix.iter().map(|key| text(&key.value)).collect();
    write!(out, ": {}", prefix.join(", ")).expect("a string takes everything");
    for (name, bounds, open, closed) in [("low", &lookup.low, ">", ">="), ("high", &lookup.high, "<", "<=")] {
        for (e, inclusive) in bounds {
            let sign = if *inclusive { closed } else { open };
            write!(out, "; {name} {sign} {}", text(e)).expect("a string takes everything");
        }
    }
    if let Some(routing) = &lookup.routing {
        let routing: Vec<String> = routing.values.iter().map(|(o, e)| format!("{o}={}", text(e))).collect();
        write!(out, "; routing {}", routing.join(", ")).expect("a string takes everything");
    }
    if path.unique {
        out.push_str("; unique");
    }
    out
}

fn text(e: &Expr, columns: &Columns) -> String {
    match e {
        Expr::Column { id, .. } => columns.get(*id).name.to_string(),
        Expr::Constant { value, .. } => value.to_string(),
        Expr::Call { function, args, .. } => {
            let args: Vec<String> = args.iter().map(|a| text(a, columns)).collect();
            format!("{}({})", function.name(), args.join(", "))
        }
    }
}

fn lookup_of(plan: &physical::Plan) -> Option<&Lookup> {
    match &plan.node {
        Node::TableScan(scan) => match &scan.ranges {
            Ranges::Lookup(lookup) => Some(lookup),
            Ranges::All | Ranges::Fixed(_) | Ranges::Handles => None,
        },
        Node::IndexScan(scan) => match &scan.ranges {
            Ranges::Lookup(lookup) => Some(lookup),
            Ranges::All | Ranges::Fixed(_) | Ranges::Handles => None,
        },
        _ => plan.children().into_iter().find_map(lookup_of),
    }
}

fn dynamic(inner: &str, condition: &str) -> String {
    lookups(inner, condition, &Options::default())
}

#[test]
fn the_longest_prefix_takes_equalities_and_constants() {
    assert_eq!(dynamic("t", "a = x"), "key: x; unique\n");
    assert_eq!(dynamic("t", "b = x"), "bc: x\n");
    assert_eq!(dynamic("t", "b = x and c = y"), "bc: x, y\n");
    assert_eq!(dynamic("t", "b = 5 and c = y"), "bc: 5, y\n");
    assert_eq!(dynamic("t", "b = x and c = 5"), "bc: x, 5\n");
    assert_eq!(dynamic("t", "b = x and c is null"), "bc: x, NULL\n");
    // Behind the columns of an index comes the key.
    assert_eq!(dynamic("t", "b = x and c = y and a = u"), "key: cast(u); unique\nbc: x, y, cast(u)\n");
    assert_eq!(dynamic("t", "s = z"), "s: z; unique\n");
    // The column before is open, or only a constant is known.
    assert_eq!(dynamic("t", "c = y"), "");
    assert_eq!(dynamic("t", "b = 5 and p = y"), "");
}

#[test]
fn the_next_column_takes_bounds() {
    assert_eq!(dynamic("t", "b = x and c > y"), "bc: x; low > y\n");
    assert_eq!(dynamic("t", "b = x and y - 10 <= c and c < 7"), "bc: x; low >= minus(y, 10); high < 7\n");
    // Constants alone narrow too.
    assert_eq!(dynamic("t", "b = x and c between 3 and 4"), "bc: x; low >= 3; high <= 4\n");
    assert_eq!(dynamic("t", "b = x and (c is null or c < 4)"), "bc: x\n");
}

#[test]
fn types_that_compare_by_value_make_keys() {
    assert_eq!(dynamic("t", "a = w"), "key: w; unique\n");
    assert_eq!(dynamic("t", "a = u"), "key: cast(u); unique\n");
    assert_eq!(dynamic("t", "d = day"), "d: cast(day)\n");
    // Several integers are one double, several strings one number.
    assert_eq!(dynamic("t", "a = v"), "");
    assert_eq!(dynamic("t", "a = z"), "");
    assert_eq!(dynamic("t", "s = x"), "");
}

#[test]
fn an_outer_row_tells_the_partition_if_it_tells_every_partition_column() {
    assert_eq!(dynamic("h", "a = x and b = y"), "key: x, y; routing 1=y; unique\n");
    assert_eq!(dynamic("h", "c = x and b = y"), "c: x; routing 1=y\n");
    assert_eq!(dynamic("h", "c = x and b = 3"), "c: x\n");
    assert_eq!(dynamic("h", "c = x"), "c: x\n");
    let options = Options { prune_mode: PruneMode::Static, ..Options::default() };
    assert_eq!(lookups("h", "c = x", &options), "");
    assert_eq!(lookups("h", "c = x and b = 3", &options), "c: x\n");
}

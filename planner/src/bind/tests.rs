use super::*;
use crate::testing::{FakeCatalog, bind_one, bind_query, expr_text, plan_text, tpch};

#[test]
fn all_tpch_queries_bind() {
    let catalog = tpch::catalog();
    for (i, sql) in tpch::QUERIES.iter().enumerate() {
        let bound = bind_query(&catalog, sql).unwrap_or_else(|e| panic!("q{:02}: {e}", i + 1));
        let text = plan_text(&bound.query.plan, &bound.columns);
        if std::env::var_os("SHOW_PLANS").is_some() {
            println!("q{:02}\n{text}", i + 1);
            for cte in &bound.query.ctes {
                println!("cte\n{}", plan_text(cte, &bound.columns));
            }
        }
    }
}

//! Whether an answer of a TPC-H query is right.
//!
//! An answer on file is tab separated values, a header first. Every cell must be the same text, with one exception: the
//! files hold averages and quotients as binary floats, while MySQL's DECIMAL rounds them to a scale of its own. Such a
//! cell, printed with `s` digits after the point, is right if it is within 10^-s of the one on file, compared as exact
//! decimals. Which columns these are is written down, query by query, so that a sum is never let off.
//!
//! Rows are compared in order as far as ORDER BY gives one: rows that agree on all sort columns may come in any order.

use super::{Answer, TextRow};

/// A query of TPC-H and what there is to know of its answer.
pub(super) struct Query {
    pub name: &'static str,
    pub sql: &'static str,
    /// Columns of ORDER BY.
    order_by: &'static [&'static str],
    /// Columns that are averages or quotients.
    quotients: &'static [&'static str],
    /// At the scale factors 0.01, 0.1 and 1.
    answers: [&'static str; 3],
}

macro_rules! query {
    ($name:literal, $order_by:expr, $quotients:expr) => {
        Query {
            name: $name,
            sql: include_str!(concat!("../../bench/tpch/queries/", $name, ".sql")),
            order_by: &$order_by,
            quotients: &$quotients,
            answers: [
                include_str!(concat!("../../bench/tpch/answers/sf0.01/", $name, ".tsv")),
                include_str!(concat!("../../bench/tpch/answers/sf0.1/", $name, ".tsv")),
                include_str!(concat!("../../bench/tpch/answers/sf1/", $name, ".tsv")),
            ],
        }
    };
}

/// The 22 queries, in order.
pub(super) const QUERIES: [Query; 22] = [
    query!("q01", ["l_returnflag", "l_linestatus"], ["avg_qty", "avg_price", "avg_disc"]),
    query!("q02", ["s_acctbal", "n_name", "s_name", "p_partkey"], []),
    query!("q03", ["revenue", "o_orderdate"], []),
    query!("q04", ["o_orderpriority"], []),
    query!("q05", ["revenue"], []),
    query!("q06", [], []),
    query!("q07", ["supp_nation", "cust_nation", "l_year"], []),
    query!("q08", ["o_year"], ["mkt_share"]),
    query!("q09", ["nation", "o_year"], []),
    query!("q10", ["revenue"], []),
    query!("q11", ["value"], []),
    query!("q12", ["l_shipmode"], []),
    query!("q13", ["custdist", "c_count"], []),
    query!("q14", [], ["promo_revenue"]),
    query!("q15", ["s_suppkey"], []),
    query!("q16", ["supplier_cnt", "p_brand", "p_type", "p_size"], []),
    query!("q17", [], ["avg_yearly"]),
    query!("q18", ["o_totalprice", "o_orderdate"], []),
    query!("q19", [], []),
    query!("q20", ["s_name"], []),
    query!("q21", ["numwait", "s_name"], []),
    query!("q22", ["cntrycode"], []),
];

impl Query {
    /// The answer at a scale factor, if it is one of those whose answers are known.
    pub fn answer(&self, sf: f64) -> Option<&'static str> {
        let at = [0.01, 0.1, 1.0].iter().position(|known| *known == sf)?;
        Some(self.answers[at])
    }

    /// Says what is wrong with an answer, beside the one on file.
    pub fn check(&self, got: &Answer, file: &str) -> Result<(), String> {
        let mut lines = file.lines();
        let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
        let want: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
        if got.columns.len() != header.len() {
            return Err(format!("{} columns, not {}", got.columns.len(), header.len()));
        }
        if got.rows.len() != want.len() {
            return Err(format!("{} rows, not {}", got.rows.len(), want.len()));
        }
        let positions = |names: &[&str]| -> Vec<usize> {
            names.iter().filter_map(|name| header.iter().position(|h| h.eq_ignore_ascii_case(name))).collect()
        };
        let (order_by, quotients) = (positions(self.order_by), positions(self.quotients));
        let mut begin = 0;
        while begin < want.len() {
            let key = |row: &Vec<&str>| order_by.iter().map(|&c| row[c].to_string()).collect::<Vec<_>>();
            let tied = |row: &&Vec<&str>| !order_by.is_empty() && key(row) == key(&want[begin]);
            let end = begin + want[begin..].iter().take_while(tied).count().max(1);
            same_rows(&got.rows[begin..end], &want[begin..end], &quotients)
                .map_err(|why| format!("row {}: {why}", begin + 1))?;
            begin = end;
        }
        Ok(())
    }
}

/// Whether both are the same rows, in whatever order.
fn same_rows(got: &[TextRow], want: &[Vec<&str>], quotients: &[usize]) -> Result<(), String> {
    // The files write NULL as TPC-H's tools do; no text column of an answer has that word.
    let text = |cell| Option::as_deref(cell).unwrap_or("NULL");
    let mut got: Vec<Vec<&str>> = got.iter().map(|row| row.iter().map(text).collect()).collect();
    let mut want = want.to_vec();
    // By the cells that must be the same; a quotient can only decide between rows that are otherwise equal.
    let exact = |row: &Vec<&str>| -> Vec<String> {
        let cells = row.iter().enumerate().filter(|(c, _)| !quotients.contains(c));
        cells.map(|(_, cell)| cell.to_string()).collect()
    };
    got.sort_by_cached_key(exact);
    want.sort_by_cached_key(exact);
    for (got, want) in got.iter().zip(&want) {
        for (column, (g, w)) in got.iter().zip(want).enumerate() {
            if g != w && !(quotients.contains(&column) && within_last_digit(g, w)) {
                return Err(format!("'{g}' instead of '{w}'"));
            }
        }
    }
    Ok(())
}

/// Whether `want` is within one unit of the last digit that `got` prints.
fn within_last_digit(got: &str, want: &str) -> bool {
    let (Some((g, scale)), Some((w, finer))) = (decimal(got), decimal(want)) else { return false };
    let common = scale.max(finer);
    let up = |value: i128, by: u32| 10i128.checked_pow(by).and_then(|power| value.checked_mul(power));
    match (up(g, common - scale), up(w, common - finer), up(1, common - scale)) {
        (Some(g), Some(w), Some(unit)) => g.abs_diff(w) <= unit.unsigned_abs(),
        _ => false,
    }
}

/// A number's digits without the point, and how many of them are behind it. With or without an exponent.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent.parse().ok()?)?;
    match u32::try_from(scale) {
        Ok(scale) => Some((digits, scale)),
        Err(_) => Some((digits.checked_mul(10i128.checked_pow(scale.unsigned_abs())?)?, 0)),
    }
}

#[cfg(test)]
mod tests {
    use allod_storage::schema::{ColumnType, SqlType};

    use super::*;
    use crate::result::Column;

    fn answer(text: &str) -> Answer {
        let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let ty = ColumnType::nullable(SqlType::Double);
        let columns = lines
            .next()
            .unwrap()
            .into_iter()
            .map(|name| Column { name: name.into(), ty: ty.clone(), origin: None })
            .collect();
        let cell = |cell: &str| (cell != "NULL").then(|| cell.to_string());
        Answer { columns, rows: lines.map(|row| row.into_iter().map(cell).collect()).collect() }
    }

    const Q: Query =
        Query { name: "q", sql: "", order_by: &["k"], quotients: &["avg"], answers: ["", "", ""] };
    const FILE: &str = "k\tsum\tavg\n1\t10.00\t3.3333333333333335\n1\t20.00\t0.5\n2\t7.00\tNULL\n";

    #[test]
    fn quotients_may_differ_by_a_unit_and_sums_may_not() {
        let check = |text| Q.check(&answer(text), FILE);
        assert_eq!(check("k\tsum\tavg\n1\t10.00\t3.3333\n1\t20.00\t0.5000\n2\t7.00\tNULL\n"), Ok(()));
        assert_eq!(check("k\tsum\tavg\n1\t10.00\t3.3334\n1\t20.00\t0.4999\n2\t7.00\tNULL\n"), Ok(()));
        assert!(check("k\tsum\tavg\n1\t10.00\t3.3335\n1\t20.00\t0.5000\n2\t7.00\tNULL\n").is_err());
        assert!(check("k\tsum\tavg\n1\t10.0000\t3.3333\n1\t20.00\t0.5000\n2\t7.00\tNULL\n").is_err());
        assert!(check("k\tsum\tavg\n1\t10.00\t3.3333\n1\t20.00\t0.5000\n2\t7.00\t0\n").is_err());
    }

    #[test]
    fn ties_may_change_places_and_others_may_not() {
        let check = |text| Q.check(&answer(text), FILE);
        assert_eq!(check("k\tsum\tavg\n1\t20.00\t0.5000\n1\t10.00\t3.3333\n2\t7.00\tNULL\n"), Ok(()));
        assert!(check("k\tsum\tavg\n2\t7.00\tNULL\n1\t10.00\t3.3333\n1\t20.00\t0.5000\n").is_err());
        assert!(check("k\tsum\tavg\n1\t10.00\t3.3333\n").unwrap_err().contains("1 rows, not 3"));
    }

    #[test]
    fn floats_are_read_exactly() {
        assert_eq!(decimal("-1.25"), Some((-125, 2)));
        assert_eq!(decimal("5e-05"), Some((5, 5)));
        assert_eq!(decimal("1.5e3"), Some((1500, 0)));
        assert_eq!(decimal("NULL"), None);
        assert!(within_last_digit("0.0000", "0.0"));
        assert!(within_last_digit("0.0344", "0.0344358904066548"));
        assert!(!within_last_digit("0.0346", "0.0344358904066548"));
    }

    #[test]
    fn every_query_has_its_columns_on_file() {
        for query in &QUERIES {
            for sf in [0.01, 0.1, 1.0] {
                let header: Vec<&str> =
                    query.answer(sf).unwrap().lines().next().unwrap().split('\t').collect();
                for name in query.order_by.iter().chain(query.quotients) {
                    assert!(header.contains(name), "{} has no {name}", query.name);
                }
            }
        }
        assert_eq!(QUERIES[0].answer(0.5), None);
    }
}

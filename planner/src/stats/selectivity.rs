//! Which part of the rows a predicate keeps.
//!
//! Comparisons of a column with constants read its histogram, all comparisons of one column as one interval; different
//! columns count as independent. Without statistics TiDB's guesses stand in (tidb.md D): equality 1/1000, a one-sided
//! range 1/3, a two-sided one 1/40, anything else 0.8.

use allod_storage::schema::Datum;

use super::cardinality::{Facet, Profile};
use super::histogram::Interval;
use crate::column::ColumnId;
use crate::expr::{Expr, Function};
use crate::logical::predicate::constant_truth;

const PSEUDO_EQUAL: f64 = 1.0 / 1000.0;
const PSEUDO_RANGE: f64 = 1.0 / 3.0;
const PSEUDO_BETWEEN: f64 = 1.0 / 40.0;
const PSEUDO_OTHER: f64 = 0.8;
/// What a predicate keeps of which nothing is known although there are statistics.
const UNKNOWN: f64 = 1.0 / 3.0;
/// `expression = constant`, and each member of `expression IN (…)`.
const UNKNOWN_EQUAL: f64 = 0.05;
/// `a < b` between two columns.
const COLUMN_RANGE: f64 = 0.5;
/// LIKE with a leading wildcard and nothing to try it on.
const UNKNOWN_LIKE: f64 = 0.1;

/// The part of the profile's rows that satisfies every conjunct.
pub(crate) fn selectivity(conjuncts: &[Expr], profile: &Profile) -> f64 {
    let (intervals, rest) = split_intervals(conjuncts, profile);
    let ranges: f64 =
        intervals.iter().map(|(id, interval)| interval_fraction(*id, interval, profile)).product();
    let others: f64 = rest.iter().map(|e| one(e, profile)).product();
    (ranges * others).clamp(0.0, 1.0)
}

/// Comparisons of columns with constants, merged per column, and all other conjuncts.
pub(crate) fn split_intervals<'e>(
    conjuncts: &'e [Expr],
    profile: &Profile,
) -> (Vec<(ColumnId, Interval)>, Vec<&'e Expr>) {
    let mut intervals: Vec<(ColumnId, Interval)> = Vec::new();
    let mut rest = Vec::new();
    for e in conjuncts {
        match column_comparison(e).filter(|(id, ..)| profile.facet(*id).is_some()) {
            Some((id, function, value)) => {
                let at = intervals.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
                    intervals.push((id, Interval::default()));
                    intervals.len() - 1
                });
                narrow(&mut intervals[at].1, function, value);
            }
            None => rest.push(e),
        }
    }
    (intervals, rest)
}

/// `column op constant` for the comparisons that make an interval.
fn column_comparison(e: &Expr) -> Option<(ColumnId, &Function, &Datum)> {
    let Expr::Call { function, args, .. } = e else { return None };
    let [Expr::Column { id, .. }, Expr::Constant { value, .. }] = args.as_slice() else { return None };
    let makes_interval =
        matches!(function, Function::Eq | Function::Lt | Function::Le | Function::Gt | Function::Ge);
    (makes_interval && !value.is_null()).then_some((*id, function, value))
}

fn narrow(interval: &mut Interval, function: &Function, value: &Datum) {
    let value = value.clone();
    match function {
        Function::Lt => interval.below(value, false),
        Function::Le => interval.below(value, true),
        Function::Gt => interval.above(value, false),
        Function::Ge => interval.above(value, true),
        _ => {
            interval.above(value.clone(), true);
            interval.below(value, true);
        }
    }
}

fn interval_fraction(id: ColumnId, interval: &Interval, profile: &Profile) -> f64 {
    let Some(facet) = profile.facet(id) else { return UNKNOWN };
    let not_null = 1.0 - facet.nulls;
    if interval.is_empty() {
        return 0.0;
    }
    if let Some((mean, deviation)) = facet.normal {
        return normal_fraction(interval, mean, deviation);
    }
    match &facet.stats {
        Some(stats) => not_null * (stats.fraction_in(interval) / facet.kept).min(1.0),
        None if facet.pseudo => match (&interval.low, &interval.high) {
            _ if interval.point().is_some() => PSEUDO_EQUAL,
            (Some(_), Some(_)) => PSEUDO_BETWEEN,
            // NULLs sort below every value: TiDB takes them off what lies below a bound.
            (None, Some(_)) => PSEUDO_RANGE - facet.nulls,
            (Some(_), None) | (None, None) => PSEUDO_RANGE,
        },
        None if interval.point().is_some() => not_null / facet.distinct.max(1.0),
        None => UNKNOWN,
    }
}

/// The part of a normal distribution that lies in the interval.
fn normal_fraction(interval: &Interval, mean: f64, deviation: f64) -> f64 {
    let below = |bound: &Option<(Datum, bool)>, missing: f64| {
        let value = bound.as_ref().and_then(|(v, _)| v.as_f64());
        value.map_or(missing, |v| normal_cdf((v - mean) / deviation.max(1e-9)))
    };
    (below(&interval.high, 1.0) - below(&interval.low, 0.0)).clamp(0.0, 1.0)
}

/// Abramowitz and Stegun 26.2.17, good to seven digits.
fn normal_cdf(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if z > 0.0 { 1.0 - tail } else { tail }
}

/// One predicate that is not part of an interval.
fn one(e: &Expr, profile: &Profile) -> f64 {
    if let Some(truth) = constant_truth(e) {
        return if truth == Some(true) { 1.0 } else { 0.0 };
    }
    let Expr::Call { function, args, .. } = e else { return 0.5 };
    let other = if profile.pseudo { PSEUDO_OTHER } else { UNKNOWN };
    match function {
        Function::And => selectivity(args, profile),
        Function::Or => 1.0 - args.iter().map(|a| 1.0 - any(a, profile)).product::<f64>(),
        Function::Not => (1.0 - any(&args[0], profile) - null_part(&args[0], profile)).max(0.0),
        Function::IsTrue => any(&args[0], profile),
        Function::IsNull => null_part(&args[0], profile),
        Function::Eq | Function::NullEq => equal(&args[0], &args[1], profile),
        Function::Ne => (1.0 - equal(&args[0], &args[1], profile) - null_part(&args[0], profile)).max(0.0),
        Function::Lt | Function::Le | Function::Gt | Function::Ge => {
            let facets = args.iter().filter(|a| facet_of(a, profile).is_some()).count();
            if facets == 2 && !profile.pseudo { COLUMN_RANGE } else { PSEUDO_RANGE }
        }
        Function::In => {
            let each = args[1..].iter().map(|member| equal(&args[0], member, profile));
            each.sum::<f64>().min(1.0)
        }
        Function::Like { escape } => like(&args[0], &args[1], *escape, profile),
        _ => other,
    }
}

fn any(e: &Expr, profile: &Profile) -> f64 {
    selectivity(std::slice::from_ref(e), profile)
}

fn facet_of<'p>(e: &Expr, profile: &'p Profile) -> Option<&'p Facet> {
    e.as_column().and_then(|id| profile.facet(id))
}

/// How often the expression is NULL, as far as one column decides it.
fn null_part(e: &Expr, profile: &Profile) -> f64 {
    if !e.ty().nullable {
        return 0.0;
    }
    let columns = e.columns();
    match columns.as_slice() {
        [id] => profile.facet(*id).map_or(0.0, |f| f.nulls),
        _ => 0.0,
    }
}

fn equal(a: &Expr, b: &Expr, profile: &Profile) -> f64 {
    match (facet_of(a, profile), facet_of(b, profile)) {
        (Some(x), Some(y)) => (1.0 - x.nulls) * (1.0 - y.nulls) / x.distinct.max(y.distinct).max(1.0),
        (Some(facet), None) | (None, Some(facet)) => {
            let other = if facet_of(a, profile).is_some() { b } else { a };
            match (other, &facet.stats) {
                (Expr::Constant { value, .. }, Some(stats)) => {
                    (1.0 - facet.nulls) * stats.fraction_equal(value)
                }
                _ if facet.pseudo => PSEUDO_EQUAL,
                _ => (1.0 - facet.nulls) / facet.distinct.max(1.0),
            }
        }
        (None, None) => UNKNOWN_EQUAL,
    }
}

/// A prefix is a range. Anything else is tried on the values that the histogram holds.
fn like(text: &Expr, pattern: &Expr, escape: Option<char>, profile: &Profile) -> f64 {
    let (Some(facet), Expr::Constant { value: Datum::String(pattern), .. }) =
        (facet_of(text, profile), pattern)
    else {
        return if profile.pseudo { PSEUDO_OTHER } else { UNKNOWN_LIKE };
    };
    let (prefix, rest) = like_prefix(pattern, escape);
    let Some(stats) = &facet.stats else {
        return match (profile.pseudo, prefix.is_empty()) {
            (true, false) => PSEUDO_BETWEEN,
            (true, true) => PSEUDO_OTHER,
            (false, _) => UNKNOWN_LIKE,
        };
    };
    if !prefix.is_empty() && rest == "%" {
        let mut interval = Interval::default();
        interval.above(Datum::string(prefix.as_str()), true);
        interval.below(Datum::string(format!("{prefix}\u{10FFFF}")), true);
        let exact = stats.histogram.iter().all(|b| b.distinct <= 1);
        let least = if exact { 0.0 } else { 0.5 / (stats.histogram.len() as f64 + 1.0) };
        return (1.0 - facet.nulls) * stats.fraction_in(&interval).max(least);
    }
    let hits: f64 = stats
        .sample()
        .filter(|(value, _)| matches!(value, Datum::String(s) if like_matches(s, pattern, escape)))
        .map(|(_, weight)| weight)
        .sum();
    let least = 0.5 / (stats.histogram.len() as f64 + 1.0);
    (1.0 - facet.nulls) * hits.max(least.min(UNKNOWN_LIKE))
}

/// The characters before the first wildcard, unescaped, and the rest of the pattern.
pub(crate) fn like_prefix(pattern: &str, escape: Option<char>) -> (String, &str) {
    let mut prefix = String::new();
    let mut chars = pattern.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '%' | '_' => return (prefix, &pattern[at..]),
            c if Some(c) == escape => prefix.push(chars.next().map_or(c, |(_, next)| next)),
            c => prefix.push(c),
        }
    }
    (prefix, "")
}

/// LIKE on one value; only for estimates, so it compares characters exactly.
fn like_matches(text: &str, pattern: &str, escape: Option<char>) -> bool {
    enum Part {
        Any,
        One,
        Char(char),
    }
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '%' => Part::Any,
            '_' => Part::One,
            c if Some(c) == escape => Part::Char(chars.next().unwrap_or(c)),
            c => Part::Char(c),
        });
    }
    let text: Vec<char> = text.chars().collect();
    let (mut t, mut p, mut retry) = (0, 0, None);
    while t < text.len() {
        match parts.get(p) {
            Some(Part::Any) => {
                retry = Some((p, t));
                p += 1;
            }
            Some(Part::One) => (t, p) = (t + 1, p + 1),
            Some(Part::Char(c)) if *c == text[t] => (t, p) = (t + 1, p + 1),
            Some(Part::Char(_)) | None => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (t, p) = (from + 1, star + 1);
                }
                None => return false,
            },
        }
    }
    parts[p..].iter().all(|part| matches!(part, Part::Any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_on_a_value() {
        for (text, pattern, matches) in [
            ("LARGE BRASS", "%BRASS", true),
            ("special packages requests", "%special%requests%", true),
            ("requests special", "%special%requests%", false),
            ("abc", "a_c", true),
            ("a%c", "a\\%c", true),
            ("abc", "a\\%c", false),
            ("", "%", true),
            ("", "_", false),
        ] {
            assert_eq!(like_matches(text, pattern, Some('\\')), matches, "{text} LIKE {pattern}");
        }
        assert_eq!(like_prefix("PROMO%", Some('\\')), ("PROMO".to_string(), "%"));
    }

    #[test]
    fn the_normal_distribution_has_its_quantiles() {
        assert!((normal_cdf(0.0) - 0.5).abs() < 1e-6);
        assert!((normal_cdf(1.96) - 0.975).abs() < 1e-4);
        assert!(normal_cdf(-3.4) < 4e-4);
    }
}

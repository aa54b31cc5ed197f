//! MEMORY_QUOTA and MAX_EXECUTION_TIME speak of the whole statement: they count behind its own verb, the last one of each.
//!
//! ```sql
//! select /*+ memory_quota(1 MB), memory_quota(2 MB) */ …                        -- 2 MB, and a warning
//! insert /*+ memory_quota(1 MB) */ into t select /*+ memory_quota(2 MB) */ …    -- 1 MB, and a warning
//! select … from (select /*+ max_execution_time(10) */ …) d                      -- no limit, and a warning
//! ```
//! The texts are TiDB's; for a limit of time that is not of a query's own block, where TiDB says nothing, MySQL's.

use crate::hints::{Hint, HintKind};
use crate::physical::PlanWarning;

/// TiDB's code of a warning without a code.
const UNKNOWN: u16 = 1105;
/// MySQL's code of a hint that another one takes the place of.
const CONFLICTING: u16 = 3126;
/// MySQL's code of a limit of time where there can be none.
const NOT_A_QUERY: u16 = 3125;

/// Leaves at most one limit of each sort. `own` = what the statement's own block is called, for a DML statement.
pub(super) fn settle(list: &mut Vec<Hint>, own: Option<&str>, warnings: &mut Vec<PlanWarning>) {
    let mut warn = |code, message: String| warnings.push(PlanWarning { code, message });
    let quota = |hint: &Hint| match hint.kind {
        HintKind::MemoryQuota(bytes) => Some(bytes),
        _ => None,
    };
    let time = |hint: &Hint| match hint.kind {
        HintKind::MaxExecutionTime(ms) => Some(ms),
        _ => None,
    };
    let top = u32::from(own.is_none());
    if own == Some("ins_1")
        && list.iter().any(|h| h.block == top && quota(h).is_some())
        && let Some(bytes) = list.iter().filter(|h| h.block == 1).find_map(quota)
    {
        warn(CONFLICTING, format!("Hint MEMORY_QUOTA(`{bytes}`) is ignored as conflicting/duplicated."));
    }
    // The SELECT of an INSERT may speak for it.
    let counts = |hint: &Hint| hint.block == top || own == Some("ins_1") && hint.block == 1;
    if list.iter().any(|h| time(h).is_some() && (own.is_some() || !counts(h))) {
        let message = "MAX_EXECUTION_TIME hint is supported by top-level standalone SELECT statements only";
        warn(NOT_A_QUERY, message.into());
    }
    list.retain(|h| quota(h).is_none() || counts(h));
    list.retain(|h| time(h).is_none() || own.is_none() && counts(h));
    // That of the verb before that of the SELECT.
    let speaks = list.iter().filter(|h| quota(h).is_some()).map(|h| h.block).min();
    list.retain(|h| quota(h).is_none() || Some(h.block) == speaks);
    if let Some(bytes) = keep_last(list, &quota) {
        let message = "MEMORY_QUOTA() is defined more than once, only the last definition takes effect";
        warn(UNKNOWN, format!("{message}: MEMORY_QUOTA({bytes})"));
    }
    if let Some(ms) = keep_last(list, &time) {
        let message = "MAX_EXECUTION_TIME() is defined more than once, only the last definition takes effect";
        warn(UNKNOWN, format!("{message}: MAX_EXECUTION_TIME({ms})"));
    }
    if list.iter().any(|h| quota(h) == Some(0)) {
        warn(UNKNOWN, "Setting the MEMORY_QUOTA to 0 means no memory limit".into());
    }
}

/// Drops all of a sort but the last; its value if there were several.
fn keep_last(list: &mut Vec<Hint>, of: &dyn Fn(&Hint) -> Option<u64>) -> Option<u64> {
    let last = list.iter().rposition(|h| of(h).is_some())?;
    let value = of(&list[last]);
    let before = list.len();
    let mut at = 0;
    list.retain(|h| {
        at += 1;
        of(h).is_none() || at - 1 == last
    });
    value.filter(|_| list.len() < before)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of `(block, is a quota, value)`, and the codes of the warnings.
    fn settled(hints: &[(u32, bool, u64)], own: Option<&str>) -> (Vec<u64>, Vec<u16>) {
        let hint = |&(block, quota, n): &(u32, bool, u64)| {
            let kind = if quota { HintKind::MemoryQuota(n) } else { HintKind::MaxExecutionTime(n) };
            Hint { text: String::new(), block, kind }
        };
        let (mut list, mut warnings) = (hints.iter().map(hint).collect(), vec![]);
        settle(&mut list, own, &mut warnings);
        let values = list.iter().map(|h| match h.kind {
            HintKind::MemoryQuota(n) | HintKind::MaxExecutionTime(n) => n,
            _ => unreachable!("nothing else was put in"),
        });
        (values.collect(), warnings.into_iter().map(|w| w.code).collect())
    }

    #[test]
    fn the_last_one_of_the_own_block_counts() {
        assert_eq!(settled(&[(1, true, 1), (1, false, 7)], None), (vec![1, 7], vec![]));
        assert_eq!(settled(&[(1, true, 1), (1, false, 7), (1, true, 2)], None), (vec![7, 2], vec![1105]));
        assert_eq!(settled(&[(1, false, 1), (1, false, 2)], None), (vec![2], vec![1105]));
        // Of a subquery.
        assert_eq!(settled(&[(2, true, 1), (2, false, 2)], None), (vec![], vec![3125]));
        assert_eq!(settled(&[(0, true, 1)], Some("upd_1")), (vec![1], vec![]));
        assert_eq!(settled(&[(0, false, 1)], Some("del_1")), (vec![], vec![3125]));
        assert_eq!(settled(&[(1, true, 1)], Some("del_1")), (vec![], vec![]));
        assert_eq!(settled(&[(1, true, 0)], None), (vec![0], vec![1105]));
    }

    #[test]
    fn that_of_insert_comes_before_that_of_its_select() {
        assert_eq!(settled(&[(0, true, 1), (1, true, 3)], Some("ins_1")), (vec![1], vec![3126]));
        assert_eq!(settled(&[(1, true, 3)], Some("ins_1")), (vec![3], vec![]));
        assert_eq!(settled(&[(1, false, 3)], Some("ins_1")), (vec![], vec![3125]));
    }
}

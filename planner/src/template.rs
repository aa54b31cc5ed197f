//! Plans with places for parameters.
//!
//! Values of parameters are constants to the planner: it folds them, looks them up in histograms, finds ranges empty. So in
//! general a prepared statement is planned anew for new values. One case is so frequent and so plain that it need not be: a
//! row by its whole key, `SELECT … FROM t WHERE id = ?`, or `UPDATE t SET v = v + 1, w = ? WHERE id = ?`. There a value can
//! appear in one place only, the key of the PointGet or what is assigned to a column, and the plan for another value is the
//! same plan with other values there.
//!
//! That is checked on both ends: the statement must say nothing else of the key's columns (see `bind::keyed`), and the plan
//! must be a PointGet below nothing but projections, of plain columns in a query; its key, or the column that is written,
//! must hold each parameter exactly as it was given. A value that would have to be converted first (a string for a number,
//! NULL, a string that may be too long) is planned in full.

use allod_storage::schema::{Datum, SqlType};

use crate::bind::{ParameterUse, parameter_uses};
use crate::column::ColumnId;
use crate::expr::Expr;
use crate::parse::Parsed;
use crate::physical::{Node, Plan, PointGet, Query};
use crate::prune;

/// Where the parameters of a statement are in its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// For each parameter.
    places: Vec<Place>,
    /// The node whose expressions parameters are in.
    rewritten: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A position in the key.
    Key(usize),
    /// A position in the projection below an UPDATE: what a column becomes.
    Set(usize),
}

impl Template {
    /// The template of a statement that was planned with these values; `None` if the plan holds for them alone.
    pub fn of(parsed: &Parsed, query: &Query, params: &[Datum]) -> Option<Template> {
        let uses = parameter_uses(parsed)?;
        if uses.is_empty() || !query.ctes.is_empty() {
            return None;
        }
        let change = matches!(query.root.node, Node::Update { .. } | Node::Delete { .. });
        let get = point_get(&query.root, change)?;
        let [key] = get.keys.as_slice() else { return None };
        let columns = get.key_columns();
        let mut places = Vec::with_capacity(uses.len());
        for (used, param) in uses.iter().zip(params) {
            let (ParameterUse::Key(name) | ParameterUse::Set(name)) = used;
            let ordinal = get.table.column(name)?;
            places.push(match used {
                ParameterUse::Key(_) => {
                    let place = columns.iter().position(|c| *c == ordinal)?;
                    if key.get(place)? != param || param.is_null() {
                        return None;
                    }
                    Place::Key(place)
                }
                ParameterUse::Set(_) => {
                    // Every column as it was comes first, then every visible one as it becomes.
                    let visible = get.table.visible_columns().position(|c| c == ordinal)?;
                    let place = get.table.columns.len() + visible;
                    let (_, Expr::Constant { value, .. }) = assigned(&query.root)?.get(place)? else {
                        return None;
                    };
                    if value != param || !fits(&get.table.columns[ordinal].ty.sql, param) {
                        return None;
                    }
                    Place::Set(place)
                }
            });
        }
        let sets = places.iter().any(|place| matches!(place, Place::Set(_)));
        let rewritten = if sets { assignment(&query.root).map(|projection| projection.id) } else { None };
        Some(Template { places, rewritten })
    }

    /// The plan node whose expressions are others in a filled plan: what it was compiled to does not hold for that one. In
    /// all other nodes values are read when they run.
    pub fn rewritten(&self) -> Option<u32> {
        self.rewritten
    }

    /// The plan for other values; `None` if one of them is not of the kind that its column holds.
    pub fn fill(&self, query: &Query, params: &[Datum]) -> Option<Query> {
        let mut query = query.clone();
        let table = point_get_mut(&mut query.root)?.table.clone();
        for (place, param) in self.places.iter().zip(params) {
            let Place::Set(place) = *place else { continue };
            let ordinal = table.visible_columns().nth(place.checked_sub(table.columns.len())?)?;
            let (_, Expr::Constant { value, .. }) = assigned_mut(&mut query.root)?.get_mut(place)? else {
                return None;
            };
            if !same_kind(value, param) || !fits(&table.columns[ordinal].ty.sql, param) {
                return None;
            }
            *value = param.clone();
        }
        let get = point_get_mut(&mut query.root)?;
        let key = get.keys.first_mut()?;
        for (place, param) in self.places.iter().zip(params) {
            let Place::Key(place) = *place else { continue };
            let held = key.get_mut(place)?;
            if !same_kind(held, param) {
                return None;
            }
            *held = param.clone();
        }
        // Which partition a row is in depends on the values; there may be none that takes it.
        if let Some(function) = get.dealing.clone() {
            match prune::place(&function, get.key_columns(), get.keys.first()?)? {
                Some(place) => get.places = Some(vec![place]),
                None => (get.keys, get.places) = (vec![], Some(vec![])),
            }
        }
        Some(query)
    }
}

/// Whether two values are held by columns of one type as they are. Of strings and whole numbers alone: what else there is
/// has precisions and scales.
fn same_kind(a: &Datum, b: &Datum) -> bool {
    matches!(
        (a, b),
        (Datum::Int(_), Datum::Int(_))
            | (Datum::UInt(_), Datum::UInt(_))
            | (Datum::String(_), Datum::String(_))
    )
}

/// Whether a column of this type takes the value as it is.
fn fits(ty: &SqlType, value: &Datum) -> bool {
    match (ty, value) {
        (&SqlType::BIGINT, Datum::Int(_)) => true,
        // Bytes are at least as many as characters.
        (SqlType::VarChar(length), Datum::String(s)) => s.len() <= *length as usize,
        _ => false,
    }
}

fn point_get(plan: &Plan, change: bool) -> Option<&PointGet> {
    match &plan.node {
        Node::PointGet(get) => Some(get),
        Node::Projection { input, exprs } if change || plain(exprs) => point_get(input, change),
        Node::Update { source, .. } | Node::Delete { source, .. } if change => point_get(source, change),
        _ => None,
    }
}

/// The projection below an UPDATE.
fn assignment(plan: &Plan) -> Option<&Plan> {
    let Node::Update { source, .. } = &plan.node else { return None };
    matches!(source.node, Node::Projection { .. }).then_some(&**source)
}

/// What an UPDATE's columns are and become.
fn assigned(plan: &Plan) -> Option<&Vec<(ColumnId, Expr)>> {
    let Node::Projection { exprs, .. } = &assignment(plan)?.node else { return None };
    Some(exprs)
}

fn assigned_mut(plan: &mut Plan) -> Option<&mut Vec<(ColumnId, Expr)>> {
    let Node::Update { source, .. } = &mut plan.node else { return None };
    let Node::Projection { exprs, .. } = &mut source.node else { return None };
    Some(exprs)
}

fn point_get_mut(plan: &mut Plan) -> Option<&mut PointGet> {
    match &mut plan.node {
        Node::PointGet(get) => Some(get),
        Node::Projection { input, .. } => point_get_mut(input),
        Node::Update { source, .. } | Node::Delete { source, .. } => point_get_mut(source),
        _ => None,
    }
}

fn plain<Id>(exprs: &[(Id, Expr)]) -> bool {
    exprs.iter().all(|(_, e)| e.as_column().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{DATABASE, FakeCatalog};
    use crate::{Bound, PlanContext, bind, optimize, parse};

    fn planned(sql: &str, params: &[Datum]) -> (Parsed, Query, bool) {
        let catalog = FakeCatalog::new(
            "create table t (id int primary key, a int, b int, c varchar(20), unique key ab (a, b), unique key uc (c));
             create table h (id int primary key, v int) partition by hash (id) partitions 4;
             create table e (id int, v int, c int, primary key (id, v), unique key vc (c, v)) partition by hash (v div 10 + 1) partitions 4;
             create table w (id bigint primary key, v bigint, c varchar(3), n int);
             create table r (id int primary key) partition by range (id) (partition p0 values less than (10), partition p1 values less than (20));",
        );
        let parsed = parse(sql).expect("it parses").remove(0);
        let context = PlanContext { params, ..PlanContext::new(&catalog, Some(DATABASE)) };
        let Bound::Query(bound) = bind(&parsed, &context).expect("it binds") else { panic!("{sql}") };
        let cacheable = bound.cacheable;
        let query = optimize(bound, &context).expect("it is planned");
        (parsed, query, cacheable)
    }

    #[test]
    fn a_filled_template_is_the_plan_for_these_values() {
        for (sql, first, second) in [
            ("select a from t where id = ?", vec![Datum::Int(1)], vec![Datum::Int(7)]),
            ("select * from t where (id = ?)", vec![Datum::Int(1)], vec![Datum::Int(-7)]),
            ("select * from t where b = ? and t.a = ?", vec![Datum::Int(1), Datum::Int(2)], {
                vec![Datum::Int(3), Datum::Int(4)]
            }),
            ("select id from t where c = ?", vec![Datum::string("x")], vec![Datum::string("y")]),
            ("select * from h where id = ?", vec![Datum::Int(1)], vec![Datum::Int(-6)]),
            ("select c from e where v = ? and id = ?", vec![Datum::Int(1), Datum::Int(2)], {
                vec![Datum::Int(37), Datum::Int(2)]
            }),
            ("select id from e where c = 4 and v = ?", vec![Datum::Int(1)], vec![Datum::Int(12)]),
            ("select id from r where id = ?", vec![Datum::Int(1)], vec![Datum::Int(12)]),
            ("update w set v = v + 1 where id = ?", vec![Datum::Int(1)], vec![Datum::Int(12)]),
            ("update w set v = -(v * 2), c = 'x' where id = ?", vec![Datum::Int(1)], vec![Datum::Int(12)]),
            (
                "update w set c = ?, v = ? where id = ?",
                vec![Datum::string("a"), Datum::Int(1), Datum::Int(12)],
                vec![Datum::string("abc"), Datum::Int(-1), Datum::Int(13)],
            ),
            (
                "update w set n = v + 1, v = ? where id = ?",
                vec![Datum::Int(1), Datum::Int(12)],
                vec![Datum::Int(-1), Datum::Int(13)],
            ),
            ("update h set v = v + 1 where id = ?", vec![Datum::Int(1)], vec![Datum::Int(-6)]),
            ("delete from w where id = ?", vec![Datum::Int(1)], vec![Datum::Int(12)]),
            ("delete from r where id = ?", vec![Datum::Int(1)], vec![Datum::Int(12)]),
        ] {
            let (parsed, query, _) = planned(sql, &first);
            let template =
                Template::of(&parsed, &query, &first).unwrap_or_else(|| panic!("{sql}: {query:?}"));
            let filled = template.fill(&query, &second).expect("the values are of the same kind");
            assert_eq!(filled.root, planned(sql, &second).1.root, "{sql}");
            let other = vec![Datum::Null; first.len()];
            assert_eq!(template.fill(&query, &other), None);
        }
    }

    #[test]
    fn a_key_that_no_partition_takes_asks_nobody() {
        let (parsed, query, _) = planned("select id from r where id = ?", &[Datum::Int(1)]);
        let template = Template::of(&parsed, &query, &[Datum::Int(1)]).expect("a key is asked for");
        let filled = template.fill(&query, &[Datum::Int(20)]).expect("the value is of the same kind");
        let get = point_get(&filled.root, false).expect("it stays a point get");
        assert_eq!((&get.keys[..], get.places.as_deref()), (&[][..], Some(&[][..])));
        assert_eq!(template.fill(&filled, &[Datum::Int(1)]), None, "the plan that is kept is the first");
    }

    #[test]
    fn other_statements_have_no_template() {
        let one = [Datum::Int(1)];
        let text = [Datum::string("1")];
        let two = [Datum::Int(1), Datum::Int(1)];
        for (sql, params) in [
            ("select * from t where id = ?", &text[..]),
            ("select * from t where id = ? and id = ?", &two),
            ("select * from t where id = ? and a > ?", &two),
            ("select id + 1 from t where id = ?", &one),
            ("select id, ? from t where id = ?", &two),
            ("select * from t where id > ?", &one),
            ("select * from t where id = ? or a = 1", &one),
            ("select * from t where a = ?", &one),
            ("select * from h partition (p1) where id = ?", &one),
            ("update w set v = id + 1 where id = ?", &one),
            ("update w set id = 7 where id = ?", &one),
            ("update w set id = ? where id = ?", &two),
            ("update w set v = ? + 1 where id = ?", &two),
            ("update w set v = abs(v) where id = ?", &one),
            ("update w set n = ? where id = ?", &two),
            ("update w set v = 1 where id = ? limit 1", &one),
            ("update w set v = ?, n = v where id = ?", &two),
            ("update w set v = ?, n = (v + 1) * 2 where id = ?", &two),
            ("update w set v = ?, v = 1 where id = ?", &two),
            ("select * from t where id = ? having id = 1", &one),
            ("select id from t where id = ? group by id having id > 0", &one),
            ("update w set v = 1 where id > ?", &one),
            ("delete from w where id = ? order by v", &one),
            ("delete from w where v = ?", &one),
        ] {
            let (parsed, query, _) = planned(sql, params);
            assert_eq!(Template::of(&parsed, &query, params), None, "{sql}");
        }
    }

    #[test]
    fn what_the_session_or_the_clock_says_is_not_kept() {
        for (sql, cacheable) in [
            ("select * from t where a > 3", true),
            ("select database(), version()", true),
            ("select now()", false),
            ("select * from t where c < unix_timestamp()", false),
            ("select @x", false),
            ("select last_insert_id(), 1", false),
            ("select row_count()", false),
            ("select connection_id()", false),
        ] {
            assert_eq!(planned(sql, &[]).2, cacheable, "{sql}");
        }
    }
}

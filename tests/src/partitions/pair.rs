//! A table `q` in partitions and the same table `p` without, in one database. Whatever is done to `q` and succeeds is done to
//! `p`; then both must hold the same rows and answer alike.

use std::collections::BTreeSet;

use allod::{Database, Session};

use super::column::COLUMNS;
use super::predicate::condition;
use super::scheme::Scheme;
use crate::database::rows;
use crate::random::Random;
use crate::slt::Value;

/// Errors that a change may meet: no partition, wrong partition, NULL in a key, out of range.
const REFUSALS: [u16; 6] = [1526, 1748, 1048, 1690, 1264, 1366];

/// What a statement answers, in no order, or its error.
type Answer = Result<Vec<Vec<Value>>, String>;

/// Both tables, a session with dynamic pruning and one with static pruning.
pub struct Pair {
    dynamic: Session,
    fixed: Session,
    scheme: Scheme,
    /// What was done, for whoever must repeat it.
    script: Vec<String>,
}

/// A difference between the two, and the statements that lead to it.
#[derive(Debug)]
pub struct Difference(pub String);

impl Pair {
    /// Tables of up to `rows_max` rows.
    ///
    /// # Errors
    /// The two are not alike already.
    pub fn random(rows_max: usize, random: &mut Random) -> Result<Pair, Difference> {
        let database = Database::new();
        let (mut dynamic, mut fixed) = (database.session(), database.session());
        fixed.run("SET tidb_partition_prune_mode = 'static'").expect("a variable of TiDB");
        let columns: Vec<String> = COLUMNS.iter().map(|c| format!("{} {}", c.name, c.ty)).collect();
        let columns = format!("id INT NOT NULL, {}", columns.join(", "));
        let indexes =
            ["", ", KEY i1 (a)", ", KEY i1 (b, a), KEY i2 (d)", ", KEY i1 (s), KEY i2 (u), KEY i3 (t)"];
        let columns = format!("{columns}{}", random.pick(&indexes));
        let mut script = vec![format!("CREATE TABLE p ({columns})")];
        dynamic.run(&script[0]).expect("the table can be made");
        let inserts: Vec<String> = (0..1 + random.below(rows_max))
            .map(|id| {
                let values: Vec<String> = COLUMNS.iter().map(|c| c.value(random)).collect();
                format!("VALUES ({id}, {})", values.join(", "))
            })
            .collect();
        for values in &inserts {
            dynamic.run(&format!("INSERT INTO p {values}")).unwrap_or_else(|e| panic!("{values}: {e}"));
        }
        let scheme = Scheme::random("p", &mut dynamic, random);
        let names: Vec<&str> = scheme.columns.iter().map(|c| c.name).collect();
        let key = match random.below(5) {
            0 => format!(", PRIMARY KEY (id, {})", names.join(", ")),
            1 => format!(", UNIQUE KEY own ({}, id)", names.join(", ")),
            2 => ", UNIQUE KEY own (id) GLOBAL".to_owned(),
            _ => String::new(),
        };
        // Of partitions that have an index each, or of all of them together.
        let columns =
            if random.chance(30) { columns.replace("KEY i1 (a)", "KEY i1 (a) GLOBAL") } else { columns };
        let columns =
            if random.chance(30) { columns.replace("KEY i2 (u)", "KEY i2 (u) GLOBAL") } else { columns };
        script.push(format!("CREATE TABLE q ({columns}{key}) PARTITION BY {}", scheme.clause));
        let mut pair = Pair { dynamic, fixed, scheme, script };
        pair.must(&pair.script[1].clone())?;
        for (id, values) in inserts.iter().enumerate() {
            match pair.dynamic.run(&format!("INSERT INTO q {values}")) {
                Ok(_) => pair.script.push(format!("INSERT INTO q {values}")),
                Err(e) if REFUSALS.contains(&e.code()) => {
                    pair.must(&format!("DELETE FROM p WHERE id = {id}"))?
                }
                Err(e) => return Err(pair.wrong(format!("INSERT INTO q {values}: {e}"))),
            }
        }
        if random.chance(30) {
            pair.must("ANALYZE TABLE p, q")?;
        }
        pair.same_rows()?;
        Ok(pair)
    }

    /// Whether a key of `q` was made GLOBAL.
    fn has_global(&self, key: &str) -> bool {
        self.script[1].split("KEY ").any(|part| part.starts_with(key) && part.contains("GLOBAL"))
    }

    fn wrong(&self, what: String) -> Difference {
        Difference(format!("{};\n-- {what}", self.script.join(";\n")))
    }

    /// Runs what must succeed.
    fn must(&mut self, statement: &str) -> Result<(), Difference> {
        match self.dynamic.run(statement) {
            Ok(_) => Ok(()),
            Err(e) => Err(self.wrong(format!("{statement}: {e}"))),
        }
    }

    /// One answer for both tables: `{}` stands for the name of the table. Under dynamic and static pruning.
    fn alike(&mut self, select: &str) -> Result<(), Difference> {
        let of_plain = answer(&mut self.dynamic, &select.replace("{}", "p"));
        let parted = select.replace("{}", "q");
        for (mode, found) in
            [("dynamic", answer(&mut self.dynamic, &parted)), ("static", answer(&mut self.fixed, &parted))]
        {
            // An expression that overflows for some row may or may not come to that row.
            let excused =
                [&of_plain, &found].iter().any(|a| a.as_ref().is_err_and(|e| e.starts_with("1690")));
            if of_plain != found && !excused {
                let plan = answer(&mut self.dynamic, &format!("EXPLAIN {parted}"));
                return Err(self.wrong(format!(
                    "{mode}: {parted}\n-- got      {found:?}\n-- expected {of_plain:?}\n-- plan {plan:?}"
                )));
            }
        }
        Ok(())
    }

    /// Both hold the same rows; each row is in one partition, and in the one that it would be dealt to now.
    fn same_rows(&mut self) -> Result<(), Difference> {
        self.alike("SELECT * FROM {}")?;
        let parted = answer(&mut self.dynamic, "SELECT id FROM q").unwrap_or_default().len();
        // SHOW CREATE TABLE says how, so that it is under test as well.
        let shown = answer(&mut self.dynamic, "SHOW CREATE TABLE q");
        let shown = shown.map(|rows| rows.concat());
        let Ok([Value::Text(_), Value::Text(shown)]) = shown.as_deref() else {
            return Err(self.wrong(format!("SHOW CREATE TABLE q gives {shown:?}")));
        };
        self.must(&shown.replacen("`q`", "r", 1))?;
        self.must("INSERT INTO r SELECT * FROM q")?;
        let mut in_partitions = 0;
        let partitions = self.partitions();
        for name in &partitions {
            let here = answer(&mut self.dynamic, &format!("SELECT id FROM q PARTITION ({name})"));
            let afresh = answer(&mut self.dynamic, &format!("SELECT id FROM r PARTITION ({name})"));
            in_partitions += here.as_ref().map_or(0, Vec::len);
            if here != afresh {
                return Err(self.wrong(format!("partition {name} holds {here:?}, dealt afresh {afresh:?}")));
            }
        }
        if !partitions.is_empty() && in_partitions != parted {
            return Err(self.wrong(format!("{in_partitions} rows in partitions, {parted} in the table")));
        }
        self.must("DROP TABLE r")?;
        self.must("ADMIN CHECK TABLE q")
    }

    /// The names of the partitions of `q`; none if it has lost its partitions.
    fn partitions(&mut self) -> Vec<String> {
        let sql = "SELECT partition_name FROM information_schema.partitions WHERE table_name = 'q' AND table_schema = 'test'";
        let found = answer(&mut self.dynamic, sql).unwrap_or_default();
        let text = |v: Value| if let Value::Text(text) = v { Some(text) } else { None };
        found.into_iter().flatten().filter_map(text).collect()
    }

    /// A random SELECT by a condition.
    ///
    /// # Errors
    /// The answers differ.
    pub fn select(&mut self, random: &mut Random) -> Result<(), Difference> {
        let condition = condition(&self.scheme, "x", 2, random);
        match random.below(3) {
            0 => self.alike(&format!("SELECT id FROM {{}} AS x WHERE {condition}")),
            1 => self.alike(&format!("SELECT * FROM {{}} AS x WHERE {condition}")),
            _ => self
                .alike(&format!("SELECT COUNT(*), MIN(id), MAX(a), MIN(s) FROM {{}} AS x WHERE {condition}")),
        }
    }

    /// Rows of named partitions.
    ///
    /// # Errors
    /// They are not the table's rows that are in these partitions.
    pub fn named(&mut self, random: &mut Random) -> Result<(), Difference> {
        let condition = condition(&self.scheme, "x", 1, random);
        let all = self.partitions();
        let names: Vec<String> = all.into_iter().filter(|_| random.chance(50)).collect();
        if names.is_empty() {
            return Ok(());
        }
        let names = names.join(", ");
        let here = self.ids_within(&names);
        let by_id = format!("SELECT id FROM p AS x WHERE id IN ({here}) AND ({condition})");
        let expected = answer(&mut self.dynamic, &by_id);
        let sql = format!("SELECT id FROM q PARTITION ({names}) AS x WHERE {condition}");
        for found in [answer(&mut self.dynamic, &sql), answer(&mut self.fixed, &sql)] {
            let excused =
                [&expected, &found].iter().any(|a| a.as_ref().is_err_and(|e| e.starts_with("1690")));
            if found != expected && !excused {
                return Err(self.wrong(format!("{sql}\n-- got      {found:?}\n-- expected {expected:?}")));
            }
        }
        Ok(())
    }

    /// The ids in some partitions, as a list that is never empty.
    fn ids_within(&mut self, names: &str) -> String {
        let found = answer(&mut self.dynamic, &format!("SELECT id FROM q PARTITION ({names})"));
        let text = |v: Value| if let Value::Int(v) = v { Some(v.to_string()) } else { None };
        let ids = found.unwrap_or_default().into_iter().flatten().filter_map(text);
        ids.chain(["-1".to_string()]).collect::<Vec<_>>().join(", ")
    }

    /// A join into `q` by a random column, with each method.
    ///
    /// # Errors
    /// A method finds other rows than a hash join with `p`.
    pub fn join(&mut self, random: &mut Random) -> Result<(), Difference> {
        let mut on: Vec<String> = Vec::new();
        for _ in 0..1 + random.below(2) {
            let column =
                if random.chance(70) { *random.pick(&self.scheme.columns) } else { random.pick(&COLUMNS) };
            let operator = if random.chance(15) { "<=>" } else { "=" };
            on.push(format!("o.{0} {operator} x.{0}", column.name));
        }
        if random.chance(60) {
            on.push(condition(&self.scheme, "x", 1, random));
        }
        if random.chance(30) {
            on.push(condition(&self.scheme, "o", 0, random));
        }
        let on = on.join(" AND ");
        for hint in ["INL_JOIN(x)", "INL_HASH_JOIN(x)", "HASH_JOIN(x)", "MERGE_JOIN(x)"] {
            let (outer, only) = (*random.pick(&["JOIN", "LEFT JOIN"]), random.chance(30));
            let sql = if only {
                let not = if random.chance(50) { "NOT " } else { "" };
                format!(
                    "SELECT /*+ {hint} */ o.id FROM p AS o WHERE {not}EXISTS (SELECT 1 FROM {{}} AS x WHERE {on})"
                )
            } else {
                format!("SELECT /*+ {hint} */ o.id, x.id FROM p AS o {outer} {{}} AS x ON {on}")
            };
            self.alike(&sql)?;
        }
        Ok(())
    }

    /// Equality with one value for each column that rows are dealt by leaves one partition at most.
    ///
    /// # Errors
    /// EXPLAIN shows more.
    pub fn one_partition(&mut self, random: &mut Random) -> Result<(), Difference> {
        let equal = |random: &mut Random| {
            let each = self.scheme.columns.iter().map(|c| format!("{} = {}", c.name, c.literal(random)));
            each.collect::<Vec<_>>().join(" AND ")
        };
        let sql = format!("SELECT id FROM q WHERE {}", equal(random));
        let shown = answer(&mut self.dynamic, &format!("EXPLAIN {sql}"));
        let text = format!("{shown:?}");
        let all = self.partitions().len();
        if all == 0 {
            return Ok(());
        }
        let named: BTreeSet<&str> = text
            .split("partition:")
            .skip(1)
            .flat_map(|rest| rest.split(['"', ' ']).next().unwrap_or_default().split(','))
            .filter(|name| !name.is_empty())
            .collect();
        let unknown = self.scheme.expression.is_some_and(|e| {
            // Where the expression overflows nothing is known.
            let of_row = sql.replace("SELECT id FROM q WHERE", "SELECT 1 FROM p WHERE id < 0 AND");
            e.contains(['+', '*', '-']) && of_row.contains("922337203685477580")
        });
        // A GLOBAL index is read as a whole, whatever partitions it may lead to.
        if ["i1", "i2"].iter().any(|key| text.contains(&format!("index:{key}")) && self.has_global(key)) {
            return self.alike(&sql.replace("FROM q", "FROM {}"));
        }
        if named.len() > 1 || (named.contains("all") && all > 1 && !unknown) {
            return Err(self.wrong(format!("{sql} reads {named:?} of {all} partitions")));
        }
        self.alike(&sql.replace("FROM q", "FROM {}"))
    }

    /// A random UPDATE or DELETE, sometimes of named partitions. What `q` refuses changes nothing.
    ///
    /// # Errors
    /// The tables are no longer alike, or a row is where it does not belong.
    pub fn change(&mut self, random: &mut Random) -> Result<(), Difference> {
        let condition = condition(&self.scheme, "x", 1, random);
        let mut within = (String::new(), String::new());
        if random.chance(25)
            && let all = self.partitions()
            && !all.is_empty()
        {
            let name = random.pick(&all).clone();
            within = (format!(" PARTITION ({name})"), format!(" AND p.id IN ({})", self.ids_within(&name)));
        }
        let plain = format!("({}){}", condition.replace("x.", "p."), within.1);
        let condition = condition.replace("x.", "q.");
        let (parted, plain) = if random.chance(75) {
            let set: Vec<String> = (0..1 + random.below(2))
                .map(|_| {
                    let usable = if random.chance(80) {
                        self.scheme.columns.clone()
                    } else {
                        COLUMNS.iter().collect()
                    };
                    let column = *random.pick(&usable);
                    format!("{} = {}", column.name, column.value(random))
                })
                .collect();
            let set = set.join(", ");
            (
                format!("UPDATE q{} SET {set} WHERE {condition}", within.0),
                format!("UPDATE p SET {set} WHERE {plain}"),
            )
        } else {
            (format!("DELETE FROM q{} WHERE {condition}", within.0), format!("DELETE FROM p WHERE {plain}"))
        };
        self.both(&parted, &plain)?;
        self.same_rows()
    }

    /// A change of `q`, and of `p` if it succeeds.
    fn both(&mut self, parted: &str, plain: &str) -> Result<(), Difference> {
        let session = if parted.len().is_multiple_of(2) { &mut self.dynamic } else { &mut self.fixed };
        match session.run(parted) {
            Ok(_) => {
                self.script.extend([parted.to_string(), plain.to_string()]);
                self.must(plain)
            }
            Err(e) if REFUSALS.contains(&e.code()) => Ok(()),
            Err(e) => Err(self.wrong(format!("{parted}: {e}"))),
        }
    }

    /// A random change of the partitions.
    ///
    /// # Errors
    /// Rows are lost or are where they do not belong.
    pub fn alter(&mut self, random: &mut Random) -> Result<(), Difference> {
        let all = self.partitions();
        if all.is_empty() {
            let scheme = Scheme::random("q", &mut self.dynamic, random);
            return self.repartition(scheme);
        }
        let name = random.pick(&all).clone();
        let here = self.ids_within(&name);
        let gone = format!("DELETE FROM p WHERE id IN ({here})");
        match random.below(5) {
            0 => self.both(&format!("ALTER TABLE q TRUNCATE PARTITION {name}"), &gone)?,
            1 if self.scheme.by_number => {
                let fewer = all.len() > 1 && random.chance(50);
                let verb = if fewer { "COALESCE PARTITION 1" } else { "ADD PARTITION PARTITIONS 2" };
                self.both(&format!("ALTER TABLE q {verb}"), "SELECT 1")?;
            }
            1 if all.len() > 1 => self.both(&format!("ALTER TABLE q DROP PARTITION {name}"), &gone)?,
            // Every row back to one partition, and then by the same scheme again.
            2 => {
                self.both("ALTER TABLE q REMOVE PARTITIONING", "SELECT 1")?;
                self.alike("SELECT * FROM {}")?;
                let afresh = Scheme::random("q", &mut self.dynamic, random);
                self.repartition(afresh)?;
            }
            _ => {
                let scheme = Scheme::random("q", &mut self.dynamic, random);
                self.repartition(scheme)?;
            }
        }
        self.same_rows()
    }

    /// Deals `q` by another scheme, if the scheme has all its rows and every unique key has the scheme's columns.
    fn repartition(&mut self, scheme: Scheme) -> Result<(), Difference> {
        match self.dynamic.run(&format!("ALTER TABLE q PARTITION BY {}", scheme.clause)) {
            Ok(_) => {
                self.script.push(format!("ALTER TABLE q PARTITION BY {}", scheme.clause));
                self.scheme = scheme;
                Ok(())
            }
            Err(e) if REFUSALS.contains(&e.code()) || matches!(e.code(), 1503 | 8264) => Ok(()),
            Err(e) => Err(self.wrong(format!("ALTER TABLE q PARTITION BY {}: {e}", scheme.clause))),
        }
    }
}

fn answer(session: &mut Session, sql: &str) -> Answer {
    let mut found = rows(session, sql).map_err(|e| format!("{} {}", e.code(), e.message()))?;
    found.sort_by_key(|row| format!("{row:?}"));
    Ok(found)
}

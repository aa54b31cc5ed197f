//! ALTER TABLE of columns and keys: a list of changes becomes one new definition.
//!
//! The changes are made one after the other on a draft, in which a column keeps its number however it is renamed or moved, so
//! that keys and partitions need not be told. What comes out says everything that the engine has to do: the columns, for each
//! key which of the old ones it is, and, if rows cannot stay as they are, an expression over the old row for each column:
//!
//! ```text
//! t (a int, b varchar(9), key (b))    ALTER TABLE t MODIFY b int, ADD c int DEFAULT 7 FIRST
//! columns c, a, b    key (b) = the old one    rows: 7, a, assign(b)
//! ```
//!
//! Rows stay as they are under new names, defaults and comments, and when keys come and go. The definition is made for one
//! version of the table; the engine applies it to that version only, else the statement begins anew.
//!
//! Generated columns are no matter of these expressions, which have NULL for them: they are computed when the new row is made.
//!
//! What TiDB refuses is refused (error 8200): changes between some types ([`pairs`]); to drop a primary key that rows are
//! sorted by, or a column that shares a key with others; to rename or drop a column that partitions go by is error 3855, one
//! that a generated column uses error 3108, one that a CHECK uses error 3959, one that a foreign key has or refers to errors
//! 1828 and 1829.

mod draft;
mod foreign_keys;
mod keys;
mod pairs;
mod together;

use std::sync::Arc;

use allod_storage::schema::{
    ColumnDef, ColumnType, Constraints, Datum, ForeignKey, GeneratedKind, SqlType, TableDescriptor,
};
use sqlparser::ast::{self, Ident, ObjectName};

use self::draft::{Column, Draft, Key};
use super::binder::Binder;
use super::check::{CheckFault, Written};
use super::ddl::{AlterTable, AlteredKey, Ddl, IndexSpec, Restart, TableName};
use super::define::Keys;
use super::option::{self, OptionFault, Options};
use super::{Bound, GeneratedFault, collation, foreign, generated, limits, numbers, temporary};
use crate::column::ColumnId;
use crate::error::Error;
use crate::expr::Expr;
use crate::parse::{AlterSyntax, ColumnPlace, NumbersSyntax, RandomSyntax, TableOption, next_of};
use crate::physical::PlanWarning;

/// TiDB's code of a warning without a code.
const UNKNOWN: u16 = 1105;

impl Binder<'_> {
    /// ALTER TABLE; partitions apart.
    pub fn alter_table(
        &mut self,
        table: &ObjectName,
        changes: &[AlterSyntax],
        clustered: Option<bool>,
    ) -> Result<Bound, Error> {
        self.alter_numbered(table, changes, clustered, &NumbersSyntax::default())
    }

    /// The same with what is said of numbers.
    pub fn alter_numbered(
        &mut self,
        table: &ObjectName,
        changes: &[AlterSyntax],
        clustered: Option<bool>,
        numbered: &NumbersSyntax,
    ) -> Result<Bound, Error> {
        let (name, table) = self.table(table)?;
        self.writable(&name.database)?;
        temporary::check_alterable(&table.descriptor, "ALTER TABLE")?;
        if !matches!(changes, [AlterSyntax::Cache(_)]) {
            option::check_not_cached(&table.descriptor, "Alter Table")?;
        }
        together::check(changes, &table.descriptor)?;
        check_ttl_alone(changes)?;
        let mut draft = Draft::of(&table.descriptor);
        let mut restarts = Vec::new();
        if let Some(cache) = numbered.cache()? {
            if !changes.is_empty() {
                return Err(Error::Unsupported("multi schema change for modify auto id cache".into()));
            }
            draft.numbering = numbers::recached(draft.numbering, cache)?;
        }
        if let Some(next) = numbered.random_base()? {
            let column = table.descriptor.columns.iter().find(|column| column.auto_increment);
            numbers::check_base(draft.numbering, column, next)?;
            restarts.push(Restart { option: "AUTO_RANDOM_BASE", next, force: false });
        }
        let defs: Vec<&ast::ColumnDef> = changes.iter().flat_map(AlterSyntax::columns).collect();
        let mut random = numbered.of_columns(&defs).into_iter();
        let (mut said, mut rename) = (Options::default(), None);
        for change in changes {
            match change {
                AlterSyntax::AddColumns { columns, if_not_exists } => {
                    for (def, at) in columns {
                        let random = random.next().flatten();
                        self.add_column(&mut draft, &name, (def, random), at.as_ref(), *if_not_exists)?;
                    }
                }
                AlterSyntax::Change { old, new, place: at, if_exists } => {
                    let random = random.next().flatten();
                    self.change_column(&mut draft, &name, (old, new, random), at.as_ref(), *if_exists)?;
                }
                AlterSyntax::SetDefault { column, value } => {
                    let at = draft.named(column)?;
                    let def = draft.columns[at].def.clone();
                    if def.generated.is_some() {
                        return Err(GeneratedFault::Usage("DEFAULT").into());
                    }
                    let default = value.as_ref().map(|e| self.default_value(e, &def));
                    draft.columns[at].def.default = default.transpose()?;
                }
                AlterSyntax::Add(constraint) => {
                    self.add_constraint(&mut draft, &name, constraint, clustered)?;
                }
                AlterSyntax::AddKey { name: key, unique, parts, options } => {
                    let key = Ident::new(&**key);
                    self.add_key(&mut draft, &name, (Some(&key), *unique), (parts, options))?;
                }
                AlterSyntax::DropColumn { name: column, if_exists } => {
                    if draft.find(&column.value).is_some() {
                        self.check_not_referred(&draft, &name, column)?;
                    }
                    draft.drop_column(column, *if_exists)?;
                }
                AlterSyntax::DropKey { name, if_exists } => draft.drop_key(&name.value, *if_exists)?,
                AlterSyntax::DropPrimaryKey => draft.drop_key("PRIMARY", false)?,
                AlterSyntax::DropForeignKey(name) => {
                    let named = |key: &ForeignKey| key.name.eq_ignore_ascii_case(&name.value);
                    let at = draft.foreign_keys.iter().position(named);
                    let at = at.ok_or_else(|| Error::CannotDrop(name.value.clone()))?;
                    draft.foreign_keys.remove(at);
                }
                AlterSyntax::DropCheck(name) => {
                    if self.checks_are_on(&mut draft.warnings) {
                        let at = draft.check_named(name)?;
                        draft.checks.remove(at);
                    }
                }
                AlterSyntax::Enforce { name, enforced } => {
                    if self.checks_are_on(&mut draft.warnings) {
                        let at = draft.check_named(name)?;
                        draft.checks[at].enforced = *enforced;
                    }
                }
                AlterSyntax::RenameColumn { from, to } => draft.rename_column(from, to)?,
                AlterSyntax::RenameKey { from, to } => draft.rename_key(from, to)?,
                AlterSyntax::Rename(to) => {
                    let to = self.table_name(to)?;
                    limits::table_name(&to.table)?;
                    rename = Some(to);
                }
                AlterSyntax::Visibility { name, invisible } => {
                    draft.key_named(name)?.options.invisible = *invisible;
                }
                AlterSyntax::Convert(to) => {
                    if let Some(to) = collation::Said::of(to)?.settled()? {
                        draft.become_of(to, true)?;
                    }
                }
                AlterSyntax::Option(TableOption::PreSplitRegions(_)) => {
                    return Err(Error::Unsupported("this type of ALTER TABLE".into()));
                }
                AlterSyntax::Option(TableOption::Charset(to)) => {
                    if let Some(to) = collation::Said::of(to)?.settled()? {
                        draft.become_of(to, false)?;
                    }
                }
                AlterSyntax::Option(TableOption::AutoIncrement(next)) => {
                    restarts.push(Restart { option: "AUTO_INCREMENT", next: *next, force: false });
                }
                AlterSyntax::ForceAutoIncrement(next) => {
                    restarts.push(Restart { option: "AUTO_INCREMENT", next: *next, force: true });
                }
                AlterSyntax::Option(option @ TableOption::Placement(_)) => {
                    temporary::check_lasting(&table.descriptor, "placement")?;
                    said.say(option)?;
                }
                AlterSyntax::Option(option) => said.say(option)?,
                AlterSyntax::RemoveTtl => draft.options.ttl = None,
                AlterSyntax::Cache(on) => {
                    temporary::check_lasting(&table.descriptor, "alter temporary table cache")?;
                    if *on && table.descriptor.partitioning.is_some() {
                        return Err(OptionFault::Cached("partition mode").into());
                    }
                    draft.options.cached = *on;
                }
                AlterSyntax::Compact(partitions) => {
                    check_partitions(&table.descriptor, partitions)?;
                    let message = "compact skipped: no tiflash replica in the table".into();
                    draft.warnings.push(PlanWarning { code: UNKNOWN, message });
                }
                AlterSyntax::Keys { enabled } => {
                    let clause = if *enabled { "ENABLE KEYS" } else { "DISABLE KEYS" };
                    let message =
                        format!("The {clause} clause is parsed but ignored by all storage engines.");
                    draft.warnings.push(PlanWarning { code: UNKNOWN, message });
                }
                AlterSyntax::Nothing => {}
            }
        }
        let comment = said.comment.clone();
        draft.options = said.settle(&draft.options, false)?;
        draft.settle()?;
        draft.check()?;
        self.check_options(&mut draft, &name)?;
        self.check_foreign_keys(&mut draft, &name)?;
        let rows = self.new_rows(&draft)?;
        let Draft {
            base, columns, keys, primary, checks, foreign_keys, collation, options, numbering, ..
        } = draft;
        let (notes, warnings) = (draft.notes, draft.warnings);
        let ordinals = |numbers: &[usize]| -> Vec<usize> {
            let at = |number: &usize| columns.iter().position(|c| c.number == *number);
            numbers.iter().filter_map(at).collect()
        };
        let altered = |key: &Key| {
            let (name, unique, columns) = (Arc::clone(&key.name), key.unique, ordinals(&key.columns));
            let options = key.options.clone();
            AlteredKey { spec: IndexSpec { name, unique, columns, options }, from: key.from }
        };
        let foreign_keys =
            foreign_keys.into_iter().map(|key| ForeignKey { columns: ordinals(&key.columns), ..key });
        let constraints = Constraints { checks, foreign_keys: foreign_keys.collect() };
        let defs: Vec<ColumnDef> = columns.iter().map(|c| c.def.clone()).collect();
        foreign::check_actions(&constraints, &defs)?;
        let partitioning = base.partitioning.clone().map(|mut scheme| {
            scheme.columns = ordinals(&scheme.columns);
            scheme
        });
        Ok(Bound::Ddl(Ddl::AlterTable(AlterTable {
            table: name,
            key: primary.as_deref().map(ordinals).unwrap_or_default(),
            indexes: keys.iter().map(altered).collect(),
            from: columns.iter().map(|c| Some(c.number).filter(|n| *n < base.columns.len())).collect(),
            columns: columns.into_iter().map(|c| c.def).collect(),
            partitioning,
            rows,
            zone: self.cx.zone,
            comment: comment.unwrap_or_else(|| Arc::clone(&base.comment)),
            collation,
            options,
            base,
            restarts,
            numbering,
            constraints,
            holds_foreign_keys: self.foreign_keys_are_on(),
            rename,
            notes,
            warnings,
        })))
    }

    /// What must hold of the options in the end.
    fn check_options(&self, draft: &mut Draft, name: &TableName) -> Result<(), Error> {
        let defs = draft.defs();
        let at = |number: &usize| draft.columns.iter().position(|c| c.number == *number);
        let ordinals = |numbers: &[usize]| numbers.iter().filter_map(at).collect::<Vec<_>>();
        let keys: Vec<Vec<usize>> = draft.keys.iter().map(|k| ordinals(&k.columns)).collect();
        let described = draft.keys.iter().zip(&keys);
        let described = described.map(|(key, columns)| (&*key.name, key.unique, &**columns, &key.options));
        option::check_visible(draft.primary.is_some(), described, &defs)?;
        let global = draft.keys.iter().map(|key| key.options.global);
        option::check_global(draft.base.partitioning.is_some(), None, global)?;
        let primary = draft.primary.as_deref().map(ordinals).unwrap_or_default();
        let is_new = draft.options.ttl.is_some() && draft.options.ttl != draft.base.options.ttl;
        let referred = || is_new && !self.referring(name).is_empty();
        temporary::check_options(draft.base.temporary, &draft.options)?;
        option::check_ttl(&mut draft.options, &defs, &primary, referred)
    }

    fn add_column(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        (def, random): (&ast::ColumnDef, Option<RandomSyntax>),
        at: Option<&ColumnPlace>,
        if_not_exists: bool,
    ) -> Result<(), Error> {
        if draft.columns.iter().any(|c| c.def.name.eq_ignore_ascii_case(&def.name.value)) {
            let error = Error::DuplicateColumn(def.name.value.clone());
            return draft.unless(if_not_exists, 1060, error);
        }
        let mut keys = Keys::default();
        let column = self.column_def(def, 0, &mut keys, draft.collation)?;
        let numbers = |o: &ast::ColumnOptionDef| matches!(&o.option, ast::ColumnOption::Default(e) if next_of(e).is_some());
        if def.options.iter().any(numbers) {
            return Err(Error::SequenceDefaultAdded(def.name.value.clone()));
        }
        if random.is_some() {
            let what = not_added(&def.name.value, "AUTO_RANDOM", (&table.database, &table.table));
            return Err(Error::AutoRandom(format!("unsupported {what}")));
        }
        let stored = column.generated.as_ref().is_some_and(|g| g.kind == GeneratedKind::Stored);
        let number = draft.next;
        draft.next += 1;
        let at = draft.place(at)?.unwrap_or(draft.declared());
        let name = Arc::clone(&column.name);
        draft.columns.insert(at, Column { number, def: column });
        self.generate(draft, table, def, at)?;
        if stored {
            return Err(
                GeneratedFault::Unsupported("Adding generated stored column through ALTER TABLE").into()
            );
        }
        let number = self.number_in_keys(draft, table, &keys, number)?;
        draft.keys_of_column(keys, number, &name)?;
        self.add_checks(draft, table, Written::of_column(def).collect())
    }

    fn change_column(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        (old, new, random): (&Ident, &ast::ColumnDef, Option<RandomSyntax>),
        at: Option<&ColumnPlace>,
        if_exists: bool,
    ) -> Result<(), Error> {
        let Some(from) = draft.find(&old.value) else {
            let error = draft.unknown(old);
            return draft.unless(if_exists, 1054, error);
        };
        let renamed = !old.value.eq_ignore_ascii_case(&new.name.value);
        limits::column_name(&new.name.value)?;
        if renamed && draft.find(&new.name.value).is_some() {
            return Err(Error::DuplicateColumn(new.name.value.clone()));
        }
        let before = draft.columns[from].def.clone();
        let number = draft.columns[from].number;
        let mut keys = Keys::default();
        let mut def = self.column_def(new, 0, &mut keys, draft.collation)?;
        let random = random.map(|random| numbers::random_of(&random, new, &def)).transpose()?;
        let was_random = draft.numbering.random.filter(|_| before.auto_increment);
        let is_handle = draft.primary.as_deref() == Some(&[number]);
        numbers::changed(was_random, random, (&before, &def), is_handle)?;
        if random.is_some() {
            (def.auto_increment, def.ty.nullable) = (true, false);
            draft.numbering.random = random;
        }
        let is_stored =
            |def: &ColumnDef| def.generated.as_ref().is_none_or(|g| g.kind != GeneratedKind::Virtual);
        if is_stored(&before) != is_stored(&def) {
            return Err(GeneratedFault::Unsupported("Changing the STORED status").into());
        }
        if renamed {
            draft.check_renamed(from)?;
        }
        draft.follow(from, &def.name);
        self.check_changed(draft, table, &before, &def, number)?;
        if draft.is_dealt_by(number) {
            if renamed {
                return Err(Error::PartitionDependency(old.value.clone()));
            }
            if def.ty.sql != before.ty.sql {
                return Err(Error::Unsupported(
                    "modify column: it decides which partition a row is in".into(),
                ));
            }
        }
        if def.ty.sql.is_string() && before.ty.sql.is_string() {
            draft.check_collation(from, def.ty.sql.collation())?;
        }
        let may_go = || {
            let allowed = self.cx.session.variables.system("tidb_allow_remove_auto_inc", false);
            allowed == Some(Datum::Int(1))
        };
        if before.auto_increment && !def.auto_increment && !may_go() {
            let what =
                "modify column: can't remove auto_increment without @@tidb_allow_remove_auto_inc enabled";
            return Err(Error::Unsupported(what.into()));
        }
        if def.auto_increment && !before.auto_increment {
            return Err(Error::Unsupported("modify column: can't set auto_increment".into()));
        }
        pairs::check(&before.ty.sql, &def.ty.sql)?;
        // What is part of the primary key is never NULL, unless that is asked for.
        if draft.is_primary(number) {
            if new.options.iter().any(|o| matches!(o.option, ast::ColumnOption::Null)) {
                return Err(Error::NullablePrimaryKey);
            }
            def.ty.nullable = false;
            def.default = def.default.filter(|value| !value.is_null());
        }
        let name = Arc::clone(&def.name);
        let column = Column { number, def };
        let to = match at {
            None => {
                draft.columns[from] = column;
                from
            }
            Some(at) => {
                let moved_behind_itself =
                    matches!(at, ColumnPlace::After(c) if c.value.eq_ignore_ascii_case(&old.value));
                draft.columns.remove(from);
                let to = if moved_behind_itself { from } else { draft.place(Some(at))?.unwrap_or(from) };
                draft.columns.insert(to, column);
                to
            }
        };
        self.generate(draft, table, new, to)?;
        draft.check_regenerated(&before, to)?;
        let number = self.number_in_keys(draft, table, &keys, number)?;
        draft.keys_of_column(keys, number, &name)?;
        self.add_checks(draft, table, Written::of_column(new).collect())
    }

    /// CHECK clauses of a change.
    fn add_checks(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        written: Vec<Written<'_>>,
    ) -> Result<(), Error> {
        if written.is_empty() || !self.checks_are_on(&mut draft.warnings) {
            return Ok(());
        }
        let unknown = |check, column| CheckFault::Unknown { check, column };
        let defs = draft.defs();
        self.define_checks(&mut draft.checks, &written, (table, &defs), unknown)
    }

    /// The expression of a column that is new or changed.
    fn generate(
        &mut self,
        draft: &mut Draft,
        table: &TableName,
        def: &ast::ColumnDef,
        at: usize,
    ) -> Result<(), Error> {
        if let Some((expr, kind)) = generated::syntax(def) {
            let kept = self.define_generated(expr, kind, (table, &draft.defs(), at))?;
            draft.columns[at].def.generated = Some(kept);
        }
        Ok(())
    }

    /// What each column is made of, unless the rows of the old table are those of the new one.
    fn new_rows(&mut self, draft: &Draft) -> Result<Option<Vec<Expr>>, Error> {
        let base = &draft.base;
        let kept = base.columns.iter().filter(|c| !c.is_row_id()).count();
        let same = draft.columns.len() == kept
            && draft.primary.is_some() == base.clustered
            && draft.columns.iter().enumerate().all(|(at, c)| {
                c.number == at && c.def.takes_all_of(&base.columns[at]) && !c.is_regenerated(base)
            });
        if same {
            return Ok(None);
        }
        let mut rows = Vec::with_capacity(draft.columns.len());
        for Column { number, def } in &draft.columns {
            let old =
                base.columns.get(*number).map(|old| Expr::column(ColumnId(*number as u32), old.ty.clone()));
            rows.push(match (old, &def.default) {
                _ if def.generated.is_some() => {
                    Expr::Constant { value: Datum::Null, ty: ColumnType::nullable(def.ty.sql.clone()) }
                }
                (Some(old), _) => self.kept(old, def)?,
                (None, Some(_)) => self.default(def)?,
                (None, None) if def.auto_increment || def.ty.nullable => {
                    Expr::Constant { value: Datum::Null, ty: ColumnType { nullable: true, ..def.ty.clone() } }
                }
                (None, None) => {
                    let nothing = nothing(&def.ty.sql);
                    let ty = SqlType::varchar(20);
                    self.rw.assign(Expr::constant(nothing, ty), def)?
                }
            });
        }
        Ok(Some(rows))
    }
}

/// What TiDB says of a column that is numbered and cannot come to a table.
fn not_added(column: &str, what: &str, (database, table): (&str, &str)) -> String {
    format!("add column '{column}' constraint {what} when altering '{database}.{table}'")
}

/// What stands in old rows for a column without a default that is not to be NULL; as text. There is no date 0 in strict mode,
/// so rows cannot be given one.
pub(super) fn nothing(ty: &SqlType) -> Datum {
    match ty {
        SqlType::Char(..) | SqlType::VarChar(..) | SqlType::Text(..) => Datum::string(""),
        SqlType::Date => Datum::string("0000-00-00"),
        SqlType::DateTime(_) | SqlType::Timestamp(_) => Datum::string("0000-00-00 00:00:00"),
        SqlType::Binary(_) | SqlType::VarBinary(_) | SqlType::Blob(_) | SqlType::Set(_) => Datum::string(""),
        SqlType::Enum(members) => Datum::string(members.enum_text(1)),
        SqlType::Json => Datum::string("null"),
        // Text is bytes to it.
        SqlType::Bit(_) => Datum::string("\0"),
        SqlType::Year => Datum::string("0000"),
        _ => Datum::string("0"),
    }
}

/// What is changed of a TTL stands by itself (error 8200).
fn check_ttl_alone(changes: &[AlterSyntax]) -> Result<(), Error> {
    let of_ttl = |change: &&AlterSyntax| {
        matches!(
            change,
            AlterSyntax::Option(
                TableOption::Ttl { .. } | TableOption::TtlEnable(_) | TableOption::TtlJobInterval(_)
            )
        )
    };
    let removes = changes.iter().any(|change| matches!(change, AlterSyntax::RemoveTtl));
    let alone = match removes {
        true => changes.len() == 1,
        false => changes.iter().all(|c| of_ttl(&c)) || !changes.iter().any(|c| of_ttl(&c)),
    };
    if alone { Ok(()) } else { Err(Error::Unsupported("multi schema change for alter table ttl".into())) }
}

/// The partitions of COMPACT are there.
fn check_partitions(table: &TableDescriptor, names: &[Ident]) -> Result<(), Error> {
    if names.is_empty() {
        return Ok(());
    }
    if table.partitioning.is_none() {
        let names: Vec<&str> = names.iter().map(|n| n.value.as_str()).collect();
        let list = names.join(" ");
        let table = table.name.to_string();
        return Err(OptionFault::CompactPartitions { table, list }.into());
    }
    let known = |name: &&Ident| table.partitions.iter().any(|p| p.name.eq_ignore_ascii_case(&name.value));
    match names.iter().find(|name| !known(name)) {
        Some(name) => {
            Err(Error::UnknownPartition { partition: name.value.clone(), table: table.name.to_string() })
        }
        None => Ok(()),
    }
}

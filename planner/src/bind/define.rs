//! CREATE TABLE and other definitions.

use std::sync::Arc;

use allod_storage::schema::{
    Collation, ColumnDef, ColumnDefault, ColumnType, Constraints, Datum, Generated, GeneratedKind,
    IndexOptions, Numbering, PartitionScheme, SqlType, TableDescriptor, TableOptions,
};
use sqlparser::ast::{self, ColumnOption, CreateTableLikeKind, Ident, ObjectType, TableConstraint};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::binder::{Binder, place};
use super::check::{CheckFault, Written};
use super::ddl::{CreateTable, Ddl, IndexSpec, TableName};
use super::default::{is_large, is_now, now_precision};
use super::expression::not_supported;
use super::foreign::{self, Defined};
use super::key::{self, KeyFault, Part};
use super::option::{self, Options};
use super::types::{column_type, float_digits, is_boolean, takes_no_negatives};
use super::{
    Bound, GeneratedFault, OptionFault, collation, generated, limits, numbers, partition, temporary,
};
use crate::error::Error;
use crate::expr::{Expr, cast_constant, held_in, irregular_moment};
use crate::parse::{AlterSyntax, NumbersSyntax, PartitionClause, TableOption, comment_of};
use crate::physical::PlanWarning;

impl Binder<'_> {
    /// CREATE TABLE. `defined`: for each column what it is, if that is known already.
    pub fn create_table(
        &mut self,
        table: &ast::CreateTable,
        defined: &[Option<ColumnDef>],
        clustered: Option<bool>,
        more: &[TableOption],
        partition: Option<&PartitionClause>,
        numbered: &NumbersSyntax,
    ) -> Result<Bound, Error> {
        if table.or_replace {
            return Err(not_supported("OR REPLACE"));
        }
        let temporary = temporary::kind(table)?;
        let name = self.table_name(&table.name)?;
        self.database(Some(&Ident::new(&*name.database)))?;
        self.writable(&name.database)?;
        limits::table_name(&name.table)?;
        if let Some(CreateTableLikeKind::Plain(like) | CreateTableLikeKind::Parenthesized(like)) = &table.like
        {
            let (like, model) = self.table(&like.name)?;
            temporary::check_lasting(&model.descriptor, "create table like")?;
            temporary::check_definition(temporary, model.descriptor.partitioning.is_some(), false)?;
            temporary::check_options(temporary, &model.descriptor.options)?;
            let if_not_exists = table.if_not_exists;
            return Ok(Bound::Ddl(Ddl::CreateTableLike { name, like, if_not_exists, temporary }));
        }
        let mut foreign_keys = foreign::written(&table.constraints).peekable();
        temporary::check_definition(temporary, partition.is_some(), foreign_keys.peek().is_some())?;
        let said = Options::of_new(&table.table_options, more)?;
        let collation = said.charset.settled()?;
        let collation = collation.unwrap_or_else(|| self.cx.catalog.collation(&name.database));
        let mut columns: Vec<ColumnDef> = Vec::with_capacity(table.columns.len());
        let mut keys = Keys::default();
        for def in &table.columns {
            if columns.iter().any(|c| c.name.eq_ignore_ascii_case(&def.name.value)) {
                return Err(Error::DuplicateColumn(def.name.value.clone()));
            }
            let column = match defined.get(columns.len()).and_then(Option::as_ref) {
                Some(column) => {
                    limits::column_name(&column.name)?;
                    column.clone()
                }
                None => self.column_def(def, columns.len(), &mut keys, collation)?,
            };
            columns.push(column);
        }
        let mut random = None;
        let clauses = numbered.of_columns(&table.columns.iter().collect::<Vec<_>>());
        for (at, clause) in clauses.into_iter().enumerate() {
            let Some(clause) = clause else { continue };
            let column = &mut columns[at];
            random = Some((at, numbers::random_of(&clause, &table.columns[at], column)?));
            (column.auto_increment, column.ty.nullable) = (true, false);
        }
        if columns.is_empty() {
            return Err(Error::NoColumns);
        }
        for (at, def) in table.columns.iter().enumerate() {
            if let Some((expr, kind)) = generated::syntax(def) {
                columns[at].generated = Some(self.define_generated(expr, kind, (&name, &columns, at))?);
            }
        }
        self.collated_keys(&mut keys, &name, &mut columns)?;
        for constraint in &table.constraints {
            self.table_key(&mut keys, constraint, &name, &mut columns)?;
        }
        let mut warnings = partition.map(partition::define::warnings).unwrap_or_default();
        warnings.extend(table.constraints.iter().filter_map(key::of_words));
        warnings.append(&mut self.warnings);
        let mut constraints = self.constraints(table, &name, &columns, &mut warnings)?;
        for written in foreign_keys {
            let defined = keys.columns().collect();
            let is_partitioned = partition.is_some();
            let defined = Defined { name: &name, columns: &columns, keys: defined, is_partitioned };
            let key = self.define_foreign_key(written, &defined, &constraints.foreign_keys)?;
            if !keys.columns().any(|of| of.starts_with(&key.columns)) {
                let taken = |n: &str| keys.indexes.iter().any(|i| i.name.eq_ignore_ascii_case(n));
                let (name, columns) = (free_name(&key.name, taken), key.columns.clone());
                keys.indexes.push(IndexSpec { name, unique: false, columns, options: Default::default() });
            }
            constraints.foreign_keys.push(key);
        }
        foreign::check_actions(&constraints, &columns)?;
        let says_null = |at: &usize| {
            let said = table.columns.get(*at).map(|def| &def.options);
            said.is_some_and(|said| said.iter().any(|o| o.option == ColumnOption::Null))
        };
        if keys.primary.iter().flatten().any(|at| says_null(&key::base(&columns, *at))) {
            return Err(Error::NullablePrimaryKey);
        }
        let Keys { primary, primary_options, mut indexes } = keys;
        generated::check_primary(primary.iter().flatten().map(|o| &columns[*o]))?;
        for ordinal in primary.iter().flatten() {
            let base = key::base(&columns, *ordinal);
            columns[*ordinal].ty.nullable = false;
            let column = &mut columns[base];
            if column.default.as_ref().is_some_and(ColumnDefault::is_null) {
                return Err(Error::NullablePrimaryKey);
            }
            column.ty.nullable = false;
        }
        for key in primary.iter().chain(indexes.iter().map(|i| &i.columns)) {
            for ordinal in key {
                key_type(&columns[*ordinal])?;
            }
            key::check_length(key.iter().map(|o| key::counted(&columns, *o)))?;
        }
        let mut automatic = columns.iter().enumerate().filter(|(_, c)| c.auto_increment);
        if let Some((_, column)) = automatic.next() {
            if !column.ty.sql.is_numeric() || matches!(column.ty.sql, SqlType::Decimal { .. }) {
                return Err(Error::ColumnSpecifier(column.name.to_string()));
            }
            // It need not be in a key, as in TiDB.
            if automatic.next().is_some() {
                return Err(Error::AutoColumn);
            }
        }
        let (partitioning, partitions) = match partition {
            None => (None, vec![]),
            Some(clause) => {
                let local = indexes.iter().filter(|i| i.unique && !i.options.global);
                let unique = local.map(|i| (&*i.name, i.columns.as_slice())).collect();
                let primary = primary.as_deref().filter(|_| !primary_options.global);
                let keys = partition::define::Keys { table: &name, columns: &columns, primary, unique };
                let (scheme, partitions) = partition::define::scheme(clause, &keys, self.rw.zone)?;
                (Some(scheme), partitions)
            }
        };
        let clustered = clustered.unwrap_or_else(|| match primary.as_deref() {
            Some([ordinal]) if columns[*ordinal].ty.sql.is_integer() => self.clusters("OFF"),
            _ => self.clusters("OFF") && self.clusters("INT_ONLY"),
        });
        let key = match primary {
            // Rows are not sorted by the beginning of a column.
            Some(key) if clustered && key.iter().all(|o| !columns[*o].hidden) => key,
            Some(columns) => {
                let options = primary_options.clone();
                indexes.insert(0, IndexSpec { name: "PRIMARY".into(), unique: true, columns, options });
                vec![]
            }
            None => vec![],
        };
        let own = (!key.is_empty()).then_some(&primary_options);
        option::check_global(partitioning.is_some(), own, indexes.iter().map(|i| i.options.global))?;
        if primary_options.invisible {
            return Err(OptionFault::InvisiblePrimaryKey.into());
        }
        limits::counts(columns.iter().filter(|c| !c.hidden).count(), indexes.len())?;
        let specs = indexes.iter().map(|i| (&*i.name, i.unique, &*i.columns, &i.options));
        option::check_visible(!key.is_empty(), specs, &columns)?;
        let comment = said.comment.clone().unwrap_or_default();
        let auto_increment = said.auto_increment;
        let mut options = said.settle(&TableOptions::default(), true)?;
        temporary::check_options(temporary, &options)?;
        option::check_ttl(&mut options, &columns, &key, || false)?;
        let (mut numbering, mut notes) = (Numbering { cache: numbered.cache()?, random: None }, vec![]);
        numbering.cache = numbering.cache.filter(|cache| *cache > 0);
        let base = numbered.random_base()?;
        if let Some((ordinal, random)) = random {
            numbers::check_key(&columns, ordinal, &key)?;
            numbering.random = Some(random);
            notes.push(numbers::room(random, &columns[ordinal]));
        }
        let column = columns.iter().find(|column| column.auto_increment);
        base.map_or(Ok(()), |base| numbers::check_base(numbering, column, base))?;
        Ok(Bound::Ddl(Ddl::CreateTable(CreateTable {
            name,
            if_not_exists: table.if_not_exists,
            columns,
            key,
            indexes,
            partitioning,
            partitions,
            warnings,
            comment,
            constraints,
            auto_increment: base.or(auto_increment),
            numbering,
            notes,
            collation,
            options,
            temporary,
        })))
    }

    /// Whether `tidb_enable_clustered_index` is another word than that.
    fn clusters(&self, unless: &str) -> bool {
        self.cx.session.variables.system("tidb_enable_clustered_index", false) != Some(Datum::string(unless))
    }

    /// A column; the keys that it is by itself are added to `keys`. Its expression, if it is generated, is as written: what
    /// it means can be asked when all columns are known.
    pub fn column_def(
        &mut self,
        def: &ast::ColumnDef,
        ordinal: usize,
        keys: &mut Keys,
        table: Collation,
    ) -> Result<ColumnDef, Error> {
        let name = def.name.value.as_str();
        limits::column_name(name)?;
        let sql = collation::of_column(def, column_type(&def.data_type, name)?, table)?;
        let unsigned = takes_no_negatives(&def.data_type);
        let digits = float_digits(&def.data_type, name)?;
        let boolean = is_boolean(&def.data_type);
        let mut nullable = true;
        let (mut default, mut auto_increment, mut on_update) = (None, false, None);
        for option in &def.options {
            match &option.option {
                ColumnOption::Null => nullable = true,
                ColumnOption::NotNull => nullable = false,
                ColumnOption::Default(e) => default = Some(e),
                ColumnOption::OnUpdate(e) => on_update = Some(e),
                ColumnOption::PrimaryKey(_) => keys.primary(vec![ordinal])?,
                ColumnOption::Unique(_) => {
                    let (name, columns) = (keys.name(None, name)?, vec![ordinal]);
                    let options = IndexOptions::default();
                    keys.indexes.push(IndexSpec { name, unique: true, columns, options });
                }
                ColumnOption::DialectSpecific(tokens) => {
                    let words: Vec<Keyword> = tokens
                        .iter()
                        .filter_map(|t| match t {
                            Token::Word(w) => Some(w.keyword),
                            _ => None,
                        })
                        .collect();
                    match words.as_slice() {
                        [Keyword::AUTO_INCREMENT] => auto_increment = true,
                        [Keyword::KEY] => keys.primary(vec![ordinal])?,
                        // A collation.
                        [Keyword::BINARY] => {}
                        [word @ (Keyword::GLOBAL | Keyword::LOCAL)] => {
                            keys.make_global(ordinal, *word == Keyword::GLOBAL);
                        }
                        _ => return Err(not_supported(&format!("the option of column '{name}'"))),
                    }
                }
                ColumnOption::Comment(_) | ColumnOption::CharacterSet(_) | ColumnOption::Collation(_) => {}
                ColumnOption::ForeignKey(_) | ColumnOption::Check(_) => {}
                ColumnOption::Generated { generation_expr: Some(_), .. } => {}
                other => return Err(not_supported(&format!("'{other}' of column '{name}'"))),
            }
        }
        let is_null = |e: &ast::Expr| matches!(e, ast::Expr::Value(value) if value.value == ast::Value::Null);
        if default.is_some_and(is_null) && keys.primary.as_deref() == Some(&[ordinal]) {
            return Err(Error::InvalidDefault(name.into()));
        }
        let ty = ColumnType { sql, nullable };
        let generated = generated::syntax(def);
        let generated = generated.map(|(expr, kind)| Generated { expr: expr.to_string().into(), kind });
        if generated.is_some() && default.is_some() {
            return Err(GeneratedFault::Usage("DEFAULT").into());
        }
        if generated.is_some() && auto_increment {
            return Err(GeneratedFault::Usage("AUTO_INCREMENT").into());
        }
        let on_update_now = on_update.is_some();
        if on_update.is_some_and(|e| !is_now(e, &ty.sql)) {
            return Err(Error::InvalidOnUpdate(name.into()));
        }
        let mut column = ColumnDef {
            auto_increment,
            generated,
            on_update_now,
            unsigned,
            digits,
            boolean,
            comment: comment_of(def).into(),
            ..ColumnDef::new(name, ty)
        };
        let default = default.map(|e| self.default_value(e, &column)).transpose()?;
        column.default = default.filter(|_| !auto_increment);
        // An auto column is never NULL.
        column.ty.nullable &= !auto_increment;
        Ok(column)
    }

    /// DEFAULT of a column: a value, CURRENT_TIMESTAMP, or an expression in parentheses.
    pub fn default_value(&mut self, e: &ast::Expr, def: &ColumnDef) -> Result<ColumnDefault, Error> {
        let (column, ty) = (&*def.name, &def.ty);
        let invalid = || Error::InvalidDefault(column.into());
        if now_precision(e).is_some() {
            return if is_now(e, &ty.sql) { Ok(ColumnDefault::Now) } else { Err(invalid()) };
        }
        if let Some(default) = self.sequence_default(e, column, ty)? {
            return Ok(default);
        }
        // What depends on the time or on the session is a constant only now.
        let (asked_now, volatile) =
            (std::mem::take(&mut self.rw.asked_now), std::mem::take(&mut self.volatile));
        let value = self.in_block(|b| b.expr_for(e, &ty.sql))?;
        if value.asks_sequence() {
            let text = e.to_string().to_ascii_lowercase();
            let function = ["lastval", "setval"].into_iter().find(|name| text.contains(name));
            let function = function.unwrap_or("nextval").to_owned();
            return Err(Error::DefaultFunction { column: column.into(), function });
        }
        let lasting = !self.rw.asked_now && !self.volatile;
        (self.rw.asked_now, self.volatile) = (asked_now, volatile);
        match value {
            Expr::Constant { value, ty: from } if lasting => {
                if value.is_null() {
                    return if ty.nullable { Ok(ColumnDefault::Value(Datum::Null)) } else { Err(invalid()) };
                }
                match e {
                    // A document or a long text is made anew for each row, as in MySQL.
                    ast::Expr::Nested(inner) if is_large(&ty.sql) => {
                        Ok(ColumnDefault::Expr(generated::spelled(inner, &[]).into()))
                    }
                    _ if let Some(default) = self.default_of_large(&value, column, &ty.sql) => default,
                    _ if let Some((date, day)) = irregular_moment(&value, &ty.sql) => {
                        let refused = !self.mode.allows(day) && self.mode.strict;
                        if refused { Err(invalid()) } else { Ok(ColumnDefault::Value(date)) }
                    }
                    _ => {
                        // Bytes of a fixed number are filled up with zeros.
                        let (sql, size) = match ty.sql {
                            SqlType::Binary(n) => (SqlType::VarBinary(n), n as usize),
                            ref sql => (sql.clone(), 0),
                        };
                        let value = cast_constant(&value, &from.sql, &sql).map(|value| match value {
                            Datum::Bytes(bytes) if bytes.len() < size => {
                                let zeros = std::iter::repeat_n(0, size - bytes.len());
                                Datum::Bytes(bytes.iter().copied().chain(zeros).collect())
                            }
                            value => value,
                        });
                        let value = value.and_then(|value| def.held(value));
                        let value = value.and_then(|value| held_in(value, &ty.sql, self.rw.zone));
                        value.map(ColumnDefault::Value).ok_or_else(invalid)
                    }
                }
            }
            _ => match e {
                ast::Expr::Nested(inner) => Ok(ColumnDefault::Expr(generated::spelled(inner, &[]).into())),
                // TiDB does without the parentheses: DEFAULT UUID().
                ast::Expr::Function(_) => Ok(ColumnDefault::Expr(generated::spelled(e, &[]).into())),
                _ => Err(invalid()),
            },
        }
    }

    /// CREATE INDEX.
    pub fn create_index(&mut self, create: &ast::CreateIndex) -> Result<Bound, Error> {
        let (name, table) = self.table(&create.table_name)?;
        temporary::check_alterable(&table.descriptor, "CREATE INDEX")?;
        option::check_not_cached(&table.descriptor, "Create Index")?;
        let columns = &table.descriptor.columns;
        let parts = key::parts(&create.columns, columns)?;
        let options = option::of_key(&create.index_options);
        let index = create.name.as_ref().and_then(|n| n.0.last()).and_then(|p| p.as_ident());
        let index: Arc<str> = index.map_or(key::first_name(&parts, columns), |i| &i.value).into();
        let whole = |part: &Part| match part {
            Part::Column(ordinal) if key::is_plain(&columns[*ordinal]) => Some(*ordinal),
            Part::Column(_) | Part::Prefix(..) | Part::Expression(_) => None,
        };
        let is_there = table.descriptor.index(&index).is_some() && create.if_not_exists;
        match parts.iter().map(whole).collect::<Option<Vec<_>>>() {
            Some(ordinals) => {
                let spec = IndexSpec { name: index, unique: create.unique, columns: ordinals, options };
                self.new_index(name, spec, create.if_not_exists, table.descriptor)
            }
            // Nothing is done but to say so.
            None if is_there => {
                let index = IndexSpec { name: index, unique: create.unique, columns: vec![], options };
                let base = table.descriptor;
                Ok(Bound::Ddl(Ddl::CreateIndex { table: name, base, index, if_not_exists: true }))
            }
            // With columns of its own.
            None => {
                let key = AlterSyntax::AddKey {
                    name: index,
                    unique: create.unique,
                    parts: create.columns.clone(),
                    options: create.index_options.clone(),
                };
                self.alter_table(&create.table_name, &[key], None)
            }
        }
    }

    fn new_index(
        &mut self,
        table: TableName,
        index: IndexSpec,
        if_not_exists: bool,
        base: Arc<TableDescriptor>,
    ) -> Result<Bound, Error> {
        let descriptor = &*base;
        let IndexSpec { name, unique, columns, options } = &index;
        limits::index_name(name)?;
        if descriptor.index(name).is_some() && !if_not_exists {
            return Err(Error::DuplicateKeyName(name.to_string()));
        }
        limits::counts(0, descriptor.indexes.len() + 1)?;
        for ordinal in columns {
            key_type(&descriptor.columns[*ordinal])?;
        }
        key::check_length(columns.iter().map(|o| key::counted(&descriptor.columns, *o)))?;
        option::check_global(descriptor.partitioning.is_some(), None, std::iter::once(options.global))?;
        if *unique
            && !options.global
            && let Some(PartitionScheme { columns: dealt_by, .. }) = &descriptor.partitioning
        {
            partition::define::holds_all(columns, dealt_by, name)?;
        }
        let known = descriptor.indexes.iter().map(option::described);
        let all = known.chain([(&**name, *unique, &**columns, options)]);
        option::check_visible(descriptor.clustered, all, &descriptor.columns)?;
        Ok(Bound::Ddl(Ddl::CreateIndex { table, base, index, if_not_exists }))
    }

    /// DROP TABLE, DATABASE, INDEX. Whether the object exists is the engine's to say.
    pub fn drop(
        &mut self,
        object: ObjectType,
        if_exists: bool,
        names: &[ast::ObjectName],
        table: Option<&ast::ObjectName>,
    ) -> Result<Bound, Error> {
        let single = |names: &[ast::ObjectName]| match names {
            [name] => Ok(name.0.last().and_then(|p| p.as_ident()).map_or("", |i| i.value.as_str()).into()),
            _ => Err(not_supported("DROP of several objects of this kind")),
        };
        Ok(Bound::Ddl(match object {
            ObjectType::Table => {
                let tables: Result<Vec<TableName>, Error> =
                    names.iter().map(|n| self.table_name(n)).collect();
                let tables = tables?;
                tables.iter().try_for_each(|table| self.writable(&table.database))?;
                for table in &tables {
                    if let Some(known) = self.cx.catalog.table(&table.database, &table.table) {
                        option::check_not_cached(&known.descriptor, "Drop Table")?;
                    }
                }
                self.check_dropped(|database, name| {
                    let is_it = |t: &&TableName| {
                        t.database.eq_ignore_ascii_case(database) && t.table.eq_ignore_ascii_case(name)
                    };
                    tables.iter().find(is_it).is_some_and(|table| !self.is_local(table))
                })?;
                Ddl::DropTables { tables, if_exists, temporary: None }
            }
            ObjectType::View => {
                let views: Vec<TableName> =
                    names.iter().map(|n| self.table_name(n)).collect::<Result<_, _>>()?;
                views.iter().try_for_each(|view| self.writable(&view.database))?;
                Ddl::DropViews { views, if_exists }
            }
            ObjectType::Sequence => {
                let sequences: Vec<TableName> =
                    names.iter().map(|n| self.table_name(n)).collect::<Result<_, _>>()?;
                sequences.iter().try_for_each(|sequence| self.writable(&sequence.database))?;
                Ddl::DropSequences { sequences, if_exists }
            }
            ObjectType::Database | ObjectType::Schema => {
                let name: Arc<str> = single(names)?;
                self.writable(&name)?;
                self.check_dropped(|database, _| name.eq_ignore_ascii_case(database))?;
                Ddl::DropDatabase { name, if_exists }
            }
            ObjectType::Index => {
                let table = table.ok_or_else(|| {
                    Error::syntax("expected ON and a table after DROP INDEX", names.first().and_then(place))
                })?;
                let (name, known) = self.table(table)?;
                temporary::check_alterable(&known.descriptor, "DROP INDEX")?;
                option::check_not_cached(&known.descriptor, "Drop Index")?;
                let index: Arc<str> = single(names)?;
                let columns = &known.descriptor.columns;
                let at = known.descriptor.index(&index).map(|at| &known.descriptor.indexes[at]);
                if at.is_some_and(|i| i.columns.iter().any(|o| columns[*o].hidden)) {
                    // With its own columns.
                    let key = AlterSyntax::DropKey { name: Ident::new(&*index), if_exists };
                    return self.alter_table(table, &[key], None);
                }
                if let Some(at) = known.descriptor.index(&index) {
                    self.check_not_needed(&name, &known.descriptor, at)?;
                }
                Ddl::DropIndex { table: name, index, if_exists }
            }
            other => return Err(not_supported(&format!("DROP {other}"))),
        }))
    }
}

impl Binder<'_> {
    /// What the rows of a table that is being defined must obey beside its keys.
    fn constraints(
        &mut self,
        table: &ast::CreateTable,
        name: &TableName,
        columns: &[ColumnDef],
        warnings: &mut Vec<PlanWarning>,
    ) -> Result<Constraints, Error> {
        let of_table = table.constraints.iter().filter_map(|constraint| match constraint {
            TableConstraint::Check(check) => Some(Written::of_table(check)),
            _ => None,
        });
        let written: Vec<Written<'_>> =
            of_table.chain(table.columns.iter().flat_map(Written::of_column)).collect();
        let mut constraints = Constraints::default();
        if !written.is_empty() && self.checks_are_on(warnings) {
            let unknown = |check, column| CheckFault::NoSuchColumn { check, column };
            self.define_checks(&mut constraints.checks, &written, (name, columns), unknown)?;
        }
        Ok(constraints)
    }

    /// Keys that columns are by themselves, on the sort keys of these columns where they have any.
    fn collated_keys(
        &mut self,
        keys: &mut Keys,
        table: &TableName,
        columns: &mut Vec<ColumnDef>,
    ) -> Result<(), Error> {
        let primary = keys.primary.iter_mut().map(|key| ("PRIMARY".into(), key));
        let others = keys.indexes.iter_mut().map(|index| (Arc::clone(&index.name), &mut index.columns));
        for (name, key) in primary.chain(others) {
            let parts: Vec<Part> = key.iter().map(|ordinal| Part::Column(*ordinal)).collect();
            *key = self.key_columns(&name, &parts, table, columns)?;
        }
        Ok(())
    }

    /// A key of a table that is being defined.
    fn table_key(
        &mut self,
        keys: &mut Keys,
        constraint: &TableConstraint,
        table: &TableName,
        columns: &mut Vec<ColumnDef>,
    ) -> Result<(), Error> {
        let (name, unique, written, options) = match constraint {
            TableConstraint::PrimaryKey(c) => {
                let parts = key::parts(&c.columns, columns)?;
                let ordinals = self.key_columns("PRIMARY", &parts, table, columns)?;
                keys.primary_options = option::of_key(&c.index_options);
                return keys.primary(ordinals);
            }
            TableConstraint::Unique(c) => {
                (c.index_name.as_ref().or(c.name.as_ref()), true, &c.columns, &c.index_options)
            }
            TableConstraint::Index(c) => (c.name.as_ref(), false, &c.columns, &c.index_options),
            // They are looked at when all keys are known.
            TableConstraint::Check(_) | TableConstraint::ForeignKey(_) => return Ok(()),
            other if key::of_words(other).is_some() => return Ok(()),
            other => return Err(not_supported(&format!("'{other}'"))),
        };
        let parts = key::parts(written, columns)?;
        let name = keys.name(name, key::first_name(&parts, columns))?;
        let columns = self.key_columns(&name, &parts, table, columns)?;
        keys.indexes.push(IndexSpec { name, unique, columns, options: option::of_key(options) });
        Ok(())
    }
}

/// The keys of a table that is being defined.
#[derive(Default)]
pub(super) struct Keys {
    pub primary: Option<Vec<usize>>,
    pub primary_options: IndexOptions,
    pub indexes: Vec<IndexSpec>,
}

impl Keys {
    /// The columns of each.
    fn columns(&self) -> impl Iterator<Item = &[usize]> {
        self.primary.iter().chain(self.indexes.iter().map(|i| &i.columns)).map(Vec::as_slice)
    }

    fn primary(&mut self, columns: Vec<usize>) -> Result<(), Error> {
        if self.primary.replace(columns).is_some() {
            return Err(Error::MultiplePrimaryKeys);
        }
        Ok(())
    }

    /// GLOBAL or LOCAL behind a column: of the key that the column is by itself.
    fn make_global(&mut self, column: usize, global: bool) {
        let own = self.indexes.iter_mut().rev().find(|i| i.columns == [column]);
        match (own, &self.primary) {
            (Some(index), _) => index.options.global = global,
            (None, Some(primary)) if *primary == [column] => self.primary_options.global = global,
            (None, _) => {}
        }
    }

    /// The name of the next one.
    fn name(&self, name: Option<&Ident>, first: &str) -> Result<Arc<str>, Error> {
        let taken = |n: &str| self.indexes.iter().any(|i| i.name.eq_ignore_ascii_case(n));
        match name {
            Some(name) if taken(&name.value) => Err(Error::DuplicateKeyName(name.value.clone())),
            Some(name) => {
                limits::index_name(&name.value)?;
                Ok(name.value.as_str().into())
            }
            None => Ok(free_name(first, taken)),
        }
    }
}

/// MySQL's name for an index without one: its first column, then `_2`, `_3`, ….
pub(super) fn free_name(first: &str, taken: impl Fn(&str) -> bool) -> Arc<str> {
    let mut name = first.to_owned();
    let mut n = 2;
    while taken(&name) {
        name = format!("{first}_{n}");
        n += 1;
    }
    name.into()
}

/// Whether a column may be in a key.
pub(super) fn key_type(column: &ColumnDef) -> Result<(), Error> {
    match column.ty.sql {
        _ if matches!(column.generated, Some(Generated { kind: GeneratedKind::SortKey { .. }, .. })) => {
            Ok(())
        }
        SqlType::Text(..) | SqlType::Blob(_) => Err(Error::BlobKey(column.name.to_string())),
        SqlType::Json => Err(Error::JsonKey(column.name.to_string())),
        SqlType::Char(0, _) | SqlType::VarChar(0, _) | SqlType::Binary(0) | SqlType::VarBinary(0) => {
            Err(KeyFault::Empty(column.name.to_string()).into())
        }
        _ => Ok(()),
    }
}

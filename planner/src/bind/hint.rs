//! Hints: names of query blocks become numbers, and what stands in the syntax itself (`SELECT STRAIGHT_JOIN`, `USE INDEX`
//! behind a table) becomes a hint like any other.
//!
//! Blocks are numbered as in TiDB: `sel_1`, `sel_2`, … in the order in which their SELECTs begin; what UPDATE and DELETE
//! themselves work on is block 0, `upd_1` and `del_1`. A hint speaks of the block it stands in unless `@name` says otherwise;
//! hints behind INSERT speak of its SELECT. Nothing here fails the statement: what makes no sense is a warning, as in TiDB.

mod limits;

use std::sync::Arc;

use sqlparser::ast::{self, TableIndexHintForClause, TableIndexHintType};
use sqlparser::tokenizer::Location;

use super::binder::Binder;
use crate::error::Error;
use crate::hints::{Hint, HintKind, HintTable, Hints, IndexMode};
use crate::options::use_invisible_indexes;
use crate::parse::{HintBody, HintSyntax, TableSyntax};
use crate::physical::PlanWarning;
use allod_storage::schema::TableDescriptor;

/// TiDB's code for a hint that cannot be followed.
const INAPPLICABLE: u16 = 1815;
/// TiDB's code for a hint where none can be.
const MISPLACED: u16 = 8066;

impl Binder<'_> {
    /// Number of the query block whose SELECT stands at a place.
    pub fn block_at(&self, select: Location) -> u32 {
        let selects = &self.parsed.blocks.selects;
        let before = selects.partition_point(|s| (s.line, s.column) < (select.line, select.column));
        // `TABLE t` has no SELECT of its own: it is the block that the next one would be.
        self.blocks_before + before as u32 + 1
    }

    /// `t USE INDEX (i)` and its relatives. What is only for ORDER BY or GROUP BY is accepted and says nothing of reading.
    pub fn table_hints(
        &mut self,
        table: &TableDescriptor,
        shown: &Arc<str>,
        hints: &[ast::TableIndexHints],
    ) -> Result<(), Error> {
        let block = self.scope().block;
        for hint in hints {
            let mut indexes: Vec<Arc<str>> = Vec::with_capacity(hint.index_names.len());
            for name in &hint.index_names {
                let seen = |i: usize| {
                    !table.indexes[i].options.invisible || use_invisible_indexes(self.cx.session.variables)
                };
                let clustered = table.clustered && name.value.eq_ignore_ascii_case("primary");
                let known = clustered || table.index(&name.value).is_some_and(seen);
                if !known {
                    return Err(Error::UnknownKey { key: name.value.clone(), table: table.name.to_string() });
                }
                indexes.push(name.value.as_str().into());
            }
            match hint.for_clause {
                None | Some(TableIndexHintForClause::Join) => {}
                Some(TableIndexHintForClause::OrderBy | TableIndexHintForClause::GroupBy) => continue,
            }
            let (mode, word) = match hint.hint_type {
                TableIndexHintType::Use => (IndexMode::Use, "USE"),
                TableIndexHintType::Force => (IndexMode::Force, "FORCE"),
                TableIndexHintType::Ignore => (IndexMode::Ignore, "IGNORE"),
            };
            if indexes.is_empty() && mode != IndexMode::Use {
                let message = format!("expected the name of an index in {word} INDEX ()");
                return Err(Error::syntax(message, None));
            }
            let table = HintTable { database: None, name: shown.clone(), block };
            let text = with_arguments(&format!("{word}_INDEX"), std::slice::from_ref(&table), &indexes);
            self.hints.push(Hint { text, block, kind: HintKind::Index { mode, table, indexes } });
        }
        Ok(())
    }

    /// `SELECT STRAIGHT_JOIN`, `a STRAIGHT_JOIN b`.
    pub fn straight_join(&mut self) {
        let block = self.scope().block;
        let known = |h: &Hint| h.block == block && h.kind == HintKind::StraightJoin;
        if !self.hints.iter().any(known) {
            self.hints.push(Hint { text: "STRAIGHT_JOIN()".into(), block, kind: HintKind::StraightJoin });
        }
    }

    /// The hints of the whole statement, once it is bound; `own` = what its own block is called, for a DML statement.
    pub fn settle_hints(&mut self, own: Option<&str>) -> Hints {
        let blocks = &self.parsed.blocks;
        let mut written: Vec<(u32, HintSyntax)> = vec![];
        for _ in 0..blocks.stray {
            let message = "Optimizer hint can only be followed by certain keywords like SELECT, INSERT, etc.";
            self.warnings.push(PlanWarning { code: MISPLACED, message: message.into() });
        }
        for comment in &blocks.comments {
            let (hints, warnings) = comment.parse();
            self.warnings.extend(warnings);
            for hint in hints {
                // Behind INSERT stands what is to be done with its SELECT; only limits are its own.
                let limits = matches!(hint.body, HintBody::MemoryQuota(_) | HintBody::MaxExecutionTime(_));
                let moved = own == Some("ins_1") && !limits;
                written.push((if moved { comment.block.max(1) } else { comment.block }, hint));
            }
        }
        let names = self.block_names(&written, own);
        let mut list = vec![];
        for (block, hint) in written {
            match settled(&names, block, &hint) {
                Ok(kind) => list.extend(kind),
                Err(message) => self.warnings.push(PlanWarning { code: INAPPLICABLE, message }),
            }
        }
        limits::settle(&mut list, own, &mut self.warnings);
        list.append(&mut self.hints);
        Hints { list }
    }

    /// What the blocks are called.
    fn block_names(&mut self, hints: &[(u32, HintSyntax)], own: Option<&str>) -> Vec<(String, u32)> {
        let mut names: Vec<(String, u32)> = own.map(|own| (own.to_owned(), 0)).into_iter().collect();
        let count = self.parsed.blocks.selects.len().max(1) as u32;
        names.extend((1..=count).map(|n| (format!("sel_{n}"), n)));
        for (block, hint) in hints {
            let HintBody::BlockName(name) = &hint.body else { continue };
            if names.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                let message = format!("Duplicate query block name {name}, only the first one is effective");
                self.warnings.push(PlanWarning { code: INAPPLICABLE, message });
            } else {
                names.push((name.clone(), *block));
            }
        }
        names
    }
}

/// A hint with its blocks as numbers, or why there is none. `block` is where it stands.
fn settled(names: &[(String, u32)], block: u32, hint: &HintSyntax) -> Result<Option<Hint>, String> {
    let number = |name: &Option<String>, default: u32| match name {
        None => Ok(default),
        Some(name) => {
            let found = names.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            let text = || format!("Hint {} is ignored due to unknown query block name", restored(hint));
            found.map(|(_, n)| *n).ok_or_else(text)
        }
    };
    let block = number(&hint.block, block)?;
    let table = |t: &TableSyntax| {
        let name = t.name.as_str().into();
        Ok(HintTable {
            database: t.database.as_deref().map(Arc::from),
            name,
            block: number(&t.block, block)?,
        })
    };
    let tables = |all: &[TableSyntax]| all.iter().map(table).collect::<Result<Vec<HintTable>, String>>();
    let names_of =
        |indexes: &[String]| indexes.iter().map(|i| Arc::from(i.as_str())).collect::<Vec<Arc<str>>>();
    let without_tables = || {
        let name = &hint.written;
        Err(format!("Hint {name}() is inapplicable. Please specify the table names in the arguments."))
    };
    let bare = |kind: HintKind| (format!("{}()", hint.name), kind);
    let (text, kind) = match &hint.body {
        HintBody::Join { wanted: true, tables, .. } | HintBody::Leading(tables) if tables.is_empty() => {
            return without_tables();
        }
        HintBody::Join { method, wanted, tables: all } => {
            let tables = tables(all)?;
            let text = with_arguments(hint.name, &tables, &[]);
            (text, HintKind::Join { method: *method, wanted: *wanted, tables })
        }
        HintBody::Leading(all) => {
            let tables = tables(all)?;
            (with_arguments(hint.name, &tables, &[]), HintKind::Leading(tables))
        }
        HintBody::Index { mode, table: t, indexes } => {
            let (table, indexes) = (table(t)?, names_of(indexes));
            let text = with_arguments(hint.name, std::slice::from_ref(&table), &indexes);
            (text, HintKind::Index { mode: *mode, table, indexes })
        }
        HintBody::IndexMerge { table: t, indexes } => {
            let (table, indexes) = (table(t)?, names_of(indexes));
            let text = with_arguments(hint.name, std::slice::from_ref(&table), &indexes);
            (text, HintKind::UseIndexMerge { table, indexes })
        }
        HintBody::NoIndexMerge => bare(HintKind::NoIndexMerge),
        HintBody::StraightJoin => bare(HintKind::StraightJoin),
        HintBody::HashAgg => bare(HintKind::HashAgg),
        HintBody::StreamAgg => bare(HintKind::StreamAgg),
        HintBody::AggToCop => bare(HintKind::AggToCop),
        HintBody::LimitToCop => bare(HintKind::LimitToCop),
        HintBody::MemoryQuota(bytes) => {
            (format!("MEMORY_QUOTA({} MB)", bytes >> 20), HintKind::MemoryQuota(*bytes))
        }
        HintBody::MaxExecutionTime(ms) => {
            (format!("MAX_EXECUTION_TIME({ms})"), HintKind::MaxExecutionTime(*ms))
        }
        HintBody::BlockName(_) => return Ok(None),
    };
    Ok(Some(Hint { text, block, kind }))
}

/// The whole hint as TiDB writes it back, ``inl_join(@`b` `t`)``.
fn restored(hint: &HintSyntax) -> String {
    let quoted = |name: &str| format!("`{}`", name.replace('`', "``"));
    let at = |block: &Option<String>| block.as_ref().map_or(String::new(), |b| format!("@{}", quoted(b)));
    let table = |t: &TableSyntax| {
        let database = t.database.as_ref().map_or(String::new(), |d| format!("{}.", quoted(d)));
        format!("{database}{}{}", quoted(&t.name), at(&t.block))
    };
    let list = |all: &[TableSyntax]| all.iter().map(table).collect::<Vec<_>>().join(", ");
    let names = |all: &[String]| all.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
    let arguments = match &hint.body {
        HintBody::Join { tables, .. } | HintBody::Leading(tables) => list(tables),
        HintBody::Index { table: t, indexes, .. } | HintBody::IndexMerge { table: t, indexes } => {
            format!("{} {}", table(t), names(indexes))
        }
        HintBody::MemoryQuota(bytes) => format!("{} mb", bytes >> 20),
        HintBody::MaxExecutionTime(ms) => ms.to_string(),
        HintBody::BlockName(name) => quoted(name),
        HintBody::NoIndexMerge
        | HintBody::StraightJoin
        | HintBody::HashAgg
        | HintBody::StreamAgg
        | HintBody::AggToCop
        | HintBody::LimitToCop => String::new(),
    };
    let block = at(&hint.block);
    let space = if block.is_empty() || arguments.is_empty() { "" } else { " " };
    format!("{}({block}{space}{arguments})", hint.written).to_lowercase()
}

/// `NAME(t, u, i)`, as TiDB writes it: the names alone, in lower case.
fn with_arguments(name: &str, tables: &[HintTable], indexes: &[Arc<str>]) -> String {
    let names: Vec<String> =
        tables.iter().map(|t| &t.name).chain(indexes).map(|n| n.to_lowercase()).collect();
    format!("{name}({})", names.join(", "))
}

//! Hints: names of query blocks become numbers, and what stands in the syntax itself (`SELECT STRAIGHT_JOIN`, `USE INDEX`
//! behind a table) becomes a hint like any other.
//!
//! Blocks are numbered as in TiDB: `sel_1`, `sel_2`, … in the order in which their SELECTs begin, but a SELECT with WITH comes
//! before those of its WITH; what UPDATE and DELETE
//! themselves work on is block 0, `upd_1` and `del_1`. A hint speaks of the block it stands in unless `@name` says otherwise;
//! hints behind INSERT speak of its SELECT. Views have blocks of their own ([`views`]). Nothing here fails the statement: what makes no sense is a warning, as in TiDB.

mod limits;
mod views;

use std::sync::Arc;

use sqlparser::ast::{self, TableIndexHintForClause, TableIndexHintType};
use sqlparser::tokenizer::Location;

pub(super) use self::views::ViewBlock;
use super::binder::Binder;
use crate::error::Error;
use crate::hints::{Hint, HintKind, HintTable, Hints, IndexMode};
use crate::options::use_invisible_indexes;
use crate::parse::{Blocks, HintBody, HintSyntax, TableSyntax};
use crate::physical::PlanWarning;
use allod_storage::schema::TableDescriptor;

/// TiDB's code for a hint that cannot be followed.
const INAPPLICABLE: u16 = 1815;
/// TiDB's code for a hint where none can be.
const MISPLACED: u16 = 8066;

impl Binder<'_> {
    /// Number of the query block whose SELECT stands at a place.
    pub fn block_at(&self, select: Location) -> u32 {
        self.blocks_before + self.parsed.blocks.number(select)
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

    /// What the hint comments say. It is read when it is first needed.
    fn hinted(&mut self) -> &mut Hinted {
        let (parsed, before) = (self.parsed, self.blocks_before);
        self.hinted.get_or_insert_with(|| Hinted::of(&parsed.blocks, before))
    }

    /// The hints of the whole statement, once it is bound; `own` = what its own block is called, for a DML statement.
    pub fn settle_hints(&mut self, own: Option<&str>) -> Hints {
        for _ in 0..self.parsed.blocks.stray {
            let message = "Optimizer hint can only be followed by certain keywords like SELECT, INSERT, etc.";
            self.warnings.push(PlanWarning { code: MISPLACED, message: message.into() });
        }
        self.hinted();
        let Some(mut hinted) = self.hinted.take() else { return Hints::default() };
        self.warnings.append(&mut hinted.warnings);
        hinted.names.extend(own.map(|own| (own.to_owned(), 0)));
        if own == Some("ins_1") {
            for (block, hint) in &mut hinted.written {
                // Behind INSERT stands what is to be done with its SELECT; only limits are its own.
                if !is_limit(&hint.body) {
                    *block = (*block).max(1);
                }
            }
        }
        let mut list = self.settled(hinted);
        limits::settle(&mut list, own, &mut self.warnings);
        list.append(&mut self.hints);
        Hints { list }
    }

    /// The hints of a view, once it is bound. What is wrong with its text its author was told.
    pub fn settle_view_hints(&mut self) {
        self.hinted();
        let Some(mut hinted) = self.hinted.take() else { return };
        hinted.written.retain(|(_, hint)| !is_limit(&hint.body));
        let mut list = self.settled(hinted);
        self.hints.append(&mut list);
    }

    fn settled(&mut self, Hinted { names, written, views, .. }: Hinted) -> Vec<Hint> {
        let mut list = vec![];
        for (block, hint) in written {
            match settled(&names, block, &hint) {
                Ok(kind) => list.extend(kind),
                Err(message) => self.warnings.push(PlanWarning { code: INAPPLICABLE, message }),
            }
        }
        self.warnings.extend(views::unused(&views));
        list
    }
}

/// What the hint comments of a query say: hints with the block that each stands in, what blocks are called, and what is said of
/// blocks of views.
#[derive(Debug)]
pub(super) struct Hinted {
    names: Vec<(String, u32)>,
    written: Vec<(u32, HintSyntax)>,
    views: Vec<ViewBlock>,
    warnings: Vec<PlanWarning>,
}

impl Hinted {
    /// `before` = number of the blocks that come before its own.
    fn of(blocks: &Blocks, before: u32) -> Hinted {
        let (mut written, mut warnings) = (vec![], vec![]);
        for comment in &blocks.comments {
            let (hints, wrong) = comment.parse();
            warnings.extend(wrong);
            let block = if comment.block == 0 { 0 } else { before + comment.block };
            written.extend(hints.into_iter().map(|hint| (block, hint)));
        }
        let views = views::taken(&mut written, &mut warnings);
        let mut names: Vec<(String, u32)> =
            (1..=blocks.count()).map(|n| (format!("sel_{n}"), before + n)).collect();
        let numbered = names.len();
        for (block, hint) in &written {
            let HintBody::BlockName(name) = &hint.body else { continue };
            let message = if let Some((first, _)) = names[numbered..].iter().find(|(_, n)| n == block) {
                format!(
                    "There are more than two query names in same query block, using the first one {first}"
                )
            } else if names.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                format!("Duplicate query block name {name}, only the first one is effective")
            } else {
                names.push((name.clone(), *block));
                continue;
            };
            warnings.push(PlanWarning { code: INAPPLICABLE, message });
        }
        Hinted { names, written, views, warnings }
    }
}

/// Whether it is a limit of the whole statement.
fn is_limit(body: &HintBody) -> bool {
    matches!(body, HintBody::MemoryQuota(_) | HintBody::MaxExecutionTime(_))
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
        HintBody::BlockName(_)
        | HintBody::ViewBlockName { .. }
        | HintBody::Variable { .. }
        | HintBody::ResourceGroup(_) => {
            return Ok(None);
        }
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
        HintBody::BlockName(name) | HintBody::ViewBlockName { name, .. } => quoted(name),
        HintBody::ResourceGroup(name) => name.clone(),
        HintBody::Variable { name, value } => format!("{name} = {value}"),
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

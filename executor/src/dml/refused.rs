//! IGNORE and foreign keys: which rows would break one, before anything is changed.
//!
//! DELETE IGNORE leaves a row that others refer to, INSERT IGNORE leaves out a row that has no parent, UPDATE IGNORE leaves a row as it is that would lose its parent or that others
//! refer to, each with the warning that would have been the error. The store is asked once for the rows of a statement, as of its
//! snapshot; within a table that refers to itself a row that has come is the parent of those behind it. What rows of one statement
//! do to each other besides is found where all changes are looked at ([`super::foreign::hold`]), and is an error there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use allod_planner::foreign::{ForeignKeys, ForeignLink};
use allod_storage::key::Key;
use allod_storage::schema::TableDescriptor;

use super::foreign::{differ, encoded, find, values};
use super::rows::Held;
use crate::build::Builder;
use crate::error::{Error, Result};

/// What rows lack, and what they are needed for.
pub(super) struct Refusals<'a> {
    table: &'a TableDescriptor,
    /// Links within the table.
    own: Vec<(usize, &'a [usize])>,
    /// For each row the links of which it has no parent, with what it refers to.
    orphaned: Vec<Vec<(usize, &'a ForeignLink, Key)>>,
    /// For each row a link by which others refer to it.
    needed: Vec<Option<&'a ForeignLink>>,
    /// What rows that have come can be referred to by.
    offered: BTreeSet<(usize, Key)>,
}

impl<'a> Refusals<'a> {
    /// Of rows that come to a table, or become (`olds`: what they were).
    pub fn of(
        builder: &mut Builder,
        foreign: &'a ForeignKeys,
        table: &'a TableDescriptor,
        (olds, news): (Option<&[Held]>, &[Held]),
    ) -> Result<Refusals<'a>> {
        let mut refusals = Refusals {
            table,
            own: Vec::new(),
            orphaned: vec![Vec::new(); news.len()],
            needed: vec![None; news.len()],
            offered: BTreeSet::new(),
        };
        let Some(at) = foreign.tables.iter().position(|known| known.table.id == table.id) else {
            return Ok(refusals);
        };
        for (number, link) in foreign.links.iter().enumerate() {
            if link.child == at {
                let parent = link.parent.as_ref();
                refusals.own.extend(parent.filter(|p| p.table == at).map(|p| (number, &*p.columns)));
                refusals.orphans(builder, foreign, (number, link), (olds, news))?;
            }
            if let Some(olds) = olds {
                refusals.needs(builder, foreign, (at, link), (olds, Some(news)))?;
            }
        }
        Ok(refusals)
    }

    /// Of rows that go from a table.
    pub fn of_gone(
        builder: &mut Builder,
        foreign: &'a ForeignKeys,
        table: &'a TableDescriptor,
        gone: &[Held],
    ) -> Result<Refusals<'a>> {
        let mut refusals = Refusals {
            table,
            own: Vec::new(),
            orphaned: Vec::new(),
            needed: vec![None; gone.len()],
            offered: BTreeSet::new(),
        };
        if let Some(at) = foreign.tables.iter().position(|known| known.table.id == table.id) {
            for link in &foreign.links {
                refusals.needs(builder, foreign, (at, link), (gone, None))?;
            }
        }
        Ok(refusals)
    }

    /// The rows that have no parent by this link.
    fn orphans(
        &mut self,
        builder: &mut Builder,
        foreign: &'a ForeignKeys,
        (number, link): (usize, &'a ForeignLink),
        (olds, news): (Option<&[Held]>, &[Held]),
    ) -> Result<()> {
        let asking = asking(olds, news, &link.columns)?;
        let rows: Vec<Held> = asking.iter().map(|&row| news[row].clone()).collect();
        let Some(values) = values(self.table, &link.columns, &rows)? else { return Ok(()) };
        let mut missing: BTreeSet<Key> =
            (0..values.rows.len()).map(|position| values.keys.key(position)).collect();
        if let Some(parent) = &link.parent {
            let place = (parent.table, &*parent.columns, parent.space);
            for (position, _) in find(builder, foreign, place, &values, &mut BTreeMap::new())? {
                missing.remove(&values.keys.key(position as usize));
            }
        }
        for (&row, key) in asking.iter().zip(encoded(self.table, &link.columns, &rows)?) {
            if let Some(key) = key.filter(|key| missing.contains(key)) {
                self.orphaned[row].push((number, link, key));
            }
        }
        Ok(())
    }

    /// The rows that others refer to by this link, as they are; without `news` the rows go, and others that go with them do not
    /// count.
    fn needs(
        &mut self,
        builder: &mut Builder,
        foreign: &'a ForeignKeys,
        (at, link): (usize, &'a ForeignLink),
        (olds, news): (&[Held], Option<&[Held]>),
    ) -> Result<()> {
        let action = if news.is_some() { link.on_update } else { link.on_delete };
        let parent = link.parent.as_ref().filter(|p| p.table == at && !action.changes());
        let Some(parent) = parent else { return Ok(()) };
        let (asking, going) = match news {
            Some(news) => (asking(Some(olds), news, &parent.columns)?, BTreeSet::new()),
            None if link.child == at => {
                ((0..olds.len()).collect(), olds.iter().map(|old| old.key(0)).collect())
            }
            None => ((0..olds.len()).collect(), BTreeSet::new()),
        };
        let rows: Vec<Held> = asking.iter().map(|&row| olds[row].clone()).collect();
        let Some(values) = values(self.table, &parent.columns, &rows)? else { return Ok(()) };
        let place = (link.child, &*link.columns, link.space);
        let mut found = find(builder, foreign, place, &values, &mut BTreeMap::new())?;
        found.retain(|(_, child)| going.is_empty() || !going.contains(&child.key(0)));
        let needed: BTreeSet<Key> =
            found.iter().map(|(position, _)| values.keys.key(*position as usize)).collect();
        for (&row, key) in asking.iter().zip(encoded(self.table, &parent.columns, &rows)?) {
            if key.is_some_and(|key| needed.contains(&key)) {
                self.needed[row].get_or_insert(link);
            }
        }
        Ok(())
    }

    /// Why a row may not go.
    pub fn needed(&self, row: usize) -> Option<Error> {
        self.needed[row].map(|link| Error::ParentRow { key: Arc::clone(&link.text) })
    }

    /// Why a row may not come; if it may, those behind it can refer to it.
    pub fn comes(&mut self, row: usize, new: &Held) -> Result<Option<Error>> {
        if let Some(needed) = self.needed(row) {
            return Ok(Some(needed));
        }
        let mut offers = Vec::new();
        for (number, columns) in &self.own {
            let keys = encoded(self.table, columns, std::slice::from_ref(new))?;
            offers.extend(keys.into_iter().flatten().map(|key| (*number, key)));
        }
        let has = |number: usize, key: &Key| {
            let offer = (number, key.clone());
            self.offered.contains(&offer) || offers.contains(&offer)
        };
        let lacks = self.orphaned[row].iter().find(|(number, _, key)| !has(*number, key));
        if let Some((_, link, _)) = lacks {
            return Ok(Some(Error::NoParentRow { key: Arc::clone(&link.text) }));
        }
        self.offered.extend(offers);
        Ok(None)
    }
}

/// The rows that are new in these columns.
fn asking(olds: Option<&[Held]>, news: &[Held], columns: &[usize]) -> Result<Vec<usize>> {
    let mut rows = Vec::new();
    for (row, new) in news.iter().enumerate() {
        if olds.map_or(Ok(true), |olds| differ(&olds[row], new, columns))? {
            rows.push(row);
        }
    }
    Ok(rows)
}

//! Bindings: with which hints the statements of one shape are planned.
//!
//! Those of all sessions are a part of the catalog's version, those of a session are its own and count more. Plain data: who
//! changes one makes the next version of all.

use std::sync::Arc;

use allod_planner::Parsed;
use allod_planner::bind::WhichBinding;
use imbl::OrdMap;
use sha2::{Digest, Sha256};

/// One binding.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    /// The shape of its statements.
    pub shape: Arc<str>,
    /// The statement whose hints they get.
    pub bind: Arc<Parsed>,
    /// The database that was current when it was made.
    pub database: Arc<str>,
    /// Whether it is heeded.
    pub enabled: bool,
    /// When it was made, in microseconds since 1970, local.
    pub created_us: i64,
    /// When it was changed.
    pub updated_us: i64,
    /// Character set and collation of the session that made it.
    pub charset: [Arc<str>; 2],
}

impl Binding {
    /// `Sql_digest`.
    pub fn digest(&self) -> String {
        Sha256::digest(self.shape.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn is(&self, which: &WhichBinding) -> bool {
        match which {
            WhichBinding::Shape(shape) => *shape == self.shape,
            WhichBinding::Digest(digest) => digest.eq_ignore_ascii_case(&self.digest()),
        }
    }
}

/// Bindings by shape.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(OrdMap<Arc<str>, Arc<Binding>>);

impl Bindings {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// That of a shape, if it is heeded.
    pub fn get(&self, shape: &str) -> Option<&Arc<Binding>> {
        self.0.get(shape).filter(|binding| binding.enabled)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Binding>> {
        self.0.values()
    }

    /// With another one, which takes the place of that of its shape.
    pub fn with(&self, binding: Binding) -> Bindings {
        Bindings(self.0.update(Arc::clone(&binding.shape), Arc::new(binding)))
    }

    /// Without that one.
    pub fn without(&self, which: &WhichBinding) -> Bindings {
        let left = self.0.iter().filter(|(_, binding)| !binding.is(which));
        Bindings(left.map(|(shape, binding)| (Arc::clone(shape), Arc::clone(binding))).collect())
    }

    /// With that one heeded, or not.
    pub fn enabling(&self, which: &WhichBinding, enabled: bool, now_us: i64) -> Bindings {
        let found = self.0.values().find(|binding| binding.is(which) && binding.enabled != enabled);
        match found {
            Some(binding) => self.with(Binding { enabled, updated_us: now_us, ..Binding::clone(binding) }),
            None => self.clone(),
        }
    }
}

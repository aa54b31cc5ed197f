//! What variables take and what they are set to, for `information_schema.variables_info`.

use super::{DEFINITIONS, Definition, Domain, KEPT, Scope, SystemValues};

/// What is shown of a password.
const MASK: &str = "******";

/// One variable.
pub(crate) struct Info {
    pub name: &'static str,
    /// Who has it for himself, in TiDB's words.
    pub scope: &'static str,
    pub default: &'static str,
    pub current: String,
    /// The least and the greatest number.
    pub range: Option<[String; 2]>,
    /// The words that it takes.
    pub words: Option<String>,
    /// Whether it is kept for clients of MySQL and means nothing.
    pub is_kept: bool,
}

impl SystemValues {
    /// All variables, by name.
    pub fn infos(&self) -> Vec<Info> {
        let obeyed = DEFINITIONS.iter().map(|definition| self.info(definition, false));
        let kept = KEPT.iter().map(|definition| self.info(definition, !definition.name.starts_with("tidb_")));
        let mut all: Vec<Info> = obeyed.chain(kept).collect();
        all.sort_unstable_by_key(|info| info.name);
        all
    }

    fn info(&self, definition: &'static Definition, is_kept: bool) -> Info {
        let range = match definition.domain {
            Domain::Number(low, high) => Some([low.to_string(), high.to_string()]),
            Domain::Unsigned => Some([0.to_string(), u64::MAX.to_string()]),
            Domain::Real(low, high) => Some([low.to_string(), high.to_string()]),
            Domain::Span(..)
            | Domain::Text
            | Domain::Switch
            | Domain::Mode
            | Domain::Zone
            | Domain::Word(_)
            | Domain::ReadOnly => None,
        };
        let words = match definition.domain {
            Domain::Switch => Some("OFF,ON".to_owned()),
            Domain::Word(words) => {
                Some(words.iter().copied().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(","))
            }
            _ => None,
        };
        let scope = match (definition.domain, definition.scope) {
            (_, Scope::Session) => "SESSION",
            (Domain::ReadOnly, _) => "NONE",
            (_, Scope::Global) => "GLOBAL",
            (_, Scope::Both) => "SESSION,GLOBAL",
        };
        let Definition { name, default, .. } = *definition;
        Info { name, scope, default, current: self.shown(definition), range, words, is_kept }
    }

    /// The value as it is shown: of a password only that there is one.
    pub(super) fn shown(&self, definition: &Definition) -> String {
        let text = self.0.get(definition.name).map_or(definition.default, |text| text);
        match definition.name.ends_with("_pwd") && !text.is_empty() {
            true => MASK.to_owned(),
            false => text.to_owned(),
        }
    }
}

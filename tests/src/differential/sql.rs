//! A piece of SQL in two dialects at once.

/// The same piece of a statement as Allod and as SQLite write it.
///
/// SQLite has no decimals: there a decimal with two places is the integer of its hundredths, so that both sides are exact.
/// It has no dates either: there they are their text.
#[derive(Clone, Debug, PartialEq)]
pub struct Sql {
    /// In MySQL's dialect.
    pub allod: String,
    /// In SQLite's.
    pub sqlite: String,
}

impl Sql {
    /// A piece that both write alike.
    pub fn same(text: impl Into<String>) -> Sql {
        let text = text.into();
        Sql { sqlite: text.clone(), allod: text }
    }

    /// A piece that they write differently.
    pub fn two(allod: impl Into<String>, sqlite: impl Into<String>) -> Sql {
        Sql { allod: allod.into(), sqlite: sqlite.into() }
    }

    /// `self` with each `{}` replaced by the next of `parts`.
    pub fn with(&self, parts: &[&Sql]) -> Sql {
        Sql {
            allod: fill(&self.allod, parts.iter().map(|p| p.allod.as_str())),
            sqlite: fill(&self.sqlite, parts.iter().map(|p| p.sqlite.as_str())),
        }
    }

    /// The pieces with `separator` between them.
    pub fn join(pieces: &[Sql], separator: &str) -> Sql {
        let join = |of: fn(&Sql) -> &str| pieces.iter().map(of).collect::<Vec<_>>().join(separator);
        Sql { allod: join(|p| &p.allod), sqlite: join(|p| &p.sqlite) }
    }
}

/// [`Sql::with`] of a template that both dialects share.
pub fn sql(template: &str, parts: &[&Sql]) -> Sql {
    Sql::same(template).with(parts)
}

fn fill<'a>(template: &str, mut parts: impl Iterator<Item = &'a str>) -> String {
    let mut pieces = template.split("{}");
    let mut out = pieces.next().unwrap_or_default().to_string();
    for piece in pieces {
        out.push_str(parts.next().expect("a part for each place of the template"));
        out.push_str(piece);
    }
    out
}

//! The rules of the house, held by an ordinary test: who may import whom, and how state may be shared.
//!
//! Imports go one way: storage <- planner <- executor <- engine <- tests. The planner sees only storage's plain data; the
//! executor sees the plan as data and never the parser, the catalog or the optimizer. Nobody puts a lock around anything,
//! and `unsafe` lives in the executor's kernel module alone.

use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests crate lies in the workspace")
        .to_path_buf()
}

/// Every Rust source below `dir` of the workspace, with its path relative to the workspace.
fn sources(dir: &str) -> Vec<(String, syn::File, String)> {
    let base = root();
    let mut out = Vec::new();
    for entry in walkdir::WalkDir::new(base.join(dir)).sort_by_file_name() {
        let entry = entry.expect("the workspace is readable");
        let path = entry.path();
        if path.extension().is_some_and(|e| e == "rs")
            && !path.components().any(|c| c.as_os_str() == "target")
        {
            let text = fs::read_to_string(path).expect("a source file is UTF-8");
            let file = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let name = path.strip_prefix(&base).expect("walked from the root").display().to_string();
            out.push((name, file, text));
        }
    }
    assert!(!out.is_empty(), "no sources below {dir}");
    out
}

/// Collects every path in a file as text: `a::b::C`, from `use` trees as well as from expressions and types.
#[derive(Default)]
struct Paths {
    found: Vec<(usize, String)>,
}

impl Paths {
    fn of(file: &syn::File) -> Vec<(usize, String)> {
        let mut paths = Paths::default();
        paths.visit_file(file);
        paths.found
    }

    fn tree(&mut self, prefix: &str, tree: &syn::UseTree) {
        let join = |name: &syn::Ident| match prefix {
            "" => name.to_string(),
            p => format!("{p}::{name}"),
        };
        match tree {
            syn::UseTree::Path(p) => self.tree(&join(&p.ident), &p.tree),
            syn::UseTree::Name(n) => self.found.push((n.ident.span().start().line, join(&n.ident))),
            syn::UseTree::Rename(r) => self.found.push((r.ident.span().start().line, join(&r.ident))),
            syn::UseTree::Glob(g) => {
                self.found.push((g.star_token.spans[0].start().line, format!("{prefix}::*")))
            }
            syn::UseTree::Group(group) => group.items.iter().for_each(|t| self.tree(prefix, t)),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree("", &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let text = path.segments.iter().map(|s| s.ident.to_string()).collect::<Vec<_>>().join("::");
        let line = path.segments.first().map_or(0, |s| s.ident.span().start().line);
        self.found.push((line, text));
        syn::visit::visit_path(self, path);
    }
}

fn starts_with(path: &str, prefix: &str) -> bool {
    path == prefix || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with("::"))
}

/// Paths that a folder's sources may not name.
struct Forbidden {
    folder: &'static str,
    paths: &'static [&'static str],
    except: &'static [&'static str],
    why: &'static str,
}

const IMPORT_TABLE: &[Forbidden] = &[
    Forbidden {
        folder: "storage/src",
        paths: &["allod_planner", "allod_executor", "allod", "sqlparser"],
        except: &[],
        why: "storage knows nothing of SQL",
    },
    Forbidden {
        folder: "planner/src",
        paths: &[
            "allod_executor",
            "allod",
            "allod_storage::client",
            "allod_storage::store",
            "allod_storage::cluster",
            "allod_storage::region",
            "allod_storage::rpc",
            "allod_storage::pd",
            "allod_storage::runtime",
            "tokio",
            "rayon",
            "crossbeam_channel",
            "std::thread",
            "std::fs",
            "std::net",
        ],
        except: &[],
        why: "the planner is pure: it sees storage's plain data, does no I/O and starts no threads",
    },
    Forbidden {
        folder: "planner/src",
        paths: &["sqlparser"],
        except: &["planner/src/parse", "planner/src/bind", "planner/src/expr/rewrite"],
        why: "only the parse and bind rooms name the SQL parser's types",
    },
    Forbidden {
        folder: "executor/src",
        paths: &[
            "allod",
            "sqlparser",
            "allod_planner::parse",
            "allod_planner::bind",
            "allod_planner::catalog",
            "allod_planner::rules",
            "allod_planner::logical",
            "allod_planner::cost",
        ],
        except: &[],
        why: "the executor sees the plan as data, never the parser, the catalog or the optimizer",
    },
    Forbidden {
        folder: "engine/src",
        paths: &["sqlparser", "allod_tests"],
        except: &[],
        why: "text goes through the planner",
    },
];

#[test]
fn imports_go_one_way() {
    let mut broken = Vec::new();
    for rule in IMPORT_TABLE {
        for (name, file, _) in sources(rule.folder) {
            if rule.except.iter().any(|e| name.starts_with(e)) {
                continue;
            }
            for (line, path) in Paths::of(&file) {
                if rule.paths.iter().any(|p| starts_with(&path, p)) {
                    broken.push(format!("{name}:{line}: {path}: {}", rule.why));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Types that share mutable state behind a lock, or are concurrent maps. Channels, atomics and `ArcSwap` remain.
const LOCKS: &[&str] = &[
    "Mutex",
    "RwLock",
    "ReentrantLock",
    "ReentrantMutex",
    "DashMap",
    "DashSet",
    "SkipMap",
    "SkipSet",
    "FairMutex",
];

#[test]
fn every_mutable_map_has_one_owner() {
    let mut broken = Vec::new();
    for folder in ["storage/src", "planner/src", "executor/src", "engine/src", "tests/src"] {
        for (name, file, _) in sources(folder) {
            for (line, path) in Paths::of(&file) {
                if path.split("::").any(|segment| LOCKS.contains(&segment)) {
                    broken.push(format!("{name}:{line}: {path}: own it, publish versions of it, or send it"));
                }
            }
            for item in &file.items {
                if let syn::Item::Static(s) = item
                    && matches!(s.mutability, syn::StaticMutability::Mut(_))
                {
                    broken.push(format!("{name}: static mut {}", s.ident));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Finds `unsafe` blocks, functions and impls.
#[derive(Default)]
struct Unsafe(Vec<usize>);

impl<'ast> Visit<'ast> for Unsafe {
    fn visit_expr_unsafe(&mut self, e: &'ast syn::ExprUnsafe) {
        self.0.push(e.unsafe_token.span.start().line);
        syn::visit::visit_expr_unsafe(self, e);
    }

    fn visit_signature(&mut self, s: &'ast syn::Signature) {
        if let Some(token) = &s.unsafety {
            self.0.push(token.span.start().line);
        }
        syn::visit::visit_signature(self, s);
    }

    fn visit_item_impl(&mut self, i: &'ast syn::ItemImpl) {
        if let Some(token) = &i.unsafety {
            self.0.push(token.span.start().line);
        }
        syn::visit::visit_item_impl(self, i);
    }
}

#[test]
fn unsafe_code_stays_in_the_kernel() {
    let mut broken = Vec::new();
    for folder in ["storage/src", "planner/src", "executor/src", "engine/src", "tests/src"] {
        for (name, file, _) in sources(folder) {
            let mut found = Unsafe::default();
            found.visit_file(&file);
            if !name.starts_with("executor/src/kernel") {
                broken.extend(found.0.iter().map(|line| format!("{name}:{line}")));
            }
        }
    }
    assert!(broken.is_empty(), "unsafe outside executor/src/kernel:\n{}", broken.join("\n"));
}

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TODO", "FIXME", "XXX", "todo!(", "unimplemented!("];
    let mut broken = Vec::new();
    for folder in ["storage/src", "planner/src", "executor/src", "engine/src", "tests/src"] {
        for (name, _, text) in sources(folder) {
            for (i, line) in text.lines().enumerate() {
                if marks.iter().any(|m| line.contains(m)) {
                    broken.push(format!("{name}:{}: {}", i + 1, line.trim()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_walker_sees_what_it_should() {
    let text = "use std::{sync::{Mutex as M, Arc}, fmt}; fn f(x: parking_lot::RwLock<u8>) { unsafe { g() } }";
    let file = syn::parse_file(text).expect("valid Rust");
    let paths: Vec<String> = Paths::of(&file).into_iter().map(|(_, p)| p).collect();
    assert!(paths.contains(&"std::sync::Mutex".to_string()), "{paths:?}");
    assert!(paths.contains(&"parking_lot::RwLock".to_string()), "{paths:?}");
    let mut found = Unsafe::default();
    found.visit_file(&file);
    assert_eq!(found.0.len(), 1);
    assert!(starts_with("allod::session", "allod") && !starts_with("allod_storage", "allod"));
}

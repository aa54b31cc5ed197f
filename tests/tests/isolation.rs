//! Runs the scripts of several sessions in `tests/isolation`, each on a database of its own; see `allod_tests::isolation`.
//! What MariaDB does alike was checked against it.

use std::path::Path;

use allod::Database;
use allod_tests::isolation;

#[test]
fn every_script_comes_true() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("isolation");
    let mut failures = Vec::new();
    let mut scripts = 0;
    for entry in walkdir::WalkDir::new(&dir).sort_by_file_name() {
        let path = entry.expect("the directory is readable").into_path();
        if path.extension().is_none_or(|e| e != "txt") {
            continue;
        }
        let name = path.strip_prefix(&dir).unwrap_or(&path).display().to_string();
        let script = std::fs::read_to_string(&path).expect("a script is UTF-8");
        let failed = isolation::run(&Database::new(), &script).unwrap_or_else(|e| panic!("{name}: {e}"));
        failures.extend(failed.into_iter().map(|why| format!("{name} {why}")));
        scripts += 1;
    }
    assert!(scripts > 0, "no scripts in {}", dir.display());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

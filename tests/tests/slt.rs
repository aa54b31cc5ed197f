//! Runs sqllogictest files: our own in `tests/slt`, or every `.test` and `.slt` file below `SLT_DIR`.
//!
//! `cargo test -p allod-tests --test slt` runs ours; `SLT_DIR=path cargo test --release -p allod-tests --test slt -- --nocapture`
//! runs a directory and prints files, records, passed, failed and seconds. The expectations of our own files were checked
//! against MariaDB 10.11, statement by statement.

use std::path::{Path, PathBuf};
use std::time::Instant;

use allod_tests::database::Fresh;
use allod_tests::slt::{self, Engine};

fn files(dir: &Path) -> Vec<PathBuf> {
    walkdir::WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .map(|entry| entry.expect("the directory is readable").into_path())
        .filter(|path| path.extension().is_some_and(|e| e == "slt" || e == "test"))
        .collect()
}

#[test]
fn every_record_passes() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt");
    let dir = std::env::var_os("SLT_DIR").map_or(own, PathBuf::from);
    let started = Instant::now();
    let (mut records, mut failures) = (0, Vec::new());
    let files = files(&dir);
    assert!(!files.is_empty(), "no .slt or .test files below {}", dir.display());
    for path in &files {
        let name = path.strip_prefix(&dir).unwrap_or(path).display().to_string();
        let text = std::fs::read_to_string(path).expect("a test file is UTF-8");
        let mut engine = Fresh::new();
        // SQLite's files are called so. What they say of MySQL is what it said before it had this mode.
        if path.extension().is_some_and(|e| e == "test") {
            let set = "set sql_mode = replace(@@sql_mode, 'ONLY_FULL_GROUP_BY', '')";
            engine.run(set).expect("a mode is set");
        }
        let outcome = slt::run(&name, &text, &mut engine).expect("a test file is sqllogictest");
        if !outcome.failures.is_empty() {
            println!("{name}: {} of {} failed", outcome.failures.len(), outcome.records);
        }
        records += outcome.records;
        failures.extend(outcome.failures);
    }
    println!(
        "files {} records {records} passed {} failed {} seconds {:.1}",
        files.len(),
        records - failures.len(),
        failures.len(),
        started.elapsed().as_secs_f64()
    );
    let shown: Vec<&str> = failures.iter().take(50).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} records failed; the first:\n{}", failures.len(), shown.join("\n"));
}

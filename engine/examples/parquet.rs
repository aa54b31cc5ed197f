//! Parquet files as tables: a file is written, loaded into a table that is made from its schema, and queried.
//!
//! `cargo run --release --example parquet [FILE]`

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use allod::Database;
use allod::format::Format;
use arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

fn main() -> Result<(), Box<dyn Error>> {
    let path = match std::env::args_os().nth(1) {
        Some(path) => PathBuf::from(path),
        None => sample()?,
    };
    let mut session = Database::new().session();
    let rows = session.load_parquet("data", &path)?;
    println!("{rows} rows of {}", path.display());
    for sql in ["describe data", "select * from data limit 5", "select count(*) from data"] {
        let result = session.execute(sql)?;
        let mut out = std::io::stdout().lock();
        let mut writer = Format::Table.writer(result.columns().to_vec(), &mut out);
        for batch in result {
            writer.batch(&batch?)?;
        }
        writer.finish()?;
    }
    Ok(())
}

/// Writes a small file and returns its path.
fn sample() -> Result<PathBuf, Box<dyn Error>> {
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("station", Arc::new(StringArray::from(vec!["north", "south", "north", "south"]))),
        ("day", Arc::new(Date32Array::from(vec![20_000, 20_000, 20_001, 20_001]))),
        ("celsius", Arc::new(Float64Array::from(vec![Some(11.5), Some(14.0), None, Some(15.25)]))),
        ("samples", Arc::new(Int64Array::from(vec![24, 24, 0, 23]))),
    ];
    let batch = RecordBatch::try_from_iter(columns)?;
    let path = std::env::temp_dir().join("allod-example.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path)?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(path)
}

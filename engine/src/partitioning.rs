//! Partition schemes as text: what SHOW CREATE TABLE and `information_schema.partitions` show. The text can be read back.

use allod_storage::schema::{Datum, PartitionMethod, PartitionScheme, RangeBound, TableDescriptor};

/// A name between backticks.
pub(crate) fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// `HASH`, `KEY`, `RANGE`, `RANGE COLUMNS`, `LIST` or `LIST COLUMNS`.
pub(crate) fn method(scheme: &PartitionScheme) -> &'static str {
    match (&scheme.method, &scheme.expr) {
        (PartitionMethod::Hash, _) => "HASH",
        (PartitionMethod::Key, _) => "KEY",
        (PartitionMethod::Range(_), Some(_)) => "RANGE",
        (PartitionMethod::Range(_), None) => "RANGE COLUMNS",
        (PartitionMethod::List { .. }, Some(_)) => "LIST",
        (PartitionMethod::List { .. }, None) => "LIST COLUMNS",
    }
}

/// The expression, or the columns.
pub(crate) fn expression(scheme: &PartitionScheme, table: &TableDescriptor) -> String {
    match &scheme.expr {
        Some(expr) => expr.to_string(),
        None => {
            let names = scheme.columns.iter().map(|&o| quoted(&table.columns[o].name));
            names.collect::<Vec<_>>().join(",")
        }
    }
}

/// What is said of the values of one partition: `10`, `MAXVALUE`, `1,2`, `(1,'a'),(2,'b')`, `DEFAULT`; nothing for HASH and KEY.
pub(crate) fn description(scheme: &PartitionScheme, at: usize) -> Option<String> {
    match &scheme.method {
        PartitionMethod::Hash | PartitionMethod::Key => None,
        PartitionMethod::Range(bounds) => bounds.get(at).map(|tuple| {
            let bound = |b: &RangeBound| match b {
                RangeBound::Value(value) => literal(value),
                RangeBound::MaxValue => "MAXVALUE".to_string(),
            };
            tuple.iter().map(bound).collect::<Vec<_>>().join(",")
        }),
        PartitionMethod::List { values, default } => {
            let tuple = |tuple: &Vec<Datum>| {
                let values = tuple.iter().map(literal).collect::<Vec<_>>().join(",");
                if tuple.len() == 1 { values } else { format!("({values})") }
            };
            let mut all: Vec<String> = values.get(at)?.iter().map(tuple).collect();
            if *default == Some(at) {
                all.push("DEFAULT".to_string());
            }
            Some(all.join(","))
        }
    }
}

/// The PARTITION BY clause.
pub(crate) fn clause(scheme: &PartitionScheme, table: &TableDescriptor) -> String {
    let space = if scheme.expr.is_some() || scheme.method == PartitionMethod::Key { " " } else { "" };
    let head = format!("PARTITION BY {}{space}({})", method(scheme), expression(scheme, table));
    let plain = table
        .partitions
        .iter()
        .enumerate()
        .all(|(i, p)| *p.name == *format!("p{i}") && p.comment.is_empty() && p.placement.is_none());
    let by_number = matches!(scheme.method, PartitionMethod::Hash | PartitionMethod::Key);
    if by_number && plain {
        return format!("{head} PARTITIONS {}", table.partitions.len());
    }
    let definitions = table.partitions.iter().enumerate().map(|(at, partition)| {
        let name = format!("PARTITION {}", quoted(&partition.name));
        let definition = match (&scheme.method, description(scheme, at)) {
            (PartitionMethod::Range(_), Some(bound)) => format!("{name} VALUES LESS THAN ({bound})"),
            (PartitionMethod::List { .. }, Some(values)) if values == "DEFAULT" => format!("{name} DEFAULT"),
            (PartitionMethod::List { .. }, Some(values)) => format!("{name} VALUES IN ({values})"),
            _ => name,
        };
        let definition = match &*partition.comment {
            "" => definition,
            comment => format!("{definition} COMMENT {}", literal(&Datum::string(comment))),
        };
        definition + &placed(partition.placement.as_deref())
    });
    format!("{head}\n({})", definitions.collect::<Vec<_>>().join(",\n "))
}

/// The placement policy of a database, a table or a partition, if it has one, in a comment that only TiDB reads.
pub(crate) fn placed(policy: Option<&str>) -> String {
    let clause = |policy| format!(" /*T![placement] PLACEMENT POLICY={} */", quoted(policy));
    policy.map(clause).unwrap_or_default()
}

/// A value as it is written in SQL.
fn literal(value: &Datum) -> String {
    match value {
        Datum::Null => "NULL".to_string(),
        Datum::Int(_) | Datum::UInt(_) | Datum::Double(_) | Datum::Decimal { .. } => value.to_string(),
        Datum::Bytes(bytes) => bytes.iter().fold("0x".to_string(), |s, b| s + &format!("{b:02x}")),
        Datum::String(_) | Datum::Date(_) | Datum::DateTime(_) | Datum::Time(_) => {
            format!("'{}'", value.to_string().replace('\\', "\\\\").replace('\'', "''"))
        }
    }
}

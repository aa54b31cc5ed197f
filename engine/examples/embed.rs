//! A database inside a program: tables, prepared statements, typed rows, Arrow batches, cancellation.
//!
//! `cargo run --release --example embed`

use std::time::{Duration, Instant};

use allod::{Database, Result, params};

fn main() -> Result<()> {
    let database = Database::builder().memory_limit_bytes(256 << 20).build();
    let mut session = database.session();

    session
        .run("create table city (id bigint auto_increment primary key, name varchar(40), people bigint)")?;
    session.run("create table visit (id bigint auto_increment primary key, city bigint, day date, spent decimal(10,2))")?;

    // A prepared statement is parsed once.
    let insert = session.prepare("insert into city (name, people) values (?, ?)")?;
    for (name, people) in [("Ghent", 265_000), ("Bruges", 119_000), ("Antwerp", 536_000)] {
        let done = session.execute_prepared(&insert, params![name, people])?;
        println!("{name} has the id {}", done.last_insert_id());
    }
    session.run(
        "insert into visit (city, day, spent) values
         (1, '2026-05-01', 12.50), (1, '2026-05-02', 30.25), (3, '2026-05-02', 8.00)",
    )?;

    // Rows with typed access. A sum of DECIMAL is exact.
    let query = "select name, count(visit.id) as visits, sum(spent) as spent
                 from city left join visit on visit.city = city.id
                 group by name order by visits desc, name";
    for row in session.execute(query)?.rows() {
        let row = row?;
        let spent: Option<String> = row.get("spent")?;
        println!(
            "{:8} {:>2} visits, {}",
            row.get::<String>("name")?,
            row.get::<i64>(1)?,
            spent.unwrap_or("-".into())
        );
    }

    // The same as Arrow batches, for programs that work with columns.
    let result = session.execute("select day, spent from visit")?;
    println!("{:?}", result.schema().fields().iter().map(|f| (f.name(), f.data_type())).collect::<Vec<_>>());
    println!("{} rows", result.collect_batches()?.iter().map(|batch| batch.num_rows()).sum::<usize>());

    // Another thread stops a statement that takes too long. The handle is for the next statement.
    session.run("create table n (v bigint)")?;
    session.run("insert into n values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)")?;
    let cancel = session.cancel_handle();
    let watchdog = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        cancel.cancel();
    });
    let begin = Instant::now();
    let long = "select count(*) from n a, n b, n c, n d, n e, n f, n g, n h, n i, n j where a.v + j.v = 7";
    match session.execute(long).and_then(|result| result.collect_batches()) {
        Ok(_) => println!("this machine is faster than expected"),
        Err(error) => println!("after {:?}: {error}", begin.elapsed()),
    }
    watchdog.join().ok();
    Ok(())
}

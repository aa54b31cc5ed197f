//! The program: parses arguments, calls the library, turns its answer into an exit status.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use allod::bench::{self, ClusterOptions, Network};
use allod::format::Format;
use allod::server::{Password, Server, Tls};
use allod::{Error, repl, server};
use clap::{Args, Parser, Subcommand};

/// Several times the speed of the system's allocator where large buffers come and go, which is what columns do.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A distributed SQL engine that fits in one process. Without a command it reads SQL: from a terminal line by line, from a
/// pipe as a script.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Run these statements and leave; may be given several times.
    #[arg(short = 'e', long = "execute", value_name = "SQL", allow_hyphen_values = true)]
    execute: Vec<String>,
    /// Run the statements of a file and leave; may be given several times.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: Vec<PathBuf>,
    /// How to print results [default: table on a terminal, else tsv].
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Number of stores of the cluster.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    stores: Option<u16>,
    /// Reach the stores through a simulated network, on which SIMULATE statements can break things: SEED, or
    /// SEED,LOSS,LATENCY (loss 0 to 1, latency in ms).
    #[arg(long, value_name = "SEED[,LOSS[,LATENCY]]")]
    simulate: Option<Network>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve clients that speak MySQL's protocol. The first account is root.
    Serve(Serve),
    /// Time queries.
    #[command(subcommand)]
    Bench(Bench),
}

#[derive(Args)]
struct Serve {
    /// Address and port.
    #[arg(long, default_value = "127.0.0.1:4000", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// A file whose first line is the password of root [default: the environment's ALLOD_PASSWORD, else none].
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Offer TLS with a certificate that is made when the server starts: it encrypts, and proves nothing.
    #[arg(long, conflicts_with = "tls_certificate")]
    tls: bool,
    /// Offer TLS with this certificate, and those that lead to its root, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's key, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Listen where others can connect though there is no password.
    #[arg(long)]
    insecure: bool,
    /// The folder of the files that LOAD DATA and SELECT … INTO OUTFILE read and write; NULL = there is none [default: any].
    #[arg(long, value_name = "DIR", default_value = "", hide_default_value = true)]
    secure_file_priv: String,
    /// Refuse more connections than this; 0 = any number.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    max_connections: u32,
    /// How many seconds statements may go on when the server is to end.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    grace: u16,
    /// Number of stores of the cluster.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    stores: Option<u16>,
    /// Reach the stores through a simulated network: SEED, or SEED,LOSS,LATENCY (loss 0 to 1, latency in ms).
    #[arg(long, value_name = "SEED[,LOSS[,LATENCY]]")]
    simulate: Option<Network>,
}

impl Serve {
    fn run(self) -> Result<bool, Error> {
        let password = match &self.password_file {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| Error::file(file, error))?;
                text.lines().next().unwrap_or_default().to_string()
            }
            None => std::env::var("ALLOD_PASSWORD").unwrap_or_default(),
        };
        let tls = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => Some(Tls::from_files(certificate, key)?),
            _ if self.tls => Some(Tls::self_made()?),
            _ => None,
        };
        let stores = self.stores.map(usize::from);
        let cluster = ClusterOptions { stores, network: self.simulate, ..ClusterOptions::default() };
        let database = cluster.database();
        database.session().run(&format!("set global max_connections = {}", self.max_connections))?;
        database.confine_files(&self.secure_file_priv);
        let password = Password::new(&password);
        let open = password.is_none();
        let grace = Duration::from_secs(self.grace.into());
        let options = server::Options { address: self.listen, password, tls, insecure: self.insecure, grace };
        let server = Server::start(database, options)?;
        let address = server.address();
        println!("Allod {} listens on {address}, user root.", env!("CARGO_PKG_VERSION"));
        if open {
            println!("There is no password: whoever reaches {address} can do everything.");
        }
        server.run_until_signal();
        Ok(true)
    }
}

#[derive(Subcommand)]
enum Bench {
    /// Make TPC-H tables in memory, run the 22 queries, check the answers.
    Tpch {
        /// Scale factor, 0.01 and up; 1 is 8.7 million rows.
        #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
        sf: f64,
        /// Only these queries: 1,6.
        #[arg(long, value_delimiter = ',', value_name = "N,…")]
        query: Vec<u8>,
        /// A folder with answers to check against (q01.tsv, …) instead of the built-in ones for 0.01, 0.1 and 1.
        #[arg(long, value_name = "DIR")]
        check: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Time the queries of a file, each after a line `-- name: WORD`; statements after `-- setup` are run once.
    Run {
        /// The file.
        file: PathBuf,
        /// Make TPC-H tables of this scale factor first.
        #[arg(long, value_name = "SF", allow_negative_numbers = true)]
        tpch: Option<f64>,
        /// Deal orders and lineitem into so many hash partitions by order key.
        #[arg(long, value_name = "N", requires = "tpch", value_parser = clap::value_parser!(u16).range(1..=8192))]
        partitions: Option<u16>,
        /// After a query was timed let 1, 2, 4 … up to so many sessions run it at once for a second each, and print what
        /// they get done.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
        sessions: Option<u16>,
        #[command(flatten)]
        common: Common,
    },
    /// Time index joins over TPC-H tables, plain and hash-partitioned by order key, and compare the answers.
    Indexjoin {
        /// Scale factor, 0.01 and up.
        #[arg(long, default_value_t = 0.1, allow_negative_numbers = true)]
        sf: f64,
        /// Partitions of orders and lineitem in the second variant.
        #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=8192))]
        partitions: u16,
        #[command(flatten)]
        common: Common,
    },
    /// Time statements that do next to nothing: what a statement costs in itself, in nanoseconds.
    Statements,
    /// Time transactions that write: small ones of several sessions, a scan beside them, and large ones.
    Writes {
        /// Rows of the table whose rows are updated.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
        rows: u64,
        /// Sessions that update side by side, one measurement each: 1,8.
        #[arg(long, default_value = "1,8", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=256))]
        sessions: Vec<u16>,
        /// How long they do.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
        seconds: u16,
        /// Rows of the large transactions; 0 = none.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(0..=100_000_000))]
        large: u64,
    },
    /// Time ADD INDEX on lineitem, and the updates of a session that goes on meanwhile.
    Addindex {
        /// Scale factor, 0.01 and up; 1 is 6 million rows.
        #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
        sf: f64,
        /// Deal orders and lineitem into so many hash partitions by order key.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=8192))]
        partitions: Option<u16>,
        /// Columns of an index to add; again for another one. `unique` before them makes it unique.
        #[arg(long, value_name = "COLUMNS", default_values_t = ["l_partkey".to_owned(), "l_quantity".to_owned(), "unique l_orderkey, l_quantity, l_linenumber".to_owned()])]
        index: Vec<String>,
        /// For how long the session is watched before.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
        seconds: u16,
    },
}

#[derive(Args)]
struct Common {
    /// How often to run each query.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Write the figures to a file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print the plan of each query.
    #[arg(long)]
    explain: bool,
    /// Number of stores.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    stores: Option<u16>,
    /// Split the tables into at least so many regions.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    regions: Option<u32>,
    /// Reach the stores through a simulated network: SEED,LOSS,LATENCY (loss 0 to 1, latency in ms), as 7,0.01,0.2.
    #[arg(long, value_name = "SEED,LOSS,LATENCY")]
    simulate: Option<Network>,
    /// Split regions and move leaders while queries run.
    #[arg(long)]
    chaos: bool,
    /// Workers of a pipeline [default: one for each core].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: Option<u16>,
}

impl Common {
    fn cluster(&self) -> ClusterOptions {
        ClusterOptions {
            stores: self.stores.map(usize::from),
            regions: self.regions.map(|n| n as usize),
            network: self.simulate,
            chaos: self.chaos,
            workers: self.workers.map(usize::from),
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well.
fn run(arguments: Arguments) -> Result<bool, Error> {
    match arguments.command {
        None => {
            let Arguments { execute: statements, file: files, format, stores, simulate: network, .. } =
                arguments;
            let cluster =
                ClusterOptions { stores: stores.map(usize::from), network, ..ClusterOptions::default() };
            repl::run(cluster.database(), &repl::Options { statements, files, format })
        }
        Some(Command::Serve(serve)) => serve.run(),
        Some(Command::Bench(Bench::Tpch { sf, query, check, common })) => {
            let summary = bench::tpch::run(&bench::tpch::Options {
                sf,
                queries: query,
                runs: common.runs.into(),
                check,
                explain: common.explain,
                cluster: common.cluster(),
                json: common.json,
            })?;
            Ok(summary.all_right)
        }
        Some(Command::Bench(Bench::Indexjoin { sf, partitions, common })) => {
            bench::indexjoin::run(&bench::indexjoin::Options {
                sf,
                partitions,
                runs: common.runs.into(),
                cluster: common.cluster(),
            })
        }
        Some(Command::Bench(Bench::Statements)) => bench::statements::run().map(|()| true),
        Some(Command::Bench(Bench::Writes { rows, sessions, seconds, large })) => {
            let sessions = sessions.into_iter().map(usize::from).collect();
            let options =
                bench::writes::Options { rows, sessions, seconds: seconds.into(), large_rows: large };
            bench::writes::run(&options).map(|()| true)
        }
        Some(Command::Bench(Bench::Addindex { sf, partitions, index, seconds })) => {
            let options =
                bench::addindex::Options { sf, partitions, indexes: index, seconds: seconds.into() };
            bench::addindex::run(&options).map(|()| true)
        }
        Some(Command::Bench(Bench::Run { file, tpch, partitions, sessions, common })) => {
            bench::script::run(&bench::script::Options {
                file,
                tpch,
                partitions,
                sessions,
                runs: common.runs.into(),
                explain: common.explain,
                cluster: common.cluster(),
                json: common.json,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_make_sense() {
        super::Arguments::command().debug_assert();
    }
}

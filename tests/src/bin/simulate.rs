//! Runs seeds of the simulation, and says how to run the ones again that found something.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use allod_tests::simulate::run::{Kind, Options, Report, run};
use allod_tests::simulate::script::Script;
use clap::Parser;

/// Whole clusters under a clock that stands still: the same seed, the same run.
#[derive(Parser, Debug)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 100)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// One seed only, with its trace.
    #[arg(long)]
    seed: Option<u64>,
    /// One workload only; otherwise the seed says which.
    #[arg(long, value_parser = workload)]
    workload: Option<Kind>,
    /// Simulated seconds in each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seeds that run at the same time, each on a thread of its own.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Runs a script instead.
    #[arg(long)]
    script: Option<PathBuf>,
}

fn workload(name: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    Kind::of_name(name).ok_or_else(|| format!("there is none of this name, but {}", names()))
}

impl Arguments {
    fn options(&self, seed: u64) -> Options {
        let kind = self.workload.unwrap_or(Kind::of_seed(seed));
        Options { seed, kind, seconds: self.seconds, plan: None, broken: None }
    }

    /// The command that runs a seed again.
    fn replay(&self, options: &Options) -> String {
        let Options { seed, kind, seconds, .. } = options;
        format!(
            "cargo run --release -p allod-tests --bin simulate -- --seed {seed} --workload {} --seconds {seconds}",
            kind.name()
        )
    }
}

fn tell(options: &Options, report: &Report, replay: &str) {
    println!("seed {} ({}): {report}", options.seed, options.kind.name());
    const SHOWN: usize = 10;
    for violation in report.violations.iter().take(SHOWN) {
        println!("  {violation}");
    }
    if report.violations.len() > SHOWN {
        println!("  and {} more", report.violations.len() - SHOWN);
    }
    if !report.violations.is_empty() {
        println!("  again: {replay}");
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(path) = &arguments.script {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        };
        let options = match Script::parse(&text) {
            Ok(script) => script.options,
            Err(error) => {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
        };
        let report = run(&options);
        tell(&options, &report, &format!("--script {}", path.display()));
        return if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    if let Some(seed) = arguments.seed {
        let options = arguments.options(seed);
        let report = run(&options);
        tell(&options, &report, &arguments.replay(&options));
        return if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let began = Instant::now();
    let (next, bad, messages) = (AtomicU64::new(arguments.first), AtomicU64::new(0), AtomicU64::new(0));
    // Of all traces, in any order.
    let traces = AtomicU64::new(0);
    let end = arguments.first + arguments.seeds;
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        return;
                    }
                    let options = arguments.options(seed);
                    let report = run(&options);
                    messages.fetch_add(report.incidents.messages, Ordering::Relaxed);
                    traces.fetch_xor(report.trace, Ordering::Relaxed);
                    if !report.violations.is_empty() {
                        bad.fetch_add(1, Ordering::Relaxed);
                        tell(&options, &report, &arguments.replay(&options));
                    }
                }
            });
        }
    });
    let (bad, messages) = (bad.into_inner(), messages.into_inner());
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{} seeds of {} simulated seconds, {messages} messages, in {seconds:.1} s ({:.3} s a seed), traces {:016x}: {bad} with violations",
        arguments.seeds,
        arguments.seconds,
        seconds / arguments.seeds.max(1) as f64 * arguments.jobs.max(1) as f64,
        traces.into_inner(),
    );
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

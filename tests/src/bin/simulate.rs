//! Runs seeds of the simulation, and says how to run the ones again that found something.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use allod_storage::rpc::Broken;
use allod_tests::simulate::run::{Kind, Options, Report, run};
use allod_tests::simulate::script::Script;
use clap::Parser;

/// Whole clusters under a clock that stands still: the same seed, the same run.
#[derive(Parser, Debug)]
struct Arguments {
    /// How many seeds to run [default: 100, or the one of the script].
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first: u64,
    /// One seed only, with its trace.
    #[arg(long, conflicts_with = "seeds")]
    seed: Option<u64>,
    /// One workload only; otherwise the seed says which.
    #[arg(long, value_parser = workload)]
    workload: Option<Kind>,
    /// Simulated seconds in each run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Stores of each cluster.
    #[arg(long, default_value_t = 5)]
    stores: usize,
    /// Seeds that run at the same time, each on a thread of its own.
    #[arg(long, default_value_t = 1)]
    jobs: u64,
    /// Breaks the protocol, to see whether that is noticed.
    #[arg(long, value_parser = broken)]
    broken: Option<Broken>,
    /// Runs a script instead: its workload, its faults, its stores.
    #[arg(long)]
    script: Option<PathBuf>,
}

fn workload(name: &str) -> Result<Kind, String> {
    let names = || Kind::ALL.map(Kind::name).join(", ");
    Kind::of_name(name).ok_or_else(|| format!("there is none of this name, but {}", names()))
}

fn broken(name: &str) -> Result<Broken, String> {
    let found = Broken::ALL.into_iter().find(|how| format!("{how:?}").eq_ignore_ascii_case(name));
    found.ok_or_else(|| format!("there is none of this name, but {:?}", Broken::ALL))
}

/// What is run, and how to say so.
struct Runs {
    arguments: Arguments,
    script: Option<Options>,
}

impl Runs {
    fn options(&self, seed: u64) -> Options {
        if let Some(options) = &self.script {
            return Options { seed, ..options.clone() };
        }
        let Arguments { workload, seconds, stores, broken, .. } = self.arguments;
        let kind = workload.unwrap_or(Kind::of_seed(seed));
        Options { seconds, stores, broken, ..Options::new(seed, kind) }
    }

    /// The command that runs a seed again.
    fn replay(&self, options: &Options) -> String {
        let Options { seed, kind, seconds, stores, .. } = options;
        let command = format!("cargo run --release -p allod-tests --bin simulate -- --seed {seed}");
        if let Some(path) = &self.arguments.script {
            return format!("{command} --script {}", path.display());
        }
        let broken = options.broken.map_or(String::new(), |how| format!(" --broken {how:?}"));
        format!("{command} --workload {} --seconds {seconds} --stores {stores}{broken}", kind.name())
    }

    fn tell(&self, options: &Options, report: &Report) {
        println!("seed {} ({}): {report}", options.seed, options.kind.name());
        const SHOWN: usize = 10;
        for violation in report.violations.iter().take(SHOWN) {
            println!("  {violation}");
        }
        if report.violations.len() > SHOWN {
            println!("  and {} more", report.violations.len() - SHOWN);
        }
        if !report.violations.is_empty() {
            println!("  again: {}", self.replay(options));
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let script = match arguments.script.as_ref().map(read_script).transpose() {
        Ok(script) => script,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let one = arguments.seed.or(script.as_ref().filter(|_| arguments.seeds.is_none()).map(|s| s.seed));
    let runs = Runs { arguments, script };
    let is_well = match one {
        Some(seed) => {
            let options = runs.options(seed);
            let report = run(&options);
            runs.tell(&options, &report);
            report.violations.is_empty()
        }
        None => run_many(&runs),
    };
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn read_script(path: &PathBuf) -> Result<Options, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Script::parse(&text).map(|script| script.options).map_err(|error| format!("{}: {error}", path.display()))
}

/// Runs all seeds, tells of those that found something, and adds up; whether none did.
fn run_many(runs: &Runs) -> bool {
    let began = Instant::now();
    let (seeds, jobs) = (runs.arguments.seeds.unwrap_or(100), runs.arguments.jobs.max(1));
    let (first, end) = (runs.arguments.first, runs.arguments.first + seeds);
    let (results, done) = mpsc::channel();
    std::thread::scope(|scope| {
        for job in 0..jobs {
            let results = results.clone();
            scope.spawn(move || {
                for seed in (first + job..end).step_by(jobs as usize) {
                    let options = runs.options(seed);
                    let before = processor_time();
                    let report = run(&options);
                    let took = processor_time().zip(before).map(|(now, before)| now.saturating_sub(before));
                    // Whoever adds up waits for all.
                    let _ = results.send((options, report, took));
                }
            });
        }
        drop(results);
        // Of all traces, in any order.
        let (mut traces, mut messages, mut writes, mut bad) = (0, 0, 0, 0);
        let mut times = Vec::new();
        for (options, report, took) in done {
            messages += report.incidents.messages;
            writes += report.writes;
            traces ^= report.trace;
            times.extend(took);
            if !report.violations.is_empty() {
                bad += 1;
                runs.tell(&options, &report);
            }
        }
        println!(
            "{seeds} seeds, {messages} messages, {writes} acknowledged writes, in {:.1} s, traces {traces:016x}: {bad} with violations",
            began.elapsed().as_secs_f64(),
        );
        // Of several at once it cannot be told apart.
        if jobs == 1 && !times.is_empty() {
            times.sort_unstable();
            let mean = times.iter().sum::<Duration>() / times.len() as u32;
            let at = |part: usize| times[(times.len() - 1) * part / 100].as_secs_f64();
            println!(
                "processor time of a seed: {:.3} s on average, {:.2} s for 95 in a hundred, {:.2} s at most",
                mean.as_secs_f64(),
                at(95),
                at(100)
            );
        }
        bad == 0
    })
}

/// What this process has used of the processors so far, in hundredths of a second; `None` where Linux does not tell.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold anything: user and system time are the 12th and 13th.
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis(10 * (ticks()? + ticks()?)))
}

//! What one start costs: beside a hupd of 10 and of 100,000 jobs, with and without another user, groups and limits. All figures
//! of a line are taken in turn, and beside them a bare loop of posix_spawn in C with the same program, an own group and a
//! pipe for each. As root, or the lines of other users are left out.
//!
//! `cargo bench --bench start_cost`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

#[allow(dead_code, reason = "each benchmark uses its part")]
mod floor;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use floor::{Cost, Floor, median};
use hupd::clock::Moment;
use hupd::config::{Config, Job, Surroundings, load};
use hupd::event::{Event, Inbox};
use hupd::run::{Generation, Occurrence, RunId, Trigger};
use hupd::system::children::Children;
use hupd::system::identity::Identity;
use hupd::system::spawn::{SpawnOrder, Spawners};
use jiff::Timestamp;

const PROGRAM: &str = "/bin/true";
const STARTS: usize = 2_000;
const ROUNDS: usize = 5;

/// What a job may say of its process.
const KINDS: [(&str, &str); 3] = [
    ("plain", ""),
    ("user", "user = \"nobody\"\n"),
    (
        "user, groups, limits",
        "user = \"nobody\"\ngroup_id = \"daemon\"\nnice = 1\numask = \"077\"\nlimits = { core = 0, open_files = 512, cpu = \"1h\" }\n",
    ),
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let floor = Floor::compile(folder.path());
    let is_root = rustix::process::geteuid().is_root();
    let kinds = if is_root { &KINDS[..] } else { &KINDS[..1] };
    if !is_root {
        println!("SKIPPED: other users: only root has them");
    }
    let text = kinds
        .iter()
        .enumerate()
        .map(|(at, (_, keys))| job(at, keys));
    let measured = config(folder.path(), &text.collect::<String>());
    let jobs: Vec<_> = measured.jobs.values().cloned().collect();
    let mut bench = Bench::new();
    println!("one start of {PROGRAM}, of {STARTS} in a row; medians of {ROUNDS}");
    println!(
        "{:>8} {:>8}  {:<22} {:>9} {:>9}  ratio",
        "jobs", "memory", "kind", "floor", "hupd"
    );
    for number in [10, 100_000] {
        // In our memory for as long as that is measured, as it is in a hupd.
        let ballast = config(
            folder.path(),
            &(0..number).map(|at| job(at, "")).collect::<String>(),
        );
        let memory = resident_mebibytes();
        for ((kind, _), job) in kinds.iter().zip(&jobs) {
            let pairs: Vec<_> = (0..ROUNDS)
                .map(|_| (floor.run(STARTS, &[PROGRAM]), bench.run(job)))
                .collect();
            print_row(
                &format!("{:>8} {memory:>4} MiB  {kind:<22}", ballast.jobs.len()),
                &pairs,
            );
        }
    }
}

fn print_row(begin: &str, pairs: &[(Cost, f64)]) {
    let each = |millis: f64| millis * 1e3 / STARTS as f64;
    let floor = median(pairs.iter().map(|(floor, _)| each(floor.last)));
    let hupd = median(pairs.iter().map(|(_, hupd)| each(*hupd)));
    let ratio = median(pairs.iter().map(|(floor, hupd)| hupd / floor.last));
    println!("{begin} {floor:>6.0} µs {hupd:>6.0} µs {ratio:>6.2}");
}

fn job(at: usize, keys: &str) -> String {
    let mut text = String::new();
    let _ = write!(
        text,
        "[jobs.job-{at:06}]\ncommand = [\"{PROGRAM}\"]\nschedule = \"{} 4 1 1 *\"\n{keys}",
        at % 60
    );
    text
}

fn config(folder: &Path, text: &str) -> Config {
    let path = folder.join("hupd.toml");
    std::fs::write(&path, text).expect("a file can be written");
    let surroundings = Surroundings {
        is_root: true,
        ..Surroundings::default()
    };
    let accepted = load(&path, &surroundings, Moment::now().wall);
    accepted.expect("nothing is wrong with it").config
}

fn resident_mebibytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().split(' ').next());
    kibibytes
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a number")
        / 1024
}

/// The parts of hupd that start processes, and those that look after them.
struct Bench {
    inbox: Inbox,
    _children: Children,
    spawners: Spawners,
}

impl Bench {
    fn new() -> Self {
        let inbox = Inbox::new();
        let children = Children::start(inbox.outbox()).expect("a thread");
        let identity = Identity::of_process();
        let spawners = Spawners::start(1, children.handle(), identity, inbox.outbox());
        Self {
            spawners: spawners.expect("a thread"),
            _children: children,
            inbox,
        }
    }

    /// Milliseconds from the first order to the last start, by one thread as the floor has it.
    fn run(&mut self, job: &Arc<Job>) -> f64 {
        let began = Instant::now();
        (0..STARTS).for_each(|run| self.spawners.spawn(order(run, job)));
        let (mut started, mut ended, mut last) = (0, 0, 0.0);
        while ended < STARTS {
            match self.inbox.next() {
                Event::Started(_) => {
                    started += 1;
                    if started == STARTS {
                        last = began.elapsed().as_secs_f64() * 1e3;
                    }
                }
                Event::Ended(_) => ended += 1,
                other => panic!("{other:?}"),
            }
        }
        last
    }
}

fn order(run: usize, job: &Arc<Job>) -> SpawnOrder {
    SpawnOrder {
        run: RunId(run as u64 + 1),
        occurrence: Occurrence {
            job: job.name.clone(),
            instant: Timestamp::UNIX_EPOCH,
            trigger: Trigger::Request,
        },
        job: job.clone(),
        attempt: 1,
        generation: Generation(1),
        keep_output: 4096,
        state_dir: Path::new("/var/lib/hupd").into(),
    }
}

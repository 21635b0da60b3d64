//! What hupd holds, as the kernel counts it.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::common::{Hupd, proc_text};

/// Between two seconds nothing runs: the least of a second is what there is without the runs.
const WHILE: Duration = Duration::from_millis(1000);

/// How long it may take until it is no more than before.
const SECONDS: usize = 20;

#[derive(Clone, Debug, Default)]
pub struct Gauge {
    pub descriptors: usize,
    pub threads: usize,
    /// In KiB; the last reading, and not the least.
    pub resident: u64,
}

impl Gauge {
    pub fn of(hupd: &Hupd) -> Self {
        let until = Instant::now() + WHILE;
        let mut least = Self::reading(hupd);
        while Instant::now() < until {
            sleep(Duration::from_millis(7));
            let now = Self::reading(hupd);
            least = Self {
                descriptors: least.descriptors.min(now.descriptors),
                threads: least.threads.min(now.threads),
                resident: now.resident,
            };
        }
        least
    }

    /// The same when it is no more than before: on a busy machine there may be runs at all times. Or what it is after a while.
    pub fn settled(hupd: &Hupd, before: &Self) -> Self {
        let mut gauges = (0..SECONDS).map(|_| Self::of(hupd));
        let is_settled =
            |now: &Self| now.descriptors <= before.descriptors && now.threads <= before.threads;
        let settled = gauges.find(is_settled);
        settled.unwrap_or_else(|| Self::of(hupd))
    }

    /// By so many KiB.
    pub fn grown_since(&self, before: &Self) -> u64 {
        self.resident.saturating_sub(before.resident)
    }

    fn reading(hupd: &Hupd) -> Self {
        let count = |name| fs::read_dir(hupd.proc(name)).expect("a process").count();
        let status = proc_text(hupd.pid(), "status").expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let resident = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Self {
            descriptors: count("fd"),
            threads: count("task"),
            resident: resident.expect("a size").parse().expect("a number"),
        }
    }
}

//! What a hupd has used, as the kernel counts it: nobody needs to be asked.

use std::fs;
use std::time::Duration;

use crate::common::Hupd;

/// Microseconds of CPU of all its threads, but for what its jobs took.
pub fn cpu_micros(hupd: &Hupd) -> f64 {
    let tasks = fs::read_dir(hupd.proc("task")).into_iter().flatten();
    let stats = tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
    let nanos = stats.filter_map(|stat| stat.split(' ').next()?.parse::<f64>().ok());
    nanos.sum::<f64>() / 1e3
}

/// Kibibytes of memory.
pub fn resident(hupd: &Hupd) -> f64 {
    let status = fs::read_to_string(hupd.proc("status")).expect("it is alive");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.expect("a size").parse().expect("a number")
}

/// Waits until it has had nothing to do for a second.
pub fn wait_quiet(hupd: &Hupd) {
    let mut last = cpu_micros(hupd);
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now = cpu_micros(hupd);
        if now == last {
            return;
        }
        last = now;
    }
}

//! Limits of the file as the kernel takes them.

use crate::config::{Limits, Resource};

use super::plan::Limit;
use crate::system::limits::given_open_files;

/// Between XCPU, which a program may hear, and KILL.
const CPU_GRACE: u64 = 5;

/// In the order of the file's table, so that a failure can name its key; then what hupd has raised for itself alone.
pub(super) fn limits(limits: &Limits) -> Vec<Limit> {
    let of_file = limits.iter();
    let of_file = of_file.map(|(&resource, &most)| limit(resource, most));
    let given = given_open_files().filter(|_| !limits.contains_key(&Resource::OpenFiles));
    let given = given.map(|given| {
        let [rlim_cur, rlim_max] =
            [given.current, given.maximum].map(|most| most.unwrap_or(libc::RLIM64_INFINITY));
        (libc::RLIMIT_NOFILE, libc::rlimit64 { rlim_cur, rlim_max })
    });
    of_file.chain(given).collect()
}

fn limit(resource: Resource, most: Option<u64>) -> Limit {
    let soft = most.unwrap_or(libc::RLIM64_INFINITY);
    let hard = match resource {
        // Where both are the same the kernel kills at once, and nobody sees why.
        Resource::Cpu => soft.saturating_add(CPU_GRACE),
        _ => soft,
    };
    let limit = libc::rlimit64 {
        rlim_cur: soft,
        rlim_max: hard,
    };
    (number(resource), limit)
}

fn number(resource: Resource) -> u32 {
    match resource {
        Resource::Memory => libc::RLIMIT_AS,
        Resource::OpenFiles => libc::RLIMIT_NOFILE,
        Resource::Cpu => libc::RLIMIT_CPU,
        Resource::Core => libc::RLIMIT_CORE,
        Resource::FileSize => libc::RLIMIT_FSIZE,
        Resource::Processes => libc::RLIMIT_NPROC,
        Resource::Stack => libc::RLIMIT_STACK,
        Resource::LockedMemory => libc::RLIMIT_MEMLOCK,
    }
}

//! Limits of the file as the kernel takes them.

use nix::sys::resource::{self, RLIM_INFINITY, getrlimit};

use crate::config::{Limits, Resource, most_open_files};

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
    let soft = match (resource, most) {
        // Of these the kernel gives nobody an infinite number.
        (Resource::OpenFiles, None) => most_open_files().unwrap_or(libc::RLIM64_INFINITY),
        (_, most) => most.unwrap_or(libc::RLIM64_INFINITY),
    };
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

/// Why the kernel does not let a process have a limit as high as that, as far as it is known.
pub(super) fn bound(resource: Resource, most: Option<u64>) -> Option<String> {
    let (_, wanted) = limit(resource, most);
    let of_machine = most_open_files().filter(|_| resource == Resource::OpenFiles);
    let of_hupd = getrlimit(kind(resource)).ok();
    let of_hupd = of_hupd
        .map(|(_, hard)| hard)
        .filter(|hard| *hard != RLIM_INFINITY);
    match (of_machine, of_hupd) {
        (Some(most), _) if wanted.rlim_max > most => {
            Some(format!("a process can have {most} at most (fs.nr_open)"))
        }
        (_, Some(hard)) if wanted.rlim_max > hard => Some(format!(
            "the hard limit of hupd is {hard}, and it may not raise that"
        )),
        _ => None,
    }
}

fn kind(resource: Resource) -> resource::Resource {
    use resource::Resource as Kind;
    match resource {
        Resource::Memory => Kind::RLIMIT_AS,
        Resource::OpenFiles => Kind::RLIMIT_NOFILE,
        Resource::Cpu => Kind::RLIMIT_CPU,
        Resource::Core => Kind::RLIMIT_CORE,
        Resource::FileSize => Kind::RLIMIT_FSIZE,
        Resource::Processes => Kind::RLIMIT_NPROC,
        Resource::Stack => Kind::RLIMIT_STACK,
        Resource::LockedMemory => Kind::RLIMIT_MEMLOCK,
    }
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

//! Each step of a start by itself: what it does, and that its failure is told by its name.

use std::ffi::{CStr, CString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitOptions, waitpid};

use crate::system::spawn::{
    Door, Ids, NotDone, NotStarted, Plan, Seen, Stack, Step, UnderWay, start,
};

/// What a plan for `sh -c SCRIPT` refers to.
struct Ground {
    programs: Vec<CString>,
    arguments: Vec<CString>,
    null: File,
    output: (OwnedFd, OwnedFd),
    under_way: Arc<UnderWay>,
    number: AtomicI32,
}

impl Ground {
    fn new(script: &CStr) -> Self {
        let texts = |texts: &[&CStr]| texts.iter().map(|&text| text.to_owned()).collect();
        let null = OpenOptions::new().read(true).write(true).open("/dev/null");
        Self {
            programs: texts(&[c"/bin/sh"]),
            arguments: texts(&[c"sh", c"-c", script]),
            null: null.unwrap(),
            output: pipe_with(PipeFlags::CLOEXEC).unwrap(),
            under_way: Arc::default(),
            number: AtomicI32::new(0),
        }
    }

    fn plan(&self) -> Plan<'_> {
        Plan {
            programs: &self.programs,
            arguments: &self.arguments,
            environment: &[],
            streams: [
                self.null.as_fd(),
                self.output.1.as_fd(),
                self.output.1.as_fd(),
            ],
            cgroup: None,
            limits: &[],
            nice: None,
            umask: 0o022,
            ids: None,
            working_dir: c"/",
            handled: &[],
            ignored: &[],
            seen: Seen {
                under_way: &self.under_way,
                number: &self.number,
            },
        }
    }

    /// What a started process writes until its good end.
    fn output(self, started: Result<Pid, NotDone>) -> String {
        let pid = started.unwrap_or_else(|failure| panic!("{failure:?}"));
        drop(self.output.1);
        let output = io::read_to_string(File::from(self.output.0)).unwrap();
        let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
        assert_eq!(status.exit_status(), Some(0), "{output}");
        output
    }
}

fn started(plan: &Plan<'_>) -> Result<Pid, NotDone> {
    match start(plan, &mut Stack::new()) {
        Ok(pid) => Ok(pid),
        Err(NotStarted::SetUp(pid, failure)) => {
            let reaped = waitpid(Some(pid), WaitOptions::NOHANG);
            assert_eq!(reaped.err(), Some(Errno::CHILD), "it is reaped");
            Err(failure)
        }
        Err(NotStarted::NoProcess(error)) => panic!("{error}"),
    }
}

fn failure(plan: &Plan<'_>) -> NotDone {
    started(plan).expect_err("a step fails")
}

#[test]
fn a_fraction_of_the_stack_is_used() {
    let ground = Ground::new(c"true");
    let mut stack = Stack::new();
    let pid = start(&ground.plan(), &mut stack).unwrap();
    let share = stack.share_used();
    assert!(share > 0.0 && share < 0.25, "{share}");
    ground.output(Ok(pid));
}

#[test]
fn a_process_joins_its_cgroup_by_a_word_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cgroup.procs");
    let file = File::create(&path).unwrap();
    let ground = Ground::new(c"true");
    let mut plan = ground.plan();
    plan.cgroup = Some(Door::Joining(file.as_fd()));
    let pid = started(&plan);
    ground.output(pid);
    assert_eq!(fs::read_to_string(&path).unwrap(), "0");
}

#[test]
fn a_cgroup_that_cannot_be_joined_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cgroup.procs");
    File::create(&path).unwrap();
    let only_to_read = File::open(&path).unwrap();
    let ground = Ground::new(c"true");
    let mut plan = ground.plan();
    plan.cgroup = Some(Door::Joining(only_to_read.as_fd()));
    assert_eq!(failure(&plan), NotDone::of(Step::Cgroup, libc::EBADF));
}

#[test]
fn the_number_of_a_process_is_there_with_it() {
    let ground = Ground::new(c"true");
    let pid = started(&ground.plan()).unwrap();
    assert_eq!(ground.number.load(Ordering::SeqCst), pid.as_raw_pid());
    ground.output(Ok(pid));
    let mut ground = Ground::new(c"true");
    ground.programs = Vec::new();
    let failed = start(&ground.plan(), &mut Stack::new());
    let number = ground.number.load(Ordering::SeqCst);
    let is_it = matches!(failed, Err(NotStarted::SetUp(pid, _)) if pid.as_raw_pid() == number);
    assert!(is_it, "{failed:?}, and not {number}");
}

/// The kernel writes a number, then finds that it cannot, and closes that descriptor: the next to be opened is another's.
#[test]
fn what_the_kernel_took_back_is_not_kept() {
    let no_cgroup = tempfile::tempfile().unwrap();
    let ground = Ground::new(c"true");
    let mut plan = ground.plan();
    plan.cgroup = Some(Door::Birth(no_cgroup.as_fd()));
    let place = ground.under_way.next_try();
    let failed = start(&plan, &mut Stack::new());
    assert!(
        matches!(failed, Err(NotStarted::NoProcess(_))),
        "{failed:?}"
    );
    assert!(ptr::eq(place, ground.under_way.next_try()));
}

#[test]
fn a_folder_and_a_program_that_are_not_there_are_told_apart() {
    let mut ground = Ground::new(c"true");
    let mut plan = ground.plan();
    plan.working_dir = c"/no/such/place";
    assert_eq!(failure(&plan), NotDone::of(Step::Directory, libc::ENOENT));
    ground.programs = vec![c"/etc/passwd/x".to_owned()];
    assert_eq!(
        failure(&ground.plan()),
        NotDone::of(Step::Program(0), libc::ENOTDIR)
    );
    ground.programs = vec![c"/etc/passwd".to_owned(), c"/no/such".to_owned()];
    assert_eq!(
        failure(&ground.plan()),
        NotDone::of(Step::Program(0), libc::EACCES)
    );
    ground.programs = Vec::new();
    ground.under_way = Arc::default();
    assert_eq!(
        failure(&ground.plan()),
        NotDone::of(Step::Program(0), libc::ENOENT)
    );
}

#[test]
fn a_signal_that_cannot_be_set_back_is_told() {
    let ground = Ground::new(c"true");
    let plan = Plan {
        handled: &[libc::SIGHUP, libc::SIGKILL],
        ..ground.plan()
    };
    assert_eq!(failure(&plan), NotDone::of(Step::Signals, libc::EINVAL));
}

#[test]
fn a_limit_that_cannot_be_set_is_told_by_its_place() {
    let ground = Ground::new(c"true");
    let limit = libc::rlimit64 {
        rlim_cur: 0,
        rlim_max: 0,
    };
    let limits = [(libc::RLIMIT_CORE, limit), (999, limit)];
    let plan = Plan {
        limits: &limits,
        ..ground.plan()
    };
    assert_eq!(failure(&plan), NotDone::of(Step::Limit(1), libc::EINVAL));
}

#[test]
fn whoever_is_not_the_one_it_was_to_become_does_not_go_on() {
    let ground = Ground::new(c"true");
    // To the kernel the highest number means "as it is".
    let nobody = Ids {
        uid: u32::MAX,
        gid: 0,
        groups: vec![0],
    };
    let too_many = Ids {
        groups: vec![0; 65_537],
        ..nobody.clone()
    };
    let step_of = |ids| {
        let ids = Some(ids);
        let plan = Plan {
            ids,
            ..ground.plan()
        };
        failure(&plan).step
    };
    if rustix::process::geteuid().is_root() {
        assert_eq!(step_of(&nobody), Step::Verify);
    }
    assert_eq!(step_of(&too_many), Step::Groups);
}

#[test]
fn many_threads_start_at_once_and_nothing_is_mixed_up() {
    let start_many = |thread: usize| {
        for at in 0..100 {
            let word = CString::new(format!("echo {thread}-{at}")).unwrap();
            let ground = Ground::new(&word);
            let mut plan = ground.plan();
            if at % 3 == 0 {
                plan.working_dir = c"/no/such/place";
                assert_eq!(failure(&plan).step, Step::Directory);
            } else {
                let pid = started(&plan);
                assert_eq!(ground.output(pid), format!("{thread}-{at}\n"));
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || start_many(thread));
        }
    });
}

//! The start of a process; what it is to become is a `Plan`, which knows nothing of this.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use rustix::process::Pid;

use super::{DEFAULT_ACTION, SIGNAL_SET};
use crate::system::spawn::{Door, Ids, NotDone, NotStarted, Plan, Stack, Step, errno, pointers};

/// The child has our memory and its own copy of everything else; we stand still until it has
/// executed its program or is gone; its pidfd is made together with it, and it begins with writing down its number.
const CLONE_FLAGS: c_int = libc::CLONE_VM
    | libc::CLONE_VFORK
    | libc::CLONE_PIDFD
    | libc::CLONE_CHILD_SETTID
    | libc::SIGCHLD;
const CLONE_INTO_CGROUP: u64 = 1 << 33;
static NO_SIGNALS: u64 = 0;
static IGNORE: [u64; 8] = [libc::SIG_IGN as u64, 0, 0, 0, 0, 0, 0, 0];
/// What a shell returns for a program that cannot be executed. Nobody sees it.
const NOT_STARTED: c_int = 127;

/// The pidfd of a process, for others to see as soon as it is there, while its maker stands still. It is closed
/// when nobody has this any more. The number alone says nothing: where a process cannot be made, the kernel may have
/// written one, and has taken the descriptor back. It is anybody's then.
#[derive(Debug, Default)]
pub(crate) struct Pidfd {
    number: AtomicI32,
    is_there: AtomicBool,
}

impl Pidfd {
    pub(crate) fn get(&self) -> Option<BorrowedFd<'_>> {
        let fd = || self.number.load(Ordering::SeqCst);
        let is_there = self.is_there.load(Ordering::SeqCst);
        // SAFETY: of a process that is there it is ours, and open as long as this lives.
        is_there.then(|| unsafe { BorrowedFd::borrow_raw(fd()) })
    }

    /// By the process, or by its maker when that has been made.
    fn counts(&self) {
        self.is_there.store(true, Ordering::SeqCst);
    }
}

impl Drop for Pidfd {
    fn drop(&mut self) {
        let fd = self.get().map(|fd| fd.as_raw_fd());
        // SAFETY: as above, and whoever borrowed it is gone.
        drop(fd.map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
    }
}

/// Starts a process, and returns when its program is loaded, or with what kept it from that.
pub(crate) fn start(plan: &Plan<'_>, stack: &mut Stack) -> Result<Pid, NotStarted> {
    let pidfd = plan.seen.under_way.next_try();
    let birth = Birth {
        plan,
        pidfd,
        arguments: pointers(plan.arguments),
        environment: pointers(plan.environment),
        failure: Cell::new(None),
    };
    // A handler of ours must not run in the child, where it would take our memory for its own.
    let mask = set_signal_mask(u64::MAX);
    let birth_of = (&raw const birth).cast_mut().cast();
    let (of_pidfd, of_pid) = (pidfd.number.as_ptr(), plan.seen.number.as_ptr());
    // SAFETY: `child` has this type. Its stack is ours alone for as long as it runs, and so are `birth` and all that it
    // refers to: this thread stands still until the child has another memory (execve) or none (exit), and no other
    // thread writes to them. `of_pidfd` takes a descriptor before the child runs, `of_pid` its number when it begins to
    // run, and nothing else is asked for.
    let pid = unsafe {
        match &plan.cgroup {
            Some(Door::Birth(to)) => clone_into(fd(to) as u64, stack, birth_of, [of_pidfd, of_pid]),
            _ => match libc::clone(
                child,
                stack.top(),
                CLONE_FLAGS,
                birth_of,
                of_pidfd,
                ptr::null_mut::<c_void>(),
                of_pid,
            ) {
                -1 => -c_long::from(errno()),
                pid => c_long::from(pid),
            },
        }
    };
    set_signal_mask(mask);
    let Some(pid) = Pid::from_raw(pid.max(0) as c_int) else {
        let error = io::Error::from_raw_os_error(-pid as c_int);
        return Err(NotStarted::NoProcess(error));
    };
    // It may have been killed before it came to that.
    pidfd.counts();
    let failure = birth.failure.take();
    failure.map_or(Ok(pid), |failure| Err(NotStarted::SetUp(pid, failure)))
}

/// As clone(2), into a cgroup, for which it has no room. glibc has no way to clone3(2) with another stack.
///
/// # Safety
///
/// As for `libc::clone` with `child`: its stack and what it is given are its own until it is gone.
#[cfg(target_arch = "x86_64")]
unsafe fn clone_into(to: u64, on: &mut Stack, with: *mut c_void, seen: [*mut c_int; 2]) -> c_long {
    // SAFETY: zeros mean that nothing is asked for.
    let mut wanted: libc::clone_args = unsafe { MaybeUninit::zeroed().assume_init() };
    wanted.flags = (CLONE_FLAGS & !libc::SIGCHLD) as u64 | CLONE_INTO_CGROUP;
    wanted.exit_signal = libc::SIGCHLD as u64;
    (wanted.stack, wanted.stack_size) = on.whole();
    wanted.cgroup = to;
    [wanted.pidfd, wanted.child_tid] = seen.map(|place| place as u64);
    let answer;
    // SAFETY: the child comes out of the first call with our registers and on its own stack, and goes no
    // further than the second. To us it is one call, which changes rax, rcx and r11.
    unsafe {
        std::arch::asm!(
            "syscall", "test rax, rax", "jnz 2f",
            "xor ebp, ebp", "mov rdi, r12", "call r13", "mov edi, eax", "mov eax, r14d", "syscall", "2:",
            inlateout("rax") libc::SYS_clone3 => answer, out("rcx") _, out("r11") _,
            in("rdi") &raw const wanted, in("rsi") size_of::<libc::clone_args>(), in("r12") with,
            in("r13") child as extern "C" fn(_) -> _, in("r14") libc::SYS_exit,
        );
    }
    answer
}

/// In the language of other machines this is not written: there a process joins its cgroup.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn clone_into(_: u64, _: &mut Stack, _: *mut c_void, _: [*mut c_int; 2]) -> c_long {
    -c_long::from(libc::ENOSYS)
}

/// By the system call: pthread_sigmask leaves two signals out that glibc uses between threads.
fn set_signal_mask(mask: u64) -> u64 {
    let (number, how, mut before) = (libc::SYS_rt_sigprocmask, libc::SIG_SETMASK, 0_u64);
    // SAFETY: both pointers are to live memory of the size that is told.
    unsafe { libc::syscall(number, how, &mask, &mut before, SIGNAL_SET) };
    before
}

/// All that the child needs, made before it is there, and what it leaves behind where it fails.
struct Birth<'p> {
    plan: &'p Plan<'p>,
    pidfd: &'p Pidfd,
    arguments: Vec<*const c_char>,
    environment: Vec<*const c_char>,
    failure: Cell<Option<NotDone>>,
}

/// The first and last function of the child. From here on to execve there is nothing but system calls and reading
/// what was prepared: no allocation, for another thread of ours may hold the lock of the allocator and is not here to
/// release it; no function of libc that does more than its system call (its setuid changes all threads, which are those
/// of hupd); nothing that can panic.
extern "C" fn child(birth: *mut c_void) -> c_int {
    // SAFETY: `start` has given a pointer to a live Birth, and stands still meanwhile.
    let birth = unsafe { &*birth.cast::<Birth<'_>>() };
    birth.failure.set(birth.go_through().err());
    NOT_STARTED
}

/// One system call of the child. What fails sets errno, which is that of the thread that stands still.
///
/// # Safety
///
/// As for the call itself: pointers among the arguments are to what the kernel expects there.
unsafe fn call(step: Step, number: c_long, arguments: [usize; 4]) -> Result<(), NotDone> {
    let [first, second, third, fourth] = arguments;
    // SAFETY: that is what the caller promises. Surplus arguments are not looked at.
    match unsafe { libc::syscall(number, first, second, third, fourth) } {
        -1 => Err(NotDone::now(step)),
        _ => Ok(()),
    }
}

impl Birth<'_> {
    /// In this order: what needs the rights of hupd comes before they are given up, and what must be done with the
    /// rights of the user comes after that. Returns only where a step fails.
    fn go_through(&self) -> Result<(), NotDone> {
        let plan = self.plan;
        // In this order: whoever gave this up before its pidfd counted could not kill it.
        self.pidfd.counts();
        plan.seen.under_way.go_on()?;
        reset(plan.handled)?;
        set_action(plan.ignored, &IGNORE)?;
        // SAFETY: no pointers. A session and a group of its own: one signal reaches all that a job starts, and the
        // terminal of hupd is none of its business.
        unsafe { call(Step::Session, libc::SYS_setsid, [0; 4]) }?;
        for (number, stream) in plan.streams.iter().enumerate() {
            let fds = [fd(stream), number, 0, 0];
            // SAFETY: no pointers. Without a flag, so that these three stay open.
            unsafe { call(Step::Streams, libc::SYS_dup3, fds) }?;
        }
        let others = [3, u32::MAX as usize, libc::CLOSE_RANGE_CLOEXEC as usize, 0];
        // SAFETY: no pointers, and the table is the child's own. All that a library has opened without the flag ends
        // with execve as well; before Linux 5.11 it does not. Nothing is closed sooner: where hupd ends while this
        // child hangs, the locks that it has keep the next hupd out, which could not know the child by its environment
        // before execve, would take its run for lost, and would start once more what still comes to be here.
        let _ = unsafe { call(Step::Streams, libc::SYS_close_range, others) };
        if let Some(Door::Joining(cgroup)) = &plan.cgroup {
            let zero = [fd(cgroup), c"0".as_ptr() as usize, 1, 0];
            // SAFETY: one byte of a text of one byte; to the kernel it means "who writes this".
            unsafe { call(Step::Cgroup, libc::SYS_write, zero) }?;
        }
        self.limit()?;
        if let Some(ids) = &plan.ids {
            leave_keyring()?;
            become_user(ids)?;
        }
        // As the user: what a folder allows is asked of the one who works in it.
        let folder = [plan.working_dir.as_ptr() as usize, 0, 0, 0];
        // SAFETY: a live text that ends with a zero byte.
        unsafe { call(Step::Directory, libc::SYS_chdir, folder) }?;
        self.execute()
    }

    /// While the rights are there to raise a limit.
    fn limit(&self) -> Result<(), NotDone> {
        for (index, (resource, limit)) in self.plan.limits.iter().enumerate() {
            let new = [0, *resource as usize, &raw const *limit as usize, 0];
            // SAFETY: a live rlimit64 for the calling process; the old one is not asked for.
            unsafe { call(Step::Limit(index), libc::SYS_prlimit64, new) }?;
        }
        if let Some(nice) = self.plan.nice {
            let new = [libc::PRIO_PROCESS as usize, 0, nice as usize, 0];
            // SAFETY: no pointers. The call takes an int, and looks at no more than that.
            unsafe { call(Step::Nice, libc::SYS_setpriority, new) }?;
        }
        // SAFETY: no pointers.
        unsafe { call(Step::Umask, libc::SYS_umask, [self.plan.umask as usize; 4]) }
    }

    /// Tries one program after the other, as a shell does along its PATH.
    fn execute(&self) -> Result<(), NotDone> {
        let nothing = &raw const NO_SIGNALS as usize;
        let mask = [libc::SIG_SETMASK as usize, nothing, 0, SIGNAL_SET];
        // SAFETY: a set of that size. What was sent to the child since it is there comes now, and finds the defaults.
        unsafe { call(Step::Mask, libc::SYS_rt_sigprocmask, mask) }?;
        let (arguments, environment) = (self.arguments.as_ptr(), self.environment.as_ptr());
        let mut worst = NotDone::of(Step::Program(0), libc::ENOENT);
        for (index, program) in self.plan.programs.iter().enumerate() {
            let path = program.as_ptr() as usize;
            let arguments = [path, arguments as usize, environment as usize, 0];
            // SAFETY: a live text, and two live lists of live texts, each with a null pointer at its end.
            let tried = unsafe { call(Step::Program(index), libc::SYS_execve, arguments) };
            let Err(failure) = tried else { continue };
            match failure.errno {
                _ if self.plan.programs.len() == 1 => return Err(failure),
                libc::ENOENT | libc::ENOTDIR | libc::ESTALE | libc::ENODEV | libc::ETIMEDOUT => {}
                libc::EACCES => worst = failure,
                _ => return Err(failure),
            }
        }
        Err(worst)
    }
}

/// Descriptors are never negative.
fn fd(fd: &impl AsRawFd) -> usize {
    fd.as_raw_fd() as usize
}

/// What has a handler gets its default, before anything is let through; so does what hupd ignores,
/// for that would last beyond execve.
pub(in crate::system) fn reset(handled: &[c_int]) -> Result<(), NotDone> {
    set_action(handled, &DEFAULT_ACTION)
}

fn set_action(signals: &[c_int], action: &'static [u64; 8]) -> Result<(), NotDone> {
    for &signal in signals {
        let arguments = [signal as usize, action.as_ptr() as usize, 0, SIGNAL_SET];
        // SAFETY: a valid action that lives on, and runs no code of ours; the old one is not asked for. A child has a table
        // of its own, for it was cloned without CLONE_SIGHAND.
        unsafe { call(Step::Signals, libc::SYS_rt_sigaction, arguments) }?;
    }
    Ok(())
}

/// The keys of the session of hupd are not for another user, who would have them by having that session. A new one is
/// made with the rights of root, and so at its expense: an ordinary user may have two hundred, and has more runs.
fn leave_keyring() -> Result<(), NotDone> {
    let join = [libc::KEYCTL_JOIN_SESSION_KEYRING as usize, 0, 0, 0];
    // SAFETY: a null pointer in place of a name. It is a session of the child alone.
    match unsafe { call(Step::Keyring, libc::SYS_keyctl, join) } {
        // The kernel has no keyrings, or as in many containers nobody may ask it for them, and no job of ours either: a
        // filter of system calls passes on to it. A security policy (EACCES) may forbid a new keyring and allow the old
        // one: that ends the start.
        Err(failure) if matches!(failure.errno, libc::ENOSYS | libc::EPERM) => Ok(()),
        joined => joined,
    }
}

/// While the child is neither hupd nor its program yet, it has the memory of hupd and the ids of the user, who could
/// trace it and read there. But with the ids the kernel changes the mark of that memory to what `fs.suid_dumpable` says,
/// which is 0 or 2 on all machines but those that somebody debugs: only root may look then. The memory is ours, and so
/// the mark is from then on: hupd leaves no core dump. It must not be set back, for another child may be at this point at that moment.
///
/// The groups first, while we may still set them; then the ids, all three of each, so that there is no way back; and
/// then a look whether it is so.
fn become_user(ids: &Ids) -> Result<(), NotDone> {
    let (uid, gid) = (ids.uid as usize, ids.gid as usize);
    let groups = [ids.groups.len(), ids.groups.as_ptr() as usize, 0, 0];
    // SAFETY: a live list of that many ids. By the system calls: these change the child alone.
    unsafe { call(Step::Groups, libc::SYS_setgroups, groups) }?;
    // SAFETY: neither has pointers.
    unsafe {
        call(Step::Gid, libc::SYS_setresgid, [gid; 4])?;
        call(Step::Uid, libc::SYS_setresuid, [uid; 4])?;
    }
    let users = three_ids(libc::SYS_getresuid)?;
    let groups = three_ids(libc::SYS_getresgid)?;
    // SAFETY: no pointers. Where it works although it must not, the child ends right after it.
    let is_root_again = || unsafe { call(Step::Verify, libc::SYS_setuid, [0; 4]) }.is_ok();
    match users == [ids.uid; 3] && groups == [ids.gid; 3] && (ids.uid == 0 || !is_root_again()) {
        true => Ok(()),
        false => Err(NotDone::of(Step::Verify, libc::EPERM)),
    }
}

/// Real, effective, saved.
fn three_ids(number: c_long) -> Result<[u32; 3], NotDone> {
    let mut ids = [u32::MAX; 3];
    let [real, effective, saved] = ids.each_mut().map(|id| &raw mut *id as usize);
    // SAFETY: three pointers to live, writable ids.
    unsafe { call(Step::Verify, number, [real, effective, saved, 0]) }?;
    Ok(ids)
}

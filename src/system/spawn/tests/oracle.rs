//! std's `Command` as the oracle: what it starts and what we start find themselves in the same state.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use super::output_of;
use crate::config::Job;
use crate::run::RunId;
use crate::system::identity::Identity;
use crate::system::inherited;
use crate::system::testing::{job_in, order};

/// Who and where it is, word for word; what differs from process to process, as a relation.
const LOOK: &str = r#"
echo "arguments: $0 $*"
echo "folder: $(pwd)"
env | sort
grep -E '^(Uid|Gid|Groups|SigBlk|SigCgt|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status
cat /proc/self/limits /proc/self/oom_score_adj /proc/self/timerslack_ns
# All of it is as it is with std, but for the cgroup of its own that a run may have.
sed -E '/^0::/ { s,/hupd\.[0-9]+\.[0-9]+$,,; s,^0::$,0::/, }' /proc/self/cgroup
read -r _ _ _ parent group session terminal _ </proc/$$/stat
[ "$group" = $$ ] && echo "leads its group"
# std leads no session, and passes on what a test beside it has left open.
[ "$session" = $$ ] && echo "own: leads its session"
echo "parent $parent, terminal $terminal, nice $(nice)"
for fd in 0 1 2; do echo "$fd: $(stat -Lc %F /proc/$$/fd/$fd)"; done
# The shell lists them itself: in front of a pipe it would hold that for a moment as well.
for fd in /proc/$$/fd/*; do [ -e "$fd" ] && echo "own: ${fd##*/}"; done
grep flags: /proc/$$/fdinfo/1 /proc/$$/fdinfo/2 | cut -d: -f2-
"#;

fn look() -> Job {
    let command = ["/bin/sh", "-c", LOOK, "name", "a b", ""];
    job_in("/usr".as_ref(), &command)
}

#[expect(clippy::disallowed_methods, reason = "the oracle")]
fn by_std(job: Job) -> String {
    let identity = Identity::of_process();
    let order = order(RunId(1), job);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = Command::new(&order.job.command[0]);
    command
        .args(&order.job.command[1..])
        .env_clear()
        .envs(identity.environment(&order, &[], &[]))
        .current_dir(&order.job.working_dir)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    let lines = BufReader::new(reader).lines();
    let text = lines.map(|line| line.unwrap() + "\n").collect();
    assert!(child.wait().unwrap().success());
    text
}

#[test]
fn a_job_finds_itself_as_std_would_have_started_it() {
    inherited::default_dispositions();
    let (ours, theirs) = (output_of(look()), by_std(look()));
    assert!(ours.contains("leads its group"), "{ours}");
    assert!(ours.contains("arguments: name a b \n"), "{ours}");
    let is_own = |line: &&str| line.starts_with("own: ");
    let own: Vec<_> = ours.lines().filter(is_own).collect();
    assert_eq!(
        own,
        ["own: leads its session", "own: 0", "own: 1", "own: 2"]
    );
    let [ours, theirs] = [&ours, &theirs].map(|text| {
        let shared: Vec<_> = text.lines().filter(|line| !is_own(line)).collect();
        shared.join("\n")
    });
    assert_eq!(ours, theirs);
}

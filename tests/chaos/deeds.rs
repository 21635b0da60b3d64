//! What is done to one hupd, from its start to its end.

use std::collections::BTreeSet;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal};

use super::common::{Dice, Home, Hupd, proc_text, wait_until};
use super::jobs::{CHAOS, File};

/// Files that are refused, each for another reason.
const BROKEN: [&str; 4] = [
    "this is no file\n",
    "[jobs.bad]\ncommand = \"true\"\nschedule = \"61 * * * *\"\n",
    "[jobs.bad]\nevery = \"1s\"\n",
    "[daemon\n",
];

/// What is known of runs, for the judges.
#[derive(Debug, Default)]
pub struct Known {
    /// They were open when their hupd was killed.
    pub lost: BTreeSet<u64>,
    /// Somebody asked for their end.
    pub asked_to_end: BTreeSet<u64>,
    /// When a hupd that served was told to stop.
    pub stops: Vec<i64>,
}

/// How one hupd ended.
pub enum End {
    InOrder(Home),
    Killed(Home),
}

/// One life: a start, some deeds, an end.
pub fn life(
    home: Home,
    file: &mut File,
    dice: &mut Dice,
    (until, known): (Instant, &mut Known),
) -> End {
    if dice.percent(15) {
        let hupd = Hupd::launch(home);
        pause(dice, 60);
        return End::Killed(hupd.crash());
    }
    let hupd = Hupd::start_in(home);
    for _ in 0..=dice.roll(10) {
        pause(dice, 700);
        if Instant::now() < until {
            deed(&hupd, file, dice, known);
        }
    }
    end(hupd, dice, known)
}

/// Stands as a right file in the end, and is in force.
pub fn settle(home: Home, file: &File, known: &mut Known) -> (Home, String) {
    home.configure(&file.without_retries().text(home.path()));
    let mut hupd = Hupd::start_in(home);
    assert!(reload(&hupd), "the last file was refused");
    stop(&mut hupd, 1, known);
    let home = std::mem::replace(&mut hupd.home, Home::new());
    let text = home.read("hupd.toml");
    for (pid, _) in living_runs(&home) {
        let _ = rustix::process::kill_process(pid, Signal::KILL);
    }
    (home, text)
}

fn deed(hupd: &Hupd, file: &mut File, dice: &mut Dice, known: &mut Known) {
    match dice.roll(12) {
        0 => (0..=dice.roll(20)).for_each(|_| hupd.signal(Signal::HUP)),
        1 | 2 => {
            edit(hupd, file, dice);
            hupd.signal(Signal::HUP);
        }
        3 | 4 => {
            edit(hupd, file, dice);
            assert!(reload(hupd), "a right file was refused");
        }
        5 => break_file(hupd, file, dice),
        6 => half_write(hupd, file, dice),
        7 | 8 => {
            if let Some(job) = file.some_job(dice) {
                hupd.home.hupctl(&["run", &job]);
            }
        }
        9 => known.asked_to_end.extend(kill_a_run(hupd, dice)),
        10 => {
            hupd.signal(Signal::STOP);
            pause(dice, 2000);
            hupd.signal(Signal::CONT);
        }
        _ => hupd.signal(Signal::USR1),
    }
}

fn edit(hupd: &Hupd, file: &mut File, dice: &mut Dice) {
    file.edit(dice);
    hupd.home.configure(&file.text(hupd.home.path()));
}

fn reload(hupd: &Hupd) -> bool {
    hupd.home.hupctl(&["reload"]).status.success()
}

/// Nothing happens but a refusal; then the file is right again.
fn break_file(hupd: &Hupd, file: &File, dice: &mut Dice) {
    // What came before may still be under way.
    assert!(reload(hupd), "the file was right");
    let generation = hupd.generation();
    let right = file.text(hupd.home.path());
    hupd.home.configure(&(right.clone() + dice.pick(&BROKEN)));
    match dice.percent(50) {
        true => hupd.signal(Signal::HUP),
        false => assert!(!reload(hupd), "a broken file was accepted"),
    }
    assert_eq!(hupd.generation(), generation);
    hupd.home.configure(&right);
    hupd.signal(Signal::HUP);
}

/// As an editor that writes in place and is seen at it. Half a file may be a right one.
fn half_write(hupd: &Hupd, file: &File, dice: &mut Dice) {
    let whole = hupd.home.read("hupd.toml");
    // What concerns all jobs stays whole: half a number of runs to keep is a number as well.
    let first = whole.find("[jobs").unwrap_or(whole.len());
    let half = &whole[..first + dice.roll((whole.len() - first).max(1) as u64) as usize];
    fs::write(hupd.home.config_file(), half).expect("written");
    hupd.signal(Signal::HUP);
    pause(dice, 20);
    hupd.home.configure(&file.text(hupd.home.path()));
    hupd.signal(Signal::HUP);
}

/// Which one; it may have ended by now.
fn kill_a_run(hupd: &Hupd, dice: &mut Dice) -> Option<u64> {
    let status = hupd.status();
    let running = status["running"].as_array().map_or(0, Vec::len) as u64;
    if running == 0 {
        return None;
    }
    let run = status["running"][dice.roll(running) as usize]["run"].as_u64()?;
    hupd.home.hupctl(&["kill", &run.to_string()]);
    Some(run)
}

fn end(mut hupd: Hupd, dice: &mut Dice, known: &mut Known) -> End {
    match dice.roll(8) {
        // While it serves, just after it was told to reload, while it drains, while it is stopped.
        0 | 1 => {}
        2 => {
            hupd.signal(Signal::HUP);
            pause(dice, 5);
        }
        3 => {
            hupd.signal(Signal::TERM);
            pause(dice, 3000);
        }
        4 => {
            hupd.signal(Signal::STOP);
            pause(dice, 1500);
        }
        // What was due while it was stopped must be on record as well.
        5 => {
            hupd.signal(Signal::STOP);
            pause(dice, 2500);
            stop(&mut hupd, 1, known);
            return End::InOrder(std::mem::replace(&mut hupd.home, Home::new()));
        }
        _ => {
            stop(&mut hupd, 1 + dice.roll(3), known);
            return End::InOrder(std::mem::replace(&mut hupd.home, Home::new()));
        }
    }
    End::Killed(hupd.crash())
}

/// Ends in order, and leaves no run behind but those that an earlier hupd lost.
fn stop(hupd: &mut Hupd, signals: u64, known: &mut Known) {
    known.stops.push(Timestamp::now().as_microsecond());
    for _ in 0..signals {
        hupd.signal(Signal::TERM);
    }
    hupd.signal(Signal::CONT);
    let status = hupd.wait();
    assert!(status.success(), "a stop in order is a success: {status}");
    for name in ["run/hupd.pid", "run/hupd.sock"] {
        assert!(!hupd.home.file(name).exists(), "{name} is left behind");
    }
    wait_until("no process of a run is left", || {
        let mut runs = living_runs(&hupd.home);
        runs.retain(|(_, run)| !known.lost.contains(run));
        runs.is_empty().then_some(())
    });
}

/// The processes of this home that live, and their runs.
fn living_runs(home: &Home) -> Vec<(Pid, u64)> {
    let ours = format!("{CHAOS}={}", home.path().display());
    let folders = fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let pids = numbers.filter_map(Pid::from_raw);
    let run_of = |pid: Pid| {
        let environment = proc_text(pid, "environ")?;
        let variables: Vec<_> = environment.split('\0').collect();
        let run = variables
            .iter()
            .find_map(|one| one.strip_prefix("HUPD_RUN_ID="))?;
        let run = run.parse().ok()?;
        variables.contains(&&*ours).then_some((pid, run))
    };
    pids.filter_map(run_of).collect()
}

fn pause(dice: &mut Dice, milliseconds: u64) {
    sleep(Duration::from_micros(dice.roll(milliseconds * 1000 + 1)));
}

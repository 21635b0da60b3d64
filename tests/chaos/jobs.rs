//! The jobs of the chaos: what they do, when they are due, and how the file says it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::common::Dice;

/// So much the loud ones write.
pub const LOUD: u64 = 300_000;

/// So often a run is tried in all, where its job wants that.
pub const ATTEMPTS: u64 = 3;

const NAMES: u64 = 40;

/// What a job may do beside itself and others. It keeps that however it is edited: by its name it is known.
const BESIDE: [(&str, &str); 6] = [
    ("skip", "overlap = \"skip\""),
    ("allow", "overlap = \"allow\""),
    ("queue", "overlap = \"queue\""),
    ("replace", "overlap = \"replace\""),
    ("two", "overlap = \"allow\"\nmax_running = 2"),
    ("group", "overlap = \"queue\"\ngroup = \"all\""),
];

/// The file as it stands.
#[derive(Clone, Debug)]
pub struct File {
    jobs: BTreeMap<u64, Job>,
    pub max_running: u64,
    orphans: &'static str,
}

#[derive(Clone, Copy, Debug)]
struct Job {
    kind: Kind,
    due: Due,
    edition: u64,
    is_tried_again: bool,
}

#[derive(Clone, Copy, Debug)]
enum Due {
    Every(u64),
    Cron(&'static str),
    Request,
}

/// What a job does between its marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Quick,
    Slow,
    /// It is tried again.
    Failing,
    /// Its exit code is a success.
    Lucky,
    /// Ignores TERM.
    Stubborn,
    /// Until its time limit.
    Endless,
    /// Leaves a process behind.
    Forking,
    Loud,
    /// There is no such program.
    Missing,
}

const KINDS: [Kind; 14] = [
    Kind::Quick,
    Kind::Quick,
    Kind::Quick,
    Kind::Quick,
    Kind::Slow,
    Kind::Slow,
    Kind::Failing,
    Kind::Failing,
    Kind::Lucky,
    Kind::Stubborn,
    Kind::Endless,
    Kind::Forking,
    Kind::Loud,
    Kind::Missing,
];

impl File {
    pub fn new(dice: &mut Dice) -> Self {
        let mut file = Self {
            jobs: BTreeMap::new(),
            max_running: 4 + dice.roll(20),
            orphans: dice.pick(&["leave", "kill"]),
        };
        for name in 0..NAMES {
            if dice.percent(80) {
                file.jobs.insert(name, Job::new(dice));
            }
        }
        file
    }

    /// Another right file.
    pub fn edit(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.roll(4) {
            let name = dice.roll(NAMES);
            match self.jobs.get_mut(&name) {
                Some(_) if dice.percent(30) => drop(self.jobs.remove(&name)),
                Some(job) if dice.percent(40) => job.edition += 1,
                _ => drop(self.jobs.insert(name, Job::new(dice))),
            }
        }
    }

    /// The same, but what fails is not tried again: no run waits for another attempt then.
    pub fn without_retries(&self) -> Self {
        let mut file = self.clone();
        for job in file.jobs.values_mut() {
            job.is_tried_again = false;
        }
        file
    }

    /// Some job of it.
    pub fn some_job(&self, dice: &mut Dice) -> Option<String> {
        let number = dice.roll(self.jobs.len().max(1) as u64) as usize;
        let (name, _) = self.jobs.iter().nth(number)?;
        Some(self::name(*name))
    }

    /// With its marks in this folder.
    pub fn text(&self, folder: &Path) -> String {
        let mut text = format!(
            "[daemon]\ngrace = \"2s\"\nmax_running = {}\norphans = \"{}\"\n[history]\nkeep_runs = 100000\n\
             [defaults]\nkill_after = \"1s\"\nenv = {{ {CHAOS} = \"{}\" }}\n",
            self.max_running,
            self.orphans,
            folder.display()
        );
        for (name, job) in &self.jobs {
            job.write(&mut text, *name, &folder.join("marks"));
        }
        text
    }
}

/// The variable by which processes of this test are known: its value is the folder.
pub const CHAOS: &str = "CHAOS_OF";

fn name(number: u64) -> String {
    format!("{}-{number}", beside(number).0)
}

fn beside(number: u64) -> (&'static str, &'static str) {
    BESIDE[number as usize % BESIDE.len()]
}

impl Job {
    fn new(dice: &mut Dice) -> Self {
        let due = match dice.roll(10) {
            0 => Due::Request,
            1 | 2 => Due::Cron(dice.pick(&["UTC", "Asia/Kolkata", "Australia/Lord_Howe"])),
            _ => Due::Every(1 + dice.roll(3)),
        };
        Self {
            kind: dice.pick(&KINDS),
            due,
            edition: 0,
            is_tried_again: dice.percent(50),
        }
    }

    fn write(&self, text: &mut String, number: u64, marks: &Path) {
        let name = name(number);
        let (_, overlap) = beside(number);
        let marks = marks.display();
        let said = "$HUPD_JOB $HUPD_RUN_ID $HUPD_ATTEMPT $HUPD_SCHEDULED_FOR";
        let mark = |what: &str| format!("echo \"{said} {what} $(date +%s%N)\" >>{marks}");
        let (start, end) = (mark("start"), mark("end"));
        let command = match self.kind {
            Kind::Quick => format!("{start}; {end}"),
            Kind::Slow => format!("{start}; sleep 1.7; {end}"),
            Kind::Failing => format!("{start}; {end}; exit 3"),
            Kind::Lucky => format!("{start}; {end}; exit 4"),
            Kind::Stubborn => format!("trap : TERM; {start}; sleep 4; sleep 4; {end}"),
            Kind::Endless => format!("{start}; sleep 60; {end}"),
            Kind::Forking => format!("{start}; sleep 0.4 & {end}"),
            Kind::Loud => format!("{start}; head -c {LOUD} /dev/zero; {end}"),
            Kind::Missing => "missing".to_owned(),
        };
        let command = match self.kind {
            Kind::Missing => "[\"/nowhere/to/be/found\"]".to_owned(),
            _ => format!("'''\n{command} # {}'''", self.edition),
        };
        let due = match self.due {
            Due::Every(seconds) => format!("every = \"{seconds}s\"\n"),
            Due::Cron(zone) => format!("schedule = \"* * * * *\"\ntimezone = \"{zone}\"\n"),
            Due::Request => String::new(),
        };
        let timeout = match self.kind {
            Kind::Endless | Kind::Stubborn => "timeout = \"1s\"\n",
            _ => "",
        };
        let retry = match self.is_tried_again {
            true => {
                format!("retry = {{ attempts = {ATTEMPTS}, delay = \"400ms\" }}\n")
            }
            false => String::new(),
        };
        let success = match self.kind {
            Kind::Lucky => "success_exit_codes = [0, 4]\n",
            _ => "",
        };
        let about = format!("description = \"{:?}\"\n", self.kind);
        write!(
            text,
            "[jobs.{name}]\n{overlap}\ncommand = {command}\n{due}{timeout}{retry}{success}{about}"
        )
        .expect("text takes text");
    }
}

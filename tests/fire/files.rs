//! The files under fire, and what is done to them.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::common::Dice;

pub const MAX_RUNNING: usize = 256;

/// Half of them by the calendar and half by an interval: each of them once in a second.
pub const STEADY: usize = 200;

/// Jobs that come and go.
const FLEETING: u64 = 20;

/// So long somebody writes without a pause.
const SCRIBBLES: Duration = Duration::from_millis(120);

/// A main file, of which every part may be missing at times, and one that it includes, which is swapped as a whole: what that
/// says of times stays.
pub struct Files {
    folder: PathBuf,
    dice: Dice,
    edition: u64,
}

impl Files {
    pub fn new(folder: &Path) -> Self {
        fs::create_dir(folder.join("steady.d")).expect("a folder");
        Self {
            folder: folder.to_owned(),
            dice: Dice::new(),
            edition: 0,
        }
    }

    /// The main file, and the other one.
    fn paths(&self) -> [PathBuf; 2] {
        ["hupd.toml", "steady.d/steady.toml"].map(|name| self.folder.join(name))
    }

    pub fn texts(&self) -> Vec<String> {
        let texts = self
            .paths()
            .map(|path| fs::read_to_string(path).expect("a text"));
        texts.to_vec()
    }

    /// Both are whole and right, and new.
    pub fn settle(&mut self) {
        self.edition += 1;
        let [main, steady] = self.paths();
        swap(&steady, &self.steady());
        swap(&main, &self.main());
    }

    /// One thing is done to them, each in its turn; in the end they are whole and right.
    pub fn attack(&mut self) {
        self.edition += 1;
        let [main, steady] = self.paths();
        let text = self.main();
        match self.edition % 8 {
            0 => self.write_in_halves(&main, &text),
            1 => swap(&steady, &self.steady()),
            2 => self.scribble(&main),
            3 => self.empty(&main),
            4 => self.cut_in_a_text(&steady),
            5 => self.append(&main, &text),
            6 => self.remove(&main),
            _ => {}
        }
        swap(&main, &text);
        self.pause(40);
    }

    fn pause(&mut self, milliseconds: u64) {
        sleep(Duration::from_micros(self.dice.roll(milliseconds * 1000)));
    }

    /// In place, and somebody may look between the two. What is there then may be a right file.
    fn write_in_halves(&mut self, path: &Path, text: &str) {
        let first = jobs_at(text);
        let half = first + self.dice.roll((text.len() - first) as u64) as usize;
        fs::write(path, &text[..half]).expect("written");
        self.pause(60);
        fs::write(path, text).expect("written");
    }

    /// Never a right file: nobody could say of it that a job is missing.
    fn cut_in_a_text(&mut self, path: &Path) {
        let text = self.steady();
        let place = text.rfind("edition").expect("there are some");
        fs::write(path, &text[..place]).expect("written");
        self.pause(60);
        fs::write(path, text).expect("written");
    }

    /// Without a pause, piece by piece and over and over, while it is read: what is read may be of two editions.
    fn scribble(&mut self, path: &Path) {
        let mut file = OpenOptions::new().write(true).open(path).expect("a file");
        let until = Instant::now() + SCRIBBLES;
        while Instant::now() < until {
            self.edition += 8;
            let text = self.main();
            let first = jobs_at(&text);
            file.seek(SeekFrom::Start(first as u64)).expect("a place");
            for piece in text.as_bytes()[first..].chunks(100) {
                file.write_all(piece).expect("written");
            }
        }
    }

    fn empty(&mut self, path: &Path) {
        fs::write(path, "").expect("written");
        self.pause(60);
    }

    fn append(&mut self, path: &Path, text: &str) {
        fs::write(path, format!("{text}[jobs.broken]\nevery = 7\n")).expect("written");
        self.pause(60);
    }

    fn remove(&mut self, path: &Path) {
        fs::remove_file(path).expect("it was there");
        self.pause(60);
    }

    /// All editions are of one length.
    fn main(&self) -> String {
        let mut text = format!(
            "include = [\"steady.d/*.toml\"]\n[daemon]\nstate_dir = \"state\"\nruntime_dir = \"run\"\n\
             max_running = {MAX_RUNNING}\n[history]\nkeep_runs = 100000\n[log]\nformat = \"json\"\n\
             level = \"warn,hupd::daemon::reload=info,hupd::daemon::verdict=info\"\n"
        );
        for job in 0..FLEETING {
            // Each is edited at times, and its times less often.
            let edition = (self.edition + job) / 5;
            let every = 1 + (edition / 4 + job) % 3;
            let job = self.job(&format!("fleeting-{job:02}"), edition);
            writeln!(text, "{job}every = \"{every}s\"").expect("text takes text");
        }
        text
    }

    fn steady(&self) -> String {
        let mut text = String::new();
        for (name, due) in steady() {
            let job = self.job(&name, self.edition);
            let due = match due {
                Due::EverySecond => "schedule = \"* * * * * *\"",
                Due::Interval => "every = \"1s\"",
            };
            writeln!(text, "{job}{due}").expect("text takes text");
        }
        text
    }

    /// Its mark: who it is, and when, as the shell can tell that without starting anything.
    fn job(&self, name: &str, edition: u64) -> String {
        let marks = self.folder.join("seen").display().to_string();
        let said = "$HUPD_JOB $HUPD_RUN_ID $HUPD_ATTEMPT $HUPD_SCHEDULED_FOR $up";
        format!(
            "[jobs.{name}]\ncommand = 'read up _ </proc/uptime; echo \"{said}\" >>{marks}'\n\
             description = \"edition {edition:06}\"\n"
        )
    }
}

/// How a job is due that is never edited in that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    EverySecond,
    Interval,
}

pub fn steady() -> impl Iterator<Item = (String, Due)> {
    (0..STEADY).map(|number| match number % 2 {
        0 => (format!("second-{number:03}"), Due::EverySecond),
        _ => (format!("interval-{number:03}"), Due::Interval),
    })
}

/// What concerns all jobs stays whole: half a number of runs to keep is a number as well.
fn jobs_at(text: &str) -> usize {
    text.find("[jobs").expect("there are jobs")
}

fn swap(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).expect("written");
    fs::rename(new, path).expect("renamed");
}

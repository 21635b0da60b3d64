//! From a seed to a plan. Weighted so that rare coincidences are common: things happen at instants that are due,
//! around clock changes, and in bursts.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use hupd::config::{Missed, Orphans, Overlap, Retry};
use hupd::run::Signal;
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::dice::Dice;
use super::jobs::{Due, EXPRESSIONS, FIRST_DAILY, FIRST_HOURLY, FileSpec, JobSpec, ZONES};
use super::oracle::Schedule;
use super::plan::{Edit, Plan, Step, Temper, What};

const MICROSECOND: Duration = Duration::from_micros(1);
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// So often a job is due in one life at most, by its interval: a life that only repeats itself finds nothing.
const MOST_OFTEN: u32 = 500;

/// How a life is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Minutes with a few jobs.
    Brief,
    /// Hours or days in which much is due and much is done.
    Dense,
    /// Years of many jobs that run daily or more seldom.
    Long,
    /// Decades of a few.
    Epochal,
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let pace = match dice.below(20) {
            0..7 => Pace::Brief,
            7..15 => Pace::Dense,
            15..19 => Pace::Long,
            _ => Pace::Epochal,
        };
        Self::at(pace, seed)
    }

    pub fn at(pace: Pace, seed: u64) -> Self {
        let mut dice = Dice::of(seed, &[pace as u64]);
        let (least, most, lasts) = match pace {
            Pace::Brief => (2, 8, dice.duration(MINUTE, HOUR / 2)),
            Pace::Dense => (3, 30, dice.duration(HOUR / 4, 2 * DAY)),
            Pace::Long => (40, 300, DAY * dice.between(60, 400) as u32),
            Pace::Epochal => (2, 10, DAY * 366 * dice.between(6, 20) as u32),
        };
        let names = dice.between(least, most) as usize;
        let mut chance = Chance {
            dice,
            pace,
            names,
            shortest: (lasts / MOST_OFTEN).max(SECOND),
        };
        let mut file = chance.file();
        let mut steps = chance.steps(lasts);
        let mut trials = Trials(Dice::of(seed, &[pace as u64, 1]));
        file.last_good = trials.0.percent(50);
        steps.extend(trials.steps(lasts));
        steps.sort_by_key(|step| step.at);
        Self {
            seed,
            begins: chance.beginning(),
            file,
            steps,
            ends_after: lasts,
            temper: Temper::Wild,
            killed_after: None,
        }
    }
}

struct Chance {
    dice: Dice,
    pace: Pace,
    /// So many names there are for jobs: one that was removed may well come back.
    names: usize,
    /// The shortest interval.
    shortest: Duration,
}

impl Chance {
    /// Often a few hours before the clocks of some zone change.
    fn beginning(&mut self) -> Timestamp {
        let year = self.dice.between(1975, 2090) as i16;
        let new_year = date(year, 1, 1).to_zoned(TimeZone::UTC);
        let new_year = new_year.expect("a date").timestamp();
        let anywhen =
            new_year + Duration::from_nanos(self.dice.below(365 * 86_400 * 1_000_000_000));
        if self.dice.percent(3) {
            // Samoa is about to leave out a day, and a year that four divides to leave out its leap day.
            let rare = ["2011-12-29T20:00:00Z", "2100-02-27T20:00:00Z"];
            return self.dice.pick(&rare).parse().expect("a time");
        }
        let zone = TimeZone::get(self.dice.pick(&ZONES)).expect("the tz database has it");
        let changes = zone
            .following(new_year)
            .take(2)
            .map(|change| change.timestamp());
        let changes: Vec<_> = changes.collect();
        if changes.is_empty() || self.dice.percent(40) {
            return anywhen;
        }
        let before = self.dice.duration(SECOND, 12 * HOUR);
        self.dice.pick(&changes) - 1.minutes() - before
    }

    fn file(&mut self) -> FileSpec {
        let mut jobs = BTreeMap::new();
        for number in 0..self.names {
            if self.dice.percent(85) {
                jobs.insert(name(number), self.job());
            }
        }
        FileSpec {
            jobs,
            max_running: self.max_running(),
            catch_up_limit: self.dice.between(1, 5) as usize,
            grace: self.grace(),
            watch: self.dice.percent(20),
            keep_runs: self.keep_runs(),
            orphans: self.orphans(),
            state_dir: "/state",
            last_good: false,
            remarks: 0,
        }
    }

    fn orphans(&mut self) -> Orphans {
        match self.dice.percent(50) {
            true => Orphans::Kill,
            false => Orphans::Leave,
        }
    }

    fn job(&mut self) -> JobSpec {
        JobSpec {
            due: self.due(),
            jitter: match self.dice.percent(20) {
                true => self.dice.duration(SECOND, 10 * MINUTE),
                false => Duration::ZERO,
            },
            missed: self.missed(),
            deadline: self.deadline(),
            overlap: self.overlap(),
            group: self.group(),
            timeout: match self.dice.percent(40) {
                true => Some(self.dice.duration(100 * MILLISECOND, 2 * HOUR)),
                false => None,
            },
            stop_signal: match self.dice.below(8) {
                0 => Signal::INT,
                1 => Signal::KILL,
                _ => Signal::TERM,
            },
            kill_after: self.dice.duration(10 * MILLISECOND, 30 * SECOND),
            retry: self.retry(),
            success: match self.dice.below(10) {
                0 => [0, 75].into(),
                _ => [0].into(),
            },
            enabled: self.dice.percent(95),
            on_change: match self.dice.percent(30) {
                true => Some(self.dice.below(3) as u8),
                false => None,
            },
            edition: self.dice.below(4) as u8,
        }
    }

    fn due(&mut self) -> Due {
        match (self.pace, self.dice.below(10)) {
            (_, 0) => Due::OnRequest,
            (Pace::Brief | Pace::Dense, 1..4) => {
                let every = self.dice.duration(self.shortest, 3 * HOUR);
                Due::Every(Duration::from_secs(every.as_secs().max(1)))
            }
            (_, 1) => Due::Every(HOUR * self.dice.between(5, 2000) as u32),
            (Pace::Brief, 4..8) => self.at(0..FIRST_HOURLY),
            (Pace::Brief | Pace::Dense, _) => self.at(0..EXPRESSIONS.len()),
            _ => self.at(FIRST_DAILY..EXPRESSIONS.len()),
        }
    }

    fn at(&mut self, expressions: Range<usize>) -> Due {
        Due::At(Schedule {
            expressions: expressions.start + self.dice.index(expressions.len()),
            zone: match self.dice.percent(40) {
                true => 1,
                false => self.dice.index(ZONES.len()),
            },
            skips_gaps: self.dice.percent(20),
            offset: match self.dice.percent(20) {
                true => self.dice.between(1, 7200),
                false => 0,
            },
        })
    }

    fn missed(&mut self) -> Missed {
        match self.dice.below(10) {
            0..5 => Missed::Skip,
            5..8 => Missed::Once,
            8 => Missed::All(self.dice.between(1, 5) as usize),
            _ => Missed::All(100),
        }
    }

    fn overlap(&mut self) -> Overlap {
        match self.dice.below(10) {
            0..3 => Overlap::Skip,
            3..5 => Overlap::Queue,
            5..7 => Overlap::Replace,
            7 => Overlap::Allow {
                most: Overlap::ANY_NUMBER,
            },
            _ => Overlap::Allow {
                most: self.dice.between(1, 4) as usize,
            },
        }
    }

    fn group(&mut self) -> Option<u8> {
        let is_in_one = self.dice.percent(35);
        is_in_one.then(|| self.dice.below(3) as u8)
    }

    fn retry(&mut self) -> Option<Retry> {
        if self.dice.percent(60) {
            return None;
        }
        let longest = self.dice.pick(&[SECOND, MINUTE, 3 * HOUR]);
        let delay = self.dice.duration(100 * MILLISECOND, longest);
        Some(Retry {
            attempts: self.dice.between(2, 6) as u32,
            delay,
            max_delay: delay * self.dice.between(1, 9) as u32,
            on: match self.dice.below(3) {
                0 => Some([1, 2].into()),
                _ => None,
            },
        })
    }

    fn deadline(&mut self) -> Option<Duration> {
        match self.dice.below(10) {
            0..7 => None,
            7 => Some(self.dice.duration(SECOND, MINUTE)),
            _ => Some(self.dice.duration(MINUTE, DAY)),
        }
    }

    fn max_running(&mut self) -> usize {
        match self.dice.percent(50) {
            true => self.dice.between(1, 4) as usize,
            false => self.dice.between(5, 256) as usize,
        }
    }

    fn grace(&mut self) -> Duration {
        match self.dice.percent(10) {
            true => Duration::ZERO,
            false => whole_millis(self.dice.duration(10 * MILLISECOND, 120 * SECOND)),
        }
    }

    fn keep_runs(&mut self) -> u64 {
        self.dice.pick(&[1, 10, 100, 1000])
    }

    fn steps(&mut self, lasts: Duration) -> Vec<Step> {
        let count = match self.pace {
            Pace::Brief => self.dice.between(3, 40),
            Pace::Dense => self.dice.between(10, 300),
            Pace::Long => self.dice.between(20, 200),
            Pace::Epochal => self.dice.between(5, 60),
        };
        let mut steps = Vec::new();
        for _ in 0..count {
            let at = Duration::from_nanos(self.dice.below(lasts.as_nanos() as u64));
            self.burst(at, &mut steps);
        }
        steps.sort_by_key(|step| step.at);
        steps
    }

    /// Mostly one thing; often several within moments, or at the instant at which something is due.
    fn burst(&mut self, at: Duration, steps: &mut Vec<Step>) {
        let mut at = match self.dice.percent(30) {
            true => self.on_the_minute(at),
            false => at,
        };
        if self.dice.percent(4) {
            self.mistake(at, steps);
        }
        let more = match self.dice.percent(25) {
            true => self.dice.between(1, 6),
            false => 0,
        };
        for _ in 0..=more {
            self.thing(at, steps);
            at += self.dice.duration(Duration::from_micros(10), 5 * SECOND);
        }
    }

    /// The clock is set by mistake, and back after a while; perhaps the disk is full meanwhile.
    fn mistake(&mut self, mut at: Duration, steps: &mut Vec<Step>) {
        let size = self.clock_step();
        let mut add = |at, what| steps.push(Step { at, what });
        if self.dice.percent(50) {
            add(at, What::StoreFails(self.dice.duration(SECOND, 3 * HOUR)));
            at += self.dice.duration(MILLISECOND, SECOND);
        }
        add(at, What::SetClock(size));
        at += self.dice.duration(MILLISECOND, HOUR);
        add(at, What::SetClock(-size));
    }

    fn on_the_minute(&mut self, at: Duration) -> Duration {
        let around = self
            .dice
            .duration(Duration::from_nanos(100), 50 * MILLISECOND);
        let minute = Duration::from_secs(at.as_secs() / 60 * 60);
        match self.dice.percent(50) {
            true => minute + around,
            false => (minute + 60 * SECOND).saturating_sub(around),
        }
    }

    fn thing(&mut self, at: Duration, steps: &mut Vec<Step>) {
        let mut add = |what| steps.push(Step { at, what });
        match self.dice.below(100) {
            0..22 => {
                add(What::Edit(self.edit()));
                if self.dice.percent(85) {
                    add(What::Hangup(1));
                }
            }
            22..27 => add(What::Hangup(self.dice.between(1, 12) as u8)),
            27..29 => add(What::AskReload),
            29 => add(What::HangupUnit(
                self.dice.duration(MICROSECOND, 3 * SECOND),
            )),
            30..33 => add(What::Pause {
                job: self.name(),
                lasts: self.dice.percent(60).then(|| self.pause()),
            }),
            33..35 => add(What::Resume { job: self.name() }),
            35..50 => add(What::Request {
                job: self.name(),
                waits: self.dice.percent(50),
            }),
            50..56 => add(What::Kill(self.dice.below(16) as u8)),
            56..58 => add(What::AskStatus),
            58..66 => add(What::SetClock(self.clock_step())),
            66..69 => add(What::Drift(self.dice.between(-500, 500) as i32)),
            69..73 => add(What::Sleep(self.pause(), self.dice.percent(50))),
            73..77 => add(What::Freeze(self.pause())),
            77..82 => add(What::Terminate(self.dice.between(1, 3) as u8)),
            82..84 => add(What::Quit),
            84..93 => add(What::Crash { down: self.pause() }),
            93..96 => add(What::StoreStalls(
                self.dice.duration(MILLISECOND, 20 * SECOND),
            )),
            96..98 => add(What::StoreFails(self.dice.duration(MILLISECOND, HOUR))),
            98 => add(What::SpawnStalls(
                self.dice.duration(MILLISECOND, 20 * SECOND),
            )),
            _ => {
                let longest = self.dice.pick(&[SECOND, MINUTE, HOUR]);
                add(What::RunsShort(self.dice.duration(MILLISECOND, longest)));
            }
        }
    }

    fn edit(&mut self) -> Edit {
        match self.dice.below(100) {
            0..20 => Edit::Put(self.name(), self.job()),
            20..32 => Edit::Overlap(self.name(), self.overlap(), self.group()),
            32..40 => Edit::Adjust(self.name(), self.job()),
            40..55 => Edit::Remove(self.name()),
            55..62 => Edit::Toggle(self.name()),
            62..66 => Edit::MaxRunning(self.max_running()),
            66..68 => Edit::CatchUpLimit(self.dice.between(1, 5) as usize),
            68..72 => Edit::Grace(self.grace()),
            72..75 => Edit::Watch(self.dice.percent(50)),
            75..78 => Edit::KeepRuns(self.keep_runs()),
            78..82 => Edit::Remark,
            82..85 => Edit::Touch,
            85..88 => Edit::StateDir(self.dice.pick(&["/state", "/elsewhere"])),
            88..95 => Edit::Break,
            _ => Edit::Forbid,
        }
    }

    /// Corrections of all sizes; around three hours the rules change.
    fn clock_step(&mut self) -> i64 {
        let size = match self.dice.below(4) {
            0 => self.dice.between(1, 90),
            1 => 60 * self.dice.between(1, 200),
            2 => 3 * 3600 + self.dice.between(-2, 2),
            _ => 3600 * self.dice.between(1, 40),
        };
        match self.dice.percent(50) {
            true => size,
            false => -size,
        }
    }

    fn pause(&mut self) -> Duration {
        let longest = match self.pace {
            Pace::Brief => 10 * MINUTE,
            Pace::Dense => 8 * HOUR,
            Pace::Long | Pace::Epochal => 20 * DAY,
        };
        self.dice.duration(MILLISECOND, longest)
    }

    fn name(&mut self) -> String {
        name(self.dice.index(self.names))
    }
}

/// Reloads that have to be confirmed, and rollbacks: of dice of their own, so that the rest of a life stays as it is.
struct Trials(Dice);

impl Trials {
    fn steps(&mut self, lasts: Duration) -> Vec<Step> {
        let count = match self.0.percent(40) {
            true => self.0.between(1, 8),
            false => 0,
        };
        let mut steps = Vec::new();
        for _ in 0..count {
            let at = Duration::from_nanos(self.0.below(lasts.as_nanos() as u64));
            self.trial(at, lasts, &mut steps);
        }
        steps
    }

    /// An edit, and what becomes of it: confirmed in time, at the last moment, or by nobody.
    fn trial(&mut self, mut at: Duration, lasts: Duration, steps: &mut Vec<Step>) {
        let longest = self.0.pick(&[2 * SECOND, 5 * MINUTE, lasts]);
        let time = Duration::from_secs(self.0.duration(SECOND, longest).as_secs().max(1));
        if self.0.percent(20) {
            let back = match self.0.percent(60) {
                true => None,
                false => Some(self.0.below(6) as u8),
            };
            steps.push(Step {
                at,
                what: What::RollBack(back),
            });
            return;
        }
        steps.push(Step {
            at,
            what: What::Edit(self.edit()),
        });
        steps.push(Step {
            at,
            what: What::ReloadToConfirm(time),
        });
        for _ in 0..self.0.below(4) {
            at += match self.0.percent(50) {
                true => self.0.duration(MILLISECOND, time),
                false => (time + SECOND).saturating_sub(self.0.duration(MILLISECOND, 2 * SECOND)),
            };
            let what = self.meanwhile(time);
            steps.push(Step { at, what });
        }
    }

    fn edit(&mut self) -> Edit {
        match self.0.below(10) {
            0 => Edit::Break,
            1 => Edit::Forbid,
            2 => Edit::Watch(true),
            3..6 => Edit::Toggle(name(0)),
            _ => Edit::Remark,
        }
    }

    fn meanwhile(&mut self, time: Duration) -> What {
        match self.0.below(12) {
            0..4 => What::Confirm,
            4 => What::Edit(self.edit()),
            5 => What::Hangup(self.0.between(1, 3) as u8),
            6 => What::ReloadToConfirm(time),
            7 => What::RollBack(None),
            8 => What::SetClock(self.0.between(-100_000, 100_000)),
            9 => What::Terminate(3),
            10 => What::AskStatus,
            _ => What::Crash {
                down: self.0.duration(MILLISECOND, 5 * MINUTE),
            },
        }
    }
}

fn name(number: usize) -> String {
    format!("j{number}")
}

/// As a file can say it.
fn whole_millis(time: Duration) -> Duration {
    time - Duration::from_nanos(u64::from(time.subsec_nanos() % 1_000_000))
}

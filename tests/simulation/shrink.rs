//! From a life that went wrong to the smallest one that goes wrong in the same way.

use std::panic;
use std::time::{Duration, Instant};

use super::invariants::Broken;
use super::life::{Failure, Trace, Universe};
use super::plan::{Plan, Temper};

/// So many lives are lived at most to find a smaller one, and so long.
const MOST_TRIES: usize = 3000;
const LONGEST: Duration = Duration::from_secs(30);

/// The smallest life found, and how it goes wrong.
#[derive(Debug)]
struct Shrunk {
    plan: Plan,
    failure: Failure,
    tries: usize,
}

struct Shrinker<'u> {
    universe: &'u Universe,
    best: Shrunk,
    began: Instant,
}

/// Leaves out as much as can be left out while the same invariant is broken.
fn shrink(universe: &Universe, plan: Plan, failure: Failure) -> Shrunk {
    let best = Shrunk {
        plan,
        failure,
        tries: 0,
    };
    let mut shrinker = Shrinker {
        universe,
        best,
        began: Instant::now(),
    };
    shrinker.cut_the_end();
    loop {
        let before = shrinker.best.plan.steps.len() + shrinker.best.plan.file.jobs.len();
        shrinker.leave_out_steps();
        shrinker.leave_out_jobs();
        shrinker.calm_down();
        shrinker.simplify();
        let after = shrinker.best.plan.steps.len() + shrinker.best.plan.file.jobs.len();
        if after == before || shrinker.is_tired() {
            return shrinker.best;
        }
    }
}

impl Shrinker<'_> {
    fn is_tired(&self) -> bool {
        self.best.tries >= MOST_TRIES || self.began.elapsed() > LONGEST
    }

    /// Takes a smaller plan if it goes wrong in the same way.
    fn try_out(&mut self, plan: Plan) -> bool {
        if self.is_tired() {
            return false;
        }
        self.best.tries += 1;
        match self.universe.live(&plan) {
            Err(failure) if failure.is_like(&self.best.failure.broken) => {
                self.best.plan = plan;
                self.best.failure = failure;
                true
            }
            _ => false,
        }
    }

    fn cut_the_end(&mut self) {
        let mut plan = self.best.plan.clone();
        let end = self.best.failure.at;
        plan.steps.retain(|step| step.at <= end);
        plan.ends_after = plan.ends_after.min(end + Duration::from_secs(1));
        self.try_out(plan);
    }

    /// Large parts first, then smaller ones, in the end each by itself.
    fn leave_out_steps(&mut self) {
        let mut size = self.best.plan.steps.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.best.plan.steps.len() {
                let mut plan = self.best.plan.clone();
                let until = (from + size).min(plan.steps.len());
                plan.steps.drain(from..until);
                if !self.try_out(plan) {
                    from = until;
                }
            }
            size /= 2;
        }
    }

    fn leave_out_jobs(&mut self) {
        let mut size = self.best.plan.file.jobs.len().div_ceil(2);
        while size > 0 {
            let names: Vec<_> = self.best.plan.file.jobs.keys().cloned().collect();
            for part in names.chunks(size) {
                let mut plan = self.best.plan.clone();
                plan.file.jobs.retain(|name, _| !part.contains(name));
                self.try_out(plan);
            }
            size /= 2;
        }
    }

    /// One place, and no limits of time.
    fn simplify(&mut self) {
        let mut plan = self.best.plan.clone();
        plan.file.max_running = 1;
        self.try_out(plan);
        let names: Vec<_> = self.best.plan.file.jobs.keys().cloned().collect();
        for name in names {
            let mut plan = self.best.plan.clone();
            if let Some(job) = plan.file.jobs.get_mut(&name) {
                job.timeout = None;
            }
            self.try_out(plan);
        }
    }

    fn calm_down(&mut self) {
        if self.best.plan.temper == Temper::Wild {
            let plan = Plan {
                temper: Temper::Calm,
                ..self.best.plan.clone()
            };
            self.try_out(plan);
        }
    }
}

impl Failure {
    fn is_like(&self, other: &Broken) -> bool {
        self.broken.invariant == other.invariant
    }
}

/// Why a life went wrong, told by the smallest one that goes wrong in the same way.
/// `again` is what repeats it.
pub fn explain(universe: &Universe, again: &str, plan: Plan, failure: Failure) -> String {
    // Every life that is tried may end in a panic.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let told = report(universe, again, &shrink(universe, plan, failure));
    panic::set_hook(hook);
    told
}

/// What a person needs who has to mend it: the smallest life, its last steps, what was broken, and the way back
/// to it.
fn report(universe: &Universe, again: &str, shrunk: &Shrunk) -> String {
    let mut trace = Trace::On(Vec::new());
    let _ = universe.live_with(&shrunk.plan, &mut trace);
    let Trace::On(lines) = trace else {
        unreachable!("it was on");
    };
    let last = lines.len().saturating_sub(60);
    let left_out = match last {
        0 => String::new(),
        last => format!("  … {last} lines\n"),
    };
    let Broken { invariant, what } = &shrunk.failure.broken;
    format!(
        "broken: {invariant}\n{what}\n\nthe smallest life that breaks it, of {} tried:\n{}\n\n{left_out}{}\n\n\
         {again} repeats it",
        shrunk.tries,
        shrunk.plan,
        lines[last..].join("\n")
    )
}

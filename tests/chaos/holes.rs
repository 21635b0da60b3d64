//! Whether an instant was passed over: what the schedules in force name must be in the ledger, one after the other.

use std::collections::BTreeMap;

use super::evidence::{Due, Evidence, Instant, Line, told};
use super::promises::TOLERANCE;

const SECOND: Instant = 1_000_000;
const MINUTE: Instant = 60 * SECOND;

/// From one change of a job to the next, and within one life of hupd.
pub fn without_holes(evidence: &Evidence) -> Vec<String> {
    stretches(evidence)
        .iter()
        .flat_map(|stretch| {
            let lines = evidence.ledger.iter().filter(|line| stretch.has(line));
            let instants: Vec<_> = lines.map(|line| line.instant).collect();
            let holes = stretch.holes(&instants).into_iter();
            holes.map(move |(from, to)| format!("nothing from {from} to {to}: {stretch:?}"))
        })
        .collect()
}

/// Generations of one hupd in which a job was due in the same way.
#[derive(Debug)]
struct Stretch {
    job: String,
    due: Due,
    from: Instant,
    until: Instant,
    generations: (u64, u64),
}

impl Stretch {
    /// What waits is claimed under a later generation than it was decided under.
    fn has(&self, line: &Line) -> bool {
        let is_due = line.trigger != "request";
        line.job == self.job && is_due && line.generation >= self.generations.0
    }

    /// From where to where a line is missing.
    fn holes(&self, instants: &[Instant]) -> Vec<(Instant, Instant)> {
        let every = match self.due {
            Due::Every(every) => every,
            Due::EveryMinute => {
                let first = self.from.div_euclid(MINUTE) + 1;
                let minutes = (first * MINUTE..self.until).step_by(MINUTE as usize);
                let missing = minutes.filter(|minute| !instants.contains(minute));
                return missing.map(|minute| (minute, minute)).collect();
            }
            Due::Request => return Vec::new(),
        };
        // Lines of the same generation that belong to what was before the change, or came after it.
        let within = instants
            .iter()
            .filter(|at| (self.from..self.until).contains(at));
        let mut all = vec![self.from];
        all.extend(within);
        all.push(self.until);
        let pairs = all.windows(2).map(|pair| (pair[0], pair[1]));
        pairs
            .filter(|(from, to)| to - from > every + TOLERANCE)
            .collect()
    }
}

fn stretches(evidence: &Evidence) -> Vec<Stretch> {
    let mut open: BTreeMap<String, Stretch> = BTreeMap::new();
    let mut all = Vec::new();
    let accepted = evidence.generations.iter().filter(|one| one.is_accepted);
    for generation in accepted {
        let jobs = told(generation.text.as_deref().unwrap_or_default());
        let (number, at) = (generation.number, generation.at);
        let goes_on = |name: &String, stretch: &Stretch| {
            !generation.is_start && jobs.get(name).is_some_and(|job| job.due == stretch.due)
        };
        let is_over = |name: &String, stretch: &mut Stretch| !goes_on(name, stretch);
        let over: Vec<_> = open.extract_if(.., is_over).collect();
        all.extend(over.into_iter().map(|(_, stretch)| Stretch {
            until: at - SECOND,
            ..stretch
        }));
        for (job, told) in jobs {
            let stretch = open.entry(job.clone()).or_insert(Stretch {
                job,
                due: told.due,
                from: at,
                until: Instant::MAX,
                generations: (number, number),
            });
            stretch.generations.1 = number;
        }
    }
    all.extend(open.into_values());
    for stretch in &mut all {
        stretch.until = stretch
            .until
            .min(known_until(evidence, stretch.generations.0));
    }
    all
}

/// In the life of hupd to which a generation belongs, everything that was due before the last claim is on record:
/// what is due goes in order, and claims come last. So is everything that was due before a stop in order.
fn known_until(evidence: &Evidence, generation: u64) -> Instant {
    let starts = || {
        let accepted = evidence.generations.iter().filter(|one| one.is_accepted);
        accepted.filter(|one| one.is_start)
    };
    let first = starts().rfind(|start| start.number <= generation);
    let next = starts().find(|start| start.number > generation);
    let numbers =
        first.map_or(0, |start| start.number)..next.map_or(u64::MAX, |start| start.number);
    let times = first.map_or(0, |start| start.at)..next.map_or(Instant::MAX, |start| start.at);
    let claims = evidence.ledger.iter().filter(|line| {
        line.fate == "ran" && line.trigger != "request" && numbers.contains(&line.generation)
    });
    let stops = evidence.stops.iter().filter(|at| times.contains(at));
    let known = claims.map(|line| line.instant).chain(stops.copied());
    known.max().unwrap_or(0)
}

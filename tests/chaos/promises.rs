//! What must hold whatever was done to hupd. Each promise is one sentence, and is judged by the evidence alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::evidence::{Evidence, Instant, Mark, Run, Told, told};
use super::holes::without_holes;
use super::jobs::{ATTEMPTS, LOUD};

/// An instant on the wall is told by two clocks that are not read at quite the same time.
pub const TOLERANCE: Instant = 10_000;

/// A promise that was broken, and by what.
#[derive(Clone, Debug)]
pub struct Broken {
    pub promise: &'static str,
    pub what: String,
}

type Judge = fn(&Evidence) -> Vec<String>;

/// Each promise, and who judges it.
pub const PROMISES: [(&str, Judge); 17] = [
    ("no occurrence starts twice", once),
    ("every start is in the ledger, under its own run", claimed),
    ("nothing starts before its instant", never_early),
    ("nothing waits in the end", decided),
    ("every run has an outcome in the end", ended),
    (
        "what was open when hupd was killed is lost, and nothing else",
        lost,
    ),
    ("nothing is cut short without a reason", not_cut),
    ("the numbers of runs and generations only go up", numbered),
    ("a job that must not overlap does not", apart),
    ("what is of one group never meets", separate),
    ("a job has no more runs at once than it may", bounded),
    (
        "what fails is tried again as often as it may, and no success is",
        tried,
    ),
    ("there are never more runs than places", placed),
    ("no instant is passed over", without_holes),
    (
        "a refused reload leaves the generation as it was",
        untouched,
    ),
    ("what the file says in the end is in force", in_force),
    ("output is kept whole", whole),
];

/// All promises that were broken.
pub fn judge(evidence: &Evidence) -> Vec<Broken> {
    let all = PROMISES.iter().flat_map(|(promise, judge)| {
        let broken = judge(evidence).into_iter();
        broken.map(|what| Broken { promise, what })
    });
    all.collect()
}

/// In the next life the same occurrence of an interval may have a slightly different instant.
fn once(evidence: &Evidence) -> Vec<String> {
    let mut starts: BTreeMap<&str, Vec<&Mark>> = BTreeMap::new();
    for mark in starts_of(evidence) {
        starts.entry(&mark.job).or_default().push(mark);
    }
    let requests = requests(evidence);
    let mut broken = Vec::new();
    for marks in starts.values_mut() {
        marks.sort_by_key(|mark| mark.instant);
        for pair in marks.windows(2) {
            let [one, other] = pair else { continue };
            if one.run == other.run && one.attempt != other.attempt {
                continue;
            }
            let requested = requests.contains(&one.run) || requests.contains(&other.run);
            let apart = other.instant - one.instant;
            if apart == 0 || (apart <= TOLERANCE && !requested) || one.run == other.run {
                broken.push(format!("{one:?} and {other:?}"));
            }
        }
    }
    broken
}

/// The runs that somebody asked for.
fn requests(evidence: &Evidence) -> BTreeSet<u64> {
    let lines = evidence.ledger.iter();
    let asked = lines.filter(|line| line.trigger == "request");
    asked.filter_map(|line| line.run).collect()
}

fn claimed(evidence: &Evidence) -> Vec<String> {
    let runs: HashMap<_, _> = evidence.runs.iter().map(|run| (run.id, run)).collect();
    let lines = evidence.ledger.iter().filter(|line| line.fate == "ran");
    let lines: HashMap<_, _> = lines.map(|line| (line.run, line)).collect();
    let is_known = |mark: &&Mark| {
        let run = runs.get(&mark.run);
        let line = lines.get(&Some(mark.run));
        run.is_some_and(|run| (&run.job, run.instant) == (&mark.job, mark.instant))
            && line.is_some_and(|line| (&line.job, line.instant) == (&mark.job, mark.instant))
    };
    let unknown = evidence.marks.iter().filter(|mark| !is_known(mark));
    unknown.map(|mark| format!("{mark:?}")).collect()
}

fn never_early(evidence: &Evidence) -> Vec<String> {
    let early = starts_of(evidence).filter(|mark| mark.at < mark.instant - TOLERANCE);
    early.map(|mark| format!("{mark:?}")).collect()
}

fn decided(evidence: &Evidence) -> Vec<String> {
    let waiting = evidence.ledger.iter().filter(|line| line.fate == "waiting");
    waiting.map(|line| format!("{line:?}")).collect()
}

fn ended(evidence: &Evidence) -> Vec<String> {
    let is_open = |run: &&Run| run.outcome.is_none() || run.ended_at.is_none();
    let open = evidence.runs.iter().filter(is_open);
    open.map(|run| format!("{run:?}")).collect()
}

fn lost(evidence: &Evidence) -> Vec<String> {
    let lost = evidence.runs.iter().filter(|run| is(run, "lost"));
    let lost: BTreeSet<_> = lost.map(|run| run.id).collect();
    let differ = lost.symmetric_difference(&evidence.open_at_a_kill);
    let run = |id: &u64| evidence.runs.iter().find(|run| run.id == *id);
    differ
        .map(|id| format!("run {id}: {:?}", run(id)))
        .collect()
}

/// A run that ended well has come to its end, by its own account. What was stopped had a time limit, or somebody
/// asked for it, or hupd was told to stop.
fn not_cut(evidence: &Evidence) -> Vec<String> {
    let (ends, files) = (told_their_end(evidence), files(evidence));
    let is_cut = |run: &&Run| {
        let kind = kind_of(&files, run);
        let outcome = run.outcome.as_deref().unwrap_or_default();
        match run.stopped_by.as_deref() {
            Some("time limit") => !matches!(kind, Some("Endless" | "Stubborn")),
            Some("request") => !evidence.asked_to_end.contains(&run.id),
            Some(_) => false,
            None if outcome.starts_with("exited") => !ends.contains(&run.id),
            None => outcome.starts_with("killed") || outcome == "timed out",
        }
    };
    let cut = evidence.runs.iter().filter(is_cut);
    cut.map(|run| format!("{run:?}")).collect()
}

/// The runs that have made their last mark.
fn told_their_end(evidence: &Evidence) -> BTreeSet<u64> {
    let ends = evidence.marks.iter().filter(|mark| mark.is_end);
    ends.map(|mark| mark.run).collect()
}

/// The jobs of each generation.
type Files = HashMap<u64, BTreeMap<String, Told>>;

fn files(evidence: &Evidence) -> Files {
    let mut files = Files::new();
    for generation in &evidence.generations {
        if let Some(text) = &generation.text {
            let file = files.entry(generation.number);
            file.or_insert_with(|| told(text));
        }
    }
    files
}

/// As the file had it under which the run began.
fn kind_of<'f>(files: &'f Files, run: &Run) -> Option<&'f str> {
    let job = files.get(&run.generation)?.get(&run.job)?;
    Some(&job.kind)
}

fn numbered(evidence: &Evidence) -> Vec<String> {
    let generations = evidence.generations.windows(2).filter(|pair| {
        let least = pair[0].number + u64::from(pair[1].is_start);
        pair[1].number < least
    });
    // What is tried again goes on by what is in force then.
    let runs = evidence.runs.iter().filter(|run| run.attempt == 1);
    let mut runs: Vec<_> = runs.collect();
    // A run has its number from when it was due, and its generation from when it had a place.
    runs.sort_by_key(|run| (run.claimed_at, run.generation));
    let runs = runs
        .windows(2)
        .filter(|pair| pair[1].generation < pair[0].generation);
    let generations = generations.map(|pair| format!("{pair:?}"));
    generations
        .chain(runs.map(|pair| format!("{pair:?}")))
        .collect()
}

/// Of all that are not let run side by side.
fn apart(evidence: &Evidence) -> Vec<String> {
    let may_not = |job: &str| {
        let beside = ["allow", "two"];
        (!beside.iter().any(|it| job.starts_with(it))).then(|| job.to_owned())
    };
    meetings(evidence, may_not)
}

fn separate(evidence: &Evidence) -> Vec<String> {
    meetings(evidence, |job| {
        job.starts_with("group").then(|| "group".to_owned())
    })
}

/// Of runs that belong together, those that met: by the ledger, and by what the jobs themselves say. What was lost has
/// gone on as a run, where its start was on record, until it was gone.
fn meetings(evidence: &Evidence, of: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut together: BTreeMap<String, Vec<&Run>> = BTreeMap::new();
    for run in &evidence.runs {
        if let Some(key) = of(&run.job) {
            together.entry(key).or_default().push(run);
        }
    }
    let mut broken = Vec::new();
    for runs in together.values_mut() {
        runs.sort_by_key(|run| run.claimed_at);
        let pairs = runs.windows(2).filter(|pair| {
            let ended_at = pair[0].ended_at.unwrap_or(Instant::MAX);
            pair[1].claimed_at < ended_at
        });
        broken.extend(pairs.map(|pair| format!("{pair:?}")));
    }
    broken.extend(overlaps(evidence, of));
    broken
}

/// By what the jobs themselves say: from the start to the end of a run, no other one starts.
fn overlaps(evidence: &Evidence, of: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut told: HashMap<String, Vec<_>> = HashMap::new();
    for (mark, end) in lasted(evidence) {
        if let Some(key) = of(&mark.job) {
            told.entry(key).or_default().push((mark, end));
        }
    }
    let mut broken = Vec::new();
    for one in starts_of(evidence) {
        let others = of(&one.job).and_then(|key| told.get(&key));
        let others = others.into_iter().flatten();
        let others = others.filter(|(other, _)| other.run != one.run);
        let mut others = others.filter(|(other, end)| other.at < one.at && one.at < *end);
        broken.extend(
            others
                .next()
                .map(|(other, _)| format!("{other:?}, then {one:?}")),
        );
    }
    broken
}

/// Those that may have two.
fn bounded(evidence: &Evidence) -> Vec<String> {
    let mut jobs: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    let runs = evidence.runs.iter();
    for run in runs.filter(|run| run.job.starts_with("two")) {
        let ended_at = run.ended_at.unwrap_or(Instant::MAX);
        let of_job = jobs.entry(&run.job).or_default();
        of_job.push((run.claimed_at, ended_at, run.id));
    }
    let jobs = jobs.into_values();
    jobs.flat_map(|runs| crowds(runs.into_iter(), 2)).collect()
}

/// The attempts of a run come one after the other, and no success is followed by another one.
fn tried(evidence: &Evidence) -> Vec<String> {
    let files = files(evidence);
    let mut attempts: HashMap<u64, BTreeSet<u64>> = HashMap::new();
    for mark in starts_of(evidence) {
        attempts.entry(mark.run).or_default().insert(mark.attempt);
    }
    let is_wrong = |run: &&Run| {
        let made = attempts.get(&run.id).map_or(0, BTreeSet::len) as u64;
        let is_lucky = kind_of(&files, run) == Some("Lucky") && is(run, "exited 4");
        run.attempt > ATTEMPTS || made > run.attempt || is_lucky && run.success != Some(true)
    };
    let wrong = evidence.runs.iter().filter(is_wrong);
    let mut broken: Vec<_> = wrong.map(|run| format!("{run:?}")).collect();
    // The next one begins when the last one has ended, and after its delay, less a quarter of that at most.
    let ended = lasted(evidence);
    let ended: HashMap<_, _> = ended
        .iter()
        .map(|(mark, end)| ((mark.run, mark.attempt), *end))
        .collect();
    for mark in starts_of(evidence).filter(|mark| mark.attempt > 1) {
        let before = ended.get(&(mark.run, mark.attempt - 1));
        if before.is_some_and(|end| mark.at < end + 300_000) {
            broken.push(format!("{mark:?}, too early"));
        }
    }
    broken
}

/// The starts of runs that were not lost, and when they came to their end.
fn lasted(evidence: &Evidence) -> Vec<(&Mark, Instant)> {
    let ends = evidence.marks.iter().filter(|mark| mark.is_end);
    let ends: HashMap<_, _> = ends
        .map(|mark| ((mark.run, mark.attempt), mark.at))
        .collect();
    let known = starts_of(evidence).filter(|mark| !evidence.open_at_a_kill.contains(&mark.run));
    let told = known.filter_map(|mark| Some((mark, *ends.get(&(mark.run, mark.attempt))?)));
    told.collect()
}

/// By the ledger, and by what the jobs themselves say.
fn placed(evidence: &Evidence) -> Vec<String> {
    // Between its attempts a run has no place, and somebody may have ended it then: what it says itself counts.
    let is_ended_by_itself =
        |run: &&Run| matches!(run.stopped_by.as_deref(), None | Some("time limit"));
    let runs = evidence.runs.iter().filter(|run| run.attempt == 1);
    let runs = runs.filter(is_ended_by_itself);
    let by_ledger = runs.map(|run| (run.claimed_at, run.ended_at.unwrap_or(Instant::MAX), run.id));
    let marks = lasted(evidence).into_iter();
    let by_marks = marks.map(|(mark, end)| (mark.at, end, mark.run));
    let most = evidence.max_running as i64;
    [crowds(by_ledger, most), crowds(by_marks, most)].concat()
}

fn crowds(runs: impl Iterator<Item = (Instant, Instant, u64)>, most: i64) -> Vec<String> {
    let ends = runs.flat_map(|(from, until, run)| [(from, 1, run), (until, -1, run)]);
    let mut changes: Vec<(Instant, i64, u64)> = ends.collect();
    changes.sort_unstable();
    let mut open = 0;
    let mut broken = Vec::new();
    for (at, change, run) in changes {
        open += change;
        if change > 0 && open > most {
            broken.push(format!("run {run} is one of {open} at {at}"));
        }
    }
    broken
}

fn untouched(evidence: &Evidence) -> Vec<String> {
    let pairs = evidence.generations.windows(2);
    let moved = pairs.filter(|pair| !pair[1].is_accepted && pair[1].number != pair[0].number);
    moved.map(|pair| format!("{pair:?}")).collect()
}

fn in_force(evidence: &Evidence) -> Vec<String> {
    let last = evidence.generations.last();
    match last.and_then(|last| last.text.as_deref()) {
        Some(text) if text == evidence.last_file => Vec::new(),
        _ => vec![format!("{last:?}")],
    }
}

fn whole(evidence: &Evidence) -> Vec<String> {
    let (ends, files) = (told_their_end(evidence), files(evidence));
    let is_loud = |run: &&Run| kind_of(&files, run) == Some("Loud");
    let has_ended = |run: &&Run| ends.contains(&run.id) && is(run, "exited 0");
    let runs = evidence.runs.iter().filter(is_loud).filter(has_ended);
    let short = runs.filter(|run| run.output_total != Some(LOUD));
    short.map(|run| format!("{run:?}")).collect()
}

fn starts_of(evidence: &Evidence) -> impl Iterator<Item = &Mark> {
    evidence.marks.iter().filter(|mark| !mark.is_end)
}

fn is(run: &Run, outcome: &str) -> bool {
    run.outcome.as_deref() == Some(outcome)
}

//! A judge that never finds anything proves nothing: sound evidence is spoiled, once for each promise.

use std::collections::BTreeSet;

use super::evidence::{Evidence, Generation, Instant, Line, Mark, Run};
use super::jobs::LOUD;
use super::promises::{PROMISES, TOLERANCE, judge};

const SECOND: Instant = 1_000_000;
const FILE: &str = "[jobs.skip-0]\nevery = \"1s\"\ndescription = \"Loud\"\n";

/// How to spoil it, and which promise is broken then.
type Spoil = (&'static str, fn(&mut Evidence));

const SPOILED: [Spoil; 28] = [
    ("no occurrence starts twice", |evidence| {
        let mut again = evidence.marks[0].clone();
        again.instant += 3;
        evidence.marks.push(again);
    }),
    (
        "every start is in the ledger, under its own run",
        |evidence| {
            evidence.ledger[1].run = None;
        },
    ),
    ("nothing starts before its instant", |evidence| {
        evidence.marks[0].at = evidence.marks[0].instant - SECOND;
    }),
    ("nothing waits in the end", |evidence| {
        evidence.ledger[0].fate = "waiting".to_owned();
    }),
    ("every run has an outcome in the end", |evidence| {
        evidence.runs[2].outcome = None;
    }),
    (
        "what was open when hupd was killed is lost, and nothing else",
        |evidence| {
            evidence.open_at_a_kill.clear();
        },
    ),
    (
        "what was open when hupd was killed is lost, and nothing else",
        |evidence| {
            evidence.open_at_a_kill.insert(1);
        },
    ),
    ("nothing is cut short without a reason", |evidence| {
        evidence.marks.retain(|mark| !mark.is_end);
    }),
    ("nothing is cut short without a reason", |evidence| {
        evidence.runs[0].outcome = Some("killed by KILL".to_owned());
    }),
    (
        "the numbers of runs and generations only go up",
        |evidence| {
            evidence.runs[3].generation = 1;
        },
    ),
    (
        "the numbers of runs and generations only go up",
        |evidence| {
            evidence.generations[1].number = 1;
        },
    ),
    ("a job that must not overlap does not", |evidence| {
        evidence.runs[0].ended_at = Some(evidence.runs[1].claimed_at + 1);
    }),
    ("there are never more runs than places", |evidence| {
        evidence.max_running = 0;
    }),
    ("no instant is passed over", |evidence| {
        drop(evidence.ledger.remove(3));
    }),
    // Told to stop after another second: what was due then has no line.
    ("no instant is passed over", |evidence| {
        evidence.stops.push(15 * SECOND + 3 * TOLERANCE);
    }),
    (
        "a refused reload leaves the generation as it was",
        |evidence| {
            evidence.generations[2].number = 3;
        },
    ),
    ("what the file says in the end is in force", |evidence| {
        evidence.last_file.push('#');
    }),
    ("nothing is cut short without a reason", |evidence| {
        evidence.runs[0].stopped_by = Some("request".to_owned());
    }),
    ("nothing is cut short without a reason", |evidence| {
        evidence.runs[0].stopped_by = Some("time limit".to_owned());
    }),
    ("a job that must not overlap does not", |evidence| {
        evidence.marks[5].at = evidence.marks[6].at + 1;
    }),
    ("there are never more runs than places", |evidence| {
        evidence.marks[5].at = evidence.marks[6].at + 1;
    }),
    ("no instant is passed over", |evidence| {
        for generation in &mut evidence.generations {
            generation.text = Some("[jobs.a]\nschedule = \"* * * * *\"\n".to_owned());
        }
        for line in &mut evidence.ledger {
            line.instant *= 20;
        }
    }),
    ("what is of one group never meets", |evidence| {
        grouped(evidence);
        evidence.runs[0].ended_at = Some(evidence.runs[1].claimed_at + 1);
    }),
    ("what is of one group never meets", |evidence| {
        grouped(evidence);
        evidence.marks[5].at = evidence.marks[6].at + 1;
    }),
    ("a job has no more runs at once than it may", |evidence| {
        for run in &mut evidence.runs {
            run.job = "two-4".to_owned();
            run.ended_at = Some(14 * SECOND);
        }
    }),
    (
        "what fails is tried again as often as it may, and no success is",
        |evidence| {
            evidence.marks[0].attempt = 2;
            evidence.marks.push(evidence.marks[1].clone());
            evidence.marks[1].is_end = false;
        },
    ),
    (
        "what fails is tried again as often as it may, and no success is",
        |evidence| {
            evidence.runs[0].attempt = 4;
        },
    ),
    ("output is kept whole", |evidence| {
        evidence.runs[0].output_total = Some(LOUD - 1);
    }),
];

#[test]
fn each_promise_is_seen_to_be_broken() {
    let broken = judge(&sound());
    assert!(broken.is_empty(), "{broken:#?}");
    for (promise, spoil) in SPOILED {
        let mut evidence = sound();
        spoil(&mut evidence);
        let broken = judge(&evidence);
        let seen = broken.iter().any(|broken| broken.promise == promise);
        assert!(
            seen,
            "'{promise}' was spoiled, and this was found: {broken:#?}"
        );
    }
    let spoiled: BTreeSet<_> = SPOILED.iter().map(|(promise, _)| *promise).collect();
    let promised: BTreeSet<_> = PROMISES.iter().map(|(promise, _)| *promise).collect();
    assert_eq!(spoiled, promised);
}

/// Two lives of hupd: it was killed when its second run was open, and has refused a reload in its second life.
fn sound() -> Evidence {
    let generation = |number, at, is_start, is_accepted| Generation {
        number,
        at,
        is_start,
        is_accepted,
        text: Some(FILE.to_owned()),
    };
    Evidence {
        max_running: 1,
        ledger: (1..=2)
            .map(|n| line(n, 1))
            .chain((11..=14).map(|n| line(n, 2)))
            .collect(),
        runs: vec![
            run(1, 1),
            run(2, 1),
            run(11, 2),
            run(12, 2),
            run(13, 2),
            run(14, 2),
        ],
        generations: vec![
            generation(1, SECOND / 2, true, true),
            generation(2, 10 * SECOND + SECOND / 2, true, true),
            generation(2, 12 * SECOND, false, false),
            generation(2, 13 * SECOND, false, true),
        ],
        marks: [1, 2, 11, 12, 13, 14].into_iter().flat_map(marks).collect(),
        open_at_a_kill: [2].into(),
        asked_to_end: [14].into(),
        stops: vec![14 * SECOND + SECOND / 2],
        last_file: FILE.to_owned(),
    }
}

/// Each run is of another job, and all of one group.
fn grouped(evidence: &mut Evidence) {
    let name = |run: u64| format!("group-{run}");
    for run in &mut evidence.runs {
        run.job = name(run.id);
    }
    for mark in &mut evidence.marks {
        mark.job = name(mark.run);
    }
}

/// Due and begun at that second, and its run has that number.
fn line(second: u64, generation: u64) -> Line {
    Line {
        job: "skip-0".to_owned(),
        instant: second as Instant * SECOND,
        trigger: "every".to_owned(),
        fate: "ran".to_owned(),
        generation,
        run: Some(second),
    }
}

fn run(second: u64, generation: u64) -> Run {
    let instant = second as Instant * SECOND;
    let outcome = match second {
        2 => "lost",
        _ => "exited 0",
    };
    Run {
        id: second,
        job: "skip-0".to_owned(),
        instant,
        claimed_at: instant + 100,
        ended_at: Some(instant + SECOND / 2),
        outcome: Some(outcome.to_owned()),
        stopped_by: None,
        output_total: Some(LOUD),
        generation,
        attempt: 1,
        success: Some(second != 2),
    }
}

fn marks(second: u64) -> [Mark; 2] {
    let instant = second as Instant * SECOND;
    [false, true].map(|is_end| Mark {
        job: "skip-0".to_owned(),
        run: second,
        attempt: 1,
        instant,
        is_end,
        at: instant + if is_end { SECOND / 2 } else { SECOND / 4 },
    })
}

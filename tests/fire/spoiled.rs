//! A judge that never finds anything proves nothing: sound evidence is spoiled, for each promise.

use std::collections::BTreeSet;

use super::evidence::{Evidence, Generation, Instant, Line, Mark, Run};
use super::files::{Due, steady};
use super::gauge::Gauge;
use super::under::{Fate, Fire, PROMISES, Reload, Verdict, grown, judge};

const SECOND: Instant = 1_000_000;
const SERVED: i64 = 5;
const TEXT: &str = "# main\n";

type Spoil = (&'static str, fn(&mut Fire));

const SPOILED: [Spoil; 13] = [
    (
        "every HUP is followed by a reload that begins soon",
        |fire| {
            fire.hups.push(SECOND * SERVED);
        },
    ),
    ("every reload has one verdict", |fire| {
        fire.reloads[1].verdict = None;
    }),
    ("generations only go up, one by one", |fire| {
        verdict(fire, 2).generation = 2;
    }),
    ("generations only go up, one by one", |fire| {
        verdict(fire, 1).generation = 4;
    }),
    ("generations only go up, one by one", |fire| {
        verdict(fire, 2).fate = Fate::Refused;
    }),
    (
        "no instant of a steady job is passed over or named twice",
        |fire| pass_over(fire, "second-004", 2),
    ),
    (
        "no instant of a steady job is passed over or named twice",
        |fire| pass_over(fire, "interval-005", 1),
    ),
    (
        "no instant of a steady job is passed over or named twice",
        |fire| pass_over(fire, "interval-005", 2),
    ),
    (
        "no instant of a steady job is passed over or named twice",
        |fire| pass_over(fire, "interval-005", 4),
    ),
    (
        "no instant of a steady job is passed over or named twice",
        |fire| fire.evidence.ledger.push(fire.evidence.ledger[3].clone()),
    ),
    ("what ran has made its mark", |fire| {
        fire.evidence.marks.truncate(2);
    }),
    ("what the files say in the end is in force", |fire| {
        fire.on_disk[1].push('#');
    }),
    ("what the files say in the end is in force", |fire| {
        fire.kept.clear();
    }),
];

#[test]
fn each_promise_is_seen_to_be_broken() {
    assert_eq!(judge(&sound(), 0), [""; 0], "the sound evidence");
    for (promise, spoil) in SPOILED {
        let mut fire = sound();
        spoil(&mut fire);
        let broken = judge(&fire, 0);
        let seen = broken
            .iter()
            .any(|it| it.starts_with(&format!("broken: {promise}\n")));
        assert!(
            seen,
            "'{promise}' was spoiled, and this was found: {broken:#?}"
        );
    }
    let spoiled: BTreeSet<_> = SPOILED.iter().map(|(promise, _)| *promise).collect();
    let promised: BTreeSet<_> = PROMISES.iter().map(|(promise, _)| *promise).collect();
    assert_eq!(spoiled, promised);
}

#[test]
fn what_has_grown_is_seen() {
    let grow: [fn(&mut Gauge); 3] = [
        |it| it.descriptors += 1,
        |it| it.threads += 1,
        |it| it.resident += 20_000,
    ];
    for grow in grow {
        let mut fire = sound();
        grow(&mut fire.after);
        assert_eq!(grown(&fire, 0).len(), 1);
    }
    let mut fire = sound();
    fire.after.resident += 20_000;
    assert_eq!(grown(&fire, 15_000), [""; 0], "in peace it grows as well");
}

fn verdict(fire: &mut Fire, reload: usize) -> &mut Verdict {
    fire.reloads[reload].verdict.as_mut().expect("it is sound")
}

fn pass_over(fire: &mut Fire, job: &str, second: i64) {
    let line = |line: &Line| line.job == job && line.instant / SECOND == second;
    fire.evidence.ledger.retain(|it| !line(it));
}

/// It has served for five seconds, and three reloads.
fn sound() -> Fire {
    let jobs: Vec<_> = steady().collect();
    let dues = (1..SERVED).flat_map(|second| jobs.iter().map(move |job| (second, job)));
    let lines = dues.zip(1..).map(|((second, (job, due)), run)| Line {
        job: job.clone(),
        instant: second * SECOND + if *due == Due::Interval { 300 } else { 0 },
        trigger: "every".to_owned(),
        fate: "ran".to_owned(),
        generation: 1,
        run: Some(run),
    });
    let ledger: Vec<_> = lines.collect();
    let reload = |second: i64, generation, fate| Reload {
        began: second * SECOND + 5,
        verdict: Some(Verdict { generation, fate }),
    };
    let gauge = Gauge {
        descriptors: 20,
        threads: 9,
        resident: 10_000,
    };
    let files = vec![TEXT.to_owned(), "# steady\n".to_owned()];
    Fire {
        evidence: Evidence {
            max_running: 256,
            runs: ledger.iter().map(run).collect(),
            marks: ledger.iter().flat_map(marks).collect(),
            ledger,
            generations: vec![Generation {
                number: 1,
                at: 100,
                is_start: true,
                is_accepted: true,
                text: Some(TEXT.to_owned()),
            }],
            stops: vec![SERVED * SECOND],
            last_file: TEXT.to_owned(),
            ..Evidence::default()
        },
        served: 200..SERVED * SECOND,
        hups: (1..4).map(|second| second * SECOND).collect(),
        reloads: vec![
            reload(1, 2, Fate::Accepted),
            reload(2, 2, Fate::Unchanged),
            reload(3, 3, Fate::Accepted),
        ],
        kept: files.clone(),
        on_disk: files,
        before: gauge.clone(),
        after: gauge,
    }
}

fn run(line: &Line) -> Run {
    Run {
        id: line.run.expect("it ran"),
        job: line.job.clone(),
        instant: line.instant,
        claimed_at: line.instant + 100,
        ended_at: Some(line.instant + 200),
        outcome: Some("exited 0".to_owned()),
        generation: 1,
        attempt: 1,
        success: Some(true),
        ..Run::default()
    }
}

fn marks(line: &Line) -> [Mark; 2] {
    [false, true].map(|is_end| Mark {
        job: line.job.clone(),
        run: line.run.expect("it ran"),
        attempt: 1,
        instant: line.instant,
        is_end,
        at: line.instant + 150,
    })
}

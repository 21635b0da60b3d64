//! What is left of the chaos: the ledger, and the marks that the jobs themselves have made.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, Row};

use super::common::{Home, store};

/// In microseconds since 1970, as the ledger has it.
pub type Instant = i64;

/// Everything there is to judge by.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    pub max_running: usize,
    /// By instant.
    pub ledger: Vec<Line>,
    /// By number.
    pub runs: Vec<Run>,
    /// In the order in which they were decided.
    pub generations: Vec<Generation>,
    /// In the order in which they were made.
    pub marks: Vec<Mark>,
    /// Runs that were open when their hupd was killed.
    pub open_at_a_kill: BTreeSet<u64>,
    /// Runs whose end somebody asked for.
    pub asked_to_end: BTreeSet<u64>,
    /// When a hupd that served was told to stop, and did.
    pub stops: Vec<Instant>,
    /// The file that stands in the end.
    pub last_file: String,
}

#[derive(Clone, Debug, Default)]
pub struct Line {
    pub job: String,
    pub instant: Instant,
    pub trigger: String,
    pub fate: String,
    pub generation: u64,
    pub run: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub struct Run {
    pub id: u64,
    pub job: String,
    pub instant: Instant,
    pub claimed_at: Instant,
    pub ended_at: Option<Instant>,
    pub outcome: Option<String>,
    pub stopped_by: Option<String>,
    pub output_total: Option<u64>,
    pub generation: u64,
    /// Its last one.
    pub attempt: u64,
    pub success: Option<bool>,
}

/// One start of hupd, or one reload.
#[derive(Clone, Debug, Default)]
pub struct Generation {
    /// The one in force afterwards.
    pub number: u64,
    pub at: Instant,
    /// At a start of hupd, not at a reload.
    pub is_start: bool,
    pub is_accepted: bool,
    pub text: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Mark {
    pub job: String,
    pub run: u64,
    pub attempt: u64,
    pub instant: Instant,
    pub is_end: bool,
    pub at: Instant,
}

/// What a file says of a job, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub due: Due,
    pub kind: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// In microseconds.
    Every(i64),
    EveryMinute,
    Request,
}

impl Evidence {
    /// Of a hupd that has ended.
    pub fn of(home: &Home) -> Self {
        let store = store(home);
        let marks = home.read("marks");
        Self {
            ledger: rows(
                &store,
                "SELECT job, instant, trigger, fate, generation, run FROM ledger ORDER BY instant",
                line,
            ),
            runs: rows(&store, "SELECT * FROM runs ORDER BY id", run),
            marks: marks.lines().map(mark).collect(),
            ..Self::default()
        }
    }
}

/// All of them, also those whose files the store has forgotten by now: of each what was first seen.
#[derive(Debug, Default)]
pub struct Generations(BTreeMap<u64, Generation>);

impl Generations {
    /// What the store tells now: nothing where hupd was killed before it had made its tables.
    pub fn note(&mut self, store: &Connection) {
        if !store
            .table_exists(None, "generation_files")
            .expect("a store")
        {
            return;
        }
        let seen = rows(
            store,
            "SELECT id, number, at, asked_by, accepted, text FROM generations
             LEFT JOIN generation_files ON generation = files ORDER BY id, generation_files.rowid",
            |row| Ok((number(row, "id")?, generation(row)?)),
        );
        for (id, generation) in seen {
            self.0.entry(id).or_insert(generation);
        }
    }

    /// In the order in which they were decided.
    pub fn all(self) -> Vec<Generation> {
        self.0.into_values().collect()
    }
}

fn rows<T>(
    store: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Vec<T> {
    let mut rows = store.prepare(sql).expect("a table");
    let rows = rows.query_map([], |row| read(row));
    rows.and_then(Iterator::collect).expect("rows")
}

fn line(row: &Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line {
        job: row.get("job")?,
        instant: row.get("instant")?,
        trigger: row.get("trigger")?,
        fate: row.get("fate")?,
        generation: number(row, "generation")?,
        run: row.get::<_, Option<i64>>("run")?.map(i64::unsigned_abs),
    })
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    let total: Option<i64> = row.get("output_total")?;
    Ok(Run {
        id: number(row, "id")?,
        job: row.get("job")?,
        instant: row.get("instant")?,
        claimed_at: row.get("claimed_at")?,
        ended_at: row.get("ended_at")?,
        outcome: row.get("outcome")?,
        stopped_by: row.get("stopped_by")?,
        output_total: total.map(i64::unsigned_abs),
        generation: number(row, "generation")?,
        attempt: number(row, "attempt")?,
        success: row.get("success")?,
    })
}

fn generation(row: &Row<'_>) -> rusqlite::Result<Generation> {
    let asked_by: String = row.get("asked_by")?;
    Ok(Generation {
        number: number(row, "number")?,
        at: row.get("at")?,
        is_start: asked_by == "start",
        is_accepted: row.get("accepted")?,
        text: row.get("text")?,
    })
}

fn number(row: &Row<'_>, name: &str) -> rusqlite::Result<u64> {
    row.get::<_, i64>(name).map(i64::unsigned_abs)
}

/// `job run attempt instant what nanoseconds`.
fn mark(line: &str) -> Mark {
    let words: Vec<_> = line.split(' ').collect();
    let [job, run, attempt, instant, what, at] = words[..] else {
        panic!("'{line}' is not what a job says");
    };
    let instant: jiff::Timestamp = instant.parse().expect("a time");
    Mark {
        job: job.to_owned(),
        run: run.parse().expect("a number"),
        attempt: attempt.parse().expect("a number"),
        instant: instant.as_microsecond(),
        is_end: what == "end",
        at: at.parse::<i64>().expect("a number") / 1000,
    }
}

/// The jobs of an accepted file.
pub fn told(text: &str) -> BTreeMap<String, Told> {
    let file: toml::Table = text.parse().expect("it was accepted");
    let jobs = file.get("jobs").and_then(|jobs| jobs.as_table());
    let jobs = jobs.into_iter().flatten();
    let told = |job: &toml::Value| {
        let text = |key: &str| job.get(key).and_then(toml::Value::as_str);
        let every = text("every").map(|every| every.trim_end_matches('s').parse::<i64>());
        let due = match (every, text("schedule")) {
            (Some(every), _) => Due::Every(every.expect("seconds") * 1_000_000),
            (None, Some(_)) => Due::EveryMinute,
            (None, None) => Due::Request,
        };
        Told {
            due,
            kind: text("description").unwrap_or_default().to_owned(),
        }
    };
    jobs.map(|(name, job)| (name.clone(), told(job))).collect()
}

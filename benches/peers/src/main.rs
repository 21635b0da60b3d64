//! How long the next instant of an expression takes: hupd beside published crates, in turn, in one run. Each is asked
//! in its own manner for one instant after another, from 2026 on.
//!
//! `cargo run --release --locked --manifest-path benches/peers/Cargo.toml`

use std::hint::black_box;
use std::time::{Duration, Instant};

mod engines;

use engines::{ENGINES, Engine};

/// For one figure. There are many of each, and the least counts: what else the machine does only adds to them.
const BUDGET: Duration = Duration::from_millis(2);
const ROUNDS: usize = 50;
/// So many instants in a row, then from the beginning again.
const ROW: usize = 1000;
/// At least so many between two looks at the clock, which take as long as an instant: some rows have but two.
const BETWEEN_LOOKS: usize = 100;

/// One expression, as hupd has it and as those have it that always take seconds first.
struct Case {
    hupd: &'static str,
    /// With seconds in front; both fields for days must match.
    with_seconds: &'static str,
}

const CASES: [Case; 7] = [
    case("*/5 * * * *", "0 */5 * * * * *"),
    case("30 2 * * *", "0 30 2 * * * *"),
    case("0 9-17 * * MON-FRI", "0 0 9-17 * * MON-FRI *"),
    case("15 10 1,15 * *", "0 15 10 1,15 * * *"),
    case("0 0 29 2 *", "0 0 0 29 2 * *"),
    case("Mon *-02-29 00:00", "0 0 0 29 2 MON *"),
    case("0 0 0 1 1 * 2099", "0 0 0 1 1 * 2099"),
];

const fn case(hupd: &'static str, with_seconds: &'static str) -> Case {
    Case { hupd, with_seconds }
}

fn main() {
    println!(
        "nanoseconds for the next instant, the least of {ROUNDS}; '*': names other instants than hupd; '-': cannot say it"
    );
    print!("{:<20} {:<14}", "expression", "zone");
    for (name, _) in ENGINES {
        print!(" {name:>10}");
    }
    println!(" {:>13}", "best / hupd");
    for case in &CASES {
        for zone in ["UTC", "Europe/Berlin"] {
            row(case, zone);
        }
    }
}

fn row(case: &Case, zone: &'static str) {
    let engines: Vec<_> = ENGINES.iter().map(|(_, new)| new(case, zone)).collect();
    let expected = first(engines[0].as_deref().expect("hupd can say all of them"));
    let mut figures = vec![Vec::new(); engines.len()];
    for _ in 0..ROUNDS {
        for (engine, figures) in engines.iter().zip(&mut figures) {
            figures.extend(engine.as_deref().map(nanoseconds));
        }
    }
    let least: Vec<_> = figures.into_iter().map(least).collect();
    print!("{:<20} {zone:<14}", case.hupd);
    for (engine, least) in engines.iter().zip(&least) {
        let cell = match (engine, least) {
            (Some(engine), Some(least)) => {
                let mark = if first(&**engine) == expected {
                    ""
                } else {
                    "*"
                };
                format!("{mark}{least:.0}")
            }
            _ => "-".to_owned(),
        };
        print!(" {cell:>10}");
    }
    let hupd = least[0].expect("hupd was measured");
    let best = least[1..]
        .iter()
        .flatten()
        .copied()
        .fold(f64::INFINITY, f64::min);
    println!(" {:>13.1}", best / hupd);
}

/// Enough to see some years of clock changes.
fn first(engine: &dyn Engine) -> Vec<i64> {
    let mut instants = Vec::new();
    engine.walk(3000, &mut |instant| instants.push(instant));
    instants
}

fn nanoseconds(engine: &dyn Engine) -> f64 {
    let began = Instant::now();
    let mut asked = 0;
    while began.elapsed() < BUDGET {
        let enough = asked + BETWEEN_LOOKS;
        while asked < enough {
            asked += engine.walk(ROW, &mut |instant| {
                black_box(instant);
            });
        }
    }
    began.elapsed().as_secs_f64() * 1e9 / asked as f64
}

fn least(figures: Vec<f64>) -> Option<f64> {
    figures.into_iter().min_by(f64::total_cmp)
}

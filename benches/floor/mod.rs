//! The bare loop in C beside which launches are measured, and how it is run.

use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Floor {
    program: PathBuf,
}

/// What so many starts took.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Milliseconds to the last start.
    pub last: f64,
    /// Microseconds of CPU for each, of whoever starts and of what is started.
    pub cpu: f64,
}

impl Floor {
    pub fn compile(folder: &Path) -> Self {
        let program = compile("floor.c", folder);
        Self { program }
    }

    pub fn run(&self, starts: usize, command: &[&str]) -> Cost {
        let mut floor = Command::new(&self.program);
        let output = floor.arg(starts.to_string()).args(command).output();
        let output = String::from_utf8(output.expect("the floor runs").stdout);
        let output = output.expect("numbers");
        let mut micros = output
            .split_whitespace()
            .map(|number| number.parse::<f64>().expect("a number"));
        Cost {
            last: micros.next().expect("a time") / 1e3,
            cpu: micros.next().expect("a time") / starts as f64,
        }
    }
}

/// One of the programs in C that lie beside the benchmarks.
pub fn compile(source: &str, folder: &Path) -> PathBuf {
    let program = folder.join(source.trim_end_matches(".c"));
    let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    let mut cc = Command::new("cc");
    cc.arg("-O2").arg("-o").arg(&program);
    let compiled = cc.arg(benches.join(source)).status();
    let is_compiled = compiled.is_ok_and(|status| status.success());
    assert!(is_compiled, "cc compiles {source}");
    program
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

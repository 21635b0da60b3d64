//! How long it takes until 100,000 jobs wait for their first instants: reading and checking the file, and the engine's
//! first due times; beside bare deserialisation of the same text by `toml`, in turn, in one run.
//!
//! `cargo bench --bench load`

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a benchmark stands outside hupd"
)]

mod hundred_thousand;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use hundred_thousand::{JOBS, bare, median, text, timed};
use hupd::clock::Moment;
use hupd::config::{Config, Surroundings, load};
use hupd::engine::{Beginning, Engine, Left};
use hupd::run::{Generation, RunId};

const ROUNDS: usize = 5;

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("hupd.toml");
    let text = text();
    std::fs::write(&path, &text).expect("a file can be written");
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let bare = bare(&text);
        let (loaded, config) = timed(|| config(&path));
        let (planned, _) = timed(|| Engine::new(beginning(config), Moment::now()));
        for (figures, figure) in figures
            .iter_mut()
            .zip([bare, loaded, planned, loaded / bare])
        {
            figures.push(figure);
        }
    }
    let [bare, loaded, planned, ratio] = figures.map(median);
    println!(
        "{JOBS} jobs, {} KiB; medians of {ROUNDS}",
        text.len() / 1024
    );
    println!("bare deserialisation   {bare:>6.0} ms");
    println!("load and check         {loaded:>6.0} ms   ratio {ratio:.2}");
    println!("first due times        {planned:>6.0} ms");
}

fn config(path: &Path) -> Config {
    let surroundings = Surroundings {
        is_root: true,
        ..Surroundings::default()
    };
    let accepted = load(path, &surroundings, Moment::now().wall);
    accepted.expect("nothing is wrong with it").config
}

fn beginning(config: Config) -> Beginning {
    Beginning {
        config: Arc::new(config),
        generation: Generation(1),
        next_run: RunId(1),
        anchors: BTreeMap::new(),
        left: Left::default(),
    }
}

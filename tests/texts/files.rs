//! Configuration files.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::some_of;

const EVERYTHING: &str = include_str!("../../config/hupd.toml");

/// Lines and pieces of a file, right and wrong.
const PIECES: [&str; 44] = [
    "[jobs.a]\n",
    "[jobs.\"a.b\"]\n",
    "[jobs.a.b]\n",
    "[[jobs.a]]\n",
    "[jobs\n",
    "[defaults]\n",
    "[history]\n",
    "[daemon]\n",
    "command = \"true\"\n",
    "command = [\"true\", 1, \"\"]\n",
    "command = [\n",
    "schedule = \"61 * * * *\"\n",
    "schedule = \"0 0 30 2 *\"\n",
    "schedule = '\u{202e}* * * * *'\n",
    "schedule = \"* *\\t* * *\\u0001\"\n",
    "every = \"0s\"\n",
    "every = 1979-05-27T07:32:00Z\n",
    "timezone = \"Europe/Berln\"\n",
    "timeout = 99999999999999999999999\n",
    "env = { HUPD_X = \"\", \"\" = 1 }\n",
    "env.A.B = 1\n",
    "output = 0x_1\n",
    "include = [\"more.toml\", \"*.toml\", \"[\", 1]\n",
    "shedule = \"@daily\"\n",
    "keep = inf\n",
    "state_dir = \"~\"\n",
    "overlap = \"queue\"\n",
    "\"\"\"",
    "'''",
    "\"",
    "]",
    "}",
    "{",
    ",",
    "=",
    "#",
    "\r\n",
    "\r",
    "\0",
    "\u{feff}",
    "\u{2028}\u{1b}[31m",
    "\\u{0}",
    "größe = ",
    "\n",
];

/// The reference with some pieces of it replaced, left out or doubled.
pub fn bytes_of_a_file() -> impl Strategy<Value = Vec<u8>> {
    let slip = (
        any::<Index>(),
        0_usize..30,
        select(&PIECES[..]),
        any::<bool>(),
    );
    prop::collection::vec(slip, 1..6).prop_map(move |slips| {
        let mut bytes = EVERYTHING.as_bytes().to_vec();
        for (place, length, piece, is_doubled) in slips {
            let start = place.index(bytes.len() + 1);
            let end = (start + length).min(bytes.len());
            let mut new = piece.as_bytes().to_vec();
            new.extend(bytes[start..end].iter().filter(|_| is_doubled));
            bytes.splice(start..end, new);
        }
        bytes
    })
}

pub fn pieces_of_a_file() -> impl Strategy<Value = String> {
    some_of(&PIECES, 12)
}

/// A key, and values for it, the last ones a little out of bounds.
type Key = (&'static str, &'static [&'static str]);

const SECTIONS: [(&str, &[Key]); 5] = [
    ("[daemon]\n", &OF_DAEMON),
    ("[log]\n", &OF_LOG),
    ("[history]\n", &OF_HISTORY),
    ("[defaults]\n", OF_DEFAULTS),
    ("[jobs.a]\ncommand = \"true\"\n", &OF_JOBS),
];
const OF_DAEMON: [Key; 5] = [
    ("timezone", &["\"UTC\"", "\"Asia/Tokyo\"", "\"Asia/Tokio\""]),
    (
        "max_running",
        &["1", "100_000", "0x10", "0", "100001", "-1"],
    ),
    ("grace", &["\"0s\"", "\"36525d\"", "\"36526d\""]),
    ("watch_config", &["true", "false", "\"true\""]),
    ("runtime_dir", &["\"/r\"", "\"r/../s\"", "\"~/r\"", "\"\""]),
];
const OF_LOG: [Key; 3] = [
    (
        "level",
        &["\"info\"", "\"warn,a::b=debug\"", "\"inof\"", "\"\""],
    ),
    ("file", &["\"/l\"", "\"l\"", "\"\""]),
    ("format", &["\"text\"", "\"json\"", "\"Json\""]),
];
const OF_HISTORY: [Key; 3] = [
    ("keep", &["\"1s\"", "\"90d\"", "\"999ms\"", "\"0s\""]),
    ("keep_runs", &["1", "1000000000", "0", "1000000001"]),
    (
        "output",
        &["1024", "\"64MiB\"", "\"1.5KiB\"", "\"1023B\"", "\"65MiB\""],
    ),
];
const OF_JOBS: [Key; 13] = [
    ("every", &["\"1s\"", "\"15m\"", "\"999ms\"", "\"0s\""]),
    (
        "schedule",
        &["\"@daily\"", "\"0 0 29 2 *\"", "\"0 0 30 2 *\""],
    ),
    ("description", &["\"\"", "\"größe\"", "\"\\u0000\""]),
    (
        "env",
        &[
            "{}",
            "{ A = \"\" }",
            "{ HUPD_A = \"\" }",
            "{ \"=\" = \"\" }",
        ],
    ),
    ("timeout", &["\"none\"", "\"1ms\"", "\"0s\""]),
    ("kill_after", &["\"0s\"", "\"1h\"", "10"]),
    ("stop_signal", &["\"KILL\"", "\"sigint\"", "\"CONT\""]),
    ("working_dir", &["\"/\"", "\"a/../b\"", "\"~\""]),
    ("shell", &["\"/bin/bash\"", "\"bash\""]),
    ("overlap", &["\"skip\"", "\"allow\"", "\"queue\""]),
    ("output", &["\"both\"", "\"discard\"", "\"1KiB\""]),
    ("enabled", &["true", "false", "0"]),
    (
        "on_change",
        &["true", "[\"/dev/null\"]", "[\"/nowhere\"]", "[]", "1"],
    ),
];
/// Those that any job may take from there.
const OF_DEFAULTS: &[Key] = OF_JOBS.split_at(3).1;

/// Sections with keys that belong there, each once.
pub fn sections_of_a_file() -> impl Strategy<Value = String> {
    let sections = subsequence(&SECTIONS[..], 1..=SECTIONS.len());
    sections.prop_flat_map(|sections| {
        let sections: Vec<_> = sections.into_iter().map(section).collect();
        sections.prop_map(|sections| sections.concat())
    })
}

fn section((header, keys): (&'static str, &'static [Key])) -> impl Strategy<Value = String> {
    let keys = subsequence(keys, 0..=2);
    let lines = keys.prop_flat_map(|keys| keys.into_iter().map(line).collect::<Vec<_>>());
    lines.prop_map(move |lines| header.to_owned() + &lines.concat())
}

fn line((key, values): Key) -> impl Strategy<Value = String> {
    select(values).prop_map(move |value| format!("{key} = {value}\n"))
}

//! Configuration files.

use proptest::prelude::*;
use proptest::sample::{Index, select};

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

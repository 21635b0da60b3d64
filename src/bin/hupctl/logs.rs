//! `hupctl logs`: what a run wrote, byte for byte.

use hupd::control::client::Client;
use hupd::protocol::{OutputOf, OutputRow, Request, base64};
use hupd::run::RunId;
use serde_json::{Value, json};

use crate::ending::{Ending, Failure};
use crate::screen::Screen;
use crate::times::grouped;

pub fn logs(
    client: &Client,
    screen: &mut Screen,
    (of, attempt): (&str, Option<u32>),
) -> Result<Ending, Failure> {
    let of = match (meaning(of), attempt) {
        (OutputOf::Run(run), Some(attempt)) => OutputOf::Attempt(run, attempt),
        (OutputOf::LastOf(_), Some(_)) => {
            let text = "--attempt goes with the number of a run".to_owned();
            return Err(Failure::Usage(text));
        }
        (of, _) => of,
    };
    let row = client.ask(&Request::Output(of))?.output()?;
    if screen.is_for_programs() {
        screen.json(&output_json(&row))?;
        return Ok(Ending::Done);
    }
    screen.bytes(&row.output.head)?;
    if row.output.lost() > 0 {
        screen.aside(&left_out(
            row.output.lost(),
            row.output.head.last().copied(),
        ))?;
    }
    screen.bytes(&row.output.tail)?;
    if let Some(sentence) = about_nothing(&row) {
        screen.aside(&sentence)?;
    }
    Ok(Ending::Done)
}

/// A number is a run, anything else a job.
pub fn meaning(of: &str) -> OutputOf {
    let is_number = of.bytes().all(|byte| byte.is_ascii_digit());
    match of.parse() {
        Ok(number) if is_number => OutputOf::Run(RunId(number)),
        _ => OutputOf::LastOf(of.to_owned()),
    }
}

/// In a line of its own, also where what was printed before ends within one.
pub fn left_out(lost: u64, last_byte: Option<u8>) -> String {
    let lost = grouped(lost);
    match last_byte {
        None | Some(b'\n') => format!("… {lost} bytes left out …"),
        Some(_) => format!("\n… {lost} bytes left out …"),
    }
}

fn about_nothing(row: &OutputRow) -> Option<String> {
    let run = row.run;
    match (row.output.total, row.is_running) {
        (0, true) => Some(format!("run {run} has written nothing so far")),
        (0, false) => Some(format!(
            "run {run} has written nothing, or nothing was kept"
        )),
        _ => None,
    }
}

/// Text as it is; where a part is no UTF-8, both in base64, so that no byte is lost.
fn output_json(row: &OutputRow) -> Value {
    let output = &row.output;
    let texts = (str::from_utf8(&output.head), str::from_utf8(&output.tail));
    let (encoding, head, tail) = match texts {
        (Ok(head), Ok(tail)) => ("utf-8", head.to_owned(), tail.to_owned()),
        _ => ("base64", base64(&output.head), base64(&output.tail)),
    };
    json!({
        "run": row.run,
        "running": row.is_running,
        "total_bytes": output.total,
        "lost_bytes": output.lost(),
        "encoding": encoding,
        "head": head,
        "tail": tail,
    })
}

#[cfg(test)]
mod tests {
    use hupd::run::Output;

    use super::*;

    #[test]
    fn a_number_is_a_run_and_anything_else_a_job() {
        assert_eq!(meaning("17"), OutputOf::Run(RunId(17)));
        for job in ["backup", "17a", "+17", "99999999999999999999999"] {
            assert_eq!(meaning(job), OutputOf::LastOf(job.into()));
        }
    }

    #[test]
    fn json_keeps_every_byte() {
        let row = |head: &[u8]| OutputRow {
            run: RunId(17),
            output: Output {
                head: head.to_vec(),
                tail: b"z".to_vec(),
                total: 9,
            },
            is_running: false,
        };
        let text = output_json(&row(b"a\n"));
        assert_eq!(
            (&text["encoding"], &text["head"]),
            (&json!("utf-8"), &json!("a\n"))
        );
        assert_eq!(text["lost_bytes"], 6);
        let bytes = output_json(&row(b"\xff"));
        assert_eq!(
            (&bytes["encoding"], &bytes["head"]),
            (&json!("base64"), &json!("/w=="))
        );
    }
}

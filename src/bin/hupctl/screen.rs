//! Standard output and error, for people or for programs.

use std::io::{self, BufWriter, Stderr, Stdout, Write};

use hupd::clock::Moment;
use jiff::tz::TimeZone;
use rustix::termios::{isatty, tcgetwinsize};
use serde_json::Value;

use crate::times::Times;
use crate::visible::visible_lines;

/// For whom is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    People,
    /// JSON, as the socket gives it.
    Programs,
}

/// What the form of a text for people depends on.
#[derive(Clone, Debug)]
pub struct View {
    pub times: Times,
    /// Columns of the terminal; none where the output goes elsewhere.
    pub width: Option<usize>,
}

/// Where everything is printed. A reader of standard output who has gone away is no error: `hupctl runs | head`.
pub struct Screen {
    pub audience: Audience,
    pub view: View,
    out: BufWriter<Stdout>,
    aside: Stderr,
}

impl Screen {
    pub fn new(audience: Audience) -> Self {
        let times = Times {
            now: Moment::now().wall,
            zone: TimeZone::system(),
        };
        let view = View {
            times,
            width: terminal_width(),
        };
        Self {
            audience,
            view,
            out: BufWriter::new(io::stdout()),
            aside: io::stderr(),
        }
    }

    pub fn is_for_programs(&self) -> bool {
        self.audience == Audience::Programs
    }

    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        or_gone(self.out.write_all(bytes))
    }

    /// One value in one line, as the socket writes it.
    pub fn json(&mut self, value: &Value) -> io::Result<()> {
        self.line(&value.to_string())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        or_gone(self.out.flush())
    }

    /// A text on standard error, after all that was printed before; said also where that was in vain.
    pub fn aside(&mut self, text: &str) -> io::Result<()> {
        let printed = self.flush();
        // Where standard error cannot be written, there is nobody to tell.
        let _ = self.aside.write_all(visible_lines(text).as_bytes());
        let _ = self.aside.write_all(b"\n");
        printed
    }

    /// A sentence about what is waited for, only where somebody watches.
    pub fn progress(&mut self, text: &str) -> io::Result<()> {
        match isatty(&self.aside) {
            true => self.aside(text),
            false => Ok(()),
        }
    }
}

fn or_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

fn terminal_width() -> Option<usize> {
    let out = io::stdout();
    if !isatty(&out) {
        return None;
    }
    let columns = tcgetwinsize(&out).map_or(0, |size| size.ws_col);
    (columns > 0).then_some(usize::from(columns))
}

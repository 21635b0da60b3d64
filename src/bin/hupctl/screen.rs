//! Standard output and error, for people or for programs.

use std::io::{self, BufWriter, Stderr, Stdout, Write};
use std::os::fd::AsFd;

use hupd::clock::Moment;
use jiff::tz::TimeZone;
use rustix::termios::{isatty, tcgetwinsize};
use serde_json::Value;

use crate::table::cut;
use crate::times::Times;
use crate::visible::{visible, visible_lines};

/// Where a terminal does not say how wide it is.
const USUAL_WIDTH: usize = 80;
/// Back to the beginning of the line, and the rest of it away.
const WIPE: &str = "\r\u{1b}[K";

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
    pub paint: Paint,
}

/// Whether colours say once more what the text says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Coloured,
}

/// What a colour means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Usual,
    Unusual,
    Bad,
}

impl Paint {
    /// Where somebody watches who has not asked for none; see no-color.org.
    fn of_terminal() -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name == "dumb");
        match isatty(io::stdout()) && !is_unwanted && !is_dumb {
            true => Self::Coloured,
            false => Self::Plain,
        }
    }

    pub fn over(self, text: &str, mood: Mood) -> String {
        match (self, mood) {
            (Self::Plain, _) | (_, Mood::Usual) => text.to_owned(),
            (Self::Coloured, Mood::Unusual) => format!("\u{1b}[33m{text}\u{1b}[0m"),
            (Self::Coloured, Mood::Bad) => format!("\u{1b}[31m{text}\u{1b}[0m"),
        }
    }
}

/// Where everything is printed. A reader of standard output who has gone away is no error: `hupctl runs | head`.
pub struct Screen {
    pub audience: Audience,
    pub view: View,
    out: BufWriter<Stdout>,
    has_lost_its_reader: bool,
    aside: Stderr,
    is_live: bool,
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
            paint: Paint::of_terminal(),
        };
        Self {
            audience,
            view,
            out: BufWriter::new(io::stdout()),
            has_lost_its_reader: false,
            aside: io::stderr(),
            is_live: false,
        }
    }

    pub fn is_for_programs(&self) -> bool {
        self.audience == Audience::Programs
    }

    /// Whether nobody reads standard output any more, as far as is known.
    pub fn has_lost_its_reader(&self) -> bool {
        self.has_lost_its_reader
    }

    fn or_gone(&mut self, result: io::Result<()>) -> io::Result<()> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.has_lost_its_reader = true;
                Ok(())
            }
            other => other,
        }
    }

    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.out.write_all(bytes);
        self.or_gone(written)
    }

    /// One value in one line, as the socket writes it.
    pub fn json(&mut self, value: &Value) -> io::Result<()> {
        self.line(&value.to_string())
    }

    pub fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.or_gone(flushed)
    }

    /// A text on standard error, after all that was printed before; said also where that was in vain.
    pub fn aside(&mut self, text: &str) -> io::Result<()> {
        let printed = self.flush();
        // Where standard error cannot be written, there is nobody to tell.
        let _ = self.aside.write_all(visible_lines(text).as_bytes());
        let _ = self.aside.write_all(b"\n");
        printed
    }

    /// Whether somebody watches standard error.
    pub fn is_watched(&self) -> bool {
        isatty(&self.aside)
    }

    /// A line on standard error in place of the one before, only where somebody watches. It is not there for long:
    /// [`Screen::wipe`] takes it away before anything else is printed.
    pub fn live(&mut self, text: &str) {
        if self.is_watched() {
            let room = width_of(&self.aside).unwrap_or(USUAL_WIDTH);
            let text = cut(&visible(text), room.saturating_sub(1).max(1));
            let _ = write!(self.aside, "{WIPE}{text}");
            self.is_live = true;
        }
    }

    pub fn wipe(&mut self) {
        if std::mem::take(&mut self.is_live) {
            let _ = self.aside.write_all(WIPE.as_bytes());
        }
    }
}

fn terminal_width() -> Option<usize> {
    width_of(io::stdout())
}

fn width_of(terminal: impl AsFd) -> Option<usize> {
    if !isatty(&terminal) {
        return None;
    }
    let columns = tcgetwinsize(&terminal).map_or(0, |size| size.ws_col);
    (columns > 0).then_some(usize::from(columns))
}

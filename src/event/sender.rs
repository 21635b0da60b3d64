//! Who sent a signal or made a request.

use std::fmt;

/// Who it was: the process and its user, and what program that was, if it could still be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    pub pid: i32,
    pub uid: u32,
    pub program: Option<Program>,
}

/// The name of a program as the kernel has it: its first 15 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Program {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Sender {
    pub const fn new(pid: i32, uid: u32) -> Self {
        Self {
            pid,
            uid,
            program: None,
        }
    }

    /// With the name of its program: soon after, for one that ends at once, as `kill` does, may be gone by then.
    pub fn named(self) -> Self {
        let name = std::fs::read(format!("/proc/{}/comm", self.pid));
        Self {
            program: name.ok().and_then(|name| Program::new(&name)),
            ..self
        }
    }
}

impl Program {
    const LONGEST: usize = 15;

    fn new(name: &[u8]) -> Option<Self> {
        let name = name.strip_suffix(b"\n").unwrap_or(name);
        let length = name.len().min(Self::LONGEST);
        let mut bytes = [0; Self::LONGEST];
        bytes[..length].copy_from_slice(&name[..length]);
        (length > 0).then_some(Self { bytes, length })
    }
}

/// Any process may call itself anything: what steers a terminal or a log is escaped.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(&self.bytes[..self.length]);
        write!(f, "{}", name.escape_debug())
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

/// `pid 4711, uid 0 (bash)`
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}, uid {}", self.pid, self.uid)?;
        match self.program {
            Some(program) => write!(f, " ({program})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_that_is_there_is_named_with_its_program() {
        let me = i32::try_from(std::process::id()).unwrap();
        let name = std::fs::read_to_string("/proc/self/comm").unwrap();
        let text = Sender::new(me, 0).named().to_string();
        assert_eq!(text, format!("pid {me}, uid 0 ({})", name.trim_end()));
    }

    #[test]
    fn one_that_is_gone_is_a_number() {
        let text = Sender::new(i32::MAX, 7).named().to_string();
        assert_eq!(text, format!("pid {}, uid 7", i32::MAX));
    }

    #[test]
    fn the_name_of_a_program_breaks_no_line() {
        let sender = Sender {
            program: Program::new(b"a\nb\x1b[31m\xff0123456789\n"),
            ..Sender::new(1, 0)
        };
        let text = sender.to_string();
        assert_eq!(text, "pid 1, uid 0 (a\\nb\\u{1b}[31m\u{fffd}012345)");
    }
}

//! What a run wrote: the beginning and the end of it, in bounded memory, and its lines for the log.

use std::collections::VecDeque;

use crate::run::{Output, whole_characters};

/// The longest line that goes to the log in one piece, in bytes.
const LONGEST_LINE: usize = 8 * 1024;

/// Keeps the first and the last bytes of an output. Memory grows with what was written, up to what
/// is kept.
#[derive(Debug)]
pub(crate) struct Capture {
    keep_head: usize,
    keep_tail: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Capture {
    pub(crate) fn new(keep: usize) -> Self {
        Self {
            keep_head: keep / 2,
            keep_tail: keep - keep / 2,
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = self.keep_head - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        let needed = self.head.len() + first.len();
        let capacity = grown(self.head.capacity(), needed, self.keep_head);
        self.head.reserve_exact(capacity - self.head.len());
        self.head.extend_from_slice(first);
        self.push_tail(rest);
    }

    fn push_tail(&mut self, bytes: &[u8]) {
        let last = &bytes[bytes.len().saturating_sub(self.keep_tail)..];
        let excess = (self.tail.len() + last.len()).saturating_sub(self.keep_tail);
        self.tail.drain(..excess);
        let needed = self.tail.len() + last.len();
        let capacity = grown(self.tail.capacity(), needed, self.keep_tail);
        self.tail.reserve_exact(capacity - self.tail.len());
        self.tail.extend(last);
    }

    /// Bytes that came so far.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What was captured so far.
    pub(crate) fn so_far(&self) -> Output {
        Output {
            head: self.head.clone(),
            tail: self.tail.iter().copied().collect(),
            total: self.total,
        }
    }

    pub(crate) fn into_output(self) -> Output {
        Output {
            head: self.head,
            tail: self.tail.into(),
            total: self.total,
        }
    }
}

/// The capacity to have next: doubled, as a vector does by itself, but never beyond what is kept.
fn grown(capacity: usize, needed: usize, most: usize) -> usize {
    if needed <= capacity {
        return capacity;
    }
    needed.max(2 * capacity).min(most)
}

/// Cuts an output into lines, and lines that are too long into pieces.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    unfinished: Vec<u8>,
}

impl Lines {
    pub(crate) fn push(&mut self, mut bytes: &[u8], emit: &mut dyn FnMut(&str)) {
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.append(&bytes[..end], emit);
            self.emit_line(emit);
            bytes = &bytes[end + 1..];
        }
        self.append(bytes, emit);
    }

    /// The last line, if it has no end.
    pub(crate) fn finish(&mut self, emit: &mut dyn FnMut(&str)) {
        if !self.unfinished.is_empty() {
            self.emit_line(emit);
        }
    }

    fn append(&mut self, mut bytes: &[u8], emit: &mut dyn FnMut(&str)) {
        while self.unfinished.len() + bytes.len() > LONGEST_LINE {
            let (now, later) = bytes.split_at(LONGEST_LINE - self.unfinished.len());
            self.unfinished.extend_from_slice(now);
            let begun = self
                .unfinished
                .split_off(whole_characters(&self.unfinished));
            self.emit_line(emit);
            self.unfinished = begun;
            bytes = later;
        }
        self.unfinished.extend_from_slice(bytes);
    }

    fn emit_line(&mut self, emit: &mut dyn FnMut(&str)) {
        let line = self.unfinished.strip_suffix(b"\r");
        emit(&String::from_utf8_lossy(line.unwrap_or(&self.unfinished)));
        self.unfinished.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(keep: usize, pieces: &[&[u8]]) -> Output {
        let mut capture = Capture::new(keep);
        pieces.iter().for_each(|piece| capture.push(piece));
        assert_eq!(capture.so_far().total, capture.total);
        capture.into_output()
    }

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let mut emit = |line: &str| seen.push(line.to_owned());
        pieces.iter().for_each(|piece| lines.push(piece, &mut emit));
        lines.finish(&mut emit);
        seen
    }

    #[test]
    fn what_fits_is_kept_whole() {
        let output = capture(8, &[b"abc", b"de", b"fgh"]);
        assert_eq!(output.head, b"abcd");
        assert_eq!(output.tail, b"efgh");
        assert_eq!((output.total, output.lost()), (8, 0));
    }

    #[test]
    fn of_what_does_not_fit_the_middle_is_lost() {
        let output = capture(5, &[b"abcdefgh", b"i", b"jk"]);
        assert_eq!(output.head, b"ab");
        assert_eq!(output.tail, b"ijk");
        assert_eq!((output.total, output.lost()), (11, 6));
    }

    #[test]
    fn any_cut_into_pieces_gives_the_same() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
        let whole = capture(101, &[&bytes]);
        for size in [1, 7, 50, 51, 99, 500] {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(capture(101, &pieces), whole, "pieces of {size}");
        }
    }

    #[test]
    fn nothing_is_kept_where_nothing_is_to_be_kept() {
        let output = capture(0, &[b"abc", b""]);
        assert_eq!((output.head.len(), output.tail.len()), (0, 0));
        assert_eq!(output.lost(), 3);
    }

    #[test]
    fn memory_follows_the_output_and_stays_bounded() {
        let mut capture = Capture::new(1 << 20);
        capture.push(b"hello");
        assert!(capture.head.capacity() + capture.tail.capacity() < 64);
        (0..100).for_each(|_| capture.push(&[b'x'; 65536]));
        assert!(capture.head.capacity() + capture.tail.capacity() <= 1 << 20);
    }

    #[test]
    fn lines_are_whole_however_they_arrive() {
        assert_eq!(
            lines(&[b"one\ntw", b"o\n\nth", b"ree"]),
            ["one", "two", "", "three"]
        );
        assert_eq!(lines(&[b"one\r\n", b"\xff\n"]), ["one", "\u{fffd}"]);
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let line = format!("{}\u{e4}z\n", "x".repeat(LONGEST_LINE - 1));
        let seen = lines(&[line.as_bytes()]);
        assert_eq!(seen[0].len(), LONGEST_LINE - 1);
        assert_eq!(seen[1..], ["\u{e4}z"]);
    }

    #[test]
    fn a_flood_without_a_newline_comes_in_pieces() {
        let seen = lines(&[&[b'x'; 3 * LONGEST_LINE]]);
        assert_eq!(seen.len(), 3);
        assert!(seen.iter().all(|piece| piece.len() == LONGEST_LINE));
    }
}

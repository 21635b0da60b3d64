//! What a follower of a run reads: one JSON object a line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::RunRow;
use crate::run::RunId;

/// One line, in this order: the run, that its process is there, where that is seen, the output of one attempt with its
/// gaps, the end of that or of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum FollowRow {
    Run {
        run: RunId,
    },
    Started {
        run: RunId,
        attempt: u32,
        pid: i32,
        started_at: Timestamp,
    },
    Output {
        run: RunId,
        #[serde(flatten)]
        written: Written,
    },
    /// So many bytes are missing here: they were not kept, or the follower was too slow for them.
    Lost {
        run: RunId,
        bytes: u64,
    },
    /// This attempt is over, and another one follows. Where the history does not know how it ended, nor anything of
    /// the attempts up to it, it has no outcome.
    Failed {
        run: RunId,
        details: Box<RunRow>,
    },
    /// It is over.
    End {
        run: RunId,
        details: Box<RunRow>,
    },
    /// It will not start.
    Never {
        run: RunId,
        reason: String,
    },
}

/// Bytes in JSON: text as it is, and what is no text in base64, so that no byte is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "encoding", content = "data")]
pub enum Written {
    #[serde(rename = "utf-8")]
    Text(String),
    #[serde(rename = "base64")]
    Base64(String),
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Written {
    pub fn new(bytes: &[u8]) -> Self {
        match str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Base64(base64(bytes)),
        }
    }

    /// None where that is no base64.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Text(text) => Some(text.into_bytes()),
            Self::Base64(text) => from_base64(&text),
        }
    }
}

/// RFC 4648, section 4.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = bits >> (18 - 6 * place) & 63;
            text.push(match place <= group.len() {
                true => char::from(DIGITS[digit as usize]),
                false => '=',
            });
        }
    }
    text
}

fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes();
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len()), 0_u32, 0);
    for digit in digits {
        let value = DIGITS.iter().position(|&known| known == digit)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        let cases = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (text, encoded) in cases {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn every_byte_survives_the_way_through_json() {
        let every: Vec<u8> = (0..=255).collect();
        for length in [0, 1, 2, 3, 128, 254, 255, 256] {
            let written = Written::new(&every[..length]);
            let json = serde_json::to_string(&written).unwrap();
            let read: Written = serde_json::from_str(&json).unwrap();
            assert_eq!(read.into_bytes().unwrap(), &every[..length]);
        }
        assert_eq!(Written::Base64("Zm9v!".into()).into_bytes(), None);
    }

    #[test]
    fn lines_are_as_documented() {
        let run = RunId(17);
        let line = |row: &FollowRow| serde_json::to_string(row).unwrap();
        let text = FollowRow::Output {
            run,
            written: Written::new("ä\n".as_bytes()),
        };
        let expected = r#"{"event":"output","run":17,"encoding":"utf-8","data":"ä\n"}"#;
        assert_eq!(line(&text), expected);
        let bytes = FollowRow::Output {
            run,
            written: Written::new(b"\xff"),
        };
        let expected = r#"{"event":"output","run":17,"encoding":"base64","data":"/w=="}"#;
        assert_eq!(line(&bytes), expected);
        assert_eq!(line(&FollowRow::Run { run }), r#"{"event":"run","run":17}"#);
        let lost = FollowRow::Lost { run, bytes: 7 };
        assert_eq!(line(&lost), r#"{"event":"lost","run":17,"bytes":7}"#);
        for row in [text, bytes, lost] {
            assert_eq!(serde_json::from_str::<FollowRow>(&line(&row)).unwrap(), row);
        }
    }
}

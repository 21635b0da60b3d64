//! From bytes to text: UTF-8, without NUL, not blank.

use std::path::Path;
use std::rc::Rc;

use super::finding::{Finding, Findings};
use super::source::Source;

/// The text of a file, or findings that say why it is none.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<Rc<Source>, Findings> {
    let (text, refused) = match String::from_utf8(bytes) {
        Ok(text) => {
            let refused = refuse(&text);
            (text, refused)
        }
        Err(error) => {
            // The text before the place is the same byte for byte, so the place stays true.
            let bytes = error.as_bytes();
            let finding = not_utf8(bytes, error.utf8_error().valid_up_to());
            (String::from_utf8_lossy(bytes).into_owned(), Some(finding))
        }
    };
    let source = Rc::new(Source::new(path, text.into()));
    match refused {
        None => Ok(source),
        Some(finding) => {
            let mut findings = Findings::new(source);
            findings.push(finding);
            Err(findings)
        }
    }
}

fn refuse(text: &str) -> Option<Finding> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(at) = text.find('\0') {
        let finding = Finding::error("NUL character: this is not a text file");
        return Some(
            finding
                .at(at..at + 1)
                .help("remove it, or save the file again"),
        );
    }
    text.trim().is_empty().then(|| {
        Finding::error("the file is empty; a file that is half written looks the same")
            .help("to have no jobs on purpose, write a comment into it: # no jobs yet")
    })
}

fn not_utf8(bytes: &[u8], place: usize) -> Finding {
    let bom = if bytes.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let byte = bytes.get(place).copied().unwrap_or_default();
    let at = place.saturating_sub(bom);
    let encoding = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "the file is UTF-16, not UTF-8".to_owned(),
        _ => format!("byte 0x{byte:02x} is not UTF-8"),
    };
    Finding::error(encoding)
        .at(at..at + 1)
        .help("save the file as UTF-8")
}

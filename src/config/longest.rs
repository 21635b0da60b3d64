//! How long the texts may be that a process is given: each argument, and each variable with its name.

use super::section::Wrong;

/// What execve(2) takes as one text, with the zero byte at its end: MAX_ARG_STRLEN.
const LARGEST: usize = 128 << 10;

/// What is wrong with a value of so many bytes, as a variable of this name.
pub(super) fn too_long_for(name: &str, value: usize) -> Option<String> {
    let besides = name.len() + "=".len() + 1;
    let room = LARGEST.saturating_sub(besides);
    (value + besides > LARGEST).then(|| {
        format!("its value has {value} bytes; a variable of this name takes at most {room}")
    })
}

pub(super) fn check_argument(text: &str) -> Result<(), Wrong> {
    let (length, room) = (text.len(), LARGEST - 1);
    if length <= room {
        return Ok(());
    }
    let message = format!("has {length} bytes; the kernel takes at most {room} as one argument");
    Err(Wrong::new(message).help("put it into a file, and write the path of that"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_with_its_value() {
        assert_eq!(too_long_for("AB", LARGEST - 4), None);
        let expected = "its value has 131069 bytes; a variable of this name takes at most 131068";
        assert_eq!(too_long_for("AB", LARGEST - 3).as_deref(), Some(expected));
        assert!(too_long_for(&"x".repeat(LARGEST), 0).is_some());
    }

    #[test]
    fn an_argument_has_its_zero_byte() {
        assert_eq!(check_argument(&"x".repeat(LARGEST - 1)), Ok(()));
        let wrong = check_argument(&"x".repeat(LARGEST)).unwrap_err();
        let expected = "has 131072 bytes; the kernel takes at most 131071 as one argument";
        assert_eq!(wrong.message, expected);
    }
}

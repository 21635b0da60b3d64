//! What stands for a content: the same for the same bytes in every version, another one for others.

use std::fmt;

const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;

/// FNV-1a, 128 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. It tells contents apart that differ by chance or by
/// an edit; it is no protection against somebody who looks for two that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u128);

impl Digest {
    pub fn of(bytes: &[u8]) -> Self {
        let step = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
        Self(bytes.iter().fold(BASIS, step))
    }
}

/// 32 digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the authors' own test vectors.
    #[test]
    fn it_is_the_hash_that_is_known() {
        let known = [
            ("", "6c62272e07bb014262b821756295c58d"),
            ("a", "d228cb696f1a8caf78912b704e4a8964"),
        ];
        for (text, digest) in known {
            assert_eq!(Digest::of(text.as_bytes()).to_string(), digest);
        }
    }
}

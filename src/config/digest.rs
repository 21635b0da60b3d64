//! What stands for a file.

use std::path::Path;

use super::read::read;
use crate::digest::Digest;

impl Digest {
    /// Of what a file holds at one moment; the error is what follows "cannot read".
    pub fn of_file(path: &Path) -> Result<Self, String> {
        read(path).map(|contents| Self::of(&contents.bytes))
    }
}

//! Whether what was to be written is on record.

use std::fmt;

/// Where it is told whether all that was to be written before is on record, or else why not. What is not is owed: it is
/// written when that can be done again, if hupd lives to see it.
pub struct Receipt(Box<dyn FnOnce(Result<(), String>) + Send>);

impl Receipt {
    pub fn new(deliver: impl FnOnce(Result<(), String>) + Send + 'static) -> Self {
        Self(Box::new(deliver))
    }

    pub fn send(self, on_record: Result<(), String>) {
        (self.0)(on_record);
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt")
    }
}

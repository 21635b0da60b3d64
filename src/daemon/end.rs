//! How hupd ends: its exit statuses.

/// What whoever started hupd is told by its exit status. Wrong usage of the command line is 2, and told by the parser of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Serving, or stopped as it was told, or the file is valid.
    Done,
    Failed,
    AlreadyRunning,
    InvalidConfiguration,
}

impl End {
    pub const ALL: [Self; 4] = [
        Self::Done,
        Self::Failed,
        Self::AlreadyRunning,
        Self::InvalidConfiguration,
    ];

    pub const fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            // sysexits.h: EX_TEMPFAIL.
            Self::AlreadyRunning => 75,
            // sysexits.h: EX_CONFIG.
            Self::InvalidConfiguration => 78,
        }
    }
}

impl From<End> for std::process::ExitCode {
    fn from(end: End) -> Self {
        Self::from(end.status())
    }
}

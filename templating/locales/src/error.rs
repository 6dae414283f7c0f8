//! What can be wrong with a catalogue: where, what, and what to do.

use std::path::{Path, PathBuf};

/// Something that is wrong with a catalogue, or with the folder of catalogues.
///
/// ```
/// use harmonious_locales::Catalogues;
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("en.toml"), "\nhello = \"Hello {name\"\n")?;
/// let errors = Catalogues::read(dir.path(), None).unwrap_err();
/// assert_eq!(errors[0].line(), Some(2));
/// assert!(errors[0].what().contains("hello"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LocaleError {
    /// The folder or the file as a whole.
    #[error("{}: {what}: {advice}", .file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// What is wrong, with the offending value; lower case, no full stop.
        what: String,
        /// What to do.
        advice: String,
    },
    /// A line of a catalogue.
    #[error("{}:{line}: {what}: {advice}", .file.display())]
    Line {
        /// Which file.
        file: PathBuf,
        /// From 1.
        line: u32,
        /// What is wrong, with the offending value; lower case, no full stop.
        what: String,
        /// What to do.
        advice: String,
    },
}

impl LocaleError {
    /// The file, as it was found in the folder that was given.
    pub fn file(&self) -> &Path {
        match self {
            LocaleError::File { file, .. } | LocaleError::Line { file, .. } => file,
        }
    }

    /// The line in it, from 1.
    pub fn line(&self) -> Option<u32> {
        match self {
            LocaleError::File { .. } => None,
            LocaleError::Line { line, .. } => Some(*line),
        }
    }

    /// What is wrong.
    pub fn what(&self) -> &str {
        match self {
            LocaleError::File { what, .. } | LocaleError::Line { what, .. } => what,
        }
    }

    /// What to do.
    pub fn advice(&self) -> &str {
        match self {
            LocaleError::File { advice, .. } | LocaleError::Line { advice, .. } => advice,
        }
    }
}

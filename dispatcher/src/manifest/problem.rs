//! What is wrong with a site: what, where, what to do about it, and where was looked.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The site does what it says, but perhaps not what was meant.
    Warning,
    /// `check` fails.
    Error,
}

/// One thing that is wrong with a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, with the offending value; lower case, no full stop.
    pub what: String,
    /// Where, below the site's folder.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// Where was looked for what is missing, below the site's folder, in that order.
    pub tried: Vec<PathBuf>,
    /// What to do.
    pub advice: String,
}

/// All that is wrong with a site: at least one error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// An error in a file.
    #[must_use]
    pub fn error(
        file: impl Into<PathBuf>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Problem {
        Problem {
            severity: Severity::Error,
            what: what.into(),
            file: file.into(),
            line: None,
            tried: Vec::new(),
            advice: advice.into(),
        }
    }

    /// A warning about a file.
    #[must_use]
    pub fn warning(
        file: impl Into<PathBuf>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Problem {
        Problem {
            severity: Severity::Warning,
            ..Problem::error(file, what, advice)
        }
    }

    /// What is wrong, where was looked, what to do: all but the place.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = self.what.clone();
        if !self.tried.is_empty() {
            let tried = self.tried.iter().map(|path| path.display().to_string());
            let tried: Vec<String> = tried.collect();
            message.push_str(&format!(" (looked for {})", tried.join(", ")));
        }
        if !self.advice.is_empty() {
            message.push_str(": ");
            message.push_str(&self.advice);
        }
        message
    }

    /// The same at a line, from 1.
    #[must_use]
    pub fn at(mut self, line: u32) -> Problem {
        self.line = Some(line);
        self
    }

    /// The same with the places where was looked.
    #[must_use]
    pub fn tried(mut self, tried: Vec<PathBuf>) -> Problem {
        self.tried = tried;
        self
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.severity, self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl Error for Problems {}

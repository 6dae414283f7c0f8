//! What can be wrong with a template: where, what, and what to do; never a value of the context.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{FILE_BYTES_MAX, RENDER_BYTES_MAX};

/// A place in a template file, as its author sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file on disk, as it was given to [`Templates::new`](crate::Templates::new).
    pub file: PathBuf,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// The line itself, without its end; shortened if it is very long.
    pub source_line: String,
}

impl Place {
    fn shown(&self) -> String {
        format!("{}:{}:{}", self.file.display(), self.line, self.column)
    }

    /// The line under its number and a mark under the column.
    fn drawn(&self) -> String {
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        let before: String = (self.source_line.chars())
            .take((self.column as usize).saturating_sub(1))
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        format!(
            "\n{margin} |\n{number} | {}\n{margin} | {before}^",
            self.source_line
        )
    }
}

/// What can be wrong with a template.
///
/// The messages name files, lines and variables, and show lines of templates. They never hold a
/// value of the context: they may be logged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TemplateError {
    /// No file of this name in the domain or above.
    #[error("{}", missing(.name, .tried, .by.as_deref()))]
    Missing {
        /// The name that was looked for.
        name: String,
        /// Every path that was tried, nearest first.
        tried: Vec<String>,
        /// The `extends` or `include` that names it; none for the name that was asked for.
        by: Option<Box<Place>>,
    },
    /// The text is no template: a tag that is not closed, an unknown filter, an unknown block.
    #[error("{}: {message}{}", .place.shown(), .place.drawn())]
    Syntax {
        /// Where.
        place: Box<Place>,
        /// What the parser says.
        message: String,
    },
    /// Templates that include or extend each other in a circle, or too deep.
    #[error("{}: {message}{}", .place.shown(), .place.drawn())]
    Circle {
        /// The tag that closes the circle.
        place: Box<Place>,
        /// The way round, file by file.
        message: String,
    },
    /// A variable or field that the context does not have.
    #[error("{}: {}{}{}", .place.shown(), undefined(.name, .nearest.as_deref()), .place.drawn(), called(.via))]
    Undefined {
        /// The name as it is written, with its dots.
        name: String,
        /// The name in the context that resembles it most.
        nearest: Option<String>,
        /// Where it is used.
        place: Box<Place>,
        /// The includes and components on the way there, innermost first: `file:line:column`.
        via: Vec<String>,
    },
    /// Rendering failed for another reason: a filter refused its value, a comparison made no sense.
    #[error("{}: {message}{}{}", .place.shown(), .place.drawn(), called(.via))]
    Render {
        /// Where.
        place: Box<Place>,
        /// What the engine says, without values.
        message: String,
        /// The includes and components on the way there, innermost first: `file:line:column`.
        via: Vec<String>,
    },
    /// The page grew beyond [`RENDER_BYTES_MAX`].
    #[error(
        "{}: the page is larger than {} MiB: shorten its loops or answer with a stream",
        .file.display(),
        RENDER_BYTES_MAX / (1024 * 1024)
    )]
    TooLarge {
        /// The template that was asked for.
        file: PathBuf,
    },
    /// The file cannot be read.
    #[error("{}: cannot be read: {source}", .file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The rendered text could not be written where it should go.
    #[error("{}: the page could not be written: {source}", .file.display())]
    Write {
        /// The template that was asked for.
        file: PathBuf,
        /// What the writer says.
        source: Arc<io::Error>,
    },
}

impl TemplateError {
    /// Where in a template the error is, if it is in one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            TemplateError::Missing { by, .. } => by.as_deref(),
            TemplateError::Syntax { place, .. }
            | TemplateError::Circle { place, .. }
            | TemplateError::Undefined { place, .. }
            | TemplateError::Render { place, .. } => Some(place),
            _ => None,
        }
    }

    /// The file that is at fault; for a name that is not there, the file that names it.
    pub fn file(&self) -> Option<&Path> {
        match self {
            TemplateError::TooLarge { file }
            | TemplateError::Read { file, .. }
            | TemplateError::Write { file, .. } => Some(file),
            other => other.place().map(|place| place.file.as_path()),
        }
    }
}

/// Too long for a template: an error of [`TemplateError::Read`].
pub(crate) fn too_long() -> io::Error {
    let mib = FILE_BYTES_MAX / (1024 * 1024);
    io::Error::other(format!("longer than {mib} MiB: not a template"))
}

fn missing(name: &str, tried: &[String], by: Option<&Place>) -> String {
    let mut text = match by {
        Some(place) => format!("{}: there is no template {name:?}", place.shown()),
        None => format!("there is no template {name:?}"),
    };
    text.push_str(&format!(": tried {}", tried.join(", ")));
    if let Some(place) = by {
        text.push_str(&place.drawn());
    }
    text
}

fn undefined(name: &str, nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!("`{name}` is not defined: did you mean `{nearest}`?"),
        None => format!("`{name}` is not defined"),
    }
}

fn called(via: &[String]) -> String {
    via.iter().map(|at| format!("\ncalled from {at}")).collect()
}

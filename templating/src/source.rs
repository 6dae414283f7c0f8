//! One template file, read and made ready for the engine.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cache_tag;
use crate::classic::{self, Wrong};
use crate::config::{ELIFS_MAX, FILE_BYTES_MAX, SOURCE_LINE_CHARS_MAX};
use crate::error::{Place, TemplateError, too_long};
use crate::files::Files;
use crate::origin::{Origin, Rewrite, line, position};
use crate::scan::{Facts, Named, scan};

/// A file's text, and what became of it.
#[derive(Debug)]
pub(crate) struct Source {
    /// Domain and name.
    pub full: String,
    /// Where it was read.
    pub path: PathBuf,
    /// What the author wrote.
    pub original: String,
    /// What the engine compiles.
    pub text: String,
    /// What `text` names.
    pub facts: Facts,
    /// Of the original: equal hashes, equal text.
    pub hash: blake3::Hash,
    /// From `text` back to the original, in this order.
    origins: Vec<Origin>,
}

impl Source {
    /// Reads the file.
    pub fn read(files: &Files, index: usize) -> Result<Source, TemplateError> {
        let file = files.file(index);
        let original = read(&file.path)?;
        let original = original
            .strip_prefix('\u{feff}')
            .map(str::to_owned)
            .unwrap_or(original);
        let mut source = Source {
            full: files.full(index).to_owned(),
            path: file.path.clone(),
            hash: blake3::hash(original.as_bytes()),
            text: original.clone(),
            original,
            facts: Facts::default(),
            origins: Vec::new(),
        };
        source.translate(&file.name)?;
        source.facts = scan(&source.text);
        source.name_the_one_above(files, index);
        match source.facts.elif_too_many {
            None => Ok(source),
            Some(at) => Err(TemplateError::Syntax {
                place: source.place(at),
                message: format!(
                    "more than {ELIFS_MAX} `elif` in the open `if`s: use a loop or a map"
                ),
            }),
        }
    }

    /// The place of an offset of `text`.
    pub fn place(&self, offset: usize) -> Box<Place> {
        let offset = self
            .origins
            .iter()
            .fold(offset, |offset, origin| origin.original(offset));
        place(&self.path, &self.original, offset)
    }

    /// The place of a line and column (both from 1, in characters) of `text`.
    pub fn place_at(&self, line_number: usize, column: usize) -> Box<Place> {
        self.place(offset_of(&self.text, line_number, column))
    }

    /// The dotted name that the author wrote where `text` has this offset.
    pub fn written(&self, offset: usize) -> &str {
        let offset = self
            .origins
            .iter()
            .fold(offset, |offset, origin| origin.original(offset));
        let rest = self.original.get(offset..).unwrap_or("");
        &rest[..classic::path_length(rest)]
    }

    fn translate(&mut self, name: &str) -> Result<(), TemplateError> {
        let classic = classic::translate(name, &self.original);
        let translated = match classic {
            Ok(None) => cache_tag::rewrite(&self.full, &self.original),
            classic => classic,
        };
        match translated {
            Ok(None) => Ok(()),
            Ok(Some((text, origin))) => {
                self.text = text;
                self.origins.push(origin);
                Ok(())
            }
            Err(Wrong { at, message }) => Err(TemplateError::Syntax {
                place: place(&self.path, &self.original, at),
                message,
            }),
        }
    }

    /// Where the text names its own file it means the next above; the engine is told the full
    /// name, since it would find the file itself.
    fn name_the_one_above(&mut self, files: &Files, index: usize) {
        let file = files.file(index);
        let own = |named: &&Named| named.name == file.name;
        let mut spots: Vec<&Named> = self
            .facts
            .extends
            .iter()
            .chain(&self.facts.includes)
            .filter(own)
            .collect();
        let Some(above) = files.find_from(&file.domain, index, &file.name) else {
            return;
        };
        if spots.is_empty() {
            return;
        }
        spots.sort_by_key(|named| named.at.start);
        let mut rewrite = Rewrite::new(&self.text);
        let mut kept = 0;
        for spot in spots {
            rewrite.keep(kept..spot.at.start);
            rewrite.put(spot.at.start, &format!("\"{}\"", files.full(above)));
            kept = spot.at.end;
        }
        rewrite.keep(kept..self.text.len());
        let (text, origin) = rewrite.finish();
        self.text = text;
        self.origins.insert(0, origin);
        self.facts = scan(&self.text);
    }
}

fn read(path: &Path) -> Result<String, TemplateError> {
    let failed = |source| TemplateError::Read {
        file: path.to_path_buf(),
        source: Arc::new(source),
    };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(failed)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(failed(too_long()));
    }
    Ok(text)
}

pub(crate) fn place(path: &Path, text: &str, offset: usize) -> Box<Place> {
    let (number, column) = position(text, offset);
    let mut source_line = line(text, number).to_owned();
    if let Some((cut, _)) = source_line.char_indices().nth(SOURCE_LINE_CHARS_MAX) {
        source_line.truncate(cut);
        source_line.push('…');
    }
    Box::new(Place {
        file: path.to_path_buf(),
        line: number,
        column,
        source_line,
    })
}

fn offset_of(text: &str, line_number: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line_number.saturating_sub(1))
        .map(str::len)
        .sum();
    let within = text[before..].char_indices().nth(column.saturating_sub(1));
    within.map_or(text.len(), |(at, _)| before + at)
}

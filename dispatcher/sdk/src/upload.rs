//! [`Upload`]: a file that came with a form, in memory or, if it is large, in a temporary file that has
//! no name and is gone with the request.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::config::{BODY_MEMORY_BYTES_MAX, UPLOAD_MEMORY_BYTES};
use crate::error::{Error, Result, ResultExt};

/// A file that came with a form; see [`Form::file`](crate::Form::file).
///
/// ```
/// use harmonious::prelude::*;
///
/// #[post]
/// fn upload(req: &Request) -> Result<Response> {
///     let form = req.form()?;
///     let file = form.file("image")?;
///     if file.len() > 100_000 {
///         return Err(Error::unprocessable("at most 100 kB, please"));
///     }
///     // A name of our own: the visitor's may be that of another file.
///     file.copy_to(req.site()?.data.join("images").join(req.id()))?;
///     Ok(Response::redirect("/images/"))
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
pub struct Upload {
    file_name: String,
    content_type: String,
    data: Filling,
}

/// A file while it comes in.
#[derive(Debug, Default)]
pub struct Filling {
    memory: Vec<u8>,
    /// Where all of it is, once it is too large for memory.
    file: Option<File>,
    len: u64,
}

impl Filling {
    pub fn len(&self) -> u64 {
        self.len
    }

    pub fn add(&mut self, piece: &[u8]) -> Result<()> {
        self.len += piece.len() as u64;
        if self.file.is_none() && self.len > UPLOAD_MEMORY_BYTES as u64 {
            let mut file = tempfile::tempfile().detail("a temporary file for an upload")?;
            file.write_all(&std::mem::take(&mut self.memory))?;
            self.file = Some(file);
        }
        match &mut self.file {
            Some(file) => file
                .write_all(piece)
                .detail("writing an upload to a temporary file"),
            None => {
                self.memory.extend_from_slice(piece);
                Ok(())
            }
        }
    }
}

impl Upload {
    /// The last part of the name that the visitor's file has: without folders, not hidden, never empty.
    /// For showing; two visitors may send the same.
    ///
    /// ```
    /// fn label(file: &harmonious::Upload) -> String { format!("{}, {} bytes", file.file_name(), file.len()) }
    /// ```
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// The media type that the browser says it is; empty if it says none. Do not trust it.
    ///
    /// ```
    /// fn claims_png(file: &harmonious::Upload) -> bool { file.content_type() == "image/png" }
    /// ```
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Its bytes.
    ///
    /// ```
    /// fn small(file: &harmonious::Upload) -> bool { file.len() < 1_000 }
    /// ```
    #[must_use]
    pub fn len(&self) -> u64 {
        self.data.len
    }

    /// Whether it has no bytes.
    ///
    /// ```
    /// fn blank(file: &harmonious::Upload) -> bool { file.is_empty() }
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn is_gif(file: &Upload) -> Result<bool> {
    ///     Ok(file.bytes()?.starts_with(b"GIF"))
    /// }
    /// ```
    ///
    /// # Errors
    /// 413 above 32 MiB: use [`reader`](Upload::reader) or [`copy_to`](Upload::copy_to).
    #[track_caller]
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        if self.is_in_memory() {
            return Ok(Cow::Borrowed(&self.data.memory));
        }
        if self.len() > BODY_MEMORY_BYTES_MAX {
            return Err(Error::new(413, "the file is too large to be shown"));
        }
        let mut all = Vec::with_capacity(self.len() as usize);
        self.reader().read_to_end(&mut all)?;
        Ok(Cow::Owned(all))
    }

    /// All of it as text.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn lines(file: &Upload) -> Result<usize> {
    ///     Ok(file.text()?.lines().count())
    /// }
    /// ```
    ///
    /// # Errors
    /// 422 if it is not UTF-8, and those of [`bytes`](Upload::bytes).
    #[track_caller]
    pub fn text(&self) -> Result<String> {
        String::from_utf8(self.bytes()?.into_owned()).or_status(422, "the file is not UTF-8")
    }

    /// Writes it to a file; one that is there is replaced.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn keep(req: &Request, file: &Upload) -> Result<()> {
    ///     file.copy_to(req.site()?.data.join("latest.png"))
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if it cannot be written.
    #[track_caller]
    pub fn copy_to(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let copied =
            File::create(path).and_then(|mut file| io::copy(&mut self.reader(), &mut file));
        match copied {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(Error::internal(format!("writing {}", path.display())).with_source(&error))
            }
        }
    }

    /// Reads it from its beginning.
    ///
    /// ```
    /// use std::io::{BufRead, BufReader};
    ///
    /// fn first_line(file: &harmonious::Upload) -> harmonious::Result<String> {
    ///     let mut line = String::new();
    ///     BufReader::new(file.reader()).read_line(&mut line)?;
    ///     Ok(line)
    /// }
    /// ```
    pub fn reader(&self) -> impl Read {
        Reader {
            data: &self.data,
            at: 0,
        }
    }

    pub(crate) fn new(file_name: String, content_type: String, data: Filling) -> Upload {
        Upload {
            file_name,
            content_type,
            data,
        }
    }

    pub(crate) fn is_in_memory(&self) -> bool {
        self.data.file.is_none()
    }
}

struct Reader<'a> {
    data: &'a Filling,
    at: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match &self.data.file {
            Some(file) => file.read_at(into, self.at)?,
            None => (&self.data.memory[self.at as usize..]).read(into)?,
        };
        self.at += read as u64;
        Ok(read)
    }
}

//! The body of a request, read where it lies: in memory or in a temporary file of the server.

use std::borrow::Cow;
use std::io::{self, Read};

use serde::de::DeserializeOwned;

use crate::config::BODY_MEMORY_BYTES_MAX;
use crate::error::{Error, Result, ResultExt};
use crate::request::Request;

/// Reads the body from its beginning; made by [`Request::body`].
///
/// ```
/// use std::io::Read;
///
/// use harmonious::prelude::*;
///
/// fn begins_with_gif(req: &Request) -> Result<bool> {
///     let mut first = [0; 3];
///     req.body().read_exact(&mut first).or_status(400, "too short")?;
///     Ok(&first == b"GIF")
/// }
/// ```
pub struct Body<'r> {
    req: &'r Request,
    at: u64,
}

impl Read for Body<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let link = self.req.link();
        let memory = link.body();
        if memory.len() as u64 == link.body_len() {
            let start = usize::try_from(self.at)
                .unwrap_or(usize::MAX)
                .min(memory.len());
            let read = (&memory[start..]).read(into)?;
            self.at += read as u64;
            return Ok(read);
        }
        let read = link.body_read(self.at, into)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Request {
    /// Bytes of the body.
    ///
    /// ```
    /// fn has_body(req: &harmonious::Request) -> bool { req.body_len() > 0 }
    /// ```
    #[must_use]
    pub fn body_len(&self) -> u64 {
        self.link().body_len()
    }

    /// Reads the body piece by piece, so that a large one never lies in memory as a whole.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn keep(req: &Request) -> Result<u64> {
    ///     let mut file = std::fs::File::create(req.site()?.data.join("upload"))?;
    ///     Ok(std::io::copy(&mut req.body(), &mut file)?)
    /// }
    /// ```
    #[must_use]
    pub fn body(&self) -> Body<'_> {
        Body { req: self, at: 0 }
    }

    /// The whole body; borrowed where it is in memory already.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn size(req: &Request) -> Result<usize> {
    ///     Ok(req.bytes()?.len())
    /// }
    /// ```
    ///
    /// # Errors
    /// 413 above 32 MiB: read such a body with [`body`](Request::body). 500 if it cannot be read.
    #[track_caller]
    pub fn bytes(&self) -> Result<Cow<'_, [u8]>> {
        let memory = self.link().body();
        if memory.len() as u64 == self.body_len() {
            return Ok(Cow::Borrowed(memory));
        }
        if self.body_len() > BODY_MEMORY_BYTES_MAX {
            let why = format!("a body of {} bytes is too large here", self.body_len());
            return Err(Error::new(413, why));
        }
        let mut all = Vec::with_capacity(self.body_len() as usize);
        self.body().read_to_end(&mut all)?;
        Ok(Cow::Owned(all))
    }

    /// The body as text.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn lines(req: &Request) -> Result<usize> {
    ///     Ok(req.text()?.lines().count())
    /// }
    /// ```
    ///
    /// # Errors
    /// 400 if it is not UTF-8, and those of [`bytes`](Request::bytes).
    #[track_caller]
    pub fn text(&self) -> Result<String> {
        String::from_utf8(self.bytes()?.into_owned()).or_status(400, "the body is not UTF-8")
    }

    /// The body as a value, from JSON.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[derive(Deserialize)]
    /// struct Vote {
    ///     stars: u8,
    /// }
    ///
    /// fn stars(req: &Request) -> Result<u8> {
    ///     Ok(req.json::<Vote>()?.stars)
    /// }
    /// ```
    ///
    /// # Errors
    /// 415 if it is sent as something else, 400 if it is no JSON, 422 if it is JSON of another shape,
    /// and those of [`bytes`](Request::bytes).
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if !is_json(self.media_type()) {
            return Err(Error::new(415, "the body must be sent as application/json"));
        }
        match serde_json::from_slice(&self.bytes()?) {
            Ok(value) => Ok(value),
            Err(error) if error.is_data() => Err(Error::unprocessable(format!(
                "the body does not fit: {error}"
            ))),
            Err(error) => Err(Error::bad_request(format!("the body is no JSON: {error}"))),
        }
    }

    /// What the body says it is, without parameters.
    pub(crate) fn media_type(&self) -> &str {
        let field = self.header("content-type").unwrap_or_default();
        field.split(';').next().unwrap_or_default().trim()
    }
}

fn is_json(media_type: &str) -> bool {
    let lower = media_type.to_ascii_lowercase();
    lower == "application/json" || lower.starts_with("application/") && lower.ends_with("+json")
}

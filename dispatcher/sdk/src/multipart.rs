//! Forms with files (RFC 7578). The grammar is the crate `multer`'s; here it is given the body piece by
//! piece, its limits are kept, and large files go on to temporary ones.
//!
//! `multer` is asynchronous: it waits for more of the body. Nothing else wakes it, so whenever it waits,
//! the next piece is read and it is asked again; there is no executor.

use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use multer::{Field, Multipart};

use crate::config::BODY_CHUNK_BYTES;
use crate::disposition::base_name;
use crate::error::{Error, Result, ResultExt};
use crate::form::{Form, FormLimits};
use crate::request::Request;
use crate::upload::{Filling, Upload};

/// The pieces that were read and not yet taken.
#[derive(Clone, Default)]
struct Feed(Arc<Mutex<Next>>);

#[derive(Default)]
enum Next {
    #[default]
    Nothing,
    Piece(Vec<u8>),
    End,
}

impl Stream for Feed {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *next {
            Next::Nothing => Poll::Pending,
            Next::End => Poll::Ready(None),
            Next::Piece(piece) => {
                let piece = std::mem::take(piece);
                *next = Next::Nothing;
                Poll::Ready(Some(Ok(piece)))
            }
        }
    }
}

impl Feed {
    /// Reads the next piece.
    fn fill(&self, body: &mut impl Read) -> Result<()> {
        let mut next = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*next, Next::Nothing) {
            return Err(Error::internal("the form's parser waits for what it has"));
        }
        let mut piece = vec![0; BODY_CHUNK_BYTES];
        let read = body.read(&mut piece)?;
        piece.truncate(read);
        *next = if read == 0 {
            Next::End
        } else {
            Next::Piece(piece)
        };
        Ok(())
    }
}

/// The form in the body of `req`.
pub fn read(req: &Request, limits: &FormLimits) -> Result<Form> {
    let content_type = req.header("content-type").unwrap_or_default();
    let boundary = multer::parse_boundary(content_type).map_err(not_understood)?;
    drive(&mut req.body(), &boundary, limits)
}

fn drive(body: &mut impl Read, boundary: &str, limits: &FormLimits) -> Result<Form> {
    let feed = Feed::default();
    let mut form = pin!(parts(Multipart::new(feed.clone(), boundary), limits));
    loop {
        match form.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(form) => return form,
            Poll::Pending => feed.fill(body)?,
        }
    }
}

async fn parts(mut multipart: Multipart<'static>, limits: &FormLimits) -> Result<Form> {
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(not_understood)? {
        limits.check_parts(form.fields.len() + form.files.len() + 1)?;
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(Error::bad_request("a part of the form has no name"));
        };
        if field.file_name().is_some() {
            // Where no file was chosen, browsers send one without a name and without bytes.
            if let Some(file) = file(&name, field, limits).await? {
                form.files.push((name, file));
            }
        } else {
            let value = text(&name, field, limits).await?;
            form.fields.push((name, value));
        }
    }
    Ok(form)
}

async fn text(name: &str, mut field: Field<'static>, limits: &FormLimits) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(not_understood)? {
        limits.check_field(name, (bytes.len() + piece.len()) as u64)?;
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).or_status(400, "a field of the form is not UTF-8")
}

async fn file(
    name: &str,
    mut field: Field<'static>,
    limits: &FormLimits,
) -> Result<Option<Upload>> {
    let given = field.file_name().unwrap_or_default().to_owned();
    let content_type = field
        .content_type()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut filling = Filling::default();
    while let Some(piece) = field.chunk().await.map_err(not_understood)? {
        limits.check_file(name, filling.len() + piece.len() as u64)?;
        filling.add(&piece)?;
    }
    if given.is_empty() && filling.len() == 0 {
        return Ok(None);
    }
    Ok(Some(Upload::new(base_name(&given), content_type, filling)))
}

fn not_understood(error: multer::Error) -> Error {
    Error::bad_request(format!("the form cannot be read: {error}")).with_source(&error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::UPLOAD_MEMORY_BYTES;

    /// A body with these parts: header lines and content.
    fn body(parts: &[(&str, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (disposition, content) in parts {
            let head = format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        }
        body.extend(b"--XX--\r\n");
        body
    }

    /// Gives a byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let few = into.len().min(1);
            self.0.read(&mut into[..few])
        }
    }

    #[test]
    fn fields_and_files_are_told_apart_however_the_body_is_cut() {
        let body = body(&[
            ("name=\"name\"", "é".as_bytes()),
            ("name=\"source\"; filename=\"../a.glsr\"", b"\r\n--X\r\n"),
            ("name=\"none\"; filename=\"\"", b""),
        ]);
        for form in [
            drive(&mut body.as_slice(), "XX", &FormLimits::default()).unwrap(),
            drive(&mut Slow(&body), "XX", &FormLimits::default()).unwrap(),
        ] {
            assert_eq!(form.text("name").unwrap(), "é");
            let file = form.file("source").unwrap();
            assert_eq!(
                (file.file_name(), file.text().unwrap().as_str()),
                ("a.glsr", "\r\n--X\r\n")
            );
            assert_eq!(form.files("none").count(), 0);
        }
    }

    #[test]
    fn a_large_file_goes_on_in_a_temporary_one() {
        let content: Vec<u8> = (0..UPLOAD_MEMORY_BYTES * 3)
            .map(|n| (n % 251) as u8)
            .collect();
        let body = body(&[("name=\"f\"; filename=\"f\"", &content)]);
        let form = drive(&mut body.as_slice(), "XX", &FormLimits::default()).unwrap();
        let file = form.file("f").unwrap();
        assert!(!file.is_in_memory());
        assert!(file.bytes().unwrap() == content, "the content differs");
        let mut twice = Vec::new();
        file.reader().read_to_end(&mut twice).unwrap();
        assert!(twice == content, "the reader begins at the beginning");
    }

    #[test]
    fn limits_are_named() {
        let body = body(&[
            ("name=\"a\"", b"12345"),
            ("name=\"f\"; filename=\"f\"", b"12345"),
        ]);
        let cases = [
            (
                FormLimits::default().parts(1),
                "the form has more parts than 1",
            ),
            (
                FormLimits::default().field_bytes(4),
                "field `a` has more bytes than 4",
            ),
            (
                FormLimits::default().file_bytes(4),
                "the file in `f` has more bytes than 4",
            ),
        ];
        for (limits, title) in cases {
            let error = drive(&mut body.as_slice(), "XX", &limits).unwrap_err();
            assert_eq!((error.status(), error.title()), (413, title));
        }
    }

    #[test]
    fn a_body_that_ends_early_is_a_400() {
        let whole = body(&[("name=\"a\"", b"12345")]);
        for len in [0, 1, 10, 50, whole.len() - 5] {
            let error = drive(&mut &whole[..len], "XX", &FormLimits::default()).unwrap_err();
            assert_eq!(error.status(), 400, "{len}: {error}");
        }
    }
}

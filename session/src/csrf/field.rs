//! Finds one field of a form in the first part of its body, whatever comes after it.

use std::io::{self, Read};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use multer::{Error, Multipart};

use crate::config::{CSRF_BODY_BYTES_MAX, CSRF_CHUNK_BYTES, CSRF_PARTS_MAX};
use crate::error::{Result, SessionError};

/// Bytes of a value that are kept: a longer one is no token.
const VALUE_BYTES_MAX: usize = 256;

/// The first field of that name, if the body is a form and has it near its beginning.
pub fn find(
    body: &mut (dyn Read + Send),
    content_type: &str,
    name: &str,
) -> Result<Option<Vec<u8>>> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return in_urlencoded(body, name).map_err(SessionError::Body);
    }
    match multer::parse_boundary(content_type) {
        Ok(boundary) => in_multipart(body, boundary, name),
        Err(_) => Ok(None),
    }
}

fn in_urlencoded(body: &mut (dyn Read + Send), name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    body.take(CSRF_BODY_BYTES_MAX as u64)
        .read_to_end(&mut bytes)?;
    if bytes.len() == CSRF_BODY_BYTES_MAX {
        // The last field may be cut.
        let whole = bytes.iter().rposition(|&c| c == b'&');
        bytes.truncate(whole.unwrap_or(0));
    }
    let mut fields = form_urlencoded::parse(&bytes);
    let field = fields.find(|(key, _)| key == name);
    Ok(field.map(|(_, value)| value.into_owned().into_bytes()))
}

/// A body as the parser wants it. Reading blocks, so it never has to wait for more.
struct Pieces<'a>(io::Take<&'a mut (dyn Read + Send)>);

impl Stream for Pieces<'_> {
    type Item = io::Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut piece = vec![0; CSRF_CHUNK_BYTES];
        Poll::Ready(match self.0.read(&mut piece) {
            Ok(0) => None,
            Ok(len) => {
                piece.truncate(len);
                Some(Ok(piece))
            }
            Err(error) => Some(Err(error)),
        })
    }
}

fn in_multipart(
    body: &mut (dyn Read + Send),
    boundary: String,
    name: &str,
) -> Result<Option<Vec<u8>>> {
    let pieces = Pieces(body.take(CSRF_BODY_BYTES_MAX as u64));
    let search = pin!(search(Multipart::new(pieces, boundary), name));
    match search.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(found)) => Ok(found),
        Poll::Ready(Err(Error::StreamReadFailed(source))) => {
            Err(SessionError::Body(io::Error::other(source)))
        }
        // What is broken after the part that is looked at is for the handler; before it, there is no
        // token. It never waits, since the pieces never do.
        Poll::Ready(Err(_)) | Poll::Pending => Ok(None),
    }
}

async fn search(
    mut multipart: Multipart<'_>,
    name: &str,
) -> std::result::Result<Option<Vec<u8>>, Error> {
    for _ in 0..CSRF_PARTS_MAX {
        let Some(mut field) = multipart.next_field().await? else {
            break;
        };
        if field.name() != Some(name) || field.file_name().is_some() {
            continue;
        }
        let mut value = Vec::new();
        while let Some(piece) = field.chunk().await? {
            if value.len() + piece.len() > VALUE_BYTES_MAX {
                return Ok(Some(Vec::new()));
            }
            value.extend_from_slice(&piece);
        }
        return Ok(Some(value));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URLENCODED: &str = "application/x-www-form-urlencoded; charset=utf-8";
    const MULTIPART: &str = "multipart/form-data; boundary=XX";

    #[track_caller]
    fn check(content_type: &str, body: &str, expected: Option<&str>) {
        let found = find(&mut body.as_bytes(), content_type, "t").unwrap();
        let expected = expected.map(str::as_bytes);
        assert_eq!(found.as_deref(), expected, "{content_type} {body:.80}");
    }

    fn part(disposition: &str, content: &str) -> String {
        format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn a_field_is_found_in_a_urlencoded_form() {
        check(URLENCODED, "a=b&t=x%2Dy&t=z", Some("x-y"));
        check(URLENCODED, "a=t", None);
        check(URLENCODED, "", None);
        check("text/plain", "t=x", None);
        check("", "t=x", None);
        let long = "x".repeat(CSRF_BODY_BYTES_MAX);
        check(URLENCODED, &format!("t=x&a={long}"), Some("x"));
        check(URLENCODED, &format!("a={long}&t=x"), None);
        check(URLENCODED, &format!("t={long}"), None);
    }

    #[test]
    fn a_field_is_found_in_a_form_with_files() {
        let (file, token) = (
            part("name=\"f\"; filename=\"f\"", "t=y"),
            part("name=\"t\"", "x"),
        );
        check(MULTIPART, &format!("{file}{token}--XX--\r\n"), Some("x"));
        check(MULTIPART, &format!("{file}--XX--\r\n"), None);
        // What comes after it does not matter.
        check(MULTIPART, &format!("{token}--XX\r\nbroken"), Some("x"));
        let long = part(
            "name=\"f\"; filename=\"f\"",
            &"y".repeat(CSRF_BODY_BYTES_MAX),
        );
        check(MULTIPART, &format!("{token}{long}--XX--\r\n"), Some("x"));
        check(MULTIPART, &format!("{long}{token}--XX--\r\n"), None);
        check(MULTIPART, &part("name=\"t\"; filename=\"t\"", "x"), None);
        check(MULTIPART, "", None);
        let parts = part("name=\"a\"", "").repeat(CSRF_PARTS_MAX);
        check(MULTIPART, &format!("{parts}{token}--XX--\r\n"), None);
        let long = part("name=\"t\"", &"x".repeat(300));
        check(MULTIPART, &format!("{long}--XX--\r\n"), Some(""));
    }

    #[test]
    fn a_body_that_cannot_be_read_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        for content_type in [URLENCODED, MULTIPART] {
            let error = find(&mut Broken, content_type, "t").unwrap_err();
            assert!(matches!(error, SessionError::Body(_)), "{error}");
        }
    }
}

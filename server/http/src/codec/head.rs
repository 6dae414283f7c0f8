//! Reads a whole head: request line, fields, and what they say together.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{EXPECT, HOST, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use memchr::memchr;

use super::framing::{self, Framing};
use super::target::{self, Form, Target};
use super::{CR, FIELDS_CEILING, LF, Limits, Reject, is_token, trim_ows};

/// The head of a request that was found valid, and what it means for the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedHead {
    /// One of `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` and `OPTIONS`.
    pub method: Method,
    /// What is asked for.
    pub target: Target,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: Version,
    /// The fields. Their values are slices of the head, which lives as long as one of them.
    pub headers: HeaderMap,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client lets the connection live on after the answer.
    pub keep_alive: bool,
    /// Whether the client waits for a 100 before it sends its body. Never without a body.
    pub expect_continue: bool,
    /// Whether the client offers another protocol: `Connection: upgrade` and an `Upgrade` field.
    pub upgrade: bool,
}

impl ParsedHead {
    /// The `Host`: a host, perhaps with a port; perhaps empty; none at most in HTTP/1.0.
    pub fn host(&self) -> Option<&str> {
        self.headers.get(HOST)?.to_str().ok()
    }
}

/// Reads the head that a [`Scanner`](super::Scanner) found: exactly its `head_len` bytes.
///
/// # Errors
/// The first rule of RFC 9110 or 9112 that the head breaks, or a limit.
///
/// # Examples
/// ```
/// use harmonious_http::codec::{Framing, Limits, parse_head};
///
/// let head = b"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n".as_slice();
/// let head = parse_head(head.into(), &Limits::default())?;
/// assert_eq!(head.target.path(), "/a");
/// assert_eq!(head.host(), Some("x"));
/// assert_eq!(head.framing, Framing::Length(3));
/// assert!(head.keep_alive);
/// # Ok::<(), harmonious_http::codec::Reject>(())
/// ```
pub fn parse_head(head: Bytes, limits: &Limits) -> Result<ParsedHead, Reject> {
    let bytes = head.strip_prefix(b"\r\n").unwrap_or(&head);
    let (line, _) = split_line(bytes)?;
    let RequestLine {
        method,
        form,
        version,
    } = RequestLine::parse(line)?;
    let headers = parse_fields(&head, limits)?;
    target::check_host(&form, version, &headers)?;
    let framing = framing::framing(version, &headers)?;
    let expects = version == Version::HTTP_11 && expects_continue(&headers)?;
    let options = framing::connection_options(&headers);
    Ok(ParsedHead {
        method,
        target: Target::new(&form, &head),
        version,
        framing,
        keep_alive: !options.close && (version == Version::HTTP_11 || options.keep_alive),
        expect_continue: expects && !matches!(framing, Framing::None | Framing::Length(0)),
        upgrade: version == Version::HTTP_11 && options.upgrade && headers.contains_key(UPGRADE),
        headers,
    })
}

/// A request line, taken apart (RFC 9112, section 3).
pub(super) struct RequestLine<'a> {
    method: Method,
    form: Form<'a>,
    version: Version,
}

impl<'a> RequestLine<'a> {
    /// Takes apart the line, which comes without its CR LF.
    pub(super) fn parse(line: &'a [u8]) -> Result<RequestLine<'a>, Reject> {
        let mut words = line.split(|&byte| byte == b' ');
        let (Some(method), Some(target), Some(version), None) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            return Err(Reject::RequestLineForm);
        };
        if method.is_empty() || target.is_empty() || version.is_empty() {
            return Err(Reject::RequestLineForm);
        }
        // The version first: "PRI * HTTP/2.0" asks for another version, not for another method.
        let version = parse_version(version)?;
        let method = parse_method(method)?;
        let form = Form::parse(target, &method)?;
        Ok(RequestLine {
            method,
            form,
            version,
        })
    }
}

fn parse_version(version: &[u8]) -> Result<Version, Reject> {
    match version {
        b"HTTP/1.1" => Ok(Version::HTTP_11),
        b"HTTP/1.0" => Ok(Version::HTTP_10),
        [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9'] => {
            Err(Reject::VersionUnsupported)
        }
        _ => Err(Reject::Version),
    }
}

fn parse_method(method: &[u8]) -> Result<Method, Reject> {
    match method {
        b"GET" => Ok(Method::GET),
        b"HEAD" => Ok(Method::HEAD),
        b"POST" => Ok(Method::POST),
        b"PUT" => Ok(Method::PUT),
        b"PATCH" => Ok(Method::PATCH),
        b"DELETE" => Ok(Method::DELETE),
        b"OPTIONS" => Ok(Method::OPTIONS),
        _ if method.iter().all(|&byte| is_token(byte)) => Err(Reject::MethodUnsupported),
        _ => Err(Reject::Method),
    }
}

/// Reads the field lines (RFC 9112, section 5), the empty line at their end included. `httparse`
/// finds the names and values; the `http` crate judges their bytes once more.
fn parse_fields(head: &Bytes, limits: &Limits) -> Result<HeaderMap, Reject> {
    let mut storage = [const { MaybeUninit::uninit() }; FIELDS_CEILING];
    let storage = &mut storage[..limits.fields_max.min(FIELDS_CEILING)];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, storage) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {}
        Ok(_) => return Err(Reject::HeadEnd),
        Err(httparse::Error::TooManyHeaders) => return Err(Reject::TooManyFields),
        Err(httparse::Error::HeaderValue) => return Err(Reject::FieldValue),
        Err(_) => return Err(Reject::FieldName),
    }
    let mut headers = HeaderMap::with_capacity(request.headers.len());
    for field in request.headers {
        let name = field.name.as_bytes();
        let name = HeaderName::from_bytes(name).map_err(|_| Reject::FieldName)?;
        let value = head.slice_ref(trim_ows(field.value));
        let value = HeaderValue::from_maybe_shared(value).map_err(|_| Reject::FieldValue)?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// Parts the first line, without its CR LF, from what follows.
fn split_line(bytes: &[u8]) -> Result<(&[u8], &[u8]), Reject> {
    let end = memchr(LF, bytes).ok_or(Reject::HeadEnd)?;
    match bytes[..end].split_last() {
        Some((&CR, line)) => Ok((line, &bytes[end + 1..])),
        _ => Err(Reject::BareLf),
    }
}

/// Whether there is an `Expect`; it can only be `100-continue` (RFC 9110, section 10.1.1).
fn expects_continue(headers: &HeaderMap) -> Result<bool, Reject> {
    let mut expects = false;
    for value in headers.get_all(EXPECT) {
        if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") {
            return Err(Reject::Expect);
        }
        expects = true;
    }
    Ok(expects)
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;

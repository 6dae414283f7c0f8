//! Finds the end of a head while its bytes come in, and refuses what can be refused on the way.

use memchr::memchr;

use super::head::RequestLine;
use super::{CR, LF, Limits, Reject, is_token};

/// Where the end of a head is looked for. It remembers what it has seen, so a head that comes byte
/// by byte costs linear time. One for each head: begin the next with [`Scanner::default`].
///
/// # Examples
/// ```
/// use harmonious_http::codec::{Limits, Scan, Scanner};
///
/// let (mut scanner, limits) = (Scanner::default(), Limits::default());
/// assert_eq!(scanner.scan(b"GET / HTTP/1.1\r\nHo", &limits), Ok(Scan::Partial));
/// let bytes = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /next";
/// assert_eq!(scanner.scan(bytes, &limits), Ok(Scan::Complete { head_len: 27 }));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanner {
    stage: Stage,
    /// Bytes that need not be looked at again.
    seen: usize,
    /// Where the current line starts.
    line: usize,
}

/// What [`Scanner::scan`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// So far so good; the end has not come.
    Partial,
    /// The head is whole, and its request line is valid.
    Complete {
        /// Bytes of the head, all line ends included. What follows is the body or the next request.
        head_len: usize,
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing of the request line was seen; an empty line may come before it.
    #[default]
    Start,
    /// The first byte of the request line was good, its end was not seen.
    RequestLine,
    /// The request line is whole and valid.
    Fields,
}

impl Scanner {
    /// Looks on for the end of the head. `bytes` are all bytes since the start of the head, those
    /// of earlier calls included; what they hold behind the head is not looked at.
    ///
    /// # Errors
    /// The first thing that is wrong, by position: the first byte, a byte of the request line, the
    /// request line at its end, a bare LF, a limit. Of the fields only the line ends are looked at;
    /// the rest is for [`parse_head`](super::parse_head). Called again, it says the same again.
    ///
    /// # Panics
    /// Perhaps, if there are fewer `bytes` than before, or lower limits.
    pub fn scan(&mut self, bytes: &[u8], limits: &Limits) -> Result<Scan, Reject> {
        let bytes = &bytes[..bytes.len().min(limits.head_max)];
        if self.start(bytes)?
            && self.request_line(bytes, limits)?
            && let Some(head_len) = self.fields(bytes)?
        {
            return Ok(Scan::Complete { head_len });
        }
        if bytes.len() == limits.head_max {
            return Err(Reject::HeadTooLarge);
        }
        Ok(Scan::Partial)
    }

    /// Skips one empty line (RFC 9112, section 2.2: some clients send one after a body) and judges
    /// the first byte. Says whether the stage is over, as do its neighbours.
    fn start(&mut self, bytes: &[u8]) -> Result<bool, Reject> {
        if self.stage != Stage::Start {
            return Ok(true);
        }
        let line = match bytes {
            [CR] => return Ok(false),
            [CR, LF, ..] => 2,
            [CR, ..] => return Err(Reject::BareCr),
            [LF, ..] => return Err(Reject::BareLf),
            _ => 0,
        };
        match bytes.get(line) {
            None => return Ok(false),
            Some(&byte) if is_token(byte) => {}
            Some(_) => return Err(Reject::RequestStart),
        }
        *self = Scanner {
            stage: Stage::RequestLine,
            seen: line,
            line,
        };
        Ok(true)
    }

    /// Looks for the first byte that is not printable: a good line has it at its end.
    fn request_line(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, Reject> {
        if self.stage != Stage::RequestLine {
            return Ok(true);
        }
        let max = self.line.saturating_add(limits.request_line_max);
        let bytes = &bytes[..bytes.len().min(max)];
        let printable = |byte: &u8| matches!(byte, b' '..=b'~');
        match bytes[self.seen..].iter().position(|byte| !printable(byte)) {
            Some(at) => self.seen += at,
            None => self.seen = bytes.len(),
        }
        match &bytes[self.seen..] {
            [CR, LF, ..] => {
                RequestLine::parse(&bytes[self.line..self.seen])?;
                self.next_line(self.seen + 2);
                self.stage = Stage::Fields;
                Ok(true)
            }
            [] | [CR] if bytes.len() == max => Err(Reject::RequestLineTooLong),
            [] | [CR] => Ok(false),
            [CR, ..] => Err(Reject::BareCr),
            [LF, ..] => Err(Reject::BareLf),
            _ => Err(Reject::RequestLineByte),
        }
    }

    /// Goes from LF to LF until a line is empty; then says where the head ends.
    fn fields(&mut self, bytes: &[u8]) -> Result<Option<usize>, Reject> {
        while let Some(at) = memchr(LF, &bytes[self.seen..]) {
            let end = self.seen + at;
            // There is a byte before: the request line's LF at least.
            if bytes[end - 1] != CR {
                return Err(Reject::BareLf);
            }
            if end == self.line + 1 {
                return Ok(Some(end + 1));
            }
            self.next_line(end + 1);
        }
        self.seen = bytes.len();
        Ok(None)
    }

    fn next_line(&mut self, at: usize) {
        self.line = at;
        self.seen = at;
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;

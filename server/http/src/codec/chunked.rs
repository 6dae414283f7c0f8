//! Takes a chunked body apart (RFC 9112, section 7.1), byte by byte but for the data.

use std::ops::Range;

use super::{CR, FIELDS_CEILING, LF, Limits, Reject, is_field_text, is_token};

/// Bytes of all extensions of one body, from the semicolon to the line end. Nobody has a use for
/// them, but reading them costs time.
pub const EXTENSIONS_MAX: usize = 16 * 1024;

/// Most digits of a chunk's size: what fits 64 bits.
const SIZE_DIGITS_MAX: u8 = 16;

/// The state of reading one chunked body. It holds no bytes: data is given out as ranges of the
/// input. Extensions and trailers are checked and dropped.
///
/// White space around the parts of an extension ("bad white space") is refused.
///
/// # Examples
/// ```
/// use harmonious_http::codec::{ChunkEvent, ChunkedDecoder, Limits};
///
/// let input = b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\nGET /next";
/// let (mut decoder, mut body, mut at) = (ChunkedDecoder::new(&Limits::default()), Vec::new(), 0);
/// loop {
///     match decoder.decode(input, &mut at)? {
///         ChunkEvent::Data(range) => body.extend_from_slice(&input[range]),
///         ChunkEvent::NeedMore => panic!("read more into the input, and go on"),
///         ChunkEvent::Done => break,
///     }
/// }
/// assert_eq!(body, b"hello!");
/// assert_eq!(&input[at..], b"GET /next");
/// # Ok::<(), harmonious_http::codec::Reject>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ChunkedDecoder {
    state: State,
    /// Bytes of the chunk's data that are still to come; its size, while that is being read.
    left: u64,
    /// Bytes of extensions so far.
    extensions: usize,
    /// Bytes after the last chunk so far, and how many there may be.
    trailers: usize,
    trailers_max: usize,
    /// How many more trailers there may be.
    fields_left: usize,
}

/// What [`ChunkedDecoder::decode`] came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkEvent {
    /// The next piece of the body: this range of the input, never empty.
    Data(Range<usize>),
    /// The input is used up, the body is not over.
    NeedMore,
    /// The body is over; what follows in the input is the next request.
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the size, after so many digits.
    Size(u8),
    Extension(Extension),
    /// After the CR that ends a chunk's first line.
    SizeLf,
    Data,
    /// After the data: its CR, its LF.
    DataCr,
    DataLf,
    Trailer(Trailer),
    /// After the CR of the empty line.
    EndLf,
    Done,
    Refused(Reject),
}

/// Where we are in `;name=value` or `;name="value"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extension {
    /// After the semicolon.
    Start,
    Name,
    /// After the equals sign.
    Equals,
    Value,
    Quoted,
    /// After a backslash in quotes.
    Escaped,
    /// After the closing quote.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trailer {
    /// At the start of a line.
    Start,
    Name,
    Value,
    /// After the CR of a line.
    Lf,
}

impl ChunkedDecoder {
    /// A decoder at the start of a body. Trailers must keep to `limits.head_max` and
    /// `limits.fields_max`.
    pub fn new(limits: &Limits) -> ChunkedDecoder {
        ChunkedDecoder {
            state: State::Size(0),
            left: 0,
            extensions: 0,
            trailers: 0,
            trailers_max: limits.head_max,
            fields_left: limits.fields_max.min(FIELDS_CEILING),
        }
    }

    /// Reads on in `input` from `at`, and moves `at` behind what it has used: up to the end of a
    /// piece of data, of the input, or of the body. The size of the body is the caller's to limit.
    ///
    /// # Errors
    /// What is wrong with the byte at `at`. From then on it is the answer to every call.
    pub fn decode(&mut self, input: &[u8], at: &mut usize) -> Result<ChunkEvent, Reject> {
        loop {
            match self.state {
                State::Done => return Ok(ChunkEvent::Done),
                State::Refused(reject) => return Err(reject),
                _ => {}
            }
            let Some(&byte) = input.get(*at) else {
                return Ok(ChunkEvent::NeedMore);
            };
            if self.state == State::Data {
                return Ok(ChunkEvent::Data(self.take_data(input.len(), at)));
            }
            match self.step(byte) {
                Ok(state) => {
                    self.state = state;
                    *at += 1;
                }
                Err(reject) => self.state = State::Refused(reject),
            }
        }
    }

    /// Bytes of the current chunk that were announced and not given out: with them, a caller can
    /// refuse a chunk over its limit before it is read. Never size a buffer by it.
    pub fn chunk_left(&self) -> u64 {
        match self.state {
            State::Data => self.left,
            _ => 0,
        }
    }

    fn take_data(&mut self, input_len: usize, at: &mut usize) -> Range<usize> {
        let there = input_len - *at;
        let taken = usize::try_from(self.left).map_or(there, |left| left.min(there));
        self.left -= taken as u64;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        *at += taken;
        *at - taken..*at
    }

    /// Where a byte that is not data leads to.
    fn step(&mut self, byte: u8) -> Result<State, Reject> {
        match (self.state, byte) {
            (State::Size(digits), _) => self.size(digits, byte),
            (State::Extension(extension), _) => self.extension(extension, byte),
            (State::SizeLf, LF) if self.left == 0 => Ok(State::Trailer(Trailer::Start)),
            (State::SizeLf, LF) => Ok(State::Data),
            (State::DataCr, CR) => Ok(State::DataLf),
            (State::DataCr, _) => Err(Reject::ChunkEnd),
            (State::DataLf, LF) => Ok(State::Size(0)),
            (State::Trailer(_) | State::EndLf, _) => self.trailers(byte),
            (State::SizeLf | State::DataLf, _) => Err(Reject::BareCr),
            (State::Data | State::Done | State::Refused(_), _) => unreachable!("see decode"),
        }
    }

    fn size(&mut self, digits: u8, byte: u8) -> Result<State, Reject> {
        if let Some(digit) = char::from(byte).to_digit(16) {
            if digits == SIZE_DIGITS_MAX {
                return Err(Reject::ChunkSize);
            }
            self.left = self.left << 4 | u64::from(digit);
            return Ok(State::Size(digits + 1));
        }
        match byte {
            CR if digits > 0 => Ok(State::SizeLf),
            b';' if digits > 0 => self.extension(Extension::Closed, byte),
            _ => Err(bare_lf_or(Reject::ChunkSize, byte)),
        }
    }

    /// Follows the grammar of RFC 9112, section 7.1.1, and 9110, section 5.6.4 (quoted strings).
    fn extension(&mut self, extension: Extension, byte: u8) -> Result<State, Reject> {
        use Extension::*;
        if byte != CR {
            self.extensions += 1;
        }
        if self.extensions > EXTENSIONS_MAX {
            return Err(Reject::ChunkExtensionsTooLong);
        }
        Ok(State::Extension(match (extension, byte) {
            (Name | Value | Closed, CR) => return Ok(State::SizeLf),
            (Name | Value | Closed, b';') => Start,
            (Start | Name, _) if is_token(byte) => Name,
            (Name, b'=') => Equals,
            (Equals, b'"') => Quoted,
            (Equals | Value, _) if is_token(byte) => Value,
            (Quoted, b'"') => Closed,
            (Quoted, b'\\') => Escaped,
            (Quoted | Escaped, _) if is_field_text(byte) => Quoted,
            _ => return Err(bare_lf_or(Reject::ChunkExtension, byte)),
        }))
    }

    /// Takes a byte after the last chunk, and counts it.
    fn trailers(&mut self, byte: u8) -> Result<State, Reject> {
        let state = match (self.state, byte) {
            (State::Trailer(trailer), _) => self.trailer(trailer, byte)?,
            (_, LF) => return Ok(State::Done),
            _ => return Err(Reject::BareCr),
        };
        self.trailers += 1;
        if self.trailers >= self.trailers_max {
            return Err(Reject::TrailersTooLarge);
        }
        Ok(state)
    }

    /// Follows the grammar of RFC 9112, sections 5 and 7.1.2.
    fn trailer(&mut self, trailer: Trailer, byte: u8) -> Result<State, Reject> {
        Ok(State::Trailer(match (trailer, byte) {
            (Trailer::Start, CR) => return Ok(State::EndLf),
            (Trailer::Start, _) if is_token(byte) => {
                self.fields_left = self
                    .fields_left
                    .checked_sub(1)
                    .ok_or(Reject::TooManyFields)?;
                Trailer::Name
            }
            (Trailer::Name, b':') => Trailer::Value,
            (Trailer::Name, _) if is_token(byte) => Trailer::Name,
            (Trailer::Value, CR) => Trailer::Lf,
            (Trailer::Value, _) if is_field_text(byte) => Trailer::Value,
            (Trailer::Lf, LF) => Trailer::Start,
            (Trailer::Lf, _) => return Err(Reject::BareCr),
            _ => return Err(bare_lf_or(Reject::Trailer, byte)),
        }))
    }
}

fn bare_lf_or(reject: Reject, byte: u8) -> Reject {
    if byte == LF { Reject::BareLf } else { reject }
}

#[cfg(test)]
#[path = "chunked_tests.rs"]
mod tests;

//! A request as handlers see it: whole, head and body.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Version};

use crate::codec::Target;

/// A whole request.
#[derive(Debug)]
pub struct Request {
    /// Everything before the body.
    pub head: Arc<Head>,
    /// The body; it is all here.
    pub body: RequestBody,
}

/// Everything before the body. It has passed the rules of RFC 9112 as strictly as they can be read.
#[derive(Clone, Debug)]
pub struct Head {
    /// The method, one that the front knows: GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS.
    pub method: Method,
    /// Path and query as they came, not decoded.
    pub target: Target,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The header fields.
    pub headers: HeaderMap,
    /// Who asks.
    pub peer: Peer,
    /// The number of this request; it is in the log and in the response's `X-Request-Id`.
    pub id: RequestId,
}

impl Head {
    /// The path, undecoded, without the query; it begins with `/`, or is `*`.
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// What stands after the first `?`, undecoded.
    pub fn query(&self) -> Option<&str> {
        self.target.query()
    }

    /// The value of a header field, if it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The host that is asked for, with its port if one was given.
    pub fn host(&self) -> Option<&str> {
        self.header("host")
    }
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// An address of the network.
    Ip(IpAddr, u16),
    /// A process of this machine, through a Unix socket; with the number of the connection.
    Local(u64),
}

impl Peer {
    /// The key under which the client's share is reckoned: its address, for IPv6 the /64, which is
    /// what one customer is usually given.
    pub fn client(&self) -> u64 {
        let bits = match *self {
            Peer::Ip(IpAddr::V4(address), _) => u64::from(address.to_bits()),
            Peer::Ip(IpAddr::V6(address), _) => match address.to_ipv4_mapped() {
                Some(address) => u64::from(address.to_bits()),
                None => (address.to_bits() >> 64) as u64 ^ 1 << 63,
            },
            Peer::Local(number) => number ^ 1 << 62,
        };
        // Neighbouring addresses shall not be neighbours in whatever table they are hashed into.
        bits.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(address, _) => address.fmt(f),
            Peer::Local(_) => f.write_str("unix"),
        }
    }
}

/// The number of a request: unique within the process, hard to guess across restarts; written as 16
/// hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub u64);

impl RequestId {
    /// The digits.
    pub fn digits(self) -> [u8; 16] {
        let mut digits = [0; 16];
        for (at, digit) in digits.iter_mut().enumerate() {
            *digit = b"0123456789abcdef"[(self.0 >> (60 - 4 * at)) as usize & 15];
        }
        digits
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The body of a request.
#[derive(Debug, Default)]
pub enum RequestBody {
    /// There is none.
    #[default]
    Empty,
    /// It is in memory.
    Bytes(Bytes),
    /// It lies in a file that has no name and is gone once this is dropped.
    File {
        /// The file, at its start.
        file: File,
        /// Its length in bytes.
        len: u64,
    },
}

impl RequestBody {
    /// Length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            RequestBody::Empty => 0,
            RequestBody::Bytes(bytes) => bytes.len() as u64,
            RequestBody::File { len, .. } => *len,
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of it in memory; its length is at most that of [`crate::Limits::body_max_bytes`].
    ///
    /// # Errors
    /// What the system answers when the file is read.
    pub fn into_bytes(self) -> io::Result<Bytes> {
        match self {
            RequestBody::Empty => Ok(Bytes::new()),
            RequestBody::Bytes(bytes) => Ok(bytes),
            RequestBody::File { mut file, .. } => {
                let mut bytes = Vec::new();
                file.rewind()?;
                file.read_to_end(&mut bytes)?;
                Ok(bytes.into())
            }
        }
    }

    /// A reader from its start.
    ///
    /// # Errors
    /// What the system answers when the file is rewound.
    pub fn into_reader(self) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            RequestBody::File { mut file, .. } => {
                file.rewind()?;
                Box::new(file)
            }
            in_memory => Box::new(Cursor::new(in_memory.into_bytes()?)),
        })
    }
}

//! Several ranges as one body: `multipart/byteranges` (RFC 9110, 14.6).

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::HeaderValue;

use super::content::Content;
use super::ranges::Span;
use crate::response::{Body, Part};

/// Makes boundaries that nobody can foresee: not even who wrote a file can have put one into it.
#[derive(Debug, Default)]
pub(super) struct Boundaries {
    keys: RandomState,
    // Only has to differ from call to call.
    count: AtomicU64,
}

/// For answers that belong to no folder.
pub(super) static BOUNDARIES: LazyLock<Boundaries> = LazyLock::new(Boundaries::default);

impl Boundaries {
    fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let half = |which: u8| self.keys.hash_one((count, which));
        format!("{:016x}{:016x}", half(0), half(1))
    }

    /// The body, and its `Content-Type`; `content_type` is that of the whole, if it has one.
    pub(super) fn assemble(
        &self,
        content: &Content,
        spans: &[Span],
        content_type: Option<&HeaderValue>,
    ) -> (Body, HeaderValue) {
        let boundary = self.next();
        let len = content.len();
        let mut parts = VecDeque::with_capacity(2 * spans.len() + 1);
        let mut line_end: &[u8] = b"";
        for span in spans {
            let mut head = Vec::with_capacity(256);
            head.extend_from_slice(line_end);
            head.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
            if let Some(content_type) = content_type {
                head.extend_from_slice(b"content-type: ");
                head.extend_from_slice(content_type.as_bytes());
                head.extend_from_slice(b"\r\n");
            }
            let range = span.content_range(len);
            head.extend_from_slice(format!("content-range: {range}\r\n\r\n").as_bytes());
            parts.push_back(Part::Bytes(head.into()));
            parts.push_back(content.part(*span));
            line_end = b"\r\n";
        }
        parts.push_back(Part::Bytes(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
        let value = format!("multipart/byteranges; boundary={boundary}");
        // Hexadecimal digits are always allowed in a value.
        let value = HeaderValue::try_from(value)
            .unwrap_or(HeaderValue::from_static("multipart/byteranges"));
        (Body::Parts(parts), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_differ() {
        let (one, other) = (Boundaries::default(), Boundaries::default());
        let all = [one.next(), one.next(), other.next(), other.next()];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert!(all.iter().all(|boundary| boundary.len() == 32));
    }
}

//! Why bytes are refused: each reason has one status, one name for metrics and one explanation.

use http::StatusCode;

/// A reason to refuse a request and to close its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Reject {
    /// An LF without a CR before it.
    #[error("a line must end with CR LF, not with LF alone")]
    BareLf,
    /// A CR without an LF after it.
    #[error("a CR must be followed by LF at once")]
    BareCr,
    /// Not HTTP at all: a TLS hello, garbage, a second empty line.
    #[error("a request must start with a method: its first byte must be a token character")]
    RequestStart,
    /// A control character or an 8-bit byte in the request line.
    #[error("a request line must consist of printable ASCII characters")]
    RequestLineByte,
    /// Not three words with one space between each two.
    #[error("a request line must be method, target and version, with one space between each two")]
    RequestLineForm,
    /// More than [`Limits::request_line_max`](super::Limits::request_line_max).
    #[error("the request line is too long")]
    RequestLineTooLong,
    /// Not even the form of a version.
    #[error("a version must be \"HTTP/\", a digit, a dot and a digit")]
    Version,
    /// A version other than 1.0 and 1.1, such as `HTTP/2.0`.
    #[error("only HTTP/1.0 and HTTP/1.1 are spoken here")]
    VersionUnsupported,
    /// A method with a character that no method can have.
    #[error("a method must be a token")]
    Method,
    /// `CONNECT`, `TRACE`, or a method that we do not know.
    #[error("the method must be GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS")]
    MethodUnsupported,
    /// A fragment or an unprintable byte in the target.
    #[error("a target must consist of visible ASCII characters other than \"#\"")]
    TargetByte,
    /// A target of no known form.
    #[error("a target must be a path, an http or https URI, or \"*\" with OPTIONS")]
    TargetForm,
    /// A URI as target whose authority is empty, malformed or has user info.
    #[error("the authority in a target must be a host and perhaps a port")]
    TargetAuthority,
    /// More than [`Limits::head_max`](super::Limits::head_max).
    #[error("the head is too large")]
    HeadTooLarge,
    /// More than [`Limits::fields_max`](super::Limits::fields_max).
    #[error("there are too many fields")]
    TooManyFields,
    /// The bytes are not one whole head: a caller without a [`Scanner`](super::Scanner) sees it.
    #[error("a head must end with its empty line, and nothing may follow in it")]
    HeadEnd,
    /// White space before the colon, no colon, an empty name, a folded line and the like.
    #[error("a field name must be a token, followed by a colon at once")]
    FieldName,
    /// NUL, CR or another control character in a value.
    #[error("a field value must not contain control characters")]
    FieldValue,
    /// HTTP/1.1 without `Host`.
    #[error("a request must have a Host field")]
    HostMissing,
    /// More than one `Host`, even if they are equal.
    #[error("a request must have one Host field only")]
    HostTwice,
    /// A `Host` with user info, a path, a comma, a bad port and the like.
    #[error("a Host field must be a host and perhaps a port")]
    HostInvalid,
    /// The target is a URI with another authority than `Host`, or there is no `Host` to compare.
    #[error("the Host field must equal the authority in the target")]
    HostMismatch,
    /// `Content-Length` is no number, or one of more than 64 bits.
    #[error("a Content-Length must be one decimal number below 2^64")]
    ContentLength,
    /// More than one `Content-Length` line, even if they are equal.
    #[error("a request must have one Content-Length field only")]
    ContentLengthTwice,
    /// `Content-Length` beside `Transfer-Encoding`: the classic of request smuggling.
    #[error("a request must not have both Content-Length and Transfer-Encoding")]
    LengthAndCoding,
    /// `Transfer-Encoding` is malformed, has parameters, or lists `chunked` twice.
    #[error("a Transfer-Encoding must be \"chunked\" alone, without parameters")]
    TransferEncoding,
    /// More than one `Transfer-Encoding` line.
    #[error("a request must have one Transfer-Encoding field only")]
    TransferEncodingTwice,
    /// `Transfer-Encoding` with HTTP/1.0, which does not know it.
    #[error("HTTP/1.0 has no Transfer-Encoding")]
    TransferEncodingVersion,
    /// A transfer coding other than `chunked`.
    #[error("the only transfer coding known here is \"chunked\"")]
    CodingUnknown,
    /// `Expect` with anything but `100-continue`.
    #[error("the only expectation known here is \"100-continue\"")]
    Expect,
    /// A chunk does not start with 1 to 16 hexadecimal digits.
    #[error("a chunk must start with its size, 1 to 16 hexadecimal digits")]
    ChunkSize,
    /// Something after the size that is no extension of the form `;name=value`.
    #[error("a chunk extension must be a token, perhaps with a token or quoted string as value")]
    ChunkExtension,
    /// More than [`EXTENSIONS_MAX`](super::EXTENSIONS_MAX).
    #[error("the chunk extensions are too long")]
    ChunkExtensionsTooLong,
    /// No line end where a chunk's size says that its data is over.
    #[error("the data of a chunk must end with CR LF where its size says")]
    ChunkEnd,
    /// A trailer that is no well-formed field.
    #[error("a trailer must be a token, a colon at once, and a value without control characters")]
    Trailer,
    /// Trailers of more than [`Limits::head_max`](super::Limits::head_max).
    #[error("the trailers are too large")]
    TrailersTooLarge,
    /// A body over the limit. The codec has no such limit; this is for the caller, who has.
    #[error("the body is too large")]
    BodyTooLarge,
}

impl Reject {
    /// The status to answer with.
    pub const fn status(self) -> StatusCode {
        use Reject::*;
        match self {
            BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RequestLineTooLong => StatusCode::URI_TOO_LONG,
            Expect => StatusCode::EXPECTATION_FAILED,
            HeadTooLarge | TooManyFields | TrailersTooLarge => {
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
            }
            MethodUnsupported | CodingUnknown => StatusCode::NOT_IMPLEMENTED,
            VersionUnsupported => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            _ => StatusCode::BAD_REQUEST,
        }
    }

    /// A short name in `snake_case`, for logs and metrics. Names do not change.
    pub const fn as_str(self) -> &'static str {
        use Reject::*;
        match self {
            BareLf => "bare_lf",
            BareCr => "bare_cr",
            RequestStart => "request_start",
            RequestLineByte => "request_line_byte",
            RequestLineForm => "request_line_form",
            RequestLineTooLong => "request_line_too_long",
            Version => "version",
            VersionUnsupported => "version_unsupported",
            Method => "method",
            MethodUnsupported => "method_unsupported",
            TargetByte => "target_byte",
            TargetForm => "target_form",
            TargetAuthority => "target_authority",
            HeadTooLarge => "head_too_large",
            TooManyFields => "too_many_fields",
            HeadEnd => "head_end",
            FieldName => "field_name",
            FieldValue => "field_value",
            HostMissing => "host_missing",
            HostTwice => "host_twice",
            HostInvalid => "host_invalid",
            HostMismatch => "host_mismatch",
            ContentLength => "content_length",
            ContentLengthTwice => "content_length_twice",
            LengthAndCoding => "length_and_coding",
            TransferEncoding => "transfer_encoding",
            TransferEncodingTwice => "transfer_encoding_twice",
            TransferEncodingVersion => "transfer_encoding_version",
            CodingUnknown => "coding_unknown",
            Expect => "expect",
            ChunkSize => "chunk_size",
            ChunkExtension => "chunk_extension",
            ChunkExtensionsTooLong => "chunk_extensions_too_long",
            ChunkEnd => "chunk_end",
            Trailer => "trailer",
            TrailersTooLarge => "trailers_too_large",
            BodyTooLarge => "body_too_large",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_a_status_a_name_and_an_explanation() {
        let reject = Reject::FieldName;
        assert_eq!(reject.status(), 400);
        assert_eq!(reject.as_str(), "field_name");
        assert_eq!(
            reject.to_string(),
            "a field name must be a token, followed by a colon at once"
        );
    }

    #[test]
    fn the_rarer_statuses() {
        assert_eq!(Reject::BodyTooLarge.status(), 413);
        assert_eq!(Reject::RequestLineTooLong.status(), 414);
        assert_eq!(Reject::Expect.status(), 417);
        assert_eq!(Reject::TooManyFields.status(), 431);
        assert_eq!(Reject::CodingUnknown.status(), 501);
        assert_eq!(Reject::VersionUnsupported.status(), 505);
    }
}

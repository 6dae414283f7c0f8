//! The fingerprint: what a module was built with and for, in an ELF note that is read from the file
//! before the library is opened, so that no code of a wrong module ever runs.
//!
//! The description of the note is text, one `name=value` a line, in the order of
//! [`FINGERPRINT_FIELDS`]. Text, so that two of them can be compared field by field by whoever meets
//! a refusal, and so that a newer one can be read by an older server.

use core::mem::{offset_of, size_of};

use crate::{Entry, Failure, Field, Frame, Host, Module, Owned, Request, Response, Str, Stream};

/// The section that the linker collects notes in; it survives `strip`.
pub const NOTE_SECTION: &str = ".note.harmonious";
/// The owner of our notes, without the final NUL.
pub const NOTE_NAME: &str = "Harmonious";
/// The type of the note that holds a fingerprint.
pub const NOTE_FINGERPRINT: u32 = 1;

/// The names in a fingerprint. The first five must fit the server's; the others are told in messages.
pub const FINGERPRINT_FIELDS: [&str; 8] = [
    "abi_major",
    "abi_minor",
    "layout",
    "panic",
    "target",
    "sdk",
    "rustc",
    "profile",
];

/// What a module was built with and for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint<'a> {
    /// [`crate::ABI_MAJOR`]: must be equal.
    pub abi_major: u16,
    /// [`crate::ABI_MINOR`]: must not be above the server's.
    pub abi_minor: u16,
    /// [`layout_hash`]: must be equal where the minors are.
    pub layout: u64,
    /// `unwind`; a module that aborts would take the server along.
    pub panic: &'a str,
    /// Architecture, system and C library, such as `x86_64-linux-gnu`: must be equal.
    pub target: &'a str,
    /// The sdk's version.
    pub sdk: &'a str,
    /// The compiler's version, where it is known.
    pub rustc: &'a str,
    /// `debug` or `release`.
    pub profile: &'a str,
}

/// A number that changes when the layout of any type of the contract does.
///
/// ```
/// println!("layout={:016x}", harmonious_abi::layout_hash());
/// ```
#[must_use]
pub const fn layout_hash() -> u64 {
    let sizes = [
        size_of::<Str>(),
        size_of::<Field>(),
        size_of::<Request>(),
        offset_of!(Request, scheme),
        offset_of!(Request, segments),
        offset_of!(Request, params),
        offset_of!(Request, headers),
        offset_of!(Request, body),
        offset_of!(Request, id),
        size_of::<Frame>(),
        offset_of!(Frame, request),
        offset_of!(Frame, argument),
        offset_of!(Frame, response),
        size_of::<Owned>(),
        size_of::<Stream>(),
        size_of::<Response>(),
        offset_of!(Response, headers),
        offset_of!(Response, bytes),
        offset_of!(Response, stream),
        offset_of!(Response, file),
        offset_of!(Response, edits),
        offset_of!(Response, removed),
        size_of::<Failure>(),
        offset_of!(Failure, headers),
        offset_of!(Failure, backtrace),
        size_of::<Host>(),
        offset_of!(Host, respond),
        offset_of!(Host, call),
        offset_of!(Host, log),
        size_of::<Entry>(),
        offset_of!(Entry, name),
        offset_of!(Entry, call),
        size_of::<Module>(),
        offset_of!(Module, entries),
        offset_of!(Module, retire),
        offset_of!(Module, dispose),
    ];
    // FNV-1a (Fowler, Noll, Vo), a number at a time.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < sizes.len() {
        hash = (hash ^ sizes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

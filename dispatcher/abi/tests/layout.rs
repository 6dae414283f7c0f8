//! The layouts of the contract, pinned on 64-bit machines: whoever changes one by accident learns it
//! here. A field is only ever added at the end; see the head of the crate.

#![cfg(target_pointer_width = "64")]

use std::mem::{align_of, offset_of, size_of};

use harmonious_abi::{
    Entry, Failure, Field, Frame, Host, Module, Owned, Request, Response, Str, Stream, layout_hash,
};

/// Asserts the size of a struct and the offset of each of its fields.
macro_rules! pinned {
    ($name:ident, $size:expr, { $($field:ident: $offset:expr),* $(,)? }) => {
        assert_eq!(size_of::<$name>(), $size, "the size of {}", stringify!($name));
        assert_eq!(align_of::<$name>(), 8, "the alignment of {}", stringify!($name));
        $(
            let name = concat!(stringify!($name), ".", stringify!($field));
            assert_eq!(offset_of!($name, $field), $offset, "the offset of {name}");
        )*
        // That all fields are listed: this does not compile when one is missing.
        let _all = |it: &$name| {
            let $name { $($field: _),* } = it;
        };
    };
}

#[test]
fn views_are_pinned() {
    pinned!(Str, 16, { ptr: 0, len: 8 });
    pinned!(Field, 32, { name: 0, value: 16 });
}

#[test]
fn the_request_is_pinned() {
    pinned!(Request, 216, {
        size: 0,
        method: 4,
        scheme: 8,
        host: 24,
        path: 40,
        raw_path: 56,
        query: 72,
        domain: 88,
        segments: 104,
        segments_len: 112,
        rest_from: 120,
        params: 128,
        params_len: 136,
        headers: 144,
        headers_len: 152,
        body: 160,
        body_len: 176,
        peer: 184,
        id: 200,
    });
}

#[test]
fn the_frame_is_pinned() {
    pinned!(Frame, 56, {
        size: 0,
        status: 4,
        host: 8,
        cx: 16,
        request: 24,
        argument: 32,
        response: 48,
    });
}

#[test]
fn the_response_is_pinned() {
    pinned!(Owned, 32, { bytes: 0, owner: 16, drop: 24 });
    pinned!(Stream, 24, { owner: 0, next: 8, drop: 16 });
    pinned!(Response, 120, {
        size: 0,
        status: 4,
        headers: 8,
        headers_len: 16,
        body_kind: 24,
        edits: 28,
        bytes: 32,
        stream: 64,
        file: 88,
        removed: 104,
        removed_len: 112,
    });
}

#[test]
fn the_failure_is_pinned() {
    pinned!(Failure, 96, {
        size: 0,
        status: 4,
        title: 8,
        detail: 24,
        file: 40,
        line: 56,
        reserved: 60,
        headers: 64,
        headers_len: 72,
        backtrace: 80,
    });
}

#[test]
fn the_host_is_pinned() {
    pinned!(Host, 56, {
        size: 0,
        abi_major: 4,
        abi_minor: 6,
        respond: 8,
        reply: 16,
        fail: 24,
        body_read: 32,
        call: 40,
        log: 48,
    });
}

#[test]
fn the_module_is_pinned() {
    pinned!(Entry, 40, { size: 0, kind: 4, methods: 8, flags: 12, name: 16, call: 32 });
    pinned!(Module, 64, {
        magic: 0,
        size: 8,
        abi_major: 12,
        abi_minor: 14,
        entry_size: 16,
        entries: 24,
        entries_len: 32,
        init: 40,
        retire: 48,
        dispose: 56,
    });
}

#[test]
fn the_layout_hash_is_pinned() {
    assert_eq!(layout_hash(), 0xccd0_b2ba_7485_0411, "{:#x}", layout_hash());
}

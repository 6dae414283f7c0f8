//! The fingerprint of this build as the bytes of an ELF note; `ffi.rs` puts them into their section.
//!
//! The framing is that of the ELF specification: three numbers in the machine's byte order, then the
//! owner's name and the description, each filled up to a multiple of 4.

use harmonious_abi::{ABI_MAJOR, ABI_MINOR, NOTE_FINGERPRINT, NOTE_NAME, layout_hash};

/// An ELF note.
#[repr(C, align(4))]
pub struct Note {
    name_len: u32,
    description_len: u32,
    kind: u32,
    name: [u8; NAME_FILLED],
    description: [u8; DESCRIPTION_FILLED],
}

/// The note of this build.
pub const NOTE: Note = Note {
    name_len: NOTE_NAME.len() as u32 + 1,
    description_len: DESCRIPTION.len as u32,
    kind: NOTE_FINGERPRINT,
    name: filled(NOTE_NAME.as_bytes()),
    description: filled(DESCRIPTION.bytes.split_at(DESCRIPTION.len).0),
};

/// With its final NUL.
const NAME_FILLED: usize = (NOTE_NAME.len() + 1).next_multiple_of(4);
const DESCRIPTION_FILLED: usize = DESCRIPTION.len.next_multiple_of(4);
const DESCRIPTION: Text = describe();

/// Room for a text that is put together by the compiler.
struct Text {
    bytes: [u8; 1024],
    len: usize,
}

impl Text {
    const fn with(mut self, part: &str) -> Text {
        let part = part.as_bytes();
        let mut at = 0;
        while at < part.len() {
            self.bytes[self.len] = part[at];
            self.len += 1;
            at += 1;
        }
        self
    }

    /// With a number, in as many digits as asked for, in base 10 or 16.
    const fn with_number(mut self, number: u64, digits: u32, base: u64) -> Text {
        let mut left = digits;
        while left > 0 {
            left -= 1;
            let digit = (number / base.pow(left) % base) as u8;
            self.bytes[self.len] = if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            };
            self.len += 1;
        }
        self
    }
}

/// The lines of the fingerprint, in the order of `FINGERPRINT_FIELDS`.
const fn describe() -> Text {
    Text {
        bytes: [0; 1024],
        len: 0,
    }
    .with("abi_major=")
    .with_number(ABI_MAJOR as u64, digits(ABI_MAJOR), 10)
    .with("\nabi_minor=")
    .with_number(ABI_MINOR as u64, digits(ABI_MINOR), 10)
    .with("\nlayout=")
    .with_number(layout_hash(), 16, 16)
    .with("\npanic=")
    .with(if cfg!(panic = "unwind") {
        "unwind"
    } else {
        "abort"
    })
    .with("\ntarget=")
    .with(std::env::consts::ARCH)
    .with("-")
    .with(std::env::consts::OS)
    .with("-")
    .with(libc_name())
    .with("\nsdk=")
    .with(env!("CARGO_PKG_VERSION"))
    .with("\nrustc=")
    .with(env!("HARMONIOUS_RUSTC"))
    .with("\nprofile=")
    .with(env!("HARMONIOUS_PROFILE"))
    .with("\n")
}

const fn libc_name() -> &'static str {
    if cfg!(target_env = "gnu") {
        "gnu"
    } else if cfg!(target_env = "musl") {
        "musl"
    } else {
        "none"
    }
}

const fn digits(number: u16) -> u32 {
    match number {
        0 => 1,
        more => more.ilog10() + 1,
    }
}

const fn filled<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    let mut at = 0;
    while at < bytes.len() {
        all[at] = bytes[at];
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use harmonious_abi::FINGERPRINT_FIELDS;

    #[test]
    fn the_description_has_each_field_on_a_line_in_order() {
        let text = str::from_utf8(&DESCRIPTION.bytes[..DESCRIPTION.len]).unwrap();
        let names: Vec<&str> = text
            .lines()
            .map(|line| line.split_once('=').unwrap().0)
            .collect();
        assert_eq!(names, FINGERPRINT_FIELDS);
        assert!(text.contains(&format!("abi_major={ABI_MAJOR}\nabi_minor={ABI_MINOR}\n")));
        assert!(text.contains(&format!("layout={:016x}\n", layout_hash())));
        assert!(text.contains("panic=unwind\n"), "{text}");
        assert!(text.ends_with('\n'));
    }

    #[test]
    fn the_note_is_framed_as_elf_has_it() {
        assert_eq!(NOTE.name_len, 11);
        assert_eq!(&NOTE.name, b"Harmonious\0\0");
        assert_eq!(NOTE.description_len as usize, DESCRIPTION.len);
        assert_eq!(std::mem::offset_of!(Note, description), 24);
    }

    #[test]
    fn section_and_symbol_are_those_of_the_contract() {
        let ffi = include_str!("ffi.rs");
        assert!(ffi.contains(&format!(
            "link_section = \"{}\"",
            harmonious_abi::NOTE_SECTION
        )));
        assert!(ffi.contains(&format!(
            "pub extern \"C\" fn {}()",
            harmonious_abi::MODULE_SYMBOL
        )));
    }
}

//! Reads the fingerprint of a library from its file, before any of its code runs, and compares it
//! with the server's.
//!
//! A file that is cut off must not reach the dynamic linker, which maps what the headers promise and
//! crashes with the first access behind the end of the file. So every part that the headers name has
//! to be there; the table of sections, which linkers write last, tells.

#![forbid(unsafe_code)]

use harmonious_abi::{self as abi, Fingerprint};
use object::elf::{ET_DYN, FileHeader64};
use object::endian::Endianness;
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::read::{FileKind, ReadCache, ReadCacheOps, ReadRef};

use super::config::NOTES_BYTES_MAX;

/// Why a fingerprint does not do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    /// It cannot be read: why, as part of a sentence.
    Unreadable(String),
    /// One of its fields differs.
    Differs(Difference),
}

/// A field of the fingerprint that does not fit, as parts of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// One of [`abi::FINGERPRINT_FIELDS`].
    pub(super) field: &'static str,
    /// Such as `speaks ABI 3`.
    pub(super) theirs: String,
    /// Such as `this server speaks 1`.
    pub(super) ours: String,
    /// What to do.
    pub(super) advice: &'static str,
}

const REBUILD: &str = "rebuild it with \"harmonious build --release SITE\"";
const UNWIND: &str = "take panic = \"abort\" out of the profiles in the site's Cargo.toml and rebuild it \
                      with \"harmonious build --release SITE\"";
const TARGET: &str = "build it for this machine, with \"harmonious build --release SITE\"";
const LIBC: &str = if cfg!(target_env = "gnu") {
    "gnu"
} else if cfg!(target_env = "musl") {
    "musl"
} else {
    "none"
};

type Header = FileHeader64<Endianness>;

/// The fingerprint of a library, as text. The error says why there is none, as part of a sentence.
pub(super) fn read(file: impl ReadCacheOps) -> Result<String, String> {
    let data = &ReadCache::new(file);
    match FileKind::parse(data) {
        Ok(FileKind::Elf64) => {}
        Ok(FileKind::Elf32) => return Err("is a library of 32 bits, this server has 64".into()),
        _ => return Err("is no library".into()),
    }
    let mut notes = library(data)?.into_iter();
    let first = notes.next().ok_or(
        "is a library, but no module: it has no fingerprint, which every attribute such as #[get] adds",
    )?;
    if notes.any(|other| other != first) {
        return Err("has several fingerprints, which differ".into());
    }
    String::from_utf8(first).map_err(|_| "has a fingerprint that is not UTF-8".into())
}

/// What this server asks of modules; the fields that do not matter are empty.
pub(super) fn compare_with_ours(theirs: &str) -> Result<(), Misfit> {
    let (arch, os) = (std::env::consts::ARCH, std::env::consts::OS);
    let ours = Fingerprint {
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        layout: abi::layout_hash(),
        panic: "unwind",
        target: &format!("{arch}-{os}-{LIBC}"),
        sdk: "",
        rustc: "",
        profile: "",
    };
    compare(theirs, &ours)
}

/// The fields that must fit, in their order: what stands in the later ones of a newer module may be
/// anything.
fn compare(theirs: &str, ours: &Fingerprint<'_>) -> Result<(), Misfit> {
    let fields = Fields(theirs);
    let major: u16 = fields.number("abi_major", 10)?;
    differs("abi_major", major == ours.abi_major, REBUILD, || {
        let theirs = format!("speaks ABI {major}{}", fields.builder());
        (theirs, format!("this server speaks {}", ours.abi_major))
    })?;
    let minor: u16 = fields.number("abi_minor", 10)?;
    differs("abi_minor", minor <= ours.abi_minor, REBUILD, || {
        let theirs = format!("speaks ABI {major}.{minor}{}", fields.builder());
        let ours = format!("this server speaks {major}.{}", ours.abi_minor);
        (theirs, format!("{ours} at most"))
    })?;
    let target = fields.text("target")?;
    differs("target", target == ours.target, TARGET, || {
        let theirs = format!("is built for {target}");
        (theirs, format!("this server for {}", ours.target))
    })?;
    let layout: u64 = fields.number("layout", 16)?;
    let fits = minor != ours.abi_minor || layout == ours.layout;
    differs("layout", fits, REBUILD, || {
        let theirs = format!(
            "lays ABI {major}.{minor} out as {layout:016x}{}",
            fields.builder()
        );
        (theirs, format!("this server as {:016x}", ours.layout))
    })?;
    let panic = fields.text("panic")?;
    differs("panic", panic == ours.panic, UNWIND, || {
        let theirs = format!("is built with panic = \"{panic}\"");
        (theirs, format!("this server needs \"{}\"", ours.panic))
    })
}

/// Descriptions of our notes in a library that is all there.
fn library<'data, R: ReadRef<'data>>(data: R) -> Result<Vec<Vec<u8>>, String> {
    let damaged = |why: object::read::Error| format!("is damaged or cut off ({why})");
    let header = Header::parse(data).map_err(damaged)?;
    let endian = header.endian().map_err(damaged)?;
    if header.e_type(endian) != ET_DYN {
        return Err("is an ELF file, but no library".into());
    }
    complete(header, endian, data).map_err(damaged)??;
    notes(header, endian, data).map_err(damaged)?
}

/// Whether every part that the headers name is in the file.
fn complete<'data, R: ReadRef<'data>>(
    header: &Header,
    endian: Endianness,
    data: R,
) -> object::read::Result<Result<(), String>> {
    let segments = header.program_headers(endian, data)?;
    let segments = segments.iter().map(|segment| segment.file_range(endian));
    let sections = header.section_headers(endian, data)?;
    let sections = sections
        .iter()
        .filter_map(|section| section.file_range(endian));
    let ends = segments
        .chain(sections)
        .map(|(offset, len)| offset.saturating_add(len));
    let (needed, there) = (ends.max().unwrap_or(0), data.len().unwrap_or(0));
    if needed <= there {
        return Ok(Ok(()));
    }
    Ok(Err(format!(
        "is cut off: it has {there} bytes, of at least {needed}"
    )))
}

fn notes<'data, R: ReadRef<'data>>(
    header: &Header,
    endian: Endianness,
    data: R,
) -> object::read::Result<Result<Vec<Vec<u8>>, String>> {
    let sections = header.sections(endian, data)?;
    let mut found = Vec::new();
    for section in sections.iter() {
        if sections.section_name(endian, section)? != abi::NOTE_SECTION.as_bytes() {
            continue;
        }
        let bytes = section.sh_size(endian);
        if bytes > NOTES_BYTES_MAX {
            return Ok(Err(format!(
                "has {bytes} bytes of fingerprints: allowed are {NOTES_BYTES_MAX}"
            )));
        }
        let Some(mut notes) = section.notes(endian, data)? else {
            continue;
        };
        while let Some(note) = notes.next()? {
            let ours = note.name() == abi::NOTE_NAME.as_bytes();
            if ours && note.n_type(endian).0 == abi::NOTE_FINGERPRINT {
                found.push(note.desc().to_vec());
            }
        }
    }
    Ok(Ok(found))
}

/// The lines of a fingerprint.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a str);

impl<'a> Fields<'a> {
    fn get(self, name: &str) -> Option<&'a str> {
        let mut fields = self.0.lines().filter_map(|line| line.split_once('='));
        fields.find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    fn text(self, name: &str) -> Result<&'a str, Misfit> {
        let missing = || Misfit::Unreadable(format!("has a fingerprint without \"{name}\""));
        self.get(name).ok_or_else(missing)
    }

    fn number<N: TryFrom<u64>>(self, name: &str, radix: u32) -> Result<N, Misfit> {
        let text = self.text(name)?;
        let number = u64::from_str_radix(text, radix).ok();
        let number = number.and_then(|number| N::try_from(number).ok());
        number.ok_or_else(|| {
            Misfit::Unreadable(format!("has a fingerprint whose \"{name}\" is {text:?}"))
        })
    }

    /// Who built it, in brackets, as far as it is known.
    fn builder(self) -> String {
        let parts = ["sdk", "rustc"].map(|name| (name, self.get(name).unwrap_or_default()));
        let parts = parts.iter().filter(|(_, value)| !value.is_empty());
        let parts: Vec<_> = parts
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        match parts.is_empty() {
            true => String::new(),
            false => format!(" ({})", parts.join(", ")),
        }
    }
}

fn differs(
    field: &'static str,
    fits: bool,
    advice: &'static str,
    texts: impl FnOnce() -> (String, String),
) -> Result<(), Misfit> {
    if fits {
        return Ok(());
    }
    let (theirs, ours) = texts();
    Err(Misfit::Differs(Difference {
        field,
        theirs,
        ours,
        advice,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: Fingerprint<'_> = Fingerprint {
        abi_major: 2,
        abi_minor: 4,
        layout: 0xabc,
        panic: "unwind",
        target: "x86_64-linux-gnu",
        sdk: "",
        rustc: "",
        profile: "",
    };
    const GOOD: &str = "abi_major=2\nabi_minor=4\nlayout=0000000000000abc\npanic=unwind\n\
                        target=x86_64-linux-gnu\nsdk=0.4.1\nrustc=1.95.0\nprofile=release\n";

    /// What is said of the good fingerprint after `from` was replaced by `to`; "" if it fits.
    fn check(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        match compare(&GOOD.replace(from, to), &OURS) {
            Ok(()) => String::new(),
            Err(Misfit::Unreadable(why)) => why,
            Err(Misfit::Differs(d)) => format!("{}: {}, {}", d.field, d.theirs, d.ours),
        }
    }

    #[test]
    fn a_fingerprint_like_ours_fits() {
        assert_eq!(check("", ""), "");
    }

    #[test]
    fn who_built_it_and_what_newer_ones_say_does_not_matter() {
        assert_eq!(check("sdk=0.4.1\nrustc=1.95.0\nprofile=release\n", ""), "");
        assert_eq!(check("sdk=0.4.1", "color=blue\n\nsdk=9"), "");
    }

    #[test]
    fn each_field_that_differs_is_named_with_both_values() {
        let major = "abi_major: speaks ABI 3 (sdk 0.4.1, rustc 1.95.0), this server speaks 2";
        assert_eq!(check("abi_major=2", "abi_major=3"), major);
        assert_eq!(
            check("abi_minor=4", "abi_minor=5"),
            "abi_minor: speaks ABI 2.5 (sdk 0.4.1, rustc 1.95.0), this server speaks 2.4 at most"
        );
        assert_eq!(
            check("abc", "abd"),
            "layout: lays ABI 2.4 out as 0000000000000abd (sdk 0.4.1, rustc 1.95.0), this server as \
             0000000000000abc"
        );
        assert_eq!(
            check("unwind", "abort"),
            "panic: is built with panic = \"abort\", this server needs \"unwind\""
        );
        assert_eq!(
            check("x86_64", "aarch64"),
            "target: is built for aarch64-linux-gnu, this server for x86_64-linux-gnu"
        );
    }

    #[test]
    fn an_older_minor_may_have_another_layout() {
        let older = "abi_minor=3\nlayout=0000000000000123";
        assert_eq!(check("abi_minor=4\nlayout=0000000000000abc", older), "");
    }

    #[test]
    fn of_another_major_nothing_else_is_read() {
        let text = "abi_major=3\nwhatever";
        assert!(matches!(compare(text, &OURS), Err(Misfit::Differs(_))));
    }

    #[test]
    fn what_is_missing_or_no_number_is_named() {
        assert_eq!(
            check("panic=unwind\n", ""),
            "has a fingerprint without \"panic\""
        );
        assert_eq!(
            check("abi_major=2", "abi_major=two"),
            "has a fingerprint whose \"abi_major\" is \"two\""
        );
        assert_eq!(
            check("abi_minor=4", "abi_minor=65536"),
            "has a fingerprint whose \"abi_minor\" is \"65536\""
        );
        assert_eq!(
            compare("", &OURS),
            Err(Misfit::Unreadable(
                "has a fingerprint without \"abi_major\"".into()
            ))
        );
    }

    #[test]
    fn bytes_that_are_no_library_are_refused() {
        for bytes in [
            &b""[..],
            b"\x7fELF",
            b"#!/bin/sh\n",
            b"\x7fELF\x02\x01\x01",
            &[0; 4096],
        ] {
            let why = read(std::io::Cursor::new(bytes)).unwrap_err();
            assert!(why.starts_with("is "), "{why}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_whatsoever_crash_it(tail in proptest::collection::vec(0u8.., 0..600)) {
            let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
            bytes.extend(tail);
            proptest::prop_assert!(read(std::io::Cursor::new(bytes)).is_err());
        }
    }
}

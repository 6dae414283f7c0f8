//! What is not opened, and what the message says.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use harmonious_dispatcher::loader::{self, LoadError};

use crate::fixture::{Fixture, Variant, good_note};

/// Why this file is not opened as the module scripts/submit.
#[track_caller]
fn refused(path: &Path) -> LoadError {
    match loader::open("scripts/submit", path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(why) => why,
    }
}

/// The message about a module whose fingerprint has `from` replaced by `to`; it must not have run.
#[track_caller]
fn with_note(from: &str, to: &str) -> String {
    let fixture = Fixture::new();
    assert!(good_note().contains(from), "{from}");
    let variant = Variant {
        note: good_note().replace(from, to),
        ..Variant::default()
    };
    let path = fixture.variant("scripts--submit-0123.so", &variant);
    let message = refused(&path).to_string();
    assert!(fixture.journal("scripts--submit-0123.so").is_empty());
    let start = "module scripts/submit (scripts--submit-0123.so) ";
    let rest = message.strip_prefix(start);
    rest.unwrap_or_else(|| panic!("{message}")).to_owned()
}

#[test]
fn a_module_of_another_abi_is_refused_with_both_versions() {
    assert_eq!(
        with_note("abi_major=1", "abi_major=3"),
        "speaks ABI 3 (sdk 0.1.0, rustc 1.95.0), this server speaks 1: rebuild it with \"harmonious build \
         --release SITE\""
    );
    assert_eq!(
        with_note("abi_minor=3", "abi_minor=7"),
        "speaks ABI 1.7 (sdk 0.1.0, rustc 1.95.0), this server speaks 1.3 at most: rebuild it with \
         \"harmonious build --release SITE\""
    );
}

#[test]
fn a_module_that_aborts_is_of_another_machine_or_laid_out_otherwise_is_refused() {
    let layout = format!("layout={:016x}", harmonious_abi::layout_hash());
    let message = with_note(&layout, "layout=00000000deadbeef");
    assert!(
        message.starts_with("lays ABI 1.3 out as 00000000deadbeef"),
        "{message}"
    );
    assert_eq!(
        with_note("panic=unwind", "panic=abort"),
        "is built with panic = \"abort\", this server needs \"unwind\": take panic = \"abort\" out of \
         the profiles in the site's Cargo.toml and rebuild it with \"harmonious build --release SITE\""
    );
    let ours = format!("{}-linux", std::env::consts::ARCH);
    let message = with_note(&ours, "sparc-solaris");
    assert!(
        message.starts_with("is built for sparc-solaris-"),
        "{message}"
    );
    assert!(
        message.contains(&format!(", this server for {ours}-")),
        "{message}"
    );
}

#[test]
fn a_fingerprint_that_cannot_be_read_is_refused() {
    assert!(with_note("layout=", "lay=").starts_with("has a fingerprint without \"layout\""));
    assert!(with_note("abi_major=1", "abi_major=I").contains("whose \"abi_major\" is \"I\""));
}

#[test]
fn a_library_without_our_note_is_no_module() {
    let fixture = Fixture::new();
    let variant = Variant {
        replace: Some((b"Harmonious\0\0", b"Harmoniou5\0\0")),
        ..Variant::default()
    };
    let message = refused(&fixture.variant("a.so", &variant)).to_string();
    assert!(message.contains("has no fingerprint"), "{message}");
    assert!(fixture.journal("a.so").is_empty());
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let fixture = Fixture::new();
    let whole = fixture.good("whole.so");
    let bytes = fs::read(&whole).unwrap();
    let cut = fixture.file("cut.so", &bytes);
    let file = fs::OpenOptions::new().write(true).open(&cut).unwrap();
    let even = (0..190).map(|part| bytes.len() * part / 190);
    let last = (1..=10).map(|less| bytes.len() - less);
    let mut lengths: Vec<usize> = even.chain(last).collect();
    lengths.sort_unstable_by_key(|length| std::cmp::Reverse(*length));
    assert_eq!(lengths.len(), 200);
    for length in lengths {
        file.set_len(length as u64).unwrap();
        let why = refused(&cut);
        assert!(matches!(why, LoadError::NoModule { .. }), "{length}: {why}");
    }
    assert!(loader::open("whole", &whole).is_ok());
}

#[test]
fn a_library_that_lacks_what_its_headers_name_is_refused() {
    // As the ELF specification has them: where the program headers begin, and in each of them how
    // much of the file the segment takes.
    const HEADERS_AT: usize = 32;
    const BYTES_AT: usize = 32;
    let fixture = Fixture::new();
    let mut bytes = fs::read(fixture.good("whole.so")).unwrap();
    let headers = usize::from(bytes[HEADERS_AT]);
    let whole = bytes.len() as u64;
    bytes[headers + BYTES_AT..][..8].copy_from_slice(&(whole + 1).to_le_bytes());
    let message = refused(&fixture.file("more.so", &bytes)).to_string();
    let expected = format!("is cut off: it has {whole} bytes, of at least ");
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn what_is_no_library_is_refused() {
    let fixture = Fixture::new();
    let message = |path: &Path| refused(path).to_string();
    let text = fixture.file("text.so", b"#!/bin/sh\necho hello\n");
    assert_eq!(
        message(&text),
        "module scripts/submit (text.so) is no library: rebuild it with \"harmonious build --release SITE\""
    );
    assert!(message(&fixture.file("empty.so", b"")).contains("is no library"));
    let program = fs::read(std::env::current_exe().unwrap()).unwrap();
    let program = message(&fixture.file("program.so", &program));
    assert!(
        program.contains("no fingerprint") || program.contains("no library"),
        "{program}"
    );
    assert!(message(fixture.path("").as_path()).contains("is no regular file"));
    assert!(message(&fixture.path("missing.so")).contains("No such file"));
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let fixture = Fixture::new();
    let path = fixture.good("a.so");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(
        refused(&path).to_string(),
        "module scripts/submit (a.so) may be written by others than its owner (mode 666): take that \
         away with \"chmod go-w\""
    );
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(loader::open("scripts/submit", &path).is_ok());
}

#[test]
fn a_symbolic_link_is_not_followed() {
    let fixture = Fixture::new();
    fixture.good("a.so");
    symlink(fixture.path("a.so"), fixture.path("link.so")).unwrap();
    let why = refused(&fixture.path("link.so"));
    assert!(matches!(why, LoadError::Read { .. }), "{why}");
}

#[test]
fn a_library_without_the_symbol_is_refused() {
    let fixture = Fixture::new();
    let variant = Variant {
        replace: Some((b"harmonious_module\0", b"harmonious_modulo\0")),
        ..Variant::default()
    };
    let message = refused(&fixture.variant("a.so", &variant)).to_string();
    let start = "module scripts/submit (a.so) does not export \"harmonious_module\"";
    assert!(message.starts_with(start), "{message}");
}

#[test]
fn a_broken_table_is_refused_before_anything_of_it_runs() {
    for (table, why) in [
        ("null", "it is at 0x0"),
        ("magic", "it begins with "),
        ("size", " bytes, not "),
        ("many", "18446744073709551615 entries; allowed are "),
        ("nowhere", "its entries are at 0x0"),
        ("stride", "its entries have "),
        ("kind", "entry \"page\" is of the unknown kind 77"),
        ("name", "the name of an entry is not UTF-8"),
        ("unnamed", "the name of an entry is at 0x0"),
        ("function", "an entry's function is null"),
    ] {
        let fixture = Fixture::new();
        let variant = Variant {
            table,
            ..Variant::default()
        };
        let message = refused(&fixture.variant("a.so", &variant)).to_string();
        let start = "module scripts/submit (a.so) has a broken table of entries: ";
        assert!(
            message.starts_with(start) && message.contains(why),
            "{table}: {message}"
        );
        assert!(fixture.journal("a.so").is_empty(), "{table}");
    }
}

#[test]
fn a_module_whose_init_refuses_is_not_opened() {
    let fixture = Fixture::new();
    let variant = Variant {
        init: 9,
        ..Variant::default()
    };
    let path = fixture.variant("a.so", &variant);
    let message = refused(&path).to_string();
    assert_eq!(
        message,
        "module scripts/submit (a.so) did not start: its init returned 9"
    );
    assert_eq!(fixture.journal("a.so"), ["init"], "and is not retired");
}

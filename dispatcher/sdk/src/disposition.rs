//! `Content-Disposition` (RFC 6266) with file names in any alphabet (RFC 8187), and names of uploads
//! without their folders.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::config::FILE_NAME_BYTES_MAX;

/// RFC 8187, 3.2.1: all that is no `attr-char` is encoded.
const NO_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value of the field. The plain form comes first, for what does not know the other one.
pub fn attachment(file_name: &str) -> String {
    let name = base_name(file_name);
    let plain: String = name.chars().map(plain_char).collect();
    if plain == name {
        format!("attachment; filename=\"{plain}\"")
    } else {
        let encoded = utf8_percent_encode(&name, NO_ATTR_CHAR);
        format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
    }
}

/// The last part of a path of any system, without control characters, not hidden, not too long; `file`
/// if nothing is left.
pub fn base_name(file_name: &str) -> String {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|char| !is_bad(*char)).collect();
    let clean = clean
        .trim()
        .trim_start_matches('.')
        .trim_end_matches(['.', ' ']);
    let end = clean.floor_char_boundary(FILE_NAME_BYTES_MAX);
    if end == 0 {
        "file".to_owned()
    } else {
        clean[..end].to_owned()
    }
}

/// Control characters, and those that make a name look like another one.
fn is_bad(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `%` too is replaced: some browsers decode it in the plain form.
fn plain_char(char: char) -> char {
    match char {
        '"' | '\\' | '%' => '_',
        ' '..='~' => char,
        _ => '_',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_other_alphabets_are_given_in_both_forms() {
        let field = attachment("скрипт \"1\".txt");
        assert_eq!(
            field,
            "attachment; filename=\"______ _1_.txt\"; \
             filename*=UTF-8''%D1%81%D0%BA%D1%80%D0%B8%D0%BF%D1%82%20%221%22.txt"
        );
    }

    #[test]
    fn base_names_have_no_folders_and_are_not_hidden() {
        let cases = [
            ("a.txt", "a.txt"),
            ("/etc/passwd", "passwd"),
            ("C:\\temp\\a.txt", "a.txt"),
            ("..", "file"),
            ("../..", "file"),
            (".bashrc", "bashrc"),
            ("a\r\nb.txt", "ab.txt"),
            ("txt.\u{202e}exe", "txt.exe"),
            ("", "file"),
            ("a/", "file"),
        ];
        for (given, expected) in cases {
            assert_eq!(base_name(given), expected, "{given:?}");
        }
        assert!(base_name(&"é".repeat(500)).len() <= FILE_NAME_BYTES_MAX);
    }
}

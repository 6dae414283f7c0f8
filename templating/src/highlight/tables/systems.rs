//! Rust and C.

use crate::highlight::scanner::{Class, Open, Scanner, Then, is_blank, is_word};
use crate::highlight::syntax::{NOTHING, Quoted, Syntax, WHOLE};

/// Rust.
pub(in crate::highlight) const RUST: Syntax = Syntax {
    line_comments: &["//"],
    block_comments: &[("/*", "*/")],
    comments_nest: true,
    strings: &[Quoted::text("\"", "\"", WHOLE)],
    keywords: RUST_KEYWORDS,
    builtins: RUST_BUILTINS,
    definers: &["enum", "fn", "mod", "struct", "trait", "type", "union"],
    calls: true,
    hook: rust,
    ..NOTHING
};

#[rustfmt::skip]
const RUST_KEYWORDS: &[&str] = &[
    "Self", "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum",
    "extern", "false", "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move",
    "mut", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "type",
    "union", "unsafe", "use", "where", "while", "yield",
];

#[rustfmt::skip]
const RUST_BUILTINS: &[&str] = &[
    "Arc", "Box", "Clone", "Copy", "Debug", "Default", "Drop", "Eq", "Err", "Fn", "FnMut",
    "FnOnce", "From", "Hash", "HashMap", "HashSet", "Into", "Iterator", "None", "Ok", "Option",
    "Ord", "PartialEq", "PartialOrd", "Rc", "Result", "Send", "Some", "String", "Sync", "Vec",
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128",
    "u16", "u32", "u64", "u8", "usize",
];

/// Lifetimes and characters, raw and byte strings, attributes, macros.
fn rust(scanner: &mut Scanner<'_>) -> bool {
    match scanner.peek(0) {
        b'\'' => quote(scanner, 0),
        b'#' if matches!(scanner.peek(1), b'[' | b'!') => attribute(scanner),
        b'b' if scanner.peek(1) == b'\'' && !is_word(scanner.last()) => quote(scanner, 1),
        b'r' | b'b' | b'c' if !is_word(scanner.last()) => prefixed(scanner),
        byte if is_word(byte) => macro_name(scanner),
        _ => false,
    }
}

/// `'a'` is a character, `'a` a lifetime.
fn quote(scanner: &mut Scanner<'_>, prefix: usize) -> bool {
    let at = scanner.at + prefix;
    if scanner.byte(at + 1) == b'\\' {
        let open = Open {
            close: "'",
            nests: 0,
            depth: 0,
            escape: b'\\',
            lines: false,
            holes: WHOLE,
            then: Then::Nothing,
        };
        scanner.open(at + 1, open);
        return true;
    }
    let character = scanner.text[at + 1..].chars().next();
    let behind = at + 1 + character.map_or(0, char::len_utf8);
    if scanner.byte(behind) == b'\'' {
        scanner.put_value(Class::Text, behind + 1);
    } else if is_word(scanner.byte(at + 1)) {
        scanner.put(Class::Variable, scanner.skip(at + 1, is_word));
    } else {
        return false;
    }
    true
}

fn attribute(scanner: &mut Scanner<'_>) -> bool {
    let bracket = scanner.at + 1 + usize::from(scanner.peek(1) == b'!');
    if scanner.byte(bracket) != b'[' {
        return false;
    }
    let end = scanner.behind_bracket(bracket, b'[', b']');
    scanner.put(Class::Meta, end);
    true
}

/// `b"…"`, `c"…"`, `r"…"`, `br#"…"#`.
fn prefixed(scanner: &mut Scanner<'_>) -> bool {
    let at = scanner.at;
    let letters = if scanner.peek(0) != b'r' && scanner.peek(1) == b'r' {
        2
    } else {
        1
    };
    if scanner.byte(at + letters - 1) != b'r' {
        if scanner.peek(1) == b'"' {
            scanner.put(Class::Text, at + 1);
            return false;
        }
        return macro_name(scanner);
    }
    let quote = scanner.skip(at + letters, |byte| byte == b'#');
    if scanner.byte(quote) != b'"' {
        return macro_name(scanner);
    }
    let close = format!("\"{}", &scanner.text[at + letters..quote]);
    scanner.put_value(Class::Text, scanner.behind(&close, quote + 1));
    true
}

/// `println!`, but not `a != b`.
fn macro_name(scanner: &mut Scanner<'_>) -> bool {
    let end = scanner.skip(scanner.at, is_word);
    let called = scanner.byte(end) == b'!' && scanner.byte(end + 1) != b'=';
    if !called || scanner.peek(0).is_ascii_digit() {
        return false;
    }
    scanner.put_value(Class::Function, end + 1);
    true
}

/// C and C++.
pub(in crate::highlight) const C: Syntax = Syntax {
    line_comments: &["//"],
    block_comments: &[("/*", "*/")],
    strings: &[Quoted::line("\""), Quoted::line("'")],
    keywords: C_KEYWORDS,
    builtins: C_BUILTINS,
    definers: &["class", "namespace"],
    calls: true,
    digit_quote: true,
    hook: preprocessor,
    ..NOTHING
};

#[rustfmt::skip]
const C_KEYWORDS: &[&str] = &[
    "NULL", "_Alignas", "_Alignof", "_Atomic", "_Bool", "_Generic", "_Noreturn", "_Static_assert",
    "_Thread_local", "alignas", "alignof", "asm", "auto", "break", "case", "catch", "class",
    "const", "const_cast", "constexpr", "continue", "default", "delete", "do", "dynamic_cast",
    "else", "enum", "explicit", "export", "extern", "false", "for", "friend", "goto", "if",
    "inline", "mutable", "namespace", "new", "noexcept", "nullptr", "operator", "override",
    "private", "protected", "public", "register", "reinterpret_cast", "restrict", "return",
    "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template", "this",
    "throw", "true", "try", "typedef", "typename", "union", "using", "virtual", "volatile",
    "while",
];

#[rustfmt::skip]
const C_BUILTINS: &[&str] = &[
    "FILE", "bool", "char", "char16_t", "char32_t", "double", "errno", "float", "int", "int16_t",
    "int32_t", "int64_t", "int8_t", "intptr_t", "long", "off_t", "pid_t", "ptrdiff_t", "short",
    "signed", "size_t", "ssize_t", "stderr", "stdin", "stdout", "string", "time_t", "uint16_t",
    "uint32_t", "uint64_t", "uint8_t", "uintptr_t", "unsigned", "va_list", "void", "wchar_t",
];

/// `#include <stdio.h>`, `#define`.
fn preprocessor(scanner: &mut Scanner<'_>) -> bool {
    if scanner.peek(0) != b'#' || !scanner.opens_line() {
        return false;
    }
    let word = scanner.skip(scanner.at + 1, is_blank);
    let end = scanner.skip(word, is_word);
    let includes = scanner.text[word..end] == *"include";
    scanner.put(Class::Meta, end);
    let file = scanner.skip(end, is_blank);
    if includes && scanner.byte(file) == b'<' {
        let line = scanner.line_end(file);
        let close = scanner.text[file..line]
            .find('>')
            .map(|length| file + length + 1);
        scanner.put(Class::Plain, file);
        scanner.put(Class::Text, close.unwrap_or(line));
    }
    true
}

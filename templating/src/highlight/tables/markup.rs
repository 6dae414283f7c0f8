//! HTML and XML, CSS.

use crate::highlight::scanner::{Class, Scanner, is_blank, is_word};
use crate::highlight::syntax::{NOTHING, Quoted, Syntax};

/// HTML and XML.
pub(in crate::highlight) const HTML: Syntax = Syntax {
    hook: markup,
    ..NOTHING
};

/// A comment, a tag, a reference, or the text up to the next of them.
fn markup(scanner: &mut Scanner<'_>) -> bool {
    let at = scanner.at;
    if scanner.sees("<!--") {
        scanner.put(Class::Comment, scanner.behind("-->", at + 4));
    } else if scanner.sees("<![CDATA[") {
        scanner.put(Class::Text, scanner.behind("]]>", at));
    } else if scanner.peek(0) == b'<'
        && (is_word(scanner.peek(1)) || b"/!?".contains(&scanner.peek(1)))
    {
        tag(scanner);
    } else if scanner.peek(0) == b'&' {
        reference(scanner);
    } else {
        let end = scanner.skip(at + 1, |byte| byte != b'<' && byte != b'&' && byte != b'\n');
        scanner.put(Class::Plain, end);
    }
    true
}

fn reference(scanner: &mut Scanner<'_>) {
    let end = scanner.skip(scanner.at + 1, |byte| is_word(byte) || byte == b'#');
    match scanner.byte(end) {
        b';' => scanner.put(Class::Number, end + 1),
        _ => scanner.put(Class::Plain, end),
    }
}

/// `<name attribute="value">`, up to its `>` or the next `<`.
fn tag(scanner: &mut Scanner<'_>) {
    let name = |byte| is_word(byte) || b"-:.".contains(&byte);
    let end = scanner.skip(scanner.at + 1, |byte| b"/!?".contains(&byte));
    scanner.put(Class::Keyword, scanner.skip(end, name));
    loop {
        match scanner.peek(0) {
            b'>' => return scanner.put(Class::Keyword, scanner.at + 1),
            b'/' | b'?' if scanner.peek(1) == b'>' => {
                return scanner.put(Class::Keyword, scanner.at + 2);
            }
            b'<' => return,
            0 if scanner.at >= scanner.bytes.len() => return,
            b'"' => value(scanner, "\""),
            b'\'' => value(scanner, "'"),
            byte if is_word(byte) => scanner.put(Class::Variable, scanner.skip(scanner.at, name)),
            _ => scanner.put(Class::Plain, scanner.at + 1),
        }
    }
}

fn value(scanner: &mut Scanner<'_>, quote: &str) {
    scanner.put(Class::Text, scanner.behind(quote, scanner.at + 1));
}

/// CSS.
pub(in crate::highlight) const CSS: Syntax = Syntax {
    block_comments: &[("/*", "*/")],
    strings: &[Quoted::line("\""), Quoted::line("'")],
    word_bytes: b"-",
    calls: true,
    hook: css,
    ..NOTHING
};

/// `@media`, `#fff`, `name:`, `!important`, `--name`.
fn css(scanner: &mut Scanner<'_>) -> bool {
    let (byte, at) = (scanner.peek(0), scanner.at);
    let name = |byte| is_word(byte) || byte == b'-';
    let end = scanner.skip(at + 1, name);
    let class = match byte {
        b'@' | b'!' if end > at + 1 => Class::Keyword,
        b'.' if end > at + 1 && !scanner.peek(1).is_ascii_digit() => Class::Function,
        b'#' if end > at + 1 => {
            match scanner.bytes[at + 1..end].iter().all(u8::is_ascii_hexdigit) {
                true => Class::Number,
                false => Class::Function,
            }
        }
        _ if name(byte) && !byte.is_ascii_digit() => {
            let behind = scanner.skip(end, is_blank);
            let property = scanner.byte(behind) == b':' && is_blank(scanner.byte(behind + 1));
            if !property && !scanner.sees("--") {
                return false;
            }
            Class::Variable
        }
        _ => return false,
    };
    scanner.put_value(class, end);
    true
}

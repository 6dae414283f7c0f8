//! Tells code, comments and strings of Rust source apart.
//!
//! Small on purpose: the checks only need to know which of the three a character belongs to. A
//! parser would bring a large dependency and would not keep comments.

/// One source text three times, each as long and with the same line ends as the source: what
/// belongs to one of the others is blank.
#[derive(Debug, Default)]
pub struct Parts {
    /// Everything that the compiler sees, without the insides of strings and characters.
    pub code: String,
    /// Comments of every kind, documentation included.
    pub comments: String,
    /// The insides of strings and characters.
    pub strings: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Code,
    Comment,
    Text,
}

/// Splits a source text.
pub fn split(source: &str) -> Parts {
    let chars: Vec<char> = source.chars().collect();
    let mut parts = Parts::default();
    let mut at = 0;
    while at < chars.len() {
        let (kind, length) = token(&chars, at);
        for &c in &chars[at..at + length] {
            parts.push(c, kind);
        }
        at += length;
    }
    parts
}

impl Parts {
    fn push(&mut self, c: char, kind: Kind) {
        let only = |wanted| if c == '\n' || kind == wanted { c } else { ' ' };
        self.code.push(only(Kind::Code));
        self.comments.push(only(Kind::Comment));
        self.strings.push(only(Kind::Text));
    }
}

/// What starts at `at`, and how many characters of it there are.
fn token(chars: &[char], at: usize) -> (Kind, usize) {
    let rest = &chars[at..];
    match rest {
        ['/', '/', ..] => (Kind::Comment, line_length(rest)),
        ['/', '*', ..] => (Kind::Comment, block_length(rest)),
        ['"', ..] => (Kind::Text, quoted_length(rest, '"')),
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => (Kind::Text, quoted_length(rest, '\'')),
        ['r', ..] if starts_word(chars, at) => match raw_length(rest) {
            Some(length) => (Kind::Text, length),
            None => (Kind::Code, 1),
        },
        _ => (Kind::Code, 1),
    }
}

fn line_length(rest: &[char]) -> usize {
    rest.iter().position(|&c| c == '\n').unwrap_or(rest.len())
}

/// Block comments nest.
fn block_length(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let step = match rest[at..] {
            ['/', '*', ..] => 1,
            ['*', '/', ..] => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_length(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 1,
            c if c == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    rest.len()
}

/// The length of a raw string with its hashes, where one starts here. `r#name` is not one.
fn raw_length(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&c| c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let body = 2 + hashes;
    let closes =
        |at: &usize| rest[*at] == '"' && rest[at + 1..].iter().take(hashes).all(|&c| c == '#');
    Some(
        (body..rest.len())
            .find(closes)
            .map_or(rest.len(), |at| (at + 1 + hashes).min(rest.len())),
    )
}

/// Whether a prefix such as the `r` of a raw string can start here; `br` and `cr` count as one.
fn starts_word(chars: &[char], at: usize) -> bool {
    let part_of_word = |at: usize| chars[at].is_alphanumeric() || chars[at] == '_';
    match at {
        0 => true,
        _ if !part_of_word(at - 1) => true,
        1 => matches!(chars[0], 'b' | 'c'),
        _ => matches!(chars[at - 1], 'b' | 'c') && !part_of_word(at - 2),
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    /// The expected parts say nothing about how many blanks stand between two words.
    #[track_caller]
    fn check(source: &str, code: &str, comments: &str, strings: &str) {
        let parts = split(source);
        let words = |part: &str| part.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            [
                words(&parts.code),
                words(&parts.comments),
                words(&parts.strings)
            ],
            [code, comments, strings]
        );
        assert_eq!(parts.code.chars().count(), source.chars().count());
    }

    #[test]
    fn comments_end_with_their_line_or_their_last_star() {
        check("a // b", "a", "// b", "");
        check("/* b /* c */ d */ a", "a", "/* b /* c */ d */", "");
        check("/* open", "", "/* open", "");
    }

    #[test]
    fn strings_hide_what_looks_like_code_or_comment() {
        check(r#"f("// a \" b")"#, "f( )", "", r#""// a \" b""#);
        check(r##"r#"a " b"# + c"##, "+ c", "", r##"r#"a " b"#"##);
        check("\"open", "", "", "\"open");
    }

    #[test]
    fn byte_and_raw_prefixes_do_not_hide_code() {
        check(r#"br"\" + c"#, "b + c", "", r#"r"\""#);
        check("r#type + for_r", "r#type + for_r", "", "");
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        check("&'a x", "&'a x", "", "");
        check("['\"', 'b']", "[ , ]", "", "'\"' 'b'");
        check(r"'\'' + c", "+ c", "", r"'\''");
    }
}

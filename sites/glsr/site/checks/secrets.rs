//! What should never be public: keys and passwords in the text.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::{bounded, told};
use crate::model::{Finding, Level};

/// Characters of a secret that a message shows: enough to find it, too few to use it.
const SHOWN_CHARS: usize = 4;
/// Bytes of a line that are looked at.
const LINE_BYTES_LOOKED_AT: usize = 2_000;

struct Shape {
    what: &'static str,
    /// One of these is in every such text, in lower case: looked for first, since it is quick.
    hints: &'static [&'static str],
    /// The group is the secret.
    pattern: &'static str,
}

const SHAPES: [Shape; 9] = [
    Shape {
        what: "aws",
        hints: &["akia", "asia"],
        pattern: r"\b((?:AKIA|ASIA)[0-9A-Z]{16})\b",
    },
    Shape {
        what: "github",
        hints: &["gh"],
        pattern: r"\b(gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9_]{22,255})",
    },
    Shape {
        what: "gitlab",
        hints: &["glpat-"],
        pattern: r"\b(glpat-[A-Za-z0-9_-]{20,})",
    },
    Shape {
        what: "slack",
        hints: &["xox"],
        pattern: r"\b(xox[abeprs]-[A-Za-z0-9-]{10,})",
    },
    Shape {
        what: "google",
        hints: &["aiza"],
        pattern: r"\b(AIza[0-9A-Za-z_-]{35})",
    },
    Shape {
        what: "stripe",
        hints: &["k_live_"],
        pattern: r"\b([sr]k_live_[0-9A-Za-z]{16,})",
    },
    Shape {
        what: "private",
        hints: &["private key"],
        pattern: r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)",
    },
    Shape {
        what: "minisign",
        hints: &["rwr"],
        pattern: r"^\s*(RWRTY0I[A-Za-z0-9+/=]{100,})\s*$",
    },
    Shape {
        what: "password",
        hints: &[
            "passw",
            "passphrase",
            "secret",
            "token",
            "api_key",
            "apikey",
            "api-key",
            "pwd",
        ],
        pattern: r#"(?i)(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|pwd)["']?\s*(?:=>|:=|=|:)\s*["']?([A-Za-z0-9!@#%^&*+/_.~-]{8,100})(?:["'\s;,)]|$)"#,
    },
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    SHAPES
        .iter()
        .map(|shape| Regex::new(shape.pattern).expect("a pattern of ours"))
        .collect()
});

/// Lines that look as if they held a secret, at most one finding a line. The message shows the first four
/// characters.
///
/// ```
/// let found = glsr::checks::secrets("\nDB_PASSWORD=hunter22hunter\n");
/// assert_eq!((found[0].line, found[0].message.contains("hunt\u{2026}")), (2, true));
/// assert!(glsr::checks::secrets("password=$1\npassword=\"\"\n").is_empty());
/// ```
pub fn secrets(text: &str) -> Vec<Finding> {
    let found = text.lines().enumerate().filter_map(|(at, line)| {
        let mut end = line.len().min(LINE_BYTES_LOOKED_AT);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let (what, secret) = in_line(&line[..end])?;
        let shown: String = secret.chars().take(SHOWN_CHARS).collect();
        let key = format!("secret-{what}");
        let about = [("start", &*format!("{shown}\u{2026}"))];
        Some(told("secret", Level::Error, at + 1, &key, &about))
    });
    bounded(found.collect())
}

fn in_line(line: &str) -> Option<(&'static str, &str)> {
    let lower = line.to_ascii_lowercase();
    SHAPES
        .iter()
        .zip(PATTERNS.iter())
        .find_map(|(shape, pattern)| {
            if !shape.hints.iter().any(|hint| lower.contains(hint)) {
                return None;
            }
            let secret = pattern.captures(line)?.get(1)?.as_str();
            (shape.what != "password" || is_password(secret)).then_some((shape.what, secret))
        })
}

/// Whether it is more likely a password than a name, a path or a call: letters and digits, and not what
/// examples write.
fn is_password(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let example = [
        "example",
        "changeme",
        "xxxx",
        "your",
        "1234567",
        "password",
        "placeholder",
    ];
    word.chars().any(|c| c.is_ascii_digit())
        && word.chars().any(|c| c.is_ascii_alphabetic())
        && !word.contains('/')
        && !example.iter().any(|part| lower.contains(part))
        // `sys.argv.token1` or `config.secret2` are names of values.
        && !word.split('.').all(|part| part.chars().next().is_some_and(|c| c.is_ascii_alphabetic()) && word.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        let line = |text: &str| in_line(text).map(|(what, _)| what);
        // Put together here, so that no search for secrets stops at this file.
        let aws = ["AKIA", "IOSFODNN7ABCDEFG"].concat();
        let github = ["ghp", "_", &"a1B2".repeat(9)].concat();
        let slack = ["xoxb", "-", "123456789012-abcdef"].concat();
        let google = ["AIza", &"a1B2c".repeat(7)].concat();
        assert_eq!(line(&format!("export K={aws}")), Some("aws"));
        assert_eq!(line(&format!("t = \"{github}\"")), Some("github"));
        assert_eq!(line(&format!("'{slack}'")), Some("slack"));
        assert_eq!(line(&format!("key={google}")), Some("google"));
        let begin = ["-----BEGIN ", "OPENSSH PRIVATE KEY-----"].concat();
        assert_eq!(line(&begin), Some("private"));
        for text in [
            "password=abc12345",
            "my $passwd = 'abc12345';",
            "\"api_key\": \"0a1b2c3d4e\",",
            "MYSQL_PWD=s3cretpw",
        ] {
            assert_eq!(line(text), Some("password"), "{text}");
        }
    }

    #[test]
    fn what_is_no_secret() {
        for text in [
            "password=$1",
            "password=${PASSWORD:-}",
            "read -s password",
            "token = tokens[i]",
            "password = getpass()",
            "token=/run/secrets/a1",
            "password=changeme1",
            "token: next_token",
            "secret = args.secret2",
            "AKIA is how keys begin",
            "if (token == IDENT42)",
        ] {
            assert_eq!(in_line(text), None, "{text}");
        }
    }

    #[test]
    fn nothing_of_the_secret_is_shown_but_its_beginning() {
        let found = secrets("x\npassword=abc12345\n");
        assert_eq!(found[0].line, 2);
        assert!(found[0].message.contains("abc1") && !found[0].message.contains("abc12"));
        assert_eq!(secrets(&"password=abc12345\n".repeat(500)).len(), 20);
        assert_eq!(
            secrets(&format!("{}é", "x".repeat(LINE_BYTES_LOOKED_AT - 1))),
            []
        );
    }
}

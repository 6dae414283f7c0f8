//! Perl.

use crate::highlight::scanner::{Class, Open, Scanner, Then, is_word, partner};
use crate::highlight::syntax::{Heredoc, Holes, NOTHING, Quoted, Syntax, Variables, WHOLE};

const HOLES: Holes = Holes {
    sigils: b"$@",
    code: None,
};

/// Perl.
pub(in crate::highlight) const PERL: Syntax = Syntax {
    line_comments: &["#"],
    strings: &[
        Quoted::text("\"", "\"", HOLES),
        Quoted::text("'", "'", WHOLE),
        Quoted::text("`", "`", HOLES),
    ],
    keywords: KEYWORDS,
    builtins: BUILTINS,
    definers: &["package", "sub"],
    calls: true,
    variables: Variables {
        sigils: b"$@%&",
        special: b"_&`'+!@/\\,;.<>0$?\"^|",
        brackets: &[(b'{', b'}')],
        all_brackets: true,
        join: "::",
    },
    regex: true,
    heredoc: Heredoc::Script,
    hook: perl,
    ..NOTHING
};

#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "BEGIN", "CHECK", "END", "INIT", "__FILE__", "__LINE__", "__PACKAGE__", "and", "cmp",
    "continue", "do", "else", "elsif", "eq", "for", "foreach", "ge", "given", "goto", "gt", "if",
    "last", "le", "local", "lt", "my", "ne", "next", "no", "not", "or", "our", "package", "redo",
    "require", "return", "state", "sub", "unless", "until", "use", "when", "while", "x", "xor",
];

#[rustfmt::skip]
const BUILTINS: &[&str] = &[
    "ARGV", "ENV", "STDERR", "STDIN", "STDOUT", "abs", "atan2", "binmode", "bless", "caller",
    "carp", "chdir", "chmod", "chomp", "chop", "chown", "chr", "close", "closedir", "confess",
    "cos", "croak", "defined", "delete", "die", "each", "eof", "eval", "exec", "exists", "exit",
    "exp", "fork", "glob", "gmtime", "grep", "hex", "index", "int", "join", "keys", "kill", "lc",
    "lcfirst", "length", "link", "localtime", "log", "lstat", "map", "mkdir", "oct",
    "open", "opendir", "ord", "pack", "pipe", "pop", "pos", "print", "printf", "push",
    "quotemeta", "rand", "read", "readdir", "readline", "ref", "rename", "reverse", "rindex",
    "rmdir", "say", "scalar", "seek", "select", "shift", "sin", "sleep", "sort", "splice",
    "split", "sprintf", "sqrt", "srand", "stat", "substr", "symlink", "system", "syswrite",
    "tell", "tie", "time", "truncate", "uc", "ucfirst", "umask", "undef", "unlink", "unpack",
    "unshift", "utime", "values", "wait", "waitpid", "wantarray", "warn", "write",
];

/// Documentation, the end of the code, and literals whose ends are chosen by their author.
fn perl(scanner: &mut Scanner<'_>) -> bool {
    let (byte, at) = (scanner.peek(0), scanner.at);
    if scanner.last() == b'\n' {
        if byte == b'=' && scanner.peek(1).is_ascii_alphabetic() {
            let cut = scanner.behind("\n=cut", at);
            scanner.put(Class::Comment, scanner.line_end(cut));
            return true;
        }
        if scanner.sees("__END__") || scanner.sees("__DATA__") {
            scanner.put(Class::Comment, scanner.bytes.len());
            return true;
        }
    }
    byte.is_ascii_lowercase() && literal(scanner)
}

/// `q`, `qq`, `qw`, `qx`, `qr`, `m`, `s`, `tr`, `y`, with what delimits them.
fn literal(scanner: &mut Scanner<'_>) -> bool {
    let at = scanner.at;
    let word_end = at
        + (0..3)
            .take_while(|&ahead| is_word(scanner.peek(ahead)))
            .count();
    let word = &scanner.bytes[at..word_end.min(scanner.bytes.len())];
    let then = match word {
        b"q" | b"qq" | b"qw" | b"qx" => Then::Nothing,
        b"qr" | b"m" => Then::Flags,
        b"s" | b"tr" | b"y" => Then::Second,
        _ => return false,
    };
    let whole = matches!(word, b"q" | b"qw" | b"tr" | b"y");
    let last = scanner.last();
    if is_word(last) || matches!(last, b'>' | b'-') || scanner.is_defining() {
        return false;
    }
    let blank = scanner.skip(word_end, |byte| byte == b' ');
    let delimiter = scanner.byte(blank);
    // `s => 1`, `{s}`, `y = 2`, `s # comment` are no literals.
    let is_key = delimiter == b'=' || last == b'{' && delimiter == b'}';
    if is_key || blank > word_end && matches!(delimiter, b'#' | b',') {
        return false;
    }
    let Some((nests, close)) = partner(delimiter) else {
        return false;
    };
    let whole = whole || delimiter == b'\'';
    let open = Open {
        close,
        nests,
        depth: 0,
        escape: b'\\',
        lines: true,
        holes: if whole { WHOLE } else { HOLES },
        then,
    };
    scanner.open(blank + 1, open);
    true
}

//! Shells: sh and its kin, fish, PowerShell, Tcl. Keywords stand where a command may stand.

use crate::highlight::scanner::{Class, Scanner, is_word};
use crate::highlight::syntax::{
    Heredoc, Holes, NO_VARIABLES, NOTHING, Quoted, Syntax, Variables, WHOLE,
};

const SHELL_HOLES: Holes = Holes {
    sigils: b"$",
    code: Some(("$(", b'(', b')')),
};

/// sh, bash, zsh, ksh.
pub(in crate::highlight) const POSIX: Syntax = Syntax {
    line_comments: &["#"],
    comment_after_blank: true,
    strings: &[
        Quoted::text("$'", "'", WHOLE),
        Quoted::text("$\"", "\"", SHELL_HOLES),
        Quoted::raw("'", "'"),
        Quoted::text("\"", "\"", SHELL_HOLES),
    ],
    keywords: POSIX_KEYWORDS,
    builtins: POSIX_BUILTINS,
    definers: &["function"],
    word_bytes: b"-./:+@%,~^",
    commands: true,
    command_after: b";|&(){`",
    variables: Variables {
        sigils: b"$",
        special: b"#@*?$!-_",
        brackets: &[(b'{', b'}')],
        all_brackets: false,
        join: "",
    },
    heredoc: Heredoc::Shell,
    hook: escaped,
    ..NOTHING
};

/// A backslash takes the meaning of what follows: `\'` begins no string, `\#` no comment.
fn escaped(scanner: &mut Scanner<'_>) -> bool {
    if scanner.peek(0) != b'\\' || matches!(scanner.peek(1), b'\n' | b'\r') {
        return false;
    }
    scanner.put_value(Class::Plain, scanner.at + 2);
    true
}

#[rustfmt::skip]
const POSIX_KEYWORDS: &[&str] = &[
    "case", "coproc", "do", "done", "elif", "else", "end", "esac", "fi", "for", "foreach",
    "function", "if", "in", "repeat", "select", "then", "time", "until", "while",
];

#[rustfmt::skip]
const POSIX_BUILTINS: &[&str] = &[
    ".", ":", "alias", "autoload", "bg", "bind", "break", "builtin", "caller", "cd", "command",
    "compgen", "complete", "compopt", "continue", "declare", "dirs", "disown", "echo", "emulate",
    "enable", "eval", "exec", "exit", "export", "false", "fc", "fg", "getopts", "hash", "help",
    "history", "jobs", "kill", "let", "local", "logout", "mapfile", "popd", "print", "printf",
    "pushd", "pwd", "read", "readarray", "readonly", "return", "set", "setopt", "shift", "shopt",
    "source", "suspend", "test", "times", "trap", "true", "type", "typeset", "ulimit", "umask",
    "unalias", "unset", "unsetopt", "wait", "whence", "zmodload", "zstyle",
];

/// fish.
pub(in crate::highlight) const FISH: Syntax = Syntax {
    line_comments: &["#"],
    comment_after_blank: true,
    strings: &[
        Quoted::text("'", "'", WHOLE),
        Quoted::text("\"", "\"", SHELL_HOLES),
    ],
    keywords: FISH_KEYWORDS,
    builtins: FISH_BUILTINS,
    definers: &["function"],
    word_bytes: b"-./:+@%,~^",
    commands: true,
    command_after: b";|&()",
    variables: Variables {
        sigils: b"$",
        ..NO_VARIABLES
    },
    hook: escaped,
    ..NOTHING
};

#[rustfmt::skip]
const FISH_KEYWORDS: &[&str] = &[
    "and", "begin", "break", "case", "continue", "else", "end", "for", "function", "if", "in",
    "not", "or", "return", "switch", "while",
];

#[rustfmt::skip]
const FISH_BUILTINS: &[&str] = &[
    "abbr", "alias", "argparse", "bg", "bind", "block", "builtin", "cd", "command", "commandline",
    "complete", "contains", "count", "dirs", "disown", "echo", "emit", "eval", "exec", "exit",
    "false", "fg", "fish_config", "funced", "funcsave", "functions", "history", "isatty", "jobs",
    "math", "path", "popd", "printf", "prompt_pwd", "psub", "pushd", "pwd", "random", "read",
    "realpath", "set", "set_color", "source", "status", "string", "suspend", "test", "time",
    "trap", "true", "type", "ulimit", "umask", "vared", "wait",
];

/// PowerShell.
pub(in crate::highlight) const POWERSHELL: Syntax = Syntax {
    line_comments: &["#"],
    comment_after_blank: true,
    block_comments: &[("<#", "#>")],
    strings: &[
        Quoted {
            escape: b'`',
            ..Quoted::text("@\"", "\n\"@", SHELL_HOLES)
        },
        Quoted::raw("@'", "\n'@"),
        Quoted {
            escape: b'`',
            ..Quoted::text("\"", "\"", SHELL_HOLES)
        },
        Quoted::raw("'", "'"),
    ],
    keywords: POWERSHELL_KEYWORDS,
    builtins: &[],
    definers: &["class", "enum", "filter", "function"],
    ignore_case: true,
    calls: true,
    variables: Variables {
        sigils: b"$@",
        special: b"_?^$",
        brackets: &[(b'{', b'}')],
        all_brackets: false,
        join: ":",
    },
    hook: powershell,
    ..NOTHING
};

#[rustfmt::skip]
const POWERSHELL_KEYWORDS: &[&str] = &[
    "begin", "break", "catch", "class", "clean", "continue", "data", "do", "dynamicparam", "else",
    "elseif", "end", "enum", "exit", "filter", "finally", "for", "foreach", "from", "function",
    "hidden", "if", "in", "param", "process", "return", "static", "switch", "throw", "trap",
    "try", "until", "using", "while", "workflow",
];

#[rustfmt::skip]
const POWERSHELL_OPERATORS: &[&str] = &[
    "and", "as", "band", "bnot", "bor", "bxor", "ccontains", "ceq", "cge", "cgt", "cle", "clike",
    "clt", "cmatch", "cne", "contains", "eq", "f", "ge", "gt", "ieq", "ige", "igt", "ile",
    "ilike", "ilt", "imatch", "in", "ine", "ireplace", "is", "isnot", "isplit", "join", "le",
    "like", "lt", "match", "ne", "not", "notcontains", "notin", "notlike", "notmatch", "or",
    "replace", "shl", "shr", "split", "xor",
];

/// Operators such as `-eq`, parameters such as `-Path`, commands such as `Get-Item`, types such as
/// `[string]`.
fn powershell(scanner: &mut Scanner<'_>) -> bool {
    let (byte, at) = (scanner.peek(0), scanner.at);
    if byte == b'`' && scanner.peek(1) != b'\n' {
        scanner.put_value(Class::Plain, at + 2);
        return true;
    }
    if byte == b'-' && scanner.peek(1).is_ascii_alphabetic() && !is_word(scanner.last()) {
        let end = scanner.skip(at + 1, |byte| byte.is_ascii_alphabetic());
        let word = scanner.text[at + 1..end].get(..16.min(end - at - 1));
        let small = word.unwrap_or("").to_ascii_lowercase();
        let operator = POWERSHELL_OPERATORS.binary_search(&small.as_str()).is_ok();
        let class = [Class::Plain, Class::Keyword][usize::from(operator)];
        scanner.put(class, end);
        return true;
    }
    if !byte.is_ascii_alphabetic() || matches!(scanner.last(), b'.' | b':') {
        return false;
    }
    let verb = scanner.skip(at, is_word);
    let command = scanner.byte(verb) == b'-' && is_word(scanner.byte(verb + 1));
    let named = scanner.is_defining();
    if command && !named {
        let end = scanner.skip(verb, |byte| is_word(byte) || byte == b'-');
        scanner.put_value(Class::Builtin, end);
    } else if command {
        let end = scanner.skip(verb, |byte| is_word(byte) || byte == b'-');
        scanner.put_value(Class::Function, end);
    } else if scanner.last() == b'[' && matches!(scanner.byte(verb), b']' | b'[') {
        scanner.put_value(Class::Builtin, verb);
    } else {
        return false;
    }
    true
}

/// Tcl.
pub(in crate::highlight) const TCL: Syntax = Syntax {
    strings: &[Quoted::text(
        "\"",
        "\"",
        Holes {
            sigils: b"$",
            code: Some(("[", b'[', b']')),
        },
    )],
    keywords: TCL_KEYWORDS,
    builtins: TCL_BUILTINS,
    definers: &["method", "proc"],
    word_bytes: b"-./:+@%,~^*?!",
    commands: true,
    command_after: b";[{",
    variables: Variables {
        sigils: b"$",
        special: b"",
        brackets: &[(b'{', b'}')],
        all_brackets: false,
        join: "::",
    },
    hook: tcl,
    ..NOTHING
};

#[rustfmt::skip]
const TCL_KEYWORDS: &[&str] = &[
    "break", "catch", "continue", "else", "elseif", "error", "expr", "finally", "for", "foreach",
    "global", "if", "method", "namespace", "on", "package", "proc", "return", "set", "source",
    "switch", "then", "throw", "trap", "try", "uplevel", "upvar", "variable", "while",
];

#[rustfmt::skip]
const TCL_BUILTINS: &[&str] = &[
    "after", "append", "apply", "array", "binary", "bind", "button", "cd", "chan", "clock",
    "close", "concat", "coroutine", "dict", "encoding", "entry", "eof", "eval", "exec", "exit",
    "expect", "fblocked", "fconfigure", "fcopy", "file", "fileevent", "flush", "format", "frame",
    "gets", "glob", "grid", "history", "incr", "info", "interp", "join", "label", "lappend",
    "lassign", "lindex", "linsert", "list", "llength", "lmap", "load", "lrange", "lrepeat",
    "lreplace", "lreverse", "lsearch", "lset", "lsort", "open", "pack", "pid", "puts", "pwd",
    "read", "regexp", "regsub", "rename", "scan", "seek", "send", "socket", "spawn", "split",
    "string", "subst", "tailcall", "tell", "time", "trace", "unknown", "unset", "update", "vwait",
    "wm", "yield",
];

/// A comment stands where a command may; `else` follows a brace.
fn tcl(scanner: &mut Scanner<'_>) -> bool {
    if scanner.peek(0) == b'#' && scanner.command {
        let mut end = scanner.line_end(scanner.at);
        while scanner.byte(end - 1) == b'\\' && end < scanner.bytes.len() {
            end = scanner.line_end(end + 1);
        }
        scanner.put(Class::Comment, end);
        return true;
    }
    if scanner.sees("{*}") {
        scanner.put(Class::Plain, scanner.at + 3);
        return true;
    }
    if scanner.last() == b' ' && (scanner.sees("else") || scanner.sees("elseif")) {
        let end = scanner.skip(scanner.at, is_word);
        if matches!(&scanner.text[scanner.at..end], "else" | "elseif") {
            scanner.put(Class::Keyword, end);
            return true;
        }
    }
    escaped(scanner)
}

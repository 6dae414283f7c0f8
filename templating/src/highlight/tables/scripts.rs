//! Python, Ruby, Lua, awk.

use crate::highlight::scanner::{Before, Class, Open, Scanner, Then, is_word, partner};
use crate::highlight::syntax::{
    Heredoc, Holes, NO_VARIABLES, NOTHING, Quoted, Syntax, Variables, WHOLE,
};

/// Python.
pub(in crate::highlight) const PYTHON: Syntax = Syntax {
    line_comments: &["#"],
    strings: &[
        Quoted::text("\"\"\"", "\"\"\"", WHOLE),
        Quoted::text("'''", "'''", WHOLE),
        Quoted::line("\""),
        Quoted::line("'"),
    ],
    keywords: PYTHON_KEYWORDS,
    builtins: PYTHON_BUILTINS,
    definers: &["class", "def"],
    calls: true,
    hook: python,
    ..NOTHING
};

#[rustfmt::skip]
const PYTHON_KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class",
    "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if",
    "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try",
    "while", "with", "yield",
];

#[rustfmt::skip]
const PYTHON_BUILTINS: &[&str] = &[
    "ArithmeticError", "AssertionError", "AttributeError", "BaseException", "EOFError",
    "Exception", "FileNotFoundError", "IOError", "ImportError", "IndexError", "KeyError",
    "KeyboardInterrupt", "LookupError", "ModuleNotFoundError", "NameError", "NotImplementedError",
    "OSError", "OverflowError", "PermissionError", "RuntimeError", "StopIteration", "SyntaxError",
    "SystemExit", "TimeoutError", "TypeError", "UnicodeDecodeError", "UnicodeEncodeError",
    "UnicodeError", "ValueError", "ZeroDivisionError", "__file__", "__name__", "abs", "all",
    "any", "ascii", "bin", "bool", "breakpoint", "bytearray", "bytes", "callable", "chr",
    "classmethod", "cls", "compile", "complex", "delattr", "dict", "dir", "divmod", "enumerate",
    "eval", "exec", "filter", "float", "format", "frozenset", "getattr", "globals", "hasattr",
    "hash", "help", "hex", "id", "input", "int", "isinstance", "issubclass", "iter", "len",
    "list", "locals", "map", "max", "memoryview", "min", "next", "object", "oct", "open", "ord",
    "pow", "print", "property", "range", "repr", "reversed", "round", "self", "set", "setattr",
    "slice", "sorted", "staticmethod", "str", "sum", "super", "tuple", "type", "vars", "zip",
];

/// Decorators, and the letters before a string.
fn python(scanner: &mut Scanner<'_>) -> bool {
    let at = scanner.at;
    if scanner.peek(0) == b'@' && is_word(scanner.peek(1)) && scanner.opens_line() {
        let end = scanner.skip(at + 1, |byte| is_word(byte) || byte == b'.');
        scanner.put(Class::Meta, end);
        return true;
    }
    let is_prefix = |byte: u8| b"rRbBfFuUtT".contains(&byte);
    let letters = (0..2)
        .take_while(|&ahead| is_prefix(scanner.peek(ahead)))
        .count();
    if letters > 0 && matches!(scanner.peek(letters), b'"' | b'\'') && !is_word(scanner.last()) {
        scanner.put(Class::Text, at + letters);
    }
    false
}

const RUBY_HOLES: Holes = Holes {
    sigils: b"",
    code: Some(("#{", b'{', b'}')),
};

/// Ruby.
pub(in crate::highlight) const RUBY: Syntax = Syntax {
    line_comments: &["#"],
    strings: &[
        Quoted::text("\"", "\"", RUBY_HOLES),
        Quoted::text("'", "'", WHOLE),
        Quoted::text("`", "`", RUBY_HOLES),
    ],
    keywords: RUBY_KEYWORDS,
    builtins: RUBY_BUILTINS,
    definers: &["class", "def", "module"],
    calls: true,
    variables: Variables {
        sigils: b"$@",
        special: b"!@&`'+~=/\\,;.<>_*$?:0",
        brackets: &[],
        all_brackets: false,
        join: "",
    },
    regex: true,
    heredoc: Heredoc::Script,
    hook: ruby,
    ..NOTHING
};

#[rustfmt::skip]
const RUBY_KEYWORDS: &[&str] = &[
    "BEGIN", "END", "__FILE__", "__LINE__", "alias", "and", "begin", "break", "case", "class",
    "def", "do", "else", "elsif", "end", "ensure", "false", "for", "if", "in", "module", "next",
    "nil", "not", "or", "redo", "rescue", "retry", "return", "self", "super", "then", "true",
    "undef", "unless", "until", "when", "while", "yield",
];

#[rustfmt::skip]
const RUBY_BUILTINS: &[&str] = &[
    "ARGV", "Array", "Dir", "ENV", "File", "Float", "Hash", "IO", "Integer", "Kernel", "Proc",
    "Range", "Regexp", "STDERR", "STDIN", "STDOUT", "String", "Struct", "Symbol", "Time", "abort",
    "at_exit", "attr_accessor", "attr_reader", "attr_writer", "catch", "exit", "extend", "fail",
    "format", "freeze", "gets", "include", "lambda", "load", "loop", "p", "print", "printf",
    "private", "proc", "protected", "public", "puts", "raise", "rand", "require",
    "require_relative", "sleep", "sprintf", "srand", "system", "throw", "warn",
];

/// Symbols, `=begin` to `=end`, `__END__`, and the literals that begin with a percent sign.
fn ruby(scanner: &mut Scanner<'_>) -> bool {
    let at = scanner.at;
    match scanner.peek(0) {
        b'=' if scanner.last() == b'\n' && scanner.sees("=begin") => {
            let end = scanner.behind("\n=end", at);
            scanner.put(Class::Comment, scanner.line_end(end));
            true
        }
        b'_' if scanner.last() == b'\n' && scanner.sees("__END__\n") => {
            scanner.put(Class::Comment, scanner.bytes.len());
            true
        }
        b':' if scanner.last() != b':' && starts_name(scanner.peek(1)) => {
            let end = scanner.skip(at + 1, is_word);
            let end = end + usize::from(matches!(scanner.byte(end), b'?' | b'!'));
            // `a ? b :c` and `{key: :value}` alike: a name right behind a colon is a symbol.
            scanner.put_value(Class::Text, end);
            true
        }
        b'?' if scanner.before == Before::Operator
            && is_word(scanner.peek(1))
            && !is_word(scanner.peek(2)) =>
        {
            scanner.put_value(Class::Text, at + 2);
            true
        }
        b'%' if scanner.before == Before::Operator => percent(scanner),
        _ => false,
    }
}

fn starts_name(byte: u8) -> bool {
    is_word(byte) && !byte.is_ascii_digit()
}

/// `%w[a b]`, `%q(text)`, `%r{regex}`, `%(text)`.
fn percent(scanner: &mut Scanner<'_>) -> bool {
    let letter = scanner.peek(1);
    let letters = usize::from(b"wWiIqQrsx".contains(&letter));
    let Some((nests, close)) = partner(scanner.peek(1 + letters)) else {
        return false;
    };
    let holes = if b"wiqs".contains(&letter) {
        WHOLE
    } else {
        RUBY_HOLES
    };
    let open = Open {
        close,
        nests,
        depth: 0,
        escape: b'\\',
        lines: true,
        holes,
        then: Then::Flags,
    };
    scanner.open(scanner.at + 2 + letters, open);
    true
}

/// Lua.
pub(in crate::highlight) const LUA: Syntax = Syntax {
    strings: &[Quoted::line("\""), Quoted::line("'")],
    keywords: LUA_KEYWORDS,
    builtins: LUA_BUILTINS,
    definers: &["function"],
    calls: true,
    hook: lua,
    ..NOTHING
};

#[rustfmt::skip]
const LUA_KEYWORDS: &[&str] = &[
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
];

#[rustfmt::skip]
const LUA_BUILTINS: &[&str] = &[
    "_ENV", "_G", "_VERSION", "arg", "assert", "collectgarbage", "coroutine", "debug", "dofile",
    "error", "getmetatable", "io", "ipairs", "load", "loadfile", "loadstring", "math", "next",
    "os", "package", "pairs", "pcall", "print", "rawequal", "rawget", "rawlen", "rawset",
    "require", "select", "self", "setmetatable", "string", "table", "tonumber", "tostring",
    "type", "unpack", "utf8", "xpcall",
];

/// Long strings and long comments: `[==[` to `]==]`.
fn lua(scanner: &mut Scanner<'_>) -> bool {
    let comment = scanner.sees("--");
    if !comment && scanner.peek(0) != b'[' {
        return false;
    }
    let from = scanner.at + if comment { 2 } else { 0 };
    match long_bracket(scanner, from) {
        Some(end) if comment => scanner.put(Class::Comment, end),
        Some(end) => scanner.put_value(Class::Text, end),
        None if comment => scanner.put(Class::Comment, scanner.line_end(from)),
        None => return false,
    }
    true
}

/// Behind the long bracket that begins at `from`, if one does.
fn long_bracket(scanner: &Scanner<'_>, from: usize) -> Option<usize> {
    let body = scanner.skip(from + 1, |byte| byte == b'=');
    if scanner.byte(from) != b'[' || scanner.byte(body) != b'[' {
        return None;
    }
    let close = format!("]{}]", &scanner.text[from + 1..body]);
    Some(scanner.behind(&close, body + 1))
}

/// awk.
pub(in crate::highlight) const AWK: Syntax = Syntax {
    line_comments: &["#"],
    strings: &[Quoted::line("\"")],
    keywords: AWK_KEYWORDS,
    builtins: AWK_BUILTINS,
    definers: &["func", "function"],
    calls: true,
    variables: Variables {
        sigils: b"$",
        ..NO_VARIABLES
    },
    regex: true,
    ..NOTHING
};

#[rustfmt::skip]
const AWK_KEYWORDS: &[&str] = &[
    "BEGIN", "BEGINFILE", "END", "ENDFILE", "break", "case", "continue", "default", "delete",
    "do", "else", "exit", "for", "func", "function", "getline", "if", "in", "next", "nextfile",
    "print", "printf", "return", "switch", "while",
];

#[rustfmt::skip]
const AWK_BUILTINS: &[&str] = &[
    "ARGC", "ARGIND", "ARGV", "CONVFMT", "ENVIRON", "ERRNO", "FIELDWIDTHS", "FILENAME", "FNR",
    "FPAT", "FS", "IGNORECASE", "NF", "NR", "OFMT", "OFS", "ORS", "PROCINFO", "RLENGTH", "RS",
    "RSTART", "RT", "SUBSEP", "and", "asort", "asorti", "atan2", "close", "compl", "cos", "exp",
    "fflush", "gensub", "gsub", "index", "int", "length", "log", "lshift", "match", "or",
    "patsplit", "rand", "rshift", "sin", "split", "sprintf", "sqrt", "srand", "strftime",
    "strtonum", "sub", "substr", "system", "systime", "tolower", "toupper", "xor",
];

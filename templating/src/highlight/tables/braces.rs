//! Languages of braces: PHP, JavaScript and TypeScript, Go, Java.

use crate::highlight::scanner::{Class, Scanner, is_word};
use crate::highlight::syntax::{
    Heredoc, Holes, NO_VARIABLES, NOTHING, Quoted, Syntax, Variables, WHOLE,
};

const PHP_HOLES: Holes = Holes {
    sigils: b"$",
    code: None,
};

/// PHP; what stands outside of `<?php … ?>` is text.
pub(in crate::highlight) const PHP: Syntax = Syntax {
    block_comments: &[("/*", "*/")],
    strings: &[
        Quoted::text("'", "'", WHOLE),
        Quoted::text("\"", "\"", PHP_HOLES),
        Quoted::text("`", "`", PHP_HOLES),
    ],
    keywords: PHP_KEYWORDS,
    builtins: PHP_BUILTINS,
    definers: &[
        "class",
        "enum",
        "function",
        "interface",
        "namespace",
        "trait",
    ],
    calls: true,
    variables: Variables {
        sigils: b"$",
        special: b"$",
        brackets: &[(b'{', b'}')],
        all_brackets: false,
        join: "",
    },
    heredoc: Heredoc::Php,
    hook: php,
    ..NOTHING
};

#[rustfmt::skip]
const PHP_KEYWORDS: &[&str] = &[
    "abstract", "and", "array", "as", "break", "callable", "case", "catch", "class", "clone",
    "const", "continue", "declare", "default", "do", "echo", "else", "elseif", "empty", "endfor",
    "endforeach", "endif", "endswitch", "endwhile", "enum", "extends", "false", "final",
    "finally", "fn", "for", "foreach", "function", "global", "goto", "if", "implements",
    "include", "include_once", "instanceof", "insteadof", "interface", "isset", "list", "match",
    "namespace", "new", "null", "or", "parent", "print", "private", "protected", "public",
    "readonly", "require", "require_once", "return", "self", "static", "switch", "throw", "trait",
    "true", "try", "unset", "use", "var", "while", "xor", "yield",
];

#[rustfmt::skip]
const PHP_BUILTINS: &[&str] = &[
    "array_filter", "array_key_exists", "array_keys", "array_map", "array_merge", "array_pop",
    "array_push", "array_shift", "array_slice", "array_values", "bool", "count", "date", "define",
    "defined", "die", "dirname", "exec", "exit", "explode", "fclose", "feof", "fgets", "file",
    "file_exists", "file_get_contents", "file_put_contents", "float", "fopen", "fprintf",
    "fwrite", "getenv", "header", "htmlspecialchars", "implode", "in_array", "int", "intval",
    "is_array", "is_dir", "is_file", "is_null", "is_numeric", "is_string", "iterable",
    "json_decode", "json_encode", "max", "md5", "microtime", "min", "mixed", "mkdir", "mt_rand",
    "number_format", "object", "ord", "preg_match", "preg_match_all", "preg_replace",
    "preg_split", "print_r", "printf", "rand", "rtrim", "sizeof", "sort", "sprintf", "str_pad",
    "str_repeat", "str_replace", "string", "strlen", "strpos", "strtolower", "strtotime",
    "strtoupper", "substr", "time", "trim", "ucfirst", "unlink", "usort", "var_dump", "void",
];

/// Text around the code, and comments, which end with the code too. A text without `<?` is all code.
fn php(scanner: &mut Scanner<'_>) -> bool {
    let at = scanner.at;
    if scanner.sees("?>") {
        scanner.put(Class::Meta, at + 2);
        outside(scanner);
        return true;
    }
    if scanner.sees("<?") {
        let open = ["<?php", "<?=", "<?"]
            .into_iter()
            .find(|open| scanner.sees(open));
        scanner.put(Class::Meta, at + open.map_or(2, str::len));
        return true;
    }
    if scanner.is_first() && scanner.text.contains("<?") {
        outside(scanner);
        return true;
    }
    if scanner.sees("#[") {
        scanner.put(Class::Meta, at + 2);
        return true;
    }
    if scanner.sees("//") || scanner.sees("#") {
        let mut closed = at;
        while closed < scanner.bytes.len() && !scanner.bytes[closed..].starts_with(b"?>") {
            if scanner.bytes[closed] == b'\n' {
                break;
            }
            closed += 1;
        }
        scanner.put(Class::Comment, closed);
        return true;
    }
    false
}

fn outside(scanner: &mut Scanner<'_>) {
    let from = scanner.at;
    let end = scanner.text[from..].find("<?").map(|length| from + length);
    scanner.put(Class::Plain, end.unwrap_or(scanner.bytes.len()));
}

/// JavaScript and TypeScript.
pub(in crate::highlight) const JAVASCRIPT: Syntax = Syntax {
    line_comments: &["//"],
    block_comments: &[("/*", "*/")],
    strings: &[
        Quoted::line("\""),
        Quoted::line("'"),
        Quoted::text(
            "`",
            "`",
            Holes {
                sigils: b"",
                code: Some(("${", b'{', b'}')),
            },
        ),
    ],
    keywords: JAVASCRIPT_KEYWORDS,
    builtins: JAVASCRIPT_BUILTINS,
    definers: &["class", "enum", "function", "interface", "namespace"],
    word_bytes: b"$",
    calls: true,
    regex: true,
    hook: decorator,
    ..NOTHING
};

#[rustfmt::skip]
const JAVASCRIPT_KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "break", "case", "catch", "class", "const", "continue",
    "debugger", "declare", "default", "delete", "do", "else", "enum", "export", "extends",
    "false", "finally", "for", "from", "function", "get", "if", "implements", "import", "in",
    "instanceof", "interface", "is", "keyof", "let", "namespace", "new", "null", "of", "private",
    "protected", "public", "readonly", "return", "satisfies", "set", "static", "switch", "throw",
    "true", "try", "type", "typeof", "undefined", "var", "void", "while", "with", "yield",
];

#[rustfmt::skip]
const JAVASCRIPT_BUILTINS: &[&str] = &[
    "Array", "BigInt", "Boolean", "Buffer", "Date", "Error", "Infinity", "Intl", "JSON", "Map",
    "Math", "NaN", "Number", "Object", "Promise", "Proxy", "RangeError", "Reflect", "RegExp",
    "Set", "String", "Symbol", "TypeError", "URL", "Uint8Array", "WeakMap", "WeakSet", "any",
    "arguments", "boolean", "clearInterval", "clearTimeout", "console", "decodeURIComponent",
    "document", "encodeURIComponent", "exports", "fetch", "globalThis", "isNaN", "module",
    "never", "number", "parseFloat", "parseInt", "process", "require", "setInterval",
    "setTimeout", "string", "structuredClone", "super", "this", "unknown", "window",
];

/// `@name` of TypeScript and Java.
fn decorator(scanner: &mut Scanner<'_>) -> bool {
    if scanner.peek(0) != b'@' || !is_word(scanner.peek(1)) || is_word(scanner.last()) {
        return false;
    }
    let end = scanner.skip(scanner.at + 1, |byte| is_word(byte) || byte == b'.');
    scanner.put(Class::Meta, end);
    true
}

/// Go.
pub(in crate::highlight) const GO: Syntax = Syntax {
    line_comments: &["//"],
    block_comments: &[("/*", "*/")],
    strings: &[Quoted::line("\""), Quoted::line("'"), Quoted::raw("`", "`")],
    keywords: GO_KEYWORDS,
    builtins: GO_BUILTINS,
    definers: &["func", "type"],
    calls: true,
    variables: NO_VARIABLES,
    ..NOTHING
};

#[rustfmt::skip]
const GO_KEYWORDS: &[&str] = &[
    "break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough",
    "false", "for", "func", "go", "goto", "if", "import", "interface", "iota", "map", "nil",
    "package", "range", "return", "select", "struct", "switch", "true", "type", "var",
];

#[rustfmt::skip]
const GO_BUILTINS: &[&str] = &[
    "any", "append", "bool", "byte", "cap", "clear", "close", "comparable", "complex",
    "complex128", "complex64", "copy", "delete", "error", "float32", "float64", "imag", "int",
    "int16", "int32", "int64", "int8", "len", "make", "max", "min", "new", "panic", "print",
    "println", "real", "recover", "rune", "string", "uint", "uint16", "uint32", "uint64", "uint8",
    "uintptr",
];

/// Java.
pub(in crate::highlight) const JAVA: Syntax = Syntax {
    line_comments: &["//"],
    block_comments: &[("/*", "*/")],
    strings: &[
        Quoted::text("\"\"\"", "\"\"\"", WHOLE),
        Quoted::line("\""),
        Quoted::line("'"),
    ],
    keywords: JAVA_KEYWORDS,
    builtins: JAVA_BUILTINS,
    definers: &["class", "enum", "interface", "record"],
    calls: true,
    hook: decorator,
    ..NOTHING
};

#[rustfmt::skip]
const JAVA_KEYWORDS: &[&str] = &[
    "abstract", "assert", "break", "case", "catch", "class", "const", "continue", "default", "do",
    "else", "enum", "extends", "false", "final", "finally", "for", "goto", "if", "implements",
    "import", "instanceof", "interface", "native", "new", "null", "package", "permits", "private",
    "protected", "public", "record", "return", "sealed", "static", "strictfp", "super", "switch",
    "synchronized", "this", "throw", "throws", "transient", "true", "try", "var", "volatile",
    "while", "yield",
];

#[rustfmt::skip]
const JAVA_BUILTINS: &[&str] = &[
    "ArrayList", "Boolean", "Double", "Exception", "HashMap", "Integer", "List", "Long", "Map",
    "Math", "Object", "Optional", "Override", "Set", "String", "StringBuilder", "System",
    "Thread", "boolean", "byte", "char", "double", "float", "int", "long", "short", "void",
];

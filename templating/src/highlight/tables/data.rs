//! Data, settings and recipes: SQL, JSON, YAML, TOML and INI, Makefile, Dockerfile, differences.

use crate::highlight::scanner::{Class, Scanner, is_blank, is_word};
use crate::highlight::syntax::{Holes, NOTHING, Quoted, Syntax, Variables, WHOLE};

/// SQL of no particular database.
pub(in crate::highlight) const SQL: Syntax = Syntax {
    line_comments: &["--"],
    block_comments: &[("/*", "*/")],
    strings: &[
        Quoted::raw("'", "'"),
        Quoted::raw("\"", "\""),
        Quoted::raw("`", "`"),
    ],
    keywords: SQL_KEYWORDS,
    builtins: SQL_BUILTINS,
    ignore_case: true,
    calls: true,
    ..NOTHING
};

#[rustfmt::skip]
const SQL_KEYWORDS: &[&str] = &[
    "add", "all", "alter", "and", "as", "asc", "autoincrement", "begin", "between", "by",
    "cascade", "case", "check", "collate", "column", "commit", "constraint", "create", "cross",
    "cursor", "database", "default", "delete", "desc", "distinct", "drop", "else", "end",
    "escape", "except", "exists", "explain", "false", "fetch", "for", "foreign", "from", "full",
    "function", "grant", "group", "having", "if", "in", "index", "inner", "insert", "intersect",
    "into", "is", "join", "key", "language", "left", "like", "limit", "natural", "not", "null",
    "offset", "on", "or", "order", "outer", "over", "partition", "pragma", "primary", "procedure",
    "references", "replace", "returning", "returns", "revoke", "right", "rollback", "row", "rows",
    "select", "set", "table", "temporary", "then", "to", "transaction", "trigger", "true",
    "truncate", "union", "unique", "update", "using", "vacuum", "values", "view", "virtual",
    "when", "where", "with", "without",
];

#[rustfmt::skip]
const SQL_BUILTINS: &[&str] = &[
    "avg", "bigint", "blob", "bool", "boolean", "bytea", "cast", "char", "coalesce", "count",
    "current_date", "current_timestamp", "date", "datetime", "decimal", "double", "float", "int",
    "integer", "interval", "json", "jsonb", "length", "lower", "max", "min", "now", "nullif",
    "numeric", "real", "round", "serial", "smallint", "substr", "sum", "text", "time",
    "timestamp", "trim", "upper", "uuid", "varchar",
];

/// JSON, with the comments that some readers allow.
pub(in crate::highlight) const JSON: Syntax = Syntax {
    line_comments: &["//"],
    block_comments: &[("/*", "*/")],
    strings: &[Quoted::line("\"")],
    keywords: &["false", "null", "true"],
    hook: json_key,
    ..NOTHING
};

/// A string before a colon.
fn json_key(scanner: &mut Scanner<'_>) -> bool {
    if scanner.peek(0) != b'"' {
        return false;
    }
    let mut end = scanner.at + 1;
    while !matches!(scanner.byte(end), b'"' | b'\n') && end < scanner.bytes.len() {
        end += 1 + usize::from(scanner.byte(end) == b'\\');
    }
    let end = (end + 1).min(scanner.bytes.len());
    let is_key = scanner.byte(scanner.skip(end, is_blank)) == b':';
    let class = [Class::Text, Class::Variable][usize::from(is_key)];
    scanner.put_value(class, end);
    true
}

/// YAML.
pub(in crate::highlight) const YAML: Syntax = Syntax {
    line_comments: &["#"],
    comment_after_blank: true,
    strings: &[Quoted::text("\"", "\"", WHOLE), Quoted::raw("'", "'")],
    string_after_blank: true,
    keywords: &["False", "Null", "True", "false", "null", "true"],
    word_bytes: b"-./+@%",
    hook: yaml_key,
    ..NOTHING
};

/// `key:` at the beginning of a line or of an item; anchors and tags.
fn yaml_key(scanner: &mut Scanner<'_>) -> bool {
    let (byte, at) = (scanner.peek(0), scanner.at);
    if matches!(byte, b'&' | b'*' | b'!') && is_word(scanner.peek(1)) && is_blank(scanner.last()) {
        scanner.put(Class::Meta, scanner.skip(at + 1, is_word));
        return true;
    }
    if byte == b'-' && is_blank(scanner.peek(1)) {
        scanner.put(Class::Plain, at + 1);
        return true;
    }
    if !is_word(byte) || !scanner.command && !matches!(scanner.last(), b' ' | b'{' | b',') {
        return false;
    }
    let end = scanner.skip(at, |byte| is_word(byte) || b"-./@".contains(&byte));
    if scanner.byte(end) != b':' || !matches!(scanner.byte(end + 1), b' ' | b'\n' | b'\r' | 0) {
        return false;
    }
    scanner.put_value(Class::Variable, end);
    true
}

/// TOML, INI, and what is written alike.
pub(in crate::highlight) const INI: Syntax = Syntax {
    line_comments: &["#", ";"],
    comment_after_blank: true,
    strings: &[
        Quoted::text("\"\"\"", "\"\"\"", WHOLE),
        Quoted::raw("'''", "'''"),
        Quoted::line("\""),
        Quoted {
            escape: 0,
            ..Quoted::line("'")
        },
    ],
    string_after_blank: true,
    keywords: &["false", "no", "off", "on", "true", "yes"],
    word_bytes: b"-",
    hook: ini_key,
    ..NOTHING
};

/// `[section]` and `key =` at the beginning of a line.
fn ini_key(scanner: &mut Scanner<'_>) -> bool {
    let (byte, at) = (scanner.peek(0), scanner.at);
    let starts = is_word(byte) || byte == b'[';
    if !starts || !scanner.opens_line() {
        return false;
    }
    if byte == b'[' {
        // A value of several lines may begin a line with a bracket too.
        let end = scanner.behind_bracket(at, b'[', b']');
        scanner.put(Class::Function, end);
        return true;
    }
    let end = scanner.skip(at, |byte| is_word(byte) || b"-.".contains(&byte));
    if !matches!(scanner.byte(scanner.skip(end, is_blank)), b'=' | b':') {
        return false;
    }
    scanner.put_value(Class::Variable, end);
    true
}

const MAKE_VARIABLES: Variables = Variables {
    sigils: b"$",
    special: b"@<^?*+%$",
    brackets: &[(b'(', b')'), (b'{', b'}')],
    all_brackets: false,
    join: "",
};

/// Makefile.
pub(in crate::highlight) const MAKEFILE: Syntax = Syntax {
    line_comments: &["#"],
    comment_after_blank: true,
    strings: &[
        Quoted {
            holes: SIGIL,
            ..Quoted::line("\"")
        },
        Quoted {
            holes: SIGIL,
            ..Quoted::line("'")
        },
    ],
    keywords: &[
        "-include", "define", "else", "endef", "endif", "export", "ifdef", "ifeq", "ifndef",
        "ifneq", "include", "override", "unexport", "vpath",
    ],
    word_bytes: b"-./%+~",
    commands: true,
    variables: MAKE_VARIABLES,
    hook: target,
    ..NOTHING
};

const SIGIL: Holes = Holes {
    sigils: b"$",
    code: None,
};

/// `target:` and `NAME =` at the beginning of a line.
fn target(scanner: &mut Scanner<'_>) -> bool {
    let at = scanner.at;
    if scanner.last() != b'\n' || !is_word(scanner.peek(0)) && scanner.peek(0) != b'.' {
        return false;
    }
    let end = scanner.skip(at, |byte| is_word(byte) || b"-./%".contains(&byte));
    let behind = scanner.skip(end, is_blank);
    let class = match (scanner.byte(behind), scanner.byte(behind + 1)) {
        (b':' | b'?' | b'+' | b'!', b'=') | (b'=', _) => Class::Variable,
        (b':', _) => Class::Function,
        _ => return false,
    };
    scanner.put_value(class, end);
    true
}

/// Dockerfile.
pub(in crate::highlight) const DOCKERFILE: Syntax = Syntax {
    line_comments: &["#"],
    comment_after_blank: true,
    strings: &[
        Quoted {
            holes: SIGIL,
            ..Quoted::line("\"")
        },
        Quoted::line("'"),
    ],
    keywords: &[
        "add",
        "arg",
        "cmd",
        "copy",
        "entrypoint",
        "env",
        "expose",
        "from",
        "healthcheck",
        "label",
        "maintainer",
        "onbuild",
        "run",
        "shell",
        "stopsignal",
        "user",
        "volume",
        "workdir",
    ],
    ignore_case: true,
    word_bytes: b"-./:+@%,~",
    commands: true,
    variables: Variables {
        sigils: b"$",
        special: b"",
        brackets: &[(b'{', b'}')],
        all_brackets: false,
        join: "",
    },
    ..NOTHING
};

/// A unified difference.
pub(in crate::highlight) const DIFF: Syntax = Syntax {
    hook: diff_line,
    ..NOTHING
};

fn diff_line(scanner: &mut Scanner<'_>) -> bool {
    let class = match scanner.peek(0) {
        _ if scanner.sees("+++ ") || scanner.sees("--- ") => Class::Meta,
        b'@' => Class::Function,
        b'+' => Class::Inserted,
        b'-' => Class::Deleted,
        _ if scanner.sees("diff ") || scanner.sees("index ") => Class::Meta,
        _ => Class::Plain,
    };
    let line = scanner.last() == b'\n';
    scanner.put(
        if line { class } else { Class::Plain },
        scanner.line_end(scanner.at),
    );
    true
}

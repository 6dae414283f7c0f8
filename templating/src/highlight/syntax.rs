//! The shape of a language's table: what the scanner must know of it.

use super::scanner::Scanner;

/// A language as the scanner sees it. The words are sorted by bytes, for a binary search.
pub(super) struct Syntax {
    /// What begins a comment that ends with its line.
    pub line_comments: &'static [&'static str],
    /// What begins and ends a comment of any length.
    pub block_comments: &'static [(&'static str, &'static str)],
    /// Whether block comments hold block comments.
    pub comments_nest: bool,
    /// Whether a line comment begins only where a word could: `a#b` is a word in a shell.
    pub comment_after_blank: bool,
    /// Strings, those with the longer beginning first.
    pub strings: &'static [Quoted],
    /// Whether a string begins only where a value could: `it's` is text in YAML.
    pub string_after_blank: bool,
    /// Words of the language.
    pub keywords: &'static [&'static str],
    /// Words that it brings along: functions, types, commands.
    pub builtins: &'static [&'static str],
    /// Keywords that are followed by the name that they define.
    pub definers: &'static [&'static str],
    /// Whether `IF` is `if`.
    pub ignore_case: bool,
    /// Bytes of words beside letters, digits, `_` and all that is not ASCII.
    pub word_bytes: &'static [u8],
    /// Whether keywords and builtins are such only where a command stands, as in shells.
    pub commands: bool,
    /// Bytes after which a command stands; the end of a line is always one.
    pub command_after: &'static [u8],
    /// Whether `name(` calls a function.
    pub calls: bool,
    /// How variables are written.
    pub variables: Variables,
    /// Whether `/` may begin a regular expression.
    pub regex: bool,
    /// Whether a quote may separate digits: `1'000`.
    pub digit_quote: bool,
    /// How here-documents begin.
    pub heredoc: Heredoc,
    /// What no table can say: takes what stands at the scanner's place, or leaves it.
    pub hook: fn(&mut Scanner<'_>) -> bool,
}

/// A string with fixed ends.
#[derive(Clone, Copy)]
pub(super) struct Quoted {
    /// What it begins with.
    pub open: &'static str,
    /// What it ends with.
    pub close: &'static str,
    /// The byte that takes the next one's meaning, or NUL: none.
    pub escape: u8,
    /// Whether it may span lines; else the end of the line ends it.
    pub lines: bool,
    /// What is no text in it.
    pub holes: Holes,
}

/// What is no text in a string.
#[derive(Clone, Copy)]
pub(super) struct Holes {
    /// Bytes that begin a variable.
    pub sigils: &'static [u8],
    /// What begins code, and the pair of brackets that tells where it ends.
    pub code: Option<(&'static str, u8, u8)>,
}

/// How variables are written.
pub(super) struct Variables {
    /// Bytes that begin one.
    pub sigils: &'static [u8],
    /// Bytes that may follow `$` alone: `$?`.
    pub special: &'static [u8],
    /// Brackets that may follow `$`: `${name}`, `$(NAME)`.
    pub brackets: &'static [(u8, u8)],
    /// Whether they may follow the other sigils too: `@{$list}`.
    pub all_brackets: bool,
    /// What joins the parts of a name: `::`.
    pub join: &'static str,
}

/// How here-documents begin.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Heredoc {
    /// There are none.
    None,
    /// `<<EOF`, `<<-EOF`, `<< 'EOF'`.
    Shell,
    /// `<<EOF`, `<<~EOF`, `<<-EOF`, `<<"EOF"`; no blank between.
    Script,
    /// `<<<EOF`, `<<<'EOF'`; what follows the last word on its line is code.
    Php,
}

/// No holes.
pub(super) const WHOLE: Holes = Holes {
    sigils: b"",
    code: None,
};

/// No variables.
pub(super) const NO_VARIABLES: Variables = Variables {
    sigils: b"",
    special: b"",
    brackets: &[],
    all_brackets: false,
    join: "",
};

/// A table of nothing, which the tables begin with.
pub(super) const NOTHING: Syntax = Syntax {
    line_comments: &[],
    block_comments: &[],
    comments_nest: false,
    comment_after_blank: false,
    strings: &[],
    string_after_blank: false,
    keywords: &[],
    builtins: &[],
    definers: &[],
    ignore_case: false,
    word_bytes: b"",
    commands: false,
    command_after: b"",
    calls: false,
    variables: NO_VARIABLES,
    regex: false,
    digit_quote: false,
    heredoc: Heredoc::None,
    hook: |_| false,
};

impl Quoted {
    /// A string that ends with its line, with backslashes.
    pub const fn line(quote: &'static str) -> Quoted {
        Quoted {
            open: quote,
            close: quote,
            escape: b'\\',
            lines: false,
            holes: WHOLE,
        }
    }

    /// A string of any length without escapes.
    pub const fn raw(open: &'static str, close: &'static str) -> Quoted {
        Quoted {
            open,
            close,
            escape: 0,
            lines: true,
            holes: WHOLE,
        }
    }

    /// A string of any length with backslashes and holes.
    pub const fn text(open: &'static str, close: &'static str, holes: Holes) -> Quoted {
        Quoted {
            open,
            close,
            escape: b'\\',
            lines: true,
            holes,
        }
    }
}

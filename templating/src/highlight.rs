//! Colours for source text: HTML with classes, made on the server.
//!
//! The page is `<pre class="highlight"><code class="language-NAME">…</code></pre>`; in it
//! `<span class="hl-…">` around what is no plain text, and nothing else: without tags and references
//! it is the text, byte for byte. The classes: `hl-c` comment, `hl-s` string, `hl-k` keyword, `hl-b`
//! builtin, `hl-n` number, `hl-v` variable or key, `hl-f` function or section, `hl-m` shebang,
//! preprocessor, attribute; of differences `hl-i` inserted, `hl-d` deleted. The colours are in
//! `assets/highlight.css` ([`highlight_css`]).
//!
//! Why a scanner of our own: 5,000 lines (140 to 190 KB) of shell, Python and Perl on two cores with
//! other work on them, against the 150 ms that are promised. Of the crates it is the least CPU time
//! of three runs, of ours the least time on the wall of fifteen; our Perl is another cut of the same
//! modules, without the `__END__` behind which all is a comment.
//!
//! | | shell | Python | Perl | |
//! |---|---|---|---|---|
//! | syntect 5.3, fancy-regex, syntaxes of two-face | 211 ms | 501 ms | 313 ms | 2.6 MB of HTML for 150 KB |
//! | syntect 5.3, onig (C) | 97 ms | 148 ms | 95 ms | |
//! | synoptic 2.2 | | 55 ms | | no shell, Perl, Tcl, awk, PowerShell |
//! | this | 2.7 ms | 2.6 ms | 1.9 ms | 0.4 MB of HTML for 150 KB |
//!
//! giallo's licence (EUPL) is out, tree-sitter is a C build for each grammar. The regular
//! expressions of grammars also backtrack: their time has no bound in the length of the text. Here
//! it is linear whatever the text holds ([`scanner`]): the worst half megabyte that was found, among
//! repeated signs that mean something, took 67 ms.
//! What is in the cache comes after 0.06 ms; a text of 1 MB, which gets no colours, takes 11 ms.
//! It is a scanner and no parser: it knows words, strings and comments, not what they mean.

mod cache;
mod language;
mod page;
mod scanner;
mod syntax;
mod tables;

use std::sync::Arc;

use crate::config::HIGHLIGHT_BYTES_MAX;

pub use cache::{HighlightStats, highlight_stats};
pub use language::{Language, language_of, languages};

/// How a text is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HighlightOptions {
    /// Whether each line is `<span class="line" id="L12">`; the stylesheet numbers them, so that
    /// copied text has no numbers.
    pub lines: bool,
    pub(crate) id: String,
}

impl HighlightOptions {
    /// With lines that have the ids `L1`, `L2`, and so on, behind this prefix, which keeps several
    /// texts of one page apart. `None` if it has other characters than `[A-Za-z0-9_-]` or more than
    /// 64.
    ///
    /// ```
    /// use harmonious_templating::{HighlightOptions, highlight};
    /// let options = HighlightOptions::with_lines("a-").unwrap();
    /// let line = r#"<span class="line" id="a-L1">x</span>"#;
    /// assert!(highlight("x", "", &options).contains(line));
    /// assert!(HighlightOptions::with_lines("\"><script>").is_none());
    /// ```
    pub fn with_lines(prefix: &str) -> Option<HighlightOptions> {
        let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let fits = prefix.len() <= 64 && prefix.bytes().all(harmless);
        fits.then(|| HighlightOptions {
            lines: true,
            id: prefix.to_owned(),
        })
    }
}

/// The text as HTML, from the cache if it was asked for before. The language is a name as
/// [`language_of`] takes it; one that is not known, and a text of more than
/// [`crate::HIGHLIGHT_BYTES_MAX`], which is not kept either, get no colours. Of the latter a note
/// says so.
///
/// ```
/// use harmonious_templating::{HighlightOptions, highlight};
/// assert_eq!(
///     &*highlight("x = 1 # <one>", "python", &HighlightOptions::default()),
///     "<pre class=\"highlight\"><code class=\"language-python\">x = <span class=\"hl-n\">1</span> \
///      <span class=\"hl-c\"># &lt;one&gt;</span></code></pre>"
/// );
/// ```
pub fn highlight(text: &str, language: &str, options: &HighlightOptions) -> Arc<str> {
    let language = language_of(language, text).unwrap_or(Language::plain());
    let make = || page::page(text, language, options);
    if text.len() > HIGHLIGHT_BYTES_MAX {
        return make().into();
    }
    cache::page(text, language, options, make)
}

/// A text that stands in another one, which is cached as a whole or not at all.
pub(crate) fn part(text: &str, language: Language) -> String {
    page::page(text, language, &HighlightOptions::default())
}

/// The stylesheet of the classes: light and dark colours, as the reader's system asks for, with the
/// contrast that WCAG 2 calls AA (4.5 to 1) on white and on near black.
///
/// ```
/// assert!(harmonious_templating::highlight_css().contains(".hl-c"));
/// ```
pub fn highlight_css() -> &'static str {
    include_str!("../assets/highlight.css")
}

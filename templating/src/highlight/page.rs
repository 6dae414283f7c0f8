//! Writes what the scanner said as HTML.

use std::io::Write;

use super::HighlightOptions;
use super::language::Language;
use super::scanner::{Class, Token, scan};
use crate::config::HIGHLIGHT_BYTES_MAX;
use crate::escape;

/// The whole of it: `<pre class="highlight"><code class="language-NAME">…</code></pre>`.
pub(super) fn page(text: &str, language: Language, options: &HighlightOptions) -> String {
    let mut page = Page {
        html: Vec::with_capacity(text.len() * 2 + 128),
        options,
        line: 0,
    };
    let tokens = if text.len() > HIGHLIGHT_BYTES_MAX {
        page.note(text.len());
        whole(text)
    } else {
        scan(text, language.syntax())
    };
    let pre = if options.lines {
        "highlight lines"
    } else {
        "highlight"
    };
    let name = language.name();
    page.raw(&format!(
        "<pre class=\"{pre}\"><code class=\"language-{name}\">"
    ));
    page.tokens(text, &tokens);
    page.raw("</code></pre>");
    // Only whole pieces of text were written.
    String::from_utf8(page.html).unwrap_or_default()
}

fn whole(text: &str) -> Vec<Token> {
    let (class, end) = (Class::Plain, text.len());
    vec![Token { class, end }]
}

struct Page<'o> {
    html: Vec<u8>,
    options: &'o HighlightOptions,
    /// Lines that were opened.
    line: usize,
}

impl Page<'_> {
    fn raw(&mut self, html: &str) {
        self.html.extend_from_slice(html.as_bytes());
    }

    fn escaped(&mut self, text: &str) {
        // Writing to memory cannot fail.
        let _ = escape::html(text, &mut self.html);
    }

    fn note(&mut self, bytes: usize) {
        let (have, most) = (kibibytes(bytes), kibibytes(HIGHLIGHT_BYTES_MAX));
        self.raw(&format!(
            "<p class=\"highlight-note\">not highlighted: {have} is more than {most}</p>"
        ));
    }

    fn tokens(&mut self, text: &str, tokens: &[Token]) {
        let mut from = 0;
        for token in tokens {
            let piece = text.get(from..token.end).unwrap_or("");
            match self.options.lines {
                true => self.in_lines(token.class, piece, from == 0),
                false => self.piece(token.class, piece),
            }
            from = token.end;
        }
        if self.line > 0 && !text.ends_with('\n') {
            self.raw("</span>");
        }
    }

    fn piece(&mut self, class: Class, text: &str) {
        match name(class) {
            _ if text.is_empty() => {}
            "" => self.escaped(text),
            name => {
                self.raw("<span class=\"");
                self.raw(name);
                self.raw("\">");
                self.escaped(text);
                self.raw("</span>");
            }
        }
    }

    /// A piece of any number of lines: no span of a class crosses the end of a line. `first` opens
    /// the first line; each later one is opened by the text that stands on it.
    fn in_lines(&mut self, class: Class, text: &str, first: bool) {
        let mut opens = first || self.html.ends_with(b"\n");
        for line in text.split_inclusive('\n') {
            if opens {
                self.open_line();
            }
            let content = line.strip_suffix('\n');
            self.piece(class, content.unwrap_or(line));
            opens = content.is_some();
            if opens {
                self.raw("</span>\n");
            }
        }
    }

    fn open_line(&mut self) {
        self.line += 1;
        let (id, line) = (&self.options.id, self.line);
        // Writing to memory cannot fail.
        let _ = write!(self.html, "<span class=\"line\" id=\"{id}L{line}\">");
    }
}

fn name(class: Class) -> &'static str {
    match class {
        Class::Plain => "",
        Class::Comment => "hl-c",
        Class::Text => "hl-s",
        Class::Keyword => "hl-k",
        Class::Builtin => "hl-b",
        Class::Number => "hl-n",
        Class::Variable => "hl-v",
        Class::Function => "hl-f",
        Class::Meta => "hl-m",
        Class::Inserted => "hl-i",
        Class::Deleted => "hl-d",
    }
}

fn kibibytes(bytes: usize) -> String {
    match bytes.div_ceil(1024) {
        kib @ 0..1024 => format!("{kib} KiB"),
        kib => format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024),
    }
}

//! What the compiler says, with its colours as ANSI sequences: as plain text, and as HTML.

/// The text without sequences and other control characters than line ends and tabs.
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    parts(text, |part| {
        if let Part::Text(text) = part {
            out.extend(
                text.chars()
                    .filter(|&c| !c.is_control() || c == '\n' || c == '\t'),
            );
        }
    });
    out
}

/// As HTML: escaped, with spans of the classes `b` (bold) and `c1` to `c6` (the colours in ANSI's order:
/// red, green, yellow, blue, magenta, cyan).
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut style = Style::default();
    parts(text, |part| match part {
        Part::Text(text) if style == Style::default() => escape_to(text, &mut out),
        Part::Text(text) => {
            out.push_str(&format!("<span class=\"{}\">", style.classes()));
            escape_to(text, &mut out);
            out.push_str("</span>");
        }
        Part::Style(codes) => style.apply(codes),
    });
    out
}

/// Text as HTML, for content and for attributes in double quotes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_to(text, &mut out);
    out
}

fn escape_to(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}

enum Part<'t> {
    Text(&'t str),
    /// The numbers of a "select graphic rendition" sequence.
    Style(&'t str),
}

#[derive(Default, PartialEq, Eq)]
struct Style {
    bold: bool,
    /// 1 to 6.
    colour: Option<u8>,
}

impl Style {
    fn apply(&mut self, codes: &str) {
        let mut codes = codes.split(';').map(|code| code.parse().unwrap_or(0u8));
        while let Some(code) = codes.next() {
            match code {
                0 => *self = Style::default(),
                1 => self.bold = true,
                22 => self.bold = false,
                31..=36 => self.colour = Some(code - 30),
                91..=96 => self.colour = Some(code - 90),
                30 | 37 | 39 | 90 | 97 => self.colour = None,
                // Of 256 colours the compiler uses the bright ones.
                38 if codes.next() == Some(5) => {
                    self.colour = codes.next().filter(|c| (9..=14).contains(c)).map(|c| c - 8);
                }
                _ => {}
            }
        }
    }

    fn classes(&self) -> String {
        match (self.bold, self.colour) {
            (true, Some(colour)) => format!("b c{colour}"),
            (false, Some(colour)) => format!("c{colour}"),
            _ => "b".to_owned(),
        }
    }
}

/// Cuts at sequences `ESC [ ... letter`; whatever else begins with ESC is left out with the character
/// that follows it.
fn parts<'t>(text: &'t str, mut take: impl FnMut(Part<'t>)) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        if !before.is_empty() {
            take(Part::Text(before));
        }
        let Some(sequence) = after.strip_prefix('[') else {
            rest = after
                .get(after.chars().next().map_or(0, char::len_utf8)..)
                .unwrap_or_default();
            continue;
        };
        let Some(end) = sequence.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c)) else {
            return;
        };
        if sequence[end..].starts_with('m') {
            take(Part::Style(&sequence[..end]));
        }
        rest = &sequence[end + 1..];
    }
    if !rest.is_empty() {
        take(Part::Text(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_spans_and_text_is_escaped() {
        let text = "\u{1b}[1m\u{1b}[91merror\u{1b}[0m\u{1b}[1m: <b>\u{1b}[0m \u{1b}[38;5;12m-->\u{1b}[0m a.rs";
        let expected = "<span class=\"b c1\">error</span><span class=\"b\">: &lt;b&gt;</span> \
                        <span class=\"c4\">--&gt;</span> a.rs";
        assert_eq!(html(text), expected);
        assert_eq!(plain(text), "error: <b> --> a.rs");
    }

    #[test]
    fn no_sequence_reaches_the_reader() {
        for text in [
            "\u{1b}[2Jx",
            "\u{1b}]0;t\u{7}x",
            "\u{1b}",
            "\u{1b}[",
            "\u{1b}[1",
            "\u{1b}é\u{9b}x",
            "a\u{0}\u{1b}[1;;999mb",
        ] {
            assert!(!plain(text).chars().any(char::is_control), "{text:?}");
            assert!(!html(text).chars().any(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_markup_stays_none() {
        assert_eq!(
            escape("<a href='x'>\"&\"\u{1}"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;&quot;\u{fffd}"
        );
    }
}

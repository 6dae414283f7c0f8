//! Where in a page we are: what `script` and `style` elements hold is code.

/// Follows the text, byte by byte. By the HTML standard, section 13.2.5, as far as it matters here.
#[derive(Debug)]
pub(super) struct Markup {
    within: Within,
    /// Between `<!--` and `-->`. An element that is left out by a comment ends there at the latest.
    is_comment: bool,
}

/// The string is the end of the element: `</script` or `</style`.
#[derive(Debug, Clone, Copy)]
enum Within {
    /// Text and other elements.
    Page,
    /// The start tag, perhaps the value of an attribute in these quotes.
    Start(&'static str, Option<u8>),
    /// What the element holds.
    Code(&'static str),
}

impl Markup {
    pub fn new() -> Markup {
        Markup {
            within: Within::Page,
            is_comment: false,
        }
    }

    /// Whether what comes next is in a `script` or `style` element.
    pub fn is_code(&self) -> bool {
        matches!(self.within, Within::Code(_))
    }

    /// Goes past one byte.
    pub fn pass(&mut self, text: &str, at: usize) {
        let bytes = text.as_bytes();
        if self.is_comment && bytes[at..].starts_with(b"-->") {
            *self = Markup::new();
            return;
        }
        self.within = match (self.within, bytes[at]) {
            (Within::Page, b'<') => {
                self.is_comment |= bytes[at..].starts_with(b"<!--");
                start(&bytes[at..])
            }
            (Within::Start(end, None), quote @ (b'"' | b'\'')) if bytes[at - 1] == b'=' => {
                Within::Start(end, Some(quote))
            }
            (Within::Start(end, Some(quote)), byte) if byte == quote => Within::Start(end, None),
            (Within::Start(end, None), b'>') => Within::Code(end),
            (Within::Code(end), b'<') if is_tag(&bytes[at..], end) => Within::Page,
            (same, _) => same,
        };
    }
}

fn start(rest: &[u8]) -> Within {
    if is_tag(rest, "<script") {
        Within::Start("</script", None)
    } else if is_tag(rest, "<style") {
        Within::Start("</style", None)
    } else {
        Within::Page
    }
}

/// Whether it begins so and the name ends there.
fn is_tag(rest: &[u8], begin: &str) -> bool {
    rest.get(..begin.len())
        .is_some_and(|found| found.eq_ignore_ascii_case(begin.as_bytes()))
        && rest
            .get(begin.len())
            .is_none_or(|after| after.is_ascii_whitespace() || matches!(after, b'/' | b'>'))
}

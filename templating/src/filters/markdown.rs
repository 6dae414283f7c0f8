//! `markdown`: CommonMark with tables, for text of strangers.
//!
//! Nothing in it becomes markup but what CommonMark makes: HTML in the text is shown as text, and a
//! link or picture leads to `http`, `https`, `mailto` or a place of the site, or nowhere. A fenced
//! code block with a language that `highlight` knows is shown as that filter does.

use std::collections::VecDeque;

use pulldown_cmark::{
    CodeBlockKind, CowStr, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd, html,
};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::{only, wrong_kind};
use crate::config::MARKDOWN_BYTES_MAX;
use crate::escape::Kind;
use crate::highlight::{self, Language, language_of};

/// `{{ text | markdown }}`. In `.html` it is markup; in files of other types it is escaped as they
/// do, for instance as the text of an Atom entry.
///
/// * `images=false`: a picture becomes a link to it with its alternative text.
/// * `headings=2`: the greatest heading is an `h2`, the others follow, at most to `h6`.
pub(super) fn register(engine: &mut Tera, kind: Kind) {
    engine.register_filter(
        "markdown",
        move |text: &Value, arguments: Kwargs, _: &State<'_>| {
            let page = markdown(text, &Wanted::of(&arguments)?)?;
            Ok::<_, Error>(if kind == Kind::Html {
                Value::safe_string(&page)
            } else {
                page.into()
            })
        },
    );
}

/// How the author of the template wants it.
struct Wanted {
    /// Whether pictures stay pictures.
    images: bool,
    /// The level of the greatest heading, 1 to 6.
    headings: usize,
}

impl Wanted {
    fn of(arguments: &Kwargs) -> TeraResult<Wanted> {
        only("markdown", arguments, &["images", "headings"])?;
        let headings = arguments.get::<usize>("headings")?.unwrap_or(1);
        if !(1..=6).contains(&headings) {
            return Err(Error::message(
                "`markdown` takes as `headings` the level of the greatest one, 1 to 6",
            ));
        }
        Ok(Wanted {
            images: arguments.get::<bool>("images")?.unwrap_or(true),
            headings,
        })
    }

    fn level(&self, level: HeadingLevel) -> HeadingLevel {
        let lower = level as usize + self.headings - 1;
        HeadingLevel::try_from(lower).unwrap_or(HeadingLevel::H6)
    }
}

fn markdown(value: &Value, wanted: &Wanted) -> TeraResult<String> {
    let text = value.as_str().ok_or_else(|| wrong_kind("string", value))?;
    if text.len() > MARKDOWN_BYTES_MAX {
        return Err(Error::message(
            "`markdown` was given a text that is too long",
        ));
    }
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES;
    let mut page = String::with_capacity(text.len() + text.len() / 2);
    let events = Parser::new_ext(text, options)
        .map(harmless)
        .map(|event| levelled(event, wanted));
    if wanted.images {
        html::push_html(&mut page, Fences(events));
    } else {
        html::push_html(&mut page, Fences(Linked::new(events)));
    }
    Ok(page)
}

fn levelled<'t>(event: Event<'t>, wanted: &Wanted) -> Event<'t> {
    match event {
        Event::Start(Tag::Heading {
            level,
            id,
            classes,
            attrs,
        }) => Event::Start(Tag::Heading {
            level: wanted.level(level),
            id,
            classes,
            attrs,
        }),
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(wanted.level(level))),
        other => other,
    }
}

/// Pictures become links with their alternative text; within a link, and where their address was no harmless
/// one, the text alone.
struct Linked<'t, I> {
    events: I,
    /// What is to be handed out first.
    made: VecDeque<Event<'t>>,
    in_link: bool,
}

impl<'t, I: Iterator<Item = Event<'t>>> Linked<'t, I> {
    fn new(events: I) -> Linked<'t, I> {
        Linked {
            events,
            made: VecDeque::new(),
            in_link: false,
        }
    }

    /// The alternative text, to the end of the picture: as the parser's own writer of HTML takes it, what is
    /// marked up in it is text.
    fn alternative(&mut self) -> String {
        let mut text = String::new();
        let mut depth = 1;
        for event in self.events.by_ref() {
            match event {
                Event::Start(Tag::Image { .. }) => depth += 1,
                Event::End(TagEnd::Image) => depth -= 1,
                Event::Text(part) | Event::Code(part) => text.push_str(&part),
                Event::SoftBreak | Event::HardBreak => text.push(' '),
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        text
    }
}

impl<'t, I: Iterator<Item = Event<'t>>> Iterator for Linked<'t, I> {
    type Item = Event<'t>;

    fn next(&mut self) -> Option<Event<'t>> {
        if let Some(event) = self.made.pop_front() {
            return Some(event);
        }
        let event = self.events.next()?;
        match event {
            Event::Start(Tag::Link { .. }) => self.in_link = true,
            Event::End(TagEnd::Link) => self.in_link = false,
            Event::Start(Tag::Image {
                dest_url, title, ..
            }) => {
                let mut text = CowStr::from(self.alternative());
                if self.in_link || dest_url.is_empty() {
                    return Some(Event::Text(text));
                }
                if text.trim().is_empty() {
                    // A link without a text could not be followed.
                    text = dest_url.clone();
                }
                self.made
                    .extend([Event::Text(text), Event::End(TagEnd::Link)]);
                return Some(Event::Start(Tag::Link {
                    link_type: LinkType::Inline,
                    dest_url,
                    title,
                    id: CowStr::Borrowed(""),
                }));
            }
            _ => {}
        }
        Some(event)
    }
}

/// Code blocks with a language that we know become what `highlight` makes of them.
struct Fences<I>(I);

impl<'t, I: Iterator<Item = Event<'t>>> Iterator for Fences<I> {
    type Item = Event<'t>;

    fn next(&mut self) -> Option<Event<'t>> {
        let event = self.0.next()?;
        let Some(language) = fenced(&event) else {
            return Some(event);
        };
        let mut code = String::new();
        for event in self.0.by_ref() {
            match event {
                Event::Text(text) => code.push_str(&text),
                Event::End(TagEnd::CodeBlock) => break,
                _ => {}
            }
        }
        let page = highlight::part(&code, language) + "\n";
        Some(Event::Html(page.into()))
    }
}

/// The first word behind the fence, as a language.
fn fenced(event: &Event<'_>) -> Option<Language> {
    let Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(words))) = event else {
        return None;
    };
    let word = words.split([' ', '\t', ',']).next().unwrap_or("");
    let named = !word.is_empty() && !word.eq_ignore_ascii_case("auto");
    named.then(|| language_of(word, "")).flatten()
}

fn harmless(event: Event<'_>) -> Event<'_> {
    match event {
        Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
        // A box of a form would need a label, and nobody can tick it.
        Event::TaskListMarker(true) => Event::Text(CowStr::Borrowed("\u{2611} ")),
        Event::TaskListMarker(false) => Event::Text(CowStr::Borrowed("\u{2610} ")),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: address(dest_url),
            title,
            id,
        }),
        Event::Start(Tag::Image {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Image {
            link_type,
            dest_url: address(dest_url),
            title,
            id,
        }),
        other => other,
    }
}

/// The address, if its scheme is harmless. A browser ignores control characters and blanks in a
/// scheme, so we do.
fn address(address: CowStr<'_>) -> CowStr<'_> {
    let seen: String = address
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .collect();
    let before = seen.split(['/', '?', '#']).next().unwrap_or("");
    let harmless = match before.split_once(':') {
        None => true,
        Some((scheme, _)) => ["http", "https", "mailto"]
            .iter()
            .any(|known| scheme.eq_ignore_ascii_case(known)),
    };
    if harmless {
        address
    } else {
        CowStr::Borrowed("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(text: &str, images: bool, headings: usize) -> String {
        let wanted = Wanted { images, headings };
        markdown(&Value::from(text), &wanted).unwrap()
    }

    fn page(text: &str) -> String {
        made(text, true, 1)
    }

    #[test]
    fn a_picture_becomes_a_link() {
        for (text, expected) in [
            (
                "![a *b* `c` <d>](/e.png \"f\")",
                "<a href=\"/e.png\" title=\"f\">a b c &lt;d&gt;</a>",
            ),
            ("![](/e.png)", "<a href=\"/e.png\">/e.png</a>"),
            ("![a][r] b\n\n[r]: /e.png", "<a href=\"/e.png\">a</a> b"),
            ("[![a](/e.png) b](/c)", "<a href=\"/c\">a b</a>"),
            (
                "[x](/c) ![a](/e.png)",
                "<a href=\"/c\">x</a> <a href=\"/e.png\">a</a>",
            ),
            (
                "![a [b](/c) ![d](/f)](/e.png)",
                "<a href=\"/e.png\">a b d</a>",
            ),
            ("![a\nb](/e.png)", "<a href=\"/e.png\">a b</a>"),
            ("![a](javascript:b)", "a"),
            (
                "![<b>\">](/e\"><i>)",
                "<a href=\"/e%22%3E%3Ci%3E\">&lt;b&gt;\"&gt;</a>",
            ),
        ] {
            let page = made(text, false, 1);
            assert_eq!(page, format!("<p>{expected}</p>\n"), "{text}");
        }
        assert!(page("![a](/e.png)").contains("<img src=\"/e.png\" alt=\"a\" />"));
        let fenced = made("![a](/b)\n\n```sh\n![a](/b)\n```", false, 1);
        assert!(
            !fenced.contains("<img") && fenced.contains("<pre"),
            "{fenced}"
        );
    }

    #[test]
    fn headings_are_lowered_to_the_sixth_level() {
        let text = "# a\n\nb\n=\n\n## c\n\n##### d\n\n###### e";
        for (headings, levels) in [(1, [1, 1, 2, 5, 6]), (2, [2, 2, 3, 6, 6]), (6, [6; 5])] {
            let [a, b, c, d, e] = levels;
            let expected = format!(
                "<h{a}>a</h{a}>\n<h{b}>b</h{b}>\n<h{c}>c</h{c}>\n<h{d}>d</h{d}>\n<h{e}>e</h{e}>\n"
            );
            assert_eq!(made(text, true, headings), expected);
        }
    }

    #[test]
    fn common_mark_and_tables_become_markup() {
        assert_eq!(
            page("# A *b* `c`"),
            "<h1>A <em>b</em> <code>c</code></h1>\n"
        );
        assert!(page("|a|b|\n|-|-|\n|1|2|").contains("<td>1</td>"));
        assert_eq!(
            page("[a](/b \"c\")"),
            "<p><a href=\"/b\" title=\"c\">a</a></p>\n"
        );
    }

    #[test]
    fn nothing_of_a_stranger_is_markup() {
        for text in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<!-- <b> -->",
            "<div\nonclick=x>\n",
            "[a](javascript:alert(1))",
            "[a](JaVaScRiPt:alert(1))",
            "[a](java&#10;script:alert(1))",
            "[a](&#106;avascript:alert(1))",
            "[a](data:text/html,<script>)",
            "[a](vbscript:x)",
            "![a](javascript:alert(1))",
            "<javascript:alert(1)>",
            "[a]: javascript:alert(1)\n[a]",
            "[a](/x \"\\\" onmouseover=\\\"alert(1)\")",
            "```\"><script>\nx\n```",
        ] {
            let page = (page(text) + &made(text, false, 3)).to_lowercase();
            for bad in [
                "<script",
                "<img src=x",
                "<div",
                "<!--",
                "href=\"j",
                "href=\"d",
                "href=\"v",
                "src=\"j",
                "\" onm",
            ] {
                assert!(!page.contains(bad), "{text}: {page}");
            }
        }
    }

    #[test]
    fn deep_nesting_is_no_danger() {
        page(&"> ".repeat(20_000));
        page(&"[".repeat(20_000));
        page(&"*a ".repeat(20_000));
        made(&"![".repeat(20_000), false, 1);
        made(
            &format!("{}{}", "![a".repeat(5_000), "](/b)".repeat(5_000)),
            false,
            1,
        );
    }
}

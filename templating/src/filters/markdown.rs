//! `markdown`: CommonMark with tables, for text of strangers.
//!
//! Nothing in it becomes markup but what CommonMark makes: HTML in the text is shown as text, and a
//! link or picture leads to `http`, `https`, `mailto` or a place of the site, or nowhere. A fenced
//! code block with a language that `highlight` knows is shown as that filter does.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use super::wrong_kind;
use crate::config::MARKDOWN_BYTES_MAX;
use crate::escape::Kind;
use crate::highlight::{self, Language, language_of};

/// `{{ text | markdown }}`. In `.html` it is markup; in files of other types it is escaped as they
/// do, for instance as the text of an Atom entry.
pub(super) fn register(engine: &mut Tera, kind: Kind) {
    engine.register_filter("markdown", move |text: &Value, _: Kwargs, _: &State<'_>| {
        let page = markdown(text)?;
        Ok::<_, Error>(if kind == Kind::Html {
            Value::safe_string(&page)
        } else {
            page.into()
        })
    });
}

fn markdown(value: &Value) -> TeraResult<String> {
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
    let events = Fences(Parser::new_ext(text, options).map(harmless));
    html::push_html(&mut page, events);
    Ok(page)
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

    fn page(text: &str) -> String {
        markdown(&Value::from(text)).unwrap()
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
            let page = page(text).to_lowercase();
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
    }
}

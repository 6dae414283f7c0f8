//! Feeds of what is new: Atom (RFC 4287). Their ids are the site's own: no address is part of them, so they stay
//! when the site moves.

use std::fmt::Write;
use std::time::Duration;

use harmonious::prelude::*;

use crate::model::{Logged, News, Status};
use crate::store::feeds::{self, Of, Published};
use crate::store::{accounts, news, scripts, settings, talk, taxonomy};
use crate::{pages, people, rules, view};

/// Entries of a feed.
const ENTRIES: u32 = 30;
/// How long a rendered feed is kept; what it shows is in its key.
const KEPT: Duration = Duration::from_secs(3_600);

/// A feed without its address.
struct Feed {
    title: String,
    /// The page that shows the same, as a path.
    page: String,
    /// Seconds since 1970 of its beginning, for when it has no entries.
    since: i64,
    entries: Vec<Entry>,
}

/// Something new.
struct Entry {
    /// What it is, in words that never change: its id is made of them.
    what: String,
    title: String,
    at: i64,
    author: String,
    /// Path of the author's page.
    author_page: Option<String>,
    /// Path of its page.
    page: String,
    category: Option<String>,
    summary: String,
    /// Markdown.
    body: String,
    /// Path and bytes of the raw file.
    file: Option<(String, i64)>,
}

/// The feed of that name below `/feeds/`: `site.atom news.atom moderation.atom category/PATH.atom tag/SLUG.atom
/// author/ALIAS.atom script/NAME.atom`.
///
/// # Errors
/// 404 if there is no such feed, category, tag, author or script.
pub fn atom(req: &Request, name: &str) -> Result<Response> {
    let what = name.strip_suffix(".atom").or_404()?;
    let text = if what == "moderation" {
        // What is logged touches no stamp.
        text(req, what)?
    } else {
        let stamp = settings::stamp(&req.db())?;
        let address = view::address(req)?;
        let key = format!("{what}\n{address}\n{}", req.language());
        let key = format!("feed:{stamp}:{}", rules::sha256(key.as_bytes()));
        req.fragment(&key, KEPT, || text(req, what))?
    };
    let tag = format!("\"{}\"", &rules::sha256(text.as_bytes())[..32]);
    let response = Response::bytes("application/atom+xml; charset=utf-8", text.into_bytes());
    Ok(response
        .with_header("access-control-allow-origin", "*")
        .with_header("cache-control", "no-cache")
        .with_etag(&tag))
}

fn text(req: &Request, what: &str) -> Result<String> {
    let feed = feed(req, what)?;
    written(req, what, &feed)
}

fn feed(req: &Request, what: &str) -> Result<Feed> {
    let db = req.db();
    let versions = |of| -> Result<Vec<Entry>> {
        let found = feeds::versions(&db, of, ENTRIES)?;
        Ok(found.into_iter().map(of_version).collect())
    };
    let site = req.t("site.name", context! {});
    let titled = |name: &str| format!("{name} - {site}");
    let feed = match what.split_once('/') {
        None if what == "site" => Feed {
            title: site,
            page: "/browse/?sort=new".to_owned(),
            since: 0,
            entries: versions(Of::All)?,
        },
        None if what == "news" => {
            let found = news::list(&db, 1, ENTRIES)?.items;
            Feed {
                title: titled(&req.t("feed.news", context! {})),
                page: "/news/".to_owned(),
                since: 0,
                entries: found.into_iter().map(of_news).collect(),
            }
        }
        None if what == "moderation" => {
            let found = talk::log_page(&db, None, 1)?.items;
            Feed {
                title: titled(&req.t("feed.moderation", context! {})),
                page: "/log".to_owned(),
                since: 0,
                entries: found
                    .into_iter()
                    .take(ENTRIES as usize)
                    .map(|one| of_log(req, one))
                    .collect(),
            }
        }
        Some(("category", path)) => {
            let category = taxonomy::category(&db, path)?.or_404()?;
            Feed {
                title: titled(&view::category_name(req, path, &category.name)),
                page: format!("/browse/category/{}", escaped_path(path)),
                since: 0,
                entries: versions(Of::Category(path))?,
            }
        }
        Some(("tag", slug)) => {
            let tag = taxonomy::tag(&db, slug)?.or_404()?;
            Feed {
                title: titled(&tag.name),
                page: format!("/browse/tag/{}", escaped_path(slug)),
                since: 0,
                entries: versions(Of::Tag(slug))?,
            }
        }
        Some(("author", alias)) => {
            let account = accounts::by_alias(&db, alias)?
                .filter(|account| account.status != "gone")
                .or_404()?;
            Feed {
                title: titled(&account.name),
                page: format!("/authors/{alias}"),
                since: account.created_at,
                entries: versions(Of::Author(account.id))?,
            }
        }
        Some(("script", name)) => {
            let script = scripts::head(&db, name)?
                .filter(|script| script.status != Status::Draft)
                .or_404()?;
            Feed {
                title: titled(&script.title),
                page: format!("/scripts/{name}/"),
                since: script.created_at,
                entries: versions(Of::Script(script.id))?,
            }
        }
        _ => return Err(Error::not_found("")),
    };
    Ok(feed)
}

fn of_version(one: Published) -> Entry {
    let (name, number) = (&one.script, one.number);
    Entry {
        what: format!("version {name} {number}"),
        title: format!("{} ({name} {number})", one.title),
        at: one.at,
        author_page: one.author_alias.map(|alias| format!("/authors/{alias}")),
        author: one.author_name,
        page: format!("/scripts/{name}/{number}"),
        category: Some(one.category_path),
        summary: one.summary,
        body: one.changelog,
        file: Some((format!("/s/{name}/{number}"), one.bytes)),
    }
}

fn of_news(one: News) -> Entry {
    Entry {
        what: format!("news {}", one.id),
        title: one.subject,
        at: one.at,
        author: one.author_name.unwrap_or_default(),
        author_page: None,
        page: format!("/news/{}", one.id),
        category: None,
        summary: String::new(),
        body: one.body,
        file: None,
    }
}

fn of_log(req: &Request, one: Logged) -> Entry {
    Entry {
        what: format!("moderation {}", one.id),
        title: format!(
            "{}: {}",
            people::action(req, &one.action),
            people::subject(req, &one.action, &one.subject)
        ),
        at: one.at,
        author: one.actor_name,
        author_page: None,
        page: match &one.script {
            Some(name) => format!("/log?script={name}"),
            None => "/log".to_owned(),
        },
        // Text, not Markdown: reasons are shown as they were written.
        summary: people::reason(req, &one.action, &one.reason),
        category: Some(one.action),
        body: String::new(),
        file: None,
    }
}

fn written(req: &Request, what: &str, feed: &Feed) -> Result<String> {
    let address = xml(&view::address(req)?);
    let site = settings::site(&req.db())?;
    let nobody = req.t("author.former", context! {});
    let updated = feed.entries.iter().map(|entry| entry.at).max();
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <feed xmlns=\"http://www.w3.org/2005/Atom\" xml:lang=\"{}\">\n\
         <id>{}</id>\n<title>{}</title>\n<updated>{}</updated>\n\
         <link rel=\"self\" type=\"application/atom+xml\" href=\"{address}/feeds/{}.atom\"/>\n\
         <link rel=\"alternate\" type=\"text/html\" href=\"{address}{}\"/>\n\
         <icon>{address}/icon.svg</icon>\n<generator uri=\"{address}/\">Harmonious</generator>\n",
        xml(&req.language()),
        id(&site, &format!("feed {what}")),
        xml(&feed.title),
        moment(updated.unwrap_or(feed.since)),
        xml(&escaped_path(what)),
        xml(&feed.page),
    );
    for entry in &feed.entries {
        let html = match entry.body.trim() {
            "" => String::new(),
            body => req.render_text("/feeds/_body.html", context! { body })?,
        };
        let author = Some(entry.author.trim()).filter(|name| !name.is_empty());
        write_entry(
            &mut out,
            &site,
            &address,
            entry,
            author.unwrap_or(&nobody),
            &html,
        );
    }
    out.push_str("</feed>\n");
    Ok(out)
}

/// Writing into a text cannot fail.
fn write_entry(
    out: &mut String,
    site: &str,
    address: &str,
    entry: &Entry,
    author: &str,
    html: &str,
) {
    let at = moment(entry.at);
    let _ = writeln!(
        out,
        "<entry>\n<id>{}</id>\n<title>{}</title>\n<updated>{at}</updated>\n<published>{at}</published>",
        id(site, &entry.what),
        xml(&entry.title),
    );
    let _ = write!(out, "<author><name>{}</name>", xml(author));
    if let Some(page) = &entry.author_page {
        let _ = write!(out, "<uri>{address}{}</uri>", xml(page));
    }
    let _ = writeln!(
        out,
        "</author>\n<link rel=\"alternate\" type=\"text/html\" href=\"{address}{}\"/>",
        xml(&entry.page)
    );
    if let Some((path, bytes)) = &entry.file {
        let _ = writeln!(
            out,
            "<link rel=\"enclosure\" type=\"text/plain\" length=\"{bytes}\" href=\"{address}{}\"/>",
            xml(path)
        );
    }
    if let Some(category) = &entry.category {
        let _ = writeln!(out, "<category term=\"{}\"/>", xml(category));
    }
    let _ = writeln!(out, "<summary>{}</summary>", xml(&entry.summary));
    if !html.is_empty() {
        let _ = writeln!(out, "<content type=\"html\">{}</content>", xml(html));
    }
    out.push_str("</entry>\n");
}

/// A name for good: a UUID of version 8 (RFC 9562) out of a hash.
fn id(site: &str, what: &str) -> String {
    let hash = rules::sha256(format!("{site}\n{what}").as_bytes());
    // Two bits of the 17th digit say how the rest is to be read.
    let variant = match hash.as_bytes()[16] {
        b'0'..=b'3' => '8',
        b'4'..=b'7' => '9',
        b'8' | b'9' | b'a' | b'b' => 'a',
        _ => 'b',
    };
    format!(
        "urn:uuid:{}-{}-8{}-{variant}{}-{}",
        &hash[..8],
        &hash[8..12],
        &hash[13..16],
        &hash[17..20],
        &hash[20..32]
    )
}

/// A text inside of XML: escaped, without the characters that XML 1.0 cannot hold.
fn xml(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

/// Segments of a path as they stand in an address.
fn escaped_path(path: &str) -> String {
    let segments: Vec<String> = path.split('/').map(pages::encoded).collect();
    segments.join("/")
}

/// Seconds since 1970 as RFC 3339 writes them, in UTC: `2001-09-09T01:46:40Z`.
fn moment(at: i64) -> String {
    let (days, second) = (at.div_euclid(86_400), at.rem_euclid(86_400));
    // Years that begin in March end with the leap day; 400 of them have 146,097 days. Day 0 is 1 March 0000.
    let day = days + 719_468;
    let (era, day) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + next;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        for (at, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_000_000_000, "2001-09-09T01:46:40Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(moment(at), text);
        }
    }

    #[test]
    fn ids_are_uuids_that_stay() {
        let made = id("site", "version x 1");
        assert_eq!(made, id("site", "version x 1"));
        assert_ne!(made, id("site", "version x 2"));
        assert_ne!(made, id("other", "version x 1"));
        let parts: Vec<usize> = made["urn:uuid:".len()..].split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&made[23..24], "8");
        assert!("89ab".contains(&made[28..29]), "{made}");
    }

    #[test]
    fn no_text_breaks_the_xml() {
        assert_eq!(
            xml("]]></title>&\"'"),
            "]]&gt;&lt;/title&gt;&amp;&quot;&#39;"
        );
        assert_eq!(xml("a\u{1b}b\u{ffff}\n"), "a\u{fffd}b\u{fffd}\n");
    }
}

//! Feeds: valid XML whatever titles hold, ids that stay, conditional requests.

use std::collections::HashSet;

use crate::common::*;

/// An element of XML.
#[derive(Debug, Default)]
struct Node {
    name: String,
    attributes: Vec<(String, String)>,
    /// The text in it, without its children's.
    text: String,
    children: Vec<Node>,
}

impl Node {
    fn all<'n>(&'n self, name: &str) -> impl Iterator<Item = &'n Node> {
        self.children.iter().filter(move |child| child.name == name)
    }

    #[track_caller]
    fn one(&self, name: &str) -> &Node {
        let mut all = self.all(name);
        let one = all
            .next()
            .unwrap_or_else(|| panic!("no {name} in {self:?}"));
        assert!(all.next().is_none(), "two {name} in {self:?}");
        one
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Where the link of that kind leads.
    #[track_caller]
    fn link(&self, rel: &str) -> &str {
        let found = self.all("link").find(|link| link.get("rel") == Some(rel));
        found
            .and_then(|link| link.get("href"))
            .unwrap_or_else(|| panic!("no {rel} in {self:?}"))
    }
}

/// Reads a document as XML 1.0 has it, as far as our feeds go: no comments, no sections of CDATA. Panics where it is
/// not well-formed.
#[track_caller]
fn parse(text: &str) -> Node {
    for c in text.chars() {
        let valid = matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(valid, "{c:?} has no place in XML: {text}");
    }
    let rest = text
        .strip_prefix("<?xml version=\"1.0\" encoding=\"utf-8\"?>")
        .expect(text);
    let mut open = vec![Node::default()];
    let mut rest = rest;
    while let Some((before, tag)) = rest.split_once('<') {
        open.last_mut().unwrap().text.push_str(&plain(before));
        let (tag, after) = tag.split_once('>').expect("a tag that ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            let done = open.pop().unwrap();
            assert_eq!(done.name, name, "{text}");
            open.last_mut()
                .expect("an end without a beginning")
                .children
                .push(done);
            continue;
        }
        let (tag, empty) = tag
            .strip_suffix('/')
            .map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.bytes().all(|b| b.is_ascii_lowercase()), "{tag}");
        let node = Node {
            name: name.to_owned(),
            attributes: attributes_of(attributes),
            ..Node::default()
        };
        match empty {
            true => open.last_mut().unwrap().children.push(node),
            false => open.push(node),
        }
    }
    assert_eq!(rest.trim(), "", "text behind the end");
    assert_eq!(open.len(), 1, "what began has not ended: {text}");
    let mut root = open.pop().unwrap();
    assert_eq!((root.children.len(), root.text.trim()), (1, ""));
    root.children.pop().unwrap()
}

fn attributes_of(mut text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let (value, rest) = rest.split_once('"').expect("a value that ends");
        let name = name.trim();
        assert!(found.iter().all(|(known, _)| known != name), "{name} twice");
        found.push((name.to_owned(), plain(value)));
        text = rest;
    }
    assert_eq!(text.trim(), "");
    found
}

/// Text without its entities; only those that XML itself knows are possible.
fn plain(text: &str) -> String {
    assert!(!text.contains("]]>"), "{text}");
    let mut parts = text.split('&');
    let mut made = parts.next().unwrap().to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').expect("an entity that ends");
        made.push_str(match entity {
            "amp" => "&",
            "lt" => "<",
            "gt" => ">",
            "quot" => "\"",
            "#39" => "'",
            other => panic!("&{other}; is none of XML's"),
        });
        made.push_str(rest);
    }
    made
}

/// What RFC 4287 asks of each feed: the feed, parsed.
#[track_caller]
fn valid(page: &Page) -> Node {
    page.is(200)
        .says("content-type", "application/atom+xml; charset=utf-8");
    let feed = parse(&page.body);
    assert_eq!(feed.name, "feed");
    assert_eq!(feed.get("xmlns"), Some("http://www.w3.org/2005/Atom"));
    let mut ids = HashSet::new();
    let mut newest = String::new();
    for node in std::iter::once(&feed).chain(feed.all("entry")) {
        let id = &node.one("id").text;
        assert!(id.starts_with("urn:uuid:") && id.len() == 45, "{id}");
        assert!(ids.insert(id.clone()), "{id} twice");
        node.one("title");
        let updated = &node.one("updated").text;
        assert!(updated.len() == 20 && updated.ends_with('Z'), "{updated}");
        assert!(node.link("alternate").starts_with("http://"), "{node:?}");
        if node.name == "entry" {
            assert_ne!(node.one("author").one("name").text.trim(), "");
            newest = newest.max(updated.clone());
        }
    }
    if !newest.is_empty() {
        assert_eq!(feed.one("updated").text, newest);
    }
    feed.link("self");
    feed
}

/// What breaks a page that forgets to escape.
const TITLE: &str =
    "</title><script>alert(1)</script> & \"'`]]> &amp; {{ 7 * 7 }} \u{65e5}\u{202e}";

fn hostile(site: &Site) {
    Script::new("hostile", "#!/bin/sh\n")
        .title(TITLE)
        .summary(TITLE)
        .tags(&["c++"])
        .category("misc/odd")
        .publish(site);
    site.execute(
        "UPDATE accounts SET name = ? WHERE alias = 'author'",
        &[TITLE.into()],
    );
    let changes = format!("{TITLE}\n\n- one\n\n<img src=x onerror=alert(1)>\n\u{1}\u{b}");
    let sql = "UPDATE versions SET changelog = ? WHERE script_id = (SELECT id FROM scripts WHERE name = 'hostile')";
    site.execute(sql, &[changes.as_str().into()]);
    let news = "INSERT INTO news (at, subject, body) VALUES (1700000000, ?, ?)";
    site.execute(news, &[TITLE.into(), changes.as_str().into()]);
    let log = "INSERT INTO moderation_log (at, actor_name, action, subject, reason, note) \
               VALUES (1700000000, ?, 'remove', ?, ?, 'for staff only')";
    site.execute(log, &[TITLE.into(), TITLE.into(), changes.as_str().into()]);
}

on_each! {
    fn each_feed_is_valid_whatever_titles_hold(site: &Site) {
        hostile(site);
        for path in [
            "/feeds/site.atom", "/feeds/news.atom", "/feeds/moderation.atom", "/feeds/category/misc.atom",
            "/feeds/category/misc/odd.atom", "/feeds/tag/c++.atom", "/feeds/author/author.atom",
            "/feeds/script/hostile.atom",
        ] {
            let page = site.anyone().get(path);
            page.says("access-control-allow-origin", "*").lacks("for staff only");
            let feed = valid(&page);
            let titles: Vec<&str> = feed.all("entry").map(|entry| entry.one("title").text.as_str()).collect();
            assert!(titles.iter().any(|title| title.contains(TITLE)), "{path}: {titles:?}");
            for content in feed.all("entry").flat_map(|entry| entry.all("content")) {
                assert_eq!(content.get("type"), Some("html"));
                assert!(!content.text.contains("<script") && !content.text.contains("<img"), "{content:?}");
            }
        }
    }

    fn feeds_have_what_they_are_named_after(site: &Site) {
        let old = now() - 1_000_000;
        Script::new("one", "#!/bin/sh\n").category("misc/a").tags(&["red"]).at(old).publish(site);
        let two = Script::new("two", "#!/bin/sh\n\n").category("misc/b").owner("other");
        two.tags(&["red", "blue"]).at(old + 60).publish(site);
        Script::new("one", "#!/bin/sh\n:\n").at(old + 120).publish(site);
        let pages = |path: &str| -> Vec<String> {
            let feed = valid(&site.anyone().get(path));
            let pages = feed.all("entry").map(|entry| entry.link("alternate"));
            pages.filter_map(|link| link.split_once("/scripts/")).map(|(_, page)| page.to_owned()).collect()
        };
        assert_eq!(pages("/feeds/category/misc/a.atom"), ["one/2", "one/1"]);
        assert_eq!(pages("/feeds/category/misc/b.atom"), ["two/1"]);
        assert_eq!(pages("/feeds/tag/red.atom"), ["one/2", "two/1", "one/1"]);
        assert_eq!(pages("/feeds/tag/blue.atom"), ["two/1"]);
        assert_eq!(pages("/feeds/author/author.atom"), ["one/2", "one/1"]);
        assert_eq!(pages("/feeds/author/reader.atom"), [] as [&str; 0]);
        assert_eq!(pages("/feeds/script/one.atom"), ["one/2", "one/1"]);
        let below = pages("/feeds/category/misc.atom");
        assert!(["one/2", "two/1", "one/1"].iter().all(|page| below.contains(&(*page).to_owned())), "{below:?}");
        // What was taken back is no news.
        let close = "UPDATE versions SET status = 'withdrawn' WHERE number = 1 AND script_id = \
                     (SELECT id FROM scripts WHERE name = 'one')";
        site.execute(close, &[]);
        site.publish("three", "#!/bin/sh\n# three\n");
        assert_eq!(pages("/feeds/script/one.atom"), ["one/2"]);
        let entry = |path: &str| valid(&site.anyone().get(path)).children.pop().unwrap();
        let newest = entry("/feeds/script/one.atom");
        assert_eq!(newest.link("enclosure"), "http://localhost/s/one/2");
        assert_eq!(newest.one("category").get("term"), Some("misc/a"));
        for path in [
            "/feeds/", "/feeds/x.atom", "/feeds/site", "/feeds/site.rss", "/feeds/category/none.atom",
            "/feeds/tag/none.atom", "/feeds/author/nobody.atom", "/feeds/script/none.atom", "/feeds/site/.atom",
        ] {
            site.anyone().get(path).is(404);
        }
    }

    fn ids_stay_where_the_site_moves(site: &Site) {
        site.publish("one", "#!/bin/sh\n");
        let ids = |host: &str| -> Vec<String> {
            let feed = valid(&site.anyone().ask(Ask::get("/feeds/site.atom").of(host)));
            assert_eq!(feed.link("self"), format!("http://{host}/feeds/site.atom"));
            let all = std::iter::once(&feed).chain(feed.all("entry"));
            all.map(|node| node.one("id").text.clone()).collect()
        };
        let first = ids("localhost");
        assert_eq!(ids("scripts.example"), first);
        site.stop();
        site.start(&[]);
        assert_eq!(ids("localhost"), first);
        site.publish("one", "#!/bin/sh\n:\n");
        let later = ids("localhost");
        assert_eq!(later[0], first[0]);
        assert!(!first.contains(&later[1]), "a new version has a new id");
        assert!(later.contains(&first[1]), "that of the older one stays");
    }

    fn readers_get_a_feed_once(site: &Site) {
        site.publish("one", "#!/bin/sh\n");
        for path in ["/feeds/site.atom", "/feeds/script/one.atom", "/feeds/moderation.atom"] {
            let tag = site.anyone().get(path).header("etag").unwrap().to_owned();
            let again = || site.anyone().ask(Ask::get(path).field("If-None-Match", &tag));
            again().is(304);
            site.publish("one", &format!("#!/bin/sh\necho {path}\n"));
            site.execute(
                "INSERT INTO moderation_log (at, actor_name, action, subject) VALUES (1, 'x', 'remove', 'one')",
                &[],
            );
            again().is(200);
        }
        let french = valid(&site.anyone().with("Accept-Language", "fr").get("/feeds/news.atom"));
        assert_eq!(french.get("xml:lang"), Some("fr"));
        assert!(french.one("title").text.starts_with("Actualit"), "{french:?}");
    }
}

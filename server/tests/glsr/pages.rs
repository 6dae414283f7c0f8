//! What holds of every page: who may see it, what its head says, how it is written, in both languages.
//!
//! The pages are those that `harmonious routes` lists: one that is added is tested, and where a parameter is not known,
//! `common/whole.rs` asks for it.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::*;

/// Nothing inline, nothing from elsewhere, in nobody's frame.
const POLICY: [&str; 6] = [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
];

/// Statuses of pages that are no 200 for those who may see them, without a query.
const OTHERS: [(&str, u16); 2] = [("/scripts/", 308), ("/reset", 410)];

/// How a refused form reads.
const FORGED: &str = "this form is too old, or not of this site";

/// Words of the data of this test that are words of the catalogue too.
const ALIKE_WORDS: [&str; 3] = ["sysadmin", "whole", "author"];

/// The page on which editors change what categories are called in English.
const CATEGORIES: &str = "/editor/categories";

/// The visitors, and what each may see. Their aliases end so, but for the author's.
fn visitors(site: &Site, ending: &str) -> Vec<(&'static str, Client, &'static [&'static str])> {
    let known = |alias: &str| site.sign_in(&format!("{alias}{ending}"));
    vec![
        ("anonymous", site.anyone(), &[]),
        ("member", known("other"), &["member"]),
        ("author", site.as_author(), &["member", "author"]),
        ("reviewer", known("reviewer"), &["member", "reviewer"]),
        ("editor", known("editor"), &["member", "editor"]),
        (
            "admin",
            known("admin"),
            &["member", "reviewer", "editor", "admin"],
        ),
    ]
}

/// What a GET of a route is answered with.
fn expected(route: &Route, path: &str, name: &str, may: &[&str]) -> u16 {
    match route.role() {
        Some(_) if name == "anonymous" => return 401,
        Some(role) if !may.contains(&role) => return 403,
        _ => {}
    }
    let other = OTHERS.iter().find(|(other, _)| *other == path);
    other.map_or(200, |(_, status)| *status)
}

/// A page has this in its head, whatever it is.
pub(crate) fn check_head(what: &str, page: &Page) {
    let policy = page
        .header("content-security-policy")
        .unwrap_or_else(|| panic!("{what}: no policy"));
    // What people wrote has nothing at all; pages have what is ours.
    let wanted = match policy.starts_with("sandbox;") {
        true => &POLICY[..1],
        false => &POLICY[..],
    };
    for part in wanted {
        let is_there = policy.split(';').any(|one| one.trim() == *part);
        assert!(is_there, "{what}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{what}: {policy}");
    for (field, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(page.header(field), Some(value), "{what}");
    }
}

/// A page of HTML is written so.
pub(crate) fn check_html(what: &str, page: &Page, language: &str) {
    assert!(
        page.body.starts_with("<!doctype html>"),
        "{what}: {}",
        page.body
    );
    let all = elements(&page.body);
    let named = |name: &str| {
        all.iter()
            .filter(|one| one.name == name)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        named("html")[0].get("lang").as_deref(),
        Some(language),
        "{what}"
    );
    assert_eq!(named("h1").len(), 1, "{what}: {}", page.body);
    assert_eq!(named("main").len(), 1, "{what}");
    let title = page
        .body
        .split("<title>")
        .nth(1)
        .unwrap()
        .split("</title>")
        .next()
        .unwrap();
    assert!(!title.trim().is_empty(), "{what}");
    let mut ids = BTreeSet::new();
    for one in &all {
        let shown = &page.body[one.start..one.end];
        for (name, value) in &one.attributes {
            assert!(
                !name.starts_with("on") && name != "style",
                "{what}: {shown}"
            );
            // What was typed stands in a field again.
            assert!(
                name == "value"
                    || !value
                        .trim_start()
                        .to_ascii_lowercase()
                        .starts_with("javascript:"),
                "{what}: {shown}"
            );
        }
        assert!(one.name != "style", "{what}: {shown}");
        assert!(one.name != "script" || one.has("src"), "{what}: {shown}");
        if let Some(id) = one.get("id") {
            assert!(ids.insert(id), "{what}: two of {shown}");
        }
    }
    check_labels(what, page, &all);
    for form in Form::all(&page.body) {
        if form.method == "post" && !page.0.body.contains("/sign-out") {
            continue; // without a session nobody can speak for it
        }
        assert!(
            form.method == "get"
                || form
                    .fields
                    .first()
                    .is_some_and(|(name, _)| name == "csrf_token"),
            "{what}: the form to {} does not begin with a token",
            form.action
        );
    }
}

/// Each control says what it is for.
fn check_labels(what: &str, page: &Page, all: &[Element]) {
    let labels: BTreeSet<String> = all
        .iter()
        .filter(|one| one.name == "label")
        .filter_map(|one| one.get("for"))
        .collect();
    for one in all {
        let kind = one.get("type").unwrap_or_default();
        let is_control = ["select", "textarea"].contains(&one.name.as_str())
            || (one.name == "input" && !["hidden", "submit"].contains(&kind.as_str()));
        let before = &page.body[..one.start];
        let within = before
            .rfind("<label")
            .is_some_and(|at| !before[at..].contains("</label"));
        let is_named = one.has("aria-label")
            || one.has("aria-labelledby")
            || within
            || one.get("id").is_some_and(|id| labels.contains(&id));
        assert!(
            !is_control || is_named,
            "{what}: no label: {}",
            &page.body[one.start..one.end]
        );
    }
}

fn is_html(page: &Page) -> bool {
    page.header("content-type")
        .is_some_and(|kind| kind.starts_with("text/html"))
}

on_each! {
    fn each_page_is_for_whom_it_is_and_well_written(site: &Site) {
        let whole = Whole::new(site);
        let routes = Route::all(site);
        let mut problems = Vec::new();
        for (name, mut client, may) in visitors(site, "") {
            for route in routes.iter().filter(|route| route.takes("GET") && !route.is_api()) {
                for path in whole.paths(&route.pattern) {
                    let what = format!("{path} for {name}");
                    let page = client.try_ask(Ask::get(&path));
                    let status = expected(route, &path, name, may);
                    if page.status != status {
                        problems.push(format!("{what}: {} instead of {status}: {:.300}", page.status, page.words()));
                        continue;
                    }
                    check_head(&what, &page);
                    if is_html(&page) {
                        check_html(&what, &page, "en");
                    }
                }
            }
        }
        assert!(problems.is_empty(), "{problems:#?}");
    }

    fn each_page_is_french_in_french(site: &Site) {
        let whole = Whole::new(site);
        let english = English::read();
        let mut problems = Vec::new();
        // No word of theirs is one of ours.
        let rename = "UPDATE accounts SET alias = alias || '-x', name = alias || '-x' WHERE alias <> 'author'";
        site.execute(rename, &[]);
        for (name, client, may) in visitors(site, "-x") {
            let mut client = client.with("Accept-Language", "fr");
            client.open("/"); // shows what the sign-in has left, in the language of then
            for route in Route::all(site).iter().filter(|route| route.takes("GET") && !route.is_api()) {
                // Pages for everybody as nobody and as somebody; others as those whom they are for.
                if route.role().is_some_and(|role| !may.contains(&role)) {
                    continue;
                }
                for path in whole.paths(&route.pattern) {
                    let page = client.try_ask(Ask::get(&path));
                    if !is_html(&page) {
                        continue;
                    }
                    let what = format!("{path} for {name}");
                    check_html(&what, &page, "fr");
                    problems.extend(english.in_page(&path, &page.body).iter().map(|text| format!("{what}: {text:?}")));
                }
            }
        }
        assert!(problems.is_empty(), "{problems:#?}");
    }

    fn errors_are_pages_too(site: &Site) {
        for (path, status) in [("/no/such/page", 404), ("/scripts/no-such-script/", 404), ("/account/", 401)] {
            for language in ["en", "fr"] {
                let mut client = site.anyone().with("Accept-Language", language);
                let page = client.get(path);
                page.is(status);
                check_head(path, &page);
                check_html(path, &page, language);
                page.has("href=\"/\"");
            }
        }
        let mut member = site.sign_in("other");
        let page = member.get("/sign-out");
        page.is(405);
        check_html("405", &page, "en");
        // Whoever has to sign in comes back to where he wanted to go.
        let page = site.anyone().get("/sign-out?a=b");
        assert!([401, 405].contains(&page.status), "{page:?}");
    }

    fn no_form_of_another_site_does_anything(site: &Site) {
        let whole = Whole::new(site);
        let mut stranger = site.as_editor();
        stranger.open("/");
        let foreign = stranger.token.clone().unwrap();
        let mut visitors = visitors(site, "");
        let mut count = 0;
        for route in Route::all(site) {
            let unsafe_methods = route.methods.iter().filter(|one| ["POST", "PUT", "PATCH", "DELETE"].contains(&one.as_str()));
            let unsafe_methods: Vec<&String> = unsafe_methods.collect();
            if route.is_api() || unsafe_methods.is_empty() {
                continue;
            }
            assert_eq!(unsafe_methods, ["POST"], "{route:?}");
            let role = route.role().unwrap_or("member");
            let (name, client, _) = visitors.iter_mut().find(|(_, _, may)| may.contains(&role)).unwrap();
            for path in whole.paths(&route.pattern) {
                let what = format!("{path} for {name}");
                let fields = [("act", "save"), ("language", "fr"), ("next", "/")];
                let without = client.post_as_is(&path, &fields);
                let wrong = client.post_as_is(&path, &[&[("csrf_token", foreign.as_str())], &fields[..]].concat());
                let (kind, body) = multipart(&[("act", None, b"save")]);
                let parts = client.ask(Ask::post(&path, &kind, body));
                let plain = client.ask(Ask::post(&path, "text/plain", "act=save"));
                let own = client.token.clone().unwrap_or_else(|| {
                    client.open("/");
                    client.token.clone().unwrap()
                });
                let from = Ask::post(&path, "application/x-www-form-urlencoded", encoded(&[("csrf_token", &own)]))
                    .field("Origin", "https://elsewhere.example");
                let from = client.ask(from);
                for page in [without, wrong, parts, plain, from] {
                    assert_eq!(page.status, 403, "{what}: {page:?}");
                    assert!(page.words().contains(FORGED), "{what}: refused, but not for that: {}", page.words());
                }
                count += 1;
            }
        }
        assert!(count > 1);
        // The token of the visitor's own is taken, and so those above were refused for theirs.
        let mut member = site.sign_in("other");
        member.open("/");
        member.post("/language", &[("language", "fr"), ("next", "/")]).is(303);
        assert!(member.is_signed_in());
    }

    fn no_link_leads_nowhere(site: &Site) {
        let whole = Whole::new(site);
        let mut problems: BTreeMap<String, String> = BTreeMap::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        for (name, mut client, may) in visitors(site, "") {
            let mut links: BTreeMap<String, String> = BTreeMap::new();
            for route in Route::all(site).iter().filter(|route| route.takes("GET") && !route.is_api()) {
                if route.role().is_some_and(|role| !may.contains(&role)) {
                    continue;
                }
                for path in whole.paths(&route.pattern) {
                    let page = client.try_ask(Ask::get(&path));
                    if !is_html(&page) || page.status != 200 {
                        continue;
                    }
                    for link in page.resources() {
                        links.entry(link).or_insert_with(|| format!("{path} for {name}"));
                    }
                }
            }
            for (link, from) in links {
                let link = link.split('#').next().unwrap().to_owned();
                // What a visitor sees is for him: one with fewer roles saw most of it already.
                if link.is_empty() || !link.starts_with('/') || !known.insert(link.clone()) {
                    continue;
                }
                let page = client.try_ask(Ask::get(&link));
                // A stranger who would have to sign in is led to where he can.
                let is_asked = page.status == 401 && name == "anonymous";
                if page.status >= 400 && !is_asked {
                    problems.insert(link, format!("{} on {from}", page.status));
                }
            }
        }
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

#[test]
fn the_site_has_no_errors_for_check() {
    let folder = source("");
    let output = binary::output(binary::harmonious(&["check", folder.to_str().unwrap()]));
    let text = succeed(output);
    assert!(text.contains(": 0 errors, "), "{text}");
}

/// What the English catalogue says, and the French does not say alike.
#[derive(Default)]
struct English {
    /// Whole texts of an element.
    texts: BTreeSet<String>,
    /// Pieces between values, long enough to be no chance.
    pieces: Vec<String>,
    /// The names of categories.
    categories: BTreeSet<String>,
}

/// Characters of a piece.
const PIECE_CHARS: usize = 16;

impl English {
    fn read() -> English {
        let read = |name: &str| -> BTreeMap<String, String> {
            let text = std::fs::read_to_string(source("locales").join(name)).unwrap();
            let mut all = BTreeMap::new();
            flatten("", &text.parse::<toml::Table>().unwrap(), &mut all);
            all
        };
        let (english, french) = (read("en.toml"), read("fr.toml"));
        let said: BTreeSet<String> = french.values().map(|text| words(text)).collect();
        let mut known = English::default();
        for (key, text) in &english {
            assert!(french.contains_key(key), "{key} is not in fr.toml");
            let text = words(text);
            if said.contains(&text) || ALIKE_WORDS.contains(&text.as_str()) {
                continue;
            }
            if key.starts_with("category.") {
                known.categories.insert(text);
                continue;
            }
            let pieces = text.split(['{', '}']).step_by(2).map(str::trim);
            let long =
                pieces.filter(|piece| piece.chars().count() >= PIECE_CHARS && piece.contains(' '));
            known.pieces.extend(
                long.filter(|piece| !said.iter().any(|text| text.contains(piece)))
                    .map(str::to_owned),
            );
            if !text.contains('{') {
                known.texts.insert(text);
            }
        }
        assert!(known.texts.len() > 50 && known.pieces.len() > 20);
        known
    }

    /// Those that are on a page: as all the text of an element, as an attribute that is read, or within.
    fn in_page(&self, path: &str, html: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        let all = elements(html);
        let is_english = |text: &str| {
            self.texts.contains(text) || (path != CATEGORIES && self.categories.contains(text))
        };
        for one in &all {
            let shown = html[one.end..].split('<').next().unwrap_or_default();
            let mut read = vec![words(shown)];
            for name in [
                "placeholder",
                "title",
                "aria-label",
                "alt",
                "data-copy",
                "data-copied",
            ] {
                read.extend(one.get(name).map(|text| words(&text)));
            }
            // A script and what people wrote is what it is.
            let is_text =
                !["code", "pre", "script", "textarea", "option"].contains(&one.name.as_str());
            for text in read.iter().filter(|text| is_text && is_english(text)) {
                found.insert(text.clone());
            }
        }
        let page = words(html);
        found.extend(
            self.pieces
                .iter()
                .filter(|piece| page.contains(*piece))
                .cloned(),
        );
        found.into_iter().collect()
    }
}

fn flatten(prefix: &str, table: &toml::Table, all: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = match prefix {
            "" => name.clone(),
            prefix => format!("{prefix}.{name}"),
        };
        match value {
            toml::Value::Table(table) => flatten(&key, table, all),
            value => drop(all.insert(key, value.as_str().unwrap_or_default().to_owned())),
        }
    }
}

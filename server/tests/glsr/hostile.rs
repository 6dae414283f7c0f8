//! Hostile submissions: whatever is sent, by a form, as a file or to the API, is answered with a message or becomes a
//! page that does nothing; and what others see is as it was.

mod bodies;
mod cases;

use cases::{CASES, Case, HTML, Sent, TEMPLATE, Wanted};

use crate::common::*;
use crate::pages::{check_head, check_html};

/// A word of the pages of errors of a server that fell over.
const BROKEN: [&str; 3] = ["panicked", "SQLSTATE", "no such table"];

/// How something is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Form,
    File,
    Api,
}

/// Whoever submits, with what that takes.
struct Submitter {
    author: Client,
    token: String,
    /// Counts addresses: what one address may do in an hour is another test's.
    addresses: u32,
}

impl Submitter {
    fn new(site: &Site, alias: &str, addresses: u32) -> Submitter {
        site.establish(alias);
        let mut author = site.sign_in(alias);
        author.open("/submit");
        Submitter {
            author,
            token: site.token(alias, "submit"),
            addresses,
        }
    }

    /// Somebody at another address.
    fn moved(&mut self) -> Client {
        self.addresses += 1;
        self.author.clone().from(&format!(
            "10.1.{}.{}",
            self.addresses / 250,
            self.addresses % 250 + 1
        ))
    }

    fn submit(&mut self, way: Way, sent: &Sent) -> Page {
        let mut client = self.moved();
        if way == Way::Api {
            client.cookies.clear();
            let ask = Ask::with_body("POST", "/api/v1/scripts/", sent.json());
            let token = format!("Bearer {}", self.token);
            let ask = ask
                .field("Content-Type", "application/json")
                .field("Authorization", &token);
            return client.try_ask(ask);
        }
        let token = client.token.clone().unwrap();
        let mut parts: Vec<Part<'_>> = vec![
            ("csrf_token", None, token.as_bytes()),
            ("name", None, sent.name.as_bytes()),
        ];
        parts.extend(
            sent.fields
                .iter()
                .map(|(field, text)| (*field, None, text.as_bytes())),
        );
        match way {
            Way::File => parts.push((
                "file",
                Some(sent.file_name.as_str()),
                sent.source.as_slice(),
            )),
            _ => {
                parts.push(("file_name", None, sent.file_name.as_bytes()));
                parts.push(("source", None, sent.source.as_slice()));
            }
        }
        let (kind, body) = multipart(&parts);
        client.try_ask(Ask::post("/submit", &kind, body))
    }
}

/// The key of the draft that was made; None if it was refused, with a message that says why.
fn judged(what: &str, way: Way, page: &Page, wanted: Wanted) -> Option<i64> {
    for word in BROKEN {
        assert!(!page.body.contains(word), "{what}: {page:?}");
    }
    if way == Way::Api {
        let body = page.json();
        let taken = page.status == 201;
        if !taken {
            assert!([400, 413, 422].contains(&page.status), "{what}: {page:?}");
            assert!(
                !body["title"].as_str().unwrap().is_empty(),
                "{what}: {page:?}"
            );
        }
        if let (Wanted::Refused(field), 422) = (wanted, page.status) {
            let errors = body["errors"]
                .as_array()
                .map(Vec::as_slice)
                .unwrap_or_default();
            let is_named =
                |error: &serde_json::Value| error["field"] == field && error["detail"].is_string();
            assert!(errors.iter().any(is_named), "{what}: {page:?}");
        }
        return taken.then(|| {
            body["id"]
                .as_i64()
                .unwrap_or_else(|| panic!("{what}: {page:?}"))
        });
    }
    check_head(what, page);
    if page.status == 303 {
        let (_, id) = page.location().rsplit_once('/').unwrap();
        return Some(id.parse().unwrap_or_else(|_| panic!("{what}: {page:?}")));
    }
    // A field of a form that is no text is no form at all.
    assert!([400, 413, 422].contains(&page.status), "{what}: {page:?}");
    check_html(what, page, "en");
    if let (Wanted::Refused(field), 422) = (wanted, page.status) {
        // The text is in one of two fields.
        let named = if field == "source" && page.wrong().iter().any(|one| one == "file") {
            "file"
        } else {
            field
        };
        page.refuses(named);
    }
    None
}

/// Sends in a draft and has it approved. What its checks say is shown to its reviewer.
fn publish(
    what: &str,
    submitter: &mut Submitter,
    reviewer: &mut Client,
    token: &str,
    name: &str,
    draft: i64,
) {
    let path = format!("/scripts/{name}/edit/draft/{draft}");
    let mut author = submitter.moved();
    check_html(what, author.get(&path).is(200), "en");
    let page = author.post(&path, &[("act", "submit")]);
    assert_eq!(page.status, 303, "{what}: {page:?}");
    check_html(
        what,
        reviewer.get(&format!("/review/{draft}")).is(200),
        "en",
    );
    let path = format!("/api/v1/review/{draft}");
    let mut program = Client::at(&author.server);
    let read = program.api("GET", &path, token, &serde_json::Value::Null);
    let approve = serde_json::json!({ "decision": "approve", "seen": read.is(200).json()["seen"] });
    let page = program.api("POST", &path, token, &approve);
    assert_eq!(page.status, 200, "{what}: {page:?}");
}

/// The page, the raw text and the API of a script that was published.
fn check_published(what: &str, visitor: &mut Client, sent: &Sent, way: Way) {
    let name = &sent.name;
    let page = visitor.get(&format!("/scripts/{name}/"));
    check_head(what, page.is(200));
    check_html(what, &page, "en");
    assert!(
        !page.body.contains("<img src=x") && !page.body.contains("<iframe"),
        "{what}: {}",
        page.body
    );
    for link in page.resources() {
        // A link that was taken out leads to the page itself.
        let is_ours = link.is_empty()
            || link.starts_with(['/', '#', '?'])
            || link.starts_with("http://localhost/");
        assert!(is_ours || link.starts_with("https://"), "{what}: {link}");
    }
    if sent.get("title") == TEMPLATE || sent.get("title") == HTML {
        // As it was typed, to be read.
        page.reads(sent.get("title"));
    }
    for path in ["versions", "comments", "1"] {
        let page = visitor.get(&format!("/scripts/{name}/{path}"));
        check_html(&format!("{what}: {path}"), page.is(200), "en");
    }
    let raw = visitor.get(&format!("/s/{name}/1"));
    raw.is(200)
        .says("content-type", "text/plain; charset=utf-8");
    if way != Way::Form {
        assert!(raw.body.as_bytes() == sent.source, "{what}: {raw:?}");
    }
    let told = visitor
        .get(&format!("/api/v1/scripts/{name}/"))
        .is(200)
        .json();
    assert_eq!(told["name"], name.as_str(), "{what}");
}

/// What everybody sees is still there, and well-formed.
fn check_site(visitor: &mut Client, names: &[String]) {
    for page in 1..=10 {
        let path = format!("/browse/?sort=new&page={page}");
        let list = visitor.get(&path);
        if list.status != 404 {
            check_html(&path, list.is(200), "en");
        }
    }
    for path in ["/", "/search?q=echo", "/tags", "/authors/author", "/log"] {
        check_html(path, visitor.get(path).is(200), "en");
    }
    for path in [
        "/feeds/site.atom",
        "/feeds/author/author.atom",
        "/sitemap.xml",
    ] {
        let feed = visitor.get(path);
        assert_xml(path, &feed.is(200).body);
    }
    let mut next = "/api/v1/scripts/?limit=100".to_owned();
    let mut listed = Vec::new();
    while !next.is_empty() {
        let list = visitor.get(&next).is(200).json();
        let items = list["items"].as_array().unwrap();
        listed.extend(
            items
                .iter()
                .map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        let cursor = list["next"]
            .as_str()
            .map(|cursor| format!("/api/v1/scripts/?limit=100&cursor={cursor}"));
        next = cursor.unwrap_or_default();
    }
    for name in names {
        assert!(listed.contains(name), "{name} is not in {listed:?}");
    }
}

fn each_by(site: &Site, way: Way) {
    // Two: what one account may do in an hour is another test's, too.
    let mut submitters = [
        Submitter::new(site, "author", 0),
        Submitter::new(site, "other", 1_000),
    ];
    let mut reviewer = site.as_reviewer();
    let token = site.token("reviewer", "review");
    let mut visitor = site.anyone();
    let mut names = Vec::new();
    for (number, (what, spoil, wanted)) in CASES.iter().enumerate() {
        let (what, case): (String, &Case) = (format!("{what} ({way:?})"), &CASES[number]);
        let mut sent = Sent::good(&format!("hostile-{number}"));
        spoil(&mut sent);
        let submitter = &mut submitters[number % 2];
        let page = submitter.submit(way, &sent);
        let draft = judged(&what, way, &page, *wanted);
        match case.2 {
            Wanted::Taken => assert!(draft.is_some(), "{what} was refused: {page:?}"),
            Wanted::Refused(_) => assert!(draft.is_none(), "{what} was taken: {page:?}"),
            Wanted::Either => {}
        }
        let Some(draft) = draft else { continue };
        publish(&what, submitter, &mut reviewer, &token, &sent.name, draft);
        check_published(&what, &mut visitor, &sent, way);
        names.push(sent.name);
    }
    assert!(names.len() > 12);
    check_site(&mut visitor, &names);
    check_html("the queue", reviewer.get("/review/").is(200), "en");
    assert!(!cases::mark().exists());
}

on_each! {
    fn by_form(site: &Site) {
        each_by(site, Way::Form);
    }

    fn by_file(site: &Site) {
        each_by(site, Way::File);
    }

    fn by_api(site: &Site) {
        each_by(site, Way::Api);
    }
}

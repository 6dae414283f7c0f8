//! What is tried against sessions and forms, through the real binary: each with the refusal that
//! it meets. Passwords that are guessed are in `logins.rs`.

mod common;

use common::Server;
use common::ask::Ask;
use common::browser::Browser;
use common::sites::{own, serve, write};
use tempfile::TempDir;

const FORM: &str = "application/x-www-form-urlencoded";
const SIGN_IN: &str = "/sign?name=ann&password=secret";

/// A server on a copy of the fixture, with a database of its own.
fn start() -> (TempDir, Server) {
    start_with("")
}

/// The same with more in its `site.toml`.
fn start_with(more: &str) -> (TempDir, Server) {
    let site = own("keeping");
    write(
        site.path(),
        "site.toml",
        &format!("name = \"keeping\"\n{more}"),
    );
    let server = serve(&[site.path()], &[]);
    (site, server)
}

fn post(path: &str) -> Ask {
    Ask::post(path, "text/plain", "")
}

/// A visitor whose session counts 1, with its token.
fn visitor(server: &Server) -> Browser {
    let mut visitor = Browser::default();
    assert_eq!(visitor.ask(server, post("/count")).told(), (200, "1"));
    visitor.form(server);
    visitor
}

/// Ann signs up; nobody is signed in.
fn sign_up(server: &Server) {
    let up = Ask::new("PUT", SIGN_IN).to(server);
    assert_eq!(up.told(), (200, "welcome"));
}

fn count(browser: &Browser, server: &Server) -> String {
    browser.clone().ask(server, Ask::get("/count")).body
}

/// Cookies of which none is the session that it is made from.
fn misspelt(pair: &str) -> Vec<String> {
    let id = pair.strip_prefix("session=").unwrap();
    let cut = |len: usize| format!("session={}", &id[..len]);
    // The last character holds 4 bits of the id and 2 that must be 0: decoders that do not look take
    // four texts for the same id.
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = letters.find(&id[42..]).unwrap();
    let trailing = (1..4).map(|bits| format!("{}{}", cut(42), &letters[last + bits..][..1]));
    let alphabet = ['+', '/', '!', '%', ' ', '.', '\t', 'é']
        .map(|letter| format!("session={letter}{}", &id[letter.len_utf8()..]));
    let others = [
        "session".to_owned(),
        "session=".to_owned(),
        cut(1),
        cut(42),
        format!("{pair}="),
        format!("{pair}A"),
        format!("{pair}{id}"),
        format!("session=\"{id}\""),
        format!("session=%{:02x}{}", id.as_bytes()[0], &id[1..]),
        format!("SESSION={id}"),
        format!("xsession={id}"),
        format!("__Host-session={id}"),
        format!("__Secure-session={id}"),
        format!("session={}", "A".repeat(4096 - "session=".len())),
        format!("{pair}{}", "A".repeat(4096 - pair.len())),
        format!("{pair}; {pair}"),
        format!("session=; {pair}"),
        format!("{pair}; session"),
        vec![pair; 100].join("; "),
        format!("{}{pair}", "session=x; ".repeat(99)),
        format!("x={}; {pair}", "A".repeat(16 * 1024)),
    ];
    trailing.chain(alphabet).chain(others).collect()
}

#[test]
fn a_cookie_that_is_not_as_it_was_given_is_no_session() {
    let (_site, server) = start();
    let ann = visitor(&server);
    let pair = ann.cookie.clone().unwrap();
    for cookie in misspelt(&pair) {
        let mut eve = Browser::with(&cookie);
        let looked = eve.ask(&server, Ask::get("/count"));
        assert_eq!(looked.told(), (200, "0"), "{cookie:.80}");
        assert_eq!(looked.header("set-cookie"), None, "{cookie:.80}");
    }
    let twice = Ask::get("/count")
        .field("Cookie", &pair)
        .field("Cookie", &pair);
    assert_eq!(twice.to(&server).body, "0");
    // More than a head may have.
    let huge = Browser::with(&format!("{pair}; x={}", "A".repeat(40_000)));
    assert_eq!(huge.clone().ask(&server, Ask::get("/count")).status, 431);
    let lines = (0..100).fold(Ask::get("/count"), |ask, _| ask.field("Cookie", &pair));
    assert_eq!(lines.to(&server).status, 431);
    // It was none of theirs to spoil; others beside it do not matter.
    let others = "x=y; ".repeat(100);
    let mut ann = Browser::with(&format!("{others}{pair}; z"));
    assert_eq!(ann.ask(&server, Ask::get("/count")).body, "1");
}

#[test]
fn an_id_that_a_visitor_brings_is_never_taken() {
    let (_site, server) = start();
    let pair = visitor(&server).cookie.unwrap();
    // Of the right form: made up, and one that is not any more.
    let mut ended = visitor(&server);
    let ended_pair = ended.cookie.clone().unwrap();
    ended.ask(&server, Ask::new("DELETE", "/sign"));
    let reversed: String = pair["session=".len()..][..42].chars().rev().collect();
    let made_up = [
        format!("session={reversed}A"),
        format!("session={}", "A".repeat(43)),
        ended_pair,
    ];
    for cookie in made_up.into_iter().chain(misspelt(&pair)) {
        let mut eve = Browser::with(&cookie);
        let looked = eve.ask(&server, Ask::get("/count"));
        assert_eq!(
            (looked.told(), looked.header("set-cookie")),
            ((200, "0"), None)
        );
        let begun = eve.ask(&server, post("/count"));
        assert_eq!(begun.told(), (200, "1"), "{cookie:.80}");
        let given = eve.cookie.as_deref().unwrap();
        assert!(
            !cookie.contains(given) && given.len() == pair.len(),
            "{given}"
        );
        assert_eq!(count(&Browser::with(&cookie), &server), "0", "{cookie:.80}");
    }
}

#[test]
fn an_id_from_before_the_sign_in_is_nothing_after_it() {
    let (site, server) = start();
    sign_up(&server);
    // A session that somebody else made is planted; its owner knows its id and its tokens.
    let mut eve = visitor(&server);
    let mut ann = Browser::with(eve.cookie.as_deref().unwrap());
    ann.form(&server);
    let signed_in = ann.ask(&server, post(SIGN_IN));
    assert_eq!(signed_in.told(), (200, "in"));
    assert_eq!(signed_in.all("set-cookie").len(), 1);
    assert_ne!(ann.cookie, eve.cookie);
    assert_eq!(ann.ask(&server, Ask::get("/sign")).body, "ann 1 1");
    let planted = eve.cookie.clone();
    assert_eq!(eve.ask(&server, Ask::get("/sign")).body, " 0 0");
    assert_eq!(count(&eve, &server), "0");
    // What it writes goes into a session of its own, under another id.
    assert_eq!(eve.ask(&server, post("/count")).body, "1");
    assert!(eve.cookie != planted && eve.cookie != ann.cookie);
    assert_eq!(count(&ann, &server), "1");
    // The token of before is none of the new id's.
    assert_eq!(ann.ask(&server, post("/count")).status, 403);
    // A restart brings nothing back.
    drop(server);
    let server = serve(&[site.path()], &[]);
    let mut eve = Browser::with(planted.as_deref().unwrap());
    assert_eq!(eve.ask(&server, Ask::get("/sign")).body, " 0 0");
    assert_eq!(ann.ask(&server, Ask::get("/sign")).body, "ann 1 1");
}

#[test]
fn nothing_can_be_replayed_after_a_logout() {
    let (site, mut server) = start();
    sign_up(&server);
    let mut ann = visitor(&server);
    ann.ask(&server, post(SIGN_IN));
    ann.form(&server);
    let copy = ann.clone();
    let out = ann.ask(&server, Ask::new("DELETE", "/sign"));
    assert_eq!((out.told(), ann.cookie), ((200, "out"), None));
    let taken = out.header("set-cookie").unwrap();
    assert!(
        taken.starts_with("session=;") && taken.contains("Max-Age=0"),
        "{taken}"
    );
    for _ in 0..2 {
        let looked = copy.clone().ask(&server, Ask::get("/sign"));
        assert_eq!(looked.body, " 0 0");
        assert_eq!(count(&copy, &server), "0");
        assert!(copy.clone().form(&server).starts_with("nobody|"));
        // A post of before, as it was: it is a stranger's.
        let mut eve = copy.clone();
        assert_eq!(eve.ask(&server, post("/count")).told(), (200, "1"));
        assert_ne!(eve.cookie, copy.cookie);
        assert_eq!(eve.ask(&server, Ask::get("/sign")).body, " 0 0");
        assert_eq!(
            copy.clone().ask(&server, Ask::new("PATCH", "/sign")).body,
            "0"
        );
        drop(server);
        server = serve(&[site.path()], &[]);
    }
}

/// Fields that a browser sends for pages of others.
const FOREIGN: [&[(&str, &str)]; 14] = [
    &[("Origin", "http://evil.example")],
    &[("Origin", "http://localhost.evil.example")],
    &[("Origin", "http://evil.example/localhost")],
    &[("Origin", "http://localhost@evil.example")],
    &[("Origin", "http://localhost:81")],
    &[("Origin", "https://localhost")],
    &[("Origin", "localhost")],
    &[("Origin", "")],
    &[("Origin", "null")],
    &[
        ("Origin", "http://localhost"),
        ("Origin", "http://evil.example"),
    ],
    &[("Sec-Fetch-Site", "cross-site")],
    &[("Sec-Fetch-Site", "same-site")],
    &[
        ("Sec-Fetch-Site", "cross-site"),
        ("Origin", "http://localhost"),
    ],
    &[
        ("Sec-Fetch-Site", "same-origin"),
        ("Origin", "http://evil.example"),
    ],
];

fn with(ask: Ask, fields: &[(&str, &str)]) -> Ask {
    let add = |ask: Ask, (name, value): &(&str, &str)| ask.field(name, value);
    fields.iter().fold(ask, add)
}

#[test]
fn a_post_from_a_page_of_others_is_refused() {
    let (_site, server) = start();
    sign_up(&server);
    let mut ann = visitor(&server);
    for fields in FOREIGN {
        // Whoever has the token, whoever has not, and whoever has no session: nobody is logged in so.
        let mut tokenless = Browser::with(ann.cookie.as_deref().unwrap());
        for browser in [&mut ann, &mut tokenless, &mut Browser::default()] {
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                let refused = browser.ask(&server, with(Ask::new(method, SIGN_IN), fields));
                assert_eq!(refused.status, 403, "{method} {fields:?}");
                assert_eq!(refused.header("set-cookie"), None);
            }
        }
    }
    let own: [&[(&str, &str)]; 5] = [
        &[],
        &[("Origin", "http://localhost")],
        &[
            ("Origin", "http://localhost:80"),
            ("Sec-Fetch-Site", "same-origin"),
        ],
        &[("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none")],
    ];
    for (at, fields) in own.into_iter().enumerate() {
        let answer = ann.ask(&server, with(post("/count"), fields));
        assert_eq!(
            answer.told(),
            (200, (at + 2).to_string().as_str()),
            "{fields:?}"
        );
        let mut tokenless = Browser::with(ann.cookie.as_deref().unwrap());
        assert_eq!(
            tokenless.ask(&server, with(post("/count"), fields)).status,
            403
        );
    }
    // A module can say that it takes requests of others.
    let open = with(post("/notes?one=x"), FOREIGN[0]);
    assert_eq!(open.to(&server).status, 200);
}

#[test]
fn an_origin_that_is_named_needs_its_token_all_the_same() {
    let (_site, server) = start_with("origins = [\"https://app.example\"]\n");
    let mut ann = visitor(&server);
    let named = [
        ("Origin", "https://app.example"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    assert_eq!(
        ann.ask(&server, with(post("/count"), &named)).told(),
        (200, "2")
    );
    for fields in FOREIGN {
        assert_eq!(
            ann.ask(&server, with(post("/count"), fields)).status,
            403,
            "{fields:?}"
        );
    }
    ann.token = None;
    assert_eq!(ann.ask(&server, with(post("/count"), &named)).status, 403);
}

#[test]
fn a_token_of_others_or_in_another_place_is_none() {
    let (_site, server) = start();
    sign_up(&server);
    let (mut ann, bob) = (visitor(&server), visitor(&server));
    let before = ann.token.clone().unwrap();
    assert_eq!(ann.ask(&server, post(SIGN_IN)).told(), (200, "in"));
    ann.form(&server);
    let token = ann.token.take().unwrap();
    let cookie = ann.cookie.clone().unwrap();
    let flipped = format!(
        "{}{}",
        if token.starts_with('A') { "B" } else { "A" },
        &token[1..]
    );
    let wrong = [
        before,
        bob.token.unwrap(),
        flipped,
        token[..token.len() - 1].to_owned(),
        format!("{token}A"),
        format!("{token}{token}"),
        "A".repeat(token.len()),
        String::new(),
        cookie["session=".len()..].to_owned(),
    ];
    let form = |body: String| Ask::post("/count", FORM, body);
    let mut refused: Vec<Ask> = Vec::new();
    for wrong in wrong {
        refused.push(post("/count").field("X-CSRF-Token", &wrong));
        refused.push(form(format!("csrf_token={wrong}")));
    }
    let multipart = |disposition: &str| {
        let body = format!(
            "--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{token}\r\n--XX--\r\n"
        );
        Ask::post("/count", "multipart/form-data; boundary=XX", body)
    };
    refused.extend([
        post("/count"),
        post(&format!("/count?csrf_token={token}")),
        post(&format!("/count?x-csrf-token={token}")),
        post("/count").field("Cookie", &format!("csrf_token={token}")),
        post("/count").field("X-XSRF-Token", &token),
        post("/count").field("Authorization", &format!("Bearer {token}")),
        Ask::post("/count", "text/plain", format!("csrf_token={token}")),
        Ask::post(
            "/count",
            "application/json",
            format!("{{\"csrf_token\":\"{token}\"}}"),
        ),
        form(format!("CSRF_TOKEN={token}&csrf-token={token}")),
        form(format!("csrf_token=&csrf_token={token}")),
        form(format!("a={}&csrf_token={token}", "x".repeat(256 * 1024))),
        form(format!("csrf_token={token}")).field("X-CSRF-Token", "A"),
        multipart("name=\"csrf_token\"; filename=\"csrf_token\""),
        multipart("name=\"other\""),
    ]);
    for (at, ask) in refused.into_iter().enumerate() {
        let answer = ann.ask(&server, ask.clone());
        let told = format!("{at}: {:.200}", format!("{ask:?}"));
        assert_eq!(
            (answer.status, answer.header("set-cookie")),
            (403, None),
            "{told}"
        );
    }
    assert_eq!(count(&ann, &server), "1");
    let taken = [
        post("/count").field("X-CSRF-Token", &token),
        form(format!("a=b&csrf_token={token}")),
        multipart("name=\"csrf_token\""),
    ];
    for (at, ask) in taken.into_iter().enumerate() {
        let count = (at + 2).to_string();
        assert_eq!(ann.ask(&server, ask).told(), (200, count.as_str()));
    }
}

#[test]
fn a_method_is_the_one_of_the_request_line() {
    let (_site, server) = start();
    let ann = visitor(&server);
    let tokenless = Browser::with(ann.cookie.as_deref().unwrap());
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
    ] {
        let read = tokenless
            .clone()
            .ask(&server, Ask::get("/count").field(name, "DELETE"));
        assert_eq!(read.told(), (200, "1"), "{name}");
        // One that needs no token does not make the other one need none.
        let refused = tokenless
            .clone()
            .ask(&server, post("/count").field(name, "GET"));
        assert_eq!(refused.status, 403, "{name}");
    }
    let query = Ask::get("/count?_method=DELETE&method=DELETE");
    assert_eq!(tokenless.clone().ask(&server, query).told(), (200, "1"));
    for method in ["get", "Post", "GETX", "FOO"] {
        let refused = tokenless.clone().ask(&server, Ask::new(method, "/count"));
        assert!(
            (400..=501).contains(&refused.status),
            "{method}: {refused:?}"
        );
    }
    let form = Ask::post("/count", FORM, "_method=DELETE");
    assert_eq!(ann.clone().ask(&server, form).told(), (200, "2"));
    assert_eq!(count(&ann, &server), "2");
}

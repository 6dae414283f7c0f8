//! `harmonious routes` and `explain` through the real binary: they say what the server does.

mod common;

use std::collections::BTreeSet;

use common::ask::Ask;
use common::sites::{self, serve, succeed};
use serde_json::{Value, json};

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn json_of(args: &[&str]) -> Value {
    serde_json::from_str(&succeed(sites::run(args))).unwrap()
}

#[test]
fn routes_lists_every_url_with_methods_parents_and_guards() {
    let text = succeed(sites::run(&["routes", &fixture("inheritance")]));
    let line = |of: &str| {
        let found = text.lines().find(|line| line.contains(of));
        let words = found
            .unwrap_or_else(|| panic!("no {of} in\n{text}"))
            .split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        line("domains/a/b/leaf.rs"),
        "/leaf GET HEAD DELETE OPTIONS domains/a/b/leaf.rs _parent, a/_parent, a/b/_parent \
         _parent::guarded, a/_parent::guarded, a/b/_parent::guarded, a/b/leaf::guarded"
    );
    assert!(
        line("domains/secure/page.rs").contains("_auth, secure/_auth"),
        "{text}"
    );
    assert!(
        !text.lines().any(|line| line.trim_start().starts_with("/_")),
        "{text}"
    );

    let routes = json_of(&["routes", &fixture("domains"), "--json"]);
    let routes = routes.as_array().unwrap();
    let patterns: BTreeSet<&str> = routes
        .iter()
        .map(|route| route["pattern"].as_str().unwrap())
        .collect();
    for pattern in [
        "/",
        "/about",
        "/robots.txt",
        "/scripts/[slug]/[n=u64]",
        "/[...rest]",
    ] {
        assert!(patterns.contains(pattern), "{patterns:?}");
    }
    let raw = routes
        .iter()
        .find(|route| route["pattern"] == "/scripts/[slug]/raw")
        .unwrap();
    assert_eq!(raw["methods"], json!(["GET", "HEAD", "DELETE", "OPTIONS"]));
    assert_eq!(raw["source"], "domains/scripts/[slug]/raw.rs");
}

/// What `explain` says of a request.
fn explained(name: &str, method: &str, url: &str) -> Value {
    json_of(&["explain", &fixture(name), method, url, "--json"])
}

#[test]
fn explain_says_what_the_server_does() {
    let server = serve(&[&sites::built("domains")], &[]);
    for (method, path) in [
        ("GET", "/"),
        ("HEAD", "/scripts/chess/41"),
        ("POST", "/scripts/chess/raw"),
        ("OPTIONS", "/about"),
        ("GET", "/scripts"),
        ("POST", "/scripts/submit/"),
        ("GET", "//evil.com"),
        ("POST", "//evil.com"),
        ("GET", "/%2e%2e/"),
        ("GET", "/a%2fb"),
        ("GET", "/users/7/profile"),
        ("GET", "/caf%C3%A9"),
        ("GET", "/_member"),
        ("PUT", "/docs/"),
        ("BREW", "/"),
    ] {
        let said = explained("domains", method, path);
        let answer = Ask::new(method, path).to(&server);
        // What a rest declines, only its module knows.
        let status = match said["outcome"].as_str().unwrap().contains("unless") {
            true => 404,
            false => said["status"].as_u64().unwrap(),
        };
        assert_eq!(u64::from(answer.status), status, "{method} {path}: {said}");
        assert_eq!(
            answer.header("location"),
            said["location"].as_str(),
            "{method} {path}"
        );
        if answer.status == 405 || answer.status == 204 {
            assert_eq!(
                answer.header("allow"),
                said["allow"].as_str(),
                "{method} {path}"
            );
        }
        if let Some(domain) = answer.header("x-domain") {
            assert_eq!(said["domain"], domain, "{method} {path}");
        }
    }
}

#[test]
fn explain_tells_each_step_the_chain_and_where_pages_are_looked_for() {
    let url = "https://one.example/scripts/d%C3%A9j%C3%A0/41?x=1";
    let said = explained("domains", "GET", url);
    assert_eq!(said["params"], json!([["slug", "déjà"], ["n", "41"]]));
    assert_eq!(said["handler"], "scripts/[slug]/[n=u64]::show");
    let folders = ["domains/scripts/[slug]", "domains/scripts", "domains"];
    assert_eq!(said["template_folders"], json!(folders));
    assert!(said["steps"].as_array().unwrap().len() >= 3, "{said}");

    let text = succeed(sites::run(&[
        "explain",
        &fixture("errors"),
        "GET",
        "/shop/deep/none",
    ]));
    for part in [
        "404",
        "/shop/deep/",
        "domains/shop/_404.rs",
        "domains/_404.html",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    let chain = explained("inheritance", "GET", "/free/page")["chain"].clone();
    let chain: Vec<(&str, bool)> = chain
        .as_array()
        .unwrap()
        .iter()
        .map(|link| {
            (
                link["source"].as_str().unwrap(),
                link["guards_only"] == true,
            )
        })
        .collect();
    let expected = [
        ("domains/_parent.rs", true),
        ("domains/free/_parent.rs", true),
        ("domains/free/page.rs", false),
    ];
    assert_eq!(chain, expected);
}

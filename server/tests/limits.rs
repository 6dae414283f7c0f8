//! What may be done so often only, and by whom, through the real binary.

mod common;

use common::ask::Ask;
use common::sites::{own, serve, write};
use common::{Answer, Server};
use tempfile::TempDir;

fn start(more: &str) -> (TempDir, Server) {
    let site = own("soon");
    write(
        site.path(),
        "site.toml",
        &format!("name = \"soon\"\n{more}"),
    );
    let server = serve(&[site.path()], &[]);
    (site, server)
}

fn post(path: &str) -> Ask {
    Ask::post(path, "text/plain", "")
}

fn attempt(server: &Server, query: &str) -> Answer {
    post(&format!("/limit?{query}")).to(server)
}

#[test]
fn more_than_a_limit_allows_is_answered_429() {
    let (_site, server) = start("");
    for _ in 0..3 {
        assert_eq!(attempt(&server, "key=ann&count=3").told(), (200, "done"));
    }
    let refused = attempt(&server, "key=ann&count=3");
    assert_eq!(refused.status, 429);
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1200).contains(&seconds), "{refused:?}");
    // Others are not concerned, and all modules count together.
    assert_eq!(attempt(&server, "key=bob&count=3").told(), (200, "done"));
    assert_eq!(post("/other?key=ann").to(&server).status, 429);
    assert_eq!(post("/other?key=bob").to(&server).told(), (200, "done"));
    // A form may show it.
    let shown = attempt(&server, "key=ann&count=3&form");
    assert_eq!(shown.status, 200);
    let seconds = shown
        .body
        .strip_prefix("wait for ")
        .and_then(|rest| rest.strip_suffix(" s"));
    let seconds: u64 = seconds.expect("a time").parse().unwrap();
    assert!((1..=1200).contains(&seconds), "{shown:?}");
}

#[test]
fn a_limit_that_cannot_be_is_told_in_the_log() {
    let (_site, mut server) = start("");
    assert_eq!(attempt(&server, "key=ann&count=0").status, 500);
    server.line(|line| {
        line.contains("the limit \\\"tries\\\" wants a count")
            || line.contains("the limit \"tries\" wants a count")
    });
}

#[test]
fn whoever_changes_what_it_says_of_itself_stays_the_same() {
    let (_site, server) = start("");
    let from = |address: &str| {
        post("/limit?count=2")
            .field("X-Forwarded-For", address)
            .to(&server)
    };
    assert_eq!(from("192.0.2.1").status, 200);
    assert_eq!(from("192.0.2.2").status, 200);
    assert_eq!(from("192.0.2.3").status, 429);
}

#[test]
fn behind_a_proxy_visitors_are_told_apart() {
    // The proxy is in a network of several.
    let (_site, server) = start("proxies = [\"2001:db8::/32\", \"127.0.0.0/8\"]\n");
    let who = |address: &str| {
        Ask::get("/limit")
            .field("X-Forwarded-For", address)
            .to(&server)
            .body
    };
    for (said, meant) in [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:49152", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1:49152", "192.0.2.1"),
        ("203.0.113.9\r\nX-Forwarded-For: 192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        // All of whom the proxy does not say who they are count as one.
        ("unknown", "127.0.0.1"),
        ("192.0.2.1, ", "127.0.0.1"),
    ] {
        assert_eq!(who(said), meant, "{said}");
    }
    assert_eq!(Ask::get("/limit").to(&server).body, "127.0.0.1");
    let from = |address: &str| {
        post("/limit?count=2")
            .field("X-Forwarded-For", address)
            .to(&server)
    };
    for address in [
        "192.0.2.1:1",
        "192.0.2.1:2",
        "2001:db8::1",
        "[2001:db8::2]:3",
    ] {
        assert_eq!(from(address).status, 200, "{address}");
    }
    assert_eq!(from("192.0.2.1:3").status, 429);
    // One line of IPv6 has all addresses of its network.
    assert_eq!(from("2001:db8::3").status, 429);
    assert_eq!(from("2001:db8:0:1::1").status, 200);
}

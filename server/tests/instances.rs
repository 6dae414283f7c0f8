//! Values that sessions own in the memory of the server, through the real binary: whose they are, who has
//! them, what goes wrong with them. When they go, `leaving.rs` has.

mod common;

use std::collections::BTreeSet;

use common::counters::{Holding, Visitor, let_go, saved, start};
use common::sites::{folder, own, run, serve, write};
use common::{eventually, receive};

// ---- whose it is ----

#[test]
fn a_session_has_its_own_and_always_the_same() {
    let (_site, server) = start("");
    let (mut ann, mut bob) = (Visitor::default(), Visitor::default());
    for count in ["1", "2", "3"] {
        assert_eq!(ann.post(&server, "/counter").told(), (200, count));
    }
    assert_eq!(bob.post(&server, "/counter").told(), (200, "1"));
    assert_eq!(ann.post(&server, "/counter?name=b").told(), (200, "1"));
    // Another module means another value by that name, of a type of its own.
    assert_eq!(ann.post(&server, "/other?name=a").told(), (200, "101"));
    assert_eq!(ann.post(&server, "/counter").told(), (200, "4"));
    assert_eq!(ann.post(&server, "/other?name=a").told(), (200, "102"));
    // Who knows no session's id reaches none.
    let mut eve = Visitor {
        cookie: Some("session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
    };
    assert_eq!(eve.post(&server, "/counter").told(), (200, "1"));
    assert_eq!(bob.post(&server, "/counter").told(), (200, "2"));
}

#[test]
fn whoever_only_looks_makes_neither_a_value_nor_a_session() {
    let (_site, server) = start("instances = 1");
    let mut nobody = Visitor::default();
    let looked = nobody.get(&server, "/counter");
    assert_eq!(
        (looked.told(), looked.header("set-cookie")),
        ((200, "none"), None)
    );
    let mut ann = Visitor::with(&server, "a");
    assert_eq!(ann.get(&server, "/counter").told(), (200, "1"));
    assert_eq!(ann.get(&server, "/counter?name=b").told(), (200, "none"));
    assert_eq!(nobody.get(&server, "/counter").told(), (200, "none"));
    // Nothing had to go for those that nobody made.
    assert_eq!(ann.get(&server, "/counter").told(), (200, "1"));
    assert_eq!(saved(&server), "");
}

// ---- who has it ----

#[test]
fn many_requests_of_one_session_have_it_one_after_the_other() {
    const THREADS: usize = 8;
    const EACH: usize = 25;
    let (_site, server) = start("");
    let visitors = [Visitor::with(&server, "a"), Visitor::with(&server, "a")];
    let address = server.address.as_str();
    let ask = |visitor: &Visitor| {
        let answers = (0..EACH).map(|_| visitor.ask("POST", "/counter").at(address));
        let counts = answers.map(|answer| {
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.body.parse::<usize>().unwrap()
        });
        counts.collect::<Vec<usize>>()
    };
    for visitor in &visitors {
        let counts = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(|| ask(visitor))).collect();
            let counts = threads.into_iter().map(|thread| thread.join().unwrap());
            counts.collect::<Vec<_>>()
        });
        for own in &counts {
            assert!(own.is_sorted(), "a later request saw an earlier count");
        }
        let all: BTreeSet<usize> = counts.into_iter().flatten().collect();
        assert!(
            all.into_iter().eq(2..=1 + THREADS * EACH),
            "a count is lost"
        );
    }
}

#[test]
fn while_one_request_has_it_others_wait_or_hear_that_it_is_busy() {
    let (site, server) = start("");
    let mut ann = Visitor::with(&server, "a");
    let holding = Holding::begin(site.path(), &server, &ann, "a", "hold");
    assert_eq!(ann.act(&server, "a", "free").told(), (200, "busy"));
    // The others are not in its way: of this session, of this name.
    assert_eq!(ann.act(&server, "b", "free").told(), (200, "1"));
    assert_eq!(
        Visitor::default().act(&server, "a", "free").told(),
        (200, "1")
    );
    let waiting = ann.ask("POST", "/counter").sent_to(&server);
    assert_eq!(holding.end(site.path(), "a").told(), (200, "2"));
    assert_eq!(receive(waiting).told(), (200, "3"));
    assert_eq!(ann.act(&server, "a", "free").told(), (200, "4"));
}

#[test]
fn whoever_waits_too_long_is_told_when_to_come_again() {
    let (site, mut server) = start("");
    let mut ann = Visitor::with(&server, "a");
    let holding = Holding::begin(site.path(), &server, &ann, "a", "hold");
    let refused = ann.post(&server, "/counter");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    let line = server.line(|line| line.contains("status=503"));
    assert!(line.contains("\"a\"") && line.contains("counter"), "{line}");
    assert_eq!(holding.end(site.path(), "a").told(), (200, "2"));
    assert_eq!(ann.post(&server, "/counter").told(), (200, "3"));
}

#[test]
fn a_request_that_is_given_up_has_it_until_it_ends() {
    let site = own("instances");
    write(
        site.path(),
        "site.toml",
        "name = \"instances\"\n\n[limits]\ntime-limit = \"1s\"\n",
    );
    let server = serve(&[site.path()], &[]);
    let mut ann = Visitor::with(&server, "a");
    let holding = Holding::begin(site.path(), &server, &ann, "a", "hold");
    assert_eq!(receive(holding.0).status, 504);
    assert_eq!(ann.act(&server, "a", "free").told(), (200, "busy"));
    let_go(site.path(), "a");
    eventually("it is given back", || {
        ann.act(&server, "a", "free").told() == (200, "3")
    });
}

#[test]
fn one_request_cannot_have_it_twice() {
    let (_site, mut server) = start("");
    let mut ann = Visitor::with(&server, "a");
    assert_eq!(ann.act(&server, "a", "twice").status, 500);
    server.line(|line| line.contains("counter asks for the instance \"a\" while it has it"));
    assert_eq!(ann.post(&server, "/counter").told(), (200, "2"));
}

// ---- what goes wrong ----

#[test]
fn after_a_panic_it_begins_anew_and_nobody_hangs() {
    let (site, server) = start("");
    let mut ann = Visitor::with(&server, "a");
    let holding = Holding::begin(site.path(), &server, &ann, "a", "hold-and-panic");
    let waiting = ann.ask("POST", "/counter").sent_to(&server);
    assert_eq!(holding.end(site.path(), "a").status, 500);
    assert_eq!(receive(waiting).told(), (200, "1"));
    assert_eq!(ann.post(&server, "/counter").told(), (200, "2"));
    assert_eq!(saved(&server), "", "what is half changed is not saved");
}

#[test]
fn an_error_keeps_it() {
    let (_site, server) = start("");
    let mut ann = Visitor::with(&server, "a");
    assert_eq!(ann.act(&server, "a", "fail").status, 500);
    assert_eq!(ann.post(&server, "/counter").told(), (200, "3"));
}

#[test]
fn one_that_cannot_be_made_is_not_there() {
    let (_site, server) = start("instances = 1");
    let mut ann = Visitor::with(&server, "a");
    assert_eq!(ann.act(&server, "a", "discard").told(), (200, "discarded"));
    for (what, status) in [
        ("not-made", 404),
        ("perhaps-made", 200),
        ("make-panics", 500),
    ] {
        assert_eq!(ann.act(&server, "a", what).status, status, "{what}");
        assert_eq!(ann.get(&server, "/counter").told(), (200, "none"), "{what}");
    }
    assert_eq!(ann.post(&server, "/counter").told(), (200, "1"));
    // What a module never gives back is made anew, too.
    assert_eq!(ann.act(&server, "a", "forget").status, 200);
    assert_eq!(ann.post(&server, "/counter").told(), (200, "1"));
    assert_eq!(saved(&server), "");
}

#[test]
fn a_value_of_another_type_stays_where_it_is() {
    let (_site, mut server) = start("");
    let mut ann = Visitor::with(&server, "a");
    assert_eq!(ann.act(&server, "a", "stranger").status, 500);
    let line = server.line(|line| line.contains("the session's instance `a` is a"));
    assert!(
        line.contains("Counter") && line.contains("Stranger"),
        "{line}"
    );
    assert_eq!(ann.post(&server, "/counter").told(), (200, "2"));
}

#[test]
fn a_new_session_whose_page_fails_leaves_none() {
    let (_site, server) = start("instances = 1");
    let mut nobody = Visitor::default();
    let failed = nobody.act(&server, "a", "fail");
    assert_eq!((failed.status, failed.header("set-cookie")), (500, None));
    assert_eq!(saved(&server), "a 1: its session ended\n");
    Visitor::with(&server, "b");
    assert_eq!(
        saved(&server),
        "a 1: its session ended\n",
        "nothing was evicted"
    );
}

// ---- site.toml ----

#[test]
fn check_tells_what_is_wrong_with_the_bounds() {
    for (line, parts) in [
        (
            "instances = -1",
            ["sessions.instances", "a number from 0 to 1000000"],
        ),
        (
            "instances = \"many\"",
            ["sessions.instances", "a number from 0 to 1000000"],
        ),
        (
            "instances = 1000001",
            ["sessions.instances", "a number from 0 to 1000000"],
        ),
        (
            "instance-memory = 64",
            ["sessions.instance-memory", "a size such as \"256MiB\""],
        ),
        (
            "instance-memory = \"much\"",
            ["sessions.instance-memory", "a size such as \"256MiB\""],
        ),
        ("instance = 3", ["sessions.instance", "instances"]),
    ] {
        let toml = format!("[sessions]\n{line}\n");
        let site = folder(&[("domains/index.html", ""), ("site.toml", &toml)]);
        let output = run(&["check", site.path().to_str().unwrap()]);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).unwrap();
        assert_ne!(output.status.code(), Some(0), "{line}: {told}");
        for part in parts {
            assert!(told.contains(part), "{line}: no {part} in {told}");
        }
    }
}

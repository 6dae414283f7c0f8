//! Values that sessions own in the memory of the server go, through the real binary: with their sessions, for
//! room, with their modules and with the server, and are saved when they do. That they go when they are idle
//! or when their session expires takes the server a minute: `session/tests/instances.rs` has that.

mod common;

use common::ask::Ask;
use common::counters::{Holding, Visitor, let_go, saved, saved_set, start, until_held};
use common::sites::{Workshop, built, own, serve, write};
use common::{eventually, receive};
use harmonious_db::{Config, Database};
use rustix::process::Signal;
use tempfile::TempDir;

// ---- sessions end ----

#[test]
fn signing_out_saves_it_before_the_answer() {
    let (_site, server) = start("");
    let mut ann = Visitor::with(&server, "a");
    ann.post(&server, "/other?name=a");
    let mut bob = Visitor::with(&server, "b");
    ann.post(&server, "/counter");
    let kept = ann.clone();
    assert_eq!(ann.post(&server, "/sign?do=out").status, 200);
    assert_eq!(saved(&server), "a 2: its session ended\n");
    assert_eq!(ann.cookie, None);
    assert_eq!(ann.post(&server, "/counter").told(), (200, "1"));
    assert_eq!(kept.clone().get(&server, "/counter").told(), (200, "none"));
    assert_eq!(bob.post(&server, "/counter?name=b").told(), (200, "2"));
}

#[test]
fn signing_out_within_a_request_begins_a_new_one() {
    let (_site, server) = start("instances = 3");
    let mut ann = Visitor::with(&server, "a");
    let before = ann.cookie.clone();
    assert_eq!(ann.act(&server, "a", "then-out").told(), (200, "1"));
    assert_ne!(ann.cookie, before);
    assert_eq!(saved(&server), "a 2: its session ended\n");
    assert_eq!(ann.post(&server, "/counter").told(), (200, "2"));
    // Twice: also what the session between the two owned goes.
    assert_eq!(ann.act(&server, "a", "out-twice").told(), (200, "out"));
    assert_eq!(ann.cookie, None);
    let ended = ["a 1", "a 2", "a 2"].map(|one| format!("{one}: its session ended"));
    let mut all: Vec<String> = saved(&server).lines().map(str::to_owned).collect();
    all.sort();
    assert_eq!(all, ended);
}

#[test]
fn one_in_use_goes_when_it_is_given_back() {
    let (site, server) = start("");
    let ann = Visitor::with(&server, "a");
    let holding = Holding::begin(site.path(), &server, &ann, "a", "hold");
    assert_eq!(ann.clone().post(&server, "/sign?do=out").status, 200);
    assert_eq!(saved(&server), "");
    assert_eq!(holding.end(site.path(), "a").told(), (200, "2"));
    assert_eq!(saved(&server), "a 2: its session ended\n");
}

#[test]
fn none_is_made_for_a_session_that_ended_meanwhile() {
    for what in ["late", "late-and-only-looks"] {
        let (site, server) = start("");
        let ann = Visitor::with(&server, "a");
        let late = Holding::begin(site.path(), &server, &ann, "b", what);
        assert_eq!(ann.clone().post(&server, "/sign?do=out").status, 200);
        assert_eq!(late.end(site.path(), "b").status, 503, "{what}");
        assert_eq!(saved(&server), "a 1: its session ended\n", "{what}");
    }
}

#[test]
fn a_session_that_is_renewed_keeps_it() {
    let (_site, server) = start("");
    let mut ann = Visitor::with(&server, "a");
    for (path, count) in [("/sign?do=renew", "2"), ("/sign?do=in&user=ann", "3")] {
        let before = ann.cookie.clone();
        assert_eq!(ann.post(&server, path).status, 200);
        assert_ne!(ann.cookie, before);
        assert_eq!(ann.post(&server, "/counter").told(), (200, count), "{path}");
    }
    assert_eq!(saved(&server), "");
    // Nobody finds what another user of the same browser left.
    assert_eq!(ann.post(&server, "/sign?do=in&user=bob").status, 200);
    assert_eq!(saved(&server), "a 3: its session ended\n");
    assert_eq!(ann.post(&server, "/counter").told(), (200, "1"));
}

// ---- room ----

#[test]
fn the_least_used_go_where_there_are_too_many() {
    let (site, server) = start("instances = 2");
    let (mut ann, bob) = (Visitor::with(&server, "ann"), Visitor::with(&server, "bob"));
    assert_eq!(ann.act(&server, "ann", "").told(), (200, "2"));
    let cem = Visitor::with(&server, "cem");
    assert_eq!(saved(&server), "bob 1: others needed the room\n");
    assert_eq!(ann.act(&server, "ann", "").told(), (200, "3"));

    // Those in use stay, and if all are there is no room.
    let first = Holding::begin(site.path(), &server, &ann, "ann", "hold");
    let second = Holding::begin(site.path(), &server, &cem, "cem", "hold");
    let refused = bob.clone().act(&server, "bob", "");
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    assert_eq!(first.end(site.path(), "ann").told(), (200, "4"));
    assert_eq!(second.end(site.path(), "cem").told(), (200, "2"));
    assert_eq!(bob.clone().act(&server, "bob", "").told(), (200, "1"));
    assert_eq!(
        saved(&server),
        "bob 1: others needed the room\nann 4: others needed the room\n"
    );
}

#[test]
fn the_least_used_go_where_they_are_too_large() {
    let (site, server) = start("instance-memory = \"64KiB\"");
    let of = |name: &str| format!("/counter?name={name}&bytes=30000");
    let [mut ann, mut bob, mut cem] = std::array::from_fn(|_| Visitor::default());
    ann.post(&server, &of("ann"));
    bob.post(&server, &of("bob"));
    assert_eq!(saved(&server), "");
    cem.post(&server, &of("cem"));
    assert_eq!(saved(&server), "ann 1: others needed the room\n");

    // One in use stays, whatever the others need.
    let holding = Holding::begin(site.path(), &server, &bob, "bob", "hold");
    ann.post(&server, &of("ann"));
    assert_eq!(
        saved(&server),
        "ann 1: others needed the room\ncem 1: others needed the room\n"
    );
    assert_eq!(holding.end(site.path(), "bob").told(), (200, "2"));
    // What a module says of its size breaks no count.
    for visitor in [&mut ann, &mut bob] {
        visitor.post(
            &server,
            &format!("/counter?name=large&bytes={}", usize::MAX),
        );
    }
    Visitor::with(&server, "small").post(&server, "/counter?name=small");
    assert_eq!(saved(&server).lines().count(), 6);
}

#[test]
fn the_next_one_finds_what_the_last_one_saved() {
    let (site, server) = start("instances = 1");
    // Within one request, too.
    let mut ann = Visitor::default();
    assert_eq!(ann.act(&server, "a", "there-and-back").told(), (200, "2"));
    // While another request saves it, it is neither there nor made anew.
    let slow = ann.post(&server, "/counter?name=a&when_it_goes=slow");
    assert_eq!(slow.told(), (200, "3"));
    let evicts = Visitor::default()
        .ask("POST", "/counter?name=b")
        .sent_to(&server);
    until_held(site.path(), "save-a");
    assert_eq!(ann.get(&server, "/counter").told(), (200, "none"));
    assert_eq!(
        ann.act(&server, "a", "restored-if-free").told(),
        (200, "busy")
    );
    let waiting = ann.ask("POST", "/counter?do=restored").sent_to(&server);
    let_go(site.path(), "save-a");
    assert_eq!(receive(evicts).told(), (200, "1"));
    assert_eq!(receive(waiting).told(), (200, "4"));
}

// ---- saving ----

#[test]
fn one_that_cannot_be_saved_keeps_no_other_from_it() {
    let (_site, mut server) = start("");
    let mut ann = Visitor::default();
    for what in [
        "fail", "panic", "drop", "both", "bytes", "undone", "nothing",
    ] {
        let path = format!("/counter?name={what}&when_it_goes={what}");
        assert_eq!(ann.post(&server, &path).told(), (200, "1"));
    }
    server.line(|line| line.contains("its `bytes` panicked: no bytes on purpose"));
    assert_eq!(ann.post(&server, "/sign?do=out").status, 200);
    let all = saved_set(&server);
    let expected = ["drop", "nothing"].map(|name| format!("{name} 1: its session ended"));
    assert!(all.into_iter().eq(expected), "{}", saved(&server));
    let mut ends = [
        "was not saved: 500",
        "`save` panicked: no save on purpose",
        "`drop` panicked: no drop on purpose",
        "`save` panicked: no save on purpose",
        "`drop` panicked: no drop on purpose",
        "undone on purpose",
    ]
    .to_vec();
    while !ends.is_empty() {
        let line = server.line(|line| line.contains("Counter that goes (its session ended)"));
        let at = ends.iter().position(|end| line.contains(end));
        ends.remove(at.unwrap_or_else(|| panic!("{line} is none of {ends:?}")));
    }
}

#[test]
fn one_that_is_saved_belongs_to_no_request() {
    let (_site, mut server) = start("");
    for (what, why) in [
        ("session", "there is no session here"),
        ("instance", "there is no session here"),
        ("render", "\"render\" needs a request"),
        ("call", "\"call\" needs a request"),
    ] {
        let mut ann = Visitor::default();
        ann.post(
            &server,
            &format!("/counter?name={what}&when_it_goes={what}"),
        );
        assert_eq!(ann.post(&server, "/sign?do=out").status, 200, "{what}");
        let line = server.line(|line| line.contains("was not saved"));
        assert!(
            line.contains(why) && line.contains("module=\"counter\""),
            "{line}"
        );
    }
    assert_eq!(saved(&server), "");
    for what in ["look", "request"] {
        let mut ann = Visitor::default();
        ann.post(
            &server,
            &format!("/counter?name={what}&when_it_goes={what}"),
        );
        assert_eq!(ann.post(&server, "/sign?do=out").status, 200, "{what}");
    }
    assert_eq!(
        saved(&server),
        "look 1: its session ended\n 1: its session ended\n"
    );
}

#[test]
fn it_is_saved_after_the_transaction_of_the_request_that_evicts_it() {
    let (_site, server) = start("instances = 1");
    Visitor::with(&server, "ann");
    let answer = Visitor::default().act(&server, "bob", "in-transaction");
    assert_eq!(
        (answer.told(), answer.header("x-used")),
        ((200, "1"), Some("1"))
    );
    assert_eq!(saved(&server), "ann 1: others needed the room\n");
}

#[test]
fn the_server_saves_all_when_it_stops() {
    let (site, mut server) = start("");
    // More than are saved at the end of one request, and some that nobody needs any more.
    for session in 0..7 {
        let mut one = Visitor::default();
        one.post(&server, "/sign?do=in&user=ann");
        for number in 0..30 {
            let name = format!("{session}-{number}");
            assert_eq!(one.act(&server, &name, "").told(), (200, "1"));
        }
    }
    let mut other = Visitor::default();
    other.post(&server, "/sign?do=in&user=ann");
    let mut bob = Visitor::with(&server, "bob");
    assert_eq!(other.post(&server, "/sign?do=others").told(), (200, "7"));
    // Whoever signs out does not stand behind them.
    assert_eq!(bob.post(&server, "/sign?do=out").status, 200);
    assert!(saved(&server).contains("bob 1: its session ended"));
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0), "{:?}", server.log);
    let server = serve(&[site.path()], &[]);
    let all = saved_set(&server);
    assert_eq!(all.len(), 211);
    assert!(
        all.iter()
            .all(|line| line.ends_with(" 1: its session ended")),
        "{all:?}"
    );
}

#[test]
fn what_is_in_memory_when_the_server_stops_is_saved() {
    let (site, mut server) = start("");
    let mut ann = Visitor::with(&server, "a");
    ann.post(&server, "/counter?name=b&when_it_goes=panic");
    Visitor::with(&server, "c");
    server.signal(Signal::TERM);
    assert_eq!(server.ended().code(), Some(0), "{:?}", server.log);
    let server = serve(&[site.path()], &[]);
    let expected = ["a 1: the server stops", "c 1: the server stops"];
    assert!(
        saved_set(&server).into_iter().eq(expected),
        "{}",
        saved(&server)
    );
    // The session is there still; the value is not.
    assert_eq!(ann.post(&server, "/counter").told(), (200, "1"));
}

#[test]
fn a_site_whose_module_hangs_keeps_no_other_from_saving() {
    let sites = ["one", "two"].map(|host| {
        let site = own("instances");
        write(site.path(), "site.toml", &format!("hosts = [\"{host}\"]\n"));
        site
    });
    let [one, two] = sites.each_ref().map(TempDir::path);
    let mut server = serve(&[one, two], &[]);
    for (host, what) in [("one", "slow"), ("two", "nothing")] {
        let path = format!("/counter?name=a&when_it_goes={what}");
        let made = Ask::new("POST", &path).of(host).to(&server);
        assert_eq!(made.told(), (200, "1"));
    }
    server.signal(Signal::TERM);
    until_held(one, "save-a");
    let file = format!("sqlite:{}", two.join("data/site.db").display());
    let db = Database::open(&Config::new(file)).unwrap();
    eventually("the other one has saved", || {
        let saved = db.query("SELECT name FROM saved", &[]);
        saved.is_ok_and(|rows| rows.len() == 1)
    });
    let_go(one, "save-a");
    assert_eq!(server.ended().code(), Some(0), "{:?}", server.log);
}

// ---- modules change ----

#[test]
fn a_module_that_is_built_anew_begins_with_what_the_old_one_saved() {
    let shop = Workshop::of_site(&built("instances"));
    shop.build();
    let mut server = shop.start("serve", &[]);
    let [mut ann, mut bob] = [(); 2].map(|()| Visitor::with(&server, "a"));
    bob.act(&server, "b", "");
    ann.post(&server, "/counter?name=c");
    assert_eq!(ann.post(&server, "/other?name=a").told(), (200, "101"));
    let source = include_str!("fixtures/instances/domains/counter.rs");
    shop.write(
        "domains/counter.rs",
        &source.replace("counter.count += 1", "counter.count += 10"),
    );
    server.signal(Signal::HUP);
    server.line(|line| line.contains("read again"));

    // It goes when the new library is first asked for one.
    assert_eq!(saved(&server), "");
    assert_eq!(ann.get(&server, "/counter").told(), (200, "none"));
    assert_eq!(ann.act(&server, "a", "restored").told(), (200, "11"));
    let expected = ["a 1", "b 1", "c 1"].map(|one| format!("{one}: its module was replaced"));
    assert!(
        saved_set(&server).into_iter().eq(expected),
        "{}",
        saved(&server)
    );
    assert_eq!(bob.act(&server, "a", "").told(), (200, "10"));
    // A module that did not change keeps its own.
    assert_eq!(ann.post(&server, "/other?name=a").told(), (200, "102"));
    assert_eq!(saved(&server).lines().count(), 4);
}

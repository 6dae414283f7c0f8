//! Passwords that are guessed, through the real binary: who guesses must wait, who owns the account need
//! not.

mod common;

use std::time::{Duration, Instant};

use common::ask::Ask;
use common::kept::Kept;
use common::sites::{own, serve, write};
use common::{Answer, Server};
use harmonious_session::config::{
    LOGINS_PER_ACCOUNT, LOGINS_PER_ACCOUNT_EVERY, LOGINS_PER_ADDRESS, LOGINS_PER_ADDRESS_EVERY,
    LOGINS_PER_PAIR, LOGINS_PER_PAIR_EVERY,
};
use tempfile::TempDir;

const SIGN_IN: &str = "/sign?name=ann&password=secret";

/// A server on a copy of the fixture, with this in its `site.toml`; Ann has signed up.
fn start(more: &str) -> (TempDir, Server) {
    let site = own("keeping");
    write(
        site.path(),
        "site.toml",
        &format!("name = \"keeping\"\n{more}"),
    );
    let server = serve(&[site.path()], &[]);
    let up = Ask::new("PUT", SIGN_IN).to(&server);
    assert_eq!(up.told(), (200, "welcome"));
    (site, server)
}

fn post(path: &str) -> Ask {
    Ask::post(path, "text/plain", "")
}

/// Bad logins, one after the other, by their names and the addresses that a proxy says they come from.
struct Guesses {
    kept: Kept,
    began: Instant,
    looked_at: u64,
}

impl Guesses {
    fn at(server: &Server) -> Guesses {
        Guesses {
            kept: Kept::new(&server.address),
            began: Instant::now(),
            looked_at: 0,
        }
    }

    fn one(&mut self, name: &str, from: &str) -> Answer {
        let ask = post(&format!("/sign?name={name}&password=guess"));
        let answer = self.kept.ask(&ask.field("X-Forwarded-For", from)).unwrap();
        assert_eq!(answer.header("set-cookie"), None);
        match answer.status {
            403 => self.looked_at += 1,
            429 => {
                let seconds = answer.header("retry-after").map(str::parse::<u64>);
                assert!(matches!(seconds, Some(Ok(1..=3600))), "{answer:?}");
            }
            _ => panic!("{answer:?}"),
        }
        answer
    }

    /// So many were looked at, and what time has given back since.
    #[track_caller]
    fn assert_limit(&self, tries: u32, every: Duration) {
        let back = self.began.elapsed().as_secs() / every.as_secs();
        let allowed = u64::from(tries)..=u64::from(tries) + back;
        assert!(
            allowed.contains(&self.looked_at),
            "{} of {allowed:?}",
            self.looked_at
        );
    }
}

/// Behind a proxy on this machine.
const PROXIED: &str = "proxies = [\"127.0.0.1\"]\n";

#[test]
fn ten_thousand_bad_logins_are_few_hashes_and_hold_up_nobody_else() {
    let (_site, server) = start(PROXIED);
    let sign_in = |from: &str| post(SIGN_IN).field("X-Forwarded-For", from).to(&server);
    // Ann's own address, from which others cannot come.
    assert_eq!(sign_in("192.0.2.1").told(), (200, "in"));

    // One account from one address.
    let mut of_ann = Guesses::at(&server);
    for _ in 0..3_000 {
        of_ann.one("ann", "203.0.113.1");
    }
    of_ann.assert_limit(LOGINS_PER_PAIR, LOGINS_PER_PAIR_EVERY);
    assert_eq!(sign_in("203.0.113.1").status, 429, "the right password too");
    assert_eq!(sign_in("203.0.113.2").told(), (200, "in"));

    // Many accounts from one address, or from what one line of IPv6 has.
    let before = server.resident_kib();
    for net in ["203.0.113.3", "2001:db8::"] {
        let mut guesses = Guesses::at(&server);
        for at in 0..3_000 {
            let from = match net.strip_suffix("::") {
                Some(net) => format!("{net}:0:0:{at:x}::1"),
                None => net.to_owned(),
            };
            guesses.one(&format!("user-{at}"), &from);
        }
        guesses.assert_limit(LOGINS_PER_ADDRESS, LOGINS_PER_ADDRESS_EVERY);
    }

    // One account from many addresses: its owner still comes in, from where she was before.
    let mut guesses = of_ann;
    for at in 0..1_000 {
        guesses.one("ann", &format!("198.51.{}.{}", at / 250, at % 250));
    }
    guesses.assert_limit(LOGINS_PER_ACCOUNT, LOGINS_PER_ACCOUNT_EVERY);
    assert_eq!(sign_in("198.51.100.1").status, 429);
    assert_eq!(sign_in("192.0.2.1").told(), (200, "in"));
    let bob = Ask::new("PUT", "/sign?name=bob&password=secret").to(&server);
    assert_eq!(bob.told(), (200, "welcome"));
    let bob = post("/sign?name=bob&password=secret").field("X-Forwarded-For", "192.0.2.2");
    assert_eq!(bob.to(&server).told(), (200, "in"));
    // A hash takes 19 MiB, and two run at a time; of what was refused nothing is kept.
    let more = server.resident_kib().saturating_sub(before);
    assert!(more < 64 * 1024, "{more} KiB more");
}

#[test]
fn an_address_is_what_the_proxy_says_and_nobody_else() {
    // Without a proxy it is the one of the connection.
    let (_site, server) = start("");
    let mut guesses = Guesses::at(&server);
    for at in 0..30 {
        guesses.one("ann", &format!("203.0.113.{at}"));
    }
    guesses.assert_limit(LOGINS_PER_PAIR, LOGINS_PER_PAIR_EVERY);
    // Behind one it is what that one appends, to the line of the visitor or as a line of its own.
    let (_site, server) = start(PROXIED);
    let mut guesses = Guesses::at(&server);
    for at in 0..15 {
        guesses.one("ann", &format!("203.0.113.{at}, 192.0.2.1"));
        guesses.one(
            "ann",
            &format!("203.0.113.{at}\r\nX-Forwarded-For: 192.0.2.1"),
        );
    }
    guesses.assert_limit(LOGINS_PER_PAIR, LOGINS_PER_PAIR_EVERY);
}

#[test]
fn a_user_that_is_not_there_is_answered_like_a_wrong_password() {
    let (_site, server) = start(PROXIED);
    let mut guesses = Guesses::at(&server);
    for at in 0..LOGINS_PER_PAIR + 2 {
        let [wrong, unknown] = ["ann", "nobody"].map(|name| guesses.one(name, "203.0.113.1"));
        let status = if at < LOGINS_PER_PAIR { 403 } else { 429 };
        assert_eq!(wrong.status, status);
        assert_eq!(without_its_own(&wrong), without_its_own(&unknown));
    }
}

/// An answer without what differs from any other one: its number, and the time.
fn without_its_own(answer: &Answer) -> String {
    let is_own = |line: &&str| {
        let line = line.to_lowercase();
        let own = ["date:", "retry-after:", "x-request-id:"];
        own.iter().any(|field| line.starts_with(field))
    };
    let head: Vec<&str> = answer.head.lines().filter(|line| !is_own(line)).collect();
    let number = answer.header("x-request-id").unwrap();
    format!("{head:?}\n{}", answer.body.replace(number, ""))
}

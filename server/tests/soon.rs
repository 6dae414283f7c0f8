//! Writes that have time, through the real binary.
//!
//! On SQLite, and on the servers of `TEST_POSTGRES_URL` and `TEST_MYSQL_URL`; without them these are left out, and
//! say so.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};

use common::ask::Ask;
use common::sites::{own, serve, write};
use common::{Answer, Server, eventually};
use harmonious_db::{Backend, Config, Database};
use rustix::process::Signal;
use tempfile::TempDir;

/// A database that goes with the value.
struct Lent {
    admin: Database,
    name: String,
    url: String,
}

impl Lent {
    fn of(variable: &str) -> Option<Lent> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(variable) else {
            println!("left out: {variable} names no database");
            return None;
        };
        let number = LAST.fetch_add(1, Ordering::SeqCst);
        let name = format!("hmsoon_{}_{number}", std::process::id());
        let admin = Database::open(&Config::new(&server)).unwrap();
        admin
            .execute(&format!("CREATE DATABASE {name}"), &[])
            .unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        Some(Lent { admin, name, url })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let force = match self.admin.backend() {
            Backend::Postgres => " WITH (FORCE)",
            _ => "",
        };
        let _ = self
            .admin
            .execute(&format!("DROP DATABASE {}{force}", self.name), &[]);
    }
}

/// On each database that there is.
fn on_each(test: impl Fn(&TempDir)) {
    test(&own("soon"));
    for variable in ["TEST_POSTGRES_URL", "TEST_MYSQL_URL"] {
        let Some(lent) = Lent::of(variable) else {
            continue;
        };
        println!("on {variable}");
        let site = own("soon");
        write(
            site.path(),
            "secrets.toml",
            &format!("database-url = \"{}\"\n", lent.url),
        );
        test(&site);
    }
}

fn ask(server: &Server, method: &str, path: &str) -> Answer {
    Ask::new(method, path).to(server)
}

fn count(server: &Server, name: &str) -> String {
    ask(server, "GET", &format!("/count?name={name}")).body
}

/// A count that is written, and with it all that was handed over before.
fn begin(server: &Server, name: &str) {
    assert_eq!(
        ask(server, "PUT", &format!("/count?name={name}")).told(),
        (200, "noted")
    );
    eventually("the count", || count(server, name) == "11");
}

#[test]
fn what_is_handed_over_is_written_in_its_order() {
    on_each(|site| {
        let server = serve(&[site.path()], &[]);
        // Nought, one, ten, eleven.
        begin(&server, "a");
        for _ in 0..5 {
            assert_eq!(ask(&server, "POST", "/count?name=a").told(), (200, "noted"));
        }
        eventually("five more", || count(&server, "a") == "16");
    });
}

#[test]
fn a_server_that_stops_writes_what_waits() {
    on_each(|site| {
        let mut server = serve(&[site.path()], &[]);
        ask(&server, "PUT", "/count?name=a");
        ask(&server, "POST", "/count?name=a");
        server.signal(Signal::TERM);
        assert!(server.ended().success(), "{:?}", server.log);
        let server = serve(&[site.path()], &[]);
        assert_eq!(count(&server, "a"), "12");
    });
}

#[test]
fn a_key_has_its_effect_once_a_day() {
    let site = own("soon");
    let server = serve(&[site.path()], &[]);
    begin(&server, "a");
    for once in ["ann", "ann", "bob", "ann", "bob"] {
        let noted = ask(&server, "POST", &format!("/count?name=a&once={once}"));
        assert_eq!(noted.told(), (200, "noted"));
    }
    begin(&server, "after");
    assert_eq!(count(&server, "a"), "13");
}

#[test]
fn a_write_that_fails_is_told_and_spoils_no_other() {
    on_each(|site| {
        let mut server = serve(&[site.path()], &[]);
        begin(&server, "a");
        ask(&server, "POST", "/count?name=a");
        assert_eq!(ask(&server, "PUT", "/many").told(), (200, "noted"));
        ask(&server, "POST", "/count?name=a");
        // More than are looked for in one round.
        for _ in 0..20 {
            ask(&server, "PUT", "/many");
        }
        ask(&server, "POST", "/count?name=a");
        let told = server.line(|line| line.contains("is left out"));
        assert!(
            told.contains("INSERT INTO nowhere (name) VALUES (?)"),
            "{told}"
        );
        assert!(!told.contains("hidden"), "{told}");
        eventually("the others", || count(&server, "a") == "14");
    });
}

#[test]
fn within_a_transaction_it_is_a_part_of_that() {
    on_each(|site| {
        let server = serve(&[site.path()], &[]);
        begin(&server, "a");
        assert_eq!(ask(&server, "PATCH", "/count?name=a&undo").status, 409);
        assert_eq!(ask(&server, "PATCH", "/count?name=a").told(), (200, "12"));
        begin(&server, "after");
        assert_eq!(count(&server, "a"), "12");
    });
}

#[test]
fn where_too_much_waits_it_is_written_at_once() {
    on_each(|site| {
        let server = serve(&[site.path()], &[]);
        let flood = ask(&server, "POST", "/many?count=10050");
        assert_eq!(flood.status, 200);
        let there: u32 = flood.body.parse().unwrap();
        assert!((10_000..=10_050).contains(&there), "{there}");
        eventually("the rest", || ask(&server, "GET", "/many").body == "10050");
    });
}

#[test]
fn nobody_writes_soon_as_a_visitor() {
    let site = own("soon");
    let mut server = serve(&[site.path()], &[]);
    assert_eq!(ask(&server, "DELETE", "/many").status, 500);
    server.line(|line| line.contains("what is written soon is written as the site"));
}

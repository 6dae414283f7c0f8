//! Sessions, logins, forms and the database, through the real binary with a browser's cookies.

mod common;

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use common::ask::Ask;
use common::browser::Browser;
use common::sites::{own, run, serve, succeed, write};
use common::{Server, eventually, harmonious, output};
use harmonious_db::{Config, Database};
use rustix::process::Signal;
use tempfile::TempDir;

/// A server on a copy of the fixture, with a database of its own.
fn start() -> (TempDir, Server) {
    let site = own("keeping");
    let server = serve(&[site.path()], &[]);
    (site, server)
}

#[test]
fn a_session_begins_when_something_is_put_into_it_and_is_the_visitors_own() {
    let (_site, server) = start();
    let (mut ann, mut bob) = (Browser::default(), Browser::default());
    let looked = ann.ask(&server, Ask::get("/count"));
    assert_eq!(
        (looked.told(), looked.header("set-cookie")),
        ((200, "0"), None)
    );
    let first = ann.ask(&server, Ask::post("/count", "text/plain", ""));
    assert_eq!(first.header("cache-control"), Some("private, no-store"));
    let cookie = first.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(cookie.contains(part), "no {part} in {cookie}");
    }
    assert!(!cookie.contains("Secure"), "{cookie}");
    ann.form(&server);
    assert_eq!(
        ann.ask(&server, Ask::post("/count", "text/plain", "")).body,
        "2"
    );
    assert_eq!(
        bob.ask(&server, Ask::post("/count", "text/plain", "")).body,
        "1"
    );
    assert_eq!(ann.ask(&server, Ask::get("/count")).body, "2");
    assert_eq!(
        ann.ask(&server, Ask::new("DELETE", "/count")).body,
        "forgotten"
    );
    assert_eq!(ann.ask(&server, Ask::get("/count")).body, "0");
}

#[test]
fn what_was_acknowledged_is_there_after_a_restart_and_what_failed_is_not() {
    let (site, server) = start();
    let mut ann = Browser::default();
    ann.ask(&server, Ask::post("/count", "text/plain", ""));
    ann.form(&server);
    let failed = ann.ask(&server, Ask::post("/count?fail", "text/plain", ""));
    assert_eq!(failed.status, 500);
    drop(server);
    let server = serve(&[site.path()], &[]);
    assert_eq!(ann.ask(&server, Ask::get("/count")).body, "1");
}

#[test]
fn a_user_signs_up_in_and_out() {
    let (_site, server) = start();
    let mut ann = Browser::default();
    let up = || Ask::new("PUT", "/sign?name=ann&password=secret");
    assert_eq!(ann.ask(&server, up()).told(), (200, "welcome"));
    assert_eq!(ann.ask(&server, up()).status, 409);
    let wrong = ann.ask(
        &server,
        Ask::post("/sign?name=ann&password=guess", "text/plain", ""),
    );
    let nobody = ann.ask(
        &server,
        Ask::post("/sign?name=nobody&password=guess", "text/plain", ""),
    );
    assert_eq!((wrong.status, nobody.status), (403, 403));

    // What a visitor had stays.
    ann.ask(&server, Ask::post("/count", "text/plain", ""));
    ann.form(&server);
    let sign_in = || Ask::post("/sign?name=ann&password=secret", "text/plain", "");
    assert_eq!(ann.ask(&server, sign_in()).told(), (200, "in"));
    assert_eq!(ann.ask(&server, Ask::get("/count")).body, "1");
    let form = ann.form(&server);
    assert!(form.starts_with("ann|<input type=\"hidden\""), "{form}");
    assert!(form.contains("info: hello &lt;b&gt;;"), "{form}");
    assert!(
        !ann.form(&server).contains("hello"),
        "a flash is shown once"
    );

    let mut other = Browser::default();
    other.ask(&server, sign_in());
    assert_eq!(ann.ask(&server, Ask::get("/sign")).body, "ann 2 1");
    assert_eq!(ann.ask(&server, Ask::new("PATCH", "/sign")).body, "1");
    assert_eq!(other.ask(&server, Ask::get("/sign")).body, " 0 0");
    assert_eq!(ann.ask(&server, Ask::new("DELETE", "/sign")).body, "out");
    assert_eq!(ann.cookie, None);
}

#[test]
fn statements_rows_and_transactions() {
    let (_site, server) = start();
    let post = |path: &str| Ask::post(path, "text/plain", "").to(&server);
    let notes = || {
        let notes = Ask::get("/notes").to(&server).json();
        let texts = notes
            .as_array()
            .unwrap()
            .iter()
            .map(|note| note["text"].clone());
        texts.collect::<Vec<_>>()
    };
    assert_eq!(post("/notes?one=first").told(), (200, "1"));
    assert_eq!(post("/notes?one=second&two=third").told(), (200, "2"));
    // The second insert fails, or the module breaks: nothing of it is kept.
    assert_eq!(post("/notes?one=fourth&two=first").status, 500);
    assert_eq!(post("/notes?one=fifth&panic").status, 500);
    assert_eq!(notes(), ["first", "second", "third"]);
    assert_eq!(Ask::get("/notes?find=sec").to(&server).body, "[2]");
    assert_eq!(Ask::get("/notes?find=%22%27(*").to(&server).status, 200);
}

#[test]
fn a_session_may_be_used_first_within_a_transaction() {
    let (_site, server) = start();
    let noted = Ask::post("/notes?one=first&remember", "text/plain", "").to(&server);
    assert_eq!(noted.told(), (200, "1"));
    assert!(noted.header("set-cookie").is_some());
    // With the one connection that the transaction has, too.
    if let Some(database) = Postgres::new() {
        let site = site_at(&database.url, "connections = 1");
        let server = serve(&[site.path()], &[]);
        let mut ann = Browser::default();
        ann.ask(&server, Ask::post("/count", "text/plain", ""));
        let noted = ann.ask(
            &server,
            Ask::post("/notes?one=a&remember", "text/plain", ""),
        );
        assert_eq!(noted.told(), (200, "1"));
    }
}

#[test]
fn a_database_that_is_away_at_the_start_is_used_when_it_comes() {
    // Nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    let port = port.unwrap().port();
    let away = format!("postgres://site:pw@127.0.0.1:{port}/site");
    let database = Postgres::new();
    let at = |url: &str| match url.split_once("127.0.0.1") {
        // Through that port.
        Some((before, after)) => {
            let name = after.rsplit('/').next().unwrap();
            format!("{before}127.0.0.1:{port}/{name}")
        }
        None => away.clone(),
    };
    let url = database
        .as_ref()
        .map_or(away.clone(), |database| at(&database.url));
    let site = site_at(&url, "");
    let mut server = serve(&[site.path()], &[]);
    server.line(|line| line.contains("warning: the database of the site"));
    assert_eq!(Ask::get("/seal?text=a").to(&server).status, 200);
    let refused = Ask::get("/notes").to(&server);
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("1"))
    );
    let Some(database) = database.filter(|_| url != away) else {
        return;
    };
    forward(port, database.address());
    eventually("its migrations are applied", || {
        Ask::get("/notes").to(&server).told() == (200, "[]")
    });
}

#[test]
fn a_sealed_text_opens_here_only_and_as_it_was() {
    let (_site, server) = start();
    let sealed = Ask::get("/seal?text=secret").to(&server).body;
    assert!(!sealed.contains("secret"));
    let open = |sealed: &str| Ask::get(&format!("/seal?open={sealed}")).to(&server).body;
    assert_eq!(open(&sealed), "secret");
    let mut forged = sealed.into_bytes();
    let middle = forged.len() / 2;
    forged[middle] = if forged[middle] == b'A' { b'B' } else { b'A' };
    assert_eq!(open(&String::from_utf8(forged).unwrap()), "none");
}

#[test]
fn a_new_key_opens_what_older_ones_sealed() {
    let (site, server) = start();
    let dir = site.path().to_str().unwrap();
    let keys = |action: &str| succeed(run(&["keys", action, dir]));
    assert!(keys("status").starts_with("no key"), "{}", keys("status"));
    let seal = || Ask::get("/seal?text=secret").to(&server).body;
    let open = |sealed: &str| Ask::get(&format!("/seal?open={sealed}")).to(&server).body;
    let before = seal();
    assert!(keys("rotate").contains("there are 2"));
    server.signal(Signal::HUP);
    // The number of the key that sealed it is what it begins with.
    let key_of = |sealed: &str| sealed[..6].to_owned();
    eventually("another key seals", || key_of(&seal()) != key_of(&before));
    assert_eq!([open(&before), open(&seal())], ["secret", "secret"]);
}

#[test]
fn the_first_key_is_one() {
    let site = own("keeping");
    let dir = site.path().to_str().unwrap();
    let keys = |action: &str| succeed(run(&["keys", action, dir]));
    assert!(keys("rotate").contains("the first one is made"));
    assert!(keys("status").starts_with("1 key"));
    assert!(keys("rotate").contains("there are 2"));
}

#[test]
fn a_form_that_is_refused_says_why_in_the_log() {
    let (_site, mut server) = start();
    let mut ann = Browser::default();
    let post = || Ask::post("/count", "text/plain", "").of("www.example.org");
    let through_tls = || post().field("Origin", "https://www.example.org");
    assert_eq!(ann.ask(&server, through_tls()).status, 403);
    let line = server.line(|line| line.contains("cross-site request forgery"));
    for part in [
        "WARN",
        "module=\"count\"",
        "https://www.example.org",
        "http://www.example.org",
        "proxies",
        "secure = true",
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    assert_eq!(ann.ask(&server, post()).status, 200);
    assert_eq!(ann.ask(&server, post()).status, 403);
    let line = server.line(|line| line.contains("there is no csrf token"));
    assert!(line.contains("{{ csrf_field }}"), "{line}");
}

#[test]
fn behind_a_proxy_that_speaks_tls_forms_are_taken() {
    for settings in ["proxies = [\"127.0.0.1\"]", "[sessions]\nsecure = true"] {
        let site = own("keeping");
        write(site.path(), "site.toml", settings);
        let server = serve(&[site.path()], &[]);
        let form = Ask::post("/count", "text/plain", "").of("www.example.org");
        let form = form.field("Origin", "https://www.example.org");
        let answer = form.field("X-Forwarded-Proto", "https").to(&server);
        assert_eq!(answer.told(), (200, "1"), "{settings}");
        let cookie = answer.header("set-cookie").unwrap();
        assert!(cookie.contains("Secure"), "{cookie}");
    }
}

#[test]
fn a_password_that_is_too_long_is_told_to_the_visitor() {
    let (_site, server) = start();
    let long = "x".repeat(1025);
    let answer = Ask::new("PUT", &format!("/sign?name=ann&password={long}")).to(&server);
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("the password is too long"),
        "{answer:?}"
    );
}

#[test]
fn settings_that_are_read_at_the_start_are_told_to_have_changed() {
    let (site, mut server) = start();
    server.signal(Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert!(!server.log.iter().any(|line| line.contains("site.toml")));
    write(
        site.path(),
        "site.toml",
        "name = \"keeping\"\nproxies = []\n",
    );
    server.signal(Signal::HUP);
    let line = server.line(|line| line.contains("site.toml or secrets.toml changed"));
    assert!(line.contains("WARN"), "{line}");
}

#[test]
fn a_database_in_a_file_is_the_same_wherever_the_server_is_started() {
    let (site, elsewhere) = (own("keeping"), tempfile::tempdir().unwrap());
    write(
        site.path(),
        "site.toml",
        "[database]\nurl = \"sqlite:rel/mine.db\"\n",
    );
    let db = |action: &str| {
        let mut command = harmonious(&["db", action, site.path().to_str().unwrap()]);
        command.current_dir(elsewhere.path());
        succeed(output(command))
    };
    assert!(db("status").contains("rel/mine.db  (not made yet)\nV1__notes  pending"));
    assert!(!site.path().join("data").exists(), "it was looked at only");
    db("migrate");
    assert!(site.path().join("data/rel/mine.db").is_file());
    assert!(fs::read_dir(elsewhere.path()).unwrap().next().is_none());
}

#[test]
fn a_site_that_keeps_nothing_has_no_database() {
    let site = own("pages");
    let server = serve(&[site.path()], &[]);
    assert_eq!(
        Ask::post("/scripts/a/", "text/plain", "")
            .to(&server)
            .status,
        200
    );
    let foreign = Ask::post("/scripts/a/", "text/plain", "").field("Origin", "http://evil.example");
    assert_eq!(foreign.to(&server).status, 403);
    assert_eq!(Ask::get("/").to(&server).status, 200);
    assert!(!site.path().join("data").exists());
}

#[test]
fn the_database_from_the_command_line() {
    let site = own("keeping");
    let (dir, aside) = (site.path().to_str().unwrap(), tempfile::tempdir().unwrap());
    let db = |action: &str, more: &[&str]| run(&[&["db", action, dir], more].concat());
    assert_eq!(
        succeed(db("migrate", &[])),
        "applied V1__notes\napplied V2__users\n"
    );
    assert_eq!(succeed(db("migrate", &[])), "nothing to apply\n");
    let status = succeed(db("status", &[]));
    let file = site.path().canonicalize().unwrap().join("data/site.db");
    let expected = format!(
        "database    sqlite:{}\nV1__notes  applied, ",
        file.display()
    );
    assert!(status.starts_with(&expected), "{status}");

    let sql = "INSERT INTO notes (text) VALUES ('from the shell');\nSELECT id, text\nFROM notes;\n";
    let told = shell(dir, sql);
    assert!(told.ends_with("id  text\n1   from the shell\n"), "{told}");
    let file = aside.path().join("backup");
    let file = file.to_str().unwrap();
    succeed(db("backup", &[file]));
    let refused = db("restore", &[file]);
    assert_eq!(refused.status.code(), Some(1), "into one that is not empty");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("data/site.db-wal"), "{told}");
    fs::remove_dir_all(site.path().join("data")).unwrap();
    succeed(db("restore", &[file]));
    assert!(shell(dir, "SELECT text FROM notes;").contains("from the shell"));

    write(
        site.path(),
        "migrations/V1__notes.sql",
        "CREATE TABLE other (id INTEGER);",
    );
    let changed = db("status", &[]);
    assert_eq!(changed.status.code(), Some(1));
    let told = String::from_utf8(changed.stdout).unwrap();
    assert!(told.contains("V1__notes  CHANGED"), "{told}");
}

/// What the shell prints for these statements.
fn shell(dir: &str, sql: &str) -> String {
    let mut command = harmonious(&["db", "shell", dir]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(sql.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A database of its own on the server of `TEST_POSTGRES_URL`, which goes with the value.
struct Postgres {
    admin: Database,
    name: String,
    url: String,
}

impl Postgres {
    fn new() -> Option<Postgres> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            println!("left out in part: TEST_POSTGRES_URL names no database");
            return None;
        };
        let number = LAST.fetch_add(1, Ordering::SeqCst);
        let name = format!("hmkeeping_{}_{number}", std::process::id());
        let admin = Database::open(&Config::new(&server)).unwrap();
        admin
            .execute(&format!("CREATE DATABASE {name}"), &[])
            .unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        Some(Postgres { admin, name, url })
    }

    /// Host and port.
    fn address(&self) -> String {
        let place = self.url.rsplit_once('/').unwrap().0;
        let place = place.rsplit(['@', '/']).next().unwrap();
        match place.contains(':') {
            true => place.to_owned(),
            false => format!("{place}:5432"),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let _ = self.admin.execute(&drop, &[]);
    }
}

/// A copy of the fixture whose database is a PostgreSQL at that URL.
fn site_at(url: &str, lines: &str) -> TempDir {
    let site = own("keeping");
    let notes = "CREATE TABLE notes (id BIGSERIAL PRIMARY KEY, text VARCHAR(200) NOT NULL UNIQUE);";
    write(site.path(), "migrations/V1__notes.sql", notes);
    write(site.path(), "site.toml", &format!("[database]\n{lines}\n"));
    let secrets = format!("database-url = \"{url}\"\n");
    write(site.path(), "secrets.toml", &secrets);
    site
}

/// From now on the port leads there, as long as the test runs.
fn forward(port: u16, to: String) {
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    std::thread::spawn(move || {
        for inward in listener.incoming() {
            let (inward, outward) = (inward.unwrap(), TcpStream::connect(&to).unwrap());
            for (mut from, mut to) in [
                (inward.try_clone().unwrap(), outward.try_clone().unwrap()),
                (outward, inward),
            ] {
                std::thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
}

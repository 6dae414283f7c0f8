//! Connections under visitors' own credentials, through the real binary.
//!
//! The tests take the servers of `TEST_POSTGRES_URL` and `TEST_MYSQL_URL`, and make a database and users of
//! their own there; without them they are left out, and say so.

mod common;

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

use common::ask::Ask;
use common::counters::{let_go, until_held};
use common::sites::{own, serve, write};
use common::{Answer, Server, eventually, receive};
use harmonious_db::{Backend, Config, Database};
use tempfile::TempDir;

/// A visitor's browser, at an address of its own.
struct Visitor {
    server: String,
    cookie: Option<String>,
    token: Option<String>,
    address: String,
}

impl Visitor {
    fn new(server: &Server) -> Visitor {
        Visitor::at(&server.address)
    }

    fn at(server: &str) -> Visitor {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::SeqCst);
        Visitor {
            server: server.to_owned(),
            cookie: None,
            token: None,
            address: format!("192.0.2.{}", number % 250 + 1),
        }
    }

    fn ask(&mut self, ask: Ask) -> Answer {
        let answer = self.own(ask).at(&self.server);
        self.takes(answer)
    }

    fn own(&self, ask: Ask) -> Ask {
        let mut ask = ask.field("X-Forwarded-For", &self.address);
        if let Some(cookie) = &self.cookie {
            ask = ask.field("Cookie", cookie);
        }
        if let Some(token) = &self.token {
            ask = ask.field("X-CSRF-Token", token);
        }
        ask
    }

    fn takes(&mut self, answer: Answer) -> Answer {
        if let Some(set) = answer.header("set-cookie") {
            let pair = set.split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
            self.token = None;
            if self.cookie.is_some() {
                self.token = Some(self.ask(Ask::get("/token")).body);
            }
        }
        answer
    }

    fn sign_in(&mut self, user: &str, password: &str, query: &str) -> Answer {
        self.ask(Visitor::signing_in(user, password, query))
    }

    fn signing_in(user: &str, password: &str, query: &str) -> Ask {
        let body = format!("user={user}&password={password}");
        let path = format!("/forum/desk?{query}");
        Ask::post(&path, "application/x-www-form-urlencoded", body)
    }

    fn orders(&mut self) -> Answer {
        self.ask(Ask::get("/forum/desk"))
    }

    fn sign_out(&mut self) -> Answer {
        self.ask(Ask::new("DELETE", "/forum/desk"))
    }
}

/// The password of users that tests make.
const PASSWORD: &str = "correct-horse-battery";

/// A database of a server, with two users who each see their own orders. All of it goes with the value.
struct Desk {
    /// Of somebody who may do everything.
    admin: Database,
    db: Database,
    name: String,
    url: String,
    ann: String,
    bob: String,
}

impl Desk {
    /// On that server, or none if there is none.
    fn on(variable: &str) -> Option<Desk> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let Ok(server) = std::env::var(variable) else {
            println!("left out: {variable} names no database");
            return None;
        };
        let number = LAST.fetch_add(1, Ordering::SeqCst);
        let name = format!("hmdesk_{}_{number}", std::process::id());
        let admin = Database::open(&Config::new(&server)).unwrap();
        admin
            .execute(&format!("CREATE DATABASE {name}"), &[])
            .unwrap();
        let url = format!("{}/{name}", server.rsplit_once('/').unwrap().0);
        let db = Database::open(&Config::new(&url)).unwrap();
        let (ann, bob) = (format!("{name}_ann"), format!("{name}_bob"));
        let desk = Desk {
            admin,
            db,
            name,
            url,
            ann,
            bob,
        };
        match desk.db.backend() {
            Backend::Postgres => desk.fill_postgres(),
            _ => desk.fill_mysql(),
        }
        Some(desk)
    }

    /// Row-level security: one table, of which each role sees its own.
    fn fill_postgres(&self) {
        let Desk { ann, bob, .. } = self;
        let sql = format!(
            "CREATE TABLE orders (owner TEXT NOT NULL, n BIGINT NOT NULL);
             CREATE TABLE secrets (n BIGINT);
             INSERT INTO orders VALUES ('{ann}', 1), ('{ann}', 2), ('{bob}', 3);
             ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON orders USING (owner = CURRENT_USER);
             CREATE ROLE {ann} LOGIN PASSWORD '{PASSWORD}';
             CREATE ROLE {bob} LOGIN PASSWORD '{PASSWORD}';
             GRANT SELECT, INSERT ON orders TO {ann}, {bob};
             GRANT SELECT ON secrets TO {bob};"
        );
        self.db.script(&sql).unwrap();
    }

    /// A view of one's own rows, since there is no row-level security.
    fn fill_mysql(&self) {
        let Desk { ann, bob, name, .. } = self;
        let sql = format!(
            "CREATE TABLE all_orders (owner VARCHAR(80) NOT NULL, n BIGINT NOT NULL);
             CREATE TABLE secrets (n BIGINT);
             INSERT INTO all_orders VALUES ('{ann}', 1), ('{ann}', 2), ('{bob}', 3);
             CREATE VIEW orders AS SELECT owner, n FROM all_orders
               WHERE owner = SUBSTRING_INDEX(USER(), '@', 1);
             CREATE USER '{ann}'@'%' IDENTIFIED BY '{PASSWORD}';
             CREATE USER '{bob}'@'%' IDENTIFIED BY '{PASSWORD}';
             GRANT SELECT, INSERT ON {name}.orders TO '{ann}'@'%';
             GRANT SELECT, INSERT ON {name}.orders TO '{bob}'@'%';
             GRANT SELECT ON {name}.secrets TO '{bob}'@'%';"
        );
        self.db.script(&sql).unwrap();
    }

    /// A site whose database it is.
    fn site(&self, more: &str) -> TempDir {
        let site = own("databases");
        let text = format!(
            "proxies = [\"127.0.0.1\"]\n[sessions]\nstore = \"memory\"\n[database]\n{more}\n"
        );
        write(site.path(), "site.toml", &text);
        let secrets = format!("database-url = \"{}\"\n", self.url);
        write(site.path(), "secrets.toml", &secrets);
        site
    }

    /// How many connections the two have, as the server sees it.
    fn connections(&self) -> i64 {
        let list = match self.db.backend() {
            Backend::Postgres => "pg_stat_activity WHERE usename",
            _ => "information_schema.processlist WHERE user",
        };
        let sql = format!("SELECT count(*) AS n FROM {list} IN (?, ?)");
        let users = [self.ann.as_str().into(), self.bob.as_str().into()];
        let row = self.admin.query_one(&sql, &users).unwrap().unwrap();
        row.get("n").unwrap()
    }

    #[track_caller]
    fn has_connections(&self, count: i64) {
        eventually("so many connections", || self.connections() == count);
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.db.close();
        let drop = match self.admin.backend() {
            Backend::Postgres => format!("DROP DATABASE {} WITH (FORCE)", self.name),
            _ => format!("DROP DATABASE {}", self.name),
        };
        let _ = self.admin.execute(&drop, &[]);
        for user in [&self.ann, &self.bob] {
            let _ = self.admin.execute(&format!("DROP USER {user}"), &[]);
        }
    }
}

/// On both servers, as far as there are any.
fn on_servers(test: impl Fn(&Desk)) {
    for variable in ["TEST_POSTGRES_URL", "TEST_MYSQL_URL"] {
        if let Some(desk) = Desk::on(variable) {
            println!("on {variable}");
            test(&desk);
        }
    }
}

#[test]
fn each_visitor_sees_what_the_database_shows_to_them() {
    on_servers(|desk| {
        let site = desk.site("");
        let mut server = serve(&[site.path()], &[]);
        {
            let (mut ann, mut bob) = (Visitor::new(&server), Visitor::new(&server));
            let mut nobody = Visitor::new(&server);
            assert_eq!(nobody.orders().status, 401);
            let kind =
                |v: &mut Visitor, more| v.ask(Ask::get(&format!("/forum/desk?kind{more}"))).body;
            assert_eq!(kind(&mut nobody, ""), "401 not-connected");
            assert_eq!(nobody.cookie, None, "to look makes no session");
            assert_eq!(ann.sign_in(&desk.ann, PASSWORD, "").told(), (200, "in"));
            assert_eq!(bob.sign_in(&desk.bob, PASSWORD, "").told(), (200, "in"));
            // The same page for both.
            assert_eq!(ann.orders().told(), (200, "[1,2]"));
            assert_eq!(bob.orders().told(), (200, "[3]"));
            assert_eq!(
                ann.ask(Ask::new("PUT", "/forum/desk")).told(),
                (200, "ordered")
            );
            assert_eq!(ann.orders().told(), (200, "[1,2,7]"));
            assert_eq!(bob.orders().told(), (200, "[3]"));
            assert_eq!(kind(&mut ann, "&secret"), "403 denied");
            assert_eq!(kind(&mut bob, "&secret"), "[]");
            desk.has_connections(2);

            let connected = |v: &mut Visitor| v.ask(Ask::get("/forum/desk?connected")).body;
            assert_eq!(
                (connected(&mut ann), connected(&mut nobody)),
                ("true".into(), "false".into())
            );
            let disconnect = |v: &mut Visitor| v.ask(Ask::new("PATCH", "/forum/desk")).body;
            assert_eq!(disconnect(&mut ann), "true");
            desk.has_connections(1);
            assert_eq!(disconnect(&mut ann), "false");
            assert_eq!(
                (connected(&mut ann), kind(&mut ann, "")),
                ("false".into(), "401 not-connected".into())
            );
            let cookie = bob.cookie.clone();
            assert_eq!(bob.sign_out().told(), (200, "out"));
            desk.has_connections(0);
            bob.cookie = cookie;
            assert_eq!(bob.orders().status, 401);
        }
        server.signal(rustix::process::Signal::TERM);
        server.ended();
        let shown = server.log.iter().find(|line| line.contains(PASSWORD));
        assert_eq!(shown, None, "a password is in the log");
    });
}

#[test]
fn a_search_finds_what_the_database_shows_to_the_visitor() {
    let Some(desk) = Desk::on("TEST_POSTGRES_URL") else {
        return;
    };
    let site = desk.site("");
    let server = serve(&[site.path()], &[]);
    let mut ann = Visitor::new(&server);
    ann.sign_in(&desk.ann, PASSWORD, "");
    let mut find = || ann.ask(Ask::get("/forum/desk?find=hmdesk"));
    assert_eq!(find().status, 403, "the index is a table too");
    let grant = format!("GRANT SELECT ON orders_search TO {}", desk.ann);
    desk.db.execute(&grant, &[]).unwrap();
    assert_eq!(find().told(), (200, "[1,2]"));
}

#[test]
fn whoever_knew_the_session_before_is_never_the_visitor() {
    on_servers(|desk| {
        let site = desk.site("");
        let server = serve(&[site.path()], &["--policy", "fixed:8"]);
        let mut ann = Visitor::new(&server);
        ann.ask(Ask::get("/forum/desk?plant&connected"));
        let (cookie, token) = (ann.cookie.clone(), ann.token.clone());
        let mut eve = Visitor {
            cookie,
            token,
            ..Visitor::new(&server)
        };
        let early = eve.own(Ask::get("/forum/desk?hold=early")).sent_to(&server);
        until_held(site.path(), "early");
        let signing_in = Visitor::signing_in(&desk.ann, PASSWORD, "keep&own&hold=in");
        let signing_in = ann.own(signing_in).sent_to(&server);
        until_held(site.path(), "in");
        assert_eq!(eve.orders().status, 401);
        let_go(site.path(), "in");
        let signed_in = ann.takes(receive(signing_in));
        assert_eq!(signed_in.told(), (200, "[1,2]"), "by the request itself");
        let_go(site.path(), "early");
        assert_eq!(receive(early).status, 401);
        assert_eq!(eve.orders().status, 401);
        assert_eq!(ann.orders().told(), (200, "[1,2]"));
    });
}

#[test]
fn fifty_visitors_at_once_and_none_is_left() {
    const VISITORS: usize = 50;
    on_servers(|desk| {
        let site = desk.site("");
        // A worker for each: the pool's own growth, and what it refuses meanwhile, is tested elsewhere.
        let server = serve(&[site.path()], &["--policy", "fixed:64"]);
        let together = Barrier::new(VISITORS + 1);
        std::thread::scope(|scope| {
            for number in 0..VISITORS {
                let (server, together) = (&server.address, &together);
                scope.spawn(move || {
                    let mut visitor = Visitor::at(server);
                    let (user, orders) = match number % 2 {
                        0 => (&desk.ann, "[1,2]"),
                        _ => (&desk.bob, "[3]"),
                    };
                    let signed_in = visitor.sign_in(user, PASSWORD, "");
                    together.wait();
                    together.wait(); // they are counted
                    assert_eq!(signed_in.told(), (200, "in"));
                    assert_eq!(visitor.orders().told(), (200, orders));
                    assert_eq!(visitor.sign_out().told(), (200, "out"));
                });
            }
            together.wait();
            let count = desk.connections();
            together.wait();
            assert_eq!(count, VISITORS as i64);
        });
        desk.has_connections(0);
    });
}

#[test]
fn a_wrong_password_opens_nothing_and_is_not_tried_for_ever() {
    on_servers(|desk| {
        let site = desk.site("");
        let server = serve(&[site.path()], &[]);
        let mut eve = Visitor::new(&server);
        assert_eq!(eve.sign_in(&desk.ann, "guess", "kind").body, "403 denied");
        assert_eq!(eve.sign_in(&desk.ann, "", "kind").body, "403 denied");
        assert_eq!(eve.sign_in("nobody%00", "guess", "kind").body, "403 denied");
        assert_eq!(eve.sign_in("nobody", "guess", "kind").body, "403 denied");
        assert_eq!(eve.cookie, None, "a guess makes no session");
        let refused = (0..10)
            .map(|_| eve.sign_in(&desk.ann, "guess", ""))
            .find(|answer| answer.status == 429)
            .expect("a 429 within ten guesses");
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=3600).contains(&seconds), "{seconds}");
        // The owner comes from elsewhere.
        let mut ann = Visitor::new(&server);
        assert_eq!(ann.sign_in(&desk.ann, PASSWORD, "").told(), (200, "in"));
        // What was open is closed by whoever signs in, also in vain.
        assert_eq!(ann.sign_in(&desk.bob, "guess", "").status, 403);
        desk.has_connections(0);
    });
}

#[test]
fn a_bound_on_the_connections_is_told_clearly() {
    on_servers(|desk| {
        let site = desk.site("user-connections = 2");
        let mut server = serve(&[site.path()], &[]);
        {
            let (mut ann, mut bob) = (Visitor::new(&server), Visitor::new(&server));
            let mut late = Visitor::new(&server);
            ann.sign_in(&desk.ann, PASSWORD, "");
            bob.sign_in(&desk.bob, PASSWORD, "");
            for _ in 0..8 {
                // It is no failed login either.
                let full = late.sign_in(&desk.ann, PASSWORD, "");
                assert_eq!((full.status, full.header("retry-after")), (503, Some("30")));
                assert!(full.body.contains("all places are taken"), "{full:?}");
            }
            desk.has_connections(2);
            bob.sign_out();
            assert_eq!(late.sign_in(&desk.ann, PASSWORD, "").told(), (200, "in"));
        }
        server.line(|line| line.contains("user-connections in [database] of site.toml"));
    });
}

#[test]
fn a_connection_ends_with_its_session_however_that_ends() {
    on_servers(|desk| {
        let site = desk.site("");
        let mut server = serve(&[site.path()], &[]);
        {
            // A page that broke keeps neither the session nor the connection.
            let mut ann = Visitor::new(&server);
            assert_eq!(ann.sign_in(&desk.ann, PASSWORD, "fail").status, 500);
            desk.has_connections(0);

            // Nor does one whose session ends within the request that makes it.
            assert_eq!(ann.sign_in(&desk.ann, PASSWORD, "leave").body, "left");
            desk.has_connections(0);

            // It stays when the id of its session changes, and is replaced by another one.
            ann.sign_in(&desk.ann, PASSWORD, "");
            let before = ann.cookie.clone();
            assert_eq!(ann.sign_in(&desk.ann, PASSWORD, "keep").status, 200);
            assert_ne!(ann.cookie, before, "a new id");
            desk.has_connections(1);
            assert_eq!(ann.orders().told(), (200, "[1,2]"));

            // Ended from another session of the user.
            let mut elsewhere = Visitor::new(&server);
            elsewhere.sign_in(&desk.ann, PASSWORD, "");
            desk.has_connections(2);
            let others = elsewhere.ask(Ask::new("PATCH", "/forum/desk?others"));
            assert_eq!(others.told(), (200, "1"));
            desk.has_connections(1);
            assert_eq!(ann.orders().status, 401);

            // One that the database ended is not opened again.
            if desk.db.backend() == Backend::Postgres {
                let end =
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ?";
                desk.admin.query(end, &[desk.ann.as_str().into()]).unwrap();
                desk.has_connections(0);
                assert_eq!(elsewhere.orders().status, 503);
                assert_eq!(elsewhere.orders().status, 401);
            }
            ann.sign_in(&desk.ann, PASSWORD, "");
        }
        // The server stops.
        server.signal(rustix::process::Signal::TERM);
        server.ended();
        desk.has_connections(0);
    });
}

#[test]
fn visitors_connect_to_the_database_of_a_domain_too() {
    on_servers(|desk| {
        let site = desk.site("");
        write(site.path(), "site.toml", "[sessions]\nstore = \"memory\"\n");
        let secrets = format!("forum = \"{}\"\n", desk.url);
        write(site.path(), "secrets.toml", &secrets);
        let declared = "[database]\nurl-secret = \"forum\"\n";
        write(site.path(), "domains/forum/domain.toml", declared);
        std::fs::remove_dir_all(site.path().join("domains/forum/_migrations")).unwrap();
        let mut server = serve(&[site.path()], &[]);
        {
            let mut ann = Visitor::new(&server);
            assert_eq!(
                ann.sign_in(&desk.ann, PASSWORD, "domain").told(),
                (200, "in")
            );
            assert_eq!(
                ann.ask(Ask::get("/forum/desk?domain")).told(),
                (200, "[1,2]")
            );
            // The site's own is another database, and has no users.
            assert_eq!(ann.orders().status, 401);
            assert_eq!(ann.sign_in("ann", "x", "kind").body, "500 no-users");
            assert_eq!(
                ann.sign_in(&desk.ann, PASSWORD, "domain").told(),
                (200, "in")
            );
            desk.has_connections(1);
        }
        // A declaration that is gone takes the connections with it.
        write(site.path(), "domains/forum/domain.toml", "");
        server.signal(rustix::process::Signal::HUP);
        server.line(|line| line.contains("read again"));
        desk.has_connections(0);
    });
}

//! The fixture `instances`: its counters, which sessions own, and the visitors who have them.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;

use tempfile::TempDir;

use super::ask::Ask;
use super::sites::{own, serve, write};
use super::{Answer, Server, eventually, receive};

/// Somebody with a browser, who keeps the cookie of the session.
#[derive(Clone, Default)]
pub struct Visitor {
    /// As it is sent.
    pub cookie: Option<String>,
}

impl Visitor {
    /// One who has a session, with a counter of that name that says 1.
    pub fn with(server: &Server, name: &str) -> Visitor {
        let mut visitor = Visitor::default();
        assert_eq!(
            visitor
                .post(server, &format!("/counter?name={name}"))
                .told(),
            (200, "1")
        );
        visitor
    }

    /// A GET.
    pub fn get(&mut self, server: &Server, path: &str) -> Answer {
        self.takes(self.ask("GET", path).to(server))
    }

    /// A POST.
    pub fn post(&mut self, server: &Server, path: &str) -> Answer {
        self.takes(self.ask("POST", path).to(server))
    }

    /// What the counter of that name does, in words of the fixture.
    pub fn act(&mut self, server: &Server, name: &str, what: &str) -> Answer {
        self.post(server, &format!("/counter?name={name}&do={what}"))
    }

    /// A request with the cookie.
    pub fn ask(&self, method: &str, path: &str) -> Ask {
        let ask = Ask::new(method, path);
        match &self.cookie {
            Some(cookie) => ask.field("Cookie", cookie),
            None => ask,
        }
    }

    /// Keeps the cookie of an answer.
    pub fn takes(&mut self, answer: Answer) -> Answer {
        if let Some(set) = answer.header("set-cookie") {
            let pair = set.split(';').next().unwrap();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        answer
    }
}

/// A server on a copy of the fixture, with these lines for its sessions.
pub fn start(sessions: &str) -> (TempDir, Server) {
    let site = own("instances");
    configure(site.path(), sessions);
    let server = serve(&[site.path()], &[]);
    (site, server)
}

fn configure(site: &Path, sessions: &str) {
    let toml = format!("name = \"instances\"\n\n[sessions]\n{sessions}\n");
    write(site, "site.toml", &toml);
}

/// What was saved, in order.
pub fn saved(server: &Server) -> String {
    Ask::get("/saved").to(server).body
}

/// The same, in no order.
pub fn saved_set(server: &Server) -> BTreeSet<String> {
    saved(server).lines().map(str::to_owned).collect()
}

/// A visitor's request that has the counter of that name until it is [`let_go`].
pub struct Holding(pub TcpStream);

impl Holding {
    /// Sends it, and waits until it has the counter.
    pub fn begin(
        site: &Path,
        server: &Server,
        visitor: &Visitor,
        name: &str,
        what: &str,
    ) -> Holding {
        let ask = visitor.ask("POST", &format!("/counter?name={name}&do={what}"));
        let sent = ask.sent_to(server);
        until_held(site, name);
        Holding(sent)
    }

    /// Lets it go on.
    pub fn end(self, site: &Path, name: &str) -> Answer {
        let_go(site, name);
        receive(self.0)
    }
}

/// Waits until a request has that counter, or a counter of that name is being saved.
pub fn until_held(site: &Path, name: &str) {
    let held = site.join(format!("data/held-{name}"));
    eventually("it has the counter", || held.exists());
}

/// Lets whoever waits go on.
pub fn let_go(site: &Path, name: &str) {
    write(site, &format!("data/go-{name}"), "");
}

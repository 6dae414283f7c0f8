//! [`Ask`]: a request of a test, put together and sent through the module's entries.

use harmonious_abi::{kind, method, returned};
use serde::Serialize;

use super::draft::COOKIE;
use super::instances;
use super::reply::Reply;
use super::services::Running;
use super::site::{Site, entries, handler};
use super::visitor::Visitor;
use crate::ffi::{self, Driven, Entry, Given, Taken, TakenBody, TakenFailure};

/// A request of a test; made by [`Site::get`], [`Visitor::get`] and their like.
///
/// ```
/// use harmonious::testing::Site;
///
/// let site = Site::new();
/// let reply = site.get("/scripts/chess/").param("slug", "chess").header("accept", "text/html").send();
/// ```
#[must_use = "it is sent by `send`"]
pub struct Ask<'s> {
    site: &'s Site,
    parts: Parts,
    error: Option<(u16, String)>,
    /// Whose cookies it has.
    visitor: Option<&'s Visitor<'s>>,
}

/// What the request is made of.
#[derive(Clone)]
pub(super) struct Parts {
    method: u32,
    path: String,
    query: String,
    rest: usize,
    params: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    body_in_file: bool,
    client: String,
}

impl Parts {
    pub fn new(method: u32, path: &str) -> Parts {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Parts {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            rest: 0,
            params: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            body_in_file: false,
            client: "127.0.0.1".to_owned(),
        }
    }

    pub fn with_header(mut self, name: &str, value: &str) -> Parts {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// The first field of that name, which is in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers_of(name).next()
    }

    /// The id of the session that it brings: none if there is no such cookie, or two.
    pub fn session_id(&self) -> Option<&str> {
        let pairs = self.headers_of("cookie").flat_map(|line| line.split(';'));
        let mut ids = pairs
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == COOKIE);
        match (ids.next(), ids.next()) {
            (Some((_, id)), None) => Some(id),
            _ => None,
        }
    }

    pub fn client(&self) -> &str {
        &self.client
    }

    /// All fields of that name, which is in small letters.
    pub fn headers_of(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.headers.iter().filter(move |(other, _)| other == name);
        fields.map(|(_, value)| value.as_str())
    }
}

impl<'s> Ask<'s> {
    pub(super) fn new(site: &'s Site, method: u32, path: &str) -> Ask<'s> {
        Ask {
            site,
            parts: Parts::new(method, path),
            error: None,
            visitor: None,
        }
    }

    pub(super) fn by(mut self, visitor: &'s Visitor<'s>) -> Ask<'s> {
        self.visitor = Some(visitor);
        self
    }

    /// With what stands in the place of a dynamic segment.
    ///
    /// ```
    /// harmonious::testing::Site::new().get("/users/7/").param("id", "7").send();
    /// ```
    pub fn param(mut self, name: &str, value: &str) -> Ask<'s> {
        self.parts.params.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Says that a `[...rest]` took the last `count` segments of the path.
    ///
    /// ```
    /// harmonious::testing::Site::new().get("/docs/old/page").rest(2).send();
    /// ```
    pub fn rest(mut self, count: usize) -> Ask<'s> {
        self.parts.rest = count;
        self
    }

    /// With a header field.
    ///
    /// ```
    /// harmonious::testing::Site::new().get("/").header("accept", "application/json").send();
    /// ```
    pub fn header(mut self, name: &str, value: &str) -> Ask<'s> {
        self.parts = self.parts.with_header(name, value);
        self
    }

    /// With a cookie.
    ///
    /// ```
    /// harmonious::testing::Site::new().get("/").cookie("who", "ann").send();
    /// ```
    pub fn cookie(self, name: &str, value: &str) -> Ask<'s> {
        let cookie = cookie::Cookie::new(name, value).encoded().to_string();
        self.header("cookie", &cookie)
    }

    /// From another address than this machine's.
    ///
    /// ```
    /// harmonious::testing::Site::new().get("/").client("192.0.2.1").send();
    /// ```
    pub fn client(mut self, address: &str) -> Ask<'s> {
        address.clone_into(&mut self.parts.client);
        self
    }

    /// With a form.
    ///
    /// ```
    /// harmonious::testing::Site::new().post("/").form(&[("name", "chess"), ("stars", "5")]).send();
    /// ```
    pub fn form(self, fields: &[(&str, &str)]) -> Ask<'s> {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(fields);
        self.body("application/x-www-form-urlencoded", text.finish())
    }

    /// With a form that has files: fields, and files as field, file name and content.
    ///
    /// ```
    /// let file = ("source", "chess.glsr", &b"print(1)"[..]);
    /// harmonious::testing::Site::new().post("/").upload(&[("name", "chess")], &[file]).send();
    /// ```
    pub fn upload(self, fields: &[(&str, &str)], files: &[(&str, &str, &[u8])]) -> Ask<'s> {
        const BOUNDARY: &str = "----harmonious-testing-boundary";
        let mut body = Vec::new();
        let mut part = |disposition: String, content: &[u8]| {
            let head =
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
            body.extend([head.as_bytes(), content, b"\r\n"].concat());
        };
        for (name, value) in fields {
            part(format!("name=\"{name}\""), value.as_bytes());
        }
        for (name, file_name, content) in files {
            part(
                format!("name=\"{name}\"; filename=\"{file_name}\""),
                content,
            );
        }
        body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
        self.body(&format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }

    /// With a JSON body.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// harmonious::testing::Site::new().post("/").json(&json!({ "stars": 5 })).send();
    /// ```
    ///
    /// # Panics
    /// If the value has no JSON form.
    pub fn json(self, value: &impl Serialize) -> Ask<'s> {
        let text = serde_json::to_vec(value).expect("a value that JSON has");
        self.body("application/json", text)
    }

    /// With any body.
    ///
    /// ```
    /// harmonious::testing::Site::new().post("/").body("text/plain", "hello").send();
    /// ```
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Ask<'s> {
        self.parts.body = bytes.into();
        self.header("content-type", content_type)
    }

    /// As if the body were so large that the server keeps it in a file.
    ///
    /// ```
    /// harmonious::testing::Site::new().post("/").body("text/plain", "hello").body_in_file().send();
    /// ```
    pub fn body_in_file(mut self) -> Ask<'s> {
        self.parts.body_in_file = true;
        self
    }

    /// Asks the module's `#[error_page]` to show an error.
    ///
    /// ```
    /// harmonious::testing::Site::new().get("/").show_error(404, "no such script").send();
    /// ```
    pub fn show_error(mut self, status: u16, title: &str) -> Ask<'s> {
        self.error = Some((status, title.to_owned()));
        self
    }

    /// Sends it: guards, `before`, the handler or the error page, `after`. Then the session is written,
    /// unless the status is 500 or above.
    ///
    /// ```standalone_crate
    /// assert_eq!(harmonious::testing::Site::new().get("/").send().status(), 404);
    /// ```
    pub fn send(&self) -> Reply {
        let parts = self.visitor.map(|visitor| visitor.sends(&self.parts));
        let parts = parts.as_ref().unwrap_or(&self.parts);
        let running = Running::new(self.site, parts);
        let (mut taken, declined) = self.answer(&running, parts);
        for after in entries(kind::AFTER) {
            let driven = run(&running, after, parts, b"", 0, Some(&taken));
            if driven.failure.is_some() {
                taken = of_failure(driven.failure);
            } else if let Some(mut changed) = driven.answer {
                if matches!(changed.body, TakenBody::Keep) {
                    changed.body = taken.body;
                }
                taken = changed;
            }
        }
        keep_session(&running, &mut taken);
        if self.parts.method == method::HEAD {
            taken.body = TakenBody::Empty;
        }
        let (mut log, mut statements) = running.into_seen();
        let (logged, ran) = instances::let_go(self.site);
        log.extend(logged);
        statements.extend(ran);
        let reply = Reply::new(taken, declined, log, statements);
        if let Some(visitor) = self.visitor {
            visitor.takes(&reply);
        }
        reply
    }

    /// The answer before any `after`, and whether the handler declined.
    fn answer(&self, running: &Running<'_>, parts: &Parts) -> (Taken, bool) {
        if let Some((status, title)) = &self.error {
            return (self.error_page(running, parts, *status, title), false);
        }
        for hook in entries(kind::GUARD)
            .into_iter()
            .chain(entries(kind::BEFORE))
        {
            let driven = run(running, hook, parts, b"", 0, None);
            if driven.code != returned::CONTINUE {
                return (
                    driven.answer.unwrap_or_else(|| of_failure(driven.failure)),
                    false,
                );
            }
        }
        let Some(handler) = handler(self.parts.method) else {
            let status = if entries(kind::HANDLER).is_empty() {
                404
            } else {
                405
            };
            return (of_status(status), false);
        };
        let driven = run(running, handler, parts, b"", 0, None);
        if driven.code == returned::DECLINED {
            return (of_status(404), true);
        }
        (
            driven.answer.unwrap_or_else(|| of_failure(driven.failure)),
            false,
        )
    }

    fn error_page(&self, running: &Running<'_>, parts: &Parts, status: u16, title: &str) -> Taken {
        #[derive(Serialize)]
        struct Shown<'a> {
            status: u16,
            title: &'a str,
        }
        let Some(page) = entries(kind::ERROR_PAGE).into_iter().next() else {
            return of_status(status);
        };
        let argument = rmp_serde::to_vec_named(&Shown { status, title }).unwrap_or_default();
        let driven = run(running, page, parts, &argument, status, None);
        match driven.answer {
            Some(answer) => Taken { status, ..answer },
            None => of_failure(driven.failure),
        }
    }
}

/// Writes the session and gives its cookie, as the server does before an answer goes out.
fn keep_session(running: &Running<'_>, taken: &mut Taken) {
    match running.finish(taken.status) {
        Ok(None) => {}
        Ok(Some(cookie)) => {
            let is_cached = |(name, _): &(String, _)| name.eq_ignore_ascii_case("cache-control");
            if !taken.headers.iter().any(is_cached) {
                let value = b"private, no-store".to_vec();
                taken.headers.push(("cache-control".to_owned(), value));
            }
            let field = ("set-cookie".to_owned(), cookie.into_bytes());
            taken.headers.push(field);
        }
        Err(error) => {
            *taken = of_failure(Some(TakenFailure {
                status: error.status(),
                detail: error.detail().to_owned(),
                ..TakenFailure::default()
            }));
        }
    }
}

/// One entry, as the server runs it.
pub(super) fn run(
    running: &Running<'_>,
    entry: &Entry,
    parts: &Parts,
    argument: &[u8],
    status: u16,
    answer: Option<&Taken>,
) -> Driven {
    let segments: Vec<&str> = parts
        .path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let given = Given {
        method: parts.method,
        status: u32::from(status),
        host: "localhost",
        path: &parts.path,
        query: &parts.query,
        rest_from: segments.len().saturating_sub(parts.rest),
        segments: &segments,
        params: &parts.params,
        headers: &parts.headers,
        body: &parts.body,
        body_in_file: parts.body_in_file,
        peer: &parts.client,
        argument,
        answer,
    };
    ffi::drive(entry, &given, running)
}

fn of_status(status: u16) -> Taken {
    Taken {
        status,
        ..Taken::default()
    }
}

/// As the server answers where there is no error page: the title, nothing of the detail.
fn of_failure(failure: Option<TakenFailure>) -> Taken {
    let failure = failure.unwrap_or_else(|| TakenFailure {
        status: 500,
        ..TakenFailure::default()
    });
    if !failure.detail.is_empty() {
        // Cargo shows it where the test fails.
        println!("{} {}: {}", failure.status, failure.title, failure.detail);
    }
    let body = TakenBody::Bytes(failure.title.into_bytes());
    Taken {
        status: failure.status,
        headers: failure.headers,
        body,
    }
}

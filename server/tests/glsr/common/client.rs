//! Visitors: they keep cookies, send the token that their last page had, and read forms as a browser does.

use std::collections::BTreeMap;
use std::net::TcpStream;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::binary::Answer;
use super::binary::ask::Ask;
use super::built::PASSWORD;
use super::html::{Element, Form, elements, unescaped, words};
use super::site::sh;

const URLENCODED: &str = "application/x-www-form-urlencoded";
/// What separates the parts of a form with files.
const BOUNDARY: &str = "----a-part-of-a-form";
/// Redirects in a row.
const REDIRECTS_MAX: usize = 5;

/// A part of a form with files: name, name of the file if it is one, bytes.
pub type Part<'p> = (&'p str, Option<&'p str>, &'p [u8]);

/// A visitor.
#[derive(Clone, Debug)]
pub struct Client {
    /// Of the server, `127.0.0.1:PORT`.
    pub server: String,
    pub cookies: BTreeMap<String, String>,
    /// The token of the last page that had one; sent with forms.
    pub token: Option<String>,
    /// Fields of each request.
    fields: Vec<(String, String)>,
}

impl Client {
    /// Of the server at that address, with no cookies.
    pub fn at(server: &str) -> Client {
        Client {
            server: server.to_owned(),
            cookies: BTreeMap::new(),
            token: None,
            fields: Vec::new(),
        }
    }

    /// The same visitor from another address, as the proxy of the site says: `10.0.0.7`.
    pub fn from(self, address: &str) -> Client {
        self.with("X-Forwarded-For", address)
    }

    /// The same visitor with a field in each request: `Accept-Language`.
    pub fn with(mut self, field: &str, value: &str) -> Client {
        self.fields.push((field.to_owned(), value.to_owned()));
        self
    }

    // ---- asking ----

    /// Sends a request as it is, with the visitor's cookies and fields and nothing else.
    #[track_caller]
    pub fn ask(&mut self, ask: Ask) -> Page {
        let shown = format!("{ask:.200?}");
        let page = self.try_ask(ask);
        assert!(page.status < 500, "{shown}\n{page:?}");
        page
    }

    /// The same, whatever the answer is.
    pub fn try_ask(&mut self, mut ask: Ask) -> Page {
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            ask = ask.field("Cookie", &pairs.join("; "));
        }
        for (name, value) in &self.fields {
            ask = ask.field(name, value);
        }
        let answer = ask.at(&self.server);
        for cookie in answer.all("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if name.ends_with("session") {
                self.token = None; // it belongs to the session that was
            }
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        let page = Page(answer);
        if let Some(token) = page.token() {
            self.token = Some(token);
        }
        page
    }

    /// `GET`; a redirect is answered as it is.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Page {
        self.ask(Ask::get(path))
    }

    /// `GET` of a page that is there, wherever redirects lead.
    #[track_caller]
    pub fn open(&mut self, path: &str) -> Page {
        // What stands behind `#` is the browser's.
        let asked = |path: &str| path.split('#').next().unwrap_or_default().to_owned();
        let mut page = self.get(&asked(path));
        for _ in 0..REDIRECTS_MAX {
            if !matches!(page.status, 301 | 302 | 303 | 307 | 308) {
                break;
            }
            let to = asked(page.location());
            page = self.get(&to);
        }
        page.is(200);
        page
    }

    /// `POST` of a form with these fields, and the token of the last page that had one; without one, of the page at
    /// this path or of `/`.
    #[track_caller]
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token_for(path);
        let mut all = vec![("csrf_token", token.as_str())];
        all.extend(fields);
        self.post_as_is(path, &all)
    }

    /// `POST` of a form with these fields alone.
    #[track_caller]
    pub fn post_as_is(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        self.ask(Ask::post(path, URLENCODED, encoded(fields)))
    }

    /// `POST` of a form with fields and files, and the token.
    #[track_caller]
    pub fn upload(&mut self, path: &str, parts: &[Part<'_>]) -> Page {
        let token = self.token_for(path);
        let mut all: Vec<Part<'_>> = vec![("csrf_token", None, token.as_bytes())];
        all.extend(parts);
        let (kind, body) = multipart(&all);
        self.ask(Ask::post(path, &kind, body))
    }

    /// The form of a page that goes to `action`, as it is filled there. [`Form::set`] fills it, [`Client::submit`]
    /// sends it.
    #[track_caller]
    pub fn form(&mut self, path: &str, action: &str) -> Form {
        self.open(path).form(action)
    }

    /// Sends a form as it is filled, as its page says: with files as `multipart/form-data`, a GET as a query.
    #[track_caller]
    pub fn submit(&mut self, form: &Form) -> Page {
        let fields: Vec<(&str, &str)> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        if form.method == "get" {
            return self.get(&format!("{}?{}", form.action, encoded(&fields)));
        }
        if !form.is_multipart {
            assert!(form.files.is_empty(), "{} takes no files", form.action);
            return self.post_as_is(&form.action, &fields);
        }
        let mut parts: Vec<Part<'_>> = fields
            .iter()
            .map(|(name, value)| (*name, None, value.as_bytes()))
            .collect();
        for (name, file_name, bytes) in &form.files {
            parts.push((name, Some(file_name), bytes));
        }
        let (kind, body) = multipart(&parts);
        self.ask(Ask::post(&form.action, &kind, body))
    }

    /// Goes where a 303 leads, to a page that is there.
    #[track_caller]
    pub fn follow(&mut self, page: &Page) -> Page {
        page.is(303);
        let to = page.location().to_owned();
        self.open(&to)
    }

    /// A request of a program: JSON, a token of the API, no cookies.
    #[track_caller]
    pub fn api(&mut self, method: &str, path: &str, token: &str, body: &serde_json::Value) -> Page {
        let text = match body.is_null() {
            true => String::new(),
            false => body.to_string(),
        };
        let mut ask = Ask::with_body(method, path, text);
        if !body.is_null() {
            ask = ask.field("Content-Type", "application/json");
        }
        if !token.is_empty() {
            ask = ask.field("Authorization", &format!("Bearer {token}"));
        }
        self.ask(ask)
    }

    #[track_caller]
    fn token_for(&mut self, path: &str) -> String {
        if self.token.is_none() {
            self.try_ask(Ask::get(path));
        }
        if self.token.is_none() {
            self.try_ask(Ask::get("/"));
        }
        self.token.clone().unwrap_or_default() // without a session none is needed
    }

    // ---- accounts ----

    /// Fills the form for a new account, the question answered by a shell, and sends it.
    #[track_caller]
    pub fn sign_up(&mut self, alias: &str) -> Page {
        let mut form = self.open("/sign-up").form("/sign-up");
        form.set("alias", alias)
            .set("password", PASSWORD)
            .set("again", PASSWORD);
        form.answer_captcha();
        self.submit(&form)
    }

    /// Signs in.
    #[track_caller]
    pub fn sign_in(&mut self, alias: &str, password: &str) {
        let mut form = self.open("/sign-in").form("/sign-in");
        form.set("alias", alias).set("password", password);
        let page = self.submit(&form);
        assert_eq!(page.status, 303, "{alias} cannot sign in: {page:?}");
    }

    /// Whether somebody is signed in, as the layout says.
    pub fn is_signed_in(&mut self) -> bool {
        self.open("/").body.contains("action=\"/sign-out\"")
    }
}

impl Ask {
    /// With any method, and a body.
    pub fn with_body(method: &str, path: &str, body: impl Into<Vec<u8>>) -> Ask {
        Ask::new(method, path).body(body)
    }
}

/// An answer, and what a test asks of it. Each of these panics with the whole of it.
#[derive(Debug)]
pub struct Page(pub Answer);

impl std::ops::Deref for Page {
    type Target = Answer;

    fn deref(&self) -> &Answer {
        &self.0
    }
}

impl Page {
    /// That is its status.
    #[track_caller]
    pub fn is(&self, status: u16) -> &Page {
        assert_eq!(self.status, status, "{self:#?}");
        self
    }

    /// That is in its body, as it stands there.
    #[track_caller]
    pub fn has(&self, needle: &str) -> &Page {
        assert!(self.body.contains(needle), "no {needle:?} in {}", self.body);
        self
    }

    /// All of these, in this order.
    #[track_caller]
    pub fn has_in_order(&self, needles: &[&str]) -> &Page {
        let mut rest = self.body.as_str();
        for needle in needles {
            let at = rest.find(needle);
            let at =
                at.unwrap_or_else(|| panic!("no {needle:?} after those before in {}", self.body));
            rest = &rest[at + needle.len()..];
        }
        self
    }

    /// That is not in its body.
    #[track_caller]
    pub fn lacks(&self, needle: &str) -> &Page {
        assert!(!self.body.contains(needle), "{needle:?} in {}", self.body);
        self
    }

    /// That is what a reader sees: the text without tags, blanks made one.
    #[track_caller]
    pub fn reads(&self, words: &str) -> &Page {
        assert!(
            self.words().contains(words),
            "no {words:?} in {}",
            self.words()
        );
        self
    }

    /// The text without tags.
    pub fn words(&self) -> String {
        words(&self.body)
    }

    /// A field of its head, with that value.
    #[track_caller]
    pub fn says(&self, field: &str, value: &str) -> &Page {
        assert_eq!(self.header(field), Some(value), "{field} of {self:#?}");
        self
    }

    /// Where a redirect leads: a path of the site.
    #[track_caller]
    pub fn location(&self) -> &str {
        let location = self
            .header("location")
            .unwrap_or_else(|| panic!("no redirect: {self:#?}"));
        assert!(location.starts_with('/'), "{location}");
        location
    }

    /// The messages that a redirect brought along.
    pub fn flashes(&self) -> Vec<String> {
        let all = elements(&self.body);
        let flashes = all
            .iter()
            .filter(|one| one.name == "p" && one.class("flash"));
        flashes
            .map(|one| words(self.body[one.end..].split("</p>").next().unwrap()))
            .collect()
    }

    /// What the page says is wrong with its fields: their names.
    pub fn wrong(&self) -> Vec<String> {
        let all = elements(&self.body);
        let wrong = all.iter().filter(|one| one.name == "p" && one.class("bad"));
        let ids = wrong.filter_map(|one| one.get("id"));
        ids.map(|id| id.trim_start_matches("e-").to_owned())
            .collect()
    }

    /// It is a 422 that names this field.
    #[track_caller]
    pub fn refuses(&self, field: &str) -> &Page {
        self.is(422);
        let is_named = self.wrong().iter().any(|one| one == field)
            || self.body.contains(&format!("href=\"#f-{field}\""));
        assert!(is_named, "nothing is said of {field}: {}", self.body);
        self
    }

    /// The form that goes to `action`, as it is filled.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        let forms = Form::all(&self.body);
        let found = forms.into_iter().find(|form| form.action == action);
        found.unwrap_or_else(|| panic!("no form to {action} in {}", self.body))
    }

    /// The form that has a button `act` of that value, as it is filled, with that button pressed.
    #[track_caller]
    pub fn pressing(&self, act: &str) -> Form {
        let button = format!("name=\"act\" value=\"{act}\"");
        let forms = Form::all(&self.body);
        let found = forms.into_iter().find(|form| form.inner.contains(&button));
        let mut form = found.unwrap_or_else(|| panic!("no button {act} in {}", self.body));
        form.set("act", act);
        form
    }

    /// Paths and addresses of its links.
    pub fn links(&self) -> Vec<String> {
        let all = elements(&self.body);
        all.iter()
            .filter(|one| one.name == "a")
            .filter_map(|one| one.get("href"))
            .collect()
    }

    /// Paths and addresses of all that it leads to or loads.
    pub fn resources(&self) -> Vec<String> {
        let all = elements(&self.body);
        let of = |one: &Element| one.get("href").or_else(|| one.get("src"));
        all.iter().filter_map(of).collect()
    }

    /// The token of its forms.
    pub fn token(&self) -> Option<String> {
        let (_, rest) = self.body.split_once("name=\"csrf_token\" value=\"")?;
        Some(unescaped(rest.split('"').next()?)).filter(|token| !token.is_empty())
    }
}

impl Form {
    /// Answers the question of its page: runs the line that is shown.
    #[track_caller]
    pub fn answer_captcha(&mut self) -> &mut Form {
        let (_, rest) = self
            .inner
            .split_once("<code>")
            .expect("a line for the shell");
        let line = unescaped(rest.split("</code>").next().unwrap());
        self.set("captcha", &sh(&line, b""))
    }
}

/// Fields as a form without files sends them.
pub fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}

/// The type and the body of a form with files.
pub fn multipart(parts: &[Part<'_>]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, file_name, bytes) in parts {
        body.extend(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"").bytes(),
        );
        if let Some(file_name) = file_name {
            let file_name = file_name
                .replace('"', "%22")
                .replace('\r', "%0D")
                .replace('\n', "%0A");
            body.extend(
                format!("; filename=\"{file_name}\"\r\nContent-Type: application/octet-stream")
                    .bytes(),
            );
        }
        body.extend(b"\r\n\r\n");
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{BOUNDARY}--\r\n").bytes());
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}

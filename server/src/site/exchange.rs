//! What the server keeps for one request: the services that its modules reach by messages, and what its
//! templates are told.

use std::cell::{Cell, OnceCell};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use harmonious_dispatcher::http::header::{
    CACHE_CONTROL, HOST, ORIGIN, SET_COOKIE, USER_AGENT, VARY,
};
use harmonious_dispatcher::http::{HeaderMap, HeaderValue, Method, StatusCode};
use harmonious_dispatcher::manifest::{Literal, Module};
use harmonious_dispatcher::{
    Caller, Exchange, Incoming, IncomingBody, LetGo, Outgoing, ServiceError,
};
use harmonious_session::{
    Client, CsrfRefusal, CsrfRequest, CsrfVerdict, Handle, Session, SessionError, Sessions,
};
use harmonious_templating::{Site, Speech};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::around::Around;
use super::database;
use super::fragments::Leases;
use super::keeping::Keeping;
use super::locales::TOLD;
use super::transactions::Transactions;
use super::visitors::Opened;
use super::{confined, instances, limits, logins, sessions, texts};
use crate::failure::Failure;

/// Bytes that a reply to a module has room for before it grows: a row of a table fits.
const REPLY_BYTES: usize = 512;
/// Characters of a header field that a message repeats.
const HEADER_SHOWN_CHARS: usize = 100;

/// One request of a site.
pub struct SiteExchange<'r> {
    pub(super) around: &'r Around,
    pub(super) keeping: &'r Keeping,
    /// The programs that its modules may run.
    programs: &'r [String],
    pub(super) incoming: &'r Incoming<'r>,
    leases: Leases,
    session: OnceCell<Session>,
    /// The session that it ended.
    ended: Cell<Option<Handle>>,
    /// Which connections of visitors were there before its session was read.
    seen: OnceCell<u64>,
    /// Asked for when something first depends on it.
    speech: OnceCell<Speech>,
    /// What it does belongs to no visitor.
    pub(super) is_outside: bool,
    pub(super) instance_leases: instances::Leases,
    pub(super) transactions: Transactions,
    pub(super) opened: Opened,
}

/// What stands for a request where there is none.
static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);
static NO_REQUEST: LazyLock<Incoming<'static>> = LazyLock::new(|| Incoming {
    method: &Method::GET,
    scheme: "",
    host: "",
    path: "",
    query: None,
    headers: &NO_HEADERS,
    peer: "",
    id: "",
    body: IncomingBody::Bytes(&[]),
});

#[derive(Deserialize)]
struct UrlFor<'a> {
    path: &'a str,
    values: Map<String, Value>,
}

impl<'r> SiteExchange<'r> {
    /// Of a request to that site.
    pub fn begin(
        around: &'r Around,
        keeping: &'r Keeping,
        programs: &'r [String],
        incoming: &'r Incoming<'r>,
    ) -> SiteExchange<'r> {
        SiteExchange {
            around,
            keeping,
            programs,
            incoming,
            leases: Leases::default(),
            session: OnceCell::new(),
            ended: Cell::new(None),
            seen: OnceCell::new(),
            speech: OnceCell::new(),
            is_outside: false,
            instance_leases: instances::Leases::default(),
            transactions: Transactions::default(),
            opened: Opened::default(),
        }
    }

    /// Of nobody's request: there is no session.
    pub fn outside(
        around: &'r Around,
        keeping: &'r Keeping,
        programs: &'r [String],
    ) -> SiteExchange<'r> {
        SiteExchange {
            is_outside: true,
            ..SiteExchange::begin(around, keeping, programs, &NO_REQUEST)
        }
    }

    /// The visitor's session. Its store is opened here, and asked when the session is used.
    pub(super) fn session(&self) -> Result<&Session, Refusal> {
        if let Some(session) = self.session.get() {
            return Ok(session);
        }
        if self.is_outside {
            return Err(Refusal::failed(
                "there is no session here: nobody's request is answered",
            ));
        }
        let sessions = self.keeping.sessions()?;
        self.seen();
        let session = self.open(&sessions);
        Ok(self.session.get_or_init(|| session))
    }

    /// The visitor's language, and the catalogues; the answer depends on it from here on.
    pub(super) fn speech(&self) -> &Speech {
        let choose = || self.around.spoken().speech(self.incoming.headers);
        self.speech.get_or_init(choose)
    }

    /// Tells caches which header fields chose the language, if that was asked for.
    fn vary(&self, headers: &mut HeaderMap) {
        if !self
            .speech
            .get()
            .is_some_and(|speech| speech.catalogues().are_several())
        {
            return;
        }
        let named: Vec<String> = (headers.get_all(VARY).iter())
            .flat_map(|field| field.as_bytes().split(|c| *c == b','))
            .map(|name| String::from_utf8_lossy(name).trim().to_ascii_lowercase())
            .collect();
        for name in ["accept-language", "cookie"] {
            if !named.iter().any(|named| named == name || named == "*") {
                headers.append(VARY, HeaderValue::from_static(name));
            }
        }
    }

    /// For [`get`](harmonious_session::UserConnections::get): a connection that is shown after the session was
    /// read may belong to whoever connected since, under another id.
    pub(super) fn seen(&self) -> u64 {
        let now = || self.keeping.connections.now_shown();
        *self.seen.get_or_init(now)
    }

    /// The session to look at: without a store where none was brought nor begun.
    pub(super) fn look<T>(
        &self,
        at: impl FnOnce(&Session) -> Result<T, SessionError>,
    ) -> Result<T, Refusal> {
        let brings = || self.keeping.brings_a_session(self.incoming.headers);
        match self.session.get().is_some() || brings() {
            true => Ok(at(self.session()?)?),
            false => Ok(at(&self.open(self.keeping.visitors()))?),
        }
    }

    fn open(&self, sessions: &Arc<Sessions>) -> Session {
        let headers = self.incoming.headers;
        let (secure, address) = self.keeping.client(self.incoming.peer, headers);
        let user_agent = headers.get(USER_AGENT).map(|agent| agent.as_bytes());
        let client = Client {
            secure,
            user_agent: String::from_utf8_lossy(user_agent.unwrap_or_default()).into_owned(),
            address,
        };
        sessions.open(headers, client)
    }

    /// Whether a form of somebody else's page sent this.
    fn check_csrf(&self) -> Result<(), Refusal> {
        let incoming = self.incoming;
        let (secure, _) = self.keeping.client(incoming.peer, incoming.headers);
        let host = incoming
            .headers
            .get(HOST)
            .and_then(|host| host.to_str().ok());
        let mut body = incoming.body.reader();
        let request = CsrfRequest {
            method: incoming.method,
            headers: incoming.headers,
            secure,
            host: host.unwrap_or(incoming.host),
            body: &mut body,
        };
        match self.look(|session| self.keeping.csrf.check(session, request))? {
            CsrfVerdict::Allowed => Ok(()),
            CsrfVerdict::Refused(refusal) => {
                let advice = self.csrf_advice(refusal, secure);
                let detail =
                    format!("refused against cross-site request forgery: {refusal}: {advice}");
                let mut error = ServiceError::new(StatusCode::FORBIDDEN, detail);
                error.title =
                    "this form is too old, or not of this site: go back, reload, try again"
                        .to_owned();
                Err(Refusal(error))
            }
        }
    }

    /// What the author of the site, or who runs it, may do about a refusal.
    fn csrf_advice(&self, refusal: CsrfRefusal, secure: bool) -> String {
        let headers = self.incoming.headers;
        let shown = |name| {
            let value = headers.get(name).map_or(&b""[..], HeaderValue::as_bytes);
            let text = String::from_utf8_lossy(value);
            text.chars().take(HEADER_SHOWN_CHARS).collect::<String>()
        };
        match refusal {
            CsrfRefusal::NoToken => "write {{ csrf_field }} into the form, before its files; \
                 scripts send the header x-csrf-token"
                .to_owned(),
            CsrfRefusal::WrongToken => {
                "the page is older than the login or the session: load it again".to_owned()
            }
            CsrfRefusal::NullOrigin => {
                "Referrer-Policy: no-referrer has browsers send this: take same-origin".to_owned()
            }
            CsrfRefusal::ForeignOrigin => {
                let scheme = if secure { "https" } else { "http" };
                let (origin, host) = (shown(ORIGIN), shown(HOST));
                format!(
                    "it is {origin:?}, and this site is taken for {:?}: name the proxy that speaks TLS \
                     for it in proxies, or say secure = true in [sessions], or name another site \
                     whose forms are to be taken in origins (site.toml)",
                    format!("{scheme}://{host}")
                )
            }
            _ => "name the other site in origins of site.toml if its forms are to be taken"
                .to_owned(),
        }
    }

    fn url_for(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, ServiceError> {
        let UrlFor { path, values } = read(service, message)?;
        let url = self.around.url_for(path, &values);
        encode(&url.map_err(|detail| failed(format!("url_for: {detail}")))?)
    }
}

impl Exchange for SiteExchange<'_> {
    fn admit(&self, module: &Module) -> Result<(), ServiceError> {
        // A module says by name that it takes requests of others: `module! { csrf = false }`.
        match module.declared.other.get("csrf") {
            Some(Literal::Bool(false)) => Ok(()),
            _ => Ok(self.check_csrf()?),
        }
    }

    fn call(
        &self,
        caller: &Caller<'_>,
        service: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let fragments = self.around.fragments();
        let answer = self
            .leases
            .answer(fragments, caller.module, service, message);
        if let Some(answer) = answer {
            return answer;
        }
        let (family, _) = service.split_once('.').unwrap_or((service, ""));
        match family {
            "session" => return Ok(sessions::answer(self, service, message)?),
            "instance" => return Ok(instances::answer(self, caller, service, message)?),
            "password" | "login" | "seal" | "unseal" => {
                return Ok(logins::answer(self, service, message)?);
            }
            "limit" | "client" => return Ok(limits::answer(self, service, message)?),
            "confine" => return Ok(confined::answer(self.programs, caller, service, message)?),
            "errors" => return self.keeping.faults.answer(service),
            "db" => return Ok(database::answer(self, caller, service, message)?),
            "t" | "language" => return texts::answer(self, caller, service, message),
            _ => {}
        }
        match service {
            "url_for" => self.url_for(service, message),
            _ => Err(failed(format!(
                "{} asks for the service {service:?}, which this server does not have",
                caller.module
            ))),
        }
    }

    fn tell(&self, name: &str) -> Result<Option<Value>, ServiceError> {
        match name {
            TOLD => Ok(Some(Value::from(self.speech().code()))),
            _ => Ok(Some(sessions::tell(self, name)?)),
        }
    }

    fn finish(&self, outgoing: &mut Outgoing) -> Result<(), ServiceError> {
        self.transactions.undo();
        self.vary(&mut outgoing.headers);
        let instances = &self.keeping.instances;
        self.instance_leases.end(instances);
        let Some(session) = self.session.get() else {
            return Ok(());
        };
        // What a page that broke left behind is not kept.
        let kept = match outgoing.status.is_server_error() {
            true => Ok(None),
            false => {
                self.ended.set(session.ending().or(self.ended.get()));
                session.commit()
            }
        };
        // What a session owned that came to nothing goes with it.
        for never in session.uncommitted() {
            instances.end_session(&never);
            self.keeping.connections.end_session(&never);
        }
        let cookie = kept.map_err(Refusal::from)?;
        if !outgoing.status.is_server_error() {
            self.opened.keep();
        }
        if let Some(cookie) = cookie {
            outgoing.headers.append(SET_COOKIE, cookie);
            // A cache between us and the visitor would hand the cookie to others.
            outgoing
                .headers
                .entry(CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("private, no-store"));
        }
        Ok(())
    }

    fn over(&self, let_go: LetGo<'_>) {
        // Also where another request saves it: who signs in again finds what was saved.
        if let Some(session) = self.ended.get() {
            self.keeping.instances.ended(&session, let_go);
        }
    }
}

/// Why a service did not do what it was asked to; made of the errors of what the site keeps.
#[derive(Clone, Debug)]
pub struct Refusal(pub ServiceError);

impl Refusal {
    /// A failure that is nobody's but the site's.
    pub fn failed(detail: impl Into<String>) -> Refusal {
        Refusal(failed(detail))
    }

    /// Whether it passes by itself: something is away, or there is no room at the moment.
    pub fn is_unavailable(&self) -> bool {
        self.0.status == StatusCode::SERVICE_UNAVAILABLE.as_u16()
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Failed(refusal.0.detail)
    }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> ServiceError {
        refusal.0
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Refusal {
        Refusal(error)
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Refusal {
        let status = StatusCode::from_u16(error.status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut refusal = ServiceError::new(status, causes(&error));
        refusal.retry_after_s = seconds(error.retry_after());
        if let SessionError::Password { .. } = error {
            refusal.title = "the password is too long".to_owned();
        }
        Refusal(refusal)
    }
}

impl From<harmonious_db::Error> for Refusal {
    fn from(error: harmonious_db::Error) -> Refusal {
        let status = match error.is_unavailable() {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut refusal = ServiceError::new(status, error.to_string());
        refusal.retry_after_s = seconds(error.retry_after());
        refusal.kind = kind_of(&error).to_owned();
        Refusal(refusal)
    }
}

/// What programs tell apart.
fn kind_of(error: &harmonious_db::Error) -> &'static str {
    use harmonious_db::Error;
    match error {
        Error::Unique { .. } => "unique",
        Error::ForeignKey { .. } => "foreign-key",
        Error::NotNull { .. } => "not-null",
        Error::Check { .. } => "check",
        Error::Busy { .. } => "busy",
        Error::TimeLimit { .. } => "time-limit",
        Error::Unavailable { .. } | Error::ConnectionLost { .. } => "unavailable",
        Error::Syntax { .. } => "syntax",
        Error::Denied { .. } => "denied",
        _ => "other",
    }
}

/// Whole seconds, rounded up: 0 for none.
fn seconds(wait: Option<Duration>) -> u64 {
    wait.map_or(0, |wait| {
        wait.as_millis()
            .div_ceil(1000)
            .try_into()
            .unwrap_or(u64::MAX)
    })
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A failure that is nobody's but the site's.
pub(super) fn failed(detail: impl Into<String>) -> ServiceError {
    ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
}

/// Reads a message of a module.
pub(super) fn read<'m, T: Deserialize<'m>>(
    service: &str,
    message: &'m [u8],
) -> Result<T, ServiceError> {
    rmp_serde::from_slice(message).map_err(|error| {
        failed(format!(
            "the message for {service:?} cannot be read: {error}"
        ))
    })
}

/// Writes the answer to a module.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ServiceError> {
    let mut reply = Vec::with_capacity(REPLY_BYTES);
    let written = rmp_serde::encode::write_named(&mut reply, value);
    written
        .map(|()| reply)
        .map_err(|error| failed(format!("a reply cannot be written: {error}")))
}

//! Connections of visitors under their own credentials: opened with the user and password of a form, kept
//! for the session, so that the database's own grants decide what they see.
//!
//! The password goes into the connection and nowhere else: what is kept is the open connection.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::sync::Arc;

use harmonious_db::{Backend, Database, Error};
use harmonious_dispatcher::ServiceError;
use harmonious_dispatcher::http::StatusCode;
use harmonious_session::config::{PASSWORD_BYTES_MAX, USER_BYTES_MAX};
use harmonious_session::{Cause, Handle, Session, SessionError, UserConnections};
use parking_lot::Mutex;

use super::database::Source;
use super::exchange::{Refusal, SiteExchange};
use super::logins;
use super::transactions::Place;

/// The kinds of errors that only visitors get.
const NOT_CONNECTED: &str = "not-connected";
const NO_USERS: &str = "no-users";
const UNCHECKED: &str = "no-password-check";
const DENIED: &str = "denied";

/// Users whose password is known to be checked; beyond it the list begins anew.
const CHECKED_MAX: usize = 10_000;

/// Users of whom the database takes no wrong password, each looked at once.
#[derive(Default)]
pub struct Checked(Mutex<HashSet<(String, String)>>);

impl Checked {
    /// Forgets them: databases are others now.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    /// Refuses a user whom the database takes with any password: with `trust` or `peer` in PostgreSQL's
    /// `pg_hba.conf`, whoever names one would be that user.
    fn check(
        &self,
        place: &Place,
        database: &Database,
        user: &str,
        is_current: impl FnOnce() -> bool,
    ) -> Result<(), Cause> {
        let key = (place.name.clone(), user.to_owned());
        if self.0.lock().contains(&key) {
            return Ok(());
        }
        let nobodys = Handle::draw()?.to_string();
        match database.open_as(user, &nobodys) {
            Err(Error::Denied { .. }) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(Box::new(Unchecked)),
        }
        let mut checked = self.0.lock();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        // Looked at under the lock: whoever puts another database in its place clears the list after it.
        if is_current() {
            checked.insert(key);
        }
        Ok(())
    }
}

/// The database lets a user in with any password.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database takes any password of this user, so whoever names the user would be it: have it ask for \
     passwords of connections from this machine (in PostgreSQL's pg_hba.conf scram-sha-256 instead of trust \
     or peer)"
)]
struct Unchecked;

/// The connections of all visitors of a site.
pub type Connections = UserConnections<Database>;

/// What a visitor typed.
pub struct Credentials<'a> {
    /// The role.
    pub user: &'a str,
    /// Its password.
    pub password: &'a str,
}

/// A visitor's own connection.
pub struct Visitor {
    handle: Handle,
    name: String,
    /// Held while it is used: then it is not idle.
    pub connection: Arc<Database>,
}

impl Visitor {
    /// Closes it, unless another one has its place.
    fn close(&self, connections: &Connections) {
        connections.close_this(&self.handle, &self.name, &self.connection);
    }

    /// What the visitor is told. A connection that is gone is not opened again: nobody has the password.
    pub fn told(&self, exchange: &SiteExchange<'_>, error: Error) -> Refusal {
        let connections = &exchange.keeping.connections;
        match error {
            Error::ConnectionLost { .. } => {
                self.close(connections);
                refused(error, true)
            }
            // Another request signed out meanwhile.
            Error::Unavailable { .. }
                if !connections.is_open(&self.handle, &self.name, &self.connection) =>
            {
                not_connected()
            }
            error => refused(error, true),
        }
    }
}

/// An error of a statement. What the database refuses to a visitor is no fault of the site.
pub fn refused(error: Error, is_visitor: bool) -> Refusal {
    let is_denied = matches!(error, Error::Denied { .. });
    let mut refusal = Refusal::from(error);
    if is_visitor && is_denied {
        refusal.0.status = StatusCode::FORBIDDEN.as_u16();
        refusal.0.title = "you may not do this".to_owned();
    }
    refusal
}

/// Connections that this request opened. Until its session is kept they are nobody else's: the id that the
/// session had before may be known to others, who are not to be this visitor. If it is not kept they are
/// closed.
#[derive(Default)]
pub struct Opened {
    opened: RefCell<Vec<(Arc<Connections>, Visitor)>>,
    is_kept: Cell<bool>,
}

impl Opened {
    /// The session that they belong to is in its store, under a new id.
    pub fn keep(&self) {
        for (connections, visitor) in &*self.opened.borrow() {
            connections.show(&visitor.handle, &visitor.name, &visitor.connection);
        }
        self.is_kept.set(true);
    }

    /// The one that is still open there.
    fn find(&self, session: &Handle, name: &str) -> Option<Arc<Database>> {
        let opened = self.opened.borrow();
        let mut opened = opened.iter().rev();
        let found = opened.find(|(connections, visitor)| {
            let is_it = visitor.handle == *session && visitor.name == name;
            is_it && connections.is_open(session, name, &visitor.connection)
        });
        found.map(|(_, visitor)| Arc::clone(&visitor.connection))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        if self.is_kept.get() {
            return;
        }
        for (connections, visitor) in self.opened.get_mut().drain(..) {
            visitor.close(&connections);
        }
    }
}

/// Opens a connection as that user, in place of the one that the session has.
pub fn connect(
    exchange: &SiteExchange<'_>,
    source: &Source,
    place: &Place,
    credentials: &Credentials<'_>,
) -> Result<(), Refusal> {
    let database = match source {
        Some(domain) => domain.database()?,
        None => exchange.keeping.database()?,
    };
    if database.backend() == Backend::Sqlite {
        return Err(no_users());
    }
    if !credentials.can_be() {
        return Err(denied("the user or the password is empty or too long"));
    }
    let session = exchange.session()?;
    let was_there = session.exists()?;
    exchange.transactions.undo_at(place);
    let connected = open(exchange, session, (source, &database), place, credentials);
    if connected.is_err() && !was_there {
        // Whoever guesses passwords is not given a session each time.
        session.destroy()?;
    }
    connected
}

fn open(
    exchange: &SiteExchange<'_>,
    session: &Session,
    (source, database): (&Source, &Database),
    place: &Place,
    credentials: &Credentials<'_>,
) -> Result<(), Refusal> {
    let keeping = exchange.keeping;
    let (user, password) = (credentials.user, credentials.password);
    // A role of a database is another account than a user of the site who is called so.
    let account = format!("{}\n{user}", place.name);
    let attempt = keeping
        .throttle
        .begin(&account, logins::address(exchange))?;
    let handle = session.owner()?;
    // The domains may be read again meanwhile, and declare another one.
    let is_current = || match source {
        Some(domain) => keeping.databases.is_current(domain),
        None => true,
    };
    let open = || {
        let connection = database.open_as(user, password)?;
        // After it: a wrong password is one failure for the database, not two.
        keeping.checked.check(place, database, user, is_current)?;
        Ok(connection)
    };
    let connection = match keeping.connections.open(&handle, &place.name, open) {
        Ok(connection) => connection,
        Err(error) => {
            let refusal = refusal(error);
            if refusal.0.kind != DENIED {
                // The password was not looked at.
                attempt.cancelled();
            }
            return Err(refusal);
        }
    };
    attempt.succeeded();
    let visitor = Visitor {
        handle,
        name: place.name.clone(),
        connection,
    };
    if !is_current() {
        visitor.close(&keeping.connections);
        return Err(SessionError::ConnectionEnded { name: visitor.name }.into());
    }
    let opened = (Arc::clone(&keeping.connections), visitor);
    exchange.opened.opened.borrow_mut().push(opened);
    Ok(session.renew()?)
}

/// The visitor's connection to that database, if there is one.
pub fn find(exchange: &SiteExchange<'_>, place: &Place) -> Result<Option<Visitor>, Refusal> {
    let Some(handle) = exchange.look(Session::handle)? else {
        return Ok(None);
    };
    let connections = &exchange.keeping.connections;
    let own = exchange.opened.find(&handle, &place.name);
    let open = own.or_else(|| connections.get(&handle, &place.name, exchange.seen()));
    Ok(open.map(|connection| Visitor {
        handle,
        name: place.name.clone(),
        connection,
    }))
}

/// The visitor's connection to that database.
pub fn connected(exchange: &SiteExchange<'_>, place: &Place) -> Result<Visitor, Refusal> {
    find(exchange, place)?.ok_or_else(not_connected)
}

/// Closes the visitor's connection to that database; says whether there was one.
pub fn disconnect(exchange: &SiteExchange<'_>, place: &Place) -> Result<bool, Refusal> {
    exchange.transactions.undo_at(place);
    let handle = exchange.look(Session::handle)?;
    let connections = &exchange.keeping.connections;
    Ok(handle.is_some_and(|handle| connections.close(&handle, &place.name)))
}

impl Credentials<'_> {
    /// Whether a database is to be asked. Without a password it is not: some have accounts with none.
    fn can_be(&self) -> bool {
        let fits = |text: &str, max| (1..=max).contains(&text.len()) && !text.contains('\0');
        fits(self.user, USER_BYTES_MAX) && fits(self.password, PASSWORD_BYTES_MAX)
    }
}

/// Why there is no connection.
fn refusal(error: SessionError) -> Refusal {
    match error {
        SessionError::Connect { source, name } => match source.downcast::<Error>() {
            Ok(error) => match *error {
                Error::Denied { message } => denied(&message),
                error => error.into(),
            },
            Err(source) if source.is::<Unchecked>() => with_kind(
                StatusCode::INTERNAL_SERVER_ERROR,
                UNCHECKED,
                source.to_string(),
                "",
            ),
            Err(source) => SessionError::Connect { source, name }.into(),
        },
        error @ SessionError::Connections { .. } => {
            let mut refusal = Refusal::from(error);
            refusal.0.title = "all places are taken: try again later".to_owned();
            let setting = " (user-connections in [database] of site.toml)";
            refusal.0.detail.push_str(setting);
            refusal
        }
        error => error.into(),
    }
}

fn denied(why: &str) -> Refusal {
    let detail = format!("the database refuses the user: {why}");
    with_kind(
        StatusCode::FORBIDDEN,
        DENIED,
        detail,
        "name or password is wrong",
    )
}

fn not_connected() -> Refusal {
    let detail = "the visitor has no connection of their own to this database: it was not opened by \
                  connect_as, or it is closed since";
    with_kind(
        StatusCode::UNAUTHORIZED,
        NOT_CONNECTED,
        detail,
        "sign in first",
    )
}

fn no_users() -> Refusal {
    let detail = "SQLite has no users, so nobody can connect as one: connect_as is for PostgreSQL, MySQL and \
                  MariaDB";
    with_kind(StatusCode::INTERNAL_SERVER_ERROR, NO_USERS, detail, "")
}

fn with_kind(status: StatusCode, kind: &str, detail: impl Into<String>, title: &str) -> Refusal {
    let mut error = ServiceError::new(status, detail);
    error.kind = kind.to_owned();
    if !title.is_empty() {
        error.title = title.to_owned();
    }
    Refusal(error)
}

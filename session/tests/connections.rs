//! Connections under users' own credentials: their bound, their end, and that all goes with a session.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use common::{HOUR, START_MS, Site};
use harmonious_db::{Backend, Config, Database};
use harmonious_session::config::{CONNECTION_IDLE, CONNECTIONS_PER_SESSION_MAX};
use harmonious_session::{
    Cause, Clock, Close, Handle, InstanceKey, Instances, MemoryStore, SessionError, Sessions,
    Settings, UserConnections, Wait,
};

fn handle() -> Handle {
    Handle::draw().unwrap()
}

/// What a request finds that begins now.
fn find<C: Close>(connections: &UserConnections<C>, session: &Handle) -> Option<Arc<C>> {
    connections.get(session, "a", connections.now_shown())
}

/// A connection that counts how many are open.
#[derive(Debug)]
struct Fake {
    open: Arc<AtomicUsize>,
    closed: AtomicBool,
}

impl Fake {
    fn open(open: &Arc<AtomicUsize>) -> Fake {
        open.fetch_add(1, Ordering::SeqCst);
        Fake {
            open: Arc::clone(open),
            closed: AtomicBool::new(false),
        }
    }
}

impl Close for Fake {
    fn close(&self) {
        if !self.closed.swap(true, Ordering::SeqCst) {
            self.open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// A registry of so many, its clock, and how many are open.
fn registry(max: usize) -> (UserConnections<Fake>, Clock, Arc<AtomicUsize>) {
    let clock = Clock::by_hand(START_MS);
    (
        UserConnections::new(max, clock.clone()),
        clock,
        Arc::default(),
    )
}

#[test]
fn connections_are_bounded_and_counted_to_zero() {
    let (connections, _, open) = registry(10);
    let greedy = handle();
    for number in 0..CONNECTIONS_PER_SESSION_MAX {
        connections
            .open(&greedy, &number.to_string(), || Ok(Fake::open(&open)))
            .unwrap();
    }
    let no = || -> Result<Fake, Cause> { panic!("it must not be opened") };
    let error = connections.open(&greedy, "more", no).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("4 connections under this user's own credentials")
    );
    assert_eq!(error.status(), 503);
    let others: Vec<Handle> = (0..6).map(|_| handle()).collect();
    for other in &others {
        connections
            .open(other, "a", || Ok(Fake::open(&open)))
            .unwrap();
    }
    let error = connections.open(&handle(), "a", no).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("10 connections under users' own credentials"),
        "{error}"
    );
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (10, 10));
    assert!(connections.close(&others[0], "a") && !connections.close(&others[0], "a"));
    assert_eq!(
        connections.end_session(&greedy),
        CONNECTIONS_PER_SESSION_MAX
    );
    assert_eq!(connections.end_session(&greedy), 0);
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (5, 5));
    assert_eq!(connections.close_all(), 5);
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn one_that_cannot_be_opened_takes_no_place() {
    let (connections, _, open) = registry(1);
    let session = handle();
    let error = connections
        .open(&session, "a", || Err("access denied".into()))
        .unwrap_err();
    assert!(matches!(error, SessionError::Connect { .. }));
    assert_eq!(connections.count(), 0);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        connections.open(&session, "a", || -> Result<Fake, _> {
            std::panic::resume_unwind(Box::new(()))
        })
    }));
    assert!(panics.is_err() && connections.count() == 0);
    for name in ["", &"x".repeat(200)] {
        assert!(
            connections
                .open(&session, name, || Ok(Fake::open(&open)))
                .is_err()
        );
    }
    assert_eq!(open.load(Ordering::SeqCst), 0);
}

#[test]
fn a_session_that_ends_while_one_is_opened_keeps_none() {
    let (connections, _, open) = registry(1);
    let session = handle();
    let result = connections.open(&session, "a", || {
        connections.end_session(&session);
        Ok(Fake::open(&open))
    });
    assert!(matches!(result, Err(SessionError::ConnectionEnded { .. })));
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (0, 0));
    // What is opened for nobody counts until it is closed: the database counts it too.
    let result = connections.open(&session, "a", || {
        connections.close(&session, "a");
        let error = connections.open(&handle(), "a", || panic!("it must not be opened"));
        assert!(matches!(error, Err(SessionError::Connections { .. })));
        Ok(Fake::open(&open))
    });
    assert!(matches!(result, Err(SessionError::ConnectionEnded { .. })));
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (0, 0));
    // Of two that are opened at once under one name, the one that began later stays.
    let (connections, _, open) = registry(2);
    let result = connections.open(&session, "a", || {
        connections.open(&session, "a", || Ok(Fake::open(&open)))?;
        Ok(Fake::open(&open))
    });
    assert!(matches!(result, Err(SessionError::ConnectionEnded { .. })));
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (1, 1));
    // Another one of that name takes its place.
    let first = connections
        .open(&session, "a", || Ok(Fake::open(&open)))
        .unwrap();
    connections
        .open(&session, "a", || Ok(Fake::open(&open)))
        .unwrap();
    assert!(first.closed.load(Ordering::SeqCst));
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn one_is_found_by_requests_that_begin_after_it_is_shown() {
    let (connections, clock, open) = registry(10);
    let session = handle();
    let fake = || Ok(Fake::open(&open));
    let before = connections.now_shown();
    let first = connections.open(&session, "a", fake).unwrap();
    assert!(find(&connections, &session).is_none());
    assert!(connections.is_open(&session, "a", &first));
    connections.show(&session, "a", &first);
    assert!(connections.get(&session, "a", before).is_none());
    assert!(Arc::ptr_eq(&find(&connections, &session).unwrap(), &first));
    // One in its place is another one.
    let second = connections.open(&session, "a", fake).unwrap();
    connections.show(&session, "a", &first);
    assert!(find(&connections, &session).is_none());
    assert!(!connections.is_open(&session, "a", &first));
    connections.show(&session, "a", &second);
    drop(second);
    assert!(find(&connections, &session).is_some());
    // Whoever comes late does not find it either, swept or not.
    clock.advance(CONNECTION_IDLE);
    assert!(find(&connections, &session).is_none());
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn idle_connections_are_closed_and_those_in_use_are_not() {
    let (connections, clock, open) = registry(3);
    let sessions = [handle(), handle(), handle()];
    let held = connections
        .open(&sessions[0], "a", || Ok(Fake::open(&open)))
        .unwrap();
    for session in &sessions[1..] {
        let one = connections.open(session, "a", || Ok(Fake::open(&open)));
        connections.show(session, "a", &one.unwrap());
    }
    clock.advance(CONNECTION_IDLE / 2);
    assert!(find(&connections, &sessions[1]).is_some());
    clock.advance(CONNECTION_IDLE / 2);
    // For a new one the idle one goes at once.
    connections
        .open(&handle(), "a", || Ok(Fake::open(&open)))
        .unwrap();
    assert!(find(&connections, &sessions[2]).is_none());
    assert_eq!(open.load(Ordering::SeqCst), 3);
    clock.advance(CONNECTION_IDLE);
    assert_eq!((connections.sweep(), connections.count()), (2, 1));
    drop(held);
    assert_eq!((connections.sweep(), connections.count()), (1, 0));
    assert_eq!(open.load(Ordering::SeqCst), 0);
}

#[test]
fn one_that_broke_goes_and_not_what_took_its_place() {
    let (connections, _, open) = registry(10);
    let session = handle();
    let fake = || Ok(Fake::open(&open));
    let first = connections.open(&session, "a", fake).unwrap();
    let second = connections.open(&session, "a", fake).unwrap();
    assert!(!connections.close_this(&session, "a", &first));
    assert!(connections.close_this(&session, "a", &second));
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (0, 0));
}

#[test]
fn those_of_a_name_go_together() {
    let (connections, _, open) = registry(10);
    for name in ["a", "a", "b"] {
        let fake = || Ok(Fake::open(&open));
        connections.open(&handle(), name, fake).unwrap();
    }
    assert_eq!(connections.close_named("a"), 2);
    assert_eq!((connections.count(), open.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn everything_goes_when_the_session_ends_and_nothing_when_it_is_renewed() {
    let site = Site::new(Arc::new(MemoryStore::default()));
    let instances = Arc::new(Instances::new(site.clock.clone(), |_| {}));
    let (connections, _, open) = registry(10);
    let connections = Arc::new(connections);
    let settings = Settings {
        idle: HOUR,
        ..Settings::default()
    };
    let sessions = Sessions::new(Arc::clone(&site.store), settings, site.clock.clone()).unwrap();
    let (instances_too, connections_too) = (Arc::clone(&instances), Arc::clone(&connections));
    let sessions = Arc::new(sessions.on_end(move |handle, _| {
        instances_too.end_session(handle);
        connections_too.end_session(handle);
    }));
    let mut browser = site.browser();
    browser.sessions = Arc::clone(&sessions);
    let own = |browser: &mut common::Browser| {
        let mut owner = None;
        browser.request(|session| owner = Some(session.owner().unwrap()));
        let session = owner.unwrap();
        let (module, name) = ("editor".to_owned(), "a".to_owned());
        let key = InstanceKey {
            session,
            module,
            name,
        };
        instances.lease(&key, Wait::Not).unwrap().set_bytes(10);
        connections
            .open(&session, "a", || Ok(Fake::open(&open)))
            .unwrap();
        session
    };
    let left = || {
        (
            instances.stats().count,
            connections.count(),
            open.load(Ordering::SeqCst),
        )
    };

    let before = own(&mut browser);
    browser.login("ann");
    browser.request(|session| session.renew().unwrap());
    assert_eq!(browser.session().owner().unwrap(), before);
    assert_eq!(left(), (1, 1, 1));
    browser.request(|session| session.destroy().unwrap());
    assert_eq!(left(), (0, 0, 0));

    own(&mut browser);
    site.clock.advance(HOUR);
    assert_eq!(sessions.sweep().unwrap(), 1);
    assert_eq!(left(), (0, 0, 0));

    browser.login("bob");
    own(&mut browser);
    sessions.revoke_all("bob", None).unwrap();
    assert_eq!(left(), (0, 0, 0));
}

/// With a real server, under a user that is made for it.
#[test]
fn a_connection_under_the_users_own_credentials_is_closed_with_the_session() {
    for (variable, url) in common::servers() {
        let db = Database::open(&Config::new(url)).unwrap();
        let name = format!(
            "u{}",
            &handle().to_string().to_lowercase().replace(['-', '_'], "")[..12]
        );
        let (make, whole) = match db.backend() {
            Backend::Postgres => (
                format!("CREATE ROLE {name} LOGIN PASSWORD 'secret'"),
                name.clone(),
            ),
            _ => (
                format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'secret'"),
                format!("'{name}'@'%'"),
            ),
        };
        if let Err(error) = db.script(&make) {
            println!("left out: {variable} cannot make users: {error}");
            continue;
        }
        if db.backend() == Backend::MySql {
            db.script(&format!("GRANT SELECT ON *.* TO {whole}"))
                .unwrap();
        }
        let connections = UserConnections::new(10, Clock::by_hand(START_MS));
        let session = handle();
        let open = |password: &'static str| {
            let (db, name) = (db.clone(), name.clone());
            move || db.open_as(&name, password).map_err(Into::into)
        };
        let own = connections
            .open(&session, "archive", open("secret"))
            .unwrap();
        let row = own
            .query_one("SELECT CURRENT_USER AS me", &[])
            .unwrap()
            .unwrap();
        assert!(row.get::<String>("me").unwrap().starts_with(&name));
        connections.show(&session, "archive", &own);
        let found = connections.get(&session, "archive", connections.now_shown());
        let found = found.unwrap();
        assert!(!format!("{connections:?} {found:?}").contains("secret"));
        connections.end_session(&session);
        assert_eq!(connections.count(), 0);
        let error = found.query("SELECT 1", &[]).unwrap_err();
        assert!(error.is_unavailable(), "{error}");
        db.script(&format!("DROP USER {whole}")).unwrap();
    }
    // SQLite has no users: the error says so.
    let db = Database::open(&Config::new("sqlite::memory:")).unwrap();
    let connections = UserConnections::<Database>::new(1, Clock::by_hand(START_MS));
    let error = connections
        .open(&handle(), "a", || Ok(db.open_as("ann", "secret")?))
        .unwrap_err();
    let SessionError::Connect { source, .. } = &error else {
        panic!("{error}");
    };
    assert!(source.to_string().contains("SQLite has no users") && connections.count() == 0);
}

//! What the tests share: a browser with its cookie, a store that counts, the stores there are.

// Each test file is a crate of its own and uses its part.
#![allow(dead_code, missing_docs)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use harmonious_db::{Config, Database};
use harmonious_session::{
    Change, Client, Clock, DatabaseStore, Handle, MemoryStore, Record, Result, Session,
    SessionError, SessionKey, Sessions, Settings, Store, Stored, Updated,
};
use http::header::{COOKIE, HeaderMap, HeaderValue};

/// When the clocks of the tests begin.
pub const START_MS: u64 = 1_800_000_000_000;
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(3600);
pub const DAY: Duration = Duration::from_secs(24 * 3600);

/// A site with a store and a clock that is set by hand.
pub struct Site {
    pub sessions: Arc<Sessions>,
    pub store: Arc<Counting>,
    pub clock: Clock,
    /// What `on_end` was told.
    pub ended: Arc<parking_lot::Mutex<Vec<(Handle, harmonious_session::EndReason)>>>,
}

impl Site {
    pub fn new(store: Arc<dyn Store>) -> Site {
        let settings = Settings {
            idle: HOUR,
            absolute: DAY,
            ..Settings::default()
        };
        Site::with(store, settings)
    }

    pub fn with(store: Arc<dyn Store>, settings: Settings) -> Site {
        let clock = Clock::by_hand(START_MS);
        let store = Arc::new(Counting::new(store));
        let ended = Arc::<parking_lot::Mutex<Vec<_>>>::default();
        let told = Arc::clone(&ended);
        let sessions = Sessions::new(Arc::clone(&store), settings, clock.clone())
            .unwrap()
            .on_end(move |handle, reason| told.lock().push((*handle, reason)));
        Site {
            sessions: Arc::new(sessions),
            store,
            clock,
            ended,
        }
    }

    pub fn browser(&self) -> Browser {
        Browser {
            sessions: Arc::clone(&self.sessions),
            cookie: None,
            secure: true,
        }
    }
}

/// Keeps one cookie, as browsers do.
#[derive(Clone)]
pub struct Browser {
    pub sessions: Arc<Sessions>,
    /// Name and value.
    pub cookie: Option<String>,
    pub secure: bool,
}

impl Browser {
    pub fn headers(&self) -> HeaderMap {
        let cookie = self
            .cookie
            .iter()
            .map(|cookie| (COOKIE, cookie.parse().unwrap()));
        cookie.collect()
    }

    pub fn session(&self) -> Session {
        self.sessions.open(&self.headers(), client(self.secure))
    }

    /// A request, with what its handler does. Returns whether the cookie changed.
    pub fn request(&mut self, handler: impl FnOnce(&Session)) -> bool {
        self.try_request(handler).unwrap()
    }

    pub fn try_request(&mut self, handler: impl FnOnce(&Session)) -> Result<bool> {
        let session = self.session();
        handler(&session);
        let set = session.commit()?;
        let changed = set.is_some();
        self.take(set);
        Ok(changed)
    }

    pub fn take(&mut self, set: Option<HeaderValue>) {
        let Some(set) = set else { return };
        let set = set.to_str().unwrap();
        let pair = set.split(';').next().unwrap().to_owned();
        self.cookie = (!set.contains("Max-Age=0")).then_some(pair);
    }

    pub fn get(&mut self, key: &str) -> Option<Vec<u8>> {
        let mut value = None;
        self.request(|session| value = session.get(key).unwrap());
        value
    }

    pub fn user(&mut self) -> Option<String> {
        let mut user = None;
        self.request(|session| user = session.user().unwrap());
        user
    }

    pub fn login(&mut self, user: &str) {
        self.request(|session| session.set_user(Some(user)).unwrap());
    }
}

pub fn client(secure: bool) -> Client {
    Client {
        secure,
        user_agent: "Mozilla/5.0".to_owned(),
        address: "192.0.2.1".to_owned(),
    }
}

/// Counts the calls to a store; fails when told to.
pub struct Counting {
    inner: Arc<dyn Store>,
    pub reads: AtomicUsize,
    pub writes: AtomicUsize,
    pub fails: AtomicBool,
}

impl Counting {
    pub fn new(inner: Arc<dyn Store>) -> Counting {
        Counting {
            inner,
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            fails: AtomicBool::new(false),
        }
    }

    /// Reads and writes since the last call.
    pub fn calls(&self) -> (usize, usize) {
        (
            self.reads.swap(0, Ordering::SeqCst),
            self.writes.swap(0, Ordering::SeqCst),
        )
    }

    fn note(&self, counter: &AtomicUsize) -> Result<()> {
        counter.fetch_add(1, Ordering::SeqCst);
        match self.fails.load(Ordering::SeqCst) {
            true => Err(SessionError::store("answer", "it is down")),
            false => Ok(()),
        }
    }
}

impl Store for Counting {
    fn load(&self, key: &SessionKey) -> Result<Option<Stored>> {
        self.note(&self.reads)?;
        self.inner.load(key)
    }

    fn create(
        &self,
        key: &SessionKey,
        record: &Record,
        values: &[(&str, &[u8])],
    ) -> Result<Vec<Handle>> {
        self.note(&self.writes)?;
        self.inner.create(key, record, values)
    }

    fn update(
        &self,
        was: &SessionKey,
        now: &SessionKey,
        record: &Record,
        changes: &[Change<'_>],
    ) -> Result<Updated> {
        self.note(&self.writes)?;
        self.inner.update(was, now, record, changes)
    }

    fn remove(&self, handle: &Handle) -> Result<bool> {
        self.note(&self.writes)?;
        self.inner.remove(handle)
    }

    fn of_user(&self, user: &str, max: usize) -> Result<Vec<Record>> {
        self.note(&self.reads)?;
        self.inner.of_user(user, max)
    }

    fn count(&self, seen_from_ms: u64, created_from_ms: u64) -> Result<u64> {
        self.note(&self.reads)?;
        self.inner.count(seen_from_ms, created_from_ms)
    }

    fn sweep(&self, now_ms: u64, max: usize) -> Result<Vec<Handle>> {
        self.note(&self.writes)?;
        self.inner.sweep(now_ms, max)
    }
}

/// Runs a test on each store that there is, each time with an empty one.
pub fn on_each_store(test: impl Fn(&Site)) {
    println!("store: memory");
    test(&Site::new(Arc::new(MemoryStore::default())));
    println!("store: SQLite in memory");
    test(&Site::new(in_database("sqlite::memory:")));
    println!("store: SQLite in a file");
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("sessions.db").display());
    test(&Site::new(in_database(&url)));
    for (variable, url) in servers() {
        println!("store: {variable}");
        let _alone = ONE_AT_A_TIME.lock();
        let store = in_database(&url);
        let site = Site::new(store);
        test(&site);
    }
}

/// Tests on a server share its tables.
pub static ONE_AT_A_TIME: parking_lot::Mutex<()> = parking_lot::Mutex::new(());

/// URLs of databases that may be written to, by the variables that give them; those without one are left
/// out, and named.
pub fn servers() -> Vec<(&'static str, String)> {
    let variables = ["TEST_POSTGRES_URL", "TEST_MYSQL_URL"];
    let given = variables.into_iter().filter_map(|variable| {
        let url = std::env::var(variable).ok();
        if url.is_none() {
            println!("left out: {variable} names no database");
        }
        Some((variable, url?))
    });
    given.collect()
}

/// An empty store in that database.
pub fn in_database(url: &str) -> Arc<dyn Store> {
    let db = Database::open(&Config::new(url)).unwrap();
    let store = DatabaseStore::new(db.clone()).unwrap();
    for table in ["harmonious_session", "harmonious_session_value"] {
        db.execute(&format!("DELETE FROM {table}"), &[]).unwrap();
    }
    Arc::new(store)
}

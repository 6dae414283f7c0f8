//! What a database is opened with, and the limits, each with its unit and reason.

use std::fmt;
use std::time::Duration;

use crate::backend::Backend;
use crate::error::Error;
use crate::url::{Address, without_password};

/// Connections of a database unless the caller says otherwise: servers allow some hundred in all.
pub const CONNECTIONS_MAX: u32 = 10;
/// How long a caller waits for a connection unless it says otherwise: a page that waits longer is
/// better refused.
pub const WAIT_MAX: Duration = Duration::from_secs(5);
/// How many callers may wait for a connection at a time: more than a pool has workers is a mistake.
pub const WAITING_MAX: usize = 1024;
/// How long a statement runs unless the caller says otherwise: below the time limit of a handler.
pub const QUERY_TIME_MAX: Duration = Duration::from_secs(10);
/// How long all statements of one migration, backup or creation of an index may run each.
pub const MIGRATION_TIME_MAX: Duration = Duration::from_secs(600);
/// How long one server waits for another one that migrates.
pub const MIGRATION_WAIT_MAX: Duration = Duration::from_secs(600);
/// Rows of one result, which is held in memory; more belong into pages.
pub const ROWS_MAX: usize = 100_000;
/// Bytes of one result.
pub const RESULT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a transaction that was begun by [`Database::begin`](crate::Database::begin) may be left
/// alone before it is rolled back: it holds a connection, in SQLite the only one that writes.
pub const TRANSACTION_IDLE_MAX: Duration = Duration::from_secs(10);
/// Prepared statements that each connection keeps: a site has some dozens.
pub const STATEMENTS_CACHED: usize = 64;
/// How long a connection to a server may take to be opened.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// What is asked of a client that came while the database was away.
pub const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A connection that lay idle for longer is tried before it is handed out.
pub const TRY_AFTER: Duration = Duration::from_millis(250);
/// How long trying it may take.
pub const TRY_TIME_MAX: Duration = Duration::from_secs(1);
/// The pool's own delays between attempts to connect are at most half of this.
pub const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Steps in which a caller waits for a connection, between looks whether the server is away. The pool
/// opens one more connection at each step, so a step is longer than opening one takes.
pub const WAIT_STEP: Duration = Duration::from_millis(250);
/// A socket waits this much longer than the server's own time limit before it is given up.
pub const SOCKET_GRACE: Duration = Duration::from_secs(5);
/// Instructions of SQLite's machine between two looks at the clock: some 10 to 50 microseconds.
pub const SQLITE_STEPS: i32 = 1000;
/// What finds a file of SQLite locked, where SQLite itself does not wait, is tried again after this.
pub const LOCKED_PAUSE: Duration = Duration::from_millis(5);
/// Bytes of what a tool such as `pg_dump` says that an error repeats.
pub const TOOL_SAYS_MAX: usize = 2000;
/// Savepoints within savepoints: deeper is a recursion that went wrong.
pub const SAVEPOINTS_MAX: usize = 32;
/// Indexes of write-ahead logs that a process looks into: a file descriptor for each database that has sessions,
/// and one for each that was closed and is still open in another process.
pub const INDEX_FILES_MAX: usize = 64;
/// Bytes of a statement: what a person or a program writes is far below.
pub const STATEMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Words of a search that count; the rest is not looked at.
pub const SEARCH_WORDS_MAX: usize = 16;
/// Characters of a word of a search; longer ones are cut.
pub const SEARCH_WORD_CHARS_MAX: usize = 64;
/// Characters of a text that PostgreSQL indexes: its own bound is 1 MiB of different words.
pub const SEARCH_TEXT_CHARS_MAX: usize = 200_000;
/// Bytes of a name of a table, column or index in a search index: PostgreSQL cuts names at 63, and
/// ours get endings.
pub const SEARCH_NAME_BYTES_MAX: usize = 48;
/// Hits of one search.
pub const SEARCH_HITS_MAX: usize = 1000;
/// What a search finds is counted up to this: more says "many" to a visitor, and each costs a look at the filter.
pub const SEARCH_COUNT_MAX: u32 = 1000;
/// Search indexes that a database remembers to be there; of more it asks again each time.
pub const SEARCH_INDEXES_KNOWN_MAX: usize = 256;
/// Characters at the start of each text among which a snippet is looked for.
pub const SNIPPET_LOOK_CHARS: usize = 20_000;
/// Characters of a snippet.
pub const SNIPPET_CHARS: usize = 160;
/// Of these, how many stand before the first hit.
pub const SNIPPET_BEFORE_CHARS: usize = 40;

/// When a transaction counts as written. Of meaning for SQLite; servers have settings of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// At its commit it is on the disk: neither the death of the process nor a power cut loses it
    /// (`synchronous=FULL`).
    Disk,
    /// At its commit it is with the operating system: the death of the process loses nothing, a
    /// power cut may lose the transactions of the last moments, but never leaves a half one
    /// (`synchronous=NORMAL`). Several times as many small writes a second.
    System,
}

/// What a database is opened with.
///
/// ```
/// let mut config = harmonious_db::Config::new("postgres://me:secret@localhost/site");
/// config.connections_max = 4;
/// assert!(!format!("{config:?}").contains("secret"));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// `sqlite:PATH`, `sqlite::memory:`, `postgres://USER:PASSWORD@HOST:PORT/DATABASE` or
    /// `mysql://USER:PASSWORD@HOST:PORT/DATABASE` (`mariadb://` is the same).
    pub url: String,
    /// Connections at most, from 1. SQLite has one more, which writes.
    pub connections_max: u32,
    /// The longest that a call waits for a connection.
    pub wait_max: Duration,
    /// How many calls may wait for a connection at a time.
    pub waiting_max: usize,
    /// The longest that one statement runs.
    pub query_time_max: Duration,
    /// The longest that a transaction from [`Database::begin`](crate::Database::begin) may be left
    /// alone.
    pub transaction_idle_max: Duration,
    /// Rows of one result at most.
    pub rows_max: usize,
    /// Bytes of one result at most.
    pub result_bytes_max: usize,
    /// Prepared statements that each connection keeps.
    pub statements_cached: usize,
    /// When SQLite counts a transaction as written.
    pub durability: Durability,
}

impl Config {
    /// The defaults for a URL.
    pub fn new(url: impl Into<String>) -> Config {
        Config {
            url: url.into(),
            connections_max: CONNECTIONS_MAX,
            wait_max: WAIT_MAX,
            waiting_max: WAITING_MAX,
            query_time_max: QUERY_TIME_MAX,
            transaction_idle_max: TRANSACTION_IDLE_MAX,
            rows_max: ROWS_MAX,
            result_bytes_max: RESULT_BYTES_MAX,
            statements_cached: STATEMENTS_CACHED,
            durability: Durability::Disk,
        }
    }

    /// Whether the URL can be meant so, without opening anything.
    ///
    /// ```
    /// use harmonious_db::Config;
    /// assert!(Config::new("sqlite:data/site.db").check().is_ok());
    /// assert!(Config::new("oracle://me@localhost/site").check().is_err());
    /// ```
    ///
    /// # Errors
    /// [`Error::Config`], which shows no password.
    pub fn check(&self) -> Result<(), Error> {
        crate::url::parse(&self.url).map(drop)
    }

    /// Which database the URL means.
    ///
    /// ```
    /// use harmonious_db::{Backend, Config};
    /// assert_eq!(Config::new("mariadb://me@localhost/site").backend()?, Backend::MySql);
    /// # Ok::<(), harmonious_db::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`check`](Config::check).
    pub fn backend(&self) -> Result<Backend, Error> {
        Ok(match crate::url::parse(&self.url)? {
            Address::Memory | Address::File(_) => Backend::Sqlite,
            Address::Server(server) => server.backend,
        })
    }

    /// The URL to be shown: without its password.
    ///
    /// ```
    /// let config = harmonious_db::Config::new("postgres://me:secret@localhost/site");
    /// assert_eq!(config.shown_url(), "postgres://me:...@localhost/site");
    /// ```
    #[must_use]
    pub fn shown_url(&self) -> String {
        without_password(&self.url)
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("url", &without_password(&self.url))
            .field("connections_max", &self.connections_max)
            .field("wait_max", &self.wait_max)
            .field("query_time_max", &self.query_time_max)
            .field("transaction_idle_max", &self.transaction_idle_max)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

/// Statements whose scan is remembered: more than a site has. Beyond it they are forgotten and scanned again.
pub const SCANNED_MAX: usize = 1024;
/// Bytes of one that is remembered: with [`SCANNED_MAX`] of them a bound of 4 MiB.
pub const SCANNED_BYTES_MAX: usize = 4096;

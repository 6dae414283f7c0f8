//! What a test has: a database of its own, and what differs between the back ends.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use harmonious_db::{Backend, Config, Database, Error, Value, params};
use tempfile::TempDir;

use crate::servers::{Server, Servers};

/// No wait of a test is longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A test's own database, removed with it.
pub struct Stage<'a> {
    pub db: Database,
    pub backend: Backend,
    pub url: String,
    server: &'a Server,
    name: String,
    folder: TempDir,
}

impl<'a> Stage<'a> {
    /// An empty database.
    pub fn new(server: &'a Server, _: &'a Servers) -> Stage<'a> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("h_{}_{number}", std::process::id());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = match &server.admin {
            None => format!("sqlite:{}", folder.path().join("site.db").display()),
            Some(admin) => {
                admin
                    .execute(&format!("CREATE DATABASE {name}"), &[])
                    .expect("created");
                server_url(&server.url, &name)
            }
        };
        Stage {
            db: Database::open(&Config::new(&url)).expect("opened"),
            backend: server.backend,
            url,
            server,
            name,
            folder,
        }
    }

    /// Another empty database, of this name, beside the stage's own; it is removed with it.
    pub fn beside(&self, name: &str) -> Database {
        let url = match &self.server.admin {
            None => format!("sqlite:{}", self.path(name).display()),
            Some(admin) => {
                let name = format!("{}_{name}", self.name);
                admin
                    .execute(&format!("CREATE DATABASE {name}"), &[])
                    .expect("created");
                server_url(&self.server.url, &name)
            }
        };
        Database::open(&Config::new(url)).expect("opened")
    }

    /// Somebody who may do anything on the server.
    pub fn admin(&self) -> &Database {
        self.server.admin.as_ref().expect("a server")
    }

    /// A path in a folder of this test.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The same database once more, otherwise configured.
    pub fn open(&self, change: impl FnOnce(&mut Config)) -> Database {
        let mut config = Config::new(&self.url);
        change(&mut config);
        Database::open(&config).expect("opened")
    }

    /// One of three.
    pub fn of<T>(&self, sqlite: T, postgres: T, mysql: T) -> T {
        match self.backend {
            Backend::Sqlite => sqlite,
            Backend::Postgres => postgres,
            Backend::MySql => mysql,
        }
    }

    /// A text with the names of types as the back end has them.
    pub fn sql(&self, text: &str) -> String {
        text.replace(
            "{id}",
            self.of(
                "INTEGER PRIMARY KEY",
                "BIGSERIAL PRIMARY KEY",
                "BIGINT AUTO_INCREMENT PRIMARY KEY",
            ),
        )
        .replace("{time}", self.of("TIMESTAMP", "TIMESTAMPTZ", "DATETIME(6)"))
        .replace("{json}", self.of("JSON", "JSONB", "JSON"))
        .replace("{bytes}", self.of("BLOB", "BYTEA", "LONGBLOB"))
        .replace("{float}", self.of("REAL", "DOUBLE PRECISION", "DOUBLE"))
        .replace("{word}", self.of("TEXT", "TEXT", "VARCHAR(190)"))
        .replace("{text}", self.of("TEXT", "TEXT", "LONGTEXT"))
    }

    /// Executes a script in such a text.
    pub fn script(&self, text: &str) {
        self.db.script(&self.sql(text)).expect("the script");
    }

    /// A table `t` of a key, a word that is there once, and a number.
    pub fn table(&self) -> &Database {
        self.script("CREATE TABLE t (id {id}, word {word} UNIQUE, n BIGINT)");
        &self.db
    }

    /// A query that takes longer than any test.
    pub fn slow(&self) -> &'static str {
        self.of(
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c",
            "SELECT pg_sleep(600)",
            "SELECT SLEEP(600)",
        )
    }

    /// Cuts all connections to this test's database, as an administrator would.
    pub fn cut(&self) {
        let admin = self.admin();
        if self.backend == Backend::Postgres {
            admin
                .query(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = ?",
                    &params![&self.name],
                )
                .expect("terminated");
            return;
        }
        let list = "SELECT id FROM information_schema.processlist WHERE db = ?";
        for row in &admin.query(list, &params![&self.name]).expect("a list") {
            // It may be gone by itself.
            let _ = admin.execute(&format!("KILL {}", row.at::<i64>(0).unwrap()), &[]);
        }
        until(|| admin.query(list, &params![&self.name]).unwrap().is_empty());
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        self.db.close();
        if let Some(admin) = &self.server.admin {
            let like = format!("{}%", self.name);
            let list = match self.backend {
                Backend::Postgres => "SELECT datname::text FROM pg_database WHERE datname LIKE ?",
                _ => "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE ?",
            };
            let force = self.of("", " WITH (FORCE)", "");
            let names = admin.query(list, &params![like]).unwrap_or_default();
            for name in names.iter().filter_map(|row| row.at::<String>(0).ok()) {
                if name == self.name || name.starts_with(&format!("{}_", self.name)) {
                    let _ = admin.execute(&format!("DROP DATABASE {name}{force}"), &[]);
                }
            }
        }
    }
}

fn server_url(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a database in the URL");
    format!("{server}/{database}")
}

/// Waits for a condition that no one announces.
#[track_caller]
pub fn until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "what was awaited did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The first value of the first row.
#[track_caller]
pub fn one(db: &Database, sql: &str, values: &[Value]) -> Value {
    let row = db.query_one(sql, values).expect("a result").expect("a row");
    row.values()[0].clone()
}

/// How many rows a table has.
#[track_caller]
pub fn count(db: &Database, table: &str) -> i64 {
    let row = db.query_one(&format!("SELECT COUNT(*) FROM {table}"), &[]);
    row.expect("a result")
        .expect("a row")
        .at(0)
        .expect("a number")
}

/// That a result is an error of a class.
#[macro_export]
macro_rules! assert_error {
    ($result:expr, $class:pat) => {
        match $result {
            Err($class) => {}
            other => panic!("expected {}, found {other:?}", stringify!($class)),
        }
    };
}

/// An error of a test's own closures.
pub type Done = Result<(), Error>;

//! One interface over three databases: SQLite, PostgreSQL and MySQL or MariaDB, chosen by a URL.
//!
//! Calls block; whoever calls stands on a thread that may. Statements are written with `?` for their
//! parameters on every back end, values are of eight kinds ([`Value`]) on every back end, and errors
//! are sorted into the classes that a caller can act upon ([`Error`]). `README.md` beside this
//! crate's sources has the table of types, the guarantees and the limits.
//!
//! ```
//! use harmonious_db::{Config, Database, params};
//!
//! # fn main() -> Result<(), harmonious_db::Error> {
//! let db = Database::open(&Config::new("sqlite::memory:"))?;
//! db.script("CREATE TABLE scripts (id INTEGER PRIMARY KEY, slug TEXT UNIQUE, n BIGINT)")?;
//! let id = db.insert("INSERT INTO scripts (slug, n) VALUES (?, ?)", &params!["hello", 5])?;
//! let row = db.query_one("SELECT slug, n FROM scripts WHERE id = ?", &params![id])?;
//! assert_eq!(row.unwrap().get::<i64>("n")?, 5);
//!
//! let failed: Result<(), harmonious_db::Error> = db.transaction(|tx| {
//!     tx.execute("UPDATE scripts SET n = n + ?", &params![1])?;
//!     tx.execute("INSERT INTO scripts (slug, n) VALUES (?, ?)", &params!["hello", 6])?;
//!     Ok(())
//! });
//! assert!(matches!(failed, Err(harmonious_db::Error::Unique { .. })));
//! # Ok(()) }
//! ```

#![forbid(unsafe_code)]

mod backend;
mod backup;
mod classify;
mod config;
mod convert;
mod database;
mod de;
mod error;
mod idle;
mod inserted;
mod lane;
mod migrate;
mod placeholders;
mod pool;
mod row;
mod search;
mod size;
mod timestamp;
mod transaction;
mod url;
mod value;
mod version;

pub use backend::Backend;
pub use config::{Config, Durability};
pub use convert::FromValue;
pub use database::{Database, Stats};
pub use error::Error;
pub use migrate::{Migrations, State, Status};
pub use row::{Row, Rows};
pub use search::{Hit, SearchIndex, Snippet};
pub use timestamp::Timestamp;
pub use transaction::{OwnedTransaction, Savepoint, Transaction};
pub use value::Value;
pub use version::Version;

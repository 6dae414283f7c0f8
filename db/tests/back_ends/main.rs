//! The same tests on SQLite, PostgreSQL and MariaDB, on real servers.
//!
//! `cargo test -p harmonious-db --test back_ends postgres::transactions` runs what has this in its
//! name. The servers' URLs come from the environment, or from `tests/databases`, which starts some
//! for the time of the tests. Where a server cannot be had its tests are counted as ignored, and the
//! reason is the last thing that is said.

#![forbid(unsafe_code)]

mod harness;
mod servers;
mod stage;

mod backups;
mod errors;
mod limits;
mod migrations;
mod queries;
mod recovery;
mod searches;
mod statements;
mod transactions;
mod types;
mod versions;

use std::process::ExitCode;

use harmonious_db::Backend;
use harness::Case;

/// Every module with its cases, which run on each back end.
const COMMON: &[(&str, &[Case])] = &[
    ("types", types::CASES),
    ("queries", queries::CASES),
    ("statements", statements::CASES),
    ("errors", errors::CASES),
    ("transactions", transactions::CASES),
    ("limits", limits::CASES),
    ("migrations", migrations::CASES),
    ("backups", backups::CASES),
    ("searches", searches::CASES),
    ("recovery", recovery::CASES),
];

/// What only makes sense with some of them.
const OWN: &[(Backend, &str, &[Case])] = &[
    (Backend::Sqlite, "limits", limits::SQLITE),
    (Backend::Sqlite, "recovery", recovery::SQLITE),
    (Backend::Sqlite, "versions", versions::SQLITE),
    (Backend::Postgres, "statements", statements::POSTGRES),
    (Backend::Postgres, "versions", versions::SERVERS),
    (Backend::Postgres, "recovery", recovery::SERVERS),
    (Backend::MySql, "versions", versions::SERVERS),
    (Backend::MySql, "recovery", recovery::SERVERS),
];

fn main() -> ExitCode {
    if recovery::is_child() {
        return ExitCode::SUCCESS;
    }
    harness::main(COMMON, OWN)
}

/// Makes a list of the functions in it, which take a [`stage::Stage`].
#[macro_export]
macro_rules! cases {
    ($list:ident: $(fn $name:ident($stage:ident) $body:block)*) => {
        $(fn $name($stage: &$crate::stage::Stage) $body)*
        pub const $list: &[$crate::harness::Case] = &[$((stringify!($name), $name)),*];
    };
}

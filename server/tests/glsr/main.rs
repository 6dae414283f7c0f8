//! The script repository through the real binary, on SQLite and on PostgreSQL.
//!
//! The tests on PostgreSQL take the server of `TEST_POSTGRES_URL`, and make databases of their own there; without it
//! they are left out, and say so. `common` tells how a test is written.

#![forbid(unsafe_code)]

mod common;

mod admin;
mod api;
mod authors;
mod browse;
mod feeds;
mod first_start;
mod hostile;
mod pages;
mod raw;
mod review;
mod roles;
mod script_page;
mod search;
mod signatures;
mod snapshot;
mod talk;
mod tasks;
mod versions;

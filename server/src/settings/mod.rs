//! The settings of the server: what they are ([`table`]), how they are written ([`kind`]), where
//! they come from ([`layers`]), and what they make together ([`Config`]).
//!
//! One table holds every setting once. The flags with their help, the variables of the environment,
//! the keys of `harmonious.toml`, the messages about bad values and `harmonious config` are all
//! made from it.

mod check;
mod environment;
mod file;
mod kind;
mod layers;
mod names;
mod table;
mod units;

use std::time::Duration;

use harmonious_http::{Limits, Listen};
use tracing_subscriber::filter::LevelFilter;

pub use environment::from_environment;
pub use file::{from_file, from_site};
pub use layers::{Given, Origin, Settings, bad};
pub use names::did_you_mean;
pub use table::{SETTINGS, Setting, find};
pub use units::size;

/// What the server is told, in the types of the crates that are told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the site is served, at least one address.
    pub listen: Vec<Listen>,
    /// Where the control listener is, if there is one; loopback or a Unix socket.
    pub control: Option<Listen>,
    /// The pool.
    pub pool: harmonious_pool::Config,
    /// The front of the site.
    pub limits: Limits,
    /// How long the end may take.
    pub grace: Duration,
    /// How log lines are written.
    pub log: LogFormat,
    /// Which events are logged.
    pub log_level: LevelFilter,
    /// Whether each request is logged.
    pub access_log: bool,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// A JSON object in each line.
    Json,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: vec![Listen::Ip(([127, 0, 0, 1], 8080).into())],
            control: Some(Listen::Ip(([127, 0, 0, 1], 8081).into())),
            pool: harmonious_pool::Config::default(),
            limits: Limits::default(),
            grace: Duration::from_secs(30),
            log: LogFormat::Text,
            log_level: LevelFilter::INFO,
            access_log: true,
        }
    }
}

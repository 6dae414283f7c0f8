//! The table of all settings. To add one, add a row here and a field to what it sets.

use std::ops::RangeInclusive;
use std::time::Duration;

use harmonious_pool::PolicyKind;
use harmonious_pool::config::WORKERS_CEILING;

use super::kind::{
    Kind, addresses, choices, control, dir, level, show_level, spawn_limit, workers,
};
use super::units::{DAY, KIB, MIB, MOMENT, TIB};
use super::{Config, LogFormat};

/// A setting: its one name on the command line, in the environment and in the file.
#[derive(Debug)]
pub struct Setting {
    /// The name, in lower case with hyphens.
    pub name: &'static str,
    /// The heading in the help under which it stands.
    pub group: &'static str,
    /// What stands for the value in the help.
    pub placeholder: &'static str,
    /// What it does, as a sentence without its full stop.
    pub help: &'static str,
    /// How it is written, and where it is kept.
    pub kind: Kind,
}

impl Setting {
    /// The flag, with its hyphens.
    pub fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    /// The variable of the environment.
    pub fn variable(&self) -> String {
        let name = self.name.to_uppercase().replace('-', "_");
        format!("{}{name}", super::environment::PREFIX)
    }

    /// Whether it takes several values.
    pub fn is_list(&self) -> bool {
        matches!(self.kind, Kind::List { .. })
    }

    /// The words that it can be set to, if it is one of some words.
    pub fn choices(&self) -> Option<&'static str> {
        match &self.kind {
            Kind::Choice { allowed, .. } => Some(allowed),
            _ => None,
        }
    }

    /// Its value, as one would write it.
    pub fn show(&self, config: &Config) -> String {
        self.kind.show(config)
    }
}

/// The setting of that name.
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

const NETWORK: &str = "Network";
const POOL: &str = "Pool";
const LIMITS: &str = "Limits of the HTTP front";
const LOG: &str = "Log";

macro_rules! number {
    ($range:expr, $($field:ident).+) => {
        Kind::Number {
            range: $range,
            get: |config| config.$($field).+ as u64,
            set: |config, number| config.$($field).+ = number as _,
        }
    };
}

macro_rules! size {
    ($range:expr, $($field:ident).+) => {
        Kind::Size {
            range: $range,
            get: |config| config.$($field).+ as u64,
            set: |config, bytes| config.$($field).+ = bytes as _,
        }
    };
}

macro_rules! time {
    ($range:expr, $($field:ident).+) => {
        Kind::Time {
            range: $range,
            get: |config| config.$($field).+,
            set: |config, time| config.$($field).+ = time,
        }
    };
}

const fn up_to(most: u64) -> RangeInclusive<u64> {
    1..=most
}

const fn row(
    group: &'static str,
    name: &'static str,
    placeholder: &'static str,
    kind: Kind,
    help: &'static str,
) -> Setting {
    Setting {
        name,
        group,
        placeholder,
        help,
        kind,
    }
}

/// Every setting, in the order of the help.
#[rustfmt::skip] // a table is read by its columns
pub static SETTINGS: &[Setting] = &[
    row(NETWORK, "listen", "ADDRESS", addresses(),
        "Serve the site here; may be given several times (in the environment: with commas between)"),
    row(NETWORK, "control", "ADDRESS", control(),
        "Answer /health, /ready, /metrics and /pool here"),
    row(NETWORK, "grace", "DURATION", time!(Duration::ZERO..=DAY, grace),
        "After SIGTERM or SIGINT, finish what was begun within this time"),

    row(POOL, "workers", "LEAST..MOST", workers(),
        "Workers that are kept however idle, and most workers"),
    row(POOL, "start", "COUNT", number!(up_to(WORKERS_CEILING as u64), pool.workers_start),
        "Workers at the start"),
    row(POOL, "spawn-limit", "COUNT/DURATION", spawn_limit(),
        "Start at most so many threads in any time so long"),
    row(POOL, "average", "COUNT", number!(up_to(10_000), pool.average),
        "Requests over which the moving average of their times is taken"),
    row(POOL, "idle", "DURATION", time!(MOMENT..=DAY, pool.idle),
        "Let a worker go that had nothing to do for so long"),
    row(POOL, "queue-wait", "DURATION", time!(MOMENT..=DAY, pool.queue_wait),
        "Longest that a request may wait for a worker; then it is answered with 503"),
    row(POOL, "queue-len", "COUNT", number!(up_to(1_000_000), pool.queue_len_max),
        "Most requests that may wait for a worker"),
    row(POOL, "policy", "POLICY", Kind::Choice {
            allowed: "adaptive, seed, greedy or fixed:N",
            get: |config| config.pool.policy.to_string(),
            set: |config, text| text.parse::<PolicyKind>().map(|p| config.pool.policy = p).is_ok(),
        },
        "How the number of requests that run at once is found"),

    row(LIMITS, "max-connections", "COUNT", number!(up_to(1_000_000), limits.connections_max),
        "Most open connections; for one more, the idlest is closed"),
    row(LIMITS, "max-per-address", "COUNT", number!(up_to(1_000_000), limits.per_address_max),
        "Most open connections of one client address (of one /64 for IPv6)"),
    row(LIMITS, "max-requests", "COUNT", number!(up_to(1 << 40), limits.requests_max),
        "Most requests of one connection"),
    row(LIMITS, "header-timeout", "DURATION", time!(MOMENT..=DAY, limits.header_timeout),
        "Time for a whole request head"),
    row(LIMITS, "body-timeout", "DURATION", time!(MOMENT..=DAY, limits.body_timeout),
        "Time for a request body before it must have come at 500 bytes per second"),
    row(LIMITS, "idle-timeout", "DURATION", time!(MOMENT..=DAY, limits.idle_timeout),
        "Close a connection that brought no request for so long"),
    row(LIMITS, "write-timeout", "DURATION", time!(MOMENT..=DAY, limits.write_timeout),
        "Close a connection that took nothing of its response for so long"),
    row(LIMITS, "max-header", "SIZE", size!(KIB..=MIB, limits.head_max_bytes),
        "Largest request head"),
    row(LIMITS, "max-request-line", "SIZE", size!(64..=MIB, limits.request_line_max_bytes),
        "Longest request line"),
    row(LIMITS, "max-fields", "COUNT", number!(up_to(100), limits.fields_max),
        "Most header fields of a request"),
    row(LIMITS, "max-body", "SIZE", size!(0..=TIB, limits.body_max_bytes),
        "Largest request body"),
    row(LIMITS, "temp-dir", "DIR", dir(),
        "Where large request bodies lie until they are handled"),

    row(LOG, "log", "FORMAT", Kind::Choice {
            allowed: "text or json",
            get: |config| choices::show(FORMATS, config.log),
            set: |config, text| choices::set(FORMATS, text, &mut config.log),
        },
        "How lines are written to standard error"),
    row(LOG, "log-level", "LEVEL", Kind::Choice {
            allowed: "off, error, warn, info, debug or trace",
            get: |config| show_level(config.log_level),
            set: |config, text| level(text).map(|level| config.log_level = level).is_some(),
        },
        "Which events are logged"),
    row(LOG, "access-log", "on|off", Kind::Choice {
            allowed: "on or off",
            get: |config| choices::show(SWITCH, config.access_log),
            set: |config, text| choices::set(SWITCH, text, &mut config.access_log),
        },
        "Log each request, whatever the level"),
];

const FORMATS: &[(&str, LogFormat)] = &[("text", LogFormat::Text), ("json", LogFormat::Json)];
const SWITCH: &[(&str, bool)] = &[("on", true), ("off", false)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_can_be_written_as_it_is_shown() {
        for setting in SETTINGS {
            let default = Config::default();
            let shown = setting.show(&default);
            let mut config = default.clone();
            let values = setting.split(&shown);
            setting
                .set(&mut config, &values)
                .unwrap_or_else(|allowed| panic!("{} {shown}: {allowed}", setting.name));
            assert_eq!(setting.show(&config), shown, "{}", setting.name);
        }
    }

    #[test]
    fn names_are_unique_and_become_variables() {
        for (at, setting) in SETTINGS.iter().enumerate() {
            assert!(
                SETTINGS[..at]
                    .iter()
                    .all(|other| other.name != setting.name),
                "{} stands twice",
                setting.name
            );
        }
        assert_eq!(
            find("queue-wait").unwrap().variable(),
            "HARMONIOUS_QUEUE_WAIT"
        );
    }
}

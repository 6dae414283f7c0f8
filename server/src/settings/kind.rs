//! How values are written: counts, durations, sizes, addresses, choices; and what is said about
//! those that are none.

use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use harmonious_http::{Error, Listen};
use harmonious_pool::config::WORKERS_CEILING;
use tracing_subscriber::filter::LevelFilter;

use super::Config;
use super::table::Setting;
use super::units::{DAY, MOMENT, digits, show_size, show_time, size, time, within};

/// How a setting is written and where it is kept.
#[derive(Debug)]
pub enum Kind {
    /// A whole number.
    Number {
        range: RangeInclusive<u64>,
        get: fn(&Config) -> u64,
        set: fn(&mut Config, u64),
    },
    /// Bytes, with a unit.
    Size {
        range: RangeInclusive<u64>,
        get: fn(&Config) -> u64,
        set: fn(&mut Config, u64),
    },
    /// A duration.
    Time {
        range: RangeInclusive<Duration>,
        get: fn(&Config) -> Duration,
        set: fn(&mut Config, Duration),
    },
    /// One of some words. `set` says whether the text is one.
    Choice {
        allowed: &'static str,
        get: fn(&Config) -> String,
        set: fn(&mut Config, &str) -> bool,
    },
    /// What has a form of its own. `set` gives what is allowed where the text is not.
    Form {
        get: fn(&Config) -> String,
        set: fn(&mut Config, &str) -> Result<(), String>,
    },
    /// Several values; they replace those that were there.
    List {
        get: fn(&Config) -> Vec<String>,
        set: fn(&mut Config, &[String]) -> Result<(), String>,
    },
}

impl Kind {
    /// The value, as one would write it.
    pub fn show(&self, config: &Config) -> String {
        match self {
            Kind::Number { get, .. } => get(config).to_string(),
            Kind::Size { get, .. } => show_size(get(config)),
            Kind::Time { get, .. } => show_time(get(config)),
            Kind::Choice { get, .. } | Kind::Form { get, .. } => get(config),
            Kind::List { get, .. } => get(config).join(","),
        }
    }
}

impl Setting {
    /// Sets it.
    ///
    /// # Errors
    /// What is allowed, if the text is not.
    pub fn set(&self, config: &mut Config, values: &[String]) -> Result<(), String> {
        if let Kind::List { set, .. } = &self.kind {
            return set(config, values);
        }
        let [text] = values else {
            return Err("one value".to_owned());
        };
        match &self.kind {
            Kind::Number { range, set, .. } => {
                let allowed = || format!("a number, {} to {}", range.start(), range.end());
                set(config, within(digits(text), range).ok_or_else(allowed)?);
            }
            Kind::Size { range, set, .. } => {
                let allowed = || {
                    let (least, most) = (show_size(*range.start()), show_size(*range.end()));
                    format!("a size such as 64KiB or 2MB, {least} to {most}")
                };
                set(config, within(size(text), range).ok_or_else(allowed)?);
            }
            Kind::Time { range, set, .. } => set(config, time(text, range)?),
            Kind::Choice { allowed, set, .. } => {
                if !set(config, text) {
                    return Err((*allowed).to_owned());
                }
            }
            Kind::Form { set, .. } => set(config, text)?,
            Kind::List { .. } => {}
        }
        Ok(())
    }

    /// The values in one text, as the environment has them.
    pub fn split(&self, text: &str) -> Vec<String> {
        if self.is_list() {
            return text.split(',').map(|part| part.trim().to_owned()).collect();
        }
        vec![text.to_owned()]
    }
}

/// `--listen`.
pub const fn addresses() -> Kind {
    Kind::List {
        get: |config| config.listen.iter().map(Listen::to_string).collect(),
        set: |config, values| {
            let parsed = values.iter().map(|text| address(text));
            config.listen = parsed.collect::<Result<Vec<_>, _>>()?;
            match config.listen.is_empty() {
                true => Err(ADDRESSES.to_owned()),
                false => Ok(()),
            }
        },
    }
}

const ADDRESSES: &str = "IP:PORT, localhost:PORT, unix:/PATH or fd:N";

fn address(text: &str) -> Result<Listen, String> {
    Listen::from_str(text).map_err(|error| match error {
        Error::Address { why, .. } => format!("{ADDRESSES} ({why})"),
        _ => ADDRESSES.to_owned(),
    })
}

/// `--control`: only those at this machine may ask, so only they can reach it.
pub const fn control() -> Kind {
    Kind::Form {
        get: |config| match &config.control {
            Some(listen) => listen.to_string(),
            None => "off".to_owned(),
        },
        set: |config, text| {
            config.control = match text {
                "off" => None,
                _ => match Listen::from_str(text) {
                    Ok(listen) if is_local(&listen) => Some(listen),
                    _ => return Err(CONTROL.to_owned()),
                },
            };
            Ok(())
        },
    }
}

const CONTROL: &str = "a loopback address such as 127.0.0.1:8081, unix:/PATH or off";

fn is_local(listen: &Listen) -> bool {
    match listen {
        Listen::Ip(address) => address.ip().to_canonical().is_loopback(),
        Listen::Unix(_) => true,
        _ => false,
    }
}

/// `--workers`: `4..256`, or one number for both.
pub const fn workers() -> Kind {
    Kind::Form {
        get: |config| format!("{}..{}", config.pool.workers_min, config.pool.workers_max),
        set: |config, text| {
            let (least, most) = text.split_once("..").unwrap_or((text, text));
            let allowed = || format!("LEAST..MOST such as 4..256, 1 to {WORKERS_CEILING}");
            let range = 1..=WORKERS_CEILING as u64;
            let least = within(digits(least), &range).ok_or_else(allowed)?;
            let most = within(digits(most), &range).ok_or_else(allowed)?;
            if least > most {
                return Err(allowed());
            }
            config.pool.workers_min = least as usize;
            config.pool.workers_max = most as usize;
            Ok(())
        },
    }
}

/// `--spawn-limit`: `256/60s`.
pub const fn spawn_limit() -> Kind {
    Kind::Form {
        get: |config| {
            let window = show_time(config.pool.spawn_window);
            format!("{}/{window}", config.pool.spawn_limit)
        },
        set: |config, text| {
            let (least, most) = (show_time(MOMENT), show_time(DAY));
            let allowed = || {
                format!(
                    "COUNT/DURATION such as 256/60s, 1 to {WORKERS_CEILING} in {least} to {most}"
                )
            };
            let (count, per) = text.split_once('/').ok_or_else(allowed)?;
            let range = 1..=WORKERS_CEILING as u64;
            let count = within(digits(count), &range).ok_or_else(allowed)?;
            config.pool.spawn_window = time(per, &(MOMENT..=DAY)).map_err(|_| allowed())?;
            config.pool.spawn_limit = count as usize;
            Ok(())
        },
    }
}

/// `--temp-dir`.
pub const fn dir() -> Kind {
    Kind::Form {
        get: |config| config.limits.temp_dir.display().to_string(),
        set: |config, text| {
            config.limits.temp_dir = Path::new(text).to_owned();
            match config.limits.temp_dir.is_dir() {
                true => Ok(()),
                false => Err("a folder that exists".to_owned()),
            }
        },
    }
}

/// Values that are one of some words.
pub mod choices {
    /// Sets the field to what the word stands for, if it is one.
    pub fn set<T: Copy>(words: &[(&str, T)], text: &str, field: &mut T) -> bool {
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => *field = *value,
            None => return false,
        }
        true
    }

    /// The word for the value.
    pub fn show<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> String {
        let word = words.iter().find(|(_, other)| *other == value);
        word.map_or_else(String::new, |(word, _)| (*word).to_owned())
    }
}

/// The level of that name.
pub fn level(text: &str) -> Option<LevelFilter> {
    // The type's own parser takes numbers and capitals too: one way to write it is enough.
    let level = text.parse().ok()?;
    (show_level(level) == text).then_some(level)
}

/// The name of a level.
pub fn show_level(level: LevelFilter) -> String {
    level.to_string().to_lowercase()
}

#[cfg(test)]
#[path = "kind_tests.rs"]
mod tests;

//! Where values come from: a flag beats the environment, that beats the file, that beats the
//! default. Every value is checked, also one that another beats.

use std::fmt;
use std::path::PathBuf;

use super::Config;
use super::check;
use super::table::{SETTINGS, Setting};
use crate::failure::{Failure, one_line};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File { path, line } => write!(f, "{}:{line}", path.display()),
            Origin::Environment(name) | Origin::Flag(name) => f.write_str(name),
        }
    }
}

/// What one layer says about one setting.
#[derive(Clone, Debug)]
pub struct Given {
    /// The setting.
    pub setting: &'static Setting,
    /// The values as written; one, unless the setting is a list.
    pub values: Vec<String>,
    /// Where they stand.
    pub origin: Origin,
}

/// All settings with their values and where these come from.
#[derive(Clone, Debug)]
pub struct Settings {
    config: Config,
    /// In the order of the table.
    origins: Vec<Origin>,
}

impl Settings {
    /// What the layers make together, the weakest first.
    ///
    /// # Errors
    /// Names the first value that is not allowed, where it comes from and what is allowed.
    pub fn new(layers: impl IntoIterator<Item = Given>) -> Result<Settings, Failure> {
        let mut settings = Settings {
            config: Config::default(),
            origins: vec![Origin::Default; SETTINGS.len()],
        };
        for given in layers {
            let set = given.setting.set(&mut settings.config, &given.values);
            set.map_err(|allowed| {
                bad(
                    given.setting.name,
                    &given.values.join(","),
                    &given.origin,
                    &allowed,
                )
            })?;
            settings.origins[place(given.setting)] = given.origin;
        }
        check::adjust(&mut settings.config, &settings.origins);
        check::together(&settings)?;
        Ok(settings)
    }

    /// The values.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the value of a setting comes from.
    pub fn origin(&self, setting: &Setting) -> &Origin {
        &self.origins[place(setting)]
    }
}

/// The table that `harmonious config` prints.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: &dyn Fn(&Setting) -> usize| SETTINGS.iter().map(column).max();
        let names = width(&|setting| setting.name.len()).unwrap_or(0);
        let values = width(&|setting| setting.show(&self.config).chars().count()).unwrap_or(0);
        for setting in SETTINGS {
            let value = one_line(&setting.show(&self.config));
            let origin = one_line(&self.origin(setting).to_string());
            writeln!(f, "{:names$}  {value:values$}  {origin}", setting.name)?;
        }
        Ok(())
    }
}

pub(super) fn place(setting: &Setting) -> usize {
    let same = |other: &Setting| other.name == setting.name;
    SETTINGS.iter().position(same).unwrap_or(0)
}

/// A value that is not allowed.
pub fn bad(name: &str, value: &str, origin: &Origin, allowed: &str) -> Failure {
    let from = match origin {
        Origin::Default => "by default".to_owned(),
        origin => format!("from {origin}"),
    };
    Failure::Usage(format!(
        "{name} is {value:?} ({from}): allowed is {allowed}"
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::table::find;
    use super::*;

    fn given(name: &str, value: &str, origin: Origin) -> Given {
        Given {
            setting: find(name).unwrap(),
            values: vec![value.to_owned()],
            origin,
        }
    }

    fn file(line: usize) -> Origin {
        Origin::File {
            path: "x/harmonious.toml".into(),
            line,
        }
    }

    #[test]
    fn the_last_layer_wins_and_is_remembered() {
        let settings = Settings::new([
            given("idle", "1s", file(1)),
            given("average", "3", file(7)),
            given(
                "idle",
                "2s",
                Origin::Environment("HARMONIOUS_IDLE".to_owned()),
            ),
            given("idle", "3s", Origin::Flag("--idle".to_owned())),
        ])
        .unwrap();
        assert_eq!(settings.config().pool.idle, Duration::from_secs(3));
        let origin = |name| settings.origin(find(name).unwrap()).to_string();
        assert_eq!(origin("idle"), "--idle");
        assert_eq!(origin("average"), "x/harmonious.toml:7");
        assert_eq!(origin("grace"), "default");
    }

    #[test]
    fn a_bad_value_is_named_even_if_another_beats_it() {
        let variable = Origin::Environment("HARMONIOUS_QUEUE_WAIT".to_owned());
        let result = Settings::new([
            given("queue-wait", "5 parsecs", variable),
            given("queue-wait", "1s", Origin::Flag("--queue-wait".to_owned())),
        ]);
        let message = "queue-wait is \"5 parsecs\" (from HARMONIOUS_QUEUE_WAIT): \
                       allowed is a duration such as 500ms, 1 ms to 24 h";
        assert_eq!(result.unwrap_err(), Failure::Usage(message.to_owned()));
    }

    #[test]
    fn each_setting_is_printed_with_its_origin() {
        let settings = Settings::new([given("max-body", "5MiB", file(2))]).unwrap();
        let printed = settings.to_string();
        assert_eq!(printed.lines().count(), SETTINGS.len());
        let line = printed.lines().find(|line| line.starts_with("max-body"));
        let words: Vec<&str> = line.unwrap().split_whitespace().collect();
        assert_eq!(words, ["max-body", "5MiB", "x/harmonious.toml:2"]);
    }
}

//! The command line of a trial: some numbers of its own, and what all of them take.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, process};

/// A flag that takes a whole number above 0.
pub struct Number {
    /// With its dashes: `--seconds`.
    pub name: &'static str,
    /// Where it is not given.
    pub default: u64,
    /// One line for `--help`.
    pub about: &'static str,
}

/// What was asked for.
#[derive(Debug, PartialEq)]
pub struct Options {
    /// The binary of our server for benches.
    pub app: PathBuf,
    /// The binary of our server as it is shipped.
    pub harmonious: PathBuf,
    /// Whether the page goes into `bench/RESULTS.md`.
    pub write: bool,
    numbers: Vec<(&'static str, u64)>,
}

impl Options {
    /// Reads the command line; on `--help` and on a bad one, says what there is and ends the
    /// process. `about` says what is measured.
    pub fn read(name: &str, about: &str, numbers: &[Number]) -> Self {
        match Self::parse(env::args().skip(1), numbers) {
            Ok(Some(options)) => options,
            Ok(None) => {
                print!("{}", usage(name, about, numbers));
                process::exit(0);
            }
            Err(error) => {
                eprintln!("{name}: {error}\n\n{}", usage(name, about, numbers));
                process::exit(2);
            }
        }
    }

    /// `None` when the user asked for help.
    fn parse(
        mut words: impl Iterator<Item = String>,
        numbers: &[Number],
    ) -> Result<Option<Self>, String> {
        let mut options = Self {
            app: PathBuf::from("target/release/harmonious-bench-app"),
            harmonious: PathBuf::from("target/release/harmonious"),
            write: false,
            numbers: numbers.iter().map(|n| (n.name, n.default)).collect(),
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--app" => options.app = PathBuf::from(value()?),
                "--harmonious" => options.harmonious = PathBuf::from(value()?),
                "--write" => options.write = true,
                "--bench" => {} // what "cargo bench" adds
                "-h" | "--help" => return Ok(None),
                _ => {
                    let mut known = options.numbers.iter_mut();
                    let number = known.find(|(name, _)| *name == word);
                    let number = number.ok_or(format!("there is no option {word}"))?;
                    number.1 = count(&value()?)?;
                }
            }
        }
        Ok(Some(options))
    }

    /// The value of a flag.
    ///
    /// # Panics
    /// Where the trial has no such flag.
    pub fn number(&self, name: &str) -> u64 {
        let mut numbers = self.numbers.iter();
        let found = numbers.find(|(known, _)| *known == name);
        found.map(|(_, value)| *value).expect("a flag of the trial")
    }

    /// The value of a flag in seconds.
    ///
    /// # Panics
    /// As [`Options::number`].
    pub fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs(self.number(name))
    }

    /// All numbers, in one line.
    pub fn facts(&self) -> String {
        let numbers = self.numbers.iter();
        let facts = numbers.map(|(name, value)| format!("{} {value}", name.trim_matches('-')));
        facts.collect::<Vec<_>>().join(", ")
    }
}

fn usage(name: &str, about: &str, numbers: &[Number]) -> String {
    let numbers: String = numbers
        .iter()
        .map(|number| {
            let flag = format!("{} N", number.name);
            format!(
                "  {flag:<18} {} (default {})\n",
                number.about, number.default
            )
        })
        .collect();
    format!(
        "{name} [OPTION...]\n\n{about}\n{numbers}  \
         --app PATH         our server for benches, as bench/run builds it\n  \
         --harmonious PATH  our server as it is shipped, likewise\n  \
         --write            put the figures into bench/RESULTS.md\n"
    )
}

fn count(word: &str) -> Result<u64, String> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or(format!("\"{word}\" is no whole number above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: Number = Number {
        name: "--seconds",
        default: 10,
        about: "length of one measurement",
    };

    fn parse(line: &str) -> Result<Options, String> {
        let words = line.split_whitespace().map(str::to_owned);
        Options::parse(words, &[SECONDS]).map(|options| options.expect("no call for help"))
    }

    #[test]
    fn numbers_have_defaults() {
        let check = |line: &str, expected: u64| {
            let options = parse(line).expect("a good line");
            assert_eq!(options.number("--seconds"), expected);
            assert_eq!(options.facts(), format!("seconds {expected}"));
        };
        check("--write", 10);
        check("--seconds 3", 3);
    }

    #[test]
    fn bad_words_are_named() {
        let check = |line: &str, expected: &str| assert_eq!(parse(line), Err(expected.to_owned()));
        check("--seconds 0", "\"0\" is no whole number above 0");
        check("--seconds", "--seconds needs a value");
        check("--rounds 1", "there is no option --rounds");
    }
}

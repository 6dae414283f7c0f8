//! The command line of the measurements that start servers.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, process};

use super::Case;
use super::server::Entrant;

/// What all of them take.
const USAGE: &str = "  --seconds N        length of one measurement (default 5)
  --rounds N         measurements of each server; the median is reported (default 3)
  --warm-up N        seconds of load before each measurement (default: what the case asks for)
  --cases A,B        only the cases whose names contain one of the texts
  --servers A,B      only these servers
  --threads N        threads of wrk (default 2)
  --app PATH         our server for benches, as bench/run builds it
  --harmonious PATH  our server as it is shipped, likewise
  --write            put the tables into bench/RESULTS.md
";

/// What was asked for.
#[derive(Debug, PartialEq)]
pub struct Args {
    /// Length of one measurement.
    pub seconds: u64,
    /// Measurements of each server.
    pub rounds: usize,
    /// In place of what the cases ask for.
    pub warm_up: Option<Duration>,
    /// Threads of `wrk`.
    pub wrk_threads: usize,
    /// The binary of our server for benches.
    pub app: PathBuf,
    /// The binary of our server as it is shipped.
    pub harmonious: PathBuf,
    /// Whether the tables go into `bench/RESULTS.md`.
    pub write: bool,
    cases: Option<Vec<String>>,
    servers: Option<Vec<String>>,
}

impl Args {
    /// Reads the command line; on `--help` and on a bad one, says what there is and ends the
    /// process. `about` says what is measured, and names the servers and the cases.
    pub fn read(name: &str, about: &str) -> Self {
        let usage = format!("{name} [OPTION...]\n\n{about}\n{USAGE}");
        match Self::parse(env::args().skip(1)) {
            Ok(Some(args)) => args,
            Ok(None) => {
                print!("{usage}");
                process::exit(0);
            }
            Err(error) => {
                eprintln!("{name}: {error}\n\n{usage}");
                process::exit(2);
            }
        }
    }

    /// `None` when the user asked for help.
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut args = Self {
            seconds: 5,
            rounds: 3,
            warm_up: None,
            wrk_threads: 2,
            app: PathBuf::from("target/release/harmonious-bench-app"),
            harmonious: PathBuf::from("target/release/harmonious"),
            write: false,
            cases: None,
            servers: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--seconds" => args.seconds = count(&value()?)?,
                "--rounds" => args.rounds = count(&value()?)? as usize,
                "--warm-up" => args.warm_up = Some(Duration::from_secs(number(&value()?)?)),
                "--cases" => args.cases = Some(list(&value()?)),
                "--servers" => args.servers = Some(list(&value()?)),
                "--threads" => args.wrk_threads = count(&value()?)? as usize,
                "--app" => args.app = PathBuf::from(value()?),
                "--harmonious" => args.harmonious = PathBuf::from(value()?),
                "--write" => args.write = true,
                "-h" | "--help" => return Ok(None),
                _ => return Err(format!("there is no option {word}")),
            }
        }
        if args.write && (args.cases.is_some() || args.servers.is_some()) {
            let advice = "--write takes all: leave --cases and --servers away";
            return Err(advice.to_owned());
        }
        Ok(Some(args))
    }

    /// Those that take part.
    ///
    /// # Errors
    /// Names the one that does not exist, and those that do.
    pub fn choose_servers(&self, all: Vec<Entrant>) -> Result<Vec<Entrant>, String> {
        let known: Vec<&str> = all.iter().map(|entrant| entrant.name).collect();
        let mut unknown = self.servers.iter().flatten();
        if let Some(name) = unknown.find(|name| !known.contains(&name.as_str())) {
            let known = known.join(", ");
            return Err(format!("there is no server \"{name}\", but {known}"));
        }
        let takes_part = |entrant: &Entrant| match &self.servers {
            Some(names) => names.iter().any(|name| name == entrant.name),
            None => entrant.by_default,
        };
        Ok(all.into_iter().filter(takes_part).collect())
    }

    /// Those that are measured.
    ///
    /// # Errors
    /// Says so where nothing is left.
    pub fn choose_cases(&self, all: Vec<Case>) -> Result<Vec<Case>, String> {
        let Some(texts) = &self.cases else {
            return Ok(all);
        };
        let known: Vec<&str> = all.iter().map(|case| case.name).collect();
        let known = known.join(", ");
        let is_chosen = |case: &Case| texts.iter().any(|text| case.name.contains(text.as_str()));
        let chosen: Vec<Case> = all.into_iter().filter(is_chosen).collect();
        match chosen.is_empty() {
            true => Err(format!("no such case, but {known}")),
            false => Ok(chosen),
        }
    }
}

fn list(word: &str) -> Vec<String> {
    word.split(',').map(str::to_owned).collect()
}

fn number(word: &str) -> Result<u64, String> {
    let number = word.parse();
    number.map_err(|_| format!("\"{word}\" is no whole number"))
}

fn count(word: &str) -> Result<u64, String> {
    let number = number(word).ok().filter(|number| *number > 0);
    number.ok_or(format!("\"{word}\" is no whole number above 0"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn parse(line: &str) -> Result<Args, String> {
        let words = line.split_whitespace().map(str::to_owned);
        Args::parse(words).map(|args| args.expect("no call for help"))
    }

    #[test]
    fn bad_words_are_named() {
        let check = |line: &str, expected: &str| assert_eq!(parse(line), Err(expected.to_owned()));
        check("--seconds 0", "\"0\" is no whole number above 0");
        check("--warm-up x", "\"x\" is no whole number");
        check("--app", "--app needs a value");
        check("--only x", "there is no option --only");
        let advice = "--write takes all: leave --cases and --servers away";
        check("--write --cases hello", advice);
    }

    #[test]
    fn servers_are_chosen_by_name() {
        let all = || {
            let entrant = |name| Entrant::announcing(name, Path::new("x"), &[]);
            let mut extra = entrant("c");
            extra.by_default = false;
            vec![entrant("a"), entrant("b"), extra]
        };
        let check = |line: &str, expected: Result<&[&str], &str>| {
            let chosen = parse(line).expect("a good line").choose_servers(all());
            let names = chosen.map(|all| all.iter().map(|one| one.name).collect::<Vec<_>>());
            let expected = expected.map(<[&str]>::to_vec).map_err(str::to_owned);
            assert_eq!(names, expected);
        };
        check("", Ok(&["a", "b"]));
        check("--servers c,a", Ok(&["a", "c"]));
        check("--servers d", Err("there is no server \"d\", but a, b, c"));
    }
}

//! What the command line asks for; its grammar and help are in [`grammar`].

mod grammar;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;
use crate::settings::{
    self, Given, Origin, SETTINGS, Setting, Settings, did_you_mean, from_environment, from_file,
};
use grammar::{COMMANDS, command};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// A text on standard output: help, the version.
    Print(String),
    /// `harmonious serve`.
    Serve(Box<Site>),
    /// `harmonious config`.
    Config(Box<Site>),
    /// `harmonious status`.
    Status(Status),
}

/// A site and how it is to be served.
#[derive(Debug)]
pub struct Site {
    /// Its folder.
    pub dir: PathBuf,
    /// The settings.
    pub settings: Settings,
}

/// What `harmonious status` is to show.
#[derive(Debug)]
pub struct Status {
    /// Where the control listener is.
    pub control: harmonious_http::Listen,
    /// As the server sends it, not for people.
    pub json: bool,
}

/// Reads a command line, the name of the program first, and what it leaves to the environment.
///
/// # Errors
/// One line about what cannot be meant so.
pub fn parse(args: impl Iterator<Item = OsString>) -> Result<Invocation, Failure> {
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) => return explain(&error),
    };
    match matches.subcommand() {
        Some(("serve", matches)) => site(matches).map(|site| Invocation::Serve(Box::new(site))),
        Some(("config", matches)) => site(matches).map(|site| Invocation::Config(Box::new(site))),
        Some(("status", matches)) => status(matches).map(Invocation::Status),
        _ => Err(Failure::Usage(format!(
            "a command is missing: {}; \"harmonious --help\" explains them",
            COMMANDS.join(", ")
        ))),
    }
}

fn site(matches: &ArgMatches) -> Result<Site, Failure> {
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let dir = path("DIR").unwrap_or_default();
    if !dir.is_dir() {
        return Err(Failure::Usage(format!(
            "DIR is {:?}: allowed is a folder that exists",
            dir.display().to_string()
        )));
    }
    let (environment, file) = from_environment(std::env::vars_os())?;
    let file = path("config").or_else(|| file.map(PathBuf::from));
    let mut layers = from_file(file.as_deref(), Path::new(&dir))?;
    layers.extend(environment);
    layers.extend(SETTINGS.iter().filter_map(|setting| flag(matches, setting)));
    Ok(Site {
        settings: Settings::new(layers)?,
        dir,
    })
}

fn status(matches: &ArgMatches) -> Result<Status, Failure> {
    let control = settings::find("control");
    let control = control.ok_or_else(|| Failure::Usage("no setting control".to_owned()))?;
    let variable = control.variable();
    // Other settings in the environment are none of this command's business.
    let ours = std::env::vars_os().filter(|(name, _)| name.to_str() == Some(&variable));
    let (mut layers, _) = from_environment(ours)?;
    layers.extend(flag(matches, control));
    let settings = Settings::new(layers)?;
    let listen = settings.config().control.clone().ok_or_else(|| {
        let allowed = "the address of a control listener";
        settings::bad("control", "off", settings.origin(control), allowed)
    })?;
    Ok(Status {
        control: listen,
        json: matches.get_flag("json"),
    })
}

fn flag(matches: &ArgMatches, setting: &'static Setting) -> Option<Given> {
    let values = matches.get_many::<String>(setting.name)?;
    Some(Given {
        setting,
        values: values.cloned().collect(),
        origin: Origin::Flag(setting.flag()),
    })
}

/// Help and version are no errors; of an error only what fits one line.
fn explain(error: &clap::Error) -> Result<Invocation, Failure> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(ContextValue::Strings(texts)) => texts.first().map(String::as_str),
        _ => None,
    };
    let invalid = context(ContextKind::InvalidArg);
    let message = match (error.kind(), invalid) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, _) => {
            let text = error.render().to_string();
            return Ok(Invocation::Print(format!("{}\n", text.trim_end())));
        }
        (ErrorKind::UnknownArgument, Some(arg)) if arg.starts_with('-') => {
            let known: Vec<String> = SETTINGS.iter().map(Setting::flag).collect();
            let others = ["--config", "--json", "--help", "--version"];
            let known = known.iter().map(String::as_str).chain(others);
            format!("no flag {arg} here: {}", did_you_mean(arg, known))
        }
        (ErrorKind::UnknownArgument, Some(arg)) => format!("{arg:?} is one argument too many"),
        (ErrorKind::InvalidSubcommand, _) => {
            let written = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            let near = did_you_mean(written, COMMANDS.into_iter());
            format!("no command {written:?}: {near}")
        }
        (ErrorKind::MissingRequiredArgument, Some(arg)) => {
            let name = arg.trim_matches(['<', '>']);
            format!("{name} is missing: allowed is the folder of a site")
        }
        (ErrorKind::InvalidValue, Some(arg)) => format!("{arg}: the value is missing"),
        (ErrorKind::ArgumentConflict, Some(arg)) => format!("{arg} is given more than once"),
        _ => first_line(&error.render().to_string()),
    };
    Err(Failure::Usage(message))
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let args = line.split_whitespace().map(OsString::from);
        match parse(args) {
            Err(Failure::Usage(message)) => assert_eq!(message, expected, "{line}"),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn slips_are_one_line() {
        check(
            "harmonious",
            "a command is missing: serve, config, status; \"harmonious --help\" explains them",
        );
        check(
            "harmonious sreve x",
            "no command \"sreve\": did you mean serve?",
        );
        check(
            "harmonious serve",
            "DIR is missing: allowed is the folder of a site",
        );
        check(
            "harmonious serve . --queue-wate 1s",
            "no flag --queue-wate here: did you mean --queue-wait?",
        );
        check("harmonious serve . x", "\"x\" is one argument too many");
        check(
            "harmonious serve . --idle",
            "--idle <DURATION>: the value is missing",
        );
        check(
            "harmonious serve . --idle 1s --idle 2s",
            "--idle <DURATION> is given more than once",
        );
        check(
            "harmonious serve . --grace -5s",
            "grace is \"-5s\" (from --grace): allowed is a duration such as 500ms, 0s to 24 h",
        );
        check(
            "harmonious serve no-such-dir",
            "DIR is \"no-such-dir\": allowed is a folder that exists",
        );
        check(
            "harmonious status --control off",
            "control is \"off\" (from --control): allowed is the address of a control listener",
        );
    }

    #[test]
    fn help_names_every_setting_and_its_default() {
        let args = ["harmonious", "serve", "--help"].map(OsString::from);
        let Ok(Invocation::Print(help)) = parse(args.into_iter()) else {
            panic!("no help");
        };
        for setting in SETTINGS {
            let default = setting.show(&settings::Config::default());
            assert!(
                help.contains(&format!("--{} ", setting.name)),
                "{}",
                setting.name
            );
            assert!(
                help.contains(&format!("[default: {default}]")),
                "{}",
                setting.name
            );
        }
    }
}

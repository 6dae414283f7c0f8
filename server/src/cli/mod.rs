//! What the command line asks for; its grammar and help are in [`grammar`].

mod db;
mod grammar;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command};

use crate::commands::PROBE;
use crate::confine::COMMAND as CONFINED;
use crate::failure::Failure;
use crate::settings::{
    self, Given, Origin, SETTINGS, Setting, Settings, did_you_mean, from_environment, from_file,
    from_site,
};
use crate::site::site_toml;
use grammar::{COMMANDS, command};

pub use db::{Db, DbAction};

/// What the command line asks for.
#[derive(Debug)]
pub enum Invocation {
    /// A text on standard output: help, the version.
    Print(String),
    /// `harmonious serve`.
    Serve(Box<Served>),
    /// `harmonious dev`.
    Dev(Box<Served>),
    /// `harmonious config`.
    Config(Box<Served>),
    /// `harmonious new`.
    New(New),
    /// `harmonious build`.
    Build {
        /// The folder of the site.
        site: PathBuf,
        /// Optimised.
        release: bool,
    },
    /// `harmonious routes`.
    Routes {
        /// The folder of the site.
        site: PathBuf,
        /// For programs.
        json: bool,
    },
    /// `harmonious explain`.
    Explain(Explain),
    /// `harmonious check`.
    Check {
        /// The folder of the site.
        site: PathBuf,
        /// For programs.
        json: bool,
    },
    /// `harmonious render`.
    Render(Render),
    /// `harmonious task`.
    Task(Task),
    /// `harmonious template convert`.
    Convert {
        /// The template.
        file: PathBuf,
    },
    /// `harmonious keys`.
    Keys(Keys),
    /// `harmonious db`.
    Db(Db),
    /// `harmonious template css`.
    Css,
    /// What `harmonious check` starts for itself.
    Probe {
        /// The folder of the site.
        site: PathBuf,
        /// The modules to open.
        keys: Vec<String>,
    },
    /// What the server starts to confine a program: the folder with its order.
    Confined(PathBuf),
    /// `harmonious status`.
    Status(Status),
}

/// Sites and how they are to be served.
#[derive(Debug)]
pub struct Served {
    /// Their folders, at least one.
    pub dirs: Vec<PathBuf>,
    /// The settings.
    pub settings: Settings,
}

/// What `harmonious new` is to make.
#[derive(Debug)]
pub struct New {
    /// The folder.
    pub dir: PathBuf,
    /// What to begin with.
    pub template: String,
    /// Where the sdk is.
    pub sdk: Option<PathBuf>,
}

/// What `harmonious explain` is to explain.
#[derive(Debug)]
pub struct Explain {
    /// The folder of the site.
    pub site: PathBuf,
    /// The method.
    pub method: String,
    /// A path or a whole URL.
    pub url: String,
    /// For programs.
    pub json: bool,
}

/// What `harmonious render` is to render.
#[derive(Debug)]
pub struct Render {
    /// The folder of the site.
    pub site: PathBuf,
    /// The path, perhaps with a query.
    pub path: String,
    /// The host that is asked for.
    pub host: Option<String>,
    /// Status and header fields too.
    pub headers: bool,
}

/// What `harmonious task` is to run.
#[derive(Debug)]
pub struct Task {
    /// The folder of the site.
    pub site: PathBuf,
    /// The task; without one they are listed.
    pub name: Option<String>,
    /// Its arguments.
    pub args: Vec<String>,
}

/// What `harmonious keys` is to do.
#[derive(Debug)]
pub struct Keys {
    /// The folder of the site.
    pub site: PathBuf,
    /// Whether a key is added; else they are only counted.
    pub rotate: bool,
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
    let args: Vec<OsString> = args.collect();
    let matches = match command().try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => return explain(&error, &args),
    };
    let Some((name, matches)) = matches.subcommand() else {
        return Err(Failure::Usage(format!(
            "a command is missing: {}; \"harmonious --help\" explains them",
            COMMANDS.join(", ")
        )));
    };
    let text = |name: &str| matches.get_one::<String>(name).cloned();
    let path = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    Ok(match name {
        "serve" => Invocation::Serve(Box::new(served(matches)?)),
        "dev" => Invocation::Dev(Box::new(served(matches)?)),
        "config" => Invocation::Config(Box::new(served(matches)?)),
        "new" => Invocation::New(New {
            dir: path("DIR").unwrap_or_default(),
            template: text("template").unwrap_or_else(|| "hello".to_owned()),
            sdk: path("sdk").or_else(|| std::env::var_os("HARMONIOUS_SDK").map(PathBuf::from)),
        }),
        "build" => Invocation::Build {
            site: site(matches)?,
            release: matches.get_flag("release"),
        },
        "routes" => Invocation::Routes {
            site: site(matches)?,
            json: matches.get_flag("json"),
        },
        "explain" => Invocation::Explain(Explain {
            site: site(matches)?,
            method: text("METHOD").unwrap_or_default(),
            url: text("URL").unwrap_or_default(),
            json: matches.get_flag("json"),
        }),
        "check" => Invocation::Check {
            site: site(matches)?,
            json: matches.get_flag("json"),
        },
        "render" => Invocation::Render(Render {
            site: site(matches)?,
            path: page(matches)?,
            host: text("host"),
            headers: matches.get_flag("headers"),
        }),
        "task" => {
            let words = matches.get_many::<String>("NAME").into_iter().flatten();
            let mut words = words.cloned();
            Invocation::Task(Task {
                site: site(matches)?,
                name: words.next(),
                args: words.collect(),
            })
        }
        "template" => match matches.subcommand() {
            Some(("convert", convert)) => {
                let file = convert.get_one::<PathBuf>("FILE").cloned();
                Invocation::Convert {
                    file: file.unwrap_or_default(),
                }
            }
            Some(_) => Invocation::Css,
            None => {
                let missing = "a command is missing after template: convert, css";
                return Err(Failure::Usage(missing.to_owned()));
            }
        },
        "db" => Invocation::Db(db::database(matches)?),
        "keys" => match matches.subcommand() {
            Some((name, matches)) => Invocation::Keys(Keys {
                site: site(matches)?,
                rotate: name == "rotate",
            }),
            None => {
                let missing = "a command is missing after keys: status, rotate";
                return Err(Failure::Usage(missing.to_owned()));
            }
        },
        PROBE => Invocation::Probe {
            site: site(matches)?,
            keys: matches
                .get_many("KEY")
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        },
        CONFINED => Invocation::Confined(path("DIR").unwrap_or_default()),
        _ => Invocation::Status(status(matches)?),
    })
}

fn site(matches: &ArgMatches) -> Result<PathBuf, Failure> {
    let dirs = sites(matches)?;
    Ok(dirs.into_iter().next().unwrap_or_default())
}

fn page(matches: &ArgMatches) -> Result<String, Failure> {
    let path = matches.get_one::<String>("PATH").cloned();
    let path = path.unwrap_or_default();
    match path.starts_with('/') && !path.contains(char::is_control) {
        true => Ok(path),
        false => Err(Failure::Usage(format!(
            "PATH is {path:?}: allowed is a path that begins with a slash, such as /scripts/?page=2"
        ))),
    }
}

fn sites(matches: &ArgMatches) -> Result<Vec<PathBuf>, Failure> {
    let dirs = matches.get_many::<PathBuf>("SITE").into_iter().flatten();
    dirs.map(|dir| match dir.is_dir() {
        true => Ok(dir.clone()),
        false => Err(Failure::Usage(format!(
            "SITE is {:?}: allowed is a folder that exists",
            dir.display().to_string()
        ))),
    })
    .collect()
}

fn served(matches: &ArgMatches) -> Result<Served, Failure> {
    let dirs = sites(matches)?;
    let (environment, file) = from_environment(std::env::vars_os())?;
    let named = matches.get_one::<PathBuf>("config").cloned();
    let file = named.or_else(|| file.map(PathBuf::from));
    let (mut layers, home) = match &dirs[..] {
        [dir] => (
            from_site(&dir.join(site_toml::NAME), site_toml::is_own)?,
            dir.as_path(),
        ),
        several => {
            for dir in several {
                only_its_own(&dir.join(site_toml::NAME))?;
            }
            (Vec::new(), Path::new("."))
        }
    };
    layers.extend(from_file(file.as_deref(), home)?);
    layers.extend(environment);
    layers.extend(SETTINGS.iter().filter_map(|setting| flag(matches, setting)));
    Ok(Served {
        settings: Settings::new(layers)?,
        dirs,
    })
}

/// Sites that share a server cannot each have their own settings for it.
fn only_its_own(path: &Path) -> Result<(), Failure> {
    match from_site(path, site_toml::is_own)?.first() {
        None => Ok(()),
        Some(given) => Err(Failure::Usage(format!(
            "{} (from {}) is a setting of the server, which several sites share: \
             put it into harmonious.toml in the current folder, or give a flag",
            given.setting.name, given.origin
        ))),
    }
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
fn explain(error: &clap::Error, args: &[OsString]) -> Result<Invocation, Failure> {
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
            let others = [
                "--config",
                "--json",
                "--release",
                "--template",
                "--sdk",
                "--host",
                "--headers",
                "--domain",
                "--help",
                "--version",
            ];
            let known = known.iter().map(String::as_str).chain(others);
            format!("no flag {arg} here: {}", did_you_mean(arg, known))
        }
        (ErrorKind::UnknownArgument, Some(arg)) => format!("{arg:?} is one argument too many"),
        (ErrorKind::InvalidSubcommand, _) => {
            let written = context(ContextKind::InvalidSubcommand).unwrap_or_default();
            match group(args) {
                Some(group) => {
                    let known = group.get_subcommands().map(Command::get_name);
                    let near = did_you_mean(written, known.collect::<Vec<_>>().into_iter());
                    format!("no command {written:?} after {}: {near}", group.get_name())
                }
                None => {
                    let near = did_you_mean(written, COMMANDS.into_iter());
                    format!("no command {written:?}: {near}")
                }
            }
        }
        (ErrorKind::MissingRequiredArgument, Some(arg)) => {
            let name = arg.trim_matches(['<', '>', '.']);
            format!("{name} is missing: allowed is {}", meant(name))
        }
        (ErrorKind::InvalidValue, Some(arg)) => format!("{arg}: the value is missing"),
        (ErrorKind::ArgumentConflict, Some(arg)) => format!("{arg} is given more than once"),
        _ => first_line(&error.render().to_string()),
    };
    Err(Failure::Usage(message))
}

/// The command that the line begins with, if it has commands of its own.
fn group(args: &[OsString]) -> Option<Command> {
    let command = command();
    let group = command.find_subcommand(args.get(1)?)?;
    group.has_subcommands().then(|| group.clone())
}

/// What an argument is, for whoever left it out.
fn meant(name: &str) -> &'static str {
    match name {
        "METHOD" => "a method such as GET",
        "URL" => "a path such as /scripts/",
        "DIR" => "the folder to make",
        "PATH" => "the path of a page such as /scripts/",
        "FILE" => "a file: a template such as page.tpl, or the backup of a database",
        _ => "the folder of a site",
    }
}

fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests;

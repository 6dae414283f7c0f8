//! The grammar of the command line and its help; the flags for settings are made from their table.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::commands::PROBE;
use crate::confine::COMMAND as CONFINED;
use crate::settings::{self, SETTINGS, Setting};

/// The names of the commands.
pub const COMMANDS: [&str; 14] = [
    "serve", "dev", "new", "build", "routes", "explain", "check", "render", "task", "template",
    "db", "keys", "config", "status",
];

const LAYERS: &str = "\
Every setting has one name. A flag beats the environment (HARMONIOUS_QUEUE_WAIT), which beats the
file harmonious.toml in SITE (queue-wait = \"500ms\"), which beats site.toml there, which beats the
default. Several sites share one file: harmonious.toml in the current folder. Durations are written
30s, 5m or 1h 30m, sizes 64KiB, 2MiB or 2MB. What is unknown or out of range is an error, and nothing
is started. \"harmonious config SITE\" prints every value and where it comes from.";

const SIGNALS: &str = "\
SIGTERM and SIGINT end the server when what was begun is finished, within --grace; a second one ends
it at once. SIGHUP reads domains, modules, domain.toml and keys again; site.toml and secrets.toml need a
restart. Exit code: 0 if all was finished, 1 if something was cut, 2 if nothing could be started.

";

const SITES: &str = "\
A site is a folder: domains/ holds its URLs as nested folders of modules (.rs) and templates, static/
the files that are served as they are, site.toml its hosts, limits, database, sessions and configuration,
migrations/ the numbered SQL files that are applied when it is opened. Modules that are
not built, or not as their sources are now, are built first; a site that was built with
\"harmonious build --release\" needs no tool chain.

";

const EXIT: &str =
    "Exit code: 0 if nothing is wrong, 1 if something is, 2 if it could not be looked at.";

/// The command line.
pub fn command() -> Command {
    let serve = Command::new("serve")
        .about("Serve one or several sites, until a signal says to stop")
        .arg(sites())
        .after_help(format!("{SITES}{SIGNALS}{LAYERS}"));
    let dev = Command::new("dev")
        .about("Serve a site while it is written: rebuild, reload, show errors in full")
        .arg(site())
        .after_help(format!(
            "What is saved is there at the next request; browsers reload by themselves. A module that \
             does not compile shows\nthe compiler's message at its URL, the other pages go on.\n\n{LAYERS}"
        ));
    let config = Command::new("config")
        .about("Print every setting, its value and where it comes from")
        .arg(sites())
        .after_help(LAYERS);
    Command::new("harmonious")
        .about("A web server for sites as nested folders, whose blocking handlers run on an adaptive pool of threads")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help("\"harmonious COMMAND --help\" explains a command and its flags.")
        .disable_help_subcommand(true)
        .subcommand(with_settings(serve))
        .subcommand(with_settings(dev))
        .subcommand(new_command())
        .subcommand(build_command())
        .subcommand(routes_command())
        .subcommand(explain_command())
        .subcommand(check_command())
        .subcommand(render_command())
        .subcommand(task_command())
        .subcommand(template_command())
        .subcommand(db_command())
        .subcommand(keys_command())
        .subcommand(with_settings(config))
        .subcommand(status_command())
        .subcommand(probe_command())
        .subcommand(confined_command())
}

fn site() -> Arg {
    Arg::new("SITE")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The folder of the site")
}

fn sites() -> Arg {
    site()
        .num_args(1..)
        .help("The folder of the site, or of several, told apart by their hosts")
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .action(ArgAction::SetTrue)
        .help(help)
}

fn new_command() -> Command {
    Command::new("new")
        .about("Make a new site that runs: inheritance, a form, a dynamic segment, a guard")
        .arg(
            Arg::new("DIR")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The folder to make; it must not exist, or be empty"),
        )
        .arg(
            Arg::new("template")
                .long("template")
                .value_name("NAME")
                .help("What to begin with: hello [default: hello]"),
        )
        .arg(
            Arg::new("sdk")
                .long("sdk")
                .value_name("DIR")
                .value_parser(value_parser!(PathBuf))
                .help("The folder of the sdk [env: HARMONIOUS_SDK] [default: where this program was built from]"),
        )
}

fn build_command() -> Command {
    Command::new("build")
        .about("Compile the modules of a site that are not built as their sources are now")
        .arg(site())
        .arg(flag(
            "release",
            "Optimised; what serve runs. The folder then needs no tool chain",
        ))
}

fn routes_command() -> Command {
    Command::new("routes")
        .about("Print the URL space of a site as a tree, with methods, parents and guards")
        .arg(site())
        .arg(flag("json", "For programs"))
}

fn explain_command() -> Command {
    Command::new("explain")
        .about("Print how a request is resolved, step by step, without making it")
        .arg(site())
        .arg(Arg::new("METHOD").required(true).help("Such as GET"))
        .arg(
            Arg::new("URL")
                .required(true)
                .help("A path such as /scripts/, or a whole URL"),
        )
        .arg(flag("json", "For programs"))
}

fn check_command() -> Command {
    Command::new("check")
        .about("Look for everything that can be wrong with a site before it runs")
        .arg(site())
        .arg(flag("json", "For programs"))
        .after_help(EXIT)
}

fn render_command() -> Command {
    Command::new("render")
        .about("Print one page of a site, rendered without a socket")
        .arg(site())
        .arg(
            Arg::new("PATH")
                .required(true)
                .help("The path of the page, such as /scripts/ or \"/scripts/?page=2\""),
        )
        .arg(
            Arg::new("host")
                .long("host")
                .value_name("HOST")
                .help("Ask for this host [default: the first in hosts of site.toml, or localhost]"),
        )
        .arg(flag("headers", "Print status and header fields first"))
        .after_help(
            "Builds what is stale, as serve does. What is wrong with the page is told on standard error, in \
             full.\nExit code: 0 for an answer below 400, 1 for an error, 2 if the site cannot be served.",
        )
}

fn task_command() -> Command {
    // One argument for all: what follows the name is the task's own, flags too.
    let words = Arg::new("NAME")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .help("The task, and its arguments: all that follows, flags too; without one, the tasks are listed");
    Command::new("task")
        .about("Run a task of a site, or list them")
        .override_usage("harmonious task <SITE> [NAME [ARG]...]")
        .arg(site())
        .arg(words)
        .after_help(
            "A task is a function with #[task] in domains/_tasks.rs. The site is opened as serve does: what is \
             stale is\nbuilt, migrations are applied, and the task \"start\", if there is one, runs first. A \
             running server may use\nthe same database meanwhile. Ctrl-C ends a task; what its transaction did is \
             undone.\nExit code: 0 if it is done, 1 if it failed, 2 if there is no such task or the site cannot be \
             opened.",
        )
}

fn template_command() -> Command {
    let convert = Command::new("convert")
        .about("Print a template in the classic syntax (.tpl) in Tera's")
        .arg(
            Arg::new("FILE")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("The template"),
        );
    let css = Command::new("css")
        .about("Print the style sheet for what the filters highlight and diff make");
    Command::new("template")
        .about("Work on a template by itself")
        .disable_help_subcommand(true)
        .subcommand(convert)
        .subcommand(css)
}

fn db_command() -> Command {
    let file = |help: &'static str| {
        Arg::new("FILE")
            .required(true)
            .value_parser(value_parser!(PathBuf))
            .help(help)
    };
    let domain = || {
        Arg::new("domain")
            .long("domain")
            .value_name("PATH")
            .help("On the database that this domain declares in its domain.toml, such as /forum/")
    };
    let migrate = Command::new("migrate")
        .about("Apply the migrations that are pending")
        .after_help("Without --domain those of the site and of all its domains.");
    let status = Command::new("status")
        .about("Print which migrations are applied, which not, and which databases there are");
    let backup = Command::new("backup")
        .about("Write all of the database into a file, while it is used")
        .after_help("Of PostgreSQL and MySQL by their own tools, pg_dump and mariadb-dump.");
    let restore = Command::new("restore").about("Read a backup into an empty database");
    let shell = Command::new("shell")
        .about("Run SQL statements from standard input, each ended by a semicolon");
    Command::new("db")
        .about("Work on the database of a site, or of one of its domains")
        .disable_help_subcommand(true)
        .subcommand(migrate.arg(site()).arg(domain()))
        .subcommand(status.arg(site()).arg(domain()))
        .subcommand(
            backup
                .arg(site())
                .arg(file("The file to write; it must not exist"))
                .arg(domain()),
        )
        .subcommand(
            restore
                .arg(site())
                .arg(file("The file that backup wrote"))
                .arg(domain()),
        )
        .subcommand(shell.arg(site()).arg(domain()))
}

fn keys_command() -> Command {
    let status = Command::new("status").about("Print how many keys there are");
    let rotate = Command::new("rotate").about("Add a key that seals from now on").after_help(
        "What older keys sealed still opens, until seven more are added: nobody is logged out. \"harmonious \
         serve\" takes the new key up at SIGHUP; \"harmonious dev\", which ends at it, when it is started \
         anew.",
    );
    Command::new("keys")
        .about("Work on the keys that seal a site's cookies and links, in data/keys")
        .disable_help_subcommand(true)
        .subcommand(status.arg(site()))
        .subcommand(rotate.arg(site()))
}

/// What `check` starts; not for people.
fn probe_command() -> Command {
    Command::new(PROBE)
        .hide(true)
        .arg(site())
        .arg(Arg::new("KEY").num_args(0..))
}

/// What the server starts to confine a program; not for people.
fn confined_command() -> Command {
    Command::new(CONFINED).hide(true).arg(
        Arg::new("DIR")
            .required(true)
            .value_parser(value_parser!(PathBuf)),
    )
}

fn with_settings(command: Command) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Read settings from here instead of SITE/harmonious.toml [env: HARMONIOUS_CONFIG]");
    command.arg(config).args(SETTINGS.iter().map(argument))
}

fn argument(setting: &'static Setting) -> Arg {
    let default = setting.show(&settings::Config::default());
    let choices = match setting.choices() {
        Some(choices) => format!(": {choices}"),
        None => String::new(),
    };
    let action = match setting.is_list() {
        true => ArgAction::Append,
        false => ArgAction::Set,
    };
    Arg::new(setting.name)
        .long(setting.name)
        .value_name(setting.placeholder)
        .help_heading(setting.group)
        .allow_hyphen_values(true) // "--grace -5s" is told that it is out of range
        .action(action)
        .help(format!("{}{choices} [default: {default}]", setting.help))
}

fn status_command() -> Command {
    let control = settings::find("control").map(|setting| {
        argument(setting).help("Ask the control listener here [env: HARMONIOUS_CONTROL]")
    });
    Command::new("status")
        .about("Print the live pool of a running server, and why its limit last changed")
        .args(control)
        .arg(
            Arg::new("json")
                .long("json")
                .action(ArgAction::SetTrue)
                .help("Print all figures and the last 200 decisions, as JSON"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_sound() {
        command().debug_assert();
    }
}

//! The grammar of the command line and its help; the flags for settings are made from their table.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::settings::{self, SETTINGS, Setting};

/// The names of the commands.
pub const COMMANDS: [&str; 3] = ["serve", "config", "status"];

const LAYERS: &str = "\
Every setting has one name. A flag beats the environment (HARMONIOUS_QUEUE_WAIT), which beats the
file harmonious.toml in DIR (queue-wait = \"500ms\"), which beats the default. Durations are written
30s, 5m or 1h 30m, sizes 64KiB, 2MiB or 2MB. What is unknown or out of range is an error, and nothing
is started. \"harmonious config DIR\" prints every value and where it comes from.";

const SIGNALS: &str = "\
SIGTERM and SIGINT end the server when what was begun is finished, within --grace; a second one ends
it at once. Exit code: 0 if all was finished, 1 if something was cut, 2 if nothing could be started.

";

/// The command line.
pub fn command() -> Command {
    let serve = Command::new("serve")
        .about("Serve the files in the folder static/ of a site, until a signal says to stop")
        .after_help(format!("{SIGNALS}{LAYERS}"));
    let config = Command::new("config")
        .about("Print every setting, its value and where it comes from")
        .after_help(LAYERS);
    Command::new("harmonious")
        .about("A web server whose blocking handlers run on an adaptive pool of threads")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help("\"harmonious COMMAND --help\" explains a command and its flags.")
        .disable_help_subcommand(true)
        .subcommand(with_settings(serve))
        .subcommand(with_settings(config))
        .subcommand(status_command())
}

fn with_settings(command: Command) -> Command {
    let dir = Arg::new("DIR")
        .required(true)
        .value_parser(value_parser!(PathBuf))
        .help("The folder of the site");
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help("Read settings from here instead of DIR/harmonious.toml [env: HARMONIOUS_CONFIG]");
    command
        .arg(dir)
        .arg(config)
        .args(SETTINGS.iter().map(argument))
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

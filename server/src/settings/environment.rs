//! Settings from the environment: `HARMONIOUS_` and the name in capitals.

use std::ffi::OsString;

use super::layers::{Given, Origin};
use super::names::did_you_mean;
use super::table::SETTINGS;
use crate::failure::Failure;

/// What all our variables begin with.
pub const PREFIX: &str = "HARMONIOUS_";

/// The variable that names the file of settings.
pub const FILE: &str = "HARMONIOUS_CONFIG";

/// What the environment says, and the file that it names.
///
/// # Errors
/// A variable that begins with `HARMONIOUS_` and names no setting, or whose value is not text.
pub fn from_environment(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<(Vec<Given>, Option<OsString>), Failure> {
    let mut layer = Vec::new();
    let mut file = None;
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else {
            continue;
        };
        if name == FILE {
            file = Some(value);
            continue;
        }
        let found = SETTINGS.iter().find(|setting| setting.variable() == name);
        let setting = found.ok_or_else(|| unknown(name))?;
        let text = value.to_str().ok_or_else(|| {
            Failure::Usage(format!("{name} is {value:?}: allowed is text in UTF-8"))
        })?;
        layer.push(Given {
            setting,
            values: setting.split(text),
            origin: Origin::Environment(name.to_owned()),
        });
    }
    Ok((layer, file))
}

fn unknown(name: &str) -> Failure {
    let known: Vec<String> = SETTINGS.iter().map(|setting| setting.variable()).collect();
    let known = known.iter().map(String::as_str).chain([FILE]);
    Failure::Usage(format!(
        "no setting {name} (from the environment): {}",
        did_you_mean(name, known)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<(Vec<Given>, Option<OsString>), Failure> {
        from_environment(variables.iter().map(|(n, v)| (n.into(), v.into())))
    }

    #[test]
    fn ours_are_found_among_others() {
        let (layer, file) = read(&[
            ("PATH", "/bin"),
            ("HARMONIOUS_LISTEN", "127.0.0.1:1, unix:/x"),
            ("HARMONIOUS_CONFIG", "x.toml"),
        ])
        .unwrap();
        assert_eq!(layer.len(), 1);
        assert_eq!(layer[0].values, ["127.0.0.1:1", "unix:/x"]);
        assert_eq!(file.unwrap(), "x.toml");
    }

    #[test]
    fn an_unknown_one_is_refused_and_the_nearest_named() {
        let message = "no setting HARMONIOUS_QUEU_WAIT (from the environment): \
                       did you mean HARMONIOUS_QUEUE_WAIT?";
        assert_eq!(
            read(&[("HARMONIOUS_QUEU_WAIT", "1s")]).unwrap_err(),
            Failure::Usage(message.to_owned())
        );
    }
}

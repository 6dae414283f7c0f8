//! What cargo writes on standard output with `--message-format=json-diagnostic-rendered-ansi`: one
//! JSON object a line.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::config::DIAGNOSTICS_BYTES_MAX;

/// What a run of cargo said, target by target.
#[derive(Debug, Default)]
pub struct Messages {
    /// The libraries of modules, by the name of their target.
    pub libraries: HashMap<String, PathBuf>,
    /// What the compiler said of modules, by the name of their target.
    pub modules: HashMap<String, Diagnostics>,
    /// What it said of all else: the site module, dependencies.
    pub others: Diagnostics,
}

/// What the compiler said of one target, in its own words, with colours as ANSI sequences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// What prevents a build.
    pub errors: String,
    /// What does not.
    pub warnings: String,
    /// How many errors.
    pub error_count: usize,
    /// Which target has the first error: `lib` of what, for those that are no module.
    pub first: String,
}

#[derive(Deserialize)]
struct Line {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    message: Option<Message>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
}

#[derive(Deserialize)]
struct Message {
    level: String,
    rendered: Option<String>,
    code: Option<Code>,
    #[serde(default)]
    spans: Vec<Span>,
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

#[derive(Deserialize)]
struct Span {
    byte_end: u64,
}

impl Messages {
    /// Takes one line; what is no message of cargo's (a build script may write there) is left out.
    pub fn take(&mut self, manifest: &Path, line: &[u8]) {
        let Ok(line) = serde_json::from_slice::<Line>(line) else {
            return;
        };
        let Some(target) = line.target else {
            return;
        };
        let is_module =
            line.manifest_path == manifest && target.kind.iter().any(|kind| kind == "example");
        match (line.reason.as_str(), line.message) {
            ("compiler-artifact", _) if is_module => {
                let library = line.filenames.into_iter().find(|file| is_library(file));
                self.libraries
                    .extend(library.map(|library| (target.name, library)));
            }
            ("compiler-message", Some(message)) if is_module => {
                self.modules
                    .entry(target.name.clone())
                    .or_default()
                    .take(message, &target.name);
            }
            ("compiler-message", Some(message)) => self.others.take(message, &target.name),
            _ => {}
        }
    }
}

fn is_library(file: &Path) -> bool {
    file.extension()
        .is_some_and(|extension| extension == std::env::consts::DLL_EXTENSION)
}

impl Diagnostics {
    fn take(&mut self, message: Message, target: &str) {
        let about_the_name = message.is_about_the_name();
        let Some(rendered) = message.rendered.filter(|_| !about_the_name) else {
            return;
        };
        let text = match message.level.as_str() {
            level if level.starts_with("error") => {
                self.error_count += 1;
                if self.first.is_empty() {
                    target.clone_into(&mut self.first);
                }
                &mut self.errors
            }
            "warning" => &mut self.warnings,
            _ => return, // "for more information about this error, try ..."
        };
        if text.len() + rendered.len() <= DIAGNOSTICS_BYTES_MAX {
            text.push_str(&rendered);
        }
    }
}

impl Message {
    /// The name of the crate is made here, not by the author.
    fn is_about_the_name(&self) -> bool {
        let style = self
            .code
            .as_ref()
            .is_some_and(|code| code.code == "non_snake_case");
        style && self.spans.iter().all(|span| span.byte_end == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(lines: &[&str]) -> Messages {
        let mut messages = Messages::default();
        for line in lines {
            messages.take(Path::new("/s/Cargo.toml"), line.as_bytes());
        }
        messages
    }

    fn message(name: &str, level: &str, text: &str) -> String {
        format!(
            r#"{{"reason":"compiler-message","manifest_path":"/s/Cargo.toml","target":{{"kind":["example"],"name":"{name}"}},"message":{{"level":"{level}","rendered":"{text}","code":null,"spans":[]}}}}"#
        )
    }

    #[test]
    fn libraries_and_errors_belong_to_their_module() {
        let artifact = r#"{"reason":"compiler-artifact","manifest_path":"/s/Cargo.toml","target":{"kind":["example"],"name":"a"},"filenames":["/t/liba.rmeta","/t/liba.so"],"fresh":true}"#;
        let messages = take(&[
            artifact,
            &message("b", "error", "no such"),
            &message("b", "warning", "unused"),
            "a build script",
        ]);
        assert_eq!(messages.libraries["a"], Path::new("/t/liba.so"));
        assert_eq!(
            (
                messages.modules["b"].errors.as_str(),
                messages.modules["b"].error_count
            ),
            ("no such", 1)
        );
        assert_eq!(messages.modules["b"].warnings, "unused");
        assert!(!messages.modules.contains_key("a"));
    }

    #[test]
    fn an_error_of_the_site_module_is_none_of_a_module() {
        let line = message("hello", "error", "x").replace("example", "lib");
        let messages = take(&[&line]);
        assert_eq!(
            (
                messages.others.errors.as_str(),
                messages.others.first.as_str()
            ),
            ("x", "hello")
        );
        assert!(messages.modules.is_empty());
    }

    #[test]
    fn an_example_of_another_package_is_no_module() {
        let line = message("a", "error", "x").replace("/s/Cargo.toml", "/sdk/Cargo.toml");
        assert!(take(&[&line]).modules.is_empty());
    }

    #[test]
    fn endless_diagnostics_are_cut() {
        let text = "e".repeat(DIAGNOSTICS_BYTES_MAX / 4);
        let lines: Vec<String> = (0..9).map(|_| message("a", "error", &text)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let messages = take(&lines);
        assert_eq!(messages.modules["a"].error_count, 9);
        assert!(messages.modules["a"].errors.len() <= DIAGNOSTICS_BYTES_MAX);
    }
}

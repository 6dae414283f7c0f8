//! What can go wrong before a site can be served, and outside of requests.

use crate::manifest::{Problems, Task};
use crate::message::Fault;

/// Why a site cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its domains are ambiguous or wrong.
    #[error("{0}")]
    Domains(#[from] Problems),
    /// Its templates are wrong; one text for each.
    #[error("{}", .0.join("\n"))]
    Templates(Vec<String>),
}

/// Why a task did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The site has none of that name.
    #[error("no task {name:?}: {}", listed(.known))]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// It returned an error, panicked, or could not be loaded.
    #[error("the task {name}: {text}")]
    Failed {
        /// Its name.
        name: String,
        /// The error in one text; for a defect (a status from 500 on) with file and line.
        text: String,
        /// All that is known of it.
        fault: Box<Fault>,
    },
}

fn listed(names: &[String]) -> String {
    match names.is_empty() {
        true => {
            "this site has none; a function with #[task] in domains/_tasks.rs is one".to_owned()
        }
        false => format!("there is {}", names.join(", ")),
    }
}

impl TaskError {
    /// None of these has the name.
    #[must_use]
    pub fn unknown(name: &str, tasks: &[Task]) -> TaskError {
        TaskError::Unknown {
            name: name.to_owned(),
            known: tasks.iter().map(|task| task.name.clone()).collect(),
        }
    }

    pub(crate) fn failed(name: &str, status: u16, title: &str, fault: Fault) -> TaskError {
        let mut text = match (title, fault.detail.as_str()) {
            ("", "") => format!("failed with status {status}"),
            (title, "") => title.to_owned(),
            // The title of a defect is for visitors, and tells nothing.
            (title, detail) if title.is_empty() || status >= 500 => detail.to_owned(),
            (title, detail) => format!("{title}: {detail}"),
        };
        if fault.panicked {
            text = format!("panicked: {text}");
        }
        if status >= 500 && !fault.file.is_empty() {
            text = match fault.line {
                0 => format!("{text} ({})", fault.file),
                line => format!("{text} ({}:{line})", fault.file),
            };
        }
        TaskError::Failed {
            name: name.to_owned(),
            text,
            fault: Box::new(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_task_tells_a_defect_with_its_place_and_a_refusal_without() {
        let fault = |detail: &str, panicked| Fault {
            detail: detail.to_owned(),
            file: "domains/_tasks.rs".to_owned(),
            line: 7,
            panicked,
            ..Fault::default()
        };
        for (status, title, detail, panicked, expected) in [
            (400, "which folder?", "", false, "which folder?"),
            (409, "taken", "by ann", false, "taken: by ann"),
            (
                500,
                "",
                "disk full",
                false,
                "disk full (domains/_tasks.rs:7)",
            ),
            (
                502,
                "try again",
                "no route",
                false,
                "no route (domains/_tasks.rs:7)",
            ),
            (500, "", "no", true, "panicked: no (domains/_tasks.rs:7)"),
            (404, "", "", false, "failed with status 404"),
        ] {
            let error = TaskError::failed("import", status, title, fault(detail, panicked));
            assert_eq!(error.to_string(), format!("the task import: {expected}"));
        }
    }
}

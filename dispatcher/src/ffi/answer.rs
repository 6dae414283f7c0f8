//! What an entry has told while it ran, and what becomes of it when it returns.

#![forbid(unsafe_code)]

use std::any::Any;

use harmonious_abi::returned;

use super::{Host, ModuleEdits, ModuleFailure, ModuleResponse, Returned};

/// What the module has told so far; the last word counts.
#[derive(Default)]
pub(super) enum Answer {
    #[default]
    None,
    // Boxed: what is told is moved some times on its way.
    Response(Box<ModuleResponse>),
    Edits(Box<ModuleEdits>),
    Value(Vec<u8>),
    Failure(Box<ModuleFailure>),
    /// It broke the contract, or the host panicked.
    Fault(String),
}

impl Answer {
    /// After the entry of the module `name` returned: what it said and what it returned have to fit.
    pub(super) fn finish(self, code: i32, name: &str, host: &mut dyn Host) -> Returned {
        let why = match (code, self) {
            (returned::PANICKED, told) => return told.panicked(name, host),
            (_, Answer::Fault(why)) => why,
            (returned::CONTINUE, _) => return Returned::Continue,
            (returned::DECLINED, _) => return Returned::Declined,
            (returned::RESPONDED, Answer::Response(response)) => {
                host.respond(response);
                return Returned::Responded;
            }
            (returned::RESPONDED, Answer::Edits(edits)) => {
                host.edit(edits);
                return Returned::Responded;
            }
            (returned::REPLIED, Answer::Value(value)) => {
                host.reply(value);
                return Returned::Replied;
            }
            (returned::FAILED, Answer::Failure(failure)) => {
                host.fail(failure);
                return Returned::Failed;
            }
            (returned::RESPONDED | returned::REPLIED | returned::FAILED, _) => {
                format!("returned {code} without the answer that belongs to it")
            }
            (unknown, _) => {
                let why = format!("returned {unknown}, which means nothing");
                host.fail(Box::new(fault(name, &why)));
                return Returned::Unknown(unknown);
            }
        };
        host.fail(Box::new(fault(name, &why)));
        Returned::Failed
    }

    fn panicked(self, name: &str, host: &mut dyn Host) -> Returned {
        let mut failure = match self {
            Answer::Failure(failure) => failure,
            _ => Box::new(fault(name, "panicked, and did not say why")),
        };
        failure.panicked = true;
        host.fail(failure);
        Returned::Panicked
    }
}

/// What the module is told of a panic of the host.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    let text = text.unwrap_or("no text");
    format!("asked the server for something in which the server panicked: {text}")
}

/// A failure that the module did not tell itself.
fn fault(name: &str, why: &str) -> ModuleFailure {
    ModuleFailure {
        status: 500,
        detail: format!("module {name} {why}"),
        ..ModuleFailure::default()
    }
}

/// An error of [`harmonious_abi::Host::call`], as [`harmonious_abi::called::ERROR`] has it.
pub(super) fn refusal(detail: &str) -> Vec<u8> {
    #[derive(serde::Serialize)]
    struct Refusal<'a> {
        status: u16,
        title: &'a str,
        detail: &'a str,
    }
    let refusal = Refusal {
        status: 500,
        title: "",
        detail,
    };
    // A map of a number and two texts can always be written.
    rmp_serde::to_vec_named(&refusal).unwrap_or_default()
}

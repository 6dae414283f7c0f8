//! Values that modules keep for sessions and that are to go: each module drops its own, outside of any
//! request, so that what it does meanwhile belongs to no visitor.

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;

use harmonious_abi::level;
use http::StatusCode;
use serde::Serialize;

use super::messages;
use crate::dispatcher::Core;
use crate::ffi::{self, ModuleEdits, ModuleFailure, ModuleResponse, Returned};
use crate::loader::LoadedModule;
use crate::message::Outgoing;
use crate::services::{Caller, Exchange, Leaving, ServiceError};

/// As the sdk reads it.
#[derive(Serialize)]
struct Message<'a> {
    why: &'a str,
    numbers: &'a [u64],
}

/// Has modules drop what the server says is to go; `true` if there was something.
pub(crate) fn let_go(core: &Core) -> bool {
    let leaving = core.services.leaving();
    let_these_go(core, &leaving);
    !leaving.is_empty()
}

/// Has modules drop these.
pub(crate) fn let_these_go(core: &Core, leaving: &[Leaving]) {
    // Told whatever happens: others may wait for it.
    let told: Vec<Told<'_>> = leaving
        .iter()
        .map(|leaving| Told { core, leaving })
        .collect();
    for told in told {
        dispose(core, told.leaving);
    }
}

/// Says that they are gone when it is dropped.
struct Told<'c> {
    core: &'c Core,
    leaving: &'c Leaving,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.core.services.left(self.leaving);
    }
}

fn dispose(core: &Core, leaving: &Leaving) {
    let Leaving {
        module,
        why,
        numbers,
    } = leaving;
    let mut host = HostOfDisposal {
        core,
        module,
        domain: module.domain(),
        exchange: OnceCell::new(),
        failure: None,
    };
    let returned = match messages::encode(&Message { why, numbers }) {
        Ok(message) => module.library.dispose(&message, &mut host),
        Err(error) => {
            let log = |text: &str| {
                core.services.log(&host.caller(), level::ERROR, text, &[]);
            };
            return log(&error.detail);
        }
    };
    if returned != Returned::Continue {
        let detail = host.failure.as_ref().map(|failure| &*failure.detail);
        let text = format!(
            "values that were to go ({why}) may not be saved: {returned:?} {}",
            detail.unwrap_or_default()
        );
        core.services.log(&host.caller(), level::ERROR, &text, &[]);
    }
    if let Some(exchange) = host.exchange.get()
        && let Err(error) = exchange.finish(&mut Outgoing::empty(StatusCode::NO_CONTENT))
    {
        let text = format!("what was saved ({why}) may not be kept: {error}");
        core.services.log(&host.caller(), level::ERROR, &text, &[]);
    }
}

/// Whom a module speaks to while it drops values: the site and the server's services, but no other module
/// and no template, for there is no request that they would belong to.
struct HostOfDisposal<'c> {
    core: &'c Core,
    module: &'c Arc<LoadedModule>,
    domain: String,
    exchange: OnceCell<Box<dyn Exchange + 'c>>,
    failure: Option<Box<ModuleFailure>>,
}

impl HostOfDisposal<'_> {
    fn caller(&self) -> Caller<'_> {
        Caller {
            module: &self.module.key,
            domain: &self.domain,
            request: "",
            headers: None,
            loaded: Some(self.module),
            let_go: None,
        }
    }

    fn serve(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, ServiceError> {
        match service {
            "call" | "render" | "provide" => {
                let detail =
                    format!("{service:?} needs a request: there is none while a value goes");
                Err(ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
            }
            _ => match messages::of_the_site(&self.core.facts, "", service, message) {
                Some(answer) => answer,
                None => {
                    let exchange = self.exchange.get_or_init(|| self.core.services.outside());
                    exchange.call(&self.caller(), service, message)
                }
            },
        }
    }
}

impl ffi::Host for HostOfDisposal<'_> {
    fn respond(&mut self, _: Box<ModuleResponse>) {}

    fn edit(&mut self, _: Box<ModuleEdits>) {}

    fn reply(&mut self, _: Vec<u8>) {}

    fn fail(&mut self, failure: Box<ModuleFailure>) {
        self.failure = Some(failure);
    }

    fn body_read(&mut self, _: u64, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn call(&mut self, service: &str, message: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        self.serve(service, message).map_err(|error| error.encode())
    }

    fn log(&mut self, level: u32, message: &str, fields: &[u8]) {
        let level = level.clamp(level::ERROR, level::TRACE);
        self.core
            .services
            .log(&self.caller(), level, message, fields);
    }
}

//! What a module does outside of any request: whom it speaks to meanwhile.

use std::cell::OnceCell;
use std::io;
use std::sync::Arc;

use harmonious_abi::level;
use http::StatusCode;

use super::messages;
use crate::dispatcher::Core;
use crate::ffi::{self, ModuleEdits, ModuleFailure, ModuleResponse};
use crate::loader::LoadedModule;
use crate::message::Outgoing;
use crate::services::{Caller, Exchange, ServiceError};

/// The site and the server's services, but no other module and no template, for there is no request that
/// they would belong to.
pub(super) struct HostOutside<'c> {
    core: &'c Core,
    module: &'c Arc<LoadedModule>,
    domain: String,
    /// Where there is no request, for messages: `in a task`.
    place: &'static str,
    exchange: OnceCell<Box<dyn Exchange + 'c>>,
    /// Why the module failed, if it did.
    pub(super) failure: Option<Box<ModuleFailure>>,
}

impl<'c> HostOutside<'c> {
    pub(super) fn new(
        core: &'c Core,
        module: &'c Arc<LoadedModule>,
        place: &'static str,
    ) -> HostOutside<'c> {
        HostOutside {
            core,
            module,
            domain: module.domain(),
            place,
            exchange: OnceCell::new(),
            failure: None,
        }
    }

    /// A line of an error for the log.
    pub(super) fn log_error(&self, text: &str) {
        self.core
            .services
            .log(&self.caller(), level::ERROR, text, &[]);
    }

    /// The module is done, well or not: what it left open is undone.
    ///
    /// # Errors
    /// What it did may not be kept.
    pub(super) fn finish(&self, is_well: bool) -> Result<(), ServiceError> {
        let status = match is_well {
            true => StatusCode::NO_CONTENT,
            false => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let exchange = self.exchange.get();
        exchange.map_or(Ok(()), |exchange| {
            exchange.finish(&mut Outgoing::empty(status))
        })
    }

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
                let place = self.place;
                let detail = format!("{service:?} needs a request: there is none {place}");
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

impl ffi::Host for HostOutside<'_> {
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

//! Entering a module: one call of one entry, and what the module asks for meanwhile. Calls of exports
//! (a parent's version, the requested module's, another domain's) come back here on the same thread.

use std::sync::Arc;

use harmonious_abi::{kind, level};
use http::StatusCode;
use http::header::RETRY_AFTER;
use serde::Deserialize;
use serde_json::{Map, Value};
use smallvec::SmallVec;

use super::failed::Pages;
use super::messages::{encode, of_the_site, read};
use super::render::Asking;
use super::{Failed, Run};
use crate::config::CALL_DEPTH_MAX;
use crate::ffi::{
    self, EntryCall, ModuleEdits, ModuleFailure, ModuleResponse, ResponseView, Returned,
};
use crate::loader::{LoadError, LoadedModule, Open};
use crate::manifest::{DeclaredEntry, DomainId, ModuleId, Role};
use crate::message::Fault;
use crate::services::{Caller, LetGo, ServiceError};

/// What an entry answered.
#[derive(Debug)]
pub(super) enum Said {
    Continue,
    Response(Box<ModuleResponse>),
    /// What an `after` changes.
    Edits(Box<ModuleEdits>),
    Declined,
    Value(Vec<u8>),
}

/// Where a call stands: in which module, on which lineage, how deep.
#[derive(Clone, Copy)]
pub(super) struct Standing<'a> {
    pub(super) module: ModuleId,
    /// Modules that exports are looked up in, leaf to root.
    pub(super) lineage: &'a [ModuleId],
    /// The domain from which templates are looked up.
    pub(super) view: DomainId,
    pub(super) depth: usize,
}

/// An export: its module, its entry, and the lineage from its module on.
type Export<'r, 'l> = (&'r Arc<LoadedModule>, usize, &'l [ModuleId]);

/// What an entry is given beside the request.
#[derive(Clone, Copy, Default)]
pub(super) struct Given<'a> {
    pub(super) status: u16,
    pub(super) argument: &'a [u8],
    pub(super) response: Option<&'a ResponseView<'a>>,
}

impl<'r> Run<'r> {
    /// Calls an entry of a loaded module.
    pub(super) fn call(
        &self,
        loaded: &Arc<LoadedModule>,
        entry: usize,
        standing: Standing<'_>,
        given: Given<'_>,
    ) -> Result<Said, Box<Failed>> {
        self.place.enter(standing.module.index());
        let mut host = HostOfCall {
            run: self,
            loaded,
            standing,
            said: None,
            failure: None,
        };
        let call = EntryCall {
            request: Some(&*self.views),
            status: given.status,
            argument: given.argument,
            response: given.response,
        };
        let returned = loaded.call(entry, &call, &mut host);
        let failure = match (returned, host.said, host.failure) {
            (Returned::Continue, ..) => return Ok(Said::Continue),
            (Returned::Declined, ..) => return Ok(Said::Declined),
            (Returned::Responded | Returned::Replied, Some(said), None) => return Ok(said),
            (_, _, Some(failure)) => *failure,
            (returned, ..) => ModuleFailure {
                detail: format!("the module returned {returned:?} without what belongs to it"),
                ..ModuleFailure::default()
            },
        };
        Err(Box::new(self.failed(loaded, failure)))
    }

    /// The module of that id, loaded if it was not, unless it rests after too many panics.
    pub(super) fn load(&self, id: ModuleId) -> Result<&'r Arc<LoadedModule>, Box<Failed>> {
        let loaded = match self.snapshot.modules.get(id.index()) {
            Some(loaded) => loaded,
            None => self
                .snapshot
                .load(self.core, id)
                .map_err(|error| self.not_loaded(id, &error))?,
        };
        match loaded.breaker.admit(|| self.now()) {
            Ok(()) => Ok(loaded),
            Err(open) => Err(Box::new(self.rests(id, loaded, open))),
        }
    }

    fn not_loaded(&self, id: ModuleId, error: &LoadError) -> Box<Failed> {
        let status = match error {
            LoadError::Waited { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let module = self.snapshot.manifest.module(id);
        let mut failed = Failed::new(status, error.to_string());
        failed.fault.module.clone_from(&module.key);
        failed.pages = self.pages_of(id);
        Box::new(failed)
    }

    fn rests(&self, id: ModuleId, loaded: &LoadedModule, open: Open) -> Failed {
        let seconds = open.retry_after_s();
        let detail = format!(
            "the module {} failed too often and rests for {seconds} s, or until it is built again",
            loaded.key
        );
        let mut failed = Failed::new(StatusCode::SERVICE_UNAVAILABLE, detail);
        failed.headers.insert(RETRY_AFTER, seconds.into());
        failed.fault.module.clone_from(&loaded.key);
        failed.pages = self.pages_of(id);
        failed
    }

    /// Where the pages for a module are that cannot be entered.
    fn pages_of(&self, id: ModuleId) -> Pages {
        match self.snapshot.manifest.module(id).role.is_routable() {
            true => Pages::OfRequest,
            false => self.pages_beside(id),
        }
    }

    /// Where the pages for a failure of a module's hook are (R6). Those of a domain may need what its own parent was
    /// to prepare; they do not have the parents that modules name (`inherits`), whatever becomes of these.
    pub(super) fn pages_beside(&self, id: ModuleId) -> Pages {
        let module = self.snapshot.manifest.module(id);
        match &module.role {
            Role::Parent { name } if name != "parent" => Pages::Of(module.domain),
            _ => Pages::Above(module.domain),
        }
    }

    fn failed(&self, loaded: &LoadedModule, failure: ModuleFailure) -> Failed {
        let status = StatusCode::from_u16(failure.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut failed = Failed::new(status, failure.detail);
        if !failure.title.is_empty() {
            failed.title = failure.title;
        }
        failed.headers = failure.headers;
        failed.fault = Fault {
            module: loaded.key.clone(),
            detail: std::mem::take(&mut failed.fault.detail),
            file: failure.file,
            line: failure.line,
            backtrace: failure.backtrace,
            panicked: failure.panicked,
            not_admitted: false,
            chain: Vec::new(),
        };
        failed
    }

    /// The version of an export that comes first on a lineage, and what is above it.
    fn export<'l>(
        &self,
        lineage: &'l [ModuleId],
        name: &str,
    ) -> Result<Option<Export<'r, 'l>>, Box<Failed>> {
        for (at, id) in lineage.iter().enumerate() {
            let declared = &self.snapshot.manifest.module(*id).declared;
            let has = |entry: &DeclaredEntry| entry.kind == kind::EXPORT && entry.name == name;
            // The manifest tells which module has it: no other one is loaded for it.
            if !declared.entries.iter().any(has) {
                continue;
            }
            let loaded = self.load(*id)?;
            if let Some(entry) = loaded.table.export(name) {
                return Ok(Some((loaded, entry, &lineage[at..])));
            }
        }
        Ok(None)
    }

    fn call_export(
        &self,
        from: &Standing<'_>,
        call: &CallMessage<'_>,
    ) -> Result<Vec<u8>, ServiceError> {
        let manifest = &self.snapshot.manifest;
        let other: SmallVec<[ModuleId; 8]>;
        let mut view = from.view;
        let lineage: &[ModuleId] = match call.target {
            "parent" => from.lineage.get(1..).unwrap_or_default(),
            "page" => {
                view = self
                    .lineage
                    .first()
                    .map_or(view, |page| self.view_of(*page));
                &self.lineage
            }
            "path" => {
                let id = manifest.module_by_path(call.path).ok_or_else(|| {
                    let detail = format!("no module has the path {:?}", call.path);
                    ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
                })?;
                view = manifest.module(id).domain;
                other = self.snapshot.lineage_of(view, id);
                &other
            }
            target => {
                let detail = format!("a call of {target:?}: allowed are parent, page and path");
                return Err(ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
            }
        };
        let asking = Asking {
            view,
            lineage,
            depth: from.depth,
        };
        let value = self.call_first(asking, call.name, &call.args);
        self.place.enter(from.module.index());
        value?.ok_or_else(|| self.no_export(call, lineage))
    }

    /// Calls the export of that name that comes first on a lineage; none if there is none.
    pub(super) fn call_first(
        &self,
        asking: Asking<'_>,
        name: &str,
        argument: &[u8],
    ) -> Result<Option<Vec<u8>>, ServiceError> {
        if asking.depth >= CALL_DEPTH_MAX {
            let detail = format!(
                "{name:?} is called {CALL_DEPTH_MAX} calls deep: do two modules call each other?"
            );
            return Err(ServiceError::new(StatusCode::LOOP_DETECTED, detail));
        }
        let found = self.export(asking.lineage, name);
        let Some((loaded, entry, lineage)) = found.map_err(|failed| told(&failed))? else {
            return Ok(None);
        };
        let standing = Standing {
            module: lineage[0],
            lineage,
            view: asking.view,
            depth: asking.depth + 1,
        };
        let given = Given {
            argument,
            ..Given::default()
        };
        match self.call(loaded, entry, standing, given) {
            Ok(Said::Value(value)) => Ok(Some(value)),
            Ok(other) => {
                let detail = format!("the export {name:?} of {} answered {other:?}", loaded.key);
                Err(ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
            }
            Err(failed) => Err(told(&failed)),
        }
    }

    fn no_export(&self, call: &CallMessage<'_>, lineage: &[ModuleId]) -> ServiceError {
        let manifest = &self.snapshot.manifest;
        let asked: Vec<&str> = lineage
            .iter()
            .map(|id| manifest.module(*id).key.as_str())
            .collect();
        let asked = match asked.is_empty() {
            true => "there is no parent".to_owned(),
            false => format!("looked for it in {}", asked.join(", ")),
        };
        let detail = format!("no export {:?}: {asked}", call.name);
        ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    }
}

/// A failure as the calling module hears of it.
fn told(failed: &Failed) -> ServiceError {
    ServiceError {
        status: failed.status.as_u16(),
        title: failed.title.clone(),
        detail: failed.fault.detail.clone(),
        kind: String::new(),
        retry_after_s: retry_after_s(failed),
    }
}

fn retry_after_s(failed: &Failed) -> u64 {
    let told = failed.headers.get(RETRY_AFTER);
    let told = told.and_then(|value| value.to_str().ok()?.parse().ok());
    told.unwrap_or(0)
}

/// What one entry asks of the host.
struct HostOfCall<'c, 'r> {
    run: &'c Run<'r>,
    loaded: &'c Arc<LoadedModule>,
    standing: Standing<'c>,
    /// A response, edits or a value.
    said: Option<Said>,
    failure: Option<Box<ModuleFailure>>,
}

impl HostOfCall<'_, '_> {
    fn caller(&self) -> Caller<'_> {
        let manifest = &self.run.snapshot.manifest;
        let module = manifest.module(self.standing.module);
        Caller {
            module: &module.key,
            domain: &manifest.domain(module.domain).path,
            request: self.run.incoming.id,
            headers: Some(self.run.incoming.headers),
            loaded: Some(self.loaded),
            let_go: Some(LetGo(self.run.core)),
        }
    }

    fn serve(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, ServiceError> {
        match service {
            "call" => self
                .run
                .call_export(&self.standing, &read(service, message)?),
            "render" => {
                let RenderMessage { name, context } = read(service, message)?;
                let text = self.run.render_for(&self.standing, name, context);
                encode(&text.map_err(|error| {
                    ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, error.message)
                })?)
            }
            "provide" => {
                let Provide { name, value } = read(service, message)?;
                encode(&self.run.provide(name, value)?)
            }
            _ => {
                let (facts, host) = (&self.run.core.facts, self.run.incoming.host);
                match of_the_site(facts, host, service, message) {
                    Some(answer) => answer,
                    None => self.run.exchange().call(&self.caller(), service, message),
                }
            }
        }
    }
}

impl ffi::Host for HostOfCall<'_, '_> {
    fn respond(&mut self, response: Box<ModuleResponse>) {
        self.said = Some(Said::Response(response));
    }

    fn edit(&mut self, edits: Box<ModuleEdits>) {
        self.said = Some(Said::Edits(edits));
    }

    fn reply(&mut self, value: Vec<u8>) {
        self.said = Some(Said::Value(value));
    }

    fn fail(&mut self, failure: Box<ModuleFailure>) {
        self.failure = Some(failure);
    }

    fn body_read(&mut self, offset: u64, into: &mut [u8]) -> std::io::Result<usize> {
        self.run.incoming.body.read_at(offset, into)
    }

    fn call(&mut self, service: &str, message: &[u8]) -> Result<Vec<u8>, Vec<u8>> {
        self.serve(service, message).map_err(|error| error.encode())
    }

    fn log(&mut self, level: u32, message: &str, fields: &[u8]) {
        let level = level.clamp(level::ERROR, level::TRACE);
        self.run
            .core
            .services
            .log(&self.caller(), level, message, fields);
    }
}

#[derive(Deserialize)]
struct CallMessage<'a> {
    target: &'a str,
    #[serde(default)]
    path: &'a str,
    name: &'a str,
    #[serde(with = "serde_bytes")]
    args: Vec<u8>,
}

#[derive(Deserialize)]
struct RenderMessage<'a> {
    name: &'a str,
    context: Map<String, Value>,
}

#[derive(Deserialize)]
struct Provide {
    name: String,
    value: Value,
}

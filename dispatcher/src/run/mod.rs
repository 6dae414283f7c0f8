//! One request on its way: guards and `before` root to leaf, the handler, `after` leaf to root, and an
//! error page wherever one of them fails (R4 to R6).

mod body;
mod builtin;
mod calls;
mod disposal;
mod failed;
mod messages;
mod methods;
mod outside;
mod pages;
mod refusals;
mod render;
mod task;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use harmonious_abi::method;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{Method, StatusCode};
use smallvec::SmallVec;

use crate::dispatcher::{Core, Snapshot};
use crate::ffi::{BodyView, RequestArrays, RequestParts, RequestViews, ResponseView};
use crate::loader::LoadedModule;
use crate::manifest::{
    Canonical, CanonicalPath, Chain, DomainId, Found, ModuleId, Resolved, Role, TemplateId,
    canonical,
};
use crate::message::{Fault, Incoming, Outgoing, OutgoingBody};
use crate::running::Place;
use crate::services::{Exchange, LetGo};
use body::{edit, into_outgoing, replace};
use calls::{Given, Said, Standing};
use failed::{not_admitted, refused};
use methods::{allow, changes_something, method_bit};
use render::{Asking, Provided, failed_render, media_type};

pub use builtin::wants_json;
pub(crate) use disposal::{let_go, let_these_go};
pub(crate) use failed::Failed;
pub(crate) use methods::may_redirect;
pub use refusals::refuse;
pub(crate) use refusals::{answer_refused, domain_of, redirect, status_of};
pub(crate) use task::task;

/// Answers a request; whatever happens, there is an answer.
pub(crate) fn answer(core: &Core, snapshot: &Snapshot, incoming: &Incoming<'_>) -> Outgoing {
    let refuse = |status| answer_refused(core, snapshot, incoming, status);
    let path = match canonical(incoming.path) {
        Canonical::Path(path) => path,
        Canonical::Redirect(to) => match may_redirect(incoming.method) {
            true => return redirect(&to, incoming.query),
            false => return refuse(StatusCode::NOT_FOUND),
        },
        Canonical::Refused(refusal) => return refuse(status_of(&refusal)),
    };
    let resolved = snapshot.manifest.resolve(&path);
    if let Found::Redirect { slash } = resolved.found {
        return redirect(&path.encoded_with(slash), incoming.query);
    }
    go(core, snapshot, incoming, &path, &resolved, None)
}

/// Takes a request through its domain; `refused` is the status where it comes to no module.
fn go(
    core: &Core,
    snapshot: &Snapshot,
    incoming: &Incoming<'_>,
    path: &CanonicalPath<'_>,
    resolved: &Resolved,
    refused: Option<StatusCode>,
) -> Outgoing {
    let manifest = &snapshot.manifest;
    let params = resolved.params.iter();
    let params: SmallVec<[(&str, &str); 4]> = params
        .map(|param| (manifest.param_name(*param), &*path.segments[param.segment]))
        .collect();
    // What has nothing to decode is canonical already.
    let encoded = match refused.is_some() || incoming.path.bytes().any(|byte| byte == b'%') {
        true => Cow::Owned(path.encoded()),
        false => Cow::Borrowed(incoming.path),
    };
    let parts = RequestParts {
        method: method_bit(incoming.method),
        scheme: incoming.scheme,
        host: incoming.host,
        path: &encoded,
        raw_path: incoming.path,
        query: incoming.query.unwrap_or_default(),
        domain: &manifest.domain(resolved.domain).path,
        segments: &path.segments,
        rest_from: path.segments.len(),
        params: &params,
        headers: incoming.headers,
        body: incoming.body.in_memory(),
        body_len: incoming.body.len(),
        peer: incoming.peer,
        id: incoming.id,
    };
    let mut arrays = RequestArrays::default();
    let mut views = RequestViews::new(&parts, &mut arrays);
    // In place, and the arrays of views outside of it: to move kilobytes costs more than to resolve a path.
    let mut run = Run {
        core,
        snapshot,
        incoming,
        path: &encoded,
        resolved,
        refused,
        views: &mut views,
        place: core.running.begin(incoming.id, snapshot.number),
        began: OnceCell::new(),
        levels: SmallVec::new(),
        entered: 0,
        lineage: SmallVec::new(),
        provided: Provided::default(),
        exchange: OnceCell::new(),
        outgoing: Outgoing::empty(StatusCode::OK),
        fault: None,
    };
    run.whole();
    if let Some(exchange) = run.exchange.get() {
        // Not before the request is over: what modules do now is no part of it.
        exchange.over(LetGo(core));
        let_go(core);
    }
    run.outgoing
}

/// A module of the chain that the request has come to.
struct Level<'r> {
    module: ModuleId,
    /// Whether its `before` and `after` count.
    hooks: bool,
    /// Whether its `before` ran.
    began: bool,
    loaded: &'r Arc<LoadedModule>,
}

/// Modules, leaf to root.
pub(crate) type Lineage = SmallVec<[ModuleId; 8]>;

/// Something has answered: [`Run::outgoing`] is the answer.
struct Answered;

/// One request.
pub(crate) struct Run<'r> {
    core: &'r Core,
    snapshot: &'r Snapshot,
    incoming: &'r Incoming<'r>,
    /// The canonical path, percent-encoded.
    path: &'r str,
    resolved: &'r Resolved,
    /// With what it is refused, if it is to come to no module.
    refused: Option<StatusCode>,
    views: &'r mut RequestViews<'r>,
    place: Place<'r>,
    /// When a breaker was first seen open.
    began: OnceCell<Instant>,
    /// Root to leaf.
    levels: SmallVec<[Level<'r>; 8]>,
    /// How many levels the request came into: their `after` run.
    entered: usize,
    /// Modules for methods and exports, leaf to root.
    lineage: Lineage,
    /// For its templates.
    provided: Provided,
    /// What the server keeps for it, once something needed it.
    exchange: OnceCell<Box<dyn Exchange + 'r>>,
    /// The answer, once there is one. Here, and not handed from call to call: it is large.
    outgoing: Outgoing,
    /// What went wrong first.
    fault: Option<Box<Fault>>,
}

impl<'r> Run<'r> {
    fn whole(&mut self) {
        if let Err(failed) = self.inward() {
            self.outgoing = self.error_page(*failed);
        }
        for at in (0..self.entered).rev() {
            self.after(at);
        }
        if let Some(exchange) = self.exchange.get()
            && let Err(error) = exchange.finish(&mut self.outgoing)
        {
            self.outgoing = self.error_page(refused(&error));
            // What the page took is given back, and nothing of it is kept: the first error is the one that
            // is answered.
            let mut nothing = Outgoing::empty(StatusCode::SERVICE_UNAVAILABLE);
            let _ = self.exchange().finish(&mut nothing);
        }
        if let Some(mut fault) = self.fault.take() {
            let key = |level: &Level<'_>| level.loaded.key.clone();
            fault.chain = self.levels.iter().map(key).collect();
            self.outgoing.fault = Some(fault);
        }
    }

    /// One moment for the whole request; only where it matters, since most requests need none.
    fn now(&self) -> Instant {
        *self.began.get_or_init(Instant::now)
    }

    fn exchange(&self) -> &dyn Exchange {
        let begin = || self.core.services.exchange(self.incoming);
        &**self.exchange.get_or_init(begin)
    }

    // ---- root to leaf ----

    fn inward(&mut self) -> Result<(), Box<Failed>> {
        if let Some(status) = self.refused {
            return match self.enter(None)? {
                Some(Answered) => Ok(()),
                None => Err(Box::new(Failed::new(status, "refused before any module"))),
            };
        }
        let not_found = |detail: &str| Box::new(Failed::new(StatusCode::NOT_FOUND, detail));
        match &self.resolved.found {
            Found::Module(module) => {
                let said = self.module(*module)?;
                said.map(|Answered| ())
                    .ok_or_else(|| not_found("the module declined"))
            }
            Found::Page(template) => self.page(*template),
            Found::Rest { candidates, .. } => {
                for candidate in candidates {
                    let domain = self.snapshot.manifest.module(*candidate).domain;
                    self.views
                        .with_rest_from(self.snapshot.manifest.domain(domain).depth);
                    if let Some(Answered) = self.module(*candidate)? {
                        return Ok(());
                    }
                }
                Err(not_found("every [...rest] declined"))
            }
            Found::Nothing | Found::Redirect { .. } => match self.enter(None)? {
                Some(Answered) => Ok(()),
                None => Err(not_found("no module and no page has this URL")),
            },
        }
    }

    /// Level by level loads what is new in the chain and runs its guards, then every `before`; an answer if
    /// one of them has one. Where anything fails the handler is not reached (invariant 7).
    fn enter(&mut self, module: Option<ModuleId>) -> Result<Option<Answered>, Box<Failed>> {
        let snapshot = self.snapshot;
        let chain: Cow<'_, Chain> = snapshot.manifest.chain(self.resolved.domain, module);
        let links = &chain.modules;
        let hooked = links.iter().rev().filter(|link| link.hooks);
        self.lineage = hooked.map(|link| link.module).collect();
        if let Some((file, broken)) = snapshot.manifest.broken(self.resolved.domain, &chain) {
            return Err(Box::new(Failed::broken(file, broken)));
        }
        for link in links {
            let module = link.module;
            // A `[...rest]` that declined may have dropped hooks that the next one keeps.
            if let Some(level) = self.levels.iter_mut().find(|level| level.module == module) {
                level.hooks |= link.hooks;
                continue;
            }
            let loaded = self.load(module)?;
            self.levels.push(Level {
                module,
                hooks: link.hooks,
                began: false,
                loaded,
            });
            // Before what is behind it is looked at: whoever is not let in learns nothing of it.
            self.entered = self.levels.len();
            if let Some(early) = self.hooks(self.entered - 1, Hook::Guard)? {
                return Ok(Some(early));
            }
        }
        for at in 0..self.levels.len() {
            let level = &mut self.levels[at];
            if level.hooks
                && !std::mem::replace(&mut level.began, true)
                && let Some(early) = self.hooks(at, Hook::Before)?
            {
                return Ok(Some(early));
            }
        }
        Ok(None)
    }

    fn hooks(&mut self, at: usize, hook: Hook) -> Result<Option<Answered>, Box<Failed>> {
        let level = &self.levels[at];
        let entries = match hook {
            Hook::Guard => level.loaded.table.guards(),
            Hook::Before => level.loaded.table.befores(),
        };
        for entry in entries {
            let said = self.call(
                level.loaded,
                *entry,
                self.standing(level.module),
                Given::default(),
            );
            match said {
                Ok(Said::Continue) => {}
                Ok(Said::Response(response)) => {
                    return match into_outgoing(*response, &self.core.facts.dir) {
                        Ok(outgoing) => {
                            self.outgoing = outgoing;
                            Ok(Some(Answered))
                        }
                        Err(failed) => Err(self.above(at, *failed)),
                    };
                }
                Ok(other) => {
                    let detail = format!("{hook:?} of {} answered {other:?}", level.loaded.key);
                    return Err(
                        self.above(at, Failed::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
                    );
                }
                Err(failed) => return Err(self.above(at, *failed)),
            }
        }
        Ok(None)
    }

    /// A failure of a hook.
    fn above(&self, at: usize, mut failed: Failed) -> Box<Failed> {
        failed.pages = self.pages_beside(self.levels[at].module);
        Box::new(failed)
    }

    fn standing(&self, module: ModuleId) -> Standing<'_> {
        let at = self.lineage.iter().position(|id| *id == module);
        Standing {
            module,
            lineage: at.map_or(&[], |at| &self.lineage[at..]),
            view: self.view_of(module),
            depth: 0,
        }
    }

    /// The domain from which a module's templates are looked up: the request's; for a `[...rest]`, which
    /// knows nothing of the domains below it, its own.
    pub(super) fn view_of(&self, module: ModuleId) -> DomainId {
        let module = self.snapshot.manifest.module(module);
        match module.role {
            Role::Rest => module.domain,
            _ => self.resolved.domain,
        }
    }

    // ---- the leaf ----

    /// `None` if the module declines.
    fn module(&mut self, module: ModuleId) -> Result<Option<Answered>, Box<Failed>> {
        if changes_something(self.incoming.method) {
            let module = self.snapshot.manifest.module(module);
            let admitted = self.exchange().admit(module);
            admitted.map_err(|error| not_admitted(module, &error))?;
        }
        if let Some(early) = self.enter(Some(module))? {
            return Ok(Some(early));
        }
        let wanted = method_bit(self.incoming.method);
        let handler = match self.handler(wanted) {
            None if wanted == method::HEAD => self.handler(method::GET),
            found => found,
        };
        let Some((level, entry)) = handler else {
            // Not the module's own: below another domain a `[...rest]` has that domain's parents.
            let manifest = &self.snapshot.manifest;
            let chain = manifest.chain(self.resolved.domain, Some(module));
            self.outgoing = self.no_handler(manifest.methods(&chain))?;
            return Ok(Some(Answered));
        };
        let standing = self.standing(level.module);
        match self.call(level.loaded, entry, standing, Given::default())? {
            Said::Response(response) => match into_outgoing(*response, &self.core.facts.dir) {
                Ok(outgoing) => {
                    self.outgoing = outgoing;
                    Ok(Some(Answered))
                }
                Err(mut failed) => {
                    failed.fault.module.clone_from(&level.loaded.key);
                    Err(failed)
                }
            },
            Said::Declined => Ok(None),
            other => {
                let detail = format!("the handler of {} answered {other:?}", level.loaded.key);
                Err(Box::new(Failed::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    detail,
                )))
            }
        }
    }

    /// The nearest handler of a method: the module's, or else a parent's.
    fn handler(&self, wanted: u32) -> Option<(&Level<'r>, usize)> {
        self.lineage.iter().find_map(|id| {
            let level = self.levels.iter().find(|level| level.module == *id)?;
            Some((level, level.loaded.table.handler(wanted)?))
        })
    }

    fn no_handler(&self, methods: u32) -> Result<Outgoing, Box<Failed>> {
        let allow = allow(methods);
        if self.incoming.method == Method::OPTIONS {
            let mut outgoing = Outgoing::empty(StatusCode::NO_CONTENT);
            outgoing.headers.insert(ALLOW, allow);
            return Ok(outgoing);
        }
        let detail = format!(
            "{} is not among the methods of this URL",
            self.incoming.method
        );
        let failed = Failed::new(StatusCode::METHOD_NOT_ALLOWED, detail);
        Err(Box::new(failed.with(ALLOW, allow)))
    }

    /// A template that is a page of its own.
    fn page(&mut self, template: TemplateId) -> Result<(), Box<Failed>> {
        if let Some(Answered) = self.enter(None)? {
            return Ok(());
        }
        if !matches!(*self.incoming.method, Method::GET | Method::HEAD) {
            self.outgoing = self.no_handler(method::GET | method::HEAD | method::OPTIONS)?;
            return Ok(());
        }
        let name = &self.snapshot.manifest.template_at(template).name;
        let lineage = self.passed();
        let asking = Asking {
            view: self.resolved.domain,
            lineage: &lineage,
            depth: 0,
        };
        let text = self.render(asking, name, serde_json::Map::new());
        let text = text.map_err(|error| Box::new(failed_render(error)))?;
        let mut outgoing = Outgoing::empty(StatusCode::OK);
        outgoing.headers.insert(CONTENT_TYPE, media_type(name));
        outgoing.body = OutgoingBody::Bytes(text.into());
        self.outgoing = outgoing;
        Ok(())
    }

    // ---- leaf to root ----

    fn after(&mut self, at: usize) {
        let level = &self.levels[at];
        if !level.hooks {
            return;
        }
        let (loaded, module) = (level.loaded, level.module);
        for entry in loaded.table.afters() {
            let body = match &self.outgoing.body {
                OutgoingBody::Empty => BodyView::Empty,
                OutgoingBody::Bytes(bytes) => BodyView::Bytes(bytes),
                OutgoingBody::Stream(_) => BodyView::Stream,
                OutgoingBody::File(_, path) => BodyView::File(path.to_str().unwrap_or_default()),
            };
            let view = ResponseView::new(self.outgoing.status, &self.outgoing.headers, body);
            let given = Given {
                response: Some(&view),
                ..Given::default()
            };
            let done = match self.call(loaded, *entry, self.standing(module), given) {
                Ok(Said::Edits(edits)) => edit(&mut self.outgoing, *edits, &self.core.facts.dir),
                Ok(Said::Response(response)) => {
                    replace(&mut self.outgoing, *response, &self.core.facts.dir)
                }
                Ok(_) => Ok(()),
                Err(failed) => Err(failed),
            };
            if let Err(failed) = done {
                self.outgoing = self.error_page(*self.above(at, *failed));
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Hook {
    Guard,
    Before,
}

//! What must hold of a site once it is put together: each page has a handler, each error page shows
//! errors.

use harmonious_abi::{kind, method};

use super::assemble::Parts;
use super::chain::Chains;
use super::findings::{Blame, Findings};
use super::model::{Chain, Link, Module, ModuleId, Role};
use super::problem::Problem;

/// Works out who answers what, and names what answers nothing.
pub(super) fn complete(parts: &mut Parts, chains: &Chains) {
    for at in 0..parts.modules.len() {
        let id = ModuleId::from_index(at);
        let domain = parts.modules[at].domain;
        let chain = chains.of(domain, Some(id), &parts.modules);
        let methods = methods(&chain, &parts.modules);
        parts.modules[at].methods = with_automatic(methods);
        // What cannot be read has said nothing yet.
        let is_broken = |link: &Link| parts.modules[link.module.index()].declared.broken.is_some();
        if !chain.modules.iter().any(is_broken) {
            look(id, methods, &parts.modules, &mut parts.findings);
        }
    }
}

/// The methods of all modules of a chain whose hooks count.
pub(super) fn methods(chain: &Chain, modules: &[Module]) -> u32 {
    let lineage = chain.lineage();
    lineage.fold(0, |methods, id| {
        methods | modules[id.index()].declared.methods()
    })
}

/// HEAD where there is GET, and OPTIONS always.
pub(super) fn with_automatic(methods: u32) -> u32 {
    let head = if methods & method::GET != 0 {
        method::HEAD
    } else {
        0
    };
    methods | head | method::OPTIONS
}

fn look(id: ModuleId, methods: u32, modules: &[Module], findings: &mut Findings) {
    let module = &modules[id.index()];
    let file = &module.source;
    if module.role.is_routable() && methods == 0 {
        let problem = Problem::error(
            file,
            "a module without a handler: neither it nor a parent has one",
            "write one, such as `#[get] fn show(req: &Request) -> Result<Response>`; a parent's file begins with `_`, and code that modules share belongs into `site/`",
        );
        findings.error(Blame::Modules(vec![id]), problem);
    }
    let is_error_page = matches!(module.role, Role::ErrorPage { .. });
    if is_error_page && !module.declared.has(kind::ERROR_PAGE) {
        let problem = Problem::error(
            file,
            "an error page without an `#[error_page]`",
            "put `#[error_page]` on the function that shows the error",
        );
        findings.error(Blame::Modules(vec![id]), problem);
    }
    if !is_error_page
        && let Some(entry) = module
            .declared
            .entries
            .iter()
            .find(|e| e.kind == kind::ERROR_PAGE)
    {
        let problem = Problem::warning(
            file,
            format!("`{}` is an `#[error_page]` that nothing asks", entry.name),
            "move it into `_error.rs`, `_404.rs`, `_4xx.rs` or `_5xx.rs`",
        );
        findings.told(problem.at(entry.line));
    }
}

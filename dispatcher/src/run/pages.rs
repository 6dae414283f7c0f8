//! Error pages (R6): from the deepest matched domain upward, a module or
//! a template; problem documents for those who ask for JSON; the built-in page when all else fails.

use http::header::{CONTENT_TYPE, VARY};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value};

use super::body::into_outgoing;
use super::calls::{Given, Said, Standing};
use super::failed::Pages;
use super::render::{Asking, failed_render, media_type};
use super::{Failed, Run, builtin};
use crate::config::ERROR_PAGES_MAX;
use crate::manifest::{DomainId, ErrorPage};
use crate::message::{Fault, Outgoing, OutgoingBody};

impl Run<'_> {
    /// The answer for a failure. It keeps the failure's status and header fields, whatever shows it.
    pub(super) fn error_page(&mut self, mut failed: Failed) -> Outgoing {
        self.blame(std::mem::take(&mut failed.fault));
        let (status, title) = (failed.status, failed.title.clone());
        let start = match failed.pages {
            Pages::OfRequest => Some(self.resolved.domain),
            Pages::Of(domain) => Some(domain),
            Pages::Above(domain) => self.snapshot.manifest.domain(domain).parent,
        };
        let mut outgoing = match builtin::wants_json(self.incoming.headers) {
            true => {
                let (headers, body) = builtin::problem(status, &title, self.incoming.id, self.path);
                shown(headers, body)
            }
            false => self.page_of(start, &failed).unwrap_or_else(|| {
                let (headers, body) = builtin::page(status, &title, self.incoming.id);
                shown(headers, body)
            }),
        };
        outgoing.status = status;
        for name in failed.headers.keys() {
            outgoing.headers.remove(name);
        }
        for (name, value) in &failed.headers {
            outgoing.headers.append(name, value.clone());
        }
        outgoing
            .headers
            .append(VARY, HeaderValue::from_static("accept"));
        outgoing
    }

    /// Keeps the first fault: what fails after it is most often its consequence. The others are logged.
    fn blame(&mut self, fault: Fault) {
        match &self.fault {
            None => self.fault = Some(Box::new(fault)),
            Some(_) => tracing::error!(
                target: "site",
                module = %fault.module,
                id = self.incoming.id,
                file = %fault.file,
                line = fault.line,
                "while another error was shown: {}",
                fault.detail
            ),
        }
    }

    fn page_of(&mut self, start: Option<DomainId>, failed: &Failed) -> Option<Outgoing> {
        let snapshot = self.snapshot;
        let pages = snapshot
            .manifest
            .error_pages(start?, failed.status.as_u16());
        let mut broken: Option<DomainId> = None;
        for (domain, page) in pages.take(ERROR_PAGES_MAX) {
            if broken == Some(domain) {
                continue; // one attempt for each level
            }
            match self.show(domain, page, failed) {
                Ok(outgoing) => return Some(outgoing),
                Err(more) => {
                    broken = Some(domain);
                    self.blame(more.fault);
                }
            }
        }
        None
    }

    fn show(
        &self,
        domain: DomainId,
        page: ErrorPage,
        failed: &Failed,
    ) -> Result<Outgoing, Box<Failed>> {
        let facts = self.facts_of(failed);
        match page {
            ErrorPage::Template(id) => {
                let name = &self.snapshot.manifest.template_at(id).name;
                // Not the requested module's exports: its guards may have refused.
                let parents = self.snapshot.parents_of(domain);
                let lineage = self.passed_of(&parents);
                let asking = Asking {
                    view: domain,
                    lineage: &lineage,
                    depth: 0,
                };
                let text = self.render(asking, name, facts);
                let text = text.map_err(|error| Box::new(failed_render(error)))?;
                let mut outgoing = Outgoing::empty(failed.status);
                outgoing.headers.insert(CONTENT_TYPE, media_type(name));
                outgoing.body = OutgoingBody::Bytes(text.into());
                Ok(outgoing)
            }
            ErrorPage::Module(id) => {
                let loaded = self.load(id)?;
                let entry = loaded.table.error_page().ok_or_else(|| {
                    let detail = format!("{} has no #[error_page]", loaded.key);
                    Box::new(Failed::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
                })?;
                let lineage = self.snapshot.lineage_of(domain, id);
                let standing = Standing {
                    module: id,
                    lineage: &lineage,
                    view: domain,
                    depth: 0,
                };
                let argument = rmp_serde::to_vec_named(&facts).unwrap_or_default();
                let given = Given {
                    status: failed.status.as_u16(),
                    argument: &argument,
                    response: None,
                };
                match self.call(loaded, entry, standing, given)? {
                    Said::Response(response) => into_outgoing(*response, &self.core.facts.dir),
                    other => {
                        let detail = format!("the error page {} answered {other:?}", loaded.key);
                        Err(Box::new(Failed::new(
                            StatusCode::INTERNAL_SERVER_ERROR,
                            detail,
                        )))
                    }
                }
            }
        }
    }

    /// What an error page is told. Details are for those who develop the site.
    fn facts_of(&self, failed: &Failed) -> Map<String, Value> {
        let mut facts = Map::new();
        facts.insert("status".into(), failed.status.as_u16().into());
        facts.insert("title".into(), failed.title.clone().into());
        facts.insert("request_id".into(), self.incoming.id.into());
        facts.insert("path".into(), self.path.into());
        let detail = match self.core.facts.development {
            true => failed.fault.detail.clone(),
            false => String::new(),
        };
        facts.insert("detail".into(), detail.into());
        facts
    }
}

fn shown(headers: http::HeaderMap, body: OutgoingBody) -> Outgoing {
    Outgoing {
        status: StatusCode::OK,
        headers,
        body,
        fault: None,
    }
}

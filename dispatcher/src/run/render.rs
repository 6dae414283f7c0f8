//! Rendering templates: what every template is told beside what its module says.

use std::cell::RefCell;

use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::calls::Standing;
use super::{Failed, Run};
use crate::config::PROVIDED_MAX;
use crate::manifest::{DomainId, ModuleId};
use crate::services::{Asked, RenderError, ServiceError};

/// On whose behalf a template is rendered.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    /// The domain from which its name is looked up.
    pub(super) view: DomainId,
    /// The modules that its variable `module` means, leaf to root.
    pub(super) lineage: &'a [ModuleId],
    pub(super) depth: usize,
}

/// Values that hooks and the handler provided for the templates of the request.
pub(super) type Provided = RefCell<Map<String, Value>>;

impl Run<'_> {
    /// Renders a template. What the context does not say is said by what was provided; what that does not say
    /// the template asks for.
    pub(super) fn render(
        &self,
        asking: Asking<'_>,
        name: &str,
        mut context: Map<String, Value>,
    ) -> Result<String, RenderError> {
        for (name, value) in &*self.provided.borrow() {
            if !context.contains_key(name) {
                context.insert(name.clone(), value.clone());
            }
        }
        let domain = &self.snapshot.manifest.domain(asking.view).path;
        let asked = AskedOf { run: self, asking };
        self.snapshot.renderer.render(domain, name, context, &asked)
    }

    /// What templates are told of the request.
    fn request_told(&self) -> Value {
        let incoming = self.incoming;
        json!({
            "method": incoming.method.as_str(),
            "scheme": incoming.scheme,
            "host": incoming.host,
            "path": self.path,
            "query": incoming.query.unwrap_or_default(),
            "id": incoming.id,
        })
    }

    /// What they are told of the site.
    fn site_told(&self) -> Value {
        let facts = &self.core.facts;
        let host = match facts.host.as_str() {
            "" => self.incoming.host,
            host => host,
        };
        json!({ "name": facts.name, "host": host })
    }

    /// A module renders: its own exports, or the requested module's where it is one of its parents.
    pub(super) fn render_for(
        &self,
        standing: &Standing<'_>,
        name: &str,
        context: Map<String, Value>,
    ) -> Result<String, RenderError> {
        let asking = |lineage| Asking {
            view: standing.view,
            lineage,
            depth: standing.depth,
        };
        if !self.lineage.contains(&standing.module) {
            return self.render(asking(standing.lineage), name, context);
        }
        let passed = self.passed();
        self.render(asking(&passed), name, context)
    }

    /// Of the requested module and its parents those whose guards let the request pass, leaf to root: a
    /// page that a guard shows tells nothing of what is behind it (invariant 7).
    pub(super) fn passed(&self) -> super::Lineage {
        self.passed_of(&self.lineage)
    }

    /// The same of any lineage.
    pub(super) fn passed_of(&self, lineage: &[ModuleId]) -> super::Lineage {
        let passed = &self.levels[..self.entered];
        let modules = lineage.iter().copied();
        modules
            .filter(|id| passed.iter().any(|level| level.module == *id))
            .collect()
    }

    /// The value of an export without arguments.
    fn exported(&self, asking: Asking<'_>, name: &str) -> Result<Option<Value>, RenderError> {
        let no_arguments = rmp_serde::to_vec::<[(); 0]>(&[]).unwrap_or_default();
        let value = self.call_first(asking, name, &no_arguments);
        let value = value.map_err(|error| RenderError {
            message: format!("module.{name}: {}", error.detail),
            ..RenderError::default()
        })?;
        let Some(value) = value else {
            return Ok(None);
        };
        let value = rmp_serde::from_slice(&value);
        value.map(Some).map_err(|error| RenderError {
            message: format!("module.{name}: its value is none that a template can use: {error}"),
            ..RenderError::default()
        })
    }

    /// Keeps a value for the templates of this request.
    pub(super) fn provide(&self, name: String, value: Value) -> Result<(), ServiceError> {
        let mut provided = self.provided.borrow_mut();
        if provided.len() >= PROVIDED_MAX && !provided.contains_key(&name) {
            let detail = format!("more than {PROVIDED_MAX} values are provided for templates");
            return Err(ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail));
        }
        provided.insert(name, value);
        Ok(())
    }
}

/// Whom a template asks that is rendered on somebody's behalf.
struct AskedOf<'a, 'r> {
    run: &'a Run<'r>,
    asking: Asking<'a>,
}

impl Asked for AskedOf<'_, '_> {
    fn export(&self, name: &str) -> Result<Option<Value>, RenderError> {
        self.run.exported(self.asking, name)
    }

    fn told(&self, name: &str) -> Result<Option<Value>, RenderError> {
        let told = match name {
            "request" => return Ok(Some(self.run.request_told())),
            "site" => return Ok(Some(self.run.site_told())),
            _ => self.run.exchange().tell(name),
        };
        told.map_err(|error| RenderError {
            message: format!("{name}: {}", error.detail),
            ..RenderError::default()
        })
    }
}

pub(super) fn failed_render(error: RenderError) -> Failed {
    let mut failed = Failed::new(StatusCode::INTERNAL_SERVER_ERROR, error.message);
    failed.fault.file = error.file;
    failed.fault.line = error.line;
    failed
}

/// The media type of what a template of that name makes.
pub(super) fn media_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit('.').next() {
        Some("txt") => "text/plain; charset=utf-8",
        Some("xml") => "application/xml; charset=utf-8",
        Some("json") => "application/json",
        _ => "text/html; charset=utf-8",
    })
}

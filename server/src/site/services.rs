//! What the dispatcher asks of the server, for one site: its templates, its log, and the services that
//! modules reach by messages.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::around::Around;
use super::fragments::Leases;
use super::requests::{Unmet, unmet};

use harmonious_dispatcher::http::StatusCode;
use harmonious_dispatcher::{
    Caller, Exports, Manifest, RenderError, Renderer, ServiceError, Services, level,
};
use harmonious_templating::{Site, TemplateError, TemplateFile, Templates};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// The services of one site.
#[derive(Debug)]
pub struct SiteServices {
    site: String,
    dir: PathBuf,
    development: bool,
    around: Arc<Around>,
    leases: Leases,
    /// The templates of the last manifest: what did not change is not compiled again.
    last: Mutex<Option<Arc<SiteTemplates>>>,
}

#[derive(Deserialize)]
struct UrlFor<'a> {
    path: &'a str,
    values: Map<String, Value>,
}

impl SiteServices {
    /// Of the site of that name in that folder. In development a template that is wrong is a fault of its page only.
    pub fn new(site: &str, dir: &Path, development: bool, around: Arc<Around>) -> SiteServices {
        SiteServices {
            site: site.to_owned(),
            dir: dir.to_owned(),
            development,
            around,
            leases: Leases::default(),
            last: Mutex::default(),
        }
    }

    fn url_for(&self, service: &str, message: &[u8]) -> Result<Vec<u8>, ServiceError> {
        let UrlFor { path, values } = read(service, message)?;
        let url = self.around.url_for(path, &values);
        encode(&url.map_err(|detail| {
            ServiceError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("url_for: {detail}"),
            )
        })?)
    }
}

/// Everything that is wrong with the templates, before any is rendered.
fn check(dir: &Path, manifest: &Manifest, templates: &Templates) -> Result<(), Vec<String>> {
    let compiled = templates.check().err().unwrap_or_default();
    let wrong = compiled.iter().map(ToString::to_string);
    let unmet = unmet(dir, manifest, templates).into_iter();
    let unmet = unmet.filter(Unmet::is_error).map(|unmet| {
        let place = unmet.request.place;
        let (file, line, column) = (place.file.display(), place.line, place.column);
        format!(
            "{file}:{line}:{column}: {}: {}",
            unmet.message, unmet.advice
        )
    });
    let wrong: Vec<String> = wrong.chain(unmet).collect();
    match wrong.is_empty() {
        true => Ok(()),
        false => Err(wrong),
    }
}

/// The template files of a site.
pub fn template_files(manifest: &Manifest, dir: &Path) -> Vec<TemplateFile> {
    let files = manifest.templates().iter().map(|template| TemplateFile {
        domain: manifest.domain(template.domain).path.clone(),
        name: template.name.clone(),
        path: dir.join(&template.path),
    });
    files.collect()
}

impl Services for SiteServices {
    fn renderer(&self, manifest: &Manifest) -> Result<Arc<dyn Renderer>, Vec<String>> {
        self.around.follow(manifest);
        let files = template_files(manifest, &self.dir);
        let mut last = self.last.lock();
        let templates = match &*last {
            Some(before) => Templates::after(files, &before.0),
            None => Templates::of_site(files, self.around.clone()),
        };
        if !self.development {
            check(&self.dir, manifest, &templates)?;
        }
        let templates = Arc::new(SiteTemplates(templates));
        *last = Some(templates.clone());
        Ok(templates)
    }

    fn tell(&self, _caller: &Caller<'_>, context: &mut Map<String, Value>) {
        for (name, value) in [
            ("user", Value::Null),
            ("csrf_field", json!("")),
            ("flash", json!([])),
        ] {
            if !context.contains_key(name) {
                context.insert(name.to_owned(), value);
            }
        }
    }

    fn call(
        &self,
        caller: &Caller<'_>,
        service: &str,
        message: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
        let fragments = self.around.fragments();
        if let Some(answer) = self.leases.answer(fragments, service, message) {
            return answer;
        }
        if service == "url_for" {
            return self.url_for(service, message);
        }
        let detail = format!(
            "{} asks for the service {service:?}, which this server does not have",
            caller.module
        );
        Err(ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail))
    }

    fn log(&self, caller: &Caller<'_>, level: u32, message: &str, fields: &[u8]) {
        let fields = match fields {
            [] => String::new(),
            fields => harmonious_dispatcher::show_message(fields),
        };
        let (site, module, id) = (&self.site, caller.module, caller.request);
        macro_rules! event {
            ($level:ident) => {
                tracing::event!(target: "site", tracing::Level::$level, %site, module, id, %fields, "{message}")
            };
        }
        match level {
            level::ERROR => event!(ERROR),
            level::WARN => event!(WARN),
            level::INFO => event!(INFO),
            level::DEBUG => event!(DEBUG),
            _ => event!(TRACE),
        }
    }
}

/// Reads a message of a module.
pub(super) fn read<'m, T: Deserialize<'m>>(
    service: &str,
    message: &'m [u8],
) -> Result<T, ServiceError> {
    rmp_serde::from_slice(message).map_err(|error| {
        let detail = format!("the message for {service:?} cannot be read: {error}");
        ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })
}

/// Writes the answer to a module.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, ServiceError> {
    rmp_serde::to_vec_named(value).map_err(|error| {
        let detail = format!("a reply cannot be written: {error}");
        ServiceError::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })
}

/// The templates of one manifest.
#[derive(Debug)]
struct SiteTemplates(Templates);

impl Renderer for SiteTemplates {
    fn render(
        &self,
        domain: &str,
        name: &str,
        mut context: Map<String, Value>,
        export: Exports<'_>,
    ) -> Result<String, RenderError> {
        let wanted = self
            .0
            .exports(domain, name)
            .map_err(|error| fault(&error))?;
        if !wanted.is_empty() && !context.contains_key(MODULE) {
            let mut module = Map::new();
            for name in wanted {
                if let Some(value) = export(&name)? {
                    module.insert(name.into(), value);
                }
            }
            context.insert(MODULE.to_owned(), Value::Object(module));
        }
        let page = self.0.render(domain, name, &context);
        page.map_err(|error| fault(&error))
    }
}

/// The variable whose fields are what the requested module and its parents export.
const MODULE: &str = "module";

fn fault(error: &TemplateError) -> RenderError {
    let place = error.place();
    RenderError {
        message: error.to_string(),
        file: place.map_or_else(String::new, |place| place.file.display().to_string()),
        line: place.map_or(0, |place| place.line),
    }
}

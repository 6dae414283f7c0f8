//! What the dispatcher asks of the server, for one site: its templates, its log, and the services that
//! modules reach by messages.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use harmonious_dispatcher::http::StatusCode;
use harmonious_dispatcher::{
    Caller, Manifest, RenderError, Renderer, ServiceError, Services, level,
};
use harmonious_templating::{TemplateError, TemplateFile, Templates};
use serde_json::{Map, Value};

/// The services of one site.
#[derive(Debug)]
pub struct SiteServices {
    site: String,
    dir: PathBuf,
    development: bool,
}

impl SiteServices {
    /// Of the site of that name in that folder. In development a template that is wrong is a fault of its page only.
    pub fn new(site: &str, dir: &Path, development: bool) -> SiteServices {
        SiteServices {
            site: site.to_owned(),
            dir: dir.to_owned(),
            development,
        }
    }
}

impl Services for SiteServices {
    fn renderer(&self, manifest: &Manifest) -> Result<Arc<dyn Renderer>, Vec<String>> {
        let files = manifest.templates().iter().map(|template| TemplateFile {
            domain: manifest.domain(template.domain).path.clone(),
            name: template.name.clone(),
            path: self.dir.join(&template.path),
        });
        let templates = Templates::new(files.collect());
        if !self.development
            && let Err(errors) = templates.check()
        {
            return Err(errors.iter().map(ToString::to_string).collect());
        }
        Ok(Arc::new(SiteTemplates(templates)))
    }

    fn call(
        &self,
        caller: &Caller<'_>,
        service: &str,
        _message: &[u8],
    ) -> Result<Vec<u8>, ServiceError> {
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

/// The templates of one manifest.
struct SiteTemplates(Templates);

impl Renderer for SiteTemplates {
    fn render(
        &self,
        domain: &str,
        name: &str,
        context: &Map<String, Value>,
    ) -> Result<String, RenderError> {
        self.0
            .render(domain, name, context)
            .map_err(|error| fault(&error))
    }
}

fn fault(error: &TemplateError) -> RenderError {
    let place = error.place();
    RenderError {
        message: error.to_string(),
        file: place.map_or_else(String::new, |place| place.file.display().to_string()),
        line: place.map_or(0, |place| place.line),
    }
}

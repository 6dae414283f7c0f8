//! What the dispatcher asks of the server, for one site: its templates, its log, and the services that
//! modules reach by messages.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::around::Around;
use super::exchange::SiteExchange;
use super::keeping::Keeping;
use super::locales::{self, LocalesConfig, Spoken, TOLD};
use super::requests::{Unmet, unmet};

use harmonious_dispatcher::manifest::Severity;
use harmonious_dispatcher::{
    Asked, Caller, Exchange, Incoming, Leaving, Manifest, Problem, RenderError, Renderer, Services,
    level,
};
use harmonious_templating::{Speech, TemplateError, TemplateFile, Templates};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

/// The services of one site.
#[derive(Debug)]
pub struct SiteServices {
    site: String,
    dir: PathBuf,
    development: bool,
    locales: LocalesConfig,
    around: Arc<Around>,
    keeping: Arc<Keeping>,
    /// The programs that its modules may run.
    programs: Vec<String>,
    /// The templates of the last manifest: what did not change is not compiled again.
    last: Mutex<Option<Arc<SiteTemplates>>>,
}

impl SiteServices {
    /// Of the site of that name in that folder. In development a template that is wrong is a fault of its page only.
    pub fn new(
        site: &str,
        dir: &Path,
        development: bool,
        locales: LocalesConfig,
        around: Arc<Around>,
        keeping: Arc<Keeping>,
        programs: Vec<String>,
    ) -> SiteServices {
        SiteServices {
            site: site.to_owned(),
            dir: dir.to_owned(),
            development,
            locales,
            around,
            keeping,
            programs,
            last: Mutex::default(),
        }
    }
}

/// Everything that is wrong with the templates and with catalogues, before any is rendered.
fn check(
    dir: &Path,
    manifest: &Manifest,
    templates: &Templates,
    locales: &[Problem],
) -> Result<(), Vec<String>> {
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
    let locales = locales
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    let locales = locales.map(ToString::to_string);
    let wrong: Vec<String> = wrong.chain(unmet).chain(locales).collect();
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
        let files = template_files(manifest, &self.dir);
        let mut last = self.last.lock();
        let templates = match &*last {
            Some(before) => Templates::after(files, &before.templates),
            None => Templates::of_site(files, self.around.clone()),
        };
        let spoken = Spoken::read(&self.dir, &self.locales, &self.around.spoken());
        let untold = locales::problems(&self.dir, &self.locales, &templates, &spoken);
        match self.development {
            // A text that is missing is a fault of its page only.
            true => untold.iter().for_each(|problem| match problem.severity {
                Severity::Error => tracing::error!("{problem}"),
                Severity::Warning => {}
            }),
            false => check(&self.dir, manifest, &templates, &untold)?,
        }
        let plan = self.keeping.plan(&self.dir, manifest);
        let wrong: Vec<String> = plan.problems.iter().map(ToString::to_string).collect();
        match self.development {
            // A declaration that is wrong is a fault of the modules that use it only.
            true => wrong.iter().for_each(|wrong| tracing::error!("{wrong}")),
            false if !wrong.is_empty() => return Err(wrong),
            false => {}
        }
        let templates = Arc::new(SiteTemplates {
            templates,
            spoken: spoken.clone(),
        });
        *last = Some(templates.clone());
        // Not before: a site whose reload is refused stays as it was.
        self.around.follow(manifest, spoken);
        self.keeping.follow(plan);
        Ok(templates)
    }

    fn exchange<'r>(&'r self, incoming: &'r Incoming<'r>) -> Box<dyn Exchange + 'r> {
        let (around, keeping) = (&self.around, &self.keeping);
        Box::new(SiteExchange::begin(
            around,
            keeping,
            &self.programs,
            incoming,
        ))
    }

    fn outside(&self) -> Box<dyn Exchange + '_> {
        let (around, keeping) = (&self.around, &self.keeping);
        Box::new(SiteExchange::outside(around, keeping, &self.programs))
    }

    fn leaving(&self) -> Vec<Leaving> {
        self.keeping.instances.leaving()
    }

    fn left(&self, leaving: &Leaving) {
        self.keeping.instances.left(leaving);
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

/// The templates of one manifest, and the catalogues of that moment.
#[derive(Debug)]
struct SiteTemplates {
    templates: Templates,
    spoken: Spoken,
}

impl SiteTemplates {
    /// The language of whoever asked.
    fn speech(&self, asked: &dyn Asked) -> Result<Speech, RenderError> {
        if let Some(broken) = self.spoken.broken.first() {
            return Err(RenderError {
                message: broken.to_string(),
                file: broken.file().display().to_string(),
                line: broken.line().unwrap_or(0),
            });
        }
        let code = asked.told(TOLD)?;
        let code = code.as_ref().and_then(Value::as_str).unwrap_or_default();
        Ok(Speech::of(&self.spoken.catalogues, code))
    }
}

impl Renderer for SiteTemplates {
    fn render(
        &self,
        domain: &str,
        name: &str,
        mut context: Map<String, Value>,
        asked: &dyn Asked,
    ) -> Result<String, RenderError> {
        let compiled = self.templates.compiled(domain, name);
        let compiled = compiled.map_err(|error| fault(&error))?;
        let wants = compiled.wants();
        if !wants.exports.is_empty() && !context.contains_key(MODULE) {
            let mut module = Map::new();
            for name in &wants.exports {
                if let Some(value) = asked.export(name)? {
                    module.insert(name.to_string(), value);
                }
            }
            context.insert(MODULE.to_owned(), Value::Object(module));
        }
        let speech = match wants.language {
            true => Some(self.speech(asked)?),
            false => None,
        };
        let mut markup = Vec::new();
        for &name in &wants.told {
            if context.contains_key(name) && name != CSRF_FIELD {
                continue;
            }
            match asked.told(name)? {
                Some(Value::String(text)) if name == CSRF_FIELD => markup.push((name, text)),
                Some(mut value) => {
                    if name == REQUEST
                        && let (Some(speech), Value::Object(request)) = (&speech, &mut value)
                    {
                        add_languages(speech, request);
                    }
                    context.insert(name.to_owned(), value);
                }
                None => {}
            }
        }
        let page = match &speech {
            Some(speech) => compiled.render_spoken(&context, &markup, speech),
            None => compiled.render(&context, &markup),
        };
        page.map_err(|error| fault(&error))
    }
}

/// The variable that is markup already.
const CSRF_FIELD: &str = "csrf_field";

/// The variable that has the languages, too.
const REQUEST: &str = "request";

fn add_languages(speech: &Speech, request: &mut Map<String, Value>) {
    let languages = speech.languages().map(|language| {
        json!({ "code": language.code, "name": language.name, "current": language.current })
    });
    request.insert("language".to_owned(), Value::from(speech.code()));
    request.insert("languages".to_owned(), languages.collect());
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

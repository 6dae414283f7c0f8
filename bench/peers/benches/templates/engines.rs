//! The three engines behind one function each.

use std::fs;

use harmonious_templating::{TemplateFile, Templates, convert};
use minijinja::Environment;
use serde_json::{Map, Value};
use tera::{Context, Tera};

use crate::pages::{self, FILES, Page};

/// The domain that asks; the templates lie above it, as a layout usually does.
const DOMAIN: &str = "/scripts/";

/// Who renders, and from what.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Ours, into a string, as a page of a module is.
    Ours,
    /// Ours, into a writer.
    OursTo,
    /// The engine below ours, with the values turned into its own each time.
    Tera,
    /// The same with values that are its own already.
    TeraReady,
    /// The other engine, with the values turned into its own each time.
    Minijinja,
    /// The same with values that are its own already.
    MinijinjaReady,
}

impl Who {
    /// In the order of the report.
    pub(crate) const ALL: [Who; 6] = [
        Who::Ours,
        Who::OursTo,
        Who::Tera,
        Who::TeraReady,
        Who::Minijinja,
        Who::MinijinjaReady,
    ];

    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Who::Ours => "ours",
            Who::OursTo => "ours, into a writer",
            Who::Tera => "tera",
            Who::TeraReady => "tera, values ready",
            Who::Minijinja => "minijinja",
            Who::MinijinjaReady => "minijinja, values ready",
        }
    }
}

/// All of them, with the templates compiled and the values there.
pub(crate) struct Engines {
    ours: Templates,
    tera: Tera,
    minijinja: Environment<'static>,
    /// Of pages without rows, and of those with them.
    values: [Values; 2],
}

/// The values of a page, in the form of each engine.
struct Values {
    ours: Map<String, Value>,
    tera: Context,
    minijinja: minijinja::Value,
}

impl Engines {
    /// Compiles the templates in each.
    ///
    /// # Errors
    /// Where a template cannot be read, or not compiled.
    pub(crate) fn new() -> Result<Self, String> {
        let files = FILES.map(|file| TemplateFile {
            domain: "/".to_owned(),
            name: file.to_owned(),
            path: pages::path(file),
        });
        let ours = Templates::new(files.into());
        ours.check().map_err(|errors| format!("{errors:?}"))?;
        let texts = texts()?;
        Ok(Self {
            ours,
            tera: tera(&texts)?,
            minijinja: minijinja(&texts)?,
            values: [false, true].map(|rows| Values::new(pages::values(rows))),
        })
    }

    /// The page.
    ///
    /// # Panics
    /// Where it cannot be rendered.
    pub(crate) fn render(&self, who: Who, page: &Page) -> String {
        let values = &self.values[usize::from(page.rows)];
        let file = page.file;
        let with_tera = |values: &Context| self.tera.render(file, values).expect("a page");
        let minijinja = || self.minijinja.get_template(file).expect("a template");
        match who {
            Who::Ours => {
                let page = self.ours.render(DOMAIN, file, &values.ours);
                page.expect("a page")
            }
            Who::OursTo => {
                let mut page = Vec::new();
                let written = self.ours.render_to(DOMAIN, file, &values.ours, &mut page);
                written.expect("a page");
                String::from_utf8(page).expect("UTF-8")
            }
            Who::Tera => with_tera(&context(&values.ours)),
            Who::TeraReady => with_tera(&values.tera),
            Who::Minijinja => minijinja().render(&values.ours).expect("a page"),
            Who::MinijinjaReady => {
                let page = minijinja().render(values.minijinja.clone());
                page.expect("a page")
            }
        }
    }
}

impl Values {
    fn new(values: Map<String, Value>) -> Self {
        Self {
            tera: context(&values),
            minijinja: minijinja::Value::from_serialize(&values),
            ours: values,
        }
    }
}

/// By name; what is in the classic syntax as ours translates it.
fn texts() -> Result<Vec<(&'static str, String)>, String> {
    let texts = FILES.map(|file| {
        let path = pages::path(file);
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let text = match file.ends_with(".tpl") {
            true => convert(&path, &text).map_err(|error| error.to_string())?,
            false => text,
        };
        Ok((file, text))
    });
    texts.into_iter().collect()
}

fn tera(texts: &[(&'static str, String)]) -> Result<Tera, String> {
    let mut tera = Tera::new();
    tera.autoescape_on([".html", ".tpl"]);
    let added = tera.add_raw_templates(texts.iter().map(|(name, text)| (name, text)));
    added.map_err(|error| error.to_string())?;
    Ok(tera)
}

fn context(values: &Map<String, Value>) -> Context {
    let mut context = Context::new();
    for (name, value) in values {
        context.insert(name.clone(), value);
    }
    context
}

fn minijinja(texts: &[(&'static str, String)]) -> Result<Environment<'static>, String> {
    let mut environment = Environment::new();
    environment.set_keep_trailing_newline(true);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
    for (name, text) in texts {
        let text: &'static str = text.clone().leak();
        let added = environment.add_template(name, text);
        added.map_err(|error| format!("{error:#}"))?;
    }
    Ok(environment)
}

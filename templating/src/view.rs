//! A template compiled with all that it needs, and rendered.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};
use tera::{Context, Tera};

use crate::config::{RENDER_BYTES_MAX, STACK_COMPILE_BYTES, STACK_INLINE_BYTES, STACK_LEVEL_BYTES};
use crate::error::TemplateError;
use crate::escape::Kind;
use crate::files::upward;
use crate::filters;
use crate::functions::{self, Rendering, Site};
use crate::limit::{Limited, Stopped};
use crate::report;
use crate::roomy;
use crate::source::Source;

/// A compiled template.
///
/// Each has an engine of its own, with nothing in it but what it needs: so a broken file spoils
/// no template that does not need it, and the type of the template alone says how values are
/// escaped, in what it includes too.
pub(crate) struct View {
    engine: Tera,
    entry: Arc<Source>,
    sources: HashMap<String, Arc<Source>>,
    levels: usize,
    /// What it and all that it needs asks of the requested module.
    exports: Box<[Box<str>]>,
}

/// What a template is compiled from.
pub(crate) struct Parts<'p> {
    /// As seen from where.
    pub domain: &'p str,
    /// The template itself first, then all that it needs.
    pub sources: &'p [Arc<Source>],
    /// How deep the engine recurses.
    pub levels: usize,
    /// Of all that it is made of.
    pub key: &'p blake3::Hash,
    /// What its functions ask.
    pub site: &'p Arc<dyn Site>,
}

impl View {
    /// Compiles.
    pub fn compile(parts: &Parts<'_>) -> Result<View, Vec<TemplateError>> {
        let sources = parts.sources;
        let entry = sources[0].clone();
        let by_full: HashMap<String, Arc<Source>> = sources
            .iter()
            .map(|source| (source.full.clone(), source.clone()))
            .collect();
        // The parser recurses; without a thread it has to do with the stack that is there.
        let engine = roomy::run(STACK_COMPILE_BYTES, || engine(parts))
            .unwrap_or_else(|_| engine(parts))
            .map_err(|error| report::compiling(&error, &entry, &by_full))?;
        let exports = sources.iter().flat_map(|source| &source.facts.exports);
        let exports: BTreeSet<&str> = exports.map(|named| named.name.as_str()).collect();
        Ok(View {
            engine,
            entry,
            sources: by_full,
            levels: parts.levels,
            exports: exports.into_iter().map(Box::from).collect(),
        })
    }

    /// The fields of `module` that it and all that it needs uses, sorted.
    pub fn exports(&self) -> &[Box<str>] {
        &self.exports
    }

    /// Renders into a writer, at most [`RENDER_BYTES_MAX`].
    pub fn render(
        &self,
        context: &Map<String, Value>,
        into: &mut dyn Write,
    ) -> Result<(), TemplateError> {
        let values = self.context(context)?;
        let stack_bytes = self.levels * STACK_LEVEL_BYTES;
        if stack_bytes <= STACK_INLINE_BYTES {
            return self.write(context, &values, into);
        }
        // Deep: on a stack of its own, and from there to the writer, which may not go along.
        let mut page = Vec::new();
        let failed = |source| self.not_written(source);
        roomy::run(stack_bytes, || self.write(context, &values, &mut page)).map_err(failed)??;
        into.write_all(&page).map_err(failed)
    }

    /// The file of the template itself.
    pub fn path(&self) -> &Path {
        &self.entry.path
    }

    fn write(
        &self,
        given: &Map<String, Value>,
        values: &Context,
        into: &mut dyn Write,
    ) -> Result<(), TemplateError> {
        let mut into = Limited::new(into, RENDER_BYTES_MAX);
        let _fragments = Rendering::begin();
        let result = self.engine.render_to(&self.entry.full, values, &mut into);
        match (result, into.finish()) {
            (Ok(()), None) => Ok(()),
            (_, Some(Stopped::Limit)) => Err(TemplateError::TooLarge {
                file: self.entry.path.clone(),
            }),
            (_, Some(Stopped::Failed(source))) => Err(self.not_written(source)),
            (Err(error), None) => Err(report::rendering(&error, &self.entry, &self.sources, given)),
        }
    }

    fn not_written(&self, source: io::Error) -> TemplateError {
        TemplateError::Write {
            file: self.entry.path.clone(),
            source: Arc::new(source),
        }
    }

    fn context(&self, given: &Map<String, Value>) -> Result<Context, TemplateError> {
        let mut context = Context::new();
        for (name, value) in given {
            let value =
                tera::Value::try_from_serializable(value).map_err(|_| TemplateError::Render {
                    place: self.entry.place(0),
                    message: format!("the value of `{name}` has no form that a template can use"),
                    via: Vec::new(),
                })?;
            context.insert_value(name.clone(), value);
        }
        Ok(context)
    }
}

fn engine(parts: &Parts<'_>) -> tera::TeraResult<Tera> {
    let kind = Kind::of(&parts.sources[0].full);
    let mut engine = Tera::new();
    filters::register(&mut engine, kind);
    functions::register(&mut engine, kind, parts.key, parts.site);
    engine.set_escape_fn(kind.escape());
    match kind {
        Kind::Text => engine.autoescape_on(Vec::<&str>::new()),
        // Every name ends with nothing: all are escaped.
        _ => engine.autoescape_on([""]),
    }
    engine.set_fallback_prefixes(prefixes(parts.domain, parts.sources))?;
    let texts = parts.sources.iter();
    engine.add_raw_templates(texts.map(|source| (&source.full, &source.text)))?;
    Ok(engine)
}

/// The domain and those above it, without those that have nothing in them that is needed: the engine
/// tries one after the other each time that it includes a file.
fn prefixes(domain: &str, sources: &[Arc<Source>]) -> Vec<String> {
    let is_needed = |prefix: &&str| {
        sources
            .iter()
            .any(|source| source.full.starts_with(*prefix))
    };
    upward(domain)
        .filter(is_needed)
        .map(str::to_owned)
        .collect()
}

//! A template compiled with all that it needs, and rendered.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use harmonious_locales::Speech;
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
use crate::speech::{self, Speaking};

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
    wants: Wants,
}

/// What a template wants to be told, it and all that it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// The fields of the variable `module` that it uses, sorted.
    pub exports: Box<[Box<str>]>,
    /// Which of `user`, `csrf_field`, `csrf_token`, `flash`, `request` and `site` it uses, sorted.
    pub told: Box<[&'static str]>,
    /// Whether it depends on the language of the visitor: calls `t`, or may ask for `request.language` or
    /// `request.languages`.
    pub language: bool,
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
        let told = sources.iter().flat_map(|source| &source.facts.told);
        let told: BTreeSet<&'static str> = told.copied().collect();
        Ok(View {
            engine,
            entry,
            sources: by_full,
            levels: parts.levels,
            wants: Wants {
                exports: exports.into_iter().map(Box::from).collect(),
                told: told.into_iter().collect(),
                language: sources.iter().any(|source| source.facts.speaks),
            },
        })
    }

    /// What it wants to be told.
    pub fn wants(&self) -> &Wants {
        &self.wants
    }

    /// Renders into a writer, in that language; `markup` is not escaped. At most [`RENDER_BYTES_MAX`].
    pub fn render(
        &self,
        context: &Map<String, Value>,
        markup: &[(&'static str, String)],
        speech: Option<&Speech>,
        into: &mut dyn Write,
    ) -> Result<(), TemplateError> {
        // What does not depend on it has one fragment for all languages.
        let speech = speech.filter(|_| self.wants.language);
        let mut values = self.context(context)?;
        for (name, text) in markup {
            values.insert_value(*name, tera::Value::safe_string(text));
        }
        let stack_bytes = self.levels * STACK_LEVEL_BYTES;
        if stack_bytes <= STACK_INLINE_BYTES {
            return self.write(context, &values, speech, into);
        }
        // Deep: on a stack of its own, and from there to the writer, which may not go along.
        let mut page = Vec::new();
        let failed = |source| self.not_written(source);
        let write = || self.write(context, &values, speech, &mut page);
        roomy::run(stack_bytes, write).map_err(failed)??;
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
        speech: Option<&Speech>,
        into: &mut dyn Write,
    ) -> Result<(), TemplateError> {
        let mut into = Limited::new(into, RENDER_BYTES_MAX);
        let _fragments = Rendering::begin();
        let _speaking = Speaking::begin(speech);
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
    speech::register(&mut engine, kind);
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

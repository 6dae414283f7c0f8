//! The functions that templates have: what they ask of the site around them, and the fragments that
//! they keep. Messages begin with the function's name in back quotes and hold no value.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json};
use tera::{Error, Kwargs, State, Tera, TeraResult, Value};

use crate::cache_tag;
use crate::config::{FRAGMENT_KEY_BYTES_MAX, FRAGMENTS_BYTES};
use crate::escape::Kind;
use crate::fragments::{Begun, FragmentKey, Fragments, Lease};
use crate::speech;

/// The site around its templates.
pub trait Site: Send + Sync + 'static {
    /// The URL of a page by its path among the domains, as `/scripts/[slug]/`, with values for what is
    /// in brackets; other values become the query.
    ///
    /// # Errors
    /// That there is no such page, or that a value is missing: without the values.
    fn url_for(&self, path: &str, values: &Map<String, Json>) -> Result<String, String>;

    /// The URL of a file of the site, with a hash of its content: it changes when the file does.
    ///
    /// # Errors
    /// That there is no such file.
    fn asset(&self, path: &str) -> Result<String, String>;

    /// Where rendered fragments are kept.
    fn fragments(&self) -> &Arc<Fragments>;
}

/// No site: for templates by themselves.
#[derive(Debug)]
pub(crate) struct NoSite(Arc<Fragments>);

impl Default for NoSite {
    fn default() -> NoSite {
        NoSite(Arc::new(Fragments::new(FRAGMENTS_BYTES)))
    }
}

impl Site for NoSite {
    fn url_for(&self, _: &str, _: &Map<String, Json>) -> Result<String, String> {
        Err("there is no site around this template".to_owned())
    }

    fn asset(&self, _: &str) -> Result<String, String> {
        Err("there is no site around this template".to_owned())
    }

    fn fragments(&self) -> &Arc<Fragments> {
        &self.0
    }
}

/// Tells the engine; it must know them before it compiles. `scope` is what the fragments of this
/// template are told apart by.
pub(crate) fn register(engine: &mut Tera, kind: Kind, scope: &blake3::Hash, site: &Arc<dyn Site>) {
    let around = Arc::clone(site);
    engine.register_function("url_for", move |arguments: Kwargs, _: &State<'_>| {
        url_for(&*around, &arguments)
    });
    let around = Arc::clone(site);
    engine.register_function("asset", move |arguments: Kwargs, _: &State<'_>| {
        let path = arguments.must_get::<&str>("path")?;
        let url = around.asset(path);
        url.map_err(|message| Error::message(format!("`asset`: {message}")))
    });
    let (around, scope) = (Arc::clone(site), *scope);
    engine.register_function(cache_tag::BEGIN, move |arguments: Kwargs, _: &State<'_>| {
        begin(around.fragments(), &scope, kind, &arguments)
    });
    engine.register_function(cache_tag::END, move |arguments: Kwargs, _: &State<'_>| {
        end(kind, &arguments)
    });
}

fn url_for(site: &dyn Site, arguments: &Kwargs) -> TeraResult<String> {
    let mut values: Map<String, Json> = arguments.deserialize()?;
    let path = values.remove("path");
    // For names that are taken, such as that of `[...path]`.
    if let Some(Json::Object(more)) = values.remove("values") {
        values.extend(more);
    }
    let Some(Json::String(path)) = path else {
        return Err(Error::message(
            "`url_for` needs the path of a page: url_for(path=\"/scripts/[slug]/\", slug=script.slug)",
        ));
    };
    let url = site.url_for(&path, &values);
    url.map_err(|message| Error::message(format!("`url_for`: {message}")))
}

// ---- fragments ----

/// Fragments that the template on this thread began and has not ended: number, lease, life.
type Open = Vec<(u64, Lease, Duration)>;

thread_local! {
    static OPEN: RefCell<Open> = const { RefCell::new(Vec::new()) };
}

/// Around one rendering: whatever it leaves open when it ends, however it ends, others may make.
pub(crate) struct Rendering {
    before: usize,
}

impl Rendering {
    pub fn begin() -> Rendering {
        let before = OPEN.with_borrow(Vec::len);
        Rendering { before }
    }
}

impl Drop for Rendering {
    fn drop(&mut self) {
        let left = OPEN.with_borrow_mut(|open| open.split_off(self.before.min(open.len())));
        drop(left);
    }
}

/// The text, if it is there; else nothing, and the text that is captured next is to be kept.
fn begin(
    fragments: &Arc<Fragments>,
    template: &blake3::Hash,
    kind: Kind,
    arguments: &Kwargs,
) -> TeraResult<Value> {
    let at = arguments.must_get::<u64>("at")?;
    let life = Duration::from_millis(arguments.must_get::<u64>("life")?);
    let name = name(arguments.must_get::<&str>("key")?)?;
    let place = speech::place(place(template, at));
    match fragments.begin(&FragmentKey::of_template(place, name)) {
        Begun::Found(text) if kind == Kind::Text => Ok(Value::from(&*text)),
        Begun::Found(text) => Ok(Value::safe_string(&text)),
        Begun::Make(lease) => {
            OPEN.with_borrow_mut(|open| open.push((at, lease, life)));
            Ok(Value::none())
        }
    }
}

/// Keeps the text, and gives it back as it is.
fn end(kind: Kind, arguments: &Kwargs) -> TeraResult<Value> {
    let at = arguments.must_get::<u64>("at")?;
    let text = arguments.must_get::<Value>("text")?;
    let innermost = OPEN.with_borrow_mut(|open| open.pop_if(|(number, ..)| *number == at));
    // Only what was captured is safe: a value that a page hands in by itself is not kept.
    if let Some((_, lease, life)) = innermost
        && (kind == Kind::Text || text.is_safe())
        && let Some(text) = text.as_str()
    {
        lease.finish(text, life);
    }
    Ok(text)
}

fn name(key: &str) -> TeraResult<&str> {
    match key.len() {
        ..=FRAGMENT_KEY_BYTES_MAX => Ok(key),
        _ => Err(Error::message(format!(
            "`cache` has a key of more than {FRAGMENT_KEY_BYTES_MAX} bytes"
        ))),
    }
}

/// A place in a compiled template.
fn place(template: &blake3::Hash, at: u64) -> [u8; 32] {
    let mut place = *template.as_bytes();
    for (byte, of_number) in place.iter_mut().zip(at.to_le_bytes()) {
        *byte ^= of_number;
    }
    place
}

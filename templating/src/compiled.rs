//! A compiled template in the hands of its user: looked up once, asked what it wants, rendered.

use std::sync::Arc;

use harmonious_locales::Speech;
use serde_json::{Map, Value};

use crate::error::TemplateError;
use crate::view::{View, Wants};

/// A template that is compiled, with all that it needs.
///
/// ```
/// use harmonious_templating::{TemplateFile, Templates};
/// use serde_json::json;
///
/// let dir = tempfile::tempdir()?;
/// let path = dir.path().join("hello.html");
/// std::fs::write(&path, "Hello {{ user }}: {{ csrf_field }}")?;
/// let file = TemplateFile { domain: "/".into(), name: "hello.html".into(), path };
/// let templates = Templates::new(vec![file]);
///
/// let hello = templates.compiled("/", "hello.html")?;
/// assert_eq!(*hello.wants().told, ["csrf_field", "user"]);
/// let context = json!({ "user": "<ann>" });
/// let markup = [("csrf_field", "<input>".to_owned())];
/// let page = hello.render(context.as_object().unwrap(), &markup)?;
/// assert_eq!(page, "Hello &lt;ann&gt;: <input>");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Compiled(Arc<View>);

impl Compiled {
    pub(crate) fn new(view: Arc<View>) -> Compiled {
        Compiled(view)
    }

    /// What the template, or anything that it needs, wants to be told.
    pub fn wants(&self) -> &Wants {
        self.0.wants()
    }

    /// Renders it. The text of the variables in `markup` goes into the page as it is; they win over the
    /// context.
    ///
    /// # Errors
    /// As [`Templates::render`](crate::Templates::render).
    pub fn render(
        &self,
        context: &Map<String, Value>,
        markup: &[(&'static str, String)],
    ) -> Result<String, TemplateError> {
        self.rendered(context, markup, None)
    }

    /// As [`render`](Compiled::render), with the language of whoever asked, for the function `t`. Fragments of
    /// a template that [depends on it](Wants::language) are kept for each language.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use harmonious_templating::{Catalogues, TemplateFile, Templates};
    /// use serde_json::json;
    ///
    /// let dir = tempfile::tempdir()?;
    /// std::fs::write(dir.path().join("fr.toml"), "hello = \"Bonjour, {name}\"\n")?;
    /// let catalogues = Arc::new(Catalogues::read(dir.path(), Some("fr")).unwrap());
    /// let path = dir.path().join("hello.html");
    /// std::fs::write(&path, "{{ t(key=\"hello\", name=who) }}")?;
    /// let file = TemplateFile { domain: "/".into(), name: "hello.html".into(), path };
    ///
    /// let hello = Templates::new(vec![file]).compiled("/", "hello.html")?;
    /// assert!(hello.wants().language);
    /// let context = json!({ "who": "<Ann>" });
    /// let french = catalogues.choose(None, None);
    /// let page = hello.render_spoken(context.as_object().unwrap(), &[], &french)?;
    /// assert_eq!(page, "Bonjour, &lt;Ann&gt;");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Templates::render`](crate::Templates::render).
    pub fn render_spoken(
        &self,
        context: &Map<String, Value>,
        markup: &[(&'static str, String)],
        speech: &Speech,
    ) -> Result<String, TemplateError> {
        self.rendered(context, markup, Some(speech))
    }

    fn rendered(
        &self,
        context: &Map<String, Value>,
        markup: &[(&'static str, String)],
        speech: Option<&Speech>,
    ) -> Result<String, TemplateError> {
        let mut page = Vec::new();
        self.0.render(context, markup, speech, &mut page)?;
        String::from_utf8(page).map_err(|_| TemplateError::Write {
            file: self.0.path().to_owned(),
            source: Arc::new(std::io::ErrorKind::InvalidData.into()),
        })
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Compiled").field(&self.0.path()).finish()
    }
}

//! [`Form`]: what was filled in, however the browser sent it.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::config::{FORM_FIELD_BYTES_MAX, FORM_FILE_BYTES_MAX, FORM_PARTS_MAX};
use crate::error::{Error, Result};
use crate::multipart;
use crate::request::Request;
use crate::upload::Upload;

/// What was filled in: fields, and files.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[post]
/// fn save(req: &Request) -> Result<Response> {
///     let form = req.form()?;
///     let name = form.text("name")?;
///     let stars: u8 = form.parse("stars")?;
///     if form.checked("public") {
///         info!("{name} is public, with {stars} stars");
///     }
///     Ok(Response::redirect("/scripts/"))
/// }
/// # fn main() {}
/// ```
#[derive(Debug, Default)]
pub struct Form {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) files: Vec<(String, Upload)>,
}

/// How much a form may hold; what is above is a 413 that names the limit. The size of the whole request
/// is limited by the server (`max_body`).
///
/// ```
/// let limits = harmonious::FormLimits::default().file_bytes(1 << 20).parts(10);
/// assert_eq!(limits, limits.clone());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormLimits {
    pub(crate) parts: usize,
    pub(crate) field_bytes: u64,
    pub(crate) file_bytes: u64,
}

impl Default for FormLimits {
    fn default() -> FormLimits {
        FormLimits {
            parts: FORM_PARTS_MAX,
            field_bytes: FORM_FIELD_BYTES_MAX,
            file_bytes: FORM_FILE_BYTES_MAX,
        }
    }
}

impl FormLimits {
    /// Fields and files together; 1,000 unless set.
    ///
    /// ```
    /// harmonious::FormLimits::default().parts(10);
    /// ```
    #[must_use]
    pub fn parts(mut self, parts: usize) -> FormLimits {
        self.parts = parts;
        self
    }

    /// Bytes of one field; 1 MiB unless set.
    ///
    /// ```
    /// harmonious::FormLimits::default().field_bytes(1_000);
    /// ```
    #[must_use]
    pub fn field_bytes(mut self, bytes: u64) -> FormLimits {
        self.field_bytes = bytes;
        self
    }

    /// Bytes of one file; 32 MiB unless set.
    ///
    /// ```
    /// harmonious::FormLimits::default().file_bytes(200 << 20);
    /// ```
    #[must_use]
    pub fn file_bytes(mut self, bytes: u64) -> FormLimits {
        self.file_bytes = bytes;
        self
    }

    pub(crate) fn check_parts(&self, parts: usize) -> Result<()> {
        check(parts as u64, self.parts as u64, || {
            "the form has more parts than".to_owned()
        })
    }

    pub(crate) fn check_field(&self, name: &str, bytes: u64) -> Result<()> {
        check(bytes, self.field_bytes, || {
            format!("field `{name}` has more bytes than")
        })
    }

    pub(crate) fn check_file(&self, name: &str, bytes: u64) -> Result<()> {
        check(bytes, self.file_bytes, || {
            format!("the file in `{name}` has more bytes than")
        })
    }
}

fn check(is: u64, most: u64, what: impl FnOnce() -> String) -> Result<()> {
    if is <= most {
        Ok(())
    } else {
        Err(Error::new(413, format!("{} {most}", what())))
    }
}

impl Request {
    /// The form that was sent, within the usual [limits](FormLimits). It is read anew at each call.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn name(req: &Request) -> Result<String> {
    ///     Ok(req.form()?.text("name")?.to_owned())
    /// }
    /// ```
    ///
    /// # Errors
    /// 415 if the body is no form, 400 if it cannot be understood, 413 above a limit.
    #[track_caller]
    pub fn form(&self) -> Result<Form> {
        self.form_with(&FormLimits::default())
    }

    /// The form that was sent, within other limits.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn archive(req: &Request) -> Result<u64> {
    ///     let form = req.form_with(&FormLimits::default().file_bytes(200 << 20))?;
    ///     Ok(form.file("archive")?.len())
    /// }
    /// ```
    ///
    /// # Errors
    /// Those of [`form`](Request::form).
    #[track_caller]
    pub fn form_with(&self, limits: &FormLimits) -> Result<Form> {
        match self.media_type().to_ascii_lowercase().as_str() {
            "application/x-www-form-urlencoded" => urlencoded(&self.bytes()?, limits),
            "multipart/form-data" => multipart::read(self, limits),
            "" if self.body_len() == 0 => Ok(Form::default()),
            _ => Err(Error::new(
                415,
                "a form is sent as urlencoded or as multipart/form-data",
            )),
        }
    }
}

fn urlencoded(bytes: &[u8], limits: &FormLimits) -> Result<Form> {
    let mut form = Form::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        limits.check_parts(form.fields.len() + 1)?;
        limits.check_field(&name, value.len() as u64)?;
        form.fields.push((name.into_owned(), value.into_owned()));
    }
    Ok(form)
}

impl Form {
    /// The first field of that name.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn name(form: &Form) -> Result<&str> {
    ///     form.text("name")
    /// }
    /// ```
    ///
    /// # Errors
    /// 422 that names the field, if it was not sent. (One that was left empty was sent.)
    #[track_caller]
    pub fn text(&self, name: &str) -> Result<&str> {
        match self.get(name) {
            Some(value) => Ok(value),
            None => Err(Error::unprocessable(format!("field `{name}` is missing"))),
        }
    }

    /// The first field of that name, if it was sent.
    ///
    /// ```
    /// fn comment(form: &harmonious::Form) -> &str { form.get("comment").unwrap_or("") }
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All fields of that name, in order.
    ///
    /// ```
    /// fn tags(form: &harmonious::Form) -> Vec<&str> { form.all("tag").collect() }
    /// ```
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields()
            .filter(move |(other, _)| *other == name)
            .map(|(_, value)| value)
    }

    /// The first field of that name as a value of another type.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn stars(form: &Form) -> Result<u8> {
    ///     form.parse("stars")
    /// }
    /// ```
    ///
    /// # Errors
    /// 422 that names the field, if it is missing or does not parse.
    #[track_caller]
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<T> {
        match self.text(name)?.trim().parse() {
            Ok(value) => Ok(value),
            Err(_) => Err(Error::unprocessable(format!(
                "field `{name}` has a wrong value"
            ))),
        }
    }

    /// Whether a box was ticked: browsers send the field only then.
    ///
    /// ```
    /// fn public(form: &harmonious::Form) -> bool { form.checked("public") }
    /// ```
    #[must_use]
    pub fn checked(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All fields as a struct of the author's; see [`Request::query_as`]. Files are not in it.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[derive(Deserialize)]
    /// struct Script {
    ///     name: String,
    ///     #[serde(default)]
    ///     tag: Vec<String>,
    /// }
    ///
    /// fn script(form: &Form) -> Result<Script> {
    ///     form.to()
    /// }
    /// ```
    ///
    /// # Errors
    /// 422 that says what is missing or wrong.
    #[track_caller]
    pub fn to<T: DeserializeOwned>(&self) -> Result<T> {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(self.fields());
        match serde_html_form::from_str(&text.finish()) {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::unprocessable(format!("the form: {error}"))),
        }
    }

    /// All fields, in order.
    ///
    /// ```
    /// fn count(form: &harmonious::Form) -> usize { form.fields().count() }
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The first file of that name.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn source(form: &Form) -> Result<String> {
    ///     form.file("source")?.text()
    /// }
    /// ```
    ///
    /// # Errors
    /// 422 that names the field, if no file was chosen.
    #[track_caller]
    pub fn file(&self, name: &str) -> Result<&Upload> {
        match self.files(name).next() {
            Some(file) => Ok(file),
            None => Err(Error::unprocessable(format!("no file in `{name}`"))),
        }
    }

    /// All files of that name, in order; none where the visitor chose none.
    ///
    /// ```
    /// fn bytes(form: &harmonious::Form) -> u64 { form.files("images").map(|file| file.len()).sum() }
    /// ```
    pub fn files(&self, name: &str) -> impl Iterator<Item = &Upload> {
        self.files
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, file)| file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_named() {
        let limits = FormLimits::default().parts(1).field_bytes(3);
        let error = urlencoded(b"a=1&b=2", &limits).unwrap_err();
        assert_eq!(
            (error.status(), error.title()),
            (413, "the form has more parts than 1")
        );
        let error = urlencoded(b"a=1234", &limits).unwrap_err();
        assert_eq!(
            (error.status(), error.title()),
            (413, "field `a` has more bytes than 3")
        );
    }

    #[test]
    fn a_missing_field_is_named_and_an_empty_one_is_there() {
        let form = urlencoded(b"a=&n=x&s=%C3%A9+1", &FormLimits::default()).unwrap();
        assert_eq!(form.text("a").unwrap(), "");
        assert_eq!(form.text("s").unwrap(), "é 1");
        let error = form.text("b").unwrap_err();
        assert_eq!(
            (error.status(), error.title()),
            (422, "field `b` is missing")
        );
        assert_eq!(
            form.parse::<u8>("n").unwrap_err().title(),
            "field `n` has a wrong value"
        );
        assert_eq!(form.file("f").unwrap_err().status(), 422);
    }
}

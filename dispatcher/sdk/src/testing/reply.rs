//! [`Reply`]: what came of a request of a test.

use serde::de::DeserializeOwned;

use super::database::Statement;
use crate::ffi::{Taken, TakenBody};

/// What came of a request of a test.
///
/// ```standalone_crate
/// use harmonious::prelude::*;
/// use harmonious::testing::Site;
///
/// #[get]
/// fn hello(req: &Request) -> Result<Response> {
///     info!("hello, log");
///     Ok(Response::text("hello"))
/// }
/// # fn main() {
/// let reply = Site::new().get("/").send();
/// assert_eq!(reply.status(), 200);
/// assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
/// assert_eq!(reply.text(), "hello");
/// assert_eq!(reply.log(), ["hello, log"]);
/// # }
/// ```
#[derive(Debug)]
pub struct Reply {
    taken: Taken,
    declined: bool,
    log: Vec<String>,
    statements: Vec<Statement>,
}

impl Reply {
    pub(super) fn new(
        taken: Taken,
        declined: bool,
        log: Vec<String>,
        statements: Vec<Statement>,
    ) -> Reply {
        Reply {
            taken,
            declined,
            log,
            statements,
        }
    }

    /// The status; 500 for a panic.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert_eq!(reply.status(), 200);
    /// # }
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        self.taken.status
    }

    /// The first field of that name, if its value is text.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert_eq!(reply.header("location"), Some("/scripts/"));
    /// # }
    /// ```
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// All values of that name, such as those of `set-cookie`.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert!(reply.headers("set-cookie").is_empty());
    /// # }
    /// ```
    #[must_use]
    pub fn headers(&self, name: &str) -> Vec<&str> {
        let all = self
            .taken
            .headers
            .iter()
            .filter(|(other, _)| other.eq_ignore_ascii_case(name));
        all.filter_map(|(_, value)| str::from_utf8(value).ok())
            .collect()
    }

    /// The body; of a stream, all its pieces. Of an error without an error page, its title.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert!(reply.bytes().starts_with(b"GIF"));
    /// # }
    /// ```
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.taken.body {
            TakenBody::Bytes(bytes) | TakenBody::Broken(bytes) => bytes,
            TakenBody::Empty | TakenBody::File(_) | TakenBody::Keep => &[],
        }
    }

    /// The body as text.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert!(reply.text().contains("<h1>Scripts</h1>"));
    /// # }
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes()).into_owned()
    }

    /// The body as a value, from JSON.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// #[get]
    /// fn count(_req: &Request) -> Result<Response> {
    ///     Ok(Response::json(&7))
    /// }
    /// # fn main() {
    /// assert_eq!(Site::new().get("/").send().json::<u32>(), 7);
    /// # }
    /// ```
    ///
    /// # Panics
    /// If it is no JSON, or of another shape.
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(self.bytes())
            .unwrap_or_else(|error| panic!("the body does not fit: {error}: {}", self.text()))
    }

    /// The file that is the body.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert_eq!(reply.file(), Some("data/all.zip"));
    /// # }
    /// ```
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match &self.taken.body {
            TakenBody::File(path) => Some(path),
            _ => None,
        }
    }

    /// Whether the body is a stream that failed or panicked.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert!(!reply.broke_off());
    /// # }
    /// ```
    #[must_use]
    pub fn broke_off(&self) -> bool {
        matches!(self.taken.body, TakenBody::Broken(_))
    }

    /// Whether the handler [declined](crate::decline).
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert!(!reply.declined());
    /// # }
    /// ```
    #[must_use]
    pub fn declined(&self) -> bool {
        self.declined
    }

    /// What was logged, in order.
    ///
    /// ```
    /// # fn check(reply: &harmonious::testing::Reply) {
    /// assert_eq!(reply.log(), ["chess is saved"]);
    /// # }
    /// ```
    #[must_use]
    pub fn log(&self) -> &[String] {
        &self.log
    }

    /// What the database was asked, in order, with the begin and end of transactions; also what it failed at.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::{Answer, Site};
    ///
    /// #[post]
    /// fn star(req: &Request) -> Result<Response> {
    ///     req.db().execute("UPDATE scripts SET stars = ? WHERE slug = ?", &[5.into(), "chess".into()])?;
    ///     Ok(Response::no_content())
    /// }
    /// # fn main() {
    /// let reply = Site::new().db(|_| Ok(Answer::changed(1))).post("/").send();
    /// let [update] = reply.statements() else { panic!("one statement") };
    /// assert_eq!(update.sql(), "UPDATE scripts SET stars = ? WHERE slug = ?");
    /// assert_eq!(update.values(), [harmonious::Value::from(5), harmonious::Value::from("chess")]);
    /// # }
    /// ```
    #[must_use]
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

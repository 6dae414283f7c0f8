//! [`Error`]: why there is no page, as a status, a text for the visitor, and details for the log.

use std::fmt;
use std::panic::Location;
use std::time::Duration;

use crate::headers::Headers;

/// What handlers, guards, hooks and exports return.
///
/// ```
/// use harmonious::prelude::*;
///
/// fn half(number: u32) -> Result<u32> {
///     if number % 2 == 1 {
///         return Err(Error::unprocessable("the number must be even"));
///     }
///     Ok(number / 2)
/// }
/// assert_eq!(half(3).unwrap_err().status(), 422);
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no page: a status, a title that the visitor may read, and a detail for the log.
///
/// Every error of another library becomes one through `?`: a 500 whose text goes to the log only.
///
/// ```
/// use harmonious::prelude::*;
///
/// fn age(text: &str) -> Result<u8> {
///     Ok(text.parse::<u8>()?) // any error becomes a 500
/// }
/// let error = age("x").unwrap_err();
/// assert_eq!(error.status(), 500);
/// assert_eq!(error.title(), ""); // the visitor is told nothing
/// assert_eq!(error.detail(), "invalid digit found in string");
/// assert_eq!(Error::forbidden("members only").status(), 403);
/// ```
pub struct Error(Box<Inner>);

/// On the heap, so that a `Result` stays small.
struct Inner {
    status: u16,
    title: String,
    detail: String,
    kind: String,
    headers: Headers,
    place: &'static Location<'static>,
    declines: bool,
}

/// A `[...rest]` handler returns it as its error to let the next `[...rest]` further up answer; when
/// none does, it is a 404.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[get]
/// fn old_addresses(req: &Request) -> Result<Response> {
///     match req.rest() {
///         ["archive", year] => Ok(Response::redirect(format!("/by-year/{year}"))),
///         _ => Err(decline()),
///     }
/// }
/// # fn main() {}
/// ```
#[track_caller]
#[must_use]
pub fn decline() -> Error {
    let mut error = Error::new(404, "");
    error.0.declines = true;
    error
}

impl Error {
    /// With any status from 400 to 599; another one becomes 500. The title is for the visitor.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::new(410, "it has been deleted").title(), "it has been deleted");
    /// ```
    #[track_caller]
    #[must_use]
    pub fn new(status: u16, title: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            status: if (400..600).contains(&status) {
                status
            } else {
                500
            },
            title: title.into(),
            detail: String::new(),
            kind: String::new(),
            headers: Headers::default(),
            place: Location::caller(),
            declines: false,
        }))
    }

    /// 400: the request cannot be understood.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::bad_request("no such sort order").status(), 400);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn bad_request(title: impl Into<String>) -> Error {
        Error::new(400, title)
    }

    /// 401: whoever asks has to sign in first.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::unauthorized("sign in first").status(), 401);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn unauthorized(title: impl Into<String>) -> Error {
        Error::new(401, title)
    }

    /// 403: whoever asks is known and may not.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::forbidden("only its author may edit it").status(), 403);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn forbidden(title: impl Into<String>) -> Error {
        Error::new(403, title)
    }

    /// 404: there is no such thing.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::not_found("no such script").status(), 404);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn not_found(title: impl Into<String>) -> Error {
        Error::new(404, title)
    }

    /// 409: it does not fit what is there, such as a name that is taken.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::conflict("this name is taken").status(), 409);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn conflict(title: impl Into<String>) -> Error {
        Error::new(409, title)
    }

    /// 422: it is understood, and its values are wrong.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::unprocessable("the name is too long").status(), 422);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn unprocessable(title: impl Into<String>) -> Error {
        Error::new(422, title)
    }

    /// 429: too often; says in `Retry-After` after how many seconds to come back.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::too_many_requests(60).status(), 429);
    /// ```
    #[track_caller]
    #[must_use]
    pub fn too_many_requests(retry_after_seconds: u64) -> Error {
        Error::new(429, "").with_header("retry-after", &retry_after_seconds.to_string())
    }

    /// 500: something is broken. The detail is for the log; the visitor does not see it.
    ///
    /// ```
    /// let error = harmonious::Error::internal("the mirror has no index file");
    /// assert_eq!((error.status(), error.title()), (500, ""));
    /// ```
    #[track_caller]
    #[must_use]
    pub fn internal(detail: impl Into<String>) -> Error {
        Error::new(500, "").with_detail(detail)
    }

    /// With a text for the log, in place of what was there.
    ///
    /// ```
    /// let error = harmonious::Error::new(502, "try again later").with_detail("mirror: no route");
    /// assert_eq!(error.detail(), "mirror: no route");
    /// ```
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Error {
        self.0.detail = detail.into();
        self
    }

    /// With the error that caused it, and what caused that, at the end of the detail.
    ///
    /// ```
    /// let cause = "x".parse::<u8>().unwrap_err();
    /// let error = harmonious::Error::bad_request("a number, please").with_source(&cause);
    /// assert_eq!(error.detail(), "invalid digit found in string");
    /// ```
    #[must_use]
    pub fn with_source(mut self, source: &dyn std::error::Error) -> Error {
        let mut cause = Some(source);
        while let Some(error) = cause {
            let text = error.to_string();
            // Many errors repeat their cause in their own text.
            if !self.0.detail.contains(&text) {
                if !self.0.detail.is_empty() {
                    self.0.detail.push_str(": ");
                }
                self.0.detail.push_str(&text);
            }
            cause = error.source();
        }
        self
    }

    /// With a header field for the answer, such as `WWW-Authenticate`. A field that no answer may have
    /// (see [`Response::set_header`](crate::Response::set_header)) is left out, and the detail says so.
    ///
    /// ```
    /// use harmonious::Error;
    /// let error = Error::unauthorized("").with_header("www-authenticate", "Basic realm=\"x\"");
    /// assert_eq!(error.status(), 401);
    /// ```
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Error {
        if let Err(refused) = self.0.headers.append(name, value) {
            self = self.with_source(&refused);
        }
        self
    }

    /// The status, 400 to 599.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::new(418, "").status(), 418);
    /// ```
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// What the visitor may read; may be empty.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::conflict("taken").title(), "taken");
    /// ```
    #[must_use]
    pub fn title(&self) -> &str {
        &self.0.title
    }

    /// What the log says; may be empty.
    ///
    /// ```
    /// assert_eq!(harmonious::Error::internal("disk full").detail(), "disk full");
    /// ```
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What kind of failure a service of the server told, where it matters to a program: of the database
    /// `unique`, `foreign-key`, `not-null`, `check`, `busy`, `time-limit`, `unavailable`, `syntax`, `denied`,
    /// `no-database`, `no-users`, `no-password-check`, `not-connected` or `other`; of a
    /// [`limit`](crate::Request::limit) `limited`. Empty for all else.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn take(req: &Request, name: &str) -> Result<()> {
    ///     match req.db().execute("INSERT INTO names (name) VALUES (?)", &[name.into()]) {
    ///         Ok(_) => Ok(()),
    ///         Err(error) if error.kind() == "unique" => Err(Error::conflict("the name is taken")),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.0.kind
    }

    /// When to try again, if the answer says so in `Retry-After`: of a limit, or of something that is away.
    ///
    /// ```
    /// use std::time::Duration;
    /// let error = harmonious::Error::too_many_requests(60);
    /// assert_eq!(error.retry_after(), Some(Duration::from_secs(60)));
    /// assert_eq!(harmonious::Error::not_found("").retry_after(), None);
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        let seconds = self.0.headers.get("retry-after")?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    pub(crate) fn with_kind(mut self, kind: String) -> Error {
        self.0.kind = kind;
        self
    }

    /// Whether [`decline`] made it.
    pub(crate) fn declines(&self) -> bool {
        self.0.declines
    }

    pub(crate) fn headers(&self) -> &Headers {
        &self.0.headers
    }

    /// Where it was made, or became one through `?`.
    pub(crate) fn place(&self) -> &'static Location<'static> {
        self.0.place
    }
}

/// Whatever went wrong elsewhere is a 500; its text is for the log only.
impl<E: std::error::Error + 'static> From<E> for Error {
    #[track_caller]
    fn from(error: E) -> Error {
        Error::new(500, "").with_source(&error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.status)?;
        for text in [&self.0.title, &self.0.detail] {
            if !text.is_empty() {
                write!(f, ": {text}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} ({})", self.0.place)
    }
}

/// Turns "there is none" into an answer.
///
/// ```
/// use harmonious::prelude::*;
///
/// fn first(names: &[String]) -> Result<&String> {
///     names.first().or_404()
/// }
/// assert_eq!(first(&[]).unwrap_err().status(), 404);
/// ```
pub trait OptionExt<T> {
    /// `None` is a 404.
    ///
    /// # Errors
    /// Where there is none.
    fn or_404(self) -> Result<T>;

    /// `None` is an error with this status, and a title for the visitor.
    ///
    /// # Errors
    /// Where there is none.
    fn or_status(self, status: u16, title: &str) -> Result<T>;
}

impl<T> OptionExt<T> for Option<T> {
    #[track_caller]
    fn or_404(self) -> Result<T> {
        self.or_status(404, "")
    }

    #[track_caller]
    fn or_status(self, status: u16, title: &str) -> Result<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(Error::new(status, title)),
        }
    }
}

/// Gives errors of other libraries a status, or the log a word about what was tried.
///
/// ```
/// use harmonious::prelude::*;
///
/// fn year(text: &str) -> Result<u16> {
///     text.parse::<u16>().or_status(400, "a year has four digits")
/// }
/// assert_eq!(year("MMXX").unwrap_err().status(), 400);
///
/// fn names() -> Result<String> {
///     std::fs::read_to_string("/no/such/file").detail("reading the list of names")
/// }
/// assert!(names().unwrap_err().detail().starts_with("reading the list of names: "));
/// ```
pub trait ResultExt<T> {
    /// Whatever went wrong is a 404; the cause goes to the log.
    ///
    /// # Errors
    /// Where it was one before.
    fn or_404(self) -> Result<T>;

    /// Whatever went wrong has this status, and a title for the visitor; the cause goes to the log.
    ///
    /// # Errors
    /// Where it was one before.
    fn or_status(self, status: u16, title: &str) -> Result<T>;

    /// Says in the log what was tried, before the cause.
    ///
    /// # Errors
    /// Where it was one before.
    fn detail(self, tried: &str) -> Result<T>;
}

impl<T, E: Into<Error>> ResultExt<T> for Result<T, E> {
    #[track_caller]
    fn or_404(self) -> Result<T> {
        self.or_status(404, "")
    }

    #[track_caller]
    fn or_status(self, status: u16, title: &str) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(Error::new(status, title).with_detail(error.into().0.detail)),
        }
    }

    #[track_caller]
    fn detail(self, tried: &str) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => {
                let mut error: Error = error.into();
                error.0.detail = match error.0.detail.as_str() {
                    "" => tried.to_owned(),
                    cause => format!("{tried}: {cause}"),
                };
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_mark_remembers_its_line() {
        fn fails() -> Result<u8> {
            Ok("x".parse::<u8>()?)
        }
        let error = fails().unwrap_err();
        assert!(error.place().file().ends_with("error.rs"), "{error:?}");
    }

    #[test]
    fn causes_are_told_once_each() {
        let cause = std::io::Error::other("x".parse::<u8>().unwrap_err());
        let error = Error::from(cause);
        assert_eq!(error.detail(), "invalid digit found in string");
    }

    #[test]
    fn a_status_that_is_no_error_becomes_500() {
        assert_eq!(Error::new(200, "").status(), 500);
    }

    #[test]
    fn a_header_with_a_line_break_is_left_out() {
        let error = Error::forbidden("no").with_header("x-a", "1\r\nset-cookie: a=b");
        assert_eq!(error.headers().iter().count(), 0);
        assert!(error.detail().contains("x-a"), "{error}");
    }
}

//! The session of a visitor from a module: values, who is signed in, messages for the next page.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::db::bytes;
use crate::error::{Error, Result};
use crate::request::Request;

/// The session of the visitor; made by [`Request::session`]. It is there when something is put into it.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[post]
/// fn choose(req: &Request) -> Result<Response> {
///     req.session().set("language", &req.form()?.text("language")?)?;
///     Ok(Response::redirect("/"))
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Copy)]
pub struct Session<'r> {
    pub(crate) req: &'r Request,
}

/// One of a user's sessions, for the list from which others can be ended.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OpenSession {
    /// What it is called; it opens nothing.
    pub handle: String,
    /// Whether it is the one of this request.
    pub is_this: bool,
    /// When its user signed in, in milliseconds since 1970.
    pub created_ms: u64,
    /// When it was last used, to the minute.
    pub seen_ms: u64,
    /// The browser, as it says itself.
    pub user_agent: String,
    /// Where it was last seen.
    pub address: String,
}

/// What a login came to; made by [`Request::check_login`].
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[non_exhaustive]
pub struct Login {
    /// Whether the password is right.
    pub ok: bool,
    /// To be stored in place of the hash that was: the parameters are others today.
    pub new_hash: Option<String>,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
}

/// The value in MessagePack: the server does not look into it.
#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'a str,
    #[serde(serialize_with = "bytes::serialize")]
    value: &'a [u8],
}

#[derive(Deserialize)]
struct Found(#[serde(with = "bytes")] Vec<u8>);

#[derive(Serialize)]
struct User<'a> {
    user: Option<&'a str>,
}

#[derive(Serialize)]
struct Flash<'a> {
    kind: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct HandleOf<'a> {
    handle: Option<&'a str>,
}

#[derive(Serialize)]
struct Password<'a> {
    password: &'a str,
}

#[derive(Serialize)]
struct LoginMessage<'a> {
    account: &'a str,
    password: &'a str,
    hash: Option<&'a str>,
}

#[derive(Serialize)]
struct Seal<'a> {
    name: &'a str,
    text: &'a str,
    life_s: u64,
}

#[derive(Serialize)]
struct Nothing {}

impl Request {
    /// The session of the visitor.
    ///
    /// ```
    /// fn language(req: &harmonious::Request) -> harmonious::Result<Option<String>> {
    ///     req.session().get("language")
    /// }
    /// ```
    #[must_use]
    pub fn session(&self) -> Session<'_> {
        Session { req: self }
    }

    /// The hash of a new password, to be stored (Argon2id, as a PHC string).
    ///
    /// ```
    /// fn sign_up(req: &harmonious::Request, name: &str, password: &str) -> harmonious::Result<()> {
    ///     let hash = req.hash_password(password)?;
    ///     let values = [name.into(), hash.into()];
    ///     req.db().execute("INSERT INTO users (name, hash) VALUES (?, ?)", &values)?;
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// 422 if it is too long, 503 while too many others are hashed.
    #[track_caller]
    pub fn hash_password(&self, password: &str) -> Result<String> {
        self.service("password.hash", &Password { password })
    }

    /// Checks a password against the stored hash; `None` for an account that does not exist, which takes
    /// the same time. Attempts are limited for each account and each address. Answer the same to an unknown
    /// account and a wrong password.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[post]
    /// fn sign_in(req: &Request) -> Result<Response> {
    ///     let form = req.form()?;
    ///     let (name, password) = (form.text("name")?, form.text("password")?);
    ///     let row = req.db().query_one("SELECT hash FROM users WHERE name = ?", &[name.into()])?;
    ///     let hash: Option<String> = row.map(|row| row.get("hash")).transpose()?;
    ///     if !req.check_login(name, password, hash.as_deref())?.ok {
    ///         return Err(Error::forbidden("name or password is wrong"));
    ///     }
    ///     req.session().sign_in(name)?;
    ///     Ok(Response::redirect("/"))
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// 429 with `Retry-After` after too many failures, 503 while too many others are checked.
    #[track_caller]
    pub fn check_login(&self, account: &str, password: &str, hash: Option<&str>) -> Result<Login> {
        let login = LoginMessage {
            account,
            password,
            hash,
        };
        self.service("login", &login)
    }

    /// Encrypts a small text for a cookie or a link of that name, good for so many seconds. Nobody else can
    /// read, make or change it; it can be kept and sent again.
    ///
    /// # Errors
    /// 500 if it is too long.
    #[track_caller]
    pub fn seal(&self, name: &str, text: &str, life_s: u64) -> Result<String> {
        self.service("seal", &Seal { name, text, life_s })
    }

    /// What was sealed under that name, if it is that and its time is not over.
    ///
    /// # Errors
    /// 500 if the server cannot say.
    #[track_caller]
    pub fn unseal(&self, name: &str, sealed: &str) -> Result<Option<String>> {
        let text = sealed;
        let life_s = 0;
        self.service("unseal", &Seal { name, text, life_s })
    }
}

impl Session<'_> {
    /// The value of a key.
    ///
    /// # Errors
    /// 500 if it is of another type; 503 if the store of sessions does not answer.
    #[track_caller]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        let found: Option<Found> = self.req.service("session.get", &Key { key })?;
        match found.map(|Found(value)| rmp_serde::from_slice(&value)) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(error)) => {
                let what = format!("the session's `{key}` is of another type");
                Err(Error::internal(what).with_source(&error))
            }
        }
    }

    /// Keeps a value under a key; makes the session if there is none. Two requests at one time that set
    /// different keys lose neither.
    ///
    /// # Errors
    /// 500 if it is too large (see the limits in the server's `session/README.md`).
    #[track_caller]
    pub fn set<T: Serialize + ?Sized>(&self, key: &str, value: &T) -> Result<()> {
        match rmp_serde::to_vec_named(value) {
            Ok(value) => {
                let value = &value;
                self.req.service("session.set", &KeyValue { key, value })
            }
            Err(error) => {
                let what = format!("the session's `{key}` cannot be written");
                Err(Error::internal(what).with_source(&error))
            }
        }
    }

    /// Removes a key.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn remove(&self, key: &str) -> Result<()> {
        self.req.service("session.remove", &Key { key })
    }

    /// Who is signed in, as [`sign_in`](Session::sign_in) was told. Templates have it as `user`.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn user(&self) -> Result<Option<String>> {
        self.req.service("session.user", &Nothing {})
    }

    /// Says who is signed in from here on. The session gets a new id, and belongs to this user alone.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn sign_in(&self, user: &str) -> Result<()> {
        let user = Some(user);
        self.req.service("session.sign_in", &User { user })
    }

    /// Ends the session with all that it holds: nobody is signed in.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn sign_out(&self) -> Result<()> {
        self.req.service("session.sign_out", &Nothing {})
    }

    /// Gives the session a new id: at whatever changes what its visitor may do.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn renew(&self) -> Result<()> {
        self.req.service("session.renew", &Nothing {})
    }

    /// A message for the next page that shows `flash`: a kind such as `error`, and a text.
    ///
    /// # Errors
    /// As [`set`](Session::set).
    #[track_caller]
    pub fn flash(&self, kind: &str, text: &str) -> Result<()> {
        self.req.service("session.flash", &Flash { kind, text })
    }

    /// The token that forms of this session carry; in templates `{{ csrf_field }}` is the whole field.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn csrf_token(&self) -> Result<String> {
        self.req.service("session.csrf_token", &Nothing {})
    }

    /// All sessions of the user who is signed in; none if nobody is.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn all(&self) -> Result<Vec<OpenSession>> {
        self.req.service("session.all", &Nothing {})
    }

    /// Ends another session of the user who is signed in, by its [`handle`](OpenSession::handle) among
    /// [`all`](Session::all); whether there was one.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn revoke(&self, handle: &str) -> Result<bool> {
        let handle = Some(handle);
        self.req.service("session.revoke", &HandleOf { handle })
    }

    /// All sessions of any user, the last used first; for pages of administrators, who alone may see them.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[get]
    /// fn show(req: &Request) -> Result<Response> {
    ///     let sessions = req.session().of(req.param("user")?)?;
    ///     req.render("index.html", context! { sessions, online => req.session().count()? })
    /// }
    ///
    /// #[delete]
    /// fn block(req: &Request) -> Result<Response> {
    ///     let ended = req.session().end_all(req.param("user")?)?;
    ///     Ok(Response::text(format!("{ended} sessions ended")))
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn of(&self, user: &str) -> Result<Vec<OpenSession>> {
        let user = Some(user);
        self.req.service("session.of", &User { user })
    }

    /// Ends all sessions of any user, such as one who is blocked; how many. If the session of this request is
    /// among them, it ends with the request, as by [`sign_out`](Session::sign_out).
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn end_all(&self, user: &str) -> Result<u64> {
        let user = Some(user);
        self.req.service("session.end_all", &User { user })
    }

    /// How many sessions are alive, of users and of other visitors. The server looks at all of them: not for
    /// each request.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn count(&self) -> Result<u64> {
        self.req.service("session.count", &Nothing {})
    }

    /// Ends all sessions of the user who is signed in but this one; how many.
    ///
    /// # Errors
    /// As [`get`](Session::get).
    #[track_caller]
    pub fn revoke_others(&self) -> Result<u64> {
        let handle = None;
        self.req
            .service("session.revoke_others", &HandleOf { handle })
    }
}

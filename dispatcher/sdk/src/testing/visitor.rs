//! [`Visitor`]: who sends several requests of a test, with the cookies of the answers before.

use std::cell::RefCell;
use std::collections::BTreeMap;

use cookie::Cookie;
use harmonious_abi::method;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ask::{Ask, Parts};
use super::draft::{self, COOKIE, Draft, Flash};
use super::reply::Reply;
use super::site::Site;
use super::store::{Record, Store};
use crate::error::Result;

/// A browser of a test; made by [`Site::visitor`]. It keeps the cookies that answers set, the session's among
/// them, whatever path they are for, and sends them with its next requests. Each visitor has a session of its
/// own.
///
/// ```standalone_crate
/// use harmonious::prelude::*;
/// use harmonious::testing::{Flash, Site};
///
/// #[get]
/// fn show(req: &Request) -> Result<Response> {
///     let language: Option<String> = req.session().get("language")?;
///     Ok(Response::text(language.unwrap_or_default()))
/// }
///
/// #[post]
/// fn choose(req: &Request) -> Result<Response> {
///     req.session().user()?.or_status(401, "sign in first")?;
///     req.session().set("language", &req.form()?.text("language")?)?;
///     req.session().flash("info", "saved")?;
///     Ok(Response::redirect("/"))
/// }
///
/// # fn main() {
/// let site = Site::new();
/// let (ann, bob) = (site.visitor().signed_in("ann"), site.visitor());
/// assert_eq!(ann.post("/").form(&[("language", "de")]).send().status(), 303);
/// assert_eq!(ann.get("/").send().text(), "de");
/// assert_eq!(ann.value::<String>("language").as_deref(), Some("de"));
/// assert_eq!(ann.flashes(), [Flash::new("info", "saved")]);
/// assert_eq!(bob.post("/").form(&[("language", "de")]).send().status(), 401);
/// assert_eq!(bob.get("/").send().text(), "");
/// # }
/// ```
pub struct Visitor<'s> {
    site: &'s Site,
    /// Names, and values as they were sent.
    jar: RefCell<BTreeMap<String, String>>,
}

impl<'s> Visitor<'s> {
    pub(super) fn new(site: &'s Site) -> Visitor<'s> {
        Visitor {
            site,
            jar: RefCell::default(),
        }
    }

    /// Signed in already, as after [`Session::sign_in`](crate::Session::sign_in) in another module.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// assert_eq!(site.visitor().signed_in("ann").user().as_deref(), Some("ann"));
    /// ```
    ///
    /// # Panics
    /// If the server would refuse the name: empty, or longer than 255 bytes.
    #[must_use]
    pub fn signed_in(self, user: &str) -> Visitor<'s> {
        self.change(|draft, store| draft.sign_in(store, user))
    }

    /// With a value in the session.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// let visitor = site.visitor().with("cart", &["chess", "go"]);
    /// assert_eq!(visitor.value::<Vec<String>>("cart").unwrap().len(), 2);
    /// ```
    ///
    /// # Panics
    /// If the server would refuse it, such as one that is too large.
    #[must_use]
    pub fn with<T: Serialize + ?Sized>(self, key: &str, value: &T) -> Visitor<'s> {
        self.change(|draft, _| draft.set(key, &rmp_serde::to_vec_named(value)?))
    }

    /// With a message that waits for the next page.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// assert_eq!(site.visitor().with_flash("error", "no such game").flashes().len(), 1);
    /// ```
    ///
    /// # Panics
    /// If the server would refuse it, such as one that is too long.
    #[must_use]
    pub fn with_flash(self, kind: &str, text: &str) -> Visitor<'s> {
        self.change(|draft, store| draft.flash(store, kind, text))
    }

    /// A GET; the path may have a query.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// site.visitor().get("/scripts/?page=2").send();
    /// ```
    pub fn get(&self, path: &str) -> Ask<'_> {
        self.request("GET", path)
    }

    /// A POST.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// site.visitor().post("/scripts/").form(&[("name", "chess")]).send();
    /// ```
    pub fn post(&self, path: &str) -> Ask<'_> {
        self.request("POST", path)
    }

    /// A request with any method.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// site.visitor().request("DELETE", "/scripts/chess/").send();
    /// ```
    ///
    /// # Panics
    /// If there is no such method.
    pub fn request(&self, method: &str, path: &str) -> Ask<'_> {
        self.site.request(method, path).by(self)
    }

    /// Calls an exported function of the module, in a request of this visitor.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// #[export]
    /// fn greeting(req: &Request) -> Result<String> {
    ///     Ok(format!("hello, {}", req.session().user()?.unwrap_or_default()))
    /// }
    /// # fn main() {
    /// let site = Site::new();
    /// let ann = site.visitor().signed_in("ann");
    /// assert_eq!(ann.call::<String>("greeting", ()).unwrap(), "hello, ann");
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Site::call`].
    pub fn call<T: DeserializeOwned>(&self, name: &str, args: impl crate::Args) -> Result<T> {
        let parts = self.sends(&Parts::new(method::GET, "/"));
        let (reply, cookie) = super::services::export(self.site, &parts, name, &args.array()?)?;
        self.keep(cookie.iter().map(String::as_str));
        crate::service::read(&reply, || format!("`{name}` returned another type"))
    }

    /// Who is signed in.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// assert_eq!(site.visitor().user(), None);
    /// ```
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.record(|record| record.user.clone()).flatten()
    }

    /// A value of the session.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// assert_eq!(site.visitor().with("stars", &5).value::<u32>("stars"), Some(5));
    /// ```
    ///
    /// # Panics
    /// If it is of another type.
    #[must_use]
    pub fn value<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        let bytes = self.record(|record| record.values.get(key).cloned());
        let value = bytes.flatten().map(|bytes| rmp_serde::from_slice(&bytes));
        value.map(|value| match value {
            Ok(value) => value,
            Err(error) => panic!("the session's `{key}` is of another type: {error}"),
        })
    }

    /// The messages that wait for the next page, the oldest first. To look does not take them.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// assert!(site.visitor().flashes().is_empty());
    /// ```
    #[must_use]
    pub fn flashes(&self) -> Vec<Flash> {
        self.record(|record| draft::flashes(&record.values))
            .unwrap_or_default()
    }

    /// Whether there is a session: one that began, and did not end.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// assert!(!site.visitor().has_session());
    /// ```
    #[must_use]
    pub fn has_session(&self) -> bool {
        self.record(|_| ()).is_some()
    }

    /// The value of a cookie that it would send, as it was set. That of the session is called `session`; it
    /// is another one after a login or [`renew`](crate::Session::renew).
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// assert_eq!(site.visitor().cookie("theme"), None);
    /// ```
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.borrow().get(name).cloned()
    }

    /// A request with the cookies of the jar.
    pub(super) fn sends(&self, parts: &Parts) -> Parts {
        let jar = self.jar.borrow();
        let pairs: Vec<String> = jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        match pairs.is_empty() {
            true => parts.clone(),
            false => parts.clone().with_header("cookie", &pairs.join("; ")),
        }
    }

    /// Keeps the cookies of an answer.
    pub(super) fn takes(&self, reply: &Reply) {
        self.keep(reply.headers("set-cookie"));
    }

    fn keep<'a>(&self, lines: impl IntoIterator<Item = &'a str>) {
        let now_s = self.site.store.borrow().now_ms() / 1000;
        let mut jar = self.jar.borrow_mut();
        for cookie in lines
            .into_iter()
            .filter_map(|line| Cookie::parse(line).ok())
        {
            match is_over(&cookie, now_s) {
                true => jar.remove(cookie.name()),
                false => jar.insert(cookie.name().to_owned(), cookie.value().to_owned()),
            };
        }
    }

    fn record<T>(&self, look: impl FnOnce(&Record) -> T) -> Option<T> {
        let id = self.cookie(COOKIE)?;
        self.site.store.borrow().load(&id).map(look)
    }

    fn change(self, change: impl FnOnce(&mut Draft, &mut Store) -> Result<()>) -> Visitor<'s> {
        let mut store = self.site.store.borrow_mut();
        let mut draft = Draft::load(&store, self.cookie(COOKIE).as_deref());
        let changed = change(&mut draft, &mut store);
        let cookie = changed.and_then(|()| draft.commit(&mut store, "", ""));
        drop(store);
        match cookie {
            Ok(cookie) => self.keep(cookie.as_deref()),
            Err(error) => panic!("{error}"),
        }
        self
    }
}

/// Whether an answer takes the cookie away.
fn is_over(cookie: &Cookie<'_>, now_s: u64) -> bool {
    match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(life), _) => life.whole_seconds() <= 0,
        (None, Some(end)) => end.unix_timestamp() <= i64::try_from(now_s).unwrap_or(i64::MAX),
        (None, None) => false,
    }
}

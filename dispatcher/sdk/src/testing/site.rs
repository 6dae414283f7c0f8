//! [`Site`]: what is around the module in a test.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harmonious_abi::{kind, method};
use harmonious_locales::Catalogues;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::Answer as DbAnswer;
use super::ask::{Ask, Parts};
use super::database::{Database, Statement};
use super::sessions::Told;
use super::store::Store;
use super::visitor::Visitor;
use crate::db::Backend;
use crate::error::Result;
use crate::faults::Fault;
use crate::run::{Ran, Run};

/// A function of a test that answers a message with a value.
pub(super) type Answer = Box<dyn Fn(Value) -> Result<Value>>;
type Template = Box<dyn Fn(&str, &Value, &Told<'_>) -> String>;

/// A site for tests: settings, templates, other modules and services, sessions, a database that the test
/// answers for, and no server.
///
/// ```standalone_crate
/// use harmonious::testing::Site;
///
/// let site = Site::new().config("page-size", 10).secret("token", "t");
/// assert_eq!(site.get("/").send().status(), 404); // this example has no handlers
/// ```
pub struct Site {
    pub(super) config: BTreeMap<String, Value>,
    pub(super) secrets: BTreeMap<String, String>,
    /// By whose they are: `parent`, `page` or a path, and name.
    pub(super) exports: BTreeMap<(String, String), Answer>,
    pub(super) services: BTreeMap<String, Answer>,
    pub(super) template: Template,
    pub(super) data: String,
    pub(super) locales: Option<Arc<Catalogues>>,
    pub(super) database: Option<Database>,
    pub(super) backend: Backend,
    /// What `errors` of a request gives.
    pub(super) faults: Vec<Fault>,
    /// Sessions, and the time.
    pub(super) store: RefCell<Store>,
}

impl Default for Site {
    fn default() -> Site {
        Site::new()
    }
}

impl Site {
    /// Without settings; every template gives its name and its context as JSON.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// ```
    #[must_use]
    pub fn new() -> Site {
        Site {
            config: BTreeMap::new(),
            secrets: BTreeMap::new(),
            exports: BTreeMap::new(),
            services: BTreeMap::new(),
            template: Box::new(|name, context, _| format!("{name} {context}")),
            data: std::env::temp_dir().display().to_string(),
            locales: None,
            database: None,
            backend: Backend::Sqlite,
            faults: Vec::new(),
            store: RefCell::default(),
        }
    }

    /// With a setting of `[config]`.
    ///
    /// ```
    /// harmonious::testing::Site::new().config("scripts.page-size", 10);
    /// ```
    ///
    /// # Panics
    /// If the value has no JSON form.
    #[must_use]
    pub fn config(mut self, key: &str, value: impl Serialize) -> Site {
        let value = serde_json::to_value(value).expect("a setting is a value that JSON has");
        self.config.insert(key.to_owned(), value);
        self
    }

    /// With a secret.
    ///
    /// ```
    /// harmonious::testing::Site::new().secret("mirror-token", "abc");
    /// ```
    #[must_use]
    pub fn secret(mut self, key: &str, value: &str) -> Site {
        self.secrets.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With this as the folder of the site's data; else it is the system's temporary one.
    ///
    /// ```
    /// harmonious::testing::Site::new().data("/tmp/test-data");
    /// ```
    #[must_use]
    pub fn data(mut self, folder: impl Into<String>) -> Site {
        self.data = folder.into();
        self
    }

    /// With the catalogues in that folder, for [`Request::t`](crate::Request::t) and
    /// [`Request::language`](crate::Request::language). Tests run in the folder of the site, so it is
    /// `locales("locales")`. The language is that of the cookie `lang`, of `Accept-Language`, or the default
    /// that the `site.toml` beside the folder says. Without catalogues a text is its key, and the log of the
    /// reply says so.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// #[get]
    /// fn greet(req: &Request) -> Result<Response> {
    ///     Ok(Response::text(req.t("hello", context! { name => "Ann" })))
    /// }
    /// # fn main() {
    /// # let dir = std::env::temp_dir().join("harmonious-locales-example");
    /// # std::fs::create_dir_all(&dir).unwrap();
    /// # std::fs::write(dir.join("en.toml"), "hello = \"Hello, {name}\"").unwrap();
    /// # std::fs::write(dir.join("fr.toml"), "hello = \"Bonjour, {name}\"").unwrap();
    /// let site = Site::new().locales(&dir);
    /// assert_eq!(site.get("/").send().text(), "Hello, Ann");
    /// assert_eq!(site.get("/").header("accept-language", "fr-CA").send().text(), "Bonjour, Ann");
    /// # }
    /// ```
    ///
    /// # Panics
    /// If there is no such folder, or something is wrong with a catalogue: with its file and line.
    #[must_use]
    pub fn locales(mut self, dir: impl AsRef<Path>) -> Site {
        let read = super::locales::read(dir.as_ref());
        self.locales = Some(Arc::new(read.unwrap_or_else(|wrong| panic!("{wrong}"))));
        self
    }

    /// With this in place of templates: it gets the name and the context.
    ///
    /// ```
    /// harmonious::testing::Site::new().template(|name, context| format!("{name} {}", context["title"]));
    /// ```
    #[must_use]
    pub fn template(self, template: impl Fn(&str, &Value) -> String + 'static) -> Site {
        self.template_told(move |name, context, _| template(name, context))
    }

    /// As [`template`](Site::template), for one that shows what the server tells each: who is signed in,
    /// messages, the field against forged forms.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// #[get]
    /// fn show(req: &Request) -> Result<Response> {
    ///     req.render("index.html", context! {})
    /// }
    /// # fn main() {
    /// let site = Site::new().template_told(|_, _, told| format!("{:?} {}", told.user(), told.flash().len()));
    /// let ann = site.visitor().signed_in("ann").with_flash("info", "welcome");
    /// assert_eq!(ann.get("/").send().text(), "Some(\"ann\") 1");
    /// assert_eq!(ann.get("/").send().text(), "Some(\"ann\") 0"); // it was shown
    /// # }
    /// ```
    #[must_use]
    pub fn template_told(
        mut self,
        template: impl Fn(&str, &Value, &Told<'_>) -> String + 'static,
    ) -> Site {
        self.template = Box::new(template);
        self
    }

    /// With answers of a database: the closure gets each [`Statement`] and says what a database would, or
    /// fails as one, with [`db_error`](super::db_error). It may keep rows itself. What the module asked is
    /// in [`Reply::statements`](super::Reply::statements).
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::{Answer, Site, db_error};
    ///
    /// #[post]
    /// fn rename(req: &Request) -> Result<Response> {
    ///     let name = req.form()?.text("name")?.to_owned();
    ///     let renamed = req.db().transaction(|tx| {
    ///         tx.execute("UPDATE names SET name = ?", &[name.as_str().into()])
    ///     });
    ///     match renamed {
    ///         Err(error) if error.kind() == "unique" => Err(Error::conflict("the name is taken")),
    ///         renamed => Ok(Response::text(renamed?.to_string())),
    ///     }
    /// }
    ///
    /// # fn main() {
    /// let site = Site::new().db(|statement| match (statement.sql(), statement.values()) {
    ///     ("UPDATE names SET name = ?", [harmonious::Value::Text(name)]) if name == "chess" => {
    ///         Err(db_error("unique"))
    ///     }
    ///     ("UPDATE names SET name = ?", _) => Ok(Answer::changed(1)),
    ///     _ => statement.unanswered(), // transactions begin and end, all else fails
    /// });
    /// let reply = site.post("/").form(&[("name", "chess")]).send();
    /// assert_eq!((reply.status(), reply.text().as_str()), (409, "the name is taken"));
    /// let reply = site.post("/").form(&[("name", "go")]).send();
    /// assert_eq!(reply.text(), "1");
    /// let ran: Vec<_> = reply.statements().iter().map(|statement| statement.sql()).collect();
    /// assert_eq!(ran, ["BEGIN", "UPDATE names SET name = ?", "COMMIT"]);
    /// assert_eq!(reply.statements()[1].values(), [harmonious::Value::from("go")]);
    /// # }
    /// ```
    #[must_use]
    pub fn db(mut self, database: impl Fn(&Statement) -> Result<DbAnswer> + 'static) -> Site {
        self.database = Some(Box::new(database));
        self
    }

    /// With a database of this kind, for modules that ask for [`Db::backend`](crate::Db::backend); else it is
    /// SQLite.
    ///
    /// ```
    /// use harmonious::{Backend, testing::Site};
    ///
    /// Site::new().backend(Backend::Postgres);
    /// ```
    #[must_use]
    pub fn backend(mut self, backend: Backend) -> Site {
        self.backend = backend;
        self
    }

    /// With a service: it gets the message and gives the reply. It may take the place of one that a test
    /// has, such as `login`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// Site::new()
    ///     .service("jobs.enqueue", |message| Ok(json!({ "job": message["job"] })))
    ///     .service("login", |_| Err(Error::too_many_requests(60)));
    /// ```
    #[must_use]
    pub fn service(
        mut self,
        name: &str,
        answer: impl Fn(Value) -> Result<Value> + 'static,
    ) -> Site {
        self.services.insert(name.to_owned(), Box::new(answer));
        self
    }

    /// With this in place of programs: it gets what [`Request::run`](crate::Request::run) was given.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    /// use harmonious::{Ran, Run};
    ///
    /// #[get]
    /// fn show(req: &Request) -> Result<Response> {
    ///     let ran = req.run(&Run::new("bash").arg("-n").stdin("if"))?;
    ///     Ok(Response::text(if ran.ran { ran.stderr } else { ran.why }))
    /// }
    /// # fn main() {
    /// let site = Site::new().run(|run| match (run.program.as_str(), run.stdin.as_deref()) {
    ///     ("bash", Some("if")) => Ran {
    ///         ran: true,
    ///         code: Some(2),
    ///         stderr: "line 1: syntax error".to_owned(),
    ///         ..Ran::default()
    ///     },
    ///     (other, _) => Ran { why: format!("{other} is not installed"), ..Ran::default() },
    /// });
    /// assert_eq!(site.get("/").send().text(), "line 1: syntax error");
    /// # }
    /// ```
    #[must_use]
    pub fn run(self, program: impl Fn(&Run) -> Ran + 'static) -> Site {
        self.service("confine.run", move |message| {
            let run = serde_json::from_value(message)?;
            Ok(serde_json::to_value(program(&run))?)
        })
    }

    /// With an error that [`Request::errors`](crate::Request::errors) gives, before those that were said so far:
    /// the newest comes first. It was now, as the site has the time, a GET with the number `test`.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// #[get]
    /// fn show(req: &Request) -> Result<Response> {
    ///     let errors = req.errors()?;
    ///     Ok(Response::text(format!("{} {}", errors[0].status, errors[0].path)))
    /// }
    /// # fn main() {
    /// let site = Site::new().fault(500, "/scripts/", "a table is missing");
    /// assert_eq!(site.get("/admin/errors").send().text(), "500 /scripts/");
    /// # }
    /// ```
    #[must_use]
    pub fn fault(mut self, status: u16, path: &str, message: &str) -> Site {
        let fault = Fault {
            at_ms: self.store.borrow().now_ms(),
            method: "GET".to_owned(),
            path: path.to_owned(),
            status,
            message: message.to_owned(),
            module: String::new(),
            id: "test".to_owned(),
        };
        self.faults.insert(0, fault);
        self
    }

    /// With an exported function of another module: `whose` is `parent`, `page` or a path of the site.
    /// It gets the arguments as an array. Exports of the module itself are there already, as those of
    /// the `page`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// Site::new().export("/scripts/", "count", |arguments| Ok(json!(arguments[0].as_u64().or_404()? + 1)));
    /// ```
    #[must_use]
    pub fn export(
        mut self,
        whose: &str,
        name: &str,
        answer: impl Fn(Value) -> Result<Value> + 'static,
    ) -> Site {
        self.exports
            .insert((whose.to_owned(), name.to_owned()), Box::new(answer));
        self
    }

    /// A visitor who keeps cookies and a session from request to request. Requests of the site itself are
    /// each of somebody who was never there.
    ///
    /// ```
    /// let site = harmonious::testing::Site::new();
    /// let (ann, bob) = (site.visitor().signed_in("ann"), site.visitor());
    /// ```
    #[must_use]
    pub fn visitor(&self) -> Visitor<'_> {
        Visitor::new(self)
    }

    /// Lets time pass for sessions and sealed texts; it stands still otherwise. Sessions end after 14 days
    /// without use and 90 days at the latest, as on a server without settings for them. Cookies are not
    /// looked at: a visitor keeps them.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let site = harmonious::testing::Site::new();
    /// let ann = site.visitor().signed_in("ann");
    /// site.advance(Duration::from_secs(15 * 24 * 3600));
    /// assert_eq!(ann.user(), None);
    /// ```
    pub fn advance(&self, by: Duration) {
        self.store.borrow_mut().advance(by);
    }

    /// A GET; the path may have a query.
    ///
    /// ```
    /// harmonious::testing::Site::new().get("/scripts/?page=2").send();
    /// ```
    pub fn get(&self, path: &str) -> Ask<'_> {
        self.request("GET", path)
    }

    /// A POST.
    ///
    /// ```
    /// harmonious::testing::Site::new().post("/scripts/").form(&[("name", "chess")]).send();
    /// ```
    pub fn post(&self, path: &str) -> Ask<'_> {
        self.request("POST", path)
    }

    /// A request with any method.
    ///
    /// ```
    /// harmonious::testing::Site::new().request("DELETE", "/scripts/chess/").send();
    /// ```
    ///
    /// # Panics
    /// If there is no such method.
    pub fn request(&self, method: &str, path: &str) -> Ask<'_> {
        let known = method::ALL.iter().find(|(_, name)| *name == method);
        let (method, _) = known.unwrap_or_else(|| panic!("there is no method {method}"));
        Ask::new(self, *method, path)
    }

    /// Calls an exported function of the module.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// #[export]
    /// fn add(_req: &Request, a: u32, b: u32) -> Result<u32> {
    ///     Ok(a + b)
    /// }
    /// # fn main() {
    /// assert_eq!(Site::new().call::<u32>("add", (1, 2)).unwrap(), 3);
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the function returned; 500 if there is none of that name, it panicked, or types do not fit.
    pub fn call<T: DeserializeOwned>(&self, name: &str, args: impl crate::Args) -> Result<T> {
        let args = args.array()?;
        let parts = Parts::new(method::GET, "/");
        let (reply, _) = super::services::export(self, &parts, name, &args)?;
        crate::service::read(&reply, || format!("`{name}` returned another type"))
    }

    /// Runs a task of the module with these arguments, as outside of any request as the server does. In its
    /// name `_` and `-` are the same.
    ///
    /// ```standalone_crate
    /// use harmonious::prelude::*;
    /// use harmonious::testing::{Answer, Site};
    ///
    /// #[task]
    /// fn add_user(req: &Request, args: &[String]) -> Result<()> {
    ///     let name = args.first().or_status(400, "which name?")?;
    ///     req.db().execute("INSERT INTO users (name) VALUES (?)", &[name.into()]).map(drop)
    /// }
    /// # fn main() {
    /// let site = Site::new().db(|_| Ok(Answer::changed(1)));
    /// site.task("add-user", &["ann"]).unwrap();
    /// assert_eq!(site.task("add-user", &[]).unwrap_err().title(), "which name?");
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the task returned; 500 if there is none of that name, or it panicked.
    pub fn task(&self, name: &str, args: &[&str]) -> Result<()> {
        super::services::task(self, name, args)
    }
}

/// The entries of a kind, in the order of their names: the server has an order of its own.
pub(super) fn entries(kind: u32) -> Vec<&'static crate::ffi::Entry> {
    let mut all: Vec<_> = crate::ffi::ENTRIES
        .iter()
        .filter(|entry| entry.kind() == kind)
        .collect();
    all.sort_by_key(|entry| entry.name());
    all
}

/// The handler of a method; GET's for HEAD.
pub(super) fn handler(wanted: u32) -> Option<&'static crate::ffi::Entry> {
    let handlers = entries(kind::HANDLER);
    let of = |bit| {
        handlers
            .iter()
            .find(|entry| entry.methods() & bit != 0)
            .copied()
    };
    of(wanted).or_else(|| {
        if wanted == method::HEAD {
            of(method::GET)
        } else {
            None
        }
    })
}

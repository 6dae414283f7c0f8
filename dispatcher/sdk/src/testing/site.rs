//! [`Site`]: what is around the module in a test.

use std::collections::BTreeMap;

use harmonious_abi::{kind, method};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ask::{Ask, Parts};
use crate::error::Result;

/// A function of a test that answers a message with a value.
pub(super) type Answer = Box<dyn Fn(Value) -> Result<Value>>;
type Template = Box<dyn Fn(&str, &Value) -> String>;

/// A site for tests: settings, templates, other modules and services, and no server.
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
            template: Box::new(|name, context| format!("{name} {context}")),
            data: std::env::temp_dir().display().to_string(),
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

    /// With this in place of templates: it gets the name and the context.
    ///
    /// ```
    /// harmonious::testing::Site::new().template(|name, context| format!("{name} {}", context["title"]));
    /// ```
    #[must_use]
    pub fn template(mut self, template: impl Fn(&str, &Value) -> String + 'static) -> Site {
        self.template = Box::new(template);
        self
    }

    /// With a service: it gets the message and gives the reply.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// use harmonious::testing::Site;
    ///
    /// Site::new().service("session.get", |message| Ok(json!({ "user": message["key"] })));
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
        let reply = super::services::export(self, &parts, name, &args)?;
        crate::service::read(&reply, || format!("`{name}` returned another type"))
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

//! Calls of functions that modules export: of the parent's version, of the requested page's, or of
//! another path of the site.

use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};

use crate::error::{Error, Result};
use crate::request::Request;
use crate::service;

/// Whose exported function is called; made by [`Request::parent`], [`Request::page`] and
/// [`Request::at`].
///
/// ```
/// use harmonious::prelude::*;
///
/// fn count(req: &Request) -> Result<u64> {
///     req.at("/scripts/").call("count", ("rust", 10))
/// }
/// ```
pub struct Callee<'r> {
    req: &'r Request,
    target: &'static str,
    path: &'r str,
}

/// The arguments of a call: a tuple with up to eight values, `()` for none.
///
/// ```
/// fn takes(args: impl harmonious::Args) {}
/// takes(());
/// takes((1,));
/// takes(("name", 2, true));
/// ```
pub trait Args: sealed::Array {}

impl<T: sealed::Array> Args for T {}

/// The message of the service `call`.
#[derive(Serialize)]
struct Message<'a> {
    target: &'static str,
    path: &'a str,
    name: &'a str,
    args: Bin<'a>,
}

/// Bytes that are written as bytes, not as a list of numbers.
struct Bin<'a>(&'a [u8]);

impl Serialize for Bin<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Request {
    /// The next version of an exported function up the line of parents of the module that asks: what
    /// would have run, had this module none of its own.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[export]
    /// fn title(req: &Request) -> Result<String> {
    ///     let above: String = req.parent().call("title", ())?;
    ///     Ok(format!("Scripts - {above}"))
    /// }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn parent(&self) -> Callee<'_> {
        Callee {
            req: self,
            target: "parent",
            path: "",
        }
    }

    /// The requested page's version, or the nearest one above it: so a parent asks the page for what
    /// only the page knows.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// #[before]
    /// fn noted(req: &Request) -> Result<()> {
    ///     let title: String = req.page().call("title", ())?;
    ///     info!("somebody reads {title}");
    ///     Ok(())
    /// }
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn page(&self) -> Callee<'_> {
        Callee {
            req: self,
            target: "page",
            path: "",
        }
    }

    /// A module of this site by its path: `/scripts/` is its index, dynamic segments are written as on
    /// disk, `/users/[id]/`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn newest(req: &Request) -> Result<Vec<String>> {
    ///     req.at("/scripts/").call("newest", (10,))
    /// }
    /// ```
    #[must_use]
    pub fn at<'r>(&'r self, path: &'r str) -> Callee<'r> {
        Callee {
            req: self,
            target: "path",
            path,
        }
    }
}

impl Callee<'_> {
    /// Calls its exported function of that name and waits for what it returns.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn title(req: &Request) -> Result<String> {
    ///     req.page().call("title", ())
    /// }
    /// ```
    ///
    /// # Errors
    /// The error that the function returned; 500 if there is none of that name, it panicked, or the
    /// types of arguments or result do not fit.
    #[track_caller]
    pub fn call<T: DeserializeOwned>(&self, name: &str, args: impl Args) -> Result<T> {
        let args = match args.array() {
            Ok(args) => args,
            Err(error) => {
                let tried = format!("the arguments of `{name}` cannot be sent");
                return Err(Error::internal(tried).with_source(&error));
            }
        };
        let Callee { req, target, path } = *self;
        let reply = req.ask(
            "call",
            &Message {
                target,
                path,
                name,
                args: Bin(&args),
            },
        )?;
        service::read(&reply, || {
            format!("`{name}` returned another type than was expected")
        })
    }
}

/// Arguments of an exported function, out of the array that came.
#[track_caller]
pub fn arguments<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8], signature: &str) -> Result<T> {
    match rmp_serde::from_slice(bytes) {
        Ok(value) => Ok(value),
        Err(error) => {
            let what = format!("the arguments of {signature} do not fit");
            Err(Error::internal(what).with_source(&error))
        }
    }
}

/// As [`arguments`] for a function that takes none. (`()` is nil in MessagePack, not an empty array.)
#[track_caller]
pub fn no_arguments(bytes: &[u8], signature: &str) -> Result<()> {
    let none: [(); 0] = arguments(bytes, signature)?;
    let [] = none;
    Ok(())
}

mod sealed {
    use serde::Serialize;

    /// Can be written as an array.
    pub trait Array {
        fn array(&self) -> Result<Vec<u8>, rmp_serde::encode::Error>;
    }

    impl Array for () {
        fn array(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
            let none: [u8; 0] = [];
            rmp_serde::to_vec_named(&none)
        }
    }

    macro_rules! tuples {
        ($($letter:ident)*) => {
            impl<$($letter: Serialize),*> Array for ($($letter,)*) {
                fn array(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
                    rmp_serde::to_vec_named(self)
                }
            }
        };
    }

    tuples!(A);
    tuples!(A B);
    tuples!(A B C);
    tuples!(A B C D);
    tuples!(A B C D E);
    tuples!(A B C D E F);
    tuples!(A B C D E F G);
    tuples!(A B C D E F G H);
}

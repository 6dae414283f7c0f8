//! The attributes and `module!`, with examples: they are written in a crate of their own, which cannot
//! use this one.

/// This function answers GET, and HEAD unless there is a `#[head]`. A file has one handler for each
/// method at most; the compiler shows a second one.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[get]
/// fn show(req: &Request) -> Result<Response> {
///     req.render("index.html", context! { title => "Hello" })
/// }
/// # fn main() {}
/// ```
///
/// ```compile_fail,E0428
/// use harmonious::prelude::*;
///
/// #[get]
/// fn one(req: &Request) -> Result<Response> {
///     Ok(Response::empty())
/// }
/// #[handle(POST, GET)]
/// fn two(req: &Request) -> Result<Response> {
///     Ok(Response::empty())
/// }
/// # fn main() {}
/// ```
///
/// Types are checked, too:
///
/// ```compile_fail,E0308
/// use harmonious::prelude::*;
///
/// #[get]
/// fn show(req: &Request) -> Result<String> {
///     Ok(String::new())
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::get;

/// This function answers POST.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[post]
/// fn save(req: &Request) -> Result<Response> {
///     let name = req.form()?.text("name")?.to_owned();
///     Ok(Response::redirect(format!("/scripts/{name}/")))
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::post;

/// This function answers PUT.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[put]
/// fn replace(req: &Request) -> Result<Response> {
///     Ok(Response::no_content())
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::put;

/// This function answers PATCH.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[patch]
/// fn change(req: &Request) -> Result<Response> {
///     Ok(Response::no_content())
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::patch;

/// This function answers DELETE.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[delete]
/// fn delete(req: &Request) -> Result<Response> {
///     Ok(Response::no_content())
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::delete;

/// This function answers HEAD; without one, GET's answer is sent without its body.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[head]
/// fn cheap(req: &Request) -> Result<Response> {
///     Ok(Response::empty())
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::head;

/// This function answers OPTIONS; without one, the server says which methods there are.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[options]
/// fn preflight(req: &Request) -> Result<Response> {
///     Ok(Response::no_content().with_header("allow", "GET, POST"))
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::options;

/// This function answers several methods.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[handle(GET, POST)]
/// fn both(req: &Request) -> Result<Response> {
///     Ok(Response::text(req.method()))
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::handle;

/// This function runs before everything else of this domain and all below it; an error stops the
/// request. Nothing below can opt out.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[guard]
/// fn only_members(req: &Request) -> Result<()> {
///     req.cookie("who").or_status(401, "sign in first")?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::guard;

/// This function runs after the guards and before the handler; it may answer in its place.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[before]
/// fn noted(req: &Request) -> Result<Flow> {
///     Ok(Flow::Continue)
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::before;

/// This function runs after the handler, also when the answer is an error, and may change it.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[after]
/// fn stamp(req: &Request, response: &mut Response) -> Result<()> {
///     response.set_header("x-a", "1");
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::after;

/// Other modules can call this function by its name, with values that serde knows.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[export]
/// fn title(req: &Request, name: String, n: u32) -> Result<String> {
///     Ok(format!("{name} {n}"))
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::export;

/// This function shows an error, in files such as `_404.rs` and `_error.rs`.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[error_page]
/// fn oops(req: &Request, error: &PageError) -> Result<Response> {
///     req.render("_error.html", error)
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::error_page;

/// What holds for the whole file; at most once, and every key may be left out:
///
/// * `inherits`: the name of a parent (`"member"` is `_member.rs` of this domain or the nearest above),
///   several (`["member", "wide"]`), or `"none"`;
/// * `time_limit`: how long a request may take, such as `"5s"`;
/// * `max_body`: how large its body may be, such as `"1MiB"`;
/// * `panics_per_minute`: after how many the module rests for a minute;
/// * `csrf`: whether unsafe methods need a token.
///
/// ```
/// use harmonious::prelude::*;
///
/// module! { inherits = "member", time_limit = "5s" }
/// # fn main() {}
/// ```
///
/// A key that looks like a slip is an error that names the nearest one, and so is a second `module!`:
///
/// ```compile_fail
/// use harmonious::prelude::*;
///
/// module! { inherit = "member" }
/// # fn main() {}
/// ```
///
/// ```compile_fail,E0428
/// use harmonious::prelude::*;
///
/// module! { csrf = false }
/// module! { inherits = "none" }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::module;

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

/// This function is a task: something that the site does outside of any request. It stands in a parent of the
/// root, such as `domains/_tasks.rs`, which nobody need inherit from, and is run
///
/// * by `harmonious task SITE import-git ARG..`, `-` for each `_` of its name, with whatever follows the name;
/// * if it is called `start`, whenever the site is served, after migrations and before anybody is answered,
///   and before any other task on the command line. It fails: nothing is served. It runs often, so what is
///   done already it leaves as it is;
/// * with `every = "1h"` (1 s to 366 days) by the server while it serves: one task of a site at a time, without
///   arguments, for the first time after the interval or a minute, whichever is shorter, then that long after its
///   end. A server that stops waits for it as for requests; several servers of one site each run theirs.
///
/// It may take as long as it takes. It has the site's settings, secrets, databases, sealed texts; it has no
/// session, and neither renders nor calls exports: there is no request. What it prints goes where it was started,
/// what it logs into the server's log, or on the command line to standard error. The first line of its
/// documentation stands in the list of `harmonious task SITE`. [`task::Progress`](mod@crate::task) tells how far
/// it is.
///
/// ```
/// use harmonious::prelude::*;
///
/// /// Takes in the files of a folder.
/// #[task]
/// fn import(req: &Request, args: &[String]) -> Result<()> {
///     let [folder] = args else {
///         return Err(Error::bad_request("which folder? harmonious task SITE import FOLDER"));
///     };
///     let files: Vec<_> = std::fs::read_dir(folder)?.collect::<std::io::Result<_>>()?;
///     let mut progress = task::Progress::new(files.len() as u64);
///     for some in files.chunks(200) {
///         req.db().transaction(|tx| {
///             for file in some {
///                 let name = file.file_name().to_string_lossy().into_owned();
///                 tx.execute("INSERT INTO files (name) VALUES (?)", &[name.into()])?;
///             }
///             Ok(())
///         })?;
///         progress.advance(some.len() as u64);
///     }
///     Ok(())
/// }
///
/// /// Forgets what nobody asked for in a month.
/// #[task(every = "1h")]
/// fn upkeep(req: &Request, _args: &[String]) -> Result<()> {
///     req.db().execute("DELETE FROM drafts WHERE seen_at < ?", &[0.into()]).map(drop)
/// }
/// # fn main() {}
/// ```
///
/// Another setting than `every` is refused, and so is a function of another shape:
///
/// ```compile_fail
/// use harmonious::prelude::*;
///
/// #[task(evry = "1h")]
/// fn upkeep(req: &Request, args: &[String]) -> Result<()> {
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// ```compile_fail,E0308
/// use harmonious::prelude::*;
///
/// #[task]
/// fn count(req: &Request, args: &[String]) -> Result<u64> {
///     Ok(args.len() as u64)
/// }
/// # fn main() {}
/// ```
#[doc(inline)]
pub use harmonious_macros::task;

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

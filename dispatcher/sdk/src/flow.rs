//! [`Flow`]: what a `before` says about what comes next.

use crate::response::Response;

/// What a `#[before]` says: go on, or this is the answer already.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[before]
/// fn closed(req: &Request) -> Result<Flow> {
///     if req.config::<Option<bool>>("closed")?.unwrap_or(false) {
///         return Ok(Flow::Respond(Response::text("back soon").with_status(503)));
///     }
///     Ok(Flow::Continue)
/// }
/// # fn main() {}
/// ```
#[allow(clippy::large_enum_variant)] // made once, and handed on at once: a box would cost more
pub enum Flow {
    /// The next hook, then the handler.
    Continue,
    /// No more hooks and no handler: this is the answer. Every `#[after]` still sees it.
    Respond(Response),
}

/// What a `#[before]` may return in its `Result`: a [`Flow`], or `()` to go on.
///
/// ```
/// use harmonious::prelude::*;
///
/// #[before]
/// fn noted(req: &Request) -> Result<()> {
///     info!("{} is wanted", req.path());
///     Ok(())
/// }
/// # fn main() {}
/// ```
pub trait IntoFlow {
    /// As a flow.
    fn into_flow(self) -> Flow;
}

impl IntoFlow for Flow {
    fn into_flow(self) -> Flow {
        self
    }
}

impl IntoFlow for () {
    fn into_flow(self) -> Flow {
        Flow::Continue
    }
}

/// An answer is one, too.
impl From<Response> for Flow {
    fn from(response: Response) -> Flow {
        Flow::Respond(response)
    }
}

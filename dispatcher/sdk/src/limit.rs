//! How often something may be done, and by whom.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::Serialize;

use crate::error::Result;
use crate::request::Request;

#[derive(Serialize)]
struct Limit<'a> {
    name: &'a str,
    key: &'a str,
    count: u32,
    per_ms: u64,
}

#[derive(Serialize)]
struct Nothing {}

impl Request {
    /// Counts one of what may be done so often only: `count` at once, then one more each time that the part of
    /// `per` is over which it takes. The name says of what, the key of whom: an address, a user. A key that is an
    /// address of IPv6 stands for its network of 64 bits, all of which belongs to one visitor.
    ///
    /// It counts in the memory of the server, for all modules of the site, and forgets with it. Of more than
    /// 200,000 keys that are held up at a time the limit that has most of them forgets those that would be free
    /// next.
    ///
    /// ```
    /// use std::time::Duration;
    /// use harmonious::prelude::*;
    ///
    /// const HOUR: Duration = Duration::from_secs(3600);
    ///
    /// #[post]
    /// fn sign_up(req: &Request) -> Result<Response> {
    ///     // Beyond that the answer is 429 with `Retry-After`.
    ///     req.limit("sign-up", &req.client_address().to_string(), 5, HOUR)?;
    ///     Ok(Response::text("welcome"))
    /// }
    ///
    /// #[put]
    /// fn comment(req: &Request) -> Result<Response> {
    ///     // Or the form says it.
    ///     if let Err(error) = req.limit("comments", &req.client_address().to_string(), 30, HOUR) {
    ///         let Some(wait) = error.retry_after() else { return Err(error) };
    ///         let page = req.render("comment.html", context! { minutes => wait.as_secs().div_ceil(60) })?;
    ///         return Ok(page.with_status(429));
    ///     }
    ///     Ok(Response::text("thank you"))
    /// }
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// 429 of the kind `limited` with [`retry_after`](crate::Error::retry_after); it does not count then. 500 for a
    /// count or a time of 0, one of more than 366 days, and for more than 64 names.
    #[track_caller]
    pub fn limit(&self, name: &str, key: &str, count: u32, per: Duration) -> Result<()> {
        // What is shorter than a millisecond is no limit; what is longer than all time is refused there.
        let per_ms = u64::try_from(per.as_millis()).unwrap_or(u64::MAX);
        let limit = Limit {
            name,
            key,
            count,
            per_ms,
        };
        self.service("limit", &limit)
    }

    /// The visitor's address: that of the connection, or where that comes from one of the `proxies` of `site.toml`,
    /// what it says in `X-Forwarded-For`; as sessions and logins take it. All who come through a Unix socket, or
    /// outside of any request, have `0.0.0.0`.
    ///
    /// ```
    /// use harmonious::prelude::*;
    ///
    /// fn greeting(req: &Request) -> String {
    ///     format!("hello {}", req.client_address())
    /// }
    /// ```
    #[must_use]
    pub fn client_address(&self) -> IpAddr {
        let told = self.service("client.address", &Nothing {});
        let own = || self.client().unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        told.unwrap_or_else(|_| own())
    }
}

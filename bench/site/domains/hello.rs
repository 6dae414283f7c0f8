//! The small page: the bytes that `bench/app` and the peers send, behind two parents.

use harmonious::prelude::*;

module! { inherits = "outer" }

const HELLO: &str = include_str!("../../hello.html");

#[get]
fn hello(_req: &Request) -> Result<Response> {
    Ok(Response::html(HELLO))
}

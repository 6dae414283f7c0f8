//! `/hello`: the bytes of `bench/hello.html` (which the measurement compares), from a module alone: without
//! session, database and template.

use harmonious::prelude::*;

const HELLO: &str = "\
<!doctype html>
<title>Hello</title>
<h1>Hello, world</h1>
<p>A small page, the same for all.</p>
";

#[get]
fn hello(_req: &Request) -> Result<Response> {
    Ok(Response::html(HELLO))
}

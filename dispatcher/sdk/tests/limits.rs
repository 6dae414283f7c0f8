//! Limits in tests of modules: they count by the clock of the test.

#![forbid(unsafe_code)]

use std::time::Duration;

use harmonious::prelude::*;
use harmonious::testing::{Reply, Site};

#[get]
fn act(req: &Request) -> Result<Response> {
    let (name, key) = (req.query("name").or_404()?, req.query("key"));
    let key = key.unwrap_or_else(|| req.client_address().to_string());
    match req.limit(&name, &key, 3, Duration::from_secs(60)) {
        Err(error) if req.query("form").is_some() => {
            let wait = error.retry_after().or_status(500, "no time")?;
            Ok(Response::text(format!("{} {wait:?}", error.kind())))
        }
        done => {
            done?;
            Ok(Response::text(key))
        }
    }
}

fn ask(site: &Site, query: &str, client: &str) -> Reply {
    site.get(&format!("/?{query}")).client(client).send()
}

#[test]
fn a_limit_is_reached_and_passes() {
    let site = Site::new();
    let ann = || ask(&site, "name=a&key=ann", "192.0.2.1").status();
    assert_eq!([ann(), ann(), ann(), ann()], [200, 200, 200, 429]);
    let refused = ask(&site, "name=a&key=ann", "192.0.2.1");
    assert_eq!(refused.header("retry-after"), Some("20"));
    let shown = ask(&site, "name=a&key=ann&form", "192.0.2.1");
    assert_eq!(shown.text(), "limited 20s");
    assert_eq!(ask(&site, "name=b&key=ann", "192.0.2.1").status(), 200);
    assert_eq!(ask(&site, "name=a&key=bob", "192.0.2.1").status(), 200);
    site.advance(Duration::from_secs(20));
    assert_eq!([ann(), ann()], [200, 429]);
}

#[test]
fn an_address_is_that_of_the_client() {
    let site = Site::new();
    let from = |client: &str| ask(&site, "name=a", client);
    assert_eq!(from("192.0.2.1").text(), "192.0.2.1");
    assert_eq!(from("").text(), "0.0.0.0");
    // One line of IPv6 has all addresses of its network.
    for client in ["2001:db8::1", "2001:db8::2", "2001:db8::3"] {
        assert_eq!(from(client).status(), 200);
    }
    assert_eq!(from("2001:db8::4").status(), 429);
    assert_eq!(from("2001:db8:0:1::1").status(), 200);
}

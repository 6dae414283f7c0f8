//! What a handler learns of a request: one handler that tells all, in a file that forbids unsafe code.

#![forbid(unsafe_code)]

use std::io::Read;

use harmonious::prelude::*;
use harmonious::testing::{Ask, Reply, Site};

#[derive(Deserialize)]
struct Search {
    q: String,
    #[serde(default)]
    tag: Vec<String>,
    page: Option<u32>,
}

#[get]
fn show(req: &Request) -> Result<Response> {
    let text = match req.rest() {
        ["id"] => req.param_as::<u64>("id")?.to_string(),
        ["query"] => {
            let Search { q, tag, page } = req.query_as()?;
            format!(
                "{q} {tag:?} {page:?} {:?} {:?}",
                req.query("q"),
                req.query_all("tag")
            )
        }
        ["who"] => format!(
            "{:?} {} {:?}",
            req.client(),
            req.wants_json(),
            req.cookie("who")
        ),
        ["config"] => format!(
            "{} {:?} {}",
            req.config::<u32>("page-size")?,
            req.config::<Option<u32>>("nothing")?,
            req.site()?.host
        ),
        ["missing"] => req.config::<u32>("nothing")?.to_string(),
        ["secret", name] => req.secret(name)?,
        ["service"] => req.service::<String>("echo", &json!({ "a": 1 }))?,
        ["threads"] => {
            let ended = std::thread::scope(|scope| scope.spawn(|| info!("from a thread")).join());
            ended.is_ok().to_string()
        }
        _ => return Err(decline()),
    };
    Ok(Response::text(text))
}

#[post]
fn receive(req: &Request) -> Result<Response> {
    let text = match req.query_string() {
        "json" => req
            .json::<(u32, String)>()
            .map(|pair| format!("{pair:?}"))?,
        "text" => req.text()?,
        "read" => {
            let mut text = String::new();
            req.body().take(5).read_to_string(&mut text)?;
            text
        }
        _ => {
            let form = req.form()?;
            let file = form.file("source")?;
            format!(
                "{} {} {}",
                form.text("name")?,
                file.file_name(),
                file.text()?
            )
        }
    };
    Ok(Response::text(text))
}

fn site() -> Site {
    Site::new()
        .config("page-size", 10)
        .secret("token", "abc")
        .service("echo", |message| Ok(json!(message.to_string())))
}

/// A GET whose last `count` segments are the rest.
fn get(path: &str, count: usize, more: impl FnOnce(Ask<'_>) -> Ask<'_>) -> Reply {
    more(site().get(path).rest(count)).send()
}

#[test]
fn a_typed_segment_that_does_not_parse_is_a_404() {
    assert_eq!(get("/id", 1, |ask| ask.param("id", "42")).text(), "42");
    assert_eq!(get("/id", 1, |ask| ask.param("id", "x")).status(), 404);
    assert_eq!(get("/id", 1, |ask| ask.param("id", "-1")).status(), 404);
}

#[test]
fn queries_are_decoded_alone_and_as_a_struct() {
    let reply = get("/query?q=a+b%C3%A9&tag=x&tag=y", 1, |ask| ask);
    assert_eq!(
        reply.text(),
        r#"a bé ["x", "y"] None Some("a bé") ["x", "y"]"#
    );
    let reply = get("/query?tag=x", 1, |ask| ask);
    assert_eq!(
        (reply.status(), reply.text().as_str()),
        (400, "the query: missing field `q`")
    );
    assert_eq!(get("/query?q=a&page=two", 1, |ask| ask).status(), 400);
}

#[test]
fn the_client_is_known_by_address_wish_and_cookie() {
    let reply = get("/who", 1, |ask| {
        ask.client("2001:db8::1")
            .header("Accept", "application/json")
            .cookie("who", "ann é")
    });
    assert_eq!(reply.text(), r#"Some(2001:db8::1) true Some("ann é")"#);
    let reply = get("/who", 1, |ask| {
        ask.client("").header("cookie", "; =x; who=\"a\"; b")
    });
    assert!(reply.text().starts_with("None false "), "{}", reply.text());
}

#[test]
fn settings_and_secrets_come_from_the_site() {
    assert_eq!(get("/config", 1, |ask| ask).text(), "10 None localhost");
    assert_eq!(get("/missing", 1, |ask| ask).status(), 500);
    assert_eq!(get("/secret/token", 2, |ask| ask).text(), "abc");
    assert_eq!(get("/secret/other", 2, |ask| ask).status(), 500);
}

#[test]
fn any_service_can_be_asked() {
    assert_eq!(get("/service", 1, |ask| ask).text(), r#"{"a":1}"#);
}

#[test]
fn a_service_of_the_test_that_panics_is_a_500() {
    let site = Site::new().service("echo", |_| panic!("in the test's service"));
    assert_eq!(site.get("/service").rest(1).send().status(), 500);
}

#[test]
fn a_line_that_another_thread_logs_is_no_fault() {
    assert_eq!(get("/threads", 1, |ask| ask).text(), "true");
}

#[test]
fn a_rest_that_is_not_meant_declines() {
    let reply = get("/docs/other", 2, |ask| ask);
    assert!(reply.declined());
    assert_eq!(reply.status(), 404);
}

#[test]
fn bodies_are_read_wherever_they_are() {
    let site = site();
    for ask in [
        site.post("/?text").body("text/plain", "hello world"),
        site.post("/?text")
            .body("text/plain", "hello world")
            .body_in_file(),
    ] {
        assert_eq!(ask.send().text(), "hello world");
    }
    let part = site
        .post("/?read")
        .body("text/plain", "hello world")
        .body_in_file()
        .send();
    assert_eq!(part.text(), "hello");
    assert_eq!(
        site.post("/?text")
            .body("text/plain", b"\xff".to_vec())
            .send()
            .status(),
        400
    );
}

#[test]
fn json_that_does_not_fit_is_told_apart_from_what_is_no_json() {
    let site = site();
    assert_eq!(
        site.post("/?json").json(&(1, "a")).send().text(),
        "(1, \"a\")"
    );
    assert_eq!(site.post("/?json").json(&("a", 1)).send().status(), 422);
    assert_eq!(
        site.post("/?json")
            .body("application/json", "[1,")
            .send()
            .status(),
        400
    );
    assert_eq!(
        site.post("/?json")
            .body("text/plain", "[1,\"a\"]")
            .send()
            .status(),
        415
    );
}

#[test]
fn files_of_a_form_are_read_wherever_the_body_is() {
    let site = site();
    let file = ("source", "..\\games/chess.glsr", &b"print(1)"[..]);
    for ask in [
        site.post("/").upload(&[("name", "chess")], &[file]),
        site.post("/")
            .upload(&[("name", "chess")], &[file])
            .body_in_file(),
    ] {
        assert_eq!(ask.send().text(), "chess chess.glsr print(1)");
    }
    let none = site.post("/").upload(&[("name", "chess")], &[]).send();
    assert_eq!(
        (none.status(), none.text().as_str()),
        (422, "no file in `source`")
    );
}

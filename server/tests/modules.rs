//! What a module sees of a request and what it can answer, through the real binary.

mod common;

use std::io::Read;

use common::Server;
use common::ask::Ask;
use common::sites::{built, serve};
use serde_json::json;

fn start() -> Server {
    serve(&[&built("domains")], &[])
}

#[test]
fn a_module_sees_the_request_as_it_was_meant() {
    let server = start();
    let path = "/echo?tag=a&x=%C3%A9+1&tag=b%26c&empty";
    let answer = Ask::post(path, "text/plain", "größer")
        .of("LocalHost.:8080")
        .field("User-Agent", "the test")
        .to(&server);
    let said = answer.json();
    let id = answer.header("x-request-id").unwrap();
    for (key, value) in [
        ("method", json!("POST")),
        ("host", json!("localhost")),
        ("path", json!("/echo")),
        ("segments", json!(["echo"])),
        (
            "query",
            json!([["tag", "a"], ["x", "é 1"], ["tag", "b&c"], ["empty", ""]]),
        ),
        ("tags", json!(["a", "b&c"])),
        ("client", json!("127.0.0.1")),
        ("agent", json!("the test")),
        ("id", json!(id)),
        ("body", json!("größer")),
        ("site", json!("domains")),
    ] {
        assert_eq!(said[key], value, "{key}");
    }
}

#[test]
fn the_path_is_canonical_and_the_raw_one_is_for_logs() {
    let server = start();
    let said = Ask::get("/%65cho").to(&server).json();
    assert_eq!(
        (&said["path"], &said["raw_path"]),
        (&json!("/echo"), &json!("/%65cho"))
    );
    assert_eq!(said["body"], "");
}

#[test]
fn whoever_comes_through_a_unix_socket_has_no_address() {
    let dir = tempfile::tempdir().unwrap();
    let socket = format!("unix:{}", dir.path().join("site.sock").display());
    let server = serve(&[&built("domains")], &["--listen", &socket]);
    let said = Ask::get("/echo").to(&server).json();
    assert_eq!(
        (&said["client"], &said["host"]),
        (&json!(null), &json!("localhost"))
    );
}

#[test]
fn a_query_is_a_value_or_a_400_that_says_why() {
    let server = start();
    assert_eq!(
        Ask::get("/search?q=a%20b&page=2").to(&server).told(),
        (200, "a b on page 2")
    );
    assert_eq!(
        Ask::get("/search?q=a").to(&server).told(),
        (200, "a on page 1")
    );
    for query in ["", "?page=2", "?q=a&page=two"] {
        let answer = Ask::get(&format!("/search{query}")).to(&server);
        assert_eq!(answer.status, 400, "{query}");
        assert!(
            answer.body.contains("the query: "),
            "{query}: {}",
            answer.body
        );
    }
}

#[test]
fn a_form_is_read_however_it_is_sent() {
    let server = start();
    let urlencoded = "application/x-www-form-urlencoded";
    let answer = Ask::post("/form", urlencoded, "title=Gr%C3%B6%C3%9Fe+1&tag=a&tag=b").to(&server);
    let fields = json!([["title", "Größe 1"], ["tag", "a"], ["tag", "b"]]);
    assert_eq!((answer.status, &answer.json()["fields"]), (200, &fields));

    let missing = Ask::post("/form", urlencoded, "tag=a").to(&server);
    assert_eq!(missing.status, 422);
    assert!(
        missing.body.contains("field `title` is missing"),
        "{}",
        missing.body
    );
    let other = Ask::post("/form", "text/plain", "title=a").to(&server);
    assert_eq!(other.status, 415);
    assert!(!other.body.contains("form.rs"), "{}", other.body);
}

/// A form with a title and files: names as they are written, and contents.
fn multipart(files: &[(&str, &[u8])]) -> Ask {
    let mut body =
        b"--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nfiles\r\n".to_vec();
    for (name, content) in files {
        let head = format!(
            "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/gzip\r\n\r\n"
        );
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(b"--XX--\r\n");
    Ask::post("/form", "multipart/form-data; boundary=XX", body)
}

#[test]
fn uploads_arrive_whole_however_large_they_are() {
    let server = start();
    // Beyond what stays in memory, on both sides: the server's and the sdk's.
    let large: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    let sum: u64 = large.iter().map(|byte| u64::from(*byte)).sum();
    let said = multipart(&[("a.gz", b"small"), ("../b é.gz", &large), ("empty", b"")]).to(&server);
    assert_eq!(said.status, 200, "{}", said.body);
    let files = json!([
        { "name": "a.gz", "type": "application/gzip", "len": 5, "sum": 537 },
        { "name": "b é.gz", "type": "application/gzip", "len": large.len(), "sum": sum },
        { "name": "empty", "type": "application/gzip", "len": 0, "sum": 0 },
    ]);
    assert_eq!(said.json()["files"], files);
}

#[test]
fn json_is_a_value_or_an_error_that_says_why() {
    let server = start();
    let vote = |media_type: &str, body: &str| Ask::post("/vote", media_type, body).to(&server);
    let good = vote(
        "application/json; charset=utf-8",
        r#"{"script":"chess","stars":5}"#,
    );
    assert_eq!(
        (good.status, good.json()),
        (201, json!({ "script": "chess", "stars": 5 }))
    );
    assert_eq!(good.header("content-type"), Some("application/json"));
    assert_eq!(vote("application/json", "{").status, 400);
    assert_eq!(
        vote("application/json", r#"{"script":"chess","stars":500}"#).status,
        422
    );
    assert_eq!(
        vote("text/plain", r#"{"script":"chess","stars":5}"#).status,
        415
    );
}

#[test]
fn cookies_go_out_and_come_back() {
    let server = start();
    let set = Ask::post("/cookies", "text/plain", "").to(&server);
    let fields = set.all("set-cookie");
    assert_eq!((set.status, fields.len()), (204, 2), "{set:?}");
    for field in &fields {
        assert!(
            field.contains("HttpOnly") && field.contains("SameSite=Lax"),
            "{field}"
        );
    }
    let pairs: Vec<&str> = fields
        .iter()
        .filter_map(|field| field.split(';').next())
        .collect();
    let back = Ask::get("/cookies")
        .field("Cookie", &pairs.join("; "))
        .to(&server);
    assert_eq!(back.body, "ann; é of who,theme");
    assert_eq!(Ask::get("/cookies").to(&server).body, "nobody of ");

    let gone = Ask::new("DELETE", "/cookies").to(&server);
    let field = gone.header("set-cookie").unwrap();
    assert!(
        field.starts_with("who=;") && field.contains("Max-Age=0"),
        "{field}"
    );
}

#[test]
fn redirects_stay_at_home_unless_they_are_told_otherwise() {
    let server = start();
    let go = |query: &str| {
        let answer = Ask::get(&format!("/go?{query}")).to(&server);
        (answer.status, answer.header("location").map(str::to_owned))
    };
    let to = |path: &str| Some(path.to_owned());
    assert_eq!(go("to=/scripts/"), (303, to("/scripts/")));
    assert_eq!(
        go("to=/d%C3%A9j%C3%A0?a=1%262"),
        (303, to("/d%C3%A9j%C3%A0?a=1&2"))
    );
    assert_eq!(go("how=permanent&to=/new"), (308, to("/new")));
    assert_eq!(
        go("how=away&to=https://doc.example/"),
        (303, to("https://doc.example/"))
    );
    for away in [
        "https://evil.example/",
        "//evil.example/",
        "/%5Cevil.example",
        "x",
        "",
    ] {
        assert_eq!(go(&format!("to={away}")), (500, None), "{away}");
    }
}

#[test]
fn attachments_keep_their_names_in_any_alphabet() {
    let server = start();
    for (name, expected) in [
        ("a.txt", "attachment; filename=\"a.txt\""),
        (
            "na%C3%AFve%20%22x%22.txt",
            "attachment; filename=\"na_ve _x_.txt\"; filename*=UTF-8''na%C3%AFve%20%22x%22.txt",
        ),
        (
            "%E6%97%A5%E6%9C%AC.txt",
            "attachment; filename=\"__.txt\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt",
        ),
        ("../../etc/passwd", "attachment; filename=\"passwd\""),
        ("a%0D%0AX-Evil:%201", "attachment; filename=\"aX-Evil: 1\""),
    ] {
        let answer = Ask::get(&format!("/send?what=attachment&name={name}")).to(&server);
        assert_eq!(answer.told(), (200, "content"), "{name}");
        assert_eq!(
            answer.header("content-disposition"),
            Some(expected),
            "{name}"
        );
        assert_eq!(answer.header("x-evil"), None, "{name}");
    }
}

#[test]
fn a_file_of_the_site_is_sent_and_nothing_outside_of_it() {
    let server = start();
    let send = |name: &str| Ask::get(&format!("/send?what=file&name={name}")).to(&server);
    let file = send("static/download.txt");
    assert_eq!(file.told(), (200, "a file of the site\n"));
    assert_eq!(file.header("x-domain"), Some("/"), "what an `after` adds");
    assert!(
        file.header("content-type")
            .unwrap()
            .starts_with("text/plain"),
        "{file:?}"
    );
    for outside in [
        "../errors/site.toml",
        "static/../../errors/site.toml",
        "none.txt",
        "static",
        "",
    ] {
        let answer = send(outside);
        assert_eq!(answer.status, 500, "{outside}");
        assert!(
            !answer.body.contains("panics-per-minute"),
            "{outside}: {}",
            answer.body
        );
    }
}

#[test]
fn a_link_out_of_the_site_is_not_followed() {
    let site = common::sites::own("domains");
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::os::unix::fs::symlink(outside.path(), site.path().join("static-link.txt")).unwrap();
    let server = serve(&[site.path()], &[]);
    assert_eq!(
        Ask::get("/send?what=file&name=static-link.txt")
            .to(&server)
            .status,
        500
    );
}

#[test]
fn large_bodies_and_streams_arrive_whole() {
    let server = start();
    let large = Ask::get("/send?what=large").to(&server);
    assert_eq!(large.header("content-length"), Some("1048576"));
    assert!(large.body.len() == 1 << 20 && large.body.bytes().all(|byte| byte == b'x'));
    let stream = Ask::get("/send?what=stream").to(&server);
    assert_eq!(stream.told(), (200, "piece 0\npiece 1\npiece 2\npiece 3\n"));
    for answer in [&large, &stream] {
        assert_eq!(answer.header("x-domain"), Some("/"), "what an `after` adds");
    }
    assert_eq!(Ask::get("/send").to(&server).told(), (200, ""));
}

#[test]
fn a_stream_that_fails_is_seen_to_be_cut() {
    let mut server = start();
    let mut text = String::new();
    let _ = Ask::get("/send?what=cut")
        .sent_to(&server)
        .read_to_string(&mut text);
    assert!(
        text.contains("piece 1") && !text.contains("piece 3"),
        "{text}"
    );
    assert!(!text.ends_with("0\r\n\r\n"), "it looks whole: {text}");
    server.line(|line| line.contains("the source went away"));
}

#[test]
fn a_value_cannot_end_its_header() {
    let server = start();
    let bad = Ask::get("/send?what=header&name=1%0D%0AX-Evil:%202").to(&server);
    assert_eq!((bad.status, bad.header("x-evil")), (500, None));
    let good = Ask::get("/send?what=header&name=1%202").to(&server);
    assert_eq!(good.header("x-value"), Some("1 2"));
}

#[test]
fn settings_and_secrets_are_those_of_the_site() {
    let server = start();
    let expected = json!([
        "Of the site",
        "site@a.example",
        [1, 2, 3],
        null,
        "of the site domains"
    ]);
    assert_eq!(Ask::get("/settings").to(&server).json(), expected);
}

#[test]
fn a_body_has_the_limit_of_its_module_or_domain() {
    let server = start();
    let send = |path: &str, bytes: usize| {
        Ask::post(path, "text/plain", "x".repeat(bytes))
            .to(&server)
            .status
    };
    assert_eq!((send("/small", 1024), send("/small", 1025)), (200, 413));
    assert_eq!(
        (send("/tight/take", 16), send("/tight/take", 17)),
        (200, 413)
    );
    assert_eq!((send("/", 3 << 20), send("/", (8 << 20) + 1)), (200, 413));
}

#[test]
fn just_the_chain_of_what_was_asked_for_is_loaded() {
    let server = start();
    let loaded = || -> Vec<String> {
        let site = server.control("/pool").json()["sites"][0].clone();
        assert_eq!(site["name"], "domains");
        assert!(site["modules"].as_u64().unwrap() > 30, "{site}");
        let modules = site["loaded"].as_array().unwrap().clone();
        modules
            .iter()
            .map(|module| module["key"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(loaded().is_empty(), "nothing was asked for: {:?}", loaded());
    Ask::get("/style.css").to(&server);
    Ask::get("/scripts").to(&server);
    Ask::get("/%2e%2e/").to(&server);
    assert!(loaded().is_empty(), "no module was needed: {:?}", loaded());
    Ask::get("/scripts/chess/raw").to(&server);
    assert_eq!(loaded(), ["_parent", "scripts/[slug]/raw"]);
    Ask::get("/docs/").to(&server);
    assert_eq!(
        loaded(),
        ["_parent", "scripts/[slug]/raw"],
        "a page needs its parents only"
    );
    Ask::get("/").to(&server);
    assert_eq!(loaded(), ["_parent", "index", "scripts/[slug]/raw"]);
}

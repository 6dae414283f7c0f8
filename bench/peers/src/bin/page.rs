//! A page as sites have them: the session, one row by its key, a template; beside pages without any of it,
//! and beside the same page on axum.
#![forbid(unsafe_code)]

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use harmonious_bench_peers::contest::args::Args;
use harmonious_bench_peers::contest::entrants::{OURS, OURS_FLAGS};
use harmonious_bench_peers::contest::server::{Asked, Entrant, Server};
use harmonious_bench_peers::contest::{self, Case, Rival, client};
use harmonious_bench_peers::page::{EXPECTED, MISSING, PATH, SIGN_IN, SITE};
use harmonious_bench_peers::routes::HELLO;
use harmonious_bench_peers::sites::{self, Site, Text};

const NAME: &str = "page";

const ABOUT: &str = "\
A small page of bench/page for a visitor who is signed in: the session by its cookie from the site's
database (ours reads it once, and then looks whether anything was committed since; nothing is, here), one
of 10,000 rows by an indexed key, a template. Beside it: /hello of bench/app (the front
without a dispatcher), /hello of the same site (a module alone), and the same page on axum with
spawn_blocking, r2d2_sqlite and minijinja: the same rows, the same template, byte for byte the same page.
Before each measurement a visitor signs in; the page must be right with the session, refused without it,
and missing where there is no row. No server writes an access log.
Servers: harmonious, app-hello, site-hello, axum-page. Cases: page-8, page-64, page-512.
";

/// The front without a dispatcher; the same site's module alone; the peer.
const APP_HELLO: &str = "app-hello";
const SITE_HELLO: &str = "site-hello";
const AXUM: &str = "axum-page";
/// The peer's program, beside this one.
const AXUM_PROGRAM: &str = "peer-axum-page";
/// bench/app and the peer have no log; ours is not to write one either.
const NO_LOG: &[&str] = &["--access-log", "off"];

/// What is promised at 64 connections: to `/hello` of the front, and to the peer.
const PROMISE_HELLO: f64 = 0.5;
const PROMISE_AXUM: f64 = 1.3;
const WARM_UP: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let args = Args::read(NAME, ABOUT);
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let text = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
    let files: Vec<Text> = SITE.iter().map(text).collect();
    let site = Site::make(NAME, "harmonious-bench-page", &files)?;
    site.build(&args.harmonious)?;
    contest::run(NAME, args, entrants(args, &site)?, cases())
}

fn entrants(args: &Args, site: &Site) -> Result<Vec<Entrant>, String> {
    let program = env::current_exe().map_err(|error| format!("this program: {error}"))?;
    let flags = [OURS_FLAGS, NO_LOG].concat();
    let ours = |name| sites::entrant(name, &args.harmonious, "serve", &[site], &flags);
    Ok(vec![
        ours(OURS).visited(signed_in),
        Entrant::announcing(APP_HELLO, &args.app, OURS_FLAGS).visited(hello),
        ours(SITE_HELLO).visited(hello),
        Entrant::announcing(AXUM, &program.with_file_name(AXUM_PROGRAM), &[]).visited(signed_in),
    ])
}

fn hello(_: &Server) -> Result<Asked, String> {
    Ok(Asked {
        body: Some(HELLO.into()),
        ..Asked::path("/hello")
    })
}

/// Signs in, and sees that the session is what lets one see the page, and the row what is on it: a server
/// that does not look would be fast for nothing.
fn signed_in(server: &Server) -> Result<Asked, String> {
    let cookie = sign_in(server)?;
    let status = |path: &str, fields: &[String], wanted: u16| {
        let asked = client::connect(server.address())
            .and_then(|mut stream| client::get_with(&mut stream, path, fields));
        match asked.map(|answer| answer.status) {
            Ok(status) if status == wanted => Ok(()),
            Ok(status) => Err(format!("{path}: status {status} and not {wanted}")),
            Err(error) => Err(format!("{path}: {error}")),
        }
    };
    let fields = [format!("Cookie: {cookie}")];
    status(PATH, &[], 401)?;
    status(PATH, &[format!("Cookie: {}", forged(&cookie))], 401)?;
    status(MISSING, &fields, 404)?;
    Ok(Asked {
        fields: fields.into(),
        body: Some(EXPECTED.into()),
        ..Asked::path(PATH)
    })
}

/// Begins a session; the pair that its cookie consists of.
fn sign_in(server: &Server) -> Result<String, String> {
    let request = format!("POST {SIGN_IN} HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n");
    let answer = client::connect(server.address())
        .and_then(|mut stream| client::ask(&mut stream, request.as_bytes()))
        .map_err(|error| format!("{SIGN_IN}: {error}"))?;
    let cookie = answer.field("set-cookie");
    let pair = cookie.and_then(|cookie| cookie.split(';').next());
    match (answer.status, pair) {
        (200, Some(pair)) => Ok(pair.to_owned()),
        (200, None) => Err(format!("{SIGN_IN}: no cookie")),
        (status, _) => Err(format!("{SIGN_IN}: status {status} and not 200")),
    }
}

/// A cookie like this one, of a session that nobody has: an id of zeros.
fn forged(cookie: &str) -> String {
    let (name, id) = cookie.split_once('=').unwrap_or((cookie, ""));
    format!("{name}={}", "A".repeat(id.len()))
}

fn cases() -> Vec<Case> {
    let case = |name, connections, is_promised: bool| {
        let rival = |title, names, promised| Rival {
            title,
            names,
            promised: is_promised.then_some(promised).flatten(),
        };
        Case {
            name,
            path: PATH,
            connections,
            warm_up: WARM_UP,
            body: None,
            rivals: vec![
                rival("/hello of bench/app", &[APP_HELLO], Some(PROMISE_HELLO)),
                rival("/hello of the same site", &[SITE_HELLO], None),
                rival("the same page on axum", &[AXUM], Some(PROMISE_AXUM)),
            ],
        }
    };
    vec![
        case("page-8", 8, false),
        case("page-64", 64, true),
        case("page-512", 512, false),
    ]
}

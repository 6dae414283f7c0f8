//! What the dispatcher costs: a page behind two parents, beside the same bytes without a dispatcher.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::time::Duration;

use harmonious_bench_peers::contest::args::Args;
use harmonious_bench_peers::contest::entrants::{OURS, OURS_FLAGS};
use harmonious_bench_peers::contest::server::Entrant;
use harmonious_bench_peers::contest::{self, Case, Rival, client};
use harmonious_bench_peers::routes::HELLO;
use harmonious_bench_peers::sites::{self, Site};

const NAME: &str = "dispatch";

const ABOUT: &str = "\
/hello of bench/site (a chain of three loaded modules with guards, befores and an after) as our
server serves it, beside the same bytes from bench/app, which is the same front and pool without a
dispatcher. Neither writes an access log; both have the same flags.
Servers: harmonious, app. Cases: hello-8, hello-64, hello-512.
";

/// The server without a dispatcher.
const APP: &str = "app";
/// bench/app has no log; ours is not to write one either.
const NO_LOG: &[&str] = &["--access-log", "off"];

/// What is promised at 64 connections.
const PROMISE: f64 = 0.9;
const WARM_UP: Duration = Duration::from_secs(2);

/// What each parent of the page leaves to be seen: a field, and who is refused.
const SET_BY_PARENT: (&str, &str) = ("x-content-type-options", "nosniff");
const REFUSED: [&str; 2] = ["X-Banned", "X-Elsewhere"];

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
    let site = Site::of_repository();
    site.build(&args.harmonious)?;
    let flags = [OURS_FLAGS, NO_LOG].concat();
    let ours = sites::entrant(OURS, &args.harmonious, "serve", &[&site], &flags);
    prove_chain(&ours)?;
    let app = Entrant::announcing(APP, &args.app, OURS_FLAGS);
    contest::run(NAME, args, vec![ours, app], cases())
}

/// Whether the page is behind both of its parents: one that is not would be fast for nothing.
fn prove_chain(ours: &Entrant) -> Result<(), String> {
    let server = ours.start()?;
    let ask = |field: &str| {
        let request = format!("GET /hello HTTP/1.1\r\nHost: bench\r\n{field}\r\n");
        let mut stream = client::connect(server.address())?;
        client::ask(&mut stream, request.as_bytes())
    };
    let failed = |error| format!("/hello: {error}");
    let (name, value) = SET_BY_PARENT;
    if ask("").map_err(failed)?.field(name) != Some(value) {
        return Err(format!("/hello: its parent did not set {name}"));
    }
    for field in REFUSED {
        let status = ask(&format!("{field}: 1\r\n")).map_err(failed)?.status;
        if status != 403 {
            return Err(format!("/hello with {field}: status {status} and not 403"));
        }
    }
    Ok(())
}

fn cases() -> Vec<Case> {
    let case = |name, connections, promised| Case {
        name,
        path: "/hello",
        connections,
        warm_up: WARM_UP,
        body: Some(HELLO.into()),
        rivals: vec![Rival {
            title: "the same without a dispatcher",
            names: &[APP],
            promised,
        }],
    };
    vec![
        case("hello-8", 8, None),
        case("hello-64", 64, Some(PROMISE)),
        case("hello-512", 512, None),
    ]
}

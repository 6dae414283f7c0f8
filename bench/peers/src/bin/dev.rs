//! How long whoever writes a site waits: from a save to the new answer.
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client::Kept;
use harmonious_bench_peers::contest::server::Server;
use harmonious_bench_peers::sites::{self, Site, Text};
use harmonious_bench_peers::stats::{Spread, quantile};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "dev";

const ABOUT: &str = "\
Makes the starter by \"harmonious new\", adds a page of a module and a template to it, serves it by
\"harmonious dev\", and then saves the module, and after that the template, again and again: how long
until a client that asks every 5 ms sees the new text?
";

const NUMBERS: &[Number] = &[Number {
    name: "--saves",
    default: 10,
    about: "of the module, and of the template",
}];

const PATH: &str = "/measured";
const MODULE: &str = "domains/measured.rs";
const TEMPLATE: &str = "domains/measured.html";

/// What is promised of a module: the median.
const PROMISE_S: f64 = 1.0;

const ASK_EVERY: Duration = Duration::from_millis(5);
/// The first answer waits for the sdk and all that it needs to be compiled.
const FIRST_WAIT: Duration = Duration::from_secs(600);
/// Later ones should be there long before this.
const WAIT: Duration = Duration::from_secs(30);
/// Between two saves; a little more each time, so that they hit all moments of whatever comes round.
const REST: Duration = Duration::from_millis(500);
const REST_MORE: Duration = Duration::from_millis(37);

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let files: [Text; 2] = [
        (MODULE.to_owned(), module(0)),
        (TEMPLATE.to_owned(), template(0)),
    ];
    let site = Site::starter(&options.harmonious, NAME, &files)?;
    let flags = ["--access-log", "off"];
    let entrant = sites::entrant(NAME, &options.harmonious, "dev", &[&site], &flags);
    let server = entrant.start()?;
    println!("compiling the sdk, if it is not");
    let first = until(&server, &["module 0.", "template 0."], FIRST_WAIT)?;
    println!("the first answer was there after {first:.1} s");
    let saves = options.number("--saves");
    let modules = measure(saves, |at| {
        site.save(MODULE, &module(at))?;
        until(&server, &[&format!("module {at}.")], WAIT)
    })?;
    page.say(&section("A module", &modules, true));
    let templates = measure(saves, |at| {
        site.save(TEMPLATE, &template(at))?;
        until(&server, &[&format!("template {at}.")], WAIT)
    })?;
    page.say(&section("A template", &templates, false));
    Ok(())
}

/// The times of so many saves, in seconds.
fn measure(
    saves: u64,
    mut save: impl FnMut(u64) -> Result<f64, String>,
) -> Result<Vec<f64>, String> {
    let mut rest = REST;
    let saves = (1..=saves).map(|at| {
        thread::sleep(rest);
        rest += REST_MORE;
        save(at)
    });
    saves.collect()
}

/// The time until the page has all of these texts, in seconds.
fn until(server: &Server, texts: &[&str], within: Duration) -> Result<f64, String> {
    let mut kept = Kept::new(server.address(), within);
    let began = Instant::now();
    let mut last = String::new();
    while began.elapsed() < within {
        match kept.get(PATH) {
            Ok(answer) => {
                let body = String::from_utf8_lossy(&answer.body);
                if answer.status == 200 && texts.iter().all(|text| body.contains(text)) {
                    return Ok(began.elapsed().as_secs_f64());
                }
                last = format!("{}: {body:.1000}", answer.status);
            }
            Err(error) => last = error.to_string(),
        }
        thread::sleep(ASK_EVERY);
    }
    let within = within.as_secs();
    Err(format!(
        "{PATH} has no {texts:?} after {within} s; the last answer was {last}"
    ))
}

fn section(what: &str, took: &[f64], is_promised: bool) -> String {
    let spread = Spread::of(took);
    let each: Vec<String> = took.iter().map(|took| format!("{took:.2}")).collect();
    format!(
        "\n### {what}\n\n\
         * from the save to the new answer: median {:.2} s, p90 {:.2} s, {:.2}-{:.2} s{}\n\
         * each, in seconds: {}\n",
        spread.median,
        quantile(took, 0.9),
        spread.low,
        spread.high,
        trial::promise(is_promised, &format!("a median under {PROMISE_S:.0} s")),
        each.join(" "),
    )
}

fn module(at: u64) -> String {
    format!(
        "\
//! A page that is saved again and again.

use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {{
    let agent = req.header(\"user-agent\").unwrap_or(\"nobody\");
    req.render(\"measured.html\", context! {{ agent, text => \"module {at}.\" }})
}}
"
    )
}

fn template(at: u64) -> String {
    format!(
        "<!doctype html>\n<title>Measured</title>\n<p>template {at}.</p>\n<p>{{{{ text }}}}</p>\n\
         <p>{{{{ agent }}}}</p>\n"
    )
}

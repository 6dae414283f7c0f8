//! Whole servers beside one another: each in turn is started, checked, warmed up, put under `wrk`
//! and stopped, for every case and every round anew.

use std::time::Duration;

use crate::report;
use crate::rounds::interleave;

pub mod args;
pub mod client;
pub mod entrants;
pub mod nginx;
pub mod server;
pub mod wrk;

mod table;

use args::Args;
use server::{Asked, Entrant, Server};
use wrk::{Figures, Load};

/// What is asked of every server, and how often.
pub struct Case {
    /// Under this name it is chosen on the command line.
    pub name: &'static str,
    /// The path that is asked for, of every server that has no [`Visit`](server::Visit).
    pub path: &'static str,
    /// Connections that ask, each with one request at a time.
    pub connections: usize,
    /// Load before the measurement, until what adapts has settled.
    pub warm_up: Duration,
    /// The body that counts as right; without one, any that is not empty.
    pub body: Option<Vec<u8>>,
    /// With whom ours is compared.
    pub rivals: Vec<Rival>,
}

/// One or several servers; the best of them is what ours is measured by.
#[derive(Clone)]
pub struct Rival {
    /// What they are called together.
    pub title: &'static str,
    /// The names of the servers.
    pub names: &'static [&'static str],
    /// The ratio of ours to the best of them that is promised, if one is.
    pub promised: Option<f64>,
}

/// One measurement of one server.
pub struct Turn {
    /// What `wrk` says.
    pub figures: Figures,
    /// Most threads that were seen under the load.
    pub threads: usize,
    /// Resident memory at the end of the load, in KiB.
    pub resident_kib: u64,
}

/// Measures the chosen servers on the chosen cases, prints a table for each, and writes them into
/// `bench/RESULTS.md` where that is asked for.
///
/// # Errors
/// Says in one line what is missing, or which server answered what instead of what it should.
pub fn run(
    name: &str,
    args: &Args,
    entrants: Vec<Entrant>,
    cases: Vec<Case>,
) -> Result<(), String> {
    let facts = facts(args);
    server::raise_descriptor_limit();
    wrk::find()?;
    let entrants = args.choose_servers(entrants)?;
    let cases = args.choose_cases(cases)?;
    for entrant in &entrants {
        let server = entrant.start()?;
        let checked = |case| check(&server, &asked(entrant, &server, case)?);
        cases.iter().try_for_each(checked)?;
    }
    let mut text = format!("## {name}\n\n{facts}\n");
    println!("{text}");
    for case in &cases {
        let measured = interleave(entrants.len(), args.rounds, |at| {
            turn(&entrants[at], case, args)
        });
        let measured = measured
            .into_iter()
            .map(|turns| turns.into_iter().collect());
        let measured = measured.collect::<Result<Vec<Vec<Turn>>, String>>()?;
        let section = table::section(case, &entrants, &measured);
        print!("{section}");
        text += &section;
    }
    if args.write {
        let path = report::write(name, &text);
        let path = path.map_err(|error| format!("bench/RESULTS.md: {error}"))?;
        println!("\nwritten to {}", path.display());
    }
    Ok(())
}

/// The machine, and how the measurement was made.
pub fn facts(args: &Args) -> String {
    format!(
        "{}; {} rounds of {} s, wrk with {} threads",
        report::facts(),
        args.rounds,
        args.seconds,
        args.wrk_threads
    )
}

fn turn(entrant: &Entrant, case: &Case, args: &Args) -> Result<Turn, String> {
    let server = entrant.start()?;
    let asked = asked(entrant, &server, case)?;
    check(&server, &asked)?;
    let warm_up = args.warm_up.unwrap_or(case.warm_up);
    measure(&server, &asked, case.connections, warm_up, args)
}

/// What this server is asked for in this case.
fn asked(entrant: &Entrant, server: &Server, case: &Case) -> Result<Asked, String> {
    match &entrant.visit {
        Some(visit) => visit(server).map_err(|error| format!("{}: {error}", server.name())),
        None => Ok(Asked {
            body: case.body.clone(),
            ..Asked::path(case.path)
        }),
    }
}

/// Warms a server up and measures it.
///
/// # Errors
/// Where the server or `wrk` ended before their time, or nothing good was answered.
pub fn measure(
    server: &Server,
    asked: &Asked,
    connections: usize,
    warm_up: Duration,
    args: &Args,
) -> Result<Turn, String> {
    let path = &asked.path;
    let url = format!("http://{}{path}", server.address());
    let load = |seconds| Load {
        threads: args.wrk_threads,
        connections,
        seconds,
        fields: &asked.fields,
    };
    if !warm_up.is_zero() {
        wrk::run(&load(warm_up.as_secs().max(1)), &url, || ())?;
    }
    let mut threads = 0;
    let figures = wrk::run(&load(args.seconds), &url, || {
        threads = threads.max(server.usage().threads);
    })?;
    let usage = server.usage();
    if usage.threads == 0 {
        return Err(format!("{} ended under the load", server.name()));
    }
    if figures.rate == 0.0 {
        let (name, refused, failed) = (server.name(), figures.refused, figures.failed);
        return Err(format!(
            "{name} at {path}: no good answer, {refused} of another status, {failed} socket errors"
        ));
    }
    Ok(Turn {
        figures,
        threads: threads.max(usage.threads),
        resident_kib: usage.resident_kib,
    })
}

/// One that answers with errors is not fast.
fn check(server: &Server, asked: &Asked) -> Result<(), String> {
    let wrong = |what: String| format!("{} at {}: {what}", server.name(), asked.path);
    let answer = client::connect(server.address())
        .and_then(|mut stream| client::get_with(&mut stream, &asked.path, &asked.fields))
        .map_err(|error| wrong(error.to_string()))?;
    if answer.status != 200 {
        return Err(wrong(format!("status {} and not 200", answer.status)));
    }
    match &asked.body {
        Some(body) if *body != answer.body => {
            let (wanted, got) = (body.len(), answer.body.len());
            Err(wrong(format!(
                "another body than the others give: {got} bytes, for them {wanted}"
            )))
        }
        None if answer.body.is_empty() => Err(wrong("an empty body".to_owned())),
        _ => Ok(()),
    }
}

//! Ten thousand connections that only stay open: what they cost, and whether others notice them.
#![forbid(unsafe_code)]

use std::io;
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use harmonious_bench_peers::contest::args::Args;
use harmonious_bench_peers::contest::server::{self, Asked, Entrant, Server, Usage};
use harmonious_bench_peers::contest::{self, Turn, client, entrants, wrk};
use harmonious_bench_peers::report;
use harmonious_bench_peers::stats::Spread;

const NAME: &str = "idle";

const ABOUT: &str = "\
Opens 10,000 connections, each with one good request; then threads and memory of the server, and
/hello at 64 connections without and with them. Servers: harmonious; others only when named, as
bench/run front names them. There are no cases.
";

const CONNECTIONS: usize = 10_000;
/// Beside them, `wrk` asks for this over so many connections.
const PATH: &str = "/hello";
const CONNECTIONS_BUSY: usize = 64;
const WARM_UP: Duration = Duration::from_secs(2);
/// After so long the server has seen what was opened or closed.
const SETTLE: Duration = Duration::from_secs(2);

/// What is promised: memory in all, in MB, and the rate beside them to the rate without.
const RESIDENT_MB_PROMISED: f64 = 40.0;
const RATIO_PROMISED: f64 = 0.9;

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
    let facts = contest::facts(args);
    server::raise_descriptor_limit();
    wrk::find()?;
    let mut all = entrants::all(&args.app)?;
    for entrant in &mut all {
        entrant.by_default = entrant.name == entrants::OURS;
    }
    let mut text = format!("## {NAME}\n\n{facts}\n");
    println!("{text}");
    for entrant in args.choose_servers(all)? {
        let section = measure(&entrant, args)?;
        print!("{section}");
        text += &section;
    }
    if args.write {
        let path = report::write(NAME, &text);
        let path = path.map_err(|error| format!("bench/RESULTS.md: {error}"))?;
        println!("\nwritten to {}", path.display());
    }
    Ok(())
}

fn measure(entrant: &Entrant, args: &Args) -> Result<String, String> {
    let (before, after) = cost(entrant)?;
    let server = entrant.start()?;
    let mut without = Vec::new();
    let mut with = Vec::new();
    let mut lost = 0;
    for round in 0..args.rounds {
        // Every other round begins with them, so that a drift of the machine is everybody's.
        if round % 2 == 0 {
            without.push(load(&server, args)?);
        }
        let idle = open(&server)?;
        with.push(load(&server, args)?);
        lost += idle.iter().filter(|idle| !client::is_open(idle)).count();
        drop(idle);
        thread::sleep(SETTLE);
        if round % 2 == 1 {
            without.push(load(&server, args)?);
        }
    }
    let errors: u64 = [&without, &with].into_iter().flatten().map(errors).sum();
    let (without, with) = (rates(&without), rates(&with));
    let rounds: Vec<f64> = with.iter().zip(&without).map(|(a, b)| a / b).collect();
    let ratio = Spread::of(&with).median / Spread::of(&without).median;
    let (spread, rates) = (Spread::of(&rounds), [without, with].map(|r| median(&r)));
    let mb = |usage: Usage| usage.resident_kib as f64 / 1024.0;
    let promise = |text: String| match entrant.name {
        entrants::OURS => format!("; promised: {text}"),
        _ => String::new(),
    };
    Ok(format!(
        "\n### {}\n\n\
         * idle connections: {}, of which the server closed {lost} in {} rounds\n\
         * threads: {} before, {} with them{}\n\
         * resident: {:.1} MB before, {:.1} MB with them{}\n\
         * {PATH} at {CONNECTIONS_BUSY} connections, {errors} errors: {} good answers/s without, {} \
         with them: {ratio:.2}, of rounds {:.2}-{:.2}{}\n",
        entrant.name,
        report::whole(CONNECTIONS as f64),
        args.rounds,
        before.threads,
        after.threads,
        promise("no more".to_owned()),
        mb(before),
        mb(after),
        promise(format!("at most {RESIDENT_MB_PROMISED:.0} MB")),
        rates[0],
        rates[1],
        spread.low,
        spread.high,
        promise(format!("{RATIO_PROMISED:.2}")),
    ))
}

/// What a fresh server takes after one request, and with all the connections.
fn cost(entrant: &Entrant) -> Result<(Usage, Usage), String> {
    let server = entrant.start()?;
    let first = ask(&server).map_err(|error| wrong(&server, 0, &error))?;
    thread::sleep(SETTLE);
    let before = server.usage();
    let idle = open(&server)?;
    thread::sleep(SETTLE);
    let after = server.usage();
    drop((first, idle));
    Ok((before, after))
}

/// Opens the connections, one after the other.
fn open(server: &Server) -> Result<Vec<TcpStream>, String> {
    (0..CONNECTIONS)
        .map(|at| ask(server).map_err(|error| wrong(server, at, &error)))
        .collect()
}

/// A connection with one good request behind it.
fn ask(server: &Server) -> io::Result<TcpStream> {
    let mut stream = client::connect(server.address())?;
    match client::get(&mut stream, PATH)?.status {
        200 => Ok(stream),
        status => Err(io::Error::other(format!("status {status} and not 200"))),
    }
}

fn wrong(server: &Server, at: usize, error: &io::Error) -> String {
    let name = server.name();
    format!("{name}: with {at} idle connections the next one fails: {error}")
}

fn load(server: &Server, args: &Args) -> Result<Turn, String> {
    let warm_up = args.warm_up.unwrap_or(WARM_UP);
    contest::measure(server, &Asked::path(PATH), CONNECTIONS_BUSY, warm_up, args)
}

fn rates(turns: &[Turn]) -> Vec<f64> {
    turns.iter().map(|turn| turn.figures.rate).collect()
}

fn errors(turn: &Turn) -> u64 {
    turn.figures.refused + turn.figures.failed
}

fn median(rates: &[f64]) -> String {
    report::whole(Spread::of(rates).median)
}

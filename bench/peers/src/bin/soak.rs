//! Millions of requests of all kinds, good and bad: is anything left behind by them?
#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client;
use harmonious_bench_peers::contest::nginx::{Folder, LARGE, SMALL};
use harmonious_bench_peers::contest::server::{Server, Usage};
use harmonious_bench_peers::report;
use harmonious_bench_peers::stats::Spread;
use harmonious_bench_peers::trial::mix::{self, Counts, KINDS};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page, inside};

const NAME: &str = "soak";

const ABOUT: &str = "\
Requests of all kinds at full speed: pipelined, kept alive, closed, aborted, bad. Prints memory,
descriptors, threads and tasks of our server at every 5 %. It pauses after the first 10 % and at the
end until the server is quiet: then it must hold what it held before.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--requests",
        default: 24_000_000,
        about: "how many in all",
    },
    Number {
        name: "--threads",
        default: 2,
        about: "threads that ask",
    },
];

/// Parts of the requests: at the end of each it is looked, and after the second it is quiet.
const PARTS: u64 = 20;
const WARM_PARTS: u64 = 2;
/// Of the looks under load, every so many is in the table.
const PARTS_PER_ROW: u64 = 5;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The server closes what lingers after 2 s.
const QUIET_WAIT: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(2);

/// What is called flat: descriptors more or less than at the start; memory to that of the warm server.
const DESCRIPTORS_OFF: usize = 2;
const MEMORY_RATIO: f64 = 1.10;

/// What the server holds at one moment.
struct Look {
    name: String,
    usage: Usage,
    tasks: u64,
    connections: u64,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let folder = Folder::new().map_err(|error| format!("a temporary folder: {error}"))?;
    let files = folder.files();
    let files = files.to_str().ok_or("the temporary folder is no UTF-8")?;
    let flags = ["--static", files, "--max-per-address", "2000"];
    let server = trial::ours(&options.app, &flags).start()?;
    let start = first(&server)?;
    let counts = Counts::default();
    let began = Instant::now();
    let mut looks = load(&server, options, 1..=WARM_PARTS, &counts)?;
    let mut took = began.elapsed();
    let warm = quiet(&server, "10 %, quiet")?;
    let began = Instant::now();
    looks.extend(load(&server, options, WARM_PARTS + 1..=PARTS, &counts)?);
    took += began.elapsed();
    let end = quiet(&server, "the end, quiet")?;
    let rows: Vec<Vec<String>> = [&start, &warm]
        .into_iter()
        .chain(
            looks
                .iter()
                .skip(PARTS_PER_ROW as usize - 1)
                .step_by(PARTS_PER_ROW as usize),
        )
        .chain([&end])
        .map(Look::row)
        .collect();
    let header = [
        "after",
        "resident, MB",
        "descriptors",
        "threads",
        "tasks",
        "connections",
    ];
    page.say(&format!(
        "\n### What it holds\n\n{}",
        report::table(&header, &rows)
    ));
    page.say(&asked(&counts, took));
    page.say(&format!(
        "* refused by the front: {}\n",
        inside::list(&inside::ask(server.address())?.rejects())
    ));
    page.say(&verdict(&start, &warm, &end, &looks));
    Ok(())
}

/// The server before the load: it has opened what it keeps open.
fn first(server: &Server) -> Result<Look, String> {
    for path in ["/hello", SMALL, LARGE] {
        let answer = client::connect(server.address())
            .and_then(|mut stream| client::get(&mut stream, path))
            .map_err(|error| format!("{path}: {error}"))?;
        if answer.status != 200 {
            return Err(format!("{path}: status {} and not 200", answer.status));
        }
    }
    quiet(server, "the start")
}

/// Asks until these parts of all requests are through, and looks at the end of each.
fn load(
    server: &Server,
    options: &Options,
    mut parts: std::ops::RangeInclusive<u64>,
    counts: &Counts,
) -> Result<Vec<Look>, String> {
    let total = options.number("--requests");
    let upto = total * parts.end() / PARTS;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..options.number("--threads") as usize)
            .map(|thread| scope.spawn(move || mix::run(server.address(), thread, upto, counts)))
            .collect();
        let mut looks = Vec::new();
        while threads.iter().any(|thread| !thread.is_finished()) {
            thread::sleep(LOOK_EVERY);
            let requests = counts.requests();
            if parts
                .clone()
                .next()
                .is_some_and(|part| requests >= total * part / PARTS)
            {
                let part = parts.next().expect("it is there");
                looks.push(look(server, &format!("{} %", part * 100 / PARTS)));
            }
        }
        looks.into_iter().collect()
    })
}

/// Waits until the server has seen that all clients are gone.
fn quiet(server: &Server, name: &str) -> Result<Look, String> {
    let began = Instant::now();
    // One connection is that of the question.
    while inside::ask(server.address())?.number("connections") > 1 {
        if began.elapsed() > QUIET_WAIT {
            println!("there are still connections after {QUIET_WAIT:?}");
            break;
        }
        thread::sleep(LOOK_EVERY);
    }
    thread::sleep(SETTLE);
    look(server, name)
}

fn look(server: &Server, name: &str) -> Result<Look, String> {
    let inside = inside::ask(server.address())?;
    let look = Look {
        name: name.to_owned(),
        usage: server.usage(),
        tasks: inside.number("tasks"),
        connections: inside.number("connections"),
    };
    println!("{}", look.row().join("  "));
    match look.usage.threads {
        0 => Err("the server ended".to_owned()),
        _ => Ok(look),
    }
}

impl Look {
    fn row(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            format!("{:.1}", self.usage.resident_kib as f64 / 1024.0),
            self.usage.descriptors.to_string(),
            self.usage.threads.to_string(),
            self.tasks.to_string(),
            self.connections.to_string(),
        ]
    }
}

fn asked(counts: &Counts, took: Duration) -> String {
    let kinds = KINDS.iter().zip(&counts.kinds);
    let kinds = kinds.map(|(name, count)| {
        format!(
            "{name} {}",
            report::whole(count.load(Ordering::Relaxed) as f64)
        )
    });
    let requests = counts.requests() as f64;
    let mut text = format!(
        "\n* {} requests in {:.0} s, {} a second: {}\n\
         * answered with 503: {}; answered otherwise than they should be, or not: {}\n",
        report::whole(requests),
        took.as_secs_f64(),
        report::whole(requests / took.as_secs_f64()),
        kinds.collect::<Vec<_>>().join(", "),
        counts.busy.load(Ordering::Relaxed),
        counts.wrong.load(Ordering::Relaxed),
    );
    let examples = counts.examples.lock().expect("no panic");
    text.extend(
        examples
            .iter()
            .map(|example| format!("* wrong: {example}\n")),
    );
    text
}

fn verdict(start: &Look, warm: &Look, end: &Look, looks: &[Look]) -> String {
    let ratio = end.usage.resident_kib as f64 / warm.usage.resident_kib as f64;
    let (before, after) = (start.usage.descriptors, end.usage.descriptors);
    let word = |is_flat: bool| if is_flat { "flat" } else { "NOT FLAT" };
    // The first part warms up.
    let (first, second) = looks[1..].split_at(looks.len() / 2);
    let [first, second] = [first, second].map(|half| {
        let resident = half.iter().map(|look| look.usage.resident_kib as f64);
        Spread::of(&resident.collect::<Vec<_>>()).median / 1024.0
    });
    format!(
        "* descriptors {}: {before} at the start, {after} at the end; promised: the same, give or \
         take {DESCRIPTORS_OFF}\n\
         * memory {}: at the end {ratio:.2} of what it was after 10 %; promised: at most \
         {MEMORY_RATIO:.2}\n\
         * memory under load, medians: {first:.1} MB in the first half, {second:.1} MB in the second\n",
        word(before.abs_diff(after) <= DESCRIPTORS_OFF),
        word(ratio <= MEMORY_RATIO),
    )
}

//! The server is killed while it acknowledges writes.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use harmonious_bench_peers::contest::server::Entrant;
use harmonious_bench_peers::report;
use harmonious_bench_peers::trial::Page;
use harmonious_bench_peers::trial::marks::{Client, Found, Ledger, Turn};
use harmonious_bench_peers::trial::options::Options;

use crate::{Course, EXAMPLES_MAX};

/// The writes of one kill take no longer, or something hangs.
const WRITES_WAIT: Duration = Duration::from_secs(600);
const LOOK_EVERY: Duration = Duration::from_millis(1);
const END_WAIT: Duration = Duration::from_secs(10);

/// One kill, and what was there after it, of all that was acknowledged since the first one.
struct Kill {
    acknowledged: usize,
    unknown: usize,
    took: Duration,
    back: Duration,
    found: Found,
}

/// All kills with one database; whether nothing was lost.
///
/// # Errors
/// Where it could not be tried.
pub(crate) fn run(
    options: &Options,
    page: &mut Page,
    title: &str,
    entrant: &Entrant,
    course: &mut Course,
) -> Result<bool, String> {
    let mut kills = Vec::new();
    for at in 1..=options.number("--kills") {
        let kill = kill(options, entrant, course)?;
        println!(
            "{title}, kill {at}: {} acknowledged in {:.1} s; lost {}, sessions wrong {}",
            kill.acknowledged,
            kill.took.as_secs_f64(),
            kill.found.lost,
            kill.found.wrong_sessions
        );
        kills.push(kill);
    }
    page.say(&told_of_kills(title, &kills, &course.ledger));
    Ok(kills.iter().all(|kill| kill.found.is_all()))
}

fn kill(options: &Options, entrant: &Entrant, course: &mut Course) -> Result<Kill, String> {
    let Course { next, ledger } = course;
    let next = &*next;
    let writes = options.number("--writes");
    let wanted = writes + random(writes / 10 + 1);
    let mut server = entrant.start()?;
    let (killed, done) = (&AtomicBool::new(false), &AtomicU64::new(0));
    let (address, began) = (server.address(), Instant::now());
    let clients = options.number("--connections");
    let (ended, took, of_all) = thread::scope(|scope| {
        let clients = (0..clients).map(|_| scope.spawn(move || write(address, next, killed, done)));
        let clients: Vec<_> = clients.collect();
        while done.load(Ordering::SeqCst) < wanted
            && !killed.load(Ordering::SeqCst)
            && began.elapsed() < WRITES_WAIT
        {
            thread::sleep(LOOK_EVERY);
        }
        let took = began.elapsed();
        // First, so that no connection that ends by it counts as ended without one.
        killed.store(true, Ordering::SeqCst);
        let ended = server.kill().and_then(|()| server.wait_end(END_WAIT));
        let joined = clients.into_iter().map(|client| client.join());
        let of_all: Vec<_> = joined.map(|client| client.expect("no panic")).collect();
        (ended, took, of_all)
    });
    let ended = ended.map_err(|error| format!("the kill: {error}"))?;
    ended.ok_or("the server does not end by SIGKILL")?;
    let mut now = Ledger::default();
    for client in of_all {
        now.add(client?);
    }
    let (acknowledged, unknown) = (now.acknowledged.len(), now.unknown);
    if (acknowledged as u64) < wanted {
        return Err(format!(
            "{acknowledged} of {wanted} acknowledged in {took:?}"
        ));
    }
    ledger.add(now);
    let began = Instant::now();
    let server = entrant.start()?;
    let back = began.elapsed();
    let found = Found::look(server.address(), ledger, next.load(Ordering::SeqCst))?;
    Ok(Kill {
        acknowledged,
        unknown,
        took,
        back,
        found,
    })
}

/// Sends numbers until the server is killed.
fn write(
    server: SocketAddr,
    next: &AtomicI64,
    killed: &AtomicBool,
    done: &AtomicU64,
) -> Result<Ledger, String> {
    let mut client = Client::new(server, next);
    loop {
        let failed = match client.send() {
            Turn::Done => {
                done.fetch_add(1, Ordering::SeqCst);
                continue;
            }
            Turn::Cut(_) if killed.load(Ordering::SeqCst) => return Ok(client.ledger),
            Turn::Cut(why) => format!("no answer before the kill: {why}"),
            Turn::Refused => "503 from a server that had little to do".to_owned(),
            Turn::Wrong(what) => format!("a wrong answer: {what}"),
        };
        killed.store(true, Ordering::SeqCst); // nobody need wait for the rest
        return Err(failed);
    }
}

fn told_of_kills(title: &str, kills: &[Kill], ledger: &Ledger) -> String {
    let rows = kills.iter().enumerate().map(|(at, kill)| {
        let found = &kill.found;
        let numbers = [
            kill.acknowledged,
            kill.unknown,
            found.lost,
            found.twice,
            found.strange,
            found.sessions,
            found.wrong_sessions,
        ];
        let times = [kill.took, kill.back].map(|time| format!("{:.2}", time.as_secs_f64()));
        let [took, back] = times;
        let numbers = numbers.map(|number| report::whole(number as f64));
        [(at + 1).to_string(), took]
            .into_iter()
            .chain(numbers)
            .chain([back])
            .collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let header = [
        "kill",
        "after, s",
        "acknowledged",
        "unanswered",
        "rows lost",
        "twice",
        "sent by nobody",
        "sessions",
        "of them wrong",
        "started again in, s",
    ];
    let sum = |of: fn(&Found) -> usize| kills.iter().map(|kill| of(&kill.found)).sum::<usize>();
    let mut text = format!(
        "\n### {title}: the server is killed\n\n\
         After each kill all rows and sessions are looked at, since the first one.\n\n{}\n\
         * {} writes acknowledged, each a row and a session's value; {} sent and not answered\n\
         * lost {} rows, {} sessions; promised: 0; written twice {}, sent by nobody {}; promised: 0\n",
        report::table(&header, &rows),
        report::whole(ledger.acknowledged.len() as f64),
        ledger.unknown,
        sum(|found| found.lost),
        sum(|found| found.wrong_sessions),
        sum(|found| found.twice),
        sum(|found| found.strange),
    );
    let examples = kills.iter().flat_map(|kill| &kill.found.examples);
    text.extend(
        examples
            .take(EXAMPLES_MAX)
            .map(|example| format!("* wrong: {example}\n")),
    );
    text
}

/// Below `bound`, which is above 0; another one each time.
fn random(bound: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = now.map_or(0, |now| u64::from(now.subsec_nanos()));
    // Knuth's linear congruential generator; its upper bits are the better ones.
    let mixed = nanos.wrapping_mul(6_364_136_223_846_793_005);
    (mixed >> 33) % bound
}

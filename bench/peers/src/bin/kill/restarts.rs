//! The database is restarted while the server answers.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::server::Entrant;
use harmonious_bench_peers::report;
use harmonious_bench_peers::trial::Page;
use harmonious_bench_peers::trial::marks::{Client, Found, Ledger, Turn};
use harmonious_bench_peers::trial::options::Options;
use harmonious_bench_peers::trial::postgres::{self, Postgres};

use crate::{Course, EXAMPLES_MAX};

/// Load before PostgreSQL ends and after its return.
const BEFORE: Duration = Duration::from_secs(1);
const AFTER: Duration = Duration::from_secs(4);
/// What is promised: from the return of the database to the last refusal.
const RECOVERY_MAX: Duration = Duration::from_secs(2);

/// One answer, with the moments of its request and of itself.
struct Event {
    asked: Instant,
    answered: Instant,
    turn: Turn,
}

/// One restart of the database.
struct Restart {
    by_kill: bool,
    /// When it had ended, when its start began, and when it took its first client.
    ended: Instant,
    starting: Instant,
    back: Instant,
    events: Vec<Event>,
    found: Found,
}

/// All restarts; whether all was answered as it should be.
///
/// # Errors
/// Where it could not be tried.
pub(crate) fn run(
    options: &Options,
    page: &mut Page,
    postgres: &Postgres,
    entrant: &Entrant,
    course: &mut Course,
) -> Result<bool, String> {
    let server = entrant.start()?;
    let database = (postgres, postgres::address(&postgres.start()?)?);
    let mut restarts = Vec::new();
    for at in 0..options.number("--restarts") {
        let restart = restart(options, database, server.address(), course, at % 2 == 1)?;
        println!(
            "restart {}: well {:.2} s after the return",
            at + 1,
            restart.recovery().as_secs_f64()
        );
        restarts.push(restart);
    }
    page.say(&told_of_restarts(&restarts));
    Ok(restarts.iter().all(Restart::is_as_promised))
}

fn restart(
    options: &Options,
    database: (&Postgres, SocketAddr),
    server: SocketAddr,
    course: &mut Course,
    by_kill: bool,
) -> Result<Restart, String> {
    let over = &AtomicBool::new(false);
    let next = &course.next;
    let (moments, of_all) = thread::scope(|scope| {
        let clients = (0..options.number("--connections"))
            .map(|_| scope.spawn(move || send_and_look(server, next, over)));
        let clients: Vec<_> = clients.collect();
        thread::sleep(BEFORE);
        let moments = away_and_back(options, database, by_kill);
        over.store(true, Ordering::SeqCst);
        let joined = clients.into_iter().map(|client| client.join());
        let of_all: Vec<_> = joined.map(|client| client.expect("no panic")).collect();
        (moments, of_all)
    });
    let [ended, starting, back] = moments?;
    let mut events = Vec::new();
    for (ledger, of_one) in of_all {
        course.ledger.add(ledger);
        events.extend(of_one);
    }
    let found = Found::look(server, &course.ledger, course.next.load(Ordering::SeqCst))?;
    Ok(Restart {
        by_kill,
        ended,
        starting,
        back,
        events,
        found,
    })
}

/// When the database had ended, when its start began, and when it took its first client.
fn away_and_back(
    options: &Options,
    (postgres, address): (&Postgres, SocketAddr),
    by_kill: bool,
) -> Result<[Instant; 3], String> {
    postgres.stop(by_kill)?;
    let ended = Instant::now();
    thread::sleep(Duration::from_millis(options.number("--away-ms")));
    let starting = Instant::now();
    let back = postgres.start_again(address)?;
    thread::sleep(AFTER);
    Ok([ended, starting, back])
}

/// Sends numbers and looks at sessions in turn, whatever is answered.
fn send_and_look(server: SocketAddr, next: &AtomicI64, over: &AtomicBool) -> (Ledger, Vec<Event>) {
    let mut client = Client::new(server, next);
    let mut events = Vec::new();
    while !over.load(Ordering::SeqCst) {
        for turn in [Client::send, Client::look] {
            let asked = Instant::now();
            let turn = turn(&mut client);
            events.push(Event {
                asked,
                answered: Instant::now(),
                turn,
            });
        }
    }
    (client.ledger, events)
}

impl Restart {
    fn count(&self, is_so: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| is_so(event)).count()
    }

    fn done(&self) -> usize {
        self.count(|event| event.turn == Turn::Done)
    }

    fn refused(&self) -> usize {
        self.count(|event| event.turn == Turn::Refused)
    }

    /// Neither right nor 503 with a time to come again, or right where nothing could be known.
    fn wrong(&self) -> impl Iterator<Item = String> + '_ {
        self.events.iter().filter_map(|event| match &event.turn {
            Turn::Done if event.asked > self.ended && event.answered < self.starting => {
                Some("200 while the database was away".to_owned())
            }
            Turn::Done | Turn::Refused => None,
            Turn::Cut(why) => Some(format!("no answer: {why}")),
            Turn::Wrong(what) => Some(what.clone()),
        })
    }

    /// From the return of the database to the last answer that was no good one.
    fn recovery(&self) -> Duration {
        let bad = self.events.iter().filter(|event| event.turn != Turn::Done);
        let last = bad.map(|event| event.answered).max();
        last.map_or(Duration::ZERO, |last| {
            last.saturating_duration_since(self.back)
        })
    }

    /// From the return of the database to the first good answer.
    fn first_good(&self) -> Duration {
        let good = self.events.iter().filter(|event| {
            event.turn == Turn::Done && event.asked > self.ended && event.answered > self.starting
        });
        let first = good.map(|event| event.answered).min();
        first.map_or(AFTER, |first| first.saturating_duration_since(self.back))
    }

    fn slowest(&self) -> Duration {
        let times = self.events.iter();
        let times = times.map(|event| event.answered.duration_since(event.asked));
        times.max().unwrap_or_default()
    }

    fn is_as_promised(&self) -> bool {
        let is_well = self.recovery() <= RECOVERY_MAX && self.first_good() <= RECOVERY_MAX;
        is_well && self.wrong().next().is_none() && self.found.is_all()
    }
}

fn told_of_restarts(restarts: &[Restart]) -> String {
    let rows = restarts.iter().map(|restart| {
        let numbers = [
            restart.done(),
            restart.refused(),
            restart.wrong().count(),
            restart.found.lost + restart.found.twice + restart.found.strange,
            restart.found.wrong_sessions,
        ];
        let times = [
            restart.back - restart.starting,
            restart.first_good(),
            restart.recovery(),
            restart.slowest(),
        ];
        let way = match restart.by_kill {
            true => "SIGKILL",
            false => "pg_ctl, immediate",
        };
        let numbers = numbers.map(|number| report::whole(number as f64));
        let times = times.map(|time| format!("{:.2}", time.as_secs_f64()));
        [way.to_owned()]
            .into_iter()
            .chain(numbers)
            .chain(times)
            .collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let header = [
        "ended by",
        "right",
        "503 with Retry-After",
        "others",
        "rows lost or wrong",
        "sessions wrong",
        "its start took, s",
        "then first right, s",
        "last 503, s",
        "slowest answer, s",
    ];
    let wrong: Vec<String> = restarts.iter().flat_map(Restart::wrong).collect();
    let last = restarts.iter().map(Restart::recovery).max();
    let mut text = format!(
        "\n### PostgreSQL is restarted under load\n\n{}\n\
         * answers that were neither right nor 503 with Retry-After, no answers among them: {}; promised: 0\n\
         * from the return of the database to the last 503: {:.2} s at most; promised: {} s\n",
        report::table(&header, &rows),
        wrong.len(),
        last.unwrap_or_default().as_secs_f64(),
        RECOVERY_MAX.as_secs(),
    );
    let found = restarts.iter().flat_map(|restart| &restart.found.examples);
    let examples = wrong.iter().chain(found).take(EXAMPLES_MAX);
    text.extend(examples.map(|example| format!("* wrong: {example}\n")));
    text
}

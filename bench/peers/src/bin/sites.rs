//! Two sites in one server, alike in all names: does anything of one ever answer for the other?
#![forbid(unsafe_code)]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client::{Answer, Kept};
use harmonious_bench_peers::report;
use harmonious_bench_peers::sites::{self, Site};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::twins::{KINDS, MARKS, Question, files};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "sites";

const ABOUT: &str = "\
Serves two sites with other hosts and the same paths, modules, templates, package and crate names, and
asks both over the same connections, each request with a cookie of its own. Every answer must be, byte
for byte, the one of its site and of its cookie. All modules are loaded before it begins.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--requests",
        default: 100_000,
        about: "in all",
    },
    Number {
        name: "--connections",
        default: 16,
        about: "clients, each with one connection",
    },
];

const PATIENCE: Duration = Duration::from_secs(10);
/// The number of the client that asks for everything once, before the others do.
const WARM_UP_CLIENT: u64 = 999_999;
/// So much of what was wrong is described.
const EXAMPLES_MAX: usize = 8;

/// What the clients saw: for each kind of request and each site, how many, and how many were wrong.
#[derive(Default)]
struct Count {
    asked: [[u64; MARKS.len()]; KINDS.len()],
    wrong: [[u64; MARKS.len()]; KINDS.len()],
    /// Answered by no site, because too many requests waited.
    busy: u64,
    examples: Vec<String>,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let make = |mark: &&str| {
        let site = Site::make(
            &format!("{NAME}-{mark}"),
            "harmonious-bench-twin",
            &files(mark),
        )?;
        site.build(&options.harmonious)?;
        Ok(site)
    };
    let twins: Vec<Site> = MARKS.iter().map(make).collect::<Result<_, String>>()?;
    let twins: Vec<&Site> = twins.iter().collect();
    let flags = ["--access-log", "off"];
    let entrant = sites::entrant(NAME, &options.harmonious, "serve", &twins, &flags);
    let server = entrant.start()?;
    let mut count = Count::default();
    let mut kept = Kept::new(server.address(), PATIENCE);
    for (kind, site) in (0..KINDS.len()).flat_map(|kind| [(kind, 0), (kind, 1)]) {
        count.ask(&mut kept, kind, site, WARM_UP_CLIENT, 0);
    }
    let began = Instant::now();
    let asked = ask_all(options, server.address());
    let took = began.elapsed();
    count.add(asked);
    page.say(&section(&count, took));
    match sum(&count.wrong) {
        0 => Ok(()),
        wrong => Err(format!("{wrong} answers were not as promised")),
    }
}

fn ask_all(options: &Options, server: SocketAddr) -> Count {
    let (requests, clients) = (
        options.number("--requests"),
        options.number("--connections"),
    );
    thread::scope(|scope| {
        let threads = (0..clients).map(|client| {
            let share = requests / clients + u64::from(client < requests % clients);
            scope.spawn(move || ask_share(server, client, share))
        });
        let threads: Vec<_> = threads.collect();
        let mut count = Count::default();
        for thread in threads {
            count.add(thread.join().expect("no panic"));
        }
        count
    })
}

/// What one client asks for, in an order that looks random and is the same in every run.
fn ask_share(server: SocketAddr, client: u64, share: u64) -> Count {
    let mut count = Count::default();
    let mut kept = Kept::new(server, PATIENCE);
    let mut random = client;
    for number in 0..share {
        // Knuth's linear congruential generator; its upper bits are the better ones.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (kind, site) = (
            (random >> 33) as usize % KINDS.len(),
            (random >> 60) as usize % 2,
        );
        count.ask(&mut kept, kind, site, client, number);
    }
    count
}

fn wrong(question: &Question, answer: std::io::Result<Answer>) -> Option<String> {
    let found = match answer {
        Ok(answer) => question.wrong(&answer)?,
        Err(error) => error.to_string(),
    };
    Some(format!(
        "{}: {found}",
        question.request().trim_end().replace("\r\n", ", ")
    ))
}

fn section(count: &Count, took: Duration) -> String {
    let number = |value: u64| report::whole(value as f64);
    let rows = KINDS.iter().enumerate().map(|(at, kind)| {
        let wrong = count.wrong[at].iter().sum::<u64>();
        let asked = count.asked[at].iter().map(|asked| number(*asked));
        let cells = asked.chain([number(wrong)]);
        [kind.title.to_owned()].into_iter().chain(cells).collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let header = [&["what is asked for"], &MARKS[..], &["wrong"]].concat();
    let mut text = format!(
        "\n### Two sites, alike in all names\n\n{}\n\
         * {} requests in {:.1} s; answered otherwise than by their own site and cookie: {}; \
         promised: 0\n\
         * answered by neither, with 503: {}\n",
        report::table(&header, &rows),
        number(sum(&count.asked)),
        took.as_secs_f64(),
        sum(&count.wrong),
        count.busy,
    );
    let examples = count.examples.iter();
    text.extend(examples.map(|example| format!("* wrong: {example}\n")));
    text
}

fn sum(counts: &[[u64; MARKS.len()]; KINDS.len()]) -> u64 {
    counts.iter().flatten().sum()
}

impl Count {
    /// Asks and counts.
    fn ask(&mut self, kept: &mut Kept, kind: usize, site: usize, client: u64, number: u64) {
        let question = Question::new(kind, site, client, number);
        let answer = kept.ask(question.request().as_bytes());
        self.asked[kind][site] += 1;
        if matches!(&answer, Ok(answer) if answer.status == 503 && !Question::is_marked(answer)) {
            self.busy += 1;
        } else if let Some(wrong) = wrong(&question, answer) {
            self.wrong[kind][site] += 1;
            self.tell(wrong);
        }
    }

    fn add(&mut self, other: Count) {
        let pairs = [
            (&mut self.asked, other.asked),
            (&mut self.wrong, other.wrong),
        ];
        for (mine, theirs) in pairs {
            let cells = mine.iter_mut().flatten().zip(theirs.iter().flatten());
            cells.for_each(|(mine, theirs)| *mine += theirs);
        }
        self.busy += other.busy;
        other.examples.into_iter().for_each(|text| self.tell(text));
    }

    fn tell(&mut self, example: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }
}

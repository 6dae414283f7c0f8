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
for byte, the one of its site and of its cookie.
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
/// So much of what was wrong is described.
const EXAMPLES_MAX: usize = 8;

/// What the clients saw: for each kind of request and each site, how many, and how many were wrong.
#[derive(Default)]
struct Count {
    asked: [[u64; MARKS.len()]; KINDS.len()],
    wrong: [[u64; MARKS.len()]; KINDS.len()],
    examples: Vec<String>,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let make = |mark: &&str| {
        let site = Site::make(&format!("{NAME}-{mark}"), "twin", &files(mark))?;
        site.build(&options.harmonious)?;
        Ok(site)
    };
    let twins: Vec<Site> = MARKS.iter().map(make).collect::<Result<_, String>>()?;
    let twins: Vec<&Site> = twins.iter().collect();
    let flags = ["--access-log", "off"];
    let entrant = sites::entrant(NAME, &options.harmonious, "serve", &twins, &flags);
    let server = entrant.start()?;
    let began = Instant::now();
    let count = ask_all(options, server.address());
    page.say(&section(&count, began.elapsed()));
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
        let question = Question::new(kind, site, client, number);
        let answer = kept.ask(question.request().as_bytes());
        count.asked[kind][site] += 1;
        if let Some(wrong) = wrong(&question, answer) {
            count.wrong[kind][site] += 1;
            count.tell(wrong);
        }
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
         promised: 0\n",
        report::table(&header, &rows),
        number(sum(&count.asked)),
        took.as_secs_f64(),
        sum(&count.wrong),
    );
    let examples = count.examples.iter();
    text.extend(examples.map(|example| format!("* wrong: {example}\n")));
    text
}

fn sum(counts: &[[u64; MARKS.len()]; KINDS.len()]) -> u64 {
    counts.iter().flatten().sum()
}

impl Count {
    fn add(&mut self, other: Count) {
        let pairs = [
            (&mut self.asked, other.asked),
            (&mut self.wrong, other.wrong),
        ];
        for (mine, theirs) in pairs {
            let cells = mine.iter_mut().flatten().zip(theirs.iter().flatten());
            cells.for_each(|(mine, theirs)| *mine += theirs);
        }
        other.examples.into_iter().for_each(|text| self.tell(text));
    }

    fn tell(&mut self, example: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }
}

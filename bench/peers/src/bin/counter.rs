//! Two hundred visitors of the counter in `sites/hello`, whose state lives in the memory of the server
//! only: does each see its own count, all of it, in order?
#![forbid(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use harmonious_bench_peers::contest::client::{Answer, Kept};
use harmonious_bench_peers::report;
use harmonious_bench_peers::sites::{self, Site};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page};

const NAME: &str = "counter";

const ABOUT: &str = "\
Serves the starter with the page /counter/ of sites/hello, and asks for it as so many browsers, each with a session and
two connections of its own: clicks, looks, and two of them at once. Each look must show the browser's own
clicks, all of them; a look at the same time as a click shows one more or not.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--requests",
        default: 100_000,
        about: "in all",
    },
    Number {
        name: "--clients",
        default: 200,
        about: "browsers, each with a session",
    },
];

/// What the starter leaves out of `sites/hello`.
const FILES: [(&str, &str); 2] = [
    (
        "domains/counter/index.rs",
        include_str!("../../../../sites/hello/domains/counter/index.rs"),
    ),
    (
        "domains/counter/index.html",
        include_str!("../../../../sites/hello/domains/counter/index.html"),
    ),
];

const PATIENCE: Duration = Duration::from_secs(10);
/// How often a request is sent again that the server had no room for.
const TRIES_MAX: u32 = 100;
/// So much of what was wrong is described.
const EXAMPLES_MAX: usize = 8;

/// What the clients saw.
#[derive(Default)]
struct Count {
    clicks: u64,
    looks: u64,
    /// Of both, those that were sent while another one of the same browser was under way.
    at_once: u64,
    wrong: u64,
    /// 503, after which the request was sent again.
    busy: u64,
    examples: Vec<String>,
}

/// One browser.
struct Browser {
    name: u64,
    first: Kept,
    second: Kept,
    cookie: String,
    token: String,
    /// How often it clicked.
    clicked: u64,
    count: Count,
}

/// What came of one request that was not sent in vain.
struct Seen {
    answer: io::Result<Answer>,
    busy: u64,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let files = FILES.map(|(path, text)| (path.to_owned(), text.to_owned()));
    let site = Site::starter(&options.harmonious, NAME, &files)?;
    site.build(&options.harmonious)?;
    let flags = ["--access-log", "off", "--max-per-address", "2000"];
    let entrant = sites::entrant(NAME, &options.harmonious, "serve", &[&site], &flags);
    let server = entrant.start()?;
    let began = Instant::now();
    let count = ask_all(options, server.address())?;
    page.say(&section(options, &count, began.elapsed()));
    match count.wrong {
        0 => Ok(()),
        wrong => Err(format!("{wrong} answers were not as promised")),
    }
}

fn ask_all(options: &Options, server: SocketAddr) -> Result<Count, String> {
    let (requests, clients) = (options.number("--requests"), options.number("--clients"));
    thread::scope(|scope| {
        let threads = (0..clients).map(|name| {
            let share = requests / clients + u64::from(name < requests % clients);
            scope.spawn(move || Browser::begin(name, server).map(|browser| browser.ask_all(share)))
        });
        let threads: Vec<_> = threads.collect();
        let mut count = Count::default();
        for thread in threads {
            count.add(thread.join().expect("no panic")?);
        }
        Ok(count)
    })
}

impl Browser {
    /// Clicks once, which gives it a session, and takes the token that its forms carry.
    fn begin(name: u64, server: SocketAddr) -> Result<Browser, String> {
        let mut browser = Browser {
            name,
            first: Kept::new(server, PATIENCE),
            second: Kept::new(server, PATIENCE),
            cookie: String::new(),
            token: String::new(),
            clicked: 1,
            count: Count::default(),
        };
        let failed = |error: String| format!("browser {name} cannot begin: {error}");
        let click = browser.click();
        let clicked = ask(&mut browser.first, &click);
        let clicked = clicked.answer.map_err(|error| failed(error.to_string()))?;
        let cookie = clicked
            .field("set-cookie")
            .and_then(|set| set.split(';').next());
        browser.cookie = cookie
            .map(str::to_owned)
            .ok_or_else(|| failed(format!("no session after a click: {}", clicked.head)))?;
        let look = browser.look();
        let looked = ask(&mut browser.first, &look);
        let looked = looked.answer.map_err(|error| failed(error.to_string()))?;
        let body = String::from_utf8_lossy(&looked.body);
        let token = between(&body, "name=\"csrf_token\" value=\"", "\"");
        browser.token = token
            .map(str::to_owned)
            .ok_or_else(|| failed(format!("no token in {body}")))?;
        browser.check_look(Ok(looked), 1..=1);
        browser.count = Count {
            clicks: 1,
            looks: 1,
            ..Count::default()
        };
        Ok(browser)
    }

    /// So many requests, in an order that looks random and is the same in every run.
    fn ask_all(mut self, share: u64) -> Count {
        let mut random = self.name;
        while self.count.clicks + self.count.looks < share {
            // Knuth's linear congruential generator; its upper bits are the better ones.
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            match (random >> 33) % 8 {
                0..=2 => self.look_once(),
                3..=5 => self.click_once(),
                6 => self.click_and_look(),
                _ => self.click_twice(),
            }
        }
        self.look_once();
        self.count
    }

    fn look_once(&mut self) {
        let look = self.look();
        let seen = ask(&mut self.second, &look);
        let clicked = self.clicked;
        self.looked(seen, clicked..=clicked);
    }

    fn click_once(&mut self) {
        let click = self.click();
        let seen = ask(&mut self.first, &click);
        self.was_clicked(seen);
    }

    /// Both at once: the look shows one more or not.
    fn click_and_look(&mut self) {
        let before = self.clicked;
        let (click, look) = (self.click(), self.look());
        let (clicked, looked) = self.both(&click, &look);
        self.was_clicked(clicked);
        self.looked(looked, before..=before + 1);
        self.count.at_once += 2;
    }

    fn click_twice(&mut self) {
        let click = self.click();
        let (one, other) = self.both(&click, &click);
        self.was_clicked(one);
        self.was_clicked(other);
        self.count.at_once += 2;
    }

    fn both(&mut self, one: &str, other: &str) -> (Seen, Seen) {
        let (first, second) = (&mut self.first, &mut self.second);
        thread::scope(|scope| {
            let other = scope.spawn(|| ask(second, other));
            (ask(first, one), other.join().expect("no panic"))
        })
    }

    fn looked(&mut self, seen: Seen, right: std::ops::RangeInclusive<u64>) {
        self.count.looks += 1;
        self.count.busy += seen.busy;
        self.check_look(seen.answer, right);
    }

    fn check_look(&mut self, answer: io::Result<Answer>, right: std::ops::RangeInclusive<u64>) {
        let told = answer
            .map_err(|error| error.to_string())
            .and_then(|answer| {
                let body = String::from_utf8_lossy(&answer.body).into_owned();
                let told =
                    between(&body, "<output>", "</output>").and_then(|text| text.parse().ok());
                told.ok_or(format!("{}{body}", answer.head))
            });
        match told {
            Ok(told) if right.contains(&told) => {}
            Ok(told) => self.wrong(&format!("it shows {told}, not {right:?}")),
            Err(error) => self.wrong(&error),
        }
    }

    fn was_clicked(&mut self, seen: Seen) {
        self.count.clicks += 1;
        self.count.busy += seen.busy;
        match seen.answer {
            Ok(answer) if answer.status == 303 => self.clicked += 1,
            Ok(answer) => self.wrong(&format!("a click was answered with {}", answer.head)),
            Err(error) => self.wrong(&error.to_string()),
        }
    }

    fn wrong(&mut self, what: &str) {
        self.count.wrong += 1;
        self.count.tell(format!("browser {}: {what}", self.name));
    }

    fn look(&self) -> String {
        format!(
            "GET /counter/ HTTP/1.1\r\nHost: bench\r\nCookie: {}\r\n\r\n",
            self.cookie
        )
    }

    fn click(&self) -> String {
        let body = format!("csrf_token={}", self.token);
        format!(
            "POST /counter/ HTTP/1.1\r\nHost: bench\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.cookie,
            body.len()
        )
    }
}

/// Asks until the server has room for it.
fn ask(kept: &mut Kept, request: &str) -> Seen {
    let mut busy = 0;
    loop {
        let answer = kept.ask(request.as_bytes());
        match &answer {
            Ok(answer) if answer.status == 503 && busy < u64::from(TRIES_MAX) => busy += 1,
            _ => return Seen { answer, busy },
        }
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

fn section(options: &Options, count: &Count, took: Duration) -> String {
    let number = |value: u64| report::whole(value as f64);
    let asked = count.clicks + count.looks;
    let mut text = format!(
        "\n### Counts of {} browsers in the server's memory\n\n\
         * {} requests in {:.1} s: {} clicks and {} looks, {} of them while another one of the same \
         browser was under way\n\
         * answered otherwise than with the browser's own count, all of it, in order: {}; promised: 0\n\
         * had to be sent again after a 503: {}\n",
        number(options.number("--clients")),
        number(asked),
        took.as_secs_f64(),
        number(count.clicks),
        number(count.looks),
        number(count.at_once),
        count.wrong,
        count.busy,
    );
    let examples = count.examples.iter();
    text.extend(examples.map(|example| format!("* wrong: {example}\n")));
    text
}

impl Count {
    fn add(&mut self, other: Count) {
        self.clicks += other.clicks;
        self.looks += other.looks;
        self.at_once += other.at_once;
        self.wrong += other.wrong;
        self.busy += other.busy;
        other.examples.into_iter().for_each(|text| self.tell(text));
    }

    fn tell(&mut self, example: String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(example);
        }
    }
}

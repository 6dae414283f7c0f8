//! Our server killed while it acknowledges writes, and its database restarted: is all there that was
//! acknowledged, and is nothing answered but what is so?
#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicI64;

use harmonious_bench_peers::sites::{self, Site};
use harmonious_bench_peers::trial::marks::{self, Ledger};
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::postgres::Postgres;
use harmonious_bench_peers::trial::{self, Page};

mod kills;
mod restarts;

const NAME: &str = "kill";

/// More than there are clients: whether the pool refuses is measured by other trials.
const POLICY: &str = "fixed:64";
/// So much of what was wrong is described.
const EXAMPLES_MAX: usize = 5;

const ABOUT: &str = "\
Clients send numbers to a site that keeps each of them twice: one insert, one write into the session of
the visitor. At a random moment our server is killed (SIGKILL) and started again on the same database:
every row that was acknowledged must be there, once, and every session must have its last acknowledged
number, or a later one that was sent. With SQLite, then with PostgreSQL, which writes to the disk as in
earnest. Then PostgreSQL is ended and started again, at once and by SIGKILL in turn, under the same load
and looks at the sessions: every answer must be right, or 503 with Retry-After.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--kills",
        default: 10,
        about: "of our server, with each database",
    },
    Number {
        name: "--writes",
        default: 10_000,
        about: "acknowledged before each kill, at least; a tenth more at most",
    },
    Number {
        name: "--connections",
        default: 16,
        about: "clients, each with one connection",
    },
    Number {
        name: "--restarts",
        default: 4,
        about: "of PostgreSQL",
    },
    Number {
        name: "--away-ms",
        default: 1_000,
        about: "between its end and its start, in milliseconds",
    },
];

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let (site, flags) = (
        site("sqlite", "", &options.harmonious)?,
        ["--policy", POLICY, "--access-log", "off"],
    );
    let entrant = |site| sites::entrant(NAME, &options.harmonious, "serve", &[site], &flags);
    let mut holds = kills::run(
        options,
        page,
        "SQLite",
        &entrant(&site),
        &mut Course::default(),
    )?;
    let postgres = Postgres::new();
    let site = self::site("postgres", &postgres.start()?, &options.harmonious)?;
    let (entrant, mut course) = (entrant(&site), Course::default());
    holds &= kills::run(options, page, "PostgreSQL", &entrant, &mut course)?;
    holds &= restarts::run(options, page, &postgres, &entrant, &mut course)?;
    match holds {
        true => Ok(()),
        false => Err("not all of it is as promised".to_owned()),
    }
}

/// The site with a database of that URL, or its own SQLite.
fn site(folder: &str, url: &str, harmonious: &Path) -> Result<Site, String> {
    let mut files = marks::files()?;
    let secrets = match url {
        "" => String::new(),
        url => format!("database-url = {url:?}\n"),
    };
    files.push(("secrets.toml".to_owned(), secrets));
    let site = Site::make(&format!("{NAME}-{folder}"), "harmonious-bench-kill", &files)?;
    site.build(harmonious)?;
    Ok(site)
}

/// What a database was sent since it was made.
#[derive(Default)]
struct Course {
    /// The next number; they begin at 0.
    next: AtomicI64,
    ledger: Ledger,
}

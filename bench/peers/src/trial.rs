//! Our server alone, under what it must withstand: more than it can do, nothing that it can do, its
//! own end, millions of requests. Each program in `src/bin` is one trial and fills one [`Page`].

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::ExitCode;

use crate::contest::entrants::OURS;
use crate::contest::server::{self, Entrant};
use crate::report;

pub mod options;

pub mod clients;
pub mod mix;
pub mod refusals;
pub mod requests;
pub mod traffic;

pub mod inside;
pub mod wire;

pub mod twins;
pub mod versions;

pub mod marks;
pub mod postgres;

use options::{Number, Options};

/// What a trial says: printed as it comes, and kept for `bench/RESULTS.md`.
pub struct Page(String);

impl Page {
    /// Says something.
    pub fn say(&mut self, text: &str) {
        print!("{text}");
        self.0 += text;
    }
}

/// The `main` of a trial: reads the command line, runs, and writes the page where that is asked for.
pub fn main(
    name: &str,
    about: &str,
    numbers: &[Number],
    run: impl FnOnce(&Options, &mut Page) -> Result<(), String>,
) -> ExitCode {
    let options = Options::read(name, about, numbers);
    server::raise_descriptor_limit();
    let mut page = Page(String::new());
    let facts = report::facts();
    page.say(&format!("## {name}\n\n{facts}; {}\n", options.facts()));
    let ran = run(&options, &mut page).and_then(|()| {
        if options.write {
            let path = report::write(name, &page.0);
            let path = path.map_err(|error| format!("bench/RESULTS.md: {error}"))?;
            println!("\nwritten to {}", path.display());
        }
        Ok(())
    });
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Our server with these flags.
pub fn ours(app: &Path, flags: &[&str]) -> Entrant {
    Entrant::announcing(OURS, app, flags)
}

/// Addresses of so many clients: 127.0.`net`.1 and those that follow.
///
/// # Panics
/// Where there are more than 254.
pub fn addresses(net: u8, count: usize) -> Vec<Ipv4Addr> {
    assert!(count <= 254, "a net of clients has 254 addresses");
    let hosts = 1..=count as u8;
    hosts.map(|host| Ipv4Addr::new(127, 0, net, host)).collect()
}

/// `; promised: ...` where something is.
pub fn promise(is_promised: bool, what: &str) -> String {
    match is_promised {
        true => format!("; promised: {what}"),
        false => String::new(),
    }
}

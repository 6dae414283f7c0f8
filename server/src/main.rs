//! The server `harmonious`: it reads the command line and does what it says.
#![forbid(unsafe_code)]

mod cli;
mod failure;
mod settings;

mod serve;
mod site;
mod stop;
mod sys;

mod control;
mod exposition;
mod live;
mod metrics;
mod pool_json;
mod why;

mod log;
mod reporter;

mod client;
mod status;
mod status_page;

use std::io::Write;
use std::process::ExitCode;

use cli::Invocation;
use failure::Failure;

/// Buffers are taken on one thread and freed on another, and threads come and go: this allocator
/// gives memory back in that pattern, and does not keep an arena for each of some hundred threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(invocation: Invocation) -> Result<(), Failure> {
    match invocation {
        Invocation::Print(text) => {
            print(&text);
            Ok(())
        }
        Invocation::Serve(site) => serve::serve(&site),
        Invocation::Config(site) => {
            print(&site.settings.to_string());
            Ok(())
        }
        Invocation::Status(wanted) => status::status(&wanted).map(|text| print(&text)),
    }
}

/// Writes to standard output. A reader that has gone away is no failure of ours.
fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

//! The server `harmonious`: it reads the command line and does what it says.
#![forbid(unsafe_code)]

mod cli;
mod failure;
mod settings;

mod build;
mod commands;
mod confine;
mod dev;
mod new;
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
        Invocation::Serve(served) => serve::serve(&served),
        Invocation::Dev(served) => serve::dev(&served),
        Invocation::Config(served) => {
            print(&served.settings.to_string());
            Ok(())
        }
        Invocation::New(new) => commands::new(&new),
        Invocation::Build { site, release } => commands::build(&site, release),
        Invocation::Routes { site, json } => commands::routes(&site, json),
        Invocation::Explain(asked) => commands::explain(&asked),
        Invocation::Check { site, json } => commands::check(&site, json),
        Invocation::Probe { site, keys } => commands::probe(&site, &keys),
        Invocation::Confined(dir) => confine::confined(&dir),
        Invocation::Render(asked) => commands::render(&asked),
        Invocation::Task(asked) => commands::task(&asked),
        Invocation::Convert { file } => commands::convert(&file),
        Invocation::Db(asked) => commands::db(&asked),
        Invocation::Keys(asked) => commands::keys(&asked),
        Invocation::Css => {
            commands::css();
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

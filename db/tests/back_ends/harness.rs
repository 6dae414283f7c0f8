//! Runs the cases on some threads and counts them as the usual harness does.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use harmonious_db::Backend;

use crate::servers::Servers;
use crate::stage::Stage;

/// A test: its name and what it does.
pub type Case = (&'static str, fn(&Stage));

/// How many run at a time: most of them wait for a server.
const THREADS: usize = 4;

struct Test {
    name: String,
    backend: Backend,
    run: fn(&Stage),
}

/// Runs what the command line asks for.
pub fn main(common: &[(&str, &[Case])], own: &[(Backend, &str, &[Case])]) -> ExitCode {
    let (options, words): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|word| word.starts_with("--"));
    let is_wanted = |test: &Test| match words.as_slice() {
        [] => true,
        words => words.iter().any(|word| test.name.contains(word.as_str())),
    };
    let tests: VecDeque<Test> = all(common, own).into_iter().filter(is_wanted).collect();
    if options.iter().any(|option| option == "--list") {
        tests
            .iter()
            .for_each(|test| println!("{}: test", test.name));
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    println!("\nrunning {} tests", tests.len());
    let servers = Servers::new(tests.iter().map(|test| test.backend));
    let queue = Mutex::new(tests);
    let (failed, ignored, passed) = (Mutex::new(Vec::new()), Mutex::new(0), Mutex::new(0));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(test) = { queue.lock().unwrap().pop_front() } {
                    match outcome(&test, &servers) {
                        Outcome::Passed => *passed.lock().unwrap() += 1,
                        Outcome::Ignored => *ignored.lock().unwrap() += 1,
                        Outcome::Failed => failed.lock().unwrap().push(test.name),
                    }
                }
            });
        }
    });
    let missing = servers.missing();
    drop(servers);
    let failed = failed.into_inner().unwrap();
    failed.iter().for_each(|name| println!("failed: {name}"));
    missing
        .iter()
        .for_each(|why| println!("!!! SKIPPED: {why}"));
    println!(
        "\ntest result: {}. {} passed; {} failed; {} ignored; 0 measured; 0 filtered out; \
         finished in {:.2}s\n",
        if failed.is_empty() { "ok" } else { "FAILED" },
        passed.into_inner().unwrap(),
        failed.len(),
        ignored.into_inner().unwrap(),
        began.elapsed().as_secs_f64()
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn all(common: &[(&str, &[Case])], own: &[(Backend, &str, &[Case])]) -> Vec<Test> {
    let mut tests = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres, Backend::MySql] {
        let theirs = own.iter().filter(|(of, ..)| *of == backend);
        let modules = common
            .iter()
            .copied()
            .chain(theirs.map(|&(_, m, cases)| (m, cases)));
        for (module, cases) in modules {
            tests.extend(cases.iter().map(|&(case, run)| Test {
                name: format!("{}::{module}::{case}", backend.name()),
                backend,
                run,
            }));
        }
    }
    tests
}

enum Outcome {
    Passed,
    Failed,
    Ignored,
}

fn outcome(test: &Test, servers: &Servers) -> Outcome {
    let Some(server) = servers.get(test.backend) else {
        println!("test {} ... ignored", test.name);
        return Outcome::Ignored;
    };
    let began = Instant::now();
    let ran = catch_unwind(AssertUnwindSafe(|| {
        (test.run)(&Stage::new(server, servers))
    }));
    match ran {
        Ok(()) => {
            println!("test {} ... ok ({:.2?})", test.name, began.elapsed());
            Outcome::Passed
        }
        Err(_) => {
            println!("test {} ... FAILED ({:.2?})", test.name, began.elapsed());
            Outcome::Failed
        }
    }
}

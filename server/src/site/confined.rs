//! The service `confine.run`: a program of the system, confined, for the modules of a site that names it in
//! `[run]` of its `site.toml`.

use std::path::Path;

use harmonious_dispatcher::Caller;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::exchange::{Refusal, encode, failed, read};
use super::site_toml::{bad, texts};
use crate::confine::{self, Ended, Wanted};
use crate::failure::Failure;
use crate::settings::did_you_mean;

/// The keys of the table `[run]`.
pub const RUN: [&str; 1] = ["programs"];

/// The message of the sdk.
#[derive(Deserialize)]
struct Run {
    program: String,
    args: Vec<String>,
    stdin: Option<String>,
    files: Vec<(String, String)>,
    seconds: u32,
    memory: u32,
    full: bool,
}

/// The reply.
#[derive(Default, Serialize)]
struct Ran {
    ran: bool,
    why: String,
    code: Option<i32>,
    signal: Option<i32>,
    timed_out: bool,
    truncated: bool,
    stdout: String,
    stderr: String,
}

impl From<Ended> for Ran {
    fn from(ended: Ended) -> Ran {
        Ran {
            ran: true,
            why: String::new(),
            code: ended.code,
            signal: ended.signal,
            timed_out: ended.timed_out,
            truncated: ended.truncated,
            stdout: text(ended.stdout),
            stderr: text(ended.stderr),
        }
    }
}

/// Answers a message; `programs` are those that the site allows.
///
/// # Errors
/// What cannot be meant, or is not allowed. That this machine cannot is no error: the reply says so.
pub fn answer(
    programs: &[String],
    caller: &Caller<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let run: Run = read(service, message)?;
    let module = caller.module;
    let program = &run.program;
    if service != "confine.run" {
        return Err(Refusal::failed(format!("there is no service {service:?}")));
    }
    if !programs.contains(program) {
        return Err(Refusal::failed(format!(
            "{module} is to run {program:?}, which the site does not allow: add it to programs in [run] of \
             site.toml, and start the server again"
        )));
    }
    let wanted = Wanted {
        program,
        args: &run.args,
        stdin: run.stdin.as_deref(),
        files: &run.files,
        seconds: run.seconds,
        memory_mib: run.memory,
        full: run.full,
    };
    let checked = wanted.check();
    checked.map_err(|wrong| failed(format!("{module} is to run {program:?}: {wrong}")))?;
    let ran = match confine::run(&wanted) {
        Ok(ended) => Ran::from(ended),
        Err(why) => {
            tracing::warn!(target: "site", module, id = caller.request, program, "not run: {why}");
            Ran {
                why,
                ..Ran::default()
            }
        }
    };
    Ok(encode(&ran)?)
}

/// Takes the table `[run]` out of a `site.toml`: the programs that its modules may run.
///
/// # Errors
/// A key that is unknown, a value that is not allowed.
pub fn take(path: &Path, table: &mut Table) -> Result<Vec<String>, Failure> {
    let Some(run) = table.remove("run") else {
        return Ok(Vec::new());
    };
    let Value::Table(run) = run else {
        return Err(bad(path, "run", &run, "a table"));
    };
    if let Some(key) = run.keys().find(|key| !RUN.contains(&key.as_str())) {
        let near = did_you_mean(key, RUN.into_iter());
        let path = path.display();
        return Err(Failure::Usage(format!(
            "no key \"run.{key}\" in {path}: {near}"
        )));
    }
    let Some(programs) = run.get("programs") else {
        return Ok(Vec::new());
    };
    let allowed = "a list of names of programs such as [\"bash\", \"python3\"], without folders";
    let names = texts(path, "run.programs", programs, allowed)?;
    let is_plain = |name: &String| !name.contains(['/', '\0']) && !name.starts_with(['-', '.']);
    match names.iter().all(is_plain) {
        true => Ok(names),
        false => Err(bad(path, "run.programs", programs, allowed)),
    }
}

/// What is no text is made one: it is shown to people.
fn text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

//! `harmonious confined DIR`, which is not in the help: the first process of its namespaces. It gives up what
//! the program must not have, starts it under limits, watches it, and reports. When it ends, the kernel ends
//! all that is left in its namespace.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{
    Pid, PidfdFlags, Signal, getpid, kill_process_group, nice, pidfd_open, setsid,
};

use super::config::{CLOCK_BESIDE, NICE, OPEN_FILES_MAX, OUTPUT_BYTES_MAX, PATH, PROCESSES_MAX};
use super::order::{Ended, HOME, ORDER, Order, Report, STDIN};
use super::stream::{Stream, wait};
use super::walls;
use crate::failure::Failure;

/// The command that is not in the help.
pub const COMMAND: &str = "confined";

/// After the program was ended its pipes close at once; this is for a machine that is out of breath.
const CLOSING: Duration = Duration::from_secs(1);

/// Runs the order that lies in that folder, and writes the report to standard output.
///
/// # Errors
/// If it is not the first process of a namespace: whatever it started would not be confined.
pub fn confined(dir: &Path) -> Result<(), Failure> {
    if getpid() != Pid::INIT {
        return Err(Failure::Usage(format!(
            "{COMMAND} is what the server starts in namespaces of their own; it is of no use by hand"
        )));
    }
    let report = match run(dir) {
        Ok(ended) => Report::Ended(ended),
        Err(why) => Report::Refused(why),
    };
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let report = rmp_serde::to_vec_named(&report).map_err(|error| failed(&error))?;
    let mut out = io::stdout().lock();
    let written = out.write_all(&report).and_then(|()| out.flush());
    written.map_err(|error| failed(&error))
}

fn run(dir: &Path) -> Result<Ended, String> {
    let order = fs::read(dir.join(ORDER))
        .map_err(|error| format!("the folder of the program cannot be read: {error}"))?;
    let order: Order = rmp_serde::from_slice(&order).map_err(|error| error.to_string())?;
    only_ours()?;
    let stdin = match order.has_stdin {
        true => dir.join(STDIN),
        false => "/dev/null".into(),
    };
    let stdin = File::open(stdin).map_err(|error| format!("its standard input: {error}"))?;
    // Without a terminal, which it could write to as if somebody typed.
    setsid().map_err(|error| format!("it cannot be taken from the terminal: {error}"))?;
    // Where memory is short it is ended first, and it runs when nothing else wants to. Neither is needed.
    let _ = fs::write("/proc/self/oom_score_adj", "1000");
    let _ = nice(NICE);

    let home = dir.join(HOME);
    let files = walls::files(&home).map_err(|error| error.to_string())?;
    if order.full && !files.confined {
        return Err(
            "its access to files cannot be confined: this kernel has no Landlock; Linux 5.13 or later \
             has it, if it is named in the kernel's parameter lsm="
                .to_owned(),
        );
    }
    walls::calls(files.lengths)?;
    let child = command(&order, &home).stdin(stdin).spawn();
    let child = child.map_err(|error| format!("it cannot be started: {error}"))?;
    watch(child, &order).map_err(|error| format!("it cannot be watched: {error}"))
}

/// The program under its limits. They are set by another program in between: this process is larger than
/// they allow.
fn command(order: &Order, home: &Path) -> Command {
    let Order {
        seconds,
        memory_mib,
        ..
    } = order;
    let mut command = Command::new(&order.prlimit);
    command
        // A signal at the end of its time, which can be told from others; death a second later.
        .arg(format!("--cpu={seconds}:{}", seconds + 1))
        .arg(format!("--as={}", u64::from(*memory_mib) << 20))
        .arg(format!("--nproc={PROCESSES_MAX}"))
        .arg(format!("--nofile={OPEN_FILES_MAX}"))
        // It writes to pipes only.
        .args(["--fsize=0", "--core=0", "--msgqueue=0", "--"])
        .arg(&order.program)
        .args(&order.args)
        .env_clear()
        .env("PATH", PATH.join(":"))
        .env("LANG", "C.UTF-8")
        .env("HOME", home)
        .current_dir(home)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Waits for its end, for the end of its time, or of the server.
fn watch(mut child: Child, order: &Order) -> io::Result<Ended> {
    let clock = Duration::from_secs(order.seconds.into()) + CLOCK_BESIDE;
    let mut until = Instant::now() + clock;
    let pid = Pid::from_child(&child);
    let end = pidfd_open(pid, PidfdFlags::empty())?;
    let server = io::stdout();
    let mut out = Stream::new(child.stdout.take(), OUTPUT_BYTES_MAX);
    let mut err = Stream::new(child.stderr.take(), OUTPUT_BYTES_MAX);
    let mut has_ended = false;
    let mut timed_out = false;
    while !has_ended || out.is_open() || err.is_open() {
        let server = server.as_fd();
        // Nothing is awaited of the server but that it is gone, which is told in any case.
        let mut awaited = vec![PollFd::new(&server, PollFlags::empty())];
        let streams = [out.awaited(), err.awaited()];
        let [has_out, has_err] = streams.each_ref().map(Option::is_some);
        awaited.extend(streams.into_iter().flatten());
        if !has_ended {
            awaited.push(PollFd::new(&end, PollFlags::IN));
        }
        let Some(ready) = wait(&mut awaited, until) else {
            if has_ended {
                break; // what holds the pipes now is nothing that we could end
            }
            timed_out = true;
            has_ended = true;
            until = end_all();
            continue;
        };
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            std::process::exit(1); // the server is gone: so is this, and all that is here
        }
        if has_out && ready.next() == Some(true) {
            out.read();
        }
        if has_err && ready.next() == Some(true) {
            err.read();
        }
        if !has_ended && ready.next() == Some(true) {
            has_ended = true;
            until = end_all(); // what it started does not outlive it
        }
    }
    let status = child.wait()?;
    let signal = status.signal();
    Ok(Ended {
        code: status.code(),
        signal,
        timed_out: timed_out || signal == Some(Signal::XCPU.as_raw()),
        truncated: out.is_cut || err.is_cut,
        stdout: out.kept,
        stderr: err.kept,
    })
}

/// Ends every process of the namespace but this one; until when their pipes are to close.
fn end_all() -> Instant {
    // To the group of 1 means to all that there are. This process is the first of its namespace: there
    // are none of others.
    let _ = kill_process_group(Pid::INIT, Signal::KILL);
    Instant::now() + CLOSING
}

/// Whether this process has no files of whoever started the server: the program would have them too, and no
/// wall is asked about what is open already.
fn only_ours() -> Result<(), String> {
    let open = fs::read_dir("/proc/self/fd").map_err(|error| format!("/proc: {error}"))?;
    for entry in open.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let shown = target.to_string_lossy();
        let is_file = shown.starts_with('/') && !shown.starts_with("/dev/") && !is_own(&shown);
        if !matches!(&*name, "0" | "1" | "2") && (is_file || shown.starts_with("socket:")) {
            return Err(format!(
                "whoever started the server left descriptor {name} open ({shown}), which the program \
                 would have too: start the server without it"
            ));
        }
    }
    Ok(())
}

/// The folder that is being looked at.
fn is_own(target: &str) -> bool {
    target.starts_with("/proc/") && target.ends_with("/fd")
}

//! Programs of the system that look at what strangers sent in, such as `bash -n`: started in namespaces of
//! their own, without network, without the server's environment, under limits, with files that they can read
//! and none that they can write ([`walls`]). Where this machine does not allow that, nothing is started.
//!
//! The server starts `unshare`, which makes the namespaces and in them [`inside`], the server's own program
//! again; that one starts `prlimit`, which sets the limits and becomes the program. What the server says to
//! it lies in a folder, which is gone afterwards; it answers with one message. Ending `unshare` ends them all,
//! and so does the end of the server, however it comes.

mod config;
mod inside;
mod order;
mod stream;
mod walls;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::process::geteuid;
use tempfile::TempDir;

use crate::failure::one_line;
use config::{
    ARGS_BYTES_MAX, CLOCK_BESIDE, FILE_NAME_BYTES_MAX, FILES_MAX, INPUT_BYTES_MAX, MEMORY_MIB_MAX,
    MEMORY_MIB_MIN, NOBODY, OUTPUT_BYTES_MAX, PATH, RUNNING_MAX, SECONDS_MAX, TURN_WAIT_MAX,
    WATCH_BESIDE,
};
use order::{HOME, ORDER, Order, Report, STDIN};
use stream::{Stream, wait};

pub use inside::{COMMAND, confined};
pub use order::Ended;

/// Bytes of a report: what is kept of the output, and some words.
const REPORT_BYTES_MAX: usize = 2 * OUTPUT_BYTES_MAX + (64 << 10);
/// Bytes of what `unshare` says when it cannot.
const COMPLAINT_BYTES_MAX: usize = 4 << 10;
/// This program, as the process that starts it has it open: the file itself may have been replaced, or lie
/// where only root comes.
const OURSELVES: &str = "/proc/self/exe";
/// The same for `unshare`, whose standard input it is.
const OUR_STDIN: &str = "/proc/self/fd/0";

/// What is to run.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The name of the program.
    pub program: &'a str,
    /// Its arguments.
    pub args: &'a [String],
    /// Its standard input; empty without.
    pub stdin: Option<&'a str>,
    /// Files in its folder: names and contents.
    pub files: &'a [(String, String)],
    /// Seconds of CPU time of each process.
    pub seconds: u32,
    /// MiB of address space of each process.
    pub memory_mib: u32,
    /// Not to be run where its access to files cannot be confined.
    pub full: bool,
}

impl Wanted<'_> {
    /// # Errors
    /// What cannot be meant so, in one line.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=SECONDS_MAX).contains(&self.seconds) {
            let seconds = self.seconds;
            return Err(format!(
                "seconds is {seconds}: allowed is 1 to {SECONDS_MAX}"
            ));
        }
        if !(MEMORY_MIB_MIN..=MEMORY_MIB_MAX).contains(&self.memory_mib) {
            let allowed = format!("{MEMORY_MIB_MIN} to {MEMORY_MIB_MAX} MiB");
            return Err(format!(
                "memory is {}: allowed is {allowed}",
                self.memory_mib
            ));
        }
        let args = self.args.iter().map(String::len).sum::<usize>();
        if args > ARGS_BYTES_MAX {
            let allowed = format!("{ARGS_BYTES_MAX}; longer texts go into a file");
            return Err(format!(
                "the arguments have {args} bytes: allowed are {allowed}"
            ));
        }
        if self.files.len() > FILES_MAX {
            let files = self.files.len();
            return Err(format!("there are {files} files: allowed are {FILES_MAX}"));
        }
        let is_plain = |name: &str| {
            let fits = (1..=FILE_NAME_BYTES_MAX).contains(&name.len());
            fits && !matches!(name, "." | "..") && !name.contains(['/', '\0'])
        };
        if let Some((name, _)) = self.files.iter().find(|(name, _)| !is_plain(name)) {
            return Err(format!(
                "a file is called {name:?}: allowed is a name without slashes, {FILE_NAME_BYTES_MAX} bytes at most"
            ));
        }
        let files = self.files.iter().map(|(_, text)| text.len());
        let input = self.stdin.map_or(0, str::len) + files.sum::<usize>();
        if input > INPUT_BYTES_MAX {
            let what = "standard input and files have";
            return Err(format!(
                "{what} {input} bytes: allowed are {INPUT_BYTES_MAX}"
            ));
        }
        Ok(())
    }
}

/// Runs it to its end. Waits for a turn first, then as long as its limits say.
///
/// # Errors
/// Why it was not started: what is missing on this machine, and what to do.
pub fn run(wanted: &Wanted<'_>) -> Result<Ended, String> {
    let missing = |name: &str| format!("{name} is not installed");
    let program = find(wanted.program).ok_or_else(|| missing(wanted.program))?;
    let tool = |name| find(name).ok_or_else(|| format!("{}: it is in util-linux", missing(name)));
    let (unshare, prlimit) = (tool("unshare")?, tool("prlimit")?);
    let _turn = Turn::wait()?;
    let order = Order {
        program,
        prlimit,
        args: wanted.args.to_vec(),
        has_stdin: wanted.stdin.is_some(),
        seconds: wanted.seconds,
        memory_mib: wanted.memory_mib,
        full: wanted.full,
    };
    let dir = folder(wanted, &order)
        .map_err(|error| format!("a folder for it cannot be made: {error}"))?;
    let child = start(&unshare, dir.path())
        .map_err(|error| format!("it cannot be started as {}: {error}", user()))?;
    let limit = Duration::from_secs(wanted.seconds.into()) + CLOCK_BESIDE + WATCH_BESIDE;
    follow(child, Instant::now() + limit)
}

/// Where a program is.
pub fn find(name: &str) -> Option<PathBuf> {
    let mut paths = PATH.iter().map(|folder| Path::new(folder).join(name));
    paths.find(|path| {
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    })
}

/// Whether programs run as `nobody`, since this process is root's.
fn is_root() -> bool {
    geteuid().is_root()
}

fn user() -> &'static str {
    match is_root() {
        true => "the user 65534 (nobody), since the server runs as root",
        false => "the user of the server",
    }
}

/// The folder for one program, which it can read and nobody else.
fn folder(wanted: &Wanted<'_>, order: &Order) -> io::Result<TempDir> {
    let give = |path: &Path| {
        match is_root() {
        true => chown(path, Some(NOBODY), Some(NOBODY)).map_err(|error| {
            io::Error::other(format!(
                "it cannot be given to the user 65534 (nobody), as whom a server of root runs programs \
                 ({error}): run the server as a user of its own"
            ))
        }),
        false => Ok(()),
    }
    };
    let dir = tempfile::Builder::new()
        .prefix("harmonious-run-")
        .tempdir()?;
    let home = dir.path().join(HOME);
    fs::create_dir(&home)?;
    let write = |path: PathBuf, bytes: &[u8]| {
        fs::write(&path, bytes)?;
        give(&path)
    };
    for (name, text) in wanted.files {
        write(home.join(name), text.as_bytes())?;
    }
    if let Some(stdin) = wanted.stdin {
        write(dir.path().join(STDIN), stdin.as_bytes())?;
    }
    let order = rmp_serde::to_vec_named(order).map_err(io::Error::other)?;
    write(dir.path().join(ORDER), &order)?;
    give(&home)?;
    give(dir.path())?;
    Ok(dir)
}

fn start(unshare: &Path, dir: &Path) -> io::Result<Child> {
    let mut command = Command::new(unshare);
    command
        // No user is mapped: so the program can make no further namespace, nor have any privilege.
        .args([
            "--user",
            "--net",
            "--pid",
            "--ipc",
            "--fork",
            "--kill-child",
            "--",
        ])
        .args([OUR_STDIN, COMMAND])
        .arg(dir)
        .env_clear()
        .env("LANG", "C.UTF-8")
        .current_dir("/")
        .stdin(File::open(OURSELVES)?)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // What a terminal sends to the server is not for it.
        .process_group(0);
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.spawn()
}

/// Takes the report, until then.
fn follow(mut child: Child, until: Instant) -> Result<Ended, String> {
    let mut report = Stream::new(child.stdout.take(), REPORT_BYTES_MAX);
    let mut complaint = Stream::new(child.stderr.take(), COMPLAINT_BYTES_MAX);
    let mut is_late = false;
    while report.is_open() || complaint.is_open() {
        let streams = [report.awaited(), complaint.awaited()];
        let [has_report, has_complaint] = streams.each_ref().map(Option::is_some);
        let mut awaited: Vec<_> = streams.into_iter().flatten().collect();
        let Some(ready) = wait(&mut awaited, until) else {
            is_late = true;
            break;
        };
        let mut ready = ready.into_iter();
        if has_report && ready.next() == Some(true) {
            report.read();
        }
        if has_complaint && ready.next() == Some(true) {
            complaint.read();
        }
    }
    let _ = child.kill(); // it has ended, but for one that is late
    let status = child.wait().map_err(|error| error.to_string())?;
    match rmp_serde::from_slice(&report.kept) {
        Ok(Report::Ended(ended)) => Ok(ended),
        Ok(Report::Refused(why)) => Err(why),
        Err(_) if is_late => Ok(Ended {
            timed_out: true,
            ..Ended::default()
        }),
        Err(_) => Err(refused(&String::from_utf8_lossy(&complaint.kept), &status)),
    }
}

/// Why there is no report.
fn refused(complaint: &str, status: &dyn std::fmt::Display) -> String {
    let complaint = one_line(complaint);
    if complaint.starts_with("unshare: unshare failed") {
        return format!(
            "it cannot be confined: this machine does not let the server make namespaces ({complaint}). Look at \
             the sysctls user.max_user_namespaces, kernel.unprivileged_userns_clone and \
             kernel.apparmor_restrict_unprivileged_userns; in a container, at its seccomp profile"
        );
    }
    match complaint.is_empty() {
        true => format!("the process that confines it ended without a report ({status})"),
        false => format!("it cannot be confined: {complaint}"),
    }
}

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

/// One of those that run at a time.
struct Turn;

impl Turn {
    fn wait() -> Result<Turn, String> {
        let mut running = RUNNING.lock();
        let all_taken = |running: &mut usize| *running >= RUNNING_MAX;
        let waited = ENDED.wait_while_for(&mut running, all_taken, TURN_WAIT_MAX);
        if waited.timed_out() && *running >= RUNNING_MAX {
            return Err(format!(
                "{RUNNING_MAX} others run at this moment, and none ended within {TURN_WAIT_MAX:?}: try again later"
            ));
        }
        *running += 1;
        Ok(Turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock() -= 1;
        ENDED.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted<'static> {
        Wanted {
            program: "sh",
            args: &[],
            stdin: None,
            files: &[],
            seconds: 2,
            memory_mib: 256,
            full: false,
        }
    }

    #[track_caller]
    fn check(wanted: &Wanted<'_>, expected: &str) {
        let message = wanted.check().unwrap_err();
        assert!(message.contains(expected), "{message}");
    }

    #[test]
    fn what_cannot_be_meant_is_told() {
        assert_eq!(wanted().check(), Ok(()));
        for seconds in [0, 31] {
            check(
                &Wanted {
                    seconds,
                    ..wanted()
                },
                "allowed is 1 to 30",
            );
        }
        for memory_mib in [0, 8193] {
            check(
                &Wanted {
                    memory_mib,
                    ..wanted()
                },
                "16 to 8192 MiB",
            );
        }
        for name in ["", ".", "..", "a/b", "/etc/passwd", "a\0"] {
            let files = &[(name.to_owned(), String::new())];
            check(&Wanted { files, ..wanted() }, "a name without slashes");
        }
        let args = &["x".repeat(ARGS_BYTES_MAX), "y".to_owned()];
        check(&Wanted { args, ..wanted() }, "longer texts go into a file");
        let text = "x".repeat(INPUT_BYTES_MAX);
        let files = &[("a".to_owned(), "b".to_owned())];
        let stdin = Some(text.as_str());
        check(
            &Wanted {
                stdin,
                files,
                ..wanted()
            },
            "4194305 bytes",
        );
        let files = &vec![("a".to_owned(), String::new()); FILES_MAX + 1];
        check(&Wanted { files, ..wanted() }, "65 files");
    }

    #[test]
    fn programs_are_found_by_their_names() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program"), None);
        let unknown = Wanted {
            program: "no-such-program",
            ..wanted()
        };
        let why = run(&unknown).unwrap_err();
        assert_eq!(why, "no-such-program is not installed");
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let status = "exit status: 1";
        let why = refused(
            "unshare: unshare failed: Operation not permitted\n",
            &status,
        );
        assert!(why.contains("user.max_user_namespaces"), "{why}");
        assert_eq!(refused("x\ny", &status), "it cannot be confined: x\\ny");
        assert!(refused("", &status).contains(status));
    }
}

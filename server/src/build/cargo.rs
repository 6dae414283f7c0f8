//! Runs cargo, and reads what it says while it runs.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::Profile;
use super::config::{CARGO_LINE_BYTES_MAX, CARGO_WORDS_BYTES_MAX, TARGETS_PER_RUN};
use super::messages::Messages;

/// What cargo says of its own work that a person wants to see during a long build.
const TOLD: [&str; 6] = [
    "Compiling",
    "Downloading",
    "Downloaded",
    "Updating",
    "Locking",
    "Blocking",
];

/// Ends a build from another thread: no cargo is left running.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<StopState>);

#[derive(Debug, Default)]
struct StopState {
    stopped: AtomicBool,
    /// The cargo that runs; not waited for while it is here.
    child: Mutex<Option<Child>>,
}

impl Stop {
    /// Ends the build that runs and all that follow.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::Release);
        if let Some(child) = self.child().as_mut() {
            let _ = child.kill();
        }
    }

    /// Whether it was told to stop.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.0.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One build of some targets of a site.
pub struct Cargo<'a> {
    /// The site's folder, absolute.
    pub site: &'a Path,
    /// The site's package, whose own lines are not told.
    pub package: &'a str,
    /// The profile.
    pub profile: Profile,
    /// The program.
    pub program: &'a OsStr,
    /// Where cargo keeps what it makes.
    pub target_dir: &'a Path,
    /// Told what a person wants to see.
    pub tell: &'a (dyn Fn(&str) + Sync),
    /// Ends it.
    pub stop: &'a Stop,
}

/// What came of it.
pub struct Outcome {
    /// Target by target.
    pub messages: Messages,
    /// Cargo's own last words, on standard error.
    pub words: String,
    /// Whether cargo says that all went well.
    pub success: bool,
}

impl Outcome {
    /// Cargo did not come to compile anything: its own words say why.
    pub fn is_about_no_target(&self) -> bool {
        let messages = &self.messages;
        let modules_say = messages.modules.values().any(|said| said.error_count > 0);
        !self.success
            && messages.libraries.is_empty()
            && messages.others.error_count == 0
            && !modules_say
    }
}

impl Cargo<'_> {
    /// Builds these targets, as many as can be.
    ///
    /// # Errors
    /// If there is no cargo.
    pub fn build(&self, targets: &[String]) -> io::Result<Outcome> {
        let mut outcome = Outcome {
            messages: Messages::default(),
            words: String::new(),
            success: true,
        };
        for targets in targets.chunks(TARGETS_PER_RUN) {
            self.run(targets, &mut outcome)?;
        }
        Ok(outcome)
    }

    /// Forgets what was compiled of the site's package, or of everything, where it is to be compiled
    /// again although no file is newer than it.
    ///
    /// # Errors
    /// If there is no cargo.
    pub fn clean(&self, everything: bool) -> io::Result<()> {
        let mut command = self.command("clean");
        if !everything {
            command.args(["--package", self.package]);
        }
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map(drop)
    }

    /// Where the libraries of modules end up.
    pub fn examples(&self) -> PathBuf {
        self.target_dir.join(self.profile.folder()).join("examples")
    }

    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(self.program);
        command
            .arg(what)
            .arg("--manifest-path")
            .arg(self.site.join(super::manifest::FILE));
        command.arg("--target-dir").arg(self.target_dir);
        command.args(["--profile", self.profile.name()]);
        command.current_dir(self.site).stdin(Stdio::null());
        command
    }

    fn run(&self, targets: &[String], outcome: &mut Outcome) -> io::Result<()> {
        let mut command = self.command("build");
        command.args([
            "--keep-going",
            "--color=never",
            "--message-format=json-diagnostic-rendered-ansi",
        ]);
        for target in targets {
            command.args(["--example", target]);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        *self.stop.child() = Some(child);
        if self.stop.is_stopped() {
            self.stop.stop(); // it was told before there was a child to end
        }
        let manifest = self.site.join(super::manifest::FILE);
        let words = thread::scope(|scope| {
            let words = scope.spawn(|| stderr.map(|stderr| self.words(stderr)).unwrap_or_default());
            if let Some(stdout) = stdout {
                lines(stdout, |line| outcome.messages.take(&manifest, line));
            }
            words.join().unwrap_or_default()
        });
        outcome.words.push_str(&words);
        // Nobody may end a process that was waited for: its number may be another's by then.
        let child = self.stop.child().take();
        let status = child.map(|mut child| child.wait()).transpose()?;
        outcome.success &= status.as_ref().is_some_and(ExitStatus::success);
        Ok(())
    }

    /// Tells what a person wants to see, and keeps the end of all.
    fn words(&self, stderr: impl Read) -> String {
        let own = format!("Compiling {} v", self.package);
        let mut kept: VecDeque<String> = VecDeque::new();
        let mut bytes = 0;
        lines(stderr, |line| {
            let line = String::from_utf8_lossy(line);
            let text = line.trim();
            if text.starts_with(&own) {
                return;
            }
            if TOLD.iter().any(|told| text.starts_with(told)) {
                (self.tell)(text);
                return;
            }
            bytes += line.len();
            kept.push_back(line.trim_end().to_owned());
            while bytes > CARGO_WORDS_BYTES_MAX {
                bytes -= kept.pop_front().map_or(bytes, |line| line.len());
            }
        });
        kept.make_contiguous().join("\n")
    }
}

/// Calls with each line; of one that is too long, with its beginning. Reads to the end whatever comes,
/// so that the writer never waits for us.
fn lines(reader: impl Read, mut take: impl FnMut(&[u8])) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let most = CARGO_LINE_BYTES_MAX as u64;
        match reader.by_ref().take(most).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => take(&line),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

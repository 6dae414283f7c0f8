//! [`Request::run`]: programs of the system, confined, that look at what strangers sent in.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::request::Request;

/// What [`Request::run`] runs: a program by its name, never a line for a shell.
///
/// It runs in namespaces of its own: without network, without the server's environment (it has `PATH`,
/// `LANG=C.UTF-8` and `HOME`, its own folder, in which it starts), as `nobody` if the server is root's. It can
/// make no sockets, and change no file's owner or permissions. Each of its processes has so many seconds of
/// CPU time and MiB of memory, it has some twenty processes and threads, 3 seconds more than its CPU time by
/// the clock, and 64 KiB of output each way; it can write to its output only. When it ends, so does all that
/// it started.
///
/// It reads `/usr`, `/lib` and what else programs need, and its own folder, nothing more, where the kernel has
/// Landlock (Linux 5.13). Without that it reads what the server's user can, so programs that might run what
/// they are given, as `perl -c` does with `BEGIN` blocks, are to be run in [`full`](Run::full).
///
/// ```
/// use harmonious::Run;
///
/// let text = "if true; then echo; fi";
/// let shell = Run::new("bash").arg("-n").stdin(text);
/// let python = Run::new("python3")
///     .args(["-I", "-S", "-c", "import sys; compile(sys.stdin.read(), 'script', 'exec')"])
///     .stdin("print(1)");
/// let perl = Run::new("perl").args(["-c", "script.pl"]).file("script.pl", "print 1;").full();
/// let node = Run::new("node").args(["--check", "script.js"]).file("script.js", "f();").memory(4096);
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The name of the program, without folders; `programs` in `[run]` of `site.toml` names it too.
    pub program: String,
    /// Its arguments, 64 KiB at most.
    pub args: Vec<String>,
    /// Its standard input; without one it is empty.
    pub stdin: Option<String>,
    /// Files in its folder, by name; with the standard input 4 MiB at most.
    pub files: Vec<(String, String)>,
    /// Seconds of CPU time of each of its processes, 1 to 30.
    pub seconds: u32,
    /// MiB of address space of each of its processes, 16 to 8192.
    pub memory: u32,
    /// Whether it is not run where its access to files cannot be confined.
    pub full: bool,
}

/// What became of a [`Run`]. Text of the program is untrusted: whoever wrote what it looked at may have had a
/// say in it.
///
/// ```
/// use harmonious::Ran;
///
/// let in_order = Ran { ran: true, code: Some(0), ..Ran::default() };
/// assert!(in_order.is_ok());
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Ran {
    /// Whether it was started. All else is empty if not, but for `why`.
    pub ran: bool,
    /// Why it was not started, for those who run the site: the program is not installed, this machine cannot
    /// confine it, or others run.
    pub why: String,
    /// Its exit code; none if it was ended.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// Whether it wrote more than is here.
    pub truncated: bool,
    /// What it wrote, or the first 64 KiB; what is no UTF-8 is replaced.
    pub stdout: String,
    /// What it wrote to standard error, likewise.
    pub stderr: String,
}

impl Run {
    /// A program without arguments, with 2 seconds of CPU time and 256 MiB of memory.
    ///
    /// ```
    /// let run = harmonious::Run::new("bash");
    /// assert_eq!((run.seconds, run.memory, run.full), (2, 256, false));
    /// ```
    #[must_use]
    pub fn new(program: impl Into<String>) -> Run {
        Run {
            program: program.into(),
            seconds: 2,
            memory: 256,
            ..Run::default()
        }
    }

    /// With one more argument.
    ///
    /// ```
    /// assert_eq!(harmonious::Run::new("bash").arg("-n").args, ["-n"]);
    /// ```
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Run {
        self.args.push(arg.into());
        self
    }

    /// With more arguments.
    ///
    /// ```
    /// assert_eq!(harmonious::Run::new("perl").args(["-c", "script.pl"]).args.len(), 2);
    /// ```
    #[must_use]
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// With this as its standard input.
    ///
    /// ```
    /// assert!(harmonious::Run::new("bash").stdin("echo").stdin.is_some());
    /// ```
    #[must_use]
    pub fn stdin(mut self, text: impl Into<String>) -> Run {
        self.stdin = Some(text.into());
        self
    }

    /// With a file in its folder, which is where it starts: for programs that do not read their standard input.
    ///
    /// ```
    /// harmonious::Run::new("luac").args(["-p", "script.lua"]).file("script.lua", "print(1)");
    /// ```
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, text: impl Into<String>) -> Run {
        self.files.push((name.into(), text.into()));
        self
    }

    /// With so many seconds of CPU time for each process, 1 to 30.
    ///
    /// ```
    /// harmonious::Run::new("shellcheck").args(["-f", "json1", "-"]).stdin("echo").seconds(5);
    /// ```
    #[must_use]
    pub fn seconds(mut self, seconds: u32) -> Run {
        self.seconds = seconds;
        self
    }

    /// With so many MiB of address space for each process, 16 to 8192. That is more than is used: `node` wants
    /// some 4096.
    ///
    /// ```
    /// harmonious::Run::new("node").args(["--check", "a.js"]).file("a.js", "f();").memory(4096);
    /// ```
    #[must_use]
    pub fn memory(mut self, mib: u32) -> Run {
        self.memory = mib;
        self
    }

    /// Not to be run where the kernel cannot confine its access to files: for programs that may run what they
    /// are given.
    ///
    /// ```
    /// harmonious::Run::new("perl").args(["-c", "a.pl"]).file("a.pl", "print 1;").full();
    /// ```
    #[must_use]
    pub fn full(mut self) -> Run {
        self.full = true;
        self
    }
}

impl Ran {
    /// Whether it ran and ended with code 0.
    ///
    /// ```
    /// assert!(!harmonious::Ran::default().is_ok());
    /// ```
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.code == Some(0)
    }
}

impl Request {
    /// Runs a program of the system on what somebody sent in, confined, and waits for it: for checks of syntax.
    /// Two run at a time on a server; others wait up to 5 seconds for their turn.
    ///
    /// Look at [`ran`](Ran::ran) first: a machine that lacks the program, or cannot confine it, does not run it.
    ///
    /// ```
    /// use harmonious::prelude::*;
    /// use harmonious::Run;
    ///
    /// fn findings(req: &Request, text: &str) -> Result<String> {
    ///     let ran = req.run(&Run::new("bash").arg("-n").stdin(text))?;
    ///     Ok(match (ran.ran, ran.code) {
    ///         (false, _) => format!("not checked: {}", ran.why),
    ///         (true, Some(0)) => String::new(),
    ///         (true, Some(_)) => ran.stderr,
    ///         (true, None) => "not checked: it takes too long".to_owned(),
    ///     })
    /// }
    /// ```
    ///
    /// # Errors
    /// 500 if `programs` in `[run]` of `site.toml` does not name the program, or a limit is not within what is
    /// allowed.
    #[track_caller]
    pub fn run(&self, run: &Run) -> Result<Ran> {
        self.service("confine.run", run)
    }
}

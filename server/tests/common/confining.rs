//! A site that runs programs, confined, as each user that this machine has.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Server;
use super::ask::Ask;
use super::sites::{own, write};

/// A user that is not root and has nothing else here.
const SOMEBODY: &str = "12345";

/// A site with secrets, and the server that serves it.
pub struct Served {
    pub site: TempDir,
    pub server: Server,
    /// As whom.
    pub user: &'static str,
}

impl Served {
    /// As the user of this test; in front of the server stands what starts it.
    pub fn start(before: &[&str]) -> Served {
        Served::of(own("confined"), before, "whoever tests")
    }

    fn of(site: TempDir, before: &[&str], user: &'static str) -> Served {
        write(site.path(), "secrets.toml", "key = \"classified\"\n");
        write(site.path(), "data/notes", "classified\n");
        let mut command = Command::new(before.first().unwrap_or(&BINARY));
        if let [_, more @ ..] = before {
            command.args(more).arg(BINARY);
        }
        command
            .args(["serve", site.path().to_str().unwrap()])
            .args(["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"])
            .env_clear()
            .env("PATH", "/nowhere")
            .env("CLASSIFIED", "classified")
            .stdin(Stdio::null());
        Served {
            server: Server::of(command, true),
            site,
            user,
        }
    }

    /// As each user that there is on this machine: where the tests are root's, as somebody else too. None
    /// where programs cannot be confined.
    pub fn as_each_user() -> Vec<Served> {
        let mut all = vec![Served::start(&[])];
        if geteuid().is_root() {
            let site = own("confined");
            let become_somebody = [
                "/usr/bin/setpriv",
                "--reuid",
                SOMEBODY,
                "--regid",
                SOMEBODY,
                "--clear-groups",
                "--",
            ];
            let mut probe = Command::new(become_somebody[0]);
            probe
                .args(&become_somebody[1..])
                .args([BINARY, "--version"]);
            let user = format!("{SOMEBODY}:{SOMEBODY}");
            let given = |site: &Path| {
                let mut chown = Command::new("/usr/bin/chown");
                chown.args(["-R", &user]).arg(site).status()
            };
            match probe.output() {
                Ok(output) if output.status.success() => {
                    write(site.path(), "secrets.toml", "");
                    write(site.path(), "data/notes", "");
                    assert!(given(site.path()).unwrap().success());
                    all.push(Served::of(site, &become_somebody, "somebody"));
                }
                _ => left_out("as another user than root", "it cannot start the binary"),
            }
        }
        all.retain(|served| {
            let tried = served.run(perl("print 1"));
            let why = tried["why"].as_str().unwrap().to_owned();
            if tried["ran"] == false {
                assert!(!why.is_empty(), "{tried}");
                left_out(served.user, &why);
            }
            tried["ran"] == true
        });
        all
    }

    /// What becomes of that.
    #[track_caller]
    pub fn run(&self, run: Value) -> Value {
        let answer = self.ask(&run).to(&self.server);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The request for that.
    pub fn ask(&self, run: &Value) -> Ask {
        Ask::post("/run", "application/json", run.to_string())
    }

    /// Of a file of the site.
    pub fn path(&self, name: &str) -> String {
        self.site.path().join(name).to_str().unwrap().to_owned()
    }
}

/// The binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_harmonious");

/// Says it so that it is seen although the test succeeds.
pub fn left_out(what: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "!!! SKIPPED: confined.rs, {what}: {why}");
}

/// A program with its usual limits.
pub fn order(program: &str, args: &[&str]) -> Value {
    json!({
        "program": program, "args": args, "stdin": null, "files": [],
        "seconds": 2, "memory": 256, "full": false,
    })
}

/// A script of the shell.
pub fn bash(script: &str) -> Value {
    order("bash", &["-c", script])
}

/// A script of Perl.
pub fn perl(script: &str) -> Value {
    order("perl", &["-e", script])
}

/// With other fields.
pub fn with(mut run: Value, fields: &Value) -> Value {
    let all = run.as_object_mut().unwrap();
    all.extend(fields.as_object().unwrap().clone());
    run
}

/// How many processes have this among their arguments.
pub fn processes(marker: &str) -> usize {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let mine = |line: &Vec<u8>| {
        line.split(|byte| *byte == 0)
            .any(|arg| arg == marker.as_bytes())
    };
    lines.filter(mine).count()
}

/// An argument that no other process has.
pub fn marker(what: &str) -> String {
    format!("marker-{}-{what}", std::process::id())
}

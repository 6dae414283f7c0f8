//! Checks by programs of the system: which to start for a language, with what, and what their messages mean.
//!
//! Nothing is started here. [`jobs`] says what to run; whoever can run a program confined does so, and gives
//! what came of it to [`findings`]; [`external`] is the loop around both.

use super::messages::{findings, not_checked};
use crate::{header::Shebang, model::Finding};

/// Names of the checks that a language can have.
pub const CHECKERS: [&str; 10] = [
    "bash", "ksh", "lua", "node", "perl", "python", "ruby", "sh", "tcl", "zsh",
];

/// All programs that [`jobs`] names: what `programs` in `[run]` of `site.toml` has to allow.
pub const PROGRAMS: [&str; 15] = [
    "bash",
    "dash",
    "luac",
    "luac5.3",
    "luac5.4",
    "node",
    "nodejs",
    "perl",
    "python3",
    "ruby",
    "sh",
    "shellcheck",
    "tclsh",
    "tclsh8.6",
    "zsh",
];

/// Seconds of CPU time of one program.
const SECONDS: u32 = 2;
/// That of shellcheck, which thinks about each line.
const SHELLCHECK_SECONDS: u32 = 5;
/// Address space of one program; interpreters of scripts need a tenth of it.
const MEMORY_MIB: u32 = 256;
/// That of node, which reserves room for its code before it reads a line.
const NODE_MEMORY_MIB: u32 = 4096;
/// That of shellcheck: Haskell's heap takes its address space at the start.
const SHELLCHECK_MEMORY_MIB: u32 = 2048;
/// The file in the folder of the program that holds the script; messages name it.
const FILE: &str = "script";

/// Compiles and says what is wrong, in one line. Without `-I -S` Python would read what lies beside the script.
const PYTHON: &str = r#"
import sys
try:
    with open(sys.argv[1], "rb") as file:
        compile(file.read(), "script", "exec", dont_inherit=True)
except (Exception, RecursionError, MemoryError) as error:
    line = getattr(error, "lineno", 0) or 0
    said = getattr(error, "msg", "") or str(error)
    print("script:%d: %s: %s" % (line, type(error).__name__, " ".join(said.split())))
    sys.exit(1)
"#;

/// Goes from command to command, as Tcl reads them, and says where the one begins that has no end.
const TCL: &str = r#"
set file [open [lindex $argv 0]]
fconfigure $file -encoding utf-8
set command ""
set number 0
set begin 1
while {[gets $file line] >= 0} {
    incr number
    append command $line "\n"
    if {[info complete $command]} {
        set command ""
        set begin [expr {$number + 1}]
    }
}
if {[string trim $command] ne ""} {
    puts "script:$begin: the command that begins here has no end (brace, bracket or quote)"
    exit 1
}
"#;

/// One program to run, confined: no network, nothing written, nothing read but itself and its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The name of the check in findings.
    pub checker: &'static str,
    /// Names under which the program is found, the first that is there.
    pub programs: &'static [&'static str],
    /// Its arguments; files are named without a folder, since it starts in theirs.
    pub args: Vec<String>,
    /// Names and contents of the files in its folder.
    pub files: Vec<(String, String)>,
    /// Seconds of CPU time.
    pub seconds: u32,
    /// MiB of address space.
    pub memory_mib: u32,
    /// Whether the check can run code of the script: then only with access to files confined too.
    pub full: bool,
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was not run: why, as a sentence without a full stop.
    NotRun(String),
    /// It ended, or was ended.
    Ended {
        /// Its exit code; none if it was ended.
        code: Option<i32>,
        /// What it printed, standard output first.
        out: String,
    },
}

/// Runs all jobs of a check with `run`, which is asked for one program at a time.
///
/// ```
/// use glsr::checks::{Outcome, external};
/// let none = external("lua", "x = 1", |program, _| Outcome::NotRun(format!("no program {program}")));
/// assert!(none[0].message.contains("no program luac"));
/// ```
pub fn external(
    checker: &str,
    text: &str,
    mut run: impl FnMut(&str, &Job) -> Outcome,
) -> Vec<Finding> {
    let jobs = match jobs(checker, text) {
        Ok(jobs) => jobs,
        Err(key) => return vec![not_checked(checker, key, "")],
    };
    let mut all = Vec::new();
    for job in &jobs {
        let mut outcome = None;
        for program in job.programs {
            let this = run(program, job);
            let ran = matches!(this, Outcome::Ended { .. });
            // What is said about the usual name says most.
            if ran || outcome.is_none() {
                outcome = Some(this);
            }
            if ran {
                break;
            }
        }
        all.extend(
            outcome
                .map(|outcome| findings(job, &outcome))
                .unwrap_or_default(),
        );
    }
    all
}

/// What to run for a check; nothing for a name that is not of [`CHECKERS`].
///
/// # Errors
///
/// Why this text cannot be checked so: a key in `finding.` of the catalogues.
pub fn jobs(checker: &str, text: &str) -> Result<Vec<Job>, &'static str> {
    let program = Shebang::of(text).map(|line| line.program);
    let simple = |checker, programs, args: &[&str]| Job {
        checker,
        programs,
        args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        files: vec![(FILE.to_owned(), text.to_owned())],
        seconds: SECONDS,
        memory_mib: MEMORY_MIB,
        full: false,
    };
    let shellcheck = |shell: &str| Job {
        seconds: SHELLCHECK_SECONDS,
        memory_mib: SHELLCHECK_MEMORY_MIB,
        // One line for each: what is cut off at the end is only that, where half a JSON would be nothing.
        ..simple(
            "shellcheck",
            &["shellcheck"],
            &["-f", "gcc", "-s", shell, "--norc", FILE],
        )
    };
    let full = |job: Job| Job { full: true, ..job };
    Ok(match checker {
        "bash" => vec![simple("bash", &["bash"], &["-n", FILE]), shellcheck("bash")],
        "sh" => vec![
            simple("sh", &["dash", "sh"], &["-n", FILE]),
            shellcheck("sh"),
        ],
        "ksh" => vec![shellcheck("ksh")],
        // Without -f it would run what is in its own settings first.
        "zsh" => vec![full(simple("zsh", &["zsh"], &["-f", "-n", FILE]))],
        "python" if program.is_some_and(|program| program.starts_with("python2")) => {
            return Err("not-checked-python2");
        }
        "python" => vec![simple(
            "python",
            &["python3"],
            &["-I", "-S", "-c", PYTHON, FILE],
        )],
        // Of a #! line that names another program, perl and ruby start that.
        "perl" if program.is_some_and(|program| !program.contains("perl")) => {
            return Err("not-checked-other");
        }
        "perl" => {
            let first = text.lines().next().unwrap_or("");
            let taint = first.split_whitespace().skip(1).any(is_taint);
            let args: &[&str] = if taint {
                &["-T", "-c", FILE]
            } else {
                &["-c", FILE]
            };
            vec![full(simple("perl", &["perl"], args))]
        }
        "ruby" if program.is_some_and(|program| !program.contains("ruby")) => {
            return Err("not-checked-other");
        }
        "ruby" => vec![full(simple(
            "ruby",
            &["ruby"],
            &["--disable-gems", "-c", FILE],
        ))],
        "node" => {
            let name = if is_es_module(text) {
                "script.mjs"
            } else {
                "script.cjs"
            };
            let job = simple("node", &["node", "nodejs"], &["--check", name]);
            let files = vec![(name.to_owned(), text.to_owned())];
            vec![Job {
                files,
                memory_mib: NODE_MEMORY_MIB,
                ..job
            }]
        }
        "lua" => vec![simple(
            "lua",
            &["luac", "luac5.4", "luac5.3"],
            &["-p", FILE],
        )],
        "tcl" => {
            let mut job = simple("tcl", &["tclsh", "tclsh8.6"], &["complete.tcl", FILE]);
            job.files.push(("complete.tcl".to_owned(), TCL.to_owned()));
            vec![job]
        }
        _ => Vec::new(),
    })
}

fn is_taint(word: &str) -> bool {
    word.starts_with('-') && !word.starts_with("--") && word.contains(['T', 't'])
}

/// Whether it says `import` or `export` where only modules do.
fn is_es_module(text: &str) -> bool {
    text.lines().any(|line| {
        let behind = |word| line.strip_prefix(word).unwrap_or("");
        behind("import").starts_with([' ', '{', '"', '\'', '*'])
            || behind("export").starts_with([' ', '{', '*'])
    })
}

#[cfg(test)]
mod tests {
    use std::{fs, process::Command};

    use super::*;
    use crate::model::Level;

    /// Runs a job with what this machine has, in a folder of its own and without an environment.
    fn here(program: &str, job: &Job) -> Outcome {
        let folder = std::env::temp_dir().join(format!(
            "glsr-checks-{}-{program}-{}",
            std::process::id(),
            job.checker
        ));
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in &job.files {
            fs::write(folder.join(name), text).expect("a file");
        }
        let ran = Command::new(program)
            .args(&job.args)
            .current_dir(&folder)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output();
        fs::remove_dir_all(&folder).expect("the folder goes");
        match ran {
            Err(_) => Outcome::NotRun(format!("no program {program}")),
            Ok(ran) => Outcome::Ended {
                code: ran.status.code(),
                out: [ran.stdout, ran.stderr]
                    .map(|b| String::from_utf8_lossy(&b).into_owned())
                    .concat(),
            },
        }
    }

    /// Findings of a checker but those of shellcheck; nothing where the program is missing, which is said.
    fn found(checker: &str, text: &str) -> Option<Vec<(Level, i64)>> {
        let found = external(checker, text, here);
        if let Some(none) = found
            .iter()
            .find(|f| f.message.contains("no program") && f.checker == checker)
        {
            eprintln!("SKIPPED: {}", none.message);
            return None;
        }
        Some(
            found
                .into_iter()
                .filter(|f| f.checker == checker)
                .map(|f| (f.level, f.line))
                .collect(),
        )
    }

    #[test]
    fn programs_of_this_machine() {
        use Level::{Error, Note, Warn};
        for (checker, text, wanted) in [
            (
                "bash",
                "#!/bin/bash\na=(1 2)\n[[ -n $a ]] && echo x\n",
                &[][..],
            ),
            ("bash", "if true; then\n echo x\nfi fi\n", &[(Error, 3)]),
            ("bash", "cat <<EOF\nabc\n", &[(Warn, 2)]),
            ("sh", "if true; then\n echo x\nfi fi\n", &[(Error, 3)]),
            ("sh", "#!/bin/sh\nls\n", &[]),
            ("zsh", "if true; then\n echo x\nfi fi\n", &[(Error, 3)]),
            ("python", "#!/usr/bin/python3\nx = 1\n", &[]),
            ("python", "x = 1\ndef f(:\n", &[(Error, 2)]),
            ("python", "\u{feff}x = 1\r\n", &[]),
            ("python", "#!/usr/bin/python2\nprint 1\n", &[(Note, 0)]),
            ("perl", "#!/usr/bin/perl -T\nprint 1;\n", &[]),
            ("perl", "my $x = 1;\nmy $y = ;\n", &[(Error, 2)]),
            ("perl", "use No::Such::Thing;\nmy $y = ;\n", &[(Note, 1)]),
            ("perl", "#!/bin/sh\necho\n", &[(Note, 0)]),
            ("ruby", "def x\n puts 1\nend\n", &[]),
            ("ruby", "def x\n puts 2)\nend\n", &[(Error, 2)]),
            ("node", "#!/usr/bin/node\nlet a = 1;\n", &[]),
            ("node", "let a = 1;\nlet b = ;\n", &[(Error, 2)]),
            ("node", "import a from 'a';\nlet b = ;\n", &[(Error, 2)]),
            ("lua", "#!/usr/bin/lua\nlocal x = 1\n", &[]),
            ("lua", "local x = 1\nif x the\n", &[(Error, 2)]),
            ("tcl", "#!/usr/bin/tclsh\nproc a {} {\n puts x\n}\n", &[]),
            ("tcl", "puts x\nproc a {} {\n puts x\n", &[(Error, 2)]),
        ] {
            if let Some(found) = found(checker, text) {
                assert_eq!(found, wanted, "{checker}: {text}");
            }
        }
    }

    #[test]
    fn all_programs_are_named() {
        let mut named: Vec<&str> = CHECKERS
            .iter()
            .flat_map(|checker| jobs(checker, "x").unwrap())
            .flat_map(|job| job.programs.iter().copied())
            .collect();
        named.sort_unstable();
        named.dedup();
        assert_eq!(named, PROGRAMS);
    }

    #[test]
    fn what_is_run() {
        for checker in CHECKERS {
            let jobs = jobs(checker, "x").unwrap();
            assert!(!jobs.is_empty(), "{checker}");
            for job in jobs {
                // Perl and Ruby run parts of what they check, zsh may expand words of it.
                let full = ["perl", "ruby", "zsh"].contains(&job.checker);
                assert_eq!(job.full, full, "{checker}");
                assert!(job.checker.len() <= 20 && !job.programs.is_empty());
            }
        }
        assert_eq!(jobs("none", "x"), Ok(vec![]));
        assert_eq!(
            jobs("perl", "#!/usr/bin/perl -wT\n").unwrap()[0].args[0],
            "-T"
        );
        assert_eq!(
            jobs("node", "export {a};\n").unwrap()[0].files[0].0,
            "script.mjs"
        );
    }
}

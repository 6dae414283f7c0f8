//! Whatever cannot be meant so is one line on standard error that names it, and exit code 2; and
//! where values come from when several places name one.

mod common;

use std::fs;
use std::net::TcpListener;

use common::{harmonious, output, site};

/// What a wrong start is made of.
#[derive(Default)]
struct Wrong<'a> {
    args: &'a [&'a str],
    environment: &'a [(&'a str, &'a str)],
    file: &'a str,
}

/// Serves a site so, and finds one line that begins and ends so, exit code 2, and nothing started.
#[track_caller]
fn check(wrong: Wrong<'_>, expected: &str) {
    let dir = site(&[]);
    let dir = dir.path();
    if !wrong.file.is_empty() {
        fs::write(dir.join("harmonious.toml"), wrong.file).unwrap();
    }
    let path = dir.to_str().unwrap();
    let mut command = harmonious(&["serve", path]);
    let args = wrong.args.iter().map(|arg| arg.replace("DIR", path));
    command.args(args).envs(wrong.environment.iter().copied());
    let output = output(command);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr.replace(path, "DIR"),
        format!("harmonious: {expected}\n")
    );
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty(), "it said that it had started");
}

fn args<'a>(args: &'a [&'a str]) -> Wrong<'a> {
    Wrong {
        args,
        ..Wrong::default()
    }
}

#[test]
fn flags() {
    check(
        args(&["--queue-wiat", "1s"]),
        "no flag --queue-wiat here: did you mean --queue-wait?",
    );
    check(
        args(&["--queue-len", "0"]),
        "queue-len is \"0\" (from --queue-len): allowed is a number, 1 to 1000000",
    );
    check(
        args(&["--max-body", "2 MegaByte"]),
        "max-body is \"2 MegaByte\" (from --max-body): \
         allowed is a size such as 64KiB or 2MB, 0B to 1TiB",
    );
    check(
        args(&["--workers", "4..8", "--start", "9"]),
        "start is \"9\" (from --start): allowed is 4 to 8, as workers is 4..8",
    );
    check(
        args(&["--control", "0.0.0.0:8081"]),
        "control is \"0.0.0.0:8081\" (from --control): \
         allowed is a loopback address such as 127.0.0.1:8081, unix:/PATH or off",
    );
    check(
        args(&["--listen", "example.org:80"]),
        "listen is \"example.org:80\" (from --listen): \
         allowed is IP:PORT, localhost:PORT, unix:/PATH or fd:N (it is no IP address with a port)",
    );
}

#[test]
fn environment() {
    let environment = |environment| Wrong {
        environment,
        ..Wrong::default()
    };
    check(
        environment(&[("HARMONIOUS_QUEUE_WAIT", "5 parsecs")]),
        "queue-wait is \"5 parsecs\" (from HARMONIOUS_QUEUE_WAIT): \
         allowed is a duration such as 500ms, 1 ms to 24 h",
    );
    check(
        environment(&[("HARMONIOUS_GRACE_PERIOD", "1s")]),
        &format!(
            "no setting HARMONIOUS_GRACE_PERIOD (from the environment): there is {}",
            names()
                .map(|name| variable(&name))
                .collect::<Vec<_>>()
                .join(", ")
                + ", HARMONIOUS_CONFIG"
        ),
    );
    check(
        environment(&[("HARMONIOUS_LOGLEVEL", "debug")]),
        "no setting HARMONIOUS_LOGLEVEL (from the environment): did you mean HARMONIOUS_LOG_LEVEL?",
    );
}

/// The names of all settings, as `harmonious config` prints them.
fn names() -> impl Iterator<Item = String> {
    let dir = site(&[]);
    let output = output(harmonious(&["config", dir.path().to_str().unwrap()]));
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<String> = text
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(names.len() > 20, "{text}");
    names.into_iter()
}

fn variable(name: &str) -> String {
    format!("HARMONIOUS_{}", name.to_uppercase().replace('-', "_"))
}

#[test]
fn file() {
    let file = |file| Wrong {
        file,
        ..Wrong::default()
    };
    check(
        file("# ours\nqueue_wait = \"1s\"\n"),
        "no setting \"queue_wait\" (from DIR/harmonious.toml:2): did you mean queue-wait?",
    );
    check(
        file("\n\nidle = \"never\"\n"),
        "idle is \"never\" (from DIR/harmonious.toml:3): \
         allowed is a duration such as 500ms, 1 ms to 24 h",
    );
    check(
        file("start = 2\nstart ="),
        "DIR/harmonious.toml:2: string values must be quoted, expected literal string",
    );
    check(
        args(&["--config", "DIR/none.toml"]),
        "cannot read the settings in DIR/none.toml: No such file or directory (os error 2)",
    );
}

#[test]
fn a_taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (flag, other) in [("listen", "control"), ("control", "listen")] {
        check(
            args(&[
                &format!("--{flag}"),
                &address,
                &format!("--{other}"),
                "127.0.0.1:0",
            ]),
            &format!(
                "{flag} is {address:?} (from --{flag}): allowed is an address of this machine that \
                 is free; the system says: Address already in use (os error 98)"
            ),
        );
    }
}

#[test]
fn a_folder_that_is_none() {
    let empty = tempfile::tempdir().unwrap();
    let empty = empty.path().to_str().unwrap();
    for (dir, expected) in [
        ("no-such-folder", "allowed is a folder that exists"),
        (
            empty,
            "it has neither a folder domains/ nor a folder static/; \"harmonious new DIR\" makes a site",
        ),
    ] {
        let output = output(harmonious(&["serve", dir]));
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("harmonious: SITE is {dir:?}: {expected}\n"));
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let dir = site(&[]);
    let file = "idle = \"1s\"\ngrace = \"1s\"\nqueue-wait = \"1s\"\naccess-log = false\n";
    fs::write(dir.path().join("harmonious.toml"), file).unwrap();
    let path = dir.path().to_str().unwrap();
    let mut command = harmonious(&["config", path, "--idle", "3s"]);
    command.envs([("HARMONIOUS_IDLE", "2s"), ("HARMONIOUS_GRACE", "2s")]);
    let output = output(command);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout)
        .unwrap()
        .replace(path, "DIR");
    let row = |name: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{name} ")));
        let words = line.unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("idle"), "idle 3s --idle");
    assert_eq!(row("grace"), "grace 2s HARMONIOUS_GRACE");
    assert_eq!(row("queue-wait"), "queue-wait 1s DIR/harmonious.toml:3");
    assert_eq!(row("access-log"), "access-log off DIR/harmonious.toml:4");
    assert_eq!(row("average"), "average 20 default");
}

#[test]
fn help_is_no_error() {
    for line in [&["--help"][..], &["serve", "--help"], &["--version"]] {
        let output = output(harmonious(line));
        assert!(output.status.success() && output.stderr.is_empty());
        assert!(!output.stdout.is_empty());
    }
}

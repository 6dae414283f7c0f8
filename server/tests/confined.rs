//! Programs that a site runs on what strangers sent in, through the real binary: what they can do, what they
//! cannot, and that nothing of them is left. Where this machine cannot confine programs, all that is shown is
//! that none is run, and the rest says on standard error that it was left out.

mod common;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use common::confining::{BINARY, Served, bash, left_out, marker, order, perl, processes, with};
use common::sites::{built, own, run as harmonious_run, succeed};
use common::{Answer, eventually, receive};
use rustix::process::Signal;
use serde_json::{Value, json};

// ---- what they can ----

#[test]
fn checkers_say_what_is_wrong_and_what_is_not() {
    let uses = [
        ("bash", &["-n"][..], "", "echo one", "if true"),
        ("sh", &["-n"], "", "echo one", "if true"),
        ("zsh", &["-n"], "", "echo one", "if true"),
        (
            "python3",
            &[
                "-I",
                "-S",
                "-c",
                "compile(open('script.py').read(), 'script.py', 'exec')",
            ],
            "script.py",
            "print(1)",
            "def (:",
        ),
        (
            "perl",
            &["-c", "script.pl"],
            "script.pl",
            "print 1;",
            "if (",
        ),
        ("ruby", &["-c", "script.rb"], "script.rb", "puts 1", "def ("),
        (
            "node",
            &["--check", "script.js"],
            "script.js",
            "f();",
            "f(;",
        ),
        (
            "luac",
            &["-p", "script.lua"],
            "script.lua",
            "print(1)",
            "print(",
        ),
        (
            "shellcheck",
            &["-f", "json1", "-"],
            "",
            "#!/bin/sh\necho one\n",
            "if true",
        ),
    ];
    for served in Served::as_each_user() {
        for (program, args, file, good, bad) in uses {
            let given = |text: &str| match file {
                "" => json!({ "stdin": text }),
                file => json!({ "files": [[file, text]] }),
            };
            let room =
                json!({ "full": true, "memory": if program == "node" { 4096 } else { 256 } });
            let run = with(order(program, args), &room);
            let ran = served.run(with(run.clone(), &given(good)));
            if ran["why"] == format!("{program} is not installed") {
                left_out(program, "it is not installed");
                continue;
            }
            assert_eq!(
                (&ran["ran"], &ran["code"]),
                (&json!(true), &json!(0)),
                "{program}: {ran}"
            );
            let ran = served.run(with(run, &given(bad)));
            assert_eq!(
                (&ran["ran"], &ran["why"]),
                (&json!(true), &json!("")),
                "{ran}"
            );
            assert!(
                ran["code"].as_i64().is_some_and(|code| code > 0),
                "{program}: {ran}"
            );
            let said = format!("{}{}", ran["stdout"], ran["stderr"]);
            assert!(said.len() > "\"\"\"\"".len(), "{program}: {ran}");
        }
    }
}

#[test]
fn arguments_are_no_line_for_a_shell_and_the_environment_is_not_the_servers() {
    for served in Served::as_each_user() {
        let odd = "$(echo x); echo 'y' \"z\" *\n";
        let ran = served.run(order("bash", &["-c", "printf %s \"$1\"", "--", odd]));
        assert_eq!(ran["stdout"], odd, "{ran}");
        let ran = served.run(order("env", &[]));
        let mut lines: Vec<&str> = ran["stdout"].as_str().unwrap().lines().collect();
        lines.sort_unstable();
        let [home, "LANG=C.UTF-8", "PATH=/usr/bin:/bin:/usr/local/bin"] = lines[..] else {
            panic!("{ran}");
        };
        let home = home.strip_prefix("HOME=").expect(home);
        let ran = served.run(with(
            bash("pwd; ls -A; cat"),
            &json!({ "files": [["a", ""]] }),
        ));
        let stdout = ran["stdout"].as_str().unwrap();
        let (folder, rest) = stdout.split_once('\n').unwrap();
        assert_eq!(
            (folder == home, rest),
            (false, "a\n"),
            "each has a folder of its own"
        );
        for folder in [folder, home] {
            assert!(!Path::new(folder).exists(), "{folder} is left");
        }
    }
}

#[test]
fn output_is_cut_and_told_to_be() {
    for served in Served::as_each_user() {
        let ran = served.run(perl("print 'x' x 3e6; print STDERR 'y' x 70000; exit 3"));
        let lens = ["stdout", "stderr"].map(|name| ran[name].as_str().unwrap().len());
        assert_eq!(lens, [64 << 10; 2]);
        assert_eq!((&ran["code"], &ran["truncated"]), (&json!(3), &json!(true)));
        let ran = served.run(perl("print 'x' x 65536"));
        assert_eq!(
            (&ran["code"], &ran["truncated"]),
            (&json!(0), &json!(false))
        );
        let ran = served.run(perl("print qq(\\xff\\n)"));
        assert_eq!(ran["stdout"], "\u{fffd}\n");
    }
}

// ---- their limits ----

#[test]
fn whoever_takes_too_long_is_ended() {
    for served in Served::as_each_user() {
        let short = json!({ "seconds": 1 });
        let ran = served.run(with(bash("echo begun; while :; do :; done"), &short));
        let expected = (&json!(true), &Value::Null, &json!("begun\n"));
        assert_eq!(
            (&ran["timed_out"], &ran["code"], &ran["stdout"]),
            expected,
            "{ran}"
        );
        let marker = marker("sleeper");
        let sleeper = order(
            "perl",
            &[
                "-e",
                "$SIG{XCPU} = $SIG{TERM} = 'IGNORE'; sleep 1000",
                &marker,
            ],
        );
        let ran = served.run(with(sleeper, &short));
        assert_eq!(
            (&ran["timed_out"], &ran["signal"]),
            (&json!(true), &json!(9)),
            "{ran}"
        );
        assert_eq!(processes(&marker), 0);
    }
}

#[test]
fn memory_and_processes_are_bounded() {
    for served in Served::as_each_user() {
        let hog = with(
            perl("$x = 'x' x 3e8; print 'got it'"),
            &json!({ "memory": 64 }),
        );
        let ran = served.run(hog.clone());
        assert_eq!(
            (&ran["ran"], &ran["stdout"]),
            (&json!(true), &json!("")),
            "{ran}"
        );
        assert_ne!(ran["code"], 0, "{ran}");
        let ran = served.run(with(hog, &json!({ "memory": 2048 })));
        assert_eq!(ran["stdout"], "got it", "{ran}");

        let marker = marker("bomb");
        let count = "$| = 1; for (1..200) { $p = fork; last unless defined $p; sleep 1000 unless $p; $n++ } print $n";
        let ran = served.run(order("perl", &["-e", count, &marker]));
        let forked: u32 = ran["stdout"].as_str().unwrap().parse().unwrap();
        assert!((1..24).contains(&forked), "{ran}");
        assert_eq!(processes(&marker), 0, "as {}", served.user);
        let bomb = order("perl", &["-e", "fork while 1", &marker]);
        let ran = served.run(with(bomb, &json!({ "seconds": 1 })));
        assert_eq!(
            (&ran["ran"], &ran["timed_out"]),
            (&json!(true), &json!(true)),
            "{ran}"
        );
        assert_eq!(processes(&marker), 0, "as {}", served.user);
    }
}

#[test]
fn what_it_started_ends_with_it() {
    for served in Served::as_each_user() {
        let marker = marker("left");
        let script =
            "use POSIX; unless (fork) { setsid; unless (fork) { sleep 1000 } exit } print 'done'";
        let ran = served.run(order("perl", &["-e", script, &marker]));
        let ended = (&ran["code"], &ran["stdout"], &ran["timed_out"]);
        assert_eq!(ended, (&json!(0), &json!("done"), &json!(false)), "{ran}");
        assert_eq!(processes(&marker), 0);
    }
}

// ---- what they cannot ----

#[test]
fn nothing_of_the_network_is_reached() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tcp.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let socket = dir.path().join("socket");
    let unix = UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o777)).unwrap();
    tcp.set_nonblocking(true).unwrap();
    unix.set_nonblocking(true).unwrap();
    for served in Served::as_each_user() {
        let ran = served.run(bash(&format!("echo hello > /dev/tcp/127.0.0.1/{port}")));
        assert_eq!(
            (&ran["ran"], &ran["code"]),
            (&json!(true), &json!(1)),
            "{ran}"
        );
        let script = format!(
            "use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0) and connect(S, sockaddr_un('{}')) and print 'there'",
            socket.display()
        );
        let ran = served.run(perl(&script));
        assert_eq!(
            (&ran["code"], &ran["stdout"]),
            (&json!(0), &json!("")),
            "{ran}"
        );
        assert!(tcp.accept().is_err() && unix.accept().is_err());
    }
}

#[test]
fn in_full_mode_no_file_beside_its_own_is_read_and_none_is_written() {
    let outside = tempfile::tempdir().unwrap();
    fs::set_permissions(outside.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let open = outside.path().join("open");
    fs::write(&open, "classified").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
    for served in Served::as_each_user() {
        let full = |script: &str| {
            let files = json!({ "full": true, "files": [["own", "mine"]] });
            served.run(with(perl(script), &files))
        };
        let read = |path: &str| full(&format!("open(F, '<', '{path}') or die $!; print <F>"));
        let refused = read("own");
        if refused["ran"] == false {
            left_out("full mode", refused["why"].as_str().unwrap());
            continue;
        }
        assert_eq!(refused["stdout"], "mine", "{refused}");
        let open = open.to_str().unwrap();
        let [secrets, notes, toml] =
            ["secrets.toml", "data/notes", "site.toml"].map(|n| served.path(n));
        for path in [
            open,
            &secrets,
            &notes,
            &toml,
            "/etc/shadow",
            "/etc/passwd",
            "/proc/1/environ",
        ] {
            let ran = read(path);
            assert_eq!(
                (&ran["stdout"], &ran["code"]),
                (&json!(""), &json!(13)),
                "{path}: {ran}"
            );
        }
        for (what, script) in [
            ("write", format!("open(F, '>>', '{open}') and print 'done'")),
            ("make", format!("open(F, '>', '{open}-2') and print 'done'")),
            (
                "write its own",
                "open(F, '>>', 'own') and print 'done'".to_owned(),
            ),
            (
                "make its own",
                "open(F, '>', 'new') and print 'done'".to_owned(),
            ),
            ("remove", format!("unlink('{notes}') and print 'done'")),
            (
                "shorten",
                format!("truncate('{notes}', 0) and print 'done'"),
            ),
            (
                "empty",
                format!("sysopen(F, '{notes}', 3 | 512) and print 'done'"),
            ),
            ("permit", format!("chmod(0666, '{notes}') and print 'done'")),
            ("date", format!("utime(0, 0, '{notes}') and print 'done'")),
        ] {
            let ran = full(&script);
            assert_eq!(
                (&ran["ran"], &ran["stdout"]),
                (&json!(true), &json!("")),
                "{what}: {ran}"
            );
        }
        assert_eq!(fs::read_to_string(&notes).unwrap(), "classified\n");
        assert_eq!(fs::read_to_string(open).unwrap(), "classified");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }
}

// ---- who may ----

#[test]
fn only_programs_that_the_site_names_are_run() {
    let mut served = Served::start(&[]);
    let answer = served.ask(&order("cat", &["/dev/null"])).to(&served.server);
    assert_eq!(answer.status, 500);
    let line = served.server.line(|line| line.contains("cat"));
    assert!(
        line.contains("run") && line.contains("[run] of site.toml"),
        "{line}"
    );
    for path in ["/bin/bash", "../bin/bash", ""] {
        let answer = served.ask(&order(path, &[])).to(&served.server);
        assert_eq!(answer.status, 500, "{path}");
    }
    let ran = served.run(order("no-such-checker", &[]));
    let expected = (&json!(false), &json!("no-such-checker is not installed"));
    assert_eq!((&ran["ran"], &ran["why"]), expected);
    let answer = served
        .ask(&with(bash(""), &json!({ "seconds": 31 })))
        .to(&served.server);
    assert_eq!(answer.status, 500);
    served
        .server
        .line(|line| line.contains("seconds is 31: allowed is 1 to 30"));
}

#[test]
fn the_command_behind_it_does_nothing_by_hand_and_is_not_in_the_help() {
    let site = built("confined");
    let output = harmonious_run(&["confined", site.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("it is of no use by hand"));
    assert!(!succeed(harmonious_run(&["--help"])).contains("confined"));
}

#[test]
fn two_run_at_a_time_and_none_outlives_the_server() {
    for mut served in Served::as_each_user() {
        let marker = marker("turn");
        let sleeper = order("perl", &["-e", "sleep 1000", &marker]);
        let sleeper = with(sleeper, &json!({ "seconds": 30 }));
        let _waiting = [&sleeper; 2].map(|run| served.ask(run).sent_to(&served.server));
        eventually("two run", || processes(&marker) == 2);
        let third = served.run(sleeper.clone());
        assert_eq!(third["ran"], false, "{third}");
        assert!(
            third["why"].as_str().unwrap().contains("2 others run"),
            "{third}"
        );
        assert_eq!(processes(&marker), 2);
        served.server.signal(Signal::KILL);
        served.server.ended();
        eventually("none is left", || processes(&marker) == 0);
    }
}

#[test]
fn who_waits_for_a_turn_gets_it() {
    for served in Served::as_each_user() {
        let asked: Vec<_> = (0..6)
            .map(|_| served.ask(&perl("print 1")).sent_to(&served.server))
            .collect();
        for answer in asked {
            let answer: Answer = receive(answer);
            assert_eq!(
                (answer.status, &answer.json()["stdout"]),
                (200, &json!("1"))
            );
        }
    }
}

// ---- where they cannot be confined ----

#[test]
fn without_namespaces_nothing_is_run() {
    // In a namespace in which no further one can be made but the one that gives the server a user that is
    // not root.
    let no_more = "PATH=/usr/bin:/bin; echo 1 > /proc/sys/user/max_user_namespaces && \
                   exec unshare --user --map-user=1 \"$@\"";
    let before = [
        "/usr/bin/unshare",
        "--user",
        "--map-root-user",
        "/bin/bash",
        "-c",
        no_more,
        "--",
    ];
    let mut probe = Command::new(before[0]);
    probe.args(&before[1..]).args([BINARY, "--version"]);
    if !probe.output().is_ok_and(|output| output.status.success()) {
        let served = Served::start(&[]);
        let ran = served.run(perl("print 1"));
        assert_eq!(
            (&ran["ran"], &ran["stdout"]),
            (&json!(false), &json!("")),
            "{ran}"
        );
        return left_out(
            "a server without namespaces among those that have",
            "there are none here",
        );
    }
    let served = Served::start(&before);
    for full in [false, true] {
        let ran = served.run(with(perl("print 1"), &json!({ "full": full })));
        assert_eq!(
            (&ran["ran"], &ran["stdout"]),
            (&json!(false), &json!("")),
            "{ran}"
        );
        let why = ran["why"].as_str().unwrap();
        assert!(why.contains("user.max_user_namespaces"), "{why}");
    }
}

#[test]
fn files_that_the_server_was_born_with_are_not_handed_on() {
    if Served::as_each_user().is_empty() {
        return;
    }
    let other = own("confined");
    let file = other.path().join("site.toml");
    let open = format!("exec 7<{}; exec \"$@\"", file.display());
    let served = Served::start(&["/bin/bash", "-c", &open, "--"]);
    let ran = served.run(bash("cat <&7"));
    assert_eq!(
        (&ran["ran"], &ran["stdout"]),
        (&json!(false), &json!("")),
        "{ran}"
    );
    let why = ran["why"].as_str().unwrap();
    assert!(
        why.contains("descriptor 7") && why.contains("site.toml"),
        "{why}"
    );
}

//! Tasks through the real binary: from the command line, at the start, at intervals.
//!
//! One test takes the server of `TEST_POSTGRES_URL`, and makes a database of its own there; without it it is
//! left out, and says so.

mod common;

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Output, Stdio};

use common::ask::Ask;
use common::sites::{Workshop, folder, own, run, serve, succeed, write};
use common::{Server, eventually, harmonious};
use harmonious_db::{Config, Database};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

fn task(site: &Path, words: &[&str]) -> Output {
    run(&[&["task", site.to_str().unwrap()], words].concat())
}

/// Exit code, and what was said on standard error.
fn told(output: Output) -> (Option<i32>, String) {
    let text = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

fn count(server: &Server, name: &str) -> usize {
    let answer = Ask::get(&format!("/?name={name}")).to(server);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body.parse().unwrap()
}

/// How many marks of a name there are, without a server.
fn kept(site: &TempDir, name: &str) -> i64 {
    let url = format!("sqlite:{}", site.path().join("data/site.db").display());
    let database = Database::open(&Config::new(&url)).unwrap();
    let sql = "SELECT count(*) FROM marks WHERE name = ?";
    let rows = database.query(sql, &[name.into()]).unwrap();
    rows[0].at(0).unwrap()
}

#[test]
fn tasks_are_listed_with_what_they_do_and_when_they_run() {
    let site = own("tasks");
    let list = "half                    Does half of it.\n\
                read                    Reads a long text so many times.\n\
                start    at each start  Marks each start.\n\
                take-in                 Marks so many numbers, 200 in a transaction.\n\
                tell\n\
                tick     every 1s       Marks that time passes.\n\
                tock     every 1s       Never works.\n";
    assert_eq!(succeed(task(site.path(), &[])), list);
    // To look at the list runs nothing.
    assert!(!site.path().join("data").exists());
    let (code, text) = told(task(site.path(), &["take_inn", "x"]));
    assert_eq!(code, Some(2));
    let names = "half, read, start, take-in, tell, tick, tock";
    assert_eq!(
        text,
        format!("harmonious: no task \"take-inn\": there is {names}\n")
    );
}

#[test]
fn a_task_has_all_that_follows_its_name_and_the_services_of_its_site() {
    let site = own("tasks");
    let words = ["tell", "--help", "-x", "--", "a b", "--config=1"];
    let output = task(site.path(), &words);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("they are told"), "{error}");
    // Before any other task.
    assert!(error.contains("the site starts []"), "{error}");
    let expected = "tasks [\"--help\", \"-x\", \"--\", \"a b\", \"--config=1\"] sealed\n";
    assert_eq!(succeed(output), expected);
    let (code, text) = told(task(site.path(), &["start", "-v"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("the site starts [\"-v\"]"), "{text}");
    assert_eq!(kept(&site, "start"), 2);
}

#[test]
fn an_import_goes_on_for_as_long_as_it_takes() {
    let site = own("tasks");
    let output = task(site.path(), &["take_in", "2000"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(succeed(output), "2000 are there\n");
    let lines: Vec<&str> = error.lines().filter(|line| line.contains(" % ")).collect();
    assert_eq!(lines.len(), 10, "{error}");
    assert_eq!(lines[9], " 100 %  2000 of 2000");
    assert_eq!(kept(&site, "taken"), 2000);
    // More than one request may be answered by its services.
    assert_eq!(
        succeed(task(site.path(), &["read", "600"])),
        (600 * 512 * 1024).to_string()
    );
}

#[test]
fn a_task_that_fails_says_why_and_leaves_nothing_half_done() {
    let site = own("tasks");
    for (words, expected) in [
        (&["half"][..], "the task half: no whole\n"),
        (
            &["take-in", "many"],
            "the task take-in: that is no number: ",
        ),
        (
            &["half", "panics"],
            "the task half: panicked: no whole on purpose (domains/_tasks.rs:",
        ),
        (
            &["half", "renders"],
            "the task half: \"render\" needs a request: there is none in a task (domains/_tasks.rs:",
        ),
    ] {
        let (code, text) = told(task(site.path(), words));
        assert_eq!(code, Some(1), "{text}");
        let expected = format!("harmonious: tasks: {expected}");
        assert!(text.contains(&expected), "{text}");
    }
    assert_eq!((kept(&site, "half"), kept(&site, "taken")), (0, 0));
}

#[test]
fn a_task_that_is_interrupted_leaves_nothing_half_done() {
    let site = own("tasks");
    let mut command = harmonious(&["task", site.path().to_str().unwrap(), "half", "waits"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "waits\n");
    let pid = Pid::from_raw(child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(2));
    assert_eq!((kept(&site, "half"), kept(&site, "start")), (0, 1));
}

#[test]
fn the_task_start_runs_once_at_each_start_before_anybody_is_answered() {
    let site = own("tasks");
    for starts in 1..=2 {
        let mut server = serve(&[site.path()], &[]);
        assert_eq!(count(&server, "start"), starts);
        server.line(|line| line.contains("the site starts []"));
        server.signal(Signal::TERM);
        assert!(server.ended().success());
        let lines = server.log.iter();
        assert_eq!(
            lines
                .filter(|line| line.contains("the site starts"))
                .count(),
            1
        );
    }
}

#[test]
fn a_site_whose_start_fails_is_not_served() {
    let site = own("tasks");
    write(
        site.path(),
        "site.toml",
        "name = \"tasks\"\n[config]\nfails = true\n",
    );
    let dir = site.path().to_str().unwrap();
    let (code, text) = told(run(&["serve", dir, "--listen", "127.0.0.1:0"]));
    assert_eq!(code, Some(1), "{text}");
    let expected = "harmonious: tasks: the task start: no start on purpose (domains/_tasks.rs:";
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("listening"), "{text}");
    // Nor does any other task run.
    let (code, text) = told(task(site.path(), &["take-in", "1"]));
    assert_eq!(code, Some(1), "{text}");
    assert_eq!((kept(&site, "start"), kept(&site, "taken")), (2, 0));
}

#[test]
fn tasks_with_an_interval_run_while_the_site_is_served() {
    let site = own("tasks");
    let mut server = serve(&[site.path()], &[]);
    eventually("three ticks", || count(&server, "tick") >= 3);
    // What fails is told with its name, and tried again.
    for _ in 0..2 {
        let line = server.line(|line| line.contains("no tock on purpose"));
        assert!(
            line.contains("ERROR") && line.contains("the task tock") && line.contains("_tasks"),
            "{line}"
        );
    }
    server.signal(Signal::TERM);
    assert!(server.ended().success());
}

/// A server and tasks write to the same database at once, and see each other.
fn work_beside_each_other(site: &TempDir) {
    let server = serve(&[site.path()], &[]);
    let post = || {
        let answer = Ask::post("/?name=taken", "text/plain", "").to(&server);
        assert_eq!(answer.status, 204, "{answer:?}");
    };
    post();
    std::thread::scope(|scope| {
        let tasks = ["400", "401"].map(|n| scope.spawn(move || task(site.path(), &["take-in", n])));
        for _ in 0..50 {
            post();
        }
        for task in tasks {
            succeed(task.join().unwrap());
        }
    });
    assert_eq!(count(&server, "taken"), 1 + 400 + 401 + 50);
    assert_eq!(
        succeed(task(site.path(), &["take-in", "0"])),
        "852 are there\n"
    );
}

#[test]
fn tasks_work_beside_a_running_server_in_sqlite() {
    work_beside_each_other(&own("tasks"));
}

#[test]
fn tasks_work_beside_a_running_server_in_postgresql() {
    let Ok(url) = std::env::var("TEST_POSTGRES_URL") else {
        return println!("left out: TEST_POSTGRES_URL names no database");
    };
    let admin = Database::open(&Config::new(&url)).unwrap();
    let name = format!("h_tasks_{}", std::process::id());
    let create = format!("CREATE DATABASE {name}");
    admin.execute(&create, &[]).unwrap();
    let (server, _) = url.rsplit_once('/').unwrap();
    let site = own("tasks");
    let secret = format!("database-url = \"{server}/{name}\"\n");
    write(site.path(), "secrets.toml", &secret);
    work_beside_each_other(&site);
    let drop = format!("DROP DATABASE {name} WITH (FORCE)");
    admin.execute(&drop, &[]).unwrap();
}

#[test]
fn while_a_site_is_written_start_runs_and_one_that_fails_is_told() {
    let shop = Workshop::with("tasks");
    let mut server = shop.start("dev", &[]);
    assert_eq!(count(&server, "start"), 1);
    drop(server);
    shop.write("site.toml", "name = \"tasks\"\n[config]\nfails = true\n");
    server = shop.start("dev", &[]);
    server.line(|line| line.contains("the task start: no start on purpose"));
    assert_eq!(count(&server, "start"), 2);
}

#[test]
fn tasks_that_nobody_could_find_are_problems() {
    const PAGE: &str = "#[get]\nfn show() {}\n";
    for (files, expected) in [
        (
            &[(
                "domains/index.rs",
                "#[get]\nfn show() {}\n#[task]\nfn import() {}\n",
            )][..],
            "error: domains/index.rs:3: the task `import` is not in a parent of the root: move it into a \
             file such as `domains/_tasks.rs`",
        ),
        (
            &[
                ("domains/index.rs", PAGE),
                ("domains/a/_tasks.rs", "#[task]\nfn import() {}\n"),
            ],
            "error: domains/a/_tasks.rs:1: the task `import` is not in a parent of the root",
        ),
        (
            &[
                ("domains/index.rs", PAGE),
                ("domains/_a.rs", "#[task]\nfn import() {}\n"),
                ("domains/_b.rs", "#[task]\nfn import() {}\n"),
            ],
            "error: domains/_b.rs:1: a second task `import`: give it another name: the first is in \
             domains/_a.rs",
        ),
        (
            &[
                ("domains/index.rs", PAGE),
                (
                    "domains/_a.rs",
                    "#[task(every = \"soon\")]\nfn import() {}\n",
                ),
            ],
            "error: domains/_a.rs:1: the task `import`: its interval cannot be read: write a duration from \
             1 s to 366 days",
        ),
        (
            &[
                ("domains/index.rs", PAGE),
                (
                    "domains/_a.rs",
                    "#[task(every = \"1ms\")]\nfn import() {}\n",
                ),
            ],
            "write a duration from 1 s to 366 days",
        ),
        (
            &[
                ("domains/index.rs", PAGE),
                ("domains/_a.rs", "#[task(every = \"1h\")]\nfn start() {}\n"),
            ],
            "the task `start` runs at each start, and has no interval",
        ),
    ] {
        let site = folder(files);
        let dir = site.path().to_str().unwrap();
        let checked = run(&["check", dir]);
        assert_eq!(checked.status.code(), Some(1));
        let text = String::from_utf8(checked.stdout).unwrap();
        assert!(text.contains(expected), "{expected}\n{text}");
        assert!(text.contains(": 1 errors, 0 warnings"), "{text}");
        let (code, text) = told(task(site.path(), &[]));
        assert_eq!(code, Some(2));
        assert!(text.contains(expected), "{text}");
    }
}

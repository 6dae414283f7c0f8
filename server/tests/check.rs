//! `harmonious check` through the real binary: what is wrong is told with its place and with what to do,
//! for people and for programs, and keeps `serve` from starting.

mod common;

use std::fs;

use common::sites::{self, PAGE, folder, succeed};
use serde_json::Value;

/// `check` finds this in a site: exit code, and a line that has all of these parts, the first being the
/// place.
#[track_caller]
fn check(files: &[(&str, &str)], code: i32, parts: &[&str]) {
    let dir = folder(files);
    let output = sites::run(&["check", dir.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}{error}");
    let has_all = |line: &str| parts.iter().all(|part| line.contains(part));
    assert!(
        text.lines().any(has_all),
        "no line with {parts:?} in\n{text}{error}"
    );

    // A program reads the same.
    let output = sites::run(&["check", dir.path().to_str().unwrap(), "--json"]);
    let problems: Value = serde_json::from_slice(&output.stdout).unwrap();
    let problems = problems.as_array().unwrap();
    for problem in problems {
        assert!(
            problem["advice"]
                .as_str()
                .is_some_and(|advice| !advice.is_empty()),
            "{problem}"
        );
    }
    let place = |problem: &Value| {
        let file = problem["file"].as_str().unwrap();
        let line = problem["line"]
            .as_u64()
            .map_or_else(String::new, |line| format!(":{line}"));
        format!("{}: {file}{line}: ", problem["severity"].as_str().unwrap())
    };
    assert!(
        problems
            .iter()
            .any(|problem| place(problem).contains(parts[0])),
        "{problems:#?}"
    );
    if code == 0 {
        return;
    }
    // What `check` calls an error about the tree keeps `serve` from starting, in the same words.
    let output = sites::run(&[
        "serve",
        dir.path().to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ]);
    assert_ne!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty(), "it said that it had started");
}

#[test]
fn a_site_without_a_mistake_has_none() {
    for name in [
        "inheritance",
        "errors",
        "site-one",
        "site-two",
        "developing",
    ] {
        let site = sites::built(name);
        let text = succeed(sites::run(&["check", site.to_str().unwrap()]));
        assert!(text.contains(": 0 errors, "), "{name}: {text}");
    }
}

#[test]
fn two_files_for_one_url_are_an_error() {
    let what = "answers the same URL";
    check(
        &[("domains/about.html", ""), ("domains/about.tpl", "")],
        1,
        &[
            "error: domains/about.tpl: ",
            "domains/about.html",
            what,
            "keep one",
        ],
    );
    check(
        &[("domains/x.rs", PAGE), ("domains/x/index.rs", PAGE)],
        1,
        &[
            "error: domains/x.rs: ",
            "domains/x/index.rs",
            "two pages for one URL",
            "keep one",
        ],
    );
    check(
        &[("domains/[a].rs", PAGE), ("domains/[b].rs", PAGE)],
        1,
        &["error: domains/[b].rs: ", "domains/[a].rs"],
    );
    check(
        &[
            ("domains/[a]/index.html", ""),
            ("domains/[b]/index.html", ""),
        ],
        1,
        &["error: domains/[b]: "],
    );
    check(
        &[("domains/raw.txt.rs", PAGE), ("static/raw.txt", "")],
        1,
        &["error: domains/raw.txt.rs: ", "static/raw.txt", "guards"],
    );
}

#[test]
fn names_that_differ_only_in_case_or_form_are_an_error() {
    check(
        &[("domains/About.rs", PAGE), ("domains/about.rs", PAGE)],
        1,
        &["error: domains/about.rs: ", "About.rs", "rename"],
    );
    check(
        &[
            ("domains/caf\u{e9}.html", ""),
            ("domains/cafe\u{301}.html", ""),
        ],
        1,
        &["error: domains/caf", "composed", "rename"],
    );
}

#[test]
fn names_that_mean_nothing_are_an_error() {
    check(
        &[("domains/[x.rs", PAGE)],
        1,
        &["error: domains/[x.rs: ", "brackets"],
    );
    check(
        &[("domains/[x=u46].rs", PAGE)],
        1,
        &["error: domains/[x=u46].rs: ", "did you mean `u64`"],
    );
    check(
        &[("domains/[x]/[x].rs", PAGE)],
        1,
        &[
            "error: domains/[x]/[x].rs: ",
            "a second dynamic segment named `x`",
            "own name",
        ],
    );
}

#[test]
fn an_unknown_parent_is_told_with_all_places_that_were_tried() {
    let child = PAGE.replace("\n\n", "\n\nmodule! { inherits = \"membr\" }\n\n");
    check(
        &[("domains/_member.rs", PAGE), ("domains/a/b/x.rs", &child)],
        1,
        &[
            "error: domains/a/b/x.rs: ",
            "\"membr\"",
            "domains/a/b/_membr.rs, domains/a/_membr.rs, domains/_membr.rs",
            "did you mean \"member\"",
        ],
    );
}

#[test]
fn parents_in_a_circle_are_told_with_the_circle() {
    let parent = |of: &str| {
        format!("//! A parent.\nuse harmonious::prelude::*;\n\nmodule! {{ inherits = \"{of}\" }}\n")
    };
    check(
        &[
            ("domains/_a.rs", &parent("b")),
            ("domains/_b.rs", &parent("a")),
            ("domains/index.html", ""),
        ],
        1,
        &[
            "error: domains/_",
            "domains/_a.rs -> domains/_b.rs",
            "inherits",
        ],
    );
}

#[test]
fn a_module_that_answers_nothing_is_an_error() {
    let empty = "//! Nothing.\nuse harmonious::prelude::*;\n";
    check(
        &[("domains/x.rs", empty)],
        1,
        &["error: domains/x.rs: ", "without a handler", "#[get]"],
    );
    check(
        &[("domains/_404.rs", PAGE)],
        1,
        &["error: domains/_404.rs: ", "#[error_page]"],
    );
    let hidden = PAGE.replace("#[get]", "mod inner {\n#[get]") + "}\n";
    check(
        &[("domains/x.rs", &hidden)],
        1,
        &["error: domains/x.rs:5: ", "top of the file"],
    );
}

#[test]
fn what_a_source_declares_wrongly_is_told_with_its_line() {
    let with = |line: &str| PAGE.replace("\n\n", &format!("\n\n{line}\n\n"));
    check(
        &[("domains/x.rs", &with("module! { time_limit = \"soon\" }"))],
        1,
        &["error: domains/x.rs:4: ", "time_limit", "5s"],
    );
    check(
        &[(
            "domains/x.rs",
            &with("#[get]\nfn twice(_: &Request) -> Result<Response> { panic!() }"),
        )],
        1,
        &["error: domains/x.rs:", "both answer GET", "keep one"],
    );
    check(
        &[("domains/x.rs", "//! Broken.\nfn f( {\n")],
        1,
        &["error: domains/x.rs:", "not Rust"],
    );
    check(
        &[
            ("domains/x.rs", PAGE),
            ("domains/domain.toml", "\nalow_dot = []\n"),
        ],
        1,
        &[
            "error: domains/domain.toml:2: ",
            "alow_dot",
            "did you mean `allow_dot`",
        ],
    );
}

#[test]
fn what_no_module_may_do_is_named_by_check() {
    let doing = |what: &str| PAGE.replace("    Ok(", &format!("    {what};\n    Ok("));
    for (what, named) in [
        ("std::process::exit(1)", "process-exit"),
        ("std::process::abort()", "process-exit"),
        ("std::thread::spawn(|| {})", "threads"),
    ] {
        let dir = folder(&[("domains/x.rs", &doing(what))]);
        let output = sites::run(&["check", dir.path().to_str().unwrap()]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        let line = text
            .lines()
            .find(|line| line.starts_with("error: domains/x.rs:6: "));
        assert!(
            line.is_some_and(|line| line.contains(named)),
            "{what}: {text}"
        );
    }
    let state = PAGE.replace("#[get]", "static mut COUNT: u32 = 0;\n\n#[get]");
    check(
        &[("domains/x.rs", &state)],
        0,
        &["warning: domains/x.rs:4: ", "COUNT", "one copy per module"],
    );
}

#[test]
fn templates_are_checked() {
    check(
        &[("domains/x.html", "fine\n{% if %}\n")],
        1,
        &["error: domains/x.html:2: ", "mend the template"],
    );
    check(
        &[("domains/a/x.html", "{% extends \"_none.html\" %}")],
        1,
        &[
            "error: domains/a/x.html:1: ",
            "_none.html",
            "mend the template",
        ],
    );
    check(
        &[("domains/x.html", "\n\n{{ x | safe }}")],
        0,
        &["warning: domains/x.html:3: ", "safe", "visitor"],
    );
}

#[test]
fn what_templates_ask_of_the_site_is_checked() {
    let about = ("domains/about.html", "");
    for (text, code, told) in [
        (
            "\n{{ url_for(path='/abuot') }}",
            1,
            &[
                "error: domains/x.html:2: ",
                "no page has the path `/abuot`: did you mean \"/about\"?",
            ],
        ),
        (
            "{{ asset(path='x.css') }}",
            1,
            &[
                "error: domains/x.html:1: ",
                "there is no file `x.css` in static/",
            ],
        ),
        (
            "{{ module.title | default(value='') }}{{ url_for(path='/about') }}",
            0,
            &["warning: domains/x.html:1: ", "no module exports `title`"],
        ),
    ] {
        check(&[("domains/x.html", text), about], code, told);
    }
}

#[test]
fn what_site_toml_says_of_sessions_and_databases_is_checked() {
    for (text, told) in [
        ("origins = [\"example\"]", "origins in "),
        ("[sessions]\ncookie = \"a b;c\"", "sessions.cookie in "),
        (
            "[database]\nurl = \"mysite.db\"",
            "database.url is \"mysite.db\" in ",
        ),
        (
            "[database]\nurl = \"oracle://h/d\"",
            "write sqlite:PATH, postgres://",
        ),
        ("[database]\nurl = \"sqlite:../x.db\"", "leave out `..`"),
        ("queue-wait = \"500xs\"", "queue-wait is \"500xs\" (from "),
        (
            "[sessions]\nstore = \"disk\"",
            "allowed is \"database\" or \"memory\"",
        ),
        ("[database]\nurll = \"\"", "did you mean url?"),
        (
            "[database]\nurl = \"postgres://a:b@c/d\"",
            "put the whole URL into secrets.toml",
        ),
        ("proxies = [\"proxy\"]", "a list of addresses"),
    ] {
        let dir = folder(&[("domains/index.html", ""), ("site.toml", text)]);
        let output = sites::run(&["check", dir.path().to_str().unwrap()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}: {error}");
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn migrations_that_are_never_applied_are_told() {
    let index = ("domains/x/index.html", "");
    check(
        &[index, ("domains/x/_migrations/V1__a.sql", "SELECT 1;")],
        0,
        &[
            "warning: domains/x/_migrations: ",
            "never applied",
            "`[database]` into domains/x/domain.toml",
        ],
    );
    check(
        &[index, ("domains/_migrations/V1__a.sql", "SELECT 1;")],
        0,
        &[
            "warning: domains/_migrations: ",
            "migrations/ beside domains/",
        ],
    );
    check(
        &[index, ("migrations/1_users.sql", "SELECT 1;")],
        1,
        &[
            "error: migrations: ",
            "\"1_users\" is not called V1__name.sql",
        ],
    );
}

#[test]
fn secrets_that_may_not_be_meant_so_are_told() {
    let index = ("domains/index.html", "");
    check(
        &[
            index,
            ("secrets.toml", "databse-url = \"mysql://me:x@h/d\""),
        ],
        0,
        &[
            "warning: secrets.toml: ",
            "databse-url",
            "did you mean database-url?",
        ],
    );
    check(
        &[
            index,
            ("secrets.toml", "database-url = \"mysql://me:x@h/d\""),
            ("site.toml", "[database]\nurl = \"sqlite:x.db\""),
        ],
        0,
        &["warning: secrets.toml: ", "not `database.url`", "keep one"],
    );
}

#[test]
fn a_module_that_takes_requests_without_a_token_is_named() {
    check(
        &[(
            "domains/api.rs",
            "//! An interface.\nuse harmonious::prelude::*;\nmodule! { csrf = false }\n\
             #[post]\nfn take(_req: &Request) -> Result<Response> { Ok(Response::text(\"taken\")) }\n",
        )],
        0,
        &["warning: domains/api.rs: ", "csrf = false"],
    );
}

#[test]
fn links_are_told_and_not_followed() {
    let dir = folder(&[("domains/index.html", "home"), ("outside.html", "outside")]);
    let link = dir.path().join("domains/link.html");
    std::os::unix::fs::symlink(dir.path().join("outside.html"), link).unwrap();
    let output = sites::run(&["check", dir.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("error: domains/link.html: is a symbolic link"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_looked_at_is_exit_code_2() {
    let dir = folder(&[("site.toml", "hosst = []\n"), ("domains/index.html", "")]);
    let output = sites::run(&["check", dir.path().to_str().unwrap()]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("hosst") && error.contains("did you mean hosts?"),
        "{error}"
    );
    assert_eq!(
        sites::run(&["check", "no-such-folder"]).status.code(),
        Some(2)
    );
    for command in ["routes", "check"] {
        let empty = folder(&[]);
        let output = sites::run(&[command, empty.path().to_str().unwrap()]);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert_ne!(output.status.code(), Some(0), "{command}: {said}");
        assert!(said.contains("domains"), "{command}: {said}");
    }
}

#[test]
fn a_library_that_is_spoiled_is_named_by_check() {
    let site = sites::own("site-one");
    let index = fs::read(site.path().join(".harmonious/modules.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    let file = index["modules"]["only"]["file"].as_str().unwrap();
    fs::write(site.path().join(".harmonious").join(file), "no library").unwrap();
    let output = sites::run(&["check", site.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let line = text
        .lines()
        .find(|line| line.starts_with("error: domains/only.rs: "));
    assert!(
        line.is_some_and(|line| line.contains("harmonious build")),
        "{text}"
    );
    assert!(
        !text.contains("domains/index.rs"),
        "the others are as they should be: {text}"
    );
}

//! What is wrong with a site is named: what, where, what to do, and where was looked.
//!
//! Why it is long: each kind of problem has its small site here.

mod tree;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use harmonious_dispatcher::manifest::{Found, Manifest, Problem, Problems, Severity, canonical};
use tree::{ERROR, GUARD, PAGE, folder, problem, problems, scan, site};

/// That a site has exactly one error, in this file, whose text has all of these words.
#[track_caller]
fn wrong(files: &[(&str, &str)], file: &str, words: &[&str]) {
    let problem = problem(files);
    assert_eq!(
        problem.file,
        PathBuf::from("domains").join(file),
        "{problem}"
    );
    let text = problem.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is not in: {text}");
    }
    assert!(!problem.advice.is_empty(), "{text}");
}

#[test]
fn two_files_for_one_url_are_named() {
    wrong(
        &[("about.html", ""), ("about.tpl", "")],
        "about.tpl",
        &["domains/about.html answers the same URL"],
    );
    wrong(
        &[("index.html", ""), ("index.tpl", "")],
        "index.tpl",
        &["domains/index.html"],
    );
    wrong(
        &[("x.rs", PAGE), ("x/index.rs", PAGE)],
        "x.rs",
        &["domains/x.rs", "domains/x/index.rs", "one URL"],
    );
    wrong(
        &[("x.rs", PAGE), ("x/index.html", "")],
        "x.rs",
        &["domains/x/index.html"],
    );
    wrong(
        &[("x.html", ""), ("x/index.rs", PAGE)],
        "x.html",
        &["domains/x/index.rs"],
    );
    wrong(
        &[("[x].rs", PAGE), ("[y]/index.rs", PAGE)],
        "[x].rs",
        &["domains/[y]/index.rs"],
    );
    wrong(
        &[("x.rs", PAGE), ("x.html", ""), ("x.tpl", "")],
        "x.tpl",
        &["domains/x.html", "template of its name"],
    );
    wrong(
        &[("_404.html", ""), ("_404.tpl", "")],
        "_404.tpl",
        &["`_404`"],
    );
    // A folder beside a page of its name is fine where the folder is no page.
    site(&[("x.rs", PAGE), ("x/inner.rs", PAGE)]);
    site(&[("[x].rs", PAGE), ("[y=u64]/index.rs", PAGE)]);
}

#[test]
fn two_dynamic_names_of_equal_rank_are_named() {
    wrong(
        &[("[a].rs", PAGE), ("[b].rs", PAGE)],
        "[b].rs",
        &["domains/[a].rs", "without a type"],
    );
    wrong(
        &[("[a=u64].rs", PAGE), ("[b=slug].rs", PAGE)],
        "[b=slug].rs",
        &["domains/[a=u64].rs", "with a type"],
    );
    wrong(
        &[("[a]/x.rs", PAGE), ("[b]/x.rs", PAGE)],
        "[b]",
        &["domains/[a]"],
    );
    wrong(
        &[("[...a].rs", PAGE), ("[...b].rs", PAGE)],
        "[...b].rs",
        &["domains/[...a].rs"],
    );
    wrong(
        &[("[id]/[id].rs", PAGE)],
        "[id]/[id].rs",
        &["a second dynamic segment named `id`"],
    );
}

#[test]
fn names_that_look_alike_are_named() {
    for (one, other) in [
        ("About.rs", "about.rs"),
        ("Blog/x.rs", "blog/x.rs"),
        ("Blog/x.rs", "blog.rs"),
        ("caf\u{e9}.rs", "cafe\u{301}.rs"),
        ("_Auth.rs", "_auth.rs"),
        ("STRASSE.rs", "strasse.html"),
        ("_Layout.html", "_layout.html"),
    ] {
        let all = problems(&[(one, PAGE), (other, PAGE)]);
        assert_eq!(all.len(), 1, "{}", Problems(all));
        assert!(all[0].what.contains("differ only in case"), "{}", all[0]);
    }
}

#[test]
fn an_unknown_parent_is_named_with_all_places() {
    let unknown = problem(&[
        ("_member.rs", ""),
        (
            "a/b/page.rs",
            "module! { inherits = \"memebr\" }\n#[get] fn f() {}",
        ),
    ]);
    assert_eq!(unknown.file, Path::new("domains/a/b/page.rs"));
    let places = [
        "domains/a/b/_memebr.rs",
        "domains/a/_memebr.rs",
        "domains/_memebr.rs",
    ];
    assert_eq!(unknown.tried, places.map(PathBuf::from));
    assert!(
        unknown.advice.contains("did you mean \"member\"?"),
        "{unknown}"
    );
    // Only upward, never beside or below.
    let beside = [
        ("a/_x.rs", ""),
        ("b/page.rs", "module! { inherits = \"x\" } #[get] fn f() {}"),
    ];
    wrong(&beside, "b/page.rs", &["domains/b/_x.rs, domains/_x.rs"]);
    // The outermost parent of a name has none of its own name above.
    wrong(
        &[("_auth.rs", "module! { inherits = \"auth\" }")],
        "_auth.rs",
        &["no domain is above"],
    );
}

#[test]
fn parents_in_a_circle_are_named() {
    let circle = problems(&[
        ("_a.rs", "module! { inherits = \"b\" }"),
        ("_b.rs", "module! { inherits = \"c\" }"),
        ("_c.rs", "module! { inherits = \"a\" }"),
    ]);
    let text = Problems(circle).to_string();
    assert!(
        text.contains("domains/_a.rs -> domains/_b.rs -> domains/_c.rs -> domains/_a.rs"),
        "{text}"
    );
    problem(&[
        ("_parent.rs", "module! { inherits = \"x\" }"),
        ("_x.rs", "module! { inherits = \"parent\" }"),
    ]);
}

#[test]
fn parents_without_end_are_named() {
    let sources: Vec<(String, String)> = (0..40)
        .map(|at| {
            let source = format!("module! {{ inherits = \"p{}\" }}", at + 1);
            (format!("_p{at}.rs"), source)
        })
        .chain([("_p40.rs".to_owned(), String::new())])
        .collect();
    let files: Vec<(&str, &str)> = sources
        .iter()
        .map(|(path, source)| (path.as_str(), source.as_str()))
        .collect();
    let text = Problems(problems(&files)).to_string();
    assert!(text.contains("more than 32 parents"), "{text}");
}

#[test]
fn folders_too_deep_for_any_path_are_named() {
    let deep = format!("{}page.rs", "d/".repeat(65));
    let all = problems(&[(&deep, PAGE)]);
    assert!(
        all[0].what.contains("nested more than 64 deep"),
        "{}",
        all[0]
    );
    site(&[(&format!("{}page.rs", "d/".repeat(63)), PAGE)]);
}

#[test]
fn a_module_without_a_handler_is_named() {
    for file in ["page.rs", "index.rs", "[...rest].rs"] {
        wrong(
            &[(file, "fn helper() {}")],
            file,
            &["without a handler", "`#[get]"],
        );
    }
    site(&[("_parent.rs", PAGE), ("page.rs", "#[export] fn title() {}")]);
    // What it does not inherit does not count.
    wrong(
        &[
            ("_parent.rs", PAGE),
            ("page.rs", "module! { inherits = \"none\" }"),
        ],
        "page.rs",
        &["without a handler"],
    );
    wrong(
        &[("_404.rs", PAGE)],
        "_404.rs",
        &["without an `#[error_page]`"],
    );
    site(&[("_404.rs", ERROR)]);
}

#[test]
fn names_that_mean_nothing_are_named() {
    for (file, words) in [
        ("[x].txt.rs", "dynamic only in part"),
        ("a[x].rs", "dynamic only in part"),
        ("[].rs", "no usable name"),
        ("[1x].rs", "no usable name"),
        ("[x=u32].rs", "did you mean `u64`?"),
        ("[...].rs", "no usable name"),
        ("_.rs", "neither a parent nor an error page"),
        ("_200.rs", "neither a parent nor an error page"),
        ("[...rest].html", "cannot take a rest"),
    ] {
        wrong(&[(file, PAGE)], file, &[words]);
    }
    wrong(
        &[("[...rest]/x.rs", PAGE)],
        "[...rest]",
        &["a rest is a file"],
    );
    wrong(
        &[("index/x.rs", PAGE)],
        "index",
        &["`index` cannot be part of a URL"],
    );
}

#[test]
fn what_a_source_says_wrongly_is_named_with_its_line() {
    for (source, line, words) in [
        (
            "#[get]\nfn a() {}\n#[handle(GET)]\nfn b() {}",
            3,
            "both answer GET",
        ),
        ("#[handle(GTE)]\nfn a() {}", 1, "did you mean `GET`?"),
        ("#[handle]\nfn a() {}", 1, "names no method"),
        ("#[get]\nstruct A;", 1, "not a function"),
        (
            "#[get] fn a() {}\nmod x {\n  #[post]\n  fn b() {}\n}",
            3,
            "inside of `mod x`",
        ),
        (
            "#[get] fn a() {}\nmodule! {}\nmodule! {}",
            3,
            "a second `module!`",
        ),
        (
            "#[get] fn a() {}\nmodule! { time_limit = 5 }",
            2,
            "`time_limit`",
        ),
        (
            "#[get] fn a() {}\nmodule! { max_body = \"1 foo\" }",
            2,
            "`max_body`",
        ),
        (
            "#[get] fn a() {}\nmodule! { csrf = some() }",
            2,
            "no literal",
        ),
        (
            "#[get] fn a() {}\nmodule! { inherits = [\"none\"] }",
            2,
            "`inherits`",
        ),
        (
            "#[get] fn a() {}\nmodule! { panics_per_minute = -1 }",
            2,
            "`panics_per_minute`",
        ),
        (
            "#[get] fn a() {}\nmodule! { csrf false }",
            2,
            "cannot be read",
        ),
        (
            "#[export] fn t() {}\n#[get] fn a() {}\n#[export] fn t() {}",
            3,
            "twice",
        ),
        ("#[get]\nfn a() {\n", 2, "not Rust"),
        ("#[get]\nfn a() { \" }", 2, "not Rust"),
    ] {
        let all = problems(&[("page.rs", source)]);
        let found = all
            .iter()
            .any(|p| p.line == Some(line) && p.to_string().contains(words));
        assert!(found, "line {line}, {words}:\n{}", Problems(all));
    }
}

#[test]
fn what_is_not_code_declares_nothing() {
    let source = r####"
//! #[get] fn no() {}
/* #[post] fn no() {} /* #[put] */ #[put] fn no() {} */
const TEXT: &str = "#[patch] fn no() {}";
const RAW: &str = r#"#[delete] fn no() {} "quoted""#;
use rocket::delete;
#[delete] fn of_somebody_else() {}
#[other::patch] fn of_another() {}
#[cfg(test)]
mod tests { #[post] fn no() {} }
macro_rules! make { () => { #[put] fn made() {} } }
impl Trait for [u8; { 3 }] { fn get(&self) {} }
use harmonious::{get as fetch, prelude::*};
#[doc = "a"] #[fetch] #[inline]
pub(crate) async fn yes<'a, const N: usize>(x: [u8; { N }]) -> Result<(), &'a str> { loop {} }
#[::harmonious::guard] pub unsafe extern "C" fn check() {}
"####;
    let site = site(&[("page.rs", source)]);
    let entries = &site.modules()[0].declared.entries;
    let shown: Vec<_> = entries
        .iter()
        .map(|e| (e.name.as_str(), e.methods, e.line))
        .collect();
    assert_eq!(
        shown,
        [("yes", harmonious_abi::method::GET, 14), ("check", 0, 16)]
    );
}

#[test]
fn settings_that_are_unknown_are_named_with_the_nearest() {
    let inner = |text: &'static str| [("a/domain.toml", text), ("a/x.rs", PAGE)];
    let file = "a/domain.toml";
    wrong(
        &inner("alow_dot = []"),
        file,
        &[":1:", "unknown key `alow_dot`", "`allow_dot`?"],
    );
    wrong(
        &inner("\n[limits]\ntime_limit = \"5s\""),
        file,
        &[":3:", "`time-limit`?"],
    );
    wrong(
        &inner("[limits]\ntime-limit = 5"),
        file,
        &[":2:", "not a duration"],
    );
    wrong(
        &inner("[limits]\nmax-body = \"many\""),
        file,
        &[":2:", "not a size"],
    );
    wrong(&inner("allow_dot = [\"_auth\"]"), file, &["never URLs"]);
    wrong(&inner("allow_dot = \".x\""), file, &["not a list"]);
    wrong(&inner("= 3"), file, &[":1:"]);
}

#[test]
fn links_and_strange_names_are_named_and_never_served() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret.html"), "secret").expect("a file");
    let site = folder(&[("index.rs", PAGE), ("a/index.rs", PAGE)]);
    let domains = site.path().join("domains");
    symlink(outside.path(), domains.join("out")).expect("a link");
    symlink(
        outside.path().join("secret.html"),
        domains.join("a/secret.html"),
    )
    .expect("a link");
    let strange = std::ffi::OsStr::from_bytes(b"a\xff.rs");
    fs::write(domains.join(strange), PAGE).expect("a file");
    fs::write(domains.join("a\tb.rs"), PAGE).expect("a file");
    fs::write(domains.join("a\\b.rs"), PAGE).expect("a file");
    let Err(Problems(all)) = Manifest::scan(site.path()) else {
        panic!("links are errors");
    };
    let text = Problems(all).to_string();
    for part in [
        "domains/out: is a symbolic link",
        "domains/a/secret.html: is a symbolic link",
        "is not UTF-8",
        "no URL can name `a\\tb`",
        "no URL can name `a\\\\b`",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    assert_eq!(text.lines().count(), 5, "{text}");
    let lenient = Manifest::scan_lenient(site.path()).expect("the rest is served");
    assert_eq!(lenient.problems().len(), 5);
    for path in ["/out/secret", "/out/", "/a/secret"] {
        assert!(
            tree::answer(&lenient, "GET", path).starts_with("404"),
            "{path}"
        );
    }
    assert_eq!(tree::answer(&lenient, "GET", "/"), "200 index | index");
}

#[test]
fn files_of_no_known_kind_are_told_and_never_served() {
    let files = [
        ("index.rs", PAGE),
        ("notes.md", ""),
        ("x.rs.bak", ""),
        ("x.rs~", ""),
        (".swp", ""),
    ];
    let site = site(&files);
    let told: Vec<String> = site.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("warning: domains/notes.md: is no module and no template"));
    for path in ["/notes.md", "/notes", "/x.rs.bak", "/x.rs", "/x", "/.swp"] {
        assert_eq!(tree::answer(&site, "GET", path), "404 | ", "{path}");
    }
}

#[test]
fn a_folder_that_is_no_site_is_named() {
    let empty = tempfile::tempdir().expect("a folder");
    for result in [
        Manifest::scan(empty.path()),
        Manifest::scan_lenient(empty.path()),
    ] {
        let Err(Problems(all)) = result else {
            panic!("there is no `domains`");
        };
        assert!(
            all[0].to_string().contains("has no folder `domains`"),
            "{}",
            all[0]
        );
    }
}

#[test]
fn all_problems_come_at_once_one_a_line_and_as_json() {
    let all = problems(&[
        ("a.rs", "fn f() {}"),
        ("b.rs", "fn f( {}"),
        ("c.rs", "module! { inherits = \"x\" } #[get] fn f() {}"),
        ("index/page.rs", PAGE),
    ]);
    let files: Vec<_> = all.iter().map(|p| p.file.display().to_string()).collect();
    let text = Problems(all.clone()).to_string();
    assert!(files.is_sorted(), "{text}");
    for file in [
        "domains/a.rs",
        "domains/b.rs",
        "domains/c.rs",
        "domains/index",
    ] {
        assert!(files.iter().any(|f| f == file), "{text}");
    }
    assert_eq!(text.lines().count(), all.len());
    let json = serde_json::to_value(&all[0]).expect("JSON");
    assert_eq!(json["severity"], "error");
    assert_eq!(json["file"], "domains/a.rs");
}

#[test]
fn a_lenient_scan_confines_what_is_wrong() {
    let site = folder(&[
        ("good.rs", PAGE),
        ("bad.rs", "#[get]\nfn f( {}"),
        ("orphan.rs", "module! { inherits = \"x\" } #[get] fn f() {}"),
        ("_guard.rs", "#[guard] fn g() { ( }"),
        (
            "guarded.rs",
            "module! { inherits = \"guard\" } #[get] fn f() {}",
        ),
        ("shut/domain.toml", "alow_dot = []"),
        ("shut/inner/page.rs", PAGE),
        ("x.rs", PAGE),
        ("x/index.rs", PAGE),
    ]);
    assert!(Manifest::scan(site.path()).is_err());
    let lenient = Manifest::scan_lenient(site.path()).expect("the rest is served");
    let broken = |path: &str| {
        let canonical = canonical(path);
        let harmonious_dispatcher::manifest::Canonical::Path(path) = canonical else {
            panic!("it is canonical");
        };
        let resolved = lenient.resolve(&path);
        let module = match resolved.found {
            Found::Module(id) => Some(id),
            _ => None,
        };
        let chain = lenient.chain(resolved.domain, module);
        let broken = lenient.broken(resolved.domain, &chain);
        broken.map(|(file, broken)| (file.display().to_string(), broken.line))
    };
    assert_eq!(broken("/good"), None);
    assert_eq!(broken("/nothing"), None);
    assert_eq!(broken("/bad"), Some(("domains/bad.rs".into(), 2)));
    assert_eq!(broken("/orphan"), Some(("domains/orphan.rs".into(), 0)));
    assert_eq!(broken("/guarded"), Some(("domains/_guard.rs".into(), 1)));
    assert_eq!(
        broken("/shut/inner/page"),
        Some(("domains/shut/domain.toml".into(), 1))
    );
    assert_eq!(
        broken("/shut/nothing"),
        Some(("domains/shut/domain.toml".into(), 1))
    );
    assert_eq!(broken("/x"), Some(("domains/x.rs".into(), 0)));
    assert_eq!(broken("/x/"), Some(("domains/x/index.rs".into(), 0)));
}

/// What `check` tells of one source: (line, whether it is an error, text).
#[track_caller]
fn told(source: &str) -> Vec<(u32, bool, String)> {
    let site = site(&[("page.rs", &format!("{PAGE}{source}"))]);
    let told = |problem: &Problem| {
        let line = problem.line.unwrap_or(0).saturating_sub(2);
        (
            line,
            problem.severity == Severity::Error,
            problem.what.clone(),
        )
    };
    site.warnings().iter().map(told).collect()
}

#[test]
fn ending_the_process_threads_and_runtimes_are_named_whatever_use_calls_them() {
    for source in [
        "fn f() { std::process::exit(0) }",
        "fn f() { ::std::process::abort() }",
        "use std::process; fn f() { process::exit(0) }",
        "use std::process::exit; fn f() { exit(0) }",
        "use std::process::{self, exit as leave}; fn f() { leave(0) }",
        "use std::{fs, process::{Command, exit}}; fn f() { exit(0) }",
        "use std as s; fn f() { s::process::exit(0) }",
        "use std::process as p; fn f() { p::abort() }",
        "use std::process::*; fn f() { exit(0) }",
        "fn f() { let x = Some(1).map(std::process::exit); }",
        "fn f() { my_macro!(std::process::exit(1)) }",
        "mod a { mod b { fn f() { std::thread::spawn(|| ()); } } }",
        "use std::thread; fn f() { thread::spawn(|| ()); }",
        "use std::thread::{Builder}; fn f() { Builder::new(); }",
        "fn f() { std::thread::Builder::new(); }",
        "use std::thread::spawn; fn f() { spawn(|| ()); }",
        "fn f() { tokio::spawn(async {}); }",
        "use tokio::runtime::Runtime; fn f() { Runtime::new(); }",
        "use async_std::task; fn f() { task::block_on(async {}); }",
        "#[tokio::main] async fn f() {}",
    ] {
        let told = told(source);
        assert_eq!(told.len(), 1, "{source}: {told:?}");
        assert!(told[0].1 && told[0].0 == 1, "{source}: {told:?}");
    }
}

#[test]
fn state_in_statics_is_a_warning() {
    for source in [
        "static mut COUNT: u32 = 0;",
        "static X: OnceLock<u32> = OnceLock::new();",
        "pub(crate) static X: std::sync::LazyLock<Vec<u8>> = LazyLock::new(Vec::new);",
        "static X: Mutex<u32> = Mutex::new(0);",
        "static X: std::sync::atomic::AtomicU64 = AtomicU64::new(0);",
        "use std::sync::Mutex as Lock; static X: Lock<u32> = Lock::new(0);",
        "fn f() { static X: AtomicBool = AtomicBool::new(false); }",
        "thread_local! { static X: u32 = 0; }",
        "std::thread_local! { static X: u32 = 0; }",
    ] {
        let told = told(source);
        assert_eq!(told.len(), 1, "{source}: {told:?}");
        assert!(!told[0].1 && told[0].0 == 1, "{source}: {told:?}");
    }
}

#[test]
fn what_only_looks_forbidden_is_not_named() {
    let told = told(
        r#"
// std::process::exit(0); static mut X: u32 = 0;
static NAMES: [&str; 2] = ["tokio::spawn", "std::thread::spawn"];
const LOCK: &'static str = "static mut";
use my::process;
fn f(x: &'static Mutex<u32>) { process::exit(); x.exit(); self.spawn(); Pool::spawn(); <A as B>::spawn(); }
fn tokio() { let tokio = 1; std::process::id(); std::thread::sleep(d); std::thread::scope(|_| ()); }
fn g() -> impl Iterator + use<'_> { Command::new("exit") }
#[cfg(test)] mod tests { fn f() { std::process::exit(0); static mut X: u32 = 0; } }
#[cfg(test)] fn h() { std::thread::spawn(|| ()); }
"#,
    );
    assert_eq!(told, []);
}

#[test]
fn a_module_may_allow_what_it_needs() {
    let allowed = told(
        "module! { allow = [\"threads\", \"state\"] }\nfn f() { std::thread::spawn(|| ()); std::process::exit(0) }\nstatic X: AtomicU32 = AtomicU32::new(0);",
    );
    assert_eq!(allowed.len(), 1, "{allowed:?}");
    assert!(allowed[0].2.contains("std::process::exit"), "{allowed:?}");
}

#[test]
fn the_site_module_is_looked_at_too() {
    let site = scan(
        folder(&[
            ("index.rs", PAGE),
            ("../site/lib.rs", "mod inner;\nstatic mut X: u32 = 0;"),
            (
                "../site/inner/mod.rs",
                "\n\nfn f() { std::process::exit(0) }",
            ),
        ])
        .path(),
    );
    let told: Vec<String> = site.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told[0].starts_with("error: site/inner/mod.rs:3: uses `std::process::exit`"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("warning: site/lib.rs:2: `static mut X`"),
        "{told:?}"
    );
}

#[test]
fn an_error_page_that_nothing_asks_is_told() {
    let site = site(&[
        ("page.rs", "#[get] fn f() {}\n#[error_page] fn oops() {}"),
        ("_x.rs", GUARD),
    ]);
    assert_eq!(site.warnings().len(), 1);
    assert_eq!(site.warnings()[0].line, Some(2));
}

//! Builds with real cargo.

use std::fs;
use std::time::{Duration, SystemTime};

use super::fixture::Fixture;
use super::{BuildError, BuiltLibraries, Profile};
use harmonious_dispatcher::Libraries;

/// A file that was changed, as its time says, long before anything here was built.
fn make_old(path: &std::path::Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(1_000_000))
        .unwrap();
}

#[test]
fn every_module_becomes_a_library_and_nothing_is_built_twice() {
    let site = Fixture::new(&[
        ("index", "text of index"),
        ("u/[id=u64]/[...rest]", "text of rest"),
        ("raw.txt", "text of raw"),
        ("_parent", "text of parent"),
    ]);
    let report = site.build();
    assert_eq!(
        report.built,
        ["_parent", "index", "raw.txt", "u/[id=u64]/[...rest]"]
    );
    assert!(
        report.failed.is_empty() && report.warnings.is_empty(),
        "{report:?}"
    );
    assert!(site.library_holds("u/[id=u64]/[...rest]", "text of rest"));
    let told = site.told.lock().unwrap().join("\n");
    assert!(
        told.contains("building 4 stale modules of")
            && told.contains(": _parent, index, raw.txt, u/"),
        "{told}"
    );

    let report = site
        .builder_without_cargo()
        .build(&site.modules(), None)
        .unwrap();
    assert_eq!((report.fresh, report.built.len()), (4, 0));
}

#[test]
fn a_change_builds_that_module_alone_and_the_old_library_stays() {
    let site = Fixture::new(&[("a", "first"), ("b", "other")]);
    site.build();
    let (a, b) = (
        site.builder().library("a").unwrap(),
        site.builder().library("b").unwrap(),
    );
    site.module("a", "second");
    let report = site.build();
    assert_eq!(
        (report.built.as_slice(), report.fresh),
        (&["a".to_owned()][..], 1)
    );
    assert!(site.library_holds("a", "second"));
    assert!(a.is_file(), "whoever has it open goes on");
    assert_eq!(site.builder().library("b").unwrap(), b);
}

#[test]
fn a_module_that_does_not_compile_keeps_its_library_and_stops_no_other() {
    let site = Fixture::new(&[("bad", "first"), ("good", "first")]);
    site.build();
    site.write("domains/bad.rs", "fn broken() -> u32 { \"text\" }\n");
    site.module("good", "second");
    let report = site.build();
    assert_eq!(report.built, ["good"]);
    let failed = &report.failed[0];
    assert_eq!(failed.message, "bad does not compile: 1 error");
    let diagnostics = super::plain(&failed.diagnostics);
    assert!(
        diagnostics.contains("mismatched types") && diagnostics.contains("domains/bad.rs:1:22"),
        "{diagnostics}"
    );
    assert!(site.library_holds("bad", "first") && site.library_holds("good", "second"));
    assert_eq!(
        site.build().failed.len(),
        1,
        "it is told again until it is mended"
    );
    site.module("bad", "third");
    assert_eq!(site.build().built, ["bad"]);
}

#[test]
fn contents_count_and_not_times() {
    let site = Fixture::new(&[("a", "first")]);
    site.write(
        "site/lib.rs",
        "pub fn shared() -> &'static str { \"shared one\" }\n",
    );
    site.write("domains/b.rs", "#[unsafe(no_mangle)] pub extern \"C\" fn text() -> *const u8 { tiny::shared().as_ptr() }\n");
    site.build();
    assert!(site.library_holds("b", "shared one"));

    site.module("a", "other");
    make_old(&site.site().join("domains/a.rs"));
    assert_eq!(site.build().built, ["a"]);
    assert!(site.library_holds("a", "other"));

    site.write(
        "site/lib.rs",
        "pub fn shared() -> &'static str { \"shared two\" }\n",
    );
    make_old(&site.site().join("site/lib.rs"));
    site.build();
    assert!(site.library_holds("b", "shared two"));

    // A new time alone is no reason to build.
    site.module("a", "other");
    let report = site
        .builder_without_cargo()
        .build(&site.modules(), None)
        .unwrap();
    assert_eq!(report.fresh, 2);
}

#[test]
fn files_that_a_module_includes_and_the_sdk_are_inputs() {
    let site = Fixture::new(&[("a", "first")]);
    site.write("domains/data.txt", "data one");
    site.write("domains/b.rs", "#[unsafe(no_mangle)] pub extern \"C\" fn text() -> *const u8 { include_str!(\"data.txt\").as_ptr() }\n");
    site.build();
    site.write("domains/data.txt", "data two");
    assert_eq!(site.build().built, ["b"]);
    assert!(site.library_holds("b", "data two"));

    site.write(
        "../sdk/src/lib.rs",
        "pub fn sdk() -> &'static str { \"sdk number two\" }\n",
    );
    make_old(&site.site().join("../sdk/src/lib.rs"));
    site.build();
    assert!(site.library_holds("a", "sdk number two"));
}

#[test]
fn a_copy_of_the_folder_is_served_without_cargo_compiler_and_sdk() {
    let site = Fixture::new(&[("a", "first")]);
    site.build();
    let copy = tempfile::tempdir().unwrap();
    for file in ["Cargo.toml", "Cargo.lock", "domains", ".harmonious"] {
        let from = site.site().join(file);
        let done = std::process::Command::new("cp")
            .arg("-r")
            .arg(from)
            .arg(copy.path())
            .status()
            .unwrap();
        assert!(done.success());
    }
    let mut builder = super::Builder::new(
        copy.path(),
        Profile::Dev,
        super::Stop::default(),
        Box::new(|_| {}),
    )
    .unwrap();
    builder.cargo = "no-such-cargo".into();
    let modules = [super::Module::new(copy.path(), "a")];
    assert_eq!(builder.build(&modules, None).unwrap().fresh, 1);
    let libraries = BuiltLibraries::open(copy.path(), Profile::Dev).unwrap();
    assert!(libraries.library("a").unwrap().is_file());
    let error = libraries.library("b").unwrap_err();
    assert_eq!(
        error.to_string(),
        "module b is not built: run \"harmonious build --release SITE\""
    );

    fs::write(copy.path().join("domains/a.rs"), "// changed").unwrap();
    let message = builder.build(&modules, None).unwrap_err().to_string();
    assert!(
        message.contains("sdk") && !message.contains('\n'),
        "{message}"
    );
}

#[test]
fn without_cargo_one_line_says_what_to_do() {
    let site = Fixture::new(&[("a", "first")]);
    let error = site
        .builder_without_cargo()
        .build(&site.modules(), None)
        .unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, BuildError::NoCargo { .. }), "{message}");
    assert!(
        message.contains("1 stale module of") && message.contains("install Rust"),
        "{message}"
    );
}

#[test]
fn an_sdk_that_is_elsewhere_is_told_with_its_place() {
    let site = Fixture::new(&[("a", "first")]);
    let manifest = fs::read_to_string(site.site().join("Cargo.toml")).unwrap();
    site.write("Cargo.toml", &manifest.replace("../sdk", "../nowhere"));
    let message = site
        .builder()
        .build(&site.modules(), None)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no sdk at \"../nowhere\"") && message.contains("write"),
        "{message}"
    );
}

#[test]
fn an_error_in_the_site_module_is_told_for_each_module() {
    let site = Fixture::new(&[("a", "first"), ("b", "first")]);
    site.write("site/lib.rs", "pub fn broken( {}\n");
    let report = site.build();
    assert_eq!(report.failed.len(), 2);
    assert!(
        report.failed[1]
            .message
            .contains("b cannot be built: 1 error in tiny"),
        "{report:?}"
    );
    assert!(super::plain(&report.failed[0].diagnostics).contains("site/lib.rs:1"));
}

#[test]
fn what_cargo_refuses_is_one_line_with_its_words() {
    let site = Fixture::new(&[("a", "first")]);
    let manifest = fs::read_to_string(site.site().join("Cargo.toml")).unwrap();
    let wrong = "[dependencies]\nno-such = { path = \"../no-such\" }\n";
    site.write("Cargo.toml", &manifest.replace("[dependencies]\n", wrong));
    let message = site
        .builder()
        .build(&site.modules(), None)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("no-such") && !message.contains('\n'),
        "{message}"
    );
}

#[test]
fn two_builds_of_one_site_at_once_do_the_work_once() {
    let site = Fixture::new(&[("a", "first"), ("b", "first")]);
    let (one, two) = (site.builder(), site.builder());
    let modules = site.modules();
    let built = std::thread::scope(|scope| {
        let one = scope.spawn(|| one.build(&modules, None).unwrap().built.len());
        two.build(&modules, None).unwrap().built.len() + one.join().unwrap()
    });
    assert_eq!(built, 2);
}

#[test]
fn only_what_is_wanted_is_built() {
    let site = Fixture::new(&[("a", "first"), ("b", "first")]);
    let wanted = std::iter::once("b".to_owned()).collect();
    let report = site
        .builder()
        .build(&site.modules(), Some(&wanted))
        .unwrap();
    assert_eq!(report.built, ["b"]);
    assert!(site.builder().library("a").is_err());
}

#[test]
fn a_site_without_modules_needs_no_cargo_toml() {
    let site = Fixture::new(&[]);
    fs::remove_file(site.site().join("Cargo.toml")).unwrap();
    assert_eq!(
        site.builder_without_cargo()
            .build(&[], None)
            .unwrap()
            .built
            .len(),
        0
    );
}

#[test]
fn a_stopped_build_leaves_no_cargo_behind() {
    let site = Fixture::new(&[("a", "first")]);
    site.write(
        "build.rs",
        "fn main() { std::thread::sleep(std::time::Duration::from_secs(600)) }",
    );
    let stop = super::Stop::default();
    let ender = stop.clone();
    // The build script is compiled before it runs: cargo is in the midst of it from here on.
    let tell = move |line: &str| {
        if line.starts_with("Compiling harmonious") {
            ender.stop();
        }
    };
    let mut builder =
        super::Builder::new(&site.site(), Profile::Dev, stop, Box::new(tell)).unwrap();
    builder.common_target = None;
    let error = builder.build(&site.modules(), None).unwrap_err();
    assert!(matches!(error, BuildError::Stopped), "{error}");
}

//! `harmonious new` through the real binary: a site that runs with the next command.

mod common;

use std::fs;
use std::path::Path;
use std::process::Output;

use common::ask::Ask;
use common::harmonious;
use common::sites::{self, Workshop, folder, succeed};
use serde_json::{Value, json};

fn routes(site: &Path) -> Value {
    let args = ["routes", site.to_str().unwrap(), "--json"];
    serde_json::from_str(&succeed(sites::run(&args))).unwrap()
}

fn new(dir: &Path, flags: &[&str]) -> Output {
    let args = [&["new", dir.to_str().unwrap()], flags].concat();
    sites::finish(harmonious(&args))
}

#[test]
fn a_new_site_is_whole_and_says_what_comes_next() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("my site");
    let said = succeed(new(&site, &[]));
    assert!(
        said.contains("harmonious dev") || said.contains("harmonious serve"),
        "{said}"
    );
    let text = succeed(sites::run(&["check", site.to_str().unwrap()]));
    assert!(text.contains(": 0 errors, 0 warnings"), "{text}");
    let listed = routes(&site);
    let listed = listed.as_array().unwrap();
    let any = |is: &dyn Fn(&Value) -> bool| listed.iter().any(is);
    assert!(
        any(&|route| route["pattern"].as_str().unwrap().contains('[')),
        "a dynamic segment"
    );
    assert!(
        any(&|route| !route["guards"].as_array().unwrap().is_empty()),
        "a guard"
    );
    assert!(
        any(&|route| route["methods"]
            .as_array()
            .unwrap()
            .contains(&json!("POST"))),
        "a form"
    );
    let lines: usize = ["domains", "site"]
        .iter()
        .flat_map(|folder| sources(&site.join(folder)))
        .map(|text| text.lines().count())
        .sum();
    assert!(lines < 100, "{lines} lines");
    // It is the one in the repository.
    let hello = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sites/hello");
    let of = |site: &Path| fs::read_to_string(site.join("domains/index.rs")).unwrap();
    assert_eq!(of(&site), of(&hello));
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(Result::unwrap);
    entries
        .flat_map(|entry| match entry.path() {
            path if path.is_dir() => sources(&path),
            path if path.extension().is_some_and(|end| end == "rs") => {
                vec![fs::read_to_string(path).unwrap()]
            }
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn a_new_site_runs_with_the_next_command() {
    let dir = tempfile::tempdir().unwrap();
    let site = dir.path().join("mine");
    succeed(new(&site, &[]));
    // Built where everything else is, so that the sdk is not compiled once more.
    let shop = Workshop::of_site(&site);
    let server = shop.start("serve", &[]);
    let home = Ask::get("/").to(&server);
    assert_eq!(home.status, 200, "{}", home.body);
    assert!(
        home.header("content-type")
            .unwrap()
            .starts_with("text/html"),
        "{home:?}"
    );
    assert_eq!(Ask::get("/nothing").to(&server).status, 404);
}

#[test]
fn a_folder_that_is_in_use_is_not_written_to() {
    let dir = folder(&[("mine.txt", "mine")]);
    let output = new(dir.path(), &[]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("empty") && error.lines().count() == 1,
        "{error}"
    );
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

    let other = tempfile::tempdir().unwrap();
    let output = new(&other.path().join("x"), &["--template", "no-such"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        error.contains("no-such") && error.contains("hello"),
        "{error}"
    );
    let output = new(&other.path().join("x"), &["--sdk", "/no/such/sdk"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("/no/such/sdk"), "{error}");
    assert_eq!(
        fs::read_dir(other.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn an_empty_folder_is_as_good_as_none() {
    let dir = tempfile::tempdir().unwrap();
    succeed(new(dir.path(), &[]));
    assert!(dir.path().join("domains/index.rs").is_file());
}

//! `harmonious new`: a site that runs with the next command. It is the site `sites/hello` of the
//! repository, file by file but for its counter, under another name.

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::build::find_sdk;
use crate::failure::Failure;

/// What a site can begin with.
const TEMPLATES: [&str; 1] = ["hello"];

macro_rules! files {
    ($($path:literal)*) => {
        [$(($path, include_str!(concat!("../../../sites/hello/", $path)))),*]
    };
}

/// The starter, file by file.
const HELLO: [(&str, &str); 17] = files!(
    "Cargo.toml"
    "Cargo.lock"
    ".gitignore"
    "README.md"
    "domains/_parent.rs"
    "domains/_layout.html"
    "domains/_error.html"
    "domains/index.rs"
    "domains/index.html"
    "domains/greet/[name].rs"
    "domains/greet/[name].html"
    "domains/members/_parent.rs"
    "domains/members/index.rs"
    "domains/members/index.html"
    "locales/en.toml"
    "locales/fr.toml"
    "static/style.css"
);

/// The lines of the starter that are another's in another site.
const NAME_LINE: &str = "name = \"hello\"\n";
const SDK_PATH: &str = "\"../../dispatcher/sdk\"";
const TITLE_LINE: &str = "# hello\n";
/// What the starter leaves out, to be short: an example of its own, and the lines that lead to it.
const EXAMPLE: &str = "counter/";
const EXAMPLE_TARGET: &str = "[[example]]\nname = \"counter-index\"\npath = \"domains/counter/index.rs\"\n\
                              crate-type = [\"cdylib\"]\ntest = true\n\n";

/// Names that a package cannot have: words of the language, crates of the compiler, and the sdk.
const TAKEN: [&str; 49] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "harmonious",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "match",
    "mod",
    "move",
    "mut",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "use",
    "where",
];

/// Makes a site in a folder that does not exist yet, or is empty. Says what to do next.
///
/// # Errors
/// A folder with something in it, a template that there is not, an sdk that is not found; or what
/// the system answers.
pub fn new(dir: &Path, template: &str, sdk: Option<&Path>) -> Result<String, Failure> {
    if !TEMPLATES.contains(&template) {
        let known = TEMPLATES.join(", ");
        return Err(Failure::Usage(format!(
            "no template {template:?}: there is {known}"
        )));
    }
    let sdk = find_sdk(sdk).ok_or_else(|| no_sdk(sdk))?;
    refuse_full(dir)?;
    let failed = |what: &str, path: &Path, error| {
        Failure::Failed(format!("cannot {what} {}: {error}", path.display()))
    };
    fs::create_dir_all(dir).map_err(|error| failed("make", dir, error))?;
    let absolute = fs::canonicalize(dir).map_err(|error| failed("find", dir, error))?;
    let name = package_name(&absolute);
    let sdk = sdk_path(&absolute, &sdk);
    for (path, text) in HELLO {
        let file = dir.join(path);
        let folder = file.parent().unwrap_or(dir);
        fs::create_dir_all(folder).map_err(|error| failed("make", folder, error))?;
        fs::write(&file, renamed(path, text, &name, &sdk))
            .map_err(|error| failed("write", &file, error))?;
    }
    Ok(next(dir))
}

fn next(dir: &Path) -> String {
    let dir = in_a_shell(&dir.display().to_string());
    format!(
        "{dir} is a site. What to do next:\n\
         \x20   harmonious dev {dir}\n\
         serves it at http://127.0.0.1:8080/ and follows every save; the first build takes a minute.\n\
         {dir}/domains/index.rs is its first page, {dir}/README.md says what lies where.\n"
    )
}

/// As one writes it in a shell.
fn in_a_shell(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    match path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("'{}'", path.replace('\'', "'\\''")),
    }
}

fn no_sdk(given: Option<&Path>) -> Failure {
    let at = given.map(|path| format!(" at {:?}", path.display().to_string()));
    Failure::Usage(format!(
        "there is no sdk{}: give the folder dispatcher/sdk of Harmonious with --sdk or in HARMONIOUS_SDK",
        at.unwrap_or_else(|| " where this program was built".to_owned())
    ))
}

fn refuse_full(dir: &Path) -> Result<(), Failure> {
    let shown = dir.display().to_string();
    let refused = |why: String| {
        Failure::Usage(format!(
            "DIR is {shown:?}: {why}; allowed is a folder that is empty or does not exist"
        ))
    };
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            Some(Ok(entry)) => Err(refused(format!(
                "it holds {:?}",
                entry.file_name().to_string_lossy()
            ))),
            Some(Err(error)) => Err(refused(error.to_string())),
            None => Ok(()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(error.to_string())),
    }
}

fn renamed(path: &str, text: &str, name: &str, sdk: &str) -> String {
    let text = text.replace(EXAMPLE_TARGET, "");
    let lines = text.split_inclusive('\n');
    let text: String = lines.filter(|line| !line.contains(EXAMPLE)).collect();
    match path {
        "Cargo.toml" | "Cargo.lock" => {
            let text = text.replace(NAME_LINE, &format!("name = \"{name}\"\n"));
            text.replace(SDK_PATH, sdk)
        }
        "README.md" => text.replace(TITLE_LINE, &format!("# {name}\n")),
        _ => text,
    }
}

/// The name of the package in a folder: the folder's, in letters that a package's name may have.
fn package_name(dir: &Path) -> String {
    let folder = dir
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase());
    let mut name = String::new();
    for c in folder.unwrap_or_default().chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_matches('-');
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    match begins_well && !TAKEN.contains(&name) {
        true => name.to_owned(),
        false => format!("site-{name}").trim_end_matches('-').to_owned(),
    }
}

/// The path to the sdk as it is written into `Cargo.toml`: relative within one copy of Harmonious, so
/// that the copy can be moved; else absolute, so that the site can.
fn sdk_path(dir: &Path, sdk: &Path) -> String {
    let repository = sdk.ancestors().nth(2);
    let path = match repository.and_then(|repository| dir.strip_prefix(repository).ok()) {
        Some(below) => {
            let mut path: PathBuf = below.components().map(|_| Component::ParentDir).collect();
            path.push("dispatcher/sdk");
            path
        }
        None => sdk.to_owned(),
    };
    // What JSON writes as a text, TOML reads as the same text.
    Value::from(path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdk() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("dispatcher/sdk")).unwrap();
        fs::write(dir.path().join("dispatcher/sdk/Cargo.toml"), "").unwrap();
        dir
    }

    fn create_in(dir: &Path) -> Result<String, Failure> {
        let sdk = sdk();
        new(dir, "hello", Some(&sdk.path().join("dispatcher/sdk")))
    }

    #[test]
    fn the_site_bears_the_name_of_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("My Scripts");
        let next = create_in(&site).unwrap();
        assert!(
            next.contains("harmonious dev") && next.contains("My Scripts"),
            "{next}"
        );
        let manifest: toml::Table =
            toml::from_str(&fs::read_to_string(site.join("Cargo.toml")).unwrap()).unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some("my-scripts"));
        let sdk = manifest["dependencies"]["harmonious"]["path"]
            .as_str()
            .unwrap();
        assert!(
            Path::new(sdk).is_absolute() && sdk.ends_with("dispatcher/sdk"),
            "{sdk}"
        );
        let lock = fs::read_to_string(site.join("Cargo.lock")).unwrap();
        assert!(lock.contains("name = \"my-scripts\"\n") && !lock.contains(NAME_LINE));
        assert!(
            site.join("domains/greet/[name].rs").is_file() && site.join(".gitignore").is_file()
        );
    }

    #[test]
    fn within_a_copy_of_harmonious_the_sdk_is_found_beside() {
        let root = sdk();
        let site = root.path().join("sites/mine");
        new(&site, "hello", Some(&root.path().join("dispatcher/sdk"))).unwrap();
        let manifest = fs::read_to_string(site.join("Cargo.toml")).unwrap();
        assert!(
            manifest.contains("harmonious = { path = \"../../dispatcher/sdk\" }"),
            "{manifest}"
        );
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        assert!(create_in(dir.path()).is_ok(), "an empty one is not");
        let Err(Failure::Usage(message)) = create_in(dir.path()) else {
            panic!("not refused");
        };
        assert!(
            message.contains("it holds \"") && message.contains("allowed is"),
            "{message}"
        );
        let file = dir.path().join("Cargo.toml");
        assert!(create_in(&file).is_err());
    }

    #[test]
    fn an_sdk_that_is_not_there_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site");
        let Err(Failure::Usage(message)) = new(&site, "hello", Some(Path::new("no/sdk"))) else {
            panic!("not refused");
        };
        assert!(
            message.contains("no/sdk") && message.contains("--sdk"),
            "{message}"
        );
        assert!(!site.exists(), "nothing is left behind");
        assert!(new(&site, "helo", None).is_err());
    }

    #[test]
    fn any_folder_gives_a_name_that_cargo_takes() {
        let names = [
            ("hello", "hello"),
            ("2024", "site-2024"),
            ("test", "site-test"),
            ("größe", "gr-e"),
            ("日本", "site"),
            ("a--b.c", "a-b-c"),
            ("_x", "site-_x"),
            ("harmonious", "site-harmonious"),
        ];
        for (folder, name) in names {
            assert_eq!(
                package_name(&Path::new("/s").join(folder)),
                name,
                "{folder}"
            );
        }
    }

    #[test]
    fn the_starter_is_under_a_hundred_lines_and_shows_what_there_is() {
        let pages = HELLO
            .iter()
            .filter(|(path, _)| path.starts_with("domains/"));
        let lines: usize = pages.clone().map(|(_, text)| text.lines().count()).sum();
        assert!(lines < 100, "{lines} lines");
        let all: String = pages.map(|(_, text)| *text).collect();
        for part in [
            "#[guard]",
            "#[export]",
            "req.parent()",
            "req.form()",
            "req.param(\"name\")",
            "<form",
            "{% extends",
        ] {
            assert!(all.contains(part), "{part}");
        }
    }

    #[test]
    fn every_file_of_the_starter_is_here() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sites/hello");
        let mut found = Vec::new();
        list(&root, &root, &mut found);
        found.retain(|path| !path.contains(EXAMPLE));
        let mut known: Vec<String> = HELLO.iter().map(|(path, _)| (*path).to_owned()).collect();
        found.sort();
        known.sort();
        assert_eq!(found, known);
        assert!(HELLO.iter().any(|(path, text)| *path == "Cargo.toml"
            && text.contains(NAME_LINE)
            && text.contains(SDK_PATH)));
    }

    fn list(root: &Path, dir: &Path, found: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            let relative = path
                .strip_prefix(root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            match ["target", ".harmonious", "data"].contains(&relative.as_str()) {
                true => {}
                false if path.is_dir() => list(root, &path, found),
                false => found.push(relative),
            }
        }
    }
}

//! Small sites from tables of paths and contents, and what a request to one of them leads to, as a line
//! of text that tests compare.

#![allow(dead_code)] // Each test file uses its own part of it.

use std::fs;
use std::path::Path;

use harmonious_dispatcher::manifest::{
    Canonical, Chain, Found, Manifest, Problem, Problems, canonical,
};
use tempfile::TempDir;

/// A page that answers GET.
pub const PAGE: &str = "#[get]\nfn show() {}\n";
/// A parent with a guard.
pub const GUARD: &str = "#[guard]\nfn check() {}\n";
/// A page for errors.
pub const ERROR: &str = "#[error_page]\nfn show() {}\n";

/// A site's folder; paths are below `domains/`, or below the site's folder if they begin with `../`.
pub fn folder(files: &[(&str, &str)]) -> TempDir {
    let site = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(site.path().join("domains")).expect("a new folder");
    for (path, content) in files {
        let path = match path.strip_prefix("../") {
            Some(path) => site.path().join(path),
            None => site.path().join("domains").join(path),
        };
        fs::create_dir_all(path.parent().expect("a folder")).expect("new folders");
        fs::write(path, content).expect("a new file");
    }
    site
}

/// A manifest of a site that has no errors.
#[track_caller]
pub fn site(files: &[(&str, &str)]) -> Manifest {
    scan(folder(files).path())
}

/// As [`site`], of a folder.
#[track_caller]
pub fn scan(site: &Path) -> Manifest {
    Manifest::scan(site).unwrap_or_else(|problems| panic!("{problems}"))
}

/// What is wrong with a site.
#[track_caller]
pub fn problems(files: &[(&str, &str)]) -> Vec<Problem> {
    let Err(Problems(problems)) = Manifest::scan(folder(files).path()) else {
        panic!("nothing is wrong with this site");
    };
    problems
}

/// The only thing that is wrong with a site.
#[track_caller]
pub fn problem(files: &[(&str, &str)]) -> Problem {
    let mut all = problems(files);
    assert_eq!(all.len(), 1, "{}", Problems(all));
    all.remove(0)
}

/// Keys of a chain, root to leaf; in brackets those of which only the guards count.
pub fn shown(manifest: &Manifest, chain: &Chain) -> String {
    let link = |link: &harmonious_dispatcher::manifest::Link| {
        let key = manifest.module(link.module).key.as_str();
        if link.hooks {
            key.to_owned()
        } else {
            format!("({key})")
        }
    };
    chain.modules.iter().map(link).collect::<Vec<_>>().join(" ")
}

/// What a request leads to before any module runs: status, who answers, Location or `Allow`, then the
/// chain, then parameters.
pub fn answer(manifest: &Manifest, method: &str, raw: &str) -> String {
    let path = match canonical(raw) {
        Canonical::Refused(refusal) => return refusal.status.to_string(),
        Canonical::Redirect(location) => return format!("308 {location}"),
        Canonical::Path(path) => path,
    };
    let resolved = manifest.resolve(&path);
    let mut line = String::new();
    let module = match &resolved.found {
        Found::Redirect { slash } => return format!("308 {}", path.encoded_with(*slash)),
        Found::Nothing => None,
        Found::Page(id) => {
            line = manifest.template_at(*id).path.display().to_string();
            None
        }
        Found::Module(id) => Some(*id),
        Found::Rest { candidates, from } => {
            line = format!("rest from {from} of");
            for id in candidates {
                line = format!("{line} {}", manifest.module(*id).key);
            }
            candidates.first().copied()
        }
    };
    if let (Some(id), true) = (module, line.is_empty()) {
        line.clone_from(&manifest.module(id).key);
    }
    let chain = manifest.chain(resolved.domain, module);
    let known = harmonious_dispatcher::manifest::method_bit(method);
    let allowed = match resolved.found {
        Found::Page(_) => harmonious_dispatcher::manifest::TEMPLATE_METHODS,
        _ => manifest.methods(&chain),
    };
    let line = match known {
        None => "501".to_owned(),
        Some(_) if line.is_empty() => "404".to_owned(),
        Some(bit) if allowed & bit == 0 => {
            format!("405 {}", harmonious_dispatcher::manifest::allow(allowed))
        }
        Some(_) => format!("200 {line}"),
    };
    let params = resolved.params.iter().map(|param| {
        let (name, value) = (manifest.param_name(*param), &path.segments[param.segment]);
        format!(" {name}={value}")
    });
    let params: String = params.collect();
    format!("{line} | {}{params}", shown(manifest, &chain))
}

/// Compares a table of (request, what it leads to): `GET /path`.
#[track_caller]
pub fn check(manifest: &Manifest, table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (request, expected) in table {
        let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
        let found = answer(manifest, method, path);
        if found != *expected {
            wrong.push(format!(
                "{request}\n   expected: {expected}\n   found:    {found}"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

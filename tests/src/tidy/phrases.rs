//! What no file of the repository may hold: paths of somebody's machine, hosts of registries.
//!
//! Both work for their author only, and tell others about a machine that is none of their business.

use super::{finding, numbered};
use crate::repo::File;

/// Folders in which people work, in pieces so that this file holds none of them.
const FOLDERS: [&str; 3] = [
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
];

/// Hosts that packages are fetched from, and the name of a mirror's software.
const HOSTS: [&str; 6] = [
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("artifac", "tory"),
];

/// What cargo itself writes into a lock file for its default registry.
const LOCKED: &str = concat!(
    "source = \"registry+https://github.com/rust-lang/crates",
    ".io-index\""
);

/// Looks at every line of every file.
pub fn check(files: &[File]) -> Vec<String> {
    files.iter().flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<String> {
    let is_lock = file.path == "Cargo.lock" || file.path.ends_with("/Cargo.lock");
    let mut findings = Vec::new();
    for (line, text) in numbered(&file.text) {
        if is_lock && text == LOCKED {
            continue;
        }
        for folder in FOLDERS
            .into_iter()
            .filter(|folder| starts_path(text, folder))
        {
            let advice = format!("{folder} is a path of one machine: make it relative to the root");
            findings.push(finding(&file.path, line, advice));
        }
        let lower = text.to_lowercase();
        for host in HOSTS.into_iter().filter(|host| lower.contains(host)) {
            let advice = format!("{host} belongs into nobody's repository: leave it to the client");
            findings.push(finding(&file.path, line, advice));
        }
    }
    findings
}

/// Whether `folder` stands where an absolute path starts, not in the middle of an URL or a path.
fn starts_path(text: &str, folder: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || "._-~>)]}*$".contains(c);
    text.match_indices(folder)
        .any(|(at, _)| !text[..at].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&[File::new(path, text)]).len()
    }

    #[test]
    fn paths_of_a_machine_are_found() {
        for folder in FOLDERS {
            assert_eq!(findings("a.md", &format!("x\nsee {folder}x\n")), 1);
            assert_eq!(findings("a.sh", &format!("x=\"{folder}\"")), 1);
            assert_eq!(findings("a.md", &format!("http://example.org{folder}")), 0);
            assert_eq!(findings("a.md", &format!("sites{folder}")), 0);
        }
        assert_eq!(
            check(&[File::new("a", FOLDERS[0])])[0].find("a:1: "),
            Some(0)
        );
    }

    #[test]
    fn hosts_of_registries_are_found() {
        for host in HOSTS {
            assert_eq!(
                findings("a.toml", &format!("u = \"https://INDEX.{host}/x\"")),
                1
            );
        }
        assert_eq!(findings("a.toml", LOCKED), 1);
        assert_eq!(findings("Cargo.lock", LOCKED), 0);
        assert_eq!(
            findings("bench/peers/Cargo.lock", &LOCKED.replace("github", "x")),
            1
        );
    }
}

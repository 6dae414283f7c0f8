//! No path whatsoever leaves the site, reaches a hidden name or skips a guard; and what a path means is
//! what a slow and simple reading of the rules says.

mod tree;

use std::collections::BTreeSet;

use harmonious_dispatcher::manifest::{Canonical, CanonicalPath, Found, Manifest, Role, canonical};
use proptest::collection::vec;
use proptest::prelude::*;
use tree::{GUARD, PAGE};

/// Names that trees are made of: few, so that they meet; some that must never be reached.
const FOLDERS: [&str; 8] = ["a", "b", "é", "[x]", "[n=u64]", "_h", ".git", "index"];
const FILES: [&str; 13] = [
    "index.rs",
    "a.rs",
    "b.html",
    "é.rs",
    "[y].rs",
    "[m=u64].rs",
    "[...rest].rs",
    "_parent.rs",
    "_auth.rs",
    "_404.html",
    ".env.rs",
    "c.txt",
    "index.html",
];
/// Segments of requests: those names, and what attackers send.
const SEGMENTS: [&str; 30] = [
    "a",
    "b",
    "c.txt",
    "é",
    "e\u{301}",
    "%C3%A9",
    "e%CC%81",
    "7",
    "007",
    "A",
    "index",
    "index.rs",
    "_h",
    "_auth",
    "_parent.rs",
    ".git",
    ".env",
    ".",
    "..",
    "%2e%2e",
    "%2E",
    "..%2f",
    "%252e%252e",
    "%5f%61uth",
    "%2egit",
    "%5c",
    "%00",
    "%",
    "",
    "[x]",
];

fn raw_path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(SEGMENTS.as_slice()).prop_map(str::to_owned);
    let segment = prop_oneof![8 => known, 1 => "[ -~]{0,6}", 1 => "\\PC{0,4}"];
    let path = (vec(segment, 0..6), any::<bool>()).prop_map(|(segments, slash)| {
        let end = if slash { "/" } else { "" };
        format!("/{}{end}", segments.join("/"))
    });
    let bytes = vec(any::<u8>(), 0..24).prop_map(|bytes| {
        let encode = |byte: &u8| format!("%{byte:02x}");
        let bytes: String = bytes.iter().map(encode).collect();
        format!("/{}", bytes.replace("%2f", "/"))
    });
    prop_oneof![6 => path, 1 => "\\PC{0,30}", 1 => bytes]
}

/// Files of a tree, three domains deep; every domain has a guard, so that a chain can be checked.
fn files() -> impl Strategy<Value = BTreeSet<String>> {
    let folder = vec(prop::sample::select(FOLDERS.as_slice()), 0..4);
    let file = prop::sample::select(FILES.as_slice());
    let path = (folder, file).prop_map(|(mut folders, file)| {
        folders.push(file);
        folders.join("/")
    });
    vec(path, 0..14).prop_map(|files| files.into_iter().collect())
}

/// A site of the files; what clashes is left out, as a lenient scan does.
fn manifest(files: &BTreeSet<String>) -> Manifest {
    let mut all: BTreeSet<String> = files.clone();
    all.insert("_parent.rs".to_owned());
    for file in files {
        let mut folders = file.split('/').collect::<Vec<_>>();
        while folders.pop().is_some() {
            all.insert([folders.as_slice(), &["_parent.rs"]].concat().join("/"));
        }
    }
    let content = |file: &str| match file.rsplit('/').next() {
        Some("_parent.rs") => GUARD,
        Some(name) if name.ends_with(".rs") => PAGE,
        _ => "",
    };
    let table: Vec<(&str, &str)> = all.iter().map(|f| (f.as_str(), content(f))).collect();
    Manifest::scan_lenient(tree::folder(&table).path()).expect("nothing concerns the whole site")
}

/// Whether a name of a file or folder may be part of a URL.
fn is_public(name: &str) -> bool {
    !name.starts_with(['_', '.'])
}

/// Which folders a path leads into and which file answers, by the rules as they are written, one folder
/// at a time, with the names as they are on disk.
struct Reference<'m> {
    manifest: &'m Manifest,
}

impl Reference<'_> {
    /// Names of the domains in a domain.
    fn folders(&self, domain: &str) -> Vec<String> {
        let domains = self.manifest.domains().iter();
        let inner = domains.filter_map(|d| d.path.strip_prefix(domain)?.strip_suffix('/'));
        inner
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    /// Names of pages of a domain, with the file of each.
    fn pages(&self, domain: &str) -> Vec<(String, String)> {
        let modules = self.manifest.modules().iter();
        let modules = modules.filter(|m| m.role == Role::Page);
        let modules = modules.map(|m| (m.pattern.clone().expect("a page"), &m.source));
        let templates = self.manifest.templates().iter();
        let templates = templates.filter_map(|t| Some((t.url.clone()?, &t.path)));
        let own = |(url, file): (String, &std::path::PathBuf)| {
            let name = url.strip_prefix(domain)?;
            let page = !name.is_empty() && !name.contains('/');
            page.then(|| (name.to_owned(), file.display().to_string()))
        };
        modules.chain(templates).filter_map(own).collect()
    }

    fn file(&self, domain: &str, name: &str) -> Option<String> {
        let domain = self.manifest.domains().iter().find(|d| d.path == domain)?;
        let file = domain.folder.join(name);
        let modules = self.manifest.modules().iter().map(|m| &m.source);
        let templates = self.manifest.templates().iter().map(|t| &t.path);
        let mut files = modules.chain(templates);
        files
            .find(|known| **known == file)
            .map(|file| file.display().to_string())
    }

    fn index(&self, domain: &str) -> Option<String> {
        ["index.rs", "index.html"]
            .iter()
            .find_map(|name| self.file(domain, name))
    }

    /// The best name for a segment: 0 the same, 1 with a type, 2 any.
    fn best(segment: &str, names: impl Iterator<Item = String>) -> Option<(u8, String)> {
        let rank = |name: &str| match name.strip_prefix('[') {
            None => (name == segment).then_some(0),
            Some(dynamic) if dynamic.contains("=u64") => {
                let digits = segment.chars().all(|c| c.is_ascii_digit());
                (digits && segment.parse::<u64>().is_ok()).then_some(1)
            }
            Some(_) => Some(2),
        };
        names.filter_map(|name| Some((rank(&name)?, name))).min()
    }

    /// As [`summary`] has it.
    fn answer(&self, path: &CanonicalPath<'_>) -> String {
        let mut here = "/".to_owned();
        let count = path.segments.len();
        for (at, segment) in path.segments.iter().enumerate() {
            let hidden = |segment: &str| !is_public(segment) || segment == "index";
            if hidden(segment) {
                return format!("{here} nothing");
            }
            let folder = Self::best(segment, self.folders(&here).into_iter());
            let last = at + 1 == count;
            if last {
                let names = self.pages(&here).into_iter().map(|(name, _)| name);
                let page = Self::best(segment, names);
                let inner = folder.as_ref().map(|(_, name)| format!("{here}{name}/"));
                let index = inner.as_ref().and_then(|inner| self.index(inner));
                let index_wins = match (&page, &folder) {
                    (Some(page), Some(folder)) if index.is_some() => {
                        folder.0 < page.0 || (folder.0 == page.0 && path.slash)
                    }
                    (None, _) => index.is_some(),
                    _ => false,
                };
                match (page, index, inner) {
                    (_, Some(index), Some(inner)) if index_wins => {
                        return match path.slash {
                            true => format!("{inner} {index}"),
                            false => format!("{here} redirect with slash"),
                        };
                    }
                    (Some(_), ..) if path.slash => return format!("{here} redirect without slash"),
                    (Some((_, name)), ..) => {
                        let pages = self.pages(&here);
                        let file = pages.into_iter().find(|(page, _)| *page == name);
                        return format!("{here} {}", file.expect("it is there").1);
                    }
                    _ => {}
                }
            }
            match folder {
                Some((_, name)) => here = format!("{here}{name}/"),
                None if path.segments[at + 1..].iter().any(|s| hidden(s)) => {
                    return format!("{here} nothing");
                }
                None => return self.rest(&here, count),
            }
        }
        match count {
            0 => format!("/ {}", self.index("/").unwrap_or("nothing".into())),
            count => self.rest(&here, count),
        }
    }

    fn rest(&self, domain: &str, count: usize) -> String {
        let mut files = Vec::new();
        let mut names: Vec<&str> = domain
            .trim_matches('/')
            .split('/')
            .filter(|n| !n.is_empty())
            .collect();
        loop {
            let here = match names.is_empty() {
                true => "/".to_owned(),
                false => format!("/{}/", names.join("/")),
            };
            let file = self.file(&here, "[...rest].rs");
            files.extend(file.filter(|_| names.len() < count));
            if names.pop().is_none() {
                break;
            }
        }
        match files.is_empty() {
            true => format!("{domain} nothing"),
            false => format!("{domain} rest {}", files.join(" ")),
        }
    }
}

/// What the manifest says: the deepest domain, and who answers.
fn summary(manifest: &Manifest, path: &CanonicalPath<'_>) -> String {
    let resolved = manifest.resolve(path);
    let source = |id| manifest.module(id).source.display().to_string();
    let found = match resolved.found {
        Found::Module(id) => source(id),
        Found::Page(id) => manifest.template_at(id).path.display().to_string(),
        Found::Redirect { slash: true } => "redirect with slash".into(),
        Found::Redirect { slash: false } => "redirect without slash".into(),
        Found::Nothing => "nothing".into(),
        Found::Rest { candidates, .. } => {
            let files: Vec<String> = candidates.into_iter().map(source).collect();
            format!("rest {}", files.join(" "))
        }
    };
    format!("{} {found}", manifest.domain(resolved.domain).path)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_canonical_stays_what_it_is(raw in raw_path()) {
        match canonical(&raw) {
            Canonical::Path(path) => {
                for segment in &path.segments {
                    prop_assert!(!segment.is_empty() && segment != "." && segment != "..");
                    let forbidden = |c: char| c == '/' || c == '\\' || c.is_control();
                    prop_assert!(!segment.contains(forbidden));
                }
                let encoded = path.encoded();
                prop_assert!(encoded.is_ascii() && !encoded.contains("//"));
                let Canonical::Path(again) = canonical(&encoded) else {
                    panic!("{encoded} is not canonical");
                };
                prop_assert_eq!(&again.segments[..], &path.segments[..]);
                prop_assert_eq!(again.slash, path.slash);
            }
            Canonical::Redirect(location) => {
                prop_assert!(location.starts_with('/') && !location.contains("//"));
                prop_assert!(!location.contains(['\\', '?', '#', ' ', '\r', '\n']));
                let again = canonical(&location);
                prop_assert!(matches!(again, Canonical::Path(_)), "{location}");
            }
            Canonical::Refused(refusal) => {
                prop_assert!([400, 414].contains(&refusal.status));
            }
        }
    }

    #[test]
    fn no_path_reaches_a_hidden_name_or_skips_a_guard(
        files in files(),
        paths in vec(raw_path(), 1..40),
    ) {
        let manifest = manifest(&files);
        for raw in &paths {
            let Canonical::Path(path) = canonical(raw) else {
                continue;
            };
            let resolved = manifest.resolve(&path);
            let reached = match &resolved.found {
                Found::Module(id) => vec![*id],
                Found::Rest { candidates, from } => {
                    prop_assert!(*from < path.segments.len());
                    candidates.to_vec()
                }
                Found::Page(id) => {
                    let file = manifest.template_at(*id).path.clone();
                    let mut names = file.iter().map(|name| name.to_str().expect("UTF-8"));
                    prop_assert!(names.all(is_public), "{raw}: {}", file.display());
                    Vec::new()
                }
                Found::Redirect { slash } => {
                    // It leads to something, and not back.
                    let there = path.encoded_with(*slash);
                    let Canonical::Path(there) = canonical(&there) else {
                        panic!("{raw}: {there} is not canonical");
                    };
                    let found = manifest.resolve(&there).found;
                    prop_assert!(matches!(found, Found::Module(_) | Found::Page(_)), "{raw}");
                    continue;
                }
                Found::Nothing => Vec::new(),
            };
            for id in &reached {
                let source = &manifest.module(*id).source;
                let mut names = source.iter().map(|name| name.to_str().expect("UTF-8"));
                prop_assert!(names.all(is_public), "{raw}: {}", source.display());
                prop_assert!(source.starts_with("domains"));
            }
            // Each domain from the root to the deepest one, and each from which a module comes.
            for module in reached.iter().copied().map(Some).chain([None]) {
                let chain = manifest.chain(resolved.domain, module);
                let mut at = Some(resolved.domain);
                while let Some(domain) = at {
                    let domain = manifest.domain(domain);
                    let guard = domain.default_parent.expect("each domain has a guard");
                    let guarded = chain.modules.iter().any(|link| link.module == guard);
                    prop_assert!(guarded, "{raw} skips the guard of {}", domain.path);
                    at = domain.parent;
                }
                if let Some(module) = module {
                    prop_assert_eq!(chain.modules.last().expect("itself").module, module);
                    let domain = manifest.module(module).domain;
                    let own = manifest.domain(domain).default_parent.expect("a guard");
                    prop_assert!(chain.modules.iter().any(|link| link.module == own));
                }
            }
        }
    }

    #[test]
    fn a_path_means_what_the_rules_say(files in files(), paths in vec(raw_path(), 1..40)) {
        let manifest = manifest(&files);
        let reference = Reference { manifest: &manifest };
        for raw in &paths {
            let Canonical::Path(path) = canonical(raw) else {
                continue;
            };
            let found = summary(&manifest, &path);
            prop_assert_eq!(&found, &summary(&manifest, &path));
            prop_assert_eq!(found, reference.answer(&path), "{}", raw);
        }
    }
}

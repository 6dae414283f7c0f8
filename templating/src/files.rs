//! The template files of a site, and the look-up: a name, the domain it is asked from, upward.

use std::collections::HashMap;
use std::path::PathBuf;

/// A template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFile {
    /// The domain it lies in: `/`, `/scripts/`, `/scripts/[slug]/`. It begins and ends with a
    /// slash, and a child's begins with its parent's.
    pub domain: String,
    /// Its file name: `index.html`, `_layout.html`.
    pub name: String,
    /// Where its text is.
    pub path: PathBuf,
}

/// All files of a site, found by their place in the tree.
#[derive(Debug)]
pub(crate) struct Files {
    files: Vec<TemplateFile>,
    /// Domain and name in one: `/scripts/index.html`. The engine knows the files by these names.
    full: Vec<String>,
    by_full: HashMap<String, usize>,
    by_domain: HashMap<String, Vec<usize>>,
}

impl Files {
    /// Of two files in the same place the first counts.
    pub fn new(files: Vec<TemplateFile>) -> Files {
        let full: Vec<String> = files
            .iter()
            .map(|file| format!("{}{}", file.domain, file.name))
            .collect();
        let mut by_full = HashMap::with_capacity(files.len());
        let mut by_domain: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, file) in files.iter().enumerate() {
            by_full.entry(full[index].clone()).or_insert(index);
            by_domain
                .entry(file.domain.clone())
                .or_default()
                .push(index);
        }
        Files {
            files,
            full,
            by_full,
            by_domain,
        }
    }

    pub fn len(&self) -> usize {
        self.files.len()
    }

    pub fn file(&self, index: usize) -> &TemplateFile {
        &self.files[index]
    }

    pub fn full(&self, index: usize) -> &str {
        &self.full[index]
    }

    /// The files that lie in this domain itself.
    pub fn within(&self, domain: &str) -> &[usize] {
        self.by_domain.get(domain).map_or(&[], Vec::as_slice)
    }

    /// The domains that have a file of their own or one in a folder below.
    pub fn domains(&self) -> impl Iterator<Item = &str> {
        self.by_domain.keys().flat_map(|domain| upward(domain))
    }

    /// The nearest file of this name; a name that begins with a slash is a full one.
    pub fn find(&self, domain: &str, name: &str) -> Option<usize> {
        if name.starts_with('/') {
            return self.by_full.get(name).copied();
        }
        let mut path = String::with_capacity(domain.len() + name.len());
        upward(domain).find_map(|domain| {
            path.clear();
            path.push_str(domain);
            path.push_str(name);
            self.by_full.get(path.as_str()).copied()
        })
    }

    /// What a file means by a name: its own name means the next file of that name above it, so
    /// that a layout can extend the layout that it overrides; else the nearest from `domain`.
    pub fn find_from(&self, domain: &str, file: usize, name: &str) -> Option<usize> {
        match self.above(file, name) {
            Some(above) => above.and_then(|domain| self.find(domain, name)),
            None => self.find(domain, name),
        }
    }

    /// Every place where [`find_from`](Files::find_from) looks.
    pub fn tried_from(&self, domain: &str, file: usize, name: &str) -> Vec<String> {
        match self.above(file, name) {
            Some(above) => above.map_or_else(Vec::new, |domain| tried(domain, name)),
            None => tried(domain, name),
        }
    }

    /// `Some` if the name is the file's own: the domain above it, if there is one.
    fn above(&self, file: usize, name: &str) -> Option<Option<&str>> {
        let file = &self.files[file];
        (file.name == name).then(|| upward(&file.domain).nth(1))
    }
}

/// A domain and those above it: `/a/b/`, `/a/`, `/`.
pub(crate) fn upward(domain: &str) -> impl Iterator<Item = &str> {
    let end = domain.rfind('/').map(|at| at + 1);
    std::iter::successors(end, |&end| domain[..end - 1].rfind('/').map(|at| at + 1))
        .map(|end| &domain[..end])
}

/// Every place where a name is looked for.
pub(crate) fn tried(domain: &str, name: &str) -> Vec<String> {
    if name.starts_with('/') {
        return vec![name.to_owned()];
    }
    upward(domain)
        .map(|domain| format!("{domain}{name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(full: &[&str]) -> Files {
        let file = |full: &&str| {
            let (domain, name) = full.split_at(full.rfind('/').unwrap() + 1);
            TemplateFile {
                domain: domain.into(),
                name: name.into(),
                path: full.into(),
            }
        };
        Files::new(full.iter().map(file).collect())
    }

    #[test]
    fn upward_ends_at_the_root() {
        assert_eq!(
            upward("/a/[b]/").collect::<Vec<_>>(),
            ["/a/[b]/", "/a/", "/"]
        );
        assert_eq!(upward("/").collect::<Vec<_>>(), ["/"]);
        assert_eq!(upward("/a/x.html").collect::<Vec<_>>(), ["/a/", "/"]);
        assert_eq!(upward("").count(), 0);
    }

    #[test]
    fn the_nearest_file_is_found() {
        let files = files(&["/x", "/a/x", "/a/b/y"]);
        let full = |domain, name| files.find(domain, name).map(|index| files.full(index));
        assert_eq!(full("/a/b/c/", "x"), Some("/a/x"));
        assert_eq!(full("/b/", "x"), Some("/x"));
        assert_eq!(full("/a/", "y"), None);
        assert_eq!(full("/a/", "b/y"), Some("/a/b/y"));
        assert_eq!(full("/b/", "/a/x"), Some("/a/x"));
        assert_eq!(tried("/a/b/", "z"), ["/a/b/z", "/a/z", "/z"]);
    }

    #[test]
    fn a_file_that_names_itself_means_the_one_above() {
        let files = files(&["/x", "/a/x", "/a/b/x"]);
        assert_eq!(files.find_from("/a/b/", 1, "x"), Some(0));
        assert_eq!(files.find_from("/a/b/", 2, "x"), Some(1));
        assert_eq!(files.find_from("/a/b/", 0, "x"), None);
        assert_eq!(files.tried_from("/a/b/", 2, "x"), ["/a/x", "/x"]);
    }
}

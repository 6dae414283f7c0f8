//! The entries of a loaded module by what they are for, checked against what its source declares.

#![forbid(unsafe_code)]

use std::fmt::Write as _;

use harmonious_abi::{kind, method};

use crate::ffi::EntryInfo;

/// What the source of a module declares, as the manifest has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Expected<'a> {
    /// Its entries, in the order of the source: guards and hooks run in it.
    pub entries: &'a [ExpectedEntry<'a>],
    /// How many failures within a minute close the module; `None`: as the loader's limits say.
    pub panics_per_minute: Option<u32>,
}

/// One function that the source declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedEntry<'a> {
    /// One of [`harmonious_abi::kind`].
    pub kind: u32,
    /// For handlers, the set of [`harmonious_abi::method`]s; else 0.
    pub methods: u32,
    /// The function's name.
    pub name: &'a str,
}

/// Indices of entries, by what they are for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// By the number of the method's bit.
    handlers: [Option<usize>; method::ALL.len()],
    guards: Vec<usize>,
    befores: Vec<usize>,
    afters: Vec<usize>,
    /// Sorted by name.
    exports: Vec<(String, usize)>,
    error_page: Option<usize>,
    /// Sorted by name.
    tasks: Vec<(String, usize)>,
}

impl Table {
    /// Of a library's `entries`, which must be those that the source declares; the order is the
    /// source's. The error says what differs and what to do.
    ///
    /// # Errors
    /// If there is an entry too many or too few, or two for the same.
    pub fn new(entries: &[EntryInfo], expected: &Expected<'_>) -> Result<Table, String> {
        let mut table = Table::default();
        for at in matched(entries, expected.entries)? {
            table.add(at, &entries[at])?;
        }
        table.exports.sort();
        table.tasks.sort();
        match table.exports.windows(2).find(|two| two[0].0 == two[1].0) {
            Some(two) => Err(format!(
                "exports \"{}\" twice: give one of them another name",
                two[0].0
            )),
            None => Ok(table),
        }
    }

    /// The handler of exactly this method, one of [`harmonious_abi::method`].
    #[must_use]
    pub fn handler(&self, method: u32) -> Option<usize> {
        *self.handlers.get(method.trailing_zeros() as usize)?
    }

    /// In the order of the source.
    #[must_use]
    pub fn guards(&self) -> &[usize] {
        &self.guards
    }

    /// In the order of the source.
    #[must_use]
    pub fn befores(&self) -> &[usize] {
        &self.befores
    }

    /// In the order of the source.
    #[must_use]
    pub fn afters(&self) -> &[usize] {
        &self.afters
    }

    /// The export of this name.
    #[must_use]
    pub fn export(&self, name: &str) -> Option<usize> {
        let at = self
            .exports
            .binary_search_by(|(own, _)| own.as_str().cmp(name));
        at.ok().map(|at| self.exports[at].1)
    }

    /// The task whose function has this name.
    #[must_use]
    pub fn task(&self, name: &str) -> Option<usize> {
        let at = self
            .tasks
            .binary_search_by(|(own, _)| own.as_str().cmp(name));
        at.ok().map(|at| self.tasks[at].1)
    }

    /// The function that shows errors.
    #[must_use]
    pub fn error_page(&self) -> Option<usize> {
        self.error_page
    }

    fn add(&mut self, at: usize, entry: &EntryInfo) -> Result<(), String> {
        match entry.kind {
            kind::HANDLER => return self.add_handler(at, entry),
            kind::GUARD => self.guards.push(at),
            kind::BEFORE => self.befores.push(at),
            kind::AFTER => self.afters.push(at),
            kind::EXPORT => self.exports.push((entry.name.clone(), at)),
            kind::TASK => self.tasks.push((entry.name.clone(), at)),
            _ => {
                if self.error_page.replace(at).is_some() {
                    return Err("has two error pages: it can have one".into());
                }
            }
        }
        Ok(())
    }

    fn add_handler(&mut self, at: usize, entry: &EntryInfo) -> Result<(), String> {
        for (bit, (method, name)) in method::ALL.iter().enumerate() {
            if entry.methods & method != 0 && self.handlers[bit].replace(at).is_some() {
                return Err(format!("has two handlers for {name}: it can have one"));
            }
        }
        Ok(())
    }
}

/// Whether the library still has what the source declares: a module that is loaded already.
pub(super) fn same(entries: &[EntryInfo], expected: &Expected<'_>) -> Result<(), String> {
    matched(entries, expected.entries).map(drop)
}

/// For each that is expected, the index of its entry.
fn matched(entries: &[EntryInfo], expected: &[ExpectedEntry<'_>]) -> Result<Vec<usize>, String> {
    let mut left: Vec<Option<ExpectedEntry<'_>>> = entries.iter().map(of).map(Some).collect();
    let mut found = Vec::with_capacity(expected.len());
    for wanted in expected {
        let at = left.iter().position(|entry| entry.as_ref() == Some(wanted));
        let at = at.ok_or_else(|| {
            format!(
                "lacks {}, which its source declares: rebuild it with \"harmonious build --release SITE\"",
                describe(wanted)
            )
        })?;
        left[at] = None;
        found.push(at);
    }
    match left.into_iter().flatten().next() {
        Some(more) => Err(format!(
            "has {}, which its source does not declare: handlers made by a macro are not seen, write \
             them at top level; else rebuild it with \"harmonious build --release SITE\"",
            describe(&more)
        )),
        None => Ok(found),
    }
}

fn of(entry: &EntryInfo) -> ExpectedEntry<'_> {
    ExpectedEntry {
        kind: entry.kind,
        methods: entry.methods,
        name: &entry.name,
    }
}

fn describe(entry: &ExpectedEntry<'_>) -> String {
    let what = match entry.kind {
        kind::HANDLER => "the handler",
        kind::GUARD => "the guard",
        kind::BEFORE => "the before hook",
        kind::AFTER => "the after hook",
        kind::EXPORT => "the export",
        kind::TASK => "the task",
        _ => "the error page",
    };
    let mut text = format!("{what} \"{}\"", entry.name);
    if entry.kind == kind::HANDLER {
        let names = method::ALL
            .iter()
            .filter(|(bit, _)| entry.methods & bit != 0);
        let names: Vec<_> = names.map(|(_, name)| *name).collect();
        // Writing to a text does not fail.
        let _ = write!(text, " of {}", names.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET_PAGE: ExpectedEntry<'_> = entry(kind::HANDLER, method::GET, "page");

    const fn entry(kind: u32, methods: u32, name: &str) -> ExpectedEntry<'_> {
        ExpectedEntry {
            kind,
            methods,
            name,
        }
    }

    fn check(library: &[ExpectedEntry<'_>], source: &[ExpectedEntry<'_>]) -> Result<Table, String> {
        let infos: Vec<EntryInfo> = library
            .iter()
            .map(|entry| EntryInfo {
                kind: entry.kind,
                methods: entry.methods,
                name: entry.name.into(),
            })
            .collect();
        let expected = Expected {
            entries: source,
            panics_per_minute: None,
        };
        Table::new(&infos, &expected)
    }

    #[test]
    fn hooks_come_in_the_order_of_the_source() {
        let (a, b) = (entry(kind::GUARD, 0, "a"), entry(kind::GUARD, 0, "b"));
        let c = entry(kind::AFTER, 0, "c");
        let table = check(&[b, c, a], &[a, b, c]).unwrap();
        assert_eq!(table.guards(), [2, 0]);
        assert_eq!(table.afters(), [1]);
        assert!(table.befores().is_empty());
    }

    #[test]
    fn handlers_are_found_by_method_and_exports_by_name() {
        let both = entry(kind::HANDLER, method::POST | method::PUT, "save");
        let title = entry(kind::EXPORT, 0, "title");
        let author = entry(kind::EXPORT, 0, "author");
        let shown = entry(kind::ERROR_PAGE, 0, "sorry");
        let import = entry(kind::TASK, 0, "import");
        let all = [GET_PAGE, both, title, author, shown, import];
        let table = check(&all, &all).unwrap();
        assert_eq!(table.handler(method::GET), Some(0));
        assert_eq!(table.handler(method::POST), Some(1));
        assert_eq!(table.handler(method::PUT), Some(1));
        assert_eq!(table.handler(method::DELETE), None);
        assert_eq!(table.handler(0), None);
        assert_eq!(table.handler(1 << 20), None);
        assert_eq!(table.export("title"), Some(2));
        assert_eq!(table.export("author"), Some(3));
        assert_eq!(table.export("save"), None);
        assert_eq!(table.error_page(), Some(4));
        assert_eq!((table.task("import"), table.task("title")), (Some(5), None));
    }

    #[test]
    fn an_entry_that_the_source_does_not_declare_is_named() {
        let why = check(&[GET_PAGE, entry(kind::GUARD, 0, "admin")], &[GET_PAGE]).unwrap_err();
        assert_eq!(
            why,
            "has the guard \"admin\", which its source does not declare: handlers made by a macro \
             are not seen, write them at top level; else rebuild it with \"harmonious build --release SITE\""
        );
    }

    #[test]
    fn an_entry_that_the_library_lacks_is_named() {
        let save = entry(kind::HANDLER, method::POST | method::PUT, "save");
        let why = check(&[GET_PAGE], &[GET_PAGE, save]).unwrap_err();
        assert!(
            why.starts_with("lacks the handler \"save\" of POST, PUT,"),
            "{why}"
        );
    }

    #[test]
    fn other_methods_or_another_kind_are_another_entry() {
        let post = entry(kind::HANDLER, method::POST, "page");
        assert!(check(&[post], &[GET_PAGE]).is_err());
        let guard = entry(kind::GUARD, 0, "page");
        assert!(check(&[entry(kind::BEFORE, 0, "page")], &[guard]).is_err());
    }

    #[test]
    fn two_for_the_same_are_refused() {
        let other = entry(kind::HANDLER, method::GET | method::POST, "other");
        let two = [GET_PAGE, other];
        assert!(
            check(&two, &two)
                .unwrap_err()
                .contains("two handlers for GET")
        );
        let two = [
            entry(kind::ERROR_PAGE, 0, "a"),
            entry(kind::ERROR_PAGE, 0, "b"),
        ];
        assert!(check(&two, &two).unwrap_err().contains("two error pages"));
        let two = [entry(kind::EXPORT, 0, "a"), entry(kind::EXPORT, 0, "a")];
        assert!(
            check(&two, &two)
                .unwrap_err()
                .contains("exports \"a\" twice")
        );
    }
}

//! The languages that a site begins with; editors change them afterwards (`editor/languages`).

/// One of them. Lists are blank-separated, as the table `languages` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// In URLs.
    pub slug: &'static str,
    /// For people.
    pub name: &'static str,
    /// Ends of file names, without the dot; the first one is that of new files.
    pub extensions: &'static str,
    /// Interpreters of a `#!` line, without versions.
    pub shebangs: &'static str,
    /// What the filter `highlight` calls it.
    pub highlight: &'static str,
    /// A name of `checks::CHECKERS`, or nothing.
    pub checker: &'static str,
    /// One pattern a line; the group is what the outline shows.
    pub outline: &'static str,
}

const fn known(
    [slug, name, extensions, shebangs, highlight, checker]: [&'static str; 6],
    outline: &'static str,
) -> Known {
    Known {
        slug,
        name,
        extensions,
        shebangs,
        highlight,
        checker,
        outline,
    }
}

/// Functions of shells of the family of Bourne's.
const SHELL: &str = r"^\s*([A-Za-z_][\w.:-]*)\s*\(\)
^\s*function\s+([\w.:-]+)";
const BRACES: &str = r"^\s*(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s+(\w+)
^\s*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s+(\w+)
^(?:export\s+)?(?:const|let|var)\s+(\w+)\s*=\s*(?:async\s*)?(?:\([^)]*\)|\w+)\s*=>";

/// All of them, in the order of lists.
#[rustfmt::skip]
pub const LANGUAGES: [Known; 23] = [
    known(["awk", "AWK", "awk", "awk gawk mawk nawk", "awk", ""], r"^\s*func(?:tion)?\s+(\w+)
^(BEGIN|END)\b"),
    known(["bash", "Bash", "bash bats", "bash", "bash", "bash"], SHELL),
    known(["batch", "Batch", "bat cmd", "", "plain", ""], r"^:([A-Za-z]\w*)"),
    known(["csh", "C shell", "csh tcsh", "csh tcsh", "sh", ""], r"^([A-Za-z]\w*):\s*$"),
    known(["expect", "Expect", "exp expect", "expect", "tcl", "tcl"], r"^\s*proc\s+(\S+)"),
    known(["fish", "fish", "fish", "fish", "fish", ""], r"^\s*function\s+(\S+)"),
    known(["javascript", "JavaScript", "js mjs cjs", "node nodejs", "javascript", "node"], BRACES),
    known(["ksh", "KornShell", "ksh", "ksh mksh pdksh", "ksh", "ksh"], SHELL),
    known(["lua", "Lua", "lua", "lua luajit", "lua", "lua"], r"^\s*(?:local\s+)?function\s+([\w.:]+)
^\s*(?:local\s+)?([\w.]+)\s*=\s*function\b"),
    known(["makefile", "Makefile", "mk mak", "make", "makefile", ""], r"^([A-Za-z][\w./-]*)\s*:(?:[^=]|$)"),
    known(["perl", "Perl", "pl pm t", "perl", "perl", "perl"], r"^\s*sub\s+([\w:']+)
^\s*package\s+([\w:]+)"),
    known(["php", "PHP", "php", "php", "php", ""], r"(?i)^\s*(?:(?:abstract|final|public|protected|private|static)\s+)*(?:function|class|interface|trait)\s+&?(\w+)"),
    known(["powershell", "PowerShell", "ps1 psm1", "pwsh powershell", "powershell", ""], r"(?i)^\s*(?:function|filter|class)\s+([\w:-]+)"),
    known(["python", "Python", "py pyw", "python3 python python2 pypy pypy3", "python", "python"], r"^\s*(?:async\s+)?def\s+(\w+)
^\s*class\s+(\w+)"),
    known(["r", "R", "r", "Rscript littler r", "plain", ""], r"^\s*([\w.]+)\s*(?:<-|=)\s*function\b"),
    known(["ruby", "Ruby", "rb rake", "ruby jruby", "ruby", "ruby"], r"^\s*def\s+([\w.?!=]+)
^\s*(?:class|module)\s+([\w:]+)"),
    known(["sed", "sed", "sed", "sed gsed", "plain", ""], r"^\s*:\s*(\S+)"),
    known(["sh", "POSIX shell", "sh", "sh dash ash busybox", "sh", "sh"], SHELL),
    known(["sql", "SQL", "sql", "", "sql", ""], r"(?i)^\s*create\s+(?:or\s+replace\s+)?(?:table|view|function|procedure|trigger)\s+(?:if\s+not\s+exists\s+)?([\w.]+)"),
    known(["tcl", "Tcl", "tcl tk", "tclsh wish", "tcl", "tcl"], r"^\s*proc\s+(\S+)
^\s*namespace\s+eval\s+(\S+)"),
    known(["typescript", "TypeScript", "ts mts", "deno bun tsx ts-node", "typescript", ""], BRACES),
    known(["vim", "Vim script", "vim", "vim", "plain", ""], r"^\s*fu(?:n(?:ction)?)?!?\s+([\w:#<>.]+)"),
    known(["zsh", "Zsh", "zsh", "zsh", "zsh", "zsh"], SHELL),
];

/// Those in a form that [`crate::header::language`] takes.
///
/// ```
/// use glsr::{header, languages};
/// assert_eq!(header::language("a.rb", "", languages::table()), Some("ruby"));
/// ```
pub fn table() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> + Clone {
    LANGUAGES
        .iter()
        .map(|known| (known.slug, known.extensions, known.shebangs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{checks::CHECKERS, outline};

    #[test]
    fn each_fits_its_table() {
        let mut seen = Vec::new();
        for known in LANGUAGES {
            let Known {
                slug,
                name,
                extensions,
                shebangs,
                highlight,
                checker,
                ..
            } = known;
            for (text, max) in [
                (slug, 30),
                (name, 40),
                (extensions, 120),
                (shebangs, 120),
                (highlight, 30),
                (checker, 20),
            ] {
                assert!(text.len() <= max, "{text}");
            }
            assert!(
                checker.is_empty() || CHECKERS.contains(&checker),
                "{slug}: {checker}"
            );
            assert_eq!(outline::check(known.outline), Ok(()), "{slug}");
            assert!(!seen.contains(&slug), "{slug} is there twice");
            seen.push(slug);
            for program in shebangs
                .split_whitespace()
                .chain(extensions.split_whitespace())
            {
                let owners = LANGUAGES.iter().filter(|other| {
                    let mut all = other.shebangs.split_whitespace();
                    all.any(|known| known == program)
                });
                assert!(owners.count() <= 1, "{program} means two languages");
            }
        }
    }

    #[test]
    fn what_outlines_show() {
        for (slug, text, names) in [
            (
                "bash",
                "a() {\n}\nfunction b-c {\necho x()\n",
                &["a", "b-c"][..],
            ),
            (
                "python",
                "import x\nclass A:\n  def b(self):\nasync def c():\n",
                &["A", "b", "c"],
            ),
            ("perl", "package A::B;\nsub c {\n", &["A::B", "c"]),
            (
                "ruby",
                "module A\n  class B < C\n    def self.d?\n",
                &["A", "B", "self.d?"],
            ),
            (
                "lua",
                "local function a()\nb.c = function(x)\nfunction d:e()\n",
                &["a", "b.c", "d:e"],
            ),
            ("tcl", "proc a {x} {\nnamespace eval b {\n", &["a", "b"]),
            (
                "javascript",
                "export default class A {\nasync function b() {\nconst c = (x) => x;\n",
                &["A", "b", "c"],
            ),
            ("makefile", "all: x\nCC := gcc\n%.o: y\n", &["all"]),
            ("awk", "function a(b) {\nBEGIN { }\n", &["a", "BEGIN"]),
            ("sql", "CREATE TABLE IF NOT EXISTS a.b (\n", &["a.b"]),
        ] {
            let known = LANGUAGES.iter().find(|known| known.slug == slug).unwrap();
            let found = outline::outline(text, known.outline);
            let found: Vec<&str> = found.iter().map(|entry| entry.name.as_str()).collect();
            assert_eq!(found, names, "{slug}");
        }
    }
}

//! The languages: their names, the names that people type, and the interpreters of scripts.

use super::syntax::Syntax;
use super::tables::{PLAIN, braces, data, markup, perl, scripts, shells, systems};

/// A language that the highlighter knows.
///
/// ```
/// let bash = harmonious_templating::language_of("deploy.BASH", "").unwrap();
/// assert_eq!((bash.name(), bash.title()), ("bash", "Bash"));
/// ```
#[derive(Clone, Copy)]
pub struct Language(&'static Entry);

struct Entry {
    name: &'static str,
    title: &'static str,
    /// Other names, extensions and file names, in small letters.
    names: &'static [&'static str],
    syntax: &'static Syntax,
}

impl Language {
    /// Its name in small letters, `[a-z]+`: what `language=` takes and what stands behind
    /// `language-` in the class.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Its name as people write it.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Other names that mean it: short names, file extensions, interpreters; in small letters.
    pub fn aliases(self) -> &'static [&'static str] {
        self.0.names
    }

    pub(super) fn syntax(self) -> &'static Syntax {
        self.0.syntax
    }

    /// Text without colours.
    pub(super) fn plain() -> Language {
        Language(&TEXT)
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Language) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for Language {}

impl std::fmt::Debug for Language {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(to, "Language({})", self.0.name)
    }
}

/// All languages, scripts first, in the order in which a list may show them.
///
/// ```
/// assert!(harmonious_templating::languages().any(|language| language.title() == "PowerShell"));
/// ```
pub fn languages() -> impl Iterator<Item = Language> {
    LANGUAGES.iter().map(Language)
}

/// The language of a name, an alias, a file extension or a file name, in letters of any size. An
/// empty name and `auto` mean that of the interpreter in the first line of the text (`#!`). `None`
/// if there is no such language.
///
/// ```
/// use harmonious_templating::language_of;
/// let name = |name, text| language_of(name, text).map(|language| language.name());
/// assert_eq!(name("py", ""), Some("python"));
/// assert_eq!(name("backup.pl", ""), Some("perl"));
/// assert_eq!(name("", "#!/usr/bin/env python3\n"), Some("python"));
/// assert_eq!(name("klingon", "#!/bin/sh\n"), None);
/// ```
pub fn language_of(name_or_extension: &str, text: &str) -> Option<Language> {
    let name = name_or_extension.trim();
    if name.is_empty() || name.eq_ignore_ascii_case("auto") {
        return interpreter(text).and_then(|name| named(&name));
    }
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let extension = file.rsplit_once('.').map(|(_, extension)| extension);
    named(file).or_else(|| named(extension?))
}

/// Longer names are none of ours.
const NAME_BYTES_MAX: usize = 32;

fn named(name: &str) -> Option<Language> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let is_meant = |entry: &&Entry| entry.name == name || entry.names.contains(&name.as_str());
    LANGUAGES.iter().find(is_meant).map(Language)
}

/// The name of the interpreter without its folder and version: `#!/usr/bin/env -S python3.12 -u`.
fn interpreter(text: &str) -> Option<String> {
    let line = text.lines().next()?.strip_prefix("#!")?;
    let line = line.get(..LINE_BYTES_MAX).unwrap_or(line);
    let mut words = line.split_whitespace();
    let mut program = base(words.next()?);
    if program == "env" {
        program = base(words.find(|word| !word.starts_with('-') && !word.contains('='))?);
    }
    let mut lines = text.lines().skip(1).take(3);
    // The trick of Tcl scripts: a shell that starts tclsh by a line that Tcl takes for a comment.
    if program == "sh" && lines.any(|line| line.starts_with("exec tclsh")) {
        program = "tcl";
    }
    let name = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    Some(name.to_owned())
}

/// Bytes of a first line that are looked at.
const LINE_BYTES_MAX: usize = 256;

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

const fn entry(
    name: &'static str,
    title: &'static str,
    names: &'static [&'static str],
    syntax: &'static Syntax,
) -> Entry {
    Entry {
        name,
        title,
        names,
        syntax,
    }
}

static TEXT: Entry = entry("plain", "Plain text", &["text", "txt"], &PLAIN);

#[rustfmt::skip]
static LANGUAGES: [Entry; 31] = [
    entry("sh", "Shell", &["shell", "dash", "ash", "posix", "busybox", "profile"], &shells::POSIX),
    entry("bash", "Bash", &["bashrc", "bash_profile", "bats"], &shells::POSIX),
    entry("zsh", "Zsh", &["zshrc", "zprofile", "zshenv"], &shells::POSIX),
    entry("ksh", "KornShell", &["mksh", "pdksh"], &shells::POSIX),
    entry("fish", "fish", &[], &shells::FISH),
    entry("python", "Python", &["py", "python2", "python3", "pyw", "pyi", "pypy"], &scripts::PYTHON),
    entry("perl", "Perl", &["pl", "pm", "perl5", "cgi", "psgi"], &perl::PERL),
    entry("ruby", "Ruby", &["rb", "rake", "rakefile", "gemfile", "gemspec", "jruby"], &scripts::RUBY),
    entry("php", "PHP", &["php3", "php5", "php7", "php8", "phtml"], &braces::PHP),
    entry("lua", "Lua", &["luajit"], &scripts::LUA),
    entry("tcl", "Tcl", &["tclsh", "wish", "tk", "expect", "exp"], &shells::TCL),
    entry("awk", "AWK", &["gawk", "mawk", "nawk"], &scripts::AWK),
    entry("javascript", "JavaScript", &["js", "mjs", "cjs", "jsx", "node", "nodejs", "deno", "bun"], &braces::JAVASCRIPT),
    entry("powershell", "PowerShell", &["ps1", "psm1", "psd1", "pwsh", "posh", "ps"], &shells::POWERSHELL),
    entry("rust", "Rust", &["rs"], &systems::RUST),
    entry("c", "C", &["h"], &systems::C),
    entry("cpp", "C++", &["c++", "cc", "cxx", "hpp", "hh", "hxx"], &systems::C),
    entry("typescript", "TypeScript", &["ts", "tsx", "mts", "cts"], &braces::JAVASCRIPT),
    entry("go", "Go", &["golang"], &braces::GO),
    entry("java", "Java", &[], &braces::JAVA),
    entry("sql", "SQL", &["mysql", "sqlite", "postgresql", "psql"], &data::SQL),
    entry("json", "JSON", &["jsonc", "json5"], &data::JSON),
    entry("yaml", "YAML", &["yml"], &data::YAML),
    entry("toml", "TOML", &[], &data::INI),
    entry("ini", "INI", &["cfg", "conf", "desktop", "service", "properties", "env"], &data::INI),
    entry("makefile", "Makefile", &["make", "mk", "mak", "gnumakefile"], &data::MAKEFILE),
    entry("dockerfile", "Dockerfile", &["docker", "containerfile"], &data::DOCKERFILE),
    entry("html", "HTML", &["htm", "xhtml"], &markup::HTML),
    entry("xml", "XML", &["svg", "xsl", "rss", "atom"], &markup::HTML),
    entry("css", "CSS", &[], &markup::CSS),
    entry("diff", "Diff", &["patch"], &data::DIFF),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_two_languages() {
        let mut all: Vec<&str> = Vec::new();
        for language in languages() {
            all.push(language.name());
            all.extend(language.aliases());
        }
        for name in &all {
            assert_eq!(*name, name.to_ascii_lowercase());
        }
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

//! The `#!` line of a script, and the language that it and the file's name speak of.

/// The slug of the language that a script is in, by its `#!` line, else by the end of its file's name;
/// `languages` are slug, extensions and interpreters, the latter two blank-separated.
///
/// ```
/// let known = [("bash", "sh bash", "bash"), ("python", "py", "python3 python")];
/// let of = |file, text| glsr::header::language(file, text, known);
/// assert_eq!(of("x", "#!/usr/bin/env -S python3.11 -u\n"), Some("python"));
/// assert_eq!(of("x.PY", ""), Some("python"));
/// assert_eq!(of("x", "hello"), None);
/// ```
pub fn language<'a>(
    file_name: &str,
    text: &str,
    languages: impl IntoIterator<Item = (&'a str, &'a str, &'a str)> + Clone,
) -> Option<&'a str> {
    let by_program = |program: &str| {
        let fits = |shebangs: &str| shebangs.split_whitespace().any(|s| is_program(program, s));
        languages
            .clone()
            .into_iter()
            .find(|(_, _, shebangs)| fits(shebangs))
            .map(|(slug, ..)| slug)
    };
    let by_line = Shebang::of(text).and_then(|line| {
        let other = hands_over(text).and_then(by_program);
        other.or_else(|| by_program(line.program))
    });
    by_line.or_else(|| {
        let (_, end) = file_name.rsplit_once('.')?;
        let fits = |ends: &str| {
            ends.split_whitespace()
                .any(|known| known.eq_ignore_ascii_case(end))
        };
        languages
            .clone()
            .into_iter()
            .find(|(_, ends, _)| fits(ends))
            .map(|(slug, ..)| slug)
    })
}

/// The `#!` line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shebang<'a> {
    /// The first word, whole.
    pub path: &'a str,
    /// The interpreter without its folder; that which `env` starts, if it does.
    pub program: &'a str,
    /// Whether it goes through `env`.
    pub is_env: bool,
    /// Whether `env` is told to split what follows (`-S`).
    pub is_split: bool,
    /// Words behind the program.
    pub words_beside: usize,
}

impl<'a> Shebang<'a> {
    /// That of a script, if it has one; a byte order mark in front does not matter here.
    pub fn of(text: &'a str) -> Option<Self> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let line = text.strip_prefix("#!")?.lines().next().unwrap_or("");
        let mut words = line.split_whitespace();
        let path = words.next().unwrap_or("");
        let base = |path: &'a str| path.rsplit('/').next().unwrap_or(path);
        let mut shebang = Shebang {
            path,
            program: base(path),
            is_env: false,
            is_split: false,
            words_beside: 0,
        };
        if shebang.program == "env" {
            shebang.is_env = true;
            shebang.program = "";
            for word in words.by_ref() {
                if let Some(glued) = word
                    .strip_prefix("-S")
                    .or(word.strip_prefix("--split-string="))
                {
                    shebang.is_split = true;
                    if glued.is_empty() {
                        continue;
                    }
                    shebang.program = base(glued);
                    break;
                }
                // Options of env and variables that it sets.
                if !word.starts_with('-') && !word.contains('=') {
                    shebang.program = base(word);
                    break;
                }
            }
        }
        shebang.words_beside = words.count();
        Some(shebang)
    }
}

/// Whether the name of a program is this interpreter, whatever its version: `python3.11` is `python3` and
/// `python`, `python3` is not `python2`.
pub fn is_program(program: &str, known: &str) -> bool {
    let rest = match program.strip_prefix(known) {
        Some(rest) => rest,
        None => return false,
    };
    rest.chars()
        .all(|c| c.is_ascii_digit() || c == '.' || c == '-')
}

/// The program to which a shell script hands itself over in its first lines (`exec tclsh "$0"`), as scripts
/// do whose interpreter has no fixed place.
pub fn hands_over(text: &str) -> Option<&str> {
    const LINES_LOOKED_AT: usize = 12;
    text.lines().take(LINES_LOOKED_AT).find_map(|line| {
        let rest = line
            .trim_start()
            .trim_start_matches("':' ; ")
            .strip_prefix("exec ")?;
        let program = rest.split_whitespace().next()?.rsplit('/').next()?;
        rest.contains("\"$0\"")
            .then_some(program.trim_matches(['"', '\'']))
    })
}

//! What programs say about a script, as findings with lines.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::{
    bounded, finding,
    programs::{Job, Outcome},
    told,
};
use crate::model::{Finding, Level};

/// Characters of what a program printed that a finding quotes if nothing else was understood.
const QUOTED_CHARS: usize = 100;

/// What the messages of a job mean.
pub fn findings(job: &Job, outcome: &Outcome) -> Vec<Finding> {
    let (code, out) = match outcome {
        Outcome::NotRun(why) => return vec![not_checked(job.checker, "not-checked", why)],
        Outcome::Ended { code, out } => (*code, out),
    };
    let found: Vec<Finding> = match job.checker {
        "shellcheck" => out.lines().filter_map(shellcheck_line).collect(),
        "node" => node(out),
        "perl" => perl(out),
        checker => out
            .lines()
            .filter_map(|line| message_line(checker, line))
            .collect(),
    };
    match code {
        _ if !found.is_empty() => bounded(found),
        Some(0) => Vec::new(),
        None => vec![not_checked(job.checker, "not-checked-long", "")],
        Some(code) => {
            let quoted: String = out.trim().chars().take(QUOTED_CHARS).collect();
            let code = code.to_string();
            let about = [
                ("program", job.programs[0]),
                ("code", &code),
                ("said", &quoted),
            ];
            vec![told(job.checker, Level::Warn, 0, "ended", &about)]
        }
    }
}

/// The finding that stands where a check could not be done: our reason by its key, or that of the server.
pub(super) fn not_checked(checker: &str, key: &str, why: &str) -> Finding {
    let about = [("checker", checker), ("why", why)];
    let about = if why.is_empty() { &about[..1] } else { &about };
    told(checker, Level::Note, 0, key, about)
}

/// `script: line 3: ..` (bash), `script: 3: ..` (dash), `script:3: ..` (zsh, ruby, luac, and our own).
static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[ /])script: ?(?:line )?([0-9]{1,6}): ?(.+)$").expect("a pattern of ours")
});

fn message_line(checker: &str, line: &str) -> Option<Finding> {
    let found = MESSAGE.captures(line)?;
    let (at, said) = (found.get(1)?.as_str().parse().ok()?, found.get(2)?.as_str());
    // Bash shows the line again.
    if said.starts_with('`') && said.ends_with('\'') {
        return None;
    }
    let (level, said) = match said.strip_prefix("warning: ") {
        Some(said) => (Level::Warn, said),
        None => (Level::Error, said),
    };
    Some(finding(checker, level, at, said))
}

static GCC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^script:([0-9]{1,6}):[0-9]+: (error|warning|note): (.+)$")
        .expect("a pattern of ours")
});

fn shellcheck_line(line: &str) -> Option<Finding> {
    let found = GCC.captures(line)?;
    let level = match found.get(2)?.as_str() {
        "error" => Level::Error,
        "warning" => Level::Warn,
        _ => Level::Note,
    };
    let at = found.get(1)?.as_str().parse().ok()?;
    Some(finding("shellcheck", level, at, found.get(3)?.as_str()))
}

static PERL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(.+) at script line ([0-9]{1,6})([.,].*)?$").expect("a pattern of ours")
});

/// A library that is not on this machine says nothing about the script; what comes after it was not read.
fn perl(out: &str) -> Vec<Finding> {
    let mut all = Vec::new();
    for line in out.lines().filter(|line| !line.starts_with("BEGIN failed")) {
        let Some(found) = PERL.captures(line) else {
            continue;
        };
        let group = |n: usize| found.get(n).map_or("", |group| group.as_str());
        let at = group(2).parse().unwrap_or(0);
        if let Some((_, rest)) = line.split_once("you may need to install the ") {
            let module = rest.split_whitespace().next().unwrap_or("");
            let about = [("module", module)];
            all.push(told("perl", Level::Note, at, "perl-module", &about));
            break;
        }
        let near = group(3).trim_end_matches('.');
        all.push(finding(
            "perl",
            Level::Error,
            at,
            &format!("{}{near}", group(1)),
        ));
    }
    all
}

static NODE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|/)script\.[cm]js:([0-9]{1,6})$").expect("a pattern of ours")
});

/// The place is one line, the reason another.
fn node(out: &str) -> Vec<Finding> {
    let at = out.lines().find_map(|line| {
        NODE.captures(line.trim_end())?
            .get(1)?
            .as_str()
            .parse()
            .ok()
    });
    let said = out.lines().find(|line| line.starts_with("SyntaxError: "));
    match (at, said) {
        (Some(at), Some(said)) => vec![finding("node", Level::Error, at, said)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::jobs;
    use crate::findings::said;

    #[test]
    fn messages_are_read() {
        let read = |checker: &str, out: &str, code| {
            let job = jobs(checker, "").unwrap().remove(0);
            let outcome = Outcome::Ended {
                code,
                out: out.to_owned(),
            };
            findings(&job, &outcome)
                .into_iter()
                .map(|f| (f.line, f.message))
                .collect::<Vec<_>>()
        };
        let one = |line, message: &str| vec![(line, message.to_owned())];
        assert_eq!(
            read(
                "bash",
                "script: line 4: syntax error near `fi'\nscript: line 4: `fi fi'\n",
                Some(2)
            ),
            one(4, "syntax error near `fi'")
        );
        assert_eq!(
            read(
                "sh",
                "dash: 3: script: 7: Syntax error: \"fi\" unexpected\n",
                Some(2)
            ),
            one(7, "Syntax error: \"fi\" unexpected")
        );
        assert_eq!(
            read(
                "lua",
                "luac5.4: script:3: unexpected symbol near 'if'\n",
                Some(1)
            ),
            one(3, "unexpected symbol near 'if'")
        );
        assert_eq!(
            read(
                "perl",
                "syntax error at script line 3, near \"1 {\"\nscript had compilation errors.\n",
                Some(255)
            ),
            one(3, "syntax error, near \"1 {\"")
        );
        assert_eq!(
            read(
                "node",
                "/tmp/x/script.cjs:3\nlet\n\nSyntaxError: Unexpected end\n",
                Some(1)
            ),
            one(3, "SyntaxError: Unexpected end")
        );
        assert_eq!(
            read(
                "ksh",
                "script:3:5: warning: Double quote this. [SC2086]\nrubbish\n",
                Some(1)
            ),
            one(3, "Double quote this. [SC2086]")
        );
        assert_eq!(
            read("lua", "out of ideas", Some(70)),
            vec![(
                0,
                said(
                    "ended",
                    &[
                        ("program", "luac"),
                        ("code", "70"),
                        ("said", "out of ideas")
                    ]
                )
            )]
        );
        assert_eq!(read("lua", "", Some(0)), []);
        assert_eq!(
            read("lua", "", None)[0].1,
            said("not-checked-long", &[("checker", "lua")])
        );
        assert_eq!(
            read("zsh", &"script:1: no\n".repeat(900), Some(1)).len(),
            20
        );
    }
}

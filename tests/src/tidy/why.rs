//! Beside each shared dependency stands why it is there.

use super::{finding, numbered};

/// Every entry of `[workspace.dependencies]` in the root manifest has a comment on its line; on an
/// entry of several lines, on any of them.
pub fn check(root_manifest: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let mut inside = false;
    let mut entry = Entry::default();
    for (number, line) in numbered(root_manifest) {
        let (content, reason) = split_comment(line);
        if entry.depth == 0 && content.starts_with('[') {
            inside = content == "[workspace.dependencies]";
            if content.starts_with("[workspace.dependencies.") {
                findings.push(missing(
                    number,
                    "write the dependency on one line, and beside it",
                ));
            }
        } else if inside && (entry.depth > 0 || !content.is_empty()) {
            entry.add(number, content, !reason.is_empty());
            if entry.depth == 0 {
                let entry = std::mem::take(&mut entry);
                if !entry.has_reason {
                    findings.push(missing(entry.line, "say beside the dependency, after a #,"));
                }
            }
        }
    }
    findings
}

/// An entry whose brackets may still be open.
#[derive(Default)]
struct Entry {
    line: usize,
    depth: usize,
    has_reason: bool,
}

impl Entry {
    fn add(&mut self, line: usize, content: &str, has_reason: bool) {
        if self.line == 0 {
            self.line = line;
        }
        let count = |set: [char; 2]| content.matches(set).count();
        self.depth = (self.depth + count(['[', '{'])).saturating_sub(count([']', '}']));
        self.has_reason |= has_reason;
    }
}

fn missing(line: usize, start: &str) -> String {
    finding(
        "Cargo.toml",
        line,
        format!("{start} why it beats the code that we would write"),
    )
}

/// Content and comment of a line, both trimmed; a `#` inside quotes starts none.
fn split_comment(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let start = line.find(|c| {
        quoted ^= c == '"';
        c == '#' && !quoted
    });
    let (content, comment) = line.split_at(start.unwrap_or(line.len()));
    (content.trim(), comment.trim_start_matches('#').trim())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn check_lines(dependencies: &str, lines: &[usize]) {
        let findings = check(&format!(
            "[workspace.dependencies]\n{dependencies}\n[profile]\na = 1"
        ));
        let starts: Vec<String> = lines.iter().map(|l| format!("Cargo.toml:{l}: ")).collect();
        assert_eq!(findings.len(), starts.len(), "{findings:#?}");
        assert!(
            findings.iter().zip(&starts).all(|(f, s)| f.starts_with(s)),
            "{findings:#?}"
        );
    }

    #[test]
    fn each_line_says_why() {
        check_lines(
            "a = \"1\" # because\n\n# heading\nb = { version = \"1\" } # also",
            &[],
        );
        check_lines("a = \"1\"\nb = \"1\" # because\nc = \"1\" #", &[2, 4]);
        check_lines("a = \"1#2\"", &[2]);
    }

    #[test]
    fn an_entry_of_several_lines_says_it_once() {
        check_lines(
            "a = { version = \"1\", features = [ # because\n  \"x\",\n] }",
            &[],
        );
        check_lines("a = [\n\"x\",\n]\nb = \"1\" # because", &[2]);
    }

    #[test]
    fn a_table_of_its_own_hides_no_dependency() {
        check_lines("[workspace.dependencies.a]\nversion = \"1\"", &[2]);
    }
}

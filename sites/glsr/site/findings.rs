//! What checks say, in the visitor's language. A message of ours is kept as its key in `finding.` of the catalogues
//! with what it is about; what a program printed is kept as it is, in the program's words.

use harmonious::Db;
use harmonious::prelude::*;

use crate::model::Finding;
use crate::store::versions;

/// Stands before the key and before each of what it is about: the picture of the character that separates units
/// (U+001F). No message of a program keeps it.
pub(crate) const MARK: char = '\u{241f}';
/// Characters of one thing that a message is about; with its key a message fits into its column.
const ABOUT_CHARS_MAX: usize = 100;

/// A message of ours as it is kept: `said("lines", &[("n", "3000")])`.
pub(crate) fn said(key: &str, about: &[(&str, &str)]) -> String {
    let mut kept = format!("{MARK}{key}");
    for (name, value) in about {
        let value: String = crate::rules::visible(value)
            .chars()
            .filter(|c| *c != MARK)
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(ABOUT_CHARS_MAX)
            .collect();
        kept.push_str(&format!("{MARK}{name}={value}"));
    }
    kept
}

/// The findings of a version as they are read: in the visitor's language.
pub fn of(req: &Request, db: &Db<'_>, version: i64) -> Result<Vec<Finding>> {
    let mut all = versions::findings(db, version)?;
    for one in &mut all {
        one.message = text(&one.message, |key, about| req.t(key, about));
    }
    Ok(all)
}

/// What a message says, with texts by key and what they are about.
fn text(kept: &str, t: impl FnOnce(&str, Context) -> String) -> String {
    let Some(kept) = kept.strip_prefix(MARK) else {
        return kept.to_owned();
    };
    let mut parts = kept.split(MARK);
    let key = parts.next().unwrap_or_default();
    let mut about = Context::new();
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        match value.parse::<i64>() {
            Ok(number) if name == "n" => about.insert(name, &number),
            _ => about.insert(name, value),
        };
    }
    t(&format!("finding.{key}"), about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_key_and_what_it_is_about() {
        let kept = said(
            "ended",
            &[("program", "luac"), ("said", "a\u{241f}b\u{202e}\nc")],
        );
        let told = text(&kept, |key, about| format!("{key} {:?}", about.get("said")));
        assert_eq!(told, "finding.ended Some(String(\"ab⟦U+202E⟧ c\"))");
        let told = text(&said("lines", &[("n", "3")]), |_, about| {
            format!("{:?}", about.get("n"))
        });
        assert_eq!(told, "Some(Number(3))");
        assert_eq!(text("syntax error", |_, _| unreachable!()), "syntax error");
    }

    #[test]
    fn a_message_fits_its_column() {
        let long = "é".repeat(500);
        let kept = said("license-other", &[("said", &long), ("license", &long)]);
        assert!(kept.chars().count() <= 300, "{kept}");
    }
}

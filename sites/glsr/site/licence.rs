//! Expressions of SPDX as pages show them: each licence leads to its text.

use harmonious::prelude::*;

/// A piece of an expression.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Piece {
    pub text: String,
    /// Where its text is, if the list of SPDX has it.
    pub url: Option<String>,
}

/// Where SPDX keeps the texts of licences and exceptions.
const LIST: &str = "https://spdx.org/licenses";

/// The pieces of an expression, blanks included; none where no licence was given (`NOASSERTION`).
///
/// ```
/// let pieces = glsr::licence::pieces("MIT OR (0BSD)");
/// let texts: Vec<_> = pieces.iter().map(|piece| piece.text.as_str()).collect();
/// assert_eq!(texts, ["MIT", " ", "OR", " ", "(", "0BSD", ")"]);
/// assert_eq!(pieces[0].url.as_deref(), Some("https://spdx.org/licenses/MIT.html"));
/// assert!(pieces[2].url.is_none());
/// assert!(glsr::licence::pieces("NOASSERTION").is_empty());
/// ```
#[must_use]
pub fn pieces(expression: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    if matches!(expression, "" | "NOASSERTION") {
        return pieces;
    }
    let mut rest = expression;
    while let Some(first) = rest.chars().next() {
        let parts = |c: char| c.is_whitespace() || "()".contains(c);
        let len = match parts(first) {
            true => first.len_utf8(),
            false => rest.find(parts).unwrap_or(rest.len()),
        };
        let (text, behind) = rest.split_at(len);
        let url = known(text).map(|id| format!("{LIST}/{id}.html"));
        pieces.push(Piece {
            text: text.to_owned(),
            url,
        });
        rest = behind;
    }
    pieces
}

/// The name by which the list has it; a plus behind a licence means its later versions.
fn known(text: &str) -> Option<&'static str> {
    let plain = text.strip_suffix('+').unwrap_or(text);
    let license = || spdx::license_id(text).or_else(|| spdx::license_id(plain));
    license()
        .map(|id| id.name)
        .or_else(|| spdx::exception_id(text).map(|id| id.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_list_has_leads_there() {
        let url = |text| pieces(text).pop().and_then(|piece| piece.url);
        assert_eq!(
            url("MPL-2.0+").as_deref(),
            Some("https://spdx.org/licenses/MPL-2.0.html")
        );
        assert_eq!(
            url("GPL-2.0-only WITH Classpath-exception-2.0").as_deref(),
            Some("https://spdx.org/licenses/Classpath-exception-2.0.html")
        );
        assert_eq!(url("LicenseRef-mine"), None);
        assert_eq!(url("<script>"), None);
    }
}

//! The texts that a source of Rust has in quotes: keys of catalogues may be among them.

use proc_macro2::Delimiter;
use syn::Lit;

use super::declare::tokens;
use super::tokens::{Kind, Token};

/// A text in a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// What it says.
    pub text: String,
    /// The line in the source, from 1.
    pub line: u32,
    /// The method that it is the first argument of: `t` of `req.t("cart.title", ..)`; empty if of none.
    pub given_to: String,
}

/// The texts of a source, in its order; comments have none. None of a source that is not Rust: that is for
/// the compiler to say.
///
/// ```
/// let source = "fn f(req: &Request) -> String { req.t(\"hello\", context! {}) }";
/// let texts = harmonious_dispatcher::manifest::source_texts(source);
/// assert_eq!((texts[0].text.as_str(), texts[0].given_to.as_str(), texts[0].line), ("hello", "t", 1));
/// ```
pub fn source_texts(source: &str) -> Vec<SourceText> {
    let tokens = tokens(source).unwrap_or_default();
    let texts = (0..tokens.len()).filter_map(|at| {
        let Kind::Literal(literal) = &tokens[at].kind else {
            return None;
        };
        match Lit::new(literal.clone()) {
            Lit::Str(text) => Some(SourceText {
                text: text.value(),
                line: tokens[at].line(),
                given_to: method(&tokens[..at]).unwrap_or_default(),
            }),
            _ => None,
        }
    });
    let texts = texts.collect();
    // Every place of every source that was read is kept otherwise.
    drop(tokens);
    proc_macro2::extra::invalidate_current_thread_spans();
    texts
}

/// The method whose brackets open here: `.name(`.
fn method(before: &[Token]) -> Option<String> {
    match before {
        [.., dot, name, open]
            if dot.is('.') && open.closes_at(Delimiter::Parenthesis).is_some() =>
        {
            name.ident().map(ToString::to_string)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_wherever_they_stand() {
        let source = "// \"no\"\nconst A: &str = \"a\";\nfn f() {\n  x.t(r#\"b\"#, y(\"c\"), b'd');\n  \
                      t(\"e\"); context! { f => \"\\u{66}\" }; x.t (\n \"g\")\n}\n/// \"h\" of a comment\nstruct S;";
        let found: Vec<_> = source_texts(source)
            .into_iter()
            .map(|text| (text.text, text.line, text.given_to))
            .collect();
        let text = |text: &str, line, to: &str| (text.to_owned(), line, to.to_owned());
        assert_eq!(
            found,
            [
                text("a", 2, ""),
                text("b", 4, "t"),
                text("c", 4, ""),
                text("e", 5, ""),
                text("f", 5, ""),
                text("g", 6, "t"),
                text(" \"h\" of a comment", 8, ""),
            ]
        );
        assert_eq!(source_texts("fn f( { \"a\""), []);
    }
}

//! The tables of all languages; each file has those of one family and what no table can say of them.

pub(super) mod braces;
pub(super) mod data;
pub(super) mod markup;
pub(super) mod perl;
pub(super) mod scripts;
pub(super) mod shells;
pub(super) mod systems;

use super::syntax::Syntax;

/// Every table, for the test that the lists of words are sorted.
#[cfg(test)]
pub(super) const ALL: [&Syntax; 25] = [
    &shells::POSIX,
    &shells::FISH,
    &shells::POWERSHELL,
    &shells::TCL,
    &scripts::PYTHON,
    &scripts::RUBY,
    &scripts::LUA,
    &scripts::AWK,
    &perl::PERL,
    &braces::PHP,
    &braces::JAVASCRIPT,
    &braces::GO,
    &braces::JAVA,
    &systems::RUST,
    &systems::C,
    &data::SQL,
    &data::JSON,
    &data::YAML,
    &data::INI,
    &data::MAKEFILE,
    &data::DOCKERFILE,
    &data::DIFF,
    &markup::HTML,
    &markup::CSS,
    &PLAIN,
];

/// Text.
pub(super) const PLAIN: Syntax = super::syntax::NOTHING;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_words_are_sorted() {
        for syntax in ALL {
            for list in [syntax.keywords, syntax.builtins, syntax.definers] {
                for pair in list.windows(2) {
                    assert!(pair[0] < pair[1], "{pair:?}");
                }
            }
            for definer in syntax.definers {
                assert!(syntax.keywords.contains(definer), "{definer}");
            }
        }
    }
}

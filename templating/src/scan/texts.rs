//! Which texts of the catalogues a template names: the calls of `t`, and uses of `request` that may ask for the
//! language.

use std::ops::Range;

use super::{Token, Word, unescaped};

/// A key that a call of `t` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCall {
    /// The key, as far as it is written out.
    pub key: String,
    /// How far that is.
    pub part: KeyPart,
    /// Bytes of the text, quotes included.
    pub at: Range<usize>,
    /// The names of its other arguments; none if they are not all written out.
    pub arguments: Option<Vec<String>>,
}

/// What a string in the key of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPart {
    /// `t(key="cart.title")`: all of it.
    Whole,
    /// `t(key="wrong." ~ name)`: how it begins.
    Beginning,
    /// `t(key="a" if x else "b")`: perhaps all of it.
    Perhaps,
}

/// The strings in the key of a call; `tokens` begin behind the name. None if it is no call.
pub(super) fn calls(tokens: &[Token<'_>]) -> Option<Vec<TextCall>> {
    let (open, inside) = tokens.split_first()?;
    if open.word != Word::Sign(b'(') {
        return None;
    }
    let arguments = arguments(inside);
    let is_spread =
        |argument: &&[Token<'_>]| argument.first().is_some_and(|t| t.word == Word::Sign(b'.'));
    let others = (arguments.iter())
        .filter_map(|argument| name(argument))
        .filter(|name| *name != "key");
    let others: Vec<String> = others.map(str::to_owned).collect();
    let others = (!arguments.iter().any(is_spread)).then_some(others);
    let key = arguments
        .iter()
        .find(|argument| name(argument) == Some("key"));
    let value = key.map_or(&[][..], |argument| &argument[2..]);
    let strings = value.iter().enumerate().filter_map(|(index, token)| {
        let Word::Text(text) = token.word else {
            return None;
        };
        let part = match (
            index,
            value.len(),
            value.get(index + 1).map(|next| &next.word),
        ) {
            (0, 1, _) => KeyPart::Whole,
            (0, _, Some(Word::Sign(b'~'))) => KeyPart::Beginning,
            _ => KeyPart::Perhaps,
        };
        Some(TextCall {
            key: unescaped(text),
            part,
            at: token.at.clone(),
            arguments: others.clone(),
        })
    });
    Some(strings.collect())
}

/// The arguments up to the closing bracket, without the commas between them.
fn arguments<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let mut arguments = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (index, token) in tokens.iter().enumerate() {
        match token.word {
            Word::Sign(b')') if depth == 0 => {
                arguments.push(&tokens[start..index]);
                return arguments;
            }
            Word::Sign(b'(' | b'[' | b'{') => depth += 1,
            Word::Sign(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            Word::Sign(b',') if depth == 0 => {
                arguments.push(&tokens[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    arguments.push(&tokens[start..]);
    arguments
}

/// `name=`
fn name<'t>(argument: &[Token<'t>]) -> Option<&'t str> {
    match argument {
        [name, equals, ..] if equals.word == Word::Sign(b'=') => match name.word {
            Word::Name(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a use of `request` may ask for the language; `tokens` begin behind the name.
pub(super) fn may_ask_language(tokens: &[Token<'_>]) -> bool {
    let asked = |field: &str| matches!(field, "language" | "languages");
    match tokens {
        [sign, field, ..] => match (&sign.word, &field.word) {
            (Word::Sign(b'.'), Word::Name(field)) => asked(field),
            (Word::Sign(b'['), Word::Text(field)) => asked(field),
            // All of it goes somewhere.
            _ => true,
        },
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Facts, scan};
    use super::*;

    fn found(facts: &Facts) -> Vec<(&str, KeyPart)> {
        let texts = facts.texts.iter();
        texts.map(|call| (call.key.as_str(), call.part)).collect()
    }

    #[test]
    fn keys_that_are_written_out_are_found() {
        let text = "{{ t(key='a.b') }}{{ f(x=t(n=g(key='no'), key=\"c\", name=[1, 2])) }}\
                    {{ t(key='w.' ~ k) }}{{ t(key='x' if a == 'y' else 'z') }}{{ t(key=k) }}{{ t }}\
                    {{ x.t(key='no') }}{{ x | t(key='no') }}{% set t = 1 %}{{ t(key";
        let facts = scan(text);
        assert_eq!(
            found(&facts),
            [
                ("a.b", KeyPart::Whole),
                ("c", KeyPart::Whole),
                ("w.", KeyPart::Beginning),
                ("x", KeyPart::Perhaps),
                ("y", KeyPart::Perhaps),
                ("z", KeyPart::Perhaps),
            ]
        );
        assert_eq!(facts.texts[0].arguments, Some(Vec::new()));
        let names = ["n".to_owned(), "name".to_owned()];
        assert_eq!(facts.texts[1].arguments, Some(Vec::from(names)));
        assert_eq!(scan("{{ t(key='a', ...more) }}").texts[0].arguments, None);
    }

    #[test]
    fn what_depends_on_the_language_is_told() {
        for text in [
            "{{ t(key=k) }}",
            "{% if request.language == 'fr' %}{% endif %}",
            "{% for l in request['languages'] %}{% endfor %}",
            "{% set r = request %}",
            "{{ request }}",
        ] {
            assert!(scan(text).speaks, "{text}");
        }
        for text in [
            "{{ request.path }}{{ x.request }}",
            "{{ t }}",
            "{{ a.t(x=1) }}",
            "t(key='a')",
        ] {
            assert!(!scan(text).speaks, "{text}");
        }
    }
}

//! What the text of a template names: parents, includes, components, uses of `safe`. The engine
//! knows it too, but keeps it to itself; it must be known before, to say which files to compile.

mod texts;
mod tokens;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::config::ELIFS_MAX;
pub use texts::{KeyPart, TextCall};
pub(crate) use tokens::{Tag, Tags, Token, Word};

/// A name in the text, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name, without quotes.
    pub name: String,
    /// Bytes of the text, quotes included.
    pub at: Range<usize>,
}

/// What a text names, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// `{% extends "name" %}`
    pub extends: Vec<Named>,
    /// `{% include "name" %}`
    pub includes: Vec<Named>,
    /// `{% component name(..) %}`
    pub defines: Vec<Named>,
    /// The bytes from each of those names to the end of its component.
    pub bodies: Vec<Range<usize>>,
    /// `{{ <name /> }}`, `{% <name> %}`
    pub calls: Vec<Named>,
    /// `| safe`, `{% filter safe %}`: offsets.
    pub unsafe_uses: Vec<usize>,
    /// `url_for(path="/scripts/")`: what is written out.
    pub links: Vec<Named>,
    /// `asset(path="style.css")`: what is written out.
    pub assets: Vec<Named>,
    /// `module.name`: what is asked of the requested module and its parents.
    pub exports: Vec<Named>,
    /// Which of [`TOLD`] it may use.
    pub told: BTreeSet<&'static str>,
    /// `t(key="cart.title")`: what is written out of the keys.
    pub texts: Vec<TextCall>,
    /// Whether it depends on the language: calls `t`, or may ask `request` for it.
    pub speaks: bool,
    /// Blocks within blocks, at most.
    pub nesting: usize,
    /// Where an `elif` is one too many.
    pub elif_too_many: Option<usize>,
}

impl Facts {
    /// The number of the component in whose text the offset lies.
    pub fn body_at(&self, offset: usize) -> Option<usize> {
        self.bodies.iter().position(|body| body.contains(&offset))
    }
}

/// Variables that cost something, or change something, when they are told: only where they are used.
pub const TOLD: [&str; 6] = [
    "user",
    "csrf_field",
    "csrf_token",
    "flash",
    "request",
    "site",
];

/// The variable whose fields are exports of the requested module and its parents.
const MODULE: &str = "module";

/// The variable that has the language beside what the dispatcher says.
const REQUEST: &str = "request";

/// Words after which an operand follows, as after an operator.
const OPERATOR_WORDS: [&str; 7] = ["and", "or", "not", "in", "if", "else", "elif"];

/// Reads the text. It never fails: what is wrong with the text, the engine says.
pub fn scan(text: &str) -> Facts {
    let mut facts = Facts::default();
    let mut blocks = 0_usize;
    // How many `elif`s there were before each `if` that is open, and how many there are.
    let (mut ifs, mut elifs) = (Vec::new(), 0_usize);
    for Tag {
        is_block, tokens, ..
    } in Tags::new(text)
    {
        if is_block {
            block(&tokens, &mut facts);
            match tokens.first().map(|token| &token.word) {
                Some(Word::Name("block")) => blocks += 1,
                Some(Word::Name("endblock")) => blocks = blocks.saturating_sub(1),
                Some(Word::Name("if")) => ifs.push(elifs),
                Some(Word::Name("elif")) => elifs += 1,
                Some(Word::Name("endif")) => elifs = ifs.pop().unwrap_or(elifs),
                _ => {}
            }
            facts.nesting = facts.nesting.max(blocks);
            if elifs > ELIFS_MAX && facts.elif_too_many.is_none() {
                facts.elif_too_many = tokens.first().map(|token| token.at.start);
            }
        }
        expression(&tokens, is_block, &mut facts);
    }
    facts
}

/// The tags that name something by their first word.
fn block(tokens: &[Token<'_>], facts: &mut Facts) {
    let Some((first, rest)) = tokens.split_first() else {
        return;
    };
    match first.word {
        Word::Name("extends") => facts.extends.extend(quoted(rest)),
        Word::Name("include") => facts.includes.extend(quoted(rest)),
        Word::Name("component") => {
            if let Some(named) = dotted(rest) {
                facts.bodies.push(named.at.start..usize::MAX);
                facts.defines.push(named);
            }
        }
        Word::Name("endcomponent") => {
            if let Some(open) = facts.bodies.last_mut() {
                open.end = open.end.min(first.at.start);
            }
        }
        Word::Name("filter") => {
            let safe = rest.first().filter(|name| name.word == Word::Name("safe"));
            facts.unsafe_uses.extend(safe.map(|name| name.at.start));
        }
        _ => {}
    }
}

/// The string that a tag begins with.
fn quoted(tokens: &[Token<'_>]) -> Option<Named> {
    let token = tokens.first()?;
    match token.word {
        Word::Text(name) => Some(Named {
            name: unescaped(name),
            at: token.at.clone(),
        }),
        _ => None,
    }
}

/// Calls of components and uses of `safe`, wherever an expression may stand.
fn expression(tokens: &[Token<'_>], is_block: bool, facts: &mut Facts) {
    for (index, token) in tokens.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| &tokens[index].word);
        match &token.word {
            Word::Sign(b'<') if wants_operand(before, is_block && index == 1) => {
                facts.calls.extend(dotted(&tokens[index + 1..]));
            }
            Word::Name("url_for") => facts.links.extend(path(&tokens[index + 1..])),
            Word::Name("asset") => facts.assets.extend(path(&tokens[index + 1..])),
            Word::Name(MODULE) if before != Some(&Word::Sign(b'.')) => {
                facts.exports.extend(field(&tokens[index + 1..]));
            }
            Word::Name("t") if !matches!(before, Some(Word::Sign(b'.' | b'|'))) => {
                if let Some(calls) = texts::calls(&tokens[index + 1..]) {
                    facts.speaks = true;
                    facts.texts.extend(calls);
                }
            }
            Word::Name(name) if TOLD.contains(name) && before != Some(&Word::Sign(b'.')) => {
                facts.speaks |= *name == REQUEST && texts::may_ask_language(&tokens[index + 1..]);
                facts.told.extend(TOLD.iter().filter(|told| *told == name));
            }
            Word::Name("safe") if before == Some(&Word::Sign(b'|')) => {
                facts.unsafe_uses.push(token.at.start);
            }
            _ => {}
        }
    }
}

/// The path that a function is given as it is written: `(path="/scripts/"`, wherever among its arguments.
fn path(tokens: &[Token<'_>]) -> Option<Named> {
    let (open, arguments) = tokens.split_first()?;
    if open.word != Word::Sign(b'(') {
        return None;
    }
    let mut depth = 1_usize;
    for (index, token) in arguments.iter().enumerate() {
        match token.word {
            Word::Sign(b'(' | b'[' | b'{') => depth += 1,
            Word::Sign(b')' | b']' | b'}') => depth -= 1,
            Word::Name("path") if depth == 1 => {
                let [equals, value, after, ..] = &arguments[index + 1..] else {
                    return None;
                };
                // With something behind it, such as a `~`, it is not all of the path.
                let ends = matches!(after.word, Word::Sign(b',' | b')'));
                return match (&equals.word, ends) {
                    (Word::Sign(b'='), true) => quoted(std::slice::from_ref(value)),
                    _ => None,
                };
            }
            _ => {}
        }
        if depth == 0 {
            return None;
        }
    }
    None
}

/// The first field of a variable: `.name`, `["name"]`.
fn field(tokens: &[Token<'_>]) -> Option<Named> {
    let [sign, field, ..] = tokens else {
        return None;
    };
    let name = match (&sign.word, &field.word) {
        (Word::Sign(b'.'), Word::Name(name)) => (*name).to_owned(),
        (Word::Sign(b'['), Word::Text(name)) => unescaped(name),
        _ => return None,
    };
    let at = field.at.clone();
    Some(Named { name, at })
}

/// Whether an operand follows: then `<` opens a component, else it compares.
fn wants_operand(before: Option<&Word<'_>>, after_tag_name: bool) -> bool {
    match before {
        None => true,
        Some(Word::Name(name)) => after_tag_name || OPERATOR_WORDS.contains(name),
        Some(Word::Text(_) | Word::Number) => false,
        Some(Word::Sign(sign)) => !matches!(sign, b')' | b']' | b'}'),
    }
}

/// `name` or `name.name`.
fn dotted(tokens: &[Token<'_>]) -> Option<Named> {
    let mut named: Option<Named> = None;
    let mut rest = tokens;
    while let [
        Token {
            word: Word::Name(name),
            at,
        },
        after @ ..,
    ] = rest
    {
        named = Some(match named {
            None => Named {
                name: (*name).to_owned(),
                at: at.clone(),
            },
            Some(so_far) => Named {
                name: format!("{}.{name}", so_far.name),
                at: so_far.at.start..at.end,
            },
        });
        match after {
            [
                Token {
                    word: Word::Sign(b'.'),
                    ..
                },
                after @ ..,
            ] => rest = after,
            _ => break,
        }
    }
    named
}

fn unescaped(name: &str) -> String {
    name.replace('\\', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[Named]) -> Vec<&str> {
        of.iter().map(|named| named.name.as_str()).collect()
    }

    #[test]
    fn parents_and_includes_are_found() {
        let text = "{%- extends '_layout.html' -%}\n{% block a %}{% include \"_a.html\" %}\
                    {% include `_b.html` %}{% endblock %}";
        let facts = scan(text);
        assert_eq!(names(&facts.extends), ["_layout.html"]);
        assert_eq!(names(&facts.includes), ["_a.html", "_b.html"]);
        assert_eq!(&text[facts.extends[0].at.clone()], "'_layout.html'");
    }

    #[test]
    fn comments_raw_text_and_strings_name_nothing() {
        let text = "{# {% include 'a' %} #}{% raw %}{% include 'b' %}{{ x | safe }}{% endraw %}\
                    {{ \"{% include 'c' %}\" }}{{ '| safe' }}";
        assert_eq!(scan(text), Facts::default());
    }

    #[test]
    fn a_component_is_told_from_a_comparison() {
        let text = "{{ <Button a=1 /> }}{% <ui.Card> %}{% </ui.Card> %}{% if a < b %}{% endif %}\
                    {% set x = <Icon /> %}{{ 1 < count }}{{ f(x=<Deep/>) }}{{ a[0] < b }}\
                    {% if <Test/> %}{% endif %}{% component Own(label) %}{% endcomponent %}";
        let facts = scan(text);
        assert_eq!(
            names(&facts.calls),
            ["Button", "ui.Card", "Icon", "Deep", "Test"]
        );
        assert_eq!(names(&facts.defines), ["Own"]);
    }

    #[test]
    fn what_is_in_a_component_is_told_from_what_is_not() {
        let text = "{% component A() %}{{ <B/> }}{% endcomponent %}{{ <C/> }}\
                    {% block x %}{% block y %}{% endblock %}{% endblock %}{% block z %}{% endblock %}";
        let facts = scan(text);
        let within: Vec<_> = facts
            .calls
            .iter()
            .map(|call| facts.body_at(call.at.start))
            .collect();
        assert_eq!(within, [Some(0), None]);
        assert_eq!(facts.nesting, 2);
    }

    #[test]
    fn every_use_of_safe_is_found() {
        let text = "{{ a|safe }}{{ safe }}{{ b | upper | safe | trim }}\
                    {% filter safe %}{% endfilter %}{% set c | safe %}{% endset %}";
        assert_eq!(scan(text).unsafe_uses.len(), 4);
    }

    #[test]
    fn paths_that_are_written_out_are_found() {
        let text = "{{ url_for(path='/a/') }}{{ f(x=url_for(slug=g(path='/no'), path=\"/b\")) }}\
                    {{ url_for(path=p) }}{{ url_for(path='/c' ~ d) }}{{ asset(path='x.css') }}\
                    {{ url_for }}{{ url_for(slug=1) }}{{ url_for(path";
        let facts = scan(text);
        assert_eq!(names(&facts.links), ["/a/", "/b"]);
        assert_eq!(names(&facts.assets), ["x.css"]);
    }

    #[test]
    fn what_is_told_only_where_it_is_used_is_found() {
        let text = "{% if user %}{{ a.flash }}{% endif %}{{ csrf_field }} flash";
        assert_eq!(Vec::from_iter(scan(text).told), ["csrf_field", "user"]);
    }

    #[test]
    fn what_is_asked_of_the_module_is_found() {
        let text = "{{ module.title }}{% if module['menu'] %}{% endif %}{{ a.module.x }}\
                    {{ module }}{{ f(x=module.side.bar) }}{# module.no #} module.no";
        assert_eq!(names(&scan(text).exports), ["title", "menu", "side"]);
    }

    #[test]
    fn elifs_are_counted_through_open_ifs() {
        let elifs = |count| "{% elif a %}".repeat(count);
        let half = ELIFS_MAX / 2;
        let beside = format!("{{% if a %}}{}{{% endif %}}", elifs(ELIFS_MAX)).repeat(3);
        assert_eq!(scan(&beside).elif_too_many, None);
        let within = format!("{{% if a %}}{}{{% if b %}}{}", elifs(half), elifs(half));
        assert_eq!(scan(&within).elif_too_many, None);
        let one_more = format!("{within}{{% elif c %}}{{% elif d %}}");
        assert_eq!(scan(&one_more).elif_too_many, Some(within.len() + 3));
    }

    #[test]
    fn no_text_makes_it_fail() {
        for text in [
            "{{",
            "{%",
            "{#",
            "{{ 'open",
            "{% include",
            "{% raw %}",
            "{{ ä }}",
            "{",
            "é{{é",
        ] {
            scan(text);
        }
    }
}

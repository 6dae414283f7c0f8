//! `{% cache "key", for="5m" %} .. {% endcache %}`, in terms of the engine: what is between the two is
//! captured, unless it is there already.
//!
//! The key is any expression. What was captured is found by the compiled template, the place in it and
//! the key: so everything else that the text depends on, such as who is signed in, belongs in the key.

use std::time::Duration;

use crate::classic::Wrong;
use crate::config::FRAGMENT_LIFE_MAX;
use crate::origin::{Origin, Rewrite};
use crate::scan::{Tag, Tags, Token, Word};

/// The functions of the engine that the tag becomes.
pub(crate) const BEGIN: &str = "__fragment_begin";
pub(crate) const END: &str = "__fragment_end";

const HOW: &str = "write {% cache \"key\", for=\"5m\" %}";

/// The text without such tags, and where its pieces came from; none if it has none. `file` is the full
/// name of the template: places are told apart by it.
pub(crate) fn rewrite(file: &str, text: &str) -> Result<Option<(String, Origin)>, Wrong> {
    let mut rewrite = Rewrite::new(text);
    let mut kept = 0;
    let mut open: Vec<Fragment> = Vec::new();
    let mut count = 0;
    let file_base = first_place(file);
    for tag in Tags::new(text).filter(|tag| tag.is_block) {
        let Some((first, rest)) = tag.tokens.split_first() else {
            continue;
        };
        match first.word {
            Word::Name("cache") => {
                rewrite.keep(kept..tag.at.start);
                let fragment = Fragment {
                    number: count,
                    place: file_base + count,
                    at: tag.at.start,
                };
                fragment.begin(text, &tag, rest, &mut rewrite)?;
                open.push(fragment);
                count += 1;
            }
            Word::Name("endcache") => {
                rewrite.keep(kept..tag.at.start);
                let fragment = open.pop().ok_or_else(|| {
                    Wrong::new(tag.at.start, "an {% endcache %} without a {% cache %}")
                })?;
                fragment.end(text, &tag, &mut rewrite);
            }
            _ => continue,
        }
        kept = tag.at.end;
    }
    if let Some(fragment) = open.pop() {
        let message = "a {% cache %} without its {% endcache %}";
        return Err(Wrong::new(fragment.at, message));
    }
    rewrite.keep(kept..text.len());
    Ok((count > 0).then(|| rewrite.finish()))
}

struct Fragment {
    /// In this text, from 0.
    number: u64,
    /// Among all places of all templates.
    place: u64,
    /// Where the tag begins.
    at: usize,
}

impl Fragment {
    fn begin(
        &self,
        text: &str,
        tag: &Tag<'_>,
        rest: &[Token<'_>],
        rewrite: &mut Rewrite<'_>,
    ) -> Result<(), Wrong> {
        let (key, life) = arguments(tag, rest)?;
        let (number, place, from) = (self.number, self.place, self.at);
        let open = trims_before(text, tag);
        // The key is captured as text is: of what is not defined the engine then says so.
        rewrite.put(
            from,
            &format!("{{%{open} set __fragment_key_{number} %}}{{{{ "),
        );
        rewrite.keep(key);
        let close = trims_after(text, tag);
        rewrite.put(
            from,
            &format!(
                " }}}}{{% endset %}}{{% set __fragment_{number} = \
                 {BEGIN}(at={place}, key=__fragment_key_{number}, life={}) %}}\
                 {{% if __fragment_{number} is string %}}{{{{ __fragment_{number} }}}}\
                 {{% else %}}{{% set __fragment_{number} {close}%}}",
                life.as_millis()
            ),
        );
        Ok(())
    }

    fn end(&self, text: &str, tag: &Tag<'_>, rewrite: &mut Rewrite<'_>) {
        let (number, place) = (self.number, self.place);
        let (open, close) = (trims_before(text, tag), trims_after(text, tag));
        rewrite.put(
            tag.at.start,
            &format!(
                "{{%{open} endset %}}{{{{ {END}(at={place}, text=__fragment_{number}) }}}}{{% endif {close}%}}"
            ),
        );
    }
}

/// The number of a file's first place: the engine's numbers have a sign, and a file has fewer than 2^22
/// tags, since it is no longer than 4 MiB.
fn first_place(file: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&blake3::hash(file.as_bytes()).as_bytes()[..8]);
    (u64::from_le_bytes(bytes) >> 23) << 22
}

/// The bytes of the key, and the life.
fn arguments(
    tag: &Tag<'_>,
    rest: &[Token<'_>],
) -> Result<(std::ops::Range<usize>, Duration), Wrong> {
    let wrong = |message: String| Wrong::new(tag.at.start, format!("{message}: {HOW}"));
    let comma = last_comma(rest).ok_or_else(|| wrong("a fragment has a life time".to_owned()))?;
    let (key, life) = (&rest[..comma], &rest[comma + 1..]);
    let (Some(first), Some(last)) = (key.first(), key.last()) else {
        return Err(wrong("a fragment has a key".to_owned()));
    };
    let [name, sign, value] = life else {
        return Err(wrong("after the key comes the life time".to_owned()));
    };
    let (Word::Name("for"), Word::Sign(b'='), Word::Text(life)) =
        (&name.word, &sign.word, &value.word)
    else {
        return Err(wrong("after the key comes the life time".to_owned()));
    };
    let parsed = humantime::parse_duration(life).ok();
    let life = parsed.filter(|life| !life.is_zero() && *life <= FRAGMENT_LIFE_MAX);
    let life = life.ok_or_else(|| {
        Wrong::new(
            value.at.start,
            "no life time of a fragment: allowed is a duration such as 30s, 5m or 1h, up to 30d",
        )
    })?;
    Ok((first.at.start..last.at.end, life))
}

/// The last comma that is in no bracket.
fn last_comma(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut found = None;
    for (index, token) in tokens.iter().enumerate() {
        match token.word {
            Word::Sign(b'(' | b'[' | b'{') => depth += 1,
            Word::Sign(b')' | b']' | b'}') => depth = depth.saturating_sub(1),
            Word::Sign(b',') if depth == 0 => found = Some(index),
            _ => {}
        }
    }
    found
}

fn trims_before(text: &str, tag: &Tag<'_>) -> &'static str {
    match text[tag.at.clone()].starts_with("{%-") {
        true => "-",
        false => "",
    }
}

fn trims_after(text: &str, tag: &Tag<'_>) -> &'static str {
    match text[tag.at.clone()].ends_with("-%}") {
        true => "-",
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> Option<String> {
        let place = first_place("/x").to_string();
        let text = rewrite("/x", text).unwrap()?.0;
        Some(text.replace(&place, "0"))
    }

    #[test]
    fn a_text_without_the_tag_stays_as_it_is() {
        assert_eq!(
            rewritten("{% if a %}{{ cache }}{% endif %}{# {% cache %} #}"),
            None
        );
    }

    #[test]
    fn the_tag_becomes_what_the_engine_has() {
        let text =
            rewritten("a{%- cache f(x=[1, 2], y=3), for='1s' -%} b {% endcache %}c").unwrap();
        assert_eq!(
            text,
            "a{%- set __fragment_key_0 %}{{ f(x=[1, 2], y=3) }}{% endset %}\
             {% set __fragment_0 = __fragment_begin(at=0, key=__fragment_key_0, life=1000) %}\
             {% if __fragment_0 is string %}{{ __fragment_0 }}{% else %}{% set __fragment_0 -%} b \
             {% endset %}{{ __fragment_end(at=0, text=__fragment_0) }}{% endif %}c"
        );
    }

    #[track_caller]
    fn refused(text: &str, at: usize, expected: &str) {
        let wrong = rewrite("/x", text).unwrap_err();
        assert_eq!(wrong.at, at, "{text}");
        assert!(wrong.message.contains(expected), "{}", wrong.message);
    }

    #[test]
    fn slips_are_told() {
        refused("x{% cache 'a' %}{% endcache %}", 1, "has a life time");
        refused("{% cache for='1s' %}{% endcache %}", 0, "has a life time");
        refused("{% cache , for='1s' %}{% endcache %}", 0, "has a key");
        refused(
            "{% cache 'a', to='1s' %}{% endcache %}",
            0,
            "comes the life time",
        );
        refused(
            "{% cache 'a', for='1 eon' %}{% endcache %}",
            18,
            "such as 30s",
        );
        refused(
            "{% cache 'a', for='99d' %}{% endcache %}",
            18,
            "such as 30s",
        );
        refused("a {% endcache %}", 2, "without a {% cache %}");
        refused(
            "a {% cache 'a', for='1s' %}",
            2,
            "without its {% endcache %}",
        );
    }
}

//! XML as far as tests look at it: whether it is well-formed.

/// It is one element with all that is in it closed, and nothing in it that no parser takes.
#[track_caller]
pub fn assert_xml(what: &str, xml: &str) {
    if let Err((why, at)) = well_formed(xml) {
        let from = xml.floor_char_boundary(at.saturating_sub(200));
        let to = xml.ceil_char_boundary((at + 200).min(xml.len()));
        panic!("{what}: {why} at {at}: {}", &xml[from..to]);
    }
}

/// Why it is not, and where.
fn well_formed(xml: &str) -> Result<(), (&'static str, usize)> {
    let is_char = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..);
    if let Some((at, _)) = xml.char_indices().find(|(_, c)| !is_char(*c)) {
        return Err(("a character that XML does not have", at));
    }
    let (mut open, mut at, mut roots) = (Vec::new(), 0, 0);
    while at < xml.len() {
        let rest = &xml[at..];
        let text = rest.find('<').unwrap_or(rest.len());
        if open.is_empty() && !rest[..text].trim().is_empty() {
            return Err(("text outside of the element", at));
        }
        if rest[..text].contains("]]>") {
            return Err(("]]> in a text", at));
        }
        entities(&rest[..text], at)?;
        at += text;
        let rest = &xml[at..];
        let ends = |end: &str| {
            rest.find(end)
                .map(|len| len + end.len())
                .ok_or(("no end", at))
        };
        at += match rest {
            "" => break,
            _ if rest.starts_with("<!--") => ends("-->")?,
            _ if rest.starts_with("<![CDATA[") => ends("]]>")?,
            _ if rest.starts_with("<?") => ends("?>")?,
            _ if rest.starts_with("</") => {
                let len = ends(">")?;
                match open.pop() {
                    Some(name) if name == rest[2..len - 1].trim() => len,
                    _ => return Err(("the end of something else", at)),
                }
            }
            _ => {
                let (name, len, is_empty) = begin(rest, at)?;
                roots += usize::from(open.is_empty());
                if !is_empty {
                    open.push(name);
                }
                len
            }
        };
    }
    match (open.is_empty(), roots) {
        (true, 1) => Ok(()),
        (true, _) => Err(("not one element", 0)),
        (false, _) => Err(("something has no end", xml.len())),
    }
}

/// The name of an element that begins, the length of its tag, and whether it ends there too.
fn begin(rest: &str, at: usize) -> Result<(&str, usize, bool), (&'static str, usize)> {
    let wrong = |why| Err((why, at));
    let name_len = rest[1..]
        .find(|c: char| c.is_whitespace() || "/>".contains(c))
        .unwrap_or(0);
    let name = &rest[1..=name_len];
    if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return wrong("no name of an element");
    }
    let mut here = 1 + name_len;
    loop {
        let left = rest[here..].trim_start();
        here = rest.len() - left.len();
        if left.starts_with("/>") {
            return Ok((name, here + 2, true));
        }
        if left.starts_with('>') {
            return Ok((name, here + 1, false));
        }
        let Some((attribute, value)) = left.split_once('=') else {
            return wrong("an attribute without a value");
        };
        if attribute.is_empty()
            || attribute.contains(|c: char| c.is_whitespace() || "<>\"'".contains(c))
        {
            return wrong("no name of an attribute");
        }
        let Some(quote) = value.chars().next().filter(|c| "\"'".contains(*c)) else {
            return wrong("a value without quotes");
        };
        let Some(len) = value[1..].find(quote) else {
            return wrong("a value without an end");
        };
        if value[1..=len].contains('<') {
            return wrong("< in a value");
        }
        entities(&value[1..=len], at + here)?;
        here += attribute.len() + 1 + len + 2;
    }
}

fn entities(text: &str, at: usize) -> Result<(), (&'static str, usize)> {
    for (found, _) in text.match_indices('&') {
        let name = text[found + 1..].split(';').next().unwrap_or_default();
        let is_known = ["amp", "lt", "gt", "quot", "apos"].contains(&name)
            || name
                .strip_prefix('#')
                .is_some_and(|code| !code.is_empty() && code.len() < 9);
        if !is_known || !text[found..].contains(';') {
            return Err(("an entity that XML does not have", at + found));
        }
    }
    Ok(())
}

#[test]
fn what_is_well_formed() {
    for good in [
        "<a/>",
        "<?xml version=\"1.0\"?>\n<a b='c'>&amp;&#x27;<d><!-- < --></d><![CDATA[<]]></a>\n",
    ] {
        assert_eq!(well_formed(good), Ok(()), "{good}");
    }
    for bad in [
        "",
        "a",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&nbsp;</a>",
        "<a>&</a>",
        "<a b=c/>",
        "<a b='<'/>",
        "<a>\u{b}</a>",
        "<a>]]></a>",
        "<a",
        "<a><![CDATA[</a>",
    ] {
        assert!(well_formed(bad).is_err(), "{bad}");
    }
}

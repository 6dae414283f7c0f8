//! HTML as far as tests look at it: the tags of our own pages, in order, and forms.

/// A tag that begins an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// In small letters.
    pub name: String,
    /// With their values, unescaped; without a value it is empty.
    pub attributes: Vec<(String, String)>,
    /// Where the tag begins in the text.
    pub start: usize,
    /// Where what follows the tag begins.
    pub end: usize,
}

impl Element {
    /// The value of an attribute.
    pub fn get(&self, name: &str) -> Option<String> {
        let found = self.attributes.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }

    /// Whether it has an attribute.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(known, _)| known == name)
    }

    /// Whether it has a class.
    pub fn class(&self, name: &str) -> bool {
        self.get("class")
            .is_some_and(|classes| classes.split_whitespace().any(|class| class == name))
    }
}

/// All tags that begin an element, in order. What stands in comments, and in scripts, is none.
pub fn elements(html: &str) -> Vec<Element> {
    let mut all: Vec<Element> = Vec::new();
    let mut at = 0;
    while let Some(found) = html[at..].find('<') {
        let start = at + found;
        let rest = &html[start + 1..];
        if rest.starts_with("!--") {
            at = rest
                .find("-->")
                .map_or(html.len(), |end| start + 1 + end + 3);
            continue;
        }
        if !rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            at = start + 1;
            continue;
        }
        let (element, end) = tag(html, start);
        at = end;
        if ["script", "style"].contains(&element.name.as_str()) {
            let close = format!("</{}", element.name);
            at = html[end..]
                .find(&close)
                .map_or(html.len(), |found| end + found);
        }
        all.push(element);
    }
    all
}

/// The tag that begins there, and where it ends.
fn tag(html: &str, start: usize) -> (Element, usize) {
    let bytes = html.as_bytes();
    let is_name = |byte: u8| !byte.is_ascii_whitespace() && !b">/=\"'".contains(&byte);
    let skip = |mut at: usize, wanted: &dyn Fn(u8) -> bool| {
        while at < bytes.len() && wanted(bytes[at]) {
            at += 1;
        }
        at
    };
    let mut at = skip(start + 1, &is_name);
    let name = html[start + 1..at].to_ascii_lowercase();
    let mut attributes = Vec::new();
    loop {
        at = skip(at, &|byte| {
            byte.is_ascii_whitespace() || byte == b'/' || byte == b'='
        });
        if at >= bytes.len() || bytes[at] == b'>' {
            break;
        }
        let from = at;
        at = skip(at, &is_name);
        if at == from {
            at += 1; // a quote where none belongs
            continue;
        }
        let attribute = html[from..at].to_ascii_lowercase();
        let mut value = String::new();
        if bytes.get(at) == Some(&b'=') {
            let (from, to, after) = match bytes.get(at + 1) {
                Some(&quote @ (b'"' | b'\'')) => {
                    let to = skip(at + 2, &|byte| byte != quote);
                    (at + 2, to, to + 1)
                }
                _ => {
                    let to = skip(at + 1, &|byte| !byte.is_ascii_whitespace() && byte != b'>');
                    (at + 1, to, to)
                }
            };
            value = unescaped(&html[from..to]);
            at = after;
        }
        attributes.push((attribute, value));
    }
    let end = (at + 1).min(html.len());
    (
        Element {
            name,
            attributes,
            start,
            end,
        },
        end,
    )
}

/// A form as a page has it, to be filled and sent.
#[derive(Clone, Debug, Default)]
pub struct Form {
    pub action: String,
    /// In small letters.
    pub method: String,
    pub is_multipart: bool,
    /// What a browser would send: what is typed, hidden, chosen.
    pub fields: Vec<(String, String)>,
    /// Field, name of the file, content.
    pub files: Vec<(String, String, Vec<u8>)>,
    /// Names of all its controls.
    pub names: Vec<String>,
    /// The HTML within it.
    pub inner: String,
}

impl Form {
    /// The forms of a page. A button counts if it is the first with a name and a value, as Enter presses it.
    pub fn all(html: &str) -> Vec<Form> {
        let forms = elements(html).into_iter().filter(|one| one.name == "form");
        forms.map(|form| Form::of(html, &form)).collect()
    }

    fn of(html: &str, form: &Element) -> Form {
        let len = html[form.end..]
            .find("</form")
            .unwrap_or(html.len() - form.end);
        let inner = &html[form.end..form.end + len];
        let mut filled = Form {
            action: form.get("action").unwrap_or_default(),
            method: form
                .get("method")
                .unwrap_or_else(|| "get".to_owned())
                .to_ascii_lowercase(),
            is_multipart: form
                .get("enctype")
                .is_some_and(|kind| kind.starts_with("multipart/")),
            inner: inner.to_owned(),
            ..Form::default()
        };
        let mut select: Option<(String, bool)> = None;
        for one in elements(inner) {
            if one.name == "option" {
                let Some((name, chosen)) = &mut select else {
                    continue;
                };
                let text = || words(inner[one.end..].split('<').next().unwrap_or_default());
                let value = one.get("value").unwrap_or_else(text);
                if one.has("selected") {
                    filled.set(name, &value);
                    *chosen = true;
                } else if !*chosen && !filled.fields.iter().any(|(known, _)| known == name) {
                    filled.set(name, &value); // the first, unless another one is chosen
                }
                continue;
            }
            let Some(name) = one.get("name") else {
                continue;
            };
            let kind = one.get("type").unwrap_or_default();
            let is_button = one.name == "button" || kind == "submit";
            if !["input", "textarea", "select", "button"].contains(&one.name.as_str()) {
                continue;
            }
            let has_button = filled.names.contains(&name) && is_button;
            filled.names.push(name.clone());
            match one.name.as_str() {
                "select" => select = Some((name, false)),
                "textarea" => {
                    let text = inner[one.end..]
                        .split("</textarea")
                        .next()
                        .unwrap_or_default();
                    filled.set(&name, &unescaped(text.strip_prefix('\n').unwrap_or(text)));
                }
                _ if kind == "file" => {}
                _ if ["checkbox", "radio"].contains(&kind.as_str()) && !one.has("checked") => {}
                _ if has_button => {}
                _ => {
                    let value = one.get("value").unwrap_or_default();
                    filled.fields.push((name, value));
                }
            }
        }
        filled
    }

    /// Types into a field, chooses or presses: whatever it held goes.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Form {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Unticks a field, or leaves it out.
    pub fn without(&mut self, name: &str) -> &mut Form {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// Chooses a file.
    pub fn file(&mut self, name: &str, file_name: &str, bytes: &[u8]) -> &mut Form {
        self.files
            .push((name.to_owned(), file_name.to_owned(), bytes.to_vec()));
        self
    }

    /// What a field holds.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A text without its entities: those that templates write.
pub fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.find(';').filter(|end| *end <= 9).unwrap_or(0);
        let known = match &rest[..end] {
            "&amp" => Some('&'),
            "&lt" => Some('<'),
            "&gt" => Some('>'),
            "&quot" => Some('"'),
            "&apos" => Some('\''),
            "&nbsp" => Some('\u{a0}'),
            numeric => numeric.strip_prefix("&#").and_then(|number| {
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                code.ok().and_then(char::from_u32)
            }),
        };
        match known {
            Some(letter) => {
                out.push(letter);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// What a reader sees of HTML: no tags, no entities, one blank for many.
pub fn words(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        text.push(' ');
        rest = rest[at..].split_once('>').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    let text = unescaped(&text);
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

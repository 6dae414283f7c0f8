//! What programs send about scripts and versions. A field that nobody knows is refused: it is most often a typing error.

use harmonious::prelude::*;

use crate::flow::About;
use crate::model::{Meta, Source};
use crate::rules;

/// What is said about a script; what is left out stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Said {
    /// Of a new script only.
    name: Option<String>,
    title: Option<String>,
    summary: Option<String>,
    readme: Option<String>,
    category: Option<String>,
    language: Option<String>,
    license: Option<String>,
    homepage: Option<String>,
    tags: Option<Vec<String>>,
    needs: Option<Vec<Need>>,
    applies_to: Option<Vec<String>>,
}

/// A dependency.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    #[serde(default = "needs")]
    kind: String,
    what: String,
    #[serde(default)]
    versions: String,
}

fn needs() -> String {
    "needs".to_owned()
}

/// A version of a script.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sent {
    /// The text of the script.
    source: String,
    file_name: String,
    changelog: String,
    label: String,
    urgent: bool,
    /// Into the queue at once; else it stays a draft.
    pub submit: bool,
}

/// The fields of [`Sent`].
const OF_VERSIONS: [&str; 6] = [
    "source",
    "file_name",
    "changelog",
    "label",
    "urgent",
    "submit",
];

impl Said {
    /// Changes what is said, and tidies it.
    #[must_use]
    pub fn onto(self, mut meta: Meta) -> Meta {
        let of = |need: Need| (need.kind, need.what, need.versions);
        let texts = [
            (&mut meta.name, self.name),
            (&mut meta.title, self.title),
            (&mut meta.summary, self.summary),
            (&mut meta.readme, self.readme),
            (&mut meta.category, self.category),
            (&mut meta.language, self.language),
            (&mut meta.license, self.license),
            (&mut meta.homepage, self.homepage),
        ];
        for (field, sent) in texts {
            if let Some(sent) = sent {
                *field = sent;
            }
        }
        meta.tags = self.tags.unwrap_or(meta.tags);
        meta.applies = self.applies_to.unwrap_or(meta.applies);
        if let Some(needs) = self.needs {
            meta.needs = needs.into_iter().map(of).collect();
        }
        rules::tidied(meta)
    }

    /// Whether a name was sent.
    #[must_use]
    pub const fn has_name(&self) -> bool {
        self.name.is_some()
    }
}

impl Sent {
    /// In the form in which texts are kept; the script itself stays as it is, byte by byte.
    #[must_use]
    pub fn tidied(self) -> Sent {
        Sent {
            changelog: rules::tidy(&self.changelog),
            label: rules::tidy(&self.label),
            file_name: rules::tidy(&self.file_name),
            ..self
        }
    }

    /// The text of the script.
    #[must_use]
    pub fn source(&self) -> Source {
        Source {
            bytes: self.source.as_bytes().to_vec(),
            file_name: self.file_name.clone(),
            pasted: false,
        }
    }

    /// What is said about the version.
    #[must_use]
    pub fn about(&self) -> About<'_> {
        About {
            changelog: &self.changelog,
            label: &self.label,
            urgent: self.urgent,
            from: "api",
        }
    }
}

/// A new script and its first version, out of one body.
///
/// # Errors
/// 415, 400, 422 if the body is something else.
pub fn script(req: &Request) -> Result<(Said, Sent)> {
    let Value::Object(mut about) = req.json()? else {
        return Err(Error::unprocessable(
            "the body does not fit: it is no object",
        ));
    };
    let mut version = about.clone();
    about.retain(|name, _| !OF_VERSIONS.contains(&name.as_str()));
    version.retain(|name, _| OF_VERSIONS.contains(&name.as_str()));
    let unfit = |error: &dyn std::fmt::Display| {
        Error::unprocessable(format!("the body does not fit: {error}"))
    };
    let said = Said::deserialize(Value::Object(about)).map_err(|error| unfit(&error))?;
    let sent = Sent::deserialize(Value::Object(version)).map_err(|error| unfit(&error))?;
    Ok((said, sent.tidied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_stays() {
        let said = Said::deserialize(json!({ "title": " New ", "tags": [], "homepage": null }));
        let before = Meta {
            name: "x".to_owned(),
            summary: "s".to_owned(),
            homepage: "https://a.example".to_owned(),
            tags: vec!["a".to_owned()],
            ..Meta::default()
        };
        let after = said.unwrap().onto(before.clone());
        let wanted = Meta {
            title: "New".to_owned(),
            tags: Vec::new(),
            ..before
        };
        assert_eq!(after, wanted);
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        let error = Said::deserialize(json!({ "titel": "x" })).unwrap_err();
        assert!(error.to_string().contains("titel"), "{error}");
        assert!(Sent::deserialize(json!({ "source": "x", "submitted": true })).is_err());
    }

    #[test]
    fn a_script_keeps_every_byte() {
        let text = "#!/bin/sh\r\necho e\u{301}\r\n ";
        let sent = Sent::deserialize(json!({ "source": text, "changelog": " e\u{301}\r\n" }));
        let sent = sent.unwrap().tidied();
        assert_eq!(sent.source().bytes, text.as_bytes());
        assert_eq!(sent.about().changelog, "\u{e9}");
    }
}

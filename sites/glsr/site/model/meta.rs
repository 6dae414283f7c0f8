//! What authors send, and what is wrong with it.

use harmonious::prelude::*;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Worth knowing.
    Note,
    /// Worth a look.
    Warn,
    /// Most likely wrong.
    Error,
}

impl Level {
    /// As the tables have it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Level::Note => "note",
            Level::Warn => "warn",
            Level::Error => "error",
        }
    }
}

/// What authors say about a script, as typed.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Meta {
    pub name: String,
    pub title: String,
    pub summary: String,
    pub readme: String,
    /// Path of the category, slug of the language.
    pub category: String,
    pub language: String,
    pub license: String,
    pub homepage: String,
    pub tags: Vec<String>,
    /// Kind, what, versions.
    pub needs: Vec<(String, String, String)>,
    pub applies: Vec<String>,
}

impl Meta {
    /// What can be changed once the script is there, in the order of the form; the name never changes.
    pub const FIELDS: [&str; 10] = [
        "title", "summary", "readme", "category", "language", "license", "homepage", "tags",
        "needs", "applies",
    ];

    /// A field as text: tags and the like one a line.
    #[must_use]
    pub fn get(&self, field: &str) -> String {
        match field {
            "title" => self.title.clone(),
            "summary" => self.summary.clone(),
            "readme" => self.readme.clone(),
            "category" => self.category.clone(),
            "language" => self.language.clone(),
            "license" => self.license.clone(),
            "homepage" => self.homepage.clone(),
            "tags" => self.tags.join(", "),
            "needs" => needs_text(&self.needs),
            "applies" => self.applies.join("\n"),
            _ => self.name.clone(),
        }
    }

    /// Sets a field to a text of [`get`](Meta::get), or of a form.
    pub fn set(&mut self, field: &str, text: &str) {
        let line = || text.trim().to_owned();
        match field {
            "name" => self.name = line(),
            "title" => self.title = line(),
            "summary" => self.summary = line(),
            "readme" => self.readme = text.replace("\r\n", "\n").trim_end().to_owned(),
            "category" => self.category = line(),
            "language" => self.language = line(),
            "license" => self.license = line(),
            "homepage" => self.homepage = line(),
            "tags" => self.tags = filled(text.split([',', '\n'])),
            "needs" => self.needs = needs_from(text),
            "applies" => self.applies = lines(text),
            _ => {}
        }
    }
}

/// Lines, without empty ones.
fn lines(text: &str) -> Vec<String> {
    filled(text.lines())
}

fn filled<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    all.map(str::trim)
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

/// One a line: `needs rsync >= 3`, `optional pv`; without one of the kinds it is `needs`.
fn needs_from(text: &str) -> Vec<(String, String, String)> {
    let one = |line: String| {
        let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let (kind, rest) = match first {
            "needs" | "optional" | "test" if !rest.trim().is_empty() => (first, rest.trim()),
            _ => ("needs", line.as_str()),
        };
        let (what, versions) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        (kind.to_owned(), what.to_owned(), versions.trim().to_owned())
    };
    lines(text).into_iter().map(one).collect()
}

fn needs_text(needs: &[(String, String, String)]) -> String {
    let line = |(kind, what, versions): &(String, String, String)| {
        format!("{kind} {what} {versions}").trim_end().to_owned()
    };
    needs.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The text of a script, as sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub bytes: Vec<u8>,
    pub file_name: String,
    /// Out of a text field: browsers make CRLF of its line ends.
    pub pasted: bool,
}

/// What a check found; line 0 means the whole.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub checker: String,
    pub level: Level,
    pub line: i64,
    pub message: String,
}

/// What is wrong with a field; the text is `t("wrong.KEY", n)`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Wrong {
    pub field: &'static str,
    pub key: &'static str,
    pub n: i64,
}

impl Wrong {
    /// Without a number.
    #[must_use]
    pub const fn new(field: &'static str, key: &'static str) -> Wrong {
        Wrong { field, key, n: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_the_same_as_text_and_back() {
        let mut meta = Meta::default();
        for (field, text) in [
            ("title", " A title "),
            ("readme", "# Read\r\n\r\n    code\r\n"),
            ("tags", "Disk use, c++,\n,backup"),
            (
                "needs",
                "needs rsync >= 3\noptional pv\n\nneeds\nbash >= 4\ntest bats",
            ),
            ("applies", "Linux\n\n Debian 12 "),
        ] {
            meta.set(field, text);
            let (kept, before) = (meta.get(field), meta.clone());
            meta.set(field, &kept);
            assert_eq!(meta, before, "{field}");
        }
        assert_eq!(meta.title, "A title");
        assert_eq!(meta.readme, "# Read\n\n    code");
        assert_eq!(meta.tags, ["Disk use", "c++", "backup"]);
        assert_eq!(meta.applies, ["Linux", "Debian 12"]);
        let needs = [
            ("needs", "rsync", ">= 3"),
            ("optional", "pv", ""),
            ("needs", "needs", ""),
            ("needs", "bash", ">= 4"),
            ("test", "bats", ""),
        ];
        let owned = |(a, b, c): (&str, &str, &str)| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(meta.needs, needs.map(owned));
    }
}

//! The scripts that a new site begins with: those of `seeds/`, as values. They are part of the program, so
//! that the first start reads no files; `seeds/test.sh` runs each.

use harmonious::prelude::*;

use crate::model::Meta;

/// One script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// What is said about it; the README is that of its folder.
    pub meta: Meta,
    /// The name under which it is fetched.
    pub file_name: String,
    /// Oldest first.
    pub versions: Vec<SeedVersion>,
}

/// One version of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedVersion {
    /// The author's own name of it.
    pub label: String,
    /// Markdown.
    pub changelog: String,
    /// The script.
    pub text: &'static str,
    /// The text of its `.minisig`, by one of [`keys`].
    pub signature: Option<&'static str>,
}

/// A key of the account that owns the seeds.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct SeedKey {
    /// For people.
    pub label: String,
    /// As minisign prints it, without its comment.
    pub public_key: String,
}

/// A folder of `seeds/`: name, `meta.toml`, `README.md`, and the other files by name.
struct Folder(
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

macro_rules! folder {
    ($name:literal, $($file:literal),+) => {
        Folder(
            $name,
            include_str!(concat!("../seeds/", $name, "/meta.toml")),
            include_str!(concat!("../seeds/", $name, "/README.md")),
            &[$(($file, include_str!(concat!("../seeds/", $name, "/", $file)))),+],
        )
    };
}

const FOLDERS: [Folder; 12] = [
    folder!("cert-days", "1.sh"),
    folder!("dir-backup", "1.sh", "2.sh", "2.sh.minisig"),
    folder!("disk-usage", "1.sh", "2.sh"),
    folder!("dup-files", "1.pl", "1.pl.minisig"),
    folder!("etc-updates", "1.sh", "2.sh"),
    folder!("ini-get", "1.tcl"),
    folder!("json-diff", "1.js"),
    folder!("json-pick", "1.rb"),
    folder!("log-errors", "1.awk"),
    folder!("port-check", "1.py", "2.py"),
    folder!("with-lock", "1.sh"),
    folder!("word-freq", "1.lua"),
];

const KEYS: &str = include_str!("../seeds/keys.toml");

/// A `meta.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    title: String,
    summary: String,
    category: String,
    language: String,
    license: String,
    #[serde(default)]
    homepage: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    applies: Vec<String>,
    file: String,
    #[serde(default)]
    needs: Vec<SaidNeed>,
    versions: Vec<SaidVersion>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidNeed {
    kind: String,
    what: String,
    #[serde(default)]
    versions: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidVersion {
    /// A file of the folder; with `.minisig` behind its name, the signature.
    source: String,
    label: String,
    changelog: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidKeys {
    keys: Vec<SeedKey>,
}

/// All of them, in the order of their names.
///
/// # Errors
///
/// Which file is not as it should be, and why: a fault of whoever changed `seeds/`.
///
/// ```
/// let seeds = glsr::seed::all().unwrap();
/// assert_eq!(seeds.len(), 12);
/// assert!(seeds[0].versions[0].text.starts_with("#!"));
/// ```
pub fn all() -> Result<Vec<Seed>> {
    FOLDERS.iter().map(read).collect()
}

/// The keys that signed some of them.
///
/// # Errors
///
/// As [`all`].
pub fn keys() -> Result<Vec<SeedKey>> {
    let said: SaidKeys = toml::from_str(KEYS)
        .map_err(|error| Error::internal(format!("seeds/keys.toml: {error}")))?;
    Ok(said.keys)
}

fn read(Folder(name, meta, readme, files): &Folder) -> Result<Seed> {
    let said: Said = toml::from_str(meta)
        .map_err(|error| Error::internal(format!("seeds/{name}/meta.toml: {error}")))?;
    let file = |wanted: &str| {
        files
            .iter()
            .find(|(file, _)| *file == wanted)
            .map(|(_, text)| *text)
    };
    let versions = said.versions.into_iter().map(|version| {
        let text = file(&version.source).ok_or_else(|| {
            let source = &version.source;
            Error::internal(format!(
                "seeds/{name}/meta.toml names {source}, which site/seed.rs has not"
            ))
        })?;
        Ok(SeedVersion {
            label: version.label,
            changelog: version.changelog.trim().to_owned(),
            text,
            signature: file(&format!("{}.minisig", version.source)),
        })
    });
    Ok(Seed {
        versions: versions.collect::<Result<_>>()?,
        file_name: said.file,
        meta: Meta {
            name: (*name).to_owned(),
            title: said.title,
            summary: said.summary,
            readme: readme.trim_end().to_owned(),
            category: said.category,
            language: said.language,
            license: said.license,
            homepage: said.homepage,
            tags: said.tags,
            needs: said
                .needs
                .into_iter()
                .map(|need| (need.kind, need.what, need.versions))
                .collect(),
            applies: said.applies,
        },
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::{checks, header, languages, model::Source, rules, sign};

    #[test]
    fn each_keeps_the_rules_of_the_site() {
        for seed in all().unwrap() {
            let Seed {
                meta,
                file_name,
                versions,
            } = seed;
            assert_eq!(
                rules::meta(&meta, &rules::Limits::default()),
                [],
                "{}",
                meta.name
            );
            assert_eq!(rules::tidied(meta.clone()), meta);
            assert_eq!(rules::name(&file_name), Ok(()));
            assert!(["sysadmin", "distribution", "misc"].contains(&meta.category.as_str()));
            let known = languages::LANGUAGES
                .iter()
                .find(|known| known.slug == meta.language);
            let known = known.expect("a language that the site begins with");
            for version in versions {
                let bytes = version.text.as_bytes().to_vec();
                let taken = rules::source(
                    Source {
                        bytes,
                        ..Source::default()
                    },
                    256 * 1024,
                );
                assert_eq!(
                    taken,
                    Ok((version.text.to_owned(), vec![])),
                    "{}",
                    meta.name
                );
                let given = checks::Given {
                    language: &meta.language,
                    shebangs: known.shebangs,
                    license: &meta.license,
                    text: version.text,
                };
                assert_eq!(checks::pure(&given), [], "{}", meta.name);
                let found = header::language("", version.text, languages::table());
                assert_eq!(found, Some(meta.language.as_str()), "{}", meta.name);
                assert!(
                    !header::read(version.text).description.is_empty(),
                    "{}",
                    meta.name
                );
                assert!(!version.label.is_empty() && !version.changelog.is_empty());
            }
        }
    }

    #[test]
    fn there_is_something_to_see() {
        let seeds = all().unwrap();
        let languages: BTreeSet<&str> = seeds
            .iter()
            .map(|seed| seed.meta.language.as_str())
            .collect();
        assert!(languages.len() >= 9, "{languages:?}");
        assert!(seeds.iter().filter(|seed| seed.versions.len() == 2).count() >= 4);
        assert!(seeds.iter().all(|seed| seed.meta.license == "MIT-0"));
    }

    #[test]
    fn signatures_are_good() {
        let keys = keys().unwrap();
        let publics: Vec<&str> = keys.iter().map(|key| key.public_key.as_str()).collect();
        let all = all().unwrap();
        let signed = all
            .iter()
            .flat_map(|seed| &seed.versions)
            .filter_map(|version| {
                version
                    .signature
                    .map(|signature| (signature, version.text.as_bytes()))
            });
        let mut count = 0;
        for (signature, bytes) in signed {
            assert_eq!(sign::verify_any(&publics, signature, bytes), Ok(0));
            count += 1;
        }
        assert_eq!(count, 2);
    }

    #[test]
    fn no_folder_is_left_out() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
        let there: BTreeSet<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
        let ours: BTreeSet<String> = FOLDERS.iter().map(|folder| folder.0.to_owned()).collect();
        assert_eq!(ours, there);
        for Folder(name, _, _, files) in FOLDERS {
            let there = fs::read_dir(folder.join(name)).unwrap().count();
            assert_eq!(
                there,
                files.len() + 2,
                "seeds/{name} holds a file that site/seed.rs has not"
            );
        }
    }
}

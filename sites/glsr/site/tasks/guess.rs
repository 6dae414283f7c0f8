//! What the path and the head of an imported file say: its name, its category, its title and the like.

use harmonious::Db;
use harmonious::prelude::*;

use crate::header::Header;
use crate::model::Meta;
use crate::rules::{self, Kind, Limits};
use crate::store::imports::Known;

/// Characters as in `migrations/`.
const SUMMARY_CHARS_MAX: usize = 200;
const CATEGORY_NAME_CHARS_MAX: usize = 60;
const CATEGORY_SLUG_CHARS_MAX: usize = 40;
const NAME_CHARS_MAX: usize = 64;
/// Scripts of one name, told apart by a number.
const NUMBERED_MAX: usize = 9_999;
/// Folders that become categories, below the one for what fits nowhere.
const CATEGORY_LEVELS: usize = 2;
pub(super) const CATEGORY_BELOW: &str = "misc";
/// Categories that one import makes at most: beyond, scripts go to the one above.
const CATEGORIES_MADE_MAX: usize = 200;

/// What its head says, without what breaks a rule of the site.
pub(super) fn meta(
    header: &Header,
    name: String,
    path: &str,
    category: String,
    language: &str,
) -> Meta {
    let file = path.rsplit('/').next().unwrap_or(path);
    let mut meta = rules::tidied(Meta {
        title: header.title.clone(),
        summary: header.description.clone(),
        category,
        language: language.to_owned(),
        license: header.license.clone(),
        homepage: header.homepage.clone(),
        tags: header.tags.clone(),
        needs: header.needs.clone(),
        name,
        ..Meta::default()
    });
    for wrong in rules::meta(&meta, &Limits::default()) {
        match wrong.field {
            "title" => {
                let is_line = rules::free_text("title", file, 120, Kind::Line).is_ok();
                meta.title = if is_line {
                    file.to_owned()
                } else {
                    meta.name.clone()
                };
            }
            // Where it comes from says more than nothing.
            "summary"
                if rules::free_text("summary", path, SUMMARY_CHARS_MAX, Kind::Line).is_ok() =>
            {
                meta.summary = path.to_owned();
            }
            "summary" => meta.summary = meta.name.clone(),
            "license" => meta.license = rules::NO_LICENSE.to_owned(),
            "homepage" => meta.homepage.clear(),
            "tags" => meta.tags.clear(),
            "needs" => meta.needs.clear(),
            _ => {}
        }
    }
    meta
}

/// The name that the head gives, else that of the file; taken, with the folder in front, then with a number behind.
pub(super) fn free_name(known: &Known, header: &Header, path: &str) -> Option<String> {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or(path);
    let wanted = rules::slugged(&header.name).or_else(|| rules::slugged(file))?;
    let free = |name: &String| rules::name(name).is_ok() && !known.has_name(name);
    if free(&wanted) {
        return Some(wanted);
    }
    let longer = parts
        .next()
        .and_then(|parent| rules::slugged(&format!("{parent}-{wanted}")));
    if let Some(longer) = longer.filter(free) {
        return Some(longer);
    }
    (2..=NUMBERED_MAX)
        .map(|n| {
            let end = format!("-{n}");
            let head: String = wanted.chars().take(NAME_CHARS_MAX - end.len()).collect();
            head.trim_end_matches(['.', '_', '+', '-']).to_owned() + &end
        })
        .find(free)
}

/// The category of a path: the one that its folders name, if there is one; else one made of them.
pub(super) fn category(
    tx: &Db<'_>,
    known: &mut Known,
    made: &mut usize,
    path: &str,
) -> Result<String> {
    let folders: Vec<&str> = path.split('/').collect();
    let folders = &folders[..folders.len() - 1];
    let slugs: Vec<(String, &str)> = folders
        .iter()
        .take(CATEGORY_LEVELS)
        .map_while(|folder| Some((slug(folder)?, *folder)))
        .collect();
    let joined = |count: usize| {
        let slugs: Vec<&str> = slugs[..count].iter().map(|(slug, _)| &**slug).collect();
        slugs.join("/")
    };
    if let Some(there) = (1..=slugs.len())
        .rev()
        .map(joined)
        .find(|path| known.has_category(path))
    {
        return Ok(there);
    }
    let mut path = CATEGORY_BELOW.to_owned();
    for (slug, folder) in &slugs {
        let below = format!("{path}/{slug}");
        if !known.has_category(&below) {
            if *made == CATEGORIES_MADE_MAX {
                break;
            }
            let name = rules::free_text("name", folder, CATEGORY_NAME_CHARS_MAX, Kind::Line);
            let name = if name.is_ok() { folder } else { slug.as_str() };
            known.add_category(tx, &path, slug, name)?;
            *made += 1;
        }
        path = below;
    }
    Ok(path)
}

/// A folder's name as a part of a category's path.
fn slug(folder: &str) -> Option<String> {
    let mut made = String::new();
    for c in folder.chars().flat_map(char::to_lowercase) {
        let c = if c.is_ascii_alphanumeric() { c } else { '-' };
        if !(c == '-' && made.ends_with('-')) && made.len() < CATEGORY_SLUG_CHARS_MAX {
            made.push(c);
        }
    }
    let made = made.trim_matches('-');
    (!made.is_empty()).then(|| made.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_slugs() {
        assert_eq!(slug("python3.11").as_deref(), Some("python3-11"));
        assert_eq!(slug("-- "), None);
        assert_eq!(slug(&"x".repeat(90)).map(|slug| slug.len()), Some(40));
    }

    #[test]
    fn what_breaks_a_rule_is_left_out() {
        let header = Header {
            title: "x".repeat(200),
            homepage: "ftp://x".to_owned(),
            license: "free".to_owned(),
            ..Header::default()
        };
        let meta = meta(&header, "a.sh".into(), "b/a.sh", "misc".into(), "sh");
        let said = [&meta.title, &meta.summary, &meta.homepage, &meta.license];
        assert_eq!(said, ["a.sh", "b/a.sh", "", "NOASSERTION"]);
        let left = rules::meta(&meta, &Limits::default());
        assert!(
            left.iter().all(|wrong| wrong.field == "license"),
            "{left:?}"
        );
    }

    #[test]
    fn names_that_are_taken_get_more() {
        let known = |names: &[&str]| Known::with_names(names);
        let name = |names: &[&str]| free_name(&known(names), &Header::default(), "net/a.sh");
        assert_eq!(name(&[]).as_deref(), Some("a.sh"));
        assert_eq!(name(&["a.sh"]).as_deref(), Some("net-a.sh"));
        assert_eq!(
            name(&["a.sh", "net-a.sh", "a.sh-2"]).as_deref(),
            Some("a.sh-3")
        );
        let long = "b".repeat(64);
        let cut = free_name(&known(&[&long]), &Header::default(), &long);
        assert_eq!(cut, Some(format!("{}-2", "b".repeat(62))));
    }
}

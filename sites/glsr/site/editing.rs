//! The pages of editors: news, categories, languages, and the scripts that are pinned to the first page. They change
//! links and texts, and nobody's account.

use harmonious::prelude::*;

use crate::checks::CHECKERS;
use crate::fields::Fields;
use crate::model::{Category, Entry, Language, Me, News, Role, Status, Wrong};
use crate::store::{news, now, scripts, talk, taxonomy};
use crate::{forms, outline, view, who};

const SUBJECT_MAX: usize = 120;
const BODY_MAX: usize = 20_000;
/// As in `migrations/`.
const SLUG_MAX: usize = 40;
const NAME_MAX: usize = 60;
const DESCR_MAX: usize = 200;
const LANGUAGE_SLUG_MAX: usize = 30;
const LANGUAGE_NAME_MAX: usize = 40;
const WORDS_MAX: usize = 120;
const OUTLINE_MAX: usize = 4_100;
/// Levels of the tree of categories.
const DEPTH_MAX: usize = 3;
/// The highest place among the categories beside it.
const POSITION_MAX: i64 = 1_000;
/// Days for which a script may be pinned.
const PIN_DAYS_MAX: i64 = 366;
const DAY: i64 = 86_400;

/// News, and the form for one: `?edit=ID` has that one in it.
pub fn news(req: &Request) -> Result<Response> {
    let one = match req.query("edit") {
        Some(id) => Some(news_by(req, &id)?),
        None => None,
    };
    let typed = one.map(|one| context! { id => one.id, subject => one.subject, body => one.body });
    news_page(req, typed.unwrap_or_default(), &[])
}

/// Adds, changes or removes one: `act` is `save` (with an `id`, or without) or `remove`.
pub fn save_news(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Editor)?;
    let form = req.form()?;
    let mut fields = Fields::new(&form);
    let old = match fields.raw("id") {
        "" => None,
        id => Some(news_by(req, id)?),
    };
    if form.text("act")? == "remove" {
        let old = old.or_404()?;
        req.db().transaction(|tx| {
            news::remove(&tx, old.id)?;
            log(&tx, &me, "drop-news", &old.subject)
        })?;
        return forms::done(req, "removed-news", "/editor/news");
    }
    let subject = fields.line("subject", SUBJECT_MAX);
    let subject = fields.needed("subject", subject);
    let body = fields.lines("body", BODY_MAX);
    let body = fields.needed("body", body);
    if !fields.wrong.is_empty() {
        let id = old.map(|old| old.id);
        return news_page(
            req,
            context! { id, subject => fields.raw("subject"), body => fields.raw("body") },
            &fields.wrong,
        );
    }
    req.db().transaction(|tx| {
        match &old {
            Some(old) => news::change(&tx, old.id, &subject, &body)?,
            None => drop(news::add(&tx, me.id, &subject, &body)?),
        }
        log(&tx, &me, "news", &subject)
    })?;
    forms::done(req, "staff-saved", "/editor/news")
}

fn news_page(req: &Request, typed: Context, wrong: &[Wrong]) -> Result<Response> {
    req.provide("page", &news::list(&req.db(), view::page(req), news::NEWS)?)?;
    forms::again(req, "news.html", typed, wrong)
}

fn news_by(req: &Request, id: &str) -> Result<News> {
    let id = id.parse().ok().or_404()?;
    news::by_id(&req.db(), id)?.or_404()
}

/// The tree, and the form for one: `?edit=PATH` has that one in it.
pub fn categories(req: &Request) -> Result<Response> {
    let typed = match req.query("edit") {
        Some(path) => {
            let one = taxonomy::category(&req.db(), &path)?.or_404()?;
            context! { path => one.path, name => one.name, descr => one.descr, position => one.position }
        }
        None => context! {},
    };
    categories_page(req, typed, &[])
}

/// Adds (`parent`, `slug`), changes (`path`) or removes one: `act` is `save` or `remove`.
pub fn save_category(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Editor)?;
    let form = req.form()?;
    let mut fields = Fields::new(&form);
    let old = category_by(req, fields.raw("path"))?;
    if form.text("act")? == "remove" {
        return drop_category(req, &me, &old.or_404()?);
    }
    let name = fields.line("name", NAME_MAX);
    let name = fields.needed("name", name);
    let descr = fields.line("descr", DESCR_MAX);
    let (mut parent, mut position) = (None, 0);
    let slug = fields.raw("slug").trim();
    if old.is_some() {
        position = fields.number("position", 0, POSITION_MAX);
    } else {
        fields.wrong.extend(slug_wrong(slug, SLUG_MAX));
        parent = category_by(req, fields.raw("parent"))?;
        let levels = parent
            .as_ref()
            .map_or(1, |parent| parent.path.split('/').count() + 1);
        if levels > DEPTH_MAX {
            fields.wrong.push(Wrong::new("parent", "category_deep"));
        }
    }
    let mut wrong = std::mem::take(&mut fields.wrong);
    if wrong.is_empty() {
        let saved = req.db().transaction(|tx| {
            let path = match (&old, &parent) {
                (Some(old), _) => {
                    taxonomy::describe_category(&tx, old.id, &name, &descr, position)?;
                    old.path.clone()
                }
                (None, parent) => {
                    taxonomy::add_category(&tx, parent.as_ref(), slug, &name, &descr)?;
                    let above = parent.as_ref().map(|parent| format!("{}/", parent.path));
                    above.unwrap_or_default() + slug
                }
            };
            log(&tx, &me, "category", &path)
        });
        match saved {
            Err(error) if error.kind() == "unique" => {
                wrong.push(Wrong::new("slug", "slug_taken"));
            }
            saved => {
                saved?;
                return forms::done(req, "staff-saved", "/editor/categories");
            }
        }
    }
    let raw = |field| fields.raw(field);
    let typed = context! {
        path => raw("path"), parent => raw("parent"), slug => raw("slug"), name => raw("name"),
        descr => raw("descr"), position => raw("position")
    };
    categories_page(req, typed, &wrong)
}

fn drop_category(req: &Request, me: &Me, old: &Category) -> Result<Response> {
    let dropped = req.db().transaction(|tx| {
        taxonomy::drop_category(&tx, old.id)?;
        log(&tx, me, "drop-category", &old.path)
    });
    match dropped {
        Err(error) if error.kind() == "foreign-key" => {
            let typed = context! {
                path => &old.path, name => &old.name, descr => &old.descr, position => old.position
            };
            categories_page(req, typed, &[Wrong::new("name", "category_full")])
        }
        dropped => {
            dropped?;
            forms::done(req, "removed-category", "/editor/categories")
        }
    }
}

fn categories_page(req: &Request, typed: Context, wrong: &[Wrong]) -> Result<Response> {
    req.provide("categories", &taxonomy::categories(&req.db())?)?;
    forms::again(req, "categories.html", typed, wrong)
}

/// None for an empty path.
fn category_by(req: &Request, path: &str) -> Result<Option<Category>> {
    match path {
        "" => Ok(None),
        path => Ok(Some(taxonomy::category(&req.db(), path)?.or_404()?)),
    }
}

/// All languages, and the form for one: `?edit=SLUG` has that one in it.
pub fn languages(req: &Request) -> Result<Response> {
    let typed = match req.query("edit") {
        Some(slug) => {
            let one = taxonomy::language(&req.db(), &slug)?.or_404()?;
            context! {
                old => &one.slug, slug => &one.slug, name => one.name, extensions => one.extensions,
                shebangs => one.shebangs, highlight => one.highlight, checker => one.checker, outline => one.outline
            }
        }
        None => context! {},
    };
    languages_page(req, typed, &[])
}

/// Adds one, or changes the one whose slug is in `old`; `act` is `save` or `remove`.
pub fn save_language(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Editor)?;
    let form = req.form()?;
    let mut fields = Fields::new(&form);
    let old = match fields.raw("old") {
        "" => None,
        slug => Some(taxonomy::language(&req.db(), slug)?.or_404()?),
    };
    if form.text("act")? == "remove" {
        return drop_language(req, &me, &old.or_404()?);
    }
    let name = fields.line("name", LANGUAGE_NAME_MAX);
    let mut language = Language {
        name: fields.needed("name", name),
        extensions: words(&fields.line("extensions", WORDS_MAX)),
        shebangs: words(&fields.line("shebangs", WORDS_MAX)),
        highlight: fields.line("highlight", LANGUAGE_SLUG_MAX),
        checker: fields.raw("checker").to_owned(),
        outline: fields.lines("outline", OUTLINE_MAX),
        ..Language::default()
    };
    if language.highlight.is_empty() {
        "plain".clone_into(&mut language.highlight);
    }
    if !language.checker.is_empty() && !CHECKERS.contains(&&*language.checker) {
        fields.wrong.push(Wrong::new("checker", "choose"));
    }
    fields.wrong.extend(outline::check(&language.outline).err());
    match &old {
        Some(old) => language.slug.clone_from(&old.slug),
        None => {
            fields.raw("slug").trim().clone_into(&mut language.slug);
            fields
                .wrong
                .extend(slug_wrong(&language.slug, LANGUAGE_SLUG_MAX));
            if taxonomy::language(&req.db(), &language.slug)?.is_some() {
                fields.wrong.push(Wrong::new("slug", "slug_taken"));
            }
        }
    }
    if !fields.wrong.is_empty() {
        let raw = |field| fields.raw(field);
        let typed = context! {
            old => raw("old"), slug => &language.slug, name => raw("name"), extensions => raw("extensions"),
            shebangs => raw("shebangs"), highlight => raw("highlight"), checker => raw("checker"),
            outline => raw("outline")
        };
        return languages_page(req, typed, &fields.wrong);
    }
    req.db().transaction(|tx| {
        taxonomy::set_language(&tx, &language)?;
        log(&tx, &me, "language", &language.slug)
    })?;
    forms::done(req, "staff-saved", "/editor/languages")
}

fn drop_language(req: &Request, me: &Me, old: &Language) -> Result<Response> {
    let dropped = req.db().transaction(|tx| {
        taxonomy::drop_language(&tx, old.id)?;
        log(&tx, me, "drop-language", &old.slug)
    });
    match dropped {
        Err(error) if error.kind() == "foreign-key" => {
            let typed = context! {
                old => &old.slug, slug => &old.slug, name => &old.name, extensions => &old.extensions,
                shebangs => &old.shebangs, highlight => &old.highlight, checker => &old.checker,
                outline => &old.outline
            };
            languages_page(req, typed, &[Wrong::new("name", "language_used")])
        }
        dropped => {
            dropped?;
            forms::done(req, "removed-language", "/editor/languages")
        }
    }
}

fn languages_page(req: &Request, typed: Context, wrong: &[Wrong]) -> Result<Response> {
    req.provide("languages", &taxonomy::languages(&req.db())?)?;
    req.provide("checkers", &CHECKERS)?;
    forms::again(req, "languages.html", typed, wrong)
}

/// The scripts on the first page, and the form for one.
pub fn pins(req: &Request) -> Result<Response> {
    let name = req.query("script").unwrap_or_default();
    pins_page(req, context! { script => name, days => 14 }, &[])
}

/// Pins a script for some days (`act=pin`), or takes its pin off (`act=unpin`).
pub fn save_pin(req: &Request) -> Result<Response> {
    let me = who::must(req, Role::Editor)?;
    let form = req.form()?;
    let mut fields = Fields::new(&form);
    let name = fields.raw("script").trim();
    let script = scripts::head(&req.db(), name)?;
    if form.text("act")? == "unpin" {
        let script = script.or_404()?;
        req.db().transaction(|tx| {
            scripts::pin(&tx, script.id, None, "")?;
            log(&tx, &me, "unpin", &script.name)
        })?;
        return forms::done(req, "unpinned", "/editor/pins");
    }
    let script = script.filter(|script| script.status == Status::Published);
    if script.is_none() {
        fields.wrong.push(Wrong::new("script", "script_unknown"));
    }
    let text = fields.line("text", DESCR_MAX);
    let days = fields.number("days", 1, PIN_DAYS_MAX);
    let (Some(script), true) = (script, fields.wrong.is_empty()) else {
        let typed =
            context! { script => name, text => fields.raw("text"), days => fields.raw("days") };
        return pins_page(req, typed, &fields.wrong);
    };
    req.db().transaction(|tx| {
        scripts::pin(&tx, script.id, Some(now() + days * DAY), &text)?;
        log(&tx, &me, "pin", &script.name)
    })?;
    forms::done(req, "pinned", "/editor/pins")
}

fn pins_page(req: &Request, typed: Context, wrong: &[Wrong]) -> Result<Response> {
    req.provide("pins", &scripts::pinned(&req.db())?)?;
    forms::again(req, "pins.html", typed, wrong)
}

/// Words with one blank between them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is wrong with a part of an address.
fn slug_wrong(slug: &str, chars_max: usize) -> Option<Wrong> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let plain = !slug.is_empty() && slug.chars().all(plain) && slug.trim_matches('-') == slug;
    let n = i64::try_from(chars_max).unwrap_or(i64::MAX);
    (!plain || slug.len() > chars_max).then_some(Wrong {
        field: "slug",
        key: "slug",
        n,
    })
}

fn log(db: &harmonious::Db<'_>, me: &Me, action: &str, subject: &str) -> Result<()> {
    let actor = Some((me.id, &*me.alias));
    talk::log(
        db,
        &Entry {
            actor,
            action,
            subject,
            ..Entry::default()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_addresses() {
        for good in ["backup", "c-shell", "x11"] {
            assert_eq!(slug_wrong(good, 40), None, "{good}");
        }
        for bad in ["", "Backup", "a/b", "a b", "-a", "a.b", "a_b", "été"] {
            assert!(slug_wrong(bad, 40).is_some(), "{bad}");
        }
        assert!(slug_wrong("abc", 2).is_some());
        assert_eq!(words(" a  b\n"), "a b");
    }
}

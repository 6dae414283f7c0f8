//! Lists of scripts and what stands around them: `/browse/`, `/search`, the clouds of tags and languages, and what
//! programs read of them (`/sitemap.xml`, `/robots.txt`, `/opensearch.xml`).
//!
//! All that is the same for everybody is in fragments, whose keys hold the stamp of all lists: such a page is one
//! query and a look at each of its fragments.

use std::collections::BTreeSet;

use harmonious::prelude::*;

use crate::model::{Category, Filter, Language, Sort, Tag};
use crate::store::{glance, search, settings, taxonomy};
use crate::{pages, rules, view};

/// Tags beside a list: those of most scripts.
const TAGS_BESIDE: usize = 30;
/// Sizes of words in a cloud.
const SIZES: u32 = 5;
/// Scripts in the map of the site: the protocol allows for 50,000 addresses.
const MAPPED: u32 = 49_000;
/// Seconds for which programs may keep what was made for them.
const KEPT: &str = "public, max-age=3600";

/// What a list of `/browse/` is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    All,
    /// By path: `sysadmin/backup`.
    Category(&'a str),
    /// By slug.
    Language(&'a str),
    /// By slug.
    Tag(&'a str),
}

/// One order of a list, as a link.
#[derive(Clone, Debug, Serialize)]
struct Order {
    sort: &'static str,
    link: String,
    current: bool,
}

/// A word of a cloud.
#[derive(Clone, Debug, Serialize)]
pub struct Word {
    pub slug: String,
    pub name: String,
    pub n: i64,
    /// From 1 to 5, by how many scripts have it.
    pub size: u32,
}

/// A page of `/browse/`: the list, its orders, and the tree, languages and tags beside it.
///
/// # Errors
/// 404 for a category, language or tag that is not there.
pub fn browse(req: &Request, about: About<'_>) -> Result<Response> {
    let asked = view::filter(req);
    let sort = match asked.sort {
        Sort::Fit => Sort::New,
        other => other,
    };
    let mut filter = Filter {
        sort,
        page: asked.page,
        ..Filter::default()
    };
    match about {
        About::All => {}
        About::Category(path) => filter.category = Some(path.to_owned()),
        About::Language(slug) => filter.language = Some(slug.to_owned()),
        About::Tag(slug) => filter.tag = Some(slug.to_owned()),
    }
    let stamp = settings::stamp(&req.db())?;
    let language = req.language();
    let key = format!("heading:{about:?}:{}:{stamp}:{language}", sort.text());
    let key = format!("heading:{}", rules::sha256(key.as_bytes()));
    let heading = req.fragment(&key, pages::PARTS, || heading(req, about, sort))?;
    // Its first line is the title of the page.
    let (title, heading) = heading.split_once('\n').unwrap_or(("", &heading));
    let results = pages::results(req, &filter, stamp)?;
    if req.query("part").is_some() {
        return Ok(Response::html(results));
    }
    let feed = match about {
        About::All => "site".to_owned(),
        About::Category(path) => format!("category/{path}"),
        About::Tag(slug) => format!("tag/{slug}"),
        About::Language(_) => String::new(),
    };
    let beside = req.fragment(&format!("beside:{stamp}:{language}"), pages::PARTS, || {
        beside(req)
    })?;
    req.render(
        "/browse/_list.html",
        context! { title, heading, results, beside, feed },
    )
}

/// The title, a line feed, and the rendered `_heading.html`.
fn heading(req: &Request, about: About<'_>, sort: Sort) -> Result<String> {
    let db = req.db();
    let mut above: Vec<Category> = Vec::new();
    let mut below: Vec<Category> = Vec::new();
    let mut text = String::new();
    let title = match about {
        About::All => req.t("browse.all", context! {}),
        About::Category(path) => {
            let all = view::categories(req, taxonomy::categories(&db)?);
            let this = all.iter().find(|one| one.path == path).or_404()?;
            let is_above = |one: &&Category| path.starts_with(&format!("{}/", one.path));
            above = all.iter().filter(is_above).cloned().collect();
            below = all
                .iter()
                .filter(|one| one.parent_id == Some(this.id))
                .cloned()
                .collect();
            text.clone_from(&this.descr);
            this.name.clone()
        }
        About::Language(slug) => {
            let name = taxonomy::language(&db, slug)?.or_404()?.name;
            req.t("browse.language", context! { name })
        }
        About::Tag(slug) => {
            let name = taxonomy::tag(&db, slug)?.or_404()?.name;
            req.t("browse.tag", context! { name })
        }
    };
    // No control characters are in names, so that the first line feed ends the title.
    let title = title.replace('\n', " ");
    let orders = orders(
        &format!("{}?", req.path()),
        &[Sort::New, Sort::Used, Sort::Rated],
        sort,
    );
    let page = context! { title => &title, text, above, below, orders };
    Ok(format!(
        "{title}\n{}",
        req.render_text("/browse/_heading.html", page)?
    ))
}

fn orders(link: &str, sorts: &[Sort], now: Sort) -> Vec<Order> {
    let order = |sort: &Sort| Order {
        sort: sort.text(),
        link: format!("{link}sort={}", sort.text()),
        current: *sort == now,
    };
    sorts.iter().map(order).collect()
}

/// The rendered `_beside.html`.
fn beside(req: &Request) -> Result<String> {
    let db = req.db();
    let languages: Vec<Language> = used(taxonomy::languages(&db)?);
    let mut tags = taxonomy::tags_with_counts(&db)?;
    let many = tags.len() > TAGS_BESIDE;
    tags.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| a.slug.cmp(&b.slug)));
    tags.truncate(TAGS_BESIDE);
    tags.sort_by(|a, b| a.slug.cmp(&b.slug));
    let categories = view::categories(req, taxonomy::categories(&db)?);
    req.render_text(
        "/browse/_beside.html",
        context! { categories, languages, tags => cloud(tags), many },
    )
}

fn used(mut languages: Vec<Language>) -> Vec<Language> {
    languages.retain(|one| one.n > 0);
    languages
}

/// Words with their sizes: by the logarithm of their numbers, since a few have most of the scripts.
#[must_use]
pub fn cloud(tags: Vec<Tag>) -> Vec<Word> {
    let most = tags.iter().map(|tag| tag.n).max().unwrap_or(1);
    let word = |tag: Tag| Word {
        size: size(tag.n, most),
        slug: tag.slug,
        name: tag.name,
        n: tag.n,
    };
    tags.into_iter().map(word).collect()
}

fn size(n: i64, most: i64) -> u32 {
    let bits = |n: i64| 64 - n.max(1).unsigned_abs().leading_zeros();
    let most = bits(most);
    1 + (bits(n).min(most) - 1) * (SIZES - 1) / (most - 1).max(1)
}

/// `/tags`: all tags of published scripts, the more scripts the greater.
pub fn tags(req: &Request) -> Result<Response> {
    clouds(req, "tags", || {
        let words = cloud(taxonomy::tags_with_counts(&req.db())?);
        req.render_text("/_cloud.html", context! { words, to => "tag" })
    })
}

/// `/languages`: all languages that a published script is written in.
pub fn languages(req: &Request) -> Result<Response> {
    clouds(req, "languages", || {
        let tag = |one: Language| Tag {
            slug: one.slug,
            name: one.name,
            n: one.n,
        };
        let all = used(taxonomy::languages(&req.db())?);
        let words = cloud(all.into_iter().map(tag).collect());
        req.render_text("/_cloud.html", context! { words, to => "language" })
    })
}

fn clouds(req: &Request, what: &str, make: impl FnOnce() -> Result<String>) -> Result<Response> {
    let stamp = settings::stamp(&req.db())?;
    let key = format!("cloud:{what}:{stamp}:{}", req.language());
    let cloud = req.fragment(&key, pages::PARTS, make)?;
    req.render(&format!("/{what}.html"), context! { cloud })
}

/// `/search`: a form, and what fits it; with `?part=1` that alone.
pub fn search(req: &Request) -> Result<Response> {
    let mut filter = view::filter(req);
    filter.page = filter.page.min(search::PAGES_MAX);
    filter.q = filter.q.chars().take(search::WORDS_MAX).collect();
    let stamp = settings::stamp(&req.db())?;
    let results = pages::results(req, &filter, stamp)?;
    if req.query("part").is_some() {
        return Ok(Response::html(results));
    }
    // What one can choose from, with what is chosen: the same for whatever words.
    let chosen = (&filter.category, &filter.language);
    let key = format!("choices:{chosen:?}:{stamp}:{}", req.language());
    let key = format!("choices:{}", rules::sha256(key.as_bytes()));
    let choices = req.fragment(&key, pages::PARTS, || choices(req, &filter))?;
    let sorts = [Sort::Fit, Sort::New, Sort::Used, Sort::Rated].map(Sort::text);
    req.render(
        "/search.html",
        context! { words => &filter.q, filter => &filter, sort => filter.sort.text(), sorts, choices, results },
    )
}

/// The rendered `_choices.html`: categories and languages of the search. What was asked for and is not there is
/// among them too, so that the form shows what its results are of.
fn choices(req: &Request, filter: &Filter) -> Result<String> {
    let db = req.db();
    let mut categories = view::categories(req, taxonomy::categories(&db)?);
    let mut languages = used(taxonomy::languages(&db)?);
    if let Some(path) = &filter.category
        && !categories.iter().any(|one| one.path == *path)
    {
        categories.push(Category {
            path: path.clone(),
            name: path.clone(),
            ..Category::default()
        });
    }
    if let Some(slug) = &filter.language
        && !languages.iter().any(|one| one.slug == *slug)
    {
        languages.push(Language {
            slug: slug.clone(),
            name: slug.clone(),
            ..Language::default()
        });
    }
    let (category, language) = (&filter.category, &filter.language);
    req.render_text(
        "/_choices.html",
        context! { categories, languages, category, language },
    )
}

/// `/sitemap.xml`: published scripts with the day of their last change, and the pages that lead to them.
pub fn sitemap(req: &Request) -> Result<Response> {
    let address = view::address(req)?;
    let key = format!("sitemap:{}:{address}", settings::stamp(&req.db())?);
    let map = req.fragment(&key, pages::PARTS, || {
        let db = req.db();
        let mut paths: BTreeSet<String> = [
            "",
            "browse/",
            "tags",
            "languages",
            "authors/",
            "news/",
            "help",
            "about",
        ]
        .map(str::to_owned)
        .into();
        let categories = taxonomy::categories(&db)?;
        paths.extend(
            categories
                .iter()
                .map(|one| format!("browse/category/{}", one.path)),
        );
        let languages = used(taxonomy::languages(&db)?);
        paths.extend(
            languages
                .iter()
                .map(|one| format!("browse/language/{}", one.slug)),
        );
        let scripts = glance::names(&db, MAPPED)?;
        req.render_text("/_sitemap.xml", context! { address, paths, scripts })
    })?;
    Ok(Response::xml(map).with_header("cache-control", KEPT))
}

/// `/robots.txt`: what programs may fetch.
pub fn robots(req: &Request) -> Result<Response> {
    let address = view::address(req)?;
    let mut text = String::from("User-agent: *\n");
    for path in [
        "/account/",
        "/admin/",
        "/api/",
        "/editor/",
        "/review/",
        "/search",
        "/sign-in",
        "/sign-up",
        "/submit",
        "/scripts/*/diff",
        "/scripts/*/edit/",
        "/scripts/*/flag",
    ] {
        text.push_str(&format!("Disallow: {path}\n"));
    }
    text.push_str(&format!("Sitemap: {address}/sitemap.xml\n"));
    Ok(Response::text(text).with_header("cache-control", KEPT))
}

/// `/opensearch.xml`: how browsers search here from their own field.
pub fn opensearch(req: &Request) -> Result<Response> {
    let text = req.render_text(
        "/_opensearch.xml",
        context! { address => view::address(req)? },
    )?;
    Ok(
        Response::bytes("application/opensearchdescription+xml", text)
            .with_header("cache-control", KEPT),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_grow_with_their_numbers() {
        let sizes = [1, 2, 4, 16, 1_000].map(|n| size(n, 1_000));
        assert_eq!(sizes, [1, 1, 1, 2, 5]);
        assert!(sizes.is_sorted());
        assert_eq!((size(1, 1), size(0, 0), size(3, 3)), (1, 1, 5));
    }

    #[test]
    fn an_order_is_a_link() {
        let orders = orders("/browse/?", &[Sort::New, Sort::Used], Sort::Used);
        assert_eq!(orders[0].link, "/browse/?sort=new");
        assert!(orders[1].current && !orders[0].current);
    }
}

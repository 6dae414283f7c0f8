//! Lists: by category, language, tag and author; their orders and pages; clouds, profiles, and what programs read.

use crate::common::*;

/// Where made scripts begin in time: before the seeds.
const BEGIN: i64 = 1_600_000_000;

/// `s00` to `s59`, the later the newer: a third of them is in `misc/deep`, half are in Python, every tenth has the
/// tag `rare`, and the further on the more downloads and stars there are, in opposite orders.
fn sixty(site: &Site) {
    for n in 0..60 {
        let name = format!("s{n:02}");
        Script::new(&name, &format!("echo {n}\n"))
            .category(if n % 3 == 0 { "misc/deep" } else { "misc/flat" })
            .language(if n % 2 == 0 { "python" } else { "sh" })
            .tags(if n % 10 == 0 { &["rare"] } else { &[] })
            .owner(if n < 5 { "other" } else { "author" })
            .at(BEGIN + n)
            .publish(site);
        let sql = "UPDATE scripts SET downloads = ?, rating_score = ?, rating_n = 1 WHERE name = ?";
        let values = [(1_000 + n).into(), (5_000 - n).into(), name.as_str().into()];
        site.execute(sql, &values);
    }
}

/// The names of the scripts of a list, in its order.
fn names(page: &Page) -> Vec<String> {
    let made = |link: String| {
        let name = link.strip_prefix("/scripts/")?.strip_suffix('/')?;
        (name.len() == 3 && name.starts_with('s')).then(|| name.to_owned())
    };
    page.links().into_iter().filter_map(made).collect()
}

fn range(numbers: impl IntoIterator<Item = i32>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("s{n:02}")).collect()
}

on_each! {
    fn lists_have_their_filters_and_pages(site: &Site) {
        sixty(site);
        let mut anyone = site.anyone();
        let deep = anyone.open("/browse/category/misc/deep");
        assert_eq!(names(&deep), range((0..60).rev().filter(|n| n % 3 == 0)));
        assert!(!deep.links().iter().any(|link| link.contains("page=")));
        deep.has("/browse/category/misc\"").has("/feeds/category/misc/deep.atom");

        // Those below are in it too, twenty a page; the last are those that the site began with.
        let first = anyone.open("/browse/category/misc?sort=new");
        let second = anyone.open("/browse/category/misc?sort=new&page=2");
        let third = anyone.open("/browse/category/misc?sort=new&page=3");
        let fourth = anyone.open("/browse/category/misc?sort=new&page=4");
        let all: Vec<String> = [&first, &second, &third, &fourth].into_iter().flat_map(names).collect();
        assert_eq!(all, range((0..60).rev()));
        assert!(first.links().contains(&"/browse/category/misc?sort=new&page=2".to_owned()));
        assert!(!fourth.links().iter().any(|link| link.ends_with("page=5")));
        anyone.open("/browse/category/misc?page=5").reads("Nothing here");

        assert_eq!(names(&anyone.open("/browse/tag/rare")), range((0..60).rev().filter(|n| n % 10 == 0)));
        let python = names(&anyone.open("/browse/language/python"));
        assert!(!python.is_empty() && python.iter().all(|name| name[1..].parse::<i32>().unwrap() % 2 == 0));
        assert_eq!(names(&anyone.open("/authors/other")), range((0..5).rev()));
    }

    fn lists_have_their_orders(site: &Site) {
        sixty(site);
        let mut anyone = site.anyone();
        assert_eq!(names(&anyone.open("/browse/category/misc?sort=used")), range((40..60).rev()));
        assert_eq!(names(&anyone.open("/browse/category/misc?sort=rated")), range(0..20));
        anyone.open("/browse/category/misc?sort=rated").has("aria-current=\"true\">Best rated");
        // The list of a moment ago is none of what is published now.
        site.publish("newest-of-all", "echo\n");
        anyone.open("/browse/?sort=new").has_in_order(&["/scripts/newest-of-all/", "/scripts/s59/"]);
    }

    fn what_is_not_there_is_told(site: &Site) {
        let mut anyone = site.anyone();
        for path in [
            "/browse/category/none", "/browse/category/misc/none", "/browse/language/none", "/browse/tag/none",
            "/authors/none", "/news/99", "/log?script=none", "/scripts/none/",
        ] {
            anyone.get(path).is(404).reads("There is no such page");
        }
        assert_eq!(anyone.get("/scripts/").is(308).location(), "/browse/");
    }

    fn drafts_and_what_was_withdrawn_are_in_no_list(site: &Site) {
        for name in ["taken-back", "kept-in"] {
            Script::new(name, "echo\n").tags(&["fleeting"]).publish(site);
        }
        site.execute("UPDATE scripts SET status = 'withdrawn', stamp = stamp + 1 WHERE name = 'taken-back'", &[]);
        site.set("stamp", "900000");
        let mut anyone = site.anyone();
        for path in ["/browse/?sort=new", "/browse/tag/fleeting", "/authors/author", "/sitemap.xml"] {
            anyone.open(path).has("/scripts/kept-in/").lacks("taken-back");
        }
    }

    fn clouds_count(site: &Site) {
        for n in 0..9 {
            let tags: &[&str] = if n < 8 { &["common"] } else { &["seldom"] };
            Script::new(&format!("c{n}"), "echo\n").tags(tags).publish(site);
        }
        let tags = site.anyone().open("/tags");
        tags.has_in_order(&["size5", "/browse/tag/common", "size1", "/browse/tag/seldom"]);
        let languages = site.anyone().open("/languages");
        languages.has("/browse/language/sh").lacks("/browse/language/powershell");
    }

    fn a_profile_tells_who_that_is(site: &Site) {
        let sql = "UPDATE accounts SET about = ?, website = ? WHERE alias = 'author'";
        let about = "I *write*. <script>alert(1)</script> ![x](https://a.example/p.png)";
        site.execute(sql, &[about.into(), "https://a.example/me".into()]);
        let key = "INSERT INTO signing_keys (account_id, key_id, public_key, label, created_at, revoked_at) \
                   VALUES (?, 'AB', ?, 'old', 1600000000, 1600086400)";
        site.execute(key, &[site.id_of("author").into(), "RWQrevoked".into()]);
        site.publish("mine", "echo\n");
        let page = site.anyone().open("/authors/author");
        page.has("<em>write</em>").lacks("<script>alert").lacks("<img src=\"https://a");
        page.has("https://a.example/me").has("RWQrevoked").reads("revoked on 2020-09-14").has("/scripts/mine/");
        site.anyone().open("/authors/reviewer").reads("reviewer");
        site.anyone().open("/authors/?q=auth").has("/authors/author").lacks("/authors/other");
        let sql = "UPDATE accounts SET status = 'gone' WHERE alias = 'other'";
        site.execute(sql, &[]);
        site.anyone().get("/authors/other").is(410);
        site.anyone().open("/authors/").lacks("/authors/other");
    }

    fn news_and_the_log_are_read_by_all(site: &Site) {
        let sql = "INSERT INTO news (account_id, at, subject, body) VALUES (?, 1700000000, 'Moved <b>', 'To a *new* place')";
        site.execute(sql, &[site.id_of("editor").into()]);
        let mut anyone = site.anyone();
        let id: i64 = site.value("SELECT id FROM news", &[]);
        anyone.open("/news/").has("Moved &lt;b&gt;").has("<em>new</em>").has(&format!("/news/{id}"));
        anyone.open(&format!("/news/{id}")).has("<em>new</em>").reads("2023-11-14");

        site.publish("judged", "echo\n");
        let script: i64 = site.value("SELECT id FROM scripts WHERE name = 'judged'", &[]);
        let sql = "INSERT INTO moderation_log (at, actor_name, action, script_id, subject, reason, note) \
                   VALUES (1700000000, 'reviewer', 'approve', ?, 'judged', 'reads well', 'between us')";
        site.execute(sql, &[script.into()]);
        let log = anyone.open("/log");
        log.reads("approved").reads("reads well").has("/scripts/judged/").lacks("between us");
        anyone.open("/log?script=judged").reads("reads well");
        anyone.open("/log?script=with-lock").lacks("reads well");
    }

    fn programs_find_their_way(site: &Site) {
        site.publish("mapped", "echo\n");
        let mut anyone = site.anyone();
        let robots = anyone.open("/robots.txt");
        robots.has("Disallow: /account/").has("/sitemap.xml").says("content-type", "text/plain; charset=utf-8");
        let map = anyone.open("/sitemap.xml");
        map.has("/scripts/mapped/</loc>").has("/browse/category/sysadmin</loc>");
        let search = anyone.open("/opensearch.xml");
        search.has("/search?q={searchTerms}").says("content-type", "application/opensearchdescription+xml");
    }

    fn texts_are_there_in_both_languages(site: &Site) {
        for path in ["/about", "/help", "/search", "/browse/", "/tags", "/authors/", "/log", "/news/"] {
            let english = site.anyone().open(path);
            let french = site.anyone().with("Accept-Language", "fr").open(path);
            assert!(english.has("<html lang=\"en\">").words() != french.has("<html lang=\"fr\">").words(), "{path}");
        }
    }
}

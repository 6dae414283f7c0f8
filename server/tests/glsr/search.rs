//! Search: fields, filters, orders; what is published is found by the next request, and nothing else ever is.

use crate::common::*;

/// The names of those scripts among these that a page shows, in its order.
fn found(page: &Page, of: &[&str]) -> Vec<String> {
    let name = |link: String| {
        let name = link
            .strip_prefix("/scripts/")?
            .strip_suffix('/')?
            .to_owned();
        of.contains(&name.as_str()).then_some(name)
    };
    page.links().into_iter().filter_map(name).collect()
}

on_each! {
    fn names_come_before_tags_before_texts_before_code(site: &Site) {
        Script::new("in-code", "echo zanzibar\n").publish(site);
        Script::new("in-summary", "echo\n").summary("About zanzibar").publish(site);
        Script::new("in-tags", "echo\n").tags(&["zanzibar"]).publish(site);
        Script::new("zanzibar", "echo\n").publish(site);
        let of = ["zanzibar", "in-tags", "in-summary", "in-code"];
        let page = site.anyone().open("/search?q=zanzibar");
        assert_eq!(found(&page, &of), of);
        page.has("<mark>zanzibar</mark>").has("value=\"zanzibar\"");
        // The beginning of the last word is enough.
        assert_eq!(found(&site.anyone().open("/search?q=zanz"), &of).len(), 4);
    }

    fn filters_narrow_it(site: &Site) {
        Script::new("first", "echo quokka\n").category("misc/zoo").language("python").license("MIT").publish(site);
        Script::new("second", "echo quokka\n").owner("other").license("0BSD").tags(&["animal"]).publish(site);
        let of = ["first", "second"];
        for (filter, wanted) in [
            ("", "first second"),
            ("&category=misc", "first second"),
            ("&category=misc/zoo", "first"),
            ("&language=python", "first"),
            ("&language=sh", "second"),
            ("&tag=animal", "second"),
            ("&license=0BSD", "second"),
            ("&author=author", "first"),
            ("&author=author&tag=animal", ""),
            ("&category=none", ""),
        ] {
            let page = site.anyone().open(&format!("/search?q=quokka{filter}"));
            let mut found = found(&page, &of);
            found.sort();
            assert_eq!(found.join(" "), wanted, "{filter}");
        }
        // The form shows what is asked for.
        let page = site.anyone().open("/search?q=quokka&category=misc/zoo&sort=used");
        let form = Form::all(&page.0.body).into_iter().find(|form| form.get("author").is_some()).unwrap();
        assert_eq!((form.get("category"), form.get("sort")), (Some("misc/zoo"), Some("used")));
    }

    fn without_words_it_is_the_list(site: &Site) {
        Script::new("wordless", "echo\n").tags(&["lonely"]).publish(site);
        assert_eq!(found(&site.anyone().open("/search?tag=lonely"), &["wordless"]), ["wordless"]);
        site.anyone().open("/search?q=&language=&category=").has("/scripts/with-lock/");
    }

    fn what_is_published_is_found_by_the_next_request(site: &Site) {
        let mut anyone = site.anyone();
        anyone.open("/search?q=axolotl").reads("Nothing here");
        site.publish("axolotl", "echo\n");
        anyone.open("/search?q=axolotl").has("/scripts/axolotl/");
        // A draft of it is not, and what was withdrawn is not any more.
        let sql = "UPDATE scripts SET status = 'withdrawn' WHERE name = 'axolotl'";
        site.execute(sql, &[]);
        site.execute("DELETE FROM search_texts WHERE name = 'axolotl'", &[]);
        site.set("stamp", "900000");
        anyone.open("/search?q=axolotl").reads("Nothing here");
    }

    fn a_part_is_for_those_who_type(site: &Site) {
        site.publish("partial", "echo\n");
        let part = site.anyone().open("/search?part=1&q=partial");
        assert!(part.0.body.starts_with("<div id=\"results\""), "{part:?}");
        part.has("/scripts/partial/").lacks("<html");
        site.anyone().open("/search").has("data-live").has("/glsr.js");
    }

    fn whatever_is_typed_is_a_text(site: &Site) {
        for typed in [
            "%22", "%27+OR+1%3D1--", "%3Cscript%3Ealert(1)%3C/script%3E", "a*", "NEAR(a+b)", "-a", "%28", "%00", "%FF",
            "%F0%9F%98%80", "%7B%7B+7*7+%7D%7D",
        ] {
            let page = site.anyone().get(&format!("/search?q={typed}"));
            assert!(page.status < 500, "{page:?}");
            page.lacks("<script>alert").lacks("value=\"49\"");
        }
        for path in [
            "/search?tag=%00&author=%00&category=%00&language=%00&license=%00", "/log?script=%00", "/authors/?q=%00",
            "/scripts/%00/", "/browse/tag/%00", "/authors/%00", "/scripts/with-lock/diff?from=%00",
        ] {
            let page = site.anyone().get(path);
            assert!(page.status < 500, "{path}: {page:?}");
        }
        let long = "x".repeat(4_000);
        site.anyone().open(&format!("/search?q={long}")).has(&format!("value=\"{}\"", "x".repeat(200)));
        site.anyone().open("/search?q=a&page=4294967295&sort=none");
    }

    fn the_pages_of_a_search_do_not_overlap(site: &Site) {
        let names: Vec<String> = (0..45).map(|n| format!("many-{n:02}")).collect();
        for name in &names {
            Script::new(name, "echo wombat\n").publish(site);
        }
        let of: Vec<&str> = names.iter().map(String::as_str).collect();
        for sort in ["fit", "new", "used", "rated"] {
            let page = |n| site.anyone().open(&format!("/search?q=wombat&sort={sort}&page={n}"));
            let mut all: Vec<String> = (1..=3).flat_map(|n| found(&page(n), &of)).collect();
            all.sort();
            assert_eq!(all, names, "{sort}");
        }
    }
}

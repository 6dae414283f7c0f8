//! A name means the nearest file, from the domain that was asked for upward.

mod common;

use std::sync::Barrier;

use common::{Site, map};
use harmonious_templating::{NeedKind, Stats, TemplateError};
use serde_json::json;

/// Three levels, each of which overrides a block of the layout, a part and the error page.
fn three_levels() -> Site {
    Site::new(&[
        (
            "/_layout.html",
            "<title>{% block title %}root{% endblock %}</title>{% include \"_nav.html\" %}\
             {% block body %}{% endblock %}",
        ),
        ("/_nav.html", "<nav>root</nav>"),
        (
            "/_404.html",
            "{% extends \"_layout.html\" %}{% block body %}none at root{% endblock %}",
        ),
        (
            "/page.html",
            "{% extends \"_layout.html\" %}{% block body %}page{% endblock %}",
        ),
        (
            "/a/_layout.html",
            "{% extends \"_layout.html\" %}{% block title %}a{% endblock %}",
        ),
        ("/a/_nav.html", "<nav>a</nav>"),
        (
            "/a/_404.html",
            "{% extends \"_layout.html\" %}{% block body %}none in a{% endblock %}",
        ),
        (
            "/a/[b]/_layout.html",
            "{% extends \"_layout.html\" %}{% block title %}b in {{ super() }}{% endblock %}",
        ),
        (
            "/a/[b]/_nav.html",
            "<nav>b</nav>{% include \"_nav.html\" %}",
        ),
        (
            "/a/[b]/_404.html",
            "{% extends \"_layout.html\" %}{% block body %}none in b{% endblock %}",
        ),
    ])
}

#[test]
fn each_of_three_levels_overrides_a_block_a_part_and_the_error_page() {
    let site = three_levels();
    let page = |domain, name| site.render(domain, name, json!({}));
    assert_eq!(
        page("/", "page.html"),
        "<title>root</title><nav>root</nav>page"
    );
    assert_eq!(page("/a/", "page.html"), "<title>a</title><nav>a</nav>page");
    assert_eq!(
        page("/a/[b]/", "page.html"),
        "<title>b in a</title><nav>b</nav><nav>a</nav>page"
    );
    assert_eq!(
        page("/", "_404.html"),
        "<title>root</title><nav>root</nav>none at root"
    );
    assert_eq!(
        page("/a/", "_404.html"),
        "<title>a</title><nav>a</nav>none in a"
    );
    assert_eq!(
        page("/a/[b]/", "_404.html"),
        "<title>b in a</title><nav>b</nav><nav>a</nav>none in b"
    );
    assert_eq!(site.problems(), Vec::<String>::new());
}

#[test]
fn a_domain_without_templates_sees_what_the_one_above_sees() {
    let site = three_levels();
    let templates = site.templates();
    let context = map(json!({}));
    let there = templates.render("/a/", "page.html", &context).unwrap();
    let below = templates.render("/a/c/d/", "page.html", &context).unwrap();
    assert_eq!(there, below);
    assert_eq!(templates.stats().compiled, 1);
}

#[test]
fn a_template_is_compiled_once_for_domains_from_which_its_names_mean_the_same() {
    let site = Site::new(&[
        ("/about.html", "about"),
        ("/a/other.html", "other"),
        ("/b/other.html", "other"),
    ]);
    let templates = site.templates();
    for domain in ["/", "/a/", "/b/", "/a/x/"] {
        assert_eq!(
            templates
                .render(domain, "about.html", &map(json!({})))
                .unwrap(),
            "about"
        );
    }
    assert_eq!(
        templates.stats(),
        Stats {
            read: 1,
            compiled: 1,
            reused: 0
        }
    );
}

#[test]
fn nothing_is_read_before_it_is_needed() {
    let site = three_levels();
    let templates = site.templates();
    assert_eq!(
        templates.stats(),
        Stats {
            read: 0,
            compiled: 0,
            reused: 0
        }
    );
    templates.render("/", "page.html", &map(json!({}))).unwrap();
    assert_eq!(
        templates.stats(),
        Stats {
            read: 3,
            compiled: 1,
            reused: 0
        }
    );
}

#[test]
fn two_threads_that_ask_for_a_cold_template_compile_it_once() {
    let site = three_levels();
    let templates = site.templates();
    let start = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                templates
                    .render("/a/[b]/", "page.html", &map(json!({})))
                    .unwrap();
            });
        }
    });
    assert_eq!(templates.stats().compiled, 1);
}

#[test]
fn a_missing_template_is_told_with_all_places_tried() {
    let site = three_levels();
    let wrong = site.fails("/a/[b]/", "list.html", json!({}));
    assert_eq!(
        wrong.to_string(),
        "there is no template \"list.html\": tried /a/[b]/list.html, /a/list.html, /list.html"
    );
    let places = site.templates().search_path("/a/[b]/", "list.html");
    assert_eq!(places, ["/a/[b]/list.html", "/a/list.html", "/list.html"]);
}

#[test]
fn names_that_lead_out_of_the_tree_are_missing() {
    let site = Site::new(&[("/index.html", "x")]);
    for name in [
        "../index.html",
        "/../index.html",
        "",
        "/",
        "//index.html",
        "index.html/",
    ] {
        let wrong = site.fails("/a/", name, json!({}));
        assert!(
            matches!(wrong, TemplateError::Missing { .. }),
            "{name:?}: {wrong}"
        );
    }
}

#[test]
fn a_domain_may_be_one_that_does_not_exist() {
    let site = Site::new(&[("/index.html", "x")]);
    assert_eq!(site.render("/no/such/", "index.html", json!({})), "x");
    let wrong = site.fails("", "index.html", json!({}));
    assert!(matches!(wrong, TemplateError::Missing { .. }));
}

#[test]
fn check_tells_every_unknown_include_with_all_places_tried() {
    let site = Site::new(&[
        ("/index.html", "one\n  {% include \"_nvа.html\" %}"),
        ("/a/page.html", "{% extends \"_base.html\" %}"),
        ("/a/good.html", "good"),
    ]);
    assert_eq!(
        site.problems(),
        [
            "/a/page.html:1:12: there is no template \"_base.html\": tried /a/_base.html, \
             /_base.html\n  |\n1 | {% extends \"_base.html\" %}\n  |            ^",
            "/index.html:2:14: there is no template \"_nvа.html\": tried /_nvа.html\n  \
             |\n2 |   {% include \"_nvа.html\" %}\n  |              ^",
        ]
    );
    assert_eq!(site.render("/a/", "good.html", json!({})), "good");
}

#[test]
fn check_sees_a_part_through_the_eyes_of_a_domain_that_overrides_its_layout() {
    let site = Site::new(&[
        ("/_layout.html", "{% block body %}{% endblock %}"),
        (
            "/_404.html",
            "{% extends \"_layout.html\" %}{% block body %}x{% endblock %}",
        ),
        ("/a/_layout.html", "{% block content %}{% endblock %}"),
    ]);
    let problems = site.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(
        problems[0]
            .starts_with("/_404.html:1:38: block `body` is not defined in any parent template"),
        "{}",
        problems[0]
    );
}

#[test]
fn a_broken_file_spoils_no_page_that_does_not_need_it() {
    let site = Site::new(&[
        ("/good.html", "good"),
        ("/broken.html", "{% if %}"),
        ("/unknown.html", "{{ x | nosuch }}"),
        ("/needs.html", "{% include \"broken.html\" %}"),
    ]);
    assert_eq!(site.render("/", "good.html", json!({})), "good");
    for name in ["broken.html", "needs.html"] {
        let wrong = site.fails("/", name, json!({}));
        assert!(
            site.message(&wrong).starts_with("/broken.html:1:7: "),
            "{wrong}"
        );
    }
    assert_eq!(site.problems().len(), 2);
}

#[test]
fn a_template_that_names_itself_is_refused() {
    let site = Site::new(&[
        ("/a.html", "x {% include \"a.html\" %}"),
        ("/b/b.html", "{% extends \"b.html\" %}"),
    ]);
    assert_eq!(
        site.problems(),
        [
            "/a.html:1:14: the template names itself, and there is no other \"a.html\" above: \
             nothing is above it\n  |\n1 | x {% include \"a.html\" %}\n  |              ^",
            "/b/b.html:1:12: the template names itself, and there is no other \"b.html\" above: \
             tried /b.html\n  |\n1 | {% extends \"b.html\" %}\n  |            ^",
        ]
    );
}

#[test]
fn templates_that_name_each_other_in_a_circle_are_refused() {
    let site = Site::new(&[
        ("/a.html", "{% include \"b.html\" %}"),
        ("/b.html", "{% if x %}{% include \"c.html\" %}{% endif %}"),
        ("/c.html", "{% include \"a.html\" %}"),
        ("/d.html", "{% extends \"e.html\" %}"),
        ("/e.html", "{% extends \"d.html\" %}"),
    ]);
    let wrong = site.fails("/", "a.html", json!({}));
    assert!(
        site.message(&wrong)
            .contains("include each other in a circle: /a.html -> /b.html -> /c.html"),
        "{wrong}"
    );
    assert!(matches!(
        site.fails("/", "e.html", json!({})),
        TemplateError::Circle { .. }
    ));
    assert_eq!(site.problems().len(), 5);
}

#[test]
fn a_long_chain_of_includes_is_refused_before_it_is_followed() {
    let mut site = Site::new(&[("/p200.html", "end")]);
    for number in 0..200 {
        site.write(
            &format!("/p{number}.html"),
            &format!("{{% include \"p{}.html\" %}}", number + 1),
        );
    }
    let wrong = site.fails("/", "p0.html", json!({}));
    assert!(
        site.message(&wrong).contains("more than 16 deep"),
        "{wrong}"
    );
    assert_eq!(site.render("/", "p185.html", json!({})), "end");
}

#[test]
fn a_component_that_calls_itself_for_ever_is_an_error_on_a_small_stack() {
    let site = Site::new(&[(
        "/a.html",
        "{% component C() %}{% set x %}{% if true %}{{ <C /> }}{% endif %}{% endset %}{{ x }}\
         {% endcomponent %}{{ <C /> }}",
    )]);
    // As much as a worker has.
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let wrong = std::thread::scope(|scope| {
        let render = || site.fails("/", "a.html", json!({}));
        thread.spawn_scoped(scope, render).unwrap().join().unwrap()
    });
    assert!(site.message(&wrong).contains("recursion depth"), "{wrong}");
}

#[test]
fn the_deepest_templates_that_are_allowed_fit_on_a_small_stack() {
    let mut site = Site::new(&[("/p15.html", "{{ <C n={0} /> }}")]);
    for number in 0..15 {
        site.write(
            &format!("/p{number}.html"),
            &format!("{{% include \"p{}.html\" %}}", number + 1),
        );
    }
    site.write("/_i.html", "{{ <D n={n} /> }}");
    site.write(
        "/_c.html",
        "{% component C(n) %}{{ n }}{% if n < 18 %}{% include \"_i.html\" %}{% endif %}\
         {% endcomponent %}{% component D(n) %}{{ <C n={n + 1} /> }}{% endcomponent %}",
    );
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    std::thread::scope(|scope| {
        let render = || site.fails("/", "p0.html", json!({}));
        let wrong = thread.spawn_scoped(scope, render).unwrap().join().unwrap();
        assert!(site.message(&wrong).contains("recursion depth"), "{wrong}");
    });
}

#[test]
fn deep_nesting_is_an_error_on_a_small_stack() {
    let opened = "{% if a %}{% for b in c %}".repeat(500);
    let brackets = format!("{{{{ {}1{} }}}}", "(".repeat(5000), ")".repeat(5000));
    let site = Site::new(&[("/a.html", &opened), ("/b.html", &brackets)]);
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    std::thread::scope(|scope| {
        let render = || {
            for name in ["a.html", "b.html"] {
                let wrong = site.fails("/", name, json!({}));
                assert!(matches!(wrong, TemplateError::Syntax { .. }), "{wrong}");
            }
        };
        thread.spawn_scoped(scope, render).unwrap().join().unwrap();
    });
}

#[test]
fn a_component_is_found_from_the_domain_upward() {
    let site = Site::new(&[
        (
            "/_ui.html",
            "{% component Button(label) %}<b>{{ label }}</b>{% endcomponent %}\
                       {% component Card(text) %}<i>{{ text }}</i>{% endcomponent %}",
        ),
        (
            "/a/_ui.html",
            "{% component Button(label) %}<u>{{ label }}</u>{% endcomponent %}",
        ),
        (
            "/index.html",
            "{{ <Button label=\"<x>\" /> }}{{ <Card text=\"y\" /> }}",
        ),
    ]);
    assert_eq!(
        site.render("/", "index.html", json!({})),
        "<b>&lt;x&gt;</b><i>y</i>"
    );
    assert_eq!(
        site.render("/a/", "index.html", json!({})),
        "<u>&lt;x&gt;</u><i>y</i>"
    );
    assert_eq!(site.problems(), Vec::<String>::new());
}

#[test]
fn a_component_that_nobody_or_more_than_one_file_defines_is_told() {
    let site = Site::new(&[
        ("/_one.html", "{% component Twice() %}1{% endcomponent %}"),
        ("/_two.html", "{% component Twice() %}2{% endcomponent %}"),
        ("/twice.html", "{{ <Twice /> }}"),
        ("/never.html", "\n {{ <Never /> }}"),
    ]);
    let problems = site.problems();
    assert_eq!(problems.len(), 2, "{problems:#?}");
    assert!(
        problems[0].starts_with("/never.html:2:5: unknown component `Never`"),
        "{problems:#?}"
    );
    assert!(problems[1].starts_with(
        "/twice.html:1:5: component `Twice` is defined more than once: in /_one.html and /_two.html"
    ));
}

#[test]
fn needs_names_every_file_and_who_asked_for_it() {
    let site = three_levels();
    let needs = site.templates().needs("/a/", "page.html").unwrap();
    let shown: Vec<String> = needs
        .iter()
        .map(|need| format!("{} {:?} {} = {}", need.by, need.kind, need.name, need.found))
        .collect();
    assert_eq!(
        shown,
        [
            "/_layout.html Include _nav.html = /a/_nav.html",
            "/a/_layout.html Extends /_layout.html = /_layout.html",
            "/page.html Extends _layout.html = /a/_layout.html",
        ]
    );
    assert!(needs.iter().all(|need| need.kind != NeedKind::Component));
    assert!(site.templates().needs("/", "no.html").is_err());
}

#[test]
fn what_did_not_change_is_taken_over_and_what_did_is_compiled_anew() {
    let mut site = three_levels();
    let first = site.templates();
    let context = map(json!({}));
    for domain in ["/", "/a/"] {
        first.render(domain, "page.html", &context).unwrap();
    }
    site.write("/a/_nav.html", "<nav>new</nav>");
    let second = harmonious_templating::Templates::after(site.files(), &first);
    let at_root = second.render("/", "page.html", &context).unwrap();
    assert_eq!(at_root, "<title>root</title><nav>root</nav>page");
    assert_eq!((second.stats().compiled, second.stats().reused), (0, 1));
    let in_a = second.render("/a/", "page.html", &context).unwrap();
    assert_eq!(in_a, "<title>a</title><nav>new</nav>page");
    assert_eq!((second.stats().compiled, second.stats().reused), (1, 1));

    // A new file between changes what a name means, though no text changed.
    site.write("/a/page.html", "own");
    let third = harmonious_templating::Templates::after(site.files(), &second);
    assert_eq!(third.render("/a/", "page.html", &context).unwrap(), "own");
    assert_eq!(third.render("/", "page.html", &context).unwrap(), at_root);
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let site = Site::new(&[("/a.html", "x"), ("/b.html", "y")]);
    std::fs::remove_file(site.path("/a.html")).unwrap();
    std::fs::write(site.path("/b.html"), b"\xff").unwrap();
    for name in ["a.html", "b.html"] {
        let wrong = site.fails("/", name, json!({}));
        assert!(matches!(wrong, TemplateError::Read { .. }), "{wrong}");
        assert!(
            site.message(&wrong)
                .starts_with(&format!("/{name}: cannot be read: ")),
            "{wrong}"
        );
    }
}

#[test]
fn maps_are_gone_through_in_the_order_of_their_keys() {
    let site = Site::new(&[("/a.html", "{% for k, v in m %}{{ k }}{{ v }}{% endfor %}")]);
    let context = json!({"m": {"b": 2, "e": 5, "a": 1, "d": 4, "c": 3}});
    assert_eq!(site.render("/", "a.html", context), "a1b2c3d4e5");
}

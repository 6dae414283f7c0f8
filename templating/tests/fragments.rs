//! `{% cache %}`: a part of a page that is rendered once and kept.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use common::{Site, map};
use harmonious_templating::{FragmentKey, Fragments, Templates};
use serde_json::{Map, Value, json};

/// A site that has only fragments.
struct Around {
    fragments: Arc<Fragments>,
    asked: AtomicUsize,
}

impl Around {
    fn new() -> Arc<Around> {
        Arc::new(Around {
            fragments: Arc::new(Fragments::new(1024 * 1024)),
            asked: AtomicUsize::new(0),
        })
    }
}

impl harmonious_templating::Site for Around {
    fn url_for(&self, path: &str, values: &Map<String, Value>) -> Result<String, String> {
        match path {
            "/count" => Ok(self.asked.fetch_add(1, Ordering::Relaxed).to_string()),
            "/slow" => {
                self.asked.fetch_add(1, Ordering::Relaxed);
                // The others come meanwhile, as far as there is a core for them.
                (0..100).for_each(|_| thread::yield_now());
                Ok(path.to_owned())
            }
            "/x/[slug]" => Ok(format!("/x/{}?{}", values["slug"], values.len())),
            _ => Err(format!("no page has the path `{path}`")),
        }
    }

    fn asset(&self, path: &str) -> Result<String, String> {
        match path {
            "style.css" => Ok("/style.css?v=1&w=2".to_owned()),
            _ => Err(format!("no file `{path}` in static/")),
        }
    }

    fn fragments(&self) -> &Arc<Fragments> {
        &self.fragments
    }
}

/// Pages of a site, each rendered by what it shares with the others.
fn pages(files: &[(&str, &str)]) -> (Site, Templates, Arc<Around>) {
    let (site, around) = (Site::new(files), Around::new());
    let templates = Templates::of_site(site.files(), around.clone());
    (site, templates, around)
}

fn render(templates: &Templates, name: &str, context: Value) -> String {
    let page = templates.render("/", name, &map(context));
    page.unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[test]
fn what_is_kept_is_not_rendered_again() {
    let page = "<{% cache \"n\" ~ key, for=\"1h\" %}{{ key }}-{{ v }}{% endcache %}>";
    let (_site, templates, around) = pages(&[("/a.html", page)]);
    let at = |key: &str, v: &str| render(&templates, "a.html", json!({"key": key, "v": v}));
    assert_eq!(at("1", "<b>"), "<1-&lt;b&gt;>");
    assert_eq!(at("1", "other"), "<1-&lt;b&gt;>");
    assert_eq!(at("2", "other"), "<2-other>");
    around.fragments.forget("n1");
    assert_eq!(at("1", "new"), "<1-new>");
    assert_eq!(at("2", "new"), "<2-other>");
    assert_eq!(around.fragments.stats().made, 3);
}

#[test]
fn a_text_is_kept_as_it_is() {
    let page = "{% cache 7, for=\"1h\" %}{{ v }}{% endcache %}";
    let (_site, templates, _) = pages(&[("/a.txt", page)]);
    assert_eq!(render(&templates, "a.txt", json!({"v": "<&>"})), "<&>");
    assert_eq!(render(&templates, "a.txt", json!({"v": 1})), "<&>");
}

#[test]
fn places_and_files_are_told_apart() {
    let part = "{% cache \"k\", for=\"1h\" %}{{ v }}b{% endcache %}";
    let page = "{% cache \"k\", for=\"1h\" %}{{ v }}a{% endcache %}\
                {% cache \"k\", for=\"1h\" %}{{ v }}c{% endcache %}{% include \"_b.html\" %}";
    let (_site, templates, _) = pages(&[("/a.html", page), ("/_b.html", part)]);
    assert_eq!(render(&templates, "a.html", json!({"v": 1})), "1a1c1b");
    assert_eq!(render(&templates, "a.html", json!({"v": 2})), "1a1c1b");
}

#[test]
fn fragments_may_hold_others_loops_and_blocks() {
    let layout = "[{% block body %}{% endblock %}]";
    let page = "{% extends \"_l.html\" %}{% block body %}\
                {% for n in [1, 2, 1] %}{% cache n, for=\"1h\" -%}\n {{ n }}\
                {% cache \"inner\", for=\"1h\" %}i{{ n }}{% endcache %}{% endcache %};{% endfor %}\
                {% endblock %}";
    let (_site, templates, _) = pages(&[("/a.html", page), ("/_l.html", layout)]);
    assert_eq!(render(&templates, "a.html", json!({})), "[1i1;2i1;1i1;]");
}

#[test]
fn a_changed_template_is_rendered_again() {
    let (mut site, templates, _) =
        pages(&[("/a.html", "{% cache 1, for=\"1h\" %}old{% endcache %}")]);
    assert_eq!(render(&templates, "a.html", json!({})), "old");
    site.write("/a.html", "{% cache 1, for=\"1h\" %}new{% endcache %}");
    let templates = Templates::after(site.files(), &templates);
    assert_eq!(render(&templates, "a.html", json!({})), "new");
}

#[test]
fn a_hundred_requests_render_an_expired_fragment_once() {
    let page = "{% cache \"k\", for=\"1h\" %}{{ url_for(path=\"/slow\") }}{% endcache %}";
    let (_site, templates, around) = pages(&[("/a.html", page)]);
    assert_eq!(render(&templates, "a.html", json!({})), "/slow");
    around.fragments.forget("k");
    let begin = Barrier::new(100);
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                begin.wait();
                assert_eq!(render(&templates, "a.html", json!({})), "/slow");
            });
        }
    });
    assert_eq!(around.asked.load(Ordering::Relaxed), 2);
}

#[test]
fn a_fragment_that_fails_is_not_kept_and_holds_nobody_up() {
    let page = "{% cache \"k\", for=\"1h\" %}{{ v }}{% endcache %}";
    let (_site, templates, around) = pages(&[("/a.html", page)]);
    templates
        .render("/", "a.html", &map(json!({})))
        .unwrap_err();
    // On another thread: it would wait for the one that failed, if that one still held the place.
    let page = thread::scope(|scope| {
        let other = scope.spawn(|| render(&templates, "a.html", json!({"v": 1})));
        other.join().unwrap()
    });
    assert_eq!(page, "1");
    assert_eq!(around.fragments.stats().made, 1);
}

#[test]
fn a_page_cannot_keep_a_text_that_nobody_escaped() {
    let page = "{% set x = __fragment_begin(at=1, key=\"k\", life=60000) %}\
                {{ __fragment_end(at=1, text=v) }}{{ __fragment_begin(at=1, key=\"k\", life=60000) }}";
    let (_site, templates, _) = pages(&[("/a.html", page)]);
    let page = render(&templates, "a.html", json!({"v": "<b>"}));
    assert!(!page.contains("<b>"), "{page}");
}

#[track_caller]
fn fails(page: &str, expected: &str) {
    let (site, templates, _) = pages(&[("/a.html", page)]);
    let wrong = templates.render("/", "a.html", &map(json!({"long": "x".repeat(600)})));
    let message = site.message(&wrong.unwrap_err());
    assert!(message.contains(expected), "{message}");
}

#[test]
fn slips_are_told_with_their_place() {
    fails(
        "\n {% cache \"a\" %}{% endcache %}",
        "a.html:2:2: a fragment has a life time",
    );
    fails(
        "{% cache \"a\", for=\"1\" %}{% endcache %}",
        "a.html:1:19: no life time",
    );
    fails("{% endcache %}", "a.html:1:1: an {% endcache %} without");
    fails(
        "x{% cache nme, for=\"1m\" %}{% endcache %}",
        "a.html:1:11: `nme` is not defined",
    );
    fails(
        "{% cache long, for=\"1m\" %}{% endcache %}",
        "a key of more than 512 bytes",
    );
    fails(
        "{% cache 1, for=\"1m\" %}{% if 1 %}{% endcache %}{% endif %}",
        "a.html:1:",
    );
    fails(
        "a\n{% cache 1, for=\"1m\" %}b\n{{ nothing }}{% endcache %}",
        "a.html:3:4: `nothing` is not",
    );
}

#[test]
fn a_page_asks_the_site_for_urls() {
    let page = "{{ url_for(path=\"/x/[slug]\", slug=5, page=2) }} {{ asset(path=\"style.css\") }}";
    let (_site, templates, _) = pages(&[("/a.html", page)]);
    assert_eq!(
        render(&templates, "a.html", json!({})),
        "/x/5?2 /style.css?v=1&amp;w=2"
    );
    fails(
        "{{ url_for(path=\"/no\") }}",
        "a.html:1:4: `url_for`: no page has the path `/no`",
    );
    fails(
        "{{ url_for(slug=1) }}",
        "`url_for` needs the path of a page",
    );
    fails(
        "{{ asset(path=\"no.css\") }}",
        "`asset`: no file `no.css` in static/",
    );
    let message = {
        let (site, templates, _) = pages(&[("/a.html", "{{ asset(path=p) }}")]);
        let wrong = templates.render("/", "a.html", &map(json!({"p": "secret"})));
        site.message(&wrong.unwrap_err())
    };
    assert!(!message.contains("secret"), "{message}");
}

#[test]
fn fragments_of_modules_are_forgotten_apart() {
    let (_site, templates, around) =
        pages(&[("/a.html", "{% cache 1, for=\"1h\" %}{{ v }}{% endcache %}")]);
    render(&templates, "a.html", json!({"v": 1}));
    let key = FragmentKey::of_module("m", "1");
    let harmonious_templating::Begun::Make(lease) = around.fragments.begin(&key) else {
        panic!("a fragment of a template was found");
    };
    lease.finish("m", std::time::Duration::from_secs(60));
    around.fragments.forget_modules();
    assert_eq!(render(&templates, "a.html", json!({"v": 2})), "1");
    assert_eq!(around.fragments.stats().kept, 1);
}

#[test]
fn what_a_page_asks_of_its_module_is_known() {
    let (_site, templates, _) = pages(&[
        (
            "/a.html",
            "{% extends \"_l.html\" %}{% block b %}{{ module.side }}{% endblock %}",
        ),
        (
            "/_l.html",
            "{{ module.title }}{% block b %}{% endblock %}{% include \"_m.tpl\" %}",
        ),
        ("/_m.tpl", "{module.menu}{IF module.side}{!IF}"),
    ]);
    let wants = templates.compiled("/", "a.html").unwrap().wants().clone();
    assert_eq!(*wants.exports, ["menu", "side", "title"].map(Box::from));
}

#[test]
fn markup_of_the_server_goes_into_the_page_as_it_is() {
    let (_site, templates, _) = pages(&[(
        "/a.html",
        "{{ csrf_field }}{{ other }}{% if user %}{% endif %}",
    )]);
    assert_eq!(
        *templates.compiled("/", "a.html").unwrap().wants().told,
        ["csrf_field", "user"]
    );
    let context = map(json!({"csrf_field": "<i>", "other": "<i>", "user": null}));
    let markup = [("csrf_field", "<input>".to_owned())];
    let page = templates
        .compiled("/", "a.html")
        .unwrap()
        .render(&context, &markup);
    assert_eq!(page.unwrap(), "<input>&lt;i&gt;");
    let page = templates.render("/", "a.html", &context).unwrap();
    assert_eq!(page, "&lt;i&gt;&lt;i&gt;");
}

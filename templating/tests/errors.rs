//! Errors say where and what, name what was meant, and never show a value of the context.

mod common;

use common::{Site, map};
use harmonious_templating::{RENDER_BYTES_MAX, TemplateError};
use serde_json::{Value, json};

fn check(text: &str, context: Value, expected: &str) {
    let site = Site::new(&[("/a/page.html", text)]);
    let wrong = site.fails("/a/", "page.html", context);
    assert_eq!(site.message(&wrong), expected, "{text}");
}

#[test]
fn an_undefined_variable_is_told_with_its_place_and_the_nearest_name() {
    check(
        "<h1>\n\tüber {{ titel }}\n</h1>",
        json!({"title": "x", "user": "y"}),
        "/a/page.html:2:10: `titel` is not defined: did you mean `title`?\n  |\n\
         2 | \tüber {{ titel }}\n  | \t        ^",
    );
}

#[test]
fn a_name_that_resembles_nothing_is_told_without_a_guess() {
    check(
        "{{ password }}",
        json!({"title": "x"}),
        "/a/page.html:1:4: `password` is not defined\n  |\n1 | {{ password }}\n  |    ^",
    );
}

#[test]
fn an_undefined_field_is_told_with_its_owner() {
    check(
        "{{ user.nmae }}",
        json!({"user": {"name": "x", "age": 1}}),
        "/a/page.html:1:9: `user.nmae` is not defined: did you mean `user.name`?\n  |\n\
         1 | {{ user.nmae }}\n  |         ^",
    );
}

#[test]
fn an_undefined_owner_is_told_itself() {
    let site = Site::new(&[("/page.html", "{{ usr.name }}")]);
    let wrong = site.fails("/", "page.html", json!({"user": {"name": "x"}}));
    let TemplateError::Undefined {
        name,
        nearest,
        place,
        ..
    } = wrong
    else {
        panic!("{wrong}")
    };
    assert_eq!((name.as_str(), nearest.as_deref()), ("usr", Some("user")));
    assert_eq!(
        (place.line, place.column, place.file),
        (1, 4, site.path("/page.html"))
    );
}

#[test]
fn an_undefined_variable_is_found_wherever_it_is_used() {
    let uses = [
        ("{% for x in itmes %}{% endfor %}", "itmes"),
        ("{{ itmes | upper }}", "itmes"),
        ("{{ user.nmae | upper }}", "user.nmae"),
        ("{{ itmes[0] }}", "itmes"),
        ("{{ itmes.first.name }}", "itmes"),
        ("{{ items.frist.name }}", "items.frist"),
        ("{% set x = itmes %}{{ x }}", "x"),
        ("{{ items[0].name }}", "name"),
    ];
    for (text, expected) in uses {
        let site = Site::new(&[("/page.html", text)]);
        let wrong = site.fails(
            "/",
            "page.html",
            json!({"items": [{"nam": 1}], "user": {"name": 1}}),
        );
        let TemplateError::Undefined { name, .. } = &wrong else {
            panic!("{text}: {wrong}")
        };
        assert!(name.ends_with(expected), "{text}: {wrong}");
    }
}

#[test]
fn what_a_filter_was_not_given_is_guessed_too() {
    check(
        "{{ user.nmae | upper }}",
        json!({"user": {"name": "x"}}),
        "/a/page.html:1:4: `user.nmae` is not defined: did you mean `user.name`?\n  |\n\
         1 | {{ user.nmae | upper }}\n  |    ^",
    );
}

#[test]
fn a_condition_may_ask_for_what_is_not_there() {
    let site = Site::new(&[("/page.html", "{% if nothing %}a{% else %}b{% endif %}")]);
    assert_eq!(site.render("/", "page.html", json!({})), "b");
}

#[test]
fn the_way_to_an_error_in_an_include_is_told() {
    let site = Site::new(&[
        ("/page.html", "\n{% include \"_list.html\" %}"),
        (
            "/_list.html",
            "{% for row in rows %}\n  {% include \"_row.html\" %}{% endfor %}",
        ),
        ("/_row.html", "{{ row.nam }}"),
    ]);
    let wrong = site.fails("/", "page.html", json!({"rows": [{"name": "x"}]}));
    assert_eq!(
        site.message(&wrong),
        "/_row.html:1:8: `row.nam` is not defined: did you mean `row.name`?\n  |\n\
         1 | {{ row.nam }}\n  |        ^\n\
         called from /_list.html:2:14\ncalled from /page.html:2:12"
    );
}

#[test]
fn an_error_in_a_parent_or_a_component_points_there() {
    let site = Site::new(&[
        ("/_layout.html", "x\n{{ titel }}{% block a %}{% endblock %}"),
        ("/page.html", "{% extends \"_layout.html\" %}"),
        (
            "/_ui.html",
            "\n\n{% component B(text) %}{{ txt }}{% endcomponent %}",
        ),
        ("/b.html", "{{ <B text=\"x\" /> }}"),
    ]);
    let wrong = site.fails("/", "page.html", json!({}));
    assert!(
        site.message(&wrong)
            .starts_with("/_layout.html:2:4: `titel`"),
        "{wrong}"
    );
    let wrong = site.fails("/", "b.html", json!({}));
    let message = site.message(&wrong);
    assert!(message.starts_with("/_ui.html:3:27: `txt` is not defined: did you mean `text`?"));
    assert!(message.ends_with("called from /b.html:1:4"), "{message}");
}

#[test]
fn a_syntax_error_is_told_with_its_line() {
    check(
        "one\n{% if x %}\n{{ a + }}\n{% endif %}",
        json!({}),
        "/a/page.html:3:8: found `}}` but expected one of: integer, float, string, bool, ident, \
         `-`, `not`, `<`, `{`, `[` or `(`\n  |\n3 | {{ a + }}\n  |        ^",
    );
}

#[test]
fn unknown_filters_tests_and_functions_are_all_told_at_once() {
    let site = Site::new(&[(
        "/page.html",
        "{{ a | nosuch }}\n{% if a is strange %}{% endif %}\n{{ f(x=1) }}",
    )]);
    let problems = site.problems();
    assert_eq!(problems.len(), 3, "{problems:#?}");
    for (problem, start) in problems.iter().zip([
        "/page.html:1:8: unknown filter `nosuch`",
        "/page.html:2:12: unknown test `strange`",
        "/page.html:3:4: unknown function `f`",
    ]) {
        assert!(problem.starts_with(start), "{problem}");
    }
}

#[test]
fn no_value_of_the_context_is_in_a_message() {
    let texts = [
        "{{ secret | int }}",
        "{{ secret | float }}",
        "{{ number | int(base=2) }}",
        "{{ float | int }}",
        "{{ 'x' | truncate(length=number) }}",
        "{{ 'x' | truncate(length=0 - number) }}",
        "{{ throw(message=secret) }}",
        "{{ throw(message='no: ' ~ secret) }}",
        "{{ map.other }}",
        "{{ map[secret].x }}",
        "{{ secret + 1 }}",
        "{{ secret.x }}",
        "{{ [secret, 1] | sort }}",
        "{{ list | sort(attribute=secret) }}",
        "{{ range(end=number * 1000) }}",
        "{{ number | round(method=secret) }}",
        "{{ secret | nth(n=1) }}",
        "{{ secret in 1 }}",
        "{{ 1 / (number - number) }}",
        "{% for a in secret | get(key=secret) %}{% endfor %}",
        "{{ secret ~ other }}{{ other }}",
        "{% for k, v in secret %}{% endfor %}",
        "{{ {secret: 1} }}",
        "{{ secret | replace(from=1, to=secret) }}",
        "{{ list | first | int }}",
        "{{ list | join(sep=number) }}",
        "{{ secret | date }}",
        "{{ secret | bytes }}",
        "{{ secret | ago }}",
        "{{ quoted | int }}",
        "{{ quoted | float }}",
        "{{ quoted is odd }}",
        "{{ quoted is containing(pat=1) }}",
        "{{ quoted | date }}",
        "{{ quoted + 1 }}",
    ];
    let context = json!({
        "secret": "hunter2", "quoted": "a` hunter2 `b", "number": 918_273, "float": 918_273.5,
        "map": {"hunter2": {"y": 1}}, "list": ["hunter2", 918_273],
    });
    for text in texts {
        let site = Site::new(&[("/page.html", text)]);
        if let Err(wrong) = site
            .templates()
            .render("/", "page.html", &map(context.clone()))
        {
            let message = format!("{wrong} {wrong:?}");
            assert!(!message.contains("hunter2"), "{text}: {message}");
            assert!(!message.contains("918"), "{text}: {message}");
        }
    }
}

#[test]
fn what_the_author_throws_is_shown() {
    let site = Site::new(&[("/page.html", "{{ throw(message='no such page') }}")]);
    let wrong = site.fails("/", "page.html", json!({}));
    assert!(
        site.message(&wrong)
            .starts_with("/page.html:1:4: no such page\n"),
        "{wrong}"
    );
}

#[test]
fn a_page_that_grows_without_end_is_stopped() {
    let line = "x".repeat(1000);
    let loops = "{% for a in range(end=1000) %}{% for b in range(end=1000) %}";
    let text = format!("{loops}{line}{{% endfor %}}{{% endfor %}}");
    let site = Site::new(&[("/page.html", &text)]);
    let mut written = Counter(0);
    let wrong = site
        .templates()
        .render_to("/", "page.html", &map(json!({})), &mut written)
        .unwrap_err();
    assert!(matches!(wrong, TemplateError::TooLarge { .. }), "{wrong}");
    assert!(
        site.message(&wrong).contains("larger than 64 MiB"),
        "{wrong}"
    );
    assert_eq!(written.0, RENDER_BYTES_MAX - RENDER_BYTES_MAX % 1000);
}

#[test]
fn what_was_written_before_an_error_stays() {
    let site = Site::new(&[("/page.html", "before {{ nope }} behind")]);
    let mut written = Vec::new();
    let wrong = site
        .templates()
        .render_to("/", "page.html", &map(json!({})), &mut written)
        .unwrap_err();
    assert_eq!(wrong.place().map(|place| place.line), Some(1), "{wrong}");
    assert_eq!(written, b"before ");
}

#[test]
fn a_writer_that_fails_is_told() {
    let site = Site::new(&[("/page.html", "x")]);
    let mut full: &mut [u8] = &mut [];
    let wrong = site
        .templates()
        .render_to("/", "page.html", &map(json!({})), &mut full)
        .unwrap_err();
    assert!(matches!(wrong, TemplateError::Write { .. }), "{wrong}");
}

#[test]
fn a_very_long_line_is_shown_in_part() {
    let text = format!("{}{{{{ nope }}}}", "x".repeat(100_000));
    let site = Site::new(&[("/page.html", &text)]);
    let wrong = site.fails("/", "page.html", json!({}));
    assert_eq!(wrong.place().unwrap().column, 100_004);
    assert!(
        wrong.to_string().len() < 2_000,
        "{}",
        wrong.to_string().len()
    );
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_index_that_is_not_there_is_told_as_it_is_written() {
    let site = Site::new(&[("/a.html", "{{ items[5] }}"), ("/b.tpl", "{items.5}")]);
    let told = |name| site.message(&site.fails("/", name, json!({"items": [1]})));
    let (tera, classic) = (told("a.html"), told("b.tpl"));
    assert!(
        tera.starts_with("/a.html:1:4: `items[5]` is not defined"),
        "{tera}"
    );
    assert!(
        classic.starts_with("/b.tpl:1:2: `items.5` is not defined"),
        "{classic}"
    );
}

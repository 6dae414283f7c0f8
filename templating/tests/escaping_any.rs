//! Generated templates of both syntaxes: whatever is combined, no value gets into a page of HTML or XML
//! unescaped without the filter `safe`, and every use of that filter is listed.
//!
//! The text of these templates has none of the characters that are escaped, and every value has all of
//! them: what is in the page was let through.

mod common;

use std::cell::Cell;

use common::{Site, map};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

const SPECIAL: [char; 4] = ['<', '>', '"', '\''];

fn context() -> Map<String, Value> {
    let nasty = "<script>\"a' b&c\n";
    map(json!({
        "v": nasty, "w": "'w\">", "n": 3, "yes": true, "no": false, "empty": "", "none": null,
        "list": [nasty, "<b>", nasty], "pairs": {nasty: nasty}, "rows": [{"k": nasty, "l": ["<l>"]}],
        "a": {"b": {"c": nasty}, "list": [nasty, ["<d>"]]},
    }))
}

/// Values, bare and through everything that takes and gives values. The strings hold nothing special.
fn expression() -> impl Strategy<Value = String> {
    let value = prop::sample::select(vec![
        "v",
        "v",
        "w",
        "a.b.c",
        "list[0]",
        "rows[0].k",
        "rows[0]?.k",
        "list",
        "pairs",
        "x",
        "y",
        "missing | default(value=v)",
        "empty | default(value=w, boolean=true)",
        "'text'",
        "`| safe`",
        "n",
        "v[0:9]",
        "v[::-1]",
        "list | first",
        "a.list | last",
        "[v, w]",
        "[x, v]",
        "{'k': v}",
        "[i for i in list]",
        "pairs | keys",
        "pairs | values | first",
        "pairs | pairs",
        "rows | group_by(attribute='k') | keys",
        "rows | get(key='no', default=v)",
        "__tera_context",
        "<Value of={v} />",
        "<Rest a={v} b={list} />",
    ]);
    value
        .prop_map(|value| format!("({value})"))
        .prop_recursive(3, 16, 2, |inner| {
            let text = prop::sample::select(vec![
                "upper",
                "lower",
                "trim",
                "trim_start(pat='&')",
                "title",
                "capitalize",
                "truncate(length=5)",
                "truncate(length=2, end=w)",
                "indent",
                "indent(indentation='b', first=true)",
                "escape",
                "escape_html",
                "escape_xml",
                "newlines_to_br",
                "reverse",
                "split(pat='a')",
                "split(pat=';') | first",
                "slug",
                "replace(from='b', to=w)",
                "replace(from='&', to='')",
                "replace(from='amp;', to='')",
                "replace(from='lt;', to=v)",
            ]);
            let any = prop::sample::select(vec!["str", "json", "json | json", "default(value=v)"]);
            prop_oneof![
                3 => (inner.clone(), text).prop_map(|(e, f)| format!("({e} | str | {f})")),
                2 => (inner.clone(), any).prop_map(|(e, f)| format!("({e} | {f})")),
                2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} ~ {b})")),
                1 => (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| format!("([{a}, {b}] | join(sep={b}))")),
                1 => (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| format!("(x | replace(from='b', to={a}) ~ {b})")),
                1 => (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| format!("({a} if {b} else {b})")),
                1 => inner.prop_map(|e| format!("<Value of={{{e}}} />")),
            ]
        })
}

/// Text of the engine's syntax, with one of `writes` wherever a value is written.
fn engine(writes: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        6 => writes,
        1 => Just("text {V} é ".to_owned()),
        1 => Just("{# {{ v | safe }} #}".to_owned()),
        1 => Just("{% include `_part.html` %}{% include `_part.tpl` %}".to_owned()),
        1 => Just("{% include `_part.txt` %}".to_owned()),
        1 => Just("{% set y = v %}{{- y -}}".to_owned()),
        1 => Just("{% set_global y = w ~ v %}".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 3, |inner| {
        let some = prop::collection::vec(inner, 1..4).prop_map(|some| some.concat());
        let filter = prop::sample::select(vec![
            "upper",
            "trim",
            "title",
            "str",
            "escape",
            "replace(from='t', to=v)",
            "indent",
            "reverse",
            "newlines_to_br",
            "default(value=v)",
        ]);
        prop_oneof![
            some.clone()
                .prop_map(|s| format!("{{% if v %}}{s}{{% else %}}{{{{ v }}}}{{% endif %}}")),
            some.clone()
                .prop_map(|s| format!("{{% for i in list %}}{{{{ i }}}}{s}{{% endfor %}}")),
            some.clone().prop_map(|s| {
                format!("{{% for k, i in pairs %}}{{{{ k ~ i }}}}{s}{{% endfor %}}")
            }),
            some.clone()
                .prop_map(|s| format!("{{% set x %}}{s}{{% endset %}}{{{{ x }}}}")),
            some.clone()
                .prop_map(|s| format!("{{% set x | trim %}}{s}{{% endset %}}{{{{ x ~ v }}}}")),
            some.clone()
                .prop_map(|s| format!("{{%- <Box> -%}}{s}{{%- </Box> -%}}")),
            (some, filter).prop_map(|(s, f)| format!("{{% filter {f} %}}{s}{{% endfilter %}}")),
        ]
    })
}

/// Pages, layouts, parts and components: the page fills a block of the layout, and writes what is above.
fn site(name: &str, layout: &str, page: &str, part: &str) -> Site {
    let before = "{% set x %}{{ v }} b{% endset %}{% set y = v %}";
    let layout =
        format!("{before}{{% block a %}}{layout}{{% endblock %}}{{% block b %}}{{% endblock %}}");
    let child = format!(
        "{{% extends `_layout.html` %}}{{% block a %}}{before}{{{{ super() }}}}{page}{{% endblock %}}\
         {{% block b %}}{before}{page}{{% endblock %}}"
    );
    Site::new(&[
        (&format!("/{name}"), &child),
        ("/_layout.html", &layout),
        (
            "/_part.html",
            "{{ v }}{% set x %}{{ w }}{% endset %}{{ x }}",
        ),
        ("/_part.tpl", part),
        ("/_part.txt", "{{ v }}{{ list }}"),
        (
            "/_ui.html",
            "{% component Value(of) %}{{ of }}{% endcomponent %}\
             {% component Rest(...rest) %}{{ rest }}{% endcomponent %}\
             {% component Box() %}{{ body }}{{ body ~ 1 }}{% endcomponent %}",
        ),
    ])
}

/// A page in the classic syntax.
fn classic() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "{v}",
        "{a.b.c}",
        "{list}",
        "{pairs}",
        "{list.0}{v.0}",
        "{rows.0.k}",
        "{IMPORT _value.tpl}",
        "{IMPORT _value.html}",
        "{list.current}",
        "{rows.current.k}",
        "{a.list.current}",
        "text ${v} {v | safe} {{ v | safe }} {{v}} {%",
        "\\{v}{v}",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 3, |inner| {
            let some = prop::collection::vec(inner, 1..4).prop_map(|some| some.concat());
            let condition = prop::sample::select(vec![
                "v",
                "NOT missing",
                "v == \"<script>\"",
                "n < 5 AND (yes OR no)",
                "w != '' AND NOT v == w",
                "v > \"<\"",
            ]);
            let list = prop::sample::select(vec!["list", "rows", "a.list", "pairs", "v"]);
            prop_oneof![
                (condition, some.clone())
                    .prop_map(|(c, s)| format!("{{IF {c}}}{s}{{ELSE}}{{v}}{s}{{!IF}}")),
                (list, some).prop_map(|(l, s)| {
                    format!("{{LOOP {l}}}{{{l}.index}}{{{l}.current}}{s}{{!LOOP}}")
                }),
            ]
        })
}

/// Runs so many cases, of which one in so many must give a page: else nothing would be looked at.
fn check<S: Strategy>(cases: u32, pages_min: u32, strategy: S, is_page: impl Fn(S::Value) -> bool)
where
    S::Value: std::fmt::Debug,
{
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    };
    let pages = Cell::new(0);
    let result = TestRunner::new(config).run(&strategy, |value| {
        pages.set(pages.get() + u32::from(is_page(value)));
        Ok(())
    });
    result.unwrap_or_else(|wrong| panic!("{wrong}"));
    assert!(pages.get() >= pages_min, "only {} pages", pages.get());
}

fn let_through(page: &str) -> bool {
    page.contains(SPECIAL)
}

#[test]
fn no_value_gets_through_the_engine_unescaped() {
    let text = || engine(expression().prop_map(|e| format!("{{{{ {e} }}}}")).boxed());
    let kinds = prop::sample::select(vec!["page.html", "page.xml", "page.svg"]);
    check(300, 50, (kinds, text(), text()), |(name, layout, page)| {
        let site = site(name, &layout, &page, "{v}{IF v}{w}{!IF}");
        let templates = site.templates();
        assert_eq!(templates.unsafe_uses(), [], "{page}");
        let made = templates.render("/", name, &context());
        if let Ok(made) = &made {
            assert!(!let_through(made), "{layout}\n{page}\ngives\n{made}");
        }
        made.is_ok()
    });
}

#[test]
fn no_value_gets_through_the_classic_syntax_unescaped() {
    check(300, 80, classic(), |page| {
        let site = Site::new(&[
            ("/page.tpl", &page),
            ("/_value.tpl", "{v}{LOOP list}{list.current}{!LOOP}"),
            (
                "/_value.html",
                "{{ v }}{% for k, i in pairs %}{{ k ~ i }}{% endfor %}",
            ),
        ]);
        let templates = site.templates();
        assert_eq!(templates.unsafe_uses(), [], "{page}");
        let made = templates.render("/", "page.tpl", &context());
        if let Ok(made) = &made {
            assert!(!let_through(made), "{page}\ngives\n{made}");
        }
        made.is_ok()
    });
}

/// Uses of the filter, each one use, as people write it; and what only looks like one.
fn uses() -> impl Strategy<Value = (String, usize)> {
    let one = prop::sample::select(vec![
        "{{ v|safe }}",
        "{{ v | safe }}",
        "{{-v|safe-}}",
        "{{ v |\n\n\tsafe\n}}",
        "{{ v | safe() }}",
        "{{ v | upper | safe }}",
        "{{ [v | safe, w] | join }}",
        "{{ w ~ (v | safe) }}",
        "{{ missing | default(value=v | safe) }}",
        "{{ v | safe if yes else w }}",
        "{{ [i | safe for i in list] | join }}",
        "{{ <Value of={v | safe} /> }}",
        "{% filter safe %}{{ v }}{% endfilter %}",
        "{%-filter safe-%}{{ v }}{%-endfilter-%}",
        "{% filter\n  safe()\n%}{{ v }}{% endfilter %}",
        "{% set x = v | safe %}{{ x }}",
        "{% set x | safe %}{{ v }}{% endset %}{{ x }}",
        "{% set_global x = v | safe %}{{ x }}",
        "{% for i in [v | safe] %}{{ i }}{% endfor %}",
        "{% if v | safe %}{{ v }}{% endif %}",
        "{% <Box> %}{{ v | safe }}{% </Box> %}",
        "{{ '\\\\' ~ v | safe }}",
        "{{ \"it's\" | length }}{{ v | safe }}",
        "{% raw %}{{ '{% endraw %}{{ v | safe }}",
        "{{ {'a': [v | safe]} | json }}",
    ]);
    let none = prop::sample::select(vec![
        "{{ safe | default(value=v) }}",
        "{{ '| safe' }}",
        "{{ \"\\\" | safe\" }}",
        "{{ `{{ v | safe }}` }}",
        "{# {{ v | safe }} #}",
        "{#- {% filter safe %} -#}",
        "{% raw %}{{ v | safe }}{% filter safe %}{% endraw %}",
        "{%- raw -%}{{ v | safe }}{%- endraw -%}",
        "{ { v | safe } }",
        "{v | safe} é | safe",
        "{{ pairs.safe | default(value=1) }}",
        "{{ {'safe': 1}.safe }}",
        "{{ v }}",
    ]);
    let piece = prop_oneof![
        1 => one.prop_map(|text| (text, 1)),
        2 => none.prop_map(|text| (text, 0)),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| {
        let text: String = pieces.iter().map(|(text, _)| *text).collect();
        (text, pieces.iter().map(|(_, uses)| uses).sum())
    })
}

#[test]
fn every_use_of_safe_is_listed_and_nothing_else() {
    check(
        300,
        80,
        (uses(), uses()),
        |((layout, above), (page, below))| {
            // The page's text is there twice.
            let site = site("page.html", &layout, &page, "{v | safe}{{ v | safe }}{v}");
            let templates = site.templates();
            let listed = templates.unsafe_uses();
            assert_eq!(listed.len(), above + 2 * below, "{layout}\n{page}");
            templates.render("/", "page.html", &context()).is_ok()
        },
    );
}

#[test]
fn uses_of_safe_are_listed_with_their_lines() {
    let site = Site::new(&[
        ("/_a.html", "\n{{ v | safe }}"),
        // Its own name is written anew, as the full name of the one above.
        (
            "/deeper/domain/_a.html",
            "{% include '_a.html' %}\n{{ v | safe }}{{ w\n| safe }}",
        ),
        ("/b.tpl", "{v | safe}\n{IF v}{{ v | safe }}{!IF}"),
        ("/c.html", "\u{feff}{{ v | safe }}\r\n\r\n{{ v | safe }}"),
        ("/d.txt", "{{ v | safe }}"),
    ]);
    let uses = site.templates().unsafe_uses();
    let listed: Vec<_> = uses
        .iter()
        .map(|found| (found.file.clone(), found.line))
        .collect();
    assert_eq!(
        listed,
        [
            (site.path("/_a.html"), 2),
            (site.path("/c.html"), 1),
            (site.path("/c.html"), 3),
            (site.path("/d.txt"), 1),
            (site.path("/deeper/domain/_a.html"), 2),
            (site.path("/deeper/domain/_a.html"), 3),
        ]
    );
}

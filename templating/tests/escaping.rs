//! How values are written into each type of file.

mod common;

use common::Site;
use serde_json::{Value, json};

const NASTY: &str = "<b a=\"1\" c='2'>&\\\u{1}\n</b>";

#[test]
fn each_type_of_file_escapes_in_its_own_way() {
    let text = "\"{{ v }}\"";
    let files = ["/a.html", "/a.tpl.html", "/a.xml", "/a.json", "/a.txt"].map(|name| (name, text));
    let site = Site::new(&files);
    let page = |name| site.render("/", name, json!({"v": NASTY}));
    let html = "\"&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;\\\u{1}\n&lt;/b&gt;\"";
    assert_eq!(page("a.html"), html);
    assert_eq!(page("a.tpl.html"), html);
    assert_eq!(page("a.xml"), html.replace('\u{1}', "\u{fffd}"));
    assert_eq!(page("a.txt"), format!("\"{NASTY}\""));
    let read: Value = serde_json::from_str(&page("a.json")).unwrap();
    assert_eq!(read, json!(NASTY));
}

#[test]
fn the_template_that_is_asked_for_says_how_its_parts_are_escaped() {
    let site = Site::new(&[
        ("/_part.txt", "{{ v }}"),
        ("/_part.html", "{{ v }}"),
        ("/_ui.txt", "{% component V(v) %}{{ v }}{% endcomponent %}"),
        ("/a.html", "{% include \"_part.txt\" %}{{ <V v={v} /> }}"),
        ("/a.txt", "{% include \"_part.html\" %}{{ <V v={v} /> }}"),
    ]);
    assert_eq!(site.render("/", "a.html", json!({"v": "<"})), "&lt;&lt;");
    assert_eq!(site.render("/", "a.txt", json!({"v": "<"})), "<<");
}

#[test]
fn the_filter_json_writes_a_whole_value() {
    let value = json!({"a": [1, 2.5, true, null], "b": NASTY, "ü": "</script>"});
    let site = Site::new(&[
        ("/a.json", "{\"v\": {{ v | json }}, \"n\": {{ n }}}"),
        (
            "/a.html",
            "<script>{{ v | json | safe }}</script><a data-v=\"{{ v | json }}\">",
        ),
    ]);
    let read: Value =
        serde_json::from_str(&site.render("/", "a.json", json!({"v": value, "n": 7}))).unwrap();
    assert_eq!(read, json!({"v": value, "n": 7}));
    let page = site.render("/", "a.html", json!({"v": value}));
    let script = page
        .split("</script>")
        .next()
        .unwrap()
        .strip_prefix("<script>")
        .unwrap();
    assert_eq!(serde_json::from_str::<Value>(script).unwrap(), value);
    let attribute = page.split("data-v=\"").nth(1).unwrap();
    assert_eq!(attribute.matches('"').count(), 1, "{attribute}");
}

#[test]
fn only_safe_lets_a_value_through_and_every_use_is_listed() {
    let site = Site::new(&[
        ("/a.html", "{{ v }}\n{{ v | upper }}\n{{ v | safe }}"),
        (
            "/b/b.html",
            "{% filter safe %}\n{{ v }}{% endfilter %}\n\n{% set x = v | safe %}{{ x }}",
        ),
        ("/c.html", "{# {{ v | safe }} #}{{ safe }}"),
    ]);
    assert_eq!(
        site.render("/", "a.html", json!({"v": "<i>"})),
        "&lt;i&gt;\n&lt;I&gt;\n<i>"
    );
    let uses: Vec<_> = (site.templates().unsafe_uses().into_iter())
        .map(|unsafe_use| (unsafe_use.file, unsafe_use.line))
        .collect();
    assert_eq!(
        uses,
        [
            (site.path("/a.html"), 3),
            (site.path("/b/b.html"), 1),
            (site.path("/b/b.html"), 4)
        ]
    );
}

#[test]
fn captured_text_is_escaped_once() {
    let site = Site::new(&[(
        "/a.html",
        "{% set x %}<b>{{ v }}</b>{% endset %}{{ x }}{% set y = v %}{{ y }}{{ v ~ '<' }}",
    )]);
    assert_eq!(
        site.render("/", "a.html", json!({"v": "<"})),
        "<b>&lt;</b>&lt;&lt;&lt;"
    );
}

#[test]
fn unicode_goes_through_names_texts_and_values() {
    let site = Site::new(&[
        (
            "/über/_köpfe.html",
            "«{{ größe.wert | default(value='—') }}»",
        ),
        (
            "/über/index.html",
            "日本 {% include \"_köpfe.html\" %} {{ v }} 🎈",
        ),
    ]);
    // The engine's names are ASCII: a template that uses others is told so, at the right column.
    let wrong = site.fails("/über/", "index.html", json!({"v": "x"}));
    assert!(
        site.message(&wrong).starts_with("/über/_köpfe.html:1:"),
        "{wrong}"
    );

    let site = Site::new(&[
        ("/über/_köpfe.html", "«{{ w }}»"),
        (
            "/über/index.html",
            "\u{feff}日本 {% include \"_köpfe.html\" %} {{ v['größe'] }} 🎈",
        ),
    ]);
    let page = site.render(
        "/über/",
        "index.html",
        json!({"w": "ß<", "v": {"größe": "½"}}),
    );
    assert_eq!(page, "日本 «ß&lt;» ½ 🎈");
}

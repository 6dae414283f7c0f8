//! The filters, as a template uses them.

mod common;

use common::Site;
use serde_json::{Value, json};

fn check(name: &str, text: &str, context: Value, expected: &str) {
    let site = Site::new(&[(&format!("/{name}"), text)]);
    assert_eq!(site.render("/", name, context), expected, "{text}");
}

fn fails(text: &str, context: Value, expected: &str) {
    let site = Site::new(&[("/a.html", text)]);
    let wrong = site.fails("/", "a.html", context);
    let message = site.message(&wrong);
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn dates_are_written_as_the_template_says() {
    let context = json!({"t": 1_699_920_000, "s": "2023-11-14 06:07:08", "f": 1_699_920_000.9});
    check(
        "a.html",
        "{{ t | date }} {{ s | date }} {{ f | date }}",
        context.clone(),
        "2023-11-14 2023-11-14 2023-11-14",
    );
    check(
        "a.html",
        "{{ s | date(format='%d.%m.%Y, %H:%M:%S') }}",
        context,
        "14.11.2023, 06:07:08",
    );
    fails(
        "{{ t | date(format='%Q') }}",
        json!({"t": 0}),
        "/a.html:1:8: `date` cannot read its format",
    );
    fails(
        "{{ t | date }}",
        json!({"t": "tomorrow"}),
        "/a.html:1:8: `date` cannot read this text",
    );
    fails(
        "{{ t | date }}",
        json!({"t": true}),
        "/a.html:1:4: invalid type for the value, expected `a time` but got `bool`",
    );
    fails(
        "{{ u | date }}",
        json!({"t": 0}),
        "/a.html:1:4: `u` is not defined: did you mean `t`?",
    );
    fails(
        "{{ t | date }}",
        json!({"t": 1e12}),
        "/a.html:1:8: `date` was given a time beyond",
    );
}

#[test]
fn ages_are_told() {
    let context = json!({"t": "2023-11-14T00:00:00Z", "now": 1_699_920_300});
    check(
        "a.html",
        "{{ t | ago(now=now) }}, {{ now | ago(now=t) }}",
        context,
        "5 minutes ago, in 5 minutes",
    );
    check(
        "a.html",
        "{{ t | ago }}",
        json!({"t": "0001-01-01"}),
        "2025 years ago"
            .replace("2025", &years().to_string())
            .as_str(),
    );
}

/// Whole years since the year one, as the filter counts them.
fn years() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    (now + 62_135_596_800) / 31_556_952
}

#[test]
fn sizes_counts_and_names_are_written() {
    check(
        "a.html",
        "{{ n | bytes }} {{ n | bytes(decimal=true) }}",
        json!({"n": 1_500_000}),
        "1.4 MiB 1.5 MB",
    );
    check(
        "a.html",
        "{{ s | slug }}",
        json!({"s": "  Größe & <Ærger>: 日本!  "}),
        "grosse-aerger-ri-ben",
    );
    check(
        "a.html",
        "{{ n }} file{{ n | pluralize }} {{ m }} entr{{ m | pluralize(singular='y', plural='ies') }}",
        json!({"n": 1, "m": 2}),
        "1 file 2 entries",
    );
    check(
        "a.html",
        "{{ s | truncate(length=3) }}",
        json!({"s": "<größe"}),
        "&lt;gr…",
    );
}

#[test]
fn markdown_is_markup_in_html_and_text_elsewhere() {
    let context = json!({"t": "*a* <b>"});
    check(
        "a.html",
        "{{ t | markdown }}",
        context.clone(),
        "<p><em>a</em> &lt;b&gt;</p>\n",
    );
    check(
        "a.xml",
        "{{ t | markdown }}",
        context.clone(),
        "&lt;p&gt;&lt;em&gt;a&lt;/em&gt; &amp;lt;b&amp;gt;&lt;/p&gt;\n",
    );
    check(
        "a.json",
        "\"{{ t | markdown }}\"",
        context,
        "\"<p><em>a</em> &lt;b&gt;</p>\\n\"",
    );
}

#[test]
fn markdown_marks_tasks_without_fields() {
    check(
        "a.html",
        "{{ t | markdown }}",
        json!({"t": "- [x] done\n- [ ] open"}),
        "<ul>\n<li>\u{2611} done</li>\n<li>\u{2610} open</li>\n</ul>\n",
    );
}

#[test]
fn markdown_leaves_pictures_out_and_lowers_headings() {
    let context = json!({"t": "# a\n\n![b](/c.png)", "yes": false});
    check(
        "a.html",
        "{{ t | markdown(images=false, headings=2) }}",
        context.clone(),
        "<h2>a</h2>\n<p><a href=\"/c.png\">b</a></p>\n",
    );
    check(
        "a.html",
        "{{ t | markdown(images=yes) }}",
        context.clone(),
        "<h1>a</h1>\n<p><a href=\"/c.png\">b</a></p>\n",
    );
    for (text, told) in [
        (
            "{{ t | markdown(headings=0) }}",
            "/a.html:1:8: `markdown` takes as `headings` the level of the greatest one, 1 to 6",
        ),
        (
            "{{ t | markdown(headings=7) }}",
            "/a.html:1:8: `markdown` takes",
        ),
        (
            "{{ t | markdown(pictures=false) }}",
            "/a.html:1:8: `markdown` has no argument `pictures`: there are images, headings",
        ),
    ] {
        fails(text, context.clone(), told);
    }
}

#[test]
fn markdown_is_no_unsafe_use() {
    let site = Site::new(&[("/a.html", "{{ t | markdown }}{{ t | diff(new='') }}")]);
    assert_eq!(site.templates().unsafe_uses(), []);
}

#[test]
fn a_difference_is_shown_in_both_forms() {
    let context = json!({"a": "one\n<two>\nthree\n", "b": "one\n2\nthree\nfour"});
    check(
        "a.html",
        "{{ a | diff(new=b) }}",
        context.clone(),
        "<pre class=\"diff\"><span class=\"diff-hunk\">@@ -1,3 +1,4 @@</span>\n\
         <span class=\"diff-same\"> one</span>\n<span class=\"diff-del\">-&lt;two&gt;</span>\n\
         <span class=\"diff-add\">+2</span>\n<span class=\"diff-same\"> three</span>\n\
         <span class=\"diff-add\">+four</span>\n</pre>",
    );
    check(
        "a.html",
        "{{ a | diff(new=b, split=true, context=0) }}",
        context.clone(),
        "<table class=\"diff\">\n<tbody>\n<tr><th>2</th><td class=\"diff-del\">&lt;two&gt;</td>\
         <th>2</th><td class=\"diff-add\">2</td></tr>\n</tbody>\n<tbody>\n<tr><th></th>\
         <td class=\"diff-none\"></td><th>4</th><td class=\"diff-add\">four</td></tr>\n</tbody>\n\
         </table>",
    );
    check(
        "a.txt",
        "{{ a | diff(new=b) }}",
        context,
        "@@ -1,3 +1,4 @@\n one\n-<two>\n+2\n three\n+four\n\\ No newline at end of file\n",
    );
}

#[test]
fn an_argument_that_a_filter_does_not_have_is_told() {
    for (text, told) in [
        (
            "{{ a | diff(with=b) }}",
            "`diff` has no argument `with`: there are new, split, context",
        ),
        ("{{ a | diff }}", "missing keyword argument `new`"),
        (
            "{{ a | highlight(lang='c') }}",
            "`highlight` has no argument `lang`",
        ),
        (
            "{{ 1 | bytes(binary=true) }}",
            "`bytes` has no argument `binary`",
        ),
    ] {
        let site = Site::new(&[("/a.html", text)]);
        let wrong = site.fails("/", "a.html", json!({"a": "x", "b": "y"}));
        let message = site.message(&wrong);
        assert!(message.contains(told), "{message}");
    }
}

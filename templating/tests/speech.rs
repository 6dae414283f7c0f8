//! The function `t`: texts of the catalogues in the language of the page.

mod common;

use std::fs;
use std::sync::Arc;

use common::{Site, map};
use harmonious_templating::{Catalogues, KeyPart, Speech, TemplateError, Templates, convert};
use serde_json::{Value, json};

const EN: &str = "hello = \"Hello, {name} & all\"\nthings = { one = \"{n} thing\", other = \"{n} things\" }\n\
                  rich_html = \"<b>{name}</b>\"\n\"quo\" = 'say \"{name}\"'\n";
const FR: &str = "hello = \"Bonjour, {name} & tous\"\nthings = { one = \"{n} chose\", other = \"{n} choses\" }\n\
                  rich_html = \"<i>{name}</i>\"\n\"quo\" = 'dis \"{name}\"'\n";

fn catalogues(english: &str) -> Arc<Catalogues> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("en.toml"), english).unwrap();
    fs::write(dir.path().join("fr.toml"), FR).unwrap();
    Arc::new(Catalogues::read(dir.path(), None).unwrap())
}

fn try_in(
    templates: &Templates,
    name: &str,
    speech: &Speech,
    context: Value,
) -> Result<String, TemplateError> {
    let compiled = templates.compiled("/", name)?;
    compiled.render_spoken(&map(context), &[], speech)
}

#[track_caller]
fn check(name: &str, text: &str, code: &str, context: Value, expected: &str) {
    let site = Site::new(&[(name, text)]);
    let speech = Speech::of(&catalogues(EN), code);
    let page = try_in(&site.templates(), &name[1..], &speech, context);
    assert_eq!(page.unwrap_or_else(|wrong| panic!("{wrong}")), expected);
}

#[test]
fn texts_are_in_the_language_of_the_page() {
    let page = "{{ t(key='hello', name=who) }}|{{ t(key=\"things\", n=count) }}";
    let context = || json!({ "who": "Ann", "count": 0 });
    check(
        "/a.html",
        page,
        "en",
        context(),
        "Hello, Ann &amp; all|0 things",
    );
    check(
        "/a.html",
        page,
        "fr",
        context(),
        "Bonjour, Ann &amp; tous|0 chose",
    );
    let computed = "{{ t(key='th' ~ 'ings', n=1.5) | upper }}";
    check("/a.html", computed, "fr", json!({}), "1.5 CHOSE");
    // In what is included and called, too.
    let page =
        "{% component C(x) %}{{ t(key='hello', name=x) }}{% endcomponent %}{{ <C x='y' /> }}";
    check("/a.html", page, "fr", json!({}), "Bonjour, y &amp; tous");
}

#[test]
fn places_are_escaped_and_html_only_where_the_key_says_so() {
    let name = || json!({ "who": "<\"'&>" });
    let plain = "{{ t(key='hello', name=who) }}";
    check(
        "/a.html",
        plain,
        "en",
        name(),
        "Hello, &lt;&quot;&#39;&amp;&gt; &amp; all",
    );
    let rich = "{{ t(key='rich_html', name=who) }}";
    check(
        "/a.html",
        rich,
        "en",
        name(),
        "<b>&lt;&quot;&#39;&amp;&gt;</b>",
    );
    // What is markup already stays so, but only in a text that is.
    check(
        "/a.html",
        "{{ t(key='rich_html', name=who | safe) }}",
        "en",
        json!({"who": "<i>"}),
        "<b><i></b>",
    );
    check(
        "/a.html",
        "{{ t(key='hello', name=who | safe) }}",
        "en",
        json!({"who": "<i>"}),
        "Hello, &lt;i&gt; &amp; all",
    );
    // Elsewhere it is a text with HTML in it.
    check(
        "/a.xml",
        rich,
        "en",
        json!({"who": "<"}),
        "&lt;b&gt;&amp;lt;&lt;/b&gt;",
    );
    check("/a.txt", plain, "en", name(), "Hello, <\"'&> & all");
    check("/a.txt", rich, "en", json!({"who": "<"}), "<b>&lt;</b>");
    check(
        "/a.json",
        "\"{{ t(key='quo', name=who) }}\"",
        "fr",
        json!({"who": "\\"}),
        "\"dis \\\"\\\\\\\"\"",
    );
}

#[track_caller]
fn fails(text: &str, context: Value, parts: &[&str]) {
    let site = Site::new(&[("/a.html", text)]);
    let speech = Speech::of(&catalogues(EN), "en");
    let wrong = try_in(&site.templates(), "a.html", &speech, context).unwrap_err();
    let wrong = wrong.to_string();
    assert!(parts.iter().all(|part| wrong.contains(part)), "{wrong}");
    assert!(!wrong.contains("secret"), "{wrong}");
}

#[test]
fn what_cannot_be_said_is_told_with_its_place_and_without_values() {
    fails(
        "\n{{ t(key='helo') }}",
        json!({}),
        &[
            "a.html:2:",
            "no catalogue of locales/ has a text for `helo`",
        ],
    );
    fails("{{ t(key=k) }}", json!({"k": "secret"}), &["no catalogue"]);
    fails(
        "{{ t(key='hello') }}",
        json!({}),
        &["the text needs name=.."],
    );
    fails(
        "{{ t(key='hello', name=v) }}",
        json!({"v": ["secret"]}),
        &["the text needs name=.."],
    );
    fails(
        "{{ t(key='things', n=v) }}",
        json!({"v": "secret"}),
        &["n as a number"],
    );
    fails("{{ t(name='x') }}", json!({}), &["key"]);
    fails(
        "{{ t(key='hello', name=none_such) }}",
        json!({}),
        &["none_such"],
    );
    let site = Site::new(&[("/a.html", "{{ t(key='hello') }}")]);
    let wrong = site
        .templates()
        .render("/", "a.html", &map(json!({})))
        .unwrap_err();
    assert!(
        wrong.to_string().contains("there are no catalogues"),
        "{wrong}"
    );
}

#[test]
fn fragments_are_kept_for_each_language_where_it_matters() {
    let cached =
        |inside: &str| format!("{{% cache 'k', for='1h' %}}{inside}{{{{ v }}}}{{% endcache %}}");
    let site = Site::new(&[
        ("/spoken.html", &cached("{{ t(key='hello', name='x') }}")),
        (
            "/asks.html",
            &format!("{}{{{{ request.language }}}}", cached("")),
        ),
        ("/silent.html", &cached("")),
    ]);
    let (templates, catalogues) = (site.templates(), catalogues(EN));
    let (en, fr) = (Speech::of(&catalogues, "en"), Speech::of(&catalogues, "fr"));
    let say = |name: &str, speech: &Speech, v: u32| {
        let context = json!({ "v": v, "request": { "language": speech.code() } });
        try_in(&templates, name, speech, context).unwrap()
    };
    assert_eq!(say("spoken.html", &en, 1), "Hello, x &amp; all1");
    assert_eq!(say("spoken.html", &fr, 2), "Bonjour, x &amp; tous2");
    assert_eq!(say("spoken.html", &en, 3), "Hello, x &amp; all1");
    assert_eq!(say("asks.html", &en, 1), "1en");
    assert_eq!(say("asks.html", &fr, 2), "2fr");
    assert_eq!(say("silent.html", &en, 1), "1");
    assert_eq!(say("silent.html", &fr, 2), "1");
    // Other texts, other fragments: a catalogue that was saved counts at once.
    let saved = self::catalogues(&EN.replace("Hello", "Hi"));
    assert_eq!(
        say("spoken.html", &Speech::of(&saved, "en"), 4),
        "Hi, x &amp; all4"
    );
}

#[test]
fn the_classic_syntax_has_texts_too() {
    let converted = convert(
        "a.tpl".as_ref(),
        "{T cart.things n=COUNT who=user.name k=3}",
    )
    .unwrap();
    assert_eq!(
        converted,
        "{{ t(key=\"cart.things\", n=COUNT, who=user.name, k=3) }}"
    );
    let page = "{T hello name=NAME}{LOOP L}{T things n=L.current}{!LOOP}{T}\\{T x}";
    let context = json!({ "NAME": "<", "L": [1, 2], "T": "t" });
    check(
        "/a.tpl",
        page,
        "fr",
        context,
        "Bonjour, &lt; &amp; tous1 chose2 chosest{T x}",
    );
    for text in [
        "{T a b}",
        "{T a =b}",
        "{T a b=}",
        "{T a b=c.}",
        "{T \"a\"}",
        "{T }",
        "{T a x.y=b}",
    ] {
        let wrong = convert("a.tpl".as_ref(), text).unwrap_err().to_string();
        assert!(wrong.contains("a {T} needs a key"), "{text}: {wrong}");
    }
}

#[test]
fn uses_of_texts_are_listed_with_their_places() {
    let site = Site::new(&[
        ("/a.html", "\n{{ t(key='x.y', name=1) }}"),
        ("/b.tpl", "{T x.z}"),
    ]);
    let mut uses = site.templates().texts();
    uses.sort_by(|a, b| a.key.cmp(&b.key));
    let told: Vec<_> = uses
        .iter()
        .map(|text| (text.key.as_str(), text.place.line, text.part))
        .collect();
    assert_eq!(
        told,
        [("x.y", 2, KeyPart::Whole), ("x.z", 1, KeyPart::Whole)]
    );
    assert_eq!(uses[0].arguments, Some(vec!["name".to_owned()]));
}

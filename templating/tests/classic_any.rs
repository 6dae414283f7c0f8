//! The classic syntax with any input: nothing panics, text stays text, no value escapes escaping.

mod common;

use common::{Site, map};
use harmonious_templating::convert;
use proptest::prelude::*;
use serde_json::json;

const PIECES: [&str; 34] = [
    "{V}",
    "{IF V}",
    "{IF V == \"<\"}",
    "{ELSE}",
    "{!IF}",
    "{LOOP L}",
    "{L.current}",
    "{L.index}",
    "{!LOOP}",
    "{IMPORT p.tpl}",
    "{",
    "}",
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "\\",
    "$",
    "\"",
    "'",
    "<script>",
    "</script>",
    "<style>",
    "</style>",
    " ",
    "\n",
    "ä",
    "raw",
    "-",
    "V",
    "{a.b}",
    "if",
];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(&PIECES[..]).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_value_reaches_the_page_unescaped_and_nothing_panics(text in text()) {
        let site = Site::new(&[("/t.tpl", &text), ("/p.tpl", "{V}{a.b}")]);
        let context = map(json!({"V": "<nasty>", "L": ["<nasty>", 1], "a": {"b": "<nasty>"}}));
        if let Ok(page) = site.templates().render("/", "t.tpl", &context) {
            prop_assert!(!page.contains("<nasty"), "{page}");
        }
    }

    #[test]
    fn text_without_tags_stays_as_it_is(text in "[^A-Za-z\\\\]{0,60}") {
        prop_assert!(convert("t.tpl".as_ref(), &text).is_ok());
        let site = Site::new(&[("/t.tpl", &text)]);
        let page = site.templates().render("/", "t.tpl", &map(json!({}))).unwrap();
        prop_assert_eq!(page, text.strip_prefix('\u{feff}').unwrap_or(&text));
    }

    #[test]
    fn no_template_of_the_engine_panics(text in text()) {
        let site = Site::new(&[("/t.html", &text), ("/p.tpl", "x")]);
        let _ = site.templates().check();
        let _ = site.templates().unsafe_uses();
    }
}

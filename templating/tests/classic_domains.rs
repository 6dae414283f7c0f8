//! Pages in the classic syntax among others: what they import along the domains, and how long and how
//! deep they may be.

mod common;

use common::{Site, map};
use harmonious_templating::{FILE_BYTES_MAX, NeedKind, TemplateError, convert};
use serde_json::{Value, json};

/// On a thread with as much stack as a worker has.
fn on_a_small_stack<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    std::thread::scope(|scope| thread.spawn_scoped(scope, run).unwrap().join().unwrap())
}

#[track_caller]
fn check(text: &str, context: Value, expected: &str) {
    let site = Site::new(&[("/page.tpl", text)]);
    let page = on_a_small_stack(|| site.render("/", "page.tpl", context));
    // Not `assert_eq`: these are long.
    let same = page
        .bytes()
        .zip(expected.bytes())
        .take_while(|(a, b)| a == b);
    let at = same.count();
    assert!(
        page == expected,
        "at {at}: {:?}",
        page.get(at..)
            .map(|rest| rest.chars().take(100).collect::<String>())
    );
}

#[track_caller]
fn fails(text: &str, expected: &str) {
    let site = Site::new(&[("/page.tpl", text)]);
    let wrong = on_a_small_stack(|| site.fails("/", "page.tpl", json!({"A": {"A": 1}})));
    let message = site.message(&wrong);
    let first = message.lines().next().unwrap();
    assert_eq!(first, format!("/page.tpl:{expected}"));
}

/// Each level overrides another part.
fn three_levels() -> Site {
    Site::new(&[
        (
            "/page.tpl",
            "{IMPORT header.tpl}{IMPORT main.html}{IMPORT /footer.tpl}",
        ),
        ("/header.tpl", "[header{IMPORT mark.html}]"),
        ("/main.html", "[main {% include \"footer.tpl\" %}]"),
        ("/footer.tpl", "[footer]"),
        ("/mark.html", ""),
        ("/a/mark.html", " of {{ V }}"),
        ("/a/main.html", "[a {% include \"main.html\" %}]"),
        ("/a/b/header.tpl", "[b over {IMPORT header.tpl}{V}]"),
        ("/a/b/footer.tpl", "[footer of b]"),
        // Another name, whatever the syntax: it overrides nothing.
        ("/a/header.html", "never"),
        ("/a/main.tpl", "never"),
    ])
}

#[test]
fn an_import_means_the_nearest_file_in_either_syntax() {
    let site = three_levels();
    let page = |domain| site.render(domain, "page.tpl", json!({"V": "<v>"}));
    assert_eq!(page("/"), "[header][main [footer]][footer]");
    assert_eq!(
        page("/a/"),
        "[header of &lt;v&gt;][a [main [footer]]][footer]"
    );
    assert_eq!(
        page("/a/b/"),
        "[b over [header of &lt;v&gt;]&lt;v&gt;][a [main [footer of b]]][footer]"
    );
    assert_eq!(page("/a/b/c/"), page("/a/b/"));
    assert_eq!(site.problems(), Vec::<String>::new());
}

#[test]
fn an_import_is_among_what_a_template_needs() {
    let needs = three_levels()
        .templates()
        .needs("/a/b/", "page.tpl")
        .unwrap();
    let header = needs
        .iter()
        .find(|need| need.by == "/page.tpl" && need.name == "header.tpl");
    let header = header.unwrap();
    assert_eq!(
        (header.kind, header.found.as_str()),
        (NeedKind::Include, "/a/b/header.tpl")
    );
}

#[test]
fn a_part_that_only_a_sub_domain_lacks_is_told_with_all_places() {
    let site = Site::new(&[
        ("/_row.tpl", "{IMPORT _cell.tpl}"),
        ("/_cell.tpl", "cell"),
        ("/a/page.tpl", "\n {IMPORT _cel.tpl}"),
        ("/a/_cell.tpl", "{IF V}"),
    ]);
    let problems = site.problems();
    let starts: Vec<&str> = problems
        .iter()
        .map(|told| told.lines().next().unwrap())
        .collect();
    assert_eq!(
        starts,
        [
            "/a/_cell.tpl:1:1: this {IF} is not closed: add {!IF}",
            "/a/page.tpl:2:10: there is no template \"_cel.tpl\": tried /a/_cel.tpl, /_cel.tpl",
        ]
    );
    // The broken part spoils no page above.
    assert_eq!(site.render("/", "_row.tpl", json!({})), "cell");
}

#[test]
fn imports_are_followed_so_deep_and_no_deeper() {
    let mut site = Site::new(&[("/p20.tpl", "end")]);
    for number in 0..20 {
        let other = if number % 2 == 0 { "tpl" } else { "html" };
        let next = format!("p{}.{other}", number + 1);
        site.write(&format!("/p{number}.tpl"), &format!("{{IMPORT {next}}}"));
        site.write(
            &format!("/p{number}.html"),
            &format!("{{% include \"{next}\" %}}"),
        );
    }
    site.write("/p20.html", "end");
    assert_eq!(site.render("/", "p5.tpl", json!({})), "end");
    let wrong = site.fails("/", "p0.tpl", json!({}));
    assert!(
        site.message(&wrong).contains("more than 16 deep"),
        "{wrong}"
    );
}

#[test]
fn ten_thousand_tags_are_a_page() {
    let context = || json!({"V": "<", "L": [1, 2], "T": true, "a": {"b": "c"}});
    let many =
        |tags: &str, text: &str| check(&tags.repeat(10_000), context(), &text.repeat(10_000));
    many("{V}", "&lt;");
    many("{a.b} {\n", "c {\n");
    many("{IF T AND V == \"<\"}y{ELSE}n{!IF}", "y");
    many("{LOOP L}{L.current}{!LOOP}", "12");
    many("\\{V}{{{%", "{V}{{{%");
    let names: String = (0..10_000).map(|number| format!("{{V{number}}}")).collect();
    let values = (0..10_000).map(|number| (format!("V{number}"), json!(number)));
    let shown: String = (0..10_000).map(|number| number.to_string()).collect();
    check(&names, Value::Object(values.collect()), &shown);
}

#[test]
fn what_is_wrong_after_ten_thousand_tags_is_told_with_its_place() {
    let rows = "{IF A}é{A}{ELSE}{{%{!IF}\n".repeat(5_000);
    fails(
        &format!("{rows} {{IF A == == A}}{{!IF}}"),
        "5001:11: found `==` but expected one of: integer, float, string, bool, ident, `-`, `not`, `<`, `{`, `[` or `(`",
    );
    fails(
        &format!("{rows}\t{{!LOOP}}"),
        "5001:2: a {!LOOP} that closes no {LOOP}",
    );
    fails(
        &format!("é{{LOOP A}}{rows}"),
        "1:2: this {LOOP A} is not closed: add {!LOOP}",
    );
    fails(
        &format!("{rows}é{{A}}{{B}}"),
        "5001:6: `B` is not defined: did you mean `A`?",
    );
}

#[test]
fn a_long_text_is_a_page_and_a_longer_one_an_error() {
    let max = usize::try_from(FILE_BYTES_MAX).unwrap();
    let text = format!("{{V}}{}{{V}}", "{ xé".repeat((max - 6) / 5));
    let shown = text.replace("{V}", "v");
    check(&text, json!({"V": "v"}), &shown);
    let site = Site::new(&[("/page.tpl", &"x".repeat(max + 1))]);
    let wrong = site.fails("/", "page.tpl", json!({}));
    assert!(matches!(wrong, TemplateError::Read { .. }), "{wrong}");
}

#[test]
fn what_nests_too_deep_is_an_error_on_a_small_stack() {
    let ifs = format!("{}x{}", "{IF A}".repeat(32), "{!IF}".repeat(32));
    check(&ifs, json!({"A": 1}), "x");
    let loops = |count: usize| -> String {
        let open: String = (0..count)
            .map(|number| format!("{{LOOP L{number}}}"))
            .collect();
        format!("{open}{}", "{!LOOP}".repeat(count))
    };
    let lists = (0..32).map(|number| (format!("L{number}"), json!([1])));
    check(&loops(32), Value::Object(lists.collect()), "");

    let too_deep = "{IF} and {LOOP} nest more than 32 deep";
    let complex = "the expression is too complex";
    for count in [1_000, 20_000] {
        let ifs = format!("{}{}", "{IF A}\n".repeat(count), "{!IF}".repeat(count));
        fails(&ifs, &format!("33:1: {too_deep}"));
        fails(&loops(count), &format!("1:311: {too_deep}"));
        let elses = "{IF A}{ELSE}\n".repeat(count) + &"{!IF}".repeat(count);
        fails(&elses, &format!("33:1: {too_deep}"));
        let brackets = format!("{{IF {}A{}}}{{!IF}}", "(".repeat(count), ")".repeat(count));
        fails(&brackets, &format!("1:44: {complex}"));
        fails(
            &format!("{{IF A{}}}{{!IF}}", " AND A".repeat(count)),
            &format!("1:1541: {complex}"),
        );
        fails(
            &format!("{{A{}}}", ".A".repeat(count)),
            &format!("1:514: {complex}"),
        );
    }
}

#[test]
fn every_beginning_of_a_page_is_a_page_or_an_error_in_it() {
    let page = "\u{feff}é {IMPORT p.tpl}\r\n{IF A.0 == \"}é\" AND NOT (B < -1.5)}\\{x}<script a='{b}'>{\
                C}</script>{ELSE}${{%{!IF}<!-- {LOOP a.b}{a.b.current.0}{LOOP R}{R.index}{!LOOP}\n{!LOOP} -->";
    let mut pages = 0;
    for end in (0..=page.len()).filter(|&end| page.is_char_boundary(end)) {
        let text = &page[..end];
        match convert("page.tpl".as_ref(), text) {
            Ok(_) => pages += 1,
            Err(wrong) => {
                let place = wrong.place().expect("a place");
                let line = text.split('\n').nth(place.line as usize - 1).unwrap();
                let columns = line.chars().count() as u32;
                assert!((1..=columns).contains(&place.column), "{text:?}: {wrong}");
            }
        }
    }
    let beginnings = page.chars().count() + 1;
    assert!(
        pages > 20 && pages < beginnings - 20,
        "{pages} of {beginnings}"
    );
    assert!(convert("page.tpl".as_ref(), page).is_ok());
}

#[test]
fn an_error_of_the_conversion_names_the_file_that_was_given() {
    let wrong = convert("old/site/page.tpl".as_ref(), "a\n {IF").unwrap();
    assert_eq!(wrong, "a\n {IF");
    let wrong = convert("old/site/page.tpl".as_ref(), "a\n {IF b").unwrap_err();
    let place = wrong.place().unwrap();
    assert_eq!(
        (place.file.as_path(), place.line, place.column),
        ("old/site/page.tpl".as_ref(), 2, 2)
    );
    assert_eq!(place.source_line, " {IF b");
}

#[test]
fn a_page_renders_alike_however_often() {
    let site = Site::new(&[("/page.tpl", "{LOOP L}{L.index}{M}{L}{!LOOP}")]);
    let templates = site.templates();
    let context = map(json!({"L": ["<a>"], "M": {"c": 3, "a": 1, "b": 2, "d": 4}}));
    let page = || templates.render("/", "page.tpl", &context).unwrap();
    let first = page();
    for _ in 0..20 {
        assert_eq!(page(), first);
    }
}

//! The filter `highlight`: names of languages, lines, limits, the cache, and that nothing is lost or
//! added whatever the text holds. What is coloured as what is in `highlight_languages.rs`.

mod common;

use common::{Site, decoded};
use harmonious_templating::{
    HIGHLIGHT_BYTES_MAX, HIGHLIGHT_CACHE_BYTES_MAX, HighlightOptions, highlight, highlight_css,
    highlight_stats, language_of, languages,
};
use proptest::prelude::*;
use serde_json::json;

#[test]
fn a_language_has_many_names() {
    for (name, expected) in [
        ("sh", "sh"),
        ("BASH", "bash"),
        ("py", "python"),
        ("Python3", "python"),
        ("pl", "perl"),
        ("rb", "ruby"),
        ("js", "javascript"),
        ("ps1", "powershell"),
        ("rs", "rust"),
        ("h", "c"),
        ("yml", "yaml"),
        ("some/where/x.tcl", "tcl"),
        (".bashrc", "bash"),
        ("Makefile", "makefile"),
        (" fish ", "fish"),
    ] {
        let found = language_of(name, "").map(|language| language.name());
        assert_eq!(found, Some(expected), "{name}");
    }
    for (text, expected) in [
        ("#!/bin/sh\n", "sh"),
        ("#! /usr/bin/env -S LANG=C python3.12 -u\n", "python"),
        ("#!/usr/bin/perl5.36 -w", "perl"),
        ("#!/usr/bin/awk -f\r\n", "awk"),
        ("#!/usr/bin/tclsh8.6", "tcl"),
        ("#!/bin/sh\n# \\\nexec tclsh \"$0\" \"$@\"\n", "tcl"),
        ("#!/usr/bin/env node", "javascript"),
    ] {
        for name in ["", "auto"] {
            let found = language_of(name, text).map(|language| language.name());
            assert_eq!(found, Some(expected), "{text}");
        }
    }
    for (name, text) in [
        ("klingon", "#!/bin/sh"),
        ("", "x"),
        ("", "#!"),
        ("auto", "#!/usr/bin/env"),
    ] {
        assert_eq!(language_of(name, text), None, "{name} {text}");
    }
    let unknown = highlight("if <x>", "klingon\"><script>", &HighlightOptions::default());
    assert_eq!(
        &*unknown,
        "<pre class=\"highlight\"><code class=\"language-plain\">if &lt;x&gt;</code></pre>"
    );
}

#[test]
fn lines_are_targets_and_no_span_crosses_them() {
    let options = HighlightOptions::with_lines("a-").unwrap();
    assert_eq!(
        &*highlight("x /* b\nc */\n\n\"d\"", "c", &options),
        "<pre class=\"highlight lines\"><code class=\"language-c\">\
         <span class=\"line\" id=\"a-L1\">x <span class=\"hl-c\">/* b</span></span>\n\
         <span class=\"line\" id=\"a-L2\"><span class=\"hl-c\">c */</span></span>\n\
         <span class=\"line\" id=\"a-L3\"></span>\n\
         <span class=\"line\" id=\"a-L4\"><span class=\"hl-s\">&quot;d&quot;</span></span>\
         </code></pre>"
    );
    assert!(highlight("a\n", "c", &options).ends_with("L1\">a</span>\n</code></pre>"));
}

#[test]
fn long_text_has_a_note_and_no_colours() {
    let text = "if x\n".repeat(HIGHLIGHT_BYTES_MAX / 5 + 1);
    let page = highlight(&text, "bash", &HighlightOptions::default());
    let note = "<p class=\"highlight-note\">not highlighted: 513 KiB is more than 512 KiB</p>\
                <pre class=\"highlight\"><code class=\"language-bash\">if x\n";
    assert!(page.starts_with(note), "{}", &page[..200]);
    assert!(!page.contains("<span"));
    let line = "'".repeat(HIGHLIGHT_BYTES_MAX);
    assert!(highlight(&line, "bash", &HighlightOptions::default()).contains("hl-s"));
}

#[test]
fn what_was_highlighted_is_kept() {
    let options = HighlightOptions::default();
    let first = highlight("echo kept", "bash", &options);
    let before = highlight_stats();
    let second = highlight("echo kept", "bash", &options);
    let after = highlight_stats();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    assert!(after.hits > before.hits && after.pages > 0);
    assert!(after.bytes <= HIGHLIGHT_CACHE_BYTES_MAX);
    // Neither the language nor the options are mixed up.
    assert_ne!(first, highlight("echo kept", "fish", &options));
    let lines = HighlightOptions::with_lines("").unwrap();
    assert_ne!(first, highlight("echo kept", "bash", &lines));
}

#[test]
fn equal_requests_from_threads_get_one_page() {
    let text = "echo $(date) # many\n".repeat(2000);
    let ask = || highlight(&text, "bash", &HighlightOptions::default());
    let pages: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(
        pages
            .iter()
            .all(|page| std::sync::Arc::ptr_eq(page, &pages[0]))
    );
}

#[test]
fn the_filter_is_markup_in_html_and_text_elsewhere() {
    let text = "{{ t | highlight(language='sh') }}";
    let context = json!({"t": "echo <a>"});
    for (name, expected) in [
        (
            "a.html",
            "<pre class=\"highlight\"><code class=\"language-sh\"><span class=\"hl-b\">echo</span> \
             &lt;a&gt;</code></pre>",
        ),
        ("a.txt", "echo <a>"),
        ("a.json", "echo <a>"),
        ("a.xml", "echo &lt;a&gt;"),
    ] {
        let site = Site::new(&[(&format!("/{name}"), text)]);
        assert_eq!(site.render("/", name, context.clone()), expected);
        assert_eq!(site.templates().unsafe_uses(), []);
    }
    let site = Site::new(&[("/a.html", "{{ t | highlight(lines=true, id='b-') }}")]);
    let page = site.render("/", "a.html", json!({"t": "#!/bin/fish"}));
    assert!(
        page.contains("language-fish\"><span class=\"line\" id=\"b-L1\">"),
        "{page}"
    );
}

#[test]
fn the_filter_says_what_it_cannot_take() {
    for (text, expected) in [
        (
            "{{ t | highlight(id='\"') }}",
            "/a.html:1:8: `highlight` was given an id",
        ),
        (
            "{{ n | highlight }}",
            "/a.html:1:4: invalid type for the value, expected `string`",
        ),
    ] {
        let site = Site::new(&[("/a.html", text)]);
        let wrong = site.fails("/", "a.html", json!({"t": "x", "n": 1}));
        let message = site.message(&wrong);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn fenced_code_of_markdown_is_highlighted() {
    let site = Site::new(&[("/a.html", "{{ t | markdown }}")]);
    let page = |text: &str| site.render("/", "a.html", json!({"t": text}));
    assert_eq!(
        page("a\n\n```sh\necho <b>\n```\n\nc"),
        "<p>a</p>\n<pre class=\"highlight\"><code class=\"language-sh\"><span class=\"hl-b\">echo\
         </span> &lt;b&gt;\n</code></pre>\n<p>c</p>\n"
    );
    assert_eq!(
        page("```klingon\nif\n```"),
        "<pre><code class=\"language-klingon\">if\n</code></pre>\n"
    );
    assert_eq!(page("```\nif\n```"), "<pre><code>if\n</code></pre>\n");
    assert!(page("> ```py\n> if x").contains("<span class=\"hl-k\">if</span> x"));
}

#[test]
fn colours_have_contrast() {
    let (light, dark) = highlight_css().split_once("@media").unwrap();
    for (css, ground) in [(light, "ffffff"), (dark, "16181d")] {
        assert!(css.contains(&format!("background: #{ground}")));
        let colours: Vec<&str> = css
            .split(" color: #")
            .skip(1)
            .map(|rest| &rest[..6])
            .collect();
        assert!(colours.len() >= 12);
        for colour in colours {
            let (a, b) = (luminance(colour), luminance(ground));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= 4.5, "#{colour} on #{ground}: {ratio:.2}");
        }
    }
}

/// WCAG 2.2, "relative luminance".
fn luminance(colour: &str) -> f64 {
    let part = |at: usize| {
        let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
        let value = f64::from(value) / 255.0;
        match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

/// What a browser would show as the text of the page; every tag must be one of ours.
fn text_of(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        let ours = [
            "/span",
            "/code",
            "/pre",
            "pre class=\"highlight",
            "code class=\"language-",
        ];
        let span = tag.strip_prefix("span class=\"");
        let span =
            span.is_some_and(|class| class.starts_with("hl-") || class.starts_with("line\" id=\""));
        assert!(
            span || ours.iter().any(|known| tag.starts_with(known)),
            "<{tag}>"
        );
        assert!(tag.len() < 50);
        rest = after;
    }
    decoded(&(text + rest))
}

fn kept_whole(text: &str) {
    for language in languages()
        .map(|language| language.name())
        .chain(["unknown", "auto"])
    {
        for options in [
            HighlightOptions::default(),
            HighlightOptions::with_lines("").unwrap(),
        ] {
            let page = highlight(text, language, &options);
            assert_eq!(text_of(&page), text, "{language}");
            let count = |what| page.matches(what).count();
            assert_eq!(count("<span"), count("</span>"), "{language}: {page}");
        }
    }
}

/// Pieces that mean something in some language, which meet each other at random.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\n",
            "\r\n",
            " ",
            "\t",
            "\\",
            "\"",
            "'",
            "`",
            "\"\"\"",
            "'''",
            "#",
            "//",
            "/*",
            "*/",
            "/",
            "<#",
            "#>",
            "<!--",
            "-->",
            "--",
            "--[[",
            "]]",
            "[==[",
            "${",
            "$(",
            "#{",
            "$",
            "@",
            "@\"\n",
            "\n\"@",
            "%w[",
            "q{",
            "s/",
            "s{",
            "qq(",
            "tr/",
            "m!",
            "<<EOF",
            "<<-'EOF'",
            "<<~EOF",
            "<<<EOF",
            "\nEOF\n",
            "EOF",
            "r#\"",
            "\"#",
            "b'",
            "'a",
            "#[",
            "=pod\n",
            "\n=cut",
            "=begin",
            "__END__\n",
            "<?php",
            "?>",
            "<a",
            ">",
            "&amp;",
            "(",
            ")",
            "{",
            "}",
            "[",
            "]",
            "if",
            "in",
            "for",
            "function ",
            "def ",
            "x",
            "é",
            "日",
            "0x1f",
            "1e",
            "-",
            "+",
            ":",
            "=",
            ";",
            "|",
            ",",
            "!",
            "?",
            "\0",
            "#!",
            "\u{2028}",
            "\u{301}",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_added(text in pieces()) {
        kept_whole(&text);
    }

    #[test]
    fn nothing_is_lost_or_added_of_any_text(text in any::<String>()) {
        kept_whole(&text);
    }
}

#[test]
fn cut_scripts_are_kept_whole() {
    let script = "#!/bin/sh\ncat <<'É' \"$(x \"${y}\n` é <<A\nq{é\\é r#\"é 'é' %w[é @\"\né \\";
    for (at, _) in script.char_indices() {
        kept_whole(&script[..at]);
        kept_whole(&script[at..]);
    }
}

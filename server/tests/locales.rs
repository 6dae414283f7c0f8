//! Texts in several languages through the real binary: who gets which, what is kept and cached for whom, what
//! `check` finds, and what a save changes.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::ask::Ask;
use common::sites::{Workshop, folder, run, serve, write};
use common::{Answer, PATIENCE, Server, harmonious};
use rustix::process::Signal;
use tempfile::TempDir;

const EN: &str = "hello = \"Hello, {name}\"\nthings = { one = \"{n} thing\", other = \"{n} things\" }\n\
                  rich_html = \"<b>{name}</b>\"\n\n[language]\nname = \"English\"\n";
const FR: &str = "hello = \"Bonjour, {name}\"\nthings = { one = \"{n} chose\", other = \"{n} choses\" }\n\
                  rich_html = \"<i>{name}</i>\"\n\n[language]\nname = \"Français\"\n";

/// Pages without modules: nothing is compiled.
const SITE: [(&str, &str); 8] = [
    ("site.toml", "name = \"spoken\"\n"),
    ("locales/en.toml", EN),
    ("locales/fr.toml", FR),
    (
        "domains/index.html",
        "{{ t(key=\"hello\", name=\"<x>\") }}|{{ t(key=\"things\", n=0) }}|{{ t(key=\"rich_html\", name=\"<x>\") }}",
    ),
    (
        "domains/languages.html",
        "{{ request.path }} {{ request.language }}:{% for l in request.languages %} {{ l.code }}={{ l.name }}\
         {% if l.current %}!{% endif %}{% endfor %}",
    ),
    (
        "domains/kept.html",
        "{% cache \"k\", for=\"1h\" %}{{ t(key=\"things\", n=1) }} {{ request.query }}{% endcache %}",
    ),
    ("domains/plain.html", "{{ request.path }} is for all"),
    (
        "domains/_404.html",
        "{{ t(key=\"hello\", name=\"nobody\") }}",
    ),
];

const HELLO_EN: &str = "Hello, &lt;x&gt;|0 things|<b>&lt;x&gt;</b>";
const HELLO_FR: &str = "Bonjour, &lt;x&gt;|0 chose|<i>&lt;x&gt;</i>";

fn with(others: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    let kept = SITE
        .iter()
        .filter(|(name, _)| !others.iter().any(|(other, _)| other == name));
    kept.chain(others).copied().collect()
}

fn ask(server: &Server, path: &str, fields: &[(&str, &str)]) -> Answer {
    let ask = Ask::get(path);
    fields
        .iter()
        .fold(ask, |ask, (name, value)| ask.field(name, value))
        .to(server)
}

fn accepting(server: &Server, path: &str, languages: &str) -> String {
    ask(server, path, &[("Accept-Language", languages)]).body
}

/// The names in `Vary`, but for those that compression and error pages add.
fn vary(answer: &Answer) -> Vec<String> {
    let names = answer
        .all("vary")
        .into_iter()
        .flat_map(|field| field.split(','));
    let names = names.map(|name| name.trim().to_ascii_lowercase());
    names
        .filter(|name| !["accept", "accept-encoding"].contains(&name.as_str()))
        .collect()
}

#[test]
fn a_page_is_in_the_language_that_its_visitor_chose_or_accepts() {
    let site = folder(&SITE);
    let server = serve(&[site.path()], &[]);
    assert_eq!(ask(&server, "/", &[]).told(), (200, HELLO_EN));
    for (accepted, page) in [
        ("fr", HELLO_FR),
        ("fr-CA, en;q=0.9", HELLO_FR),
        ("de, fr;q=0.5, en;q=0.4", HELLO_FR),
        ("en, fr;q=0.9", HELLO_EN),
        ("de", HELLO_EN),
        ("fr;q=0", HELLO_EN),
        (";;q=,", HELLO_EN),
    ] {
        assert_eq!(accepting(&server, "/", accepted), page, "{accepted}");
    }
    let french = ("Accept-Language", "fr");
    let chosen = |cookie| ask(&server, "/", &[french, ("Cookie", cookie)]).body;
    assert_eq!(chosen("a=b; lang=en"), HELLO_EN);
    assert_eq!(chosen("lang=de"), HELLO_FR, "there is no German");
    let lost = ask(&server, "/nowhere", &[french]);
    assert_eq!(lost.told(), (404, "Bonjour, nobody"));
}

#[test]
fn templates_are_told_the_languages() {
    let site = folder(&SITE);
    let server = serve(&[site.path()], &[]);
    assert_eq!(
        accepting(&server, "/languages", "fr"),
        "/languages fr: en=English fr=Français!"
    );
    assert_eq!(
        accepting(&server, "/languages", "de"),
        "/languages en: en=English! fr=Français"
    );
    // Without catalogues there is one language, and nothing to choose.
    let page = [(
        "domains/index.html",
        "{{ request.language }}{{ request.languages | length }}",
    )];
    let site = folder(&page);
    let server = serve(&[site.path()], &[]);
    let answer = ask(&server, "/", &[("Accept-Language", "fr")]);
    assert_eq!(
        (answer.told(), vary(&answer)),
        ((200, "en0"), Vec::<String>::new())
    );
}

#[test]
fn caches_are_told_what_an_answer_depends_on() {
    let site = folder(&SITE);
    let server = serve(&[site.path()], &[]);
    let chosen_by = ["accept-language", "cookie"];
    for path in ["/", "/languages", "/nowhere"] {
        assert_eq!(vary(&ask(&server, path, &[])), chosen_by, "{path}");
    }
    // A part that is kept already depends on it no less.
    for _ in 0..2 {
        assert_eq!(vary(&ask(&server, "/kept", &[])), chosen_by);
    }
    assert_eq!(
        vary(&ask(&server, "/plain", &[("Cookie", "lang=fr")])),
        Vec::<String>::new()
    );
    let other = [
        ("site.toml", "[locales]\ndefault = \"fr\"\n"),
        ("locales/fr.toml", FR),
    ];
    let others = SITE.iter().filter(|(name, _)| name.starts_with("domains/"));
    let files: Vec<_> = others.chain(&other).copied().collect();
    let site = folder(&files);
    let server = serve(&[site.path()], &[]);
    let answer = ask(&server, "/", &[("Accept-Language", "en")]);
    assert_eq!(
        (answer.told(), vary(&answer)),
        ((200, HELLO_FR), Vec::<String>::new())
    );
}

#[test]
fn a_part_is_kept_for_each_language() {
    let site = folder(&SITE);
    let server = serve(&[site.path()], &[]);
    assert_eq!(accepting(&server, "/kept?1", "en"), "1 thing 1");
    assert_eq!(accepting(&server, "/kept?2", "fr"), "1 chose 2");
    assert_eq!(accepting(&server, "/kept?3", "en"), "1 thing 1");
    assert_eq!(accepting(&server, "/kept?4", "fr-CA"), "1 chose 2");
}

const MODULE: &str = "//! A page in the visitor's language.\nuse harmonious::prelude::*;\n\n#[get]\n\
    fn show(req: &Request) -> Result<Response> {\n    \
        let text = match req.query(\"key\") {\n        \
            Some(key) => req.t(&key, context! {}),\n        \
            None => req.t(\"things\", context! { n => 2 }),\n    };\n    \
        let answer = Response::text(format!(\"{} {text}\", req.language()));\n    \
        Ok(answer.with_header(\"vary\", \"Cookie, X-Mine\"))\n}\n";

#[test]
fn modules_say_texts_too() {
    let files = [
        ("site.toml", "name = \"spoken\"\n"),
        ("domains/index.rs", MODULE),
    ];
    let shop = Workshop::of(&files);
    shop.write("locales/en.toml", EN);
    shop.write("locales/fr.toml", FR);
    shop.build();
    let mut server = shop.start("serve", &[]);
    assert_eq!(accepting(&server, "/", "en"), "en 2 things");
    let answer = ask(&server, "/", &[("Accept-Language", "fr")]);
    assert_eq!(answer.told(), (200, "fr 2 choses"));
    assert_eq!(vary(&answer), ["cookie", "x-mine", "accept-language"]);
    // What cannot be said is no error for the visitor, and one in the log.
    assert_eq!(accepting(&server, "/?key=no.such", "fr"), "fr no.such");
    server.line(|line| {
        line.contains("ERROR") && line.contains("the text `no.such` is in no catalogue")
    });
    assert_eq!(
        accepting(&server, "/?key=hello", "fr"),
        "fr Bonjour, {name}"
    );
    server.line(|line| line.contains("ERROR") && line.contains("the text `hello` needs name"));
}

/// `check` finds this in a site: its exit code, and lines that begin so and have this in them.
#[track_caller]
fn check(files: &[(&str, &str)], code: i32, expected: &[(&str, &str)]) {
    let dir = folder(files);
    let path = dir.path().to_str().unwrap();
    let output = run(&["check", path]);
    let text = String::from_utf8(output.stdout).unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}{error}");
    for (place, part) in expected {
        let found = text
            .lines()
            .any(|line| line.starts_with(place) && line.contains(part));
        assert!(found, "no line {place:?} with {part:?} in\n{text}{error}");
    }
    let told = expected.len() + 1;
    assert_eq!(text.lines().count(), told, "{text}");
    if code != 0 {
        let output = run(&["serve", path, "--listen", "127.0.0.1:0"]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{error}");
        let (place, part) = expected[0];
        let place = place.trim_start_matches("error: ");
        assert!(error.contains(place) && error.contains(part), "{error}");
    }
}

#[test]
fn a_site_whose_catalogues_agree_has_no_mistake() {
    check(&SITE, 0, &[]);
}

#[test]
fn texts_that_are_missing_are_errors() {
    let page = "\n{{ t(key=\"helo\", name=1) }}";
    let told = (
        "error: domains/a.html:2",
        "the text `helo` is in no catalogue: neither of locales/en.toml, locales/fr.toml: did you mean hello?",
    );
    check(&with(&[("domains/a.html", page)]), 1, &[told]);
    // In one language only: told where it is used, or else where it is.
    let more = "title = \"T\"\nunused = \"U\"\n";
    let english = Box::leak(format!("{more}{EN}").into_boxed_str());
    let files = [
        ("locales/en.toml", &*english),
        ("domains/a.html", "\n\n{{ t(key=\"title\") }}"),
    ];
    check(
        &with(&files),
        1,
        &[
            (
                "error: domains/a.html:3",
                "the text `title` is missing in locales/fr.toml",
            ),
            (
                "error: locales/fr.toml: ",
                "no text for `unused`, which en.toml:2 has",
            ),
            (
                "warning: locales/en.toml:2: ",
                "no template and no source of domains/, site names the text `unused`",
            ),
        ],
    );
    let module = "//! A page.\nuse harmonious::prelude::*;\n#[get]\nfn f(req: &Request) -> Result<Response> {\n    \
                  Ok(Response::text(req.t(\"gone\", context! {})))\n}\n";
    let files = with(&[("domains/m.rs", module)]);
    let dir = folder(&files);
    let output = run(&["check", dir.path().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("error: domains/m.rs:5: the text `gone` is in no catalogue"),
        "{text}"
    );
    let page = [("domains/a.html", "{{ t(key=\"a\") }}")];
    check(
        &page,
        1,
        &[(
            "error: domains/a.html:1",
            "there is no folder locales/: write it into locales/en.toml",
        )],
    );
}

#[test]
fn catalogues_that_disagree_are_errors() {
    let places = "hello = \"Bonjour, {nom}\"\nthings = { one = \"{n}\", other = \"{n}\" }\nrich_html = \"\"\n";
    let french = Box::leak(format!("{places}[language]\nname = \"Français\"\n").into_boxed_str());
    check(
        &with(&[("locales/fr.toml", french)]),
        1,
        &[
            (
                "error: domains/_404.html:1",
                "the text `hello` takes {nom}, which it is not given here",
            ),
            (
                "error: domains/index.html:1",
                "the text `hello` takes {nom}, which it is not given here",
            ),
            (
                "error: locales/fr.toml:1: ",
                "`hello` takes {nom}, and {name} at en.toml:1",
            ),
            (
                "error: locales/fr.toml:3: ",
                "`rich_html` takes no places, and {name} at en.toml:3",
            ),
        ],
    );
    let forms = "things = { one = \"x\", few = \"x\", other = \"x\" }\n";
    let told = (
        "error: locales/fr.toml:1: ",
        "and `few` is no plural form of this language",
    );
    check(&with(&[("locales/fr.toml", forms)]), 1, &[told]);
    let told = ("error: locales/fr.toml:2: ", "this is no TOML");
    check(
        &with(&[("locales/fr.toml", "a = \"b\"\nhello\n")]),
        1,
        &[told],
    );
    let told = (
        "error: locales: ",
        "there is no de.toml, and `de` is the default",
    );
    check(
        &with(&[("site.toml", "[locales]\ndefault = \"de\"\n")]),
        1,
        &[told],
    );
    let page = (
        "domains/a.html",
        "{{ t(key=\"things\") }}{{ t(key=\"rich_html\", name=1, nam=2) }}",
    );
    check(
        &with(&[page]),
        1,
        &[
            (
                "error: domains/a.html:1",
                "the text `things` takes {n}, which it is not given here: write t(key=\"things\", n=..)",
            ),
            (
                "warning: domains/a.html:1",
                "the text `rich_html` has no place {nam}",
            ),
        ],
    );
}

#[test]
fn texts_that_nobody_names_are_warnings() {
    let texts = "a = \"A\"\nb = \"B\"\n[wrong]\nname = \"N\"\n[made]\nup = \"U\"\n";
    let put_together = "{{ t(key=\"wrong.\" ~ \"name\") }}{{ t(key=\"a\" if true else \"b\") }}";
    let toml = "[locales]\ndynamic = [\"made.\", \"none.\"]\n";
    let source = "//! Shared.\n\n/// A key.\npub const KEY: &str = \"made.up\";\n";
    let page = ("domains/index.html", put_together);
    let english = ("locales/en.toml", texts);
    check(
        &[page, english, ("site.toml", toml)],
        0,
        &[(
            "warning: site.toml: ",
            "no text has a key that begins with `none.`",
        )],
    );
    check(&[page, english, ("site/lib.rs", source)], 0, &[]);
    let told = (
        "warning: locales/en.toml:6: ",
        "names the text `made.up`: remove it in every language",
    );
    check(&[page, english], 0, &[told]);
    let page = ("domains/index.html", "{{ t(key=\"wrnog.\" ~ \"name\") }}");
    let told = (
        "error: domains/index.html:1",
        "no text of locales/ has a key that begins with `wrnog.`",
    );
    check(&[page, ("locales/en.toml", "")], 1, &[told]);
}

/// Asks until it is answered so: what was saved a moment ago, the system has to tell first.
#[track_caller]
fn becomes(server: &Server, path: &str, status: u16, part: &str) -> Answer {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = ask(server, path, &[("Accept-Language", "fr")]);
        if answer.status == status && answer.body.contains(part) {
            return answer;
        }
        let wanted = format!("{path} should be {status} with {part:?}");
        assert!(Instant::now() < until, "{wanted}, and is {answer:#?}");
        std::thread::sleep(Duration::from_millis(2)); // between two looks at a condition
    }
}

fn dev(dir: &Path) -> Server {
    let ports = ["--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
    Server::of(
        harmonious(&[&["dev", dir.to_str().unwrap()], &ports[..]].concat()),
        true,
    )
}

#[test]
fn what_is_saved_in_a_catalogue_is_there_at_the_next_request() {
    let site: TempDir = folder(&SITE);
    let server = dev(site.path());
    becomes(&server, "/", 200, "Bonjour");
    becomes(&server, "/kept?1", 200, "1 chose 1");
    let save = |text: &str| write(site.path(), "locales/fr.toml", text);
    save(&FR.replace("Bonjour", "Salut").replace("chose\"", "truc\""));
    becomes(&server, "/", 200, "Salut, &lt;x&gt;");
    // Nor does what was kept before show the old text.
    becomes(&server, "/kept?2", 200, "1 truc 2");
    // What is broken is shown on the pages that need it, and only there.
    save(&FR.replace("Bonjour", "{Bonjour"));
    let page = becomes(&server, "/", 500, "fr.toml:1");
    assert!(page.body.contains("is no place"), "{}", page.body);
    becomes(&server, "/plain", 200, "/plain is for all");
    // What is missing, the default language has, until it is there.
    save(&FR.replace("hello", "hallo"));
    becomes(&server, "/", 200, "Hello");
    save(FR);
    becomes(&server, "/", 200, "Bonjour");
    // A language more.
    write(
        site.path(),
        "locales/de.toml",
        &FR.replace("Français", "Deutsch"),
    );
    becomes(&server, "/languages", 200, "de=Deutsch en=English");
}

#[test]
fn a_hang_up_has_the_catalogues_read_again() {
    let site = folder(&SITE);
    let mut server = serve(&[site.path()], &[]);
    assert_eq!(accepting(&server, "/", "fr"), HELLO_FR);
    write(
        site.path(),
        "locales/fr.toml",
        &FR.replace("Bonjour", "Salut"),
    );
    assert_eq!(
        accepting(&server, "/", "fr"),
        HELLO_FR,
        "nobody told the server"
    );
    server.signal(Signal::HUP);
    server.line(|line| line.contains("read again"));
    assert_eq!(
        accepting(&server, "/", "fr"),
        HELLO_FR.replace("Bonjour", "Salut")
    );
    write(
        site.path(),
        "locales/fr.toml",
        &FR.replace("hello", "hallo"),
    );
    server.signal(Signal::HUP);
    server.line(|line| {
        line.contains("stays as it was") && line.contains("the text `hello` is missing")
    });
    assert_eq!(
        accepting(&server, "/", "fr"),
        HELLO_FR.replace("Bonjour", "Salut")
    );
}

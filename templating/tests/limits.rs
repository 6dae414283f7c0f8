//! What is too long or too deep for the engine is an error with its place, on the stack of a worker.

mod common;

use common::Site;
use harmonious_templating::TemplateError;
use serde_json::json;

/// Renders on a thread with as much stack as a worker has: the page, or the first line of the message.
fn render(text: &str) -> Result<String, String> {
    let site = Site::new(&[("/page.html", text)]);
    let templates = site.templates();
    let context = common::map(json!({"V": "v"}));
    let render = || templates.render("/", "page.html", &context);
    let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
    let page = std::thread::scope(|scope| {
        let running = thread.spawn_scoped(scope, render).unwrap();
        running.join().unwrap()
    });
    page.map_err(|wrong| {
        assert!(matches!(wrong, TemplateError::Syntax { .. }), "{wrong}");
        site.message(&wrong).lines().next().unwrap().to_owned()
    })
}

#[test]
fn a_long_chain_of_elifs_is_refused_before_the_engine_recurses() {
    let chain = |count: usize| {
        let elifs = "\n{% elif V == 'v' %}e".repeat(count);
        format!("{{% if not V %}}i{elifs}{{% endif %}}")
    };
    assert_eq!(render(&chain(128)).as_deref(), Ok("e\n"));
    // With the deepest that the engine itself allows within.
    let deepest = format!(
        "{}{{{{ {}V{} }}}}{}",
        "{% if V %}".repeat(38),
        "(".repeat(38),
        ")".repeat(38),
        "{% endif %}".repeat(38)
    );
    let elifs = "{% elif V %}".repeat(128);
    let page = format!("{{% if not V %}}{elifs}{deepest}{{% endif %}}");
    assert_eq!(render(&page).as_deref(), Ok(""));
    for count in [129, 20_000] {
        assert_eq!(
            render(&chain(count)).unwrap_err(),
            "/page.html:130:4: more than 128 `elif` in the open `if`s: use a loop or a map"
        );
    }
}

#[test]
fn what_is_repeated_or_nested_without_end_is_an_error() {
    let nested = |open: &str, close: &str| {
        format!("{{{{ {}V{} }}}}", open.repeat(3_000), close.repeat(3_000))
    };
    let chain = |link: &str| format!("{{{{ V{} }}}}", link.repeat(3_000));
    let tags = |open: &str, close: &str| open.repeat(3_000) + &close.repeat(3_000);
    let box_ = "{% component C(a=1) %}{% endcomponent %}";
    for (text, told) in [
        (chain(" + 1"), "too complex"),
        (chain(" ~ V"), "too complex"),
        (chain(" and V"), "too complex"),
        (chain(" in V"), "too complex"),
        (chain(" ** 1"), "too complex"),
        (chain(".a"), "too complex"),
        (chain("?.a"), "too complex"),
        (chain("[0]"), "too complex"),
        (chain("[0:1]"), "too complex"),
        (chain(" | upper"), "too complex"),
        (chain(" is defined"), "too complex"),
        (chain(" if V else V"), "too complex"),
        (nested("(", ")"), "too complex"),
        (nested("-(", ")"), "too complex"),
        (nested("not (", ")"), "too complex"),
        (nested("V if V else ", ""), "too complex"),
        (nested("{'a': ", "} "), "too complex"),
        (nested("[x for x in ", "]"), "too complex"),
        (nested("range(end=", ")"), "too complex"),
        (nested("V | default(value=", ")"), "too complex"),
        (box_.to_owned() + &nested("<C a={", "}/>"), "too complex"),
        (nested("[", "]"), "dimensions"),
        (nested("V[", "]"), "nested brackets"),
        (tags("{% if V %}", "{% endif %}"), "too deep"),
        (tags("{% if V %}{% else %}", "{% endif %}"), "too deep"),
        (
            tags("{% for x in V %}{% else %}", "{% endfor %}"),
            "too deep",
        ),
        (tags("{% set x %}", "{% endset %}"), "too deep"),
        (tags("{% filter upper %}", "{% endfilter %}"), "too deep"),
        (
            box_.to_owned() + &tags("{% <C> %}", "{% </C> %}"),
            "too deep",
        ),
    ] {
        let wrong = render(&text).expect_err(told);
        assert!(wrong.starts_with("/page.html:1:"), "{wrong}");
        assert!(wrong.contains(told), "{}: {wrong}", &text[..60]);
    }
}

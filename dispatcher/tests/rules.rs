//! The rules of resolution, R0 to R6, as tables: a request, and what it leads to.
//!
//! Why it is long: each rule is a table, and one looks for a rule in one place.

mod tree;

use harmonious_dispatcher::manifest::{
    Canonical, ErrorPage, Found, HostError, Hosts, Manifest, canonical,
};
use tree::{ERROR, GUARD, PAGE, check, site};

/// The site of the notes, with a few more names.
fn sample() -> Manifest {
    site(&[
        ("_parent.rs", GUARD),
        ("_auth.rs", GUARD),
        ("_404.html", ""),
        ("_4xx.html", ""),
        ("_error.html", ""),
        ("_layout.html", ""),
        ("index.rs", PAGE),
        ("index.html", ""),
        ("about.rs", PAGE),
        ("contact.html", ""),
        ("robots.txt", ""),
        ("a.rs", PAGE),
        ("café.rs", PAGE),
        ("blog/_parent.rs", GUARD),
        ("blog/index.rs", PAGE),
        ("blog/archive.rs", "#[get] fn a() {} #[post] fn b() {}"),
        ("blog/[slug].rs", PAGE),
        ("blog/raw.txt.rs", PAGE),
        ("blog/[...rest].rs", PAGE),
        ("users/[id=u64]/index.rs", PAGE),
        ("users/[id=u64]/posts/[post].rs", PAGE),
        ("users/[name]/index.rs", PAGE),
        ("users/[name]/raw.rs", PAGE),
        ("users/me/index.rs", PAGE),
        ("admin/_parent.rs", GUARD),
        ("admin/tools/log.rs", PAGE),
        ("domain.toml", "allow_dot = [\".well-known\"]"),
        (".well-known/security.txt", ""),
        (".well-known/x.rs", PAGE),
        (".git/config.rs", PAGE),
    ])
}

#[test]
fn vectors_of_the_notes_lead_where_they_say() {
    let long = format!("/{}", "a".repeat(8 * 1024));
    let fits = format!("/{}", "a".repeat(8 * 1024 - 1));
    let many = "/a".repeat(65);
    let most = "/b".repeat(64);
    check(
        &sample(),
        &[
            ("/%2e%2e/", "400"),
            ("/..%2f", "400"),
            ("/.%2e/", "400"),
            ("/%252e%252e/", "404 | _parent"),
            ("/%c0%ae/", "400"),
            ("/a%00", "400"),
            ("/a%5cb", "400"),
            ("//evil.com", "308 /evil.com"),
            ("/a", "200 a | _parent a"),
            ("/A", "404 | _parent"),
            ("/caf\u{e9}", "200 café | _parent café"),
            ("/cafe\u{301}", "200 café | _parent café"),
            ("/caf%C3%A9", "200 café | _parent café"),
            ("/cafe%CC%81", "200 café | _parent café"),
            ("/blog", "308 /blog/"),
            ("/blog/", "200 blog/index | _parent blog/_parent blog/index"),
            ("/about/", "308 /about"),
            ("/about", "200 about | _parent about"),
            ("/_auth", "404 | _parent"),
            ("/_auth.rs", "404 | _parent"),
            ("/_layout.html", "404 | _parent"),
            ("/.git/config", "404 | _parent"),
            (
                "/.well-known/x",
                "200 .well-known/x | _parent .well-known/x",
            ),
            (
                "/.well-known/security.txt",
                "200 domains/.well-known/security.txt | _parent",
            ),
            (&many, "414"),
            (&most, "404 | _parent"),
            ("/blog/index", "404 | _parent blog/_parent"),
            ("/index", "404 | _parent"),
            ("/index.rs", "404 | _parent"),
            ("/index.html", "404 | _parent"),
            ("HEAD /about", "200 about | _parent about"),
            ("OPTIONS /about", "200 about | _parent about"),
            ("PUT /about", "405 GET, HEAD, OPTIONS | _parent about"),
            ("BREW /about", "501 | _parent about"),
            (&long, "414"),
            (&fits, "404 | _parent"),
        ],
    );
}

#[test]
fn paths_are_decoded_once_and_refused_where_they_are_ambiguous() {
    check(
        &sample(),
        &[
            ("", "400"),
            ("a", "400"),
            ("*", "400"),
            ("/.", "400"),
            ("/..", "400"),
            ("/a/../b", "400"),
            ("/%2e", "400"),
            ("/%2E%2e/x", "400"),
            ("/a%2fb", "400"),
            ("/a%2Fb", "400"),
            ("/a\\b", "400"),
            ("/a%", "400"),
            ("/a%2", "400"),
            ("/a%zz", "400"),
            ("/a%+1", "400"),
            ("/%ff", "400"),
            ("/%ed%a0%80", "400"),
            ("/a%0a", "400"),
            ("/a%7f", "400"),
            ("/a\u{85}", "400"),
            ("/a%252fb", "404 | _parent"),
            ("/a;b=c", "404 | _parent"),
            ("/%61", "200 a | _parent a"),
            ("/%61bout/", "308 /about"),
            ("/...", "404 | _parent"),
        ],
    );
}

#[test]
fn empty_segments_are_collapsed_to_a_path_with_one_slash_in_front() {
    check(
        &sample(),
        &[
            ("//", "308 /"),
            ("///", "308 /"),
            ("/blog//", "308 /blog/"),
            ("/blog//archive", "308 /blog/archive"),
            ("//blog///archive//", "308 /blog/archive/"),
            ("///evil.com/%2e%2e", "400"),
            ("GET //a b/%22\u{e9}", "308 /a%20b/%22%C3%A9"),
            ("//cafe%CC%81", "308 /caf%C3%A9"),
            ("//a%3Fb%23c", "308 /a%3Fb%23c"),
            ("//a:b@c", "308 /a:b@c"),
        ],
    );
}

#[test]
fn literal_comes_before_typed_before_plain() {
    check(
        &sample(),
        &[
            ("/users/me/", "200 users/me/index | _parent users/me/index"),
            (
                "/users/42/",
                "200 users/[id=u64]/index | _parent users/[id=u64]/index id=42",
            ),
            (
                "/users/ann/",
                "200 users/[name]/index | _parent users/[name]/index name=ann",
            ),
            ("/users/42", "308 /users/42/"),
            ("/users/ann", "308 /users/ann/"),
            (
                "/users/18446744073709551616/",
                "200 users/[name]/index | _parent users/[name]/index name=18446744073709551616",
            ),
            (
                "/users/+1/",
                "200 users/[name]/index | _parent users/[name]/index name=+1",
            ),
            (
                "/users/7/posts/p%20q",
                "200 users/[id=u64]/posts/[post] | _parent users/[id=u64]/posts/[post] id=7 post=p q",
            ),
            (
                "/blog/archive",
                "200 blog/archive | _parent blog/_parent blog/archive",
            ),
            (
                "/blog/hello",
                "200 blog/[slug] | _parent blog/_parent blog/[slug] slug=hello",
            ),
            (
                "/blog/raw.txt",
                "200 blog/raw.txt | _parent blog/_parent blog/raw.txt",
            ),
            ("/blog/hello/", "308 /blog/hello"),
        ],
    );
}

#[test]
fn a_domain_once_entered_is_never_left() {
    check(
        &sample(),
        &[
            // `[name]/raw` would take them, but `me` and `[id=u64]` come first.
            ("/users/me/raw", "404 | _parent"),
            ("/users/42/raw", "404 | _parent id=42"),
            (
                "/users/ann/raw",
                "200 users/[name]/raw | _parent users/[name]/raw name=ann",
            ),
            // Neither is one that has no index.
            ("/users/", "404 | _parent"),
        ],
    );
}

#[test]
fn typed_segments_take_what_their_type_says() {
    let kinds = site(&[
        ("i/[x=i64].rs", PAGE),
        ("u/[x=uuid].rs", PAGE),
        ("s/[x=slug].rs", PAGE),
        ("h/[x=hex].rs", PAGE),
    ]);
    let uuid = "/u/123e4567-e89b-12d3-a456-426614174000";
    check(
        &kinds,
        &[
            ("/i/-5", "200 i/[x=i64] | i/[x=i64] x=-5"),
            ("/i/--5", "404 | "),
            ("/i/-", "404 | "),
            ("/i/9223372036854775808", "404 | "),
            (
                uuid,
                "200 u/[x=uuid] | u/[x=uuid] x=123e4567-e89b-12d3-a456-426614174000",
            ),
            ("/u/123e4567e89b12d3a456426614174000", "404 | "),
            ("/s/a-b-9", "200 s/[x=slug] | s/[x=slug] x=a-b-9"),
            ("/s/A", "404 | "),
            ("/h/00fF", "200 h/[x=hex] | h/[x=hex] x=00fF"),
            ("/h/0g", "404 | "),
        ],
    );
}

#[test]
fn the_more_specific_of_page_and_domain_wins_with_and_without_a_slash() {
    let mixed = site(&[
        ("about.rs", PAGE),
        ("blog/index.rs", PAGE),
        ("bare/inner.rs", PAGE),
        ("[page].rs", PAGE),
        ("[n=u64]/index.rs", PAGE),
    ]);
    check(
        &mixed,
        &[
            ("/about/", "308 /about"),
            ("/blog", "308 /blog/"),
            ("/bare", "200 [page] | [page] page=bare"),
            ("/bare/", "308 /bare"),
            ("/7", "308 /7/"),
            ("/7/", "200 [n=u64]/index | [n=u64]/index n=7"),
            ("/x", "200 [page] | [page] page=x"),
            ("/x/", "308 /x"),
        ],
    );
    let folder = site(&[("about.rs", PAGE), ("[x]/index.rs", PAGE)]);
    check(
        &folder,
        &[
            ("/about/", "308 /about"),
            ("/about", "200 about | about"),
            ("/x", "308 /x/"),
        ],
    );
}

#[test]
fn hidden_names_and_index_are_taken_by_nothing() {
    let greedy = site(&[
        ("[x].rs", PAGE),
        ("[x]/inner.rs", PAGE),
        ("[...rest].rs", PAGE),
    ]);
    let nothing = [
        "/_x",
        "/.x",
        "/index",
        "/%5fx",
        "/%2ex",
        "/a/b/_c",
        "/a/b/.c",
        "/_x/inner",
    ];
    for path in nothing {
        assert!(
            tree::answer(&greedy, "GET", path).starts_with("404"),
            "{path}"
        );
    }
    check(
        &greedy,
        &[
            ("/a", "200 [x] | [x] x=a"),
            ("/a/inner", "200 [x]/inner | [x]/inner x=a"),
            ("/a/b/c", "200 rest from 0 of [...rest] | [...rest] x=a"),
        ],
    );
}

#[test]
fn a_rest_takes_one_segment_or_more_and_declines_upward() {
    let rests = site(&[
        ("_parent.rs", GUARD),
        ("[...rest].rs", PAGE),
        ("shop/_parent.rs", GUARD),
        (
            "shop/[...rest].rs",
            "module! { inherits = \"fancy\" } #[get] fn show() {}",
        ),
        ("shop/_fancy.rs", ""),
        ("shop/cart/_parent.rs", GUARD),
        ("shop/cart/pay.rs", PAGE),
        ("shop/leaf.rs", PAGE),
    ]);
    check(
        &rests,
        &[
            // None in /: a rest has a segment.
            ("/", "404 | _parent"),
            ("/x", "200 rest from 0 of [...rest] | _parent [...rest]"),
            ("/x/y/", "200 rest from 0 of [...rest] | _parent [...rest]"),
            // /shop/ has no index, and its own rest nothing to take.
            (
                "/shop/",
                "200 rest from 0 of [...rest] | _parent shop/_parent [...rest]",
            ),
            (
                "/shop",
                "200 rest from 0 of [...rest] | _parent shop/_parent [...rest]",
            ),
            (
                "/shop/x",
                "200 rest from 1 of shop/[...rest] [...rest] | _parent shop/_parent shop/_fancy shop/[...rest]",
            ),
            // The chain is that of the deepest domain, and the parents of the rest are looked up from
            // where it lives.
            (
                "/shop/cart/x",
                "200 rest from 1 of shop/[...rest] [...rest] | _parent shop/_parent shop/cart/_parent shop/_fancy shop/[...rest]",
            ),
            (
                "/shop/leaf/x",
                "200 rest from 1 of shop/[...rest] [...rest] | _parent shop/_parent shop/_fancy shop/[...rest]",
            ),
            // A page without the method does not fall through.
            (
                "POST /shop/leaf",
                "405 GET, HEAD, OPTIONS | _parent shop/_parent shop/leaf",
            ),
        ],
    );
}

#[test]
fn every_other_outcome_has_the_chain_of_the_deepest_domain() {
    check(
        &sample(),
        &[
            ("/admin/nothing", "404 | _parent admin/_parent"),
            ("/admin/tools/nothing/deep", "404 | _parent admin/_parent"),
            ("/admin", "404 | _parent admin/_parent"),
            ("/admin/", "404 | _parent admin/_parent"),
            ("/admin/tools", "404 | _parent admin/_parent"),
            (
                "BREW /admin/tools/log",
                "501 | _parent admin/_parent admin/tools/log",
            ),
            ("BREW /nothing", "501 | _parent"),
            (
                "DELETE /admin/tools/log",
                "405 GET, HEAD, OPTIONS | _parent admin/_parent admin/tools/log",
            ),
            (
                "PUT /blog/archive",
                "405 GET, HEAD, POST, OPTIONS | _parent blog/_parent blog/archive",
            ),
        ],
    );
}

#[test]
fn templates_alone_are_pages() {
    let pages = site(&[
        ("_parent.rs", GUARD),
        ("index.html", ""),
        ("about.tpl", ""),
        ("feed.xml", ""),
        ("feed.xml.rs", PAGE),
        ("data.json", ""),
        ("news/index.tpl", ""),
        ("[slug].html", ""),
        ("_part.html", ""),
        ("_parts/head.html", ""),
        ("_parts/hidden.rs", "not even Rust \""),
    ]);
    check(
        &pages,
        &[
            ("/", "200 domains/index.html | _parent"),
            ("/about", "200 domains/about.tpl | _parent"),
            (
                "/about.tpl",
                "200 domains/[slug].html | _parent slug=about.tpl",
            ),
            ("/feed.xml", "200 feed.xml | _parent feed.xml"),
            ("/data.json", "200 domains/data.json | _parent"),
            ("/news", "308 /news/"),
            ("/news/", "200 domains/news/index.tpl | _parent"),
            ("/x", "200 domains/[slug].html | _parent slug=x"),
            ("/_part", "404 | _parent"),
            ("/_parts/head", "404 | _parent"),
            ("POST /about", "405 GET, HEAD, OPTIONS | _parent"),
        ],
    );
    let feed = pages.module_by_key("feed.xml").expect("a module");
    let template = pages.module(feed).template.expect("its template");
    assert_eq!(pages.template_at(template).name, "feed.xml");
    assert_eq!(pages.template_at(template).url, None);
}

#[test]
fn templates_are_looked_up_in_their_own_domain_then_above() {
    let layers = site(&[
        ("_layout.html", ""),
        ("_parts/head.html", ""),
        ("a/_layout.html", ""),
        ("a/b/page.rs", PAGE),
        ("c/page.rs", PAGE),
    ]);
    let find = |key: &str, name: &str| {
        let module = layers.module_by_key(key).expect("a module");
        let found = layers.find_template(layers.module(module).domain, name);
        found.map(|id| layers.template_at(id).path.display().to_string())
    };
    assert_eq!(
        find("a/b/page", "_layout.html").as_deref(),
        Some("domains/a/_layout.html")
    );
    assert_eq!(
        find("c/page", "_layout.html").as_deref(),
        Some("domains/_layout.html")
    );
    assert_eq!(
        find("c/page", "_parts/head.html").as_deref(),
        Some("domains/_parts/head.html")
    );
    assert_eq!(find("c/page", "../_layout.html"), None);
}

#[test]
fn modules_are_found_by_path_and_by_key() {
    let sample = sample();
    for (path, key) in [
        ("/", "index"),
        ("/about", "about"),
        ("/blog/", "blog/index"),
        ("/users/[id=u64]/", "users/[id=u64]/index"),
        ("/blog/[slug]", "blog/[slug]"),
    ] {
        let found = sample.module_by_path(path);
        assert_eq!(found, sample.module_by_key(key), "{path}");
        let found = found.expect(path);
        assert_eq!(sample.module(found).pattern.as_deref(), Some(path));
    }
    assert_eq!(sample.module_by_path("/_auth"), None);
    assert_eq!(sample.module_by_path("/blog"), None);
}

#[test]
fn named_parents_are_looked_up_upward_and_stand_at_the_outermost_place() {
    let inheriting = site(&[
        ("_parent.rs", GUARD),
        ("_auth.rs", GUARD),
        ("_layout.rs", "module! { inherits = \"base\" }"),
        ("_base.rs", ""),
        ("a/_parent.rs", "module! { inherits = \"layout\" }"),
        ("a/_auth.rs", "module! { inherits = \"auth\" }"),
        (
            "a/b/one.rs",
            "module! { inherits = \"auth\" } #[get] fn f() {}",
        ),
        (
            "a/b/two.rs",
            "module! { inherits = [\"auth\", \"layout\", \"base\"] } #[get] fn f() {}",
        ),
        ("top.rs", "module! { inherits = \"auth\" } #[get] fn f() {}"),
    ]);
    check(
        &inheriting,
        &[
            ("/top", "200 top | _parent _auth top"),
            // The `auth` of a/_auth is the next one up.
            (
                "/a/b/one",
                "200 a/b/one | _parent _base _layout a/_parent _auth a/_auth a/b/one",
            ),
            (
                "/a/b/two",
                "200 a/b/two | _parent _base _layout a/_parent _auth a/_auth a/b/two",
            ),
        ],
    );
}

#[test]
fn inheriting_from_none_drops_all_but_the_guards() {
    let cut = site(&[
        ("_parent.rs", "#[guard] fn g() {} #[post] fn p() {}"),
        ("_bare.rs", "module! { inherits = \"none\" }"),
        (
            "page.rs",
            "module! { inherits = \"none\" } #[get] fn f() {}",
        ),
        (
            "bare.rs",
            "module! { inherits = \"bare\" } #[get] fn f() {}",
        ),
        ("a/_parent.rs", "module! { inherits = \"none\" }"),
        ("a/page.rs", PAGE),
        (
            "a/bare.rs",
            "module! { inherits = \"bare\" } #[get] fn f() {}",
        ),
        (
            "a/[...rest].rs",
            "module! { inherits = \"none\" } #[get] fn f() {}",
        ),
        ("a/deep/_parent.rs", "#[before] fn b() {}"),
    ]);
    check(
        &cut,
        &[
            ("/page", "200 page | (_parent) page"),
            ("POST /page", "405 GET, HEAD, OPTIONS | (_parent) page"),
            ("/bare", "200 bare | (_parent) _bare bare"),
            ("/a/page", "200 a/page | (_parent) a/_parent a/page"),
            ("/a/bare", "200 a/bare | (_parent) a/_parent _bare a/bare"),
            (
                "/a/deep/x",
                "200 rest from 1 of a/[...rest] | (_parent) (a/_parent) (a/deep/_parent) a/[...rest]",
            ),
        ],
    );
}

#[test]
fn a_missing_method_is_taken_from_the_nearest_parent() {
    let methods = site(&[
        ("_parent.rs", "#[delete] fn remove() {}"),
        ("_form.rs", "#[post] fn send() {} #[delete] fn other() {}"),
        (
            "only.rs",
            "module! { inherits = \"form\" } #[export] fn title() {}",
        ),
        ("page.rs", "#[handle(GET, PUT)] fn both() {}"),
        (
            "own.rs",
            "#[head] fn h() {} #[options] fn o() {} #[get] fn g() {}",
        ),
    ]);
    let handler = |key: &str, bit: u32| {
        let id = methods.module_by_key(key).expect("a module");
        let chain = methods.chain(methods.module(id).domain, Some(id));
        let found = methods.handler(&chain, bit);
        found.map(|id| methods.module(id).key.clone())
    };
    use harmonious_abi::method::{DELETE, GET, HEAD, OPTIONS, POST};
    assert_eq!(handler("only", POST).as_deref(), Some("_form"));
    assert_eq!(handler("only", DELETE).as_deref(), Some("_form"));
    assert_eq!(handler("only", GET), None);
    assert_eq!(handler("page", HEAD).as_deref(), Some("page"));
    assert_eq!(handler("page", DELETE).as_deref(), Some("_parent"));
    assert_eq!(handler("page", OPTIONS), None);
    assert_eq!(handler("own", OPTIONS).as_deref(), Some("own"));
    check(
        &methods,
        &[
            (
                "GET /only",
                "405 POST, DELETE, OPTIONS | _parent _form only",
            ),
            (
                "HEAD /only",
                "405 POST, DELETE, OPTIONS | _parent _form only",
            ),
            ("HEAD /page", "200 page | _parent page"),
            (
                "PATCH /page",
                "405 GET, HEAD, PUT, DELETE, OPTIONS | _parent page",
            ),
        ],
    );
}

#[test]
fn error_pages_come_from_the_deepest_domain_upward_and_the_most_specific_first() {
    let errors = site(&[
        ("_404.html", ""),
        ("_error.rs", ERROR),
        ("_error.html", ""),
        ("a/_4xx.tpl", ""),
        ("a/_error.html", ""),
        ("a/b/_404.rs", ERROR),
        ("a/b/_5xx.html", ""),
        ("a/b/page.rs", PAGE),
        ("a/_404.txt", ""),
    ]);
    let pages = |path: &str, status: u16| {
        let Canonical::Path(path) = canonical(path) else {
            panic!("{path} is canonical");
        };
        let domain = errors.resolve(&path).domain;
        let pages = errors.error_pages(domain, status).map(|(domain, page)| {
            let file = match page {
                ErrorPage::Module(id) => &errors.module(id).source,
                ErrorPage::Template(id) => &errors.template_at(id).path,
            };
            assert!(file.starts_with(&errors.domain(domain).folder));
            file.strip_prefix("domains")
                .expect("a file of it")
                .display()
                .to_string()
        });
        pages.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        pages("/a/b/page", 404),
        "a/b/_404.rs a/_4xx.tpl a/_error.html _404.html _error.rs"
    );
    assert_eq!(
        pages("/a/b/nothing", 500),
        "a/b/_5xx.html a/_error.html _error.rs"
    );
    assert_eq!(pages("/a/x", 403), "a/_4xx.tpl a/_error.html _error.rs");
    assert_eq!(pages("/x", 404), "_404.html _error.rs");
}

#[test]
fn limits_are_those_of_the_module_then_of_the_nearest_domain() {
    let limits = site(&[
        (
            "domain.toml",
            "[limits]\ntime-limit = \"5s\"\nmax-body = \"1MiB\"\n",
        ),
        ("a/domain.toml", "[limits]\nmax-body = 10\n"),
        ("a/page.rs", PAGE),
        (
            "a/own.rs",
            "module! { time_limit = \"1m 30s\", max_body = \"2 KiB\", panics_per_minute = 3, csrf = false, tags = [\"a\", 1, -2.5], }\n#[get] fn f() {}",
        ),
    ]);
    let limit = |key: &str| {
        let module = limits.module(limits.module_by_key(key).expect("a module"));
        (
            module.time_limit.expect("a limit").as_secs(),
            module.max_body,
        )
    };
    assert_eq!(limit("a/page"), (5, Some(10)));
    assert_eq!(limit("a/own"), (90, Some(2048)));
    let own = limits.module(limits.module_by_key("a/own").expect("a module"));
    assert_eq!(own.declared.panics_per_minute, Some(3));
    let other = serde_json::to_string(&own.declared.other).expect("literals are JSON");
    assert_eq!(other, r#"{"csrf":false,"tags":["a",1,-2.5]}"#);
}

#[test]
fn what_a_domain_tells_the_server_around_is_kept_as_it_stands() {
    let site = site(&[
        ("index.rs", PAGE),
        (
            "a/domain.toml",
            "[limits]\nmax-body = 10\n[database]\nurl = \"sqlite:a.db\"\nlist = [1, 0x10, true]\n",
        ),
        ("a/b/page.rs", PAGE),
    ]);
    let of = |path: &str| {
        let mut domains = site.domains().iter();
        let domain = domains.find(|domain| domain.path == path);
        domain.expect("a domain").database.clone()
    };
    let table = of("/a/").expect("it has one");
    let keys: Vec<_> = table.keys.iter().collect();
    let shown = keys
        .iter()
        .map(|key| format!("{}: {} = {}", key.line, key.name, key.value));
    assert_eq!(table.line, 3);
    let shown: Vec<String> = shown.collect();
    assert_eq!(shown, ["5: list = [1,16,true]", "4: url = \"sqlite:a.db\""]);
    assert_eq!(of("/a/b/"), None, "it is the domain's own");
}

#[test]
fn a_host_is_found_exactly_then_by_the_longest_wildcard_then_by_default() {
    let mut hosts = Hosts::new();
    for (pattern, site) in [
        ("a.example", "exact"),
        ("*.a.example", "short"),
        ("*.b.a.example", "long"),
        ("Bücher.example", "idna"),
        ("[::1]", "six"),
        ("127.0.0.1", "four"),
    ] {
        hosts.add(pattern, site).expect(pattern);
    }
    let find = |host: &str| hosts.find(host).map(|site| site.copied().unwrap_or("none"));
    for (host, site) in [
        ("a.example", "exact"),
        ("A.EXAMPLE", "exact"),
        ("a.example.", "exact"),
        ("a.example:8080", "exact"),
        ("a.example.:8080", "exact"),
        ("x.a.example", "short"),
        ("x.y.a.example", "short"),
        ("x.b.a.example", "long"),
        ("b.a.example", "short"),
        ("xa.example", "none"),
        ("example", "none"),
        ("", "none"),
        ("xn--bcher-kva.example", "idna"),
        ("bücher.example", "idna"),
        ("XN--BCHER-KVA.example:80", "idna"),
        ("[::1]:80", "six"),
        ("[0:0::1]", "six"),
        ("127.0.0.1:80", "four"),
    ] {
        assert_eq!(find(host), Ok(site), "{host}");
    }
    for bad in [
        "a..example",
        "a.example..",
        ".a",
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "a:70000",
        "[::1",
        "[x]",
        "a\u{0}",
        "a%20b",
        "xn--a\u{fffd}",
    ] {
        assert!(find(bad).is_err(), "{bad}");
    }
    hosts.add("*", "default").expect("a default");
    assert_eq!(hosts.find("nobody.example"), Ok(Some(&"default")));
    assert_eq!(hosts.find(""), Ok(Some(&"default")));
    assert!(hosts.find("a b").is_err());
}

#[test]
fn a_host_has_one_site() {
    let mut hosts = Hosts::new();
    hosts.add("A.example", 1).expect("a new host");
    let error = hosts.add("a.example.", 2).expect_err("the same host");
    let HostError::Twice { pattern, before } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (pattern.as_str(), before.as_str()),
        ("a.example.", "A.example")
    );
    assert_eq!(hosts.owner("a.EXAMPLE"), Ok(Some(&1)));
    for bad in ["", "a.example:80", "*.", "a.*.example", "a b", "**"] {
        assert!(hosts.add(bad, 3).is_err(), "{bad}");
    }
}

#[test]
fn explain_tells_each_step_and_the_chain() {
    let text = sample()
        .explain("GET", "https://host.example/users/42/posts/7?x=1")
        .to_string();
    for part in [
        "`users` leads into /users/",
        "`42` leads into /users/[id=u64]/",
        "`7` is domains/users/[id=u64]/posts/[post].rs",
        "200 answered by users/[id=u64]/posts/[post]::show",
        "id = 42",
        "post = 7",
        "domains/_parent.rs: guards check",
        "GET, HEAD, OPTIONS",
        "domains/_error.html",
        "domains/users/[id=u64]/posts, domains/users/[id=u64], domains/users, domains",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let explained = |method: &str, url: &str| {
        let told = sample().explain(method, url);
        format!("{} {}", told.status, told.outcome)
    };
    for (method, url, outcome) in [
        (
            "GET",
            "/blog",
            "308 redirected to /blog/ before any module is loaded",
        ),
        (
            "GET",
            "//x",
            "308 redirected to /x: empty segments are taken out",
        ),
        ("POST", "//x", "404 not found: the path has empty segments"),
        ("GET", "/nothing", "404 nothing has this URL"),
        ("PUT", "/about", "405 PUT is not answered here"),
        (
            "BREW",
            "/about",
            "501 the method BREW is not known to anybody",
        ),
        (
            "OPTIONS",
            "/about",
            "204 answered with Allow: GET, HEAD, OPTIONS",
        ),
        ("HEAD", "/about", "200 answered by about::show"),
        ("GET", "/contact", "200 answered by domains/contact.html"),
        ("GET", "https://host.example", "200 answered by index::show"),
        (
            "GET",
            "/blog/a/b",
            "200 answered by blog/[...rest]::show, unless `blog/[...rest]` declines",
        ),
        (
            "GET",
            "/a%00",
            "400 refused before any module runs: a segment has a slash, a backslash or a control character",
        ),
    ] {
        assert_eq!(explained(method, url), outcome, "{method} {url}");
    }
    let json = serde_json::to_value(sample().explain("GET", "/blog/x")).expect("JSON");
    assert_eq!(json["chain"][1]["source"], "domains/blog/_parent.rs");
    assert_eq!(json["params"][0][1], "x");
}

#[test]
fn routes_are_an_aligned_tree() {
    let small = site(&[
        ("_parent.rs", GUARD),
        ("index.rs", PAGE),
        ("about.html", ""),
        ("blog/[slug]/raw.rs", "#[post] fn p() {}"),
    ]);
    let expected = "\
url          methods             source                         inherits from  guards
/            GET HEAD OPTIONS    domains/index.rs               _parent        _parent::check
  /about     GET HEAD OPTIONS    domains/about.html             _parent        _parent::check
  /blog/     -                   -                              _parent        _parent::check
    /[slug]/ -                   -                              _parent        _parent::check
      /raw   POST OPTIONS        domains/blog/[slug]/raw.rs     _parent        _parent::check
";
    let squeeze = |text: &str| {
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(line).collect::<Vec<_>>()
    };
    let text = small.routes().to_string();
    assert_eq!(squeeze(&text), squeeze(expected), "\n{text}");
    let column = |line: &str| line.find("_parent::check");
    let columns: Vec<_> = text.lines().skip(1).map(column).collect();
    assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{text}");
    let json = serde_json::to_value(small.routes()).expect("JSON");
    assert_eq!(json[1]["pattern"], "/about");
}

#[test]
fn a_rest_knows_where_it_begins() {
    let rests = site(&[("a/[...rest].rs", PAGE), ("a/b/page.rs", PAGE)]);
    let Canonical::Path(path) = canonical("/a/b/c/d") else {
        panic!("it is canonical");
    };
    let Found::Rest { from, .. } = rests.resolve(&path).found else {
        panic!("a rest takes it");
    };
    assert_eq!(path.segments[from..], ["b", "c", "d"]);
}

#[test]
fn tasks_are_found_in_parents_of_the_root_with_what_is_said_of_them() {
    let source = "/// Takes in files.\n///\n/// All of them.\n#[task]\nfn import_git() {}\n\n\
                  #[task()]\n#[doc = \" \"]\n#[doc = \"Starts.\"]\nfn start() {}\n\n\
                  #[harmonious::task(every = \"1h 30m\")]\nfn upkeep() {}\n";
    let manifest = site(&[
        ("_tasks.rs", source),
        ("_parent.rs", "#[task(every = \"1s\",)]\nfn tick() {}\n"),
        ("index.rs", PAGE),
    ]);
    let told = manifest.tasks().iter().map(|task| {
        let key = &manifest.module(task.module).key;
        (
            task.name.as_str(),
            task.doc.as_str(),
            task.every.map_or(0, |every| every.as_secs()),
            key.as_str(),
        )
    });
    let expected = [
        ("import-git", "Takes in files.", 0, "_tasks"),
        ("start", "Starts.", 0, "_tasks"),
        ("tick", "", 1, "_parent"),
        ("upkeep", "", 5400, "_tasks"),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert!(manifest.warnings().is_empty());
    // Pages do not need them.
    let page = manifest.module_by_key("index");
    let chain = manifest.chain(manifest.root(), page);
    assert_eq!(tree::shown(&manifest, &chain), "_parent index");
}

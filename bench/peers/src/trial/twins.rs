//! Two sites that are alike in all names and differ in what they say: their files, what they are asked
//! for, and what each answer has to be.

use crate::contest::client::Answer;
use crate::sites::Text;

/// What each site puts into everything that it says; its host begins with it.
pub const MARKS: [&str; 2] = ["alpha", "beta"];

/// A kind of request.
pub struct Kind {
    /// What is asked for, in a few words.
    pub title: &'static str,
    path: &'static str,
    status: u16,
    /// The body, with `MARK` and `TOKEN` in it.
    body: &'static str,
    /// The answer comes through the parent of the site's domains, which leaves its mark in a field.
    marked: bool,
    /// The answer sets the visitor's cookie.
    sets_cookie: bool,
}

/// Every kind of request.
pub const KINDS: [Kind; 8] = [
    Kind {
        title: "a module with a template and a cookie",
        path: "/",
        status: 200,
        body: "<html>MARK <p>index of MARK for TOKEN</p></html>",
        marked: true,
        sets_cookie: true,
    },
    Kind {
        title: "a module with a dynamic segment, its configuration and a secret",
        path: "/page/7",
        status: 200,
        body: "page 7 of MARK for TOKEN, configured as MARK, secret of MARK",
        marked: true,
        sets_cookie: false,
    },
    Kind {
        title: "a module that calls another one by its path",
        path: "/call",
        status: 200,
        body: "called: shared of MARK for TOKEN",
        marked: true,
        sets_cookie: false,
    },
    Kind {
        title: "a module that remembers in a static of its own",
        path: "/site",
        status: 200,
        body: "the site is MARK, of MARK.example, for TOKEN",
        marked: true,
        sets_cookie: false,
    },
    Kind {
        title: "a template without a module",
        path: "/about",
        status: 200,
        body: "<html>MARK <p>about MARK</p></html>",
        marked: true,
        sets_cookie: false,
    },
    Kind {
        title: "a file",
        path: "/file.txt",
        status: 200,
        body: "file of MARK",
        marked: false,
        sets_cookie: false,
    },
    Kind {
        title: "nothing: the error page",
        path: "/page/none/at/all",
        status: 404,
        body: "<html>MARK <p>404 at MARK</p></html>",
        marked: true,
        sets_cookie: false,
    },
    Kind {
        title: "an error of a module",
        path: "/refused",
        status: 409,
        body: "<html>MARK <p>409 at MARK</p></html>",
        marked: true,
        sets_cookie: false,
    },
];

/// The files of the site with this mark.
pub fn files(mark: &str) -> Vec<Text> {
    let files = TEXTS.iter();
    let files = files.map(|(path, text)| ((*path).to_owned(), text.replace("MARK", mark)));
    files.collect()
}

const TEXTS: [(&str, &str); 15] = [
    (
        "site.toml",
        "name = \"MARK\"\nhosts = [\"MARK.example\"]\n\n[config]\nmark = \"MARK\"\n",
    ),
    ("secrets.toml", "mark = \"secret of MARK\"\n"),
    (
        "site/lib.rs",
        "\
//! What the modules of the site share.

use harmonious::Request;

/// What the site puts into everything that it says.
pub const MARK: &str = \"MARK\";

/// Whom the visitor says to be.
pub fn token(req: &Request) -> String {
    req.cookie(\"who\").unwrap_or_default()
}
",
    ),
    (
        "domains/_parent.rs",
        "\
//! Leaves the mark of the site on every answer.

use harmonious::prelude::*;

#[after]
fn stamp(_req: &Request, response: &mut Response) -> Result<()> {
    response.append_header(\"x-site\", harmonious_bench_twin::MARK);
    Ok(())
}
",
    ),
    (
        "domains/index.rs",
        "\
//! A page from a template; it sets a cookie.

use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let token = harmonious_bench_twin::token(req);
    let page = req.render(\"index.html\", context! { token, mark => harmonious_bench_twin::MARK })?;
    Ok(page.with_cookie((\"seen\", harmonious_bench_twin::token(req))))
}
",
    ),
    (
        "domains/page/[id].rs",
        "\
//! A page with a dynamic segment, the site's configuration and a secret.

use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let (id, token) = (req.param_as::<u64>(\"id\")?, harmonious_bench_twin::token(req));
    let (config, secret) = (req.config::<String>(\"mark\")?, req.secret(\"mark\")?);
    let mark = harmonious_bench_twin::MARK;
    Ok(Response::text(format!(\"page {id} of {mark} for {token}, configured as {config}, {secret}\")))
}
",
    ),
    (
        "domains/shared.rs",
        "\
//! Called by another module.

use harmonious::prelude::*;

#[get]
fn show(_req: &Request) -> Result<Response> {
    Ok(Response::text(harmonious_bench_twin::MARK))
}

#[export]
fn whose(req: &Request) -> Result<String> {
    Ok(format!(\"shared of {} for {}\", harmonious_bench_twin::MARK, harmonious_bench_twin::token(req)))
}
",
    ),
    (
        "domains/call.rs",
        "\
//! Calls another module by its path.

use harmonious::prelude::*;

#[get]
fn show(req: &Request) -> Result<Response> {
    let whose: String = req.at(\"/shared\").call(\"whose\", ())?;
    Ok(Response::text(format!(\"called: {whose}\")))
}
",
    ),
    (
        "domains/site.rs",
        "\
//! Remembers in a static what it was told first, and says it ever after.

use std::sync::OnceLock;

use harmonious::prelude::*;

static NAME: OnceLock<String> = OnceLock::new();

#[get]
fn show(req: &Request) -> Result<Response> {
    let name = match NAME.get() {
        Some(name) => name,
        None => {
            let name = req.config::<String>(\"mark\")?;
            NAME.get_or_init(|| name)
        }
    };
    let (host, token) = (req.host(), harmonious_bench_twin::token(req));
    Ok(Response::text(format!(\"the site is {name}, of {host}, for {token}\")))
}
",
    ),
    (
        "domains/refused.rs",
        "\
//! Is always refused.

use harmonious::prelude::*;

#[get]
fn show(_req: &Request) -> Result<Response> {
    Err(Error::conflict(harmonious_bench_twin::MARK))
}
",
    ),
    (
        "domains/_layout.html",
        "<html>MARK {% block main %}{% endblock %}</html>",
    ),
    (
        "domains/index.html",
        "{% extends \"_layout.html\" %}{% block main %}<p>index of {{ mark }} for {{ token }}</p>\
         {% endblock %}",
    ),
    (
        "domains/about.html",
        "{% extends \"_layout.html\" %}{% block main %}<p>about MARK</p>{% endblock %}",
    ),
    (
        "domains/_error.html",
        "{% extends \"_layout.html\" %}{% block main %}<p>{{ status }} at MARK</p>{% endblock %}",
    ),
    ("static/file.txt", "file of MARK"),
];

/// One request.
pub struct Question {
    kind: &'static Kind,
    mark: &'static str,
    /// The value of its cookie, which no other request has.
    token: String,
}

impl Question {
    /// The request of a kind to a site, by their places in [`KINDS`] and [`MARKS`].
    ///
    /// # Panics
    /// Where there is no such kind or site.
    pub fn new(kind: usize, site: usize, client: u64, number: u64) -> Self {
        Self {
            kind: &KINDS[kind],
            mark: MARKS[site],
            token: format!("{}-{client}-{number}", MARKS[site]),
        }
    }

    /// Its bytes.
    pub fn request(&self) -> String {
        let (path, mark, token) = (self.kind.path, self.mark, &self.token);
        format!("GET {path} HTTP/1.1\r\nHost: {mark}.example\r\nCookie: who={token}\r\n\r\n")
    }

    /// Whether an answer has the mark of either site: a refusal by the server has none.
    pub fn is_marked(answer: &Answer) -> bool {
        let body = String::from_utf8_lossy(&answer.body);
        let mut marks = MARKS.iter();
        marks.any(|mark| body.contains(mark) || answer.head.contains(mark))
    }

    /// What is wrong with the answer to it.
    pub fn wrong(&self, answer: &Answer) -> Option<String> {
        let all = |name: &str| {
            let fields = answer.fields();
            let values = fields.filter(|(other, _)| other.eq_ignore_ascii_case(name));
            values
                .map(|(_, value)| value.to_owned())
                .collect::<Vec<_>>()
        };
        let cookie = format!("seen={}; HttpOnly; SameSite=Lax; Path=/", self.token);
        let expected = |is: bool, value: &str| if is { vec![value.to_owned()] } else { vec![] };
        let body = String::from_utf8_lossy(&answer.body);
        if answer.status != self.kind.status || body != self.body() {
            return Some(format!("{}: {body:.300}", answer.status));
        }
        let fields = [
            ("x-site", expected(self.kind.marked, self.mark)),
            ("set-cookie", expected(self.kind.sets_cookie, &cookie)),
        ];
        let mut wrong = fields
            .into_iter()
            .filter(|(name, values)| all(name) != *values);
        wrong
            .next()
            .map(|(name, _)| format!("{name}: {:?}", all(name)))
    }

    fn body(&self) -> String {
        let body = self.kind.body.replace("MARK", self.mark);
        body.replace("TOKEN", &self.token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, fields: &str, body: &str) -> Answer {
        Answer {
            status,
            head: format!("HTTP/1.1 {status} x\r\n{fields}\r\n"),
            body: body.into(),
        }
    }

    #[test]
    fn the_sites_differ_in_nothing_but_their_mark() {
        let [alpha, beta] = MARKS.map(files);
        for ((path, one), (same, other)) in alpha.iter().zip(&beta) {
            assert_eq!((path, one), (same, &other.replace("beta", "alpha")));
        }
    }

    #[test]
    fn an_answer_of_the_other_site_or_cookie_is_wrong() {
        let index = Question::new(0, 0, 3, 9);
        let cookie = "Set-Cookie: seen=alpha-3-9; HttpOnly; SameSite=Lax; Path=/\r\n";
        let check = |fields: &str, body: &str, is_wrong| {
            let wrong = index.wrong(&answer(200, fields, body));
            assert_eq!(wrong.is_some(), is_wrong, "{wrong:?}");
        };
        let body = "<html>alpha <p>index of alpha for alpha-3-9</p></html>";
        let marked = |mark: &str| format!("X-Site: {mark}\r\n{cookie}");
        check(&marked("alpha"), body, false);
        check(&marked("beta"), body, true);
        check("X-Site: alpha\r\n", body, true);
        check(&marked("alpha"), &body.replace("3-9", "3-8"), true);
        let twice = marked("alpha") + cookie;
        check(&twice, body, true);
    }
}

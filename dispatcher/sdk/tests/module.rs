//! A module with every kind of entry, as an author writes it, run through the shims of the contract.

use harmonious::prelude::*;
use harmonious::testing::Site;

module! { inherits = "member", time_limit = "5s" }

#[get]
fn show(req: &Request) -> Result<Response> {
    let slug = req.param("slug")?;
    match slug {
        "panic" => panic!("no page for {slug}"),
        "error" => Err("x".parse::<u8>().unwrap_err().into()),
        "broken" => Ok(Response::text("x").with_header("x-a", "1\r\nx-b: 2")),
        "file" => Ok(Response::file("data/all.zip").as_attachment("all.zip")),
        _ => req.render("index.html", context! { slug, title => "x" }),
    }
}

#[post]
fn save(req: &Request) -> Result<Response> {
    let form = req.form()?;
    let name = form.text("name")?;
    info!("{name} is saved");
    Ok(Response::redirect("/scripts/"))
}

#[guard]
fn only_members(req: &Request) -> Result<()> {
    if req.cookie("who").is_none() {
        return Err(Error::unauthorized("sign in first"));
    }
    Ok(())
}

#[before]
fn cors(req: &Request) -> Result<Flow> {
    if req.header("x-early").is_some() {
        return Ok(Flow::Respond(Response::text("early")));
    }
    Ok(Flow::Continue)
}

#[after]
fn stamp(req: &Request, response: &mut Response) -> Result<()> {
    response.set_header("x-a", "1");
    if req.query("replace").is_some() {
        let upper = req.response_body().unwrap_or_default().to_ascii_uppercase();
        response.set_body(upper);
    }
    Ok(())
}

#[export]
fn title(_req: &Request, name: String, n: u32) -> Result<String> {
    Ok(format!("{name}{n}"))
}

#[export]
fn plain(_req: &Request) -> Result<&'static str> {
    Ok("plain")
}

#[error_page]
fn oops(req: &Request, error: &PageError) -> Result<Response> {
    Ok(Response::text(format!(
        "{} {} at {}",
        error.status(),
        error.title(),
        req.path()
    )))
}

#[handle(PUT, DELETE)]
fn both(req: &Request) -> Result<Response> {
    let t: String = req.parent().call("title", ("a", 1))?;
    let u: String = req.page().call("title", ("b", 2))?;
    let n: u64 = req.at("/scripts/").call("count", (1,))?;
    Ok(Response::text(format!("{} {t} {u} {n}", req.method())))
}

fn site() -> Site {
    Site::new().template(|name, context| format!("{name} {}", context["slug"]))
}

#[test]
fn a_get_is_guarded_rendered_and_stamped() {
    let ask = site();
    let page = ask
        .get("/scripts/chess/")
        .param("slug", "chess")
        .cookie("who", "ann")
        .send();
    assert_eq!(
        (page.status(), page.text().as_str()),
        (200, "index.html \"chess\"")
    );
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(page.header("x-a"), Some("1"));
}

#[test]
fn a_head_has_no_body() {
    let site = site();
    let page = site
        .request("HEAD", "/")
        .param("slug", "chess")
        .cookie("who", "ann")
        .send();
    assert_eq!((page.status(), page.bytes().len()), (200, 0));
}

#[test]
fn a_guard_stops_and_after_still_sees_it() {
    let page = site().get("/").param("slug", "chess").send();
    assert_eq!(
        (page.status(), page.text().as_str()),
        (401, "sign in first")
    );
    assert_eq!(page.header("x-a"), Some("1"));
}

#[test]
fn a_before_may_answer() {
    let page = site()
        .get("/")
        .cookie("who", "ann")
        .header("x-early", "1")
        .send();
    assert_eq!((page.status(), page.text().as_str()), (200, "early"));
}

#[test]
fn an_after_may_replace_the_body() {
    let page = site()
        .get("/?replace")
        .param("slug", "chess")
        .cookie("who", "ann")
        .send();
    assert_eq!(page.text(), "INDEX.HTML \"CHESS\"");
}

#[test]
fn a_form_is_saved_and_what_is_missing_is_named() {
    let site = site();
    let saved = site
        .post("/")
        .cookie("who", "ann")
        .form(&[("name", "chess")])
        .send();
    assert_eq!(
        (saved.status(), saved.header("location")),
        (303, Some("/scripts/"))
    );
    assert_eq!(saved.log(), ["chess is saved"]);
    let missing = site
        .post("/")
        .cookie("who", "ann")
        .form(&[("nme", "chess")])
        .send();
    assert_eq!(
        (missing.status(), missing.text().as_str()),
        (422, "field `name` is missing")
    );
    let none = site
        .post("/")
        .cookie("who", "ann")
        .body("text/plain", "name=chess")
        .send();
    assert_eq!(none.status(), 415);
}

#[test]
fn a_panic_is_a_500_and_the_next_request_is_answered() {
    let site = site();
    for _ in 0..3 {
        let page = site
            .get("/")
            .param("slug", "panic")
            .cookie("who", "ann")
            .send();
        assert_eq!((page.status(), page.text().as_str()), (500, ""));
    }
    assert_eq!(
        site.get("/")
            .param("slug", "chess")
            .cookie("who", "ann")
            .send()
            .status(),
        200
    );
}

#[test]
fn an_error_of_a_library_is_a_500_that_tells_the_visitor_nothing() {
    let page = site()
        .get("/")
        .param("slug", "error")
        .cookie("who", "ann")
        .send();
    assert_eq!((page.status(), page.text().as_str()), (500, ""));
}

#[test]
fn a_header_with_a_line_break_is_never_sent() {
    let page = site()
        .get("/")
        .param("slug", "broken")
        .cookie("who", "ann")
        .send();
    assert_eq!((page.status(), page.header("x-b")), (500, None));
}

#[test]
fn a_file_is_named_not_read() {
    let page = site()
        .get("/")
        .param("slug", "file")
        .cookie("who", "ann")
        .send();
    assert_eq!(page.file(), Some("data/all.zip"));
    assert_eq!(
        page.header("content-disposition"),
        Some("attachment; filename=\"all.zip\"")
    );
}

#[test]
fn a_segment_that_is_none_is_a_500_that_names_it() {
    assert_eq!(site().get("/").cookie("who", "ann").send().status(), 500);
}

#[test]
fn exports_are_called_with_values_and_refuse_others() {
    let site = site();
    assert_eq!(site.call::<String>("title", ("a", 1)).unwrap(), "a1");
    assert_eq!(site.call::<String>("plain", ()).unwrap(), "plain");
    let error = site.call::<String>("title", ("a",)).unwrap_err();
    assert!(
        error
            .detail()
            .starts_with("the arguments of title(name: String, n: u32) do not fit"),
        "{error}"
    );
    assert_eq!(
        site.call::<String>("plain", (1,)).unwrap_err().status(),
        500
    );
    assert_eq!(
        site.call::<u32>("title", ("a", 1)).unwrap_err().status(),
        500
    );
    assert_eq!(site.call::<u32>("nothing", ()).unwrap_err().status(), 500);
}

#[test]
fn other_modules_are_called_by_line_and_by_path() {
    let site = site()
        .export("parent", "title", |arguments| {
            Ok(json!(format!("up {arguments}")))
        })
        .export("/scripts/", "count", |arguments| {
            Ok(json!(arguments[0].as_u64().or_404()? + 1))
        });
    let page = site.request("DELETE", "/").cookie("who", "ann").send();
    assert_eq!(page.text(), "DELETE up [\"a\",1] b2 2");
}

#[test]
fn an_error_page_shows_the_error_with_its_status() {
    let page = site().get("/lost").show_error(404, "no such script").send();
    assert_eq!(
        (page.status(), page.text().as_str()),
        (404, "404 no such script at /lost")
    );
}

#[test]
fn a_method_without_a_handler_is_a_405() {
    assert_eq!(
        site()
            .request("PATCH", "/")
            .cookie("who", "ann")
            .send()
            .status(),
        405
    );
}

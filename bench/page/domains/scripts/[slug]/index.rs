//! `/scripts/<slug>/`: a small page for who is signed in: the session, one row by its key, a template.

use harmonious::prelude::*;

const BY_SLUG: &str = "SELECT name, author, stars, about, tags FROM scripts WHERE slug = ?";

#[get]
fn show(req: &Request) -> Result<Response> {
    let shelf: Option<String> = req.session().get("shelf")?;
    let shelf = shelf.or_status(401, "sign in first")?;
    let script = req
        .db()
        .query_one(BY_SLUG, &[req.param("slug")?.into()])?
        .or_404()?;
    let name: String = script.get("name")?;
    let author: String = script.get("author")?;
    let stars: i64 = script.get("stars")?;
    let about: String = script.get("about")?;
    let tags: String = script.get("tags")?;
    let tags: Vec<&str> = tags.split(',').collect();
    // `user` is there without our doing.
    req.render(
        "index.html",
        context! { name, author, stars, about, tags, shelf },
    )
}

//! R6: which page shows an error, and which names with `_` mean what.

use super::model::{Domain, DomainId, ErrorPage, Role};

/// What `_name.rs` is.
///
/// # Errors
/// If the name means nothing: what is wrong, and what to do.
pub(super) fn hidden_role(name: &str) -> Result<Role, (String, String)> {
    if is_error_name(name) {
        return Ok(Role::ErrorPage { name: name.into() });
    }
    let first = name.chars().next();
    if first.is_none_or(|c| c.is_ascii_digit()) {
        return Err((
            format!("`_{name}.rs` is neither a parent nor an error page"),
            "parents have a name that begins with a letter, error pages are `_404` (400 to 599), `_4xx`, `_5xx` and `_error`"
                .into(),
        ));
    }
    Ok(Role::Parent { name: name.into() })
}

/// Whether `_name` is a page for errors.
pub(super) fn is_error_name(name: &str) -> bool {
    let three = name.len() == 3 && name.bytes().all(|b| b.is_ascii_digit());
    let status = three
        && name
            .parse()
            .is_ok_and(|status: u16| (400..600).contains(&status));
    status || ["4xx", "5xx", "error"].contains(&name)
}

/// The pages for a status, from a domain upward; in each domain the most specific first.
pub(super) fn error_pages(
    domains: &[Domain],
    domain: DomainId,
    status: u16,
) -> impl Iterator<Item = (DomainId, ErrorPage)> + '_ {
    let upward = std::iter::successors(Some(domain), |domain| domains[domain.index()].parent);
    upward.flat_map(move |domain| {
        let pages = &domains[domain.index()].error_pages;
        let names = [
            status.to_string(),
            format!("{}xx", status / 100),
            "error".into(),
        ];
        names.into_iter().filter_map(move |name| {
            let page = pages.iter().find(|(known, _)| *known == name);
            page.map(|(_, page)| (domain, *page))
        })
    })
}

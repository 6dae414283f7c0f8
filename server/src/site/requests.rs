//! What templates ask of their site, looked at before any page is rendered: pages, files, exports.

use std::path::Path;

use harmonious_dispatcher::manifest::Links;
use harmonious_dispatcher::{Manifest, kind};
use harmonious_templating::{SiteRequest, SiteRequestKind, Templates};

use super::around::asset_name;
use super::one::STATIC;

/// Something that a template asks for and that is not there.
pub struct Unmet {
    /// What, and where.
    pub request: SiteRequest,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub advice: &'static str,
}

impl Unmet {
    /// Whether the page that asks for it fails whenever it does; else it depends on what it says then.
    pub fn is_error(&self) -> bool {
        self.request.kind != SiteRequestKind::Export
    }
}

/// All that the templates of a site ask for in vain, as far as it is written out.
pub fn unmet(site: &Path, manifest: &Manifest, templates: &Templates) -> Vec<Unmet> {
    let links = Links::of(manifest);
    let look = |request: SiteRequest| {
        let name = &request.name;
        let (message, advice) = match request.kind {
            SiteRequestKind::Url => {
                let message = links.find(name).err()?;
                (message, "name a page as \"harmonious routes\" prints it")
            }
            SiteRequestKind::Asset => {
                let message = match asset_name(name) {
                    Ok(name) if site.join(STATIC).join(name).is_file() => return None,
                    Ok(name) => format!("there is no file `{name}` in {STATIC}/"),
                    Err(message) => message,
                };
                (message, "add it, or name another one")
            }
            SiteRequestKind::Export => {
                if is_exported(manifest, name) {
                    return None;
                }
                let message = format!("no module exports `{name}`, which `module.{name}` asks for");
                let advice = "write #[export] before a function of that name, or give a default";
                (message, advice)
            }
        };
        Some(Unmet {
            request,
            message,
            advice,
        })
    };
    templates.requests().into_iter().filter_map(look).collect()
}

fn is_exported(manifest: &Manifest, name: &str) -> bool {
    let modules = manifest.modules().iter();
    let mut entries = modules.flat_map(|module| &module.declared.entries);
    entries.any(|entry| entry.kind == kind::EXPORT && entry.name == name)
}

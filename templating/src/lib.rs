//! Templates along the hierarchy of domains: a name means the nearest file, from the domain that
//! was asked for upward, and so does every name in it.
//!
//! A sub-domain overrides a layout or a part by having a file of that name. A file that extends or
//! includes its own name means the next one above, so that a layout can extend the one that it
//! overrides. A name that begins with a slash is a full one: `/scripts/_row.html`.
//!
//! The engine is Tera 2; it knows neither HTTP nor the domains. Values are escaped by the type of
//! the template that is asked for ([`Kind`]), in whatever it includes too; only the filter `safe`
//! lets one through as it is, and [`Templates::unsafe_uses`] lists every use of it.

#![forbid(unsafe_code)]

mod cache_tag;
mod classic;
mod closure;
mod compiled;
mod config;
mod depth;
mod error;
mod escape;
mod files;
mod filters;
mod fragments;
mod functions;
mod highlight;
mod limit;
mod nearest;
mod origin;
mod report;
mod roomy;
mod scan;
mod source;
mod speech;
mod templates;
mod view;

pub use classic::convert;
pub use closure::{Need, NeedKind};
pub use compiled::Compiled;
pub use config::{
    DEPTH_MAX, FILE_BYTES_MAX, FRAGMENT_KEY_BYTES_MAX, FRAGMENT_LIFE_MAX, FRAGMENT_WAIT_MAX,
    FRAGMENTS_BYTES, HIGHLIGHT_BYTES_MAX, HIGHLIGHT_CACHE_BYTES_MAX, RENDER_BYTES_MAX,
};
pub use error::{Place, TemplateError};
pub use escape::Kind;
pub use files::TemplateFile;
pub use fragments::{Begun, FragmentKey, FragmentStats, Fragments, Lease};
pub use functions::Site;
pub use harmonious_locales::{
    Catalogues, Difference, Language as SpokenLanguage, LocaleError, Speech, Whereabouts,
};
pub use highlight::{
    HighlightOptions, HighlightStats, Language, highlight, highlight_css, highlight_stats,
    language_of, languages,
};
pub use scan::KeyPart;
pub use templates::{SiteRequest, SiteRequestKind, Stats, Templates, TextUse, UnsafeUse};
pub use view::Wants;

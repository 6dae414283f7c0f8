//! What `harmonious dev` has and `harmonious serve` has not: watching, rebuilding while the site is
//! served, pages that show what went wrong, and a browser that reloads by itself.

mod config;

mod rebuild;
mod watch;

mod excerpt;
mod live;
mod overlay;

pub use config::REQUEST_WAIT;
pub use live::Live;
pub use overlay::{ErrorPage, RequestShown};
pub use rebuild::{DevLibraries, Event};
pub use watch::{Changes, Watching};

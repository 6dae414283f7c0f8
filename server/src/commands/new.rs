//! `harmonious new`.

use crate::cli;
use crate::failure::Failure;
use crate::new;
use crate::print;

/// Makes a site.
///
/// # Errors
/// Why it cannot be made there; nothing is left behind.
pub fn new(asked: &cli::New) -> Result<(), Failure> {
    let said = new::new(&asked.dir, &asked.template, asked.sdk.as_deref())?;
    print(&said);
    Ok(())
}

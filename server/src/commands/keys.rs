//! `harmonious keys`: the keys that seal a site's cookies and links.

use harmonious_session::KeyRing;

use crate::cli::Keys;
use crate::failure::Failure;
use crate::print;
use crate::site::{DATA, Keeping, SiteToml};

/// `harmonious keys status|rotate SITE`.
///
/// # Errors
/// The file of keys cannot be read or written, or others can read it.
pub fn keys(asked: &Keys) -> Result<(), Failure> {
    // What is wrong with the site is told first: no file is made in a folder that is none.
    SiteToml::read(&asked.site)?;
    let data = asked.site.join(DATA);
    let file = data.join(Keeping::KEYS);
    let failed = |error: &dyn std::fmt::Display| Failure::Failed(error.to_string());
    let text = match asked.rotate {
        false if !file.exists() => {
            "no key: the first one is made when something is sealed\n".to_owned()
        }
        false => {
            let ring = KeyRing::load(&file).map_err(|error| failed(&error))?;
            format!("{} keys, the newest one seals\n", ring.count())
        }
        true => {
            std::fs::create_dir_all(&data)
                .map_err(|error| failed(&format!("{}: {error}", data.display())))?;
            let ring = KeyRing::rotate(&file).map_err(|error| failed(&error))?;
            format!(
                "a key was added, there are {}; send SIGHUP to a server that runs\n",
                ring.count()
            )
        }
    };
    print(&text);
    Ok(())
}

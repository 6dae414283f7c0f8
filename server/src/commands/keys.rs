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
            match ring.count() {
                1 => "1 key, which seals\n".to_owned(),
                count => format!("{count} keys, the newest one seals\n"),
            }
        }
        true => {
            std::fs::create_dir_all(&data)
                .map_err(|error| failed(&format!("{}: {error}", data.display())))?;
            match file.exists() {
                // Nothing was sealed that an older one would have to open.
                false => {
                    KeyRing::load(&file).map_err(|error| failed(&error))?;
                    "there was no key: the first one is made\n".to_owned()
                }
                true => {
                    let ring = KeyRing::rotate(&file).map_err(|error| failed(&error))?;
                    format!(
                        "a key was added, there are {}; send SIGHUP to \"harmonious serve\", start \
                         \"harmonious dev\" anew\n",
                        ring.count()
                    )
                }
            }
        }
    };
    print(&text);
    Ok(())
}

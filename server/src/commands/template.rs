//! `harmonious template`: what is done to a template file by itself.

use std::fs;
use std::path::Path;

use harmonious_templating::{convert as translate, highlight_css};

use crate::failure::Failure;
use crate::print;

/// `harmonious template convert`: a template in the classic syntax, in Tera's.
///
/// # Errors
/// The file cannot be read, or is wrong: with its line.
pub fn convert(file: &Path) -> Result<(), Failure> {
    let shown = file.display();
    let is_classic = file.extension().is_some_and(|extension| extension == "tpl");
    if !is_classic {
        return Err(Failure::Usage(format!(
            "FILE is {:?}: allowed is a template in the classic syntax, whose name ends with .tpl",
            shown.to_string()
        )));
    }
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("cannot read {shown}: {error}")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let tera = translate(file, text).map_err(|wrong| Failure::Problems(wrong.to_string()))?;
    print(&tera);
    Ok(())
}

/// `harmonious template css`: the style sheet for what `highlight` and `diff` make.
pub fn css() {
    print(highlight_css());
}

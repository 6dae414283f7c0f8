//! Values that modules keep for sessions and that are to go: each module drops its own, outside of any
//! request, so that what it does meanwhile belongs to no visitor.

use serde::Serialize;

use super::messages;
use super::outside::HostOutside;
use crate::dispatcher::Core;
use crate::ffi::Returned;
use crate::services::Leaving;

/// As the sdk reads it.
#[derive(Serialize)]
struct Message<'a> {
    why: &'a str,
    numbers: &'a [u64],
}

/// Has modules drop what the server says is to go; `true` if there was something.
pub(crate) fn let_go(core: &Core) -> bool {
    let leaving = core.services.leaving();
    let_these_go(core, &leaving);
    !leaving.is_empty()
}

/// Has modules drop these.
pub(crate) fn let_these_go(core: &Core, leaving: &[Leaving]) {
    // Told whatever happens: others may wait for it.
    let told: Vec<Told<'_>> = leaving
        .iter()
        .map(|leaving| Told { core, leaving })
        .collect();
    for told in told {
        dispose(core, told.leaving);
    }
}

/// Says that they are gone when it is dropped.
struct Told<'c> {
    core: &'c Core,
    leaving: &'c Leaving,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        self.core.services.left(self.leaving);
    }
}

fn dispose(core: &Core, leaving: &Leaving) {
    let Leaving {
        module,
        why,
        numbers,
    } = leaving;
    let mut host = HostOutside::new(core, module, "while a value goes");
    let returned = match messages::encode(&Message { why, numbers }) {
        Ok(message) => module.library.dispose(&message, &mut host),
        Err(error) => return host.log_error(&error.detail),
    };
    if returned != Returned::Continue {
        let detail = host.failure.as_ref().map(|failure| &*failure.detail);
        host.log_error(&format!(
            "values that were to go ({why}) may not be saved: {returned:?} {}",
            detail.unwrap_or_default()
        ));
    }
    if let Err(error) = host.finish(true) {
        host.log_error(&format!("what was saved ({why}) may not be kept: {error}"));
    }
}

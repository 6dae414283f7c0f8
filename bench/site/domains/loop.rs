//! Never ends: its time limit is what its client waits for, and its thread is lost.

use harmonious::prelude::*;

module! { inherits = "outer", time_limit = "1s" }

#[get]
fn forever(_req: &Request) -> Result<Response> {
    loop {
        std::hint::spin_loop();
    }
}

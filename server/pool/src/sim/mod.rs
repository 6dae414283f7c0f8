//! A discrete-event simulator of the pool, which drives the very policies that ship.
//!
//! It answers in seconds what a machine would need hours for, and the same each time: how close
//! does a policy come to the best fixed number of threads, on loads for which that number is 2, 10
//! or 256, and on loads that change?
//!
//! The machine has two cores with processor sharing, one lock that gets slower the more wait for it,
//! and outside services that may be crowded; a thread costs nothing but its spawn budget. So the
//! simulator tells how a policy *decides*; what a decision costs, the benchmarks tell.
//!
//! ```
//! use harmonious_pool::controller::PolicyKind;
//! use harmonious_pool::sim::{simulate, workload};
//!
//! let usl = workload::find("usl").unwrap();
//! let fixed = simulate(&usl, PolicyKind::Fixed(8), 1);
//! let greedy = simulate(&usl, PolicyKind::Greedy, 1);
//! assert!(greedy.rate_whole() < 0.1 * fixed.rate_whole());
//! ```

mod engine;
mod machine;
mod oracle;
mod random;
mod report;
mod threads;
mod trials;
pub mod workload;

pub use engine::run;
pub use machine::{CORES, Phase};
pub use oracle::{Oracle, SIZES};
pub use random::Random;
pub use report::{Answer, Report, Second};
pub use trials::Trials;

use crate::controller::{AVERAGE_POINTS, Bounds, PolicyKind};
use workload::Workload;

/// The bounds as shipped: never fewer permits than cores, four threads at the start.
pub const BOUNDS: Bounds = Bounds {
    min: 2,
    start: 4,
    max: 256,
};

/// Runs `workload` under the policy `kind` with the bounds as shipped.
pub fn simulate(workload: &Workload, kind: PolicyKind, seed: u64) -> Report {
    let mut policy = kind.build(BOUNDS, AVERAGE_POINTS);
    run(
        workload,
        policy.as_mut(),
        kind.bounds(BOUNDS),
        seed,
        &mut |_, _| {},
    )
}

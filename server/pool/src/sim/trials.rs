//! A policy on a workload, several times, as shares of the oracle.

use std::thread;

use super::oracle::Oracle;
use super::report::Report;
use super::simulate;
use super::workload::Workload;
use crate::controller::PolicyKind;

/// The seeds of the runs, in two halves for two cores; the oracle uses another one.
const SEEDS: [[u64; 4]; 2] = [[2, 3, 4, 5], [6, 7, 8, 9]];
/// From this share of the oracle, over [`CONVERGED_S`], a run counts as converged.
const CONVERGED: f64 = 0.95;
/// Seconds over which convergence is judged: less is noise.
const CONVERGED_S: usize = 5;

/// What 8 runs came to; rates are shares of the oracle's, 1 is as good.
#[derive(Clone, Debug, PartialEq)]
pub struct Trials {
    /// The runs.
    pub reports: Vec<Report>,
    /// Mean rate over the whole run.
    pub mean: f64,
    /// Worst rate over the whole run.
    pub worst: f64,
    /// Mean rate in the second half.
    pub late: f64,
    /// Mean limit.
    pub limit_mean: f64,
    /// Largest limit of all runs.
    pub limit_max: usize,
    /// Mean over the runs of the largest limit by the smallest good size: of the oracle, or the
    /// number of threads at the start if that is larger.
    pub overshoot_mean: f64,
    /// The largest of these.
    pub overshoot_max: f64,
    /// Latest start, in seconds, of the first stretch of five seconds with 95 % of the oracle;
    /// infinite if a run has none.
    pub converged_s: f64,
}

impl Trials {
    /// Runs `workload` under `kind` with 8 seeds, on two threads.
    pub fn of(workload: &Workload, kind: PolicyKind, oracle: &Oracle) -> Self {
        let reports: Vec<Report> = thread::scope(|scope| {
            let halves = SEEDS
                .map(|seeds| scope.spawn(move || seeds.map(|seed| simulate(workload, kind, seed))));
            let join = |half: thread::ScopedJoinHandle<'_, [Report; 4]>| {
                half.join().expect("a simulated run does not panic")
            };
            halves.into_iter().flat_map(join).collect()
        });
        let mean = |of: &dyn Fn(&Report) -> f64| {
            reports.iter().map(of).sum::<f64>() / reports.len() as f64
        };
        let largest = |of: &dyn Fn(&Report) -> f64| reports.iter().map(of).fold(0.0, f64::max);
        let good = oracle.size_good.max(super::BOUNDS.start) as f64;
        let share = |report: &Report| report.rate_whole() / oracle.rate;
        Self {
            mean: mean(&share),
            worst: reports.iter().map(share).fold(f64::INFINITY, f64::min),
            late: mean(&|report| report.rate_late() / oracle.rate_late),
            limit_mean: mean(&|report| report.limit_mean()),
            limit_max: reports
                .iter()
                .map(|report| report.limit_max)
                .max()
                .unwrap_or(0),
            overshoot_mean: mean(&|report| report.limit_max as f64 / good),
            overshoot_max: largest(&|report| report.limit_max as f64 / good),
            converged_s: largest(&|report| converged_s(report, oracle.rate)),
            reports,
        }
    }
}

fn converged_s(report: &Report, rate: f64) -> f64 {
    let enough = CONVERGED * rate * CONVERGED_S as f64;
    let sum = |window: &[super::Second]| window.iter().map(|s| s.completed).sum::<usize>() as f64;
    let first = report
        .seconds
        .windows(CONVERGED_S)
        .position(|window| sum(window) >= enough);
    first.map_or(f64::INFINITY, |second| second as f64)
}

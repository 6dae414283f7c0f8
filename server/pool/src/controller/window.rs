//! What two observations say about the time between them.
//!
//! Everything that the rules compare (mean service time by route, permits in use, saturation, CPU)
//! is a difference of two cumulative totals, so a window costs nothing while it is open and two
//! windows never share a sample.

use super::{Observation, ROUTES, RouteTotals};

/// Completions that a route needs in both windows before its means are compared.
const ROUTE_COMPLETED_MIN: f64 = 5.0;
/// Relative standard error claimed where no route can be compared: half the value is "unknown".
const UNKNOWN_ERROR: f64 = 0.5;
/// Keeps quotients finite where nothing ran, in seconds.
const INSTANT_S: f64 = 1e-7;

/// Service times of one route class within a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct RouteStats {
    /// Jobs that ended.
    completed: f64,
    /// Mean service time, in seconds.
    mean_s: f64,
    /// Variance of one service time, in seconds squared.
    variance_s2: f64,
}

impl RouteStats {
    fn between(start: &RouteTotals, end: &RouteTotals) -> Self {
        let completed = positive(end.completed - start.completed);
        if completed == 0.0 {
            return Self::default();
        }
        let mean_s = positive(end.service_s - start.service_s) / completed;
        let mean_square_s2 = positive(end.service_sq_s2 - start.service_sq_s2) / completed;
        Self {
            completed,
            mean_s,
            variance_s2: positive(mean_square_s2 - mean_s * mean_s),
        }
    }
}

/// The statistics of the time between two observations; every value is finite and not negative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    routes: [RouteStats; ROUTES],
    /// Length, in seconds.
    pub length_s: f64,
    /// Jobs that ended.
    pub completed: f64,
    /// Mean service time over all routes, in seconds; 0 if nothing completed.
    pub service_s: f64,
    /// Mean number of permits in use.
    pub busy: f64,
    /// Share of the time in which every permit was in use and jobs waited, 0 to 1.
    pub saturated: f64,
    /// Mean CPU use of the host, 0 to 1.
    pub cpu: f64,
    /// Feed-forward: the number of threads that would fill the cores if waiting cost nothing.
    pub useful: f64,
    /// Jobs waiting when the window opened.
    pub queued_first: f64,
    /// Jobs waiting when it closed.
    pub queued_last: f64,
    /// The limit in force when it closed.
    pub limit: usize,
}

/// A quotient of two measured values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Ratio {
    /// The quotient; above 0.
    pub value: f64,
    /// Its relative standard error.
    pub error: f64,
}

impl Window {
    /// The window from `start` to `end`; all rates are 0 if the clock did not move.
    pub fn between(start: &Observation, end: &Observation) -> Self {
        let (from, to) = (&start.totals, &end.totals);
        let length_s = positive(end.now_s - start.now_s);
        let rate = |from: f64, to: f64| {
            if length_s > 0.0 {
                positive(to - from) / length_s
            } else {
                0.0
            }
        };
        let mut routes = [RouteStats::default(); ROUTES];
        for (route, stats) in routes.iter_mut().enumerate() {
            *stats = RouteStats::between(&from.routes[route], &to.routes[route]);
        }
        let completed: f64 = routes.iter().map(|r| r.completed).sum();
        let jobs = completed.max(1.0);
        let service_s = routes.iter().map(|r| r.completed * r.mean_s).sum::<f64>() / jobs;
        let cpu_s = positive(to.worker_cpu_s - from.worker_cpu_s) / jobs;
        let run_delay_s = positive(to.run_delay_s - from.run_delay_s) / jobs;
        Self {
            routes,
            length_s,
            completed,
            service_s,
            busy: rate(from.busy_s, to.busy_s),
            saturated: rate(from.saturated_s, to.saturated_s).min(1.0),
            cpu: rate(from.host_cpu_s, to.host_cpu_s).min(1.0),
            useful: useful_threads(end.cores, service_s, run_delay_s, cpu_s),
            queued_first: start.queued as f64,
            queued_last: end.queued as f64,
            limit: end.limit,
        }
    }

    /// Service time here over service time in `before`, as if both windows had had this window's
    /// mix of routes: a change of the mix alone leaves it at 1.
    pub fn service_ratio(&self, before: &Window) -> Ratio {
        let (mut here_s, mut there_s, mut variance_s2) = (0.0, 0.0, 0.0);
        for (b, a) in self.routes.iter().zip(&before.routes) {
            if a.completed < ROUTE_COMPLETED_MIN || b.completed < ROUTE_COMPLETED_MIN {
                continue;
            }
            here_s += b.completed * b.mean_s;
            there_s += b.completed * a.mean_s;
            variance_s2 += b.completed * b.variance_s2
                + b.completed * b.completed * a.variance_s2 / a.completed;
        }
        if here_s > 0.0 && there_s > 0.0 {
            Ratio {
                value: here_s / there_s,
                error: variance_s2.sqrt() / here_s,
            }
        } else {
            let value = self.service_s.max(INSTANT_S) / before.service_s.max(INSTANT_S);
            Ratio {
                value,
                error: UNKNOWN_ERROR,
            }
        }
    }

    /// Throughput here over throughput in `before`, mix-corrected; by Little's law the growth of
    /// the permits in use over the growth of the service time.
    pub fn throughput_ratio(&self, before: &Window) -> Ratio {
        let service = self.service_ratio(before);
        Ratio {
            value: self.busy_ratio(before) / service.value,
            error: service.error,
        }
    }

    /// Permits in use here over permits in use in `before`.
    pub fn busy_ratio(&self, before: &Window) -> f64 {
        self.busy.max(INSTANT_S) / before.busy.max(INSTANT_S)
    }
}

/// Goetz' rule, cores * (1 + waiting / computing); waiting for a core is not waiting.
fn useful_threads(cores: f64, service_s: f64, run_delay_s: f64, cpu_s: f64) -> f64 {
    positive(cores) * (service_s - run_delay_s).max(cpu_s).max(INSTANT_S) / cpu_s.max(INSTANT_S)
}

/// `x`, or 0 where it is negative or not a number (totals that fell, a clock that went back).
fn positive(x: f64) -> f64 {
    if x.is_finite() && x > 0.0 { x } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::{Load, observe};

    #[test]
    fn a_window_is_the_difference_of_two_observations() {
        let start = observe(0.0, 10, Load::default());
        let load = Load {
            rate: 100.0,
            service_s: 0.05,
            cpu: 0.25,
            ..Load::default()
        };
        let window = Window::between(&start, &observe(2.0, 10, load));
        assert_eq!((window.length_s, window.completed), (2.0, 200.0));
        assert!((window.service_s - 0.05).abs() < 1e-12);
        assert!((window.cpu - 0.25).abs() < 1e-12);
        assert!((window.saturated - 1.0).abs() < 1e-12);
        // 2 cores at 25 % do 100 jobs/s of 5 ms CPU and 45 ms waiting: 20 threads fill them.
        assert!((window.useful - 20.0).abs() < 1e-9, "{}", window.useful);
    }

    #[test]
    fn a_changed_mix_alone_is_no_change_of_service_time() {
        let start = observe(0.0, 4, Load::default());
        let mut before = start;
        before.now_s = 1.0;
        before.totals.routes[0] = RouteTotals {
            completed: 90.0,
            service_s: 0.09,
            service_sq_s2: 0.00009,
        };
        before.totals.routes[1] = RouteTotals {
            completed: 10.0,
            service_s: 1.0,
            service_sq_s2: 0.1,
        };
        let mut after = before;
        after.now_s = 2.0;
        after.totals.routes[0].completed += 50.0;
        after.totals.routes[0].service_s += 0.05;
        after.totals.routes[0].service_sq_s2 += 0.00005;
        after.totals.routes[1].completed += 50.0;
        after.totals.routes[1].service_s += 5.0;
        after.totals.routes[1].service_sq_s2 += 0.5;
        let (a, b) = (
            Window::between(&start, &before),
            Window::between(&before, &after),
        );
        assert!(b.service_s > 4.0 * a.service_s);
        let ratio = b.service_ratio(&a);
        assert!(
            (ratio.value - 1.0).abs() < 1e-9 && ratio.error < 1e-6,
            "{ratio:?}"
        );
    }

    #[test]
    fn empty_windows_and_a_stopped_clock_give_finite_numbers() {
        let start = observe(1.0, 4, Load::default());
        for end in [
            start,
            observe(0.5, 4, Load::default()),
            observe(f64::NAN, 4, Load::default()),
        ] {
            let window = Window::between(&start, &end);
            let ratio = window.throughput_ratio(&window);
            for x in [
                window.busy,
                window.cpu,
                window.useful,
                window.service_s,
                ratio.value,
                ratio.error,
            ] {
                assert!(x.is_finite(), "{window:?} {ratio:?}");
            }
        }
    }
}

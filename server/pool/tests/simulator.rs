//! The promises of the adaptive policy, on the simulator: fixed seeds, so the same figures each time.
//!
//! The table behind them: `cargo run --release --example simulate`.

use std::sync::OnceLock;

use harmonious_pool::controller::PolicyKind;
use harmonious_pool::sim::workload::{self, ALL};
use harmonious_pool::sim::{Oracle, Trials, simulate};

/// The oracle and the 8 adaptive runs of a workload, computed once for all tests.
fn adaptive(name: &str) -> &'static (Oracle, Trials) {
    static RESULTS: [OnceLock<(Oracle, Trials)>; ALL.len()] =
        [const { OnceLock::new() }; ALL.len()];
    let index = ALL
        .iter()
        .position(|workload| workload.name == name)
        .expect(name);
    RESULTS[index].get_or_init(|| {
        let oracle = Oracle::of(&ALL[index]);
        let trials = Trials::of(&ALL[index], PolicyKind::Adaptive, &oracle);
        (oracle, trials)
    })
}

/// The mean of 8 runs, the start included, is at least `mean` of the best fixed size.
fn check_share(name: &str, mean: f64, worst: f64) {
    let trials = &adaptive(name).1;
    assert!(
        trials.mean >= mean,
        "{name}: {:.3} of the best fixed size",
        trials.mean
    );
    assert!(
        trials.worst >= worst,
        "{name}: the worst run has {:.3}",
        trials.worst
    );
}

#[test]
fn steady_loads_reach_95_percent_of_the_best_fixed_size() {
    for name in [
        "cpu 2 ms",
        "sleep 50 ms",
        "bimodal",
        "lock retrograde",
        "usl",
        "backend of 20",
    ] {
        check_share(name, 0.95, 0.92);
    }
}

#[test]
fn changing_loads_reach_95_percent_of_the_best_fixed_size() {
    for name in ["step cpu/io", "mix shift", "latency 20/100 ms"] {
        check_share(name, 0.95, 0.90);
    }
}

#[test]
fn loads_that_the_rules_were_not_made_for_do_nearly_as_well() {
    for name in [
        "sleep 50 ms exp",
        "lock exp",
        "cpu hyperexp",
        "cpu + hot lock",
    ] {
        check_share(name, 0.95, 0.90);
    }
    // Known misses, from below: 5 % slow jobs hidden in one route; calls as long as windows.
    check_share("hidden bimodal", 0.88, 0.75);
    check_share("calls of 1 s exp", 0.75, 0.60);
}

#[test]
fn calls_of_a_second_reach_95_percent_in_the_second_minute() {
    let late = adaptive("calls of 1 s exp").1.late;
    assert!(late >= 0.95, "{late:.3}");
}

#[test]
fn no_more_than_half_as_many_again_where_more_threads_harm() {
    for name in ["cpu 2 ms", "lock retrograde", "usl"] {
        let trials = &adaptive(name).1;
        assert!(
            trials.overshoot_max <= 1.5,
            "{name}: {:.2}",
            trials.overshoot_max
        );
        assert!(
            trials.overshoot_mean <= 1.4,
            "{name}: {:.2}",
            trials.overshoot_mean
        );
    }
}

#[test]
fn sleeping_jobs_have_their_threads_within_seconds() {
    let trials = &adaptive("sleep 50 ms").1;
    assert!(trials.converged_s <= 3.0, "{} s", trials.converged_s);
    for report in &trials.reports {
        assert!(report.at(3).limit >= 192, "{:?}", report.at(3));
    }
}

#[test]
fn threads_that_are_not_needed_are_given_back() {
    let (oracle, trials) = adaptive("backend of 20");
    assert!(
        trials.limit_mean <= 1.5 * oracle.size_good as f64,
        "{:.0}",
        trials.limit_mean
    );
    assert!(adaptive("cpu 2 ms").1.limit_mean < 4.0);
}

#[test]
fn the_other_policies_fail_where_they_are_known_to_fail() {
    let share = |name: &str, kind| {
        let workload = workload::find(name).expect(name);
        simulate(&workload, kind, 2).rate_whole() / adaptive(name).0.rate
    };
    assert!(share("lock retrograde", PolicyKind::Greedy) < 0.1);
    assert!(share("sleep 50 ms", PolicyKind::Greedy) > 0.95);
    assert!(share("sleep 50 ms", PolicyKind::Fixed(4)) < 0.1);
    assert!(share("step cpu/io", PolicyKind::Seed) < 0.5);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let workload = workload::find("mix shift").expect("in the table");
    let run = |seed| simulate(&workload, PolicyKind::Adaptive, seed);
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).answers, run(6).answers);
}

#[test]
fn an_open_loop_is_served_within_seconds_and_gives_its_threads_back() {
    let workload = workload::find("open 50 ms").expect("in the table");
    for seed in 2..6 {
        let report = simulate(&workload, PolicyKind::Adaptive, seed);
        let served_s = report.reaches_s(900.0).expect("90 % of the load is served");
        assert!(served_s <= 3.0, "seed {seed}: {served_s} s");
        let good = report.goodput(0, 10.0, 120.0, 0.2);
        assert!(
            good > 980.0,
            "seed {seed}: {good:.0} of 1000 jobs/s within 200 ms"
        );
        // 51 are needed on average; the backlog of the start took more.
        assert!(report.limit_max <= 150, "seed {seed}: {}", report.limit_max);
        let last = report.at(120);
        assert!(
            last.threads <= 90 && last.limit <= last.threads,
            "seed {seed}: {last:?}"
        );
    }
}

#[test]
fn a_backend_that_hangs_does_not_take_the_pool_with_it() {
    let workload = workload::find("hang of 5 s").expect("in the table");
    for seed in 2..6 {
        let report = simulate(&workload, PolicyKind::Adaptive, seed);
        let after = report.goodput(0, 36.0, 41.0, 0.2);
        assert!(
            after > 180.0,
            "seed {seed}: {after:.0} of 200 jobs/s after the hang"
        );
        assert!(report.limit_max < 256, "seed {seed}: the whole pool hung");
        assert!(
            report.at(90).threads < 64,
            "seed {seed}: {:?}",
            report.at(90)
        );
    }
}

#[test]
fn a_route_that_hangs_leaves_the_others_alone() {
    let workload = workload::find("a fifth hangs").expect("in the table");
    let mut during = 0.0;
    for seed in 2..6 {
        let report = simulate(&workload, PolicyKind::Adaptive, seed);
        let later = report.goodput(0, 50.0, 90.0, 0.2);
        assert!(later > 72.0, "seed {seed}: {later:.0} of 80 jobs/s later");
        during += report.goodput(0, 30.0, 40.0, 0.2) / 4.0;
    }
    assert!(
        during > 50.0,
        "{during:.0} of 80 jobs/s in the first ten seconds"
    );
    let stuck = simulate(&workload, PolicyKind::Fixed(4), 2).goodput(0, 32.0, 90.0, 0.2);
    assert!(stuck < 10.0, "four threads hang: {stuck:.0}");
}

//! The rules one by one, on hand-made observations.

use std::cell::Cell;

use super::*;
use crate::controller::fixture::{Dice, Feed, Load, observe};

const BOUNDS: Bounds = Bounds {
    min: 2,
    start: 4,
    max: 256,
};
/// Cheap jobs of 50 ms: the more permits the better.
const SLEEP: fn(usize) -> Load = |limit| Load {
    cpu: 0.02,
    ..Load::waiting(limit, 0.05)
};
/// 100 jobs per second whatever the limit.
const CAPPED: fn(usize) -> Load = |limit| Load {
    cpu: 0.02,
    ..Load::capped(limit, 100.0)
};

fn adaptive() -> Adaptive {
    Adaptive::new(BOUNDS, 20)
}

fn has(decisions: &[Decision], reason: Reason) -> bool {
    decisions.iter().any(|decision| decision.reason == reason)
}

fn limit_max(decisions: &[Decision]) -> usize {
    decisions
        .iter()
        .map(|decision| decision.limit)
        .max()
        .unwrap_or(0)
}

/// The decisions that changed something, as (reason, limit).
fn moves(decisions: &[Decision]) -> Vec<(Reason, usize)> {
    let mut moves: Vec<(Reason, usize)> = Vec::new();
    for decision in decisions {
        let idle = matches!(decision.reason, Reason::Measuring | Reason::Settling);
        if !idle {
            moves.push((decision.reason, decision.limit));
        }
    }
    moves
}

#[test]
fn rule_1_an_unsaturated_pool_never_grows() {
    for load in [
        Load {
            saturated: 0.5,
            ..Load::waiting(4, 0.05)
        },
        Load {
            saturated: 0.5,
            queued: 0,
            ..Load::waiting(4, 0.05)
        },
        Load {
            saturated: 0.0,
            rate: 0.0,
            queued: 0,
            ..Load::default()
        },
    ] {
        let decisions = Feed::new(4).run(&mut adaptive(), 30.0, |_| load);
        assert_eq!(limit_max(&decisions), 4, "{load:?}");
        assert!(has(&decisions, Reason::NotSaturated));
        assert!(decisions.iter().all(|decision| !decision.growth_exhausted));
    }
}

#[test]
fn rule_1_a_queue_that_empties_by_itself_is_left_to_do_so() {
    let queued = Cell::new(1000.0);
    let decisions = Feed::new(4).run(&mut adaptive(), 1.5, |limit| {
        queued.set(queued.get() * 0.9);
        Load {
            queued: queued.get() as usize,
            ..SLEEP(limit)
        }
    });
    assert_eq!(limit_max(&decisions), 4);
    assert!(has(&decisions, Reason::Draining));
}

#[test]
fn rule_2_a_window_waits_for_enough_completions() {
    // 40 jobs/s: 20 completions take half a second, a tick before the first window included.
    let mut feed = Feed::new(4);
    let decisions = feed.run(&mut adaptive(), 0.5, |limit| Load::waiting(limit, 0.1));
    assert!(moves(&decisions).is_empty(), "{decisions:?}");
    let decisions = Feed::new(4).run(&mut adaptive(), 0.65, |limit| Load::waiting(limit, 0.1));
    assert!(has(&decisions, Reason::Grow));
    let hurried = Feed::new(4).run(&mut Adaptive::new(BOUNDS, 8), 0.3, |l| {
        Load::waiting(l, 0.1)
    });
    assert!(
        has(&hurried, Reason::Grow),
        "a smaller average closes sooner"
    );
}

#[test]
fn rule_3_doubles_while_it_pays_up_to_the_maximum() {
    let mut feed = Feed::new(4);
    let decisions = feed.run(&mut adaptive(), 3.0, SLEEP);
    assert_eq!(
        moves(&decisions)[..3],
        [(Reason::Grow, 8), (Reason::Grow, 32), (Reason::Grow, 128)]
    );
    let last = decisions.last().unwrap();
    assert_eq!((last.limit, last.growth_exhausted), (256, true));
    assert!(has(&decisions, Reason::AtMax));
}

#[test]
fn rule_3_takes_useless_threads_back_first_coarsely_then_finely() {
    let decisions = Feed::new(4).run(&mut adaptive(), 4.9, CAPPED);
    let moves = moves(&decisions);
    assert_eq!(moves[..2], [(Reason::Grow, 8), (Reason::Revert, 4)]);
    assert_eq!(moves[2..4], [(Reason::GrowFine, 5), (Reason::Revert, 4)]);
    assert_eq!(limit_max(&decisions), 8);
}

#[test]
fn rule_3_goes_on_finely_where_a_doubling_pays_little() {
    let little = |limit: usize| {
        let rate = 100.0 * (limit as f64).powf(0.3);
        Load {
            cpu: 0.02,
            ..Load::capped(limit, rate)
        }
    };
    let decisions = Feed::new(4).run(&mut adaptive(), 4.0, little);
    let moves = moves(&decisions);
    assert_eq!(
        moves[..3],
        [
            (Reason::Grow, 8),
            (Reason::Accept, 8),
            (Reason::GrowFine, 10)
        ]
    );
}

#[test]
fn rule_3_does_not_double_past_what_the_cpu_allows() {
    // 16 useful threads: 2 cores, 1/8 of each job is computing.
    let load = |limit: usize| {
        let rate = limit as f64 / 0.01;
        Load {
            cpu: rate * 0.00125 / 2.0,
            ..Load::waiting(limit, 0.01)
        }
    };
    let decisions = Feed::new(4).run(&mut adaptive(), 0.8, load);
    assert_eq!(
        moves(&decisions)[..2],
        [(Reason::Grow, 8), (Reason::Grow, 12)]
    );
}

#[test]
fn rule_4_a_full_cpu_vetoes_growth() {
    // As many threads as the CPU can use: 2 cores at 97 %, all of the service time computing.
    let busy = |_: usize| Load {
        cpu: 0.97,
        rate: 1000.0,
        service_s: 0.00194,
        ..Load::default()
    };
    let decisions = Feed::new(4).run(&mut adaptive(), 4.0, busy);
    assert_eq!(limit_max(&decisions), 4);
    assert!(has(&decisions, Reason::CpuVeto));
    assert!(decisions.last().unwrap().growth_exhausted);
}

#[test]
fn rule_4_a_full_cpu_gives_up_a_few_of_far_too_many_threads() {
    let busy = |_: usize| Load {
        cpu: 0.97,
        rate: 1000.0,
        service_s: 0.00194,
        ..Load::default()
    };
    let decisions = Feed::new(100).run(&mut adaptive(), 1.0, busy);
    // 2 useful, 5 enough, a thirty-second of the other 95.
    assert_eq!(moves(&decisions)[0], (Reason::CpuShrink, 97));
}

#[test]
fn rule_5_a_refusal_holds_off_for_longer_each_time() {
    let bounds = Bounds { min: 4, ..BOUNDS };
    let mut policy = Adaptive::new(bounds, 20);
    let mut feed = Feed::new(4);
    let mut steps_s = Vec::new();
    for _ in 0..20 * 120 {
        let decision = feed.tick(&mut policy, CAPPED(feed.seen.limit));
        if decision.reason == Reason::GrowFine {
            steps_s.push(feed.seen.now_s);
        }
        if decision.reason == Reason::Backoff {
            assert!(decision.growth_exhausted);
        }
    }
    let gaps: Vec<f64> = steps_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((4..12).contains(&steps_s.len()), "{steps_s:?}");
    assert!(gaps.windows(2).all(|pair| pair[1] > pair[0]), "{gaps:?}");
}

#[test]
fn rule_5_a_refusal_is_void_once_the_cpu_has_room() {
    let mut policy = adaptive();
    let mut feed = Feed::new(4);
    feed.run(&mut policy, 10.0, |limit| Load {
        cpu: 0.8,
        ..CAPPED(limit)
    });
    assert!(feed.seen.limit <= 5);
    let decisions = feed.run(&mut policy, 5.0, SLEEP);
    assert!(has(&decisions, Reason::Grow));
    assert!(limit_max(&decisions) > 100, "{:?}", moves(&decisions));
}

#[test]
fn rule_6_probes_down_and_keeps_what_it_needs() {
    let bounds = Bounds { max: 16, ..BOUNDS };
    let mut policy = Adaptive::new(bounds, 20);
    let mut feed = Feed::new(4);
    let decisions = feed.run(&mut policy, 70.0, SLEEP);
    let moves = moves(&decisions);
    let probe = moves
        .iter()
        .position(|&(reason, _)| reason == Reason::ProbeDown)
        .unwrap();
    let expected = [
        (Reason::ProbeDown, 12),
        (Reason::ProbeReturn, 16),
        (Reason::Keep, 16),
    ];
    assert_eq!(moves[probe..probe + 3], expected);
    let probing = decisions.iter().filter(|decision| decision.limit == 12);
    assert!(probing.clone().count() > 0);
    assert!(
        probing.clone().all(|decision| decision.growth_exhausted),
        "12 is a probe from 16"
    );
}

#[test]
fn rule_6_takes_the_smaller_size_that_does_as_well() {
    let mut policy = adaptive();
    let mut feed = Feed::new(40);
    let decisions = feed.run(&mut policy, 60.0, CAPPED);
    assert!(has(&decisions, Reason::Shrink));
    assert!(feed.seen.limit <= 20, "{:?}", moves(&decisions));
}

#[test]
fn rule_7_another_service_time_at_the_same_limit_is_a_new_regime() {
    let mut policy = Adaptive::new(Bounds { min: 4, ..BOUNDS }, 20);
    let mut feed = Feed::new(4);
    feed.run(&mut policy, 30.0, CAPPED);
    while feed.tick(&mut policy, CAPPED(feed.seen.limit)).reason != Reason::Backoff {}
    assert_eq!(feed.seen.limit, 4);
    // Twice as slow, with the same CPU by job and by second; the backoff alone would last longer.
    let decisions = feed.run(&mut policy, 3.0, |limit| Load {
        cpu: 0.02,
        ..Load::capped(limit, 60.0)
    });
    let step = moves(&decisions)
        .into_iter()
        .find(|&(reason, _)| reason == Reason::Grow);
    assert_eq!(step, Some((Reason::Grow, 8)));
}

#[test]
fn rule_8_starvation_grows_blindly_ever_more_slowly() {
    let mut policy = adaptive();
    let mut feed = Feed::new(4);
    let hung = Load {
        rate: 0.0,
        cpu: 0.05,
        ..Load::default()
    };
    let mut steps = Vec::new();
    for _ in 0..400 {
        if feed.tick(&mut policy, hung).reason == Reason::Starvation {
            steps.push((feed.seen.now_s, feed.seen.limit));
        }
    }
    assert_eq!(
        steps[..3].iter().map(|step| step.1).collect::<Vec<_>>(),
        [6, 8, 10]
    );
    assert!(steps[0].0 < 0.3, "{steps:?}");
    let first_s = steps[1].0 - steps[0].0;
    let last_s = steps[steps.len() - 1].0 - steps[steps.len() - 2].0;
    assert!(first_s < 0.3 && last_s > 4.0, "{steps:?}");
    assert!(
        steps.last().unwrap().1 < 100,
        "20 s do not exhaust the pool: {steps:?}"
    );
}

#[test]
fn rule_8_work_is_no_starvation_and_one_completion_ends_it() {
    let hung = Load {
        rate: 0.0,
        ..Load::default()
    };
    for load in [Load { cpu: 0.9, ..hung }, Load { queued: 0, ..hung }] {
        let decisions = Feed::new(4).run(&mut adaptive(), 5.0, |_| load);
        assert_eq!(limit_max(&decisions), 4, "{load:?}");
    }
    let slow = Load {
        rate: 30.0,
        service_s: 0.13,
        ..Load::default()
    };
    assert!(!has(
        &Feed::new(4).run(&mut adaptive(), 5.0, |_| slow),
        Reason::Starvation
    ));
}

#[test]
fn rule_8_helps_even_if_everything_hangs_in_the_middle_of_a_probe() {
    let mut policy = Adaptive::new(Bounds { max: 64, ..BOUNDS }, 20);
    let mut feed = Feed::new(40);
    while feed.tick(&mut policy, CAPPED(feed.seen.limit)).reason != Reason::ProbeDown {}
    let hung = Load {
        rate: 0.0,
        cpu: 0.05,
        ..Load::default()
    };
    let helped = (0..100).any(|_| {
        let mut seen = feed.seen;
        seen.now_s += 0.05;
        // Those 40 that ran before the probe still run: more than the limit allows.
        seen.busy = 40;
        seen.queued = hung.queued;
        feed.seen = seen;
        let decision = policy.tick(&seen);
        feed.seen.limit = decision.limit;
        decision.reason == Reason::Starvation && decision.limit > 32
    });
    assert!(helped);
}

#[test]
fn rule_9_without_threads_it_waits_a_second() {
    let mut policy = adaptive();
    let mut feed = Feed::new(4);
    let mut asked_s = Vec::new();
    for _ in 0..100 {
        let decision = feed.tick(&mut policy, SLEEP(4));
        if decision.limit > 4 {
            asked_s.push(feed.seen.now_s);
        }
        feed.seen.limit = 4;
    }
    assert!(asked_s.len() > 2, "{asked_s:?}");
    assert!(
        asked_s.windows(2).all(|pair| pair[1] - pair[0] >= 1.0),
        "{asked_s:?}"
    );
}

#[test]
fn rule_9_a_step_that_was_cut_is_judged_by_what_it_got() {
    let mut policy = adaptive();
    let mut feed = Feed::new(4);
    for _ in 0..100 {
        feed.tick(&mut policy, SLEEP(feed.seen.limit));
        feed.seen.limit = feed.seen.limit.min(6);
    }
    assert_eq!(feed.seen.limit, 6);
}

#[test]
fn it_settles_before_it_measures() {
    let mut policy = adaptive();
    let mut feed = Feed::new(4);
    let decisions = feed.run(&mut policy, 2.0, SLEEP);
    let grow = decisions
        .iter()
        .position(|decision| decision.reason == Reason::Grow)
        .unwrap();
    assert_eq!(decisions[grow + 1].reason, Reason::Settling);
}

#[test]
fn the_bounds_hold_whatever_it_sees() {
    for seed in 1..60 {
        let mut dice = Dice::new(seed);
        let (min, span) = (1 + dice.below(8), dice.below(300));
        let bounds = Bounds {
            min,
            start: min + span / 3,
            max: min + span,
        };
        let mut policy = Adaptive::new(bounds, dice.below(40));
        let mut seen = observe(0.0, bounds.start, Load::default());
        for _ in 0..2000 {
            disturb(&mut seen, &mut dice);
            let decision = policy.tick(&seen);
            let limits = bounds.min..=bounds.max;
            assert!(
                limits.contains(&decision.limit),
                "seed {seed}: {decision:?}"
            );
            // The pool may give less, as the budget does.
            seen.limit = if dice.below(5) == 0 {
                decision.limit / 2
            } else {
                decision.limit
            };
        }
    }
}

/// Moves every value by chance, by sensible and by absurd amounts.
fn disturb(seen: &mut Observation, dice: &mut Dice) {
    let mut some = |usual: f64| match dice.below(60) {
        0 => f64::NAN,
        1 => -usual,
        2 => f64::INFINITY,
        3..10 => 0.0,
        n => usual * n as f64 / 30.0,
    };
    let step_s = some(0.05);
    if step_s.is_finite() {
        seen.now_s += step_s;
    }
    let totals = &mut seen.totals;
    for total in [
        &mut totals.saturated_s,
        &mut totals.host_cpu_s,
        &mut totals.run_delay_s,
    ] {
        *total = if total.is_finite() {
            *total + some(0.04)
        } else {
            0.0
        };
    }
    totals.fresh += some(20.0).clamp(0.0, 1e6);
    totals.busy_s += some(0.5);
    totals.worker_cpu_s += some(0.05);
    for route in &mut totals.routes[..3] {
        route.completed += some(10.0).clamp(0.0, 1e6);
        route.service_s += some(0.3);
        route.service_sq_s2 += some(0.01);
    }
    seen.queued = dice.below(100);
    seen.busy = dice.below(2) * seen.limit + dice.below(3);
    seen.cores = [0.0, 0.5, 2.0, f64::NAN][dice.below(4)];
}

#[test]
fn nothing_at_all_changes_nothing() {
    let mut policy = adaptive();
    let mut seen = observe(
        0.0,
        4,
        Load {
            queued: 0,
            saturated: 0.0,
            ..Load::default()
        },
    );
    for second in 0..1000 {
        // The clock stands still for long, and goes back.
        seen.now_s = f64::from(second / 7 % 50);
        assert_eq!(policy.tick(&seen).limit, 4);
    }
}

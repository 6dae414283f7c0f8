//! The queue's promises, with time passed in.

use super::*;

const MS: u64 = 1_000_000;

fn queue(len_max: usize) -> JobQueue {
    JobQueue::new(Duration::from_millis(500), len_max)
}

fn push(queue: &JobQueue, now_ns: u64, client: u64) -> Result<Option<u64>, RefusalReason> {
    match queue.push(now_ns, Origin { client, route: 0 }, Box::new(|| ())) {
        Ok(shed) => Ok(shed.into_iter().next().map(|(queued, refusal)| {
            assert_eq!(refusal.reason, RefusalReason::Displaced);
            queued.origin.client
        })),
        Err(refusal) => Err(refusal.reason),
    }
}

fn take_all(queue: &JobQueue, now_ns: u64) -> (Vec<u64>, Vec<RefusalReason>) {
    let (mut taken, mut shed) = (Vec::new(), Vec::new());
    while let Some(queued) = queue.take(now_ns, &mut shed) {
        taken.push(queued.origin.client);
    }
    (
        taken,
        shed.into_iter()
            .map(|(_, refusal)| refusal.reason)
            .collect(),
    )
}

#[test]
fn a_full_queue_takes_from_the_client_that_holds_most() {
    let queue = queue(10);
    for _ in 0..8 {
        push(&queue, 0, 1).unwrap();
    }
    push(&queue, 0, 2).unwrap();
    push(&queue, 0, 3).unwrap();
    assert_eq!(push(&queue, 0, 4), Ok(Some(1)));
    assert_eq!(push(&queue, 0, 1), Err(RefusalReason::QueueFull));
    assert_eq!(queue.len(), 10);
    assert_eq!(take_all(&queue, 0).0, [1, 2, 3, 4, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn equals_do_not_displace_each_other() {
    let queue = queue(3);
    for client in 1..=3 {
        push(&queue, 0, client).unwrap();
    }
    assert_eq!(push(&queue, 0, 4), Err(RefusalReason::QueueFull));
}

#[test]
fn the_predicted_wait_bounds_the_queue() {
    let queue = queue(4096);
    queue.set_outlook(Outlook {
        service_ns: Some(50 * MS),
        workers: 4.0,
        exhausted: true,
    });
    let accepted = (0..100).take_while(|_| push(&queue, 0, 1).is_ok()).count();
    assert_eq!(accepted, 40, "40 jobs x 50 ms / 4 workers = 500 ms");
    assert_eq!(push(&queue, 0, 1), Err(RefusalReason::PredictedWait));
}

#[test]
fn a_greedy_client_does_not_make_the_wait_too_long_for_others() {
    let queue = queue(4096);
    queue.set_outlook(Outlook {
        service_ns: Some(50 * MS),
        workers: 16.0,
        exhausted: true,
    });
    let mut held = 0;
    while push(&queue, 0, 1).is_ok() {
        held += 1;
    }
    assert_eq!(held, 160, "500 ms of 16 workers with 50 ms each");
    assert_eq!(push(&queue, 0, 2), Ok(Some(1)));
    assert_eq!(push(&queue, 0, 1), Err(RefusalReason::PredictedWait));
    assert_eq!(take_all(&queue, 0).0[..3], [1, 2, 1]);
}

#[test]
fn a_pool_that_still_grows_accepts_more() {
    let queue = queue(4096);
    queue.set_outlook(Outlook {
        service_ns: Some(50 * MS),
        workers: 4.0,
        exhausted: false,
    });
    let accepted = (0..1000).take_while(|_| push(&queue, 0, 1).is_ok()).count();
    assert_eq!(accepted, 160);
}

#[test]
fn one_slow_job_never_closes_an_empty_queue() {
    let queue = queue(16);
    queue.set_outlook(Outlook {
        service_ns: Some(60_000 * MS),
        workers: 1.0,
        exhausted: true,
    });
    assert_eq!(push(&queue, 0, 1), Ok(None));
}

#[test]
fn what_waited_too_long_is_shed_by_the_taker_and_by_the_sweep() {
    let queue = queue(16);
    push(&queue, 0, 1).unwrap();
    push(&queue, 400 * MS, 2).unwrap();
    assert_eq!(
        take_all(&queue, 501 * MS),
        (vec![2], vec![RefusalReason::Waited])
    );
    push(&queue, 0, 1).unwrap();
    push(&queue, 400 * MS, 2).unwrap();
    assert_eq!(queue.sweep(501 * MS, false).len(), 1);
    assert_eq!(queue.len(), 1);
    assert_eq!(queue.oldest_wait_ns(501 * MS), 101 * MS);
}

#[test]
fn newest_first_only_when_growth_is_exhausted() {
    for exhausted in [false, true] {
        let queue = queue(4096);
        queue.set_outlook(Outlook {
            service_ns: Some(MS),
            workers: 10.0,
            exhausted,
        });
        for client in 0..200 {
            push(&queue, client * MS, 7).unwrap();
        }
        // A standing queue of more than the target (100 ms), over more than one interval.
        let mut shed = Vec::new();
        for n in 0..30 {
            queue.take((200 + 10 * n) * MS, &mut shed);
        }
        push(&queue, 500 * MS, 7).unwrap();
        let next = queue.take(500 * MS, &mut Vec::new()).unwrap();
        assert_eq!(next.enqueued_ns == 500 * MS, exhausted);
    }
}

#[test]
fn tiny_jobs_pass_in_order_through_both_lanes() {
    let queue = queue(4096);
    queue.set_outlook(Outlook {
        service_ns: Some(1_000),
        workers: 1.0,
        exhausted: false,
    });
    for n in 0..2_000 {
        push(&queue, n, 1).unwrap();
    }
    assert_eq!(queue.len(), 2_000);
    let mut shed = Vec::new();
    let taken: Vec<u64> = std::iter::from_fn(|| {
        queue
            .take(2_000, &mut shed)
            .map(|queued| queued.enqueued_ns)
    })
    .collect();
    assert_eq!(taken, (0..2_000).collect::<Vec<_>>());
    assert!(queue.is_empty() && shed.is_empty());
}

#[test]
fn tiny_jobs_that_get_stuck_come_under_the_rules_of_the_fair_lane() {
    let queue = queue(4096);
    queue.set_outlook(Outlook {
        service_ns: Some(1_000),
        workers: 1.0,
        exhausted: false,
    });
    for n in 0..100 {
        push(&queue, n, 1).unwrap();
    }
    push(&queue, 100, 2).unwrap();
    assert_eq!(queue.sweep(10 * MS, false).len(), 0);
    assert_eq!(
        queue.oldest_wait_ns(10 * MS),
        0,
        "they are about to be done"
    );
    assert_eq!(queue.sweep(10 * MS, true).len(), 0);
    assert_eq!(
        queue.oldest_wait_ns(10 * MS),
        10 * MS,
        "recalled, oldest first"
    );
    assert_eq!(
        take_all(&queue, 10 * MS).0[..3],
        [2, 1, 1],
        "the other client no longer waits for all"
    );
    for n in 0..100 {
        push(&queue, 10 * MS + n, 1).unwrap();
    }
    assert_eq!(queue.sweep(600 * MS, true).len(), 100);
    assert!(queue.is_empty());
}

#[test]
fn closing_gives_everything_back() {
    let queue = queue(16);
    push(&queue, 0, 1).unwrap();
    push(&queue, 0, 2).unwrap();
    let left = queue.close();
    assert_eq!(left.len(), 2);
    assert!(
        left.iter()
            .all(|(_, refusal)| refusal.reason == RefusalReason::Stopping)
    );
    assert_eq!(push(&queue, 0, 1), Err(RefusalReason::Stopping));
}

#[test]
fn retry_times_are_spread_and_bounded() {
    let queue = queue(1);
    push(&queue, 0, 1).unwrap();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let refusal = queue
            .push(0, Origin::default(), Box::new(|| ()))
            .err()
            .unwrap();
        assert!((Duration::from_secs(1)..=Duration::from_secs(45)).contains(&refusal.retry_after));
        seen.insert(refusal.retry_after);
    }
    assert!(seen.len() > 50);
}

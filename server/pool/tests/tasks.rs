//! Tasks: readiness, notices, deadlines, panics, and that blocked jobs never hold them up.

mod common;

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use common::{PATIENCE, await_stats, block, fixed};
use harmonious_pool::mio::Interest;
use harmonious_pool::mio::net::{TcpListener, TcpStream};
use harmonious_pool::{
    Config, Context, Error, Flow, Job, JobContext, Notifier, Origin, Pool, Task,
};

/// A task made of a closure.
struct Closure<F>(F);

impl<F: FnMut(&mut Context<'_>) -> Flow + Send + 'static> Task for Closure<F> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        (self.0)(cx)
    }
}

/// Accepts connections; each becomes an [`Echo`].
struct Acceptor {
    listener: TcpListener,
    pool: harmonious_pool::Handle,
    registered: bool,
}

impl Task for Acceptor {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if cx.draining() {
            return Flow::Done;
        }
        if !self.registered {
            cx.register(&mut self.listener, Interest::READABLE).unwrap();
            self.registered = true;
        }
        while let Ok((stream, _)) = self.listener.accept() {
            self.pool
                .spawn(Echo {
                    stream,
                    registered: false,
                    out: Vec::new(),
                    closed: false,
                })
                .unwrap();
        }
        Flow::Wait
    }
}

/// Sends back what it reads.
struct Echo {
    stream: TcpStream,
    registered: bool,
    out: Vec<u8>,
    closed: bool,
}

impl Echo {
    fn read(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return self.closed = true,
                Ok(n) => self.out.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.closed = true,
            }
        }
    }

    fn write(&mut self) {
        while !self.out.is_empty() {
            match self.stream.write(&self.out) {
                Ok(n) => drop(self.out.drain(..n)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.out.clear(),
            }
        }
    }
}

impl Task for Echo {
    fn poll(&mut self, cx: &mut Context<'_>) -> Flow {
        if !self.registered {
            cx.register(&mut self.stream, Interest::READABLE | Interest::WRITABLE)
                .unwrap();
            self.registered = true;
        }
        self.read();
        self.write();
        if self.closed && self.out.is_empty() || cx.draining() {
            Flow::Done
        } else {
            Flow::Wait
        }
    }
}

fn echo_server(pool: &Pool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    pool.spawn(Acceptor {
        listener,
        pool: pool.handle(),
        registered: false,
    })
    .unwrap();
    address
}

fn exchange(address: SocketAddr, message: &[u8]) {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..10 {
        stream.write_all(message).unwrap();
        let mut answer = vec![0; message.len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, message);
    }
}

#[test]
fn sockets_are_served_by_tasks() {
    let pool = Pool::start(Config::default()).unwrap();
    let address = echo_server(&pool);
    std::thread::scope(|scope| {
        for n in 0..20 {
            scope.spawn(move || exchange(address, format!("client {n}").as_bytes()));
        }
    });
    let stats = await_stats(&pool, "the connections gone", |stats| stats.tasks == 1);
    assert_eq!(stats.task_panics, 0);
    assert!(pool.shutdown(PATIENCE).is_clean());
}

#[test]
fn with_every_permit_blocked_tasks_go_on() {
    let pool = Pool::start(fixed(4)).unwrap();
    let address = echo_server(&pool);
    let gate = block(&pool, 4);
    exchange(address, b"still here");
    assert_eq!(pool.stats().busy, 4);
    gate.open();
}

#[test]
fn a_large_message_is_read_and_written_as_the_socket_takes_it() {
    let pool = Pool::start(fixed(1)).unwrap();
    let address = echo_server(&pool);
    let message: Vec<u8> = (0..3_000_000_u32).map(|n| n as u8).collect();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let mut reader = stream.try_clone().unwrap();
    let sent = message.clone();
    let sender = std::thread::spawn(move || {
        stream.write_all(&sent).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut answer = Vec::new();
    reader.read_to_end(&mut answer).unwrap();
    sender.join().unwrap();
    assert!(answer == message);
}

#[test]
fn a_notifier_wakes_from_anywhere_and_notices_before_the_poll_are_one() {
    let pool = Pool::start(fixed(1)).unwrap();
    let (tell, told) = channel::<Notifier>();
    let (count, counted) = channel();
    pool.spawn(Closure(move |cx: &mut Context<'_>| {
        tell.send(cx.notifier()).ok();
        count.send(cx.ready().notified()).unwrap();
        Flow::Wait
    }))
    .unwrap();
    let notifier = told.recv_timeout(PATIENCE).unwrap();
    assert!(counted.recv_timeout(PATIENCE).unwrap());
    for _ in 0..100 {
        notifier.notify();
        assert!(counted.recv_timeout(PATIENCE).unwrap());
    }
    let wakers = std::task::Waker::from(notifier);
    wakers.wake_by_ref();
    assert!(counted.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn a_job_notifies_its_task_when_it_returns() {
    struct Work(Notifier);
    impl Job for Work {
        fn run(self: Box<Self>, cx: &mut JobContext) {
            cx.notify_on_return(self.0);
        }
    }
    let pool = Pool::start(fixed(1)).unwrap();
    let (done, all_done) = channel();
    let mut left = 1_000;
    pool.spawn(Closure(move |cx: &mut Context<'_>| {
        if left == 0 {
            done.send(()).unwrap();
            return Flow::Done;
        }
        left -= 1;
        let notifier = cx.notifier();
        cx.submit(Origin::default(), Work(notifier)).unwrap();
        Flow::Wait
    }))
    .unwrap();
    all_done.recv_timeout(PATIENCE).unwrap();
    assert_eq!(
        await_stats(&pool, "1000 jobs", |stats| stats.tasks == 0).completions,
        1_000
    );
}

fn sleeper(after: Duration, to: Sender<(Duration, Duration)>) -> impl Task {
    let mut began = None;
    Closure(move |cx: &mut Context<'_>| match began {
        None => {
            began = Some(cx.now());
            cx.set_deadline(Some(cx.now() + after));
            Flow::Wait
        }
        Some(began) if cx.ready().deadline() => {
            to.send((after, cx.now() - began)).unwrap();
            Flow::Done
        }
        Some(_) => Flow::Wait,
    })
}

#[test]
fn ten_thousand_deadlines_fire_never_early_each_once() {
    let pool = Pool::start(fixed(2)).unwrap();
    let (to, from) = channel();
    for n in 0..10_000_u64 {
        pool.spawn(sleeper(
            Duration::from_micros(n * 7919 % 300_000),
            to.clone(),
        ))
        .unwrap();
    }
    drop(to);
    let fired: Vec<_> = from.iter().collect();
    assert_eq!(fired.len(), 10_000);
    for (wanted, got) in fired {
        assert!(got >= wanted, "{got:?} is before {wanted:?}");
    }
    await_stats(&pool, "no task left", |stats| stats.tasks == 0);
}

#[test]
fn a_deadline_can_move_back_forward_and_away() {
    let pool = Pool::start(fixed(1)).unwrap();
    let (to, from) = channel();
    let mut step = 0;
    pool.spawn(Closure(move |cx: &mut Context<'_>| {
        let hour = Duration::from_secs(3600);
        step += 1;
        match step {
            1 => cx.set_deadline(Some(cx.now() + Duration::from_millis(1))),
            // Fired. Now far away, then nearer, then none and again, all in one poll.
            2 => {
                assert!(cx.ready().deadline());
                cx.set_deadline(Some(cx.now() + hour));
                cx.set_deadline(Some(cx.now() + Duration::from_millis(2)));
                cx.set_deadline(None);
                cx.set_deadline(Some(cx.now() + Duration::from_millis(3)));
            }
            _ => {
                to.send(cx.ready().deadline()).unwrap();
                return Flow::Done;
            }
        }
        Flow::Wait
    }))
    .unwrap();
    assert!(from.recv_timeout(PATIENCE).unwrap());
}

#[test]
fn a_deadline_set_from_a_busy_thread_wakes_a_sleeping_leader() {
    // Two permits: while one thread is in a job, another leads the reactor without a time limit.
    let pool = Pool::start(fixed(2)).unwrap();
    for _ in 0..50 {
        await_stats(&pool, "an idle pool", |stats| {
            stats.parked + 1 == stats.threads
        });
        let (to, from) = channel();
        pool.spawn(sleeper(Duration::from_millis(2), to)).unwrap();
        from.recv_timeout(PATIENCE).unwrap();
    }
}

#[test]
fn a_panicking_task_ends_alone() {
    let pool = Pool::start(fixed(1)).unwrap();
    pool.spawn(Closure(|_: &mut Context<'_>| panic!("on purpose")))
        .unwrap();
    let stats = await_stats(&pool, "the panic", |stats| {
        stats.task_panics == 1 && stats.tasks == 0
    });
    assert_eq!(stats.threads, 2);
    let address = echo_server(&pool);
    exchange(address, b"alive");
}

#[test]
fn a_task_that_wants_more_is_polled_while_its_own_job_blocks_the_thread() {
    let pool = Pool::start(fixed(2)).unwrap();
    let gate = common::Gate::default();
    let (to, from) = channel();
    let (mut polls, held) = (0, gate.clone());
    pool.spawn(Closure(move |cx: &mut Context<'_>| {
        polls += 1;
        if polls == 1 {
            let held = held.clone();
            cx.submit(Origin::default(), move || held.pass()).unwrap();
            return Flow::Again;
        }
        to.send(()).unwrap();
        Flow::Done
    }))
    .unwrap();
    from.recv_timeout(PATIENCE).expect("the second poll");
    gate.open();
}

/// Found by `bench/run pool-task`: the watch did not look at the run queues, so that a task which
/// was queued while both awake threads went into blocking jobs stayed there.
#[test]
fn tasks_do_not_strand_behind_threads_that_have_just_blocked() {
    let pool = Pool::start(fixed(4)).unwrap();
    let (tell, told) = channel::<Notifier>();
    let (to, from) = channel();
    pool.spawn(Closure(move |cx: &mut Context<'_>| {
        tell.send(cx.notifier()).ok();
        to.send(()).ok();
        Flow::Wait
    }))
    .unwrap();
    let notifier = told.recv_timeout(PATIENCE).unwrap();
    from.recv_timeout(PATIENCE).unwrap();
    for _ in 0..100 {
        // Short jobs first, so that the pool expects short ones.
        for _ in 0..100 {
            pool.submit(Origin::default(), || ()).unwrap();
        }
        let gate = common::Gate::default();
        for _ in 0..4 {
            let (gate, notifier) = (gate.clone(), notifier.clone());
            pool.submit(Origin::default(), move || {
                notifier.notify();
                gate.pass();
            })
            .unwrap();
        }
        from.recv_timeout(PATIENCE)
            .expect("a poll while all four jobs are blocked");
        gate.open();
        await_stats(&pool, "all done", |stats| {
            stats.busy == 0 && stats.queued == 0
        });
        while from.try_recv().is_ok() {}
    }
}

#[test]
fn tasks_are_bounded() {
    let pool = Pool::start(Config {
        tasks_max: 3,
        ..fixed(1)
    })
    .unwrap();
    for _ in 0..3 {
        pool.spawn(Closure(|_: &mut Context<'_>| Flow::Wait))
            .unwrap();
    }
    let refused = pool
        .spawn(Closure(|_: &mut Context<'_>| Flow::Wait))
        .unwrap_err();
    assert!(
        matches!(refused, Error::TooManyTasks { limit: 3 }),
        "{refused}"
    );
}

#[test]
fn a_task_that_always_wants_more_starves_nobody() {
    let pool = Pool::start(fixed(1)).unwrap();
    for _ in 0..4 {
        pool.spawn(Closure(|cx: &mut Context<'_>| {
            if cx.draining() {
                Flow::Done
            } else {
                Flow::Again
            }
        }))
        .unwrap();
    }
    let address = echo_server(&pool);
    exchange(address, b"in between");
    block(&pool, 1).open();
    let (to, from) = channel();
    pool.spawn(sleeper(Duration::from_millis(1), to)).unwrap();
    from.recv_timeout(PATIENCE).unwrap();
    assert!(pool.shutdown(PATIENCE).is_clean());
}

#[test]
fn a_waiting_task_is_not_polled() {
    let pool = Pool::start(fixed(4)).unwrap();
    let (to, from) = channel();
    pool.spawn(sleeper(Duration::from_millis(400), to)).unwrap();
    let polls_before = pool.stats().polls;
    let began = Instant::now();
    from.recv_timeout(PATIENCE).unwrap();
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert!(
        pool.stats().polls - polls_before <= 3,
        "a waiting task is not polled"
    );
}

//! What a simulated run came to.

/// The state of the pool at the end of a second of the run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Second {
    /// The time, in seconds.
    pub now_s: f64,
    /// Permits.
    pub limit: usize,
    /// Threads.
    pub threads: usize,
    /// Jobs that ended within this second.
    pub completed: usize,
}

/// A job that ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// Its route class.
    pub route: usize,
    /// When, in seconds.
    pub now_s: f64,
    /// From its arrival, the queue included, in seconds.
    pub response_s: f64,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Length of the run, in seconds.
    pub duration_s: f64,
    /// One entry for each second.
    pub seconds: Vec<Second>,
    /// Every job that ended, in order.
    pub answers: Vec<Answer>,
    /// Requests that came (open loop only).
    pub arrived: usize,
    /// Requests that found the queue full (open loop only).
    pub refused: usize,
    /// Threads started, those at the start not counted.
    pub spawned: usize,
    /// The largest limit that was in force.
    pub limit_max: usize,
    limit_s: f64,
    threads_s: f64,
    counted: usize,
}

impl Report {
    pub(super) fn new(start: usize) -> Self {
        Self {
            limit_max: start,
            ..Self::default()
        }
    }

    /// Jobs per second between two times.
    pub fn rate(&self, from_s: f64, to_s: f64) -> f64 {
        let inside = |answer: &&Answer| (from_s..to_s).contains(&answer.now_s);
        self.answers.iter().filter(inside).count() as f64 / (to_s - from_s)
    }

    /// Jobs per second over the whole run.
    pub fn rate_whole(&self) -> f64 {
        self.answers.len() as f64 / self.duration_s
    }

    /// Jobs per second in the second half.
    pub fn rate_late(&self) -> f64 {
        self.rate(0.5 * self.duration_s, self.duration_s)
    }

    /// Jobs of `route` per second that were answered within `within_s`, between two times.
    pub fn goodput(&self, route: usize, from_s: f64, to_s: f64, within_s: f64) -> f64 {
        let good = |answer: &&Answer| {
            answer.route == route
                && answer.response_s <= within_s
                && (from_s..to_s).contains(&answer.now_s)
        };
        self.answers.iter().filter(good).count() as f64 / (to_s - from_s)
    }

    /// The first second in which at least `rate` jobs ended, in seconds.
    pub fn reaches_s(&self, rate: f64) -> Option<f64> {
        self.seconds
            .iter()
            .find(|s| s.completed as f64 >= rate)
            .map(|s| s.now_s)
    }

    /// The mean limit.
    pub fn limit_mean(&self) -> f64 {
        self.limit_s / self.duration_s
    }

    /// The mean number of threads.
    pub fn threads_mean(&self) -> f64 {
        self.threads_s / self.duration_s
    }

    /// The state at the end of the second that ends at `now_s`.
    ///
    /// # Panics
    /// If the run was shorter.
    pub fn at(&self, now_s: usize) -> Second {
        self.seconds[now_s - 1]
    }

    pub(super) fn answered(&mut self, route: usize, now_s: f64, response_s: f64) {
        self.answers.push(Answer {
            route,
            now_s,
            response_s,
        });
    }

    pub(super) fn in_force(&mut self, limit: usize, threads: usize, seconds: f64) {
        self.limit_s += limit as f64 * seconds;
        self.threads_s += threads as f64 * seconds;
    }

    pub(super) fn changed(&mut self, limit: usize) {
        self.limit_max = self.limit_max.max(limit);
    }

    pub(super) fn second(&mut self, now_s: f64, limit: usize, threads: usize) {
        let completed = self.answers.len() - self.counted;
        self.counted = self.answers.len();
        self.seconds.push(Second {
            now_s,
            limit,
            threads,
            completed,
        });
    }
}

//! Server-sent events (WHATWG HTML, 9.2), and a hub that sends one message to all who listen.

use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use harmonious_pool::Notifier;
use http::header::{CACHE_CONTROL, HeaderValue};
use parking_lot::Mutex;
use slab::Slab;

use crate::config::{COALESCE_BYTES, HUB_KEEP_ALIVE, HUB_MESSAGES_KEPT};
use crate::request::Head;
use crate::response::{BodyStream, Piece, Response, StreamContext};

/// One event.
///
/// # Examples
/// ```
/// use harmonious_http::Event;
///
/// let event = Event::new("two\nlines").named("news");
/// assert_eq!(event.to_string(), "event: news\ndata: two\ndata: lines\n\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    name: Option<String>,
    data: String,
    retry: Option<Duration>,
}

impl Event {
    /// An event with data; it may have several lines.
    pub fn new(data: impl Into<String>) -> Event {
        Event {
            data: data.into(),
            ..Event::default()
        }
    }

    /// With a name. What follows a line break in it is left out: a name is one line.
    pub fn named(mut self, name: &str) -> Event {
        self.name = name.split(['\r', '\n']).next().map(str::to_owned);
        self
    }

    /// With the time after which a client that lost its connection comes back.
    pub fn retry(mut self, after: Duration) -> Event {
        self.retry = Some(after);
        self
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.name {
            writeln!(f, "event: {name}")?;
        }
        if let Some(retry) = self.retry {
            writeln!(f, "retry: {}", retry.as_millis())?;
        }
        // A lone CR ends a line too.
        for line in self.data.replace("\r\n", "\n").split(['\r', '\n']) {
            writeln!(f, "data: {line}")?;
        }
        f.write_char('\n')
    }
}

/// Sends each message to everybody who listens. It keeps the last [`HUB_MESSAGES_KEPT`]: who falls
/// further behind, or comes back with a `Last-Event-ID` that is older, is sent an event `lagged` with
/// the number of messages that he missed. A message is in memory once, however many listen.
///
/// # Examples
/// ```
/// use harmonious_http::{Event, Hub};
///
/// let hub = Hub::new();
/// let subscription = hub.subscribe(None);
/// hub.publish(&Event::new("hello"));
/// assert_eq!(hub.subscribers(), 0, "counted from the first poll on");
/// # drop(subscription);
/// ```
#[derive(Clone, Default)]
pub struct Hub(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// Held for moments.
    state: Mutex<State>,
    /// Who listens. Held for as long as it takes to wake them all; whoever reads messages does not
    /// need it.
    subscribers: Mutex<Slab<Notifier>>,
}

#[derive(Default)]
struct State {
    /// The last messages, oldest first.
    kept: VecDeque<Bytes>,
    /// The number of the next message; they count from 1.
    published: u64,
    closed: bool,
}

impl Hub {
    /// A hub without subscribers.
    pub fn new() -> Hub {
        Hub::default()
    }

    /// Sends an event to all; says its number, which is the event's `id`. It takes some time with
    /// many subscribers (about a fifth of a microsecond each), so call it from a handler.
    pub fn publish(&self, event: &Event) -> u64 {
        let number = {
            let mut state = self.0.state.lock();
            state.published += 1;
            let number = state.published;
            let message = format!("id: {number}\n{event}");
            if state.kept.len() == HUB_MESSAGES_KEPT {
                state.kept.pop_front();
            }
            state.kept.push_back(message.into());
            number
        };
        self.0.wake_all();
        number
    }

    /// Ends all subscriptions, once they have sent what was published before.
    pub fn close(&self) {
        self.0.state.lock().closed = true;
        self.0.wake_all();
    }

    /// Those who listen.
    pub fn subscribers(&self) -> usize {
        self.0.subscribers.lock().len()
    }

    /// A subscription, from the message after `after` on, or else from now on.
    pub fn subscribe(&self, after: Option<u64>) -> Subscription {
        let published = self.0.state.lock().published;
        Subscription {
            hub: Arc::clone(&self.0),
            // A number of another life of the server is not ours to resume from.
            seen: after
                .filter(|&after| after <= published)
                .unwrap_or(published),
            key: None,
            greeted: false,
        }
    }

    /// The response to a client that subscribes: resumes after its `Last-Event-ID`.
    pub fn response(&self, head: &Head) -> Response {
        let after = head.header("last-event-id").and_then(|id| id.parse().ok());
        Response::stream("text/event-stream", self.subscribe(after))
            .with(CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }
}

impl Shared {
    fn wake_all(&self) {
        for (_, notifier) in self.subscribers.lock().iter() {
            notifier.notify();
        }
    }
}

impl State {
    /// What comes after the message `seen`, up to about [`COALESCE_BYTES`].
    fn after(&self, seen: &mut u64) -> Option<Bytes> {
        let behind = self.published - *seen;
        if behind == 0 {
            return None;
        }
        let kept = self.kept.len() as u64;
        if behind > kept {
            *seen = self.published - kept;
            let missed = behind - kept;
            return Some(format!("event: lagged\ndata: {missed}\n\n").into());
        }
        let first = (kept - behind) as usize;
        if behind == 1 {
            *seen += 1;
            return Some(self.kept[first].clone());
        }
        let mut bytes = BytesMut::new();
        for message in self.kept.range(first..) {
            if !bytes.is_empty() && bytes.len() + message.len() > COALESCE_BYTES {
                break;
            }
            bytes.extend_from_slice(message);
            *seen += 1;
        }
        Some(bytes.freeze())
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("subscribers", &self.subscribers())
            .field("published", &self.0.state.lock().published)
            .finish()
    }
}

/// One client's view of a [`Hub`]: the body of its response.
pub struct Subscription {
    hub: Arc<Shared>,
    /// The last message that was sent.
    seen: u64,
    key: Option<usize>,
    greeted: bool,
}

impl BodyStream for Subscription {
    fn poll(&mut self, cx: &mut StreamContext) -> Piece {
        // Known before it looks: whatever is published after the look wakes it.
        if self.key.is_none() {
            self.key = Some(self.hub.subscribers.lock().insert(cx.notifier()));
        }
        let state = self.hub.state.lock();
        if let Some(bytes) = state.after(&mut self.seen) {
            self.greeted = true;
            return Piece::Data(bytes);
        }
        if state.closed || cx.draining() {
            return Piece::End;
        }
        drop(state);
        // A comment now and then, at first at once: proxies see the head, and a client that is gone
        // is found.
        if !self.greeted || cx.timed_out() {
            self.greeted = true;
            return Piece::Data(Bytes::from_static(b":\n\n"));
        }
        cx.wake_at(cx.now() + HUB_KEEP_ALIVE);
        Piece::Wait
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.hub.subscribers.lock().remove(key);
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Option<Bytes>) -> String {
        String::from_utf8(bytes.unwrap_or_default().to_vec()).unwrap()
    }

    #[test]
    fn data_cannot_break_out_of_its_field() {
        let event = Event::new("a\r\nid: 7\rretry: 1").named("x\ndata: y");
        assert_eq!(
            event.to_string(),
            "event: x\ndata: a\ndata: id: 7\ndata: retry: 1\n\n"
        );
    }

    #[test]
    fn messages_come_in_order_and_once() {
        let hub = Hub::new();
        let mut seen = 0;
        hub.publish(&Event::new("a"));
        assert_eq!(
            text(hub.0.state.lock().after(&mut seen)),
            "id: 1\ndata: a\n\n"
        );
        assert_eq!(hub.0.state.lock().after(&mut seen), None);
        hub.publish(&Event::new("b"));
        hub.publish(&Event::new("c"));
        let both = text(hub.0.state.lock().after(&mut seen));
        assert_eq!(both, "id: 2\ndata: b\n\nid: 3\ndata: c\n\n");
    }

    #[test]
    fn who_is_too_far_behind_is_told_how_many_he_missed() {
        let hub = Hub::new();
        let mut seen = 0;
        for n in 0..HUB_MESSAGES_KEPT + 5 {
            hub.publish(&Event::new(n.to_string()));
        }
        let first = text(hub.0.state.lock().after(&mut seen));
        assert_eq!(first, "event: lagged\ndata: 5\n\n");
        assert!(text(hub.0.state.lock().after(&mut seen)).starts_with("id: 6\ndata: 5\n\n"));
    }

    #[test]
    fn a_number_from_before_a_restart_is_not_resumed_from() {
        let hub = Hub::new();
        hub.publish(&Event::new("a"));
        assert_eq!(hub.subscribe(Some(900)).seen, 1);
        assert_eq!(hub.subscribe(Some(0)).seen, 0);
    }
}

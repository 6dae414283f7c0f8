//! What a connection has done by workers, since it may block: the handler itself, a large body's way
//! into a file, more of an iterator of chunks, a piece of a file that is not in memory.
//!
//! Each job leaves an [`Outcome`] at its connection's seat, whatever happens to it, and has the
//! connection polled next, by the same thread.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use harmonious_pool::{Job, JobContext, Refusal, TimeLimit};
use http::StatusCode;

use crate::compress;
use crate::config::READ_BYTES;
use crate::front::Shared;
use crate::request::{Request, RequestBody};
use crate::response::Response;
use crate::seat::Seat;

/// An iterator of chunks, as responses have them.
pub(crate) type Chunks = Box<dyn Iterator<Item = io::Result<Bytes>> + Send>;

/// What a job brings its connection.
pub(crate) enum Outcome {
    /// The handler's answer, after so long a wait.
    Answer(Box<Response>, Duration),
    /// The block is in the file.
    Spooled(io::Result<File>),
    /// More chunks; and the iterator, if there may be more still.
    Pulled(Bytes, After),
    /// The piece of the file is in memory, as far as one can say.
    Warmed(io::Result<()>),
    /// The pool did not take the job.
    Refused(Refusal),
    /// The job ended without a word: something in it panicked where nothing should.
    Lost,
    /// The turn of a conversation of a plain service; `None` if it panicked.
    Said(crate::service::Said),
    /// The pool did not take a [`PullJob`]: here is its iterator again.
    PullRefused(Chunks),
}

/// What comes after the chunks that were brought.
pub(crate) enum After {
    More(Chunks),
    End,
    /// The iterator failed or panicked: the response must end in a way that shows it.
    Cut,
}

/// Whom a job tells. Whatever ends the job, something is told: a connection that waits for it would
/// wait for ever.
pub(crate) struct Client {
    pub(crate) front: Arc<Shared>,
    seat: Arc<Seat>,
    /// Which of the connection's jobs this is.
    turn: u64,
    told: bool,
}

impl Client {
    /// For the job that the connection waits for.
    pub(crate) fn new(front: &Arc<Shared>, seat: &Arc<Seat>) -> Client {
        Client {
            front: Arc::clone(front),
            seat: Arc::clone(seat),
            turn: seat.turn(),
            told: false,
        }
    }

    /// From a job that returns now.
    fn tell_on_return(&mut self, outcome: Outcome, cx: &mut JobContext) {
        self.told = true;
        if self.seat.put(self.turn, outcome)
            && let Some(notifier) = self.seat.notifier()
        {
            cx.notify_on_return(notifier.clone());
        }
    }

    /// From wherever a job was shed.
    fn tell_now(&mut self, outcome: Outcome) {
        self.told = true;
        if self.seat.put(self.turn, outcome)
            && let Some(notifier) = self.seat.notifier()
        {
            notifier.notify();
        }
    }

    fn is_wanted(&self) -> bool {
        !self.seat.gone.load(Relaxed)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if !self.told {
            self.tell_now(Outcome::Lost);
        }
    }
}

/// Answers a request.
pub(crate) struct HandlerJob {
    pub(crate) client: Client,
    pub(crate) request: Request,
    /// The end of a body whose beginning is in the request's file already.
    pub(crate) tail: BytesMut,
    /// How long it may run, and what tells the connection that it runs longer.
    pub(crate) limit: Option<TimeLimit>,
    /// The status with which the request is refused: the handler only shows that.
    pub(crate) refused: Option<StatusCode>,
}

impl Job for HandlerJob {
    fn run(self: Box<Self>, cx: &mut JobContext) {
        let HandlerJob {
            mut client,
            mut request,
            tail,
            limit: _,
            refused,
        } = *self;
        let head = Arc::clone(&request.head);
        let answered = catch_unwind(AssertUnwindSafe(|| {
            if let Err(error) = finish_body(&mut request.body, &tail) {
                return refuse_storage(&client.front, &error);
            }
            let handler = &client.front.handler;
            let mut response = match refused {
                None => handler.handle(request),
                Some(status) => handler.refused(&head, status),
            };
            compress::encode(&head, &mut response);
            response
        }));
        let response = match answered {
            Ok(response) => response,
            Err(_) => {
                client.front.counters.handler_panics.fetch_add(1, Relaxed);
                if refused.is_some() {
                    // The connection knows what else to answer.
                    return client.tell_on_return(Outcome::Lost, cx);
                }
                Response::error(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        let waited = cx.waited();
        client.tell_on_return(Outcome::Answer(Box::new(response), waited), cx);
    }

    fn refuse(mut self: Box<Self>, refusal: Refusal) {
        self.client.tell_now(Outcome::Refused(refusal));
    }

    fn is_wanted(&self) -> bool {
        self.client.is_wanted()
    }

    fn time_limit(&mut self) -> Option<TimeLimit> {
        self.limit.take()
    }
}

fn finish_body(body: &mut RequestBody, tail: &[u8]) -> io::Result<()> {
    if let RequestBody::File { file, .. } = body {
        file.write_all(tail)?;
        file.rewind()?;
    }
    Ok(())
}

/// The request's body could not be stored: the disk is full, or there are no descriptors.
pub(crate) fn refuse_storage(front: &Shared, error: &io::Error) -> Response {
    front.counters.reject("body_storage");
    front.trouble("a request body could not be stored", error);
    Response::error(StatusCode::INSUFFICIENT_STORAGE)
}

/// The next chunk that is not empty. One at a time: what an iterator has made goes out before it is
/// asked for more, which may take it long.
fn next_chunk(chunks: &mut Chunks) -> Result<Option<Bytes>, ()> {
    loop {
        match chunks.next() {
            Some(Ok(chunk)) if chunk.is_empty() => {}
            Some(Ok(chunk)) => return Ok(Some(chunk)),
            Some(Err(_)) => return Err(()),
            None => return Ok(None),
        }
    }
}

/// Brings the next chunk. An iterator that has ended, failed or panicked is dropped in here.
fn pull(mut chunks: Chunks) -> (Bytes, After) {
    let pulled = catch_unwind(AssertUnwindSafe(move || match next_chunk(&mut chunks) {
        Ok(Some(chunk)) => (chunk, After::More(chunks)),
        Ok(None) => (Bytes::new(), After::End),
        Err(()) => (Bytes::new(), After::Cut),
    }));
    pulled.unwrap_or((Bytes::new(), After::Cut))
}

/// Brings the next chunk.
pub(crate) struct PullJob {
    pub(crate) client: Client,
    /// Taken by the run; whatever else ends the job gives it back to the connection.
    pub(crate) chunks: Option<Chunks>,
}

impl Job for PullJob {
    fn run(mut self: Box<Self>, cx: &mut JobContext) {
        if let Some(chunks) = self.chunks.take() {
            let (bytes, after) = pull(chunks);
            self.client
                .tell_on_return(Outcome::Pulled(bytes, after), cx);
        }
    }
}

impl Drop for PullJob {
    fn drop(&mut self) {
        if let Some(chunks) = self.chunks.take() {
            self.client.tell_now(Outcome::PullRefused(chunks));
        }
    }
}

/// Writes a block of a large body into its file.
pub(crate) struct SpoolJob {
    pub(crate) client: Client,
    pub(crate) file: Option<File>,
    pub(crate) block: BytesMut,
    pub(crate) folder: PathBuf,
}

impl Job for SpoolJob {
    fn run(self: Box<Self>, cx: &mut JobContext) {
        let SpoolJob {
            mut client,
            file,
            block,
            folder,
        } = *self;
        let written = file
            .map_or_else(|| tempfile::tempfile_in(folder), Ok)
            .and_then(|mut file| file.write_all(&block).map(|()| file));
        client.tell_on_return(Outcome::Spooled(written), cx);
    }

    fn refuse(mut self: Box<Self>, refusal: Refusal) {
        self.client.tell_now(Outcome::Refused(refusal));
    }

    fn is_wanted(&self) -> bool {
        self.client.is_wanted()
    }
}

/// Reads a piece of a file, so that it is in memory when it is sent.
pub(crate) struct WarmJob {
    pub(crate) client: Client,
    pub(crate) file: Arc<File>,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Job for WarmJob {
    fn run(mut self: Box<Self>, cx: &mut JobContext) {
        let read = read_through(&self.file, self.offset, self.len);
        self.client.tell_on_return(Outcome::Warmed(read), cx);
    }

    fn refuse(mut self: Box<Self>, refusal: Refusal) {
        self.client.tell_now(Outcome::Refused(refusal));
    }
}

fn read_through(file: &File, offset: u64, len: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let mut buffer = [0; READ_BYTES];
    let end = offset + len;
    let mut at = offset;
    while at < end {
        match file.read_at(&mut buffer, at) {
            Ok(0) => break, // it was cut meanwhile; the sender finds out
            Ok(read) => at += read as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

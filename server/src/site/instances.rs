//! The services `instance.*`: values that sessions own in the memory of this process. The values are in
//! the libraries of modules; here is which session has which, who uses it, and which are to go.
//!
//! What is to go is only noted, by whoever finds it: a session that ends, a sweep, somebody who needs the
//! room. The dispatcher asks for it when no request is in the middle of something, and has the modules drop
//! it ([`SiteInstances::leaving`]).

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use harmonious_dispatcher::{Caller, Leaving, LoadedModule};
use harmonious_session::{
    Clock, DropReason, Dropped, Handle, InstanceKey, InstanceStats, Instances, Lease, Session,
    SessionError, Wait,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::exchange::{Refusal, SiteExchange, encode, failed, read};

/// Values that go at the end of one request, which waits for their modules to save them; the others go at
/// the end of the next ones, or when the sweeper comes.
const LEAVING_MAX: usize = 64;

/// The instances of one site.
pub struct SiteInstances {
    book: Arc<Instances>,
    /// Libraries that hold values, by [`LoadedModule::id`]: they stay in use until these are gone.
    modules: Mutex<BTreeMap<u64, Holder>>,
    noted: Arc<Noted>,
}

/// A library that holds values.
struct Holder {
    module: Arc<LoadedModule>,
    /// How many, those that are being made among them.
    values: usize,
}

/// What is to go.
#[derive(Default)]
struct Noted {
    dropped: Mutex<Vec<Dropped>>,
    /// Of `dropped`, for those who look only whether there is something.
    count: AtomicUsize,
}

/// What one request has of them, by number.
#[derive(Default)]
pub struct Leases(RefCell<HashMap<u64, Lease>>);

#[derive(Deserialize)]
struct LeaseMessage<'a> {
    name: &'a str,
    wait: bool,
    make: bool,
}

/// As the sdk reads it: 0 if another request has it, or there is none.
#[derive(Serialize)]
struct LeaseReply {
    number: u64,
}

#[derive(Deserialize)]
struct GiveBack {
    number: u64,
    bytes: Option<u64>,
    gone: bool,
}

impl SiteInstances {
    /// So many at most, with so many bytes.
    pub fn new(clock: Clock, count_max: usize, bytes_max: u64) -> SiteInstances {
        let noted = Arc::new(Noted::default());
        let note = Arc::clone(&noted);
        let book = Instances::new(clock, move |dropped| note.add(dropped.clone()));
        SiteInstances {
            book: Arc::new(book.bounds(count_max, bytes_max)),
            modules: Mutex::default(),
            noted,
        }
    }

    /// Those of a session go.
    pub fn end_session(&self, session: &Handle) {
        self.book.end_session(session);
    }

    /// All of them go.
    pub fn stop(&self) {
        self.book.stop();
    }

    /// Those go that nobody used for long, and those of libraries that are none of their modules' any more.
    pub fn sweep(&self, is_current: impl Fn(&LoadedModule) -> bool) {
        let holders = self.modules.lock();
        let old = holders
            .iter()
            .filter(|(_, holder)| !is_current(&holder.module));
        let old: Vec<u64> = old.map(|(id, _)| *id).collect();
        drop(holders);
        for id in old {
            self.book.retire_module(&id.to_string());
        }
        while self.book.sweep() >= harmonious_session::config::SWEEP_MAX {}
    }

    /// What is to go now, [`LEAVING_MAX`] values at most: each is told once.
    pub fn leaving(&self) -> Vec<Leaving> {
        // Relaxed: whoever comes too early leaves it to the next.
        if self.noted.count.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let mut out: BTreeMap<(u64, &'static str), Leaving> = BTreeMap::new();
        let mut modules = self.modules.lock();
        for dropped in self.noted.take(LEAVING_MAX) {
            let Ok(id) = dropped.key.module.parse::<u64>() else {
                continue;
            };
            let Some(holder) = modules.get_mut(&id) else {
                continue;
            };
            let why = word(dropped.reason);
            let leaving = out.entry((id, why)).or_insert_with(|| Leaving {
                module: Arc::clone(&holder.module),
                why,
                numbers: Vec::new(),
            });
            leaving.numbers.push(dropped.number);
            holder.values -= 1;
            if holder.values == 0 {
                modules.remove(&id);
            }
        }
        out.into_values().collect()
    }

    /// What there is.
    pub fn stats(&self) -> InstanceStats {
        self.book.stats()
    }

    /// A library has one more. Older ones of the same module give theirs up.
    fn holds(&self, module: &Arc<LoadedModule>) {
        let mut modules = self.modules.lock();
        let holder = modules.entry(module.id).or_insert_with(|| Holder {
            module: Arc::clone(module),
            values: 0,
        });
        holder.values += 1;
        let of_key = modules
            .iter()
            .filter(|(_, holder)| holder.module.key == module.key);
        let mut ids: Vec<u64> = of_key.map(|(id, _)| *id).collect();
        drop(modules);
        ids.pop();
        for id in ids {
            self.book.retire_module(&id.to_string());
        }
    }

    /// A library has one less.
    fn lost(&self, module: &str) {
        let mut modules = self.modules.lock();
        if let Ok(id) = module.parse::<u64>()
            && let Some(holder) = modules.get_mut(&id)
        {
            holder.values -= 1;
            if holder.values == 0 {
                modules.remove(&id);
            }
        }
    }
}

impl Noted {
    fn add(&self, dropped: Dropped) {
        let mut all = self.dropped.lock();
        all.push(dropped);
        self.count.store(all.len(), Ordering::Relaxed);
    }

    fn take(&self, max: usize) -> Vec<Dropped> {
        let mut all = self.dropped.lock();
        let count = all.len().min(max);
        let taken = all.drain(..count).collect();
        self.count.store(all.len(), Ordering::Relaxed);
        taken
    }
}

impl Leases {
    /// The request is over: all of them may be used by others.
    pub fn end(&self, instances: &SiteInstances) {
        let all = std::mem::take(&mut *self.0.borrow_mut());
        for lease in all.into_values() {
            give_back(instances, lease, None, false);
        }
    }
}

/// Answers a message.
pub fn answer(
    exchange: &SiteExchange<'_>,
    caller: &Caller<'_>,
    service: &str,
    message: &[u8],
) -> Result<Vec<u8>, Refusal> {
    match service {
        "instance.lease" => {
            let number = lease(exchange, caller, &read(service, message)?)?;
            Ok(encode(&LeaseReply { number })?)
        }
        "instance.end" => {
            let GiveBack {
                number,
                bytes,
                gone,
            } = read(service, message)?;
            let lease = exchange.instance_leases.0.borrow_mut().remove(&number);
            let lease = lease.ok_or_else(|| {
                Refusal::failed(format!("this request does not have the instance {number}"))
            })?;
            give_back(&exchange.keeping.instances, lease, bytes, gone);
            Ok(encode(&())?)
        }
        _ => Err(Refusal(failed(format!(
            "this server has no service {service:?}"
        )))),
    }
}

/// Its number; 0 if another request has it and the caller does not wait, or there is none and none is to be
/// made.
fn lease(
    exchange: &SiteExchange<'_>,
    caller: &Caller<'_>,
    wanted: &LeaseMessage<'_>,
) -> Result<u64, Refusal> {
    let Some(module) = caller.loaded else {
        return Err(Refusal::failed("no module asks for an instance"));
    };
    let session = match wanted.make {
        true => exchange.session()?.owner()?,
        false => match exchange.look(Session::handle)? {
            Some(session) => session,
            None => return Ok(0),
        },
    };
    let key = InstanceKey {
        session,
        module: module.id.to_string(),
        name: wanted.name.to_owned(),
    };
    let mut leases = exchange.instance_leases.0.borrow_mut();
    if leases.values().any(|lease| *lease.key() == key) {
        return Err(Refusal::failed(format!(
            "{} asks for the instance {:?} while it has it: drop the first one before",
            caller.module, wanted.name
        )));
    }
    let instances = &exchange.keeping.instances;
    if !wanted.make && !instances.book.has(&key) {
        return Ok(0);
    }
    let wait = match wanted.wait {
        true => Wait::InLine,
        false => Wait::Not,
    };
    let lease = match instances.book.lease(&key, wait) {
        Ok(lease) => lease,
        Err(SessionError::InstanceBusy { .. }) if !wanted.wait => return Ok(0),
        Err(SessionError::InstanceBusy { name, .. }) => {
            let module = caller.module.to_owned();
            return Err(SessionError::InstanceBusy { module, name }.into());
        }
        Err(error) => return Err(error.into()),
    };
    if !lease.exists() {
        instances.holds(module);
    }
    let number = lease.number();
    leases.insert(number, lease);
    Ok(number)
}

fn give_back(instances: &SiteInstances, mut lease: Lease, bytes: Option<u64>, gone: bool) {
    if let Some(bytes) = bytes {
        lease.set_bytes(bytes);
    }
    let (existed, module) = (lease.exists(), lease.key().module.clone());
    match gone {
        // What existed is noted as dropped, and counted when it is told.
        true => lease.discard(),
        false => drop(lease),
    }
    if !existed {
        instances.lost(&module);
    }
}

/// As the sdk reads it.
fn word(reason: DropReason) -> &'static str {
    match reason {
        DropReason::SessionEnded => "session-ended",
        DropReason::Evicted => "evicted",
        DropReason::Idle => "idle",
        DropReason::ModuleRetired => "module-retired",
        DropReason::ServerStops => "server-stops",
        DropReason::Discarded => "discarded",
    }
}

impl std::fmt::Debug for SiteInstances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SiteInstances").field(&self.stats()).finish()
    }
}

//! The services `instance.*`: values that sessions own in the memory of this process. The values are in
//! the libraries of modules; here is which session has which, who uses it, and which are to go.
//!
//! What is to go is only noted, by whoever finds it: a session that ends, a sweep, somebody who needs the
//! room. The dispatcher asks for it when no request is in the middle of something, and has the modules drop
//! it ([`SiteInstances::leaving`]). Only whoever is to have the next one of the same name does not wait for
//! that: what the former one saves, the next one may want to read ([`SiteInstances::succeeds`]).

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use harmonious_dispatcher::{Caller, Leaving, LetGo, LoadedModule};
use harmonious_session::config::INSTANCE_WAIT_MAX;
use harmonious_session::{
    Clock, DropReason, Dropped, Handle, InstanceKey, InstanceStats, Instances, Lease, Session,
    SessionError, Wait,
};
use parking_lot::{Condvar, Mutex, MutexGuard};
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
    /// How many, from before they are made until they are gone.
    values: usize,
}

/// What is to go. The book's lock may be held by whoever takes this one, never the other way round.
#[derive(Default)]
struct Noted {
    going: Mutex<Going>,
    /// Of those that nobody has been told of, for those who look only whether there is something.
    count: AtomicUsize,
    /// For those who wait until something is gone: [`Going::changes`] counted on.
    changed: Condvar,
}

#[derive(Default)]
struct Going {
    /// Nobody has been told of these yet.
    noted: Vec<Dropped>,
    /// Modules drop these at this moment.
    told: Vec<Dropped>,
    /// Counts whatever others may wait for.
    changes: u64,
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

    /// What is to go now, [`LEAVING_MAX`] values at most: each is told once, and is there until it
    /// [`left`](SiteInstances::left).
    pub fn leaving(&self) -> Vec<Leaving> {
        // Relaxed: whoever comes too early leaves it to the next.
        if self.noted.count.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        self.tell(self.noted.take(LEAVING_MAX, |_| true))
    }

    /// They are gone.
    pub fn left(&self, leaving: &Leaving) {
        self.noted.left(&leaving.numbers);
        self.lost(leaving.module.id, leaving.numbers.len());
    }

    /// Whether no library has any.
    pub fn is_empty(&self) -> bool {
        self.modules.lock().is_empty()
    }

    /// For their modules, by library and reason.
    fn tell(&self, going: Vec<Dropped>) -> Vec<Leaving> {
        let mut out: BTreeMap<(u64, &'static str), Leaving> = BTreeMap::new();
        let modules = self.modules.lock();
        for dropped in going {
            let id = dropped.key.module.parse::<u64>().unwrap_or_default();
            // Who has a value is in use.
            let Some(holder) = modules.get(&id) else {
                continue;
            };
            let why = word(dropped.reason);
            let leaving = out.entry((id, why)).or_insert_with(|| Leaving {
                module: Arc::clone(&holder.module),
                why,
                numbers: Vec::new(),
            });
            leaving.numbers.push(dropped.number);
        }
        out.into_values().collect()
    }

    /// Waits until the values are gone that a new one of that key succeeds: those of its session and name, in
    /// this library of the module and in older ones. `false` if they are there after
    /// [`INSTANCE_WAIT_MAX`], or now if one does not wait.
    fn succeeds(
        &self,
        module: &LoadedModule,
        key: &InstanceKey,
        wait: Wait,
        let_go: LetGo<'_>,
    ) -> bool {
        let former = self.former(module, key);
        let is_used = || {
            let mut others = former.iter().filter(|other| *other != key);
            others.any(|other| self.book.has(other))
        };
        let is_former = |dropped: &Dropped| former.contains(&dropped.key);
        self.gone(is_former, is_used, wait, let_go)
    }

    /// Waits until those are gone that a session had which ended, [`INSTANCE_WAIT_MAX`] at most.
    pub fn ended(&self, session: &Handle, let_go: LetGo<'_>) {
        let is_its = |dropped: &Dropped| dropped.key.session == *session;
        self.gone(is_its, || false, Wait::InLine, let_go);
    }

    /// Waits until none of these goes, and none is used that is to go then. Those that nobody was told of go
    /// now.
    fn gone(
        &self,
        is_one: impl Fn(&Dropped) -> bool,
        is_used: impl Fn() -> bool,
        wait: Wait,
        let_go: LetGo<'_>,
    ) -> bool {
        let until = Instant::now() + INSTANCE_WAIT_MAX;
        loop {
            let going = self.noted.take(usize::MAX, &is_one);
            let_go.now(&self.tell(going));
            let seen = self.noted.going.lock().changes;
            let is_used = is_used();
            let mut going = self.noted.going.lock();
            let is_same = going.changes == seen;
            let mut others = going.noted.iter().chain(&going.told);
            if is_same && !is_used && !others.any(&is_one) {
                return true;
            }
            if Instant::now() >= until || (is_same && wait == Wait::Not) {
                return false;
            }
            if is_same {
                self.noted.changed.wait_until(&mut going, until);
            }
        }
    }

    /// The same name of the same session, in this library of the module and in older ones that have values.
    fn former(&self, module: &LoadedModule, key: &InstanceKey) -> Vec<InstanceKey> {
        let modules = self.modules.lock();
        let of_module = modules
            .range(..=module.id)
            .filter(|(_, holder)| holder.module.key == module.key);
        let former = of_module.map(|(id, _)| InstanceKey {
            module: id.to_string(),
            ..key.clone()
        });
        former.collect()
    }

    /// What there is, but for what goes.
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

    /// A library has so many less.
    fn lost(&self, id: u64, count: usize) {
        let mut modules = self.modules.lock();
        let Some(holder) = modules.get_mut(&id) else {
            return;
        };
        holder.values = holder.values.saturating_sub(count);
        let gone = match holder.values {
            0 => modules.remove(&id),
            _ => None,
        };
        drop(modules);
        // Without the lock: the last user of a library runs its `retire`.
        drop(gone);
    }
}

impl Noted {
    fn add(&self, dropped: Dropped) {
        let mut going = self.going.lock();
        going.noted.push(dropped);
        self.count.store(going.noted.len(), Ordering::Relaxed);
        self.change(going);
    }

    /// The first of these, to be told.
    fn take(&self, max: usize, which: impl Fn(&Dropped) -> bool) -> Vec<Dropped> {
        let mut going = self.going.lock();
        let taken = going.noted.extract_if(.., |dropped| which(dropped));
        let taken: Vec<Dropped> = taken.take(max).collect();
        going.told.extend_from_slice(&taken);
        self.count.store(going.noted.len(), Ordering::Relaxed);
        taken
    }

    fn left(&self, numbers: &[u64]) {
        let mut going = self.going.lock();
        going
            .told
            .retain(|dropped| !numbers.contains(&dropped.number));
        self.change(going);
    }

    fn change(&self, mut going: MutexGuard<'_, Going>) {
        going.changes += 1;
        drop(going);
        self.changed.notify_all();
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
    let busy = || SessionError::InstanceBusy {
        module: caller.module.to_owned(),
        name: wanted.name.to_owned(),
    };
    let lease = match instances.book.lease(&key, wait) {
        Ok(lease) => lease,
        Err(SessionError::InstanceBusy { .. }) if !wanted.wait => return Ok(0),
        Err(SessionError::InstanceBusy { .. }) => return Err(busy().into()),
        Err(error) => return Err(error.into()),
    };
    if !lease.exists() {
        instances.holds(module);
        // Only now: a session that ends from here on finds the entry in the book, and takes the value with it.
        let there = exchange
            .session()
            .and_then(|session| Ok(session.is_still_there()?));
        if !matches!(there, Ok(true)) {
            give_back(instances, lease, None, false);
            return Err(there
                .err()
                .unwrap_or_else(|| SessionError::InstanceEnded.into()));
        }
        // With a transaction open nothing can be saved: it would wait for the transaction's end.
        let let_go = caller.let_go.filter(|_| exchange.transactions.is_empty());
        if let Some(let_go) = let_go
            && !instances.succeeds(module, &key, wait, let_go)
        {
            give_back(instances, lease, None, false);
            return match wanted.wait {
                true => Err(busy().into()),
                false => Ok(0),
            };
        }
    }
    let number = lease.number();
    leases.insert(number, lease);
    Ok(number)
}

fn give_back(instances: &SiteInstances, mut lease: Lease, bytes: Option<u64>, gone: bool) {
    if let Some(bytes) = bytes {
        lease.set_bytes(bytes);
    }
    let existed = lease.exists();
    let module = lease.key().module.parse().unwrap_or_default();
    match gone {
        // What existed is noted as dropped, and counted until it left.
        true => lease.discard(),
        false => drop(lease),
    }
    if !existed {
        instances.lost(module, 1);
    }
    // Others may wait for one that was used, of a former library.
    instances.noted.change(instances.noted.going.lock());
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

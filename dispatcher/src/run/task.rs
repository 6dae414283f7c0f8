//! A task: one function of a module that is run outside of any request.

use std::time::Instant;

use super::failed::Failed;
use super::messages;
use super::outside::HostOutside;
use crate::dispatcher::{Core, Snapshot};
use crate::error::TaskError;
use crate::ffi::{EntryCall, ModuleFailure, Returned};
use crate::manifest::Task;
use crate::message::Fault;

/// Runs the task of that name to its end.
pub(crate) fn task(
    core: &Core,
    snapshot: &Snapshot,
    name: &str,
    args: &[String],
) -> Result<(), TaskError> {
    let manifest = &snapshot.manifest;
    let name = Task::name_of(name);
    let Some(task) = manifest.tasks().iter().find(|task| task.name == name) else {
        return Err(TaskError::unknown(&name, manifest.tasks()));
    };
    let module = manifest.module(task.module);
    let fault = |fault: Fault| TaskError::failed(&name, 500, "", fault);
    if let Some(broken) = &module.declared.broken {
        return Err(fault(Failed::broken(&module.source, broken).fault));
    }
    let of_module = |detail: String| Fault {
        module: module.key.clone(),
        detail,
        ..Fault::default()
    };
    let loaded = snapshot.load(core, task.module);
    let loaded = loaded.map_err(|error| fault(of_module(error.to_string())))?;
    if let Err(open) = loaded.breaker.admit(Instant::now) {
        let seconds = open.retry_after_s();
        let detail = format!("its module failed too often and rests for {seconds} s");
        return Err(fault(of_module(detail)));
    }
    // The library has what the source declares: that was checked when it was loaded.
    let functions = module.declared.entries.iter().map(|entry| &entry.name);
    let mut entries = functions
        .filter(|function| Task::name_of(function) == name)
        .filter_map(|function| loaded.table.task(function));
    let Some(entry) = entries.next() else {
        return Err(fault(of_module("its library does not have it".to_owned())));
    };
    let argument = messages::encode(args).map_err(|error| fault(of_module(error.detail)))?;
    let mut host = HostOutside::new(core, loaded, "in a task");
    let call = EntryCall {
        argument: &argument,
        ..EntryCall::default()
    };
    let returned = loaded.call(entry, &call, &mut host);
    let is_well = returned == Returned::Continue;
    let finished = host.finish(is_well);
    if !is_well {
        let failure = host.failure.take().unwrap_or_else(|| {
            Box::new(ModuleFailure {
                status: 500,
                detail: format!("it returned {returned:?}, which a task does not"),
                ..ModuleFailure::default()
            })
        });
        return Err(told(&name, &module.key, *failure));
    }
    finished.map_err(|error| TaskError::failed(&name, error.status, "", of_module(error.detail)))
}

fn told(name: &str, module: &str, failure: ModuleFailure) -> TaskError {
    let fault = Fault {
        module: module.to_owned(),
        detail: failure.detail,
        file: failure.file,
        line: failure.line,
        backtrace: failure.backtrace,
        panicked: failure.panicked,
        ..Fault::default()
    };
    TaskError::failed(name, failure.status, &failure.title, fault)
}

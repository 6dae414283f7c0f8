//! Tasks: functions with `#[task]` in the parents of the root, which are run outside of any request.

use harmonious_abi::kind;

use super::assemble::Parts;
use super::findings::Blame;
use super::model::{DomainId, ModuleId, Role, Task};
use super::problem::Problem;

/// The tasks of a site, by name; those that nobody could find are named.
pub(super) fn collect(parts: &mut Parts) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for (at, module) in parts.modules.iter().enumerate() {
        let id = ModuleId::from_index(at);
        let is_parent = matches!(module.role, Role::Parent { .. });
        let is_in_root = module.domain == DomainId::from_index(0);
        let all = module.declared.entries.iter();
        for entry in all.filter(|entry| entry.kind == kind::TASK) {
            let function = &entry.name;
            let name = Task::name_of(function);
            let known = tasks.iter().find(|task| task.name == name);
            let wrong = match known {
                _ if !(is_parent && is_in_root) => Some((
                    format!("the task `{function}` is not in a parent of the root"),
                    "move it into a file such as `domains/_tasks.rs`: its name begins with `_`, and it \
                     need not be inherited from"
                        .to_owned(),
                )),
                // Told already: a function is there twice.
                Some(other) if other.module == id => continue,
                Some(other) => Some((
                    format!("a second task `{name}`"),
                    format!(
                        "give it another name: the first is in {}",
                        parts.modules[other.module.index()].source.display()
                    ),
                )),
                None => None,
            };
            if let Some((what, advice)) = wrong {
                let problem = Problem::error(&module.source, what, advice).at(entry.line);
                parts.findings.error(Blame::Modules(vec![id]), problem);
                continue;
            }
            tasks.push(Task {
                name,
                doc: entry.doc.clone(),
                every: entry.every,
                module: id,
            });
        }
    }
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    tasks
}

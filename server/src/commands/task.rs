//! `harmonious task`: runs something that a site does outside of any request, or says what there is.

use harmonious_dispatcher::TaskError;
use harmonious_dispatcher::manifest::Task;

use crate::cli;
use crate::failure::{Failure, one_line};
use crate::log;
use crate::print;
use crate::serve::built;
use crate::settings::Config;
use crate::site::{Site, task_failure, task_start};

/// `harmonious task`: the task prints for itself; what it logs goes to standard error.
///
/// # Errors
/// There is no such task, the site cannot be opened, or the task fails.
pub fn task(asked: &cli::Task) -> Result<(), Failure> {
    let manifest = super::scan(&asked.site)?;
    let tasks = manifest.tasks();
    let Some(name) = &asked.name else {
        print(&list(tasks, &asked.site.display().to_string()));
        return Ok(());
    };
    let name = Task::name_of(name);
    if !tasks.iter().any(|task| task.name == name) {
        let unknown = TaskError::unknown(&name, tasks);
        return Err(Failure::Usage(unknown.to_string()));
    }
    let site = Site::open(&asked.site, None, built)?;
    let _log = log::start(&Config::default())?;
    if name == Task::START {
        return task_start(&site, &asked.args);
    }
    task_start(&site, &[])?;
    let Some(dispatcher) = &site.dispatcher else {
        return Ok(());
    };
    let done = dispatcher.task(&name, &asked.args);
    done.map_err(|error| task_failure(&site.name, &error))
}

/// A line for each: name, when it runs by itself, what it does.
fn list(tasks: &[Task], site: &str) -> String {
    if tasks.is_empty() {
        return format!(
            "{site} has no tasks; a function with #[task] in domains/_tasks.rs is one\n"
        );
    }
    let when = |task: &Task| match task.every {
        _ if task.name == Task::START => "at each start".to_owned(),
        Some(every) => format!("every {}", humantime::format_duration(every)),
        None => String::new(),
    };
    let rows: Vec<(&str, String, String)> = tasks
        .iter()
        .map(|task| (task.name.as_str(), when(task), one_line(&task.doc)))
        .collect();
    let names = rows.iter().map(|(name, ..)| name.chars().count()).max();
    let times = rows.iter().map(|(_, when, _)| when.chars().count()).max();
    let (names, times) = (names.unwrap_or(0), times.unwrap_or(0));
    let line = |(name, when, doc): &(&str, String, String)| {
        let line = format!("{name:names$}  {when:times$}  {doc}");
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use harmonious_dispatcher::manifest::ModuleId;

    use super::*;

    #[test]
    fn tasks_are_listed_with_what_they_do_and_when() {
        let task = |name: &str, doc: &str, hours: u64| Task {
            name: name.to_owned(),
            doc: doc.to_owned(),
            every: (hours > 0).then(|| Duration::from_secs(hours * 3600)),
            module: ModuleId::from_index(0),
        };
        let tasks = [
            task("import", "Takes in files.", 0),
            task("start", "", 0),
            task("upkeep", "Forgets.", 1),
        ];
        assert_eq!(
            list(&tasks, "x"),
            "import                 Takes in files.\nstart   at each start\nupkeep  every 1h       Forgets.\n"
        );
        assert!(list(&[], "sites/x").starts_with("sites/x has no tasks; "));
    }
}

//! What command lines are taken for, and what is said of slips.

use super::*;

#[track_caller]
fn check(line: &str, expected: &str) {
    let args = line.split_whitespace().map(OsString::from);
    match parse(args) {
        Err(Failure::Usage(message)) => assert_eq!(message, expected, "{line}"),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn slips_are_one_line() {
    check(
        "harmonious",
        "a command is missing: serve, dev, new, build, routes, explain, check, render, task, \
         template, db, keys, config, status; \
         \"harmonious --help\" explains them",
    );
    check(
        "harmonious sreve x",
        "no command \"sreve\": did you mean serve?",
    );
    check(
        "harmonious db migrat x",
        "no command \"migrat\" after db: did you mean migrate?",
    );
    check(
        "harmonious keys turn x",
        "no command \"turn\" after keys: there is status, rotate",
    );
    check(
        "harmonious serve",
        "SITE is missing: allowed is the folder of a site",
    );
    check(
        "harmonious serve . --queue-wate 1s",
        "no flag --queue-wate here: did you mean --queue-wait?",
    );
    check("harmonious routes . x", "\"x\" is one argument too many");
    check(
        "harmonious serve . --idle",
        "--idle <DURATION>: the value is missing",
    );
    check(
        "harmonious serve . --idle 1s --idle 2s",
        "--idle <DURATION> is given more than once",
    );
    check(
        "harmonious serve . --grace -5s",
        "grace is \"-5s\" (from --grace): allowed is a duration such as 500ms, 0s to 24 h",
    );
    check(
        "harmonious serve no-such-dir",
        "SITE is \"no-such-dir\": allowed is a folder that exists",
    );
    check(
        "harmonious status --control off",
        "control is \"off\" (from --control): allowed is the address of a control listener",
    );
}

#[test]
fn a_task_gets_whatever_follows_its_name() {
    let cases: [(&str, Option<&str>, &[&str]); 4] = [
        ("task .", None, &[]),
        ("task . import", Some("import"), &[]),
        (
            "task . import --help -x -- a --config=1",
            Some("import"),
            &["--help", "-x", "--", "a", "--config=1"],
        ),
        ("task . -- import -- a", Some("import"), &["--", "a"]),
    ];
    for (line, name, args) in cases {
        let words = format!("harmonious {line}");
        let words = words.split_whitespace().map(OsString::from);
        let Ok(Invocation::Task(task)) = parse(words) else {
            panic!("{line}");
        };
        assert_eq!(
            (task.name.as_deref(), &task.args[..]),
            (
                name,
                &args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>()[..]
            ),
            "{line}"
        );
    }
    let words = ["harmonious", "task", ".", "--help"].map(OsString::from);
    assert!(matches!(parse(words.into_iter()), Ok(Invocation::Print(_))));
}

#[test]
fn help_names_every_setting_and_its_default() {
    let args = ["harmonious", "serve", "--help"].map(OsString::from);
    let Ok(Invocation::Print(help)) = parse(args.into_iter()) else {
        panic!("no help");
    };
    for setting in SETTINGS {
        let default = setting.show(&settings::Config::default());
        assert!(
            help.contains(&format!("--{} ", setting.name)),
            "{}",
            setting.name
        );
        assert!(
            help.contains(&format!("[default: {default}]")),
            "{}",
            setting.name
        );
    }
}

//! Tests of how values are written.

use super::super::table::find;
use super::*;

#[track_caller]
fn check(name: &str, text: &str, expected: Result<&str, &str>) {
    let setting = find(name).unwrap();
    let mut config = Config::default();
    let result = setting
        .set(&mut config, &[text.to_owned()])
        .map(|()| setting.show(&config));
    assert_eq!(
        result.as_deref().map_err(String::as_str),
        expected,
        "{name} {text:?}"
    );
}

#[test]
fn numbers() {
    let allowed = Err("a number, 1 to 1000000");
    check("queue-len", "1", Ok("1"));
    check("queue-len", "1000000", Ok("1000000"));
    for bad in [
        "", "0", "1000001", "-1", "+1", " 1", "1.5", "ten", "1_000", "٣",
    ] {
        check("queue-len", bad, allowed);
    }
}

#[test]
fn durations() {
    let allowed = Err("a duration such as 500ms, 1 ms to 24 h");
    check("queue-wait", "200ms", Ok("200ms"));
    check("queue-wait", "1m 5s", Ok("65s"));
    check("queue-wait", "90m", Ok("90m"));
    check("queue-wait", "24h", Ok("24h"));
    check("queue-wait", "1500us", Ok("1500us"));
    for bad in [
        "",
        "5",
        "5 parsecs",
        "0s",
        "999us",
        "25h",
        "-1s",
        "999999999999999y",
    ] {
        check("queue-wait", bad, allowed);
    }
    check("grace", "0s", Ok("0s"));
}

#[test]
fn sizes() {
    check("max-body", "2 MiB", Ok("2MiB"));
    check("max-body", "2mib", Ok("2MiB"));
    check("max-body", "1MB", Ok("1000000B"));
    check("max-body", "512", Ok("512B"));
    check("max-body", "0", Ok("0B"));
    let allowed = Err("a size such as 64KiB or 2MB, 1KiB to 1MiB");
    for bad in [
        "",
        "KiB",
        "1023",
        "2MiB",
        "4 kibble",
        "1.5KiB",
        "99999999999TiB",
    ] {
        check("max-header", bad, allowed);
    }
}

#[test]
fn workers_and_their_starts() {
    check("workers", "4..256", Ok("4..256"));
    check("workers", "8", Ok("8..8"));
    let allowed = Err("LEAST..MOST such as 4..256, 1 to 16384");
    for bad in [
        "", "..", "4..", "..8", "9..8", "0..8", "4..20000", "4..=8", "a..b",
    ] {
        check("workers", bad, allowed);
    }
    check("spawn-limit", "10/5m", Ok("10/5m"));
    let allowed = Err("COUNT/DURATION such as 256/60s, 1 to 16384 in 1ms to 24h");
    for bad in ["", "256", "256/", "/60s", "0/60s", "1/0s", "1/60"] {
        check("spawn-limit", bad, allowed);
    }
}

#[test]
fn choices_are_words() {
    check("policy", "fixed:8", Ok("fixed:8"));
    check(
        "policy",
        "fixed:0",
        Err("adaptive, seed, greedy or fixed:N"),
    );
    check("log", "json", Ok("json"));
    check("log", "xml", Err("text or json"));
    check("log-level", "debug", Ok("debug"));
    let levels = Err("off, error, warn, info, debug or trace");
    for bad in ["", "3", "INFO", "warning"] {
        check("log-level", bad, levels);
    }
    check("access-log", "off", Ok("off"));
    check("access-log", "true", Err("on or off"));
}

#[test]
fn addresses_are_named_and_control_is_local() {
    check("listen", "127.0.0.1:0", Ok("127.0.0.1:0"));
    check("listen", "unix:/run/h.sock", Ok("unix:/run/h.sock"));
    check("control", "off", Ok("off"));
    check("control", "[::1]:81", Ok("[::1]:81"));
    check("control", "unix:/run/c.sock", Ok("unix:/run/c.sock"));
    for bad in [
        "",
        "0.0.0.0:8081",
        "192.0.2.1:8081",
        "[::]:8081",
        "fd:3",
        "on",
    ] {
        check("control", bad, Err(CONTROL));
    }
    let config = &mut Config::default();
    let listen = find("listen").unwrap();
    assert!(listen.set(config, &[]).is_err());
    assert!(
        listen
            .set(config, &["nowhere".to_owned()])
            .unwrap_err()
            .starts_with(ADDRESSES)
    );
}

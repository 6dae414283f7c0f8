//! The command line of the measured server: the pool's and the front's settings by their usual names.

use std::path::PathBuf;
use std::time::Duration;

use harmonious_http::{Limits, Listen};
use harmonious_pool::Config;

/// What `--help` prints.
pub const HELP: &str = "\
harmonious-bench-app [FLAG VALUE]...

  --listen ADDR          127.0.0.1:0, unix:/PATH or fd:3; prints `listening on ADDR`
  --static DIR           served at /static/
  --workers MIN..MAX     --start N        --policy adaptive|seed|greedy|fixed:N
  --spawn-limit N/60s    --average N      --idle 30s    --queue-wait 500ms   --queue-len N
  --max-connections N    --max-per-address N            --max-requests N
  --header-timeout 10s   --body-timeout 10s             --idle-timeout 65s   --write-timeout 30s
  --max-header BYTES     --max-body BYTES               --request-ids on|off
  --grace 30s

Routes: /hello /sleep/MS /cpu/US /lock/US /backend/MS /mixed /big/MB /echo /cookie /stats, GET and
POST /.
";

/// The settings of one run.
pub struct Flags {
    /// Where to listen.
    pub listen: Listen,
    /// A folder for `/static/`.
    pub static_dir: Option<PathBuf>,
    /// The pool's settings.
    pub pool: Config,
    /// The front's limits.
    pub limits: Limits,
    /// How long a stop may take.
    pub grace: Duration,
}

/// Reads `FLAG VALUE` pairs.
///
/// # Errors
/// One line that names the flag, the value and what is allowed.
pub fn parse(mut args: impl Iterator<Item = String>) -> Result<Flags, String> {
    let mut flags = Flags {
        listen: "127.0.0.1:0".parse().map_err(|e| format!("{e}"))?,
        static_dir: None,
        pool: Config::default(),
        limits: Limits::default(),
        grace: Duration::from_secs(30),
    };
    while let Some(flag) = args.next() {
        let value = args
            .next()
            .ok_or_else(|| format!("{flag} needs a value: see --help"))?;
        set(&mut flags, &flag, &value)
            .map_err(|why| format!("{flag} is \"{value}\": {why}; see --help"))?;
    }
    flags.pool.validate().map_err(|e| e.to_string())?;
    flags.limits.validate().map_err(|e| e.to_string())?;
    Ok(flags)
}

fn set(flags: &mut Flags, flag: &str, value: &str) -> Result<(), String> {
    let Flags { pool, limits, .. } = flags;
    match flag {
        "--listen" => flags.listen = value.parse().map_err(|e| format!("{e}"))?,
        "--static" => flags.static_dir = Some(value.into()),
        "--workers" => {
            let (min, max) = value.split_once("..").ok_or("allowed is MIN..MAX")?;
            (pool.workers_min, pool.workers_max) = (number(min)?, number(max)?);
            pool.workers_start = pool.workers_start.clamp(pool.workers_min, pool.workers_max);
        }
        "--start" => pool.workers_start = number(value)?,
        "--policy" => pool.policy = value.parse().map_err(|e| format!("{e}"))?,
        "--spawn-limit" => {
            let (count, window) = value.split_once('/').ok_or("allowed is N/60s")?;
            (pool.spawn_limit, pool.spawn_window) = (number(count)?, time(window)?);
        }
        "--average" => pool.average = number(value)?,
        "--idle" => pool.idle = time(value)?,
        "--queue-wait" => pool.queue_wait = time(value)?,
        "--queue-len" => pool.queue_len_max = number(value)?,
        "--max-connections" => limits.connections_max = number(value)?,
        "--max-per-address" => limits.per_address_max = number(value)?,
        "--max-requests" => limits.requests_max = number(value)?,
        "--header-timeout" => limits.header_timeout = time(value)?,
        "--body-timeout" => limits.body_timeout = time(value)?,
        "--idle-timeout" => limits.idle_timeout = time(value)?,
        "--write-timeout" => limits.write_timeout = time(value)?,
        "--max-header" => limits.head_max_bytes = number(value)?,
        "--max-body" => limits.body_max_bytes = number(value)?,
        "--request-ids" => limits.request_ids = value == "on",
        "--grace" => flags.grace = time(value)?,
        _ => return Err("there is no such flag".to_owned()),
    }
    Ok(())
}

fn number<N: std::str::FromStr>(text: &str) -> Result<N, String> {
    text.parse().map_err(|_| "it is no number".to_owned())
}

fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "allowed is a duration such as 500ms".to_owned())
}

//! What it costs to find out what a path means, in a site of five thousand modules and in one of ten
//! times as many; and to scan the large one.
#![forbid(unsafe_code)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use harmonious_bench_peers::sites::{gone, place, temporary};
use harmonious_bench_peers::stats::Spread;
use harmonious_bench_peers::trial::options::{Number, Options};
use harmonious_bench_peers::trial::{self, Page};
use harmonious_bench_peers::{estimates, report};
use harmonious_dispatcher::Manifest;
use harmonious_dispatcher::manifest::{Canonical, CanonicalPath, Found, canonical};

const NAME: &str = "resolve";

const ABOUT: &str = "\
Paths of three segments in generated sites: to resolve one that is always the same and many at random;
and all that the dispatcher does with a path before it runs anything (canonical form, resolution, chain
of parents). Then how long a scan takes, with the files in the system's cache.
";

const NUMBERS: &[Number] = &[
    Number {
        name: "--small",
        default: 5_000,
        about: "modules of the small site, a multiple of 100",
    },
    Number {
        name: "--large",
        default: 50_000,
        about: "modules of the large site, a multiple of 100",
    },
    Number {
        name: "--rounds",
        default: 3,
        about: "measurements of each",
    },
    Number {
        name: "--millis",
        default: 2_000,
        about: "length of one measurement",
    },
    Number {
        name: "--scans",
        default: 5,
        about: "of the large site",
    },
];

/// Domains in a domain, and modules in one of these.
const MIDDLES: u64 = 10;
const LEAVES: u64 = 10;
/// Paths at random.
const PATHS: usize = 1024;

/// What is promised: nanoseconds in the small site, the large one to it, seconds for a scan.
const RESOLVE_NS: f64 = 200.0;
const RATIO: f64 = 1.5;
const SCAN_S: f64 = 2.0;

/// What is done with a path.
const CASES: [&str; 3] = [
    "resolve one",
    "resolve at random",
    "canonical, resolve, chain",
];
/// Whose ratio and time are promised.
const PROMISED: &str = CASES[1];

/// A generated site; dropped, its files go.
struct Generated {
    dir: PathBuf,
    modules: u64,
    manifest: Manifest,
    paths: Vec<String>,
}

fn main() -> ExitCode {
    trial::main(NAME, ABOUT, NUMBERS, run)
}

fn run(options: &Options, page: &mut Page) -> Result<(), String> {
    let sites = ["--small", "--large"].map(|name| Generated::new(options.number(name)));
    let [small, large] = sites;
    let sites = [small?, large?];
    let measured = measure(options, &sites)?;
    page.say(&section(&sites, &measured));
    page.say(&scans(options.number("--scans"), &sites[1])?);
    Ok(())
}

/// Medians in nanoseconds: case, site, round.
fn measure(options: &Options, sites: &[Generated; 2]) -> Result<Vec<[Vec<f64>; 2]>, String> {
    let output = place().join("criterion");
    gone(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    let length = Duration::from_millis(options.number("--millis"));
    let mut criterion = Criterion::default()
        .without_plots()
        .output_directory(&output)
        .warm_up_time(length / 2)
        .measurement_time(length);
    let mut measured: Vec<[Vec<f64>; 2]> = CASES.iter().map(|_| Default::default()).collect();
    for round in 0..options.number("--rounds") {
        for (case, name) in CASES.iter().enumerate() {
            // Every other round begins with the large one: a drift of the machine is everybody's.
            for turn in 0..2 {
                let at = (turn + round as usize) % 2;
                let group = format!("{NAME}-{case}-{at}-{round}");
                one(&mut criterion, &group, name, &sites[at]);
                measured[case][at].push(estimates::median(&output.join(&group))?);
            }
        }
    }
    Ok(measured)
}

fn one(criterion: &mut Criterion, group: &str, case: &str, site: &Generated) {
    let manifest = &site.manifest;
    let canonical: Vec<CanonicalPath<'_>> = site.paths.iter().map(|path| parsed(path)).collect();
    let mut group = criterion.benchmark_group(group);
    let id = BenchmarkId::new(case, site.modules);
    let mut at = 0;
    let mut next = || {
        at = (at + 1) % site.paths.len();
        at
    };
    match case {
        "resolve one" => group.bench_function(id, |bencher| {
            bencher.iter(|| manifest.resolve(black_box(&canonical[0])));
        }),
        "resolve at random" => group.bench_function(id, |bencher| {
            bencher.iter(|| manifest.resolve(black_box(&canonical[next()])));
        }),
        _ => group.bench_function(id, |bencher| {
            bencher.iter(|| {
                let path = parsed(black_box(&site.paths[next()]));
                let resolved = manifest.resolve(&path);
                let Found::Module(module) = resolved.found else {
                    unreachable!("a path of the site")
                };
                manifest.chain(resolved.domain, Some(module)).modules.len()
            });
        }),
    };
    group.finish();
}

fn section(sites: &[Generated; 2], measured: &[[Vec<f64>; 2]]) -> String {
    let cell = |rounds: &[f64]| {
        let spread = Spread::of(rounds);
        let of_rounds = format!("{:.0}-{:.0}", spread.low, spread.high);
        [format!("{:.0}", spread.median), of_rounds]
    };
    let ratio = |[small, large]: &[Vec<f64>; 2]| {
        let rounds: Vec<f64> = large.iter().zip(small).map(|(a, b)| a / b).collect();
        (
            Spread::of(large).median / Spread::of(small).median,
            Spread::of(&rounds),
        )
    };
    let rows = CASES.iter().zip(measured).map(|(case, both)| {
        let (ratio, _) = ratio(both);
        let cells = both.iter().flat_map(|rounds| cell(rounds));
        let cells = cells.chain([format!("{ratio:.2}")]);
        [(*case).to_owned()].into_iter().chain(cells).collect()
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let sizes = sites.each_ref().map(|site| {
        let modules = report::whole(site.modules as f64);
        format!("{modules} modules, ns")
    });
    let header = [
        "what",
        &sizes[0],
        "of rounds",
        &sizes[1],
        "of rounds",
        "ratio",
    ];
    let place = CASES.iter().position(|case| *case == PROMISED);
    let promised = &measured[place.expect("a case")];
    let (whole, rounds) = ratio(promised);
    format!(
        "\n### Three segments\n\n{}\n\
         * {PROMISED}, in the small site: {:.0} ns; promised: under {RESOLVE_NS:.0} ns\n\
         * the large site to the small one: {whole:.2}, of rounds {:.2}-{:.2}; promised: at most \
         {RATIO:.2}\n",
        report::table(&header, &rows),
        Spread::of(&promised[0]).median,
        rounds.low,
        rounds.high,
    )
}

fn scans(count: u64, site: &Generated) -> Result<String, String> {
    let scans = (0..count).map(|_| {
        let began = Instant::now();
        let manifest = Manifest::scan(&site.dir).map_err(|problems| problems.to_string())?;
        let took = began.elapsed().as_secs_f64();
        drop(black_box(manifest));
        Ok(took)
    });
    let took = scans.collect::<Result<Vec<f64>, String>>()?;
    let spread = Spread::of(&took);
    Ok(format!(
        "\n### A scan\n\n* {} modules: median {:.2} s, {:.2}-{:.2} s in {count} scans; promised: under \
         {SCAN_S:.0} s\n",
        report::whole(site.modules as f64),
        spread.median,
        spread.low,
        spread.high,
    ))
}

impl Generated {
    /// A site of so many modules, rounded down to whole domains.
    fn new(modules: u64) -> Result<Self, String> {
        let tops = modules / (MIDDLES * LEAVES);
        let dir = temporary(&format!("resolve-{modules}"));
        println!(
            "writing {} modules into {}",
            tops * MIDDLES * LEAVES,
            dir.display()
        );
        write(&dir, tops).map_err(|error| format!("{}: {error}", dir.display()))?;
        let manifest = Manifest::scan(&dir).map_err(|problems| problems.to_string())?;
        let site = Self {
            dir,
            modules: tops * MIDDLES * LEAVES,
            manifest,
            paths: paths(tops),
        };
        let is_module =
            |path: &&String| matches!(site.manifest.resolve(&parsed(path)).found, Found::Module(_));
        match site.paths.iter().find(|path| !is_module(path)) {
            Some(path) => Err(format!("{path} leads to no module of the generated site")),
            None => Ok(site),
        }
    }
}

impl Drop for Generated {
    fn drop(&mut self) {
        let _ = gone(&self.dir);
    }
}

/// Every tenth domain below one of the top is dynamic; each top domain has a parent besides.
fn write(dir: &Path, tops: u64) -> std::io::Result<()> {
    let domains = dir.join("domains");
    fs::create_dir_all(&domains)?;
    fs::write(domains.join("_parent.rs"), PARENT)?;
    for top in 0..tops {
        let top = domains.join(format!("top{top}"));
        for middle in 0..MIDDLES {
            let folder = top.join(match middle {
                0 => "[slug]".to_owned(),
                middle => format!("middle{middle}"),
            });
            fs::create_dir_all(&folder)?;
            for leaf in 0..LEAVES {
                let text = MODULE.replace("NUMBER", &leaf.to_string());
                fs::write(folder.join(format!("leaf{leaf}.rs")), text)?;
            }
        }
        fs::write(top.join("_parent.rs"), PARENT)?;
    }
    Ok(())
}

/// Paths at random, the same in every run; a tenth of them leads through the dynamic domain.
fn paths(tops: u64) -> Vec<String> {
    let mut random: u64 = 1;
    let mut below = |bound: u64| {
        // Knuth's linear congruential generator; its upper bits are the better ones.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % bound
    };
    let paths = (0..PATHS).map(|_| {
        let (top, middle, leaf) = (below(tops), below(MIDDLES), below(LEAVES));
        format!("/top{top}/middle{middle}/leaf{leaf}")
    });
    paths.collect()
}

fn parsed(path: &str) -> CanonicalPath<'_> {
    match canonical(path) {
        Canonical::Path(path) => path,
        _ => unreachable!("a canonical path"),
    }
}

const PARENT: &str = "\
//! A parent of all that lies below.

use harmonious::prelude::*;

#[guard]
fn not_banned(req: &Request) -> Result<()> {
    match req.header(\"x-banned\") {
        Some(_) => Err(Error::forbidden(\"banned\")),
        None => Ok(()),
    }
}
";

/// As long as small pages are.
const MODULE: &str = "\
//! A page of the site: lists what there is, and takes what is new.

use harmonious::prelude::*;

module! { time_limit = \"5s\" }

const PER_PAGE: u32 = NUMBER;

#[get]
fn list(req: &Request) -> Result<Response> {
    let page: u32 = req.query(\"page\").and_then(|text| text.parse().ok()).unwrap_or(1);
    let names: Vec<String> = (0..PER_PAGE).map(|at| format!(\"{page}-{at}\")).collect();
    req.render(\"list.html\", context! { names, page })
}

#[post]
fn save(req: &Request) -> Result<Response> {
    let form = req.form()?;
    let name = form.text(\"name\")?;
    if name.trim().is_empty() {
        return Err(Error::unprocessable(\"a name has at least one letter\"));
    }
    info!(\"{name} is saved\");
    Ok(Response::redirect(req.path()))
}
";

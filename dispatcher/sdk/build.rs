//! Tells the sdk what the fingerprint says of the build: the compiler's version and the profile.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-env=HARMONIOUS_RUSTC={}", rustc_version());
    println!(
        "cargo::rustc-env=HARMONIOUS_PROFILE={}",
        variable("PROFILE")
    );
}

/// `1.95.0`, out of `rustc 1.95.0 (59807616e 2026-04-14)`; `unknown` where it cannot be had.
fn rustc_version() -> String {
    let output = Command::new(variable("RUSTC")).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let version = text
        .ok()
        .and_then(|text| text.split_whitespace().nth(1).map(str::to_owned));
    version.unwrap_or_else(|| "unknown".to_owned())
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| "unknown".to_owned())
}

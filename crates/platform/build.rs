//! Takes in the page of the console, if the build of the project has made it (`node scripts/console.mjs`). Without it
//! everything is there but the console, so that cargo alone builds and tests the platform.

use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let home = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let made = home.join("../../console/dist");
    println!("cargo:rerun-if-changed={}", made.display());
    let text = |name: &str| fs::read_to_string(made.join(name)).ok().map(|text| text.trim().to_owned());
    let page = made.join("console.html.gz");
    let page = match (text("policy"), text("tag")) {
        (Some(policy), Some(tag)) if page.exists() => {
            format!("Some((include_bytes!({:?}), {policy:?}, {tag:?}))", absolute(&page).display().to_string())
        }
        _ => "None".to_owned(),
    };
    let source = format!("pub static PAGE: Option<(&[u8], &str, &str)> = {page};\n");
    let target = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("console.rs");
    if let Err(error) = fs::write(&target, source) {
        println!("cargo::error={} cannot be written: {error}", target.display());
    }
}

fn absolute(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

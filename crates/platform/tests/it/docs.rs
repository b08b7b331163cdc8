//! docs/platform.md, quirks.md and recorded.md are true to the code: the routes, what a running platform takes, the tests they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{UNKNOWN, start};

const VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of every row of the tables of a page, without their heads.
fn rows(page: &str) -> Vec<Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
    let mut rows = vec![];
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let is_head = lines.peek().is_some_and(|next| next.starts_with("| ---"));
        if line.starts_with('|') && !is_head && !line.starts_with("| ---") {
            rows.push(cells(line));
        }
    }
    rows
}

/// The texts between backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The requests on docs/platform.md, such as `GET /announcements`, with their versions.
fn documented() -> BTreeMap<String, Vec<&'static str>> {
    let mut requests = BTreeMap::new();
    for row in rows(&read("docs/platform.md")) {
        let [request, versions, contract, tests] = &row[..] else { panic!("four cells: {row:?}") };
        assert!(!contract.is_empty() && !quoted(tests).is_empty(), "{row:?}");
        let versions = match versions.as_str() {
            "all" => VERSIONS.to_vec(),
            some => some
                .split(", ")
                .map(|version| *VERSIONS.iter().find(|known| **known == version).expect("a version"))
                .collect(),
        };
        let request = quoted(request)[0].to_owned();
        assert_eq!(requests.insert(request.clone(), versions), None, "{request} twice");
    }
    requests
}

/// The requests that router.rs names.
pub fn routed() -> BTreeSet<String> {
    let router = read("crates/platform/src/router.rs");
    let mut requests = BTreeSet::new();
    for route in router.split(".route(").skip(1) {
        let path = route.split('"').nth(1).expect("a path");
        let methods = route.split('"').nth(2).expect("methods");
        // Signed links are no requests of the API: the page tells of them in prose.
        let Some(path) = path.strip_prefix("/apps/{app}") else { continue };
        let path = if path.is_empty() { "/" } else { path };
        let mut is_any = false;
        for method in ["get", "post", "put", "patch", "delete"] {
            if methods.contains(&format!(" {method}(")) || methods.contains(&format!(".{method}(")) {
                requests.insert(format!("{} {path}", method.to_uppercase()));
                is_any = true;
            }
        }
        assert!(is_any, "{route}");
    }
    requests
}

#[test]
fn every_route_is_on_the_page_of_the_platform_and_every_request_on_it_is_routed() {
    assert_eq!(documented().into_keys().collect::<BTreeSet<_>>(), routed());
}

#[test]
fn a_running_platform_takes_what_the_page_says_in_each_version() {
    let server = start();
    for (request, versions) in documented() {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let path: Vec<&str> =
            path.split('/').map(|segment| if segment.starts_with('{') { UNKNOWN } else { segment }).collect();
        let path = path.join("/");
        let path = if path == "/" { "" } else { &path };
        for version in VERSIONS {
            let kind = if path.starts_with("/webhooks") { "vnd.layer.webhooks" } else { "vnd.layer" };
            let accept = format!("application/{kind}+json; version={version}");
            let answer = server.send(method, path, &[("Accept", &accept)], "");
            let is_refused = answer.status == 405
                || answer.body.contains("invalid_endpoint")
                || answer.body.contains(r#""header":"Accept""#);
            assert_eq!(!is_refused, versions.contains(&version), "{request} {version}: {answer:?}");
        }
    }
}

/// Every test of this folder with the comment above it.
fn tests() -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let source = fs::read_to_string(&path).unwrap();
        let chunks: Vec<&str> = source.split("#[test]").collect();
        for pair in chunks.windows(2) {
            let name = pair[1].split("fn ").nth(1).and_then(|rest| rest.split('(').next()).expect("a name");
            let comment: Vec<&str> = pair[0].lines().rev().take_while(|line| line.starts_with("//")).collect();
            known.insert(format!("{module}::{name}"), comment.into_iter().rev().collect::<Vec<_>>().join("\n"));
        }
    }
    known
}

#[test]
fn every_test_that_a_page_names_exists() {
    let known = tests();
    for page in ["docs/platform.md", "docs/quirks.md", "docs/recorded.md"] {
        let rows = rows(&read(page));
        assert!(!rows.is_empty(), "{page}");
        for row in rows {
            let tests = row.last().expect("a cell");
            assert!(!quoted(tests).is_empty(), "{page}: no test in {row:?}");
            for test in quoted(tests) {
                assert!(known.contains_key(test), "{page} names {test}, which does not exist");
            }
        }
    }
}

#[test]
fn the_test_of_a_recorded_fact_names_its_section() {
    let known = tests();
    for row in rows(&read("docs/recorded.md")) {
        let [section, fact, tests] = &row[..] else { panic!("three cells: {row:?}") };
        for test in quoted(tests) {
            let comment = &known[test];
            let mut words = comment.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
            let is_named = words.any(|word| word.trim_end_matches('.') == section);
            assert!(is_named && comment.contains("recorded"), "{section}, {fact}: {test} says {comment:?}");
        }
    }
}

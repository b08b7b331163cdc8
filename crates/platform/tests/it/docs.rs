//! docs/client-socket.md, platform.md, quirks.md, recorded.md and reliability.md are true to the code: the routes, what
//! a running platform takes, the tests they name. What is cited of docs/contract.md is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{UNKNOWN, start};
use crate::device::Signer;

const VERSIONS: [&str; 4] = ["1.0", "1.1", "2.0", "3.0"];

/// Where docs/client-api.md comes to what the SDKs do in a browser.
const IN_A_BROWSER: &str = "## In a browser";

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The cells of every row of the tables of a page, without their heads.
pub fn rows(page: &str) -> Vec<Vec<String>> {
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
pub fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The requests on docs/platform.md or docs/client-api.md, such as `GET /announcements`, with their versions.
fn documented(page: &str) -> BTreeMap<String, Vec<&'static str>> {
    let mut requests = BTreeMap::new();
    let text = read(page);
    // What comes after them is about behaviours.
    for row in rows(text.split(IN_A_BROWSER).next().expect("a page")) {
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

/// The requests of the Server API that router.rs names.
pub fn routed() -> BTreeSet<String> {
    // Signed links are no requests of the API: the page tells of them in prose.
    routed_in("crates/platform/src/http/router.rs", "/apps/{app}")
}

/// The requests of the Client API that client.rs names.
pub fn routed_for_clients() -> BTreeSet<String> {
    routed_in("crates/platform/src/http/client.rs", "")
}

fn routed_in(file: &str, prefix: &str) -> BTreeSet<String> {
    let router = read(file);
    let mut requests = BTreeSet::new();
    for route in router.split(".route(").skip(1) {
        let path = route.split('"').nth(1).expect("a path");
        let methods = route.split('"').nth(2).expect("methods");
        let Some(path) = path.strip_prefix(prefix) else { continue };
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
    assert_eq!(documented("docs/platform.md").into_keys().collect::<BTreeSet<_>>(), routed());
    assert_eq!(documented("docs/client-api.md").into_keys().collect::<BTreeSet<_>>(), routed_for_clients());
}

#[test]
fn a_client_gets_what_the_page_says_in_each_version() {
    let server = start();
    let device = Signer::of(&server).device(&server, "maria");
    for (request, versions) in documented("docs/client-api.md") {
        let (method, path) = request.split_once(' ').expect("a method and a path");
        let path: Vec<&str> =
            path.split('/').map(|segment| if segment.starts_with('{') { UNKNOWN } else { segment }).collect();
        for version in VERSIONS {
            let answer = device.at(version).send(method, &path.join("/"), &[], "");
            let is_refused = answer.status == 405 || answer.body.contains("invalid_endpoint");
            assert_eq!(!is_refused, versions.contains(&version), "{request} {version}: {answer:?}");
            assert_ne!(answer.status, 401, "{request} {version}");
        }
    }
}

#[test]
fn a_running_platform_takes_what_the_page_says_in_each_version() {
    let server = start();
    for (request, versions) in documented("docs/platform.md") {
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

/// Every test of this folder, and of the engine on a disk that fails, with the comment above it.
fn tests() -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).map(|path| {
        let module = path.file_stem().unwrap().to_str().unwrap().to_owned();
        (module, path)
    });
    let faults = root().join("crates/store-sqlite/tests/faults/main.rs");
    for (module, path) in files.chain([("faults".to_owned(), faults)]) {
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
    for page in [
        "docs/client-api.md",
        "docs/client-socket.md",
        "docs/platform.md",
        "docs/quirks.md",
        "docs/recorded.md",
        "docs/reliability.md",
    ] {
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

/// Client API 10.
#[test]
fn every_behaviour_of_the_list_has_a_row_and_the_browser_tests_that_are_named_exist() {
    let page = read("docs/client-api.md");
    let (_, table) = page.split_once(IN_A_BROWSER).expect("the behaviours");
    let mut numbers = vec![];
    for row in rows(table) {
        let [number, _, browser, _] = &row[..] else { panic!("four cells: {row:?}") };
        let read = |text: &str| text.trim().parse::<u32>().unwrap_or_else(|_| panic!("{row:?}"));
        match number.split_once(" to ") {
            Some((first, last)) => numbers.extend(read(first)..=read(last)),
            None => numbers.extend(number.split(',').map(read)),
        }
        for test in quoted(browser) {
            let (file, name) = test.split_once(": ").expect("a file and a name");
            let source = self::read(&format!("__test__/websdk/{file}.test.js"));
            assert!(source.contains(&format!("test('{name}'")), "{file} has no test '{name}'");
        }
    }
    assert_eq!(numbers, (1..=70).collect::<Vec<_>>());
}

#[test]
fn the_test_of_a_recorded_fact_names_its_section() {
    let known = tests();
    for row in rows(&read("docs/recorded.md")) {
        let [section, fact, seen, tests] = &row[..] else { panic!("four cells: {row:?}") };
        // "an archive" was seen by itself; who asked for it, and in which version, is not told.
        let versions = seen.trim_start_matches("webhooks ").split(", ").flat_map(|part| part.split(" or "));
        assert!(seen == "an archive" || versions.into_iter().all(|version| VERSIONS.contains(&version)), "{row:?}");
        for test in quoted(tests) {
            let comment = &known[test];
            let mut words = comment.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
            let is_named = words.any(|word| word.trim_end_matches('.') == section);
            assert!(is_named && comment.contains("recorded"), "{section}, {fact}: {test} says {comment:?}");
        }
    }
}

/// The numbers of the sections of the contract, such as `2.1.3`.
fn sections() -> BTreeSet<String> {
    let contract = read("docs/contract.md");
    let headings = contract.lines().filter_map(|line| line.strip_prefix('#'));
    headings
        .filter_map(|heading| heading.trim_start_matches('#').split_whitespace().next())
        .filter(|word| word.starts_with(|first: char| first.is_ascii_digit()))
        .map(|number| number.trim_end_matches('.').to_owned())
        .collect()
}

/// The keys of the sources of the contract, such as `R3`: those of its table, and J3, which section 6 explains.
fn sources() -> BTreeSet<String> {
    let contract = read("docs/contract.md");
    let keys = rows(&contract).into_iter().map(|row| row[0].clone()).filter(|key| is_source(key));
    keys.chain(contract.contains("J3 = ").then(|| "J3".to_owned())).collect()
}

fn is_source(word: &str) -> bool {
    matches!(word.as_bytes(), [letter, digit] if letter.is_ascii_uppercase() && digit.is_ascii_digit())
}

/// Every file of ours whose comments or tables may cite the contract.
fn citing_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let extension = path.extension().map(|extension| extension.to_string_lossy().into_owned());
        if path.is_dir() {
            if !name.starts_with('.') && !["node_modules", "target", "npm"].contains(&name.as_str()) {
                citing_files(&path, found);
            }
        } else if ["rs", "js", "mjs", "ts", "md", "sql"].iter().any(|known| extension.as_deref() == Some(known))
            && name != "contract.md"
        {
            found.push(path);
        }
    }
}

/// The sections that a text names after the word "contract": `Contract 2.1, 2.1.3 and 4` names three.
fn cited_sections(text: &str) -> Vec<String> {
    let mut cited = vec![];
    for (at, _) in text.match_indices("ontract ") {
        let mut is_listing = true;
        for word in text[at + "ontract ".len()..].split_whitespace() {
            let number = word.trim_matches(|letter: char| !letter.is_ascii_digit());
            let is_number = word.starts_with(|first: char| first.is_ascii_digit())
                && number.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
            if is_number && is_listing {
                cited.push(number.to_owned());
                // A list goes on after a comma or a conjunction only.
                is_listing = word.ends_with(',');
            } else if matches!(word, "and" | "or" | "to") {
                is_listing = true;
            } else {
                break;
            }
        }
    }
    cited
}

/// The sources that a text names as `(recorded, R1 and L3)` or `[C1]`.
fn cited_sources(text: &str) -> Vec<String> {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
        words.filter(|word| is_source(word)).map(str::to_owned).collect()
    };
    let mut cited = vec![];
    for (at, _) in text.match_indices("recorded, ") {
        let rest = &text[at..];
        cited.extend(words(rest.split([')', '|', ';', ':', '`']).next().unwrap_or_default()));
    }
    for bracket in text.split('[').skip(1).filter_map(|rest| rest.split(']').next()) {
        if bracket.split([',', ' ']).next().is_some_and(is_source) {
            cited.extend(words(bracket));
        }
    }
    cited
}

#[test]
fn what_is_cited_of_the_contract_is_there() {
    let (sections, sources) = (sections(), sources());
    assert!(sections.contains("2.1.3") && sections.contains("8") && sources.contains("R3"), "{sections:?} {sources:?}");
    let mut files = vec![];
    citing_files(&root(), &mut files);
    let (mut section_count, mut source_count) = (0, 0);
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // A citation may go over the end of a line of comments.
        let lines = text.lines().map(|line| line.trim_start().trim_start_matches('/').trim_start_matches('!'));
        let comments = lines.collect::<Vec<_>>().join(" ");
        for section in cited_sections(&comments) {
            assert!(sections.contains(&section), "{} cites section {section}", file.display());
            section_count += 1;
        }
        for source in cited_sources(&comments) {
            assert!(sources.contains(&source), "{} cites source {source}", file.display());
            source_count += 1;
        }
    }
    assert!(section_count > 200 && source_count > 80, "{section_count} sections, {source_count} sources");
    for (page, column) in [("docs/platform.md", 2), ("docs/quirks.md", 1), ("docs/recorded.md", 0)] {
        for row in rows(&read(page)) {
            for section in row[column].split(", ") {
                assert!(sections.contains(section), "{page} cites section {section}: {row:?}");
            }
        }
    }
}

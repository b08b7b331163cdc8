//! Applies patches from standard input, one JSON object a line: `document`, `operations` and the `version` that they
//! are read in. Writes a line for each: the new `document`, or the `error`.
//!
//! `__test__/platform/patch.test.js` compares what comes out with the vendor's reference parser.

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};

use layer_wire::body::Object;
use layer_wire::{ApiError, Version, patch};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Case {
    document: Object,
    operations: Value,
    version: String,
}

fn patched(case: Case, version: Version) -> Result<Object, ApiError> {
    let mut document = case.document;
    for operation in patch::parse(case.operations.to_string().as_bytes(), version)? {
        operation.apply(&mut document)?;
    }
    Ok(document)
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let version = Version::parse(&case.version).ok_or("unknown version")?;
        let outcome = match patched(case, version) {
            Ok(document) => json!({ "document": document }),
            Err(error) => json!({ "error": error }),
        };
        writeln!(output, "{outcome}")?;
    }
    Ok(output.flush()?)
}

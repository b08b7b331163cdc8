//! Writes JSON from standard input, one text a line, as the platform writes what it signs: one line for each.
//!
//! `__test__/platform/signed.test.js` compares what comes out with what Node.js makes of it.

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};

use layer_wire::signed;
use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        output.write_all(&signed::to_vec(&serde_json::from_str::<Value>(&line?)?)?)?;
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

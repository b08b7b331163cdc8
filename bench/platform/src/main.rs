//! The load generator of the platform benchmarks: `npm run bench:platform`.
//!
//! Every target is a process with its own store. Each kind of load is measured in rounds, and a round measures every
//! target once, so that what the machine does meanwhile hits all of them. The generator works on one thread, which it
//! shares the processors with; ratios between targets in one run are what counts.
#![forbid(unsafe_code)]

mod constant;
mod database;
mod figures;
mod goals;
mod http;
mod load;
mod options;
mod page;
mod peers;
mod process;
mod report;
mod requests;
mod results;
mod run;
mod scenario;
mod seed;
mod sockets;
mod spread;
mod store;
mod target;
mod world;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use crate::options::Command;

type AnyError = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let outcome = options::parse(std::env::args_os().skip(1)).and_then(|command| match command {
        Command::Help => Ok(std::io::stdout().write_all(options::HELP.as_bytes())?),
        Command::Constant(folder) => constant::serve(&folder),
        Command::Render { saved, page } => page::render(&saved, &page),
        Command::Run(options) => run::run(&options),
        Command::Sockets(options) => sockets::run(&options),
        Command::RenderSockets { saved, page } => sockets::render(&saved, &page),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

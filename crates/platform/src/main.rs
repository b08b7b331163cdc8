//! The standalone platform: arguments in, a server until it is told to stop.

#![forbid(unsafe_code)]

use std::io::Write as _;
use std::process::ExitCode;

use layer_platform::args::{self, Command};
use layer_platform::upkeep::{self, UpkeepCommand};
use layer_platform::{Config, Platform};

/// What it is called in what it prints.
const PROGRAM: &str = "layer-platform";

fn main() -> ExitCode {
    if let Some(code) = look_after() {
        return code;
    }
    let outcome = match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => say(&(args::help(PROGRAM) + &upkeep::help(PROGRAM))),
        Ok(Command::Version) => say(concat!("layer-platform ", env!("CARGO_PKG_VERSION"), "\n")),
        Ok(Command::Check(settings)) => say(&settings),
        Ok(Command::Serve { config, create_app, open }) => serve(*config, create_app, open),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{PROGRAM}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does the upkeep that the first argument may ask for.
fn look_after() -> Option<ExitCode> {
    let verb = std::env::args_os().nth(1)?.into_string().ok()?;
    let command = UpkeepCommand::parse(PROGRAM, &verb, std::env::args_os().skip(2))?;
    let outcome = command.map_err(Into::into).and_then(|command| -> Result<bool, Box<dyn std::error::Error>> {
        let done = command.run()?;
        say(&format!("{}\n", done.text))?;
        Ok(done.is_well)
    });
    Some(match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{PROGRAM}: {error}");
            ExitCode::FAILURE
        }
    })
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn serve(config: Config, create_app: bool, open: bool) -> Outcome {
    let platform = Platform::start(config)?;
    if create_app {
        say(&match platform.create_first_app()? {
            Some(app) => format!("app id: {}\ntoken: {}\n", app.app_id, app.token.reveal()),
            None => "there is an app already, and none is created\n".into(),
        })?;
    }
    if let Some(console) = platform.console() {
        say(&format!("console: {}\n", console.url))?;
        if console.is_token_new {
            say(&format!("admin token: {}\n", console.token.reveal()))?;
        }
        if open {
            open_in_browser(&console.url);
        }
    }
    say(&format!("listening on {}\n", platform.url()))?;
    wait_for_signal()?;
    Ok(platform.close()?)
}

/// Opens an address in the browser of the user, which `BROWSER` may name.
fn open_in_browser(url: &str) {
    let usual = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let program = std::env::var_os("BROWSER").unwrap_or_else(|| usual.into());
    if let Err(error) = std::process::Command::new(&program).arg(url).spawn() {
        eprintln!("{PROGRAM}: {} cannot be started: {error}; open the console by hand", program.display());
    }
}

/// Prints a text at once: a script that waits for it must not wait for a buffer.
fn say(text: &str) -> Outcome {
    let mut output = std::io::stdout().lock();
    output.write_all(text.as_bytes())?;
    Ok(output.flush()?)
}

/// Waits for Ctrl-C, or on Unix for the signal that service managers send.
fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            tokio::select! {
                outcome = tokio::signal::ctrl_c() => outcome,
                _ = terminate.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}

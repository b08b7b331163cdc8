//! The command lines of upkeep: one table, understood and done here for every program that offers them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use layer_store::DataLocation;
use layer_store::upkeep::{FindingKind, Findings};
use layer_wire::AppId;
use lexopt::{Arg, Parser};

use super::error::UpkeepError;
use super::place::Place;
use super::progress::Progress;
use super::{backup, check, copy, transfer};
use crate::config::Config;
use crate::config::args::{data_of, place_of, write_entry};
use crate::config::setting::{By, InvalidSetting};
use crate::ground::blobs::FilesLocation;

/// A verb with its usage.
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// What it does, for lists of commands.
    pub summary: &'static str,
    /// What `--help` prints after `Usage: <program> <name> `.
    args: &'static str,
    /// What it prints after the summary.
    more: &'static str,
    /// The options with a value.
    takes: &'static [&'static str],
    /// Those without.
    flags: &'static [&'static str],
}

/// What `--help` prints of options that several have.
const SHARED: [(&str, &str); 2] = [
    ("data", "  --data FILE  the database; LAYER_DATA where it is left out  [default: layer.db]"),
    (
        "files",
        "  --files FOLDER  the files of a database in PostgreSQL, which --data takes, too; LAYER_FILES where it is left out",
    ),
];

/// All verbs.
pub const VERBS: [Verb; 6] = [
    Verb {
        name: "check",
        summary: "Looks whether a database and the files beside it are whole",
        args: "[options]",
        more: ": the file, what rows refer to, counters, positions of
messages, rich content. A platform may use it meanwhile. Says what is wrong and how to mend it; the exit code is 1 then.

  --hashes     read all rich content, too, and compare it with the hashes of the uploads
  --mend       put counters right, and delete files that belong to nothing; the platform has to be stopped",
        takes: &["data"],
        flags: &["hashes", "mend"],
    },
    Verb {
        name: "backup",
        summary: "Copies the database and the files beside it to a new folder, as they are at one moment",
        args: "--to FOLDER [options]",
        more: ". A platform may use them
meanwhile: it waits for nothing. `restore` takes the folder, and so does `layer-api platform --data FOLDER/layer.db`.
On the same disk, rich content takes up no room again.

  --to FOLDER  where to; it must not be there yet",
        takes: &["data", "to"],
        flags: &[],
    },
    Verb {
        name: "restore",
        summary: "Puts a backup in the place of a database, after a look whether it is whole",
        args: "--from FOLDER [options]",
        more: ". The platform has to be stopped.

  --from FOLDER  the backup
  --overwrite    replace the database that is there; without it, it is left alone",
        takes: &["data", "from"],
        flags: &["overwrite"],
    },
    Verb {
        name: "export",
        summary: "Writes one app to a file of JSON lines, as it is at one moment, with rich content",
        args: "--app ID --to FILE [options]",
        more: ". A platform may use the database
meanwhile. The file holds secrets of webhooks, and tokens as hashes only.

  --app ID     the app
  --to FILE    where to; it must not be there yet",
        takes: &["data", "files", "app", "to"],
        flags: &[],
    },
    Verb {
        name: "import",
        summary: "Reads an app that `export` wrote into a database, which is created if missing",
        args: "--from FILE [options]",
        more: ". The platform has to be stopped. The app
is there once all of it is; of an import that fails, nothing is kept.

  --from FILE  the export
  --app ID     the id that the app gets  [default: the one that it had]",
        takes: &["data", "files", "app", "from"],
        flags: &[],
    },
    Verb {
        name: "copy",
        summary: "Copies all apps with their files to another place, such as from a file to PostgreSQL or back",
        args: "--from PLACE --to PLACE [options]",
        more: ".
Platforms on the other place have to be stopped; those on the first one too, but for a trial. Everything is compared;
where it differs, the exit code is 1. A copy that was broken off goes on when it is run again.

  --from PLACE  a database in a file, or the URL of one in PostgreSQL; LAYER_COPY_FROM where it is left out
  --to PLACE    likewise; LAYER_COPY_TO where it is left out
  --from-files FOLDER  the files of a database in PostgreSQL, also a bucket: s3://...  [default: layer-files]
  --to-files FOLDER    likewise",
        takes: &["from", "to", "from-files", "to-files"],
        flags: &[],
    },
];

/// What `--help` prints of these commands, for a program that takes them in place of options, too.
pub fn help(program: &str) -> String {
    let mut help = format!("\nOr: {program} COMMAND [OPTIONS], each with its own --help\n");
    for verb in &VERBS {
        write_entry(&mut help, verb.name, verb.summary);
    }
    help
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What to print.
    pub text: String,
    /// Whether all is well; else the exit code is 1.
    pub is_well: bool,
}

/// A command line that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpkeepCommand(Asked);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Asked {
    Help(String),
    Check { data: PathBuf, hashes: bool, mend: bool },
    Backup { data: PathBuf, to: PathBuf },
    Restore { from: PathBuf, data: PathBuf, overwrite: bool },
    Export { from: Place, app: AppId, to: PathBuf },
    Import { from: PathBuf, to: Place, app: Option<AppId> },
    Copy { from: Place, to: Place },
}

impl UpkeepCommand {
    /// Understands the arguments after a verb, for a program that is called like this. What they leave open is taken
    /// from the environment. `None` for another verb.
    pub fn parse(
        program: &str,
        verb: &str,
        args: impl Iterator<Item = OsString>,
    ) -> Option<Result<Self, InvalidSetting>> {
        let verb = VERBS.iter().find(|known| known.name == verb)?;
        Some(parse(program, verb, args).map(Self))
    }

    /// What is to be printed in place of doing anything: the usage.
    pub fn text(&self) -> Option<&str> {
        match &self.0 {
            Asked::Help(text) => Some(text),
            _ => None,
        }
    }

    /// Does what was asked for, and shows on the error output how far it is. Blocks until it is done.
    pub fn run(&self) -> Result<Done, UpkeepError> {
        match &self.0 {
            Asked::Help(text) => Ok(well(text.clone())),
            Asked::Check { data, hashes, mend } => {
                let mut progress = Progress::new("check");
                let findings = check::check(data, *hashes, *mend, &mut |step| progress.show(step))?;
                Ok(shown(data, &findings))
            }
            Asked::Backup { data, to } => {
                let mut progress = Progress::new("backup");
                let made = backup::back_up(data, to, &mut |step| progress.show(step))?;
                Ok(well(made.to_string()))
            }
            Asked::Restore { from, data, overwrite } => {
                let mut progress = Progress::new("restore");
                backup::restore(from, data, *overwrite, &mut |step| progress.show(step))?;
                Ok(well(format!("Restored {} from {}.", data.display(), from.display())))
            }
            Asked::Export { from, app, to } => {
                let mut progress = Progress::new("export");
                let made = transfer::export(from, *app, to, &mut |step| progress.show(step))?;
                let missing = if made.missing_files == 0 {
                    String::new()
                } else {
                    format!(" {} contents have no bytes: see `layer-api check`.", made.missing_files)
                };
                Ok(well(format!("Exported app {} to {}: {} lines.{missing}", made.app, to.display(), made.lines)))
            }
            Asked::Import { from, to, app } => {
                let mut progress = Progress::new("import");
                let made = transfer::import(from, to, *app, &mut |step| progress.show(step))?;
                Ok(well(format!("Imported app {} from {}: {} lines.", made.app, from.display(), made.lines)))
            }
            Asked::Copy { from, to } => {
                let mut progress = Progress::new("copy");
                let made = copy::copy(from, to, &mut |step| progress.show(step))?;
                let text = format!("Copied {} to {}: {made}", from.data, to.data);
                Ok(Done { text, is_well: made.is_well() })
            }
        }
    }
}

fn well(text: String) -> Done {
    Done { text, is_well: true }
}

/// What was found, and how to mend it.
fn shown(data: &Path, findings: &Findings) -> Done {
    if findings.count == 0 {
        return well(format!("{} is whole.", data.display()));
    }
    let mut lines: Vec<String> = findings.listed.iter().map(|finding| format!("- {}", finding.what)).collect();
    let rest = findings.count - findings.listed.len() as u64;
    if rest > 0 {
        lines.push(format!("- and {rest} more"));
    }
    if findings.mended == findings.count {
        lines.insert(0, format!("{} was not whole, and is now:", data.display()));
        return well(lines.join("\n"));
    }
    lines.insert(0, format!("{} is not whole:", data.display()));
    for (kind, mend) in [
        (
            FindingKind::Damage,
            "Damage: stop the platform and restore the latest backup (`layer-api restore`); keep the damaged file.",
        ),
        (FindingKind::Counter, "Counters: stop the platform and run `layer-api check --mend`."),
        (
            FindingKind::MissingFile,
            "Files that are missing: copy them from the folder of files in a backup. Until then, their downloads fail.",
        ),
        (
            FindingKind::UnusedFile,
            "Files that belong to nothing: they do no harm; `layer-api check --mend` deletes them.",
        ),
    ] {
        if findings.listed.iter().any(|finding| finding.kind == kind) {
            lines.push(mend.to_owned());
        }
    }
    Done { text: lines.join("\n"), is_well: false }
}

fn parse(program: &str, verb: &Verb, args: impl Iterator<Item = OsString>) -> Result<Asked, InvalidSetting> {
    let mut parser = Parser::from_args(args);
    let (mut given, mut flags): (Vec<(&str, OsString)>, Vec<&str>) = (vec![], vec![]);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Long("help") | Arg::Short('h') => {
                let Verb { name, summary, args, more, takes, .. } = verb;
                let mut help = format!("Usage: {program} {name} {args}\n\n{summary}{more}");
                for (_, text) in SHARED.iter().filter(|(option, _)| takes.contains(option)) {
                    help.push('\n');
                    help.push_str(text);
                }
                return Ok(Asked::Help(help));
            }
            Arg::Long(name) => {
                let same = |known: &&&str| **known == name;
                if let Some(flag) = verb.flags.iter().find(same) {
                    flags.push(flag);
                } else {
                    let name = verb.takes.iter().find(same).ok_or_else(|| arg.unexpected())?;
                    given.push((name, parser.value()?));
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    let value = |name: &str| given.iter().rev().find(|(option, _)| *option == name).map(|(_, value)| value.clone());
    let missing = |name: &str| InvalidSetting::new(format!("{} needs --{name}", verb.name));
    let path = |name: &str| match value(name) {
        Some(text) if !text.is_empty() => Ok(PathBuf::from(text)),
        _ => Err(missing(name)),
    };
    let app = || match value("app") {
        None => Ok(None),
        Some(text) => match text.to_str().and_then(AppId::parse) {
            None => Err(InvalidSetting::new("--app needs to be the id of an app".into())),
            app => Ok(app),
        },
    };
    let file = || match data_of(value("data"))? {
        DataLocation::File(data) => Ok(data),
        _ => Err(InvalidSetting::new(format!(
            "--data needs to name a file: {} is for databases in files, and PostgreSQL has tools of its own",
            verb.name
        ))),
    };
    let place = || {
        let Config { data, files, .. } = place_of(value("data"), value("files"))?;
        lasting("data", Place { data, files })
    };
    let side = |name: &str| {
        let variable = format!("LAYER_COPY_{}", name.to_uppercase());
        let text = value(name).or_else(|| std::env::var_os(variable)).filter(|text| !text.is_empty());
        let data = By::Flag.data_location(text.ok_or_else(|| missing(name))?.into());
        let files = match value(&format!("{name}-files")) {
            None => None,
            Some(_) if !matches!(data, DataLocation::Postgres(_)) => {
                return Err(InvalidSetting::new(format!(
                    "--{name}-files is for data in PostgreSQL: data in a file has them beside it"
                )));
            }
            Some(text) => {
                let files = text.to_str().and_then(FilesLocation::parse);
                let refused = || InvalidSetting::new(format!("--{name}-files {}", FilesLocation::NEEDS));
                Some(files.ok_or_else(refused)?)
            }
        };
        lasting(name, Place { data, files })
    };
    let has = |flag: &str| flags.contains(&flag);
    Ok(match verb.name {
        "check" => Asked::Check { data: file()?, hashes: has("hashes"), mend: has("mend") },
        "backup" => Asked::Backup { data: file()?, to: path("to")? },
        "export" => Asked::Export { from: place()?, app: app()?.ok_or_else(|| missing("app"))?, to: path("to")? },
        "import" => Asked::Import { from: path("from")?, to: place()?, app: app()? },
        "copy" => Asked::Copy { from: side("from")?, to: side("to")? },
        _ => Asked::Restore { from: path("from")?, data: file()?, overwrite: has("overwrite") },
    })
}

/// Refuses a place that ends with the process.
fn lasting(option: &str, place: Place) -> Result<Place, InvalidSetting> {
    if place.data == DataLocation::Memory {
        return Err(InvalidSetting::new(format!("--{option} needs to name a file or a database of PostgreSQL")));
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(verb: &str, args: &[&str]) -> Result<Asked, String> {
        let command = UpkeepCommand::parse("layer-api", verb, args.iter().map(OsString::from)).expect("a verb");
        command.map(|command| command.0).map_err(|error| error.to_string())
    }

    #[test]
    fn command_lines_are_understood_and_mistakes_named() {
        let data = PathBuf::from("chat.db");
        assert_eq!(
            parsed("check", &["--data", "chat.db", "--mend"]),
            Ok(Asked::Check { data: data.clone(), hashes: false, mend: true })
        );
        assert_eq!(parsed("backup", &["--data=chat.db", "--to", "b"]), Ok(Asked::Backup { data, to: "b".into() }));
        let place = |text: &str, files: Option<&str>| Place {
            data: By::Flag.data_location(text.into()),
            files: files.map(|files| PathBuf::from(files).into()),
        };
        let url = "postgres://layer:secret@db/chat";
        assert_eq!(
            parsed("copy", &["--from", "chat.db", "--to", url, "--to-files", "f"]),
            Ok(Asked::Copy { from: place("chat.db", None), to: place(url, Some("f")) })
        );
        assert_eq!(
            parsed("import", &["--from", "x", "--data", url, "--files", "f"]),
            Ok(Asked::Import { from: "x".into(), to: place(url, Some("f")), app: None })
        );
        for verb in &VERBS {
            let Ok(Asked::Help(text)) = parsed(verb.name, &["--help"]) else { panic!("{}", verb.name) };
            assert!(text.starts_with(&format!("Usage: layer-api {} ", verb.name)), "{text}");
            for option in verb.takes.iter().chain(verb.flags) {
                assert!(text.contains(&format!("  --{option} ")), "{option}: {text}");
            }
            assert!(text.lines().all(|line| line.len() <= 120), "{text}");
        }
        for (verb, args, reason) in [
            ("backup", &[][..], "backup needs --to"),
            ("backup", &["--to", ""], "backup needs --to"),
            ("export", &["--to", "x"], "export needs --app"),
            ("import", &["--from", "x", "--app", "y"], "--app needs to be the id of an app"),
            ("check", &["--to", "x"], "--to"),
            ("check", &["x"], "x"),
            ("restore", &["--from", "x", "--data", ":memory:"], "--data needs to name a file"),
            ("backup", &["--to", "x", "--data", url], "--data needs to name a file: backup is for databases in files"),
            (
                "import",
                &["--from", "x", "--data", ":memory:"],
                "--data needs to name a file or a database of PostgreSQL",
            ),
            ("import", &["--from", "x", "--data", "y.db", "--files", "f"], "--files is for data in PostgreSQL"),
            ("copy", &["--to", "x"], "copy needs --from"),
            ("copy", &["--from", "x"], "copy needs --to"),
            ("copy", &["--from", "x", "--to", ""], "copy needs --to"),
            ("copy", &["--from", ":memory:", "--to", "x"], "--from needs to name a file or a database of PostgreSQL"),
            ("copy", &["--from", url, "--to", "x", "--to-files", "f"], "--to-files is for data in PostgreSQL"),
            (
                "copy",
                &["--from", "x", "--to", url, "--to-files", "s3://key:secret@b"],
                "--to-files needs to be a folder, or",
            ),
        ] {
            let error = parsed(verb, args).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
        assert!(UpkeepCommand::parse("layer-api", "platform", std::iter::empty()).is_none());
    }
}

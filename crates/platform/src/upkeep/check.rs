//! `check`: whether a database is whole, and the files beside it.

use std::io;
use std::path::Path;

use layer_store::StoreError;
use layer_store::upkeep::{FileState, FindingKind, Findings, Step, Told, Upkeep, WholeFile};
use md5::{Digest as _, Md5};

use super::backup::files_of;
use super::error::UpkeepError;
use crate::ground::blobs::{Blobs as _, unavailable};
use crate::ground::files::Files;

/// What is said of a file that is not there.
pub const MISSING: &str = "is missing";

/// Looks at a database and at the files beside it. With `hashes`, files are read and compared with what they should
/// hold; with `mend`, counters are put right and files that belong to nothing are deleted.
pub fn check(data: &Path, hashes: bool, mend: bool, told: Told<'_>) -> Result<Findings, UpkeepError> {
    let upkeep = layer_store_sqlite::open_beside(data)?;
    let mut findings = upkeep.check(mend, told)?;
    if findings.listed.iter().any(|finding| finding.kind == FindingKind::Damage) {
        return Ok(findings);
    }
    let files = files_of(data);
    check_rows(&*upkeep, &files, hashes, &mut findings, told)?;
    check_folder(&*upkeep, &files, mend, &mut findings)?;
    Ok(findings)
}

/// Every row has its file.
fn check_rows(
    upkeep: &dyn Upkeep,
    files: &Files,
    hashes: bool,
    findings: &mut Findings,
    told: Told<'_>,
) -> Result<(), StoreError> {
    let mut done = 0;
    upkeep.for_each_file(&mut |file| {
        told(Step { name: "files", done, total: 0 });
        done += 1;
        if let Some(reason) = problem(files, &file, hashes)? {
            findings.add(FindingKind::MissingFile, format!("file {} {reason}", file.name));
        }
        Ok(())
    })
}

/// What is wrong with a file, if something is.
fn problem(files: &Files, file: &WholeFile, hashes: bool) -> Result<Option<String>, StoreError> {
    let found = match files.open(&file.name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(MISSING.into())),
        found => found.map_err(|error| unavailable(&error))?,
    };
    let size = found.metadata().map_err(|error| unavailable(&error))?.len();
    compare(found, size, file, hashes).map_err(|error| unavailable(&error))
}

/// What is wrong with bytes that are there.
pub fn compare(mut found: impl io::Read, size: u64, file: &WholeFile, hashes: bool) -> io::Result<Option<String>> {
    if size != file.size {
        return Ok(Some(format!("has {size} bytes in place of {}", file.size)));
    }
    let Some(md5) = file.md5.filter(|_| hashes) else { return Ok(None) };
    let mut hash = Hashing(Md5::new());
    io::copy(&mut found, &mut hash)?;
    Ok((hash.0.finalize().as_slice() != md5).then(|| "has other bytes than were uploaded".into()))
}

struct Hashing(Md5);

impl io::Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Every file has its row.
fn check_folder(upkeep: &dyn Upkeep, files: &Files, mend: bool, findings: &mut Findings) -> Result<(), StoreError> {
    files.for_each_name(&mut |name| {
        if upkeep.file_state(name)? == FileState::Unknown {
            findings.add(FindingKind::UnusedFile, format!("file {name} belongs to nothing"));
            if mend {
                files.delete(name).map_err(|error| unavailable(&error))?;
                findings.mended += 1;
            }
        }
        Ok(())
    })
}

//! A platform in one piece: a tar archive of the database, the blobs that go with it, and where the ids stand.

use std::io::{self, Read};

use layer_store::file::is_file_name;
use layer_store::{Images, Store, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::ground::blobs::{Blobs, Listed, unavailable};
use crate::ground::ids::{Ids, Position};

const STATE: &str = "platform.json";
const DATABASE: &str = "layer.db";

/// What the names of files begin with.
const FILES: &str = "files/";

/// The last entry: the hash of all bytes before it, by which a damaged snapshot is refused.
const CHECKSUM: &str = "sha256";

/// What a snapshot holds beside the database and the blobs.
#[derive(Serialize, Deserialize)]
struct State {
    ids: Position,
}

/// Takes a snapshot. It is held in memory as a whole.
///
/// The blobs are read after the database: all that it names are there, unless they are given up in between.
pub fn take(store: &dyn Store, blobs: &dyn Blobs, ids: &Ids) -> Result<Vec<u8>, StoreError> {
    let state = serde_json::to_vec(&State { ids: ids.position() })?;
    let database = images(store)?.snapshot()?;
    archive(&state, &database, blobs)
        .map_err(|error| StoreError::Unavailable(format!("a file cannot be read: {error}")))
}

fn images(store: &dyn Store) -> Result<&dyn Images, StoreError> {
    store.images().ok_or_else(|| StoreError::Unavailable("this storage engine makes no snapshots".into()))
}

fn archive(state: &[u8], database: &[u8], blobs: &dyn Blobs) -> io::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(vec![]);
    append(&mut archive, STATE, state.len() as u64, state)?;
    append(&mut archive, DATABASE, database.len() as u64, database)?;
    for Listed { name, length, bytes } in blobs.list()? {
        append(&mut archive, &format!("{FILES}{name}"), length, bytes)?;
    }
    let checksum = Sha256::digest(archive.get_ref());
    append(&mut archive, CHECKSUM, checksum.len() as u64, &*checksum)?;
    archive.into_inner()
}

fn append(archive: &mut tar::Builder<Vec<u8>>, name: &str, length: u64, bytes: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, bytes)
}

/// What a snapshot holds.
pub struct Contents {
    state: State,
    database: Vec<u8>,
    files: Vec<(String, Vec<u8>)>,
}

/// Reads a snapshot, and checks that it is whole. Error: `BadSnapshot`.
pub fn read(snapshot: &[u8]) -> Result<Contents, StoreError> {
    let refuse = |reason: &str| StoreError::BadSnapshot(reason.to_owned());
    let (mut state, mut database, mut contents, mut is_whole) = (None, None, vec![], false);
    for entry in tar::Archive::new(snapshot).entries().map_err(|_| refuse("it is no archive"))? {
        let mut entry = entry.map_err(|_| refuse("it is no archive, or is cut short"))?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).map_err(|_| refuse("it is cut short"))?;
        match name.as_str() {
            STATE => state = Some(bytes),
            DATABASE => database = Some(bytes),
            CHECKSUM => {
                let before = usize::try_from(entry.raw_header_position()).ok().and_then(|end| snapshot.get(..end));
                is_whole = before.is_some_and(|before| Sha256::digest(before).as_slice() == bytes);
            }
            other => match other.strip_prefix(FILES) {
                Some(file) if is_file_name(file) => contents.push((file.to_owned(), bytes)),
                _ => return Err(refuse(&format!("'{other}' does not belong into it"))),
            },
        }
    }
    let (Some(state), Some(database)) = (state, database) else {
        return Err(refuse("it was not made by a platform"));
    };
    if !is_whole {
        return Err(refuse("it is damaged"));
    }
    let state = serde_json::from_slice(&state).map_err(|_| refuse("it is damaged"))?;
    Ok(Contents { state, database, files: contents })
}

/// Restores a snapshot. Ids go on where they stood, if they come from the same source.
///
/// Error: `BadSnapshot` when it is none; nothing is changed then.
pub fn restore(store: &dyn Store, blobs: &dyn Blobs, ids: &Ids, snapshot: &[u8]) -> Result<(), StoreError> {
    let Contents { state, database, files: contents } = read(snapshot)?;
    // Written aside first, because the disk may be full.
    let staged = blobs.stage(&contents).map_err(|error| unavailable(&error))?;
    images(store)?.restore(database, staged)?;
    ids.go_to(&state.ids);
    Ok(())
}

//! A platform in one piece: a tar archive of the database and of where the ids stand.

use std::io::Read as _;

use serde::{Deserialize, Serialize};

use crate::ids::{Ids, Position};
use crate::store::{Store, StoreError};

const STATE: &str = "platform.json";
const DATABASE: &str = "layer.db";

/// What a snapshot holds beside the database.
#[derive(Serialize, Deserialize)]
struct State {
    ids: Position,
}

/// Takes a snapshot.
pub fn take(store: &dyn Store, ids: &Ids) -> Result<Vec<u8>, StoreError> {
    let state = serde_json::to_vec(&State { ids: ids.position() })?;
    let mut archive = tar::Builder::new(vec![]);
    for (name, bytes) in [(STATE, state), (DATABASE, store.snapshot()?)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        archive
            .append_data(&mut header, name, bytes.as_slice())
            .map_err(|error| StoreError::Failed(error.to_string()))?;
    }
    archive.into_inner().map_err(|error| StoreError::Failed(error.to_string()))
}

/// Restores a snapshot. Ids go on where they stood, if they come from the same source.
///
/// Error: `BadSnapshot` when it is none; nothing is changed then.
pub fn restore(store: &dyn Store, ids: &Ids, snapshot: &[u8]) -> Result<(), StoreError> {
    let refuse = |reason: &str| StoreError::BadSnapshot(reason.to_owned());
    let (mut state, mut database) = (None, None);
    for entry in tar::Archive::new(snapshot).entries().map_err(|_| refuse("it is no archive"))? {
        let mut entry = entry.map_err(|_| refuse("it is no archive, or is cut short"))?;
        let wanted = match entry.path_bytes().as_ref() {
            name if name == STATE.as_bytes() => &mut state,
            name if name == DATABASE.as_bytes() => &mut database,
            _ => continue,
        };
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).map_err(|_| refuse("it is cut short"))?;
        *wanted = Some(bytes);
    }
    let (Some(state), Some(database)) = (state, database) else {
        return Err(refuse("it was not made by a platform"));
    };
    let state: State = serde_json::from_slice(&state).map_err(|_| refuse("it is damaged"))?;
    store.restore(database)?;
    ids.go_to(&state.ids);
    Ok(())
}

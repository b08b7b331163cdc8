//! A disk under SQLite that fails when it is told to, and that knows what a loss of power would leave of its files.
//!
//! It is a VFS of SQLite in front of that of the system, and the default one of this process. What is done in a folder
//! that nobody watches passes through.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::ffi;

/// What a disk writes in one piece. Unit: bytes.
const SECTOR: usize = 512;

/// What fails: calls that change files, counted from 0.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The first call that fails.
    pub first: usize,
    /// How many fail in a row.
    pub count: usize,
    /// Whether the disk is full; else it cannot write.
    pub is_full: bool,
}

/// What is left after a loss of power of what was written and not synced.
#[derive(Debug, Clone, Copy)]
pub enum Left {
    Nothing,
    Everything,
    /// Some sectors of it, by this seed.
    Some(u64),
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => put(image, *offset, bytes),
            Self::Truncate(size) => image.resize(*size, 0),
        }
    }

    fn apply_some(&self, image: &mut Vec<u8>, random: &mut fastrand::Rng) {
        match self {
            Self::Write(offset, bytes) => {
                let mut begin = 0;
                while begin < bytes.len() {
                    let end = (((offset + begin) / SECTOR + 1) * SECTOR - offset).min(bytes.len());
                    if random.bool() {
                        put(image, offset + begin, &bytes[begin..end]);
                    }
                    begin = end;
                }
            }
            Self::Truncate(_) if random.bool() => self.apply(image),
            Self::Truncate(_) => {}
        }
    }
}

fn put(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[offset..end].copy_from_slice(bytes);
}

/// A file: what is on the disk for certain, and what happened to it since.
#[derive(Clone, Default)]
struct File {
    synced: Vec<u8>,
    changes: Vec<Change>,
}

/// The files of a folder at some moment.
pub struct Moment {
    files: BTreeMap<PathBuf, File>,
    /// What the test said of this moment.
    pub said: usize,
    /// The number of the call that was about to be made.
    pub call: usize,
}

impl Moment {
    /// Writes into a folder what is left when the power goes at this moment.
    pub fn write(&self, folder: &Path, left: Left) {
        let mut random = fastrand::Rng::with_seed(if let Left::Some(seed) = left { seed } else { 0 });
        for (path, file) in &self.files {
            let mut image = file.synced.clone();
            for change in &file.changes {
                match left {
                    Left::Nothing => {}
                    Left::Everything => change.apply(&mut image),
                    Left::Some(_) => change.apply_some(&mut image, &mut random),
                }
            }
            std::fs::write(folder.join(path.file_name().unwrap()), image).unwrap();
        }
    }
}

/// What a test says of a moment.
type Said = Box<dyn Fn() -> usize + Send>;

#[derive(Default)]
struct State {
    calls: usize,
    fault: Option<Fault>,
    files: BTreeMap<PathBuf, File>,
    /// Of which calls to keep the moment before: the first one, and the step to the next.
    kept: Option<(usize, usize, Said)>,
    moments: Vec<Moment>,
}

impl State {
    /// Counts a call. Answers with the fault, if it is to fail.
    fn call(&mut self) -> Option<Fault> {
        let call = self.calls;
        self.calls += 1;
        if let Some((first, step, said)) = &self.kept
            && call >= *first
            && (call - first).is_multiple_of(*step)
        {
            self.moments.push(Moment { files: self.files.clone(), said: said(), call });
        }
        self.fault.filter(|fault| call >= fault.first && call - fault.first < fault.count)
    }

    fn change(&mut self, path: &Path, change: Change) {
        self.files.entry(path.to_owned()).or_default().changes.push(change);
    }
}

/// The states of the folders that are watched.
static STATES: Mutex<Option<HashMap<PathBuf, Arc<Mutex<State>>>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder that is watched until this is dropped.
pub struct Disk {
    folder: PathBuf,
    state: Arc<Mutex<State>>,
}

impl Disk {
    /// Watches a folder.
    pub fn watch(folder: &Path) -> Self {
        install();
        let folder = folder.canonicalize().unwrap();
        let state = Arc::<Mutex<State>>::default();
        lock(&STATES).get_or_insert_default().insert(folder.clone(), Arc::clone(&state));
        Self { folder, state }
    }

    /// How many calls were made that change files.
    pub fn calls(&self) -> usize {
        lock(&self.state).calls
    }

    /// Lets calls fail, or none any more.
    pub fn set_fault(&self, fault: Option<Fault>) {
        lock(&self.state).fault = fault;
    }

    /// Keeps the moments before some calls: the first one, and each one a step further.
    pub fn keep_moments(&self, first: usize, step: usize, said: impl Fn() -> usize + Send + 'static) {
        lock(&self.state).kept = Some((first, step, Box::new(said)));
    }

    /// The moments that were kept.
    pub fn moments(&self) -> Vec<Moment> {
        std::mem::take(&mut lock(&self.state).moments)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Some(states) = &mut *lock(&STATES) {
            states.remove(&self.folder);
        }
    }
}

/// An open file, as SQLite allocates it: the file of the system comes right behind.
#[repr(C)]
struct Shim {
    base: ffi::sqlite3_file,
    /// From a box; null for a file that nobody watches.
    watched: *mut Watched,
}

struct Watched {
    path: PathBuf,
    state: Arc<Mutex<State>>,
}

/// The VFS of the system. It lives as long as the process.
struct System(*mut ffi::sqlite3_vfs);

// SAFETY: SQLite itself uses a VFS from all threads; nothing here changes it.
unsafe impl Send for System {}
// SAFETY: the same.
unsafe impl Sync for System {}

static SYSTEM: OnceLock<System> = OnceLock::new();

/// Makes the disk the default VFS, once.
fn install() {
    SYSTEM.get_or_init(|| {
        // SAFETY: SQLite is initialized by finding its default VFS, which lives as long as the process. The copy does
        // so as well, since it is leaked; its size counts the shim, and only the two functions differ that this module
        // passes on to the original.
        unsafe {
            let system = ffi::sqlite3_vfs_find(std::ptr::null());
            assert!(!system.is_null());
            let mut shim = *system;
            shim.zName = c"layer-faults".as_ptr();
            shim.pNext = std::ptr::null_mut();
            shim.szOsFile += c_int::try_from(size_of::<Shim>()).unwrap();
            shim.xOpen = Some(open);
            shim.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(shim)), 1), ffi::SQLITE_OK);
            System(system)
        }
    });
}

fn system() -> *mut ffi::sqlite3_vfs {
    SYSTEM.get().expect("installed before it is called").0
}

/// The watched file of this name.
fn watched(name: *const c_char) -> Option<Watched> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite gives names that end with a zero byte.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes())).to_owned();
    let states = lock(&STATES);
    let state = states.as_ref()?.get(path.parent()?)?;
    Some(Watched { state: Arc::clone(state), path })
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    let shim = file.cast::<Shim>();
    // SAFETY: SQLite allocates `szOsFile` bytes for a file: the shim, and behind it the file of the system.
    unsafe {
        (*shim).base.pMethods = std::ptr::null();
        (*shim).watched = std::ptr::null_mut();
        let code = (*system()).xOpen.unwrap()(system(), name, real(file), flags, out);
        if code != ffi::SQLITE_OK {
            if !(*real(file)).pMethods.is_null() {
                (*(*real(file)).pMethods).xClose.unwrap()(real(file));
            }
            return code;
        }
        (*shim).base.pMethods = &raw const METHODS;
        if let Some(watched) = watched(name) {
            let mut state = lock(&watched.state);
            if !state.files.contains_key(&watched.path) {
                // What was there before is on the disk.
                let synced = std::fs::read(&watched.path).unwrap_or_default();
                state.files.insert(watched.path.clone(), File { synced, changes: vec![] });
            }
            drop(state);
            (*shim).watched = Box::into_raw(Box::new(watched));
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    if let Some(watched) = watched(name) {
        let mut state = lock(&watched.state);
        if state.call().is_some() {
            return ffi::SQLITE_IOERR_DELETE;
        }
        state.files.remove(&watched.path);
    }
    // SAFETY: passed on as it came.
    unsafe { (*system()).xDelete.unwrap()(system(), name, sync) }
}

/// The file of the system behind the shim.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: the caller has a file that `open` was given, where it lies behind the shim.
    unsafe { file.cast::<u8>().add(size_of::<Shim>()).cast() }
}

/// Calls a method of the file of the system.
macro_rules! pass_on {
    ($file:ident, $method:ident $(, $argument:expr)*) => {
        // SAFETY: SQLite calls methods of open files only, and the one of the system was opened with the shim; the
        // arguments are passed on as they came.
        unsafe { (*(*real($file)).pMethods).$method.unwrap()(real($file) $(, $argument)*) }
    };
}

/// Counts a call for a watched file, and does it while no other one is made: `done` hears of the fault, if it is to
/// fail. `None` for a file that nobody watches.
fn call(file: *mut ffi::sqlite3_file, done: impl FnOnce(&mut State, &Path, Option<Fault>) -> c_int) -> Option<c_int> {
    // SAFETY: set by `open`, and freed by `close` alone, after which SQLite calls nothing more.
    let watched = unsafe { (*file.cast::<Shim>()).watched.as_ref() }?;
    let mut state = lock(&watched.state);
    let fault = state.call();
    Some(done(&mut state, &watched.path, fault))
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: made by `Box::into_raw` in `open`; SQLite closes a file once.
    drop(unsafe {
        let watched = (*file.cast::<Shim>()).watched;
        (!watched.is_null()).then(|| Box::from_raw(watched))
    });
    pass_on!(file, xClose)
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, buffer: *mut c_void, count: c_int, offset: i64) -> c_int {
    pass_on!(file, xRead, buffer, count, offset)
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, buffer: *const c_void, count: c_int, offset: i64) -> c_int {
    // SAFETY: SQLite gives so many bytes.
    let bytes = unsafe { std::slice::from_raw_parts(buffer.cast::<u8>(), usize::try_from(count).unwrap()) };
    let code = call(file, |state, path, fault| {
        // A write that fails has come half the way.
        let (count, code) = match fault {
            None => (count, ffi::SQLITE_OK),
            Some(fault) => (count / 2, if fault.is_full { ffi::SQLITE_FULL } else { ffi::SQLITE_IOERR_WRITE }),
        };
        let written = bytes[..usize::try_from(count).unwrap()].to_vec();
        state.change(path, Change::Write(usize::try_from(offset).unwrap(), written));
        match pass_on!(file, xWrite, buffer, count, offset) {
            ffi::SQLITE_OK => code,
            failed => failed,
        }
    });
    code.unwrap_or_else(|| pass_on!(file, xWrite, buffer, count, offset))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let code = call(file, |state, path, fault| {
        if fault.is_some() {
            return ffi::SQLITE_IOERR_TRUNCATE;
        }
        state.change(path, Change::Truncate(usize::try_from(size).unwrap()));
        pass_on!(file, xTruncate, size)
    });
    code.unwrap_or_else(|| pass_on!(file, xTruncate, size))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let code = call(file, |state, path, fault| {
        if fault.is_some() {
            return ffi::SQLITE_IOERR_FSYNC;
        }
        let File { synced, changes } = state.files.entry(path.to_owned()).or_default();
        changes.drain(..).for_each(|change| change.apply(synced));
        // The real disk need not hear of it.
        ffi::SQLITE_OK
    });
    code.unwrap_or_else(|| pass_on!(file, xSync, flags))
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    pass_on!(file, xFileSize, size)
}

unsafe extern "C" fn lock_file(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass_on!(file, xLock, level)
}

unsafe extern "C" fn unlock_file(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass_on!(file, xUnlock, level)
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, is_reserved: *mut c_int) -> c_int {
    pass_on!(file, xCheckReservedLock, is_reserved)
}

unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    pass_on!(file, xFileControl, operation, argument)
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass_on!(file, xSectorSize)
}

unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    pass_on!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    pass_on!(file, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    pass_on!(file, xShmLock, offset, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    pass_on!(file, xShmBarrier);
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, is_deleted: c_int) -> c_int {
    pass_on!(file, xShmUnmap, is_deleted)
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Without memory maps of the file, which would go past all this.
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock_file),
    xUnlock: Some(unlock_file),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

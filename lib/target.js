'use strict';

/** Which system this is, in the words of our packages' names: `linux-x64-gnu`. */

const fs = require('fs');

/** Interpreters of programs on Linux: each is part of the C library that a program is linked with. */
const INTERPRETERS = { musl: 'ld-musl-', gnu: 'ld-linux' };
/** Bytes at the start of a program within which linkers name its interpreter. */
const HEAD_LENGTH = 4096;

/** C library of the program `file`: `gnu`, `musl`, or undefined where it does not say. */
function libcOf(file) {
  const buffer = Buffer.alloc(HEAD_LENGTH);
  let length;
  try {
    const descriptor = fs.openSync(file, 'r');
    length = fs.readSync(descriptor, buffer, 0, HEAD_LENGTH, 0);
    fs.closeSync(descriptor);
  } catch {
    return undefined;
  }
  const head = buffer.toString('latin1', 0, length);
  return Object.keys(INTERPRETERS).find((name) => head.includes(INTERPRETERS[name]));
}

/** What the runtime reports of this process; undefined where there is no report, or no leave to read it. */
function report() {
  try {
    // Else it looks up the names of all peers, which can take seconds.
    process.report.excludeNetwork = true;
    /** @type {any} */
    const report = process.report.getReport();
    return report.header;
  } catch {
    return undefined;
  }
}

/** `glibc 2.36` or `musl`: the C library of this process, by its own report; undefined where there is none. */
function libcVersion() {
  const header = report();
  if (!header) return undefined;
  return header.glibcVersionRuntime ? `glibc ${header.glibcVersionRuntime}` : 'musl';
}

/**
 * The target of a runtime, by default of this one. It is not asked of the system, which may have both C libraries, but
 * of the runtime's program: the addon has to go with that.
 */
function targetOf({ platform, arch, execPath } = process) {
  if (platform === 'win32') return `${platform}-${arch}-msvc`;
  if (platform !== 'linux') return `${platform}-${arch}`;
  return `${platform}-${arch}-${libcOf(execPath) || (libcVersion() === 'musl' ? 'musl' : 'gnu')}`;
}

module.exports = { libcVersion, targetOf };

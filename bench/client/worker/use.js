'use strict';

/** What processes have used so far. Linux only. */

const fs = require('fs');

/** CPU time of a thread in ns: of the main thread of process `pid`. */
exports.mainThreadNs = (pid) => Number(fs.readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[0]);

/** CPU time of all threads of this process, in ms. */
exports.processMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Memory of this process that is in use, in MB. */
exports.rssMb = () => process.memoryUsage.rss() / 2 ** 20;

/** Prints the figures as one line of JSON and ends the process, which connections at rest may hold. */
exports.report = (figures) => process.stdout.write(`${JSON.stringify(figures)}\n`, () => process.exit());

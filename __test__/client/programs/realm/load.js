'use strict';

/** Loads the module anew for `program`, the module object of a program. */

module.exports = (program) => {
  for (const file of Object.keys(require.cache)) delete require.cache[file];
  // Node keeps what a module has loaded here, too.
  program.children.length = 0;
  return program.require(process.env.SUBJECT);
};

/** Runs the service, and prints at its end which files were loaded, seen from node_modules. */

const path = require('node:path');

require('./service.cjs');

process.on('exit', () => {
  const files = Object.keys(require.cache).filter((file) => path.dirname(file) !== __dirname);
  console.log(JSON.stringify(files.map((file) => path.relative(path.join(__dirname, 'node_modules'), file))));
});

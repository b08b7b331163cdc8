/**
 * The table. A row:
 *   name           what is special about it; the test puts the method in front
 *   method         'resource.name'; without it only the constructor runs
 *   args()         makes fresh arguments; the recording callback is put behind them unless `callback` says otherwise
 *   callback       'none': no callback is added; 'placed': it stands where the arguments hold CALLBACK
 *   callbackThrows the callback throws after it has been recorded
 *   forms          ['callback', 'promise'] by default; only 'callback' for rows with a `callback`
 *   reply          what the server answers, or an array with one reply for each request; null is silence
 *   config()       configuration beside what leads to the server; `target`: 'refused' or 'untrusted';
 *                  `agent`: function that turns agentOptions into an agent
 *   bareConfig()   the whole configuration, for rows that make no request; it is compared afterwards
 *   construct      makes the client of the class and the configuration
 *   detached       the method is called without its resource as `this`
 *   repeat, pause  number of calls, one after the other, and milliseconds between them
 *   patience       milliseconds to wait where there is no reply; 2000 by default
 *   afterCall      called with the arguments as soon as the method has returned
 *   tag            mark that differences.js refers to
 */

const { OK } = require('./values.js');

const FILES = ['conversations', 'messages', 'others', 'delivery', 'replies', 'constructor'];

function complete(row) {
  const takesPromise = row.method && !row.callback && !row.callbackThrows;
  return {
    ...row,
    name: row.method ? `${row.method}, ${row.name}` : row.name,
    forms: row.forms ?? (takesPromise ? ['callback', 'promise'] : ['callback']),
    reply: row.reply === undefined ? OK : row.reply,
  };
}

module.exports = FILES.flatMap((file) => require(`./${file}.js`)).map(complete);

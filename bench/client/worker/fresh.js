'use strict';

/**
 * Measures what one variant costs in a process that has done nothing yet, from `require` to the last of `requests`
 * replies, prints the figures as one line of JSON, and exits.
 *
 * Usage: node fresh.js VARIANT SETTINGS, as load.js; of `clients`, `warmUp` and `measured` only `measured.requests`.
 */

const { operationOf } = require('../operations.js');
const { appOf, variants } = require('../variants.js');
const { callerOf } = require('./call.js');
const { run } = require('./lanes.js');
const { mainThreadNs, processMs, report, rssMb } = require('./use.js');

async function main([name, text]) {
  const settings = JSON.parse(text);
  const { operation, concurrency, measured } = settings;
  const { form, load, create } = variants[name];
  const call = operationOf(operation);

  const emptyMs = time(() => require('./empty.js')).ms;
  const start = { nowMs: performance.now(), processMs: processMs(), mainNs: mainThreadNs(process.pid) };
  const required = time(() => load(settings));
  const constructed = time(() => create(required.value, settings, appOf(0)));
  let firstMs;
  const once = callerOf(constructed.value, call, form);
  const noting = form === 'promise' ? () => once().then(note) : (done) => once(() => done(note()));
  function note() {
    firstMs ??= performance.now() - begun;
  }
  const begun = performance.now();
  await run(form, noting, { lanes: concurrency, ...measured });
  report({
    wallMs: performance.now() - start.nowMs,
    emptyMs,
    requireMs: required.ms,
    constructMs: constructed.ms,
    firstMs,
    mainMs: (mainThreadNs(process.pid) - start.mainNs) / 1e6,
    processMs: processMs() - start.processMs,
    rssMb: rssMb(),
  });
}

function time(work) {
  const begun = performance.now();
  const value = work();
  return { value, ms: performance.now() - begun };
}

main(process.argv.slice(2));

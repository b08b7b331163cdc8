'use strict';

/**
 * Keeps calls in flight: as many as there are lanes, each begins the next one when its last is answered, until the time
 * is up or all are sent. Resolves to the latencies, in ms.
 */

/** No client comes near it, so the list of latencies has room for all. */
const MOST_PER_SECOND = 500_000;

exports.run = (form, call, { lanes, seconds, requests }) => {
  const most = Math.ceil(Math.min(requests || Infinity, (seconds || Infinity) * MOST_PER_SECOND));
  const latencies = new Float64Array(most);
  const end = seconds ? performance.now() + seconds * 1000 : Infinity;
  const through = form === 'callback' ? callbacks : promises;
  return through(call, Math.min(lanes, most), end, latencies);
};

function callbacks(call, lanes, end, latencies) {
  return new Promise((resolve) => {
    let sent = 0;
    let done = 0;
    const next = (begun) => {
      sent++;
      call(() => {
        const now = performance.now();
        latencies[done++] = now - begun;
        if (now < end && sent < latencies.length) next(now);
        else if (done === sent) resolve(latencies.subarray(0, done));
      });
    };
    for (let lane = 0; lane < lanes; lane++) next(performance.now());
  });
}

async function promises(call, lanes, end, latencies) {
  let sent = 0;
  let done = 0;
  const lane = async () => {
    let now = performance.now();
    while (now < end && sent < latencies.length) {
      const begun = now;
      sent++;
      await call();
      now = performance.now();
      latencies[done++] = now - begun;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return latencies.subarray(0, done);
}

'use strict';

/** Whether `debug` is on. Read each time, as in 2.x: services set the variable while they run. */
exports.isOn = () => {
  try {
    return process.env.LAYER_API_DEBUG === 'true';
  } catch (_) {
    // Tests put things of their own in place of the environment; no request may hang on that.
    return false;
  }
};

/** Prints one line. What the console throws is no matter of the request that is told of. */
exports.print = (line) => {
  try {
    console.log(`[LayerAPI] ${line}`);
  } catch (_) {
    // Nowhere to tell it.
  }
};

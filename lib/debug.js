'use strict';

/** Whether `debug` is on. Read each time, as in 2.x: services set the variable while they run. */
exports.isOn = () => process.env.LAYER_API_DEBUG === 'true';

/** Prints one line. */
exports.print = (line) => {
  console.log(`[LayerAPI] ${line}`);
};

/** `npm run budget`: makes what requests cost now their budget. Say in the commit what changed, and why. */

import budgets from '../__test__/cost/budget.js';
import { build, measure, SCENARIOS, serve } from '../__test__/cost/measure.js';

const paths = await build();
const server = await serve(paths.server);
try {
  const budget = {};
  for (const scenario of Object.keys(SCENARIOS)) budget[scenario] = await measure(paths, server, scenario);
  budgets.write(budget);
} finally {
  server.stop();
}

const assert = require('node:assert');
const { after, before, test } = require('node:test');
const budgets = require('./budget.js');
const { build, mainThread, measure, SCENARIOS, serve } = require('./measure.js');

/**
 * Measurements that a scenario has at the most: what a busy machine adds, such as a wake-up where requests came late,
 * it does not add each time.
 */
const ATTEMPTS = 5;

let paths;
let server;

before(async () => {
  paths = await build();
  server = await serve(paths.server);
});

after(() => server?.stop());

/** What the budget says of the least that was measured of each figure. */
async function faults(scenario) {
  const least = {};
  let found;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const measured = await measure(paths, server, scenario);
    for (const [name, figure] of Object.entries(measured)) least[name] = Math.min(figure, least[name] ?? figure);
    found = budgets.check(budgets.read(), scenario, least);
    if (found.length === 0) break;
  }
  return found;
}

for (const scenario of Object.keys(SCENARIOS)) {
  test(`${scenario}: a request costs what its budget says`, async () => {
    assert.deepStrictEqual(await faults(scenario), []);
  });
}

test('withOptions and one call on it take at most 1.5 times what the call takes of the main thread', async () => {
  const tried = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const alone = await mainThread(paths, server, 'send, 64 in flight');
    const withOptions = await mainThread(paths, server, 'withOptions and one send on it, 64 in flight');
    if (withOptions <= 1.5 * alone) return;
    tried.push(`${withOptions} instructions, ${alone} without`);
  }
  assert.fail(tried.join('; '));
});

test('every figure that is measured has a budget, and every budget is measured', async () => {
  const { figures, budget } = budgets.read();
  assert.deepStrictEqual(Object.keys(budget), Object.keys(SCENARIOS));
  const used = new Set(Object.values(budget).flatMap(Object.keys));
  assert.deepStrictEqual(Object.keys(figures), [...used]);
});

test('a figure above its budget is refused, and one far below it', () => {
  const plan = {
    node: 1,
    figures: {
      wakeUps: { is: 'times', tolerance: 0.01 },
      heapBytes: { is: 'bytes', tolerance: 0.01 },
    },
    budget: { send: { wakeUps: 1, heapBytes: 1000 } },
  };
  const check = (wakeUps, heapBytes) => budgets.check(plan, 'send', { wakeUps, heapBytes });
  assert.deepStrictEqual(check(1, 1000), []);
  assert.deepStrictEqual(check(1.01, 901), []);
  assert.deepStrictEqual(check(2, 1000), ['send: wakeUps is 2, the budget is 1 (times)']);
  assert.deepStrictEqual(check(0.89, 1000), [
    'send: wakeUps is 0.89, the budget is 1 (times): tighten it with `npm run budget`',
  ]);
  assert.deepStrictEqual(check(1, 1100), ['send: heapBytes is 1100, the budget is 1000 (bytes)']);
  assert.deepStrictEqual(check(1, 500), [], 'another version of V8 may take less');
  assert.deepStrictEqual(check(undefined, 1000), ['send: wakeUps is undefined, the budget is 1 (times)']);
});

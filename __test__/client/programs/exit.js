'use strict';

/**
 * The ways in which a process ends while the client is at work, for exit.test.js. Argument: the name of one. Each has
 * the kind of the server that it needs, and how it has to end.
 */

const { Worker, isMainThread } = require('worker_threads');

const DELAY = Number(process.env.DELAY);
/** Loaded when it is needed: one way loads it in its worker only. */
const load = () => require('../../..');
const config = (more) => ({
  token: process.env.TOKEN,
  appId: process.env.APP_ID,
  agentOptions: { rejectUnauthorized: false },
  ...more,
});
/** Has fifty requests in flight, every other one of which has no reply. */
const start = (callback = () => {}, more) => {
  const LayerAPI = load();
  const layer = new LayerAPI(config(more));
  for (let i = 0; i < 50; i++) layer.blocklist.get(i % 2 ? 'maria' : 'never', callback);
  return layer;
};
const busy = (milliseconds) => {
  for (const end = Date.now() + milliseconds; Date.now() < end; );
};
const uncaught = () => {
  throw new Error('uncaught');
};
const exit = (code) => () => process.exit(code);
const exitSoon = (code, wait = DELAY) => setTimeout(exit(code), wait);
const worker = () => new Worker(__filename, { argv: process.argv.slice(2) });
/** Has requests in flight to a platform of this process. */
const startBeside = async (platform) => {
  const app = await platform.createApp();
  start(() => {}, { ...app, baseUrl: platform.url });
};

const exited = (code) => ({ code, signal: null });
const killed = (signal) => ({ code: null, signal });

const ways = {
  'process.exit right after the calls': [
    'http',
    exited(7),
    () => {
      start();
      process.exit(7);
    },
  ],
  'process.exit in an immediate': [
    'https',
    exited(7),
    () => {
      start();
      setImmediate(exit(7));
    },
  ],
  'process.exit in a timer over http': [
    'http',
    exited(7),
    () => {
      start();
      exitSoon(7);
    },
  ],
  'process.exit in a timer over https': [
    'https',
    exited(7),
    () => {
      start();
      exitSoon(7);
    },
  ],
  'process.exit during the TLS handshake': [
    'silent',
    exited(7),
    () => {
      start();
      exitSoon(7);
    },
  ],
  'process.exit during the look-up of a name': [
    'http',
    exited(7),
    () => {
      start(() => {}, { baseUrl: 'http://name.invalid' });
      exitSoon(7);
    },
  ],
  'process.exit in a callback, which is the last': [
    'http',
    exited(11),
    () => {
      let calls = 0;
      process.on('exit', () => {
        process.exitCode = 10 + calls;
      });
      start(() => {
        calls++;
        process.exit();
      });
    },
  ],
  'process.exit after an await': ['https', exited(7), () => start().blocklist.getAsync('maria').then(exit(7))],
  'process.exit while timeouts run out': [
    'http',
    exited(7),
    () => {
      start(() => {}, { timeout: 1 + DELAY });
      exitSoon(7, 5);
    },
  ],
  'process.exit while replies wait for a busy thread': [
    'http',
    exited(7),
    () =>
      start().blocklist.get('maria', () => {
        busy(20);
        process.exit(7);
      }),
  ],
  "calls in a handler of 'exit'": [
    'https',
    exited(7),
    () => {
      start(exit(7));
      process.on('exit', () => start());
    },
  ],
  "process.exit in a handler of 'exit'": [
    'https',
    exited(8),
    () => {
      start(exit(7));
      process.on('exit', () => {
        start();
        process.exit(8);
      });
    },
  ],
  "calls in a handler of 'beforeExit', which keep the process": [
    'http',
    exited(7),
    () => {
      let rounds = 0;
      const LayerAPI = load();
      process.on('beforeExit', () => {
        if (rounds++ >= 3) return;
        new LayerAPI(config()).blocklist.get('maria', () => {
          process.exitCode = 7;
        });
      });
    },
  ],
  'SIGTERM without a handler': [
    'https',
    killed('SIGTERM'),
    () => {
      start();
      process.kill(process.pid, 'SIGTERM');
      busy(50);
    },
  ],
  'SIGTERM with a handler': [
    'https',
    exited(3),
    () => {
      process.on('SIGTERM', exit(3));
      start();
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), DELAY);
    },
  ],
  'SIGINT without a handler': [
    'http',
    killed('SIGINT'),
    () => {
      start();
      setTimeout(() => process.kill(process.pid, 'SIGINT'), DELAY);
    },
  ],
  'an uncaught exception': [
    'http',
    exited(1),
    () => {
      start();
      setTimeout(uncaught, DELAY);
    },
  ],
  'an uncaught exception in a callback': ['https', exited(1), () => start(uncaught)],
  "an exception in a handler of 'uncaughtException'": [
    'http',
    exited(7),
    () => {
      process.on('uncaughtException', (error) => {
        throw error;
      });
      start(uncaught);
    },
  ],
  'a rejection that nobody handles': ['http', exited(1), () => start().blocklist.getAsync('')],
  'a natural end with idle connections': [
    'https',
    exited(0),
    () => {
      const LayerAPI = load();
      const layer = new LayerAPI(config({ agentOptions: { keepAlive: true, rejectUnauthorized: false } }));
      for (let i = 0; i < 20; i++) layer.blocklist.get('maria', () => {});
    },
  ],
  'process.exit beside a platform that starts': [
    'http',
    exited(7),
    () => {
      load().Platform.start({ data: ':memory:' });
      exitSoon(7);
    },
  ],
  'process.exit beside a platform at work': [
    'http',
    exited(7),
    async () => {
      await startBeside(await load().Platform.start());
      exitSoon(7);
    },
  ],
  'process.exit beside a platform that closes': [
    'http',
    exited(7),
    async () => {
      const platform = await load().Platform.start();
      await startBeside(platform);
      setImmediate(() => {
        platform.close();
        exitSoon(7);
      });
    },
  ],
  'process.exit of the main thread while workers are at work': [
    'http',
    exited(7),
    () => {
      start();
      if (isMainThread) worker().on('online', () => exitSoon(7, 20 + DELAY));
    },
  ],
  'process.exit of a worker, after which the main thread goes on': [
    'https',
    exited(5),
    () => {
      const LayerAPI = load();
      if (isMainThread) worker().on('exit', (code) => new LayerAPI(config()).blocklist.get('maria', exit(code)));
      else {
        start();
        exitSoon(5);
      }
    },
  ],
  'the end of the only worker that uses the client': [
    'http',
    exited(5),
    () => {
      if (isMainThread) worker().on('exit', (code) => exitSoon(code, 20));
      else {
        start();
        exitSoon(5);
      }
    },
  ],
  'an uncaught exception of a worker': [
    'http',
    exited(5),
    () => {
      if (isMainThread) worker().on('error', (error) => process.exit(error.message === 'uncaught' ? 5 : 6));
      else {
        start();
        setTimeout(uncaught, DELAY);
      }
    },
  ],
};

module.exports = Object.entries(ways).map(([name, [server, expected]]) => ({ name, server, expected }));

if (process.argv[1] === __filename) ways[process.argv[2]][2]();

'use strict';

/** Processes and threads that the suite starts: `child.js CASE`. */

const LayerAPI = require(process.env.LAYER_TEST_PACKAGE);

const config = () => ({ token: 'token', appId: 'e4fd3974-20fe-11e5-89c5-080725007e28' });

const cases = {
  ends() {
    const layer = new LayerAPI(config());
    layer.blocklist.get('maria', (error, result) => {
      console.log(error, result.status);
      layer.blocklist.getAsync('maria').then(({ status }) => console.log('awaited', status));
    });
  },

  stays() {
    const layer = new LayerAPI(config());
    layer.blocklist.get('slow', (_error, first) => {
      process.nextTick(() => {
        layer.blocklist.get('slow', async (_error, second) => {
          const third = await layer.blocklist.getAsync('maria');
          await new Promise((resolve) => setTimeout(resolve, 20));
          const fourth = await layer.blocklist.getAsync('slow');
          console.log(first.status, second.status, third.status, fourth.status);
        });
      });
    });
  },

  'exits-now': () => {
    callMany();
    process.exit(7);
  },

  'exits-soon': () => {
    callMany();
    setImmediate(() => process.exit(7));
  },

  'exits-later': () => {
    callMany();
    setTimeout(() => process.exit(7), 20);
  },

  'exits-callback': () => callMany(() => process.exit(7)),

  throws() {
    const layer = new LayerAPI(config());
    const thrown = [];
    const caught = [];
    process.on('uncaughtException', (error) => {
      caught.push(error);
      if (caught.length < 5) return;
      const isSame = caught.every((one) => thrown.includes(one));
      console.log(`${thrown.length} callbacks, ${caught.length} exceptions, the same: ${isSame}`);
    });
    for (let index = 0; index < 5; index += 1) {
      layer.blocklist.get('maria', () => {
        const error = new RangeError(`thrown ${index}`);
        thrown.push(error);
        throw error;
      });
    }
  },

  domain() {
    const domain = require('domain');
    process.on('uncaughtException', (error) => console.log(`${error.message}: uncaught`));
    const start = (name, call) => {
      const own = domain.create();
      own.on('error', (error) => console.log(`${error.message}: domain`));
      own.run(() =>
        call(() => {
          throw new Error(name);
        }),
      );
    };
    start('timer', (callback) => setTimeout(callback, 10));
    start('ours', (callback) => new LayerAPI(config()).blocklist.get('maria', callback));
  },

  dies() {
    new LayerAPI(config()).blocklist.get('maria', function namedCallback(error, result) {
      // Bun still runs timers that are due when it ends.
      setTimeout(() => console.log('it goes on'), 10000);
      throw new RangeError(`thrown by the callback: ${error} ${result.status}`);
    });
  },

  rejects() {
    process.on('unhandledRejection', (error) => console.log(`unhandled: ${error.message.split(' ', 2).join(' ')}`));
    // Nobody listens at the port of the discard service.
    new LayerAPI(Object.assign(config(), { baseUrl: 'http://127.0.0.1:9' })).blocklist.getAsync('maria');
  },

  async platform() {
    const started = Date.now();
    const platform = await LayerAPI.Platform.start();
    const timer = setTimeout(async () => {
      await platform.close();
      console.log('closed after 300 ms:', Date.now() - started >= 290);
    }, 300);
    // What keeps the process is the platform.
    timer.unref();
  },

  async worker() {
    const layer = new LayerAPI(config());
    const all = await Promise.all(['a', 'b', 'c'].map((user) => layer.blocklist.getAsync(user)));
    require('worker_threads').parentPort.postMessage(all.map(({ status }) => status));
  },

  busy() {
    const layer = new LayerAPI(config());
    const again = (user) => layer.blocklist.get(user, () => again(user));
    for (let index = 0; index < 20; index += 1) again(index % 2 ? 'maria' : 'slow');
    require('worker_threads').parentPort.postMessage('ready');
  },
};

/** Many requests in flight, half of which are never answered. */
function callMany(callback = () => {}) {
  const layer = new LayerAPI(config());
  for (let index = 0; index < 50; index += 1) layer.blocklist.get(index % 2 ? 'maria' : 'never', callback);
}

cases[process.argv[2]]();

/** Rows about the constructor. Those with `bareConfig` make no request. */

const http = require('node:http');
const https = require('node:https');
const util = require('node:util');
const v = require('./values.js');

const { APP_ID, TOKEN, CONVERSATION } = v;
const rows = [];
const construct = (name, bareConfig, extra) => rows.push({ name: `constructor: ${name}`, bareConfig, ...extra });
const call = (name, config, extra) =>
  rows.push({ name, method: 'conversations.get', args: () => [CONVERSATION], config, ...extra });
const post = (name, config, extra) =>
  rows.push({ name, method: 'conversations.create', args: () => [{ a: 1 }], config, ...extra });

for (const [name, config] of [
  ['undefined', () => undefined],
  ['null', () => null],
  ['false', () => false],
  ['empty object', () => ({})],
  ['a string', () => 'config'],
  ['a number', () => 5],
  ['a function', () => () => {}],
  ['an array', () => []],
]) {
  construct(`config is ${name}`, config);
}
construct('no config argument', () => undefined, { construct: (LayerAPI) => new LayerAPI() });

for (const [name, token] of [
  ['undefined', () => undefined],
  ['null', () => null],
  ['empty', () => ''],
  ['zero', () => 0],
  ['false', () => false],
  ['number', () => 5],
  ['true', () => true],
  ['object', () => ({})],
  ['array', () => ['a']],
  ['Symbol', () => Symbol('token')],
  ['function', () => () => {}],
  ['with a line break', () => 'a\r\nX-Injected: b'],
]) {
  construct(`token: ${name}`, () => ({ token: token(), appId: APP_ID }));
  construct(`token: ${name}, app id wrong`, () => ({ token: token(), appId: 'wrong' }));
}
for (const [name, appId] of v.idForms(APP_ID, 'apps'))
  construct(`app id: ${name}`, () => ({ token: TOKEN, appId: appId() }));
construct('app id: missing', () => ({ token: TOKEN }));
construct('more properties than known', () => ({ token: TOKEN, appId: APP_ID, other: { a: 1 } }));
construct('order of properties', () => ({ z: 1, appId: `layer:///apps/${APP_ID}`, a: 2, token: TOKEN }));
construct('frozen config', () => Object.freeze({ token: TOKEN, appId: APP_ID }));
construct('frozen config, app id wrong', () => Object.freeze({ token: TOKEN, appId: 'wrong' }));
construct('frozen config, token missing', () => Object.freeze({ appId: APP_ID }));
construct('config without prototype', () => Object.assign(Object.create(null), { token: TOKEN, appId: APP_ID }));
construct('inherited config', () => Object.create({ token: TOKEN, appId: `layer:///apps/${APP_ID}` }));
construct('token from a getter', () => ({
  get token() {
    return TOKEN;
  },
  appId: APP_ID,
}));
construct('token getter that throws', () => ({
  get token() {
    throw new RangeError('getter threw');
  },
  appId: APP_ID,
}));
construct('app id without a setter', () => ({
  token: TOKEN,
  get appId() {
    return APP_ID;
  },
}));

for (const [name, agent] of [
  ['object', () => ({})],
  ['true', () => true],
  ['string', () => 'agent'],
  ['function', () => () => {}],
  ['http.Agent', () => new http.Agent()],
  ['https.Agent class', () => https.Agent],
  ['undefined', () => undefined],
  ['null', () => null],
  ['false', () => false],
  ['zero', () => 0],
]) {
  construct(`agent: ${name}`, () => ({ token: TOKEN, appId: APP_ID, agent: agent() }));
}
construct('agent wrong, agentOptions as well', () => ({ token: TOKEN, appId: APP_ID, agent: {}, agentOptions: {} }));
construct('agent wrong, app id prefixed and debug', () => ({
  token: TOKEN,
  appId: `layer:///apps/${APP_ID}`,
  agent: {},
  debug: true,
}));
for (const [name, agent] of [
  ['https.Agent', () => new https.Agent()],
  ['subclass of https.Agent', () => new (class Own extends https.Agent {})()],
  ['globalAgent', () => https.globalAgent],
  ['made by Object.create', () => Object.create(https.Agent.prototype)],
]) {
  // The agent itself is too large to compare.
  construct(`agent: ${name}`, () => Object.defineProperty({ token: TOKEN, appId: APP_ID }, 'agent', { get: agent }));
}
for (const [name, agentOptions] of [
  ['empty', () => ({})],
  ['null', () => null],
  ['false', () => false],
  ['true', () => true],
  ['unknown option', () => ({ unknown: 1 })],
]) {
  construct(`agentOptions: ${name}`, () => ({ token: TOKEN, appId: APP_ID, agentOptions: agentOptions() }));
}
construct('agentOptions: frozen', () => ({
  token: TOKEN,
  appId: APP_ID,
  agentOptions: Object.freeze({ keepAlive: true }),
}));

for (const [name, debug] of [
  ['missing', undefined],
  ['true', true],
  ['false', false],
  ['null', null],
  ['zero', 0],
  ['one', 1],
  ['empty string', ''],
  ["'true'", 'true'],
  ["'false'", 'false'],
  ["'TRUE'", 'TRUE'],
  ['text', 'layer:*'],
  ['object', {}],
  ['array of true', [true]],
  ['Symbol', Symbol('debug')],
  ['function', () => true],
]) {
  construct(`debug: ${name}`, () => ({ token: TOKEN, appId: APP_ID, debug }));
}
construct('debug: app id in capitals', () => ({
  token: TOKEN,
  appId: `layer:///apps/${APP_ID.toUpperCase()}`,
  debug: true,
}));
construct('debug: second client turns it off', () => ({ token: TOKEN, appId: APP_ID, debug: true }), {
  construct: (LayerAPI, config) => {
    new LayerAPI(config);
    return new LayerAPI({ token: TOKEN, appId: APP_ID });
  },
});
construct('debug: refused config leaves it alone', () => ({ token: TOKEN, appId: 'wrong', debug: true }), {
  construct: (LayerAPI, config) => {
    process.env.LAYER_API_DEBUG = 'before';
    return new LayerAPI(config);
  },
});

const bare = () => ({ token: TOKEN, appId: `layer:///apps/${APP_ID}` });
const es5 = (LayerAPI, config) => {
  function Own() {
    this.before = true;
    LayerAPI.call(this, config);
    this.after = true;
  }
  util.inherits(Own, LayerAPI);
  return new Own();
};
const es2015 = (LayerAPI, config) => new (class Own extends LayerAPI {})(config);
const plainObject = (LayerAPI, config) => {
  const own = {};
  LayerAPI.call(own, config);
  return own;
};
for (const [name, how] of [
  ['base class of an ES5 class', es5],
  ['base class of a class', es2015],
  ['called on a plain object', plainObject],
  ['applied by Reflect.construct', (LayerAPI, config) => Reflect.construct(LayerAPI, [config])],
  ['new omitted', (LayerAPI, config) => LayerAPI(config)],
  [
    'new omitted, called as a method',
    (LayerAPI, config) => {
      const owner = { LayerAPI };
      owner.LayerAPI(config);
      return owner;
    },
  ],
  ['called on null', (LayerAPI, config) => LayerAPI.call(null, config)],
  ['called on a frozen object', (LayerAPI, config) => LayerAPI.call(Object.freeze({}), config)],
  ['return value of a call', (LayerAPI, config) => ({ returned: LayerAPI.call({}, config) })],
]) {
  construct(name, bare, { construct: how });
}
construct('new omitted, token missing', () => ({}), { construct: (LayerAPI, config) => LayerAPI(config) });
construct('the same config twice', bare, {
  construct: (LayerAPI, config) => {
    new LayerAPI(config);
    return new LayerAPI(config);
  },
});
for (const [name, how] of [
  ['base class of an ES5 class', es5],
  ['base class of a class', es2015],
  ['called on a plain object', plainObject],
]) {
  post(`call of a client: ${name}`, undefined, { construct: how });
}

// What the configuration does to requests.
for (const [name, token] of [
  ['number', () => 5],
  ['true', () => true],
  ['object', () => ({})],
  ['object with toString', () => ({ toString: () => 'from toString' })],
  ['array', () => ['a', 'b']],
  ['Symbol', () => Symbol('token')],
  ['spaces', () => ' a b '],
  ['tab', () => 'a\tb'],
  ['line break', () => 'a\r\nX-Injected: b'],
  ['line feed at the end', () => 'a\n'],
  ['NUL', () => 'a\0'],
  ['delete character', () => 'a\x7f'],
  ['Latin-1', () => 'zoë'],
  ['beyond Latin-1', () => '東京'],
  ['lone surrogate', () => '\ud800'],
  ['4000 characters', () => 'x'.repeat(4000)],
]) {
  call(`token: ${name}`, () => ({ token: token() }));
}
for (const [name, version] of [
  ['2.0', () => '2.0'],
  ['number', () => 1.1],
  ['number without a fraction', () => 1],
  ['zero', () => 0],
  ['empty', () => ''],
  ['null', () => null],
  ['undefined', () => undefined],
  ['object', () => ({})],
  ['Symbol', () => Symbol('version')],
  ['line break', () => '1.0\r\nX-Injected: b'],
  ['Latin-1', () => 'é'],
  ['beyond Latin-1', () => '東'],
]) {
  call(`version: ${name}`, () => ({ version: version() }));
}
for (const [name, timeout] of [
  ['zero', () => 0],
  ['null', () => null],
  ['undefined', () => undefined],
  ['NaN', () => Number.NaN],
  ['empty string', () => ''],
  ['false', () => false],
  ['fraction', () => 5000.5],
  ['numeric string', () => '5000'],
  ['text', () => 'soon'],
  ['true', () => true],
  ['object', () => ({})],
  ['array', () => [5000]],
  ['bigint', () => 5000n],
  ['Symbol', () => Symbol('timeout')],
  ['function', () => () => {}],
  ['Number object', () => new Number(5000)],
  ['negative', () => -1],
  ['Infinity', () => Infinity],
  ['-Infinity', () => -Infinity],
  ['largest timer', () => 2 ** 31 - 1],
]) {
  call(`timeout: ${name}`, () => ({ timeout: timeout() }));
}
call('timeout: numeric string, refused argument', () => ({ timeout: '5000' }), { args: () => ['wrong'] });
call('timeout: numeric string, callback missing', () => ({ timeout: '5000' }), { callback: 'none' });
for (const [name, appId] of [
  ['prefixed', `layer:///apps/${APP_ID}`],
  ['capitals', APP_ID.toUpperCase()],
]) {
  call(`app id in the path: ${name}`, () => ({ appId }));
}

// The configuration is read when the client is made, not later.
for (const [name, change] of [
  ['token', { token: 'changed' }],
  ['app id', { appId: CONVERSATION }],
  ['version', { version: '9' }],
]) {
  call(`${name} changed after construction`, undefined, {
    construct: (LayerAPI, config) => {
      const client = new LayerAPI(config);
      Object.assign(config, change);
      return client;
    },
  });
}
call('debug switched on by the environment', undefined, {
  construct: (LayerAPI, config) => {
    const client = new LayerAPI(config);
    process.env.LAYER_API_DEBUG = 'true';
    return client;
  },
});
call('debug switched on before construction', undefined, {
  construct: (LayerAPI, config) => {
    process.env.LAYER_API_DEBUG = 'true';
    return new LayerAPI(config);
  },
});
for (const debug of ['true', 'false', 'TRUE', 1, {}, [true]]) {
  call(`debug lines with debug: ${JSON.stringify(debug)}`, () => ({ debug }));
}

// Replacing a method, as tests with stubs do: the promise form calls what is there now.
call('callback form replaced', undefined, {
  construct: (LayerAPI, config) => {
    const client = new LayerAPI(config);
    client.conversations.get = (id, callback) => callback(null, `stub for ${id}`);
    return client;
  },
});
call('callback form replaced, several results', undefined, {
  construct: (LayerAPI, config) => {
    const client = new LayerAPI(config);
    client.conversations.get = (_, callback) => callback(null, 1, 2);
    return client;
  },
});

module.exports = rows;

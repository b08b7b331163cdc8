'use strict';

/** Answers to what the engine asks: functions of the caller, and what Node says about certificates and names. */

const addon = require('./addon.js');
const { outside } = require('./outside.js');

/** Errors of answers that are on their way back through the engine, by number. */
const kept = new Map();
let lastError = 0;
/** Functions of agents, by number. */
const hooked = new Map();
let lastHooks = 0;
let native;

/** The error that was kept under `number`; once. */
exports.keptError = (number) => {
  const error = kept.get(number);
  kept.delete(number);
  return error;
};

/** Keeps an error while `tell` sends its number through the engine, unless nobody waits for it there. */
exports.keepError = (error, tell) => {
  lastError = (lastError + 1) >>> 0;
  kept.set(lastError, error);
  if (!tell(lastError)) kept.delete(lastError);
};

/** The native asker of this thread, where the questions of all agents arrive. */
exports.asker = () => {
  if (!native) native = outside(() => new addon.Asker(answer));
  return native;
};

/** A number for the functions of an agent, for as long as the engine has the agent; 0 where it has none. */
exports.hook = (hooks) => {
  if (!hooks.lookup && !hooks.checkServerIdentity) return 0;
  for (const number of exports.asker().forgotten()) hooked.delete(number);
  lastHooks += 1;
  hooked.set(lastHooks, hooks);
  return lastHooks;
};

function answer() {
  for (let question = native.next(); question; question = native.next()) answerOne(question);
}

function answerOne(question) {
  const refuse = (error) => {
    // A function may throw nothing, and a call has to fail with something.
    const failed = error || new Error('A function of the agent failed without an error');
    exports.keepError(failed, (number) => question.refuse(number));
  };
  try {
    const hooks = hooked.get(question.hooks) || {};
    ANSWERS[question.kind](hooks, question, (addresses = []) => question.accept(addresses.map(String)), refuse);
  } catch (error) {
    refuse(error);
  }
}

const ANSWERS = {
  lookup(hooks, { host }, accept, refuse) {
    const { lookup, isSelecting, native } = hooks;
    const options = lookupOptions(native, isSelecting);
    lookup(host, options, (error, found, foundFamily) => {
      if (error) return refuse(error);
      const all = options.all ? found : [{ address: found, family: foundFamily }];
      const usable = all.filter((one) => !wrong(one, host));
      if (usable.length === 0) return refuse(wrong(all[0], host));
      return accept(usable.map(({ address }) => address));
    });
  },

  identity({ checkServerIdentity }, { host, chain }, accept, refuse) {
    const check = checkServerIdentity || require('tls').checkServerIdentity;
    const error = check(host, require('./certificate.js').peerCertificate(chain));
    if (error) refuse(error);
    else accept();
  },

  unauthorized(_, __, accept, refuse) {
    if (process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0') {
      warnOfUnauthorized();
      accept();
    } else refuse(undefined);
  },
};

/** What Node passes to `lookup`. */
function lookupOptions({ family, hints, localAddress }, isSelecting) {
  const options = { family, hints: hints || 0 };
  if (!family && options.hints === 0 && process.platform !== 'win32') options.hints = require('dns').ADDRCONFIG;
  if (!family && !localAddress && isSelecting) options.all = true;
  return options;
}

/** What Node says of an answer that is no address. */
function wrong(one, host) {
  const { address, family } = one || {};
  if (require('net').isIP(address) === 0) {
    return Object.assign(new TypeError(`Invalid IP address: ${address}`), { code: 'ERR_INVALID_IP_ADDRESS' });
  }
  if (family !== 4 && family !== 6) {
    const error = new RangeError(`Invalid address family: ${family} ${host}`);
    return Object.assign(error, { code: 'ERR_INVALID_ADDRESS_FAMILY', host });
  }
  return undefined;
}

let hasWarned = false;

function warnOfUnauthorized() {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(
    'Setting the NODE_TLS_REJECT_UNAUTHORIZED environment variable to ' +
      "'0' makes TLS connections and HTTPS requests insecure by disabling certificate verification.",
  );
}

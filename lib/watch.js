'use strict';

/** Who follows a request while it is under way: a signal that can end it, and subscribers of its messages. */

const addon = require('./addon.js');
const channel = require('./channel.js');
const { AbortError, describe, errorOf } = require('./failures.js');
const { Insight } = require('./insight.js');

/** What of each signal is under way, so that it has one listener however much that is. */
const following = new WeakMap();

class Watch {
  /**
   * @param {any} row of the table of methods
   * @param {any} context of its client; it has an AbortSignal, if there is one
   * @param {boolean} isSeen whether there are subscribers
   */
  constructor(row, { signal, timeout }, isSeen) {
    this.signal = signal;
    this.timeout = timeout;
    this.insight = isSeen ? new Insight(row) : undefined;
    this.isAborted = false;
    /** The ticket while the request is under way. */
    this.ticket = -1;
  }

  /** What the engine needs to know of it. */
  get manner() {
    return (this.signal ? addon.MANNER_CANCELLABLE : 0) | (this.insight ? addon.MANNER_WATCHED : 0);
  }

  /** The request is on its way. */
  begin(ticket) {
    this.ticket = ticket;
    if (this.signal) follow(this.signal, this);
  }

  /** The signal says that it is to end. */
  abort() {
    this.isAborted = true;
    if (this.ticket !== -1) channel.cancel(this.ticket);
  }

  /** The request has ended; its ticket is another's soon. */
  land() {
    this.ticket = -1;
  }

  /** News of an attempt that was not the last one. */
  tell(landing) {
    const { kind, attempt, delay, failure, timings } = JSON.parse(landing.text);
    if (kind === 'attempt') {
      this.insight.begin(attempt);
      return;
    }
    if (failure) this.insight.fail(this.errorOf(failure), timings);
    else this.insight.reply(landing, timings);
    this.insight.retry(delay);
  }

  /**
   * The request has ended, with an `error` where it has no reply; answers the error in place of its outcome, if the
   * signal was what ended it.
   */
  end(landing, error) {
    if (this.signal) leave(this.signal, this);
    const isAborted = this.isAborted || landing.isAborted;
    const abortion = isAborted
      ? describe(new AbortError(this.signal), { ...OVER, attempts: landing.attempts })
      : undefined;
    if (this.insight) this.publish(landing, abortion || error);
    return abortion;
  }

  publish(landing, error) {
    const { timings } = landing;
    if (error) this.insight.fail(error, timings);
    else this.insight.reply(landing, timings);
  }

  errorOf(record) {
    return errorOf(record, this.timeout);
  }
}

const OVER = { isRetryable: false };

/** Has `watch.abort` called when the signal is aborted; until `leave`. */
function follow(signal, watch) {
  let entry = following.get(signal);
  if (entry === undefined) {
    const watches = new Set();
    const listener = () => {
      for (const one of watches) one.abort();
    };
    entry = { watches, listener };
    following.set(signal, entry);
  }
  if (entry.watches.size === 0) signal.addEventListener('abort', entry.listener);
  entry.watches.add(watch);
}

function leave(signal, watch) {
  const { watches, listener } = following.get(signal);
  watches.delete(watch);
  if (watches.size === 0) signal.removeEventListener('abort', listener);
}

/** The error of a request that was given up before it began. */
const aborted = (signal) => describe(new AbortError(signal), { ...OVER, attempts: 0 });

module.exports = { Watch, aborted, follow, leave };

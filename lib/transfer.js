'use strict';

/**
 * What holds for a transfer of rich content as it does for a request: the options of its client, and that `close` waits
 * for its end.
 */

const { aborted, follow, leave } = require('./watch.js');

/** How often in a row a transfer that breaks is taken up again without getting any further, where no option says so. */
const ATTEMPTS = 5;
/** Milliseconds before it is taken up again, at the most for the first time; each further time twice as many. */
const WAIT = 250;

class Transfer {
  /**
   * A transfer begins. Throws where its client takes no more calls, and where its signal has been aborted.
   *
   * @param {any} context of its client
   * @param {(error: Error) => void} whenAborted called when its signal is aborted before it is over
   */
  constructor(context, whenAborted) {
    const { family, signal, timeout, options } = context;
    if (family.isClosed) throw family.closedError();
    if (signal && signal.aborted) throw aborted(signal);
    /** Milliseconds in which nothing may move. */
    this.timeout = timeout;
    this.family = family;
    this.signal = signal;
    this.whenAborted = whenAborted;
    this.given = options.maxRetries === undefined ? family.ways.maxRetries : options.maxRetries;
    /** Why it has to end. */
    this.error = undefined;
    this.isOver = false;
    /** What ends what is under way. */
    this.enders = new Set();
    family.begin();
    if (signal) follow(signal, this);
  }

  /** Whether it is taken up again after so many breaks in a row. */
  goesOnAfter(breaks) {
    return this.error === undefined && breaks < (this.isGiven ? this.given : ATTEMPTS);
  }

  /** Whether an option says how often is tried again; then it holds for each request of the API by itself. */
  get isGiven() {
    return this.given !== undefined && this.given !== null;
  }

  /** The signal says that it is to end. */
  abort() {
    this.error = aborted(this.signal);
    for (const end of [...this.enders]) end(this.error);
    this.whenAborted(this.error);
  }

  /** Has `end` called with an error if the transfer has to end; until the function that it answers is called. */
  ending(end) {
    this.enders.add(end);
    return () => this.enders.delete(end);
  }

  /** Asks the API: also when the client has been closed since the transfer began. */
  ask(call) {
    return this.family.within(call);
  }

  /** Waits before the attempt of this number, from 1; not to the end where the transfer has to end. */
  wait(attempt) {
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        forget();
        resolve();
      };
      const timer = setTimeout(settle, Math.random() * WAIT * 2 ** (attempt - 1));
      const forget = this.ending(settle);
    });
  }

  /** It is over, and so is what its caller does at its end. */
  over() {
    if (this.isOver) return;
    this.isOver = true;
    if (this.signal) leave(this.signal, this);
    this.family.over();
  }
}

module.exports = { Transfer };

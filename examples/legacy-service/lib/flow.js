'use strict';

/** Calls `iterator(item, done)` for each item, `limit` at a time; `callback(err)` at the end or at the first error. */
exports.eachLimit = function (items, limit, iterator, callback) {
  var next = 0;
  var running = 0;
  var isOver = false;

  function finish(err) {
    if (isOver) return;
    isOver = true;
    callback(err || null);
  }

  function more() {
    if (next >= items.length && running === 0) return finish();
    while (!isOver && running < limit && next < items.length) {
      running++;
      iterator(items[next++], done);
    }
  }

  function done(err) {
    running--;
    if (err) return finish(err);
    more();
  }

  more();
};

/** Calls `work(callback)` again while it fails in a way that may pass, `times` in all. */
exports.retry = function (times, work, callback) {
  work(function (err, result) {
    var isTemporary = err && (err.code === 'ECONNRESET' || err.status === 503);
    if (isTemporary && times > 1) return exports.retry(times - 1, work, callback);
    callback(err, result);
  });
};

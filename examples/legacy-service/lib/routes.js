'use strict';

var Router = require('./router');
var chat = require('./chat');

var router = new Router();

function send(res, status, body) {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(body));
}

/** Answers with what a promise becomes. */
function answer(res, next, status) {
  return function (promise) {
    promise.then(function (body) {
      send(res, status, body);
    }, next);
  };
}

router.post('/tours', function (req, res, next) {
  chat.openTour(req.body, function (err, opened) {
    if (err) return next(err);
    send(res, 201, opened);
  });
});

router.get('/users/:user/overview', function (req, res, next) {
  answer(res, next, 200)(chat.overview(req.params.user));
});

router.post('/tours/:id/messages', function (req, res, next) {
  answer(res, next, 201)(chat.say(req.params.id, req.body.user, req.body.text));
});

router.delete('/tours/:id/guests/:user', function (req, res, next) {
  answer(res, next, 200)(chat.leave(req.params.id, req.params.user));
});

router.put('/users', function (req, res, next) {
  chat.syncNames(req.body, function (err, count) {
    if (err) return next(err);
    send(res, 200, { updated: count });
  });
});

router.post('/announcements', function (req, res, next) {
  answer(res, next, 202)(chat.announce(req.body.recipients, req.body.text).then(String.bind(null, 'sent')));
});

module.exports = router;

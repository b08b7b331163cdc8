'use strict';

var http = require('http');
var config = require('./config');
var router = require('./lib/routes');

function send(res, status, body) {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(body));
}

/** What went wrong, as a guest's app gets it. */
function fail(res, err) {
  if (!err) return send(res, 404, { error: 'no such page' });
  // The service has answered: `status` and `body` are its own.
  if (err.status) return send(res, 502, { error: err.body.id || 'unknown', status: err.status });
  send(res, 500, { error: err.message });
}

module.exports = http.createServer(function (req, res) {
  var text = '';
  req.setEncoding('utf8');
  req.on('data', function (chunk) {
    text += chunk;
  });
  req.on('end', function () {
    req.body = text && JSON.parse(text);
    router.handle(req, res, fail.bind(null, res));
  });
});

if (require.main === module) module.exports.listen(config.port);

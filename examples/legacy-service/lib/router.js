'use strict';

/** As much of a router as the service needs: `/tours/:id/messages`. */
function Router() {
  this.routes = [];
}

['GET', 'POST', 'PUT', 'DELETE'].forEach(function (method) {
  Router.prototype[method.toLowerCase()] = function (path, handler) {
    var names = [];
    var source = path.replace(/:(\w+)/g, function (_, name) {
      names.push(name);
      return '([^/]+)';
    });
    this.routes.push({ method: method, pattern: new RegExp('^' + source + '$'), names: names, handler: handler });
    return this;
  };
});

Router.prototype.handle = function (req, res, next) {
  var path = req.url.split('?')[0];
  for (var i = 0; i < this.routes.length; i++) {
    var route = this.routes[i];
    var match = route.method === req.method && route.pattern.exec(path);
    if (match) {
      req.params = route.names.reduce(function (params, name, index) {
        params[name] = decodeURIComponent(match[index + 1]);
        return params;
      }, {});
      return route.handler(req, res, next);
    }
  }
  next();
};

module.exports = Router;

/** A registry of npm packages on the loopback address, so that packages are installed as users install them. */

const { createHash } = require('node:crypto');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const http = require('node:http');

/**
 * Serves packages until `close`. It has nothing else: what a package asks for beyond them is missing, as in a registry.
 *
 * @param {{manifest: object, tarball: string}[]} packages package.json and path of the tarball of each
 * @returns {Promise<{url: string, asked: string[], close: () => Promise<void>}>} `asked` are names of tarballs, in
 *   order
 */
async function startRegistry(packages) {
  const asked = [];
  const server = http.createServer((request, response) => {
    const name = decodeURIComponent(
      request.url
        .split('/')
        .pop()
        .replace(/\.tgz$/, ''),
    );
    const found = packages.find(({ manifest }) => manifest.name === name);
    if (!found) {
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}');
    } else if (request.url.endsWith('.tgz')) {
      asked.push(name);
      response.end(readFileSync(found.tarball));
    } else {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(describe(found, `http://${request.headers.host}/-/${name}.tgz`)));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What a registry says of a package. */
function describe({ manifest, tarball: file }, tarball) {
  const { name, version } = manifest;
  const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`;
  const versions = { [version]: { ...manifest, dist: { tarball, integrity } } };
  return { name, 'dist-tags': { latest: version }, versions };
}

module.exports = { startRegistry };

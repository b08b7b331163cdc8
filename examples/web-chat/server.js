'use strict';

/** The server of the application: it hands out the page, and says to the platform who its users are. */

const { readFileSync } = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { buildSync } = require('esbuild');
const LayerAPI = require('layer-api');

/** Whom the application knows. Yours has accounts, and a way to sign in. */
const USERS = { ana: 'Ana', leo: 'Leo' };

async function main() {
  // In memory. Yours has a file as `data`, creates its app and provider once, and keeps what it is told of them.
  const platform = await LayerAPI.Platform.start();
  const app = await platform.createApp();
  const provider = await platform.createIdentityProvider(app.appId);
  const layer = new LayerAPI({ ...app, baseUrl: platform.url });
  const { body: conversation } = await layer.conversations.createAsync({ participants: Object.keys(USERS) });

  const page = readFileSync(path.join(__dirname, 'index.html'));
  const script = bundle();
  const settings = {
    appId: app.appId,
    url: platform.url,
    websocketUrl: platform.websocketUrl,
    conversation: conversation.id,
  };

  const server = http.createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const [userId, nonce] = [searchParams.get('user'), searchParams.get('nonce')];
    const send = (type, body) => response.setHeader('content-type', type).end(body);
    if (pathname === '/') return send('text/html; charset=utf-8', page);
    if (pathname === '/chat.js') return send('text/javascript; charset=utf-8', script);
    if (pathname === '/settings') return send('application/json', JSON.stringify(settings));
    if (pathname === '/identity-token' && Object.hasOwn(USERS, userId) && nonce) {
      // Here is where yours makes sure that it is this user who asks.
      return send('text/plain', LayerAPI.identityToken({ ...provider, userId, nonce, displayName: USERS[userId] }));
    }
    return response.writeHead(404).end();
  });
  server.listen(Number(process.env.PORT || 3000), '127.0.0.1', () => {
    const url = `http://127.0.0.1:${server.address().port}`;
    console.log(`Chat: ${url}/?user=ana and ${url}/?user=leo`);
  });
}

/** The script of the page with the SDK in it. */
function bundle() {
  const entryPoints = [path.join(__dirname, 'chat.js')];
  const { outputFiles } = buildSync({ entryPoints, bundle: true, write: false, define: { global: 'window' } });
  return outputFiles[0].contents;
}

main();

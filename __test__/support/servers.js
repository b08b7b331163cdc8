const { existsSync } = require('node:fs');

/** Programs of servers, if they are there: Debian has them where only root looks. */
const find = (name) =>
  ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/usr/bin', '/opt/homebrew/bin']
    .map((folder) => `${folder}/${name}`)
    .find((file) => existsSync(file));

const natsProgram = find('nats-server');
const nginxProgram = find('nginx');

module.exports = { natsProgram, nginxProgram };

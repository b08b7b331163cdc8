const { existsSync } = require('node:fs');

/** Where nginx is, if it is there: Debian has it where only root looks. */
const nginxProgram = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'].find((file) =>
  existsSync(file),
);

module.exports = { nginxProgram };

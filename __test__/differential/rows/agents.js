const https = require('node:https');

/** An https.Agent that goes to the same place as `agentOptions` would. */
const httpsAgent = (options) => new https.Agent(options);

module.exports = { httpsAgent };

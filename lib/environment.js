'use strict';

/** What the environment says about connections, by the rules of Node. */

const { readFileSync } = require('fs');

const NODE_MAJOR = Number.parseInt(process.versions.node, 10);
exports.NODE_MAJOR = NODE_MAJOR;

/** Node reads it once, when it starts. */
const extraFile = process.env.NODE_EXTRA_CA_CERTS;
let extra;

/** The certificates of NODE_EXTRA_CA_CERTS; a file that cannot be read is warned of, and left out. */
exports.extraAuthorities = () => {
  if (!extra) extra = systemAuthorities().concat(extraFile ? readAuthorities(extraFile) : []);
  return extra;
};

/** Whether Node was told to trust what the system trusts: `--use-system-ca`, of newer Nodes. */
const usesSystem = () => process.env.NODE_USE_SYSTEM_CA === '1' || flags().includes('--use-system-ca');
exports.usesSystem = usesSystem;

function systemAuthorities() {
  if (!usesSystem()) return [];
  const { getCACertificates } = require('tls');
  return getCACertificates ? getCACertificates('system') : [];
}

function readAuthorities(file) {
  try {
    const text = readFileSync(file, 'latin1');
    return text.match(/-----BEGIN (TRUSTED |X509 )?CERTIFICATE-----[\s\S]+?-----END [\s\S]+?-----/g) || [];
  } catch (error) {
    // Before 22, Node says so itself when it starts; since then, when it first uses TLS, which it does not here.
    if (NODE_MAJOR >= 22) process.emitWarning(`Ignoring extra certs from \`${file}\`, load failed: ${error.message}`);
    return [];
  }
}

/** Options of the command line, also those that come by the environment. */
function flags() {
  return process.execArgv.concat((process.env.NODE_OPTIONS || '').split(/\s+/));
}

/** The versions of TLS that the command line asks for: `--tls-min-v1.3` and `--tls-max-v1.2`. */
exports.versionLimits = () => {
  const given = flags();
  return {
    minVersion: given.includes('--tls-min-v1.3') ? 'TLSv1.3' : undefined,
    maxVersion: given.includes('--tls-max-v1.2') ? 'TLSv1.2' : undefined,
  };
};

/** How Node chooses among the addresses of a name. */
exports.addressDefaults = () => {
  // Who has changed these has loaded the modules; to load them for their defaults would cost more than it tells.
  const loaded = process.moduleLoadList;
  const isLoaded = (name) => !loaded || loaded.includes(`NativeModule ${name}`);
  const order = isLoaded('dns') ? require('dns').getDefaultResultOrder : undefined;
  const flag = flags().find((one) => one.startsWith('--dns-result-order='));
  const usual = NODE_MAJOR >= 17 ? 'verbatim' : 'ipv4first';
  const result = order ? order() : flag ? flag.slice(flag.indexOf('=') + 1) : usual;
  const defaults = {
    firstFamily: { ipv4first: 4, ipv6first: 6 }[result],
    autoSelectFamily: NODE_MAJOR >= 20 && !flags().includes('--no-network-family-autoselection'),
    attemptTimeout: 250,
  };
  if (isLoaded('net')) {
    const net = require('net');
    if (net.getDefaultAutoSelectFamily) defaults.autoSelectFamily = net.getDefaultAutoSelectFamily();
    if (net.getDefaultAutoSelectFamilyAttemptTimeout) {
      defaults.attemptTimeout = net.getDefaultAutoSelectFamilyAttemptTimeout();
    }
  }
  return defaults;
};

/**
 * The proxy that the environment names for a service, where NODE_USE_ENV_PROXY=1 (or `--use-env-proxy`) asks for it.
 * Newer Nodes have this for their global agent; here it holds for clients without an agent of their own.
 */
exports.proxyFor = (baseUrl) => {
  const { env } = process;
  if (env.NODE_USE_ENV_PROXY !== '1' && !flags().includes('--use-env-proxy')) return undefined;
  let service;
  try {
    service = new URL(baseUrl);
  } catch (_) {
    // The engine names the mistake.
    return undefined;
  }
  const isSecure = service.protocol === 'https:';
  const proxy = isSecure ? env.https_proxy || env.HTTPS_PROXY : env.http_proxy || env.HTTP_PROXY;
  if (!proxy || isExcepted(service, env.no_proxy || env.NO_PROXY || '')) return undefined;
  return proxy;
};

/** Whether NO_PROXY lists a host: itself, with its port, `*`, `.suffix`, `*.suffix`, or a range of IPv4 addresses. */
function isExcepted(service, list) {
  const host = service.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = service.port || (service.protocol === 'https:' ? '443' : '80');
  return list
    .split(/[\s,]+/)
    .map((entry) => entry.toLowerCase())
    .some((entry) => {
      if (entry === '') return false;
      if (entry === '*' || entry === host || entry === `${host}:${port}`) return true;
      if (entry.startsWith('.')) return host.endsWith(entry.slice(1));
      if (entry.startsWith('*.')) return host.endsWith(entry.slice(1));
      const [first, last] = entry.split('-').map(addressNumber);
      const own = addressNumber(host);
      return own !== undefined && first <= own && own <= last;
    });
}

/** An IPv4 address as a number. */
function addressNumber(text) {
  if (!/^\d+(\.\d+){3}$/.test(text)) return undefined;
  return text.split('.').reduce((number, part) => number * 256 + Number(part), 0);
}

/** The client that the spec files use: `SUBJECT` names it, `CONFIG` is its configuration as JSON. */

export const load = async () => (await import(/* @vite-ignore */ process.env.SUBJECT)).default;
export const create = async (config) => new (await load())({ ...JSON.parse(process.env.CONFIG), ...config });
/** One that gives up soon. */
export const createHasty = () => create({ timeout: 500 });
export const isOurs = process.env.SUBJECT === 'layer-api';
export const get = (layer, user) =>
  new Promise((resolve) => layer.blocklist.get(user, (error, result) => resolve([error, result])));

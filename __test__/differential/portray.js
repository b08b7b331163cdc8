/**
 * The exact text of a value: types, order of keys, prototypes, -0, lone surrogates. Two values have the same text if a
 * caller cannot tell them apart. Written without recursion, because replies may be nested thousands of levels deep.
 */
function portray(root) {
  const out = [];
  const seen = new Set();
  const work = [{ value: root }];
  while (work.length > 0) {
    const item = work.pop();
    if (typeof item === 'string') out.push(item);
    else if (item.value === null || typeof item.value !== 'object') out.push(portrayPrimitive(item.value));
    else if (seen.has(item.value)) out.push('<seen before>');
    else {
      seen.add(item.value);
      work.push(...membersOf(item.value).reverse());
    }
  }
  return out.join('');
}

function membersOf(object) {
  const isArray = Array.isArray(object);
  const plain = isArray ? Array.prototype : Object.prototype;
  const prototype = Object.getPrototypeOf(object);
  const kind = prototype === plain ? '' : `${prototype?.constructor?.name ?? 'null-prototype'} `;
  const members = [kind, isArray ? '[' : '{'];
  for (const key of Object.getOwnPropertyNames(object)) {
    if (isArray && key === 'length') continue;
    const property = Object.getOwnPropertyDescriptor(object, key);
    const isPlain = property.writable && property.enumerable && property.configurable;
    if (!isArray) members.push(`${JSON.stringify(key)}${isPlain ? '' : '!'}: `);
    members.push({ value: property.value }, ', ');
  }
  members.push(isArray ? ']' : '}');
  return members;
}

function portrayPrimitive(value) {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return `function(${value.length})`;
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Fields that are compared on errors which the runtime makes itself; the library's own are compared whole. */
const RUNTIME_FIELDS = ['status', 'body', 'error', 'response', 'code', 'errno', 'syscall', 'address', 'port'];

/**
 * Everything about a thrown or delivered value that is compared.
 *
 * @param {unknown} error
 * @param {{ResponseError?: Function, APIError?: Function}} classes error classes of the client it came from
 */
function portrayError(error, classes) {
  if (!(error instanceof Error)) return { value: portray(error) };
  const isInstance = (name) => Boolean(classes[name] && error instanceof classes[name]);
  const isOwn = isInstance('ResponseError') || isInstance('APIError');
  const keys = Object.keys(error).filter((key) => isOwn || RUNTIME_FIELDS.includes(key));
  return {
    class: error.constructor.name,
    name: error.name,
    message: error.message,
    // What Node's own errors say of themselves varies with its version.
    text: isOwn ? String(error) : undefined,
    isResponseError: isInstance('ResponseError'),
    isAPIError: isInstance('APIError'),
    keys: isOwn ? keys : keys.toSorted(),
    fields: Object.fromEntries(keys.map((key) => [key, portray(error[key])])),
  };
}

module.exports = { portray, portrayError };

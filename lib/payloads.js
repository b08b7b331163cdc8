'use strict';

/**
 * What arguments are taken for, so that no accident (a function, a promise, an array in place of an id) becomes a
 * request; and bodies of requests, by the names that the table of methods has for them. Each takes the caller's
 * arguments and returns what is to be sent, or nothing where an argument is refused. What they throw, the caller gets
 * to see.
 */

/**
 * Whether a value is a user id: text, a number but 0, as in 2.x, or an object with text of its own, such as an ObjectId
 * of MongoDB. Throws what the object throws.
 */
const isUserId = (value) => {
  switch (typeof value) {
    case 'string':
      return value !== '';
    case 'number':
      return Number.isFinite(value) && value !== 0;
    case 'bigint':
      return Boolean(value);
    case 'object':
      return hasText(value);
    default:
      return false;
  }
};

/** Arrays, dates, errors and others have text, too, but nobody is called that; promises and plain objects have none. */
function hasText(object) {
  if (object === null || typeof object.toString !== 'function') return false;
  if (!['[object Object]', '[object String]', '[object Number]'].includes(kindOf(object))) return false;
  const text = String(object);
  return text !== '' && !text.startsWith('[object ');
}

/** Whether a value is an object with properties that somebody named: no array, map or date, and no promise of one. */
const isProperties = (value) => typeof value === 'object' && kindOf(value) === '[object Object]' && !isPromise(value);

/** Whether a value is an object that can be a body. */
const isBody = (value) => typeof value === 'object' && value !== null && !isPromise(value);

const isPromise = (object) => typeof object.then === 'function';

const kindOf = (value) => Object.prototype.toString.call(value);

const textParts = (body) => [{ body, mime_type: 'text/plain' }];

/** The id of a user's identity, by which versions from 2.0 on name users; one that is given stays as it is. */
function identityId(user) {
  const id = String(user);
  return id.startsWith('layer:///identities/') ? id : `layer:///identities/${encodeURIComponent(id)}`;
}

const isCount = (value) => Number.isSafeInteger(value) && value >= 0;

const editBlocks = (operation) => (user) =>
  isUserId(user) ? [{ operation, property: 'blocks', id: identityId(user) }] : undefined;

const setSuspended = (value) => () => [{ operation: 'set', property: 'suspended', value }];

const metadataPath = (name) => (name === 'metadata' || name.startsWith('metadata.') ? name : `metadata.${name}`);

const eachParticipant = (operation) => (participants) =>
  Array.isArray(participants)
    ? participants.map((value) => ({ operation, property: 'participants', value }))
    : undefined;

const recipes = {
  body: (body) => (isBody(body) ? body : undefined),

  textFromUser: (user_id, body) => ({ sender: { user_id }, parts: textParts(body) }),

  textFromName: (name, body) => ({ sender: { name }, parts: textParts(body) }),

  textFromIdentity: (user, body) => ({ sender_id: identityId(user), parts: textParts(body) }),

  operations: (operations) => (Array.isArray(operations) ? operations : undefined),

  setMetadata: (properties) =>
    Object.keys(properties).map((name) => ({
      operation: 'set',
      property: metadataPath(name),
      value: String(properties[name]),
    })),

  deleteMetadata: (properties) =>
    Object.keys(properties).map((name) => ({ operation: 'delete', property: metadataPath(name) })),

  addParticipants: eachParticipant('add'),

  removeParticipants: eachParticipant('remove'),

  replaceParticipants: (value) =>
    Array.isArray(value) ? [{ operation: 'set', property: 'participants', value }] : undefined,

  blockedUser: (user_id) => (isUserId(user_id) ? { user_id } : undefined),

  identity: (properties) => (isBody(properties) && properties.display_name ? properties : undefined),

  setProperties: (properties) =>
    Object.keys(properties).map((property) => ({ operation: 'set', property, value: properties[property] })),

  addBlock: editBlocks('add'),

  removeBlock: editBlocks('remove'),

  list: (list) => (Array.isArray(list) ? list : undefined),

  receipt: (type) => (type === 'read' || type === 'delivery' ? { type } : undefined),

  position: (position) => (position === null || isCount(position) ? { position } : undefined),

  badge: (count) => (isCount(count) ? { external_unread_count: count } : undefined),

  suspend: setSuspended(true),

  unsuspend: setSuspended(false),

  exportKey: (public_key) => (typeof public_key === 'string' && public_key !== '' ? { public_key } : undefined),

  upload: (properties) => {
    if (!isProperties(properties)) return undefined;
    const { type, size, origin } = properties;
    if (typeof type !== 'string' || type === '' || !isCount(size)) return undefined;
    return origin === undefined || typeof origin === 'string' ? { type, size, origin } : undefined;
  },
};

module.exports = { isProperties, isUserId, recipes };

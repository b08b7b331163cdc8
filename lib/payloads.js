'use strict';

/**
 * Bodies of requests, by the names that the table of methods has for them. Each takes the caller's arguments and
 * returns what is to be sent, or nothing where an argument is refused. What they throw, the caller gets to see.
 */

const { isBody, isUserId } = require('./values.js');

const text = (sender, body) => ({ sender, parts: [{ body, mime_type: 'text/plain' }] });

const metadataPath = (name) => (name === 'metadata' || name.startsWith('metadata.') ? name : `metadata.${name}`);

const eachParticipant = (operation) => (participants) =>
  Array.isArray(participants)
    ? participants.map((value) => ({ operation, property: 'participants', value }))
    : undefined;

module.exports = {
  body: (body) => (isBody(body) ? body : undefined),

  textFromUser: (user_id, body) => text({ user_id }, body),

  textFromName: (name, body) => text({ name }, body),

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
};

'use strict';

var Promise = require('bluebird');
var errors = require('layer-api/lib/errors');
var config = require('../config');
var flow = require('./flow');
var layer = require('./layer');

/** Opens the conversation of a tour: the guests and their guide, with a welcome. */
exports.openTour = function (tour, callback) {
  var participants = tour.guests.concat(config.guide);
  flow.retry(
    3,
    function (done) {
      layer.conversations.createDedupe(tour.id, { participants: participants, distinct: false }, done);
    },
    function (err, res) {
      if (err) return callback(err);
      var conversation = res.body;
      layer.conversations.setMetadataProperties(conversation.id, { title: tour.title }, function (err) {
        if (err) return callback(err);
        layer.messages.sendTextFromName(conversation.id, 'Harbour Tours', 'Welcome aboard!', function (err, res) {
          if (err) return callback(err);
          callback(null, { conversation: conversation.id, welcome: res.body.id });
        });
      });
    },
  );
};

/** What a user sees first: the titles of their conversations, and how much of each is unread. */
exports.overview = function (userId) {
  return layer.conversations
    .getAllFromUserAsync(userId, { page_size: 25 })
    .get('body')
    .map(function (conversation) {
      return { id: conversation.id, title: conversation.metadata.title, unread: conversation.unread_message_count };
    })
    .catch(errors.ResponseError, function (err) {
      // A user whom the service has not seen yet.
      if (err.status === 404) return [];
      throw err;
    });
};

/** Says something, unless one of the guests has blocked the user. */
exports.say = function (conversationId, userId, text) {
  return Promise.join(
    layer.conversations.getAsync(conversationId),
    layer.blocklist.getAsync(userId),
    function (conversation, blocked) {
      var ids = blocked.body.map(function (entry) {
        return entry.user_id;
      });
      var isBlocked = conversation.body.participants.some(function (participant) {
        return ids.indexOf(participant) >= 0;
      });
      if (isBlocked) throw new Error('Somebody here is on the block list of ' + userId);
      return layer.messages.sendTextFromUserAsync(conversationId, userId, text);
    },
  ).get('body');
};

/** A guest leaves a tour. */
exports.leave = function (conversationId, userId) {
  return layer.conversations.removeParticipantsAsync(conversationId, [userId]).return(true);
};

/** Brings the names of users to the service, four at a time. `callback(err, count)`. */
exports.syncNames = function (users, callback) {
  flow.eachLimit(
    users,
    4,
    function (user, done) {
      layer.identities.replace(user.id, { display_name: user.name, avatar_url: user.picture }, done);
    },
    function (err) {
      callback(err, err ? undefined : users.length);
    },
  );
};

/** Tells all users, or some of them. */
exports.announce = function (recipients, text) {
  return layer.announcements.sendAsync({
    recipients: recipients,
    sender: { name: 'Harbour Tours' },
    parts: [{ mime_type: 'text/plain', body: text }],
  });
};

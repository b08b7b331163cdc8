-- Webhooks from 2.0 on are registered under the names of the corrected contract (6.5), in place of names that nobody sends any more.
-- Outboxes are rewritten beside this, see outbox.rs.
UPDATE webhooks SET events = (
    SELECT json_group_array(DISTINCT name) FROM (
        SELECT CASE event.value
                 WHEN 'Conversation.updated.metadata' THEN 'Conversation.updated'
                 WHEN 'Conversation.updated.participants' THEN 'Participation.created'
                 ELSE event.value
               END AS name
        FROM json_each(webhooks.events) AS event
        UNION ALL
        SELECT 'Participation.deleted' FROM json_each(webhooks.events) AS event
        WHERE event.value = 'Conversation.updated.participants'
    )
)
WHERE version IN ('2.0', '3.0') AND events LIKE '%"Conversation.updated.%';

/** Something to see: a harbour with its boats, for `npm run demo -- --console` and for pictures. */

const PEOPLE = {
  maria: { display_name: 'Maria Silva', email_address: 'maria@example.com' },
  jon: { display_name: 'Jon Arnason' },
  ines: { display_name: 'Inês Duarte', phone_number: '+351 21 000 0000' },
  leo: { display_name: 'Leo Brandt' },
  aiko: { display_name: 'Aiko Mori' },
  harbour: { display_name: 'Harbour office' },
};

/** Conversations: title, who takes part, what is said by whom, who has read it. */
const CONVERSATIONS = [
  [
    'Lost and found',
    ['ines', 'harbour'],
    [
      ['ines', 'A red scarf was left on the 17:20 boat.'],
      ['harbour', 'Thank you, it is in the office.'],
    ],
    [],
  ],
  [
    'Night crossing',
    ['jon', 'leo', 'aiko'],
    [
      ['leo', 'Wind from the north, up to seven.'],
      ['jon', 'Then we take the long way.'],
      ['aiko', 'I told the passengers.'],
    ],
    ['jon'],
  ],
  ['Otter, engine room', ['leo', 'harbour'], [['leo', 'Oil changed, filters next week.']], ['harbour']],
  [
    'Timetable for May',
    ['maria', 'ines', 'harbour'],
    [
      ['harbour', 'Two more boats on Sundays, from the 8th on.'],
      ['ines', 'Who drives the second one?'],
      ['maria', 'I do.'],
    ],
    ['ines'],
  ],
  [
    'Harbour tour',
    ['maria', 'jon', 'aiko'],
    [
      ['maria', 'The boat leaves at nine.'],
      ['jon', 'From which pier?'],
      ['maria', 'Pier 4, beside the market.'],
      ['maria', 'Bring a coat: it is colder on the water than it looks.'],
      ['aiko', 'We are four now, is there room?'],
      ['maria', 'Plenty. The Otter takes twelve.'],
      ['jon', 'See you there!'],
    ],
    ['maria', 'jon'],
  ],
];

/** Fills an app; answers with the ids of its conversations, by title. Lets `pass` so many seconds between messages. */
export async function fill(layer, pass = async () => {}) {
  for (const [user, identity] of Object.entries(PEOPLE)) await layer.identities.createAsync(user, identity);
  await layer.blocklist.blockAsync('ines', 'leo');
  const made = {};
  for (const [title, participants, said, readers] of CONVERSATIONS) {
    const metadata = { title, boat: { name: 'Otter', seats: '12' } };
    const { body } = await layer.conversations.createAsync({ participants, metadata });
    made[title] = body.id.split('/').pop();
    for (const [user, text] of said) {
      await pass(47);
      const sent = await layer.messages.sendTextFromUserAsync(body.id, user, text);
      for (const reader of readers) await layer.messages.sendReceiptFromUserAsync(reader, sent.body.id, 'read');
    }
  }
  return made;
}

/** One mail address (RFC 5322) as Go's `net/mail` takes it: `user@host`, or with a name before it: `A User <user@host>`. Groups are not taken. */

/** Of longer ones nobody says that they are addresses: what is read must be bounded. */
const charactersMax = 8_192;

const character = "[A-Za-z0-9!#$%&'*+\\-/=?^_`{|}~\\u0080-\\u{10FFFF}]";
const atom = `${character}+(?:\\.${character}+)*`;
const quoted = '"(?:[^"\\\\\\u0000-\\u001f\\u007f]|\\\\[\\t -~\\u0080-\\u{10FFFF}])*"';
const local = `(?:${atom}|(?!"")${quoted})`;
const domain = `(?:${atom}|\\[[^\\[\\]\\\\]+\\])`;
const address = `${local}@${domain}`;
const word = `(?:[.A-Za-z0-9!#$%&'*+\\-/=?^_\`{|}~\\u0080-\\u{10FFFF}]+|${quoted})`;
const mailbox = new RegExp(`^[ \\t]*(?:${address}|(?:${word}(?:[ \\t]+${word})*[ \\t]*)?<${address}>)[ \\t]*$`, 'u');

export function isMailAddress(text: string): boolean {
  return text.length <= charactersMax && mailbox.test(text);
}

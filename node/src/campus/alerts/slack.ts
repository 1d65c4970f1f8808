/** What Slack gets: the text of a flag, and where to send it. The URL is a secret: whoever has it writes to the channel. */
import { readFile } from 'node:fs/promises';
import type { FlagRow } from '../../abusePorts.ts';

const TEXT_MAX = 500;

/** Slack reads `&`, `<` and `>` as markup (mentions, links); nothing of ours needs a control character or a line break. */
export function escapeSlack(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, ' ').slice(0, TEXT_MAX).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Rule, pseudonym, count, flag id: nothing that a person wrote. */
export function flagText({ rule, subject, count, flagId }: FlagRow): string {
  return escapeSlack(`BillCoin flag: ${rule}, ${subject}, count ${count}, ${flagId}`);
}

export const TEST_TEXT = 'BillCoin test alert: this channel gets flags.';

export function slackBody(text: string): string {
  return JSON.stringify({ text, mrkdwn: false, unfurl_links: false, unfurl_media: false });
}

/** Throws an Error that names the file and nothing in it. Read anew for each message, so that the URL can be changed at any time. */
export async function readWebhookUrl(path: string): Promise<URL> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new Error(`the Slack webhook file ${path} cannot be read`, { cause: error });
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:') || url.username !== '' || url.password !== '') throw new Error(`the Slack webhook file ${path} does not hold a URL and nothing else`);
  return url;
}

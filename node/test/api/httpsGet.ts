import { get as httpsGet } from 'node:https';
import { text } from 'node:stream/consumers';

/** Status and text of a GET with this root alone. */
export function get(url: string, ca: string, headers: Readonly<Record<string, string>> = {}): Promise<{ readonly status: number | undefined; readonly text: string }> {
  return new Promise((resolve, reject) => {
    httpsGet(url, { ca, headers, agent: false }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode, text: body }), reject);
    }).once('error', reject);
  });
}

/** The receipt as a page: no script, nothing from another server, every text escaped; in the reader's language. */
import { hash } from 'node:crypto';
import type { Receipt } from '@billcoin/sdk';
import type { Language } from '../entry.ts';

const STYLE = 'body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem;color:#111;background:#fff}table{width:100%;border-collapse:collapse}td,th{padding:.35rem 0;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}td.n,th.n{text-align:right;white-space:nowrap}small,.q{color:#555}code{word-break:break-all;font-size:.8rem}.s{font-weight:700}@media print{body{margin:0}}';
/** The page's one style and nothing else: a text that slipped through could neither run nor load. */
export const RECEIPT_CSP = `default-src 'none'; style-src 'sha256-${hash('sha256', STYLE, 'base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const TEXT = {
  en: {
    title: 'Receipt', total: 'Total', coupon: 'of it by coupon', paid: 'Paid', time: 'Time', till: 'Till', code: 'Match code', refunded: 'Refunded', milk: 'Where the milk comes from', lot: 'Lot', plant: 'Plant', farms: 'Farms', made: 'Made',
    best: 'Best before', recalled: 'This lot was recalled. Do not drink it.', held: 'This lot is held for a check.', proof: 'Final in block', litres: 'litres of milk',
  },
  ms: {
    title: 'Resit', total: 'Jumlah', coupon: 'daripadanya dengan kupon', paid: 'Dibayar', time: 'Masa', till: 'Kaunter', code: 'Kod padanan', refunded: 'Dipulangkan', milk: 'Asal susu ini', lot: 'Lot', plant: 'Kilang', farms: 'Ladang', made: 'Dibuat',
    best: 'Baik sebelum', recalled: 'Lot ini telah dipanggil balik. Jangan minum.', held: 'Lot ini ditahan untuk pemeriksaan.', proof: 'Muktamad dalam blok', litres: 'liter susu',
  },
} as const satisfies Readonly<Record<Language, object>>;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Also without the marks that turn the direction of text around: a product name must not rearrange its line. */
export function escapeHtml(text: string): string {
  return text.replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}

const row = (name: string, value: string): string => `<tr><td>${escapeHtml(name)}</td><td class="n">${escapeHtml(value)}</td></tr>`;

function batchRows(batch: Receipt['batches'][number], language: Language): string {
  const text = TEXT[language];
  const warning = batch.state === 'recalled' ? text.recalled : batch.onHold ? text.held : undefined;
  const farms = batch.farms.map(({ name, percent }) => `${name} ${percent} %`).join(', ');
  return [
    ...(warning === undefined ? [] : [`<tr><td colspan="2" class="s">${escapeHtml(warning)}</td></tr>`]),
    row(text.lot, batch.lotText ?? batch.batchKey.slice(0, 12)), row(text.plant, batch.plant.name), row(text.farms, farms), row(text.made, batch.productionDate), row(text.best, batch.expiresAt.slice(0, 10)),
  ].join('');
}

export function receiptPage(receipt: Receipt, language: Language): string {
  const text = TEXT[language];
  const { merchant, label, rm, litres, couponLitres, paidRm, paidAt, tillNo, matchCode, items, refunds, batches, proof } = receipt;
  const lines = items.map(({ name, quantity, rm: lineRm, lot, label: finding }) => `<tr><td>${quantity} × ${escapeHtml(name)}${lot === null ? '' : `<br><small>${escapeHtml(`${text.lot} ${lot}: ${finding[language]}`)}</small>`}</td><td class="n">RM ${escapeHtml(lineRm)}</td></tr>`);
  const money = [
    row(text.total, `RM ${rm}`), row(text.litres, litres), ...(couponLitres === '0.000' ? [] : [row(text.coupon, couponLitres)]), row(text.paid, `RM ${paidRm}`),
    ...refunds.map((refund) => row(text.refunded, `RM ${refund.rm} · ${refund.time}`)),
  ];
  const facts = [row(text.time, paidAt), row(text.till, String(tillNo)), row(text.code, matchCode)];
  const origin = batches.length === 0 ? '' : `<h2>${escapeHtml(text.milk)}</h2><table>${batches.map((batch) => batchRows(batch, language)).join('')}</table>`;
  const final = `${escapeHtml(text.proof)} ${proof.blockHeight}<br><code>${escapeHtml(proof.txHash)}</code>`;
  return `<!doctype html><html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex"><title>${escapeHtml(`${text.title} · ${merchant.name}`)}</title><style>${STYLE}</style></head>`
    + `<body><h1>${escapeHtml(merchant.name)}</h1><p class="s">${escapeHtml(label[language])}</p><table>${lines.join('')}</table><table>${money.join('')}</table><table>${facts.join('')}</table>${origin}<p class="q">${final}</p></body></html>\n`;
}

/** The lines of an export file, one at a time: a month of a large campus has millions. */
import { createReadStream } from 'node:fs';
import { CannotAudit } from './auditExport.ts';
import { COLUMNS, csvLine, LINE_END } from './saleLine.ts';

/** Ten times the longest line of an export. */
const LINE_MAX_BYTES = 4_096;
const BYTE_ORDER_MARK = '\ufeff';

async function* rawLines(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest: Buffer = Buffer.alloc(0);
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part]);
    let from = 0;
    for (let end = rest.indexOf(LINE_END); end !== -1; end = rest.indexOf(LINE_END, from)) {
      yield decoder.decode(rest.subarray(from, end));
      from = end + LINE_END.length;
    }
    rest = rest.subarray(from);
    if (rest.length > LINE_MAX_BYTES) throw new CannotAudit(`${path} is no export: it has a line of more than ${LINE_MAX_BYTES} bytes. Lines end with CRLF.`);
  }
  // A file that was cut in a line: no export has this line, whatever is left of it.
  if (rest.length > 0) yield `${decoder.decode(rest)}\n`;
}

/** Lines after the header, without their ends. Throws CannotAudit where the file does not begin like an export. */
export async function* exportLines(path: string): AsyncGenerator<string> {
  let isHeader = true;
  for await (const line of rawLines(path)) {
    if (!isHeader) yield line;
    else if (line !== csvLine(COLUMNS) && line !== `${BYTE_ORDER_MARK}${csvLine(COLUMNS)}`) throw new CannotAudit(`${path} is no export: its first line is ${JSON.stringify(line.slice(0, 200))}.`);
    isHeader = false;
  }
  if (isHeader) throw new CannotAudit(`${path} is empty; an export has its header at least.`);
}

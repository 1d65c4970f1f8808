/** One breach of the house rules, ready to print: `path:line: what is wrong and what to do`. */
export type Finding = { path: string; line: number | undefined; message: string };

/** docs/rules.md: the rules of readings in force, from the oracle's one table. */
import { MY_PROFILE, profileHash, RULES, VERDICT_NAMES } from '@billcoin/oracle';
import { toHex } from '@billcoin/protocol';
import { markdownTable } from './markdownTable.ts';

const STAGES = { I: 'on arrival', C: 'at closing', B: 'both' } as const;

export function makeRulesDoc(): string {
  const rules = RULES.map((rule) => [`R${String(rule.no).padStart(2, '0')}`, STAGES[rule.stage], VERDICT_NAMES[rule.verdict], rule.text]);
  return `# Rules of readings

Made from the code by \`npm run generate\`. The verdict is that where the check says no other. Numbers are never reused.

${markdownTable(['rule', 'looked at', 'verdict', 'what is wrong and what to do'], rules)}

## Profile MY

Its hash \`${toHex(profileHash(MY_PROFILE))}\` stands in a plant's row and in every statement: no threshold changes silently.

\`\`\`json
${JSON.stringify(MY_PROFILE, undefined, 2)}
\`\`\`
`;
}
